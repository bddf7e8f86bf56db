//! PostgreSQL's errors in our terms.

use tokio_postgres::Error as Driver;
use tokio_postgres::error::DbError;

use crate::engine::Refusal;
use crate::error::{Error, ErrorKind};

/// The error of a statement.
pub(super) fn of(error: Driver) -> Error {
    if let Some(refusal) = error.as_db_error() {
        return refused(refusal);
    }
    if error.is_closed() {
        return Error::new(ErrorKind::Connection, "the connection to PostgreSQL was closed").with_source(error);
    }
    let text = error.to_string();
    match error.into_source().map(|source| source.downcast::<Error>()) {
        // A value that does not fit its parameter: our own words.
        Some(Ok(own)) => *own,
        Some(Err(source)) => Error::new(ErrorKind::Connection, format!("the connection to PostgreSQL failed: {text}"))
            .with_source(source),
        None => Error::new(ErrorKind::Database, format!("PostgreSQL's driver refuses the statement: {text}")),
    }
}

fn refused(answer: &DbError) -> Error {
    let code = answer.code().code();
    let message = message(answer);
    let mut refusal = Refusal::new(format!("{message} (SQLSTATE {code})"));
    refusal.table = answer.table().map(str::to_owned);
    refusal.column = answer.column().map(str::to_owned);
    let constrained = |kind, text: &str| match answer.constraint() {
        Some(name) => Error::new(kind, format!("{text} ({name})")).with_constraint(name),
        None => Error::new(kind, text),
    };
    let error = match code {
        "23505" => constrained(ErrorKind::UniqueViolation, "another row has the same value where no two may"),
        "23P01" => constrained(ErrorKind::UniqueViolation, "another row excludes this one"),
        "23503" => constrained(
            ErrorKind::ForeignKeyViolation,
            "a foreign key refers to a row that does not exist, or a row that is referred to would go",
        ),
        "23514" => constrained(ErrorKind::CheckViolation, "a check constraint refuses the row"),
        "23502" => {
            let error_ = constrained(ErrorKind::NotNullViolation, "a column that may not be null is");
            match answer.column() {
                Some(column) if error_.constraint().is_none() => error_.with_constraint(column),
                _ => error_,
            }
        }
        "40001" | "40P01" => Error::new(
            ErrorKind::Conflict,
            "transactions that ran at the same time stood in each other's way; run this one again",
        ),
        "55P03" => Error::new(ErrorKind::LockNotAvailable, "another transaction holds the lock"),
        "57014" => Error::new(ErrorKind::Timeout, "the statement took longer than the statement timeout"),
        "25P02" => Error::new(
            ErrorKind::Database,
            "an earlier statement of the transaction failed: PostgreSQL refuses all others until it is rolled back (run \
             what may fail in an `atomic` of its own)",
        ),
        _ if code.starts_with("08") || code.starts_with("57P") || code.starts_with("28") || code == "53300" => {
            Error::new(ErrorKind::Connection, format!("PostgreSQL refuses the connection: {message}"))
        }
        _ => Error::new(ErrorKind::Database, format!("PostgreSQL refuses the statement: {message} (SQLSTATE {code})")),
    };
    let error = error.with_source(refusal);
    match copied_line(answer) {
        Some(line) => error.at_index(line),
        None => error,
    }
}

/// The row of a `COPY` that was refused, counted from 0: `COPY table, line 3` among the lines that say where it happened,
/// in whatever language.
fn copied_line(error: &DbError) -> Option<u64> {
    let table = error.where_()?.lines().find_map(|line| line.strip_prefix("COPY "))?;
    // The name itself may have digits, but no comma and blank unless somebody is out for it: then the number is another.
    let (_, rest) = table.split_once(", ")?;
    let digits: String = rest.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse::<u64>().ok()?.checked_sub(1)
}

/// The server's message; for bad data, without the data.
fn message(error: &DbError) -> &str {
    let message = error.message();
    match error.code().code().starts_with("22") {
        true => message.split_once(": \"").map_or(message, |(before, _)| before),
        false => message,
    }
}

/// Whether the cause may be that a statement was prepared before a table was altered: the type of a column of its answer
/// or of a parameter has changed, or the server forgot the statement.
pub(super) fn may_be_stale(error: &Driver) -> bool {
    let Some(refusal) = error.as_db_error() else {
        // A value did not fit the type that its parameter had.
        return std::error::Error::source(error).is_some_and(|source| source.is::<Error>());
    };
    match refusal.code().code() {
        "0A000" => refusal.message().contains("cached plan must not change result type"),
        // Unknown statement; operator or function unknown, or column of another type, for the parameter's type.
        "26000" | "42883" | "42804" | "42846" => true,
        _ => false,
    }
}
