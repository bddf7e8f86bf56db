//! Plaintext on its way in: sealed just before it is bound to a statement, and refused where it cannot be.

use std::sync::Arc;

use super::{KeyError, KeyRing, Plaintext, SealedColumn, encode, place};
use crate::error::{Error, ErrorKind, Result};
use crate::field::Sealing;
use crate::model::{Entry, Named, Schema, SchemaColumn};
use crate::query::Node;
use crate::sql;
use crate::value::Value;

/// What becomes of assignments once encrypted fields are looked after.
pub(crate) enum Change {
    /// None of them is to an encrypted field.
    AsItWas,
    /// All are sealed.
    Sealed(Vec<(Node, Node)>),
    /// Some must be sealed for each row, by the column's place.
    ForEachRow { sealed: Vec<(Node, Node)>, bound: Vec<(usize, Plaintext)> },
}

/// What a value for an encrypted column is.
enum Given {
    Null,
    Plain(Plaintext),
    /// Ciphertext, as it stands in fixtures.
    Sealed(String),
}

impl SealedColumn {
    fn given(&self, value: Value) -> Result<Given> {
        match value {
            Value::Null => Ok(Given::Null),
            Value::Plain(plain) => Ok(Given::Plain(plain)),
            Value::Text(text) => Ok(Given::Sealed(text)),
            Value::List(_) => Err(self.problem(
                ErrorKind::Validation,
                "cannot be written as text: a whole number is 9,223,372,036,854,775,807 at most, and the keys of a JSON object are \
                 texts",
            )),
            other => {
                let text = format!(
                    "is given a {}, but takes what is encrypted alone: say `Encrypted::new(…)`",
                    other.type_name()
                );
                Err(self.problem(ErrorKind::Validation, text))
            }
        }
    }

    /// The digest by which equal values are found, or null where there is no index.
    pub(super) fn digest(&self, keys: &KeyRing, plain: &[u8]) -> Value {
        let digests = keys.digests(&[self.sealed_for.as_bytes()], plain);
        digests.first().map_or(Value::Null, |digest| Value::Bytes(digest.to_vec()))
    }

    /// Seals what the row of a key holds with the newest key; a token keeps its time.
    #[cfg(feature = "encryption")]
    pub(super) fn reseal(&self, keys: &KeyRing, plain: &Plaintext, at: Option<u64>, key: &[Value]) -> Result<Value> {
        match (self.sealing, at) {
            (Sealing::Fernet, Some(at)) => {
                keys.seal_as_of(plain.expose(), at).map(Value::Text).map_err(|error| self.failed(&error))
            }
            _ => self.seal(keys, plain, Some(key)),
        }
    }

    fn failed(&self, error: &KeyError) -> Error {
        self.problem(ErrorKind::Configuration, error.to_string())
    }

    fn seal(&self, keys: &KeyRing, plain: &Plaintext, key: Option<&[Value]>) -> Result<Value> {
        let text = match self.sealing {
            Sealing::Fernet => keys.seal(plain.expose()),
            Sealing::Bound => keys.seal_for(&place(&self.sealed_for, &self.parts(key)?), plain.expose()),
        };
        text.map(Value::Text).map_err(|error| self.failed(&error))
    }

    /// Makes sure that ciphertext opens where it is to stand, since nobody could read it otherwise.
    fn check(&self, keys: &KeyRing, text: &str, key: Option<&[Value]>) -> Result<Plaintext> {
        if self.sealing == Sealing::Bound && key.is_none() {
            let text = "is ciphertext that is bound to a row, so it can only be written to one whose key is given";
            return Err(self.problem(ErrorKind::Validation, text));
        }
        let opened = self.open(keys, text, key).map_err(|error| {
            let advice = "plaintext is given as `Encrypted::new(…)`, other text must be ciphertext";
            self.problem(ErrorKind::Validation, format!("{advice}; this {}", error.message()))
        })?;
        Ok(Plaintext(opened.plain))
    }
}

fn keys<'a>(schema: &'a Schema, column: &SealedColumn) -> Result<&'a KeyRing> {
    schema.keys().ok_or_else(|| column.no_keys())
}

/// Seals a new row, whose values stand by the places of the model's columns, and fills in its blind indexes. Gives back
/// what is bound to the row and can only be sealed once the database has said its key; until then, an empty text stands
/// there.
pub(crate) fn new_row(schema: &Schema, entry: &Entry, values: &mut [Option<Value>]) -> Result<Vec<(usize, Plaintext)>> {
    let mut waiting = Vec::new();
    if entry.columns.iter().all(|column| column.sealed.is_none()) {
        return Ok(waiting);
    }
    let key: Option<Vec<Value>> = entry
        .primary_key
        .iter()
        .map(|place| values.get(*place).cloned().flatten().filter(|key| !key.is_null()))
        .collect();
    for (place, column) in entry.columns.iter().enumerate() {
        let Some(sealed) = &column.sealed else { continue };
        let Some(value) = values.get_mut(place).and_then(Option::take) else { continue };
        let keys = keys(schema, sealed)?;
        let (stored, digest) = match sealed.given(value)? {
            Given::Null => (Value::Null, Value::Null),
            Given::Sealed(text) => {
                let plain = sealed.check(keys, &text, key.as_deref())?;
                (Value::Text(text), sealed.digest(keys, plain.expose()))
            }
            Given::Plain(plain) => {
                let digest = sealed.digest(keys, plain.expose());
                if sealed.sealing == Sealing::Bound && key.is_none() {
                    waiting.push((place, plain));
                    (Value::Text(String::new()), digest)
                } else {
                    (sealed.seal(keys, &plain, key.as_deref())?, digest)
                }
            }
        };
        if let Some(slot) = values.get_mut(place) {
            *slot = Some(stored);
        }
        if let Some(slot) = sealed.index.and_then(|index| values.get_mut(index)) {
            *slot = Some(digest);
        }
    }
    Ok(waiting)
}

