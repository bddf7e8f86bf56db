//! Many rows at once: few statements, one transaction, memory for no more than a batch.

mod create;
mod gather;
mod same;
mod update;
mod write;

pub use create::BulkCreate;
pub use update::BulkUpdate;
