//! Values as SQLite stores them: exactly as Django writes them, so that texts compare.

use std::fmt::Write as _;

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};

use crate::engine::json;
use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// Binds all parameters, `?1` first.
pub(super) fn bind(statement: &mut Statement<'_>, params: &[Value]) -> Result<()> {
    let wanted = statement.parameter_count();
    if wanted != params.len() {
        return Err(Error::new(
            ErrorKind::Value,
            format!("the statement has {wanted} parameters, but {} values were given", params.len()),
        ));
    }
    for (index, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, output(value)?).map_err(|error| super::failure::of(&error))?;
    }
    Ok(())
}

fn output(value: &Value) -> Result<ToSqlOutput<'_>> {
    let text = |text: String| ToSqlOutput::Owned(Owned::Text(text));
    Ok(match value {
        Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
        Value::Bool(value) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*value))),
        Value::Int(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
        Value::Float(number) if number.is_nan() => {
            return Err(Error::new(ErrorKind::Value, "NaN cannot be stored on SQLite, which would make it null"));
        }
        Value::Float(number) => ToSqlOutput::Borrowed(ValueRef::Real(*number)),
        Value::Decimal(number) => text(number.to_plain_string()),
        Value::Text(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
        Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        Value::Date(day) => text(date(*day)?),
        Value::Time(of_day) => text(time(*of_day)),
        Value::Timestamp(moment) => text(timestamp(*moment)?),
        Value::Duration(length) => ToSqlOutput::Borrowed(ValueRef::Integer(micros(*length)?)),
        Value::Uuid(id) => text(id.simple().to_string()),
        Value::Ip(address) => text(address.to_string()),
        Value::Json(document) => text(json::text(document)),
        Value::List(_) => {
            return Err(Error::new(ErrorKind::Type, "a list is no value of a column on SQLite, which has no arrays"));
        }
        Value::Plain(_) => return Err(crate::encryption::not_sealed()),
    })
}

/// `YYYY-MM-DD`.
fn date(day: Date) -> Result<String> {
    match day.year() {
        1..=9999 => Ok(day.to_string()),
        year => Err(Error::new(
            ErrorKind::Value,
            format!("the year {year} cannot be stored: years from 1 to 9999 can, as in Python"),
        )),
    }
}

/// `HH:MM:SS`, and six digits after a point unless they are all zero.
fn time(of_day: Time) -> String {
    let mut text = format!("{:02}:{:02}:{:02}", of_day.hour(), of_day.minute(), of_day.second());
    let micros = of_day.subsec_nanosecond() / 1000;
    if micros != 0 {
        // Writing to a String cannot fail.
        let _ = write!(text, ".{micros:06}");
    }
    text
}

/// UTC, as a date and a time with a blank between.
fn timestamp(moment: Timestamp) -> Result<String> {
    let local = Offset::UTC.to_datetime(moment);
    let mut text = date(local.date())?;
    text.push(' ');
    text.push_str(&time(local.time()));
    Ok(text)
}

fn micros(length: SignedDuration) -> Result<i64> {
    i64::try_from(length.as_nanos().div_euclid(1000))
        .map_err(|_| Error::new(ErrorKind::Value, "a duration beyond 292,471 years cannot be stored"))
}
