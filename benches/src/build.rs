//! What building a query costs, from the closure to the SQL text and its parameters: no database is asked.

use std::hint::black_box;
use std::time::Instant;

use nuages::orm::{Dialect, Schema};
use nuages::prelude::*;
use stats_alloc::Region;

use crate::ALLOCATOR;
use crate::measure::median;
use raw_driver::Error;

#[derive(Model, Debug, Clone)]
#[model(app = "bench")]
struct Publisher {
    id: i64,
    #[field(max_length = 60)]
    name: String,
}

#[derive(Model, Debug, Clone)]
#[model(app = "bench")]
struct Book {
    id: i64,
    #[field(max_length = 120)]
    title: String,
    #[field(max_length = 13, unique)]
    isbn: String,
    #[field(on_delete = Protect, related_name = "books")]
    publisher: ForeignKey<Publisher>,
    #[field(max_length = 1)]
    status: String,
    pages: i32,
    weight: Option<f64>,
    in_stock: bool,
}

pub(crate) fn run() -> Result<(), Error> {
    let models = Models::new().with::<Publisher>().with::<Book>();
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let schema = Schema::new(&models, dialect)?;
        let join = |n: u64| {
            Book::objects()
                .filter(|b| b.publisher().name().eq("Nuages") & b.pages().gt(n as i32))
                .limit(20)
                .sql(&schema)
        };
        let key = |n: u64| Book::objects().filter(|b| b.id().eq(n.cast_signed())).sql(&schema);
        println!("{dialect:?}: {}", join(1)?.map(|statement| statement.sql).unwrap_or_default());
        measure(&format!("{dialect:?}: filter over one join, 8 columns"), "3.0", |n| join(n).map(drop))?;
        measure(&format!("{dialect:?}: one row by key"), "-", |n| key(n).map(drop))?;
    }
    Ok(())
}

fn measure(what: &str, bar: &str, build: impl Fn(u64) -> nuages::orm::Result<()>) -> Result<(), Error> {
    const QUERIES: u64 = 20_000;
    let mut rounds = Vec::new();
    for _ in 0..15 {
        let start = Instant::now();
        for n in 0..QUERIES {
            build(black_box(n))?;
        }
        rounds.push(start.elapsed().as_secs_f64() * 1e6 / QUERIES as f64);
    }
    let region = Region::new(ALLOCATOR);
    for n in 0..QUERIES {
        build(black_box(n))?;
    }
    let change = region.change();
    println!(
        "{what:<44} {:.2} µs, {:.1} allocations of {:.0} bytes in all   (bar {bar} µs)",
        median(rounds),
        change.allocations as f64 / QUERIES as f64,
        change.bytes_allocated as f64 / QUERIES as f64
    );
    Ok(())
}
