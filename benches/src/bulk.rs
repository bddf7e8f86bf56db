//! `bulk_create` of 10,000 rows, against the drivers (`COPY`, or a prepared statement in a loop) and Django; `bulk_upsert` of
//! as many onto a table of 1,000,000, half of which are there, against Django.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use nuages::prelude::*;

use crate::database::{Database, Item};
use crate::django;
use crate::measure::{median, ratio};
use raw_driver::{Error, Postgres, Sqlite};

const ROWS: i64 = 10_000;
const ROUNDS: usize = 15;

pub(crate) async fn run() -> Result<(), Error> {
    let python = django::python()?;
    // To see that it works without waiting for it.
    let table = std::env::var("BENCH_TABLE").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    // Emptied at once: no sequence begins at zero.
    for database in Database::both(1).await? {
        create(&database, &python).await?;
        database.remove().await?;
    }
    for database in Database::both(table).await? {
        upsert(&database, &python, table).await?;
        database.remove().await?;
    }
    Ok(())
}

async fn create(database: &Database, python: &Path) -> Result<(), Error> {
    let engine = database.engine();
    let items: Vec<raw_driver::Item> = (1..=ROWS).map(item).collect();
    let db = database.connect().await?;
    let (mut peers, mut ours) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        empty(&db, database).await?;
        let peer = match database {
            Database::Sqlite { path } => {
                let (raw, items) = (Sqlite::open(path)?, items.clone());
                let start = Instant::now();
                raw.insert_all(items).await?;
                start.elapsed().as_secs_f64()
            }
            Database::Postgres { url, .. } => {
                let raw = Postgres::connect(url)?;
                // A connection is there, as ours is.
                raw.rows(1).await?;
                let start = Instant::now();
                raw.copy(&items).await?;
                start.elapsed().as_secs_f64()
            }
        };
        empty(&db, database).await?;
        let start = Instant::now();
        let written = Item::objects().bulk_create(items.iter().map(new)).run(&db).await?;
        let our = start.elapsed().as_secs_f64();
        if written != ROWS.unsigned_abs() {
            return Err(format!("{written} rows were written").into());
        }
        // The first warms up.
        if round > 0 {
            peers.push(ROWS as f64 / peer);
            ours.push(ROWS as f64 / our);
        }
    }
    let raw = match database {
        Database::Sqlite { .. } => "prepared loop",
        Database::Postgres { .. } => "COPY BINARY",
    };
    report(
        &format!("{engine}: bulk_create of {ROWS}"),
        (raw, median(peers.clone())),
        &ours,
        ratio(&ours, &peers),
        "0.80",
    );
    empty(&db, database).await?;
    let start = Instant::now();
    Item::objects().bulk_create(items.iter().map(new)).returning().run(&db).await?;
    println!("{engine}: with `returning` {:.0} rows/s", ROWS as f64 / start.elapsed().as_secs_f64());
    empty(&db, database).await?;
    db.close().await;
    let django = django(python, database, "create", 0)?;
    report(&format!("{engine}: bulk_create of {ROWS}"), ("django", django), &ours, median(ours.clone()) / django, "20");
    Ok(())
}

async fn upsert(database: &Database, python: &Path, table: i64) -> Result<(), Error> {
    let engine = database.engine();
    let db = database.connect().await?;
    let mut ours = Vec::new();
    for round in 0..=ROUNDS {
        // Spread over the table and as far beyond it, other rows each time.
        let step = 2 * table / ROWS;
        let items: Vec<raw_driver::Item> = (0..ROWS).map(|n| item(1 + n * step + round as i64 % step.max(1))).collect();
        let start = Instant::now();
        let counts = Item::objects()
            .bulk_upsert(items.iter().map(|item| new(item).id(item.id)))
            .update(|i| (i.name(), i.price(), i.qty(), i.active(), i.created(), i.note()))
            .run(&db)
            .await?;
        let our = start.elapsed().as_secs_f64();
        if counts.inserted + counts.updated != ROWS.unsigned_abs() || counts.updated < counts.inserted {
            return Err(format!("{counts:?}").into());
        }
        if round > 0 {
            ours.push(ROWS as f64 / our);
        }
        db.raw(format!("DELETE FROM bench_item WHERE id > {table}"), ()).execute().await?;
    }
    db.close().await;
    let django = django(python, database, "upsert", table)?;
    let what = format!("{engine}: bulk_upsert of {ROWS} onto {table}");
    report(&what, ("django", django), &ours, median(ours.clone()) / django, "10");
    Ok(())
}

fn report(what: &str, peer: (&str, f64), ours: &[f64], ratio: f64, bar: &str) {
    let (name, peer) = peer;
    let ours = median(ours.to_vec());
    println!("{what:<44} {name:>18} {peer:>10.0} rows/s nuages {ours:>10.0} rows/s ratio {ratio:.2}   (bar {bar})");
}

async fn empty(db: &Db, database: &Database) -> Result<(), Error> {
    let sql = match database {
        Database::Sqlite { .. } => "DELETE FROM bench_item",
        Database::Postgres { .. } => "TRUNCATE bench_item",
    };
    db.raw(sql, ()).execute().await?;
    Ok(())
}

fn item(n: i64) -> raw_driver::Item {
    raw_driver::Item {
        id: n,
        name: format!("item number {n}"),
        price: n as f64 * 0.25,
        qty: (n % 100) as i32,
        active: n % 2 == 0,
        created: Timestamp::constant(1_600_000_000, 123_456_000) + Duration::from_secs(n),
        note: (n % 3 == 0).then(|| "a note".to_owned()),
    }
}

type New = crate::database::ItemBuilder<
    nuages::orm::model::derived::Given,
    nuages::orm::model::derived::Given,
    nuages::orm::model::derived::Given,
    nuages::orm::model::derived::Given,
    nuages::orm::model::derived::Given,
>;

fn new(item: &raw_driver::Item) -> New {
    let new = Item::builder().name(item.name.as_str()).price(item.price).qty(item.qty).active(item.active);
    new.created(item.created).note(item.note.as_deref())
}

/// Rows a second that Django writes.
fn django(python: &Path, database: &Database, what: &str, table: i64) -> Result<f64, Error> {
    let mut command = Command::new(python);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/django"));
    command.args(["bench_bulk.py", what, &ROWS.to_string(), &table.to_string()]);
    match database {
        Database::Sqlite { path } => command.env("BENCH_DB", path),
        Database::Postgres { url, .. } => command.env("BENCH_PG", django::settings(url)?),
    };
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().map_err(|_| format!("bench_bulk.py: {}", String::from_utf8_lossy(&output.stderr)).into())
}
