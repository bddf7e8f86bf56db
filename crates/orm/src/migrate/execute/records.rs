//! What is remembered of the migrations: in Django's table that they are applied, in one of our own what they were.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use md5::{Digest, Md5};

use super::super::ddl::changes;
use super::super::graph::Key;
use super::super::operation::Migration;
use super::super::state::State;
use crate::db::{Db, Statement};
use crate::engine::Dialect;
use crate::error::Result;
use crate::field::Kind;
use crate::model::{Field, ModelDef};
use crate::value::Value;

/// The table that remembers what has been applied: Django's.
pub(super) const RECORDS: &str = "django_migrations";
/// The table that remembers what those were, and how far one got that is not atomic: ours, which Django ignores.
pub(super) const NOTES: &str = "nuages_migrations";
/// The version of what a digest is made of: those of another version are not compared.
const DIGEST_VERSION: &str = "3";

/// What is recorded as applied, migrations of other programs included.
pub(super) type Applied = BTreeMap<Key, Timestamp>;

/// What is noted of a migration.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Note {
    pub(super) digest: String,
    /// The operations that are done, of a migration that is not atomic and not yet recorded.
    pub(super) done: Option<usize>,
    /// Where the next operation got to.
    pub(super) checkpoint: Option<String>,
}

/// A digest of what a migration does. Names of functions count, not what they do.
pub(super) fn digest(migration: &Migration) -> String {
    let mut sum = Md5::new();
    sum.update(format!("{:?} {}", migration.operations, migration.atomic));
    let mut text = format!("{DIGEST_VERSION}:");
    for byte in sum.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether a migration is not what it was when this digest was made, as far as that can be told.
pub(super) fn was_edited(migration: &Migration, before: &str) -> bool {
    before.split_once(':').is_some_and(|(version, _)| version == DIGEST_VERSION) && digest(migration) != before
}

/// Whether a table is there.
pub(crate) async fn is_there(db: &Db, table: &str) -> Result<bool> {
    let sql = match db.dialect() {
        Dialect::Sqlite => format!("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '{table}'"),
        Dialect::Postgres => format!("SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('{table}')"),
    };
    let counts: Vec<(i64,)> = ask(db, sql).fetch().await?;
    Ok(counts.first().is_some_and(|(count,)| *count > 0))
}

/// Never from a replica, which may not know yet; on SQLite by a reader, who waits for nobody.
fn ask(db: &Db, sql: String) -> crate::db::RawQuery<'_> {
    match db.dialect() {
        Dialect::Sqlite => db.raw(sql, ()),
        Dialect::Postgres => db.raw(sql, ()).writes(),
    }
}

/// What is recorded as applied.
pub(super) async fn applied(db: &Db) -> Result<Applied> {
    if !is_there(db, RECORDS).await? {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, String, Timestamp)> =
        ask(db, format!("SELECT app, name, applied FROM {RECORDS}")).fetch().await?;
    Ok(rows.into_iter().map(|(app, name, applied)| ((Cow::Owned(app), Cow::Owned(name)), applied)).collect())
}

/// What is noted.
pub(super) async fn notes(db: &Db) -> Result<BTreeMap<Key, Note>> {
    if !is_there(db, NOTES).await? {
        return Ok(BTreeMap::new());
    }
    let sql = format!("SELECT app, name, digest, done, checkpoint FROM {NOTES}");
    type Line = (String, String, String, Option<i64>, Option<String>);
    Ok(ask(db, sql)
        .fetch::<Line>()
        .await?
        .into_iter()
        .map(|(app, name, digest, done, checkpoint)| {
            let done = done.and_then(|done| usize::try_from(done).ok());
            ((Cow::Owned(app), Cow::Owned(name)), Note { digest, done, checkpoint })
        })
        .collect())
}

/// Makes the tables unless they are there.
pub(super) async fn make_tables(db: &Db) -> Result<()> {
    let text = |name| Field::new(name, Kind::Char { max_length: Some(255) });
    let records = ModelDef::new("migrations", "Migration")
        .table(RECORDS)
        .field(Field::new("id", Kind::BigAuto))
        .field(text("app"))
        .field(text("name"))
        .field(Field::new("applied", Kind::DateTime))
        .primary_key("id");
    let notes = ModelDef::new("migrations", "Note")
        .table(NOTES)
        .field(Field::new("id", Kind::BigAuto))
        .field(text("app"))
        .field(text("name"))
        .field(text("digest"))
        .field(Field::new("done", Kind::BigInteger).null(true))
        .field(Field::new("checkpoint", Kind::Text).null(true))
        .primary_key("id")
        .unique_together(["app", "name"]);
    for (table, model) in [(RECORDS, records), (NOTES, notes)] {
        if is_there(db, table).await? {
            continue;
        }
        let (changes, _) = changes(&Migration::new("migrations", "").create_model(model), &State::new(), db.dialect())?;
        for change in changes {
            db.script(change.sql).await?;
        }
    }
    Ok(())
}

