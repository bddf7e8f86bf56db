//! Alterations of every kind, held against what Django's migrations make of the same (`tests/oracle/alterations.py`): the
//! catalogue afterwards, and the rows.

use std::collections::BTreeMap;

use nuages::migrate::*;
use nuages::orm::{Db, Models};
use serde_json::{Value as Json, json};

use crate::catalogue::{catalogue, parts};
use crate::oracle::{Database, folder};

type Alteration = (&'static str, fn(Migration) -> Migration);

fn varchar(name: &'static str, length: u32) -> Field {
    Field::new(name, Kind::Char { max_length: Some(length) })
}

fn text(name: &'static str) -> Field {
    Field::new(name, Kind::Text)
}

fn int(name: &'static str) -> Field {
    Field::new(name, Kind::Integer)
}

fn of(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind)
}

fn to(model: &'static str) -> Reference {
    Reference::new(format!("alt.{model}"), OnDelete::Cascade)
}

fn key(name: &'static str, reference: Reference) -> Field {
    Field::foreign_key(name, reference)
}

fn many(name: &'static str, reference: Reference) -> Field {
    Field::many_to_many(name, reference)
}

fn constant(value: i64) -> DatabaseDefault {
    DatabaseDefault::Value(Value::Int(value))
}

fn decimal_of(name: &'static str, max_digits: u16, decimal_places: u16) -> Field {
    of(name, Kind::Decimal { max_digits, decimal_places })
}

/// Steps of an index that say where nulls are.
fn nulls(of_index: bool) -> Vec<OrderBy> {
    let lower = || call(Function::Lower, [field("bio")]);
    match of_index {
        true => vec![
            OrderBy::desc(field("age")).nulls_last(),
            OrderBy::asc(lower()).nulls_first(),
            OrderBy::desc(field("born")),
        ],
        false => vec![OrderBy::asc(field("age")).nulls_first(), OrderBy::desc(lower()).nulls_last()],
    }
}

/// Another collation than the engine's own; set by the test, as the alterations know no engine.
const COLLATION: &str = "COLLATION";

