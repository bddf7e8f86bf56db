//! One migration on its way, forwards or back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;

use super::super::data::{Course, Marks, Past};
use super::super::ddl::{Change, changes, changes_back};
use super::super::graph::in_migration;
use super::super::operation::{Migration, Operation};
use super::super::probe::{Probe, doubts};
use super::super::state::State;
use super::lock::{Alone, LockPatience, acquire, pauses, run_alone, take_part};
use super::{records, sqlite};
use crate::db::Db;
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};

/// How often a migrator tries again where SQLite says that another program writes: each time for the busy timeout.
const SQLITE_PATIENCE: u32 = 100;

/// What is told while a migration runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum News {
    /// Rows that an operation has done, and how many there are, if that is known.
    Rows { operation: usize, done: u64, total: Option<u64> },
    /// The locks were not to be had, or transactions stood in each other's way: tried again for the so-manieth time.
    Again(u32),
}

/// A migration to be run in one direction.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) migration: Arc<Migration>,
    /// Whether it is undone.
    pub(super) backwards: bool,
    pub(super) patience: LockPatience,
    pub(super) news: UnboundedSender<News>,
}

/// Statements, and the operations on rows among them.
#[derive(Clone)]
struct Work {
    changes: Vec<Change>,
    /// The models at each operation on rows.
    states: BTreeMap<usize, Arc<State>>,
    /// What to ask before each operation that some rows may not fit.
    probes: BTreeMap<usize, Vec<Probe>>,
    /// Whether tables are dropped on SQLite. It deletes their rows first and with them what refers to them, unless
    /// foreign keys are off.
    drops: bool,
}

impl Work {
    /// What applies or undoes a migration, given the state before it in either case; and the state after it.
    fn new(migration: &Migration, backwards: bool, before: &State, dialect: Dialect) -> Result<(Work, State)> {
        let mut states = BTreeMap::new();
        let mut probes = BTreeMap::new();
        let mut after = before.clone();
        for (position, operation) in migration.operations.iter().enumerate() {
            if operation.is_data() {
                if before.here().runs(&migration.app, operation) {
                    states.insert(position, Arc::new(after.clone()));
                }
                continue;
            }
            let from = after.clone();
            after.apply(&migration.app, operation)?;
            let found = match backwards {
                false => doubts(operation, &migration.app, &from, &after, dialect)?,
                true => match operation.undo(&migration.app, &from).as_deref() {
                    Some([undo]) => doubts(undo, &migration.app, &after, &from, dialect)?,
                    _ => Vec::new(),
                },
            };
            if !found.is_empty() {
                probes.insert(position, found);
            }
        }
        let changes = match backwards {
            true => changes_back(migration, before, dialect)?,
            false => changes(migration, before, dialect)?.0,
        };
        let drops = drops(&changes, dialect);
        Ok((Work { changes, states, probes, drops }, after))
    }
}

/// Whether statements drop tables on SQLite.
pub(super) fn drops(changes: &[Change], dialect: Dialect) -> bool {
    dialect == Dialect::Sqlite && changes.iter().any(|change| change.sql.starts_with("DROP TABLE"))
}

impl Job {
    /// Runs it from these models on; the models after it, and whether it was this migrator that did it.
    pub(super) async fn run(&self, db: &Db, before: &State) -> Result<(State, bool)> {
        if self.migration.atomic {
            let work = Work::new(&self.migration, self.backwards, before, db.dialect());
            let (work, after) = work.map_err(|error| in_migration(&self.migration, error))?;
            let done = self.transact(db, &work, None).await;
            return Ok((after, done.map_err(|error| self.told(0, error))?));
        }
        let alone = Alone::wait(db).await?;
        let done = self.by_steps(db, before).await;
        alone.end().await?;
        done
    }

