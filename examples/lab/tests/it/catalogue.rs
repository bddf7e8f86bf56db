//! What the lab's migrations make, held against what Django's make.
//!
//! Of the tables of `lab` everything is compared: on SQLite the text of each table and index, on PostgreSQL columns with
//! their order, types and defaults, constraints, indexes and sequences. The tables of Django's own apps are compared
//! without the order of their columns, since Django made them in several steps, some of which put a column last.

use std::collections::{BTreeMap, BTreeSet};

use ::lab::migrations::{auth, contenttypes, lab, shop};
use nuages::migrate::{Migration, Migrator, Target, detect};
use nuages::orm::{Db, Models};
use serde_json::{Value as Json, json};

use crate::oracle::{Database, ORACLE};

fn models() -> Models {
    ::lab::contrib_models().and(::lab::lab_models()).and(::lab::shop_models())
}

fn history() -> Vec<Migration> {
    [contenttypes::all(), auth::all(), lab::all(), shop::all()].concat()
}

async fn migrated(database: &Database) -> Db {
    let db = Db::connect(&database.url, models()).await.unwrap();
    let migrator = Migrator::new(&db, history()).unwrap();
    migrator.migrate(&Target::All, |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    db
}

fn oracle(file: &str) -> String {
    std::fs::read_to_string(format!("{ORACLE}/{file}")).unwrap()
}

/// Whether a table was made in one go by Django, so that its columns come in the order of the migration.
fn is_of_lab(table: &str) -> bool {
    table.starts_with("lab_")
}

/// Whether both sides have the table: Django's project had further apps, and no shop.
fn is_shared(table: &str) -> bool {
    is_of_lab(table)
        || ["auth_", "django_content_type", "django_migrations"].iter().any(|start| table.starts_with(start))
}

#[test]
fn the_migrations_are_those_of_the_models() {
    let missing = detect(&models(), &history()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(missing, []);
    // What was written and compiled is what was found.
    for found in detect(&models(), &[]).unwrap() {
        assert!(history().contains(&found), "{found:?}");
    }
}

/// Statements by the name of what they make, with the table they are about.
fn by_name(statements: impl IntoIterator<Item = String>) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    for sql in statements {
        let mut names = sql.split('"').skip(1).step_by(2);
        let name = names.next().unwrap().to_owned();
        let table = if sql.starts_with("CREATE TABLE") { name.clone() } else { names.next().unwrap().to_owned() };
        if is_shared(&table) {
            found.insert(name, (table, sql));
        }
    }
    found
}

/// The parts of a table's definition, in order of the alphabet.
pub(crate) fn parts(sql: &str) -> Vec<&str> {
    let (start, rest) = sql.split_once(" (").unwrap_or((sql, ""));
    let mut parts: Vec<&str> = rest.trim_end_matches(')').split(", ").map(|part| part.trim_end_matches(')')).collect();
    parts.push(start);
    parts.sort_unstable();
    parts
}

#[tokio::test]
async fn sqlite_has_the_tables_that_django_makes() {
    let db = migrated(&Database::sqlite("catalogue")).await;
    let sql = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'";
    let ours = db.raw(sql, ()).fetch::<(String,)>().await.unwrap();
    let ours = by_name(ours.into_iter().map(|(sql,)| sql));
    let file = oracle("ddl_sqlite.sql");
    let django = file.lines().filter(|line| line.starts_with("CREATE ") && line.ends_with(';'));
    let django = by_name(django.map(|line| line.trim_end_matches(';').to_owned()));
    let names: BTreeSet<&String> = ours.keys().chain(django.keys()).collect();
    assert!(names.len() > 100);
    for name in names {
        let (Some((table, ours)), Some((_, django))) = (ours.get(name), django.get(name)) else {
            panic!("{name}: ours {:?}, Django's {:?}", ours.get(name), django.get(name));
        };
        if is_of_lab(table) {
            assert_eq!(ours, django);
        } else {
            assert_eq!(parts(ours), parts(django));
        }
    }
}

/// The catalogue of a PostgreSQL database, as `postgres_catalogue.json` has it.
pub(crate) async fn catalogue(db: &Db) -> Json {
    type Column = (String, String, String, bool, String, String, Option<String>, Option<String>);
    let columns: Vec<Column> = db
        .raw(
            "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
             a.attidentity::text, a.attgenerated::text, pg_get_expr(d.adbin, d.adrelid), \
             col_description(c.oid, a.attnum) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
             WHERE n.nspname = current_schema() AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped \
             ORDER BY c.relname, a.attnum",
            (),
        )
        .fetch()
        .await
        .unwrap();
    let columns = columns.into_iter().map(|(table, column, kind, not_null, identity, generated, default, comment)| {
        json!({
            "table": table, "column": column, "type": kind, "not_null": not_null, "identity": identity,
            "generated": generated, "default": default, "comment": comment,
        })
    });
    let constraints: Vec<(String, String, String, String)> = db
        .raw(
            "SELECT c.relname::text, k.conname::text, k.contype::text, pg_get_constraintdef(k.oid) \
             FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = current_schema() AND k.contype <> 'n' ORDER BY 1, 2",
            (),
        )
        .fetch()
        .await
        .unwrap();
    let constraints = constraints.into_iter().map(
        |(table, name, kind, definition)| json!({"table": table, "name": name, "kind": kind, "definition": definition}),
    );
    let indexes: Vec<(String, String, String)> = db
        .raw(
            "SELECT tablename::text, indexname::text, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
            (),
        )
        .fetch()
        .await
        .unwrap();
    let indexes = indexes
        .into_iter()
        .map(|(table, name, definition)| json!({"table": table, "name": name, "definition": definition}));
    let sequences: Vec<(String, String)> = db
        .raw("SELECT sequencename::text, data_type::text FROM pg_sequences WHERE schemaname = current_schema()", ())
        .fetch()
        .await
        .unwrap();
    let sequences = sequences.into_iter().map(|(name, kind)| json!({"name": name, "type": kind}));
    json!({
        "columns": columns.collect::<Vec<_>>(), "constraints": constraints.collect::<Vec<_>>(),
        "indexes": indexes.collect::<Vec<_>>(), "sequences": sequences.collect::<Vec<_>>(),
    })
}

/// The lines of a part of a catalogue by table: in order for the columns of `lab`, else in that of the alphabet.
fn lines<'a>(catalogue: &'a Json, part: &str) -> BTreeMap<&'a str, Vec<String>> {
    let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in catalogue[part].as_array().unwrap() {
        let table = line.get("table").unwrap_or(&line["name"]).as_str().unwrap();
        if is_shared(table) {
            tables.entry(table).or_default().push(line.to_string());
        }
    }
    for (table, lines) in &mut tables {
        if part != "columns" || !is_of_lab(table) {
            lines.sort();
        }
    }
    tables
}

