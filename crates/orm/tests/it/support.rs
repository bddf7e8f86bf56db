//! Databases for tests: a SQLite file and a PostgreSQL schema of its own for each, gone afterwards.

use std::env;
use std::panic::resume_unwind;

use nuages_orm::{Db, Models, Uuid};

/// Runs the body on a fresh database of each engine, as two tests.
///
/// `on_each_engine! { async fn name(place: Place) { … } }`
macro_rules! on_each_engine {
    ($(async fn $name:ident($place:ident: Place) $body:block)*) => {$(
        async fn $name($place: crate::support::Place) $body

        mod $name {
            #[cfg(feature = "sqlite")]
            #[test]
            fn sqlite() {
                crate::support::on_sqlite(super::$name);
            }

            #[cfg(feature = "postgres")]
            #[test]
            fn postgres() {
                crate::support::on_postgres(super::$name);
            }
        }
    )*};
}
pub(crate) use on_each_engine;

/// A fresh database.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) url: String,
}

impl Place {
    pub(crate) fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite")
    }

    pub(crate) async fn db(&self) -> Db {
        Db::connect(&self.url, Models::new()).await.unwrap()
    }

    /// A second database of the same engine; to be dropped by its own method.
    pub(crate) async fn another(&self) -> Place {
        let name = format!("nuages_{}", Uuid::new_v4().simple());
        if self.is_sqlite() {
            return Place { url: self.url.replace("test.db", &format!("{name}.db")) };
        }
        self.db().await.raw(format!("CREATE SCHEMA {name}"), ()).execute().await.unwrap();
        let (before, _) = self.url.rsplit_once("%3D").unwrap();
        Place { url: format!("{before}%3D{name}") }
    }

    /// Drops a second database; SQLite's goes with the folder of the first.
    pub(crate) async fn drop(self) {
        if let (false, Some((_, name))) = (self.is_sqlite(), self.url.rsplit_once("%3D")) {
            self.db().await.raw(format!("DROP SCHEMA {name} CASCADE"), ()).execute().await.unwrap();
        }
    }

    /// The one or the other text, for where the engines' languages differ.
    pub(crate) fn choose<T>(&self, sqlite: T, postgres: T) -> T {
        if self.is_sqlite() { sqlite } else { postgres }
    }

    /// SQL whose parameters are written `$1`, with the engine's own sign.
    pub(crate) fn sql(&self, sql: &str) -> String {
        if self.is_sqlite() { sql.replace('$', "?") } else { sql.to_owned() }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs a body on a file of its own.
#[cfg(feature = "sqlite")]
pub(crate) fn on_sqlite<F: Future<Output = ()> + Send + 'static>(body: impl FnOnce(Place) -> F) {
    let folder = env::temp_dir().join(format!("nuages-orm-{}", Uuid::new_v4().simple()));
    std::fs::create_dir(&folder).unwrap();
    let url = format!("sqlite://{}", folder.join("test.db").display());
    let work = body(Place { url });
    let runtime = runtime();
    let outcome = runtime.block_on(async { tokio::spawn(work).await });
    drop(runtime);
    std::fs::remove_dir_all(&folder).unwrap();
    if let Err(error) = outcome {
        resume_unwind(error.into_panic());
    }
}

/// The server for tests, or `None` after a line that says so.
#[cfg(feature = "postgres")]
pub(crate) async fn postgres_server() -> Option<(String, Db)> {
    let url = env::var("NUAGES_TEST_POSTGRES_URL")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
    match Db::connect(&url, Models::new()).await {
        Ok(db) => Some((url, db)),
        Err(error) if env::var_os("NUAGES_TEST_REQUIRE_SERVERS").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// Adds a parameter to a URL.
#[cfg(feature = "postgres")]
pub(crate) fn with_parameter(url: &str, parameter: &str) -> String {
    format!("{url}{}{parameter}", if url.contains('?') { '&' } else { '?' })
}

/// Runs a body in a schema of its own.
#[cfg(feature = "postgres")]
pub(crate) fn on_postgres<F: Future<Output = ()> + Send + 'static>(body: impl FnOnce(Place) -> F) {
    let outcome = runtime().block_on(async {
        let (url, server) = postgres_server().await?;
        let schema = format!("nuages_{}", Uuid::new_v4().simple());
        server.raw(format!("CREATE SCHEMA {schema}"), ()).execute().await.unwrap();
        let url = with_parameter(&url, &format!("options=-c%20search_path%3D{schema}"));
        let outcome = tokio::spawn(body(Place { url })).await;
        server.raw(format!("DROP SCHEMA {schema} CASCADE"), ()).execute().await.unwrap();
        Some(outcome)
    });
    if let Some(Err(error)) = outcome {
        resume_unwind(error.into_panic());
    }
}
