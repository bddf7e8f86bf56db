//! Rows that are marked as deleted: what hides them, what marks them, and what brings them back.

use std::collections::HashSet;

use nuages_orm::db::capture;
use nuages_orm::expr::{count_rows, lower};
use nuages_orm::model::derived::condition;
use nuages_orm::model::{DeletionMark, Field, Unique};
use nuages_orm::signal::{Receiver, Saved, post_delete, post_save, pre_delete};
use nuages_orm::{
    Date, Db, Dialect, ErrorKind, ForeignKey, Kind, ManyToMany, Model, ModelDef, Models, OneToOne, Schema, SoftDelete,
    Timestamp, Value, migrate,
};

use crate::support::{Place, on_each_engine};

/// Has no mark: deleting one deletes for good.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press")]
pub(crate) struct House {
    pub id: i64,
    #[field(max_length = 30)]
    pub name: String,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press")]
pub(crate) struct Desk {
    pub id: i64,
    #[field(max_length = 30, unique_alive)]
    pub name: String,
    #[field(soft_delete)]
    pub is_closed: bool,
    #[field(on_delete = Cascade, related_name = "desks")]
    pub house: Option<ForeignKey<House>>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press", ordering = [id], unique(name = "press_article_desk_title", fields = [desk, title], alive))]
pub(crate) struct Article {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "articles")]
    pub desk: ForeignKey<Desk>,
    #[field(max_length = 30)]
    pub title: String,
    #[field(default = 0)]
    pub words: i32,
    #[field(on_delete = SetNull, related_name = "edited")]
    pub editor: Option<ForeignKey<Writer>>,
    #[field(soft_delete)]
    pub deleted_at: Option<Timestamp>,
    #[field(through = Credit, related_name = "articles")]
    pub writers: ManyToMany<Writer>,
    #[field(related_name = "articles")]
    pub tags: ManyToMany<Tag>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press", ordering = [id])]
pub(crate) struct Comment {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "comments")]
    pub article: ForeignKey<Article>,
    #[field(on_delete = Cascade, related_name = "replies")]
    pub answers: Option<ForeignKey<Comment>>,
    #[field(max_length = 30)]
    pub text: String,
    #[field(soft_delete)]
    pub deleted_at: Option<Timestamp>,
}

/// Has no mark: stays while its article is only marked.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press")]
pub(crate) struct Revision {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "revisions")]
    pub article: ForeignKey<Article>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press")]
pub(crate) struct Award {
    pub id: i64,
    #[field(on_delete = Protect, related_name = "awards")]
    pub article: ForeignKey<Article>,
    #[field(on_delete = Cascade, related_name = "awards")]
    pub desk: Option<ForeignKey<Desk>>,
    #[field(soft_delete)]
    pub withdrawn_at: Option<Timestamp>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press")]
pub(crate) struct Licence {
    pub id: i64,
    #[field(on_delete = Restrict, related_name = "licences")]
    pub article: ForeignKey<Article>,
    #[field(on_delete = Cascade, related_name = "licences")]
    pub desk: Option<ForeignKey<Desk>>,
    #[field(soft_delete)]
    pub ended_at: Option<Timestamp>,
}

/// Has no mark, and so is always in the way.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press")]
pub(crate) struct Lawsuit {
    pub id: i64,
    #[field(on_delete = Protect, related_name = "lawsuits")]
    pub article: ForeignKey<Article>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press", ordering = [name])]
pub(crate) struct Writer {
    pub id: i64,
    #[field(max_length = 30)]
    pub name: String,
    #[field(soft_delete)]
    pub deleted_at: Option<Timestamp>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press")]
pub(crate) struct Profile {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "profile")]
    pub writer: OneToOne<Writer>,
    #[field(soft_delete)]
    pub deleted_at: Option<Timestamp>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press", unique(name = "press_credit_once", fields = [article, writer], alive))]
pub(crate) struct Credit {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "+")]
    pub article: ForeignKey<Article>,
    #[field(on_delete = Cascade, related_name = "credits")]
    pub writer: ForeignKey<Writer>,
    #[field(soft_delete)]
    pub deleted_at: Option<Timestamp>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "press", ordering = [label])]
pub(crate) struct Tag {
    pub id: i64,
    #[field(max_length = 30)]
    pub label: String,
    #[field(soft_delete)]
    pub is_retired: bool,
}

