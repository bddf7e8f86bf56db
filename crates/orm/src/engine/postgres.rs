//! PostgreSQL: a pool of connections, each with its prepared statements.
//!
//! Statements sent at the same time on the connection of a transaction are pipelined. A connection whose user went away
//! in the middle of something is cleaned in the background before anybody else gets it: the transaction is rolled back.
//! Where a statement still runs after a moment, it is cancelled and the connection closed.

mod bind;
mod connection;
mod copy;
mod cursor;
mod failure;
mod numeric;
mod read;
mod tls;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::{
    Client, Manager, ManagerConfig, Pool, PoolError, QueueMode, RecyclingMethod, Runtime, TimeoutType, Timeouts,
};
use futures_util::FutureExt;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_postgres_rustls::MakeRustlsConnect;

use connection::Connection;
pub(crate) use copy::Filling;
pub(crate) use cursor::Chunks;
pub(crate) use read::Cell;

use super::{Begin, Settings};
use crate::db::{Isolation, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;

/// How often a statement outside transactions is run again that stood in the way of others, and so has done nothing.
const TRIES: u32 = 5;

/// A PostgreSQL database.
pub(crate) struct Engine {
    pool: Pool,
    tls: MakeRustlsConnect,
    /// Host and port, for messages.
    address: String,
    wait: Duration,
}

impl Engine {
    /// Makes the first connection of the pool.
    pub(crate) async fn connect(url: &str, settings: &Settings) -> Result<Engine> {
        let (config, tls) = configure(url, settings)?;
        let address = address(&config);
        let manager =
            Manager::from_config(config, tls.clone(), ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager)
            .max_size(settings.pool_size)
            // The server's process that answered last has most in its caches.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(settings.pool_timeout))
            .create_timeout(Some(settings.connect_timeout))
            .recycle_timeout(Some(settings.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Error::new(ErrorKind::Configuration, "the pool cannot be made").with_source(error))?;
        let engine = Engine { pool, tls, address, wait: settings.pool_timeout };
        engine.connection().await?;
        Ok(engine)
    }

    /// A connection that nobody else has.
    async fn connection(&self) -> Result<Connection> {
        let client = match self.at_rest() {
            Some(client) => client,
            // In a box, since it is large and seldom needed.
            None => Box::pin(self.wait_for_client()).await?,
        };
        Ok(Connection::new(client, self.tls.clone()))
    }

    /// A connection of the pool that can be had at once: without timers, which cost more than taking it.
    fn at_rest(&self) -> Option<Client> {
        let at_once = Timeouts { wait: Some(Duration::ZERO), create: None, recycle: None };
        if self.pool.status().available == 0 {
            return None;
        }
        self.pool.timeout_get(&at_once).now_or_never()?.ok()
    }

    async fn wait_for_client(&self) -> Result<Client> {
        match self.pool.get().await {
            Ok(client) => Ok(client),
            Err(PoolError::Backend(error)) => {
                let reason = match error.as_db_error() {
                    Some(refusal) => refusal.message().to_owned(),
                    None => std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string),
                };
                let text = format!("cannot connect to PostgreSQL at {}: {reason}", self.address);
                Err(Error::new(ErrorKind::Connection, text))
            }
            Err(PoolError::Timeout(TimeoutType::Wait)) => {
                let text = format!("no connection to PostgreSQL became free for {:?}: all are in use", self.wait);
                Err(Error::new(ErrorKind::Timeout, text))
            }
            Err(PoolError::Timeout(_)) => {
                let text = format!("PostgreSQL at {} did not answer within the connect timeout", self.address);
                Err(Error::new(ErrorKind::Timeout, text))
            }
            Err(PoolError::Closed) => Err(Error::new(ErrorKind::Connection, "the database was closed")),
            Err(other) => Err(Error::new(ErrorKind::Connection, other.to_string())),
        }
    }

    /// Runs a statement outside any transaction, and reads its rows.
    pub(crate) async fn fetch<T, F>(&self, statement: Statement, mut read: F) -> Result<Vec<T>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T>,
    {
        let mut tries = 0;
        loop {
            match self.connection().await?.fetch(&statement, &mut read).await {
                Err(error) if error.kind() == ErrorKind::Conflict && tries < TRIES => tries += 1,
                outcome => return outcome,
            }
        }
    }

    /// Runs a statement outside any transaction; the number of rows it changed. It runs again after a conflict.
    pub(crate) async fn execute(&self, statement: Statement) -> Result<u64> {
        let mut tries = 0;
        loop {
            match self.connection().await?.execute(&statement).await {
                Err(error) if error.kind() == ErrorKind::Conflict && tries < TRIES => tries += 1,
                outcome => return outcome,
            }
        }
    }

    /// Runs several statements without parameters, separated by semicolons.
    pub(crate) async fn script(&self, sql: String) -> Result<()> {
        self.connection().await?.script(&sql).await
    }

    /// Runs a statement that cannot run in a transaction, without limits of time. The connection is closed afterwards,
    /// since its limits are not those of others.
    pub(crate) async fn script_alone(&self, before: &str, sql: &str) -> Result<()> {
        let connection = self.connection().await?;
        connection.keep_from_others();
        connection.script(&format!("SET statement_timeout = 0; SET lock_timeout = 0; {before}")).await?;
        connection.script(sql).await
    }

    /// Starts a transaction.
    pub(crate) async fn begin(&self, begin: &Begin) -> Result<Session> {
        let connection = self.connection().await?;
        let isolation = match begin.isolation {
            None => "",
            Some(Isolation::ReadCommitted) => " ISOLATION LEVEL READ COMMITTED",
            Some(Isolation::RepeatableRead) => " ISOLATION LEVEL REPEATABLE READ",
            Some(Isolation::Serializable) => " ISOLATION LEVEL SERIALIZABLE",
        };
        let mode = if begin.read_only { " READ ONLY" } else { "" };
        connection.begin(&format!("BEGIN{isolation}{mode}")).await?;
        Ok(Session { connection: Arc::new(Mutex::new(Some(Arc::new(connection)))) })
    }

    /// Closes all connections that are at rest, and the others when they come back.
    pub(crate) async fn close(&self) {
        self.pool.close();
    }
}

/// A running transaction. It is rolled back when dropped.
pub(crate) struct Session {
    connection: Slot,
}

/// Where a transaction has its connection until it ends.
type Slot = Arc<Mutex<Option<Arc<Connection>>>>;

impl Session {
    pub(crate) async fn fetch<T, F>(&self, statement: Statement, mut read: F) -> Result<Vec<T>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T>,
    {
        self.connection()?.fetch(&statement, &mut read).await
    }

    pub(crate) async fn execute(&self, statement: Statement) -> Result<u64> {
        self.connection()?.execute(&statement).await
    }

    pub(crate) async fn script(&self, sql: String) -> Result<()> {
        self.connection()?.script(&sql).await
    }

    /// Sends statements that steer savepoints without waiting for them.
    pub(crate) fn steer_later(&self, sql: String) {
        if let Ok(connection) = self.connection() {
            // The first poll sends the message whole; nobody has to wait for the answer for it to take effect.
            let _ = connection.send(&sql).now_or_never();
        }
    }

    pub(crate) async fn commit(&self) -> Result<()> {
        let connection = self.take().ok_or_else(ended)?;
        connection.commit().await
    }

    pub(crate) async fn roll_back(&self) -> Result<()> {
        let connection = self.take().ok_or_else(ended)?;
        connection.roll_back().await
    }

    /// Gives the connection up: it is cleaned in the background.
    pub(crate) fn abandon(&self) {
        drop(self.take());
    }

    fn connection(&self) -> Result<Arc<Connection>> {
        held(&self.connection).ok_or_else(ended)
    }

    fn take(&self) -> Option<Arc<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The connection, while the transaction runs.
fn held(slot: &Slot) -> Option<Arc<Connection>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Arc::clone)
}

