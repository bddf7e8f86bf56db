//! Models found for the tables that real Django makes: of its own apps, and of `lab`.

#[expect(unreachable_pub, reason = "printed as an app has them")]
mod postgres;
#[expect(unreachable_pub, reason = "printed as an app has them")]
mod sqlite;

use std::collections::BTreeSet;

use nuages::migrate::{Migrator, Progress, State, Target, create_tables, detect};
use nuages::orm::introspect::{Catalogue, Inspected, Options, Table, models};
use nuages::orm::{Db, Models};

use crate::oracle::Database;

/// Has Django make all tables: those of its own apps by their migrations, those of `lab` without.
fn django(database: &Database) {
    let apps = "django.contrib.admin,django.contrib.sessions,django.contrib.sites";
    for args in [&["migrate", "--skip-checks", "-v", "0"][..], &["migrate", "--run-syncdb", "--skip-checks", "-v", "0"]]
    {
        database.django_with(&[("ORACLE_APPS", apps)], "manage.py", args, "");
    }
}

async fn catalogue(database: &Database) -> Catalogue {
    let db = Db::connect(&database.url, Models::new()).await.unwrap();
    let catalogue = Catalogue::read(&db).await.unwrap();
    db.close().await;
    catalogue
}

fn inspected(catalogue: &Catalogue) -> Inspected {
    let apps = ["admin", "auth", "contenttypes", "lab", "sessions", "sites"].map(str::to_owned).into();
    models(catalogue, &Options { apps, ..Options::default() }).unwrap()
}

/// A table but for the order of its parts, and for whether a field became unique with the table or later.
fn settled(table: &Table) -> Table {
    let mut table = table.clone();
    table.columns.sort_by(|a, b| a.name.cmp(&b.name));
    table.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    for constraint in &mut table.constraints {
        if table.name == "django_site" && constraint.name.as_deref() == Some("django_site_domain_a2e37b91_uniq") {
            constraint.name = Some("django_site_domain_key".to_owned());
        }
    }
    table.constraints.sort_by_key(|constraint| format!("{constraint:?}"));
    table
}

/// The models that are found make the tables that they were found for.
async fn models_make_the_tables_again(database: &Database, another: &Database) -> Inspected {
    django(database);
    let before = catalogue(database).await;
    assert!(before.tables.len() > 65, "{}", before.tables.len());
    let found = inspected(&before);
    assert_eq!(found.skipped, []);
    let remarks: Vec<&String> = found.models.iter().flat_map(|model| &model.remarks).collect();
    assert_eq!(remarks, [""; 0]);
    let db = Db::connect(&another.url, found.definitions()).await.unwrap();
    create_tables(&db).await.unwrap();
    db.close().await;
    let after = catalogue(another).await;
    let names = |catalogue: &Catalogue| -> BTreeSet<String> {
        let names = catalogue.tables.iter().map(|table| table.name.clone());
        names.filter(|name| name != "django_migrations").collect()
    };
    assert_eq!(names(&before), names(&after));
    assert_eq!(database.lab(&["inspectdb"], ""), found.source().unwrap());
    for table in &after.tables {
        let original = before.table(&table.name).unwrap();
        assert_eq!(settled(original), settled(table));
    }
    found
}

/// What is printed is what stands in the file, which was compiled into this program: the models that were found.
///
/// With `INSPECT_WRITE` set, the file is written instead.
fn the_source_is_compiled(found: &Inspected, file: &str, compiled: &Models) {
    let path = format!("{}/tests/it/inspect/{file}", env!("CARGO_MANIFEST_DIR"));
    let source = found.source().unwrap();
    if std::env::var_os("INSPECT_WRITE").is_some() {
        std::fs::write(&path, source).unwrap();
        return;
    }
    assert_eq!(source, std::fs::read_to_string(&path).unwrap(), "{path}");
    let state = |models: &Models| {
        let mut models = State::of(models).unwrap().models().to_vec();
        models.sort_by_key(|model| model.label());
        models
    };
    assert_eq!(state(&found.definitions()), state(compiled));
}

/// Of the first migrations of these models, that of `lab` alone is new to the database: Django has recorded the others.
/// It is adopted, and no table changes.
async fn only_lab_is_left_to_adopt(database: &Database, models: &Models) {
    let history = detect(models, &[]).unwrap();
    assert_eq!(detect(models, &history).unwrap(), []);
    let before = catalogue(database).await;
    let db = Db::connect(&database.url, models.clone()).await.unwrap();
    let migrator = Migrator::new(&db, history).unwrap().fake_initial(true);
    let mut adopted = Vec::new();
    let adopting = migrator.migrate(&Target::All, |progress| {
        if let Progress::Faked(migration) = progress {
            adopted.push(migration.label());
        }
    });
    adopting.await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(adopted, ["lab.0001_initial"]);
    assert_eq!(migrator.plan(&Target::All).await.unwrap().len(), 0);
    db.close().await;
    let after = catalogue(database).await;
    for table in &before.tables {
        assert_eq!(after.table(&table.name), Some(table));
    }
}

#[tokio::test]
async fn models_make_the_tables_again_on_sqlite() {
    let database = Database::sqlite("inspect");
    let found = models_make_the_tables_again(&database, &Database::sqlite("inspect_again")).await;
    let compiled = [
        sqlite::admin::models(),
        sqlite::auth::models(),
        sqlite::contenttypes::models(),
        sqlite::lab::models(),
        sqlite::sessions::models(),
        sqlite::sites::models(),
    ];
    let compiled = compiled.into_iter().fold(Models::new(), Models::and);
    the_source_is_compiled(&found, "sqlite.rs", &compiled);
    only_lab_is_left_to_adopt(&database, &compiled).await;
}

#[tokio::test]
async fn models_make_the_tables_again_on_postgres() {
    let (Some(one), Some(two)) = (Database::postgres("inspect"), Database::postgres("inspect_again")) else { return };
    let found = models_make_the_tables_again(&one, &two).await;
    let compiled = [
        postgres::admin::models(),
        postgres::auth::models(),
        postgres::contenttypes::models(),
        postgres::lab::models(),
        postgres::sessions::models(),
        postgres::sites::models(),
    ];
    let compiled = compiled.into_iter().fold(Models::new(), Models::and);
    the_source_is_compiled(&found, "postgres.rs", &compiled);
    only_lab_is_left_to_adopt(&one, &compiled).await;
}
