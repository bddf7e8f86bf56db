//! Settings of a database before it is connected.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize};
use std::time::Duration;

use super::{Db, Pool};
use crate::encryption::KeyRing;
use crate::engine::{self, Engine, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Models, Schema};
use crate::signal::{Receiver, Receivers};

/// Settings of a [`Db`] before it is connected.
#[derive(Clone)]
#[must_use = "connects only when `connect` is called"]
pub struct DbBuilder {
    url: String,
    replicas: Vec<String>,
    models: Models,
    receivers: Vec<Receiver>,
    keys: Option<KeyRing>,
    settings: Settings,
}

/// What a commit on SQLite has survived once it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The end of the program. A power cut may undo the last commits, but never half of one (`synchronous=NORMAL`).
    #[default]
    Normal,
    /// A power cut (`synchronous=FULL`): commits wait for the disk, in groups.
    Full,
}

impl DbBuilder {
    pub(super) fn new(url: &str) -> Self {
        let settings = Settings {
            pool_size: 16,
            readers: None,
            connect_timeout: Duration::from_secs(10),
            pool_timeout: Duration::from_secs(30),
            statement_timeout: Some(Duration::from_secs(60)),
            busy_timeout: Duration::from_secs(5),
            create: true,
            durability: Durability::default(),
            application_name: "nuages".to_owned(),
            root_certificates: None,
        };
        DbBuilder {
            url: url.to_owned(),
            replicas: Vec::new(),
            models: Models::new(),
            receivers: Vec::new(),
            keys: None,
            settings,
        }
    }

    /// The models that queries are on.
    pub fn models(mut self, models: Models) -> Self {
        self.models = models;
        self
    }

    /// Adds functions that are told of writes (see [`signal`](crate::signal)).
    pub fn receivers(mut self, receivers: impl IntoIterator<Item = Receiver>) -> Self {
        self.receivers.extend(receivers);
        self
    }

    /// The keys of encrypted fields, without which models that have some are refused.
    #[cfg(feature = "encryption")]
    pub fn keys(mut self, ring: KeyRing) -> Self {
        self.keys = Some(ring);
        self
    }

    /// Adds a copy of the database that follows it: queries outside transactions are answered by the replicas in turn,
    /// except for who has just written (see [`Db::scope`]).
    pub fn replica(mut self, url: &str) -> Self {
        self.replicas.push(url.to_owned());
        self
    }

    /// PostgreSQL connections at most, 16 unless said; each replica has as many.
    pub fn pool_size(mut self, connections: usize) -> Self {
        self.settings.pool_size = connections.max(1);
        self
    }

    /// Reader threads of SQLite; as many as there are cores unless said, but two at least.
    pub fn readers(mut self, threads: usize) -> Self {
        self.settings.readers = Some(threads.max(1));
        self
    }

    /// How long a new connection may take, 10 seconds unless said.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.settings.connect_timeout = limit;
        self
    }

    /// How long a statement may wait for a free connection, or on SQLite for the writer, 30 seconds unless said.
    pub fn pool_timeout(mut self, limit: Duration) -> Self {
        self.settings.pool_timeout = limit;
        self
    }

    /// How long a statement may run, 60 seconds unless said; `None` for no limit.
    pub fn statement_timeout(mut self, limit: Option<Duration>) -> Self {
        self.settings.statement_timeout = limit;
        self
    }

    /// How long SQLite waits for another program that has locked the file, 5 seconds unless said.
    pub fn busy_timeout(mut self, limit: Duration) -> Self {
        self.settings.busy_timeout = limit;
        self
    }

    /// Says whether a SQLite file is made if it is not there; it is unless said.
    pub fn create(mut self, create: bool) -> Self {
        self.settings.create = create;
        self
    }

    /// What a commit on SQLite has survived once it is answered.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = durability;
        self
    }

    /// The name PostgreSQL shows for the connections, `nuages` unless said.
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.settings.application_name = name.into();
        self
    }

    /// A file of PEM certificates to trust in place of the system's (as `sslrootcert` in the URL).
    pub fn root_certificates(mut self, file: impl Into<PathBuf>) -> Self {
        self.settings.root_certificates = Some(file.into());
        self
    }

    /// Connects: opens the SQLite file, which is made if need be (its folder is not; see [`create`](Self::create)), or one connection to PostgreSQL.
    ///
    /// # Errors
    /// As [`Db::connect`]; the text names the file, or host and port, never the password.
    pub async fn connect(self) -> Result<Db> {
        let dialect = engine::dialect(&self.url)?;
        let schema = Schema::with_keys(&self.models, dialect, self.keys)?;
        schema.check_keys()?;
        let receivers = Receivers::new(&self.receivers, &schema)?;
        let primary = Engine::connect(&self.url, &self.settings).await?;
        let mut replicas = Vec::with_capacity(self.replicas.len());
        for url in &self.replicas {
            if engine::dialect(url)? != dialect {
                return Err(Error::new(ErrorKind::Configuration, "a replica is of the same engine as its primary"));
            }
            replicas.push(Engine::connect(url, &self.settings).await?);
        }
        let pool = Pool {
            primary,
            replicas,
            turn: AtomicUsize::new(0),
            marked: AtomicI64::new(0),
            wait: self.settings.pool_timeout,
        };
        Ok(Db { schema, pool: Arc::new(pool), level: None, receivers })
    }
}

impl std::fmt::Debug for DbBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URLs may hold passwords.
        f.debug_struct("DbBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
