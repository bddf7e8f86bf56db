//! SQL functions that Django's statements and tables use and SQLite lacks, under the names and with the meaning that
//! Django gives them (`django/db/backends/sqlite3/_functions.py`).
//!
//! A text that is no date or time makes most of them null, as there.

use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, ToSpan};
use regex::Regex;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result};

use super::bind;
use super::read::Scan;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Registers all of them on a connection.
pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    let add = |name, arguments, function: fn(&Context<'_>) -> Result<Value>| {
        connection.create_scalar_function(name, arguments, flags, move |context| function(context))
    };
    add("regexp", 2, regexp)?;
    add("POWER", 2, power)?;
    add("django_date_extract", 2, |context| extract(context, civil(context, 1)))?;
    add("django_datetime_extract", 4, |context| {
        only_utc(context, 2)?;
        extract(context, civil(context, 1))
    })?;
    add("django_time_extract", 2, |context| extract(context, time(context, 1)))?;
    add("django_date_trunc", 4, |context| {
        only_utc(context, 2)?;
        truncate(context, civil(context, 1), |start| bind_date(start.date()))
    })?;
    add("django_datetime_trunc", 4, |context| {
        only_utc(context, 2)?;
        truncate(context, civil(context, 1), |start| bind_datetime(start))
    })?;
    add("django_time_trunc", 4, |context| {
        truncate(context, civil(context, 1).or_else(|| time(context, 1)), |start| Ok(bind::time(start.time()).into()))
    })?;
    add("django_datetime_cast_date", 3, |context| {
        only_utc(context, 1)?;
        civil(context, 0).map_or(Ok(Value::Null), |moment| bind_date(moment.datetime().date()))
    })?;
    add("django_datetime_cast_time", 3, |context| {
        only_utc(context, 1)?;
        Ok(civil(context, 0).map_or(Value::Null, |moment| bind::time(moment.datetime().time()).into()))
    })?;
    add("django_time_diff", 2, |context| difference(|index| time(context, index)))?;
    add("django_timestamp_diff", 2, |context| difference(|index| civil(context, index)))?;
    add("django_format_dtdelta", 3, arithmetic)
}

