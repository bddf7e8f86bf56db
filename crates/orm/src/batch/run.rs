//! Batches under a name: what they got to is kept in the database.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use super::batches::{Batches, delete, each, update};
use super::cursor::Cursor;
use super::keyset::Stretch;
use super::records::Ledger;
use super::{Progress, Told};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::expr::{Assignments, Required};
use crate::model::Model;
use crate::query::{Deleted, Plain, QuerySet, Shape};

/// How long a batch may take where nothing is said.
const LEASE: Duration = Duration::from_secs(300);

/// Work on the rows of a query, a batch in each transaction, under a name; made by [`Batches::resumable`].
///
/// With each batch, in the same transaction, it is kept how far the run got. Whatever ends the program, a kill or a power
/// cut too, the next call with this name goes on there: each row is worked on as if nothing had happened. A run that came
/// to its end stays there, and a later call has nothing to do; to do it all again, [`forget`](super::forget) it or choose
/// another name, such as one with the day in it.
///
/// Any number of tasks and programs may call it at the same time with the same name, to share the work. A worker claims a
/// stretch of keys, by a lock on a row of its own that others pass over (`SKIP LOCKED`); its claim ends with its
/// transaction: when the batch is done, when the connection breaks, and when it takes longer than the
/// [`lease`](Self::lease), after which it is undone and free for others. On SQLite, where one writes at a time, they take
/// turns.
///
/// Which rows are the run's is decided by the query of each call: be sure to ask the same each time.
///
/// What is kept is in the tables `nuages_batches` and `nuages_batch_ranges`, a row for a run and one for each batch under
/// way. They are made when first needed (see [`create_tables`](super::create_tables)).
#[must_use = "does nothing before a method that takes a `Db`"]
pub struct Run<M: Model, S: Shape<M> = Plain> {
    batches: Batches<M, S>,
    name: String,
    lease: Duration,
}

impl<M: Model, S: Shape<M>> fmt::Debug for Run<M, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("name", &self.name)
            .field("lease", &self.lease)
            .field("batches", &self.batches)
            .finish()
    }
}

impl<M: Model, S: Shape<M>> Run<M, S> {
    pub(super) fn new(batches: Batches<M, S>, name: String) -> Self {
        Run { batches, name, lease: LEASE }
    }

    /// How long a batch may take, 5 minutes unless said. One that takes longer is undone and ends its worker with an
    /// error. On PostgreSQL the server too ends a worker that has been silent for as long, such as one whose machine is
    /// gone.
    pub fn lease(mut self, limit: Duration) -> Self {
        self.lease = limit;
        self
    }

    /// Calls a function before the first batch, for which the rows that are left are counted, and after each that was
    /// committed.
    pub fn on_progress(mut self, listener: impl FnMut(Progress) + Send + 'static) -> Self {
        self.batches.told = Told::to(Box::new(listener));
        self
    }

    /// Works on the batches one after the other, as [`Batches::for_each`]; returns when the run is at its end, by others
    /// too. The number of rows that this call worked on.
    ///
    /// # Errors
    /// What the closure returns, and as [`Batches::for_each`]; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)
    /// inside a transaction, [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the name is that of a run on
    /// another model, [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if a batch takes longer than the lease. What was
    /// committed stays done, and the next call goes on after it.
    pub async fn for_each<E: From<Error>>(
        self,
        db: &Db,
        work: impl AsyncFnOnce(&Db, Vec<S::Row>) -> Result<(), E> + Clone,
    ) -> Result<u64, E> {
        let cursor = self.open(db).await?;
        each(cursor, &self.batches.set, self.batches.rows, &work).await
    }

    /// The same with this many workers at once (one at least), in this task: while one waits for the database, others go
    /// on. For work that keeps a processor busy, spawn tasks that each call [`for_each`](Self::for_each).
    ///
    /// After an error the other workers finish the batch that they are at.
    ///
    /// # Errors
    /// As [`for_each`](Self::for_each): the first.
    pub async fn for_each_concurrent<E: From<Error>>(
        self,
        db: &Db,
        workers: usize,
        work: impl AsyncFnOnce(&Db, Vec<S::Row>) -> Result<(), E> + Clone,
    ) -> Result<u64, E> {
        let ledger = self.ledger(db).await?;
        let Batches { set, rows, told } = &self.batches;
        let stop = Arc::new(AtomicBool::new(false));
        let mut all = Vec::with_capacity(workers.max(1));
        for _ in 0..workers.max(1) {
            let cursor = Cursor::kept(db, ledger.clone(), told.clone(), Arc::clone(&stop));
            all.push(worker(cursor, set, *rows, &work, &stop));
        }
        let mut rows = 0;
        for outcome in join_all(all).await {
            rows += outcome?;
        }
        Ok(rows)
    }

    /// Sets fields of all rows, as [`Batches::update`]; the number of rows that this call set.
    ///
    /// # Errors
    /// As [`Batches::update`] and [`for_each`](Self::for_each).
    pub async fn update<A: Assignments<M>>(
        self,
        db: &Db,
        assignments: impl FnOnce(M::Fields<M, Required>) -> A,
    ) -> Result<u64> {
        let pairs = assignments(crate::query::root::<M>()).into_pairs();
        self.stretch(db)?.check_settable(db, &pairs)?;
        update(self.open(db).await?, self.batches.rows, &pairs).await
    }

    /// Deletes all rows and what `on_delete` says of those that refer to them, as [`Batches::delete`]; what this call
    /// deleted.
    ///
    /// # Errors
    /// As [`Batches::delete`] and [`for_each`](Self::for_each).
    pub async fn delete(self, db: &Db) -> Result<Deleted> {
        delete(self.open(db).await?, self.batches.rows).await
    }

    fn stretch(&self, db: &Db) -> Result<Stretch> {
        Stretch::whole(db, self.batches.set.query().clone())
    }

    async fn open(&self, db: &Db) -> Result<Cursor> {
        Ok(Cursor::kept(db, self.ledger(db).await?, self.batches.told.clone(), Arc::default()))
    }

    /// Opens the run, and tells how far it is.
    async fn ledger(&self, db: &Db) -> Result<Ledger> {
        let Batches { rows, told, .. } = &self.batches;
        let (ledger, done) = Ledger::open(db, &self.name, self.stretch(db)?, *rows, self.lease).await?;
        if told.is_wanted() {
            let left = ledger.left(db).await?;
            told.change(|progress| *progress = Progress { done, total: left.map(|left| done + left) });
        }
        Ok(ledger)
    }
}

/// One of several workers: its error stops the others.
async fn worker<M: Model, S: Shape<M>, E: From<Error>>(
    cursor: Cursor,
    set: &QuerySet<M, S>,
    rows: u64,
    work: &(impl AsyncFnOnce(&Db, Vec<S::Row>) -> Result<(), E> + Clone),
    stop: &AtomicBool,
) -> Result<u64, E> {
    let outcome = each(cursor, set, rows, work).await;
    stop.fetch_or(outcome.is_err(), Ordering::Relaxed);
    outcome
}
