//! What SQLite's loosely typed values stand for, in the shapes that Django writes and those that others do.

use std::net::IpAddr;

use bigdecimal::{BigDecimal, RoundingMode};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use rusqlite::types::ValueRef;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::value::Value;

/// Significant digits that Django keeps of a decimal (`django/db/backends/sqlite3/operations.py`).
const DECIMAL_DIGITS: u64 = 15;

/// One value of a row, with the places of its field if it is a decimal's.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    value: ValueRef<'a>,
    pub(crate) places: Option<u16>,
}

impl<'a> Cell<'a> {
    /// `None` beyond the last column.
    pub(crate) fn at(row: &'a rusqlite::Row<'a>, index: usize) -> Option<Self> {
        row.get_ref(index).ok().map(|value| Cell { value, places: None })
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self.value, ValueRef::Null)
    }

    pub(crate) fn bool(self) -> Result<bool> {
        match self.value {
            ValueRef::Integer(0) => Ok(false),
            ValueRef::Integer(1) => Ok(true),
            _ => Err(self.is_no("a truth value: expected 0 or 1")),
        }
    }

    pub(crate) fn i64(self) -> Result<i64> {
        match self.value {
            ValueRef::Integer(number) => Ok(number),
            ValueRef::Real(number) => whole(number).ok_or_else(|| self.is_no("a whole number")),
            _ => Err(self.is_no("a whole number")),
        }
    }

    pub(crate) fn f64(self) -> Result<f64> {
        match self.value {
            ValueRef::Real(number) => Ok(number),
            // Nearest, as for a decimal: a whole number in a float column is always stored as a float.
            ValueRef::Integer(number) => Ok(number as f64),
            _ => Err(self.is_no("a number")),
        }
    }

    pub(crate) fn text(self) -> Result<&'a str> {
        match self.value {
            ValueRef::Text(bytes) => str::from_utf8(bytes).map_err(|_| self.is_no("UTF-8")),
            _ => Err(self.is_no("text")),
        }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8]> {
        match self.value {
            ValueRef::Blob(bytes) => Ok(bytes),
            _ => Err(self.is_no("bytes")),
        }
    }

    pub(crate) fn decimal(self) -> Result<BigDecimal> {
        let exact = match self.value {
            ValueRef::Integer(number) => BigDecimal::from(number),
            ValueRef::Real(number) => BigDecimal::try_from(number).map_err(|_| self.is_no("a finite number"))?,
            ValueRef::Text(_) => self.text()?.trim().parse().map_err(|_| self.is_no("a decimal"))?,
            _ => return Err(self.is_no("a decimal")),
        };
        let rounded = match exact.digits() > DECIMAL_DIGITS {
            true => round_to_digits(exact, DECIMAL_DIGITS),
            false => exact,
        };
        Ok(match self.places {
            Some(places) => rounded.with_scale_round(places.into(), RoundingMode::HalfEven),
            None => rounded,
        })
    }

    pub(crate) fn date(self) -> Result<Date> {
        let mut scan = Scan(self.text()?.as_bytes());
        match scan.date() {
            Some(date) if scan.is_done() || scan.midnight() => Ok(date),
            _ => Err(self.is_no("a date: expected `YYYY-MM-DD`")),
        }
    }

    pub(crate) fn time(self) -> Result<Time> {
        let mut scan = Scan(self.text()?.as_bytes());
        match scan.time() {
            Some(time) if scan.is_done() => Ok(time),
            _ => Err(self.is_no("a time of day: expected `HH:MM:SS` and perhaps a fraction")),
        }
    }

    pub(crate) fn timestamp(self) -> Result<Timestamp> {
        let mut scan = Scan(self.text()?.as_bytes());
        let moment = scan.timestamp();
        match moment {
            Some(moment) if scan.is_done() => Ok(moment),
            _ => Err(self.is_no("a date and time: expected `YYYY-MM-DD HH:MM:SS` and perhaps a fraction")),
        }
    }

    pub(crate) fn duration(self) -> Result<SignedDuration> {
        match self.value {
            ValueRef::Integer(micros) => Ok(SignedDuration::from_micros(micros)),
            // An average: to the nearest microsecond, half to even, as Python's `timedelta`.
            ValueRef::Real(micros) if micros.abs() < 9e18 => {
                Ok(SignedDuration::from_micros(micros.round_ties_even() as i64))
            }
            _ => Err(self.is_no("a duration: expected microseconds")),
        }
    }

    pub(crate) fn uuid(self) -> Result<Uuid> {
        Uuid::try_parse(self.text()?).map_err(|_| self.is_no("a UUID"))
    }

    pub(crate) fn ip(self) -> Result<IpAddr> {
        self.text()?.parse().map_err(|_| self.is_no("an IP address"))
    }

    pub(crate) fn json_text(self) -> Result<&'a str> {
        self.text()
    }

    pub(crate) fn value(mut self, kind: Option<&Kind>) -> Result<Value> {
        if self.is_null() {
            return Ok(Value::Null);
        }
        Ok(match kind {
            Some(Kind::Boolean) => Value::Bool(self.bool()?),
            Some(Kind::Float) => Value::Float(self.f64()?),
            Some(Kind::Decimal { max_digits, decimal_places }) => {
                self.places = (*max_digits > 0).then_some(*decimal_places).or(self.places);
                Value::Decimal(self.decimal()?)
            }
            Some(Kind::Date) => Value::Date(self.date()?),
            Some(Kind::Time) => Value::Time(self.time()?),
            Some(Kind::DateTime) => Value::Timestamp(self.timestamp()?),
            Some(Kind::Duration) => Value::Duration(self.duration()?),
            Some(Kind::Uuid) => Value::Uuid(self.uuid()?),
            Some(Kind::GenericIpAddress) => Value::Ip(self.ip()?),
            // What `JSON_EXTRACT` gives for a text is no document, and for a number no text.
            Some(Kind::Json) => Value::Json(match self.value {
                ValueRef::Integer(number) => number.into(),
                ValueRef::Real(number) => number.into(),
                _ => serde_json::from_str(self.text()?).or_else(|_| self.text().map(Into::into))?,
            }),
            Some(kind) if kind.integer_range().is_some() => Value::Int(match self.value {
                // Computed: what is left of a whole number, as Django reads it.
                ValueRef::Real(number) => number as i64,
                _ => self.i64()?,
            }),
            _ => match self.value {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Int(number),
                ValueRef::Real(number) => Value::Float(number),
                ValueRef::Text(_) => Value::Text(self.text()?.to_owned()),
                ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
            },
        })
    }

    fn is_no(self, expected: &str) -> Error {
        let found = match self.value {
            ValueRef::Null => "null",
            ValueRef::Integer(_) => "an integer",
            ValueRef::Real(_) => "a float",
            ValueRef::Text(_) => "text",
            ValueRef::Blob(_) => "a blob",
        };
        Error::new(ErrorKind::Decode, format!("holds {found} that is not {expected}"))
    }
}

