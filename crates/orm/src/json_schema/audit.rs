//! Documents that are in the database and could not be written as they are.

use futures_util::TryStreamExt;
use serde_json::Value as Document;

use super::{Fault, JsonSchema};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{Entry, OrderBy, SchemaColumn};
use crate::query::{Node, Query, Step, insert, run};
use crate::row::Row;

/// Rows read at a time: documents may be large.
const CHUNK: usize = 100;

/// Looks through the documents of fields that have a JSON Schema for those that do not fit it.
///
/// A document fits if it could be written again: an older one is upgraded before. `site check --data` is this.
///
/// ```
/// # use nuages_orm::{Db, Result, json_schema::Audit};
/// # async fn run(db: &Db) -> Result<()> {
/// let audited = Audit::new()
///     .of("shelf.Record")
///     .run(db, |unfit| {
///         for fault in &unfit.faults {
///             println!("{} of {} {}: {fault}", unfit.field, unfit.model, unfit.key);
///         }
///         Result::Ok(())
///     })
///     .await?;
/// println!("{} of {} documents do not fit", audited.unfit, audited.documents);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "looks at nothing before `run`"]
pub struct Audit {
    labels: Vec<String>,
}

/// A document that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfit {
    /// The model, as `app.Model`.
    pub model: String,
    /// The row's primary key, as text.
    pub key: String,
    /// The field.
    pub field: String,
    /// What is wrong, [`MAX_FAULTS`](super::MAX_FAULTS) at most.
    pub faults: Vec<Fault>,
}

/// What an [`Audit`] saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Audited {
    /// Fields with a JSON Schema.
    pub fields: usize,
    /// Documents looked at; nulls are none.
    pub documents: u64,
    /// Documents that do not fit.
    pub unfit: u64,
}

impl Audit {
    /// All models.
    pub fn new() -> Self {
        Audit::default()
    }

    /// Only this `app.Model`, or the models of this `app`; once for each.
    pub fn of(mut self, label: impl Into<String>) -> Self {
        self.labels.push(label.into());
        self
    }

    /// Reads the documents, some hundred rows in memory at a time, and tells of each that does not fit: models in the order
    /// they were added, their rows in the order of the key. Those of one model are of one moment.
    ///
    /// # Errors
    /// What `tell` returns, at which it ends;
    /// [`ErrorKind::Field`] for a model that is not there, or was named and has no field with a JSON Schema;
    /// [`ErrorKind::Unsupported`] without the feature `jsonschema`, if there is anything to check; the database's.
    pub async fn run<E: From<Error>>(
        self,
        db: &Db,
        mut tell: impl FnMut(Unfit) -> Result<(), E>,
    ) -> Result<Audited, E> {
        let schema = db.schema();
        let named = !self.labels.is_empty();
        let models = match named {
            true => schema.named(&self.labels).map_err(|problem| Error::new(ErrorKind::Field, problem))?,
            // A proxy's rows are those of the model whose table it shares.
            false => {
                let own = schema.entries().iter().filter(|entry| entry.definition.proxy_for.is_none());
                own.map(|entry| entry.id).collect()
            }
        };
        let mut audited = Audited::default();
        for entry in models.into_iter().map(|id| schema.entry(id)) {
            let checked: Vec<&SchemaColumn> =
                entry.columns.iter().filter(|column| entry.field(column.field).schema.is_some()).collect();
            if checked.is_empty() {
                if named && self.labels.iter().any(|label| label.eq_ignore_ascii_case(&entry.label)) {
                    let message = "has no field with a JSON Schema, so there is nothing to check";
                    return Err(Error::new(ErrorKind::Field, message).in_model(&*entry.label).into());
                }
                continue;
            }
            audited.fields += checked.len();
            look_through(db, entry, &checked, &mut audited, &mut tell).await?;
        }
        Ok(audited)
    }
}

async fn look_through<E: From<Error>>(
    db: &Db,
    entry: &Entry,
    checked: &[&SchemaColumn],
    audited: &mut Audited,
    tell: &mut impl FnMut(Unfit) -> Result<(), E>,
) -> Result<(), E> {
    let keys: Vec<&SchemaColumn> = entry.primary_key.iter().filter_map(|place| entry.columns.get(*place)).collect();
    let path = |column: &SchemaColumn| Node::Path(vec![column.attname.clone().into()]);
    let query = Query::on(entry.label.clone())
        .then(Step::OrderBy(keys.iter().map(|key| OrderBy::asc(path(key))).collect()))
        .then(Step::Values(keys.iter().chain(checked).map(|column| path(column)).collect()));
    let kinds: Vec<Kind> = keys.iter().map(|key| key.kind.clone()).collect();
    let schemas: Vec<(String, JsonSchema)> = checked
        .iter()
        .filter_map(|column| {
            let field = entry.field(column.field);
            Some((field.name.to_string(), field.schema.clone()?))
        })
        .collect();
    let label = entry.label.clone();
    // Checked where the row is read, so that no document travels.
    let read = move |row: &mut Row<'_>| {
        let start = row.clone();
        row.skip(kinds.len());
        let (mut documents, mut unfit) = (0, Vec::new());
        for (field, schema) in &schemas {
            let column = row.column();
            if column.is_null() {
                continue;
            }
            documents += 1;
            let faults = match column.json_text().map(serde_json::from_str::<Document>) {
                Ok(Ok(document)) => match schema.read(document).and_then(|document| schema.admit(document)) {
                    Ok(_) => continue,
                    Err(error) => faults_of(error)?,
                },
                Ok(Err(error)) => vec![Fault::new("", "json", format!("is no JSON: {error}"))],
                Err(error) => vec![Fault::new("", "json", error.to_string())],
            };
            let mut key = start.clone();
            let key: Vec<_> = kinds.iter().map(|kind| key.column().value(Some(kind))).collect::<Result<_>>()?;
            unfit.push(Unfit { model: label.clone(), key: insert::shown(&key), field: field.clone(), faults });
        }
        Ok((documents, unfit))
    };
    let rows = run::stream(db, &query, CHUNK, move |row, _| read(row));
    futures_util::pin_mut!(rows);
    while let Some((documents, unfit)) = rows.try_next().await.map_err(|error| error.in_model(&*entry.label))? {
        audited.documents += documents;
        audited.unfit += unfit.len() as u64;
        unfit.into_iter().try_for_each(&mut *tell)?;
    }
    Ok(())
}

/// What is wrong with a document, if that is what the error says.
fn faults_of(error: Error) -> Result<Vec<Fault>> {
    match error.kind() {
        ErrorKind::Validation if !error.faults().is_empty() => Ok(error.faults().to_vec()),
        // Its version.
        ErrorKind::Decode => Ok(vec![Fault::new("", "schema_version", error.to_string())]),
        _ => Err(error),
    }
}
