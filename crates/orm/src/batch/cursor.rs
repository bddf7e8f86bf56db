//! Where work has got to: which batch comes next, and what is kept of it when it is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Told;
use super::keyset::{KeyValues, Stretch};
use super::records::{Claimed, Ledger};
use crate::db::{Db, Open, Pauses};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::query::run;

/// How often a transaction is begun again where SQLite says that another program writes: each time for the busy timeout.
const SQLITE_PATIENCE: u32 = 100;
/// The pauses between looks at whether others have done what is left of a run.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// A batch on its way.
pub(super) struct Batch {
    transaction: Open,
    /// What there is to do: of its rows the first ones.
    pub(super) stretch: Stretch,
    /// The claim on the stretch, of a run.
    claimed: Option<i64>,
}

impl Batch {
    /// The batch's transaction.
    pub(super) fn db(&self) -> &Db {
        self.transaction.db()
    }
}

/// What was done of a stretch.
pub(crate) struct Done {
    pub(crate) rows: u64,
    /// The last key it came to; `None` if that is the end of the stretch.
    pub(crate) last: Option<KeyValues>,
}

/// Goes from batch to batch.
pub(super) struct Cursor {
    db: Db,
    place: Place,
    told: Told,
    /// Rows done by this cursor.
    pub(super) rows: u64,
    /// Whether it is to end after the batch that it is at.
    stop: Arc<AtomicBool>,
}

enum Place {
    /// In memory: what is left.
    Here(Option<Stretch>),
    /// In the database.
    Kept(Ledger),
}

impl Cursor {
    /// A cursor that forgets.
    pub(super) async fn new(db: &Db, stretch: Stretch, told: Told) -> Result<Self> {
        if told.is_wanted() {
            let total = count(db, &stretch).await?;
            told.change(|progress| progress.total = total);
        }
        Ok(Cursor { db: db.clone(), place: Place::Here(Some(stretch)), told, rows: 0, stop: Arc::default() })
    }

    /// A worker's cursor of a run.
    pub(super) fn kept(db: &Db, ledger: Ledger, told: Told, stop: Arc<AtomicBool>) -> Self {
        Cursor { db: db.clone(), place: Place::Kept(ledger), told, rows: 0, stop }
    }

    /// The next batch, in a transaction that was begun for it; `None` when all is done, by others too.
    pub(super) async fn begin(&mut self) -> Result<Option<Batch>> {
        match &self.place {
            Place::Here(None) => Ok(None),
            Place::Here(Some(stretch)) => {
                let stretch = stretch.clone();
                Ok(Some(Batch { transaction: begin(&self.db).await?, stretch, claimed: None }))
            }
            Place::Kept(ledger) => {
                let mut pauses = Pauses::new(FIRST_LOOK, LONGEST_LOOK);
                while !self.stop.load(Ordering::Relaxed) {
                    let transaction = begin(&self.db).await?;
                    match ledger.claim(transaction.db()).await {
                        Ok(Claimed::Range { id, stretch }) => {
                            return Ok(Some(Batch { transaction, stretch, claimed: Some(id) }));
                        }
                        Ok(Claimed::Finished) => {
                            transaction.end_with(Ok::<_, Error>(())).await?;
                            return Ok(None);
                        }
                        // A new range, for anybody.
                        Ok(Claimed::Cut) => transaction.end_with(Ok::<_, Error>(())).await?,
                        Ok(Claimed::Wait) => {
                            transaction.end_with(Ok::<_, Error>(())).await?;
                            pauses.pause().await;
                        }
                        Err(error) => return transaction.end_with(Err(error)).await,
                    }
                }
                Ok(None)
            }
        }
    }

    /// The work on a batch, given up if it takes too long.
    pub(super) async fn limited<T, E: From<Error>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let Place::Kept(ledger) = &self.place else { return work.await };
        match tokio::time::timeout(ledger.lease(), work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ledger.too_late().into()),
        }
    }

    /// Ends a batch: commits it together with how far it got, or undoes it.
    pub(super) async fn end<E: From<Error>>(&mut self, batch: Batch, outcome: Result<Done, E>) -> Result<(), E> {
        let Batch { transaction, stretch, claimed } = batch;
        let settled = match (outcome, &self.place, claimed) {
            (Ok(done), Place::Kept(ledger), Some(id)) => {
                match ledger.settle(transaction.db(), id, &done, self.told.is_wanted()).await {
                    Ok(all) => Ok((done, all)),
                    Err(error) => Err(error.into()),
                }
            }
            (Ok(done), ..) => Ok((done, None)),
            (Err(error), ..) => Err(error),
        };
        let (done, all) = transaction.end_with(settled).await?;
        self.rows += done.rows;
        if let Place::Here(left) = &mut self.place {
            *left = done.last.map(|last| stretch.beyond(last));
        }
        self.told.change(|progress| progress.done = all.unwrap_or(progress.done + done.rows));
        Ok(())
    }
}

/// Begins a transaction, and waits for other programs that write.
pub(super) async fn begin(db: &Db) -> Result<Open> {
    let mut left = SQLITE_PATIENCE;
    loop {
        match db.begin(true).await {
            Err(error)
                if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Timeout)
                    && db.dialect() == Dialect::Sqlite
                    && !db.in_transaction()
                    && left > 0 =>
            {
                left -= 1;
            }
            begun => return begun,
        }
    }
}

/// The number of rows, only for show: done without if it takes too long.
pub(crate) async fn count(db: &Db, stretch: &Stretch) -> Result<Option<u64>> {
    match run::count(db, &stretch.rows()).await {
        Ok(rows) => Ok(u64::try_from(rows).ok()),
        Err(error) if error.kind() == ErrorKind::Timeout && !db.in_transaction() => Ok(None),
        Err(error) => Err(error),
    }
}
