//! The database, as everything that runs a query sees it.

mod builder;
mod bulk;
mod capture;
mod pause;
mod raw;
mod scope;
mod stream;
mod tally;
mod transaction;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

pub use builder::{DbBuilder, Durability};
pub(crate) use bulk::{Done, Fill, Filling, Rows, UpsertEach};
pub use capture::{CapturedQuery, Metered, assert_queries, capture};
pub use raw::{RawQuery, RawRow};
pub use scope::Scoped;
pub use tally::{Meter, TalliedStatement, Tally, tally};
pub use transaction::{Isolation, TransactionBuilder};

use jiff::Timestamp;

use crate::engine::{Dialect, Engine, Refusal, Running};
use crate::error::{Error, Result};
use crate::model::{Models, Schema};
use crate::row::Row;
use crate::signal::Receivers;
use crate::value::Value;
pub(crate) use pause::Pauses;
use transaction::Level;
pub(crate) use transaction::Open;

/// A statement in the engine's own language, and the values bound to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// SQL with `$1`… on PostgreSQL, `?1`… on SQLite.
    pub sql: String,
    /// The values of the parameters, the first first.
    pub params: Vec<Value>,
    /// Whether it only reads: SQLite runs it beside the writer, and a replica may answer it.
    pub reads: bool,
}

impl Statement {
    /// A statement that changes nothing and locks nothing.
    pub fn read(sql: impl Into<String>, params: Vec<Value>) -> Self {
        Statement { sql: sql.into(), params, reads: true }
    }

    /// A statement that may change or lock something.
    pub fn write(sql: impl Into<String>, params: Vec<Value>) -> Self {
        Statement { sql: sql.into(), params, reads: false }
    }
}

/// A database, or a transaction on it: one type, so that one signature serves both.
///
/// Cloning is cheap, and clones share connections. A `Db` handed out by [`atomic`](Db::atomic) stands for that
/// transaction, and ends with it.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use nuages_orm::{Db, Error, Models};
///
/// let db = Db::connect("sqlite::memory:", Models::new()).await?;
/// db.raw("CREATE TABLE point (x integer, y integer)", ()).execute().await?;
/// db.atomic(async |db| {
///     db.raw("INSERT INTO point VALUES (?1, ?2)", (3, 4)).execute().await
/// })
/// .await?;
/// let points: Vec<(i64, i64)> = db.raw("SELECT x, y FROM point", ()).fetch().await?;
/// assert_eq!(points, [(3, 4)]);
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Db {
    schema: Arc<Schema>,
    pool: Arc<Pool>,
    level: Option<Arc<Level>>,
    /// Who is told of writes; `None` if nobody is.
    receivers: Option<Arc<Receivers>>,
}

struct Pool {
    primary: Engine,
    replicas: Vec<Engine>,
    /// The replica whose turn it is.
    turn: AtomicUsize,
    /// How long to wait for what another holds.
    wait: Duration,
    /// The moment of the last deletion that marked rows, in microseconds since 1970.
    marked: AtomicI64,
}

impl Db {
    /// Connects with the settings of [`builder`](Db::builder) left as they are.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a URL that makes no sense or models that do
    /// not fit together, [`ErrorKind::Connection`](crate::ErrorKind::Connection) or
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the database cannot be reached.
    pub async fn connect(url: &str, models: Models) -> Result<Db> {
        Db::builder(url).models(models).connect().await
    }

    /// Begins to connect: `sqlite://relative/path.db`, `sqlite:///absolute/path.db`, `sqlite::memory:` (a database of
    /// its own for each call) or `postgres://user:password@host:port/name?sslmode=…`.
    pub fn builder(url: &str) -> DbBuilder {
        DbBuilder::new(url)
    }

    /// The models, connected.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The engine's language.
    pub fn dialect(&self) -> Dialect {
        self.schema.dialect()
    }

    /// Whether this stands for a transaction.
    pub fn in_transaction(&self) -> bool {
        self.level.is_some()
    }

    /// The database outside of any transaction: what work put off with [`on_commit`](Db::on_commit) uses.
    pub fn outside(&self) -> Db {
        Db { level: None, ..self.clone() }
    }

    /// The same database or transaction, with the models of a migration's past on its tables, of which no receiver is
    /// told.
    pub(crate) fn with_past(&self, models: &Models) -> Result<Db> {
        Ok(self.with_schema(self.schema.of_past(models)?))
    }

    /// The same with models that are connected already.
    pub(crate) fn with_schema(&self, schema: Arc<Schema>) -> Db {
        Db { schema, pool: Arc::clone(&self.pool), level: self.level.clone(), receivers: None }
    }

    /// Who is told of writes, if anybody is.
    pub(crate) fn receivers(&self) -> Option<&Receivers> {
        self.receivers.as_deref()
    }