    /// Runs the whole migration in a transaction, or its operation at a place, and again while others stand in the way;
    /// `false` if somebody else has done it.
    async fn transact(&self, db: &Db, work: &Work, place: Option<Step>) -> Result<bool> {
        let mut attempt = 0;
        let mut pauses = pauses();
        let limit = if db.dialect() == Dialect::Sqlite { SQLITE_PATIENCE } else { self.patience.retries };
        loop {
            let outcome = self.attempt(db, work, place).await;
            if work.drops {
                db.script("PRAGMA legacy_alter_table = OFF").await?;
            }
            match outcome {
                Err(error) if in_the_way(&error) && attempt < limit => {
                    attempt += 1;
                    let _ = self.news.send(News::Again(attempt));
                    if db.dialect() == Dialect::Postgres {
                        pauses.pause().await;
                    }
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, db: &Db, work: &Work, place: Option<Step>) -> Result<bool> {
        let transaction = db.begin(!work.drops).await?;
        let outcome = match place {
            None => self.whole(transaction.db(), work).await,
            Some(step) => self.piece(transaction.db(), work, step).await.map(|()| true),
        };
        transaction.end_with(outcome).await
    }

    /// The whole migration, within a transaction.
    async fn whole(&self, db: &Db, work: &Work) -> Result<bool> {
        acquire(db, self.patience).await?;
        if self.is_done(db).await? {
            return Ok(false);
        }
        records::make_tables(db).await?;
        self.statements(db, work, None).await?;
        self.record(db).await?;
        Ok(true)
    }

    /// One operation of a migration that is not atomic, or one statement of it, within a transaction.
    async fn piece(&self, db: &Db, work: &Work, step: Step) -> Result<()> {
        if db.dialect() == Dialect::Postgres {
            let timeout = self.patience.timeout.as_millis().max(1);
            db.script(format!("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {timeout}")).await?;
        }
        take_part(db).await?;
        self.statements(db, work, Some(step.position)).await?;
        self.note(db, step).await
    }

    /// Notes that an operation is done, or a statement of it.
    async fn note(&self, db: &Db, step: Step) -> Result<()> {
        match step.statement {
            None => records::note(db, &self.migration, Some(step.turn + 1), None).await,
            Some(statement) => {
                let done = json!({ STATEMENTS: statement + 1 }).to_string();
                records::note(db, &self.migration, Some(step.turn), Some(&done)).await
            }
        }
    }

    async fn is_done(&self, db: &Db) -> Result<bool> {
        Ok(records::applied(db).await?.contains_key(&self.migration.key()) != self.backwards)
    }

    async fn record(&self, db: &Db) -> Result<()> {
        match self.backwards {
            true => records::forget(db, &self.migration).await,
            false => records::record(db, &self.migration, &records::applied(db).await?).await,
        }
    }

    /// Runs statements and operations on rows in their order. Of an operation in a migration that is not atomic, its
    /// place there is given.
    async fn statements(&self, db: &Db, work: &Work, place: Option<usize>) -> Result<()> {
        let triggers = if work.drops { sqlite::triggers(db).await? } else { Vec::new() };
        let mut asked = BTreeSet::new();
        for change in &work.changes {
            let position = place.unwrap_or(change.operation);
            if asked.insert(change.operation) {
                for probe in work.probes.get(&change.operation).into_iter().flatten() {
                    self.ask(db, probe, position).await?;
                }
            }
            if !change.sql.is_empty() {
                let done = change.run(db).await;
                done.map_err(|error| self.failed(position, &change.table, error))?;
            } else if let Some(state) = work.states.get(&change.operation) {
                self.data(db, position, state, None).await?;
            }
            if change.table.is_empty() && db.dialect() == Dialect::Postgres {
                // Rows may have changed, and a table cannot be altered while checks of its keys are put off to the
                // commit.
                let checked = db.script("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED").await;
                checked.map_err(|error| self.failed(position, "", error))?;
            }
        }
        if work.drops {
            sqlite::restore_triggers(db, triggers).await?;
            sqlite::check_keys(db).await.map_err(|error| in_migration(&self.migration, error))?;
        }
        Ok(())
    }

    /// Refuses to go on if there are rows that an operation does not fit, and names some of them.
    async fn ask(&self, db: &Db, probe: &Probe, position: usize) -> Result<()> {
        let failed = |error| self.failed(position, &probe.table, error);
        let counts: Vec<(i64,)> = db.raw(probe.count.clone(), ()).fetch().await.map_err(failed)?;
        let count = counts.first().and_then(|(count,)| u64::try_from(*count).ok()).unwrap_or(0);
        if count == 0 {
            return Ok(());
        }
        let keys: Vec<(String,)> = db.raw(probe.sample.clone(), ()).fetch().await.map_err(failed)?;
        let keys: Vec<String> = keys.into_iter().map(|(key,)| key).collect();
        let operation = self.migration.operations.get(position).map(Operation::describe).unwrap_or_default();
        let back = if self.backwards { "on the way back, " } else { "" };
        let message = format!(
            "{}: {back}{operation} does not fit all rows: {}; {}",
            self.migration.label(),
            probe.sentence(count, &keys),
            self.remains(position)
        );
        Err(Error::new(ErrorKind::Migration, message))
    }

    /// Runs an operation on rows, or what undoes it.
    async fn data(&self, db: &Db, position: usize, state: &State, marks: Option<Marks>) -> Result<()> {
        let Some(operation) = self.migration.operations.get(position) else { return Ok(()) };
        let undo = if self.backwards { operation.undo_data() } else { None };
        let operation = undo.as_ref().unwrap_or(operation);
        let (report, mut reported) = tokio::sync::mpsc::unbounded_channel();
        let work = async {
            let past = Past::new(db, &self.migration.app, state, Course::new(marks, report))?;
            operation.run_data(past).await
        };
        let tell = async {
            while let Some((done, total)) = reported.recv().await {
                let _ = self.news.send(News::Rows { operation: position, done, total });
            }
            std::future::pending::<()>().await;
        };
        let done = tokio::select! {
            biased;
            done = work => done,
            () = tell => Ok(()),
        };
        while let Ok((done, total)) = reported.try_recv() {
            let _ = self.news.send(News::Rows { operation: position, done, total });
        }
        done.map_err(|error| self.failed(position, "", error))
    }

    /// The operations one by one, each noted when it is done.
    async fn by_steps(&self, db: &Db, before: &State) -> Result<(State, bool)> {
        records::make_tables(db).await?;
        let was_done = self.is_done(db).await?;
        let kept = records::notes(db).await?.remove(&self.migration.key());
        let (done, mut checkpoint) = match kept {
            Some(records::Note { done: Some(done), digest, checkpoint }) => {
                if records::was_edited(&self.migration, &digest) {
                    return Err(self.edited_meanwhile(done));
                }
                (Some(done), checkpoint)
            }
            _ => (None, None),
        };
        if !was_done && done.is_none() {
            records::note(db, &self.migration, Some(0), None).await?;
        }
        let mut states = vec![before.clone()];
        for operation in &self.migration.operations {
            let mut state = states.last().cloned().unwrap_or_default();
            let applied = state.apply(&self.migration.app, operation);
            applied.map_err(|error| in_migration(&self.migration, error))?;
            states.push(state);
        }
        let count = self.migration.operations.len();
        for turn in done.unwrap_or(0)..count {
            let position = if self.backwards { count - 1 - turn } else { turn };
            let (Some(operation), Some(state)) = (self.migration.operations.get(position), states.get(position)) else {
                continue;
            };
            if was_done {
                break;
            }
            let mut piece = (*self.migration).clone();
            piece.operations = vec![operation.clone()];
            let work = Work::new(&piece, self.backwards, state, db.dialect());
            let (work, _) = work.map_err(|error| in_migration(&self.migration, error))?;
            let step = Step { position, turn, again: done == Some(turn), statement: None };
            self.step(db, step, &work, state, checkpoint.take()).await?;
        }
        let state = states.pop().unwrap_or_default();
        if was_done {
            return Ok((state, false));
        }
        let transaction = db.begin(true).await?;
        let recorded = self.record(transaction.db()).await;
        transaction.end_with(recorded).await?;
        Ok((state, true))
    }

    /// One operation of a migration that is not atomic, perhaps one that was interrupted before.
    async fn step(&self, db: &Db, step: Step, work: &Work, state: &State, checkpoint: Option<String>) -> Result<()> {
        let Some(operation) = self.migration.operations.get(step.position) else { return Ok(()) };
        if operation.is_data() {
            if state.here().runs(&self.migration.app, operation) {
                let marks = Marks::new(&self.migration, checkpoint.as_deref())?;
                self.data(db, step.position, state, Some(marks)).await?;
            }
            return self.note(db, step).await;
        }
        if let Operation::RunSql { .. } = operation {
            return self.written(db, step, work, checkpoint.as_deref()).await;
        }
        if !runs_alone(operation, db.dialect()) {
            let done = self.transact(db, work, Some(step)).await;
            return done.map(drop).map_err(|error| self.told(step.position, error));
        }
        for change in &work.changes {
            if step.again && self.is_complete(db, operation).await? {
                break;
            }
            let done = run_alone(db, &change.sql).await;
            done.map_err(|error| self.failed(step.position, &change.table, error))?;
        }
        self.note(db, step).await
    }

    /// Statements that somebody has written: each in a transaction together with the note that it is done, but for those
    /// that cannot run in one.
    async fn written(&self, db: &Db, step: Step, work: &Work, checkpoint: Option<&str>) -> Result<()> {
        let kept: Option<serde_json::Value> = checkpoint.and_then(|text| serde_json::from_str(text).ok());
        let done = kept.as_ref().and_then(|kept| kept.get(STATEMENTS)?.as_u64()).unwrap_or(0);
        let done = usize::try_from(done).unwrap_or(usize::MAX);
        for (statement, change) in work.changes.iter().enumerate().skip(done) {
            let step = Step { statement: Some(statement), ..step };
            let single = Work { changes: vec![change.clone()], ..work.clone() };
            let mut run = match is_steering(&change.sql) {
                true => None,
                false => Some(self.transact(db, &single, Some(step)).await.map(drop)),
            };
            if run.as_ref().is_none_or(|run| run.as_ref().is_err_and(wants_to_be_alone)) {
                let alone = run_alone(db, &change.sql).await;
                let alone = alone.map_err(|error| self.failed(step.position, &change.table, error));
                run = Some(match alone {
                    Ok(()) => self.note(db, step).await,
                    Err(error) => Err(error),
                });
            }
            run.unwrap_or(Ok(())).map_err(|error| self.told(step.position, error))?;
        }
        self.note(db, step).await
    }

    /// Whether an operation that runs outside transactions was interrupted only after it was done. What it left half
    /// done is removed.
    async fn is_complete(&self, db: &Db, operation: &Operation) -> Result<bool> {
        let (name, makes) = match operation {
            Operation::AddIndexConcurrently { index, .. } => {
                (index.name.as_deref().unwrap_or_default(), !self.backwards)
            }
            Operation::RemoveIndexConcurrently { name, .. } => (name.as_ref(), self.backwards),
            _ => return Ok(false),
        };
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let sql = "SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid = to_regclass($1)";
        let found: Vec<(bool,)> = db.raw(sql, (quoted.clone(),)).writes().fetch().await?;
        match found.first() {
            Some((true,)) if makes => Ok(true),
            Some((false,)) if makes => {
                run_alone(db, &format!("DROP INDEX CONCURRENTLY IF EXISTS {quoted}")).await?;
                Ok(false)
            }
            None if !makes => Ok(true),
            _ => Ok(false),
        }
    }

    /// The error of an operation, with what became of the migration and what to do.
    fn failed(&self, position: usize, table: &str, error: Error) -> Error {
        // Tried again.
        if in_the_way(&error) {
            return error;
        }
        let text = error.to_string();
        let advice = match error.kind() {
            _ if error.is_constraint_violation() => "correct the rows that do not fit, then run migrate again",
            ErrorKind::Timeout => "another program holds the table: run migrate again when it is done",
            _ if text.contains("already exists") => {
                "if what is there is right already, such as a table that Django made, record the migration with `migrate \
                 --fake` (or `--fake-initial`, for an app's first); if not, drop or rename it; then run migrate again"
            }
            _ if text.contains("does not exist") || text.contains("no such ") => {
                "the tables are not as the migrations before this one left them, so they were changed by hand or recorded \
                 without being applied: make what is missing by hand, as sqlmigrate shows it, then run migrate again"
            }
            _ => "remove the cause, then run migrate again",
        };
        let operation = self.migration.operations.get(position).map(Operation::describe).unwrap_or_default();
        let table = if table.is_empty() { String::new() } else { format!(" (table {table})") };
        let back = if self.backwards { "on the way back, " } else { "" };
        let message = format!(
            "{}: {back}{operation}{table} failed: {text}; {}: {advice}",
            self.migration.label(),
            self.remains(position)
        );
        Error::new(ErrorKind::Migration, message).with_source(error)
    }

    /// The error of a transaction.
    fn told(&self, position: usize, error: Error) -> Error {
        if in_the_way(&error) {
            let message = format!(
                "{}: other transactions held its tables each time it was tried; {}: run migrate again when there is less \
                 going on, or let it wait for longer",
                self.migration.label(),
                self.remains(position)
            );
            return Error::new(ErrorKind::Migration, message).with_source(error);
        }
        match error.kind() {
            // Of the commit: keys that are checked only then.
            ErrorKind::ForeignKeyViolation => in_migration(&self.migration, error),
            _ => error,
        }
    }

    /// What is left of the migration when the operation of this number fails.
    fn remains(&self, position: usize) -> String {
        let verb = if self.backwards { "undone" } else { "applied" };
        if self.migration.atomic {
            return format!("nothing of this migration was {verb}");
        }
        let all = &self.migration.operations;
        let done: Vec<String> = match self.backwards {
            true => all.iter().skip(position + 1).rev().map(Operation::describe).collect(),
            false => all.iter().take(position).map(Operation::describe).collect(),
        };
        let first = match done.is_empty() {
            true => format!("nothing of it was {verb} before this operation"),
            false => format!("as it is not atomic, what was {verb} before stays so ({})", done.join(", ")),
        };
        let within = match self.migration.operations.get(position) {
            Some(operation) if operation.is_data() => ", and so do the batches that were committed",
            Some(Operation::RunSql { .. }) => {
                ", and so do its statements before the one that failed, which are not run again"
            }
            Some(Operation::AddIndexConcurrently { .. }) => {
                ", and an invalid index may be left, which the next try drops"
            }
            _ => "",
        };
        format!("{first}{within}; the next run goes on with this operation")
    }

    fn edited_meanwhile(&self, done: usize) -> Error {
        Error::new(
            ErrorKind::Migration,
            format!(
                "{} was edited after {done} of its operations were {}, as it is not atomic; nothing was done: restore the \
                 file as it was, run migrate, and put the rest into a new migration",
                self.migration.label(),
                if self.backwards { "undone" } else { "applied" }
            ),
        )
    }
}

/// One operation's turn in a migration that is not atomic.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Its place in the migration.
    position: usize,
    /// How many operations come before it, in this direction.
    turn: usize,
    /// Whether it may have been begun before.
    again: bool,
    /// The statement at hand, if it is done statement by statement.
    statement: Option<usize>,
}

/// What a checkpoint calls the statements of an operation that are done.
const STATEMENTS: &str = "statements";

/// Whether others only stand in the way, so that it may work the next time.
fn in_the_way(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Conflict | ErrorKind::LockNotAvailable)
}

/// Whether an operation of a migration that is not atomic runs outside transactions.
fn runs_alone(operation: &Operation, dialect: Dialect) -> bool {
    let concurrent =
        matches!(operation, Operation::AddIndexConcurrently { .. } | Operation::RemoveIndexConcurrently { .. });
    concurrent && dialect == Dialect::Postgres
}

/// Whether SQL steers transactions, or the connection in ways that a transaction passes over without a word.
fn is_steering(sql: &str) -> bool {
    let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    ["BEGIN", "START", "PRAGMA"].iter().any(|steering| word.eq_ignore_ascii_case(steering))
}

/// Whether a statement was refused since it was in a transaction.
fn wants_to_be_alone(error: &Error) -> bool {
    let text = error.to_string();
    ["SQLSTATE 25001", "within a transaction", "within transaction", "inside a transaction"]
        .iter()
        .any(|sign| text.contains(sign))
}
