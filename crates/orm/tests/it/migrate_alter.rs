//! Altering tables that others have had their hands on: names of their own, triggers, indexes, row ids.

use nuages_orm::migrate::*;
use nuages_orm::{Db, Models};

use crate::support::on_each_engine;

fn text(name: &'static str, length: u32) -> Field {
    Field::new(name, Kind::Char { max_length: Some(length) })
}

fn key(to: &'static str) -> Field {
    Field::foreign_key("author", Reference::new(to, OnDelete::Cascade)).null(true)
}

fn base() -> Migration {
    let author = ModelDef::new("desk", "Author").field(text("code", 10)).field(text("name", 20)).primary_key("code");
    let book = ModelDef::new("desk", "Book")
        .field(Field::new("id", Kind::BigAuto))
        .field(text("title", 20).index(true))
        .field(text("isbn", 20).unique(true))
        .field(Field::new("pages", Kind::PositiveInteger))
        .field(key("desk.Author"))
        .primary_key("id")
        .unique_together(["title", "pages"]);
    Migration::new("desk", "0001_initial").create_model(author).create_model(book)
}

async fn migrate(db: &Db, history: Vec<Migration>) -> Result<usize, String> {
    let migrator = Migrator::new(db, history).map_err(|error| error.to_string())?;
    migrator.migrate(&Target::All, |_| {}).await.map_err(|error| error.to_string())
}

fn second() -> Migration {
    Migration::new("desk", "0002_second").after("desk", "0001_initial")
}

