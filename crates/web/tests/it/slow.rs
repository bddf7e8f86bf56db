//! The log of slow requests.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nuages_orm::Db;
use nuages_web::axum::Router;
use nuages_web::axum::routing::get;
use nuages_web::{App, Project, Result, Settings};

use crate::http::get as http_get;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line on which the statement is sent again and again.
const ASKED: u32 = line!() + 4;

async fn one_by_one(db: Db) -> Result<String> {
    for number in 0..4 {
        db.raw("SELECT ?1 AS asked_each_time", ("a secret",)).fetch::<(String,)>().await?;
        if number == 0 {
            db.raw("SELECT 1 AS asked_once", ()).fetch::<(i64,)>().await?;
        }
    }
    Ok("done".to_owned())
}

/// What is logged while a request is answered.
async fn log_of(slow: Option<Duration>) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    // The server runs on this thread too.
    let _here = tracing::subscriber::set_default(subscriber);
    let routes = Router::new().route("/books/{id}", get(one_by_one));
    let project = Project::new("test").app(App::new("shelf").routes(routes));
    let mut settings = Settings::new("sqlite::memory:");
    settings.slow_request = slow;
    let site = project.site(settings).await.expect("a database in memory");
    let running = project.serve(&site, "0".parse().expect("an address")).await.expect("a free port");
    assert_eq!(http_get(running.address(), "/books/7").await.status, 200);
    running.stop().await;
    let text = log.0.lock().expect("nobody panicked").clone();
    String::from_utf8(text).expect("text")
}

#[tokio::test]
async fn a_slow_request_is_logged_with_its_statements_and_what_repeats_them() {
    let log = log_of(Some(Duration::from_nanos(1))).await;
    assert!(log.contains("request{method=GET route=\"/books/{id}\"}"), "{log}");
    assert!(
        log.contains("a slow request: 200 after")
            && log.contains("for 5 statements")
            && log.contains("4 ×, ")
            && log.contains("4 rows: SELECT ?1 AS asked_each_time"),
        "{log}"
    );
    assert!(log.contains("1 rows: SELECT 1 AS asked_once"), "{log}");
    let place = format!("repeated at ./tests/it/slow.rs:{ASKED}");
    assert!(log.contains(&place), "{log}");
    assert!(log.contains("may be asked once"), "{log}");
    assert!(!log.contains("a secret"), "{log}");
}

#[tokio::test]
async fn a_request_within_the_limit_is_not_logged() {
    for slow in [None, Some(Duration::from_secs(3600))] {
        let log = log_of(slow).await;
        assert!(!log.contains("slow request"), "{log}");
    }
}
