//! The same specs answered by Django and by `lab query --spec -`: same answers, in the same order.

use std::env;
use std::fs;

use crate::oracle::{Database, folder, python, run};

const COUNT: &str = "1200";
const SEED: &str = "1";

/// Who made the tables that both query.
#[derive(Clone, Copy)]
enum Tables {
    Django,
    Lab,
}

#[test]
fn answers_are_django_s_on_sqlite_on_tables_of_django() {
    compare("differential_sqlite_django", &Database::sqlite("differential_sqlite_django"), Tables::Django);
}

#[test]
fn answers_are_django_s_on_sqlite_on_tables_of_ours() {
    compare("differential_sqlite_lab", &Database::sqlite("differential_sqlite_lab"), Tables::Lab);
}

#[test]
fn answers_are_django_s_on_postgres_on_tables_of_django() {
    if let Some(database) = Database::postgres("differential_django") {
        compare("differential_postgres_django", &database, Tables::Django);
    }
}

#[test]
fn answers_are_django_s_on_postgres_on_tables_of_ours() {
    if let Some(database) = Database::postgres("differential_lab") {
        compare("differential_postgres_lab", &database, Tables::Lab);
    }
}

#[test]
fn specs_reach_all_they_must() {
    run(python("specs.py").args(["--check", "--count", COUNT, "--seed", SEED]), "");
}

/// Specs and answers stay in the target folder, for `tests/oracle/compare.py` by hand.
///
/// With `NUAGES_KINDS_APART` set, refusals that differ from Django's in their kind alone do not fail.
fn compare(name: &str, database: &Database, tables: Tables) {
    match tables {
        Tables::Django => database.django("oracle.py", &["create"], ""),
        Tables::Lab => {
            database.lab(&["migrate"], "");
            database.django("oracle.py", &["seed"], "")
        }
    };
    let specs = run(python("specs.py").args(["--count", COUNT, "--seed", SEED]), "");
    let answers = [
        ("specs.json", specs.clone()),
        ("django.json", database.django("oracle.py", &["query"], &specs)),
        ("lab.json", database.lab(&["query", "--spec", "-"], &specs)),
    ];
    let mut compare = python("compare.py");
    for (file, text) in answers {
        let path = folder(name).join(file);
        fs::write(&path, text).expect("the target folder can be written");
        compare.arg(path);
    }
    if env::var_os("NUAGES_KINDS_APART").is_some() {
        compare.arg("--kinds-apart");
    }
    let out = compare.output().expect("Python starts");
    let found = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{found}{}", String::from_utf8_lossy(&out.stderr));
    println!("{found}");
}
