//! SQL functions that Django's statements and tables use and SQLite lacks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use regex::Regex;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

use super::calendar;
use crate::engine::json;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Registers all of them on a connection. `nuages_updated(value)` is the value, and sets a mark: the first value that an
/// upsert sets of a row that is there goes through it, as nothing else tells such a row from a new one.
pub(super) fn register(connection: &Connection, updated: &Arc<AtomicBool>) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    calendar::register(connection, flags)?;
    connection.create_scalar_function("regexp", 2, flags, |context| regexp(context))?;
    let mark = Arc::clone(updated);
    connection.create_scalar_function("nuages_updated", 1, FunctionFlags::SQLITE_UTF8, move |context| {
        mark.store(true, Ordering::Relaxed);
        context.get::<Value>(0)
    })?;
    connection.create_scalar_function("nuages_json_contains", 2, flags, |context| json_contains(context, 0, 1))?;
    connection.create_scalar_function("nuages_json_contained", 2, flags, |context| json_contains(context, 1, 0))?;
    connection.create_scalar_function("POWER", 2, flags, |context| power(context))
}

/// Whether one argument, a JSON document, contains the other, as PostgreSQL's `@>` has it; null of a null.
fn json_contains(context: &Context<'_>, whole: usize, part: usize) -> Result<Value> {
    let document = |at: usize| match context.get_raw(at) {
        ValueRef::Null => Ok(None),
        other => serde_json::from_str(other.as_str()?)
            .map(Some)
            .map_err(|error| rusqlite::Error::UserFunctionError(error.into())),
    };
    Ok(match (document(whole)?, document(part)?) {
        (Some(whole), Some(part)) => json::contains(&whole, &part).into(),
        _ => Value::Null,
    })
}

/// `text REGEXP pattern` calls `regexp(pattern, text)`: whether it matches anywhere in the text.
fn regexp(context: &Context<'_>) -> Result<Value> {
    let text = match context.get_raw(1) {
        ValueRef::Null => return Ok(Value::Null),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => json::float_text(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    if matches!(context.get_raw(0), ValueRef::Null) {
        return Ok(Value::Null);
    }
    let pattern: Arc<Regex> =
        context.get_or_create_aux(0, |pattern| -> Result<_, Failure> { Ok(Regex::new(pattern.as_str()?)?) })?;
    Ok(pattern.is_match(&text).into())
}

/// A power as a float, as SQLite's own function, which is not always compiled in, gives it.
fn power(context: &Context<'_>) -> Result<Value> {
    match (number(context.get_raw(0)), number(context.get_raw(1))) {
        (Some(base), Some(exponent)) => Ok(base.powf(exponent).into()),
        _ => Ok(Value::Null),
    }
}

fn number(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Integer(number) => Some(number as f64),
        ValueRef::Real(number) => Some(number),
        _ => None,
    }
}
