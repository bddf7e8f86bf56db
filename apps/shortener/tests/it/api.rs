//! The calls for programs.

use std::collections::HashSet;

use nuages::prelude::Model as _;
use serde_json::json;

use crate::http::{self, get, send};
use crate::stage::{Stage, on_each_engine};

const PLACE: &str = "https://example.org/A%20b//c/../d?q=1&q=2&r=%c3%bc#There";

/// The only field that a refusal names.
fn refused(answer: &http::Answer) -> String {
    let errors = answer.json()["errors"].clone();
    let names: Vec<&String> = errors.as_object().expect("an object").keys().collect();
    assert_eq!(names.len(), 1, "{errors}");
    names[0].clone()
}

on_each_engine! {
    async fn a_link_is_made_followed_and_counted(stage) {
        let answer = stage.post(json!({"url": PLACE})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let link = answer.json();
        let code = link["code"].as_str().expect("a code").to_owned();
        assert_eq!(link["short_url"], format!("http://{}/{code}", stage.address()));
        assert_eq!(link["url"], PLACE);
        assert_eq!(link["clicks"], 0);
        assert_eq!(answer.text("location"), format!("/api/links/{code}"));
        assert_eq!(code.len(), 7);

        let answer = get(stage.address(), &format!("/{code}")).await;
        assert_eq!((answer.status, answer.text("location")), (302, PLACE));
        assert_eq!(stage.clicks(&code).await, 1);

        let answer = send(stage.address(), &format!("HEAD /{code}"), &[], "").await;
        assert_eq!((answer.status, answer.text("location")), (302, PLACE));
        assert_eq!(stage.clicks(&code).await, 1, "a HEAD is no click");
        stage.stop().await;
    }

    async fn the_address_comes_back_byte_for_byte(stage) {
        for url in [
            "HTTPS://EXAMPLE.org",
            "http://example.org:80/",
            "https://exämple.de/straße?q=日本#ü",
            "https://example.org/?a=%0d%0aSet-Cookie:x=y",
            "https://example.org/'\"<b>",
        ] {
            let code = stage.make(json!({"url": url})).await;
            let answer = get(stage.address(), &format!("/{code}")).await;
            assert_eq!(answer.header("location"), Some(url.as_bytes()), "{url}");
            assert_eq!(answer.header("set-cookie"), None);
        }
        let longest = format!("https://example.org/{}", "a".repeat(2_048 - 20));
        let code = stage.make(json!({"url": longest})).await;
        assert_eq!(get(stage.address(), &format!("/{code}")).await.text("location"), longest);
        stage.stop().await;
    }

    async fn a_code_can_be_chosen_once(stage) {
        assert_eq!(stage.make(json!({"url": PLACE, "code": "Nuages-2026"})).await, "Nuages-2026");
        let answer = stage.post(json!({"url": "https://example.org/other", "code": "Nuages-2026"})).await;
        assert_eq!((answer.status, refused(&answer)), (409, "code".to_owned()));
        assert_eq!(get(stage.address(), "/Nuages-2026").await.text("location"), PLACE, "the first one stays");
        // Capitals matter.
        assert_eq!(stage.make(json!({"url": PLACE, "code": "nuages-2026"})).await, "nuages-2026");
        stage.stop().await;
    }

    async fn of_many_who_want_one_code_one_gets_it(stage) {
        let posts = (0..8).map(|number| {
            let url = format!("https://example.org/{number}");
            let body = json!({"url": url, "code": "wanted"}).to_string();
            let to = stage.address();
            tokio::spawn(async move { send(to, "POST /api/links", &[("content-type", "application/json")], &body).await.status })
        });
        let mut statuses = Vec::new();
        for post in posts.collect::<Vec<_>>() {
            statuses.push(post.await.expect("an answer"));
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
        stage.stop().await;
    }

    async fn what_cannot_be_taken_is_refused_by_field(stage) {
        let here = stage.address();
        let too_long = format!("https://example.org/{}", "a".repeat(2_048));
        for (body, field) in [
            (json!({}), "url"),
            (json!({"url": null}), "url"),
            (json!({"url": 5}), "url"),
            (json!({"url": ""}), "url"),
            (json!({"url": "example.org"}), "url"),
            (json!({"url": "javascript:alert(1)"}), "url"),
            (json!({"url": too_long}), "url"),
            (json!({"url": "https://ada:secret@example.org/"}), "url"),
            (json!({"url": "https://example.org/\r\nSet-Cookie: a=b"}), "url"),
            (json!({"url": "https://example.org/\u{0}"}), "url"),
            (json!({"url": format!("http://{here}/abc")}), "url"),
            (json!({"url": format!("http://localhost:{}/abc", here.port())}), "url"),
            (json!({"url": PLACE, "cod": "mine"}), "cod"),
            (json!({"url": PLACE, "code": ""}), "code"),
            (json!({"url": PLACE, "code": "api"}), "code"),
            (json!({"url": PLACE, "code": "a/b"}), "code"),
            (json!({"url": PLACE, "code": "1abcdef"}), "code"),
            (json!({"url": PLACE, "code": "x".repeat(65)}), "code"),
            (json!({"url": PLACE, "code": "\u{0}"}), "code"),
        ] {
            let answer = stage.post(body.clone()).await;
            assert_eq!(answer.status, 422, "{body} {answer:?}");
            assert_eq!(refused(&answer), field, "{body} {answer:?}");
        }
        let db = stage.stop().await;
        assert_eq!(nuages_shortener::Link::objects().count(&db).await.expect("a number"), 0);
    }

    async fn an_unknown_code_is_a_page_for_people_and_a_problem_for_programs(stage) {
        for path in ["/unknown", "/0000000", "/%00", "/%ff", "/a.b", "/%2e%2e%2fetc", "/favicon.ico"] {
            let answer = get(stage.address(), path).await;
            assert!(matches!(answer.status, 400 | 404), "{path} {answer:?}");
        }
        let page = send(stage.address(), "GET /unknown", &[("accept", "text/html")], "").await;
        assert_eq!(page.status, 404);
        assert!(page.text("content-type").starts_with("text/html") && page.body.contains("no such link"), "{page:?}");
        for code in ["unknown", "%00"] {
            let answer = get(stage.address(), &format!("/api/links/{code}")).await;
            assert_eq!((answer.status, answer.json()["detail"].as_str()), (404, Some("there is no such link")));
        }
        stage.stop().await;
    }

    async fn codes_are_made_alike_before_and_after_a_restart(stage) {
        let mut codes = HashSet::new();
        for _ in 0..20 {
            assert!(codes.insert(stage.make(json!({"url": PLACE})).await));
        }
        let stage: Stage = stage.restart().await;
        for _ in 0..20 {
            assert!(codes.insert(stage.make(json!({"url": PLACE})).await), "no code twice");
        }
        let db = stage.stop().await;
        assert_eq!(nuages_shortener::CodeKey::objects().count(&db).await.expect("a number"), 1);
    }

    async fn links_are_made_at_the_same_time(stage) {
        let posts = (0..40).map(|number| {
            let body = json!({"url": format!("https://example.org/{number}")}).to_string();
            let to = stage.address();
            tokio::spawn(async move {
                let answer = send(to, "POST /api/links", &[("content-type", "application/json")], &body).await;
                assert_eq!(answer.status, 201, "{answer:?}");
                answer.json()["code"].as_str().expect("a code").to_owned()
            })
        });
        let mut codes = HashSet::new();
        for post in posts.collect::<Vec<_>>() {
            codes.insert(post.await.expect("an answer"));
        }
        assert_eq!(codes.len(), 40);
        stage.stop().await;
    }
}
