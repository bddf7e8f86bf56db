//! SQLite's errors in our terms.

use rusqlite::Error as Driver;
use rusqlite::ffi;

use crate::engine::Refusal;
use crate::error::{Error, ErrorKind};

/// The error of a statement.
pub(super) fn of(error: &Driver) -> Error {
    let (code, message) = match error {
        Driver::SqliteFailure(code, message) => (code, message.clone()),
        Driver::SqlInputError { error, msg, .. } => (error, Some(msg.clone())),
        Driver::MultipleStatement => {
            return Error::new(ErrorKind::Database, "holds more than one SQL statement: run them one by one");
        }
        other => return Error::new(ErrorKind::Database, format!("SQLite: {other}")),
    };
    let message = message.unwrap_or_else(|| code.to_string());
    // `UNIQUE constraint failed: shop_link.code, shop_link.site_id`, or `…: index 'name'`, or a check's name.
    let named = message.split_once("constraint failed: ").map(|(_, named)| named.to_owned());
    let constrained = |kind, text: &str| {
        let mut refusal = Refusal::new(message.clone());
        let first = named.as_deref().and_then(|named| named.split(", ").next()?.split_once('.'));
        if let (Some((table, column)), false) = (first, kind == ErrorKind::CheckViolation) {
            refusal.table = Some(table.to_owned());
            let single = named.as_deref().is_some_and(|named| !named.contains(", "));
            refusal.column = single.then(|| column.to_owned());
        }
        let error = match &named {
            Some(named) => {
                let name = named.strip_prefix("index '").and_then(|name| name.strip_suffix('\'')).unwrap_or(named);
                Error::new(kind, format!("{text} ({name})")).with_constraint(name)
            }
            None => Error::new(kind, text),
        };
        error.with_source(refusal)
    };
    match code.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            constrained(ErrorKind::UniqueViolation, "another row has the same value where no two may")
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => constrained(
            ErrorKind::ForeignKeyViolation,
            "a foreign key refers to a row that does not exist, or a row that is referred to would go",
        ),
        ffi::SQLITE_CONSTRAINT_CHECK => constrained(ErrorKind::CheckViolation, "a check constraint refuses the row"),
        ffi::SQLITE_CONSTRAINT_NOTNULL => constrained(ErrorKind::NotNullViolation, "a column that may not be null is"),
        extended => match extended & 0xff {
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Error::new(
                ErrorKind::Conflict,
                "the SQLite file is locked by another program for longer than the busy timeout; try again",
            )
            .with_source(Refusal::new(message)),
            ffi::SQLITE_INTERRUPT => super::interrupted(),
            ffi::SQLITE_CANTOPEN | ffi::SQLITE_NOTADB | ffi::SQLITE_CORRUPT | ffi::SQLITE_IOERR => {
                Error::new(ErrorKind::Connection, format!("the SQLite file cannot be used: {message}"))
            }
            ffi::SQLITE_READONLY => Error::new(ErrorKind::Database, format!("nothing may be written here: {message}")),
            _ => Error::new(ErrorKind::Database, format!("SQLite refuses the statement: {message}")),
        },
    }
}