/// Runs a statement whose parameters are written `$1`, in their order.
async fn run(db: &Db, sql: &str, params: Vec<Value>) -> Result<u64> {
    let sql = if db.dialect() == Dialect::Sqlite { sql.replace('$', "?") } else { sql.to_owned() };
    db.execute(Statement::write(sql, params)).await
}

fn names(app: &str, name: &str) -> Vec<Value> {
    vec![Value::Text(app.to_owned()), Value::Text(name.to_owned())]
}

/// Records a migration as applied, and those that it stands for; and what it is.
pub(super) async fn record(db: &Db, migration: &Migration, applied: &Applied) -> Result<()> {
    let own = migration.key();
    for (app, name) in migration.replaces.iter().chain([&own]) {
        if applied.contains_key(&(app.clone(), name.clone())) {
            continue;
        }
        let sql = format!("INSERT INTO {RECORDS} (app, name, applied) VALUES ($1, $2, $3)");
        run(db, &sql, [names(app, name), vec![Value::Timestamp(Timestamp::now())]].concat()).await?;
    }
    note(db, migration, None, None).await
}

/// Forgets a migration, and those that it stands for.
pub(super) async fn forget(db: &Db, migration: &Migration) -> Result<()> {
    let own = migration.key();
    for (app, name) in migration.replaces.iter().chain([&own]) {
        forget_key(db, app, name).await?;
    }
    Ok(())
}

/// Forgets one record.
pub(super) async fn forget_key(db: &Db, app: &str, name: &str) -> Result<()> {
    for table in [RECORDS, NOTES] {
        run(db, &format!("DELETE FROM {table} WHERE app = $1 AND name = $2"), names(app, name)).await?;
    }
    Ok(())
}

/// Notes what a migration is, and how far it got.
pub(super) async fn note(db: &Db, migration: &Migration, done: Option<usize>, checkpoint: Option<&str>) -> Result<()> {
    let done = match done {
        Some(done) => Value::Int(i64::try_from(done).unwrap_or(i64::MAX)),
        None => Value::Null,
    };
    let checkpoint = checkpoint.map_or(Value::Null, |text| Value::Text(text.to_owned()));
    let sql = format!(
        "INSERT INTO {NOTES} (app, name, digest, done, checkpoint) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (app, name) DO UPDATE SET digest = excluded.digest, done = excluded.done, \
         checkpoint = excluded.checkpoint"
    );
    let digest = Value::Text(digest(migration));
    let params = [names(&migration.app, &migration.name), vec![digest, done, checkpoint]].concat();
    run(db, &sql, params).await.map(drop)
}

/// Keeps where the next operation of a migration got to.
pub(in super::super) async fn set_checkpoint(db: &Db, app: &str, name: &str, checkpoint: &str) -> Result<()> {
    let sql = format!("UPDATE {NOTES} SET checkpoint = $1 WHERE app = $2 AND name = $3");
    run(db, &sql, [vec![Value::Text(checkpoint.to_owned())], names(app, name)].concat()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FieldDefault;

    /// If this fails, digests in people's databases mean something else from now on: raise `DIGEST_VERSION`, so that
    /// they are not taken for edited migrations.
    #[test]
    fn a_digest_stays_what_it_is() {
        let flag = Field::new("flag", Kind::Boolean).default(Value::Bool(true));
        let migration = Migration::new("shop", "0002").add_field("Book", flag);
        assert_eq!(digest(&migration), DIGEST);
        assert!(!was_edited(&migration, "0:1234"), "of another version");
    }

    const DIGEST: &str = "3:430b080cf197c56120814030b6729e4a";

    #[test]
    fn a_digest_does_not_depend_on_where_functions_are() {
        let with = |function: fn() -> Value| {
            let mut field = Field::new("flag", Kind::Boolean);
            field.default = Some(FieldDefault::Function("flag".into(), function));
            digest(&Migration::new("shop", "0002").add_field("Book", field))
        };
        assert_eq!(with(|| Value::Bool(true)), with(|| Value::Bool(false)));
    }
}
