//! Which keys have sealed what is in the database.

use futures_util::TryStreamExt;
use nuages_signing::KeyId;

use super::rotation::Sealed;
use super::{KeyRing, SealedColumn};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{Entry, OrderBy, Schema, SchemaColumn};
use crate::query::{Node, Query, Step, insert, run};
use crate::row::Row;
use crate::value::Value;

/// Rows read at a time.
const CHUNK: usize = 500;

/// Counts what each key has sealed, and finds what none opens. `site rotate_keys --check` and `site check --data` are this.
#[derive(Debug, Clone, Default)]
#[must_use = "looks at nothing before `run`"]
pub struct Survey {
    labels: Vec<String>,
}

/// What a [`Survey`] found of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Surveyed {
    /// The model, as `app.Model`.
    pub model: String,
    /// The field.
    pub field: String,
    /// Values; nulls are none.
    pub values: u64,
    /// How many of them each key of the ring has sealed, the newest first.
    pub by_key: Vec<(KeyId, u64)>,
    /// Values that no key opens.
    pub unopened: u64,
    /// Blind indexes that are missing, or made with an older key.
    pub old_indexes: u64,
}

/// A value that no key of the ring opens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unopened {
    /// The model, as `app.Model`.
    pub model: String,
    /// The field.
    pub field: String,
    /// The row's primary key, as text.
    pub key: String,
    /// Why: the id of the key that is missing, where the text names it, or those that were tried.
    pub problem: String,
}

impl Surveyed {
    /// Whether a key has still something to open, or to find.
    pub fn needs(&self, key: KeyId) -> bool {
        let newest = self.by_key.first().is_some_and(|(newest, _)| *newest == key);
        self.by_key.iter().any(|(id, values)| *id == key && *values > 0) || (!newest && self.old_indexes > 0)
    }
}

impl Survey {
    /// All models.
    pub fn new() -> Self {
        Survey::default()
    }

    /// Only this `app.Model`, or the models of this `app`; once for each.
    pub fn of(mut self, label: impl Into<String>) -> Self {
        self.labels.push(label.into());
        self
    }

    /// Reads all rows of models with encrypted fields, some hundred in memory at a time, and tells of each value that no
    /// key opens. Those of one model are of one moment. Nothing that is opened leaves this function.
    ///
    /// # Errors
    /// What `tell` returns, at which it ends; [`ErrorKind::Configuration`] without keys; [`ErrorKind::Field`] for a model
    /// that is not there, or was named and has no encrypted field; the database's.
    pub async fn run<E: From<Error>>(
        &self,
        db: &Db,
        mut tell: impl FnMut(Unopened) -> Result<(), E>,
    ) -> Result<Vec<Surveyed>, E> {
        let schema = db.schema();
        let mut all = Vec::new();
        for entry in models(schema, &self.labels)? {
            let columns: Vec<Sealed<'_>> = Sealed::all(entry).collect();
            let Some(first) = columns.first() else { continue };
            let keys = schema.keys().ok_or_else(|| first.sealed.no_keys())?;
            let mut found: Vec<Surveyed> = columns
                .iter()
                .map(|it| Surveyed {
                    model: entry.label.clone(),
                    field: it.sealed.field.clone(),
                    values: 0,
                    by_key: keys.ids().into_iter().map(|id| (id, 0)).collect(),
                    unopened: 0,
                    old_indexes: 0,
                })
                .collect();
            look_through(db, entry, &columns, keys, &mut found, &mut tell).await?;
            all.extend(found);
        }
        Ok(all)
    }
}

