//! The page for people.

use serde_json::json;

use crate::http::{Answer, get, send};
use crate::stage::{Stage, on_each_engine};

const FORM: [(&str, &str); 2] = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];

async fn submit(stage: &Stage, fields: &str) -> Answer {
    send(stage.address(), "POST /", &FORM, fields).await
}

/// The page as people read it; the templates write `/` as a character reference, too.
fn read(page: &Answer) -> String {
    page.body.replace("&#x2f;", "/")
}

on_each_engine! {
    async fn the_form_makes_a_link_and_the_page_shows_it(stage) {
        let page = get(stage.address(), "/").await;
        assert_eq!(page.status, 200);
        assert!(page.text("content-type").starts_with("text/html"));
        assert!(page.body.contains(r#"<form class="card" method="post" action="/">"#) && page.body.contains("None yet"));

        let answer = submit(&stage, "url=+https%3A%2F%2Fexample.org%2F%3Fa%3D1%26b%3D2+&code=").await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let place = answer.text("location").to_owned();
        let code = place.strip_prefix("/?made=").expect("the code that was made").to_owned();
        let answer = get(stage.address(), &format!("/{code}")).await;
        assert_eq!(answer.text("location"), "https://example.org/?a=1&b=2");

        let page = get(stage.address(), &place).await;
        assert!(page.body.contains("Your link is ready"), "{}", page.body);
        assert!(read(&page).contains(&format!("http://{}/{code}", stage.address())), "{}", page.body);
        assert!(page.body.contains("<b>1</b>"), "the click just now is shown");
        stage.stop().await;
    }

    async fn what_is_wrong_stands_beside_the_field_and_what_was_typed_stays(stage) {
        let answer = submit(&stage, "url=ftp%3A%2F%2Fexample.org&code=api").await;
        assert_eq!(answer.status, 422);
        assert!(read(&answer).contains("The address must begin with http:// or https:// and a host."), "{}", answer.body);
        assert!(answer.body.contains("This ending is a word that the site keeps for itself."), "{}", answer.body);
        assert!(read(&answer).contains(r#"value="ftp://example.org""#) && answer.body.contains(r#"value="api""#));

        stage.make(json!({"url": "https://example.org", "code": "mine"})).await;
        let answer = submit(&stage, "url=https%3A%2F%2Fexample.org&code=mine").await;
        assert_eq!(answer.status, 409);
        assert!(answer.body.contains("This ending is taken"), "{}", answer.body);
        stage.stop().await;
    }

    async fn nothing_that_was_typed_becomes_markup(stage) {
        stage.make(json!({"url": "https://example.org/<script>alert(1)</script>\"'"})).await;
        for page in [
            get(stage.address(), "/").await,
            submit(&stage, "url=%3Cscript%3E%22&code=%3Cscript%3E%22").await,
            get(stage.address(), "/?made=%3Cscript%3E").await,
        ] {
            assert!(!page.body.contains("<script"), "{}", page.body);
        }
        stage.stop().await;
    }
}
