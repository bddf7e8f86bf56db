//! Runs over the rows of a model that is known by its name alone.

use std::sync::Arc;
use std::time::Duration;

use super::batches::Tries;
use super::cursor::{Cursor, Done};
use super::keyset::Stretch;
use super::records::Ledger;
use super::{Listener, Progress, Told};
use crate::db::Db;
use crate::error::Result;
use crate::query::Query;

/// How long a batch may take.
const LEASE: Duration = Duration::from_secs(300);

/// What is done with the rows of a stretch.
pub(crate) trait Work {
    /// Works on the first rows of a stretch, in the transaction of the batch.
    fn page(&mut self, db: &Db, stretch: &Stretch, rows: u64) -> impl Future<Output = Result<Done>> + Send;

    /// What the last page did is committed.
    fn committed(&mut self);
}

/// Works on all rows of a query, a batch in each transaction, under a name: as [`Run`](super::Run) does.
pub(crate) async fn pages(
    db: &Db,
    name: &str,
    query: Query,
    rows: u64,
    listener: Option<Listener>,
    work: &mut impl Work,
) -> Result<u64> {
    let told = listener.map(Told::to).unwrap_or_default();
    let (ledger, done) = Ledger::open(db, name, Stretch::whole(db, query)?, rows, LEASE).await?;
    if told.is_wanted() {
        let left = ledger.left(db).await?;
        told.change(|progress| *progress = Progress { done, total: left.map(|left| done + left) });
    }
    let mut cursor = Cursor::kept(db, ledger, told, Arc::default());
    let mut tries = Tries::new();
    while let Some(batch) = cursor.begin().await? {
        let outcome = cursor.limited(work.page(batch.db(), &batch.stretch, rows)).await;
        if tries.again(cursor.end(batch, outcome).await).await? {
            work.committed();
        }
    }
    Ok(cursor.rows)
}
