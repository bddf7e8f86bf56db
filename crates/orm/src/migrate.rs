//! Migrations: from the models' past to their present.
//!
//! A [`Migration`] is a list of [`Operation`]s that people can read; applied one after the other they give the
//! [`State`] of the models at any point. [`detect`] finds what is missing between the last of them and the models,
//! [`Migration::write`] puts it into a Rust file, and a [`Migrator`] applies such files to a database.
//!
//! The rest of this module is what such files are written with, so that they begin with `use nuages::migrate::*`.

mod data;
mod ddl;
mod detect;
mod execute;
mod graph;
mod literal;
mod merge;
pub(crate) mod names;
mod operation;
mod optimize;
mod probe;
mod safety;
mod sign;
mod squash;
mod state;
mod undo;
mod write;

pub use data::{Past, PastModel, PastRow, Populate, Work};
pub(crate) use ddl::{rollup, table_statements};
pub use detect::{Answers, Fill, Filling, Questioner, RenamedField, RenamedModel, Replaced, detect, detect_with};
pub(crate) use execute::is_there;
pub use execute::{
    Explained, ExplainedOperation, LockPatience, Migrator, Planned, Progress, Shown, Target, create_tables,
};
pub use literal::{
    Literal, all, any, arithmetic, bytes, call, case, cast, compare, date, decimal, duration, field, ip, json, keyword,
    list, not, time, timestamp, uuid, value,
};
pub use merge::{Conflict, conflicts};
pub use operation::{Constraint, Migration, Operation};
pub use safety::{Advice, Effort, TableLock, advice};
pub use squash::{Squash, Squashed};
pub use state::State;

pub use crate::field::{Kind, Sealing};
pub use crate::json_schema::JsonSchema;
pub use crate::model::{
    Check, DatabaseDefault, Deferrable, Field, Figure, Generated, Index, ModelDef, OnDelete, OrderBy, Reference,
    Rollup, Unique,
};
pub use crate::query::{Function, Lookup, Node, Operator, Part};
pub use crate::value::Value;
