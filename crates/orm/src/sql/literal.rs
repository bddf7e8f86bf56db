//! Values as text of a statement, for tables' definitions alone: there nothing can be bound.

use std::fmt::Write as _;

use jiff::tz::Offset;

use crate::engine::Dialect;
use crate::engine::json::{self, float_text};
use crate::value::Value;

/// Writes a value as Django's schema editors quote it: as psycopg does for PostgreSQL, as SQLite stores it for SQLite.
pub(super) fn write(sql: &mut String, value: &Value, dialect: Dialect) {
    let postgres = dialect == Dialect::Postgres;
    let start = sql.len();
    // Writing to a `String` cannot fail.
    let _ = match value {
        Value::Null => write!(sql, "NULL"),
        Value::Bool(truth) if postgres => write!(sql, "{truth}"),
        Value::Bool(truth) => write!(sql, "{}", u8::from(*truth)),
        Value::Int(number) => write!(sql, "{number}"),
        Value::Float(number) if number.is_finite() => write!(sql, "{}", float_text(*number)),
        Value::Float(number) if postgres => write!(sql, "'{number}'::float8"),
        Value::Float(number) => write!(sql, "'{number}'"),
        Value::Decimal(number) if postgres => write!(sql, "{}", number.to_plain_string()),
        Value::Decimal(number) => write!(sql, "'{}'", number.to_plain_string()),
        Value::Text(text) => {
            quote(sql, text, postgres);
            Ok(())
        }
        Value::Bytes(bytes) => {
            let _ = write!(sql, "{}", if postgres { "'\\x" } else { "X'" });
            for byte in bytes {
                let _ = write!(sql, "{byte:02x}");
            }
            write!(sql, "{}", if postgres { "'::bytea" } else { "'" })
        }
        Value::Date(date) => write!(sql, "'{date}'{}", if postgres { "::date" } else { "" }),
        Value::Time(time) => write!(sql, "'{time}'{}", if postgres { "::time" } else { "" }),
        Value::Timestamp(moment) => {
            let civil = Offset::UTC.to_datetime(*moment);
            let micros = civil.subsec_nanosecond() / 1000;
            let _ = write!(sql, "'{} {:02}:{:02}:{:02}", civil.date(), civil.hour(), civil.minute(), civil.second());
            if micros != 0 {
                let _ = write!(sql, ".{micros:06}");
            }
            write!(sql, "{}", if postgres { "+00:00'::timestamptz" } else { "'" })
        }
        Value::Duration(duration) if postgres => {
            let micros = duration.as_micros();
            let days = micros.div_euclid(86_400_000_000);
            let rest = micros.rem_euclid(86_400_000_000);
            write!(sql, "'{days} d {} s {} us'::interval", rest / 1_000_000, rest % 1_000_000)
        }
        Value::Duration(duration) => write!(sql, "{}", duration.as_micros()),
        Value::Uuid(uuid) if postgres => write!(sql, "'{uuid}'::uuid"),
        Value::Uuid(uuid) => write!(sql, "'{}'", uuid.simple()),
        Value::Ip(address) if postgres => write!(sql, "'{address}'::inet"),
        Value::Ip(address) => write!(sql, "'{address}'"),
        Value::Json(document) => {
            quote(sql, &json::text(document), postgres);
            write!(sql, "{}", if postgres { "::jsonb" } else { "" })
        }
        Value::List(items) => {
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    sql.push_str(", ");
                }
                write_item(sql, item, dialect);
            }
            Ok(())
        }
        // Refused where a statement is made of it; whatever happens, it is not shown.
        Value::Plain(_) => write!(sql, "NULL"),
    };
    // A minus sign after an operator would begin a comment.
    if postgres && sql.get(start..).is_some_and(|text| text.starts_with('-')) {
        sql.insert(start, ' ');
    }
}

fn write_item(sql: &mut String, value: &Value, dialect: Dialect) {
    write(sql, value, dialect);
}

/// PostgreSQL takes backslashes for themselves only in plain strings of the standard's kind; psycopg writes ` E'…'` to
/// be sure, and so does Django.
fn quote(sql: &mut String, text: &str, postgres: bool) {
    let escape = postgres && text.contains('\\');
    sql.push_str(if escape { " E'" } else { "'" });
    for character in text.chars() {
        match character {
            '\'' => sql.push_str("''"),
            '\\' if escape => sql.push_str("\\\\"),
            other => sql.push(other),
        }
    }
    sql.push('\'');
}