#[tokio::test]
async fn postgres_has_the_tables_that_django_makes() {
    let Some(database) = Database::postgres("catalogue") else { return };
    let db = migrated(&database).await;
    let ours = catalogue(&db).await;
    db.close().await;
    let django: Json = serde_json::from_str(&oracle("postgres_catalogue.json")).unwrap();
    for part in ["columns", "constraints", "indexes", "sequences"] {
        let (ours, django) = (lines(&ours, part), lines(&django, part));
        let tables: BTreeSet<&&str> = ours.keys().chain(django.keys()).collect();
        assert!(tables.len() > 40);
        for table in tables {
            assert_eq!(ours.get(*table), django.get(*table), "{part} of {table}");
        }
    }
}

#[tokio::test]
async fn postgres_statements_are_django_s_one_by_one() {
    let Some(database) = Database::postgres("statements") else { return };
    let db = Db::connect(&database.url, models()).await.unwrap();
    let ours = Migrator::new(&db, history()).unwrap().sql("lab", "0001_initial").unwrap();
    db.close().await;
    let is_statement =
        |line: &&str| !line.is_empty() && !line.starts_with("--") && !["BEGIN;", "COMMIT;"].contains(line);
    let ours: Vec<&str> = ours.lines().filter(is_statement).collect();
    let file = oracle("ddl_postgres.sql");
    let (_, django) = file.split_once("-- ---- lab.0001_initial").unwrap();
    let (django, _) = django.split_once("-- ----").unwrap();
    let django: Vec<&str> = django.lines().filter(is_statement).collect();
    assert!(django.len() > 100);
    for (ours, django) in ours.iter().zip(&django) {
        assert_eq!(ours, django);
    }
    assert_eq!(ours.len(), django.len());
}

/// Reads each table through Django's models.
const READ: &str = "
from django.apps import apps
models = [model for model in apps.get_models() if model._meta.managed]
for model in models:
    list(model.objects.all()[:1])
print(len(models))
";

fn django_reads(database: &Database) {
    let count: usize = database.django("manage.py", &["shell", "-v", "0", "-c", READ], "").trim().parse().unwrap();
    assert!(count > 50, "{count}");
}

/// Django finds its tables in a database that the lab has migrated.
async fn django_reads_what_the_lab_makes(database: &Database) {
    migrated(database).await.close().await;
    django_reads(database);
}

#[tokio::test]
async fn django_reads_what_the_lab_makes_on_sqlite() {
    django_reads_what_the_lab_makes(&Database::sqlite("django_reads")).await;
}

#[tokio::test]
async fn django_reads_what_the_lab_makes_on_postgres() {
    let Some(database) = Database::postgres("django_reads") else { return };
    django_reads_what_the_lab_makes(&database).await;
}

/// The lab adds what is missing to a database that Django has migrated, and leaves the rest alone.
async fn the_lab_joins_what_django_made(database: &Database) {
    // Django makes the tables of `lab`, which has no migrations there, without recording them.
    database.django("manage.py", &["migrate", "auth", "-v", "0"], "");
    database.django("manage.py", &["migrate", "--run-syncdb", "-v", "0"], "");
    let db = Db::connect(&database.url, models()).await.unwrap();
    let migrator = Migrator::new(&db, history()).unwrap();
    let planned = async || {
        let plan = migrator.plan(&Target::All).await.unwrap();
        plan.into_iter().map(|planned| planned.migration.label()).collect::<Vec<_>>()
    };
    assert_eq!(planned().await, ["lab.0001_initial", "shop.0001_initial"]);
    let message = migrator.migrate(&Target::All, |_| {}).await.unwrap_err().to_string();
    assert!(
        message.starts_with("lab.0001_initial: Create model ParentModel (table lab_parentmodel) failed"),
        "{message}"
    );
    assert!(message.contains("--fake-initial"), "{message}");
    let record =
        "INSERT INTO django_migrations (app, name, applied) VALUES ('lab', '0001_initial', '2026-11-22 12:00:00')";
    db.raw(record, ()).execute().await.unwrap();
    assert_eq!(planned().await, ["shop.0001_initial"]);
    assert_eq!(migrator.migrate(&Target::All, |_| {}).await.unwrap(), 1);
    db.close().await;
    django_reads(database);
}

#[tokio::test]
async fn the_lab_joins_what_django_made_on_sqlite() {
    the_lab_joins_what_django_made(&Database::sqlite("joins")).await;
}

#[tokio::test]
async fn the_lab_joins_what_django_made_on_postgres() {
    let Some(database) = Database::postgres("joins") else { return };
    the_lab_joins_what_django_made(&database).await;
}
