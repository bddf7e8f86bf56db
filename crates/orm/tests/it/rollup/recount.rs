//! Figures that went wrong where their triggers were not, found and set right.

use nuages_orm::recount::Recount;
use nuages_orm::{Db, ErrorKind};

use super::*;
use crate::support::{Place, on_each_engine};

/// Runs statements while the triggers of the database are gone, as those of another program's tables are.
async fn without_triggers(db: &Db, place: &Place, statements: &[&str]) {
    let found: Vec<(String,)> = match place.is_sqlite() {
        true => db.raw("SELECT name FROM sqlite_master WHERE type = 'trigger'", ()).fetch().await.unwrap(),
        false => {
            let sql = "SELECT proname::text FROM pg_proc WHERE pronamespace = current_schema::regnamespace";
            db.raw(sql, ()).fetch().await.unwrap()
        }
    };
    for (name,) in found {
        let sql = place.choose(format!("DROP TRIGGER {name}"), format!("DROP FUNCTION {name}() CASCADE"));
        db.raw(sql, ()).execute().await.unwrap();
    }
    for sql in statements {
        db.raw(*sql, ()).execute().await.unwrap();
    }
}

async fn filled(db: &Db) {
    let ada = Author::builder().name("Ada").create(db).await.unwrap();
    for title in ["one", "two", "three"] {
        let post = Post::builder().author(&ada).title(title).create(db).await.unwrap();
        for second in 1..4 {
            Comment::builder().post(&post).author(&ada).at(moment(second)).create(db).await.unwrap();
        }
    }
}

on_each_engine! {
    async fn drift_is_found_and_set_right(place: Place) {
        let db = &blog(&place).await;
        filled(db).await;
        assert!(Recount::all().check(db).await.unwrap().iter().all(|figure| figure.is_sound()));
        without_triggers(db, &place, &[
            "UPDATE blog_post SET comment_count = 7 WHERE id <= 2",
            "UPDATE blog_post SET latest = NULL WHERE id = 3",
            "DELETE FROM blog_comment WHERE id = 1",
        ]).await;
        let found = Recount::of::<Post>().check(db).await.unwrap();
        let of = |name: &str| found.iter().find(|figure| figure.field == name).unwrap();
        let count = of("comment_count");
        assert_eq!((count.rows, count.wrong, count.fixed), (3, 2, 0));
        assert!(!count.is_sound());
        // Those on the comments and on the posts.
        assert_eq!(count.missing.len(), place.choose(7, 8), "{:?}", count.missing);
        let text = count.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], [
            "blog.Post.comment_count: wrong in 2 of 3 rows",
            "  row 1: 7 instead of 2",
            "  row 2: 7 instead of 3",
        ]);
        assert!(lines[3].starts_with("  not kept: without nuages_"), "{text}");
        let latest = of("latest");
        assert_eq!((latest.wrong, latest.sample[0].stored.clone()), (1, None));
        assert_eq!(latest.sample[0].truth.as_deref(), Some("2023-11-14T22:13:23.000000Z"));

        // The sum over these counts, too, whichever is asked for first.
        let fixed = Recount::all().named("blog.Author").named("blog.post.comment_count").fix(db).await.unwrap();
        let fields: Vec<&str> = fixed.iter().map(|figure| figure.field.as_str()).collect();
        assert_eq!(fields, ["comment_count", "comment_count", "received"]);
        assert_eq!(fixed[1].fixed, 2);
        assert!(fixed[1].to_string().starts_with("blog.Post.comment_count: was wrong in 2 of 3 rows, and is right now"));
        let left = Recount::all().check(db).await.unwrap();
        assert!(left.iter().filter(|figure| figure.model == "blog.Author").all(|figure| figure.wrong == 0));
        assert_eq!(left.iter().find(|figure| figure.field == "latest").unwrap().wrong, 1);

        let made = Recount::all().install(db).await.unwrap();
        assert_eq!(made, ["blog.Author", "blog.Link", "blog.Node", "blog.Post", "blog.Tag"]);
        for figure in Recount::all().check(db).await.unwrap() {
            assert!(figure.is_sound(), "{figure}");
        }
        assert_true(db, "install").await;
        Comment::builder().post_id(1).at(moment(50)).create(db).await.unwrap();
        assert_true(db, "a comment").await;
        assert_eq!(Recount::all().install(db).await.unwrap(), [""; 0]);
    }

    async fn figures_are_set_right_under_their_triggers(place: Place) {
        let db = &blog(&place).await;
        filled(db).await;
        // As a program does that goes by triggers of its own.
        let (begin, end) = place.choose(
            ("INSERT INTO nuages_counting VALUES (NULL)", "DELETE FROM nuages_counting"),
            ("SET LOCAL nuages.recount = 'on'", "SELECT 1"),
        );
        db.atomic(async |db: &Db| {
            for sql in [begin, "UPDATE blog_post SET score = score + id, tag_count = 3", end] {
                db.raw(sql, ()).writes().execute().await?;
            }
            Ok::<(), nuages_orm::Error>(())
        })
        .await
        .unwrap();
        let found = Recount::all().named("blog.Post").fix(db).await.unwrap();
        let wrong: Vec<(&str, u64, u64)> =
            found.iter().filter(|it| it.wrong > 0).map(|it| (it.field.as_str(), it.wrong, it.fixed)).collect();
        assert_eq!(wrong, [("score", 3, 3), ("tag_count", 3, 3)]);
        assert!(found.iter().all(|figure| figure.is_sound()));
        assert_true(db, "fix").await;
        // The guards are up again.
        db.raw("UPDATE blog_post SET score = 0", ()).execute().await.unwrap();
        assert_true(db, "an update by others").await;
    }

    async fn many_rows_are_compared_in_batches(place: Place) {
        let db = &blog(&place).await;
        let numbers = place.choose(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) SELECT i FROM n",
            "SELECT i FROM generate_series(1, 2500) AS g (i)",
        );
        let sql = format!("INSERT INTO blog_tag (label, post_count) SELECT 't' || i, 5 FROM ({numbers}) AS numbers");
        db.raw(sql, ()).execute().await.unwrap();
        let found = Recount::of::<Tag>().check(db).await.unwrap();
        assert_eq!((found[0].rows, found[0].wrong), (2500, 0));
        without_triggers(db, &place, &["UPDATE blog_tag SET post_count = id"]).await;
        let found = Recount::of::<Tag>().fix(db).await.unwrap();
        assert_eq!((found[0].rows, found[0].wrong, found[0].fixed, found[0].sample.len()), (2500, 2500, 2500, 10));
        assert!(found[0].to_string().contains("\n  and 2490 more\n"), "{}", found[0]);
        assert_eq!(Recount::of::<Tag>().check(db).await.unwrap()[0].wrong, 0);
    }

    async fn a_name_of_nothing_is_refused(place: Place) {
        let db = &blog(&place).await;
        let error = Recount::all().named("blog.Post.comment_cuont").check(db).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Field);
        let text = error.to_string();
        assert!(text.starts_with("`blog.Post.comment_cuont` is no figure that is kept: choices are blog.Author."), "{text}");
        assert!(text.ends_with("did you mean `blog.Post.comment_count`?"), "{text}");
        assert!(Recount::of::<Comment>().fix(db).await.is_err());
        assert_eq!(Recount::all().named("BLOG").check(db).await.unwrap().len(), 13);
    }
}
