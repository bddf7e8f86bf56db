//! What clients hear when something is wrong.

use nuages_orm::{Error as OrmError, ErrorKind};
use nuages_web::axum::Router;
use nuages_web::axum::extract::Path;
use nuages_web::axum::routing::{get, post};
use nuages_web::{App, Error, Json, Project, Result, Running, Settings};
use serde::Deserialize;
use serde_json::json;

use crate::http::{self, send};

#[derive(Deserialize)]
struct Order {
    title: String,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    count: u32,
}

async fn order(Json(order): Json<Order>) -> Result<String> {
    let total: u32 = order.lines.iter().map(|line| line.count).sum();
    Ok(format!("{} {total}", order.title))
}

async fn fail(Path(how): Path<String>) -> Result<()> {
    let kind = match how.as_str() {
        "missing" => ErrorKind::NotFound,
        "invalid" => return Err(OrmError::new(ErrorKind::Validation, "no date").in_field("born").into()),
        "taken" => ErrorKind::UniqueViolation,
        "away" => ErrorKind::Connection,
        "panic" => panic!("a handler that panics"),
        "other" => return Err(Error::other("a secret cause")),
        _ => ErrorKind::Database,
    };
    Err(OrmError::new(kind, "a secret cause").into())
}

async fn running() -> Running {
    let app = App::new("test").routes(
        Router::new().route("/orders", post(order)).route("/fail/{how}", get(fail)).route("/", get(async || "hello")),
    );
    let project = Project::new("test").app(app);
    let site = project.site(Settings::new("sqlite::memory:")).await.expect("a database in memory");
    project.serve(&site, "0".parse().expect("an address")).await.expect("a free port")
}

#[tokio::test]
async fn a_document_that_does_not_fit_is_told_fault_by_fault() {
    use nuages_orm::json_schema::JsonSchema;
    let schema = JsonSchema::new(r#"{"properties": {"year": {"type": "integer"}}, "required": ["title"]}"#);
    let refused = schema.admit(json!({"year": "a secret"})).expect_err("it does not fit").in_field("notes");
    let problem = Error::from(refused).problem();
    let expected =
        [("notes", "\"title\" is a required property"), ("notes", "at /year, value is not of type \"integer\"")];
    assert_eq!(problem.fields().collect::<Vec<_>>(), expected);
    assert_eq!(problem.to_json()["status"], 422);
}

#[tokio::test]
async fn each_error_has_its_status_and_tells_no_cause() {
    let site = running().await;
    for (how, status) in
        [("missing", 404), ("invalid", 422), ("taken", 409), ("away", 503), ("panic", 500), ("other", 500), ("db", 500)]
    {
        for accept in ["application/json", "text/html"] {
            let answer = send(site.address(), &format!("GET /fail/{how}"), &[("accept", accept)], "").await;
            assert_eq!(answer.status, status, "{how}");
            assert!(!answer.body.contains("secret"), "{answer:?}");
            assert_eq!(answer.text("vary"), "accept");
            if accept == "text/html" {
                assert_eq!(answer.text("content-type"), "text/plain; charset=utf-8");
            } else {
                assert_eq!(answer.text("content-type"), "application/problem+json");
                assert_eq!(answer.json()["status"], status);
            }
        }
    }
    assert_eq!(http::get(site.address(), "/").await.body, "hello", "the server lives on");
    site.stop().await;
}

#[tokio::test]
async fn a_refused_field_is_named() {
    let site = running().await;
    let answer = http::get(site.address(), "/fail/invalid").await;
    assert_eq!(answer.json()["errors"], json!({"born": ["is not a valid value"]}));

    let json = [("content-type", "application/json; charset=utf-8")];
    for (body, status, field) in [
        (r#"{"title": "a", "lines": [{"count": 2}, {"count": 3}]}"#, 200, ""),
        (r#"{"title": "a", "lines": [{"count": 2}, {"count": -3}]}"#, 422, "lines[1].count"),
        (r#"{"title": 5, "lines": []}"#, 422, "title"),
        (r#"{"lines": []}"#, 422, "title"),
        (r#"{"title": "a", "lines": [{}]}"#, 422, "lines[0].count"),
        ("[]", 422, "body"),
        (r#"{"title": "a", "lines": []"#, 400, ""),
        (r#"{"title": "a", "lines": []} extra"#, 400, ""),
        ("\u{0}", 400, ""),
    ] {
        let answer = send(site.address(), "POST /orders", &json, body).await;
        assert_eq!(answer.status, status, "{body} {answer:?}");
        if !field.is_empty() {
            assert!(answer.json()["errors"][field].is_array(), "{answer:?}");
        }
    }
    let answer = send(site.address(), "POST /orders", &[("content-type", "text/plain")], "{}").await;
    assert_eq!(answer.status, 415);
    site.stop().await;
}

#[tokio::test]
async fn what_axum_refuses_looks_like_what_handlers_refuse() {
    let site = running().await;
    for (line, status) in [("GET /nowhere", 404), ("DELETE /orders", 405)] {
        let answer = send(site.address(), line, &[], "").await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json()["status"], status, "{answer:?}");
    }
    let answer = send(site.address(), "DELETE /orders", &[], "").await;
    assert_eq!(answer.text("allow"), "POST");
    site.stop().await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_before_it_is_read() {
    let site = running().await;
    let json = [("content-type", "application/json")];
    let long = " ".repeat(3_000_000);
    let answer = send(site.address(), "POST /orders", &json, &long).await;
    assert_eq!(answer.status, 413);
    // Of unknown length: refused when the limit is reached.
    let request = format!(
        "POST /orders HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ntransfer-encoding: \
         chunked\r\nconnection: close\r\n\r\n2dc6c0\r\n{long}\r\n0\r\n\r\n"
    );
    let answer = http::raw(site.address(), request.as_bytes()).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    site.stop().await;
}

#[tokio::test]
async fn a_head_request_gets_a_head_alone() {
    let site = running().await;
    let answer = send(site.address(), "HEAD /nowhere", &[], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (404, ""));
    site.stop().await;
}
