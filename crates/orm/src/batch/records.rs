//! What is kept of runs: in `nuages_batches` a row for each, in `nuages_batch_ranges` what was cut off for a worker and is
//! not done yet. Both are ours, which Django ignores.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::cursor::{self, Done};
use super::keyset::{Stretch, from_mark, to_mark};
use crate::db::Db;
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Models, Schema};
use crate::query::Lock;
use crate::sql;
use crate::{Model, migrate};

/// A run.
#[derive(Model, Debug, Clone)]
#[model(app = "nuages", table = "nuages_batches")]
struct Kept {
    id: i64,
    #[field(max_length = 255, unique)]
    name: String,
    /// `app.Model`.
    #[field(max_length = 255)]
    model: String,
    /// The last key that was cut off for a worker; null before the first.
    reached: Option<String>,
    /// Whether all was cut off.
    #[field(default = false)]
    ended: bool,
    /// Rows done.
    #[field(default = 0)]
    rows: i64,
    #[field(auto_now_add)]
    started: Timestamp,
    finished: Option<Timestamp>,
}

/// A part of a run that is to be done, or being done by who has the row locked.
#[derive(Model, Debug, Clone)]
#[model(app = "nuages", table = "nuages_batch_ranges", index(name = "nuages_batch_range_run", fields = [run, id]))]
struct Range {
    id: i64,
    run: i64,
    after: Option<String>,
    until: Option<String>,
}

/// What is known of a [`Run`](super::Run).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunState {
    /// Its name.
    pub name: String,
    /// The model that it is on, as `app.Model`.
    pub model: String,
    /// Rows done.
    pub rows: u64,
    /// When it was begun.
    pub started: Timestamp,
    /// When it came to its end.
    pub finished: Option<Timestamp>,
}

fn models() -> Models {
    Models::new().with::<Kept>().with::<Range>()
}

/// The same database or transaction, with our models.
fn ours(db: &Db, schema: &Arc<Schema>) -> Db {
    db.with_schema(Arc::clone(schema))
}

fn own_schema(db: &Db) -> Result<Arc<Schema>> {
    Schema::new(&models(), db.dialect())
}

/// Makes the tables of runs, unless they are there. The first run does, if the database lets it; where a program may not
/// make tables, call this with the rights of somebody who may, such as in a migration.
///
/// # Errors
/// The database's.
pub async fn create_tables(db: &Db) -> Result<()> {
    let schema = own_schema(db)?;
    if are_there(db, &schema).await? {
        return Ok(());
    }
    match migrate::create_tables(&ours(db, &schema)).await {
        // Somebody else may have been faster.
        Err(error) if db.in_transaction() || !are_there(db, &schema).await? => Err(error),
        _ => Ok(()),
    }
}

async fn are_there(db: &Db, schema: &Schema) -> Result<bool> {
    // The last that is made.
    migrate::is_there(db, &schema.of::<Range>()?.table).await
}

/// All runs that are remembered, the last begun first.
///
/// # Errors
/// The database's.
pub async fn runs(db: &Db) -> Result<Vec<RunState>> {
    let schema = own_schema(db)?;
    if !are_there(db, &schema).await? {
        return Ok(Vec::new());
    }
    let runs = Kept::objects().order_by(|run| (run.started().desc(), run.id().desc()));
    let runs = runs.all(&ours(db, &schema)).await?;
    Ok(runs
        .into_iter()
        .map(|run| RunState {
            name: run.name,
            model: run.model,
            rows: u64::try_from(run.rows).unwrap_or(0),
            started: run.started,
            finished: run.finished,
        })
        .collect())
}

/// Forgets a run, so that its name begins anew; whether there was one.
///
/// # Errors
/// [`ErrorKind::Conflict`] while somebody works on it; the database's.
pub async fn forget(db: &Db, name: &str) -> Result<bool> {
    let schema = own_schema(db)?;
    if !are_there(db, &schema).await? {
        return Ok(false);
    }
    let transaction = cursor::begin(db).await?;
    let outcome = forget_in(&ours(transaction.db(), &schema), name).await;
    transaction.end_with(outcome).await
}

