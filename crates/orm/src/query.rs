//! Queries: the typed front door, the expression tree behind it, and what runs it.

mod bulk;
pub(crate) mod check;
pub(crate) mod delete;
pub(crate) mod insert;
pub(crate) mod keyed;
pub(crate) mod many;
pub(crate) mod new_row;
mod node;
mod plan;
pub(crate) mod run;
mod set;
mod shape;
mod signalled;
pub(crate) mod soft_delete;
pub mod spec;
mod values;

pub(crate) use bulk::Target;
pub use bulk::{BulkCreate, BulkUpdate, BulkUpsert, UpsertCounts, Upserted, Upserting};
pub use node::{Aggregate, AggregateFunction, Function, Lookup, Node, Operator, Part};
pub use plan::{Combinator, Lock, Query, Step};
pub(crate) use run::key_in;
pub(crate) use set::root;
pub use set::{Deleted, QuerySet};
pub use shape::{Plain, Prefetched, Shape, With};
pub use signalled::Signalled;
pub use values::Values;
