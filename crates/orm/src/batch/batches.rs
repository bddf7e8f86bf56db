//! Batches of a query's rows.

use std::fmt;
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;

use super::cursor::{Cursor, Done};
use super::keyset::Stretch;
use super::run::Run;
use super::{Progress, Told};
use crate::db::{Db, Pauses};
use crate::error::{Error, ErrorKind, Result};
use crate::expr::{Assignments, Required};
use crate::model::{Key, Model};
use crate::query::{Deleted, Node, Plain, QuerySet, Shape, Step, delete, run};

/// How often a batch of `update` or `delete` is tried again after others stood in its way.
const RETRIES: u32 = 5;
/// The pauses before it is.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The rows of a query in batches, in the order of the primary key; made by [`QuerySet::in_batches`].
///
/// No more than a batch is in memory. Each row comes once, even if a condition over a relation to many rows finds it
/// several times. The key may be of several columns, and of any type but floats. Each batch is a query that starts where
/// the last one ended: `WHERE key > last ORDER BY key LIMIT n`, which an index on the key serves, and which must look at
/// all rows between two that the conditions hold for.
#[must_use = "does nothing before a method that takes a `Db`"]
pub struct Batches<M: Model, S: Shape<M> = Plain> {
    pub(super) set: QuerySet<M, S>,
    pub(super) rows: u64,
    pub(super) told: Told,
}

impl<M: Model, S: Shape<M>> fmt::Debug for Batches<M, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").field("query", &self.set).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<M: Model, S: Shape<M>> Batches<M, S> {
    pub(crate) fn new(set: QuerySet<M, S>, rows: u64) -> Self {
        Batches { set, rows: rows.max(1), told: Told::default() }
    }

    /// Calls a function before the first batch, for which all rows are counted, and after each that was committed. Of a
    /// stream nothing is told.
    pub fn on_progress(mut self, listener: impl FnMut(Progress) + Send + 'static) -> Self {
        self.told = Told::to(Box::new(listener));
        self
    }

    /// The same work under a name, by which it goes on after a kill and may be shared.
    pub fn resumable(self, name: impl Into<String>) -> Run<M, S> {
        Run::new(self, name.into())
    }

    /// The batches one after the other, none of them empty: a query for each, sent when it is asked for. Between them
    /// nothing is held. `prefetch` asks once a batch.
    ///
    /// # Errors
    /// [`ErrorKind::Type`] for a query with an order, a slice or a union; [`ErrorKind::Unsupported`] if it annotates rows
    /// that it finds several times; the database's. After an error comes nothing more.
    pub fn stream(self, db: &Db) -> impl Stream<Item = Result<Vec<S::Row>>> + Send + use<M, S> {
        let Batches { set, rows, .. } = self;
        let start = Stretch::whole(db, set.query().clone());
        stream::unfold((db.clone(), set, Some(start)), move |(db, set, left)| async move {
            let stretch = match left? {
                Ok(stretch) => stretch,
                Err(error) => return Some((Err(error), (db, set, None))),
            };
            match Page::fetch(&set, &db, &stretch, rows).await {
                Ok(page) if page.rows.is_empty() => None,
                Ok(Page { rows, done }) => {
                    let left = done.last.map(|last| Ok(stretch.beyond(last)));
                    Some((Ok(rows), (db, set, left)))
                }
                Err(error) => Some((Err(error), (db, set, None))),
            }
        })
    }

    /// Works on the batches one after the other, none of them empty, each in a transaction: the closure gets a `Db` for
    /// it and the rows. The number of rows.
    ///
    /// Each batch runs a clone of the closure: what it counts goes through a shared reference, such as to an atomic.
    /// Inside a transaction, each batch is a savepoint. On SQLite a transaction has the writer to itself.
    ///
    /// # Errors
    /// What the closure returns, and as [`stream`](Self::stream); of the batch nothing was done then, and those before
    /// it stay done.
    pub async fn for_each<E: From<Error>>(
        self,
        db: &Db,
        work: impl AsyncFnOnce(&Db, Vec<S::Row>) -> Result<(), E> + Clone,
    ) -> Result<u64, E> {
        let Batches { set, rows, told } = self;
        let cursor = Cursor::new(db, Stretch::whole(db, set.query().clone())?, told).await?;
        each(cursor, &set, rows, &work).await
    }

    /// Sets fields of all rows, a batch in each transaction, and says of how many: [`QuerySet::update`] without holding
    /// all rows locked until the end. In memory is one key. As with any update of a query, receivers are not told.
    ///
    /// A batch that stood in the way of other transactions is tried again up to 5 times.
    ///
    /// # Errors
    /// As [`QuerySet::update`] and [`stream`](Self::stream); [`ErrorKind::Unsupported`] for a column of the primary key.
    /// The batches before the one that failed stay done.
    pub async fn update<A: Assignments<M>>(
        self,
        db: &Db,
        assignments: impl FnOnce(M::Fields<M, Required>) -> A,
    ) -> Result<u64> {
        let pairs = assignments(crate::query::root::<M>()).into_pairs();
        let stretch = Stretch::whole(db, self.set.into_query())?;
        stretch.check_settable(db, &pairs)?;
        update(Cursor::new(db, stretch, self.told).await?, self.rows, &pairs).await
    }

    /// Deletes all rows and what `on_delete` says of those that refer to them, a batch in each transaction:
    /// [`QuerySet::delete`], with its signals, without holding all keys in memory.
    ///
    /// A batch that stood in the way of other transactions is tried again up to 5 times.
    ///
    /// # Errors
    /// As [`QuerySet::delete`] and [`stream`](Self::stream). The batches before the one that failed stay done.
    pub async fn delete(self, db: &Db) -> Result<Deleted> {
        let stretch = Stretch::whole(db, self.set.into_query())?;
        delete(Cursor::new(db, stretch, self.told).await?, self.rows).await
    }
}

