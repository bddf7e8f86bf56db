//! Transactions and savepoints: what begins, and who ends it when.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use super::{Db, Pauses};
use crate::engine::{Begin, Dialect, Session};
use crate::error::{Error, ErrorKind, Result};

/// The first pause before a transaction is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a transaction may see of others that run at the same time.
///
/// SQLite's are always serializable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// Each statement sees what was committed before it began. PostgreSQL's default.
    ReadCommitted,
    /// All statements see what was committed before the first began.
    RepeatableRead,
    /// As if transactions ran one after the other; those that cannot fail with [`ErrorKind::Conflict`].
    Serializable,
}

impl Db {
    /// Runs `work` in a transaction, or within one in a savepoint (Django's `atomic`).
    ///
    /// If it returns `Ok`, what it did is committed (a savepoint's part with the whole). If it returns an error or
    /// panics, or the future is dropped at any point before the commit, all that it did is undone, and nothing more.
    /// The `Db` passed to `work` ends with it. On SQLite a transaction has the writer to itself: use that `Db` inside,
    /// as a write through another would wait for the transaction it is in.
    ///
    /// # Errors
    /// What `work` returns; the database's error if it cannot begin or commit. On PostgreSQL a failed statement makes
    /// all that follow it in the same `atomic` fail, and the commit too, even if `work` passed over the error.
    pub async fn atomic<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Db) -> Result<T, E>,
        E: From<Error>,
    {
        let mut open = self.open(&Begin { isolation: None, read_only: false, foreign_keys: true }).await?;
        match work(&open.db).await {
            Ok(output) => {
                open.commit().await?;
                Ok(output)
            }
            Err(error) => {
                open.roll_back().await;
                Err(error)
            }
        }
    }

    /// A transaction with settings of its own.
    pub fn transaction(&self) -> TransactionBuilder {
        let begin = Begin { isolation: None, read_only: false, foreign_keys: true };
        TransactionBuilder { db: self.clone(), begin, retries: 0 }
    }

    /// Puts off work until the outermost transaction is committed; without one, does it at once.
    ///
    /// Work is done in the order it was put off. It is dropped if the savepoint or transaction in which it was put off
    /// is rolled back. Inside it, use [`outside`](Db::outside): the transaction has ended. Once the commit is sent, the
    /// work is done even if the future that waits for it is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::TransactionEnded`] if this `Db`'s transaction has ended.
    pub async fn on_commit<W>(&self, work: W) -> Result<()>
    where
        W: IntoFuture<Output = ()>,
        W::IntoFuture: Send + 'static,
    {
        match &self.level {
            None => work.into_future().await,
            Some(level) => {
                level.session()?;
                level.after_commit.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(work.into_future()));
            }
        }
        Ok(())
    }

    /// Begins a transaction, or a savepoint within one, that ends as [`Open`] says: for code whose futures would not be
    /// `Send` with a closure. `foreign_keys` says whether SQLite checks them.
    pub(crate) async fn begin(&self, foreign_keys: bool) -> Result<Open> {
        self.open(&Begin { isolation: None, read_only: false, foreign_keys }).await
    }

    async fn open(&self, begin: &Begin) -> Result<Open> {
        let Some(parent) = &self.level else {
            if !begin.read_only {
                super::scope::note_write();
            }
            let shared = Shared {
                session: self.pool.primary.begin(begin).await?,
                savepoints: AtomicU32::new(0),
                conflict: AtomicBool::new(false),
            };
            return Ok(Open::new(self, Level::new(Arc::new(shared), None, None), None));
        };
        if begin.isolation.is_some() || begin.read_only || !begin.foreign_keys {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "only the outermost transaction has an isolation level and may be read-only: inside one, use `atomic`",
            ));
        }
        let session = parent.session()?;
        let turn =
            tokio::time::timeout(self.pool.wait, Arc::clone(&parent.inner).lock_owned()).await.map_err(|_| {
                Error::new(
                    ErrorKind::Timeout,
                    "another `atomic` is open on this transaction: inside it, use the `db` that it gives",
                )
            })?;
        let name = format!("nuages_{}", parent.shared.savepoints.fetch_add(1, Ordering::Relaxed) + 1);
        let savepoint = format!("SAVEPOINT {name}");
        let level = Level::new(Arc::clone(&parent.shared), Some(Arc::clone(parent)), Some(name));
        let open = Open::new(self, level, Some(turn));
        session.script(savepoint).await.map_err(|error| self.failed(error))?;
        Ok(open)
    }
}

