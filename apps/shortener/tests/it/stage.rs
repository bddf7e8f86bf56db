//! A site of its own for each test, on each engine.

use std::env;
use std::net::SocketAddr;
use std::panic::resume_unwind;

use nuages::orm::Models;
use nuages::prelude::*;
use nuages::web::Running;

use crate::http::{Answer, send};

/// Makes two tests of a body, one for each engine; `$stage` is a site that runs.
macro_rules! on_each_engine {
    ($(async fn $name:ident($stage:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn body($stage: crate::stage::Stage) $body

            #[test]
            fn sqlite() {
                crate::stage::on_sqlite(body);
            }

            #[test]
            fn postgres() {
                crate::stage::on_postgres(body);
            }
        }
    )*};
}
pub(crate) use on_each_engine;

/// A database with tables, and the site that runs on it.
pub(crate) struct Stage {
    url: String,
    pub(crate) running: Running,
}

pub(crate) fn project() -> Project {
    Project::new("site").app(nuages_shortener::app())
}

impl Stage {
    async fn new(url: String) -> Self {
        let project = project();
        let mut told = Vec::new();
        project.run(["migrate"], Settings::new(&url), &mut told).await.expect("the tables can be made");
        let running = Self::run(&url).await;
        Stage { url, running }
    }

    async fn run(url: &str) -> Running {
        let project = project();
        let site = project.site(Settings::new(url)).await.expect("the database is there");
        project.serve(&site, "0".parse().expect("an address")).await.expect("a free port")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Stops the site, and starts it again on the same database.
    pub(crate) async fn restart(self) -> Self {
        self.running.stop().await;
        let running = Self::run(&self.url).await;
        Stage { url: self.url, running }
    }

    /// Stops the site; the database that it leaves.
    pub(crate) async fn stop(self) -> Db {
        self.running.stop().await;
        let models = Models::new().with::<nuages_shortener::Link>().with::<nuages_shortener::CodeKey>();
        Db::connect(&self.url, models).await.expect("the database is there")
    }

    /// `POST /api/links` with this body.
    pub(crate) async fn post(&self, body: serde_json::Value) -> Answer {
        let json = [("content-type", "application/json")];
        send(self.address(), "POST /api/links", &json, &body.to_string()).await
    }

    /// Makes a link; its code.
    pub(crate) async fn make(&self, body: serde_json::Value) -> String {
        let answer = self.post(body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["code"].as_str().expect("a code").to_owned()
    }

    /// The clicks that the API shows.
    pub(crate) async fn clicks(&self, code: &str) -> i64 {
        let answer = crate::http::get(self.address(), &format!("/api/links/{code}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["clicks"].as_i64().expect("a number")
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads").block_on(future)
}

pub(crate) fn on_sqlite<F: Future<Output = ()> + Send + 'static>(body: fn(Stage) -> F) {
    let folder = env::temp_dir().join(format!("nuages-shortener-{}", Uuid::new_v4().simple()));
    std::fs::create_dir(&folder).expect("a folder");
    let url = format!("sqlite://{}", folder.join("test.db").display());
    let outcome = block_on(async { tokio::spawn(async move { body(Stage::new(url).await).await }).await });
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    if let Err(error) = outcome {
        resume_unwind(error.into_panic());
    }
}

pub(crate) fn on_postgres<F: Future<Output = ()> + Send + 'static>(body: fn(Stage) -> F) {
    let outcome = block_on(async {
        let url = env::var("NUAGES_TEST_POSTGRES_URL");
        let url = url.unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
        let server = match Db::connect(&url, Models::new()).await {
            Ok(server) => server,
            Err(error) if env::var_os("NUAGES_TEST_REQUIRE_SERVERS").is_some() => panic!("{error}"),
            Err(error) => {
                eprintln!("skipped: {error}");
                return Ok(());
            }
        };
        let schema = format!("nuages_{}", Uuid::new_v4().simple());
        server.raw(format!("CREATE SCHEMA {schema}"), ()).execute().await.expect("a schema");
        let sign = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{sign}options=-c%20search_path%3D{schema}");
        let outcome = tokio::spawn(async move { body(Stage::new(url).await).await }).await;
        server.raw(format!("DROP SCHEMA {schema} CASCADE"), ()).execute().await.expect("the schema goes");
        outcome
    });
    if let Err(error) = outcome {
        resume_unwind(error.into_panic());
    }
}
