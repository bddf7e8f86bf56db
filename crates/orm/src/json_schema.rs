//! JSON Schemas of fields: what a document must look like to be written, and how an older one becomes what it is today.
//!
//! A field has one by `#[field(schema = "…")]`, a file in the crate's folder or the schema itself. It is read when the
//! program is compiled, and every write through the ORM is checked by it: [`Error::faults`] says what is wrong and where.
//! Rows that came another way, by [`Db::raw`](crate::Db::raw), from another program or before the schema changed, are read
//! as they are; [`Audit`] finds those that could not be written so.
//!
//! ```
//! # #[cfg(all(feature = "sqlite", feature = "jsonschema"))]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use nuages_orm::{Db, ErrorKind, Json, Model, Models, json, migrate::create_tables};
//!
//! #[derive(Model)]
//! #[model(app = "shelf", crate = "nuages_orm")]
//! struct Record {
//!     id: i64,
//!     #[field(schema = r#"{"properties": {"year": {"type": "integer", "minimum": 1877}}, "required": ["year"]}"#)]
//!     notes: Json,
//! }
//!
//! let db = Db::connect("sqlite::memory:", Models::new().with::<Record>()).await?;
//! create_tables(&db).await?;
//! Record::builder().notes(json!({"year": 1937})).create(&db).await?;
//!
//! let refused = Record::builder().notes(json!({"year": "1937"})).create(&db).await.map(drop).unwrap_err();
//! assert_eq!(refused.kind(), ErrorKind::Validation);
//! assert_eq!(refused.field(), Some("notes"));
//! let fault = &refused.faults()[0];
//! assert_eq!((fault.pointer.as_str(), fault.keyword.as_str()), ("/year", "type"));
//! # Ok::<(), nuages_orm::Error>(())
//! # }).unwrap();
//! ```
//!
//! The feature `jsonschema` brings what checks documents; without it the derive refuses `schema`, and a field whose
//! definition has one all the same, such as one of a migration's past, cannot be written.

mod audit;
mod fault;
mod version;

use std::borrow::Cow;
use std::fmt;
#[cfg(feature = "jsonschema")]
use std::sync::{Arc, OnceLock};

pub use audit::{Audit, Audited, Unfit};
pub use fault::{Fault, MAX_FAULTS};
use serde_json::Value;
pub use version::Upgrade;
use version::Version;
pub(crate) use version::Versioned;

#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;

type Text = Cow<'static, str>;

/// The JSON Schema (draft 2020-12) of a field, and the version of its documents.
///
/// Two are equal if they say the same, in whatever order and with whatever blanks.
#[derive(Clone)]
pub struct JsonSchema {
    text: Text,
    version: Option<Version>,
    /// Shared by clones, so that a definition's schema is made ready once.
    #[cfg(feature = "jsonschema")]
    validator: Arc<OnceLock<Result<nuages_json_schema::Validator, String>>>,
}

impl JsonSchema {
    /// A schema by its text.
    pub fn new(text: impl Into<Text>) -> Self {
        JsonSchema {
            text: text.into(),
            version: None,
            #[cfg(feature = "jsonschema")]
            validator: Arc::default(),
        }
    }

    /// Says of which version documents are that are written, from 1, and the name of their member that says so: it is put
    /// there when they are written. A document without is of the first version.
    #[must_use]
    pub fn version(mut self, number: u32, key: impl Into<Text>) -> Self {
        self.version = Some(Version::new(number, key.into()));
        self
    }

    /// Sets the function that brings a document to the next version: it is called with the version the document has, once
    /// for each step, when an older document is read as the field's type.
    ///
    /// Needs a [`version`](Self::version) before.
    #[must_use]
    pub fn upgrade(mut self, function: Upgrade) -> Self {
        self.version = self.version.map(|version| version.with_upgrade(function));
        self
    }

    /// The schema's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The version of documents that are written, and the name of their member that says so.
    pub fn current_version(&self) -> Option<(u32, &str)> {
        self.version.as_ref().map(|version| (version.number, version.key.as_ref()))
    }

