//! Many rows at once: what is written one by one, written together.

mod create;
mod every;
mod models;
mod update;

pub(crate) use models::*;