/// A transaction with settings of its own, made by [`Db::transaction`].
#[derive(Debug, Clone)]
#[must_use = "runs nothing before `run`"]
pub struct TransactionBuilder {
    db: Db,
    begin: Begin,
    retries: u32,
}

impl TransactionBuilder {
    /// What it may see of others; SQLite's are always [`Serializable`](Isolation::Serializable).
    pub fn isolation(mut self, level: Isolation) -> Self {
        self.begin.isolation = Some(level);
        self
    }

    /// Refuses statements that write.
    pub fn read_only(mut self) -> Self {
        self.begin.read_only = true;
        self
    }

    /// Runs it again, up to this many times, after an [`ErrorKind::Conflict`], with pauses from 10 ms to 1 s that double
    /// and are shortened at random. Effects that are not the database's should wait for [`on_commit`](Db::on_commit).
    pub fn retries(mut self, limit: u32) -> Self {
        self.retries = limit;
        self
    }

    /// Runs `work` in the transaction, as [`Db::atomic`] does; each try runs a clone of it, as it was given.
    ///
    /// # Errors
    /// As [`Db::atomic`]; [`ErrorKind::Unsupported`] for settings inside another transaction.
    pub async fn run<T, E, F>(self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Db) -> Result<T, E> + Clone,
        E: From<Error>,
    {
        let mut left = if self.db.in_transaction() { 0 } else { self.retries };
        let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let mut open = self.db.open(&self.begin).await?;
            let attempt = work.clone();
            let failed = match attempt(&open.db).await {
                Ok(output) => match open.commit().await {
                    Ok(()) => return Ok(output),
                    Err(error) => error.into(),
                },
                Err(error) => {
                    open.roll_back().await;
                    error
                }
            };
            if left == 0 || !open.has_conflict() {
                return Err(failed);
            }
            left -= 1;
            pauses.pause().await;
        }
    }
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A transaction, or a savepoint of one.
pub(super) struct Level {
    shared: Arc<Shared>,
    parent: Option<Arc<Level>>,
    /// `None` for the transaction itself.
    savepoint: Option<String>,
    ended: AtomicBool,
    /// Whether PostgreSQL refuses all further statements here.
    failed: AtomicBool,
    after_commit: Mutex<Vec<Work>>,
    /// Held by the savepoint inside: two side by side would release each other.
    inner: Arc<tokio::sync::Mutex<()>>,
}

struct Shared {
    session: Session,
    savepoints: AtomicU32,
    conflict: AtomicBool,
}

impl Level {
    fn new(shared: Arc<Shared>, parent: Option<Arc<Level>>, savepoint: Option<String>) -> Arc<Level> {
        Arc::new(Level {
            shared,
            parent,
            savepoint,
            ended: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            after_commit: Mutex::default(),
            inner: Arc::default(),
        })
    }

    /// The running transaction.
    pub(super) fn session(&self) -> Result<&Session> {
        let mut level = Some(self);
        while let Some(here) = level {
            if here.ended.load(Ordering::Acquire) {
                return Err(Error::new(
                    ErrorKind::TransactionEnded,
                    "the transaction of this Db has ended: a Db that `atomic` gives is of use only inside it",
                ));
            }
            level = here.parent.as_deref();
        }
        Ok(&self.shared.session)
    }

    /// Takes note of what an error means for the transaction.
    pub(super) fn note(&self, error: &Error) {
        use ErrorKind::*;
        if error.is_retryable() {
            self.shared.conflict.store(true, Ordering::Relaxed);
        }
        if error.is_constraint_violation() || matches!(error.kind(), Conflict | LockNotAvailable | Database | Timeout) {
            self.failed.store(true, Ordering::Relaxed);
        }
    }

    fn put_off(&self, work: &mut Vec<Work>) {
        self.after_commit.lock().unwrap_or_else(PoisonError::into_inner).append(work);
    }