async fn run(db: &Db, statements: &[&str]) {
    for sql in statements {
        db.raw(*sql, ()).execute().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

async fn texts(db: &Db, sql: &str) -> Vec<String> {
    db.raw(sql, ()).fetch::<(String,)>().await.unwrap().into_iter().map(|(text,)| text).collect()
}

on_each_engine! {
    async fn constraints_are_found_whatever_their_name(place: Place) {
        let db = place.db().await;
        migrate(&db, vec![base()]).await.unwrap();
        if !place.is_sqlite() {
            // As another program, or a person, may have called them.
            let constraints = "SELECT conname::text || ' ' || contype::text FROM pg_constraint WHERE conrelid = \
                               'desk_book'::regclass AND contype IN ('f', 'u', 'c')";
            for (number, line) in texts(&db, constraints).await.into_iter().enumerate() {
                let (name, _) = line.rsplit_once(' ').unwrap();
                run(&db, &[&format!(r#"ALTER TABLE desk_book RENAME CONSTRAINT "{name}" TO "Own ""{number}""""#)]).await;
            }
            let indexes = "SELECT indexname::text FROM pg_indexes WHERE tablename = 'desk_book' AND schemaname = \
                           current_schema() AND indexname LIKE 'desk_book_title%'";
            for (number, name) in texts(&db, indexes).await.into_iter().enumerate() {
                run(&db, &[&format!(r#"ALTER INDEX "{name}" RENAME TO "Index {number}""#)]).await;
            }
        }
        let last = second()
            .alter_unique_together("Book", [])
            .alter_field("Book", text("title", 20))
            .alter_field("Book", text("isbn", 20))
            .alter_field("Book", Field::new("pages", Kind::Integer))
            .remove_field("Book", "author");
        migrate(&db, vec![base(), last]).await.unwrap();
        let left = place.choose(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'desk_book' AND (type = 'index' OR sql LIKE '%UNIQUE%')",
            "SELECT conname::text FROM pg_constraint WHERE conrelid = 'desk_book'::regclass AND contype <> 'n' \
             UNION SELECT indexname::text FROM pg_indexes WHERE tablename = 'desk_book' AND schemaname = current_schema()",
        );
        let expected: &[&str] = place.choose(&[], &["desk_book_pkey"]);
        assert_eq!(texts(&db, left).await, expected);
        run(&db, &["INSERT INTO desk_book (title, isbn, pages) VALUES ('a', 'b', -1), ('a', 'b', -1)"]).await;
    }

    async fn a_numbered_column_goes_on_from_the_numbers_there_are(place: Place) {
        let db = place.db().await;
        let model = ModelDef::new("desk", "Row").field(Field::new("id", Kind::Integer)).primary_key("id");
        let first = Migration::new("desk", "0001_initial").create_model(model);
        migrate(&db, vec![first.clone()]).await.unwrap();
        run(&db, &["INSERT INTO desk_row (id) VALUES (41)"]).await;
        let numbered = second().alter_field("Row", Field::new("id", Kind::BigAuto));
        migrate(&db, vec![first, numbered]).await.unwrap();
        run(&db, &["INSERT INTO desk_row DEFAULT VALUES"]).await;
        assert_eq!(db.raw("SELECT id FROM desk_row ORDER BY id", ()).fetch::<(i64,)>().await.unwrap(), [(41,), (42,)]);
    }

    async fn another_primary_key_takes_the_place_of_the_old(place: Place) {
        let db = place.db().await;
        migrate(&db, vec![base()]).await.unwrap();
        run(&db, &[
            "INSERT INTO desk_book (id, title, isbn, pages) VALUES (3, 'T', 'i', 1)",
            "INSERT INTO desk_author (code, name) VALUES ('a', 'Ann')",
        ]).await;
        let moved = second().alter_primary_key("Book", ["isbn"]).remove_field("Book", "id");
        migrate(&db, vec![base(), moved]).await.unwrap();
        let again = db.raw("INSERT INTO desk_book (title, isbn, pages) VALUES ('U', 'i', 2)", ()).execute().await;
        assert!(again.unwrap_err().is_constraint_violation());
        assert_eq!(texts(&db, "SELECT isbn FROM desk_book").await, ["i"]);
    }

    async fn what_changes_its_nature_is_refused(place: Place) {
        let db = place.db().await;
        let many = Field::many_to_many("author", Reference::new("desk.Author", OnDelete::Cascade));
        let message = migrate(&db, vec![base(), second().alter_field("Book", many)]).await.unwrap_err();
        let expected = "desk.0002_second: Alter field author on Book: a column cannot become a many-to-many relation with a \
                        table of its own; remove the field, and add it again as it is now";
        assert_eq!(message, expected);
        let doubled = Generated::stored(arithmetic(field("id"), Operator::Mul, value(2)));
        let computed = second().alter_field("Book", Field::new("pages", Kind::PositiveInteger).generated(doubled));
        let message = migrate(&db, vec![base(), computed]).await.unwrap_err();
        assert!(message.contains("what the database computes cannot be altered"), "{message}");
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_table_made_anew_keeps_row_ids_triggers_and_indexes_of_others() {
    let db = Db::connect("sqlite::memory:", Models::new()).await.unwrap();
    migrate(&db, vec![base()]).await.unwrap();
    run(
        &db,
        &[
            "INSERT INTO desk_author (rowid, code, name) VALUES (7, 'b', 'Bob'), (3, 'c', 'Cy')",
            "INSERT INTO desk_book (id, title, isbn, pages, author_id) VALUES (5, 'T', 'i', 1, 'b')",
            "CREATE INDEX by_hand ON desk_author (name COLLATE NOCASE) WHERE name <> ''",
            "CREATE UNIQUE INDEX of_both ON desk_book (pages, isbn)",
            "CREATE INDEX of_title ON desk_book (pages, title)",
            "CREATE TRIGGER louder AFTER INSERT ON desk_author BEGIN UPDATE desk_author SET name = upper(name); END",
        ],
    )
    .await;
    let last = second()
        .alter_field("Author", text("name", 40).null(true))
        .alter_unique_together("Book", [])
        .rename_field("Book", "isbn", "number")
        .alter_field("Book", Field::new("pages", Kind::BigInteger))
        .remove_field("Book", "title");
    migrate(&db, vec![base(), last]).await.unwrap();
    let ids = db.raw("SELECT rowid, code FROM desk_author ORDER BY rowid", ()).fetch::<(i64, String)>().await.unwrap();
    assert_eq!(ids, [(3, "c".to_owned()), (7, "b".to_owned())]);
    let mut own = texts(&db, "SELECT sql FROM sqlite_master WHERE name IN ('by_hand', 'of_both', 'of_title')").await;
    own.sort();
    let expected = [
        "CREATE INDEX by_hand ON desk_author (name COLLATE NOCASE) WHERE name <> ''",
        "CREATE UNIQUE INDEX of_both ON desk_book (pages, \"number\")",
    ];
    assert_eq!(own, expected);
    let automatic = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = 'desk_book' \
                     ORDER BY name";
    assert_eq!(texts(&db, automatic).await, ["desk_book_author_id_0fa9d2f0", "of_both"]);
    run(&db, &["INSERT INTO desk_author (code, name) VALUES ('d', 'Di')"]).await;
    assert_eq!(texts(&db, "SELECT name FROM desk_author ORDER BY code").await, ["BOB", "CY", "DI"]);
    let dangling =
        db.raw("INSERT INTO desk_book (\"number\", pages, author_id) VALUES ('x', 1, 'nobody')", ()).execute();
    assert!(dangling.await.unwrap_err().is_constraint_violation());
}
