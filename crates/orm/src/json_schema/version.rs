//! Versions of documents: a member that says which, and the way from one to the next.

use std::error::Error as StdError;

use serde_json::Value;

use super::fault::{self, Fault};
use super::{JsonSchema, Text};
use crate::error::{Error, ErrorKind, Result};

/// Brings a document, without the member that says its version, from that version to the next.
pub type Upgrade = fn(u32, Value) -> Result<Value, Box<dyn StdError + Send + Sync>>;

/// Columns of an answer by their place, and the schemas by which their documents are upgraded.
pub(crate) type Versioned = Vec<(usize, JsonSchema)>;

/// Which version documents have that are written, and how older ones get there.
#[derive(Clone)]
pub(crate) struct Version {
    pub(super) number: u32,
    /// The member that says it.
    pub(super) key: Text,
    /// `None` where only data is known, as in a migration's past: older documents then stay as they are.
    upgrade: Option<Upgrade>,
}

/// Why the version of a document is no good.
struct Wrong {
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Version {
    pub(super) fn new(number: u32, key: Text) -> Self {
        Version { number, key, upgrade: None }
    }

    pub(super) fn with_upgrade(self, upgrade: Upgrade) -> Self {
        Version { upgrade: Some(upgrade), ..self }
    }

    pub(super) fn without_upgrade(self) -> Self {
        Version { upgrade: None, ..self }
    }

    /// The document as it is stored. One that says nothing was made by this program, and so is of its version.
    pub(super) fn to_store(&self, document: Value) -> Result<Value> {
        let document = match document.get(self.key.as_ref()) {
            None => document,
            Some(_) => match self.upgraded(document).map_err(|wrong| self.refusal(wrong))? {
                Upgraded::Stays(document) => return Ok(document),
                Upgraded::Is(document) => document,
            },
        };
        match document {
            Value::Object(members) => Ok(self.stamped(members)),
            _ => {
                let message = format!("only an object can carry its version, in its member `{}`", self.key);
                Err(fault::error(vec![Fault::new("", "schema_version", message)], false))
            }
        }
    }

    /// The document as the field's type has it.
    pub(super) fn to_read(&self, document: Value) -> Result<Value> {
        match self.upgraded(document) {
            Ok(Upgraded::Stays(document) | Upgraded::Is(document)) => Ok(document),
            Err(Wrong { message, source }) => {
                let error = Error::new(ErrorKind::Decode, message);
                Err(match source {
                    Some(source) => error.with_source(source),
                    None => error,
                })
            }
        }
    }

    /// A document of this version, to be compared with stored ones.
    pub(crate) fn to_compare(&self, document: Value) -> Value {
        match document {
            Value::Object(members) if !members.contains_key(self.key.as_ref()) => self.stamped(members),
            other => other,
        }
    }

    fn stamped(&self, mut members: serde_json::Map<String, Value>) -> Value {
        members.insert(self.key.to_string(), self.number.into());
        Value::Object(members)
    }

    /// The version that a document says it has; without a word, the first.
    fn of(&self, document: &Value) -> Result<u32, Wrong> {
        let Some(said) = document.get(self.key.as_ref()) else { return Ok(1) };
        let number = said.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
        number.ok_or_else(|| {
            let message =
                format!("has a `{}` that is no version: expected a number from 1 to {}", self.key, self.number);
            Wrong { message, source: None }
        })
    }

    fn upgraded(&self, mut document: Value) -> Result<Upgraded, Wrong> {
        let version = self.of(&document)?;
        if version > self.number {
            let message = format!(
                "is of version {version}, and this program knows versions up to {}: run one that is as new as the data",
                self.number
            );
            return Err(Wrong { message, source: None });
        }
        let without_version = |document: &mut Value| {
            if let Some(members) = document.as_object_mut() {
                members.shift_remove(self.key.as_ref());
            }
        };
        let upgrade = match self.upgrade {
            None if version < self.number => return Ok(Upgraded::Stays(document)),
            None => {
                without_version(&mut document);
                return Ok(Upgraded::Is(document));
            }
            Some(upgrade) => upgrade,
        };
        without_version(&mut document);
        for version in version..self.number {
            document = upgrade(version, document).map_err(|error| {
                let message = format!("cannot be brought from version {version} to {}", version + 1);
                Wrong { message, source: Some(error) }
            })?;
            // The member is not the function's to keep.
            without_version(&mut document);
        }
        Ok(Upgraded::Is(document))
    }

    fn refusal(&self, Wrong { message, source }: Wrong) -> Error {
        let pointer = format!("/{}", self.key.replace('~', "~0").replace('/', "~1"));
        let error = fault::error(vec![Fault::new(pointer, "schema_version", message)], false);
        match source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

/// What became of a document.
enum Upgraded {
    /// It is of the current version, and does not carry it.
    Is(Value),
    /// It is of an older version, says so, and there is no way to the next.
    Stays(Value),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn steps(from: u32, document: Value) -> Result<Value, Box<dyn StdError + Send + Sync>> {
        match (from, document) {
            (1, Value::Array(tags)) => Ok(json!({"tags": tags, "v": 9})),
            (1, _) => Err("expected a list".into()),
            (_, document) => Ok(json!({"labels": document["tags"]})),
        }
    }

    #[test]
    fn an_older_document_goes_through_each_step_and_never_shows_its_version() {
        let version = Version::new(3, "v".into()).with_upgrade(steps);
        let read = |document| version.to_read(document).unwrap();
        assert_eq!(read(json!(["a"])), json!({"labels": ["a"]}));
        assert_eq!(read(json!({"tags": ["a"], "v": 2})), json!({"labels": ["a"]}));
        assert_eq!(read(json!({"v": 3, "labels": []})), json!({"labels": []}));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let version = Version::new(3, "v".into()).with_upgrade(steps);
        let error = |document| version.to_read(document).unwrap_err();
        assert_eq!(
            error(json!({"v": 4})).to_string().split(':').next(),
            Some("is of version 4, and this program knows versions up to 3")
        );
        for wrong in [json!(0), json!("2"), json!(-1), json!(1.5), json!(null)] {
            assert!(error(json!({ "v": wrong })).to_string().contains("expected a number from 1 to 3"), "{wrong}");
        }
        let failed = error(json!({}));
        assert_eq!(failed.to_string(), "cannot be brought from version 1 to 2");
        assert_eq!(std::error::Error::source(&failed).unwrap().to_string(), "expected a list");
    }

    #[test]
    fn what_is_stored_says_its_version_last() {
        let version = Version::new(3, "v".into()).with_upgrade(steps);
        let stored = |document| version.to_store(document).unwrap().to_string();
        assert_eq!(stored(json!({"labels": []})), r#"{"labels":[],"v":3}"#);
        assert_eq!(stored(json!({"v": 3, "labels": []})), r#"{"labels":[],"v":3}"#);
        assert_eq!(stored(json!({"v": 2, "tags": ["a"]})), r#"{"labels":["a"],"v":3}"#);
        let refused = version.to_store(json!([1])).unwrap_err();
        assert_eq!(refused.faults()[0].keyword, "schema_version");
        assert_eq!(version.to_store(json!({"v": 4})).unwrap_err().faults()[0].pointer, "/v");
    }

    #[test]
    fn without_a_way_older_documents_stay_as_they_are() {
        let version = Version::new(3, "v".into());
        let old = json!({"v": 2, "tags": ["a"]});
        assert_eq!(version.to_read(old.clone()).unwrap(), old);
        assert_eq!(version.to_store(old.clone()).unwrap(), old);
        assert_eq!(version.to_store(json!({"labels": []})).unwrap(), json!({"labels": [], "v": 3}));
    }
}
