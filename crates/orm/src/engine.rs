//! The databases that Nuages speaks to: one contract, an engine for each.

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("nuages-orm needs an engine: enable its feature `sqlite`, `postgres` or both");

pub(crate) mod json;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use crate::db::{Done, Durability, Fill, Isolation, Rows, Statement, UpsertEach};
use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;

/// A database engine's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite 3.35 or newer.
    Sqlite,
    /// PostgreSQL 13 or newer.
    Postgres,
}

impl Dialect {
    /// The longest name of a table, index or constraint, in characters; `None` where there is no limit.
    pub fn max_name_length(self) -> Option<usize> {
        match self {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some(63),
        }
    }
}

/// What a [`DbBuilder`](crate::db::DbBuilder) was told, for any engine.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) pool_size: usize,
    /// Reader threads of SQLite; as many as cores, two at least, if `None`.
    pub(crate) readers: Option<usize>,
    pub(crate) connect_timeout: Duration,
    pub(crate) pool_timeout: Duration,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) busy_timeout: Duration,
    /// Whether a SQLite file is made if it is not there.
    pub(crate) create: bool,
    pub(crate) durability: Durability,
    pub(crate) application_name: String,
    pub(crate) root_certificates: Option<PathBuf>,
}

/// How a transaction begins.
#[derive(Debug, Clone)]
pub(crate) struct Begin {
    pub(crate) isolation: Option<Isolation>,
    pub(crate) read_only: bool,
    /// Whether foreign keys are checked on SQLite; tables can only be rebuilt while they are not.
    pub(crate) foreign_keys: bool,
}

/// The database's own words on an error, and the table and column if it named them. Never bound values.
#[derive(Debug)]
pub(crate) struct Refusal {
    message: String,
    pub(crate) table: Option<String>,
    pub(crate) column: Option<String>,
}

impl Refusal {
    pub(crate) fn new(message: String) -> Self {
        Refusal { message, table: None, column: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// A database.
pub(crate) enum Engine {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Engine),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Engine),
}

/// A running transaction. It is rolled back when dropped.
pub(crate) enum Session {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Session),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Session),
}

/// A query being read chunk by chunk.
pub(crate) enum Chunks<T, F> {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Chunks<T>, PhantomData<fn() -> F>),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Chunks<F>, PhantomData<fn() -> T>),
}

/// Rows being sent to a table piece by piece.
pub(crate) enum Filling {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Filling),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Filling),
}

/// Calls the same method on whichever engine it is.
macro_rules! either {
    ($of:ident, $self:expr, $inner:ident => $call:expr) => {
        match $self {
            #[cfg(feature = "sqlite")]
            $of::Sqlite($inner) => $call,
            #[cfg(feature = "postgres")]
            $of::Postgres($inner) => $call,
        }
    };
}

/// What was sent to a database. In a box, because it is held within other futures, which are copied while they are made.
pub(crate) type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Engine {
    /// Connects to the database of a URL.
    pub(crate) async fn connect(url: &str, settings: &Settings) -> Result<Engine> {
        match dialect(url)? {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => sqlite::Engine::connect(url, settings).await.map(Engine::Sqlite),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => postgres::Engine::connect(url, settings).await.map(Engine::Postgres),
            #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
            other => Err(Error::new(
                ErrorKind::Configuration,
                format!("this program was built without {other:?}: enable the feature of that name"),
            )),
        }
    }

    pub(crate) fn fetch<'a, T, F>(&'a self, statement: Statement, read: F) -> Running<'a, Vec<T>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        either!(Engine, self, engine => Box::pin(engine.fetch(statement, read)))
    }

    /// The row of a statement that finds it by a unique key.
    pub(crate) fn fetch_one<'a, T, F>(&'a self, statement: Statement, read: F) -> Running<'a, Option<T>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            #[cfg(feature = "sqlite")]
            Engine::Sqlite(engine) => Box::pin(engine.fetch_one(statement, read)),
            #[cfg(feature = "postgres")]
            Engine::Postgres(engine) => Box::pin(async move { Ok(engine.fetch(statement, read).await?.pop()) }),
        }
    }

    pub(crate) fn execute(&self, statement: Statement) -> Running<'_, u64> {
        either!(Engine, self, engine => Box::pin(engine.execute(statement)))
    }

    pub(crate) async fn script(&self, sql: String) -> Result<()> {
        either!(Engine, self, engine => engine.script(sql).await)
    }

    /// Runs a statement outside transactions, for as long as it takes; on PostgreSQL on a connection of its own, after
    /// what `before` says to it.
    pub(crate) async fn script_alone(&self, before: &str, sql: String) -> Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Engine::Sqlite(engine) => engine.script(format!("{before}{sql}")).await,
            #[cfg(feature = "postgres")]
            Engine::Postgres(engine) => engine.script_alone(before, &sql).await,
        }
    }

    pub(crate) async fn stream<T, F>(&self, statement: Statement, chunk: usize, read: F) -> Result<Chunks<T, F>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            #[cfg(feature = "sqlite")]
            Engine::Sqlite(engine) => Ok(Chunks::Sqlite(engine.stream(statement, chunk, read).await?, PhantomData)),
            #[cfg(feature = "postgres")]
            Engine::Postgres(engine) => Ok(Chunks::Postgres(engine.stream(statement, chunk, read).await?, PhantomData)),
        }
    }

    pub(crate) async fn begin(&self, begin: &Begin) -> Result<Session> {
        match self {
            #[cfg(feature = "sqlite")]
            Engine::Sqlite(engine) => engine.begin(begin).await.map(Session::Sqlite),
            #[cfg(feature = "postgres")]
            Engine::Postgres(engine) => engine.begin(begin).await.map(Session::Postgres),
        }
    }

    pub(crate) async fn close(&self) {
        either!(Engine, self, engine => engine.close().await);
    }
}