/// Seals what a column is to hold in the row of a key.
pub(crate) fn seal_for_row(schema: &Schema, column: &SchemaColumn, plain: &Plaintext, key: &[Value]) -> Result<Value> {
    match &column.sealed {
        Some(sealed) => sealed.seal(keys(schema, sealed)?, plain, Some(key)),
        None => Err(super::not_sealed()),
    }
}

/// Seals what fields are set to, and sets their blind indexes too; with the key of the only row, if it is known.
pub(crate) fn pairs(schema: &Schema, entry: &Entry, pairs: &[(Node, Node)], key: Option<&[Value]>) -> Result<Change> {
    let sealed_columns: Vec<&Arc<SealedColumn>> = entry.columns.iter().filter_map(|it| it.sealed.as_ref()).collect();
    if sealed_columns.is_empty() {
        return Ok(Change::AsItWas);
    }
    let bound_to_key = sealed_columns.iter().find(|column| column.sealing == Sealing::Bound);
    let (mut made, mut bound, mut any) = (Vec::with_capacity(pairs.len()), Vec::new(), false);
    for (field, to) in pairs {
        let Some((at, column)) = column_of(entry, field) else {
            // What is no column is refused where the statement is made.
            made.push((field.clone(), to.clone()));
            continue;
        };
        if let (true, Some(other)) = (entry.primary_key.contains(&at), bound_to_key) {
            let text = format!("is what `{}` of the row is sealed with, so it stays as it is", other.field);
            let name = entry.field(column.field).name.to_string();
            return Err(Error::new(ErrorKind::Unsupported, text).in_model(&*entry.label).in_field(name));
        }
        if let Some(refusal) = entry.refuse_kept(entry.field(column.field)) {
            return Err(refusal);
        }
        let Some(sealed) = &column.sealed else {
            made.push((field.clone(), to.clone()));
            continue;
        };
        any = true;
        let Node::Value(value, _) = to else {
            let text = "can only be set to a value: the database cannot encrypt what an expression gives";
            return Err(sealed.problem(ErrorKind::Type, text));
        };
        let keys = keys(schema, sealed)?;
        let (stored, digest) = match sealed.given(value.clone())? {
            Given::Null => (Some(Value::Null), Value::Null),
            Given::Sealed(text) => {
                let plain = sealed.check(keys, &text, key)?;
                (Some(Value::Text(text)), sealed.digest(keys, plain.expose()))
            }
            Given::Plain(plain) => {
                let digest = sealed.digest(keys, plain.expose());
                if sealed.sealing == Sealing::Bound && key.is_none() {
                    bound.push((at, plain));
                    (None, digest)
                } else {
                    (Some(sealed.seal(keys, &plain, key)?), digest)
                }
            }
        };
        made.extend(stored.map(|stored| (field.clone(), Node::value(stored))));
        if let Some(index) = sealed.index.and_then(|index| entry.columns.get(index)) {
            made.push((Node::Path(vec![entry.field(index.field).name.clone()]), Node::value(digest)));
        }
    }
    Ok(match (any, bound.is_empty()) {
        (false, _) => Change::AsItWas,
        (true, true) => Change::Sealed(made),
        (true, false) => Change::ForEachRow { sealed: made, bound },
    })
}

/// The column that an assignment sets, and its place.
fn column_of<'a>(entry: &'a Entry, field: &Node) -> Option<(usize, &'a SchemaColumn)> {
    let Node::Path(names) = field else { return None };
    let [name] = names.as_slice() else { return None };
    let Some(Named::Field(field) | Named::Column(field)) = entry.named(name) else { return None };
    entry.columns.iter().enumerate().find(|(_, column)| column.field == field)
}

/// The digests that a value has under each key: what rows with an equal one hold in the blind index.
pub(crate) fn digests(schema: &Schema, column: &SealedColumn, value: Value) -> Result<Vec<Value>> {
    let keys = keys(schema, column)?;
    let digests = |plain: &[u8]| {
        let all = keys.digests(&[column.sealed_for.as_bytes()], plain);
        all.into_iter().map(|digest| Value::Bytes(digest.to_vec())).collect()
    };
    if let Value::Plain(plain) = &value {
        return Ok(digests(plain.expose()));
    }
    let value = sql::prepare(column.holds, value)?;
    let plain = encode(&value).ok_or_else(|| column.problem(ErrorKind::Value, "cannot be compared with this"))?;
    Ok(digests(&plain))
}

/// Whether a value may be stored in an encrypted column, as far as its form tells: the last line of defence.
pub(crate) fn is_ciphertext(value: &Value) -> bool {
    match value {
        Value::Null => true,
        // Empty until the key of the row is known.
        Value::Text(text) => text.is_empty() || text.starts_with("gAAAA") || text.starts_with("nuages1."),
        _ => false,
    }
}
