//! Many rows at once: what is written one by one, written together.

mod create;
mod every;
mod many;
mod models;
mod update;
mod upsert;

pub(crate) use models::*;
