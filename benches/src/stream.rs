//! 1,000,000 rows one after the other: what is held in memory meanwhile.

use std::pin::pin;

use futures_util::TryStreamExt;
use nuages::prelude::*;

use crate::database::{Database, Item};
use crate::measure::memory_mib;
use raw_driver::Error;

const MILLION: i64 = 1_000_000;

pub(crate) async fn run() -> Result<(), Error> {
    for database in Database::both(MILLION).await? {
        let db = database.connect().await?;
        Item::objects().count(&db).await?;
        let idle = memory_mib("VmRSS");
        let mut peak = idle;
        let (mut rows, mut sum) = (0_i64, 0_i64);
        {
            let mut stream = pin!(Item::objects().order_by(|item| item.id()).stream(&db));
            while let Some(item) = stream.try_next().await? {
                rows += 1;
                sum += item.id;
                if rows % 10_000 == 0 {
                    peak = peak.max(memory_mib("VmRSS"));
                }
            }
        }
        let right = rows == MILLION && sum == MILLION * (MILLION + 1) / 2;
        println!(
            "{}: {rows} rows streamed{}; {idle:.1} MiB idle, {peak:.1} MiB at the peak: {:.1} MiB above   (bar 64)",
            database.engine(),
            if right { "" } else { ", NOT the right ones" },
            peak - idle
        );
        db.close().await;
        database.remove().await?;
    }
    Ok(())
}
