//! Django's functions for dates and durations, which SQLite keeps as texts and microseconds: the same names, so that
//! either side can use what the other defined (`django/db/backends/sqlite3/_functions.py`).

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result};

/// A date, or a date and time, as its text says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moment {
    Day(Date),
    Instant(DateTime),
}

/// Registers all of them on a connection.
pub(super) fn register(connection: &Connection, flags: FunctionFlags) -> Result<()> {
    for (name, arguments) in [("django_date_extract", 2), ("django_datetime_extract", 4)] {
        connection.create_scalar_function(name, arguments, flags, |context| extract(context))?;
    }
    connection.create_scalar_function("django_date_trunc", 4, flags, |context| truncate(context, false))?;
    connection.create_scalar_function("django_datetime_trunc", 4, flags, |context| truncate(context, true))?;
    connection.create_scalar_function("django_time_trunc", 4, flags, |context| truncate_time(context))?;
    connection.create_scalar_function("django_time_extract", 2, flags, |context| extract_time(context))?;
    connection.create_scalar_function("django_datetime_cast_date", 3, flags, |context| {
        Ok(instant(context, 0, false)?.map(|moment| moment.date().to_string()))
    })?;
    connection.create_scalar_function("django_datetime_cast_time", 3, flags, |context| {
        Ok(instant(context, 0, false)?.map(|moment| time_text(moment.time())))
    })?;
    connection.create_scalar_function("django_format_dtdelta", 3, flags, |context| shift(context))?;
    connection.create_scalar_function("django_timestamp_diff", 2, flags, |context| {
        match (moment(context, 0)?, moment(context, 1)?) {
            (Some(Moment::Day(_)), Some(Moment::Instant(_))) | (Some(Moment::Instant(_)), Some(Moment::Day(_))) => {
                Err(failed("a date cannot be taken from a date and time"))
            }
            (Some(left), Some(right)) => micros(civil(left).duration_since(civil(right))).map(Some),
            _ => Ok(None),
        }
    })?;
    connection.create_scalar_function("django_time_diff", 2, flags, |context| {
        match (time(context, 0)?, time(context, 1)?) {
            (Some(left), Some(right)) => micros(left.duration_since(right)).map(Some),
            _ => Ok(None),
        }
    })
}

fn text<'c>(context: &'c Context<'_>, place: usize) -> Result<Option<&'c str>> {
    match context.get_raw(place) {
        ValueRef::Text(bytes) => Ok(str::from_utf8(bytes).ok()),
        _ => Ok(None),
    }
}

fn failed(message: &str) -> Error {
    Error::UserFunctionError(message.into())
}

fn moment(context: &Context<'_>, place: usize) -> Result<Option<Moment>> {
    Ok(text(context, place)?.and_then(parse))
}

/// `YYYY-MM-DD`, or that and `HH:MM:SS` with or without a fraction, of which six digits count.
fn parse(text: &str) -> Option<Moment> {
    let (date, time) = match text.split_once(' ') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-').map(|part| part.parse::<i16>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    match time {
        None => Some(Moment::Day(date)),
        // What follows a blank, a sign or `Z` is a zone, which Django drops too: all is UTC.
        Some(time) => {
            let clock = time.split([' ', '+', '-', 'Z']).next()?;
            Some(Moment::Instant(date.to_datetime(parse_time(clock)?)))
        }
    }
}

fn parse_time(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let (second, fraction) = match parts.next() {
        Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "")),
        None => ("0", ""),
    };
    let micros: i32 = format!("{fraction:0<6.6}").parse().ok()?;
    Time::new(hour, minute, second.parse().ok()?, micros * 1000).ok()
}

fn time(context: &Context<'_>, place: usize) -> Result<Option<Time>> {
    Ok(text(context, place)?.and_then(|text| match parse(text) {
        Some(moment) => Some(civil(moment).time()),
        None => parse_time(text),
    }))
}

fn civil(moment: Moment) -> DateTime {
    match moment {
        Moment::Day(date) => date.to_datetime(Time::midnight()),
        Moment::Instant(instant) => instant,
    }
}