/// The first rows of a stretch, and what is done once they are.
pub(super) struct Page<R> {
    pub(super) rows: Vec<R>,
    pub(super) done: Done,
}

impl<R> Page<R> {
    pub(super) async fn fetch<M, S>(
        set: &QuerySet<M, S>,
        db: &Db,
        stretch: &Stretch,
        limit: u64,
    ) -> Result<Page<S::Row>>
    where
        M: Model,
        S: Shape<M, Row = R>,
    {
        let mut rows = set.with_query(stretch.page(limit)).all(db).await?;
        let key = |row: &S::Row| S::model(row).key();
        let full = rows.len() as u64 >= limit;
        let last = if full { rows.last().map(|row| key(row).to_values()) } else { None };
        // The same row again, found over a join.
        let found = rows.len();
        rows.dedup_by_key(|row| key(row));
        if rows.len() < found && set.query().steps.iter().any(|step| matches!(step, Step::Annotate(_))) {
            let text = "the query finds a row several times, over a relation to many rows, and annotates it: make it \
                        `distinct`, or ask by `exists`";
            return Err(Error::new(ErrorKind::Unsupported, text).in_model(M::LABEL));
        }
        let last = last.filter(|last| stretch.until.as_ref() != Some(last));
        let done = Done { rows: rows.len() as u64, last };
        Ok(Page { rows, done })
    }
}

/// Works on the rows of each batch.
pub(super) async fn each<M: Model, S: Shape<M>, E: From<Error>>(
    mut cursor: Cursor,
    set: &QuerySet<M, S>,
    rows: u64,
    work: &(impl AsyncFnOnce(&Db, Vec<S::Row>) -> Result<(), E> + Clone),
) -> Result<u64, E> {
    while let Some(batch) = cursor.begin().await? {
        let outcome = cursor.limited(async {
            let page = Page::fetch(set, batch.db(), &batch.stretch, rows).await?;
            if !page.rows.is_empty() {
                work.clone()(batch.db(), page.rows).await?;
            }
            Ok::<_, E>(page.done)
        });
        let outcome = outcome.await;
        cursor.end(batch, outcome).await?;
    }
    Ok(cursor.rows)
}

/// Sets fields of the rows of each batch.
pub(super) async fn update(mut cursor: Cursor, rows: u64, pairs: &[(Node, Node)]) -> Result<u64> {
    let mut tries = Tries::new();
    while let Some(batch) = cursor.begin().await? {
        let outcome = cursor.limited(async {
            let (stretch, last) = first(batch.db(), &batch.stretch, rows).await?;
            Ok(Done { rows: run::update(batch.db(), &stretch.rows(), pairs).await?, last })
        });
        let outcome = outcome.await;
        tries.again(cursor.end(batch, outcome).await).await?;
    }
    Ok(cursor.rows)
}

/// Deletes the rows of each batch.
pub(super) async fn delete(mut cursor: Cursor, rows: u64) -> Result<Deleted> {
    let mut tries = Tries::new();
    let mut all = Deleted::default();
    while let Some(batch) = cursor.begin().await? {
        let label = batch.stretch.label().to_owned();
        let mut deleted = Deleted::default();
        let outcome = cursor.limited(async {
            let (stretch, last) = first(batch.db(), &batch.stretch, rows).await?;
            deleted = delete::query(batch.db(), &stretch.rows()).await?;
            Ok(Done { rows: deleted.by_model.get(&label).copied().unwrap_or(0), last })
        });
        let outcome = outcome.await;
        if tries.again(cursor.end(batch, outcome).await).await? {
            all.add_all(&deleted);
        }
    }
    Ok(all)
}

/// A batch's part of a stretch, and its last key if more follows.
async fn first(db: &Db, stretch: &Stretch, rows: u64) -> Result<(Stretch, Option<Vec<crate::Value>>)> {
    // One that ends somewhere was cut to a batch's length.
    if stretch.until.is_some() {
        return Ok((stretch.clone(), None));
    }
    let until = stretch.key_at(db, rows).await?;
    Ok((stretch.between(stretch.after.clone(), until.clone()), until))
}

/// How often a batch was tried.
pub(super) struct Tries {
    left: u32,
    pauses: Pauses,
}

impl Tries {
    pub(super) fn new() -> Self {
        Tries { left: RETRIES, pauses: Pauses::new(FIRST_PAUSE, LONGEST_PAUSE) }
    }

    /// Waits if a batch is to be tried again; whether it was done.
    pub(super) async fn again(&mut self, outcome: Result<()>) -> Result<bool> {
        match outcome {
            Ok(()) => {
                *self = Tries::new();
                Ok(true)
            }
            Err(error) if error.is_retryable() && self.left > 0 => {
                self.left -= 1;
                self.pauses.pause().await;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
