//! Migrations on real databases.

use nuages_orm::migrate::*;
use nuages_orm::{Db, ErrorKind, Models};

use crate::support::{Place, on_each_engine};

fn id() -> Field {
    Field::new("id", Kind::BigAuto)
}

fn text(name: &'static str) -> Field {
    Field::new(name, Kind::Char { max_length: Some(40) })
}

fn author() -> ModelDef {
    let mentor = Reference::new("self", OnDelete::SetNull).related_name("pupils");
    ModelDef::new("shop", "Author")
        .field(id())
        .field(text("name").unique(true))
        .field(Field::foreign_key("mentor", mentor).null(true))
        .primary_key("id")
}

fn book() -> ModelDef {
    let shelf = Field::foreign_key("author", Reference::new("shop.Author", OnDelete::Cascade));
    let tags = Field::many_to_many("readers", Reference::new("shop.Author", OnDelete::Cascade).related_name("read"));
    ModelDef::new("shop", "Book")
        .field(id())
        .field(text("title"))
        .field(shelf)
        .field(tags)
        .primary_key("id")
        .index(Index::new(vec![OrderBy::desc(field("title"))]))
        .check("titled", not(compare(field("title"), Lookup::Exact, "")))
}

fn models(definitions: impl IntoIterator<Item = ModelDef>) -> Models {
    definitions.into_iter().fold(Models::new(), Models::with_definition)
}

fn initial() -> Vec<Migration> {
    detect(&models([book(), author()]), &[]).unwrap()
}

/// The history with what a change of the models adds.
fn extended(definitions: impl IntoIterator<Item = ModelDef>, history: Vec<Migration>) -> Vec<Migration> {
    let added = detect(&models(definitions), &history).unwrap();
    [history, added].concat()
}

async fn migrate(db: &Db, history: &[Migration]) -> nuages_orm::Result<usize> {
    Migrator::new(db, history.to_vec())?.migrate(&Target::All, |_| {}).await
}

async fn applied(db: &Db, history: &[Migration]) -> Vec<String> {
    let shown = Migrator::new(db, history.to_vec()).unwrap().show().await.unwrap();
    shown.into_iter().filter(|line| line.applied.is_some()).map(|line| format!("{}.{}", line.app, line.name)).collect()
}

async fn run(db: &Db, sql: &str) {
    db.raw(sql, ()).execute().await.unwrap();
}

async fn numbers(db: &Db, sql: &str) -> Vec<i64> {
    db.raw(sql, ()).fetch::<(i64,)>().await.unwrap().into_iter().map(|(number,)| number).collect()
}

async fn texts(db: &Db, sql: &str) -> Vec<String> {
    db.raw(sql, ()).fetch::<(String,)>().await.unwrap().into_iter().map(|(text,)| text).collect()
}