    /// What a migration file can say of it: all but the function.
    pub(crate) fn without_functions(mut self) -> Self {
        self.version = self.version.map(Version::without_upgrade);
        self
    }

    pub(crate) fn versions(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    /// Whether it is a schema at all, in a sentence if not. Without the feature `jsonschema`, nothing is looked at.
    pub(crate) fn problem(&self) -> Option<String> {
        #[cfg(feature = "jsonschema")]
        return self.validator().as_ref().err().map(|problem| format!("its schema {problem}"));
        #[cfg(not(feature = "jsonschema"))]
        None
    }

    #[cfg(feature = "jsonschema")]
    fn validator(&self) -> &Result<nuages_json_schema::Validator, String> {
        self.validator.get_or_init(|| nuages_json_schema::Validator::new(&self.text))
    }

    /// The document as it is stored: of the current version, and saying so.
    ///
    /// One that says that it is of an older version is upgraded first, if there is a function for it.
    ///
    /// # Errors
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) with its [`faults`](Error::faults) if it does not fit the
    /// schema then; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) without the feature `jsonschema`.
    pub fn admit(&self, document: Value) -> Result<Value> {
        let document = match &self.version {
            Some(version) => version.to_store(document)?,
            None => document,
        };
        self.check(&document)?;
        Ok(document)
    }

    /// The document as the field's type has it: of the current version, and without the member that says so. Whether it
    /// fits the schema is not looked at.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if it is of a later version than this program knows, or cannot be
    /// upgraded.
    pub fn read(&self, document: Value) -> Result<Value> {
        match &self.version {
            Some(version) => version.to_read(document),
            None => Ok(document),
        }
    }

    #[cfg(feature = "jsonschema")]
    fn check(&self, document: &Value) -> Result<()> {
        match self.validator() {
            Ok(validator) => {
                let mut found = validator.faults(document);
                let faults: Vec<Fault> = found.by_ref().take(MAX_FAULTS).map(Fault::from).collect();
                match faults.is_empty() {
                    true => Ok(()),
                    false => Err(fault::error(faults, found.next().is_some())),
                }
            }
            Err(problem) => Err(crate::Error::new(crate::ErrorKind::Configuration, format!("its schema {problem}"))),
        }
    }

    #[cfg(not(feature = "jsonschema"))]
    #[expect(clippy::unused_self, reason = "with the feature, it is what checks")]
    fn check(&self, _: &Value) -> Result<()> {
        let message = "has a JSON Schema, by which nothing is checked in this program: turn on the feature `jsonschema` \
                       of `nuages` (or of `nuages-orm`)";
        Err(crate::Error::new(crate::ErrorKind::Unsupported, message))
    }
}

impl fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("JsonSchema");
        shown.field("text", &self.text);
        if let Some((number, key)) = self.current_version() {
            shown.field("version", &number).field("version_key", &key);
        }
        shown.finish()
    }
}

impl PartialEq for JsonSchema {
    fn eq(&self, other: &Self) -> bool {
        let parsed = |schema: &Self| serde_json::from_str::<Value>(&schema.text).ok();
        let same = || parsed(self).zip(parsed(other)).is_some_and(|(one, other)| one == other);
        self.current_version() == other.current_version() && (self.text == other.text || same())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_equal_if_they_say_the_same() {
        let one = JsonSchema::new(r#"{"type": "object", "required": ["a", "b"]}"#);
        assert_eq!(one, JsonSchema::new("{\"required\":[\"a\",\"b\"],\n\"type\":\"object\"}"));
        assert_ne!(one, JsonSchema::new(r#"{"type": "object", "required": ["b", "a"]}"#));
        assert_ne!(one, one.clone().version(1, "v"));
        assert_eq!(one.clone().version(2, "v").upgrade(|_, document| Ok(document)), one.clone().version(2, "v"));
        assert_eq!(JsonSchema::new("{"), JsonSchema::new("{"));
        assert_ne!(JsonSchema::new("{"), JsonSchema::new("["));
    }
}
