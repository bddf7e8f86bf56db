//! What stands between a request and a handler.

mod extract;
mod layers;
pub(crate) mod problem;
mod serve;
mod slow;

pub use extract::{Json, Origin, Shared};
pub use problem::Problem;
pub use serve::{Address, Running};
