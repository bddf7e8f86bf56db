//! Starting, stopping, and what runs meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nuages_web::axum::Router;
use nuages_web::axum::routing::get;
use nuages_web::{App, Error, Origin, Project, Result, Service, Settings, Shared, Site};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::http::{get as http_get, send};

/// Lets a test hold a request back, and counts what happens.
#[derive(Default)]
struct Gate {
    entered: Notify,
    open: Notify,
    answered: AtomicUsize,
    answered_before_stop: AtomicUsize,
}

impl Service for Gate {
    async fn start(_: &Site) -> Result<Self> {
        Ok(Gate::default())
    }

    async fn stop(&self) -> Result<()> {
        self.answered_before_stop.store(self.answered.load(Ordering::SeqCst), Ordering::SeqCst);
        Ok(())
    }
}

async fn wait(gate: Shared<Gate>) -> &'static str {
    gate.entered.notify_one();
    gate.open.notified().await;
    gate.answered.fetch_add(1, Ordering::SeqCst);
    "done"
}

fn project() -> Project {
    let routes = Router::new()
        .route("/wait", get(wait))
        .route("/origin", get(async |origin: Origin| origin.as_str().to_owned()));
    Project::new("test").app(App::new("gate").service::<Gate>().routes(routes))
}

fn free() -> nuages_web::Address {
    "0".parse().expect("an address")
}

async fn site(project: &Project, change: impl FnOnce(&mut Settings)) -> (Site, nuages_web::Running, Arc<Gate>) {
    let mut settings = Settings::new("sqlite::memory:");
    change(&mut settings);
    let site = project.site(settings).await.expect("a database in memory");
    let running = project.serve(&site, free()).await.expect("a free port");
    let gate = site.service::<Gate>().expect("the service runs");
    (site, running, gate)
}

#[tokio::test]
async fn stopping_lets_a_running_request_finish_before_services_stop() {
    let (_, running, gate) = site(&project(), |_| ()).await;
    let address = running.address();
    let request = tokio::spawn(async move { http_get(address, "/wait").await });
    gate.entered.notified().await;

    let stopping = tokio::spawn(running.stop());
    // It takes no more connections from now on, which is how one sees that stopping began.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished(), "it waits for the request");
    gate.open.notify_one();
    stopping.await.expect("it stops");

    let answer = request.await.expect("the request was answered");
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    assert_eq!(gate.answered_before_stop.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_beyond_the_limit_does_not_hold_up_the_end() {
    let (_, running, gate) = site(&project(), |settings| settings.shutdown_timeout = Duration::from_millis(50)).await;
    let address = running.address();
    let request = tokio::spawn(async move { http_get(address, "/wait").await });
    gate.entered.notified().await;
    running.stop().await;
    assert_eq!(gate.answered.load(Ordering::SeqCst), 0);
    request.abort();
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let (_, running, _) = site(&project(), |settings| settings.request_timeout = Duration::from_millis(50)).await;
    let answer = http_get(running.address(), "/wait").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["status"], 503);
    running.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let project = project();
    let (_, running, _) = site(&project, |_| ()).await;
    let second = project.site(Settings::new("sqlite::memory:")).await.expect("a database in memory");
    let error = project.serve(&second, running.address().into()).await.expect_err("the port is taken");
    assert!(error.to_string().contains(&running.address().to_string()), "{error}");
    running.stop().await;
}

#[tokio::test]
async fn two_projects_run_in_one_process() {
    let (first, first_running, first_gate) = site(&project(), |_| ()).await;
    let (_, second_running, second_gate) = site(&project(), |_| ()).await;
    assert!(!Arc::ptr_eq(&first_gate, &second_gate));
    assert!(Arc::ptr_eq(&first_gate, &first.service::<Gate>().expect("the service runs")));
    first_running.stop().await;
    second_running.stop().await;
}

#[tokio::test]
async fn what_was_started_is_stopped_when_the_next_service_cannot_start() {
    static STOPPED: AtomicUsize = AtomicUsize::new(0);
    struct First;
    impl Service for First {
        async fn start(_: &Site) -> Result<Self> {
            Ok(First)
        }
        async fn stop(&self) -> Result<()> {
            STOPPED.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }
    struct Broken;
    impl Service for Broken {
        async fn start(_: &Site) -> Result<Self> {
            Err(Error::other("cannot start"))
        }
    }
    let project =
        Project::new("test").app(App::new("first").service::<First>()).app(App::new("broken").service::<Broken>());
    let site = project.site(Settings::new("sqlite::memory:")).await.expect("a database in memory");
    let error = project.serve(&site, free()).await.expect_err("one service is broken");
    assert_eq!(error.to_string(), "cannot start");
    assert_eq!(STOPPED.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_origin_is_the_setting_or_else_the_host() {
    let (_, running, _) = site(&project(), |_| ()).await;
    for (host, status, body) in [
        ("Example.ORG:81", 200, "http://example.org:81"),
        ("[::1]:8000", 200, "http://[::1]:8000"),
        ("a@b", 400, ""),
        ("", 400, ""),
        ("a b", 400, ""),
        ("<script>", 400, ""),
    ] {
        let answer = send(running.address(), "GET /origin", &[("host", host)], "").await;
        assert_eq!(answer.status, status, "{host}");
        assert!(answer.body.contains(body), "{answer:?}");
    }
    running.stop().await;

    let (_, running, _) = site(&project(), |settings| settings.site_url = Some("https://sho.rt".to_owned())).await;
    let answer = send(running.address(), "GET /origin", &[("host", "evil.example")], "").await;
    assert_eq!(answer.body, "https://sho.rt");
    running.stop().await;
}
