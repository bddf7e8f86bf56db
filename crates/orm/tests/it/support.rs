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

/// What the database knows of all tables but those of records, and their rows, whatever the order of columns.
pub(crate) async fn contents(db: &Db, place: &Place) -> Vec<String> {
    let texts = async |sql: String| {
        let rows: Vec<(String,)> = db.raw(sql, ()).writes().fetch().await.unwrap();
        rows.into_iter().map(|(text,)| text).collect::<Vec<_>>()
    };
    let known = "NOT IN ('django_migrations', 'nuages_migrations')";
    let definitions = texts(place.choose(
        format!(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'sqlite_%' AND tbl_name {known}"
        ),
        format!(
            "SELECT concat_ws(' ', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
             a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), obj_description(c.oid)) \
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 \
             AND NOT a.attisdropped AND c.relname {known} \
             UNION ALL SELECT concat_ws(' ', c.relname, conname, pg_get_constraintdef(k.oid)) FROM pg_constraint k \
             JOIN pg_class c ON c.oid = conrelid WHERE connamespace = current_schema()::regnamespace \
             AND c.relname {known} \
             UNION ALL SELECT concat_ws(' ', replace(pg_get_indexdef(indexrelid), current_schema() || '.', ''), \
             indisvalid) FROM pg_index x \
             JOIN pg_class c ON c.oid = indrelid WHERE c.relnamespace = current_schema()::regnamespace \
             AND c.relname {known}"
        ),
    ));
    let parts = |line: String| {
        // The last column of a table ends in a bracket more, whichever it is.
        let line = line.replace(')', "");
        let Some((table, columns)) = line.split_once(" (").filter(|_| line.starts_with("CREATE TABLE")) else {
            return line;
        };
        let mut columns: Vec<&str> = columns.split(", ").collect();
        columns.sort_unstable();
        format!("{table}\n{}", columns.join("\n"))
    };
    let mut lines: Vec<String> = definitions.await.into_iter().map(parts).collect();
    lines.sort();
    let tables = texts(place.choose(
        format!("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name {known}"),
        format!(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() AND tablename {known} ORDER BY 1"
        ),
    ));
    for table in tables.await {
        let mut row = "to_jsonb(t)::text".to_owned();
        if place.is_sqlite() {
            let pair =
                format!("SELECT printf('%Q, \"%w\"', name, name) FROM pragma_table_xinfo('{table}') ORDER BY name");
            row = format!("json_object({})", texts(pair).await.join(", "));
        }
        let rows = texts(format!("SELECT {row} FROM \"{table}\" AS t ORDER BY 1"));
        lines.extend(rows.await.into_iter().map(|row| format!("{table}: {row}")));
    }
    lines
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
    // A database may take its time to be made and dropped.
    match Db::builder(&url).statement_timeout(None).connect().await {
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

/// Runs a body in a database of its own: for what waits for other transactions of the database, whatever their tables.
#[cfg(feature = "postgres")]
pub(crate) fn on_postgres_database<F: Future<Output = ()> + Send + 'static>(body: impl FnOnce(Place) -> F) {
    let outcome = runtime().block_on(async {
        let (url, server) = postgres_server().await?;
        let name = format!("nuages_{}", Uuid::new_v4().simple());
        server.raw(format!("CREATE DATABASE {name}"), ()).execute().await.unwrap();
        let (base, _) = url.split_once('?').unwrap_or((&url, ""));
        let (base, _) = base.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}?options=-c%20search_path%3Dpublic");
        let outcome = tokio::spawn(body(Place { url })).await;
        server.raw(format!("DROP DATABASE {name} WITH (FORCE)"), ()).execute().await.unwrap();
        Some(outcome)
    });
    if let Some(Err(error)) = outcome {
        resume_unwind(error.into_panic());
    }
}