fn base() -> Migration {
    let id = || of("id", Kind::BigAuto);
    let model = |name: &'static str| ModelDef::new("alt", name);
    let steps = |names: &[&'static str]| names.iter().map(|name| OrderBy::asc(field(name))).collect();
    Migration::new("alt", "0001_initial")
        .create_model(
            model("Author")
                .field(id())
                .field(varchar("name", 40))
                .field(varchar("code", 10).unique(true))
                .field(varchar("email", 50).index(true))
                .field(varchar("digits", 10).index(true))
                .field(varchar("token", 36).unique(true))
                .field(of("age", Kind::PositiveInteger).null(true))
                .field(int("score"))
                .field(text("bio").null(true))
                .field(of("born", Kind::Date).null(true))
                .field(decimal_of("rating", 5, 2).null(true))
                .field(of("active", Kind::Boolean).default(Value::Bool(true)))
                .field(int("level").db_default(constant(5)))
                .field(varchar("motto", 20).null(true).comment("what they say"))
                .primary_key("id"),
        )
        .create_model(model("Publisher").field(of("id", Kind::Auto)).field(varchar("name", 30)).primary_key("id"))
        .create_model(model("Tag").field(of("slug", Kind::Slug { max_length: 50 })).primary_key("slug"))
        .create_model(
            model("Book")
                .field(id())
                .field(varchar("title", 100))
                .field(key("author", to("Author").related_name("books")))
                .field(key("editor", to("Author").related_name("edited")).null(true))
                .field(key("publisher", to("Publisher")).null(true))
                .field(varchar("isbn", 13).null(true).unique(true))
                .field(of("pages", Kind::SmallInteger).null(true))
                .field(of("house", Kind::BigInteger).null(true))
                .field(many("tags", to("Tag")))
                .field(many("coauthors", to("Author").related_name("written")))
                .primary_key("id")
                .unique_together(["title", "author"])
                .index(Index::new(steps(&["title", "pages"])).name("alt_title_pages"))
                .check("alt_pages", compare(field("pages"), Lookup::Gte, 0))
                .unique(Unique::new("alt_title_isbn", ["title", "isbn"])),
        )
        .create_model(
            model("Review")
                .field(id())
                .field(key("book", to("Book")))
                .field(key("critic", to("Author").to_field("code")).null(true))
                .field(key("parent", to("Review")).null(true))
                .field(text("text"))
                .primary_key("id"),
        )
}

const ROWS: [&str; 8] = [
    "INSERT INTO alt_author (id, name, code, email, digits, token, age, score, bio, born, rating, active, level, motto) \
     VALUES (3, 'Ann', 'a', 'ann@x', '17', 'b3c6c7f0-0d5f-4f5e-9a2e-6d0c0e3c9d11', 41, 7, 'long', '1970-01-02', 4.25, \
     true, 1, 'on'), (9, 'Bob', 'b', 'bob@x', '18', 'b3c6c7f0-0d5f-4f5e-9a2e-6d0c0e3c9d12', NULL, 8, NULL, NULL, NULL, \
     false, 2, NULL)",
    "INSERT INTO alt_publisher (id, name) VALUES (3, 'P'), (5, 'Q')",
    "INSERT INTO alt_tag (slug) VALUES ('red'), ('blue')",
    "INSERT INTO alt_book (id, title, author_id, editor_id, publisher_id, isbn, pages, house) VALUES (4, 'T', 3, NULL, 5, \
     '1', 10, 3), (6, 'U', 9, 3, 5, NULL, NULL, NULL)",
    "INSERT INTO alt_book (id, title, author_id, editor_id, publisher_id, isbn, pages, house) VALUES (8, 'V', 3, 3, 3, \
     '3', 0, 5)",
    "INSERT INTO alt_book_tags (id, book_id, tag_id) VALUES (2, 4, 'red'), (7, 6, 'blue')",
    "INSERT INTO alt_book_coauthors (id, book_id, author_id) VALUES (5, 6, 3)",
    "INSERT INTO alt_review (id, book_id, critic_id, parent_id, text) VALUES (1, 4, 'b', NULL, 'good'), (2, 4, NULL, 1, \
     'no')",
];

fn alterations() -> Vec<Alteration> {
    vec![
        ("longer varchar", |it| it.alter_field("Author", varchar("name", 80))),
        ("shorter varchar", |it| it.alter_field("Author", varchar("name", 20))),
        ("varchar to text", |it| it.alter_field("Author", text("name"))),
        ("text to varchar", |it| it.alter_field("Author", varchar("bio", 200).null(true))),
        ("varchar without limit", |it| it.alter_field("Author", text("bio").null(true).comment("life"))),
        ("indexed varchar to text", |it| it.alter_field("Author", text("email").index(true))),
        ("indexed varchar to int", |it| it.alter_field("Author", int("digits").index(true))),
        ("unique varchar to uuid", |it| it.alter_field("Author", of("token", Kind::Uuid).unique(true))),
        ("longer referenced varchar", |it| it.alter_field("Author", varchar("code", 20).unique(true))),
        ("referenced varchar to text", |it| it.alter_field("Author", text("code").unique(true))),
        ("int to bigint", |it| it.alter_field("Author", of("score", Kind::BigInteger))),
        ("int to smallint", |it| it.alter_field("Author", of("score", Kind::SmallInteger))),
        ("int to varchar", |it| it.alter_field("Author", varchar("score", 20))),
        ("int to text with index", |it| it.alter_field("Author", text("score").index(true))),
        ("int to decimal", |it| it.alter_field("Author", decimal_of("score", 8, 2))),
        ("int to float", |it| it.alter_field("Author", of("score", Kind::Float))),
        ("positive int to int", |it| it.alter_field("Author", int("age").null(true))),
        ("int to positive int", |it| it.alter_field("Author", of("score", Kind::PositiveInteger))),
        ("positive int to positive bigint", |it| {
            it.alter_field("Author", of("age", Kind::PositiveBigInteger).null(true))
        }),
        ("wider decimal", |it| it.alter_field("Author", decimal_of("rating", 8, 3).null(true))),
        ("boolean to int", |it| it.alter_field("Author", int("active").default(Value::Int(1)))),
        ("date to datetime", |it| it.alter_field("Author", of("born", Kind::DateTime).null(true))),
        ("null to not null with default", |it| {
            it.alter_field("Author", of("age", Kind::PositiveInteger).default(Value::Int(3)))
        }),
        ("null to not null with a one-off", |it| {
            it.alter_field_filled("Author", text("bio"), Value::Text("it's".into()))
        }),
        ("null to not null with db_default", |it| {
            it.alter_field("Author", of("age", Kind::PositiveInteger).db_default(constant(4)))
        }),
        ("not null to null", |it| it.alter_field("Author", int("score").null(true))),
        ("null to not null and longer", |it| {
            let field = varchar("motto", 50).comment("what they say");
            it.alter_field_filled("Author", field, Value::Text("-".into()))
        }),
        ("add db_default", |it| it.alter_field("Author", int("score").db_default(constant(9)))),
        ("change db_default", |it| it.alter_field("Author", int("level").db_default(constant(6)))),
        ("drop db_default", |it| it.alter_field("Author", int("level"))),
        ("type with db_default", |it| it.alter_field("Author", of("level", Kind::BigInteger).db_default(constant(5)))),
        ("computed db_default", |it| {
            let lower = DatabaseDefault::Expression(call(Function::Lower, [value("X")]));
            it.alter_field("Author", varchar("motto", 20).comment("what they say").db_default(lower))
        }),
        ("add index", |it| it.alter_field("Author", varchar("name", 40).index(true))),
        ("drop index", |it| it.alter_field("Author", varchar("email", 50))),
        ("add index to int", |it| it.alter_field("Author", int("score").index(true))),
        ("index to unique", |it| it.alter_field("Author", varchar("digits", 10).unique(true))),
        ("index to index and unique", |it| it.alter_field("Author", varchar("digits", 10).unique(true).index(true))),
        ("add unique", |it| it.alter_field("Author", varchar("name", 40).unique(true))),
        ("drop unique", |it| it.alter_field("Book", varchar("isbn", 13).null(true))),
        ("unique to index", |it| it.alter_field("Book", varchar("isbn", 13).null(true).index(true))),
        ("add comment", |it| it.alter_field("Author", varchar("name", 40).comment("what they're called"))),
        ("change comment", |it| it.alter_field("Author", varchar("motto", 20).null(true).comment("other"))),
        ("drop comment", |it| it.alter_field("Author", varchar("motto", 20).null(true))),
        ("db_column", |it| it.alter_field("Author", varchar("name", 40).column("full_name"))),
        ("db_column of an indexed field", |it| {
            it.alter_field("Author", varchar("email", 50).index(true).column("mail"))
        }),
        ("db_column of a foreign key", |it| {
            it.alter_field("Book", key("editor", to("Author").related_name("edited")).null(true).column("ed"))
        }),
        ("collation", |it| it.alter_field("Author", varchar("name", 40).collation(COLLATION))),
        ("collation of an indexed field", |it| {
            it.alter_field("Author", varchar("email", 50).index(true).collation(COLLATION))
        }),
        ("key to not null", |it| it.alter_field("Book", key("publisher", to("Publisher")))),
        ("key to null", |it| it.alter_field("Book", key("author", to("Author").related_name("books")).null(true))),
        ("key to another model", |it| {
            it.alter_field("Book", key("editor", to("Publisher").related_name("edited")).null(true))
        }),
        ("key to another field", |it| it.alter_field("Review", key("critic", to("Author")).null(true))),
        ("key without constraint", |it| {
            it.alter_field("Book", key("publisher", to("Publisher").constraint(false)).null(true))
        }),
        ("key without index", |it| it.alter_field("Book", key("publisher", to("Publisher")).null(true).index(false))),
        ("key to one-to-one", |it| it.alter_field("Book", Field::one_to_one("publisher", to("Publisher")).null(true))),
        ("key to int", |it| it.alter_field("Book", int("publisher").null(true))),
        ("int to key", |it| it.alter_field("Book", key("house", to("Publisher").related_name("housed")).null(true))),
        ("int to key of the same column", |it| {
            it.alter_field("Book", key("house", to("Publisher").related_name("housed")).null(true).column("house"))
        }),
        ("on_delete and related_name", |it| {
            let reference = Reference::new("alt.Author", OnDelete::SetNull).related_name("edits");
            it.alter_field("Book", key("editor", reference).null(true))
        }),
        ("primary key to bigger numbers", |it| it.alter_field("Publisher", of("id", Kind::BigAuto))),
        ("primary key not numbered", |it| it.alter_field("Publisher", int("id"))),
        ("primary key to smaller numbers", |it| it.alter_field("Review", of("id", Kind::Auto))),
        ("referenced primary key to smaller numbers", |it| it.alter_field("Author", of("id", Kind::Auto))),
        ("text primary key longer", |it| it.alter_field("Tag", of("slug", Kind::Slug { max_length: 80 }))),
        ("rename field", |it| it.rename_field("Author", "score", "points")),
        ("rename indexed field", |it| it.rename_field("Author", "email", "mail")),
        ("rename field in constraints", |it| {
            it.rename_field("Book", "title", "name").rename_field("Book", "pages", "size")
        }),
        ("rename key", |it| it.rename_field("Book", "author", "writer")),
        ("rename many-to-many", |it| it.rename_field("Book", "tags", "labels")),
        ("rename referenced field", |it| it.rename_field("Author", "code", "sign")),
        ("rename primary key", |it| it.rename_field("Author", "id", "number")),
        ("rename and alter", |it| {
            it.rename_field("Author", "email", "mail").alter_field("Author", varchar("mail", 50))
        }),
        ("rename model with keys to it", |it| it.rename_model("Author", "Writer")),
        ("rename model with many-to-many", |it| it.rename_model("Book", "Volume")),
        ("rename model with a key to itself", |it| it.rename_model("Review", "Opinion")),
        ("rename target of many-to-many", |it| it.rename_model("Tag", "Label")),
        ("table", |it| it.alter_table("Book", Some("books"))),
        ("table and back", |it| it.alter_table("Book", Some("books")).alter_table("Book", None)),
        ("table comment", |it| it.alter_table_comment("Book", Some("what they've written"))),
        ("managed", |it| it.alter_managed("Book", false)),
        ("many-to-many to another model", |it| {
            it.alter_field("Book", many("coauthors", to("Publisher").related_name("written")))
        }),
        ("many-to-many to another table", |it| it.alter_field("Book", many("tags", to("Tag").table("alt_tagged")))),
        ("many-to-many without constraint", |it| {
            it.alter_field("Book", many("coauthors", to("Author").related_name("written").constraint(false)))
        }),
        ("index with places for nulls", |it| it.add_index("Author", Index::new(nulls(true)).name("alt_nulls"))),
        ("unique with places for nulls", |it| it.add_constraint("Author", Unique::over("alt_nulls", nulls(false)))),
        ("rename index", |it| it.rename_index("Book", "alt_title_pages", "alt_renamed")),
        ("unique together", |it| it.alter_unique_together("Book", [&["title", "publisher"]])),
        ("unique together dropped", |it| it.alter_unique_together("Book", [])),
        ("unique together of a renamed field", |it| {
            it.rename_field("Book", "title", "name").alter_unique_together("Book", [])
        }),
        ("remove key", |it| it.remove_field("Book", "editor")),
        ("remove renamed key", |it| it.rename_field("Book", "editor", "corrector").remove_field("Book", "corrector")),
        ("remove unique", |it| it.remove_field("Author", "token")),
        ("remove many-to-many", |it| it.remove_field("Book", "tags")),
        ("separate", |it| {
            it.operation(Operation::Separate {
                database: Migration::new("", "").remove_field("Author", "motto").operations,
                state: Migration::new("", "").remove_field("Author", "bio").operations,
            })
        }),
        ("sql", |it| {
            it.operation(Operation::RunSql {
                forward: vec![r#"UPDATE "alt_author" SET "score" = 0"#.into()],
                backward: None,
                state: Vec::new(),
                about: None,
            })
        }),
    ]
}

/// An alteration's rows in conflict with it, which are put right before on both sides.
fn put_right(name: &str) -> Vec<&'static str> {
    match name {
        "key to one-to-one" => vec!["UPDATE alt_book SET publisher_id = NULL WHERE id = 6"],
        "key to another field" => vec!["UPDATE alt_review SET critic_id = NULL"],
        _ => Vec::new(),
    }
}

async fn run(db: &Db, statements: &[&str]) {
    for sql in statements {
        db.raw(*sql, ()).execute().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// The same alteration by us.
async fn alter(url: &str, collation: &'static str, (name, build): Alteration) -> Result<(), String> {
    let db = Db::connect(url, Models::new()).await.unwrap();
    let migrate = async |history: Vec<Migration>| {
        Migrator::new(&db, history).unwrap().migrate(&Target::All, |_| {}).await.map_err(|error| error.to_string())
    };
    migrate(vec![base()]).await?;
    run(&db, &ROWS).await;
    run(&db, &put_right(name)).await;
    let mut second = build(Migration::new("alt", "0002_alter").after("alt", "0001_initial"));
    for operation in &mut second.operations {
        if let Operation::AlterField { field, .. } = operation
            && field.collation.as_deref() == Some(COLLATION)
        {
            field.collation = Some(collation.into());
        }
    }
    let done = migrate(vec![base(), second]).await;
    db.close().await;
    done.map(drop)
}

/// The tables and what is in them, by what it is and its name.
type Seen = BTreeMap<String, Vec<String>>;

async fn texts(db: &Db, sql: impl Into<String>) -> Vec<String> {
    db.raw(sql, ()).fetch::<(String,)>().await.unwrap().into_iter().map(|(text,)| text).collect()
}

const IS_OURS: &str = "(name LIKE 'alt_%' OR name LIKE 'books%')";

async fn see_sqlite(url: &str) -> Seen {
    let db = Db::connect(url, Models::new()).await.unwrap();
    let sql =
        format!("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND {}", IS_OURS.replace("name", "tbl_name"));
    let mut seen = Seen::new();
    for sql in texts(&db, sql).await {
        let name = sql.split('"').nth(1).unwrap().to_owned();
        // Django puts an altered column last, unless it renames it alone.
        seen.insert(name, parts(&sql).into_iter().map(str::to_owned).collect());
    }
    for table in texts(&db, format!("SELECT name FROM sqlite_master WHERE type = 'table' AND {IS_OURS}")).await {
        let columns = texts(&db, format!("SELECT name FROM pragma_table_info('{table}') ORDER BY 1")).await;
        let values: Vec<String> = columns.iter().map(|name| format!("quote(\"{name}\")")).collect();
        let sql = format!("SELECT rowid || ': ' || {} FROM \"{table}\" ORDER BY 1", values.join(" || ', ' || "));
        seen.insert(format!("rows of {table}"), texts(&db, sql).await);
    }
    let numbers =
        texts(&db, format!("SELECT name || ' ' || seq FROM sqlite_sequence WHERE {IS_OURS} ORDER BY 1")).await;
    seen.insert("numbers".to_owned(), numbers);
    db.close().await;
    seen
}

async fn see_postgres(url: &str, schema: &str) -> Seen {
    let db = Db::connect(url, Models::new()).await.unwrap();
    let mut seen = Seen::new();
    for (part, lines) in catalogue(&db).await.as_object().unwrap() {
        for line in lines.as_array().unwrap() {
            let table = line.get("table").unwrap_or(&line["name"]).as_str().unwrap();
            if !table.starts_with("django_") {
                let line = line.to_string().replace(&format!("{schema}."), "");
                seen.entry(format!("{part} of {table}")).or_default().push(line);
            }
        }
    }
    for (part, lines) in &mut seen {
        if !part.starts_with("columns") {
            lines.sort();
        }
    }
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' \
                  AND relname NOT LIKE 'django_%'";
    for table in texts(&db, tables).await {
        let rows = texts(&db, format!("SELECT to_jsonb(t)::text FROM \"{table}\" t ORDER BY 1")).await;
        let comment = format!("SELECT coalesce(obj_description('\"{table}\"'::regclass), '')");
        seen.insert(format!("comment of {table}"), texts(&db, comment).await);
        seen.insert(format!("rows of {table}"), rows);
    }
    db.close().await;
    seen
}

fn job(places: &[(&str, String)]) -> String {
    let places: BTreeMap<&str, &String> = places.iter().map(|(name, place)| (*name, place)).collect();
    let right: BTreeMap<&str, Vec<&str>> = places.keys().map(|name| (*name, put_right(name))).collect();
    json!({"rows": ROWS, "right": right, "places": places}).to_string()
}

/// Says where the two differ.
fn compare_seen(name: &str, ours: &Seen, django: &Seen, differences: &mut Vec<String>) {
    let keys: std::collections::BTreeSet<&String> = ours.keys().chain(django.keys()).collect();
    for key in keys {
        let (ours, django) = (ours.get(key), django.get(key));
        // A key to a text of another type needs another index for LIKE, which Django drops alone.
        if ours != django && (name, key.as_str()) != ("referenced varchar to text", "indexes of alt_review") {
            let only = |a: Option<&Vec<String>>, b: Option<&Vec<String>>| {
                let other = b.cloned().unwrap_or_default();
                let own = a.cloned().unwrap_or_default();
                own.into_iter().filter(|line| !other.contains(line)).collect::<Vec<_>>().join("\n      ")
            };
            differences.push(format!(
                "{name}: {key}\n  ours {}{}\n  Django's {}{}",
                if ours.is_none() { "(none) " } else { "" },
                only(ours, django),
                if django.is_none() { "(none) " } else { "" },
                only(django, ours)
            ));
        }
    }
}

#[tokio::test]
async fn sqlite_is_altered_as_django_does() {
    let database = Database::sqlite("alterations");
    let folder = folder("alterations");
    let mut places = Vec::new();
    for (number, (name, _)) in alterations().into_iter().enumerate() {
        let [django, ours] = ["django", "ours"].map(|side| folder.join(format!("{side}{number}.sqlite3")));
        for path in [&django, &ours] {
            for ending in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
            }
        }
        places.push((name, django.display().to_string(), format!("sqlite://{}", ours.display())));
    }
    let for_django: Vec<(&str, String)> = places.iter().map(|(name, place, _)| (*name, place.clone())).collect();
    let names: Vec<String> = serde_json::from_str(&database.django("alterations.py", &[], &job(&for_django))).unwrap();
    assert_eq!(names, places.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    let mut differences = Vec::new();
    for (alteration, (name, django, ours)) in alterations().into_iter().zip(&places) {
        if let Err(error) = alter(ours, "NOCASE", alteration).await {
            differences.push(format!("{name}: {error}"));
            continue;
        }
        let django = see_sqlite(&format!("sqlite://{django}")).await;
        compare_seen(name, &see_sqlite(ours).await, &django, &mut differences);
    }
    assert!(differences.is_empty(), "{}\n{} differences", differences.join("\n"), differences.len());
}

#[tokio::test]
async fn postgres_is_altered_as_django_does() {
    let Some(database) = Database::postgres("alterations") else { return };
    let db = Db::connect(&database.url, Models::new()).await.unwrap();
    let mut places = Vec::new();
    for (number, (name, _)) in alterations().into_iter().enumerate() {
        let [django, ours] = ["django", "ours"].map(|side| format!("{side}{number}"));
        run(&db, &[&format!("CREATE SCHEMA {django}"), &format!("CREATE SCHEMA {ours}")]).await;
        places.push((name, django, ours));
    }
    db.close().await;
    let url = |schema: &str| {
        let sign = if database.url.contains('?') { '&' } else { '?' };
        format!("{}{sign}options=-c%20search_path%3D{schema}", database.url)
    };
    let for_django: Vec<(&str, String)> = places.iter().map(|(name, place, _)| (*name, place.clone())).collect();
    let names: Json = serde_json::from_str(&database.django("alterations.py", &[], &job(&for_django))).unwrap();
    assert_eq!(names, json!(places.iter().map(|(name, ..)| *name).collect::<Vec<_>>()));
    let mut differences = Vec::new();
    for (alteration, (name, django, ours)) in alterations().into_iter().zip(&places) {
        if let Err(error) = alter(&url(ours), "C", alteration).await {
            differences.push(format!("{name}: {error}"));
            continue;
        }
        let db = Db::connect(&url(ours), Models::new()).await.unwrap();
        run(&db, &["DROP TABLE nuages_migrations"]).await;
        db.close().await;
        let django = see_postgres(&url(django), django).await;
        compare_seen(name, &see_postgres(&url(ours), ours).await, &django, &mut differences);
    }
    assert!(differences.is_empty(), "{}\n{} differences", differences.join("\n"), differences.len());
}
