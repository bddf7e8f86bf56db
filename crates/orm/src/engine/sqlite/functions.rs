//! SQL functions that Django's statements and tables use and SQLite lacks.

use std::sync::Arc;

use regex::Regex;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Registers all of them on a connection.
pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    super::calendar::register(connection, flags)?;
    // `text REGEXP pattern` calls `regexp(pattern, text)`; null where either is, a match anywhere in the text else.
    connection.create_scalar_function("regexp", 2, flags, |context| {
        let text = match context.get_raw(1) {
            ValueRef::Null => return Ok(None),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => crate::engine::json::float_text(number),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        if matches!(context.get_raw(0), ValueRef::Null) {
            return Ok(None);
        }
        let pattern: Arc<Regex> =
            context.get_or_create_aux(0, |pattern| -> Result<_, Failure> { Ok(Regex::new(pattern.as_str()?)?) })?;
        Ok(Some(pattern.is_match(&text)))
    })
}
