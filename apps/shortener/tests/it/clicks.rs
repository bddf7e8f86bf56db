//! Counting.

use nuages::prelude::*;
use nuages_shortener::Link;
use serde_json::json;

use crate::http::get;
use crate::stage::on_each_engine;

/// The clicks that the table has.
async fn stored(db: &Db, code: &str) -> i64 {
    Link::objects().filter(|link| link.code().eq(code)).get(db).await.expect("the link").clicks
}

on_each_engine! {
    async fn no_click_is_lost_or_counted_twice_while_others_look(stage) {
        const TASKS: i64 = 8;
        const EACH: i64 = 50;
        let hot = stage.make(json!({"url": "https://example.org/hot"})).await;
        let cold = stage.make(json!({"url": "https://example.org/cold"})).await;
        let to = stage.address();
        let clickers: Vec<_> = (0..TASKS)
            .map(|task| {
                let (hot, cold) = (hot.clone(), cold.clone());
                tokio::spawn(async move {
                    for click in 0..EACH {
                        let code = if (click + task) % 5 == 0 { &cold } else { &hot };
                        assert_eq!(get(to, &format!("/{code}")).await.status, 302);
                    }
                })
            })
            .collect();
        let mut seen = 0;
        while clickers.iter().any(|clicker| !clicker.is_finished()) {
            let now = stage.clicks(&hot).await;
            assert!((seen..=TASKS * EACH).contains(&now), "{now} after {seen}");
            seen = now;
        }
        for clicker in clickers {
            clicker.await.expect("every click was answered");
        }
        let (hot_clicks, cold_clicks) = (stage.clicks(&hot).await, stage.clicks(&cold).await);
        assert_eq!((hot_clicks, cold_clicks), (TASKS * EACH * 4 / 5, TASKS * EACH / 5));
        let db = stage.stop().await;
        assert_eq!((stored(&db, &hot).await, stored(&db, &cold).await), (hot_clicks, cold_clicks));
    }

    async fn stopping_writes_every_click(stage) {
        let code = stage.make(json!({"url": "https://example.org/"})).await;
        for _ in 0..3 {
            get(stage.address(), &format!("/{code}")).await;
        }
        let stage = stage.restart().await;
        assert_eq!(stage.clicks(&code).await, 3);
        get(stage.address(), &format!("/{code}")).await;
        let db = stage.stop().await;
        assert_eq!(stored(&db, &code).await, 4);
    }

    async fn a_link_that_is_deleted_takes_its_clicks_along(stage) {
        let gone = stage.make(json!({"url": "https://example.org/gone"})).await;
        let left = stage.make(json!({"url": "https://example.org/left"})).await;
        get(stage.address(), &format!("/{gone}")).await;
        get(stage.address(), &format!("/{left}")).await;
        let db = stage.restart().await.stop().await;
        Link::objects().filter(|link| link.code().eq(gone.as_str())).delete(&db).await.expect("it goes");
        assert_eq!(stored(&db, &left).await, 1);
    }
}
