//! Counting clicks without a write for each.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nuages::orm::expr::when;
use nuages::prelude::*;
use nuages::web::{Result, Service};
use tokio::sync::{Notify, RwLock};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::models::Link;

/// The longest that a click waits in memory, and so the most that is lost when the process is killed.
const INTERVAL: Duration = Duration::from_millis(100);

/// How many links may have clicks waiting: each takes some 40 bytes, so 65,536 take 2.5 MiB. A click on one more waits
/// until those before are written.
const CAPACITY: usize = 65_536;

/// Links written in one statement.
const BATCH: usize = 500;

/// How often clicks are written when the service stops, should the database refuse.
const LAST_ATTEMPTS: usize = 3;

/// The clicks of all links, exact at once: counted in memory, added to the table every 100 ms and when the site stops.
///
/// A busy link is one row written ten times a second, whatever its traffic. A write that fails keeps its clicks for the
/// next. If the process is killed, those of the last 100 ms are lost.
#[derive(Debug)]
pub(crate) struct Clicks {
    buffer: Arc<Buffer>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Buffer {
    db: Db,
    /// Clicks that the table does not have yet, by link.
    waiting: Mutex<HashMap<i64, i64>>,
    /// Held for writing while clicks go over to the table, when they would be seen in both places or in none.
    moving: RwLock<()>,
    stop: Notify,
}

impl Service for Clicks {
    async fn start(site: &Site) -> Result<Self> {
        let buffer = Arc::new(Buffer::new(site.db().clone()));
        let writer = tokio::spawn(write_now_and_then(Arc::clone(&buffer)));
        Ok(Clicks { buffer, writer: Mutex::new(Some(writer)) })
    }

    async fn stop(&self) -> Result<()> {
        self.buffer.stop.notify_one();
        let writer = lock(&self.writer).take();
        if let Some(writer) = writer {
            writer.await.map_err(nuages::web::Error::other)?;
        }
        let mut attempt = 1;
        while let Err(error) = flush(&self.buffer).await {
            if attempt == LAST_ATTEMPTS {
                let clicks: i64 = lock(&self.buffer.waiting).values().sum();
                tracing::error!(clicks, "the database refused the last clicks, which are lost");
                return Err(error);
            }
            attempt += 1;
            tokio::time::sleep(10 * INTERVAL).await;
        }
        Ok(())
    }
}

impl Clicks {
    /// Counts a click.
    ///
    /// # Errors
    /// Only where the buffer is full and the database does not take what is in it; the click is then not counted.
    pub(crate) async fn count(&self, link: i64) -> Result<()> {
        while !self.buffer.add(link) {
            flush(&self.buffer).await?;
        }
        Ok(())
    }

    /// The links of a query, their clicks those of the table and those waiting.
    pub(crate) async fn links(&self, query: QuerySet<Link>) -> Result<Vec<Link>> {
        self.buffer.links(query).await
    }
}

impl Buffer {
    fn new(db: Db) -> Self {
        Buffer { db, waiting: Mutex::default(), moving: RwLock::new(()), stop: Notify::new() }
    }

    /// Adds a click; `false` if there is no room for one more link.
    fn add(&self, link: i64) -> bool {
        let mut waiting = lock(&self.waiting);
        let room = waiting.len() < CAPACITY;
        match waiting.get_mut(&link) {
            Some(clicks) => *clicks += 1,
            None if room => {
                waiting.insert(link, 1);
            }
            None => return false,
        }
        true
    }

    async fn links(&self, query: QuerySet<Link>) -> Result<Vec<Link>> {
        let _still = self.moving.read().await;
        // In a transaction, so that no replica answers, which may not have the last ones yet.
        let mut links = self.db.transaction().read_only().run(async |db| query.all(db).await).await?;
        let waiting = lock(&self.waiting);
        for link in &mut links {
            link.clicks += waiting.get(&link.id).copied().unwrap_or(0);
        }
        Ok(links)
    }