/// Python has no time zone for a date: what Django makes of a date and a duration is no argument of its functions for
/// dates and times.
fn instant(context: &Context<'_>, place: usize, of_date: bool) -> Result<Option<DateTime>> {
    // The zone that is asked for and the zone that is stored, where the function has them.
    for zone in place + 1..context.len() {
        if !matches!(context.get_raw(zone), ValueRef::Null | ValueRef::Text(b"UTC")) {
            return Err(failed("dates and times are taken apart in UTC alone"));
        }
    }
    match moment(context, place)? {
        Some(Moment::Day(_)) if !of_date => Err(failed("a date and time was expected, this is a date")),
        moment => Ok(moment.map(civil)),
    }
}

fn extract(context: &Context<'_>) -> Result<Option<i64>> {
    let Some(moment) = instant(context, 1, context.len() == 2)? else { return Ok(None) };
    let week = moment.date().iso_week_date();
    Ok(Some(match text(context, 0)?.unwrap_or_default() {
        "year" => moment.year().into(),
        "iso_year" => week.year().into(),
        "quarter" => i64::from((moment.month() + 2) / 3),
        "month" => moment.month().into(),
        "week" => week.week().into(),
        "day" => moment.day().into(),
        "week_day" => moment.weekday().to_sunday_one_offset().into(),
        "iso_week_day" => moment.weekday().to_monday_one_offset().into(),
        "hour" => moment.hour().into(),
        "minute" => moment.minute().into(),
        "second" => moment.second().into(),
        _ => return Err(failed("unknown part of a date")),
    }))
}

fn extract_time(context: &Context<'_>) -> Result<Option<i64>> {
    let Some(time) = time(context, 1)? else { return Ok(None) };
    Ok(Some(match text(context, 0)?.unwrap_or_default() {
        "hour" => time.hour().into(),
        "minute" => time.minute().into(),
        "second" => time.second().into(),
        _ => return Err(failed("unknown part of a time")),
    }))
}

fn truncate(context: &Context<'_>, with_time: bool) -> Result<Option<String>> {
    let Some(moment) = instant(context, 1, !with_time)? else { return Ok(None) };
    let date = moment.date();
    let first = |month: i8| Date::new(date.year(), month, 1).map_err(|_| failed("no such date"));
    let part = text(context, 0)?.unwrap_or_default();
    let day = match part {
        "year" => first(1)?,
        "quarter" => first(date.month() - (date.month() - 1) % 3)?,
        "month" => first(date.month())?,
        "week" => {
            let back = SignedDuration::from_hours(24 * i64::from(date.weekday().to_monday_zero_offset()));
            date.checked_sub(back).map_err(|_| failed("no such date"))?
        }
        "day" | "hour" | "minute" | "second" => date,
        _ => return Err(failed("unknown part of a date")),
    };
    if !with_time {
        return Ok(Some(day.to_string()));
    }
    Ok(Some(format!("{day} {}", cut(moment.time(), part))))
}

fn truncate_time(context: &Context<'_>) -> Result<Option<String>> {
    let Some(time) = time(context, 1)? else { return Ok(None) };
    Ok(Some(cut(time, text(context, 0)?.unwrap_or_default())))
}

fn cut(time: Time, part: &str) -> String {
    match part {
        "hour" => format!("{:02}:00:00", time.hour()),
        "minute" => format!("{:02}:{:02}:00", time.hour(), time.minute()),
        "second" => format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()),
        _ => "00:00:00".to_owned(),
    }
}

fn time_text(time: Time) -> String {
    let micros = time.subsec_nanosecond() / 1000;
    let clock = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    if micros == 0 { clock } else { format!("{clock}.{micros:06}") }
}

fn micros(length: SignedDuration) -> Result<i64> {
    i64::try_from(length.as_micros()).map_err(|_| failed("a duration too long to store"))
}

