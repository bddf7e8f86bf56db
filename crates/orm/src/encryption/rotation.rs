//! Sealing with the newest key what older ones have sealed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(doc)]
use super::Survey;
use super::survey;
use super::{KeyRing, Plaintext, SealedColumn};
use crate::batch::keyset::Stretch;
use crate::batch::{self, Done, Progress, Work, pages};
use crate::db::Db;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::model::{Entry, SchemaColumn};
use crate::query::keyed::{by_key, page};
use crate::query::{Node, Query, Step, key_in, run};
use crate::value::Value;

/// Rows of a batch where nothing is said.
const ROWS: u64 = 500;
/// Rows changed by one statement: each takes a few parameters, of which SQLite has 32,766.
const CHANGED: usize = 200;

type Listener = Arc<Mutex<dyn FnMut(&str, Progress) + Send>>;

/// Seals what older keys have sealed with the newest, and fills in blind indexes that are missing or an older key's.
///
/// All rows are gone through, those marked as deleted too, a batch in each transaction, whose rows are locked: others may
/// write meanwhile, and what they write is not undone. Whatever ends the program, the next call goes on where it stopped,
/// and several programs share the work. A row that no key opens stays as it is, and [`Survey`] says which it is. Fernet
/// tokens keep their time, as by `MultiFernet.rotate`. Receivers are not told, `auto_now` is not set: nothing but the
/// ciphertext changes.
///
/// Programs that still run with the older key as their newest go on sealing with it. So: give all of them both keys, the
/// older first; then the newer first; then rotate; and when a [`Survey`] finds nothing of the older one, take it away.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use nuages_orm::encryption::{Encrypted, EncryptionKey, KeyRing, Rotation};
/// use nuages_orm::{Db, Model, Models, migrate};
///
/// #[derive(Model, Debug)]
/// #[model(app = "clinic", crate = "nuages_orm")]
/// struct Patient {
///     id: i64,
///     #[field(encrypted = bound)]
///     diagnosis: Encrypted<String>,
/// }
///
/// # let url = format!("sqlite://{}/nuages-rotation-{}.db", std::env::temp_dir().display(), std::process::id());
/// # let open = async |ring| {
/// #     Db::builder(&url).models(Models::new().with::<Patient>()).keys(ring).connect().await
/// # };
/// let old = EncryptionKey::generate()?;
/// let db = open(KeyRing::new([old.clone()])?).await?;
/// migrate::create_tables(&db).await?;
/// Patient::builder().diagnosis("curiosity").create(&db).await?;
///
/// let db = open(KeyRing::new([EncryptionKey::generate()?, old])?).await?;
/// let rotated = Rotation::new().run(&db).await?;
/// assert_eq!((rotated[0].rows, rotated[0].sealed), (1, 1));
/// # std::fs::remove_file(url.trim_start_matches("sqlite://"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
#[must_use = "does nothing before `run`"]
pub struct Rotation {
    labels: Vec<String>,
    rows: u64,
    listener: Option<Listener>,
}

/// What a [`Rotation`] did with the rows of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotated {
    /// The model, as `app.Model`.
    pub model: String,
    /// Rows that this call went through.
    pub rows: u64,
    /// Values that were sealed anew.
    pub sealed: u64,
    /// Blind indexes that were filled in or made anew.
    pub indexed: u64,
    /// Values that no key opens, which stay as they are.
    pub unopened: u64,
}

impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation").field("labels", &self.labels).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Default for Rotation {
    fn default() -> Self {
        Rotation { labels: Vec::new(), rows: ROWS, listener: None }
    }
}

impl Rotation {
    /// All models.
    pub fn new() -> Self {
        Rotation::default()
    }

    /// Only this `app.Model`, or the models of this `app`; once for each.
    pub fn of(mut self, label: impl Into<String>) -> Self {
        self.labels.push(label.into());
        self
    }

    /// This many rows in each transaction, 500 unless said.
    pub fn batches_of(mut self, rows: u64) -> Self {
        self.rows = rows.max(1);
        self
    }

    /// Calls a function with the model before its first batch, for which its rows are counted, and after each that was
    /// committed.
    pub fn on_progress(mut self, listener: impl FnMut(&str, Progress) + Send + 'static) -> Self {
        self.listener = Some(Arc::new(Mutex::new(listener)));
        self
    }

