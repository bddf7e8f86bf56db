//! One connection while somebody has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use deadpool_postgres::{Client, Object};
use futures_util::TryStreamExt;
use tokio::runtime::Handle;
use tokio_postgres::types::Type;
use tokio_postgres::{CopyInSink, RowStream, SimpleQueryMessage, Statement as Prepared};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::bind::Bound;
use super::failure;
use crate::db::Statement;
use crate::error::{Error, ErrorKind, Result};
use crate::row::{Row, Source};
use crate::value::Value;

/// Prepared statements kept by a connection; beyond them, all are forgotten.
const STATEMENTS: usize = 512;
/// How long the cleaning of a connection may take before it is closed instead.
const CLEANING: Duration = Duration::from_secs(5);
/// How long a statement may go on that nobody waits for any more, before it is cancelled.
const PATIENCE: Duration = Duration::from_millis(100);

/// A connection that goes back to the pool when dropped: at once if it is at rest, else once it was cleaned.
pub(super) struct Connection {
    /// `None` only while being dropped.
    client: Option<Client>,
    tls: MakeRustlsConnect,
    /// Statements sent whose answer nobody has read to its end.
    unfinished: AtomicU32,
    /// Whether a statement was given up: PostgreSQL may or may not have refused it.
    unsure: AtomicBool,
    in_transaction: AtomicBool,
    /// Whether nobody else may have it.
    broken: AtomicBool,
}

/// Counts a statement as unfinished until its end is read.
struct Sent<'a> {
    connection: &'a Connection,
    finished: bool,
}

impl<'a> Sent<'a> {
    fn new(connection: &'a Connection) -> Self {
        connection.unfinished.fetch_add(1, Ordering::Relaxed);
        Sent { connection, finished: false }
    }

    fn finish(mut self) {
        self.finished = true;
        self.connection.unfinished.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.connection.unsure.store(true, Ordering::Relaxed);
        }
    }
}

/// Counts a statement as unfinished until it is said to be finished, for one that outlives the call that sends it.
pub(super) struct Unfinished {
    connection: Arc<Connection>,
    finished: bool,
}

