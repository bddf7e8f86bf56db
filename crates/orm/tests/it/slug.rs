//! Slugs that are made for new rows, on each way that a row is written.

use std::collections::HashSet;

use nuages_orm::db::assert_queries;
use nuages_orm::fixture::{Format, Load};
use nuages_orm::migrate::{Field, Kind, Migration, Migrator, Past, Target, create_tables, detect};
use nuages_orm::signal::{Draft, pre_save};
use nuages_orm::{Db, Dialect, Error, ErrorKind, Model, ModelDef, Models, Result, Schema, Slug, SoftDelete, Value};

use crate::support::{Place, on_each_engine};

#[derive(Model, Debug, Clone)]
#[model(app = "press")]
struct Post {
    id: i64,
    #[field(max_length = 200)]
    title: String,
    #[field(unique, slug_from = title)]
    slug: Slug,
    #[field(max_length = 20, unique)]
    code: Option<String>,
}

/// A slug that is unique within a site only, in letters of all scripts.
#[derive(Model, Debug, Clone)]
#[model(app = "press", unique(name = "press_page_site_slug", fields = [site, slug]))]
struct Page {
    id: i64,
    site: i64,
    title: Option<String>,
    #[field(slug_from = title, slug_unicode, max_length = 16)]
    slug: Option<Slug>,
}

/// A slug that is free again once its row is deleted.
#[derive(Model, Debug, Clone)]
#[model(app = "press")]
struct Note {
    id: i64,
    #[field(max_length = 200)]
    title: String,
    #[field(unique_alive, slug_from = title)]
    slug: Slug,
    #[field(soft_delete)]
    is_deleted: bool,
}

fn models() -> Models {
    Models::new().with::<Post>().with::<Page>().with::<Note>()
}

async fn press(place: &Place) -> Db {
    let db = Db::connect(&place.url, models()).await.unwrap();
    create_tables(&db).await.unwrap();
    db
}

async fn post(db: &Db, title: &str) -> Result<Post> {
    Post::builder().title(title).create(db).await
}

async fn page(db: &Db, site: i64, title: &str) -> String {
    Page::builder().site(site).title(title).create(db).await.unwrap().slug.unwrap().to_string()
}

