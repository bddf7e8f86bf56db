//! What building a query allocates: `build` runs it.

#[path = "build/queries.rs"]
mod queries;

use std::alloc::System;
use std::hint::black_box;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const QUERIES: u64 = 1_000;

fn main() -> nuages::orm::Result<()> {
    for schema in queries::schemas()? {
        for (name, _, build) in queries::queries(&schema) {
            black_box(build(1)?);
            let region = Region::new(ALLOCATOR);
            for n in 0..QUERIES {
                black_box(build(black_box(n))?);
            }
            let change = region.change();
            let each = |total: usize| total as f64 / QUERIES as f64;
            println!(
                "{name:<44} {:.1} allocations of {:.0} bytes in all",
                each(change.allocations),
                each(change.bytes_allocated)
            );
        }
    }
    Ok(())
}