/// `text REGEXP pattern` calls `regexp(pattern, text)`: whether it matches anywhere in the text.
fn regexp(context: &Context<'_>) -> Result<Value> {
    let text = match context.get_raw(1) {
        ValueRef::Null => return Ok(Value::Null),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => crate::engine::json::float_text(number),
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

/// What a text of a date or time says.
#[derive(Clone, Copy)]
enum Moment {
    Date(Date),
    DateTime(DateTime),
    Time(Time),
}

impl Moment {
    fn datetime(self) -> DateTime {
        match self {
            Moment::Date(date) => date.to_datetime(Time::midnight()),
            Moment::DateTime(datetime) => datetime,
            Moment::Time(time) => Date::constant(1900, 1, 1).to_datetime(time),
        }
    }
}

fn text<'a>(context: &'a Context<'_>, index: usize) -> Option<&'a [u8]> {
    match context.get_raw(index) {
        ValueRef::Text(bytes) => Some(bytes),
        _ => None,
    }
}

/// A date, or a date and a time after a blank; an offset is passed over.
fn civil(context: &Context<'_>, index: usize) -> Option<Moment> {
    let read = |bytes| {
        let mut scan = Scan(bytes);
        let date = scan.date()?;
        if scan.is_done() {
            return Some(Moment::Date(date));
        }
        scan.eat(|byte| byte == b' ')?;
        let time = scan.time()?;
        let ends = scan.is_done() || scan.eat(|byte| matches!(byte, b'+' | b'-')).is_some();
        ends.then(|| Moment::DateTime(date.to_datetime(time)))
    };
    text(context, index).and_then(read)
}

fn time(context: &Context<'_>, index: usize) -> Option<Moment> {
    let read = |bytes| {
        let mut scan = Scan(bytes);
        scan.time().filter(|_| scan.is_done()).map(Moment::Time)
    };
    text(context, index).and_then(read)
}

/// Refuses zones other than the one in which all moments are stored.
fn only_utc(context: &Context<'_>, from: usize) -> Result<()> {
    let utc = |index| matches!(context.get_raw(index), ValueRef::Null | ValueRef::Text(b"UTC"));
    match utc(from) && utc(from + 1) {
        true => Ok(()),
        false => Err(failure("moments are taken apart in UTC alone")),
    }
}

fn part(context: &Context<'_>) -> Result<String> {
    context.get::<String>(0)
}

fn extract(context: &Context<'_>, moment: Option<Moment>) -> Result<Value> {
    let part = part(context)?;
    let Some(moment) = moment else {
        return Ok(Value::Null);
    };
    let at = moment.datetime();
    let date = at.date();
    let of_date = match part.as_str() {
        "year" => Some(date.year().into()),
        "month" => Some(date.month().into()),
        "day" => Some(date.day().into()),
        "quarter" => Some(i64::from((date.month() + 2) / 3)),
        "week_day" => Some(i64::from(date.weekday().to_sunday_one_offset())),
        "iso_week_day" => Some(date.weekday().to_monday_one_offset().into()),
        "week" => Some(date.iso_week_date().week().into()),
        "iso_year" => Some(date.iso_week_date().year().into()),
        _ => None,
    };
    let of_time = match part.as_str() {
        "hour" => Some(at.hour().into()),
        "minute" => Some(at.minute().into()),
        "second" => Some(at.second().into()),
        "microsecond" => Some(i64::from(at.subsec_nanosecond() / 1000)),
        _ => None,
    };
    let found = match moment {
        Moment::Date(_) => of_date,
        Moment::Time(_) => of_time,
        Moment::DateTime(_) => of_date.or(of_time),
    };
    found.map(Value::Integer).ok_or_else(|| failure("a part was asked for that such a value does not have"))
}

fn truncate(
    context: &Context<'_>,
    moment: Option<Moment>,
    write: impl FnOnce(DateTime) -> Result<Value>,
) -> Result<Value> {
    let part = part(context)?;
    let Some(moment) = moment else {
        return Ok(Value::Null);
    };
    let at = moment.datetime();
    let date = at.date();
    let day = |date: Date| date.to_datetime(Time::midnight());
    let out_of_range = |_| failure("a date is beyond the calendar");
    let start = match part.as_str() {
        "year" => day(date.first_of_year()),
        "quarter" => {
            let month = date.month() - (date.month() - 1) % 3;
            day(Date::new(date.year(), month, 1).map_err(out_of_range)?)
        }
        "month" => day(date.first_of_month()),
        "week" => {
            let since = i32::from(date.weekday().to_monday_zero_offset());
            day(date.checked_sub(since.days()).map_err(out_of_range)?)
        }
        "day" => day(date),
        "hour" => date.at(at.hour(), 0, 0, 0),
        "minute" => date.at(at.hour(), at.minute(), 0, 0),
        "second" => date.at(at.hour(), at.minute(), at.second(), 0),
        _ => return Err(failure("a part was asked for to which such a value cannot be cut")),
    };
    write(start)
}

/// Microseconds from the second argument to the first.
fn difference(read: impl Fn(usize) -> Option<Moment>) -> Result<Value> {
    let (Some(left), Some(right)) = (read(0), read(1)) else {
        return Ok(Value::Null);
    };
    micros(left.datetime().duration_since(right.datetime()))
}

fn micros(length: SignedDuration) -> Result<Value> {
    i64::try_from(length.as_micros()).map(Value::Integer).map_err(|_| failure("a duration is beyond 64 bits"))
}

/// `django_format_dtdelta(sign, left, right)`: a moment and a number of microseconds added or taken away, or a number of
/// microseconds multiplied or divided.
fn arithmetic(context: &Context<'_>) -> Result<Value> {
    let sign = context.get_raw(0);
    let (left, right) = (context.get_raw(1), context.get_raw(2));
    if [sign, left, right].iter().any(|value| matches!(value, ValueRef::Null)) {
        return Ok(Value::Null);
    }
    let sign = sign.as_str().map_err(Error::from)?.trim();
    match (sign, left, right) {
        ("+", ValueRef::Integer(one), ValueRef::Integer(other)) => sum(one.checked_add(other)),
        ("-", ValueRef::Integer(one), ValueRef::Integer(other)) => sum(one.checked_sub(other)),
        ("+", ValueRef::Integer(length), ValueRef::Text(_)) => shift(civil(context, 2), 1, length),
        ("+", ValueRef::Text(_), ValueRef::Integer(length)) => shift(civil(context, 1), 1, length),
        ("-", ValueRef::Text(_), ValueRef::Integer(length)) => shift(civil(context, 1), -1, length),
        ("-", ValueRef::Text(_), ValueRef::Text(_)) => difference(|index| civil(context, index + 1)),
        ("*", ValueRef::Integer(one), ValueRef::Integer(other)) => sum(one.checked_mul(other)),
        ("*" | "/", ..) => match (number(left), number(right)) {
            (Some(_), Some(0.0)) if sign == "/" => Err(failure("a duration was divided by zero")),
            (Some(left), Some(right)) => Ok(if sign == "*" { left * right } else { left / right }.into()),
            _ => Err(failure("only numbers can be multiplied or divided")),
        },
        _ => Ok(Value::Null),
    }
}

fn sum(number: Option<i64>) -> Result<Value> {
    number.map(Value::Integer).ok_or_else(|| failure("a duration is beyond 64 bits"))
}

/// A moment moved by microseconds; a date by the whole days of them, which are cut toward the past before the sign is
/// put to them, as in Python.
fn shift(moment: Option<Moment>, sign: i32, length: i64) -> Result<Value> {
    const DAY: i64 = 86_400 * 1_000_000;
    let out_of_range = |_| failure("a date is beyond the calendar");
    match moment {
        None | Some(Moment::Time(_)) => Ok(Value::Null),
        Some(Moment::Date(date)) => {
            let days = SignedDuration::from_hours(length.div_euclid(DAY) * 24) * sign;
            bind_date(date.checked_add(days).map_err(out_of_range)?)
        }
        Some(Moment::DateTime(at)) => {
            let moved = at.checked_add(SignedDuration::from_micros(length) * sign).map_err(out_of_range)?;
            bind_datetime(moved)
        }
    }
}

fn bind_date(date: Date) -> Result<Value> {
    bind::date(date).map(Value::Text).map_err(|error| Error::UserFunctionError(error.into()))
}

fn bind_datetime(at: DateTime) -> Result<Value> {
    let date = bind::date(at.date()).map_err(|error| Error::UserFunctionError(error.into()))?;
    Ok(Value::Text(format!("{date} {}", bind::time(at.time()))))
}

fn failure(text: &'static str) -> Error {
    Error::UserFunctionError(text.into())
}