    /// Goes through the models, those without encrypted fields passed over.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] without keys; [`ErrorKind::Field`] for a model that is not there, or was named and has
    /// no encrypted field; [`ErrorKind::Unsupported`] inside a transaction; the database's. The batches before the one that
    /// failed stay done, and the next call goes on after them.
    pub async fn run(&self, db: &Db) -> Result<Vec<Rotated>> {
        let mut all = Vec::new();
        let schema = Arc::clone(db.schema());
        for entry in survey::models(&schema, &self.labels)? {
            let columns: Vec<Sealed<'_>> = Sealed::all(entry).collect();
            let Some(first) = columns.first() else { continue };
            let keys = schema.keys().ok_or_else(|| first.sealed.no_keys())?;
            // A run of its own for each newest key: one with an older key has come to its end long ago.
            let name = format!("rotate_keys {} {}", entry.label, keys.newest());
            let known = batch::runs(db).await?;
            if known.iter().any(|run| run.name == name && run.finished.is_some()) {
                batch::forget(db, &name).await?;
            }
            let mut work = Resealing { keys, entry, columns, done: Counts::default(), pending: Counts::default() };
            let query = Query::on(entry.label.clone());
            let rows = pages(db, &name, query, self.rows, self.listener(&entry.label), &mut work).await?;
            let Counts { sealed, indexed, unopened } = work.done;
            all.push(Rotated { model: entry.label.clone(), rows, sealed, indexed, unopened });
        }
        Ok(all)
    }

    fn listener(&self, label: &str) -> Option<batch::Listener> {
        let listener = Arc::clone(self.listener.as_ref()?);
        let label = label.to_owned();
        Some(Box::new(move |progress| {
            let listener = &mut *listener.lock().unwrap_or_else(PoisonError::into_inner);
            listener(&label, progress);
        }))
    }
}

/// An encrypted column, and its blind index.
pub(super) struct Sealed<'a> {
    pub(super) column: &'a SchemaColumn,
    pub(super) sealed: &'a SealedColumn,
    pub(super) index: Option<&'a SchemaColumn>,
}

impl<'a> Sealed<'a> {
    pub(super) fn all(entry: &'a Entry) -> impl Iterator<Item = Sealed<'a>> {
        entry.columns.iter().filter_map(|column| {
            let sealed = column.sealed.as_deref()?;
            Some(Sealed { column, sealed, index: sealed.index.and_then(|index| entry.columns.get(index)) })
        })
    }
}

#[derive(Default)]
struct Counts {
    sealed: u64,
    indexed: u64,
    unopened: u64,
}

/// Going through the rows of a model.
struct Resealing<'a> {
    keys: &'a KeyRing,
    entry: &'a Entry,
    columns: Vec<Sealed<'a>>,
    done: Counts,
    /// Of the page that is not committed yet.
    pending: Counts,
}

/// What a column is set to, by the rows' keys.
type Changes = Vec<(Vec<Value>, Value)>;

impl Work for Resealing<'_> {
    async fn page(&mut self, db: &Db, stretch: &Stretch, rows: u64) -> Result<Done> {
        self.pending = Counts::default();
        let path = |column: &SchemaColumn| Node::Path(vec![column.attname.clone().into()]);
        let wanted: Vec<Node> =
            self.columns.iter().flat_map(|it| [Some(it.column), it.index]).flatten().map(path).collect();
        let found = page(db, stretch, &wanted, rows).await?;
        let mut changes: BTreeMap<String, Changes> = BTreeMap::new();
        for (key, values) in &found {
            let mut values = values.iter();
            for it in &self.columns {
                let (stored, digest) = (values.next(), it.index.and_then(|_| values.next()));
                let Some(Value::Text(text)) = stored else { continue };
                let Ok(opened) = it.sealed.open(self.keys, text, Some(key)) else {
                    self.pending.unopened += 1;
                    continue;
                };
                if let (Some(index), Some(digest)) = (it.index, digest) {
                    let newest = it.sealed.digest(self.keys, opened.plain.expose());
                    if *digest != newest {
                        self.pending.indexed += 1;
                        changes.entry(index.attname.clone()).or_default().push((key.clone(), newest));
                    }
                }
                if opened.key != self.keys.newest() {
                    let text = it.sealed.reseal(self.keys, &Plaintext(opened.plain), opened.sealed_at, key)?;
                    self.pending.sealed += 1;
                    changes.entry(it.column.attname.clone()).or_default().push((key.clone(), text));
                }
            }
        }
        for (column, mut rows) in changes {
            while !rows.is_empty() {
                let some: Changes = rows.drain(..rows.len().min(CHANGED)).collect();
                let keys = some.iter().map(|(key, _)| key.clone()).collect();
                let these = Query::on(self.entry.label.clone()).then(Step::Filter(key_in(self.entry, keys)));
                let set = (Node::Path(vec![column.clone().into()]), by_key(self.entry, some));
                run::assign(db, &these, &[set]).await?;
            }
        }
        let count = found.len() as u64;
        let last = found.into_iter().next_back().map(|(key, _)| key).filter(|_| count >= rows);
        let last = last.filter(|last| stretch.until.as_ref() != Some(last));
        Ok(Done { rows: count, last })
    }

    fn committed(&mut self) {
        let Counts { sealed, indexed, unopened } = std::mem::take(&mut self.pending);
        self.done.sealed += sealed;
        self.done.indexed += indexed;
        self.done.unopened += unopened;
    }
}