pub(crate) fn models() -> Models {
    let models = Models::new().with::<House>().with::<Desk>().with::<Article>().with::<Comment>().with::<Revision>();
    let models = models.with::<Award>().with::<Licence>().with::<Lawsuit>().with::<Writer>().with::<Profile>();
    models.with::<Credit>().with::<Tag>()
}

/// A desk with two articles, "Nuages" with two comments, one of which has a reply.
pub(crate) struct Press {
    pub db: Db,
    pub desk: Desk,
    pub nuages: Article,
    pub swing: Article,
    pub praise: Comment,
    pub doubt: Comment,
    pub reply: Comment,
}

pub(crate) async fn press(place: &Place) -> Press {
    press_with(place, Vec::new()).await
}

async fn press_with(place: &Place, receivers: Vec<Receiver>) -> Press {
    let db = Db::builder(&place.url).models(models()).receivers(receivers).connect().await.unwrap();
    migrate::create_tables(&db).await.unwrap();
    let desk = Desk::builder().name("Music").create(&db).await.unwrap();
    let article = |title| Article::builder().desk(&desk).title(title);
    let nuages = article("Nuages").create(&db).await.unwrap();
    let swing = article("Minor Swing").create(&db).await.unwrap();
    let comment = |text| Comment::builder().article(&nuages).text(text);
    let praise = comment("lovely").create(&db).await.unwrap();
    let doubt = comment("too slow").create(&db).await.unwrap();
    let reply = comment("no").answers(&doubt).create(&db).await.unwrap();
    Press { db, desk, nuages, swing, praise, doubt, reply }
}

async fn titles(db: &Db, articles: nuages_orm::QuerySet<Article>) -> Vec<String> {
    articles.values(|a| a.title()).all(db).await.unwrap()
}

/// The moments at which comments were deleted, by text.
async fn comment_marks(db: &Db) -> Vec<(String, Option<Timestamp>)> {
    Comment::all_objects().values(|c| (c.text(), c.deleted_at())).all(db).await.unwrap()
}

/// A row as it is in the table.
async fn now<M: Model + Clone>(db: &Db, row: &M) -> M {
    let mut row = row.clone();
    row.refresh(db).await.unwrap();
    row
}

#[test]
fn the_mark_is_known_at_run_time_and_at_compile_time() {
    assert_eq!(Desk::definition().deletion_mark(), Some(DeletionMark::Flag("is_closed".into())));
    assert_eq!(Desk::DELETION_MARK, Desk::definition().deletion_mark());
    assert_eq!(Writer::definition().deletion_mark(), Some(DeletionMark::Moment("deleted_at".into())));
    assert_eq!(Writer::DELETION_MARK, Writer::definition().deletion_mark());
    assert_eq!((House::DELETION_MARK, House::definition().deletion_mark()), (None, None));
    let alive = Field::new("is_closed", Kind::Boolean).soft_delete(true).default(Value::Bool(false));
    assert_eq!(Desk::definition().fields[2], alive);
}

#[test]
fn unique_among_the_living_is_a_constraint_with_a_condition() {
    let unique = |name: &'static str, condition| Unique::new(name, ["name"]).condition(condition);
    let open = condition::<Desk>(|d| d.is_closed().eq(false));
    assert_eq!(Desk::definition().uniques, [unique("press_desk_name_alive", open)]);
    let alive = condition::<Article>(|a| a.deleted_at().is_null());
    let title = Unique::new("press_article_desk_title", ["desk", "title"]).condition(alive.clone());
    assert_eq!(Article::definition().uniques, [title]);

    #[derive(Model)]
    #[model(app = "press", unique(name = "loud", expressions = |s| lower(s.text()), alive, condition = |s| s.volume().gt(3)))]
    struct Slogan {
        id: i64,
        text: String,
        volume: i32,
        #[field(unique_alive = "one_a_day")]
        day: Date,
        #[field(soft_delete, column = "gone")]
        deleted_at: Option<Timestamp>,
    }
    let [day, loud] = <[Unique; 2]>::try_from(Slogan::definition().uniques).unwrap();
    let alive = condition::<Slogan>(|s| s.deleted_at().is_null());
    assert_eq!(day, Unique::new("one_a_day", ["day"]).condition(alive.clone()));
    assert_eq!(loud.condition, Some(alive.and(condition::<Slogan>(|s| s.volume().gt(3)))));
}

