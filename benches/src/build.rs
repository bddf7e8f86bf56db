//! What building a query costs, from the closure to the SQL text and its parameters: no database is asked.

mod queries;

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use crate::measure::median;
use raw_driver::Error;

const QUERIES: u64 = 20_000;

pub(crate) fn run() -> Result<(), Error> {
    for schema in queries::schemas()? {
        for (name, bar, build) in queries::queries(&schema) {
            let mut rounds = Vec::new();
            for _ in 0..15 {
                let start = Instant::now();
                for n in 0..QUERIES {
                    black_box(build(black_box(n))?);
                }
                rounds.push(start.elapsed().as_secs_f64() * 1e6 / QUERIES as f64);
            }
            println!("{name:<44} {:.2} µs   (bar {bar} µs)", median(rounds));
        }
    }
    // Counting costs time, so another program counts.
    let counter = std::env::current_exe()?.with_file_name("allocations");
    match Command::new(counter).status()?.success() {
        true => Ok(()),
        false => Err("the allocations were not counted".into()),
    }
}
