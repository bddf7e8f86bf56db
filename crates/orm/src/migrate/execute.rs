//! Applying migrations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;

use super::ddl::{Change, changes};
use super::detect::detect;
use super::graph::{Graph, in_migration};
use super::operation::Migration;
use super::state::State;
use crate::db::{Db, Statement};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{Field, ModelDef, Models};
use crate::value::Value;

/// The table that remembers what has been applied: Django's.
const RECORDS: &str = "django_migrations";
/// The lock that one migrator at a time holds on a PostgreSQL database: "nuages_m" as a number.
const LOCK: i64 = i64::from_be_bytes(*b"nuages_m");
/// How often a migrator tries again where SQLite says that another program writes: each time for the busy timeout.
const PATIENCE: u32 = 100;
/// Rows named in a message.
const SAMPLE: usize = 5;

/// A project's migrations, and the database that they are applied to.
///
/// ```no_run
/// # async fn example(migrations: Vec<nuages_orm::migrate::Migration>) -> nuages_orm::Result<()> {
/// use nuages_orm::migrate::{Migrator, Target};
/// use nuages_orm::{Db, Models};
///
/// let db = Db::connect("sqlite://site.db", Models::new()).await?;
/// let migrator = Migrator::new(&db, migrations)?;
/// migrator.migrate(&Target::All, |progress| println!("{progress:?}")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Migrator {
    db: Db,
    graph: Graph,
}

/// How far to migrate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Everything there is.
    All,
    /// An app, and what its migrations come after.
    App(String),
    /// An app up to this migration (the start of its name is enough), and what that comes after.
    Migration(String, String),
}