/// A moment later or earlier by a duration, or a duration times or by a number.
fn shift(context: &Context<'_>) -> Result<Value> {
    let operator = text(context, 0)?.unwrap_or_default().trim().to_owned();
    let (left, right) = (context.get_raw(1), context.get_raw(2));
    if matches!(left, ValueRef::Null) || matches!(right, ValueRef::Null) {
        return Ok(Value::Null);
    }
    if matches!(operator.as_str(), "*" | "/") {
        return scale(&operator, left, right);
    }
    let (moment, length, sign) = match (left, right, moment(context, 1)?, moment(context, 2)?) {
        (_, ValueRef::Integer(length), Some(moment), _) => (moment, length, if operator == "-" { -1 } else { 1 }),
        (ValueRef::Integer(length), _, _, Some(moment)) if operator == "+" => (moment, length, 1),
        _ => return Ok(Value::Null),
    };
    let beyond = |_| failed("a date out of range");
    let shifted = match moment {
        // Python moves a date by the whole days of a duration, which are rounded down, and drops the rest.
        Moment::Day(date) => {
            let days = sign * length.div_euclid(86_400_000_000);
            let span = jiff::Span::new().try_days(days).map_err(beyond)?;
            let date = date.checked_add(span).map_err(beyond)?;
            (date, date.to_string())
        }
        Moment::Instant(instant) => {
            let by = SignedDuration::from_micros(length);
            let by = if sign < 0 { -by } else { by };
            let instant = instant.checked_add(by).map_err(beyond)?;
            (instant.date(), format!("{} {}", instant.date(), time_text(instant.time())))
        }
    };
    match shifted {
        (date, text) if date.year() >= 1 => Ok(Value::Text(text)),
        _ => Err(failed("a date out of range")),
    }
}

fn scale(operator: &str, left: ValueRef<'_>, right: ValueRef<'_>) -> Result<Value> {
    let number = |value: ValueRef<'_>| match value {
        ValueRef::Integer(number) => Ok(number as f64),
        ValueRef::Real(number) => Ok(number),
        _ => Err(failed("durations are multiplied with and divided by numbers")),
    };
    if let (ValueRef::Integer(a), ValueRef::Integer(b), "*") = (left, right, operator) {
        return a.checked_mul(b).map(Value::Integer).ok_or_else(|| failed("a duration too long"));
    }
    let (a, b) = (number(left)?, number(right)?);
    match operator {
        "*" => Ok(Value::Real(a * b)),
        _ if b == 0.0 => Err(failed("division by zero")),
        _ => Ok(Value::Real(a / b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(sql: &str) -> Value {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection, FunctionFlags::SQLITE_UTF8).unwrap();
        connection.query_row(&format!("SELECT {sql}"), [], |row| row.get(0)).unwrap()
    }

    fn text_of(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn parts_and_truncations_are_those_of_python() {
        assert_eq!(ask("django_date_extract('week_day', '2020-01-05')"), Value::Integer(1));
        assert_eq!(
            ask("django_datetime_extract('iso_year', '2021-01-03 10:00:00', 'UTC', 'UTC')"),
            Value::Integer(2020)
        );
        assert_eq!(ask("django_datetime_extract('year', NULL, 'UTC', 'UTC')"), Value::Null);
        assert_eq!(ask("django_date_trunc('quarter', '2020-05-17', NULL, NULL)"), text_of("2020-04-01"));
        assert_eq!(
            ask("django_datetime_trunc('week', '2020-01-05 10:11:12.5', 'UTC', 'UTC')"),
            text_of("2019-12-30 00:00:00")
        );
        assert_eq!(ask("django_datetime_cast_time('2020-01-05 10:11:12.5', 'UTC', 'UTC')"), text_of("10:11:12.500000"));
    }

    #[test]
    fn durations_move_moments_and_whole_days_move_dates() {
        assert_eq!(
            ask("django_format_dtdelta('+', '2020-01-05 10:11:12', 1500000)"),
            text_of("2020-01-05 10:11:13.500000")
        );
        assert_eq!(ask("django_format_dtdelta('-', '2020-01-05', 1)"), text_of("2020-01-05"));
        assert_eq!(ask("django_format_dtdelta('-', '2020-01-05', -1)"), text_of("2020-01-06"));
        assert_eq!(ask("django_format_dtdelta('+', '2020-01-05', 1)"), text_of("2020-01-05"));
        assert_eq!(ask("django_timestamp_diff('2020-01-02', '2020-01-01')"), Value::Integer(86_400_000_000));
        assert_eq!(ask("django_time_diff('00:00:01', '00:00:00.5')"), Value::Integer(500_000));
    }
}
