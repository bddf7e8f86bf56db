//! Values on the right of a comparison, turned into what the left side's field holds (Django's `get_prep_value`).

use std::str::FromStr;

use bigdecimal::{BigDecimal, FromPrimitive, RoundingMode};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::engine::json::float_text;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::value::Value;

fn refuse(kind: ErrorKind, field: &Kind, value: &Value, expected: &str) -> Error {
    Error::new(kind, format!("{} expects {expected}, got {}", field.class_name(), value.type_name()))
}

/// Whether a value is what a field of this kind holds already.
pub(super) fn fits(kind: &Kind, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Int(_) => kind.integer_range().is_some(),
        Value::Text(_) => kind.is_text(),
        Value::Bool(_) => *kind == Kind::Boolean,
        Value::Float(_) => *kind == Kind::Float,
        Value::Decimal(_) => matches!(kind, Kind::Decimal { .. }),
        Value::Date(_) => *kind == Kind::Date,
        Value::Time(_) => *kind == Kind::Time,
        Value::Timestamp(_) => *kind == Kind::DateTime,
        Value::Duration(_) => *kind == Kind::Duration,
        Value::Uuid(_) => *kind == Kind::Uuid,
        Value::Ip(_) => *kind == Kind::GenericIpAddress,
        Value::Bytes(_) => *kind == Kind::Binary,
        Value::Json(_) => *kind == Kind::Json,
        Value::Plain(_) => kind.is_encrypted(),
        Value::List(_) => false,
    }
}

/// The value as a field of this kind holds it.
///
/// # Errors
/// [`ErrorKind::Value`], [`ErrorKind::Type`] or [`ErrorKind::Validation`] where Django raises the exception of that
/// name.
pub(crate) fn prepare(kind: &Kind, value: Value) -> Result<Value> {
    if fits(kind, &value) {
        return Ok(value);
    }
    if matches!(value, Value::Plain(_)) && !kind.is_encrypted() {
        return Err(refuse(ErrorKind::Type, kind, &value, "what can be stored as it is"));
    }
    match kind {
        kind if kind.integer_range().is_some() => integer(kind, value),
        Kind::Float => float(kind, value),
        Kind::Decimal { max_digits, .. } => decimal(kind, *max_digits, value),
        Kind::Boolean => boolean(kind, value),
        Kind::Date => date(kind, value),
        Kind::DateTime => moment(kind, value),
        Kind::Time => time(kind, value),
        Kind::Duration => duration(kind, value),
        Kind::Uuid => uuid(kind, value),
        Kind::Json => json(value),
        Kind::GenericIpAddress => address(kind, value),
        Kind::Binary => Ok(value),
        kind if kind.is_text() => Ok(Value::Text(text(value))),
        _ => Ok(value),
    }
}

fn integer(kind: &Kind, value: Value) -> Result<Value> {
    let number = match &value {
        Value::Bool(truth) => i64::from(*truth),
        Value::Float(number) if number.is_nan() => {
            return Err(refuse(ErrorKind::Value, kind, &value, "a number"));
        }
        // Django truncates, as Python's `int` does; beyond 2^63, only which side it is on matters.
        Value::Float(number) if number.abs() < 9_223_372_036_854_775_808.0 => *number as i64,
        Value::Float(number) if number.is_infinite() => {
            return Err(refuse(ErrorKind::Value, kind, &value, "a finite number"));
        }
        Value::Float(number) => {
            let wide = BigDecimal::from_f64(number.trunc());
            return wide.map(Value::Decimal).ok_or_else(|| refuse(ErrorKind::Value, kind, &value, "a number"));
        }
        Value::Decimal(number) => {
            use bigdecimal::ToPrimitive as _;
            let whole = number.with_scale_round(0, RoundingMode::Down);
            match whole.to_i64() {
                Some(number) => number,
                None => return Ok(Value::Decimal(whole)),
            }
        }
        Value::Text(digits) => match digits.trim().replace('_', "").parse::<i64>() {
            Ok(number) => number,
            Err(_) => match BigDecimal::from_str(digits.trim()) {
                Ok(wide) if digits.trim().bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'+') => {
                    return Ok(Value::Decimal(wide));
                }
                _ => return Err(refuse(ErrorKind::Value, kind, &value, "a number")),
            },
        },
        Value::Json(serde_json::Value::Number(number)) => match number.as_i64() {
            Some(number) => number,
            None => return integer(kind, Value::Float(number.as_f64().unwrap_or(f64::NAN))),
        },
        _ => return Err(refuse(ErrorKind::Type, kind, &value, "a number")),
    };
    Ok(Value::Int(number))
}