/// What a migrator does at the moment.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Begins with a migration.
    Applying(&'a Migration),
    /// Has applied and recorded it.
    Applied(&'a Migration),
    /// Found that another migrator had applied it meanwhile.
    Found(&'a Migration),
}

/// A migration, and whether it is applied: a line of `showmigrations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The app's label.
    pub app: String,
    /// The migration's name.
    pub name: String,
    /// When it was applied; `None` if it was not.
    pub applied: Option<Timestamp>,
}

impl Migrator {
    /// A migrator for these migrations, of all apps.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if they do not fit together: one is there twice, a parent is missing, some come after
    /// one another in a circle, or two come last in an app.
    pub fn new(db: &Db, migrations: Vec<Migration>) -> Result<Self> {
        let graph = Graph::new(migrations)?;
        for app in graph.apps() {
            graph.leaf(app)?;
        }
        Ok(Migrator { db: db.clone(), graph })
    }

    /// What [`migrate`](Self::migrate) would apply, in order.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if the target is not there or lies behind what is applied, or if a migration is
    /// recorded as applied whose parent is not; the database's errors.
    pub async fn plan(&self, target: &Target) -> Result<Vec<&Migration>> {
        let applied = applied(&self.db).await?;
        self.plan_after(target, &applied)
    }

    /// Applies what is missing up to a target; the number of migrations it applied.
    ///
    /// Each is applied in a transaction of its own with the record of it in `django_migrations`, so that one which
    /// fails leaves nothing behind, and those before it stay. Migrators that run at the same time wait for one another.
    ///
    /// # Errors
    /// As [`plan`](Self::plan); [`ErrorKind::Migration`] for a migration that fails, naming it, its operation and its
    /// table, with the database's error as source.
    pub async fn migrate(&self, target: &Target, mut report: impl FnMut(Progress<'_>)) -> Result<usize> {
        let applied = applied(&self.db).await?;
        let plan = self.plan_after(target, &applied)?;
        if plan.is_empty() {
            return Ok(0);
        }
        let mut state = self.state_of(|migration| applied.contains_key(&key(migration)))?;
        let mut count = 0;
        for migration in plan {
            report(Progress::Applying(migration));
            let (changes, after) =
                changes(migration, &state, self.db.dialect()).map_err(|error| in_migration(migration, error))?;
            if self.apply(&Unit::new(migration, changes, self.db.dialect())).await? {
                count += 1;
                report(Progress::Applied(migration));
            } else {
                report(Progress::Found(migration));
            }
            state = after;
        }
        Ok(count)
    }

    /// All migrations by app, each app's in the order in which they are applied.
    ///
    /// # Errors
    /// The database's.
    pub async fn show(&self) -> Result<Vec<Shown>> {
        let applied = applied(&self.db).await?;
        let mut shown: Vec<Shown> = self
            .graph
            .migrations()
            .iter()
            .map(|migration| Shown {
                app: migration.app.to_string(),
                name: migration.name.to_string(),
                applied: applied.get(&key(migration)).copied(),
            })
            .collect();
        shown.sort_by(|a, b| a.app.cmp(&b.app));
        Ok(shown)
    }

    /// The statements of a migration, as text that can be run by hand; it does not record the migration.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if it is not there, or the engine cannot do it.
    pub fn sql(&self, app: &str, name: &str) -> Result<String> {
        let migration = self.graph.find(app, name)?;
        let parents: BTreeSet<_> = self.graph.up_to([migration]).into_iter().map(key).collect();
        let state = self.state_of(|other| other != migration && parents.contains(&key(other)))?;
        let (changes, _) =
            changes(migration, &state, self.db.dialect()).map_err(|error| in_migration(migration, error))?;
        let unit = Unit::new(migration, changes, self.db.dialect());
        let (before, after) = match unit.drops {
            true => ("PRAGMA foreign_keys = OFF;\n", "PRAGMA foreign_key_check;\nPRAGMA foreign_keys = ON;\n"),
            false => ("", ""),
        };
        let mut text = format!("{before}BEGIN;\n");
        let mut announced = 0;
        for change in &unit.changes {
            while announced <= change.operation {
                if let Some(operation) = migration.operations.get(announced) {
                    // Writing to a string cannot fail.
                    let _ = writeln!(text, "--\n-- {}\n--", operation.describe());
                }
                announced += 1;
            }
            let _ = writeln!(text, "{};", change.sql);
        }
        text.push_str("COMMIT;\n");
        text.push_str(after);
        Ok(text)
    }

    fn plan_after(&self, target: &Target, applied: &BTreeMap<(String, String), Timestamp>) -> Result<Vec<&Migration>> {
        self.check_history(applied)?;
        let targets: Vec<&Migration> = match target {
            Target::All => self.graph.migrations().iter().collect(),
            Target::App(app) => match self.graph.leaf(app)? {
                Some(leaf) => vec![leaf],
                // Says what there is.
                None => vec![self.graph.find(app, "")?],
            },
            Target::Migration(app, name) => {
                let target = self.graph.find(app, name)?;
                let wanted: BTreeSet<_> = self.graph.up_to([target]).into_iter().map(key).collect();
                let later = self.graph.migrations().iter().find(|migration| {
                    migration.app == *app && applied.contains_key(&key(migration)) && !wanted.contains(&key(migration))
                });
                if let Some(later) = later {
                    return Err(Error::new(
                        ErrorKind::Migration,
                        format!(
                            "{} comes after {} and is applied, and migrations cannot be taken back yet; write a new \
                             migration that undoes it",
                            later.label(),
                            target.label()
                        ),
                    ));
                }
                vec![target]
            }
        };
        let wanted = self.graph.up_to(targets);
        Ok(wanted.into_iter().filter(|migration| !applied.contains_key(&key(migration))).collect())
    }

    /// A migration cannot be applied whose parent is not.
    fn check_history(&self, applied: &BTreeMap<(String, String), Timestamp>) -> Result<()> {
        for migration in self.graph.migrations().iter().filter(|migration| applied.contains_key(&key(migration))) {
            for (app, name) in &migration.dependencies {
                if !applied.contains_key(&(app.to_string(), name.to_string())) {
                    return Err(Error::new(
                        ErrorKind::Migration,
                        format!(
                            "{} is recorded as applied, but {app}.{name}, which it comes after, is not; if that one's \
                             tables are there, record it in {RECORDS} by hand",
                            migration.label()
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The models after some of the migrations.
    fn state_of(&self, is_in: impl Fn(&Migration) -> bool) -> Result<State> {
        let mut state = State::new();
        for migration in self.graph.migrations().iter().filter(|migration| is_in(migration)) {
            for operation in &migration.operations {
                state.apply(&migration.app, operation).map_err(|error| in_migration(migration, error))?;
            }
        }
        Ok(state)
    }

    /// Applies a migration, waiting for other programs that write to a SQLite file; `false` if it was applied already.
    async fn apply(&self, unit: &Unit) -> Result<bool> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut transaction = self.db.transaction();
            if unit.drops {
                transaction = transaction.without_foreign_keys();
            }
            let work = unit.clone();
            let outcome = transaction.run(async move |db: &Db| work.run(db).await).await;
            if unit.drops {
                self.db.script("PRAGMA legacy_alter_table = OFF").await?;
            }
            match outcome {
                Err(error) if error.kind() == ErrorKind::Conflict && attempts < PATIENCE => {}
                // Of the commit: keys that are checked only then.
                Err(error) if error.kind() == ErrorKind::ForeignKeyViolation => {
                    return Err(in_migration(&unit.migration, error));
                }
                outcome => return outcome,
            }
        }
    }
}

/// A migration with its statements: what happens in one transaction.
#[derive(Clone)]
struct Unit {
    migration: Migration,
    changes: Vec<Change>,
    /// Whether tables are dropped on SQLite. It deletes their rows first and with them what refers to them, unless
    /// foreign keys are off.
    drops: bool,
}

impl Unit {
    fn new(migration: &Migration, changes: Vec<Change>, dialect: Dialect) -> Unit {
        let drops = dialect == Dialect::Sqlite && changes.iter().any(|change| change.sql.starts_with("DROP TABLE"));
        Unit { migration: migration.clone(), changes, drops }
    }

    /// Applies and records the migration; `false` if somebody else has.
    async fn run(&self, db: &Db) -> Result<bool> {
        if db.dialect() == Dialect::Postgres {
            // A migration takes the time it takes, and so does waiting for another migrator.
            db.script("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
            let lock = Statement::write("SELECT 1 FROM pg_advisory_xact_lock($1)", vec![Value::Int(LOCK)]);
            db.execute(lock).await?;
            db.script("SET LOCAL lock_timeout TO DEFAULT").await?;
        }
        let applied = applied(db).await?;
        if applied.contains_key(&key(&self.migration)) {
            return Ok(false);
        }
        if applied.is_empty() {
            make_records(db).await?;
        }
        let triggers = if self.drops { triggers(db).await? } else { Vec::new() };
        for change in &self.changes {
            let done = change.run(db).await;
            done.map_err(|error| self.failed(change, error))?;
        }
        if self.drops {
            restore_triggers(db, triggers).await?;
            check_keys(db).await.map_err(|error| in_migration(&self.migration, error))?;
        }
        record(db, &self.migration).await?;
        Ok(true)
    }

    fn failed(&self, change: &Change, error: Error) -> Error {
        // Another program writes: tried again.
        if error.kind() == ErrorKind::Conflict {
            return error;
        }
        let operation = self.migration.operations.get(change.operation).map(|operation| operation.describe());
        let advice = match error.kind() {
            _ if error.is_constraint_violation() => "correct the rows that do not fit, then run migrate again",
            ErrorKind::LockNotAvailable | ErrorKind::Timeout => {
                "another program holds the table: run migrate again when it is done"
            }
            _ if error.to_string().contains("already exists") => {
                "if what is there is right already, such as a table that Django made, record the migration in \
                 django_migrations by hand; if not, drop or rename it; then run migrate again"
            }
            _ => "remove the cause, then run migrate again",
        };
        let message = format!(
            "{}: {} (table {}) failed: {error}; nothing of this migration was applied: {advice}",
            self.migration.label(),
            operation.unwrap_or_default(),
            change.table
        );
        Error::new(ErrorKind::Migration, message).with_source(error)
    }
}

/// Makes the tables of all models of a database, without migrations and without a record of it: for tests, and for
/// trying something out (Django's `migrate --run-syncdb`).
///
/// # Errors
/// The database's, for a table that is there already; nothing was made then.
pub async fn create_tables(db: &Db) -> Result<()> {
    let entries = db.schema().entries().iter().filter(|entry| entry.automatic_for.is_none());
    let models = entries.fold(Models::new(), |models, entry| models.with_definition((*entry.definition).clone()));
    let graph = Graph::new(detect(&models, &[])?)?;
    let mut state = State::new();
    db.atomic(async |db: &Db| {
        for migration in graph.migrations() {
            let (changes, after) = changes(migration, &state, db.dialect())?;
            for change in &changes {
                change.run(db).await.map_err(|error| in_migration(migration, error))?;
            }
            state = after;
        }
        Ok(())
    })
    .await
}

fn key(migration: &Migration) -> (String, String) {
    (migration.app.to_string(), migration.name.to_string())
}

/// Makes the table of records unless it is there.
async fn make_records(db: &Db) -> Result<()> {
    let text = |name| Field::new(name, Kind::Char { max_length: Some(255) });
    let model = ModelDef::new("migrations", "Migration")
        .table(RECORDS)
        .field(Field::new("id", Kind::BigAuto))
        .field(text("app"))
        .field(text("name"))
        .field(Field::new("applied", Kind::DateTime))
        .primary_key("id");
    let (changes, _) = changes(&Migration::new("migrations", "").create_model(model), &State::new(), db.dialect())?;
    for change in changes {
        db.script(change.sql.replacen("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1)).await?;
    }
    Ok(())
}

async fn record(db: &Db, migration: &Migration) -> Result<()> {
    let values = match db.dialect() {
        Dialect::Sqlite => "?1, ?2, ?3",
        Dialect::Postgres => "$1, $2, $3",
    };
    let sql = format!("INSERT INTO {RECORDS} (app, name, applied) VALUES ({values})");
    let (app, name) = key(migration);
    let params = vec![Value::Text(app), Value::Text(name), Value::Timestamp(Timestamp::now())];
    db.execute(Statement::write(sql, params)).await?;
    Ok(())
}

/// The triggers of a SQLite database: name, table, and statement.
async fn triggers(db: &Db) -> Result<Vec<(String, String, String)>> {
    db.raw("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'", ()).fetch().await
}

/// Makes the triggers again that went with a table which was made anew.
async fn restore_triggers(db: &Db, before: Vec<(String, String, String)>) -> Result<()> {
    if before.is_empty() {
        return Ok(());
    }
    let left: BTreeSet<String> = triggers(db).await?.into_iter().map(|(name, ..)| name).collect();
    let tables: Vec<(String,)> = db.raw("SELECT name FROM sqlite_master WHERE type = 'table'", ()).fetch().await?;
    for (name, table, sql) in before {
        let stays_gone = !tables.iter().any(|(known,)| *known == table);
        if stays_gone || left.contains(&name) {
            continue;
        }
        db.script(sql).await.map_err(|error| {
            Error::new(ErrorKind::Migration, format!("trigger `{name}` of {table} cannot be made again: {error}"))
        })?;
    }
    Ok(())
}

/// Looks for rows that refer to nothing, which nobody watched while foreign keys were off.
async fn check_keys(db: &Db) -> Result<()> {
    let dangling: Vec<(String, Option<i64>, String, i64)> = db.raw("PRAGMA foreign_key_check", ()).fetch().await?;
    if dangling.is_empty() {
        return Ok(());
    }
    let named = dangling.iter().take(SAMPLE).map(|(table, row, to, _)| match row {
        Some(row) => format!("row {row} of {table} refers to no row of {to}"),
        None => format!("a row of {table} refers to no row of {to}"),
    });
    let more = dangling.len().saturating_sub(SAMPLE);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::new(
        ErrorKind::Migration,
        format!(
            "{}{more}; nothing of this migration was applied: correct these rows, then run migrate again",
            named.collect::<Vec<_>>().join(", ")
        ),
    ))
}

/// What is recorded as applied, migrations of other programs included.
async fn applied(db: &Db) -> Result<BTreeMap<(String, String), Timestamp>> {
    // Never from a replica, which may not know yet; on SQLite by a reader, who waits for nobody.
    let asked = |sql: String| match db.dialect() {
        Dialect::Sqlite => db.raw(sql, ()),
        Dialect::Postgres => db.raw(sql, ()).writes(),
    };
    let there = match db.dialect() {
        Dialect::Sqlite => format!("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '{RECORDS}'"),
        Dialect::Postgres => format!("SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('{RECORDS}')"),
    };
    let counts: Vec<(i64,)> = asked(there).fetch().await?;
    if counts.first().is_none_or(|(count,)| *count == 0) {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, String, Timestamp)> =
        asked(format!("SELECT app, name, applied FROM {RECORDS}")).fetch().await?;
    Ok(rows.into_iter().map(|(app, name, applied)| ((app, name), applied)).collect())
}