async fn forget_in(db: &Db, name: &str) -> Result<bool> {
    let run = Kept::objects().filter(|run| run.name().eq(name)).select_for_update().all(db).await?.pop();
    let Some(run) = run else { return Ok(false) };
    let ranges = Range::objects().filter(|range| range.run().eq(run.id));
    let all = ranges.count(db).await?;
    let free = ranges.clone().select_for_update_with(UNLOCKED).values(|range| range.id()).all(db).await?;
    if all > free.len() as i64 {
        let text = format!("run `{name}` is being worked on: end the programs that do, then forget it");
        return Err(Error::new(ErrorKind::Conflict, text));
    }
    ranges.delete(db).await?;
    run.delete(db).await?;
    Ok(true)
}

/// Rows that nobody has locked.
const UNLOCKED: Lock = Lock { skip_locked: true, no_wait: false, no_key: false, of_self: false };

/// A run as a worker sees it.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    schema: Arc<Schema>,
    run: i64,
    name: String,
    /// All rows of the query.
    whole: Stretch,
    /// Rows in a batch.
    rows: u64,
    lease: Duration,
}

/// What a worker got.
pub(super) enum Claimed {
    /// A stretch that is nobody else's while the transaction lasts.
    Range { id: i64, stretch: Stretch },
    /// Nothing yet: a stretch was cut off, to be claimed.
    Cut,
    /// Nothing: others are at what is left.
    Wait,
    /// Nothing: all is done.
    Finished,
}

