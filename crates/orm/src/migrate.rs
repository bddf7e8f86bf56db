//! Migrations: from the models' past to their present.
//!
//! A [`Migration`] is a list of [`Operation`]s that people can read; applied one after the other they give the
//! [`State`] of the models at any point.

mod graph;
pub(crate) mod names;
mod operation;
mod state;

pub use operation::{Constraint, Migration, Operation};
pub use state::State;