on_each_engine! {
    async fn a_new_row_gets_the_first_slug_that_is_free(place: Place) {
        let db = press(&place).await;
        let slugs = ["Crème brûlée", "creme  BRULEE!", "Creme brulee", "!!!", "你好"];
        let mut made = Vec::new();
        for title in slugs {
            made.push(post(&db, title).await.unwrap().slug.to_string());
        }
        assert_eq!(made, ["creme-brulee", "creme-brulee-2", "creme-brulee-3", "post", "post-2"]);
        // One statement where the slug is free, one more for each that is taken.
        assert_queries(1, post(&db, "Free")).await.unwrap();
        assert_queries(2, post(&db, "Free")).await.unwrap();
        // After twenty, a suffix by chance.
        for _ in 0..20 {
            post(&db, "Many").await.unwrap();
        }
        let last = post(&db, "Many").await.unwrap().slug.to_string();
        assert_eq!((&last[..5], last.len()), ("many-", 17));
    }

    async fn a_slug_that_is_given_is_kept_or_refused(place: Place) {
        let db = press(&place).await;
        let given = Post::builder().title("Title").slug("mine").create(&db).await.unwrap();
        assert_eq!(given.slug.to_string(), "mine");
        let error = Post::builder().title("Other").slug("mine").create(&db).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        // What else is unique is not what the slug is tried again for.
        Post::builder().title("Coded").code("a").create(&db).await.unwrap();
        let error = Post::builder().title("Coded too").code("a").create(&db).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        assert_eq!(Post::objects().count(&db).await.unwrap(), 2);
    }

    async fn a_taken_slug_leaves_the_transaction_as_it_is(place: Place) {
        let db = press(&place).await;
        post(&db, "Swing").await.unwrap();
        let made = db.atomic(async |db: &Db| {
            let first = post(db, "Swing").await?;
            let second = post(db, "Swing").await?;
            Ok::<_, Error>((first.slug.to_string(), second.slug.to_string()))
        }).await.unwrap();
        assert_eq!(made, ("swing-2".to_owned(), "swing-3".to_owned()));
        assert_eq!(Post::objects().count(&db).await.unwrap(), 3);
    }

    async fn it_is_cut_before_its_suffix_and_unique_with_other_fields(place: Place) {
        let db = press(&place).await;
        assert_eq!(page(&db, 1, "Наша новая страница").await, "наша-новая-стран");
        assert_eq!(page(&db, 1, "Наша новая страница").await, "наша-новая-стр-2");
        assert_eq!(page(&db, 2, "Наша новая страница").await, "наша-новая-стран");
        assert_eq!(page(&db, 1, "Fifteen letters and more").await, "fifteen-letters");
        let untitled = Page::builder().site(3).create(&db).await.unwrap();
        assert_eq!(untitled.slug.unwrap().to_string(), "page");
    }

    async fn a_deleted_row_gives_its_slug_back(place: Place) {
        let db = press(&place).await;
        let note = async |title: &'static str| Note::builder().title(title).create(&db).await.unwrap();
        let first = note("Swing").await;
        assert_eq!(note("Swing").await.slug.to_string(), "swing-2");
        first.delete(&db).await.unwrap();
        assert_eq!(note("Swing").await.slug.to_string(), "swing");
        // The row that comes back does not take it away.
        let mut first = Note::deleted_objects().get(&db).await.unwrap();
        assert!(first.restore(&db).await.unwrap_err().is_unique_violation());
    }

    async fn it_stays_when_the_title_changes(place: Place) {
        let db = press(&place).await;
        let mut row = post(&db, "Swing").await.unwrap();
        row.title = "Bebop".to_owned();
        row.save(&db).await.unwrap();
        row.title = "Cool".to_owned();
        row.save_fields(&db, |p| p.title()).await.unwrap();
        Post::objects().update(&db, |p| p.title().set("Free")).await.unwrap();
        row.refresh(&db).await.unwrap();
        assert_eq!((row.title.as_str(), row.slug.to_string().as_str()), ("Free", "swing"));
        // What rows are set to, they have: here nobody chooses another.
        let other = post(&db, "Other").await.unwrap();
        row.slug = other.slug.clone();
        assert!(row.save(&db).await.unwrap_err().is_unique_violation());
        let same = Post::objects().update(&db, |p| p.slug().set("same")).await.unwrap_err();
        assert!(same.is_unique_violation());
    }

    async fn each_way_to_make_a_row_makes_its_slug(place: Place) {
        let db = press(&place).await;
        post(&db, "Swing").await.unwrap();
        let mut saved = Post { id: 0, title: "Swing".to_owned(), slug: String::new().into(), code: None };
        saved.save(&db).await.unwrap();
        assert_eq!(saved.slug.to_string(), "swing-2");
        let swing = Post::objects().filter(|p| p.code().eq("x"));
        let (got, made) = swing.get_or_create(&db, Post::builder().title("Swing").code("x")).await.unwrap();
        assert_eq!((got.slug.to_string().as_str(), made), ("swing-3", true));
        let (again, made) = swing.get_or_create(&db, Post::builder().title("Swing").code("x")).await.unwrap();
        assert_eq!((again.id, made), (got.id, false));
        let swing = Post::objects().filter(|p| p.code().eq("y"));
        let new = Post::builder().title("Swing").code("y");
        let update = swing.update_or_create(&db, |p| p.title().set("Swing"), new);
        assert_eq!(update.await.unwrap().0.slug.to_string(), "swing-4");
    }

    async fn rows_that_are_written_together_must_bring_their_slugs(place: Place) {
        let db = press(&place).await;
        let new = |number: i64| Post::builder().title(format!("Swing {number}"));
        let error = Post::objects().bulk_create((0..3).map(new)).run(&db).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().starts_with("press.Post.slug")), (ErrorKind::Validation, true), "{error}");
        let rows = (0..3).map(|number| new(number).slug(""));
        let upsert = Post::objects().bulk_upsert(rows).unique_by(|p| p.slug()).ignore().run(&db).await;
        assert_eq!(upsert.unwrap_err().kind(), ErrorKind::Validation);
        assert_eq!(Post::objects().count(&db).await.unwrap(), 0);
        let given = (0..3).map(|number| new(number).slug(format!("swing-{number}")));
        assert_eq!(Post::objects().bulk_create(given).run(&db).await.unwrap(), 3);
        let mut posts = Post::objects().all(&db).await.unwrap();
        posts.iter_mut().for_each(|post| post.title = "Bebop".to_owned());
        Post::objects().bulk_update(&posts, |p| p.title()).run(&db).await.unwrap();
        assert!(Post::objects().filter(|p| p.title().eq("Bebop") & p.slug().eq("swing-2")).exists(&db).await.unwrap());
        assert_eq!(post(&db, "Swing 1").await.unwrap().slug.to_string(), "swing-1-2");
    }

    async fn receivers_may_choose_the_title_first(place: Place) {
        async fn shout(_: &Db, draft: &mut Draft<Post>) -> Result<()> {
            draft.set(|p| p.title().set("From a receiver"))
        }
        press(&place).await;
        let db = Db::builder(&place.url).models(models()).receivers([pre_save::<Post>(shout)]).connect().await.unwrap();
        assert_eq!(post(&db, "Swing").await.unwrap().slug.to_string(), "from-a-receiver");
        assert_eq!(post(&db, "Swing").await.unwrap().slug.to_string(), "from-a-receiver-2");
    }

    async fn fixtures_and_sql_write_what_they_say(place: Place) {
        let db = press(&place).await;
        let fixture = |slug: &str| {
            format!(r#"{{"model": "press.post", "pk": 1, "fields": {{"title": "Swing", "slug": "{slug}", "code": null}}}}"#)
        };
        Load::new().reader("press", Format::JsonLines, fixture("other").as_bytes()).run(&db).await.unwrap();
        assert_eq!(Post::objects().get(&db).await.unwrap().slug.to_string(), "other");
        db.raw("INSERT INTO press_post (title, slug) VALUES ('Swing', '')", ()).execute().await.unwrap();
        assert!(Post::objects().filter(|p| p.slug().eq("")).exists(&db).await.unwrap());
    }

    async fn migrations_carry_it_and_change_no_table(place: Place) {
        let db = place.db().await;
        let mut history = history();
        let (first, second) = (history[0].name.to_string(), history[1].name.to_string());
        let sql = Migrator::new(&db, history.clone()).unwrap().sql("press", &second).unwrap();
        assert!(!sql.contains("TABLE"), "{sql}");
        assert_ne!(first, second);
        let rows = Migration::new("press", "0003_rows").after("press", second);
        history.push(rows.run_rust_both_ways("rows", two_rows, Past::nothing));
        Migrator::new(&db, history).unwrap().migrate(&Target::All, |_| {}).await.unwrap();
        let slugs: Vec<(String,)> = db.raw("SELECT slug FROM press_post ORDER BY id", ()).fetch().await.unwrap();
        assert_eq!(slugs, [("swing".to_owned(),), ("swing-2".to_owned(),)]);
    }

    async fn who_writes_the_same_title_at_once_gets_another_slug(place: Place) {
        const WRITERS: usize = 16;
        let db = press(&place).await;
        let mut tasks = Vec::new();
        for writer in 0..WRITERS {
            let db = db.clone();
            tasks.push(tokio::spawn(async move {
                let mut slugs = Vec::new();
                for round in 0..4 {
                    // Alone, and with others in one transaction of the same order.
                    let made = match (writer + round) % 2 {
                        0 => vec![post(&db, "Swing").await?],
                        _ => db.atomic(async |db: &Db| Ok::<_, Error>(vec![post(db, "Swing").await?, post(db, "Waltz").await?])).await?,
                    };
                    slugs.extend(made.into_iter().map(|post| post.slug.to_string()));
                }
                Ok::<_, Error>(slugs)
            }));
        }
        let mut slugs = Vec::new();
        for task in tasks {
            slugs.extend(task.await.unwrap().unwrap());
        }
        let distinct: HashSet<&String> = slugs.iter().collect();
        assert_eq!((slugs.len(), distinct.len()), (WRITERS * 6, WRITERS * 6));
        assert!(distinct.contains(&"swing".to_owned()) && distinct.contains(&"waltz-2".to_owned()));
    }
}

