//! What is said of locks and rewriting, held against a PostgreSQL server.

use std::collections::BTreeMap;

use nuages_orm::Db;
use nuages_orm::migrate::*;

use crate::support::Place;

fn text(name: &'static str, length: u32) -> Field {
    Field::new(name, Kind::Char { max_length: Some(length) })
}

fn key(name: &'static str) -> Field {
    Field::foreign_key(name, Reference::new("shop.Author", OnDelete::Cascade).related_name("+")).null(true)
}

fn by_title() -> Index {
    Index::new(vec![OrderBy::asc(field("title"))]).name("by_title")
}

fn first() -> Migration {
    let author = ModelDef::new("shop", "Author")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("size", Kind::Integer))
        .field(Field::new("weight", Kind::Integer).rollup(Rollup::count("written")))
        .primary_key("id");
    let written = Reference::new("shop.Author", OnDelete::Cascade).related_name("written");
    let book = ModelDef::new("shop", "Book")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::foreign_key("writer", written).null(true))
        .field(text("title", 40).null(true))
        .field(text("code", 10).unique(true).null(true))
        .field(Field::new("pages", Kind::Integer).null(true))
        .field(Field::new("price", Kind::Decimal { max_digits: 6, decimal_places: 2 }).null(true))
        .field(key("author"))
        .field(text("shelf", 10).index(true).null(true))
        .primary_key("id")
        .index(Index::new(vec![OrderBy::asc(field("pages"))]).name("by_pages"))
        .check("some_pages", compare(field("pages"), Lookup::Gt, 0));
    Migration::new("shop", "0001_initial").create_model(author).create_model(book)
}

fn positive() -> Check {
    let mut model = ModelDef::new("shop", "X").check("positive", compare(field("pages"), Lookup::Gt, 0));
    model.checks.remove(0)
}

/// Each with a name, as a migration of one operation.
fn cases() -> Vec<(&'static str, Migration)> {
    let new = || Migration::new("shop", "0002_case").after("shop", "0001_initial");
    let stored = Generated::stored(arithmetic(field("pages"), Operator::Mul, value(2)));
    let readers = Field::many_to_many("readers", Reference::new("shop.Author", OnDelete::Cascade).related_name("+"));
    let decimal =
        |max_digits, decimal_places| Field::new("price", Kind::Decimal { max_digits, decimal_places }).null(true);
    let note = ModelDef::new("shop", "Note")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::foreign_key("book", Reference::new("shop.Book", OnDelete::Cascade)))
        .primary_key("id");
    vec![
        ("create with a key", new().create_model(note)),
        ("delete", new().delete_model("Book")),
        ("add", new().add_field("Book", text("more", 10).null(true))),
        ("add with a default", new().add_field("Book", text("more", 10).default(Value::Text("x".into())))),
        ("add unique", new().add_field("Book", text("more", 10).null(true).unique(true))),
        ("add stored", new().add_field("Book", Field::new("twice", Kind::Integer).null(true).generated(stored))),
        ("add count", new().add_field("Author", Field::new("books", Kind::Integer).rollup(Rollup::count("written")))),
        ("no count any more", new().alter_field("Author", Field::new("weight", Kind::Integer))),
        (
            "another count",
            new().alter_field(
                "Author",
                Field::new("weight", Kind::Integer).rollup(Rollup::count("written").only(keyword("pages", 3))),
            ),
        ),
        (
            "make a count",
            new().alter_field("Author", Field::new("size", Kind::Integer).rollup(Rollup::count("written"))),
        ),
        ("add key", new().add_field("Book", key("editor"))),
        ("add many to many", new().add_field("Book", readers)),
        ("remove", new().remove_field("Book", "title")),
        ("add index", new().add_index("Book", by_title())),
        ("remove index", new().remove_index("Book", "by_pages")),
        ("add check", new().add_constraint("Book", Constraint::Check(positive()))),
        ("add unique constraint", new().add_constraint("Book", Constraint::Unique(Unique::new("once", ["title"])))),
        (
            "add partial unique constraint",
            new().add_constraint(
                "Book",
                Constraint::Unique(Unique::new("once", ["title"]).condition(compare(field("pages"), Lookup::Gt, 0))),
            ),
        ),
        ("remove check", new().remove_constraint("Book", "some_pages")),
        ("unique together", new().alter_unique_together("Book", [&["title", "pages"]])),
        ("longer", new().alter_field("Book", text("title", 80).null(true))),
        ("shorter", new().alter_field("Book", text("title", 20).null(true))),
        ("to text", new().alter_field("Book", Field::new("title", Kind::Text).null(true))),
        ("wider integer", new().alter_field("Book", Field::new("pages", Kind::BigInteger).null(true))),
        ("more digits", new().alter_field("Book", decimal(8, 2))),
        ("more places", new().alter_field("Book", decimal(8, 3))),
        ("not null", new().alter_field("Book", Field::new("pages", Kind::Integer))),
        ("made unique", new().alter_field("Book", text("title", 40).null(true).unique(true))),
        ("made indexed", new().alter_field("Book", text("title", 40).null(true).index(true))),
        ("not indexed", new().alter_field("Book", text("shelf", 10).null(true))),
        ("rename field", new().rename_field("Book", "title", "name")),
        ("rename model", new().rename_model("Book", "Volume")),
        ("rename table", new().alter_table("Book", Some("books"))),
        ("comment", new().alter_table_comment("Book", Some("all books"))),
        ("rename index", new().rename_index("Book", "by_pages", "by_leaves")),
        ("not valid", new().add_constraint_not_valid("Book", positive())),
        ("populate", new().populate(Populate::new("Book").set("title", "x"))),
    ]
}