/// The models that are meant; without labels, all that have a table of their own.
pub(super) fn models<'a>(schema: &'a Schema, labels: &[String]) -> Result<Vec<&'a Entry>> {
    if labels.is_empty() {
        // A proxy's rows are those of the model whose table it shares.
        return Ok(schema.entries().iter().filter(|entry| entry.definition.proxy_for.is_none()).collect());
    }
    let ids = schema.named(labels).map_err(|problem| Error::new(ErrorKind::Field, problem))?;
    let entries: Vec<&Entry> = ids.into_iter().map(|id| schema.entry(id)).collect();
    let is_named = |entry: &Entry| labels.iter().any(|label| label.eq_ignore_ascii_case(&entry.label));
    match entries.iter().find(|entry| is_named(entry) && entry.columns.iter().all(|column| column.sealed.is_none())) {
        Some(plain) => Err(Error::new(ErrorKind::Field, "has no encrypted field").in_model(&*plain.label)),
        None => Ok(entries),
    }
}

/// What was seen of a column in a row.
enum Seen {
    Null,
    Opened { key: KeyId, is_indexed: bool },
    Unopened { key: String, problem: String },
}

async fn look_through<E: From<Error>>(
    db: &Db,
    entry: &Entry,
    columns: &[Sealed<'_>],
    keys: &KeyRing,
    found: &mut [Surveyed],
    tell: &mut impl FnMut(Unopened) -> Result<(), E>,
) -> Result<(), E> {
    let path = |column: &SchemaColumn| Node::Path(vec![column.attname.clone().into()]);
    let key_columns: Vec<&SchemaColumn> =
        entry.primary_key.iter().filter_map(|place| entry.columns.get(*place)).collect();
    let wanted = columns.iter().flat_map(|it| [Some(it.column), it.index]).flatten();
    let query = Query::on(entry.label.clone())
        .then(Step::OrderBy(key_columns.iter().map(|column| OrderBy::asc(path(column))).collect()))
        .then(Step::Values(key_columns.iter().copied().chain(wanted).map(path).collect()));
    let kinds: Vec<Kind> = key_columns.iter().map(|column| column.kind.clone()).collect();
    let sealed: Vec<(std::sync::Arc<SealedColumn>, bool)> =
        columns.iter().filter_map(|it| Some((it.column.sealed.clone()?, it.index.is_some()))).collect();
    let keys = keys.clone();
    // Opened where the row is read, so that no plaintext travels.
    let read = move |row: &mut Row<'_>| {
        let key = kinds.iter().map(|kind| row.column().value(Some(kind))).collect::<Result<Vec<Value>>>()?;
        let mut seen = Vec::with_capacity(sealed.len());
        for (column, has_index) in &sealed {
            let stored = row.column();
            let digest = if *has_index { Some(row.column().value(Some(&Kind::Binary))?) } else { None };
            if stored.is_null() {
                seen.push(Seen::Null);
                continue;
            }
            let opened = stored.text().and_then(|text| column.open(&keys, text, Some(&key)));
            seen.push(match opened {
                Ok(opened) => {
                    let newest = digest.as_ref().map(|_| column.digest(&keys, opened.plain.expose()));
                    Seen::Opened { key: opened.key, is_indexed: digest == newest }
                }
                Err(error) => Seen::Unopened { key: insert::shown(&key), problem: error.message().to_owned() },
            });
        }
        Ok(seen)
    };
    let rows = run::stream(db, &query, CHUNK, move |row, _| read(row));
    futures_util::pin_mut!(rows);
    while let Some(seen) = rows.try_next().await.map_err(|error| error.in_model(&*entry.label))? {
        for (seen, found) in seen.into_iter().zip(found.iter_mut()) {
            match seen {
                Seen::Null => {}
                Seen::Opened { key, is_indexed } => {
                    found.values += 1;
                    found.old_indexes += u64::from(!is_indexed);
                    if let Some((_, values)) = found.by_key.iter_mut().find(|(id, _)| *id == key) {
                        *values += 1;
                    }
                }
                Seen::Unopened { key, problem } => {
                    found.values += 1;
                    found.unopened += 1;
                    let (model, field) = (found.model.clone(), found.field.clone());
                    tell(Unopened { model, field, key, problem })?;
                }
            }
        }
    }
    Ok(())
}