fn float(kind: &Kind, value: Value) -> Result<Value> {
    let number = match &value {
        Value::Int(number) => *number as f64,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Decimal(number) => {
            use bigdecimal::ToPrimitive as _;
            number.to_f64().unwrap_or(f64::NAN)
        }
        Value::Text(digits) => {
            digits.trim().parse::<f64>().map_err(|_| refuse(ErrorKind::Value, kind, &value, "a number"))?
        }
        _ => return Err(refuse(ErrorKind::Type, kind, &value, "a number")),
    };
    Ok(Value::Float(number))
}

fn decimal(kind: &Kind, max_digits: u16, value: Value) -> Result<Value> {
    let number = match &value {
        Value::Int(number) => BigDecimal::from(*number),
        Value::Bool(truth) => BigDecimal::from(u8::from(*truth)),
        Value::Float(number) => {
            let exact = BigDecimal::from_f64(*number)
                .ok_or_else(|| refuse(ErrorKind::Validation, kind, &value, "a decimal number"))?;
            let digits = if max_digits == 0 { 28 } else { u64::from(max_digits) };
            round_digits(&exact, digits)
        }
        Value::Text(digits) => BigDecimal::from_str(digits.trim())
            .map_err(|_| refuse(ErrorKind::Validation, kind, &value, "a decimal number"))?,
        _ => return Err(refuse(ErrorKind::Validation, kind, &value, "a decimal number")),
    };
    Ok(Value::Decimal(number))
}

/// Rounded, half to even, to as many significant digits as a `decimal.Context` with that precision keeps.
fn round_digits(number: &BigDecimal, digits: u64) -> BigDecimal {
    let excess = number.digits().saturating_sub(digits);
    if excess == 0 {
        return number.clone();
    }
    let (_, scale) = number.as_bigint_and_exponent();
    number.with_scale_round(scale - i64::try_from(excess).unwrap_or(0), RoundingMode::HalfEven)
}

fn boolean(kind: &Kind, value: Value) -> Result<Value> {
    let truth = match &value {
        Value::Int(0) => false,
        Value::Int(1) => true,
        Value::Float(number) if *number == 0.0 => false,
        Value::Float(number) if *number == 1.0 => true,
        Value::Text(text) => match text.as_str() {
            "t" | "True" | "1" => true,
            "f" | "False" | "0" => false,
            _ => return Err(refuse(ErrorKind::Validation, kind, &value, "true or false")),
        },
        _ => return Err(refuse(ErrorKind::Validation, kind, &value, "true or false")),
    };
    Ok(Value::Bool(truth))
}

fn date(kind: &Kind, value: Value) -> Result<Value> {
    match &value {
        Value::Timestamp(moment) => Ok(Value::Date(Offset::UTC.to_datetime(*moment).date())),
        Value::Text(text) => parse_date(text)
            .map(Value::Date)
            .ok_or_else(|| refuse(ErrorKind::Validation, kind, &value, "a date as YYYY-MM-DD")),
        _ => Err(refuse(ErrorKind::Type, kind, &value, "a date as YYYY-MM-DD")),
    }
}

fn moment(kind: &Kind, value: Value) -> Result<Value> {
    let at_midnight = |date: Date| utc(date.to_datetime(Time::midnight()));
    let moment = match &value {
        Value::Date(date) => at_midnight(*date),
        Value::Text(text) => parse_moment(text).or_else(|| parse_date(text).and_then(at_midnight)),
        _ => return Err(refuse(ErrorKind::Type, kind, &value, "a date and time")),
    };
    moment.map(Value::Timestamp).ok_or_else(|| {
        refuse(ErrorKind::Validation, kind, &value, "a date and time as YYYY-MM-DD HH:MM[:SS[.ffffff]][TZ]")
    })
}

