//! A SQLite table of 1,000,000 rows made anew, as for a column of another type: by a migration, and by the statements that one
//! would write by hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nuages::migrate::{Field, Index, Kind, Migration, Migrator, ModelDef, OrderBy, Target, field};
use nuages::orm::{Db, Models};

use crate::measure::{median, ratio, report};
use raw_driver::Error;

/// Fewer where it is only tried out, without optimising.
const ROWS: u32 = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
const ROUNDS: usize = 5;

/// The same by hand; what Nuages does besides is to look for rows that do not fit, to check keys and to keep a record.
const BY_HAND: &str = r#"BEGIN IMMEDIATE;
    CREATE TABLE "new__bench_line" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(100) NOT NULL,
        "price" real NOT NULL, "active" bool NOT NULL, "note" text NULL, "qty" bigint NOT NULL);
    INSERT INTO "new__bench_line" ("id", "name", "price", "active", "note", "qty")
        SELECT "id", "name", "price", "active", "note", "qty" FROM "bench_line";
    DROP TABLE "bench_line";
    ALTER TABLE "new__bench_line" RENAME TO "bench_line";
    CREATE INDEX "bench_by_price" ON "bench_line" ("price");
    COMMIT;"#;

pub(crate) async fn run() -> Result<(), Error> {
    let folder = std::env::temp_dir().join(format!("nuages-bench-rebuild-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let outcome = compare(&folder).await;
    fs::remove_dir_all(&folder)?;
    outcome
}

async fn compare(folder: &Path) -> Result<(), Error> {
    let base = folder.join("base.sqlite3");
    migrate(&base, vec![initial()]).await?;
    fill(&base)?;
    let (mut by_hand, mut ours) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let copy = |who: &str| -> Result<PathBuf, Error> {
            let path = folder.join(format!("{who}{round}.sqlite3"));
            fs::copy(&base, &path)?;
            Ok(path)
        };
        let path = copy("hand")?;
        by_hand.push(f64::from(ROWS) / rebuild_by_hand(&path)?);
        check(&path)?;
        fs::remove_file(&path)?;
        let path = copy("ours")?;
        ours.push(f64::from(ROWS) / migrate(&path, vec![initial(), wider()]).await?);
        check(&path)?;
        fs::remove_file(&path)?;
    }
    println!("round by round, the median of the ratios is {:.2}", ratio(&ours, &by_hand));
    report("sqlite: a table made anew", "rows/s", ("by hand", median(by_hand)), median(ours), "0.8");
    Ok(())
}

fn initial() -> Migration {
    let model = ModelDef::new("bench", "Line")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("name", Kind::Char { max_length: Some(100) }))
        .field(Field::new("price", Kind::Float))
        .field(Field::new("active", Kind::Boolean))
        .field(Field::new("note", Kind::Text).null(true))
        .field(Field::new("qty", Kind::Integer))
        .primary_key("id")
        .index(Index::new(vec![OrderBy::asc(field("price"))]).name("bench_by_price"));
    Migration::new("bench", "0001_initial").create_model(model)
}

fn wider() -> Migration {
    Migration::new("bench", "0002_wider")
        .after("bench", "0001_initial")
        .alter_field("Line", Field::new("qty", Kind::BigInteger))
}

/// The seconds that it takes to migrate.
async fn migrate(path: &Path, history: Vec<Migration>) -> Result<f64, Error> {
    let db = Db::connect(&format!("sqlite://{}", path.display()), Models::new()).await?;
    let start = Instant::now();
    Migrator::new(&db, history)?.migrate(&Target::All, |_| {}).await?;
    let took = start.elapsed().as_secs_f64();
    db.close().await;
    Ok(took)
}

fn fill(path: &Path) -> Result<(), Error> {
    let connection = rusqlite::Connection::open(path)?;
    connection.execute_batch(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO bench_line (id, name, price, active, note, qty) SELECT i, 'line number ' || i, (i * 7919 % 100003) * 0.25,
             i % 2, CASE WHEN i % 3 = 0 THEN 'a note' END, i % 100 FROM n;
         PRAGMA wal_checkpoint(TRUNCATE);"
    ))?;
    Ok(())
}

/// The seconds that it takes by hand, with the settings that Nuages has on its connections.
fn rebuild_by_hand(path: &Path) -> Result<f64, Error> {
    let connection = rusqlite::Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -16000;
         PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 134217728;",
    )?;
    let start = Instant::now();
    connection.execute_batch(BY_HAND)?;
    Ok(start.elapsed().as_secs_f64())
}

/// Makes sure that the table is what it should be, and all rows are in it.
fn check(path: &Path) -> Result<(), Error> {
    let connection = rusqlite::Connection::open(path)?;
    let count = "SELECT count(*) FROM bench_line WHERE qty = id % 100";
    let rows: u32 = connection.query_row(count, [], |row| row.get(0))?;
    let columns = "SELECT count(*) FROM pragma_table_info('bench_line') WHERE name = 'qty' AND type = 'bigint'";
    let wide: u32 = connection.query_row(columns, [], |row| row.get(0))?;
    match (rows, wide) {
        (ROWS, 1) => Ok(()),
        other => Err(format!("the table was not made anew as it should: {other:?}").into()),
    }
}