fn ended() -> Error {
    Error::new(ErrorKind::TransactionEnded, "the transaction has ended")
}

/// Takes from the URL what the driver does not know, and adds what every session needs.
fn configure(url: &str, settings: &Settings) -> Result<(Config, MakeRustlsConnect)> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut mode = tls::Mode::Prefer;
    let mut roots = settings.root_certificates.clone();
    let mut others = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = tls::Mode::parse(value)?,
            Some(("sslrootcert", value)) => roots = Some(percent_decoded(value).into()),
            _ => others.push(pair),
        }
    }
    let url = if others.is_empty() { base.to_owned() } else { format!("{base}?{}", others.join("&")) };
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
        let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        Error::new(
            ErrorKind::Configuration,
            format!("the PostgreSQL URL makes no sense ({reason}): expected postgres://user:password@host:port/name"),
        )
    })?;
    config.ssl_mode(mode.driver());
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(settings.connect_timeout);
    }
    if config.get_application_name().is_none() {
        config.application_name(&settings.application_name);
    }
    // A server that vanishes answers nothing, not even that it is gone: noticed after a minute instead of two hours.
    if !query.contains("keepalives") {
        let pause = Duration::from_secs(10);
        config.keepalives_idle(pause * 3).keepalives_interval(pause).keepalives_retries(3);
    }
    if !query.contains("tcp_user_timeout") {
        config.tcp_user_timeout(Duration::from_secs(60));
    }
    let mut options = config.get_options().map_or_else(String::new, |options| format!("{options} "));
    options.push_str("-c TimeZone=UTC -c DateStyle=ISO");
    if let Some(limit) = settings.statement_timeout {
        options.push_str(&format!(" -c statement_timeout={}", limit.as_millis().max(1)));
    }
    config.options(options);
    Ok((config, tls::connector(mode, roots.as_deref())?))
}

/// Host and port of the first server, for messages.
fn address(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => format!("{host}:{port}"),
        #[cfg(unix)]
        Some(Host::Unix(folder)) => format!("{}/.s.PGSQL.{port}", folder.display()),
        _ => format!("port {port}"),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| (*byte as char).to_digit(16);
                digit(high).zip(digit(low)).map(|(high, low)| ((high * 16 + low) as u8, after))
            }
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
