//! Statements held against those of Django for the same operations (`tests/oracle/migration_operations.json`).

use serde_json::Value as Json;

use super::*;
use crate::migrate::{ModelDef, OnDelete, Reference, compare, field};
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

/// What an operation is made of, or what Django alters and we do not yet: then the models are just replaced.
enum Step {
    Does(fn(Migration) -> Migration),
    Alters(fn(&mut ModelDef)),
}

fn alter(model: &mut ModelDef, name: &str, change: fn(Field) -> Field) {
    for field in &mut model.fields {
        if field.name == name {
            *field = change(field.clone());
        }
    }
}

fn steps() -> Vec<(&'static str, Step)> {
    use Step::{Alters, Does};
    vec![
        (
            "create two models",
            Does(|it| {
                it.create_model(model("Tgt", [varchar("name", 10)]))
                    .create_model(model("Evo", [int("a"), varchar("s", 10), Field::new("t", Kind::Text)]))
            }),
        ),
        ("AddField null", Does(|it| it.add_field("Evo", int("n").null(true)))),
        ("AddField not null with default", Does(|it| it.add_field("Evo", int("d").default(Value::Int(7))))),
        (
            "AddField not null text with default",
            Does(|it| it.add_field("Evo", varchar("ds", 9).default(Value::Text("it's".into())))),
        ),
        (
            "AddField db_default",
            Does(|it| it.add_field("Evo", int("dd").db_default(DatabaseDefault::Value(Value::Int(5))))),
        ),
        ("AddField unique null", Does(|it| it.add_field("Evo", int("u").null(true).unique(true)))),
        (
            "AddField db_index",
            Does(|it| it.add_field_filled("Evo", varchar("ix", 9).index(true), Value::Text(String::new()))),
        ),
        ("AddField ForeignKey null", Does(|it| it.add_field("Evo", key("fk", "evo.Tgt").null(true)))),
        (
            "AddField ManyToMany",
            Does(|it| it.add_field("Evo", Field::many_to_many("m2m", Reference::new("evo.Tgt", OnDelete::Cascade)))),
        ),
        (
            "AddField boolean default",
            Does(|it| it.add_field("Evo", Field::new("flag", Kind::Boolean).default(Value::Bool(true)))),
        ),
        ("AlterField longer varchar", Alters(|it| alter(it, "s", |_| varchar("s", 50)))),
        ("AlterField null to not null with default", Alters(|it| alter(it, "n", |_| int("n")))),
        ("AlterField not null to null", Alters(|it| alter(it, "a", |it| it.null(true)))),
        ("AlterField int to bigint", Alters(|it| alter(it, "d", |_| Field::new("d", Kind::BigInteger)))),
        ("AlterField text to varchar", Alters(|it| alter(it, "t", |_| varchar("t", 20)))),
        ("AlterField add db_index", Alters(|_| {})),
        ("AlterField drop db_index", Alters(|_| {})),
        ("AlterField add unique", Alters(|_| {})),
        ("AlterField drop unique", Alters(|_| {})),
        (
            "RenameField",
            Alters(|it| {
                it.fields.retain(|field| field.name != "a");
                it.fields.push(int("b").null(true));
            }),
        ),
        ("AddIndex", Does(|it| it.add_index("Evo", Index::new(vec![OrderBy::asc(field("b"))]).name("evo_b_idx")))),
        ("RenameIndex", Alters(|it| it.indexes = vec![Index::new(vec![OrderBy::asc(field("b"))]).name("evo_b2_idx")])),
        ("RemoveIndex", Does(|it| it.remove_index("Evo", "evo_b2_idx"))),
        ("AddConstraint unique", Does(|it| it.add_constraint("Evo", Unique::new("evo_uc", ["b", "s"])))),
        (
            "AddConstraint check",
            Does(|it| it.add_constraint("Evo", Check::new("evo_ck", compare(field("b"), Lookup::Gt, 0)))),
        ),
        ("RemoveConstraint unique", Does(|it| it.remove_constraint("Evo", "evo_uc"))),
        ("RemoveConstraint check", Does(|it| it.remove_constraint("Evo", "evo_ck"))),
        ("AlterUniqueTogether add", Does(|it| it.alter_unique_together("Evo", [&["b", "s"]]))),
        ("AlterUniqueTogether drop", Does(|it| it.alter_unique_together("Evo", []))),
        ("RemoveField", Does(|it| it.remove_field("Evo", "ds"))),
        ("RemoveField indexed", Does(|it| it.remove_field("Evo", "ix"))),
        ("RemoveField ForeignKey", Does(|it| it.remove_field("Evo", "fk"))),
        ("RemoveField ManyToMany", Does(|it| it.remove_field("Evo", "m2m"))),
        ("AlterModelTable", Alters(|it| it.table = Some("evo_other".into()))),
        ("RenameModel", Alters(|_| {})),
        ("DeleteModel", Does(|it| it.delete_model("Evo").delete_model("Tgt"))),
    ]
}

/// Our statements as Django has them: it puts those that belong together into one, and does not keep numbering.
fn as_django(changes: Vec<Change>) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    for Change { sql, .. } in changes.into_iter().filter(|change| !change.sql.contains("sqlite_sequence")) {
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

#[test]
fn single_operations_are_django_s() {
    let oracle: Vec<Json> =
        serde_json::from_str(include_str!("../../../../../tests/oracle/migration_operations.json")).expect("JSON");
    for (dialect, engine) in [(Dialect::Sqlite, "sqlite"), (Dialect::Postgres, "postgresql")] {
        let mut state = State::new();
        for ((name, step), expected) in steps().into_iter().zip(&oracle) {
            assert_eq!(expected["operation"], name);
            match step {
                Step::Does(build) => {
                    let (done, after) = changes(&build(Migration::new("evo", name)), &state, dialect).expect(name);
                    let expected: Vec<String> =
                        serde_json::from_value(expected[engine].clone()).expect("a list of statements");
                    let expected: Vec<String> = expected.iter().map(|sql| sql.replace("evo_dest", "evo_tgt")).collect();
                    assert_eq!(as_django(done), expected, "{name} on {engine}");
                    state = after;
                }
                Step::Alters(change) => {
                    let mut altered = State::new();
                    for model in state.models() {
                        let mut model = model.clone();
                        if model.name == "Evo" {
                            change(&mut model);
                        }
                        altered.apply("evo", &Operation::CreateModel(model)).expect("altered");
                    }
                    state = altered;
                }
            }
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
            r#"DROP TABLE "evo_evo""#,
            r#"ALTER TABLE "new__evo_evo" RENAME TO "evo_evo""#,
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