#[cfg(feature = "encryption")]
mod sealed {
    use std::str::FromStr;

    use nuages_orm::encryption::{Encrypted, EncryptionKey, KeyRing};

    use super::*;

    /// A row that is written by two statements, as something is sealed for its key.
    #[derive(Model, Debug, Clone)]
    #[model(app = "press")]
    struct Source {
        id: i64,
        #[field(max_length = 40)]
        name: String,
        #[field(unique, slug_from = name)]
        slug: Slug,
        #[field(encrypted = bound)]
        phone: Encrypted<String>,
    }

    on_each_engine! {
        async fn a_row_that_is_sealed_for_its_key_gets_a_slug_too(place: Place) {
            let keys = KeyRing::new([EncryptionKey::from_str(&format!("{}=", "A".repeat(43))).unwrap()]).unwrap();
            let db = Db::builder(&place.url).models(Models::new().with::<Source>()).keys(keys).connect().await.unwrap();
            create_tables(&db).await.unwrap();
            for slug in ["deep-throat", "deep-throat-2"] {
                let new = Source::builder().name("Deep Throat").phone(Encrypted::new("1972".to_owned()));
                let made = new.create(&db).await.unwrap();
                assert_eq!((made.slug.to_string().as_str(), made.phone.expose().as_str()), (slug, "1972"));
            }
        }
    }
}

