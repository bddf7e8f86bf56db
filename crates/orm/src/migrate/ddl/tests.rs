//! Statements held against those of Django for the same operations (`tests/oracle/migration_operations.json`).

use serde_json::Value as Json;

use super::*;
use crate::migrate::{Check, DatabaseDefault, Index, ModelDef, OnDelete, OrderBy, Reference, Unique, compare, field};
use crate::query::Lookup;

fn int(name: &'static str) -> Field {
    Field::new(name, Kind::Integer)
}

fn varchar(name: &'static str, length: u32) -> Field {
    Field::new(name, Kind::Char { max_length: Some(length) })
}

fn key(name: &'static str, to: &'static str) -> Field {
    Field::foreign_key(name, Reference::new(to, OnDelete::Cascade).related_name("+"))
}

fn model(name: &'static str, fields: impl IntoIterator<Item = Field>) -> ModelDef {
    let model = ModelDef::new("evo", name).field(Field::new("id", Kind::BigAuto)).primary_key("id");
    fields.into_iter().fold(model, ModelDef::field)
}

type Step = fn(Migration) -> Migration;

fn steps() -> Vec<(&'static str, Step)> {
    vec![
        ("create two models", |it| {
            it.create_model(model("Tgt", [varchar("name", 10)]))
                .create_model(model("Evo", [int("a"), varchar("s", 10), Field::new("t", Kind::Text)]))
        }),
        ("AddField null", |it| it.add_field("Evo", int("n").null(true))),
        ("AddField not null with default", |it| it.add_field("Evo", int("d").default(Value::Int(7)))),
        ("AddField not null text with default", |it| {
            it.add_field("Evo", varchar("ds", 9).default(Value::Text("it's".into())))
        }),
        ("AddField db_default", |it| it.add_field("Evo", int("dd").db_default(DatabaseDefault::Value(Value::Int(5))))),
        ("AddField unique null", |it| it.add_field("Evo", int("u").null(true).unique(true))),
        ("AddField db_index", |it| {
            it.add_field_filled("Evo", varchar("ix", 9).index(true), Value::Text(String::new()))
        }),
        ("AddField ForeignKey null", |it| it.add_field("Evo", key("fk", "evo.Tgt").null(true))),
        ("AddField ManyToMany", |it| {
            it.add_field("Evo", Field::many_to_many("m2m", Reference::new("evo.Tgt", OnDelete::Cascade)))
        }),
        ("AddField boolean default", |it| {
            it.add_field("Evo", Field::new("flag", Kind::Boolean).default(Value::Bool(true)))
        }),
        ("AlterField longer varchar", |it| it.alter_field("Evo", varchar("s", 50))),
        ("AlterField null to not null with default", |it| it.alter_field("Evo", int("n").default(Value::Int(3)))),
        ("AlterField not null to null", |it| it.alter_field("Evo", int("a").null(true))),
        ("AlterField int to bigint", |it| {
            it.alter_field("Evo", Field::new("d", Kind::BigInteger).default(Value::Int(7)))
        }),
        ("AlterField text to varchar", |it| it.alter_field("Evo", varchar("t", 20))),
        ("AlterField add db_index", |it| it.alter_field("Evo", varchar("s", 50).index(true))),
        ("AlterField drop db_index", |it| it.alter_field("Evo", varchar("s", 50))),
        ("AlterField add unique", |it| it.alter_field("Evo", varchar("s", 50).unique(true))),
        ("AlterField drop unique", |it| it.alter_field("Evo", varchar("s", 50))),
        ("RenameField", |it| it.rename_field("Evo", "a", "b")),
        ("AddIndex", |it| it.add_index("Evo", Index::new(vec![OrderBy::asc(field("b"))]).name("evo_b_idx"))),
        ("RenameIndex", |it| it.rename_index("Evo", "evo_b_idx", "evo_b2_idx")),
        ("RemoveIndex", |it| it.remove_index("Evo", "evo_b2_idx")),
        ("AddConstraint unique", |it| it.add_constraint("Evo", Unique::new("evo_uc", ["b", "s"]))),
        ("AddConstraint check", |it| {
            it.add_constraint("Evo", Check::new("evo_ck", compare(field("b"), Lookup::Gt, 0)))
        }),
        ("RemoveConstraint unique", |it| it.remove_constraint("Evo", "evo_uc")),
        ("RemoveConstraint check", |it| it.remove_constraint("Evo", "evo_ck")),
        ("AlterUniqueTogether add", |it| it.alter_unique_together("Evo", [&["b", "s"]])),
        ("AlterUniqueTogether drop", |it| it.alter_unique_together("Evo", [])),
        ("RemoveField", |it| it.remove_field("Evo", "ds")),
        ("RemoveField indexed", |it| it.remove_field("Evo", "ix")),
        ("RemoveField ForeignKey", |it| it.remove_field("Evo", "fk")),
        ("RemoveField ManyToMany", |it| it.remove_field("Evo", "m2m")),
        ("AlterModelTable", |it| it.alter_table("Evo", Some("evo_other"))),
        ("RenameModel", |it| it.rename_model("Tgt", "Dest")),
        ("DeleteModel", |it| it.delete_model("Evo").delete_model("Dest")),
    ]
}