impl Unfinished {
    pub(super) fn new(connection: &Arc<Connection>) -> Self {
        connection.unfinished.fetch_add(1, Ordering::Relaxed);
        Unfinished { connection: Arc::clone(connection), finished: false }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn finish(&mut self) {
        if !std::mem::replace(&mut self.finished, true) {
            self.connection.unfinished.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished {
            self.connection.unsure.store(true, Ordering::Relaxed);
        }
    }
}

impl Connection {
    pub(super) fn new(client: Client, tls: MakeRustlsConnect) -> Self {
        Connection {
            client: Some(client),
            tls,
            unfinished: AtomicU32::new(0),
            unsure: AtomicBool::new(false),
            in_transaction: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        }
    }

    /// Sees to it that the connection is closed in place of going back to the pool.
    pub(super) fn keep_from_others(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    fn client(&self) -> Result<&Client> {
        self.client.as_ref().ok_or_else(|| Error::new(ErrorKind::Connection, "the connection is being closed"))
    }

    pub(super) async fn fetch<T>(
        &self,
        statement: &Statement,
        read: &mut impl FnMut(&mut Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.read_all(self.query(statement), read).await
    }

    /// Runs a statement without parameters that is not worth preparing, in one round trip.
    pub(super) async fn fetch_once<T>(
        &self,
        sql: &str,
        read: &mut impl FnMut(&mut Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let none: [(&Value, Type); 0] = [];
        let none = none.into_iter().map(|(value, of)| (Bound(value), of));
        let rows = async { self.client()?.query_typed_raw(sql, none).await.map_err(|error| self.failed(error)) };
        self.read_all(rows, read).await
    }

    async fn read_all<T>(
        &self,
        rows: impl Future<Output = Result<RowStream>>,
        read: &mut impl FnMut(&mut Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let sent = Sent::new(self);
        let mut rows = match rows.await {
            Ok(rows) => std::pin::pin!(rows),
            Err(error) => {
                sent.finish();
                return Err(error);
            }
        };
        let mut found = Vec::new();
        loop {
            match rows.try_next().await {
                // If it cannot be read there may be more rows to come: the statement is left unfinished.
                Ok(Some(row)) => found.push(read(&mut Row::new(Source::Postgres(&row)))?),
                Ok(None) => break,
                Err(error) => {
                    sent.finish();
                    return Err(self.failed(error));
                }
            }
        }
        sent.finish();
        Ok(found)
    }

    pub(super) async fn execute(&self, statement: &Statement) -> Result<u64> {
        let sent = Sent::new(self);
        let outcome = match statement.params.is_empty() && !is_worth_preparing(&statement.sql) {
            true => self.execute_plainly(&statement.sql).await,
            false => {
                async {
                    let mut rows = std::pin::pin!(self.query(statement).await?);
                    while rows.try_next().await.map_err(|error| self.failed(error))?.is_some() {}
                    Ok(rows.rows_affected().unwrap_or(0))
                }
                .await
            }
        };
        sent.finish();
        outcome
    }

    async fn execute_plainly(&self, sql: &str) -> Result<u64> {
        let messages = self.client()?.simple_query(sql).await.map_err(|error| self.failed(error))?;
        Ok(messages
            .iter()
            .map(|message| match message {
                SimpleQueryMessage::CommandComplete(rows) => *rows,
                _ => 0,
            })
            .sum())
    }

    pub(super) async fn script(&self, sql: &str) -> Result<()> {
        let sent = Sent::new(self);
        let outcome = self.send(sql).await;
        sent.finish();
        outcome
    }

    /// Sends statements without counting them as unfinished.
    pub(super) async fn send(&self, sql: &str) -> Result<()> {
        self.client()?.batch_execute(sql).await.map_err(|error| self.failed(error))
    }

    /// Sends a prepared statement. One kept from before may be stale, as a table was altered since: then it is prepared
    /// again, unless the server has given up the transaction for it.
    async fn query(&self, statement: &Statement) -> Result<RowStream> {
        let (prepared, kept) = self.prepare(&statement.sql).await?;
        let client = self.client()?;
        let params = || statement.params.iter().map(Bound);
        let error = match client.query_raw(&prepared, params()).await {
            Ok(rows) => return Ok(rows),
            Err(error) => error,
        };
        if !kept || !failure::may_be_stale(&error) {
            return Err(self.failed(error));
        }
        client.statement_cache.remove(&statement.sql, &[]);
        if error.as_db_error().is_some() && self.in_transaction.load(Ordering::Relaxed) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "a table was altered since this statement was prepared, which ends the transaction; run it again",
            )
            .with_source(self.failed(error)));
        }
        let (prepared, _) = self.prepare(&statement.sql).await?;
        client.query_raw(&prepared, params()).await.map_err(|error| self.failed(error))
    }

    /// A statement from the cache, or new there; and whether it was kept from before.
    async fn prepare(&self, sql: &str) -> Result<(Prepared, bool)> {
        let client = self.client()?;
        if client.statement_cache.size() >= STATEMENTS {
            client.statement_cache.clear();
        }
        let before = client.statement_cache.size();
        let prepared = client.prepare_cached(sql).await.map_err(|error| self.failed(error))?;
        Ok((prepared, client.statement_cache.size() == before))
    }

    /// Prepares a statement that will not come again.
    pub(super) async fn prepare_once(&self, sql: &str) -> Result<Prepared> {
        let sent = Sent::new(self);
        let prepared = self.client()?.prepare(sql).await.map_err(|error| self.failed(error));
        sent.finish();
        prepared
    }

    /// Runs a prepared statement that has no rows.
    pub(super) async fn run(&self, prepared: &Prepared, params: &[Value]) -> Result<()> {
        let sent = Sent::new(self);
        let done = self.client()?.execute_raw(prepared, params.iter().map(Bound)).await;
        sent.finish();
        done.map(drop).map_err(|error| self.failed(error))
    }

    /// Begins to copy rows into a table.
    pub(super) async fn copy_in(&self, sql: &str) -> Result<CopyInSink<Bytes>> {
        let (prepared, _) = self.prepare(sql).await?;
        self.client()?.copy_in(&prepared).await.map_err(|error| self.failed(error))
    }

    pub(super) async fn begin(&self, sql: &str) -> Result<()> {
        self.in_transaction.store(true, Ordering::Relaxed);
        self.script(sql).await
    }

    pub(super) async fn commit(&self) -> Result<()> {
        if self.unsure.load(Ordering::Relaxed) {
            // PostgreSQL answers `COMMIT` with a silent rollback if a statement has failed: let it say so.
            self.script("SELECT 1").await?;
        }
        self.end("COMMIT").await
    }

    pub(super) async fn roll_back(&self) -> Result<()> {
        self.end("ROLLBACK").await
    }

    async fn end(&self, sql: &str) -> Result<()> {
        self.script(sql).await?;
        self.in_transaction.store(false, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn failed(&self, error: tokio_postgres::Error) -> Error {
        if error.is_closed() {
            self.broken.store(true, Ordering::Relaxed);
        }
        failure::of(error)
    }
}

/// Whether a statement without parameters may come again: definitions of tables do not.
fn is_worth_preparing(sql: &str) -> bool {
    let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else {
            return;
        };
        let running = *self.unfinished.get_mut() > 0;
        let open = *self.in_transaction.get_mut();
        if *self.broken.get_mut() {
            drop(Object::take(client));
        } else if running || open {
            match Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(clean(client, self.tls.clone(), running, open))),
                // The runtime is gone, and with it everybody else.
                Err(_) => drop(Object::take(client)),
            }
        }
    }
}

/// Makes a connection fit for the next user, or closes it.
async fn clean(client: Client, tls: MakeRustlsConnect, running: bool, open: bool) {
    // Answered only after all that was sent before.
    let end = client.batch_execute(if open { "ROLLBACK" } else { "SELECT 1" });
    if matches!(tokio::time::timeout(if running { PATIENCE } else { CLEANING }, end).await, Ok(Ok(()))) {
        return;
    }
    if running {
        let _ = tokio::time::timeout(CLEANING, client.cancel_token().cancel_query(tls)).await;
    }
    // PostgreSQL does not say when it has cancelled, and may do so only when the next statement runs: nobody gets it.
    tracing::debug!(target: "nuages::sql", "a connection whose user went away could not be cleaned, and is closed");
    drop(Object::take(client));
}
