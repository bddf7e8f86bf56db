//! 1,000,000 rows in batches of 1,000: what is held in memory meanwhile, and whether that grows.

use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use futures_util::TryStreamExt;
use nuages::prelude::*;

use crate::database::{Database, Item};
use crate::measure::memory_mib;
use raw_driver::Error;

const MILLION: i64 = 1_000_000;
const BATCH: u64 = 1_000;

/// What was held at the peak of the first tenth of the batches, and of all of them, in KiB.
#[derive(Default)]
struct Peaks {
    batches: AtomicU64,
    early: AtomicU64,
    all: AtomicU64,
    sum: AtomicI64,
}

impl Peaks {
    fn see(&self, items: &[Item]) {
        self.sum.fetch_add(items.iter().map(|item| item.id).sum(), Ordering::Relaxed);
        let held = (memory_mib("VmRSS") * 1024.0) as u64;
        if self.batches.fetch_add(1, Ordering::Relaxed) < MILLION.unsigned_abs() / BATCH / 10 {
            self.early.fetch_max(held, Ordering::Relaxed);
        }
        self.all.fetch_max(held, Ordering::Relaxed);
    }

    fn report(&self, what: &str, engine: &str, idle: f64, start: Instant) {
        let mib = |held: &AtomicU64| held.load(Ordering::Relaxed) as f64 / 1024.0 - idle;
        let right = self.sum.load(Ordering::Relaxed) == MILLION * (MILLION + 1) / 2;
        println!(
            "{engine}, {what}: {} rows a second{}; above {idle:.1} MiB idle: {:.1} MiB in the first tenth, {:.1} MiB at the \
             peak   (bar 48, flat)",
            (MILLION as f64 / start.elapsed().as_secs_f64()) as u64,
            if right { "" } else { ", NOT the right rows" },
            mib(&self.early),
            mib(&self.all),
        );
    }
}

pub(crate) async fn run() -> Result<(), Error> {
    for database in Database::both(MILLION).await? {
        let db = database.connect().await?;
        Item::objects().count(&db).await?;
        let idle = memory_mib("VmRSS");
        let engine = database.engine();

        let (peaks, start) = (Peaks::default(), Instant::now());
        {
            let mut batches = pin!(Item::objects().in_batches(BATCH).stream(&db));
            while let Some(items) = batches.try_next().await? {
                peaks.see(&items);
            }
        }
        peaks.report("read", engine, idle, start);

        let (peaks, start) = (Peaks::default(), Instant::now());
        let work = async |_: &Db, items: Vec<Item>| {
            peaks.see(&items);
            Ok::<_, nuages::prelude::Error>(())
        };
        Item::objects().in_batches(BATCH).for_each(&db, work).await?;
        peaks.report("a transaction each", engine, idle, start);

        let (peaks, start) = (Peaks::default(), Instant::now());
        let work = async |_: &Db, items: Vec<Item>| {
            peaks.see(&items);
            Ok::<_, nuages::prelude::Error>(())
        };
        Item::objects().in_batches(BATCH).resumable("bench").for_each_concurrent(&db, 4, work).await?;
        peaks.report("resumable, 4 workers", engine, idle, start);

        let start = Instant::now();
        let changed = Item::objects().in_batches(BATCH).update(&db, |i| i.qty().set(i.qty() + 1)).await?;
        println!(
            "{engine}, update: {} rows a second; {:.1} MiB above idle afterwards",
            (changed as f64 / start.elapsed().as_secs_f64()) as u64,
            memory_mib("VmRSS") - idle,
        );
        db.close().await;
        database.remove().await?;
    }
    Ok(())
}
