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