on_each_engine! {
    async fn a_first_migration_makes_the_tables_and_is_recorded(place: Place) {
        let db = place.db().await;
        let history = initial();
        let migrator = Migrator::new(&db, history.clone()).unwrap();
        assert_eq!(migrator.plan(&Target::All).await.unwrap().len(), 1);
        assert_eq!(applied(&db, &history).await, Vec::<String>::new());
        let mut seen = Vec::new();
        let count = migrator.migrate(&Target::All, |progress| seen.push(format!("{progress:?}"))).await.unwrap();
        assert_eq!((count, seen.len()), (1, 2));
        assert_eq!(applied(&db, &history).await, ["shop.0001_initial"]);
        assert_eq!(migrator.migrate(&Target::All, |_| {}).await.unwrap(), 0);
        run(&db, "INSERT INTO shop_author (name) VALUES ('Ada')").await;
        run(&db, "INSERT INTO shop_book (title, author_id) VALUES ('Notes', 1)").await;
        run(&db, "INSERT INTO shop_book_readers (book_id, author_id) VALUES (1, 1)").await;
        let error = db.raw("INSERT INTO shop_book (title, author_id) VALUES ('', 1)", ()).execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CheckViolation);
        assert_eq!(numbers(&db, "SELECT count(*) FROM django_migrations WHERE app = 'shop'").await, [1]);
    }

    async fn later_migrations_keep_rows_keys_indexes_and_numbers(place: Place) {
        let db = place.db().await;
        let history = initial();
        migrate(&db, &history).await.unwrap();
        run(&db, "INSERT INTO shop_author (name, mentor_id) VALUES ('Ada', 2), ('Zoë', 1)").await;
        run(&db, "INSERT INTO shop_book (title, author_id) VALUES ('Notes', 1), ('More', 2), ('Gone', 1)").await;
        run(&db, "INSERT INTO shop_book_readers (book_id, author_id) VALUES (1, 2)").await;
        run(&db, "DELETE FROM shop_book WHERE title = 'Gone'").await;
        if place.is_sqlite() {
            run(&db, "CREATE TABLE log (line text)").await;
            run(&db, "CREATE TRIGGER noted AFTER INSERT ON shop_book BEGIN INSERT INTO log VALUES (new.title); END").await;
            run(&db, "CREATE VIEW titles AS SELECT title FROM shop_book").await;
        }
        let pages = Field::new("pages", Kind::PositiveInteger).default(Value::Int(7));
        let editor = Field::foreign_key("editor", Reference::new("shop.Author", OnDelete::Cascade).related_name("edits"));
        let book = book()
            .field(pages)
            .field(editor.null(true))
            .field(Field::new("added", Kind::DateTime).auto_now_add(true))
            .unique(Unique::new("title_once", ["title"]).condition(compare(field("pages"), Lookup::Gt, 0)))
            .unique(Unique::new("pages_once", ["title", "pages"]))
            .unique_together(["title", "author"]);
        let history = extended([book.clone(), author()], history);
        assert_eq!(history[1].name, "0002_book_added_book_editor_book_pages_and_more");
        migrate(&db, &history).await.unwrap();
        assert_eq!(texts(&db, "SELECT title FROM shop_book ORDER BY id").await, ["Notes", "More"]);
        assert_eq!(numbers(&db, "SELECT CAST(pages AS bigint) FROM shop_book").await, [7, 7]);
        assert_eq!(numbers(&db, "SELECT count(*) FROM shop_book WHERE added > '2020-01-01'").await, [2]);
        assert_eq!(numbers(&db, "SELECT book_id FROM shop_book_readers").await, [1]);
        // The number of a row that is gone is not given again.
        run(&db, "INSERT INTO shop_book (title, author_id, editor_id, pages, added) VALUES ('New', 1, 2, 1, '2026-01-01')").await;
        assert_eq!(numbers(&db, "SELECT max(id) FROM shop_book").await, [4]);
        if place.is_sqlite() {
            assert_eq!(texts(&db, "SELECT line FROM log").await, ["New"]);
            assert_eq!(texts(&db, "SELECT title FROM titles WHERE title = 'New'").await, ["New"]);
        }
        let twice = "INSERT INTO shop_book (title, author_id, pages, added) VALUES ('New', 2, 2, '2026-01-01')";
        assert!(db.raw(twice, ()).execute().await.unwrap_err().is_unique_violation());
        let nobody = "INSERT INTO shop_book (title, author_id, pages, added) VALUES ('Newer', 99, 2, '2026-01-01')";
        assert_eq!(db.raw(nobody, ()).execute().await.unwrap_err().kind(), ErrorKind::ForeignKeyViolation);
        let names = place.choose(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = 'shop_book' ORDER BY name",
            "SELECT indexname::text FROM pg_indexes WHERE tablename = 'shop_book' AND indexname NOT LIKE '%_pkey' \
             AND indexname <> 'pages_once' AND schemaname = current_schema() ORDER BY indexname::text COLLATE \"C\"",
        );
        assert_eq!(
            texts(&db, names).await,
            [
                "shop_book_author_id_82b8ab51",
                "shop_book_editor_id_71eff3c6",
                "shop_book_title_author_id_b73220a8_uniq",
                "shop_book_title_dc1c20_idx",
                "title_once",
            ]
        );

        // A table that refers to itself, and that others refer to.
        let born = author().field(Field::new("born", Kind::Integer).default(Value::Int(1815)));
        let history = extended([book, born], history);
        migrate(&db, &history).await.unwrap();
        assert_eq!(numbers(&db, "SELECT mentor_id FROM shop_author ORDER BY id").await, [2, 1]);
        assert_eq!(numbers(&db, "SELECT author_id FROM shop_book_readers").await, [2]);
        let nobody = "UPDATE shop_author SET mentor_id = 99";
        assert_eq!(db.raw(nobody, ()).execute().await.unwrap_err().kind(), ErrorKind::ForeignKeyViolation);

        // And back, by further migrations.
        let history = extended([self::book(), author()], history);
        migrate(&db, &history).await.unwrap();
        assert_eq!(texts(&db, "SELECT title FROM shop_book ORDER BY id").await, ["Notes", "More", "New"]);
        assert_eq!(numbers(&db, "SELECT count(*) FROM shop_book_readers").await, [1]);
        let history = extended([author()], history);
        migrate(&db, &history).await.unwrap();
        assert_eq!(applied(&db, &history).await.len(), 5);
        assert_eq!(texts(&db, "SELECT name FROM shop_author ORDER BY id").await, ["Ada", "Zoë"]);
        assert!(db.raw("SELECT * FROM shop_book", ()).execute().await.is_err());
    }

    async fn a_migration_that_fails_leaves_nothing_and_says_what_to_do(place: Place) {
        let db = place.db().await;
        let history = initial();
        migrate(&db, &history).await.unwrap();
        run(&db, "INSERT INTO shop_author (name) VALUES ('Ada'), ('Bob')").await;
        run(&db, "INSERT INTO shop_book (title, author_id) VALUES ('Notes', 1), ('Notes', 2)").await;
        let more = Migration::new("shop", "0002_once")
            .after("shop", "0001_initial")
            .create_model(ModelDef::new("shop", "Tag").field(id()).primary_key("id"))
            .add_constraint("Book", Unique::new("once", ["title"]));
        let history = [history, vec![more]].concat();
        let error = migrate(&db, &history).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Migration);
        let message = error.to_string();
        let start = "shop.0002_once: Create constraint once on model Book does not fit all rows: rows of shop_book ";
        assert!(message.starts_with(start) && message.contains(": 2, with the key 1, 2; "), "{message}");
        assert!(message.ends_with("nothing of this migration was applied"), "{message}");
        assert_eq!(applied(&db, &history).await, ["shop.0001_initial"]);
        assert!(db.raw("SELECT * FROM shop_tag", ()).execute().await.is_err());
        run(&db, "DELETE FROM shop_book WHERE author_id = 2").await;
        assert_eq!(migrate(&db, &history).await.unwrap(), 1);
        assert_eq!(applied(&db, &history).await.len(), 2);
    }

    async fn a_table_that_is_there_already_is_named_with_the_way_out(place: Place) {
        let db = place.db().await;
        run(&db, "CREATE TABLE shop_book (id integer)").await;
        let message = migrate(&db, &initial()).await.unwrap_err().to_string();
        assert!(message.starts_with("shop.0001_initial: Create model Book (table shop_book) failed: "), "{message}");
        assert!(message.contains("record the migration with `migrate --fake`"), "{message}");
        assert!(db.raw("SELECT * FROM shop_author", ()).execute().await.is_err());
    }

    async fn migrators_at_the_same_time_apply_each_migration_once(place: Place) {
        let history = extended([author()], initial());
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let (place, history) = (place.clone(), history.clone());
            tasks.push(tokio::spawn(async move {
                let db = place.db().await;
                migrate(&db, &history).await
            }));
        }
        let mut total = 0;
        for task in tasks {
            total += task.await.unwrap().unwrap();
        }
        assert_eq!(total, 2);
        let db = place.db().await;
        assert_eq!(numbers(&db, "SELECT count(*) FROM django_migrations").await, [2]);
    }

    async fn a_circle_of_apps_is_migrated_and_can_be_entered_anywhere(place: Place) {
        let db = place.db().await;
        let key = |name: &'static str, to: &'static str| {
            Field::foreign_key(name, Reference::new(to, OnDelete::Cascade).related_name("+")).null(true)
        };
        let x = ModelDef::new("a", "X").field(id()).field(key("y", "b.Y")).primary_key("id");
        let y = ModelDef::new("b", "Y").field(id()).field(key("x", "a.X")).primary_key("id");
        let history = detect(&models([x, y]), &[]).unwrap();
        let migrator = Migrator::new(&db, history.clone()).unwrap();
        let target = Target::Migration("b".into(), "0001".into());
        assert_eq!(migrator.migrate(&target, |_| {}).await.unwrap(), 2);
        assert_eq!(applied(&db, &history).await, ["a.0001_initial", "b.0001_initial"]);
        assert_eq!(migrator.migrate(&Target::App("a".into()), |_| {}).await.unwrap(), 1);
        let dangling = db.raw("INSERT INTO a_x (y_id) VALUES (5)", ()).execute().await.unwrap_err();
        assert_eq!(dangling.kind(), ErrorKind::ForeignKeyViolation);
        let back = Target::Migration("a".into(), "0001".into());
        assert_eq!(migrator.migrate(&back, |_| {}).await.unwrap(), 1);
        assert_eq!(applied(&db, &history).await, ["a.0001_initial", "b.0001_initial"]);
    }

    async fn what_django_has_recorded_counts_and_what_is_not_ours_is_passed_over(place: Place) {
        let db = place.db().await;
        let history = initial();
        let sql = Migrator::new(&db, history.clone()).unwrap().sql("shop", "0001").unwrap();
        assert!(sql.starts_with("BEGIN;\n--\n-- Create model Author\n--\nCREATE TABLE \"shop_author\""), "{sql}");
        assert!(sql.ends_with("COMMIT;\n"), "{sql}");
        for statement in sql.lines().filter(|line| line.ends_with(';') && !["BEGIN;", "COMMIT;"].contains(line)) {
            run(&db, statement).await;
        }
        run(&db, place.choose(
            "CREATE TABLE django_migrations (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, app varchar(255) NOT NULL, \
             name varchar(255) NOT NULL, applied datetime NOT NULL)",
            "CREATE TABLE django_migrations (id bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, \
             app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied timestamp with time zone NOT NULL)",
        )).await;
        run(&db, "INSERT INTO django_migrations (app, name, applied) VALUES ('sessions', '0001_initial', '2026-11-22 13:05:00'), \
                  ('shop', '0001_initial', '2026-11-22 13:05:00.000001')").await;
        assert_eq!(applied(&db, &history).await, ["shop.0001_initial"]);
        assert_eq!(migrate(&db, &history).await.unwrap(), 0);
        let orphaned = [history, vec![
            Migration::new("late", "0001_initial"),
            Migration::new("shop", "0002_x").after("shop", "0001_initial").after("late", "0001_initial"),
        ]].concat();
        run(&db, "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0002_x', '2026-11-22 13:05:00')").await;
        let message = migrate(&db, &orphaned).await.unwrap_err().to_string();
        assert!(message.starts_with("shop.0002_x is recorded as applied, but late.0001_initial"), "{message}");
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn a_rebuild_that_would_leave_dangling_keys_is_undone() {
    crate::support::on_sqlite(async |place: Place| {
        let db = place.db().await;
        let history = initial();
        migrate(&db, &history).await.unwrap();
        run(&db, "INSERT INTO shop_author (name) VALUES ('Ada')").await;
        run(&db, "INSERT INTO shop_book (title, author_id) VALUES ('Notes', 1)").await;
        let wrong = Migration::new("shop", "0002_wrong").after("shop", "0001_initial").add_field_filled(
            "Book",
            Field::foreign_key("editor", Reference::new("shop.Author", OnDelete::Cascade).related_name("edits")),
            Value::Int(99),
        );
        let history = [history, vec![wrong]].concat();
        let message = migrate(&db, &history).await.unwrap_err().to_string();
        assert!(message.contains("row 1 of shop_book refers to no row of shop_author"), "{message}");
        assert_eq!(applied(&db, &history).await, ["shop.0001_initial"]);
        // Keys are watched again afterwards.
        let dangling = db.raw("INSERT INTO shop_book (title, author_id) VALUES ('x', 99)", ()).execute().await;
        assert_eq!(dangling.unwrap_err().kind(), ErrorKind::ForeignKeyViolation);
    });
}
