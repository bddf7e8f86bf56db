//! Whether rows are the same to a key.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::query::spec;
use crate::value::Value;

/// A number that is the same for equal values. Others have it too, once in many: who takes them for the same must do right
/// by them all the same.
pub(super) fn sameness<'a>(values: impl IntoIterator<Item = &'a Value>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for value in values {
        match value {
            Value::Int(number) => number.hash(&mut hasher),
            Value::Text(text) => text.hash(&mut hasher),
            Value::Uuid(id) => id.hash(&mut hasher),
            Value::Date(day) => day.hash(&mut hasher),
            Value::Decimal(number) => number.normalized().hash(&mut hasher),
            other => spec::plain(other).to_string().hash(&mut hasher),
        }
    }
    hasher.finish()
}
