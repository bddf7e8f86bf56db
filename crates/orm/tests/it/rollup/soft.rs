//! Rows that are marked as deleted do not count.

use nuages_orm::migrate::{Field, Kind, Lookup, Rollup, State, all, compare, create_tables, detect, field};
use nuages_orm::recount::Recount;
use nuages_orm::{Db, Dialect, ForeignKey, ManyToMany, Model, Models, Schema, SoftDelete, Timestamp};

use crate::support::on_each_engine;

#[derive(Model, Debug, Clone)]
#[model(app = "soft")]
struct Thread {
    pub id: i64,
    #[field(counts = "replies")]
    pub reply_count: i32,
    #[field(counts(of = "replies", where = |r: Reply| r.stars().gt(0)))]
    pub starred_count: i32,
    #[field(latest = "notes.at")]
    pub noted: Option<Timestamp>,
}

#[derive(Model, Debug, Clone)]
#[model(app = "soft")]
struct Reply {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "replies")]
    pub thread: ForeignKey<Thread>,
    #[field(default = 1)]
    pub stars: i32,
    #[field(soft_delete)]
    pub is_deleted: bool,
}

#[derive(Model, Debug, Clone)]
#[model(app = "soft")]
struct Note {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "notes")]
    pub thread: ForeignKey<Thread>,
    pub at: Timestamp,
    #[field(soft_delete)]
    pub deleted_at: Option<Timestamp>,
}

fn models() -> Models {
    Models::new().with::<Thread>().with::<Reply>().with::<Note>()
}

async fn run(db: &Db, sql: &str) {
    db.raw(sql, ()).execute().await.unwrap();
}

on_each_engine! {
    async fn deleting_restoring_and_deleting_for_good_move_the_figure(place: Place) {
        let db = &Db::connect(&place.url, models()).await.unwrap();
        create_tables(db).await.unwrap();
        let thread = Thread::builder().create(db).await.unwrap();
        let mut replies = Vec::new();
        for stars in 0..3 {
            replies.push(Reply::builder().thread(&thread).stars(stars).create(db).await.unwrap());
        }
        let counts = async || {
            let thread = Thread::objects().get(db).await.unwrap();
            let seen = Reply::objects().filter(|r| r.thread_id().eq(thread.id)).count(db).await.unwrap();
            assert_eq!(i64::from(thread.reply_count), seen);
            (thread.reply_count, thread.starred_count)
        };
        assert_eq!(counts().await, (3, 2));
        replies[2].delete(db).await.unwrap();
        assert_eq!(counts().await, (2, 1));
        replies[2].restore(db).await.unwrap();
        assert_eq!(counts().await, (3, 2));
        Reply::objects().filter(|r| r.stars().gte(1)).delete(db).await.unwrap();
        assert_eq!(counts().await, (1, 0));
        replies[2].hard_delete(db).await.unwrap();
        assert_eq!(counts().await, (1, 0));
        replies[0].hard_delete(db).await.unwrap();
        assert_eq!(counts().await, (0, 0));
    }

    async fn marking_a_row_as_deleted_moves_the_figure_and_unmarking_it_too(place: Place) {
        let db = &Db::connect(&place.url, models()).await.unwrap();
        create_tables(db).await.unwrap();
        run(db, "INSERT INTO soft_thread (id, reply_count, starred_count) VALUES (1, 0, 0)").await;
        let (yes, no) = place.choose(("1", "0"), ("true", "false"));
        for stars in [0, 1, 2] {
            run(db, &format!("INSERT INTO soft_reply (thread_id, stars, is_deleted) VALUES (1, {stars}, {no})")).await;
        }
        run(db, "INSERT INTO soft_note (thread_id, at) VALUES (1, '2026-01-01'), (1, '2026-01-02')").await;
        let figures = async || {
            for figure in Recount::all().check(db).await.unwrap() {
                assert!(figure.is_sound(), "{figure}");
            }
            let thread = Thread::objects().get(db).await.unwrap();
            (thread.reply_count, thread.starred_count, thread.noted.unwrap().strftime("%d").to_string())
        };
        assert_eq!(figures().await, (3, 2, "02".to_owned()));
        run(db, &format!("UPDATE soft_reply SET is_deleted = {yes} WHERE stars < 2")).await;
        run(db, "UPDATE soft_note SET deleted_at = '2026-02-01' WHERE id = 2").await;
        assert_eq!(figures().await, (1, 1, "01".to_owned()));
        run(db, &format!("UPDATE soft_reply SET is_deleted = {no} WHERE stars = 0")).await;
        run(db, "UPDATE soft_note SET deleted_at = NULL").await;
        assert_eq!(figures().await, (2, 1, "02".to_owned()));
        run(db, &format!("INSERT INTO soft_reply (thread_id, stars, is_deleted) VALUES (1, 5, {yes})")).await;
        run(db, &format!("DELETE FROM soft_reply WHERE is_deleted = {yes}")).await;
        assert_eq!(figures().await, (2, 1, "02".to_owned()));
    }
}

#[test]
fn migrations_say_which_rows_count() {
    let state = State::of(&models()).unwrap();
    let thread = state.model("soft", "Thread").unwrap();
    let alive = || compare(field("is_deleted"), Lookup::Exact, false);
    assert_eq!(
        thread.fields[1..],
        [
            Field::new("reply_count", Kind::Integer).rollup(Rollup::count("replies").only(alive())),
            Field::new("starred_count", Kind::Integer)
                .rollup(Rollup::count("replies").only(all([alive(), compare(field("stars"), Lookup::Gt, 0)]))),
            Field::new("noted", Kind::DateTime).null(true).rollup(Rollup::latest("notes", "at").only(compare(
                field("deleted_at"),
                Lookup::IsNull,
                true
            ))),
        ]
    );
    let history = detect(&models(), &[]).unwrap();
    assert_eq!(detect(&models(), &history).unwrap(), []);
    // A mark that comes later changes what counts.
    let mut before = Models::new();
    for model in models().definitions() {
        let mut model = (**model).clone();
        model.fields.iter_mut().for_each(|field| field.soft_delete = false);
        before = before.with_definition(model);
    }
    let history = detect(&before, &[]).unwrap();
    let changes = detect(&models(), &history).unwrap();
    let told: Vec<String> = changes[0].operations.iter().map(|operation| operation.describe()).collect();
    assert_eq!(
        told,
        ["Alter field reply_count on Thread", "Alter field starred_count on Thread", "Alter field noted on Thread"]
    );
}

#[test]
fn pairs_with_rows_that_are_marked_cannot_be_counted() {
    #[derive(Model, Debug, Clone)]
    #[model(app = "soft")]
    struct Reader {
        pub id: i64,
        pub read: ManyToMany<Reply>,
        #[field(counts = "read")]
        pub read_count: i32,
    }
    let _count = |reader: &Reader| (reader.read_count, reader.id, reader.read.clone());
    let error = Schema::new(&models().with::<Reader>(), Dialect::Sqlite).unwrap_err().to_string();
    assert_eq!(
        error,
        "soft.Reader.read_count: counts `read`, but rows of soft.Reply are marked as deleted and hidden, which the pairs in \
         soft.Reader_read do not say; go through a model of your own with a mark, and count that by its way back"
    );
}
