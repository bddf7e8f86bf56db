//! Encrypted fields: what is sealed on its way into the database, and opened on its way out.
//!
//! ```
//! # #[cfg(all(feature = "sqlite", feature = "encryption"))]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use nuages_orm::encryption::{Encrypted, EncryptionKey, KeyRing};
//! use nuages_orm::{Db, Model, Models, migrate};
//!
//! #[derive(Model, Debug)]
//! #[model(app = "clinic", crate = "nuages_orm")]
//! struct Patient {
//!     id: i64,
//!     #[field(blind_index)]
//!     insurance: Encrypted<String>,
//!     #[field(encrypted = bound)]
//!     diagnosis: Option<Encrypted<String>>,
//! }
//!
//! let ring = KeyRing::new([EncryptionKey::generate()?])?;
//! let models = Models::new().with::<Patient>();
//! let db = Db::builder("sqlite::memory:").models(models).keys(ring).connect().await?;
//! migrate::create_tables(&db).await?;
//!
//! let ada = Patient::builder().insurance("A123").diagnosis("curiosity").create(&db).await?;
//! assert_eq!(ada.diagnosis.as_ref().map(|it| it.expose().as_str()), Some("curiosity"));
//! assert_eq!(format!("{:?}", ada.insurance), "Encrypted(…)");
//! assert_eq!(Patient::objects().filter(|p| p.insurance().eq("A123")).count(&db).await?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # What is stored
//! Text, in a text column: a Fernet token, or with `encrypted = bound` what [`KeyRing::seal_for`] makes of the value for
//! the place `table.column` and the row's primary key as text. What is sealed is the value as text: a text itself, bytes
//! as they are, numbers in digits, dates and times in ISO 8601, JSON as JSON.
//!
//! # Where it is sealed and opened
//! Sealed by every way of writing: `create`, `save`, `save_fields`, `update`, `get_or_create`, fixtures, operations on
//! rows in migrations. Opened in rows of the model, however they are fetched, and in `values`; bound fields there only
//! beside the row's key. What is read without types ([`spec::rows`](crate::query::spec::rows), `dumpdata`, rows of
//! [`Past`](crate::migrate::Past), SQL written by hand) is ciphertext; the `query` command shows `<encrypted>`.
//!
//! # What is refused
//! Ordering, grouping, comparing and computing with ciphertext, which would be nonsense; ciphertext that the keys do not
//! open, that was altered, or in a bound field stood in another row or column.

#[cfg(not(feature = "encryption"))]
mod absent;
mod encode;
#[cfg(feature = "encryption")]
mod field;
mod open;
#[cfg(feature = "encryption")]
mod rotation;
mod schema;
mod seal;
#[cfg(feature = "encryption")]
mod survey;

#[cfg(not(feature = "encryption"))]
pub(crate) use absent::{KeyError, KeyRing, Opened, Plain};
pub(crate) use encode::{Text, encode};
#[cfg(feature = "encryption")]
pub use field::Encrypted;
#[cfg(feature = "encryption")]
pub use nuages_signing::{EncryptionKey, Error as KeyError, KeyId, KeyRing};
#[cfg(feature = "encryption")]
pub(crate) use nuages_signing::{Opened, Plain};
pub(crate) use open::{Lock, Opening, locks};
#[cfg(feature = "encryption")]
pub use rotation::{Rotated, Rotation};
#[cfg(feature = "encryption")]
pub use schema::fields;
pub(crate) use schema::{SealedColumn, problems, sealed_columns};
pub(crate) use seal::{Change, digests, is_ciphertext, new_row, pairs, seal_for_row};
#[cfg(feature = "encryption")]
pub use survey::{Survey, Surveyed, Unopened};

use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::value::Value;

/// What is to be encrypted: bytes that are overwritten with zeros when dropped, and never shown.
#[derive(Clone, PartialEq)]
pub struct Plaintext(Plain);

impl Plaintext {
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plaintext(…)")
    }
}

/// The primary key as the parts of a place; `None` if one of them is no key.
pub(crate) fn key_parts<'a>(key: impl IntoIterator<Item = &'a Value>) -> Option<Vec<String>> {
    let part = |value: &Value| match value {
        Value::Bool(_) | Value::Int(_) | Value::Decimal(_) | Value::Text(_) => encode(value),
        Value::Date(_) | Value::Timestamp(_) | Value::Uuid(_) | Value::Ip(_) => encode(value),
        _ => None,
    };
    let part = |value: &Value| part(value).and_then(|bytes| String::from_utf8(bytes).ok());
    key.into_iter().map(part).collect()
}

/// The place that a bound value is sealed for.
pub(crate) fn place<'a>(sealed_for: &'a str, key: &'a [String]) -> Vec<&'a [u8]> {
    std::iter::once(sealed_for).chain(key.iter().map(String::as_str)).map(str::as_bytes).collect()
}

/// The error where a plaintext would have been bound to a statement.
pub(crate) fn not_sealed() -> Error {
    Error::new(
        ErrorKind::Type,
        "what is to be encrypted was not sealed on its way here: only an encrypted field of a model takes it",
    )
}
