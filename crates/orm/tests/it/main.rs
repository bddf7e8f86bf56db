//! What the ORM promises, a file for each part of it.

mod batches;
mod bulk;
mod db;
mod derive;
mod document;
#[cfg(feature = "encryption")]
mod encryption;
mod engine;
mod fixture;
mod introspect;
#[cfg(feature = "jsonschema")]
mod json_schema;
mod managers;
mod migrate;
mod migrate_alter;
mod migrate_kill;
mod migrate_laws;
mod migrate_rows;
mod migrate_run;
mod query;
mod rollup;
#[cfg(feature = "postgres")]
mod safety;
mod signal;
mod slug;
mod soft_delete;
mod soft_delete_paths;
mod sql;
mod support;
mod values;