/// The whole number that a float is, where every neighbour is one that a float can be told from.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// Half to even, as Python's default context does.
fn round_to_digits(number: BigDecimal, digits: u64) -> BigDecimal {
    let excess = i64::try_from(number.digits() - digits).unwrap_or(i64::MAX);
    let (_, scale) = number.as_bigint_and_exponent();
    let rounded = number.with_scale_round(scale - excess, RoundingMode::HalfEven);
    match rounded.digits() > digits {
        // 9.99…95 has become 10.00…0.
        true => rounded.with_scale_round(scale - excess - 1, RoundingMode::HalfEven),
        false => rounded,
    }
}

/// Reads dates and times off the front of a text.
struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    fn eat(&mut self, wanted: impl Fn(u8) -> bool) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        wanted(*first).then(|| {
            self.0 = rest;
            *first
        })
    }

    fn number<const DIGITS: usize>(&mut self) -> Option<i32> {
        let (digits, rest) = self.0.split_first_chunk::<DIGITS>()?;
        let mut number = 0;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = number * 10 + i32::from(digit);
        }
        self.0 = rest;
        Some(number)
    }

    fn date(&mut self) -> Option<Date> {
        let year = self.number::<4>()?;
        self.eat(|byte| byte == b'-')?;
        let month = self.number::<2>()?;
        self.eat(|byte| byte == b'-')?;
        let day = self.number::<2>()?;
        Date::new(year as i16, month as i8, day as i8).ok()
    }

    /// `HH:MM`, seconds, and a fraction of any length, cut to microseconds.
    fn time(&mut self) -> Option<Time> {
        let hour = self.number::<2>()?;
        self.eat(|byte| byte == b':')?;
        let minute = self.number::<2>()?;
        let (mut second, mut micros) = (0, 0);
        if self.eat(|byte| byte == b':').is_some() {
            second = self.number::<2>()?;
            if self.eat(|byte| byte == b'.' || byte == b',').is_some() {
                micros = self.fraction()?;
            }
        }
        Time::new(hour as i8, minute as i8, second as i8, micros * 1000).ok()
    }

    fn fraction(&mut self) -> Option<i32> {
        let (mut micros, mut left) = match self.number::<6>() {
            Some(micros) => (micros, 0),
            None => (self.number::<1>()?, 5),
        };
        while let Some(digit) = self.number::<1>() {
            if left > 0 {
                micros = micros * 10 + digit;
                left -= 1;
            }
        }
        Some(micros * 10_i32.pow(left))
    }

    fn timestamp(&mut self) -> Option<Timestamp> {
        let date = self.date()?;
        let time = match self.eat(|byte| matches!(byte, b' ' | b'T' | b't')) {
            Some(_) => self.time()?,
            None => Time::midnight(),
        };
        let offset = self.offset()?;
        offset.to_timestamp(DateTime::from_parts(date, time)).ok()
    }

    /// `Z`, `+HH`, `+HHMM`, `+HH:MM`, or nothing for UTC.
    fn offset(&mut self) -> Option<Offset> {
        while self.eat(|byte| byte == b' ').is_some() {}
        if self.is_done() || self.eat(|byte| matches!(byte, b'Z' | b'z')).is_some() {
            return Some(Offset::UTC);
        }
        let sign = if self.eat(|byte| matches!(byte, b'+' | b'-'))? == b'-' { -1 } else { 1 };
        let mut seconds = self.number::<2>()? * 3600;
        if !self.is_done() {
            self.eat(|byte| byte == b':');
            seconds += self.number::<2>()? * 60;
        }
        Offset::from_seconds(sign * seconds).ok()
    }

    /// Whether all that follows a date is the beginning of the day.
    fn midnight(&mut self) -> bool {
        self.eat(|byte| matches!(byte, b' ' | b'T')).is_some()
            && self.time() == Some(Time::midnight())
            && self.is_done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Cell<'_> {
        Cell { value: ValueRef::Text(text.as_bytes()), places: None }
    }

    #[test]
    fn moments_are_read_in_every_shape_that_programs_write() {
        let moment: Timestamp = "2024-02-29T12:34:56.789Z".parse().unwrap();
        for shape in [
            "2024-02-29 12:34:56.789000",
            "2024-02-29T12:34:56.789Z",
            "2024-02-29 12:34:56.789+00:00",
            "2024-02-29 14:34:56.789 +02",
            "2024-02-29 07:04:56.7890001-0530",
        ] {
            assert_eq!(text(shape).timestamp().unwrap(), moment, "{shape}");
        }
        assert_eq!(text("2024-02-29").timestamp().unwrap(), "2024-02-29T00:00:00Z".parse().unwrap());
        assert_eq!(text("2024-02-29 01:02").timestamp().unwrap(), "2024-02-29T01:02:00Z".parse().unwrap());
        for wrong in ["", "2024-02-30", "2024-02-29 25:00:00", "2024-02-29x", "2024-02-29 12:34:56.", "1709210096"] {
            assert_eq!(text(wrong).timestamp().unwrap_err().kind(), ErrorKind::Decode, "{wrong}");
        }
        assert!(text("2024-02-29 00:00:00").date().is_ok());
        assert!(text("2024-02-29 00:00:01").date().is_err());
    }

    #[test]
    fn decimals_are_rounded_as_python_rounds_them() {
        // decimal.Context(prec=15).create_decimal_from_float(x), then quantize.
        let real = |number, places| Cell { value: ValueRef::Real(number), places }.decimal().unwrap().to_string();
        assert_eq!(real(0.1, None), "0.100000000000000");
        assert_eq!(real(0.5, None), "0.5");
        assert_eq!(real(19.99, Some(2)), "19.99");
        assert_eq!(real(1234567.891, Some(3)), "1234567.891");
        assert_eq!(real(0.125, Some(2)), "0.12");
        assert_eq!(real(-2.5, Some(0)), "-2");
        let int = Cell { value: ValueRef::Integer(7), places: Some(2) };
        assert_eq!(int.decimal().unwrap().to_string(), "7.00");
    }

    #[test]
    fn a_float_is_a_whole_number_only_without_a_fraction() {
        let real = |number| Cell { value: ValueRef::Real(number), places: None };
        assert_eq!(real(3.0).i64().unwrap(), 3);
        assert!(real(3.5).i64().is_err());
        assert!(real(1e300).i64().is_err());
    }
}