impl Ledger {
    /// Opens a run, which is begun if it is not known; and how many rows are done.
    pub(super) async fn open(db: &Db, name: &str, whole: Stretch, rows: u64, lease: Duration) -> Result<(Self, u64)> {
        if db.in_transaction() {
            let text = format!("run `{name}` commits each batch, so it cannot run inside a transaction");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        create_tables(db).await?;
        let schema = own_schema(db)?;
        let own = ours(db, &schema);
        let new = Kept::builder().name(name).model(whole.label());
        let (run, _) = Kept::objects().filter(|run| run.name().eq(name)).get_or_create(&own, new).await?;
        if run.model != whole.label() {
            let text = format!(
                "run `{name}` is on {}, not on {}: choose another name, or forget that run",
                run.model,
                whole.label()
            );
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        let done = u64::try_from(run.rows).unwrap_or(0);
        Ok((Ledger { schema, run: run.id, name: name.to_owned(), whole, rows, lease }, done))
    }

    pub(super) fn lease(&self) -> Duration {
        self.lease
    }

    /// The error of a batch that took longer than its lease.
    pub(super) fn too_late(&self) -> Error {
        let text = format!(
            "a batch of run `{}` took longer than its lease of {:?}, and was given up: make batches smaller or the lease \
             longer, and run it again",
            self.name, self.lease
        );
        Error::new(ErrorKind::Timeout, text)
    }

    /// How many rows are not done yet; `None` if counting takes too long.
    pub(super) async fn left(&self, db: &Db) -> Result<Option<u64>> {
        let own = ours(db, &self.schema);
        let run = self.kept(&own).await?;
        let mut left = match run.ended {
            true => Some(0),
            false => cursor::count(db, &self.stretch(run.reached.as_deref(), None)?).await?,
        };
        for range in Range::objects().filter(|range| range.run().eq(self.run)).all(&own).await? {
            let rows = cursor::count(db, &self.stretch(range.after.as_deref(), range.until.as_deref())?).await?;
            left = left.zip(rows).map(|(left, rows)| left + rows);
        }
        Ok(left)
    }

    /// Claims a stretch for a transaction: by a lock on its row, which ends with the transaction, however that ends.
    pub(super) async fn claim(&self, db: &Db) -> Result<Claimed> {
        let own = ours(db, &self.schema);
        if let Some(found) = self.take(&own).await? {
            // A worker that has gone silent is found by the server.
            if let Some(limit) = sql::idle_limit(db.dialect(), self.lease) {
                own.script(limit).await?;
            }
            return Ok(found);
        }
        let run = Kept::objects().filter(|run| run.id().eq(self.run)).select_for_update().all(&own).await?.pop();
        let Some(run) = run else { return Err(self.forgotten()) };
        if run.ended {
            if Range::objects().filter(|range| range.run().eq(self.run)).exists(&own).await? {
                return Ok(Claimed::Wait);
            }
            if run.finished.is_none() {
                let this = Kept::objects().filter(|run| run.id().eq(self.run));
                this.update(&own, |run| run.finished().set(Timestamp::now())).await?;
            }
            return Ok(Claimed::Finished);
        }
        let ahead = self.stretch(run.reached.as_deref(), None)?;
        let until = match ahead.key_at(db, self.rows).await? {
            Some(key) => Some(to_mark(&key)?.to_string()),
            None => None,
        };
        let range = Range::builder().run(self.run).after(run.reached).until(until.clone());
        range.create(&own).await?;
        let this = Kept::objects().filter(|run| run.id().eq(self.run));
        match until {
            Some(until) => this.update(&own, |run| run.reached().set(until)).await?,
            None => this.update(&own, |run| run.ended().set(true)).await?,
        };
        // On PostgreSQL the lock on the run must go before the work begins, so that others can cut off theirs.
        match db.dialect() {
            Dialect::Postgres => Ok(Claimed::Cut),
            Dialect::Sqlite => Ok(self.take(&own).await?.unwrap_or(Claimed::Cut)),
        }
    }

    async fn take(&self, own: &Db) -> Result<Option<Claimed>> {
        let free = Range::objects().filter(|range| range.run().eq(self.run)).order_by(|range| range.id());
        let found = free.limit(1).select_for_update_with(UNLOCKED).all(own).await?.pop();
        let Some(range) = found else { return Ok(None) };
        let stretch = self.stretch(range.after.as_deref(), range.until.as_deref())?;
        Ok(Some(Claimed::Range { id: range.id, stretch }))
    }

    /// Keeps what was done of a stretch, in the transaction of what was done; the rows done in all, if wanted.
    pub(super) async fn settle(&self, db: &Db, id: i64, done: &Done, wanted: bool) -> Result<Option<u64>> {
        let own = ours(db, &self.schema);
        let range = Range::objects().filter(|range| range.id().eq(id));
        match &done.last {
            Some(last) => {
                let after = to_mark(last)?.to_string();
                range.update(&own, |range| range.after().set(after)).await?;
            }
            None => {
                range.delete(&own).await?;
            }
        }
        let this = Kept::objects().filter(|run| run.id().eq(self.run));
        let rows = i64::try_from(done.rows).unwrap_or(i64::MAX);
        if this.update(&own, |run| run.rows().set(run.rows() + rows)).await? == 0 {
            return Err(self.forgotten());
        }
        match wanted {
            true => Ok(u64::try_from(self.kept(&own).await?.rows).ok()),
            false => Ok(None),
        }
    }

    async fn kept(&self, own: &Db) -> Result<Kept> {
        let found = Kept::objects().filter(|run| run.id().eq(self.run)).all(own).await?.pop();
        found.ok_or_else(|| self.forgotten())
    }

    fn stretch(&self, after: Option<&str>, until: Option<&str>) -> Result<Stretch> {
        let read = |mark: &str| {
            let key = serde_json::from_str::<Json>(mark).ok().as_ref().and_then(from_mark);
            key.ok_or_else(|| {
                let text = format!("where run `{}` got to cannot be read from the database", self.name);
                Error::new(ErrorKind::Decode, text)
            })
        };
        Ok(self.whole.between(after.map(read).transpose()?, until.map(read).transpose()?))
    }

    fn forgotten(&self) -> Error {
        let text = format!("run `{}` was forgotten meanwhile; what this batch did is undone", self.name);
        Error::new(ErrorKind::Conflict, text)
    }
}