fn time(kind: &Kind, value: Value) -> Result<Value> {
    match &value {
        Value::Timestamp(moment) => Ok(Value::Time(Offset::UTC.to_datetime(*moment).time())),
        Value::Text(text) => parse_time(text)
            .map(Value::Time)
            .ok_or_else(|| refuse(ErrorKind::Validation, kind, &value, "a time as HH:MM[:SS[.ffffff]]")),
        _ => Err(refuse(ErrorKind::Type, kind, &value, "a time as HH:MM[:SS[.ffffff]]")),
    }
}

/// Whole numbers are microseconds, as specs and SQLite have them.
fn duration(kind: &Kind, value: Value) -> Result<Value> {
    match &value {
        Value::Int(microseconds) => Ok(Value::Duration(SignedDuration::from_micros(*microseconds))),
        _ => Err(refuse(ErrorKind::Validation, kind, &value, "a duration")),
    }
}

fn uuid(kind: &Kind, value: Value) -> Result<Value> {
    match &value {
        Value::Text(text) => {
            Uuid::parse_str(text).map(Value::Uuid).map_err(|_| refuse(ErrorKind::Validation, kind, &value, "a UUID"))
        }
        Value::Int(number) if *number >= 0 => Ok(Value::Uuid(Uuid::from_u128(number.unsigned_abs().into()))),
        _ => Err(refuse(ErrorKind::Validation, kind, &value, "a UUID")),
    }
}

fn address(kind: &Kind, value: Value) -> Result<Value> {
    match &value {
        Value::Text(text) => text
            .trim()
            .parse()
            .map(Value::Ip)
            .map_err(|_| refuse(ErrorKind::Validation, kind, &value, "an IPv4 or IPv6 address")),
        _ => Err(refuse(ErrorKind::Validation, kind, &value, "an IPv4 or IPv6 address")),
    }
}

/// A value as a JSON document.
///
/// # Errors
/// [`ErrorKind::Type`] for bytes, and for what has become bytes because JSON cannot hold it.
pub(super) fn json(value: Value) -> Result<Value> {
    to_json(value).map(Value::Json)
}

fn to_json(value: Value) -> Result<serde_json::Value> {
    Ok(match value {
        Value::Json(document) => document,
        Value::Null => serde_json::Value::Null,
        Value::Bool(truth) => truth.into(),
        Value::Int(number) => number.into(),
        Value::Float(number) => number.into(),
        Value::List(items) => items.into_iter().map(to_json).collect::<Result<_>>()?,
        Value::Bytes(_) => {
            let message = "JSONField expects what JSON can hold: no bytes, and no map whose keys are not texts";
            return Err(Error::new(ErrorKind::Type, message));
        }
        other => text(other).into(),
    })
}

/// A value as Python's `str` shows it.
pub(super) fn text(value: Value) -> String {
    match value {
        Value::Text(text) => text,
        Value::Null => "None".to_owned(),
        Value::Bool(truth) => if truth { "True" } else { "False" }.to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => float_text(number),
        Value::Decimal(number) => number.to_plain_string(),
        Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Timestamp(moment) => moment.to_string(),
        Value::Duration(duration) => duration.to_string(),
        Value::Uuid(uuid) => uuid.to_string(),
        Value::Ip(address) => address.to_string(),
        Value::Json(serde_json::Value::String(text)) => text,
        Value::Json(document) => document.to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.into_iter().map(text).collect();
            format!("[{}]", items.join(", "))
        }
        // `prepare` lets none through.
        Value::Plain(_) => String::new(),
    }
}

/// Django's `parse_date`: ISO 8601, or digits without leading zeros.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    if let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) {
        let digits = |part: &str, length: std::ops::RangeInclusive<usize>| {
            (length.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<i16>().ok())
                .flatten()
        };
        if let (Some(year), Some(month), Some(day)) = (digits(year, 4..=4), digits(month, 1..=2), digits(day, 1..=2)) {
            return Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok().filter(|_| year > 0);
        }
    }
    let compact = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    if compact { Date::from_str(text).ok() } else { None }
}

