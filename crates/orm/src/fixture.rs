//! Rows as files, in the formats of Django's `dumpdata` and `loaddata`: JSON, and JSON Lines.
//!
//! What either side writes, the other reads. An object is `{"model": "shop.book", "pk": 1, "fields": {…}}`; foreign keys
//! stand there as the value they hold, many-to-many relations as the list of the other rows' keys (if their table between
//! is automatic; else its rows are objects of their own), rows with a composite key have a list as `pk`. Moments and times
//! of day are cut to milliseconds, as Django cuts them.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use nuages_orm::fixture::{Dump, Format, Load};
//! use nuages_orm::{Db, Model, Models};
//!
//! #[derive(Model)]
//! #[model(app = "atlas", crate = "nuages_orm")]
//! struct City {
//!     id: i64,
//!     name: String,
//! }
//!
//! let db = Db::connect("sqlite::memory:", Models::new().with::<City>()).await?;
//! db.raw("CREATE TABLE atlas_city (id integer PRIMARY KEY, name text NOT NULL)", ()).execute().await?;
//!
//! let text = r#"[{"model": "atlas.city", "pk": 1, "fields": {"name": "Lyon"}}]"#;
//! let loaded = Load::new().reader("cities", Format::Json, text.as_bytes()).run(&db).await?;
//! assert_eq!(loaded.objects, 1);
//!
//! let mut written = Vec::new();
//! Dump::new().of("atlas").write(&db, &mut written).await?;
//! assert_eq!(written, text.as_bytes());
//! # Ok::<(), nuages_orm::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Natural keys
//! A model may say by which fields its rows are known wherever they are: `#[model(natural_key = [username])]`. Then
//! [`Dump::natural_foreign`] lets other rows refer to it by those, `"author": ["ada"]`, and [`Dump::natural_primary`]
//! leaves its key away, so that the row gets the one it has, or the next free one, in the database that it is loaded into.

mod batch;
mod decode;
mod dump;
mod encode;
mod keys;
mod load;
mod object;
mod read;
mod relations;

pub use dump::Dump;
pub use load::{Load, Loaded};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ModelId, Schema};
use crate::query::spec;
use crate::value::Value;

/// How a fixture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// One JSON array.
    #[default]
    Json,
    /// A JSON object on each line.
    JsonLines,
}

impl Format {
    /// The format that a name or a file's ending stands for: `json` or `jsonl`.
    pub fn from_name(name: &str) -> Option<Format> {
        match name {
            "json" => Some(Format::Json),
            "jsonl" => Some(Format::JsonLines),
            _ => None,
        }
    }
}

fn problem(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Fixture, message)
}

/// The models that labels name.
fn models(schema: &Schema, labels: &[String]) -> Result<Vec<ModelId>> {
    schema.named(labels).map_err(problem)
}

/// The models that labels leave out. What is in another database is left out anyway.
fn left_out(schema: &Schema, labels: &[String]) -> Result<Vec<ModelId>> {
    let here: Vec<String> = labels.iter().filter(|label| schema.elsewhere(label).is_none()).cloned().collect();
    models(schema, &here)
}

/// A key as text, for messages and as the name of a row.
fn shown(key: &[Value]) -> String {
    let parts: Vec<String> = key.iter().map(|value| spec::plain(value).to_string()).collect();
    parts.join(", ")
}