/// The tables that were there before: where their rows are, by id.
async fn files(db: &Db) -> BTreeMap<i64, i64> {
    let sql = "SELECT oid::bigint, pg_relation_filenode(oid)::bigint FROM pg_class WHERE relkind = 'r' AND \
               relname IN ('shop_book', 'shop_author', 'shop_volume', 'books')";
    db.raw(sql, ()).writes().fetch::<(i64, i64)>().await.unwrap().into_iter().collect()
}

/// The strongest lock that this transaction holds on any of some tables.
async fn strongest(db: &Db, tables: &BTreeMap<i64, i64>) -> Option<TableLock> {
    let sql = "SELECT relation::bigint, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'";
    let held: Vec<(i64, String)> = db.raw(sql, ()).writes().fetch().await.unwrap();
    let locks =
        held.iter().filter(|(table, _)| tables.contains_key(table)).filter_map(|(_, mode)| match mode.as_str() {
            "AccessExclusiveLock" => Some(TableLock::AccessExclusive),
            "ShareRowExclusiveLock" => Some(TableLock::ShareRowExclusive),
            "ShareLock" => Some(TableLock::Share),
            "ShareUpdateExclusiveLock" => Some(TableLock::ShareUpdateExclusive),
            "RowExclusiveLock" => Some(TableLock::RowExclusive),
            _ => None,
        });
    locks.max()
}

#[cfg(feature = "postgres")]
#[test]
fn what_is_said_of_locks_is_what_the_server_does() {
    crate::support::on_postgres(async |place: Place| {
        let db = place.db().await;
        Migrator::new(&db, vec![first()]).unwrap().migrate(&Target::All, |_| {}).await.unwrap();
        db.raw("INSERT INTO shop_book (title, pages) VALUES ('Notes', 3)", ()).execute().await.unwrap();
        let mut wrong = Vec::new();
        for (name, migration) in cases() {
            let migrator = Migrator::new(&db, vec![first(), migration]).unwrap();
            let explained = migrator.explain(&Target::All).await.unwrap();
            let advice = explained[0].operations[0].advice.clone().expect("of PostgreSQL");
            let sql = match name {
                "populate" => "UPDATE shop_book SET title = 'x'".to_owned(),
                _ => migrator.sql("shop", "0002_case").unwrap().replace("BEGIN;", "").replace("COMMIT;", ""),
            };
            let seen = db
                .atomic(async |db: &Db| {
                    let before = files(db).await;
                    for statement in statements(&sql) {
                        let lines = statement.lines().filter(|line| !line.starts_with("--"));
                        let statement: String = lines.collect::<Vec<_>>().join("\n");
                        if !statement.trim().is_empty() {
                            db.raw(statement, ()).writes().execute().await?;
                        }
                    }
                    let after = files(db).await;
                    let rewritten = before.iter().any(|(table, file)| after.get(table).is_some_and(|now| now != file));
                    let lock = strongest(db, &before).await;
                    // Undone in any case.
                    Err::<(), _>(Seen { lock, rewritten, failed: None })
                })
                .await
                .unwrap_err();
            if let Some(error) = seen.failed {
                panic!("{name}: {error}\n{sql}");
            }
            if (seen.lock, seen.rewritten) != (advice.lock, advice.effort == Effort::Rewrite) {
                wrong.push(format!("{name}: takes {:?}, rewritten: {}; said: {advice:?}", seen.lock, seen.rewritten));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// A script statement by statement; those that make a function hold others.
fn statements(sql: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let is_open = |statement: &String| statement.matches("$nuages").count() % 2 == 1;
    for part in sql.split(";\n") {
        match all.last_mut() {
            Some(last) if is_open(last) => *last = format!("{last};\n{part}"),
            _ => all.push(part.to_owned()),
        }
    }
    all
}

struct Seen {
    lock: Option<TableLock>,
    rewritten: bool,
    failed: Option<nuages_orm::Error>,
}

impl From<nuages_orm::Error> for Seen {
    fn from(error: nuages_orm::Error) -> Self {
        Seen { lock: None, rewritten: false, failed: Some(error) }
    }
}