    fn take_work(&self) -> Vec<Work> {
        std::mem::take(&mut self.after_commit.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A level that is still to be ended: rolled back if dropped before.
pub(crate) struct Open {
    db: Db,
    level: Arc<Level>,
    done: bool,
    /// Dropped last: the next savepoint may begin only after this one's end was sent.
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Open {
    fn new(db: &Db, level: Arc<Level>, turn: Option<OwnedMutexGuard<()>>) -> Open {
        let db = Db { level: Some(Arc::clone(&level)), ..db.clone() };
        Open { db, level, done: false, _turn: turn }
    }

    fn has_conflict(&self) -> bool {
        self.level.shared.conflict.load(Ordering::Relaxed)
    }

    /// Ends the level: its `Db` is of no more use.
    fn end(&mut self) -> &Session {
        self.done = true;
        self.level.ended.store(true, Ordering::Release);
        &self.level.shared.session
    }

    /// The database within it.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    /// Commits if all went well, and rolls back if not.
    pub(crate) async fn end_with<T, E: From<Error>>(mut self, outcome: Result<T, E>) -> Result<T, E> {
        match outcome {
            Ok(output) => {
                self.commit().await?;
                Ok(output)
            }
            Err(error) => {
                self.roll_back().await;
                Err(error)
            }
        }
    }

    async fn commit(&mut self) -> Result<()> {
        let level = Arc::clone(&self.level);
        if level.failed.load(Ordering::Relaxed) && self.db.dialect() == Dialect::Postgres {
            self.roll_back().await;
            return Err(Error::new(
                ErrorKind::Database,
                "a statement failed, and with it all that was done: PostgreSQL commits nothing after an error (run what \
                 may fail in an `atomic` of its own)",
            ));
        }
        let session = self.end();
        match (&level.savepoint, &level.parent) {
            (Some(name), Some(parent)) => {
                let mut handing_over = HandOver { work: level.take_work(), parent };
                let released = session.script(format!("RELEASE SAVEPOINT {name}")).await;
                if let Err(error) = released {
                    handing_over.work.clear();
                    session.steer_later(undo(name));
                    return Err(parent_failed(parent, error));
                }
                Ok(())
            }
            _ => {
                let work = level.take_work();
                if work.is_empty() {
                    return session.commit().await.inspect_err(|error| level.note(error));
                }
                // A task of its own, as nobody may be waiting any more when the commit is answered.
                let shared = Arc::clone(&level);
                let finish = super::capture::inherit(super::scope::inherit(super::scope::has_written(), async move {
                    shared.shared.session.commit().await.inspect_err(|error| shared.note(error))?;
                    for task in work {
                        task.await;
                    }
                    Ok(())
                }));
                match tokio::spawn(finish).await {
                    Ok(committed) => committed,
                    Err(join) => match join.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        Err(_) => Err(Error::new(ErrorKind::Connection, "the runtime was shut down during a commit")),
                    },
                }
            }
        }
    }

    async fn roll_back(&mut self) {
        let level = Arc::clone(&self.level);
        let session = self.end();
        level.take_work();
        let undone = match &level.savepoint {
            Some(name) => session.script(undo(name)).await,
            None => session.roll_back().await,
        };
        if let Err(error) = undone {
            tracing::warn!(target: "nuages::sql", %error, "a rollback was not confirmed; the connection is given up");
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let level = Arc::clone(&self.level);
        level.take_work();
        let session = self.end();
        match &level.savepoint {
            Some(name) => session.steer_later(undo(name)),
            None => session.abandon(),
        }
    }
}

fn undo(savepoint: &str) -> String {
    format!("ROLLBACK TO SAVEPOINT {savepoint}; RELEASE SAVEPOINT {savepoint}")
}

fn parent_failed(parent: &Level, error: Error) -> Error {
    parent.note(&error);
    error
}

/// Work put off in a savepoint, on its way to the level outside: it arrives even if nobody waits for the release.
struct HandOver<'a> {
    work: Vec<Work>,
    parent: &'a Level,
}

impl Drop for HandOver<'_> {
    fn drop(&mut self) {
        self.parent.put_off(&mut self.work);
    }
}
