//! Many rows at once: few statements, one transaction, memory for no more than a batch.

mod create;
mod gather;
mod same;
mod target;
mod update;
mod upsert;
mod write;

pub use create::BulkCreate;
pub(crate) use target::Target;
pub use update::BulkUpdate;
pub use upsert::{BulkUpsert, UpsertCounts, Upserted, Upserting};

use crate::db::Db;
use crate::error::Result;
use crate::model::Entry;
use crate::query::new_row::Filler;
use crate::sql::Upsert;
use crate::value::Value;
use create::Made;
use write::Writer;

/// Rows of one statement of [`insert_missing`].
const MISSING: usize = 500;

/// Inserts rows of which some fields are given, and passes over those that a constraint refuses, within a transaction; how
/// many were inserted.
pub(crate) async fn insert_missing<const N: usize>(
    db: &Db,
    entry: &Entry,
    fields: [&str; N],
    rows: Vec<[Value; N]>,
) -> Result<u64> {
    let any = Target::any();
    let upsert = Upsert { target: &any, set: None, only: None };
    let (mut filler, mut made) = (Filler::new(entry), Made::new(db, entry, MISSING));
    let mut writer = Writer::new(db, entry, MISSING);
    let mut inserted = 0;
    for (row, index) in rows.into_iter().zip(0..) {
        if let Some(piece) = made.gather(index, filler.of_fields(fields.into_iter().zip(row))?)? {
            inserted += writer.upsert_counting(piece, &upsert).await?.0;
        }
    }
    for piece in made.gather.take() {
        inserted += writer.upsert_counting(piece, &upsert).await?.0;
    }
    Ok(inserted)
}
