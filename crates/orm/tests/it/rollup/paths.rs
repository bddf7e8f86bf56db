//! Every path on which rows are written, and what becomes of the figures.

use nuages_orm::{Db, Decimal, ErrorKind, Model, Value};

use super::*;
use crate::support::on_each_engine;

async fn run(db: &Db, sql: &str) {
    if let Err(error) = db.raw(sql.to_owned(), ()).execute().await {
        panic!("{sql}: {error}: {:?}", std::error::Error::source(&error));
    }
}

/// Two authors, two posts of the first, and no comments.
async fn two_posts(db: &Db) -> (Author, [Post; 2]) {
    let ada = Author::builder().name("Ada").create(db).await.unwrap();
    Author::builder().name("Bob").create(db).await.unwrap();
    let one = Post::builder().author(&ada).title("one").create(db).await.unwrap();
    let two = Post::builder().author(&ada).title("two").create(db).await.unwrap();
    (ada, [one, two])
}

on_each_engine! {
    async fn rows_written_by_the_orm_are_counted(place: Place) {
        let db = &blog(&place).await;
        let (ada, [one, two]) = two_posts(db).await;
        assert_eq!((one.comment_count, one.paid, one.latest), (0, Decimal::ZERO, None));
        let first = Comment::builder().post(&one).author(&ada).at(moment(5)).price(Decimal::new(150, 2));
        let mut first = first.create(db).await.unwrap();
        Comment::builder().post(&one).is_public(false).score(-3).at(moment(9)).create(db).await.unwrap();
        Comment::builder().post(&one).score(-2).at(moment(7)).price(Decimal::new(333, 2)).create(db).await.unwrap();
        assert_true(db, "create").await;
        let post = Post::objects().filter(|p| p.id().eq(one.id)).get(db).await.unwrap();
        assert_eq!((post.comment_count, post.public_count, post.score), (3, 1, -4));
        assert_eq!((post.paid, post.latest, post.earliest), (Decimal::new(483, 2), Some(moment(9)), Some(moment(5))));

        first.post = (&two).into();
        first.at = Some(moment(1));
        first.save(db).await.unwrap();
        assert_true(db, "move to another parent").await;
        first.is_public = false;
        first.author = None;
        first.save_fields(db, |c| (c.is_public(), c.author_id())).await.unwrap();
        assert_true(db, "save_fields").await;

        let all = Comment::objects().filter(|c| c.post_id().eq(one.id));
        all.clone().update(db, |c| (c.score().set(c.score() + 5), c.is_public().set(true))).await.unwrap();
        assert_true(db, "update of the rows").await;
        all.clone().update(db, |c| c.post_id().set(two.id)).await.unwrap();
        assert_true(db, "update that moves them").await;
        Comment::objects().filter(|c| c.at().gte(moment(9))).delete(db).await.unwrap();
        assert_true(db, "deletion of the latest").await;
        first.delete(db).await.unwrap();
        assert_true(db, "deletion of one").await;
        Comment::builder().post(&one).author(&ada).create(db).await.unwrap();
        two.delete(db).await.unwrap();
        assert_true(db, "cascade").await;
        ada.delete(db).await.unwrap();
        assert_eq!(Comment::objects().count(db).await.unwrap(), 0);
        assert_true(db, "cascade of the whole").await;
    }

    async fn pairs_are_counted_on_either_side(place: Place) {
        let db = &blog(&place).await;
        let (_, [one, two]) = two_posts(db).await;
        let mut tags = Vec::new();
        for label in ["a", "b", "c"] {
            tags.push(Tag::builder().label(label).create(db).await.unwrap().id);
        }
        one.tags.add(db, tags.clone()).await.unwrap();
        one.tags.add(db, tags.clone()).await.unwrap();
        two.tags.add(db, [tags[0]]).await.unwrap();
        assert_true(db, "add").await;
        assert_eq!(Tag::objects().filter(|t| t.label().eq("a")).get(db).await.unwrap().post_count, 2);
        one.tags.remove(db, [tags[0]]).await.unwrap();
        assert_true(db, "remove").await;
        one.tags.set(db, [tags[0], tags[2]]).await.unwrap();
        assert_true(db, "set").await;
        two.tags.clear(db).await.unwrap();
        assert_true(db, "clear").await;
        one.delete(db).await.unwrap();
        assert_true(db, "cascade").await;
        Tag::objects().delete(db).await.unwrap();
        assert_true(db, "deletion of the others").await;
    }

    async fn trees_and_other_keys_are_counted(place: Place) {
        let db = &blog(&place).await;
        let root = Node::builder().create(db).await.unwrap();
        let branch = Node::builder().parent(&root).create(db).await.unwrap();
        for _ in 0..3 {
            Node::builder().parent(&branch).create(db).await.unwrap();
        }
        assert_true(db, "create").await;
        Node::objects().filter(|n| n.parent_id().eq(branch.id)).update(db, |n| n.parent_id().set(root.id)).await.unwrap();
        assert_true(db, "move").await;
        branch.delete(db).await.unwrap();
        assert_true(db, "delete").await;
        // Parents and children by one statement, and a row that refers to itself.
        run(db, "INSERT INTO blog_node (id, parent_id, child_count) VALUES (101, 100, 7), (100, 100, 7), (102, 101, 0)").await;
        assert_true(db, "a subtree in one statement").await;
        run(db, "UPDATE blog_node SET id = id + 100, parent_id = parent_id + 100 WHERE id >= 100").await;
        assert_true(db, "new keys").await;
        run(db, "DELETE FROM blog_node").await;

        let link = Link::builder().code("abc").create(db).await.unwrap();
        for _ in 0..2 {
            Click::builder().link_id("abc").create(db).await.unwrap();
        }
        assert_true(db, "clicks").await;
        db.atomic(async |db: &Db| {
            // Clicks of the new code are there before it.
            db.raw("UPDATE blog_click SET link_id = 'xyz' WHERE id = (SELECT min(id) FROM blog_click)", ()).execute().await?;
            db.raw("UPDATE blog_link SET code = 'xyz'", ()).execute().await?;
            db.raw("UPDATE blog_click SET link_id = 'xyz'", ()).execute().await
        })
        .await
        .unwrap();
        assert_true(db, "another code").await;
        assert_eq!(Link::objects().filter(|l| l.id().eq(link.id)).get(db).await.unwrap().click_count, 2);
    }

    async fn statements_by_hand_are_counted(place: Place) {
        let db = &blog(&place).await;
        let (_, [one, two]) = two_posts(db).await;
        let (one, two) = (one.id, two.id);
        let second = place.choose("1000000", "interval '1 s'");
        let many = place.choose(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i FROM n",
            "SELECT i FROM generate_series(1, 200) AS g (i)",
        );
        let (yes, no) = place.choose(("1", "0"), ("true", "false"));
        let sql = format!(
            "INSERT INTO blog_comment (post_id, author_id, is_public, score, price, took, at) SELECT CASE WHEN i % 3 = 0 \
             THEN {one} ELSE {two} END, CASE WHEN i % 2 = 0 THEN 1 END, CASE WHEN i % 5 = 0 THEN {no} ELSE {yes} END, \
             i - 50, i * 0.01, {second}, NULL FROM ({many}) AS numbers"
        );
        run(db, &sql).await;
        assert_true(db, "insert of many").await;
        run(db, &format!("UPDATE blog_comment SET post_id = {one} + {two} - post_id, price = price + 0.1")).await;
        assert_true(db, "update of all").await;
        run(db, "UPDATE blog_comment SET is_public = NOT is_public, author_id = 2 WHERE id % 4 = 0").await;
        assert_true(db, "update of some").await;
        run(db, "DELETE FROM blog_comment WHERE id % 2 = 0").await;
        assert_true(db, "delete of some").await;
        run(db, place.choose("DELETE FROM blog_comment", "TRUNCATE blog_comment")).await;
        assert_true(db, "delete of all").await;
        assert_eq!(Post::objects().filter(|p| p.comment_count().eq(0)).count(db).await.unwrap(), 2);
    }

    async fn other_hands_change_nothing(place: Place) {
        let db = &blog(&place).await;
        let (_, [one, _]) = two_posts(db).await;
        let mut stale = one.clone();
        Comment::builder().post(&one).create(db).await.unwrap();
        stale.title = "anew".into();
        stale.save(db).await.unwrap();
        assert_eq!(stale.comment_count, 1, "read back");
        assert_true(db, "save of a row that was read before").await;
        // As a program does that knows nothing of it, and saves all columns.
        run(db, "UPDATE blog_post SET title = 'theirs', comment_count = 0, score = 77, latest = NULL").await;
        assert_true(db, "update of all columns").await;
        run(db, "UPDATE blog_post SET comment_count = comment_count + 1").await;
        assert_true(db, "an update of its own").await;
        run(db, &format!("INSERT INTO blog_post (author_id, title, comment_count, public_count, score, paid, took, \
                 latest, tag_count) VALUES (1, 'new', 5, 5, 5, 5, {}, '2026-01-01', 5)",
                 place.choose("5", "interval '5 s'"))).await;
        assert_true(db, "a new row with figures").await;
        assert_eq!(Post::objects().filter(|p| p.title().eq("theirs")).count(db).await.unwrap(), 2);
    }

    async fn rows_that_are_there_before_their_parent_are_counted(place: Place) {
        let db = &blog(&place).await;
        let (_, _) = two_posts(db).await;
        db.atomic(async |db: &Db| {
            if place.is_sqlite() {
                db.raw("PRAGMA defer_foreign_keys = ON", ()).execute().await?;
            }
            Comment::builder().post_id(50).create(db).await?;
            Comment::builder().post_id(50).at(moment(3)).create(db).await?;
            let comment = Comment::builder().post_id(51).create(db).await?;
            db.raw("INSERT INTO blog_post (id, author_id, title, comment_count, public_count, score, paid, took, tag_count) \
                    SELECT id + 49, 1, 'late', 0, 0, 0, 0, took, 0 FROM blog_post", ()).execute().await?;
            comment.delete(db).await
        })
        .await
        .unwrap();
        assert_true(db, "the parents").await;
    }

    async fn what_is_rolled_back_was_never_counted(place: Place) {
        let db = &blog(&place).await;
        let (_, [one, two]) = two_posts(db).await;
        Comment::builder().post(&one).at(moment(1)).create(db).await.unwrap();
        db.atomic(async |db: &Db| {
            Comment::builder().post(&one).at(moment(2)).create(db).await?;
            let undone = db.atomic(async |db: &Db| {
                Comment::builder().post(&two).at(moment(3)).create(db).await?;
                Comment::objects().update(db, |c| c.post_id().set(two.id)).await?;
                Err::<(), _>(nuages_orm::Error::new(ErrorKind::Validation, "no"))
            });
            assert!(undone.await.is_err());
            assert_true(db, "a savepoint").await;
            Ok::<(), nuages_orm::Error>(())
        })
        .await
        .unwrap();
        assert_true(db, "the rest of it").await;
        let undone: Result<(), _> = db.atomic(async |db: &Db| {
            Comment::objects().delete(db).await?;
            Err(nuages_orm::Error::new(ErrorKind::Validation, "no"))
        }).await;
        assert!(undone.is_err());
        assert_true(db, "a rollback").await;
        assert_eq!(Comment::objects().count(db).await.unwrap(), 2);
    }

    async fn figures_cannot_be_set_by_the_program(place: Place) {
        let db = &blog(&place).await;
        let (_, [one, _]) = two_posts(db).await;
        let error = Post::objects().update(db, |p| p.comment_count().set(3)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Field);
        assert_eq!(
            error.to_string(),
            "blog.Post.comment_count: is kept by the database: it counts `comments`, and cannot be set; leave it out"
        );
        let given = Post::builder().author_id(1).title("x").build().set("score", Value::Int(3));
        let error = given.create(db).await.unwrap_err();
        assert!(error.to_string().contains("blog.Post.score: is kept by the database: it sums `comments.score`"), "{error}");
        let mut one = one;
        let error = one.save_fields(db, |p| p.latest()).await.unwrap_err();
        assert!(error.to_string().contains("it holds the latest `comments.at`"), "{error}");
        assert_true(db, "nothing").await;
    }
}
