//! What the ORM promises, a file for each part of it.

mod db;
mod derive;
mod engine;
mod migrate;
mod query;
mod support;
mod values;