    /// The moment of a deletion that marks rows: now, to the microsecond, and later than that of the last one, so that no
    /// two deletions of this program have the same.
    pub(crate) fn moment_of_deletion(&self) -> Timestamp {
        let now = Timestamp::now().as_microsecond();
        let later = |last: i64| Some(now.max(last.saturating_add(1)));
        let last = self.pool.marked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later).unwrap_or(now);
        Timestamp::from_microsecond(now.max(last.saturating_add(1))).unwrap_or(Timestamp::MAX)
    }

    /// Ends all connections, after what they are doing. Statements sent later fail.
    pub async fn close(&self) {
        self.pool.primary.close().await;
        for replica in &self.pool.replicas {
            replica.close().await;
        }
    }

    /// Runs a statement and reads each of its rows where they arrive; for SQLite that is another thread.
    ///
    /// `read` may see the rows of a statement that writes twice.
    pub(crate) fn fetch<T, F>(
        &self,
        statement: Statement,
        read: F,
    ) -> impl Future<Output = Result<Vec<T>>> + Send + use<'_, T, F>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let watch = capture::Watch::start(&statement);
        let running = match &self.level {
            Some(level) => level.session().map(|session| session.fetch(statement, read)),
            None => Ok(self.pool.engine(&statement).fetch(statement, read)),
        };
        self.end(watch, running, |rows| rows.len() as u64)
    }

    /// As [`fetch`](Db::fetch), for a statement that finds its row by a unique key: at most one, soon.
    pub(crate) fn fetch_one<T, F>(
        &self,
        statement: Statement,
        read: F,
    ) -> impl Future<Output = Result<Option<T>>> + Send + use<'_, T, F>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let watch = capture::Watch::start(&statement);
        let running = match &self.level {
            Some(level) => level.session().map(|session| session.fetch_one(statement, read)),
            None => Ok(self.pool.engine(&statement).fetch_one(statement, read)),
        };
        self.end(watch, running, |row| u64::from(row.is_some()))
    }

    /// Runs a statement; the number of rows it changed.
    pub(crate) fn execute(&self, statement: Statement) -> impl Future<Output = Result<u64>> + Send {
        let watch = capture::Watch::start(&statement);
        let running = match &self.level {
            Some(level) => level.session().map(|session| session.execute(statement)),
            None => Ok(self.pool.engine(&statement).execute(statement)),
        };
        self.end(watch, running, |rows| *rows)
    }

    /// Waits for a statement that was sent.
    async fn end<T>(&self, watch: capture::Watch, running: Result<Running<'_, T>>, rows: fn(&T) -> u64) -> Result<T> {
        let outcome = running?.await;
        watch.end(outcome.as_ref().map(rows));
        outcome.map_err(|error| self.failed(error))
    }

    /// Runs several statements without parameters, separated by semicolons.
    pub(crate) async fn script(&self, sql: impl Into<String>) -> Result<()> {
        let statement = Statement::write(sql, Vec::new());
        let watch = capture::Watch::start(&statement);
        let done = match &self.level {
            Some(level) => level.session()?.script(statement.sql).await,
            None => self.pool.engine(&statement).script(statement.sql).await,
        };
        watch.end(done.as_ref().map(|()| 0));
        done.map_err(|error| self.failed(error))
    }

    /// Runs a statement that can only run outside transactions, for as long as it takes: on PostgreSQL on a connection
    /// of its own without limits of time, after what `before` says to that connection.
    pub(crate) async fn script_alone(&self, before: &str, sql: impl Into<String>) -> Result<()> {
        let statement = Statement::write(sql, Vec::new());
        let watch = capture::Watch::start(&statement);
        let done = self.pool.primary.script_alone(before, statement.sql).await;
        watch.end(done.as_ref().map(|()| 0));
        done.map_err(|error| self.failed(error))
    }

    /// Takes note of an error, and names the model and field if the database named table and column.
    fn failed(&self, error: Error) -> Error {
        if let Some(level) = &self.level {
            level.note(&error);
        }
        let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Refusal>());
        let Some(table) = source.and_then(|refusal| refusal.table.as_deref()) else {
            return error;
        };
        let column = source.and_then(|refusal| refusal.column.as_deref());
        let Some(entry) = self.schema.entries().iter().find(|entry| entry.table == table) else {
            return error;
        };
        let field = column.and_then(|name| entry.columns.iter().find(|column| column.name == name));
        let field = field.map(|column| entry.field(column.field).name.to_string());
        let error = error.in_model(entry.label.clone());
        match field {
            Some(field) => error.in_field(field),
            None => error,
        }
    }
}

impl Pool {
    /// Where a statement outside transactions goes.
    fn engine(&self, statement: &Statement) -> &Engine {
        if self.replicas.is_empty() {
            return &self.primary;
        }
        if !statement.reads {
            scope::note_write();
        }
        if !statement.reads || scope::has_written() {
            return &self.primary;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.replicas.len();
        self.replicas.get(turn).unwrap_or(&self.primary)
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("dialect", &self.dialect()).field("in_transaction", &self.in_transaction()).finish()
    }
}