    /// Moves the clicks that wait now over to the table, in one transaction. Clicks of links that are gone are dropped.
    async fn flush(&self) -> Result<()> {
        let _moving = self.moving.write().await;
        let batch: Vec<(i64, i64)> = lock(&self.waiting).iter().map(|(link, clicks)| (*link, *clicks)).collect();
        if batch.is_empty() {
            return Ok(());
        }
        self.db
            .atomic(async |db| {
                for part in batch.chunks(BATCH) {
                    add_to_table(db, part).await?;
                }
                Ok::<_, nuages::orm::Error>(())
            })
            .await?;
        let mut waiting = lock(&self.waiting);
        for (link, written) in batch {
            if let Some(clicks) = waiting.get_mut(&link) {
                *clicks -= written;
                if *clicks == 0 {
                    waiting.remove(&link);
                }
            }
        }
        Ok(())
    }
}

async fn add_to_table(db: &Db, part: &[(i64, i64)]) -> nuages::orm::Result<()> {
    let Some(((first, clicks), rest)) = part.split_first() else { return Ok(()) };
    let links: Vec<i64> = part.iter().map(|(link, _)| *link).collect();
    let query = Link::objects().filter(|link| link.id().in_(links));
    query
        .update(db, |link| {
            let more = rest
                .iter()
                .fold(when(link.id().eq(*first), *clicks), |case, (id, clicks)| case.when(link.id().eq(*id), *clicks));
            link.clicks().set(link.clicks() + more.otherwise(0))
        })
        .await?;
    Ok(())
}

/// Writes in a task of its own: a caller that is dropped half-way, such as a request that its client gave up, must not
/// leave clicks both in the table and in memory.
async fn flush(buffer: &Arc<Buffer>) -> Result<()> {
    let buffer = Arc::clone(buffer);
    tokio::spawn(async move { buffer.flush().await }).await.map_err(nuages::web::Error::other)?
}

async fn write_now_and_then(buffer: Arc<Buffer>) {
    let mut failing = false;
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = buffer.stop.notified() => return,
        }
        match flush(&buffer).await {
            Ok(()) => {
                if mem::take(&mut failing) {
                    tracing::info!("clicks are written again");
                }
            }
            // Once for each outage, not ten times a second.
            Err(error) => {
                if !mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "clicks cannot be written and are kept for now");
                }
            }
        }
    }
}

/// Figures are right after each statement that changes them, so one that panicked left nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use nuages::orm::migrate::{Migrator, Target};

    use super::*;

    async fn empty_database() -> Db {
        let models = Models::new().with::<Link>();
        Db::connect("sqlite::memory:", models).await.expect("a database in memory")
    }

    #[tokio::test]
    async fn clicks_that_cannot_be_written_are_kept_for_the_next_time() {
        let buffer = Arc::new(Buffer::new(empty_database().await));
        for _ in 0..3 {
            assert!(buffer.add(1));
        }
        flush(&buffer).await.expect_err("there is no table yet");
        assert_eq!(lock(&buffer.waiting).get(&1), Some(&3));

        let migrator = Migrator::new(&buffer.db, crate::migrations::all()).expect("migrations");
        migrator.migrate(&Target::All, |_| ()).await.expect("tables");
        let link = Link::builder().url("https://example.org/").create(&buffer.db).await.expect("a link");
        assert_eq!(link.id, 1);
        assert!(buffer.add(1));
        let seen = buffer.links(Link::objects()).await.expect("a link");
        assert_eq!(seen.first().map(|link| link.clicks), Some(4), "before they are written");
        flush(&buffer).await.expect("written");
        assert!(lock(&buffer.waiting).is_empty());
        let seen = buffer.links(Link::objects()).await.expect("a link");
        assert_eq!(seen.first().map(|link| link.clicks), Some(4), "and after");
    }

    #[tokio::test]
    async fn there_is_no_room_for_ever_more_links() {
        let buffer = Buffer::new(empty_database().await);
        for link in 0..CAPACITY as i64 {
            assert!(buffer.add(link));
        }
        assert!(!buffer.add(-1), "one more link");
        assert!(buffer.add(0), "one more click");
    }
}