/// The history of a model whose slugs are made from its second migration on.
fn history() -> Vec<Migration> {
    let model = |from: Option<&'static str>| {
        let slug = Field::new("slug", Kind::Slug { max_length: 50 }).unique(true);
        let model = ModelDef::new("press", "Post")
            .field(Field::new("id", Kind::BigAuto))
            .field(Field::new("title", Kind::Char { max_length: Some(200) }))
            .field(from.into_iter().fold(slug, Field::slug_from))
            .primary_key("id");
        Models::new().with_definition(model)
    };
    let mut history = detect(&model(None), &[]).unwrap();
    let changes = detect(&model(Some("title")), &history).unwrap();
    let source = changes[0].source().unwrap();
    assert!(source.contains(".slug_from(\"title\")"), "{source}");
    history.extend(changes);
    assert_eq!(detect(&model(Some("title")), &history).unwrap(), []);
    history
}

async fn two_rows(past: Past) -> Result<()> {
    let posts = past.model("Post")?;
    for _ in 0..2 {
        posts.create([("title", Value::Text("Swing".to_owned()))]).await?;
    }
    Ok(())
}

#[test]
fn what_cannot_be_made_is_refused_when_models_are_put_together() {
    let model = |slug: Field| {
        let model = ModelDef::new("press", "Post")
            .field(Field::new("id", Kind::BigAuto))
            .field(Field::new("title", Kind::Char { max_length: Some(200) }))
            .field(slug)
            .primary_key("id");
        Schema::new(&Models::new().with_definition(model), Dialect::Sqlite)
    };
    let slug = |length| Field::new("slug", Kind::Slug { max_length: length });
    assert!(model(slug(50).unique(true).slug_from("title")).is_ok());
    for (field, part) in [
        (slug(50).slug_from("title"), "must say that it is unique"),
        (slug(50).unique(true).slug_from("titel"), "no other field"),
        (slug(50).unique(true).slug_from("id"), "not a text"),
        (slug(10).unique(true).slug_from("title"), "`max_length` of 16 or more"),
    ] {
        let error = model(field).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(part), "{error}");
    }
}