impl Session {
    pub(crate) fn fetch<'a, T, F>(&'a self, statement: Statement, read: F) -> Running<'a, Vec<T>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        either!(Session, self, session => Box::pin(session.fetch(statement, read)))
    }

    pub(crate) fn fetch_one<'a, T, F>(&'a self, statement: Statement, read: F) -> Running<'a, Option<T>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let rows = self.fetch(statement, read);
        Box::pin(async move { Ok(rows.await?.pop()) })
    }

    pub(crate) fn execute(&self, statement: Statement) -> Running<'_, u64> {
        either!(Session, self, session => Box::pin(session.execute(statement)))
    }

    pub(crate) async fn script(&self, sql: String) -> Result<()> {
        either!(Session, self, session => session.script(sql).await)
    }

    pub(crate) async fn stream<T, F>(&self, statement: Statement, chunk: usize, read: F) -> Result<Chunks<T, F>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(session) => Ok(Chunks::Sqlite(session.stream(statement, chunk, read).await?, PhantomData)),
            #[cfg(feature = "postgres")]
            Session::Postgres(session) => {
                Ok(Chunks::Postgres(session.stream(statement, chunk, read).await?, PhantomData))
            }
        }
    }

    /// Begins to fill a table; `None` where it takes rows by `INSERT` alone.
    pub(crate) async fn fill(&self, fill: &Fill) -> Result<Option<Filling>> {
        match self {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(session) => Ok(Some(Filling::Sqlite(session.fill(fill)))),
            #[cfg(feature = "postgres")]
            Session::Postgres(session) => Ok(session.fill(fill).await?.map(Filling::Postgres)),
        }
    }

    /// Runs a statement for each row, and reads what it answers (SQLite).
    pub(crate) async fn fetch_each<T, F>(&self, sql: String, rows: Rows, read: F) -> Result<Vec<T>>
    where
        F: FnMut(usize, &mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(session) => session.fetch_each(sql, rows, read).await,
            #[cfg(feature = "postgres")]
            Session::Postgres(_) => {
                drop((sql, rows, read));
                Err(Error::new(ErrorKind::Unsupported, "PostgreSQL takes many rows in one statement"))
            }
        }
    }

    /// Runs an upsert for each row, and reads the row that it answers with (SQLite).
    pub(crate) async fn upsert_each<T, F>(&self, upsert: UpsertEach, read: F) -> Result<Vec<(Done, Option<T>)>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(session) => session.upsert_each(upsert, read).await,
            #[cfg(feature = "postgres")]
            Session::Postgres(_) => {
                drop((upsert, read));
                Err(Error::new(ErrorKind::Unsupported, "PostgreSQL takes many rows in one statement"))
            }
        }
    }

    /// The types of a statement's parameters, as SQL names them (PostgreSQL).
    pub(crate) async fn parameter_types(&self, sql: &str) -> Result<Vec<String>> {
        match self {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(_) => Err(Error::new(ErrorKind::Unsupported, format!("SQLite has no types for `{sql}`"))),
            #[cfg(feature = "postgres")]
            Session::Postgres(session) => session.parameter_types(sql).await,
        }
    }

    /// Sends statements that steer savepoints without waiting for them; what is sent next finds them done.
    pub(crate) fn steer_later(&self, sql: String) {
        either!(Session, self, session => session.steer_later(sql));
    }

    pub(crate) async fn commit(&self) -> Result<()> {
        either!(Session, self, session => session.commit().await)
    }

    pub(crate) async fn roll_back(&self) -> Result<()> {
        either!(Session, self, session => session.roll_back().await)
    }

    /// Ends the transaction without effect and without waiting; the connection is made fit for others in the background.
    pub(crate) fn abandon(&self) {
        either!(Session, self, session => session.abandon());
    }
}

impl Filling {
    pub(crate) async fn send(&mut self, rows: Rows) -> Result<()> {
        either!(Filling, self, filling => filling.send(rows).await)
    }

    /// Waits until all rows are in; how many were written.
    pub(crate) async fn finish(&mut self) -> Result<u64> {
        either!(Filling, self, filling => filling.finish().await)
    }
}

impl<T, F> Chunks<T, F>
where
    F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    /// The next rows, never none; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<T>>> {
        match self {
            #[cfg(feature = "sqlite")]
            Chunks::Sqlite(chunks, _) => chunks.next().await,
            #[cfg(feature = "postgres")]
            Chunks::Postgres(chunks, _) => chunks.next().await,
        }
    }
}

impl<T, F> Chunks<T, F> {
    /// Frees what it holds of a transaction that goes on. One outside transactions needs only to be dropped.
    pub(crate) fn close(&self) {
        match self {
            #[cfg(feature = "sqlite")]
            Chunks::Sqlite(chunks, _) => chunks.close(),
            #[cfg(feature = "postgres")]
            Chunks::Postgres(chunks, _) => chunks.close(),
        }
    }
}

/// The engine that a URL names.
pub(crate) fn dialect(url: &str) -> Result<Dialect> {
    match url.split_once(':') {
        Some(("sqlite", _)) => Ok(Dialect::Sqlite),
        Some(("postgres" | "postgresql", _)) => Ok(Dialect::Postgres),
        Some((scheme, _)) => Err(Error::new(
            ErrorKind::Configuration,
            format!("unknown database engine `{scheme}`: database URLs begin with `sqlite:` or `postgres:`"),
        )),
        None => Err(Error::new(
            ErrorKind::Configuration,
            "the database URL has no scheme: expected `sqlite://path.db` or `postgres://user:password@host:port/name`",
        )),
    }
}
