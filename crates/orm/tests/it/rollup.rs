//! Counts, sums, the latest and the earliest: kept true whoever writes the rows, and how.

mod declared;
mod migrations;
mod models;
mod paths;
mod recount;
mod soft;
mod together;

pub(crate) use models::*;
