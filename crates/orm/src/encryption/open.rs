//! Ciphertext on its way out: which columns of an answer hold it, and what opens them.

use std::sync::Arc;

use super::{KeyRing, Opened, Plaintext, SealedColumn, key_parts, place};
use crate::error::{Error, ErrorKind, Result};
use crate::field::{Kind, Sealing};
use crate::model::{Entry, Schema};
use crate::value::Value;

/// How the encrypted columns of an answer are opened.
#[derive(Debug)]
pub(crate) struct Opening {
    keys: Option<KeyRing>,
    /// By the columns' places in the answer.
    locks: Vec<Option<Lock>>,
}

/// An encrypted column of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lock {
    pub(crate) column: Arc<SealedColumn>,
    /// The places of the row's primary key, and what it holds; empty if it is not in the answer.
    pub(crate) key: Vec<(usize, Kind)>,
}

/// The encrypted ones among a model's columns, in order.
pub(crate) fn locks(entry: &Entry) -> Vec<Option<Lock>> {
    let of_key = |place: &usize| entry.columns.get(*place).map(|column| (*place, column.kind.clone()));
    let lock = |column: &Arc<SealedColumn>| Lock {
        column: Arc::clone(column),
        key: entry.primary_key.iter().filter_map(of_key).collect(),
    };
    entry.columns.iter().map(|column| column.sealed.as_ref().map(lock)).collect()
}

impl Opening {
    /// For an answer with these columns.
    pub(crate) fn new(schema: &Schema, locks: Vec<Option<Lock>>) -> Arc<Opening> {
        Arc::new(Opening { keys: schema.keys().cloned(), locks })
    }

    /// For an answer whose columns begin with a model's, in order; `None` if none is encrypted.
    pub(crate) fn of_model(schema: &Schema, entry: &Entry) -> Option<Arc<Opening>> {
        if entry.columns.iter().all(|column| column.sealed.is_none()) {
            return None;
        }
        Some(Opening::new(schema, locks(entry)))
    }

    /// What opens the column at a place.
    pub(crate) fn lock(&self, place: usize) -> Option<&Lock> {
        self.locks.get(place)?.as_ref()
    }

    /// Opens what a column holds in the row of a key.
    pub(crate) fn open(&self, lock: &Lock, text: &str, key: &[Value]) -> Result<Plaintext> {
        let column = &lock.column;
        let keys = self.keys.as_ref().ok_or_else(|| column.no_keys())?;
        let opened = column.open(keys, text, (!lock.key.is_empty()).then_some(key))?;
        Ok(Plaintext(opened.plain))
    }
}

impl SealedColumn {
    /// Opens what it holds in the row of a key, which a bound one needs.
    pub(crate) fn open(&self, keys: &KeyRing, text: &str, key: Option<&[Value]>) -> Result<Opened> {
        let opened = match self.sealing {
            Sealing::Fernet => keys.open(text),
            Sealing::Bound => {
                let parts = self.parts(key)?;
                keys.open_for(&place(&self.sealed_for, &parts), text)
            }
        };
        opened.map_err(|error| {
            let error = self.problem(ErrorKind::Decode, error.to_string());
            match key.and_then(key_parts) {
                Some(parts) => error.in_row(parts.join(", ")),
                None => error,
            }
        })
    }

    /// The row's key as the parts of a place.
    pub(crate) fn parts(&self, key: Option<&[Value]>) -> Result<Vec<String>> {
        key.and_then(key_parts).filter(|parts| !parts.is_empty()).ok_or_else(|| {
            let text = "is bound to its row, whose primary key is not known here, or cannot be written as text";
            self.problem(ErrorKind::Unsupported, text)
        })
    }

    /// The error of a program without keys.
    pub(crate) fn no_keys(&self) -> Error {
        self.problem(ErrorKind::Configuration, NO_KEYS)
    }

    pub(crate) fn problem(&self, kind: ErrorKind, text: impl Into<String>) -> Error {
        Error::new(kind, text).in_model(&*self.label).in_field(&*self.field)
    }
}

#[cfg(feature = "encryption")]
const NO_KEYS: &str =
    "is encrypted, but there are no keys: set ENCRYPTION_KEYS, or give them with `Db::builder(url).keys(ring)`";

#[cfg(not(feature = "encryption"))]
const NO_KEYS: &str = "is encrypted, but the program was built without the feature `encryption`: enable it";