/// Our statements as Django has them: it puts those that belong together into one, and does not keep numbering.
fn as_django(changes: Vec<Change>) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    let each = changes.into_iter().flat_map(|change| {
        let parts: Vec<String> = change.sql.split(";\n").map(str::to_owned).collect();
        parts
    });
    for sql in each.filter(|sql| !sql.contains("sqlite_sequence") && !sql.starts_with("PRAGMA")) {
        match statements.last_mut() {
            Some(last) if sql.starts_with("SET CONSTRAINTS") && last.contains(" ADD COLUMN ") => {
                *last = format!("{last}; {sql}");
            }
            Some(last) if last.starts_with("SET CONSTRAINTS") && sql.contains("DROP CONSTRAINT") => {
                *last = format!("{last}; {sql}")
            }
            _ => statements.push(sql),
        }
    }
    statements
}

/// Statements whatever the order of columns: Django puts an altered one last when it makes a table of SQLite anew.
fn without_order(statements: Vec<String>) -> Vec<String> {
    let sorted = |sql: String| {
        let copies = ["CREATE TABLE \"new__", "INSERT INTO \"new__"].iter().any(|start| sql.starts_with(start));
        let mut parts: Vec<&str> =
            sql.split([',', '(', ')']).flat_map(|part| part.split(" FROM ")).map(str::trim).collect();
        if copies {
            parts.sort_unstable();
        }
        parts.join(",")
    };
    statements.into_iter().map(sorted).collect()
}

#[test]
fn single_operations_are_django_s() {
    let oracle: Vec<Json> =
        serde_json::from_str(include_str!("../../../../../tests/oracle/migration_operations.json")).expect("JSON");
    for (dialect, engine) in [(Dialect::Sqlite, "sqlite"), (Dialect::Postgres, "postgresql")] {
        let mut state = State::new();
        for ((name, build), expected) in steps().into_iter().zip(&oracle) {
            assert_eq!(expected["operation"], name);
            let (done, after) = changes(&build(Migration::new("evo", name)), &state, dialect).expect(name);
            let mut expected: Vec<String> =
                serde_json::from_value(expected[engine].clone()).expect("a list of statements");
            if dialect == Dialect::Sqlite && name.starts_with("AlterField") && name.ends_with(" db_index") {
                // Django makes the whole table anew for it.
                let index = r#"INDEX "evo_evo_s_1255f58b""#;
                expected = match name.contains("add") {
                    true => vec![format!(r#"CREATE {index} ON "evo_evo" ("s")"#)],
                    false => vec![format!("DROP {index}")],
                };
            }
            assert_eq!(without_order(as_django(done)), without_order(expected), "{name} on {engine}");
            state = after;
        }
    }
}

#[test]
fn a_rebuild_keeps_indexes_and_the_numbering() {
    let before = model("Evo", [int("a").index(true)]).unique(Unique::new("partial", ["a"]).condition(compare(
        field("a"),
        Lookup::Gt,
        0,
    )));
    let first =
        Migration::new("evo", "0001_initial").create_model(before).add_field_filled("Evo", int("b"), Value::Int(1));
    let (done, _) = changes(&first, &State::new(), Dialect::Sqlite).expect("statements");
    let sql: Vec<&str> = done.iter().map(|change| change.sql.as_str()).collect();
    assert_eq!(
        sql[2..],
        [
            r#"INSERT INTO "new__evo_evo" ("id", "a", "b") SELECT "id", "a", 1 FROM "evo_evo""#,
            "DELETE FROM sqlite_sequence WHERE name = 'new__evo_evo'",
            "INSERT INTO sqlite_sequence (name, seq) SELECT 'new__evo_evo', seq FROM sqlite_sequence WHERE name = 'evo_evo'",
            "DROP TABLE \"evo_evo\";\nPRAGMA legacy_alter_table = ON;\nALTER TABLE \"new__evo_evo\" RENAME TO \
             \"evo_evo\";\nPRAGMA legacy_alter_table = OFF",
            r#"CREATE UNIQUE INDEX "partial" ON "evo_evo" ("a") WHERE "a" > 0"#,
            r#"CREATE INDEX "evo_evo_a_ee596dec" ON "evo_evo" ("a")"#,
        ]
    );
}

#[test]
fn keys_of_tables_that_go_again_are_not_made() {
    let migration = Migration::new("evo", "0001_initial")
        .create_model(model("Tgt", []))
        .create_model(model("Evo", [key("fk", "evo.Tgt")]))
        .remove_field("Evo", "fk")
        .delete_model("Tgt");
    let (done, _) = changes(&migration, &State::new(), Dialect::Postgres).expect("statements");
    let sql: Vec<&str> = done.iter().map(|change| change.sql.as_str()).collect();
    assert_eq!(sql[2..], [r#"ALTER TABLE "evo_evo" DROP COLUMN "fk_id" CASCADE"#, r#"DROP TABLE "evo_tgt" CASCADE"#]);
}

#[test]
fn a_wrong_column_is_named_with_the_operation() {
    let wrong = Index::new(vec![OrderBy::asc(field("pagse"))]).name("wrong");
    let migration =
        Migration::new("evo", "0001_initial").create_model(model("Evo", [int("pages")])).add_index("Evo", wrong);
    let error = changes(&migration, &State::new(), Dialect::Sqlite).expect_err("is refused").to_string();
    assert_eq!(
        error,
        "Create index wrong on model Evo: evo.Evo has no field `pagse` with a column; did you mean `pages`?"
    );
}