#[test]
fn marks_that_cannot_work_are_named_all_at_once() {
    let text = ModelDef::new("press", "Text")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("gone", Kind::Text).soft_delete(true))
        .primary_key("id");
    let twice = ModelDef::new("press", "Twice")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("gone", Kind::Boolean).soft_delete(true))
        .field(Field::new("when", Kind::DateTime).null(true).soft_delete(true))
        .primary_key("id");
    let proxy = ModelDef::new("press", "Proxy")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("name", Kind::Char { max_length: Some(30) }))
        .primary_key("id")
        .proxy_for("press.Desk");
    let models = models().with_definition(text).with_definition(twice).with_definition(proxy);
    let error = Schema::new(&models, Dialect::Sqlite).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(
        lines,
        [
            "press.Text.gone: marks deleted rows, which takes a boolean that is never null, or a date and time that may be \
             null",
            "press.Twice: both `gone` and `when` mark deleted rows; keep one of the two",
            "press.Proxy: is a second model on the rows of press.Desk, and must mark deleted ones alike; give both the \
             field `is_closed`, or neither",
        ]
    );
}

on_each_engine! {
    async fn what_is_deleted_is_hidden_but_still_there(place: Place) {
        let Press { db, desk, nuages, .. } = press(&place).await;
        let deleted = nuages.delete(&db).await.unwrap();
        assert_eq!(deleted.by_model["press.Article"], 1);
        assert_eq!(titles(&db, Article::objects()).await, ["Minor Swing"]);
        assert_eq!(titles(&db, Article::all_objects()).await, ["Nuages", "Minor Swing"]);
        assert_eq!(titles(&db, Article::deleted_objects()).await, ["Nuages"]);
        let by_key = Article::objects().filter(|a| a.id().eq(nuages.id));
        assert_eq!(by_key.get(&db).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!by_key.exists(&db).await.unwrap());
        assert_eq!(Article::objects().count(&db).await.unwrap(), 1);
        assert_eq!(Article::objects().aggregate(&db, |_| count_rows()).await.unwrap(), 1);
        let bulk = Article::objects().in_bulk(&db, &[nuages.id]).await.unwrap();
        assert!(bulk.is_empty());
        assert_eq!(Article::all_objects().in_bulk(&db, &[nuages.id]).await.unwrap().len(), 1);
        assert_eq!(db.raw("SELECT id FROM press_article", ()).fetch::<(i64,)>().await.unwrap().len(), 2);

        // With a boolean, too.
        desk.delete(&db).await.unwrap();
        assert_eq!(Desk::objects().count(&db).await.unwrap(), 0);
        assert_eq!(Desk::deleted_objects().get(&db).await.unwrap().id, desk.id);
        assert!(Desk::objects().filter(|d| d.id().eq(desk.id)).get(&db).await.unwrap_err().is_not_found());
    }

    async fn a_row_by_its_key_is_asked_for_without_the_machinery_and_by_the_same_words(place: Place) {
        let Press { db, desk, nuages, .. } = press(&place).await;
        let article = Article::objects().filter(|a| a.id().eq(nuages.id));
        let desks = Desk::objects().filter(|d| d.id().eq(desk.id));
        let (_, asked) = capture(async {
            article.get(&db).await.unwrap();
            desks.get(&db).await.unwrap();
        })
        .await;
        let unordered = article.order_by(|_| ());
        let whole = [unordered.sql(db.schema()), desks.sql(db.schema())].map(|sql| sql.unwrap().unwrap().sql);
        assert_eq!([&asked[0].sql, &asked[1].sql], [&whole[0], &whole[1]]);
        assert!(whole[0].ends_with(&place.sql(r#""deleted_at" IS NULL AND "press_article"."id" = $1)"#)), "{}", whole[0]);
        assert!(whole[1].contains(r#"WHERE (NOT "press_desk"."is_closed" AND"#), "{}", whole[1]);
    }

    async fn a_deletion_marks_what_can_be_marked_at_one_moment_and_writes_nothing_else(place: Place) {
        let Press { db, nuages, praise, swing, .. } = press(&place).await;
        Revision::builder().article(&nuages).create(&db).await.unwrap();
        let editor = Writer::builder().name("Ada").create(&db).await.unwrap();
        let mut edited = now(&db, &nuages).await;
        edited.editor = Some((&editor).into());
        edited.save(&db).await.unwrap();

        praise.delete(&db).await.unwrap();
        let before = now(&db, &praise).await.deleted_at;
        let deleted = nuages.delete(&db).await.unwrap();
        assert_eq!((deleted.total, deleted.by_model["press.Comment"]), (3, 2));
        let moment = now(&db, &nuages).await.deleted_at;
        assert!(before.is_some() && moment > before);
        let expected = [("lovely", before), ("too slow", moment), ("no", moment)].map(|(t, m)| (t.to_owned(), m));
        assert_eq!(comment_marks(&db).await, expected);
        assert_eq!(nuages.revisions().count(&db).await.unwrap(), 1);
        assert_eq!(now(&db, &swing).await.deleted_at, None);

        let deleted = editor.delete(&db).await.unwrap();
        assert_eq!(deleted.total, 1);
        assert_eq!(now(&db, &nuages).await.editor.map(|editor| *editor.key()), Some(editor.id));

        // What is marked is not marked again.
        assert_eq!(nuages.delete(&db).await.unwrap().total, 0);
        assert_eq!(now(&db, &nuages).await.deleted_at, moment);
    }

    async fn restoring_brings_back_exactly_what_the_deletion_took(place: Place) {
        let Press { db, nuages, praise, reply, doubt, .. } = press(&place).await;
        praise.delete(&db).await.unwrap();
        let before = now(&db, &praise).await.deleted_at;
        nuages.delete(&db).await.unwrap();

        let mut row = Article::deleted_objects().get(&db).await.unwrap();
        assert!(row.deleted_at.is_some());
        let restored = row.restore(&db).await.unwrap();
        assert_eq!((restored.total, restored.by_model["press.Comment"]), (3, 2));
        assert_eq!(row.deleted_at, None);
        assert_eq!(row, nuages);
        row.save(&db).await.unwrap();
        let expected = [("lovely", before), ("too slow", None), ("no", None)].map(|(t, m)| (t.to_owned(), m));
        assert_eq!(comment_marks(&db).await, expected);
        assert_eq!(row.restore(&db).await.unwrap().total, 0);

        // A part of what was deleted can be brought back alone, with what went with it.
        nuages.delete(&db).await.unwrap();
        let mut doubt = now(&db, &doubt).await;
        assert_eq!(doubt.restore(&db).await.unwrap().total, 2);
        assert_eq!(now(&db, &reply).await.deleted_at, None);
        assert!(now(&db, &nuages).await.deleted_at.is_some());
        let mut row = now(&db, &nuages).await;
        assert_eq!(row.restore(&db).await.unwrap().total, 1);

        let mut gone = now(&db, &doubt).await;
        doubt.hard_delete(&db).await.unwrap();
        let error = gone.restore(&db).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(
            error.to_string(),
            format!("press.Comment of row {}: is not in the database any more, so it cannot be restored", gone.id)
        );
    }

    async fn a_boolean_cannot_tell_and_brings_back_all_that_is_marked(place: Place) {
        let Press { db, desk, nuages, swing, praise, .. } = press(&place).await;
        praise.delete(&db).await.unwrap();
        nuages.delete(&db).await.unwrap();
        let deleted = desk.delete(&db).await.unwrap();
        assert_eq!(deleted.total, 2);
        let mut closed = Desk::deleted_objects().get(&db).await.unwrap();
        // Both articles, and of comments what went with theirs: their own moments tell.
        let restored = closed.restore(&db).await.unwrap();
        assert_eq!((restored.by_model["press.Article"], restored.by_model["press.Comment"]), (2, 2));
        assert!(!closed.is_closed);
        assert_eq!(now(&db, &swing).await.deleted_at, None);
        assert!(now(&db, &praise).await.deleted_at.is_some());
    }

    async fn living_rows_protect_and_deleted_ones_do_not(place: Place) {
        let Press { db, nuages, .. } = press(&place).await;
        let award = Award::builder().article(&nuages).create(&db).await.unwrap();
        let error = nuages.delete(&db).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protected);
        assert_eq!(
            error.to_string(),
            format!(
                "press.Article: cannot be deleted: protected by press.Award.article of rows {}; delete those rows first, or \
                 let them refer to others",
                award.id
            )
        );
        assert_eq!(Article::deleted_objects().count(&db).await.unwrap(), 0);
        assert_eq!(Comment::deleted_objects().count(&db).await.unwrap(), 0);
        award.delete(&db).await.unwrap();
        assert_eq!(nuages.delete(&db).await.unwrap().by_model["press.Article"], 1);

        // For good, it is in the way even so: its key would refer to nothing.
        assert_eq!(nuages.hard_delete(&db).await.unwrap_err().kind(), ErrorKind::Protected);
        award.hard_delete(&db).await.unwrap();
        nuages.hard_delete(&db).await.unwrap();

        let lawsuit = Lawsuit::builder().article(&Article::objects().get(&db).await.unwrap()).create(&db).await.unwrap();
        assert_eq!(Article::objects().delete(&db).await.unwrap_err().kind(), ErrorKind::Protected);
        lawsuit.delete(&db).await.unwrap();
        Article::objects().delete(&db).await.unwrap();
    }

    async fn what_goes_too_restricts_nothing_but_protects(place: Place) {
        let Press { db, desk, nuages, .. } = press(&place).await;
        let stays = Licence::builder().article(&nuages).create(&db).await.unwrap();
        assert_eq!(desk.delete(&db).await.unwrap_err().kind(), ErrorKind::Restricted);
        stays.delete(&db).await.unwrap();
        Licence::builder().article(&nuages).desk(&desk).create(&db).await.unwrap();
        assert_eq!(nuages.delete(&db).await.unwrap_err().kind(), ErrorKind::Restricted);
        let deleted = desk.delete(&db).await.unwrap();
        assert_eq!(deleted.by_model["press.Licence"], 1);

        let mut desk = now(&db, &desk).await;
        desk.restore(&db).await.unwrap();
        Licence::all_objects().hard_delete(&db).await.unwrap();
        Award::builder().article(&nuages).desk(&desk).create(&db).await.unwrap();
        assert_eq!(desk.delete(&db).await.unwrap_err().kind(), ErrorKind::Protected);
        assert!(!now(&db, &desk).await.is_closed);
    }

    async fn hard_deletion_deletes_marked_rows_too(place: Place) {
        let Press { db, nuages, praise, swing, .. } = press(&place).await;
        praise.delete(&db).await.unwrap();
        Revision::builder().article(&nuages).create(&db).await.unwrap();
        let deleted = nuages.hard_delete(&db).await.unwrap();
        assert_eq!((deleted.by_model["press.Comment"], deleted.by_model["press.Revision"]), (3, 1));
        assert_eq!(Comment::all_objects().count(&db).await.unwrap(), 0);

        swing.delete(&db).await.unwrap();
        assert_eq!(Article::objects().hard_delete(&db).await.unwrap().total, 0);
        assert_eq!(Article::deleted_objects().hard_delete(&db).await.unwrap().total, 1);
        assert_eq!(Article::all_objects().count(&db).await.unwrap(), 0);
    }

    async fn a_row_without_a_mark_takes_what_refers_to_it_for_good(place: Place) {
        let Press { db, mut desk, nuages, .. } = press(&place).await;
        let house = House::builder().name("Quintette").create(&db).await.unwrap();
        desk.house = Some((&house).into());
        desk.save(&db).await.unwrap();
        nuages.delete(&db).await.unwrap();
        let deleted = house.delete(&db).await.unwrap();
        assert_eq!((deleted.by_model["press.Article"], deleted.by_model["press.Comment"]), (2, 3));
        assert_eq!(Article::all_objects().count(&db).await.unwrap(), 0);
    }

    async fn queries_delete_and_restore_over_relations_and_in_bounded_statements(place: Place) {
        let Press { db, desk, nuages, .. } = press(&place).await;
        for number in 0..30 {
            let article = Article::builder().desk(&desk).title(format!("{number}")).create(&db).await.unwrap();
            Comment::builder().article(&article).text("again").create(&db).await.unwrap();
        }
        let commented = Article::objects().filter(|a| a.comments().text().eq("again") & a.desk().name().eq("Music"));
        let deleted = {
            let delete = async { commented.delete(&db).await.unwrap() };
            // BEGIN and COMMIT are not counted: one UPDATE of each model, and what might be in the way asked for.
            let (deleted, asked) = capture(delete).await;
            let updates = asked.iter().filter(|query| query.sql.starts_with("UPDATE")).count();
            assert_eq!(updates, 4, "articles, comments, replies, credits: {asked:#?}");
            deleted
        };
        assert_eq!((deleted.by_model["press.Article"], deleted.by_model["press.Comment"]), (30, 30));
        assert_eq!(Article::objects().count(&db).await.unwrap(), 2);

        let (restored, asked) = capture(async { Article::deleted_objects().restore(&db).await.unwrap() }).await;
        assert_eq!((restored.by_model["press.Article"], restored.by_model["press.Comment"]), (30, 30));
        assert!(asked.len() < 16, "{asked:#?}");
        assert_eq!(Article::objects().restore(&db).await.unwrap().total, 0);
        assert_eq!(nuages.comments().count(&db).await.unwrap(), 3);

        let sliced = Article::objects().limit(1).delete(&db).await.unwrap_err();
        assert_eq!(sliced.to_string(), "a query with a limit or offset cannot be deleted");
        let sliced = Article::deleted_objects().limit(1).restore(&db).await.unwrap_err();
        assert_eq!(sliced.to_string(), "a query with a limit or offset cannot be restored");
    }

    async fn a_deletion_is_undone_with_its_transaction(place: Place) {
        let Press { db, nuages, swing, .. } = press(&place).await;
        let outcome = db
            .atomic(async |db: &Db| {
                nuages.delete(db).await?;
                assert_eq!(Article::objects().count(db).await?, 1);
                let inner = db.atomic(async |db: &Db| {
                    swing.delete(db).await?;
                    Err::<(), _>(nuages_orm::Error::new(ErrorKind::Value, "no"))
                });
                assert!(inner.await.is_err());
                assert_eq!(Article::objects().count(db).await?, 1);
                Err::<(), _>(nuages_orm::Error::new(ErrorKind::Value, "no"))
            })
            .await;
        assert!(outcome.is_err());
        assert_eq!(Article::objects().count(&db).await.unwrap(), 2);
        assert_eq!(Comment::deleted_objects().count(&db).await.unwrap(), 0);

        db.atomic(async |db: &Db| nuages.delete(db).await).await.unwrap();
        let mut row = now(&db, &nuages).await;
        let outcome = db
            .atomic(async |db: &Db| {
                row.restore(db).await?;
                Err::<(), _>(nuages_orm::Error::new(ErrorKind::Value, "no"))
            })
            .await;
        assert!(outcome.is_err());
        assert_eq!(Article::objects().count(&db).await.unwrap(), 1);
    }

    async fn of_two_deletions_at_once_one_takes_each_row_and_all_that_goes_with_it(place: Place) {
        let Press { db, desk, .. } = press(&place).await;
        Article::all_objects().hard_delete(&db).await.unwrap();
        for number in 0..20 {
            let article = Article::builder().desk(&desk).title(format!("{number}")).create(&db).await.unwrap();
            for _ in 0..3 {
                Comment::builder().article(&article).text("so").create(&db).await.unwrap();
            }
        }
        let delete = |db: Db, over_a_join: bool| async move {
            let mut total = 0;
            for number in 0..20 {
                let title = number.to_string();
                let mut query = Article::objects().filter(|a| a.title().eq(title.as_str()));
                if over_a_join {
                    query = query.filter(|a| a.desk().name().eq("Music"));
                }
                total += query.delete(&db).await.unwrap().total;
            }
            total
        };
        let tasks = [false, true, true].map(|over_a_join| tokio::spawn(delete(db.clone(), over_a_join)));
        let mut total = 0;
        for task in tasks {
            total += task.await.unwrap();
        }
        assert_eq!(total, 20 + 60, "each row was marked once");
        let pairs = Comment::all_objects().values(|c| (c.deleted_at(), c.article().deleted_at())).all(&db).await.unwrap();
        assert_eq!(pairs.len(), 60);
        assert!(pairs.iter().all(|(comment, article)| comment.is_some() && comment == article));
        let moments: HashSet<Option<Timestamp>> = pairs.into_iter().map(|(comment, _)| comment).collect();
        assert_eq!(moments.len(), 20, "each deletion has a moment of its own");
    }

    async fn receivers_are_told_before_anything_is_marked_and_after(place: Place) {
        let receivers = vec![
            pre_delete::<Article>(async |db: &Db, article: &Article| note(db, format!("before {}", article.title)).await),
            post_delete::<Article>(async |db: &Db, article: &Article| note(db, format!("after {}", article.title)).await),
            pre_delete::<Comment>(comment_goes),
            post_save::<Comment>(comment_comes),
        ];
        let Press { db, nuages, praise, desk, .. } = press_with(&place, receivers).await;
        praise.delete(&db).await.unwrap();
        let deleted = nuages.delete(&db).await.unwrap();
        assert_eq!((deleted.by_model["press.Article"], deleted.by_model["press.Comment"]), (1, 2));
        assert_eq!(notes(&db).await, ["lovely: true", "too slow: true", "no: true", "before Nuages", "after Nuages"]);
        let moment = now(&db, &nuages).await.deleted_at;
        assert!(moment.is_some() && comment_marks(&db).await[1..].iter().all(|(_, comment)| *comment == moment));

        let restored = now(&db, &nuages).await.restore(&db).await.unwrap();
        assert_eq!((restored.by_model["press.Article"], restored.by_model["press.Comment"]), (1, 2));
        assert_eq!(notes(&db).await[5..], [r#"too slow: ["deleted_at"]"#, r#"no: ["deleted_at"]"#]);
        assert!(now(&db, &praise).await.deleted_at.is_some());

        // What stands in the way is found before anybody is told.
        let licence = Licence::builder().article(&nuages).create(&db).await.unwrap();
        assert_eq!(desk.delete(&db).await.unwrap_err().kind(), ErrorKind::Restricted);
        licence.hard_delete(&db).await.unwrap();
        Licence::builder().article(&nuages).desk(&desk).create(&db).await.unwrap();
        Award::builder().article(&nuages).desk(&desk).create(&db).await.unwrap();
        assert_eq!(desk.delete(&db).await.unwrap_err().kind(), ErrorKind::Protected);
        Award::all_objects().hard_delete(&db).await.unwrap();
        assert_eq!(notes(&db).await.len(), 7);

        // One that refuses keeps everything.
        let refused = Comment::builder().article(&nuages).text("keep").create(&db).await.unwrap();
        assert_eq!(desk.delete(&db).await.unwrap_err().kind(), ErrorKind::Refused);
        assert_eq!(Article::objects().count(&db).await.unwrap(), 2);
        refused.restore_text(&db, "let go").await;
        assert_eq!(desk.delete(&db).await.unwrap().by_model["press.Licence"], 1);

        // For good, those are told of too that were marked.
        let before = notes(&db).await.len();
        desk.hard_delete(&db).await.unwrap();
        assert_eq!(notes(&db).await[before..].iter().filter(|text| text.ends_with(": false")).count(), 4);
    }
}

impl Comment {
    async fn restore_text(mut self, db: &Db, text: &str) {
        self.text = text.to_owned();
        self.save_fields(db, |c| c.text()).await.unwrap();
    }
}

/// Whether the comment is alive in the table, and its article too, when it is told of.
async fn comment_goes(db: &Db, comment: &Comment) -> nuages_orm::Result<()> {
    if comment.text == "keep" {
        return Err(nuages_orm::Error::refused("is kept"));
    }
    let alive = Comment::objects().filter(|c| c.id().eq(comment.id) & c.article().deleted_at().is_null());
    let alive = alive.exists(db).await?;
    note(db, format!("{}: {alive}", comment.text)).await
}

async fn comment_comes(db: &Db, comment: Saved<'_, Comment>) -> nuages_orm::Result<()> {
    match comment.fields {
        Some(fields) if comment.deleted_at.is_none() && fields == ["deleted_at"] => {
            note(db, format!("{}: {fields:?}", comment.text)).await
        }
        _ => Ok(()),
    }
}

/// What receivers wrote down, in the transaction of what they were told of.
async fn note(db: &Db, text: String) -> nuages_orm::Result<()> {
    House::builder().name(text).create(db).await.map(drop)
}

async fn notes(db: &Db) -> Vec<String> {
    let notes: Vec<(String,)> = House::objects().order_by(|h| h.id()).values(|h| (h.name(),)).all(db).await.unwrap();
    notes.into_iter().map(|(text,)| text).collect()
}
