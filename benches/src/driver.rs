//! Nuages against the drivers with prepared statements: one row by key, 1,000 rows into structs, inserts one by one.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nuages::prelude::*;

use crate::database::{Database, Item, ROWS};
use crate::measure::{median, report};
use raw_driver::{Error, Postgres, Sqlite};

/// Many short rounds: a machine that is slow for a second is slow for both.
const ROUNDS: usize = 31;
const ROUND: Duration = Duration::from_millis(250);
const TASKS: usize = 16;

/// Either driver, without Nuages.
#[derive(Clone)]
enum Raw {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Raw {
    async fn get(&self, id: i64) -> Result<raw_driver::Item, Error> {
        match self {
            Raw::Sqlite(db) => db.get(id).await,
            Raw::Postgres(db) => db.get(id).await,
        }
    }

    async fn rows(&self, limit: i64) -> Result<Vec<raw_driver::Item>, Error> {
        match self {
            Raw::Sqlite(db) => db.rows(limit).await,
            Raw::Postgres(db) => db.rows(limit).await,
        }
    }

    async fn insert(&self, item: &raw_driver::Item) -> Result<i64, Error> {
        match self {
            Raw::Sqlite(db) => db.insert(item).await,
            Raw::Postgres(db) => db.insert(item).await,
        }
    }
}

pub(crate) async fn run() -> Result<(), Error> {
    for database in Database::both(ROWS).await? {
        let engine = database.engine();
        let raw = match &database {
            Database::Sqlite { path } => Raw::Sqlite(Sqlite::open(Path::new(path))?),
            Database::Postgres { url, .. } => Raw::Postgres(Postgres::connect(url)?),
        };
        let db = database.connect().await?;

        let (peer, ours) = in_turn(
            TASKS,
            (raw.clone(), |raw: Raw, n| async move { raw.get(key(n)).await.map(drop) }),
            (db.clone(), |db: Db, n| async move {
                Item::objects().filter(|item| item.id().eq(key(n))).get(&db).await?;
                Ok(())
            }),
        )
        .await?;
        report(&format!("{engine}: one row by key, {TASKS} tasks"), "op/s", ("driver", peer), ours, "0.90");

        let (peer, ours) = in_turn(
            4,
            (raw.clone(), |raw: Raw, _| async move { raw.rows(1_000).await.map(drop) }),
            (db.clone(), |db: Db, _| async move {
                Item::objects().order_by(|item| item.id()).limit(1_000).all(&db).await?;
                Ok(())
            }),
        )
        .await?;
        report(&format!("{engine}: 1,000 rows into structs, 4 tasks"), "op/s", ("driver", peer), ours, "0.90");

        let (peer, ours) = in_turn(
            TASKS,
            (raw.clone(), |raw: Raw, n| async move { raw.insert(&new_row(n)).await.map(drop) }),
            (db.clone(), |db: Db, n| async move {
                let row = new_row(n);
                let new = Item::builder().name(row.name).price(row.price).qty(row.qty).active(row.active);
                new.created(row.created).create(&db).await?;
                Ok(())
            }),
        )
        .await?;
        report(&format!("{engine}: insert one by one, {TASKS} tasks"), "op/s", ("driver", peer), ours, "0.90");

        db.close().await;
        drop(raw);
        database.remove().await?;
    }
    Ok(())
}

/// A key that is there, spread over the table.
fn key(n: u64) -> i64 {
    (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % ROWS.unsigned_abs()).cast_signed() + 1
}

fn new_row(n: u64) -> raw_driver::Item {
    let name = format!("new {n}");
    raw_driver::Item { id: 0, name, price: 1.5, qty: 3, active: true, created: Timestamp::UNIX_EPOCH, note: None }
}

/// Operations a second of either side, as medians of rounds in turn.
pub(crate) async fn in_turn<A, B, F, G, FA, GB>(tasks: usize, peer: (A, F), ours: (B, G)) -> Result<(f64, f64), Error>
where
    A: Clone + Send + 'static,
    B: Clone + Send + 'static,
    F: Fn(A, u64) -> FA + Copy + Send + 'static,
    G: Fn(B, u64) -> GB + Copy + Send + 'static,
    FA: Future<Output = Result<(), Error>> + Send,
    GB: Future<Output = Result<(), Error>> + Send,
{
    let (mut peers, mut all) = (Vec::new(), Vec::new());
    round(tasks, &peer, ROUND).await?;
    round(tasks, &ours, ROUND).await?;
    for _ in 0..ROUNDS {
        peers.push(round(tasks, &peer, ROUND).await?);
        all.push(round(tasks, &ours, ROUND).await?);
    }
    Ok((median(peers), median(all)))
}

async fn round<A, F, T>(tasks: usize, (on, operation): &(A, F), time: Duration) -> Result<f64, Error>
where
    A: Clone + Send + 'static,
    F: Fn(A, u64) -> T + Copy + Send + 'static,
    T: Future<Output = Result<(), Error>> + Send,
{
    let number = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let (on, operation, number) = (on.clone(), *operation, number.clone());
            tokio::spawn(async move {
                while start.elapsed() < time {
                    operation(on.clone(), number.fetch_add(1, Ordering::Relaxed)).await?;
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(number.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64())
}