/// Django's `parse_time`: `HH:MM`, then seconds, then up to six digits of a fraction (more are cut).
pub(super) fn parse_time(text: &str) -> Option<Time> {
    let (clock, fraction) = match text.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let number = |part: Option<&str>| -> Option<i8> {
        let part = part?;
        ((1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok()).flatten()
    };
    let hour = number(parts.next())?;
    let minute = number(parts.next())?;
    let second = match parts.next() {
        Some(part) => number(Some(part))?,
        None if fraction.is_some() => return None,
        None => 0,
    };
    if parts.next().is_some() {
        return None;
    }
    let microseconds = match fraction {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{:0<6.6}", digits).parse::<i32>().ok()?
        }
        Some(_) => return None,
        None => 0,
    };
    Time::new(hour, minute, second, microseconds * 1000).ok()
}

/// Django's `parse_datetime`; without an offset, UTC is meant.
pub(super) fn parse_moment(text: &str) -> Option<Timestamp> {
    let split = text.find(['T', 't', ' '])?;
    let date = parse_date(text.get(..split)?)?;
    let rest = text.get(split + 1..)?.trim_end();
    let (clock, offset) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => (rest.get(..at)?.trim_end(), parse_offset(rest.get(at..)?)?),
        None => (rest, Offset::UTC),
    };
    offset.to_timestamp(date.to_datetime(parse_time(clock)?)).ok()
}

fn parse_offset(text: &str) -> Option<Offset> {
    if text.eq_ignore_ascii_case("z") {
        return Some(Offset::UTC);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.get(1..)?.chars().filter(|c| *c != ':').collect();
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..4).map_or(Some(0), |part| part.parse().ok())?;
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// A moment of the UTC calendar.
pub(super) fn utc(moment: DateTime) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(moment).ok()
}

/// The text with what `LIKE` takes for wildcards escaped.
pub(super) fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '%' | '_') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(result: Result<Value>) -> ErrorKind {
        result.expect_err("refused").kind()
    }

    #[test]
    fn values_become_what_the_field_holds_or_are_refused_as_django_does() {
        assert_eq!(prepare(&Kind::Integer, Value::Text(" 12 ".into())).unwrap(), Value::Int(12));
        assert_eq!(prepare(&Kind::Integer, Value::Float(2.9)).unwrap(), Value::Int(2));
        assert_eq!(kind_of(prepare(&Kind::Integer, Value::Text("abc".into()))), ErrorKind::Value);
        assert_eq!(kind_of(prepare(&Kind::Integer, Value::List(vec![]))), ErrorKind::Type);
        assert_eq!(kind_of(prepare(&Kind::Date, Value::Text("2020-13-01".into()))), ErrorKind::Validation);
        assert_eq!(prepare(&Kind::Char { max_length: None }, Value::Int(4)).unwrap(), Value::Text("4".into()));
        assert_eq!(
            prepare(&Kind::Decimal { max_digits: 8, decimal_places: 2 }, Value::Float(0.1)).unwrap(),
            Value::Decimal("0.10000000".parse().unwrap())
        );
    }

    #[test]
    fn dates_and_times_are_read_as_django_reads_them() {
        assert_eq!(parse_date("2020-1-2").unwrap().to_string(), "2020-01-02");
        assert_eq!(parse_date("20200102").unwrap().to_string(), "2020-01-02");
        assert_eq!(parse_date("2020-01-02x"), None);
        let moment = parse_moment("2020-01-02T03:04:05.678901Z").unwrap();
        assert_eq!(moment.to_string(), "2020-01-02T03:04:05.678901Z");
        assert_eq!(parse_moment("2020-01-02 03:04+02:00").unwrap().to_string(), "2020-01-02T01:04:00Z");
        assert_eq!(parse_time("7:08").unwrap().to_string(), "07:08:00");
    }
}
