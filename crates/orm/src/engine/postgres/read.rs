//! What a column of PostgreSQL's holds, read from its binary form.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bigdecimal::{BigDecimal, ToPrimitive};
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Span, Timestamp};
use tokio_postgres::types::{FromSql, Kind as TypeKind, Type};
use uuid::Uuid;

use super::numeric;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::value::Value;

/// Microseconds from 1970 to 2000, where PostgreSQL's time begins.
pub(super) const EPOCH_MICROS: i64 = 946_684_800 * 1_000_000;
/// The day on which PostgreSQL's time begins.
pub(super) const EPOCH: Date = Date::constant(2000, 1, 1);
const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// One column of a row.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    of: &'a Type,
    bytes: Option<&'a [u8]>,
}

/// A column's bytes, of whatever type.
struct Raw<'a>(Option<&'a [u8]>);

type Failure = Box<dyn std::error::Error + Sync + Send>;

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Raw(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failure> {
        Ok(Raw(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl<'a> Cell<'a> {
    /// `None` beyond the last column.
    pub(crate) fn at(row: &'a tokio_postgres::Row, index: usize) -> Option<Self> {
        let column = row.columns().get(index)?;
        let Raw(bytes) = row.try_get(index).ok()?;
        Some(Cell { of: column.type_(), bytes })
    }

    pub(crate) fn is_null(self) -> bool {
        self.bytes.is_none()
    }

    pub(crate) fn bool(self) -> Result<bool> {
        match *self.of {
            Type::BOOL => Ok(self.fixed::<1>()? != [0]),
            _ => Err(self.is_no("a truth value")),
        }
    }

    pub(crate) fn i64(self) -> Result<i64> {
        match *self.of {
            Type::INT8 => self.fixed().map(i64::from_be_bytes),
            Type::INT4 => self.fixed().map(|bytes| i32::from_be_bytes(bytes).into()),
            Type::INT2 => self.fixed().map(|bytes| i16::from_be_bytes(bytes).into()),
            Type::OID => self.fixed().map(|bytes| u32::from_be_bytes(bytes).into()),
            Type::NUMERIC => {
                let number = self.decimal()?;
                let whole = number.is_integer().then(|| number.to_i64()).flatten();
                whole.ok_or_else(|| self.is_no("a whole number of 64 bits"))
            }
            _ => Err(self.is_no("a whole number")),
        }
    }

    pub(crate) fn f64(self) -> Result<f64> {
        match *self.of {
            Type::FLOAT8 => self.fixed().map(f64::from_be_bytes),
            Type::FLOAT4 => self.fixed().map(|bytes| f32::from_be_bytes(bytes).into()),
            // Nearest: averages of whole numbers are numerics.
            Type::NUMERIC => {
                let text = self.decimal()?.to_string();
                text.parse().map_err(|_| self.is_no("a number"))
            }
            Type::INT2 | Type::INT4 | Type::INT8 => self.i64().map(|number| number as f64),
            _ => Err(self.is_no("a number")),
        }
    }

    pub(crate) fn text(self) -> Result<&'a str> {
        if is_textual(self.of) { self.utf8(0) } else { Err(self.is_no("text")) }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8]> {
        match *self.of {
            Type::BYTEA => self.raw(),
            _ => Err(self.is_no("bytes")),
        }
    }

    pub(crate) fn decimal(self) -> Result<BigDecimal> {
        match *self.of {
            Type::NUMERIC => numeric::read(self.raw()?),
            Type::INT2 | Type::INT4 | Type::INT8 => self.i64().map(BigDecimal::from),
            Type::FLOAT4 => {
                let number: f32 = self.fixed().map(f32::from_be_bytes)?;
                number.to_string().parse().map_err(|_| self.is_no("a finite number"))
            }
            Type::FLOAT8 => {
                let number = self.f64()?;
                number.to_string().parse().map_err(|_| self.is_no("a finite number"))
            }
            _ => Err(self.is_no("a decimal")),
        }
    }

    pub(crate) fn date(self) -> Result<Date> {
        match *self.of {
            Type::DATE => {
                let days = self.fixed().map(i32::from_be_bytes)?;
                if days == i32::MAX || days == i32::MIN {
                    return Err(self.is_infinite());
                }
                let span = Span::new().try_days(days);
                span.and_then(|span| EPOCH.checked_add(span)).map_err(|_| self.is_no("a date before the year 10000"))
            }
            _ => Err(self.is_no("a date")),
        }
    }

    pub(crate) fn time(self) -> Result<Time> {
        match *self.of {
            Type::TIME => {
                let micros = self.fixed().map(i64::from_be_bytes)?;
                // 24:00:00 is a time of PostgreSQL's, but no other's.
                let since = (micros < DAY_MICROS).then(|| SignedDuration::from_micros(micros));
                since
                    .and_then(|since| Time::midnight().checked_add(since).ok())
                    .ok_or_else(|| self.is_no("a time of day before 24:00"))
            }
            _ => Err(self.is_no("a time of day")),
        }
    }

    pub(crate) fn timestamp(self) -> Result<Timestamp> {
        match *self.of {
            Type::TIMESTAMPTZ | Type::TIMESTAMP => {
                let micros = self.fixed().map(i64::from_be_bytes)?;
                if micros == i64::MAX || micros == i64::MIN {
                    return Err(self.is_infinite());
                }
                let micros = micros.checked_add(EPOCH_MICROS);
                micros
                    .and_then(|micros| Timestamp::from_microsecond(micros).ok())
                    .ok_or_else(|| self.is_no("a date and time before the year 10000"))
            }
            _ => Err(self.is_no("a date and time")),
        }
    }

    pub(crate) fn duration(self) -> Result<SignedDuration> {
        match *self.of {
            Type::INTERVAL => {
                let bytes: [u8; 16] = self.fixed()?;
                let [m0, m1, m2, m3, m4, m5, m6, m7, d0, d1, d2, d3, rest @ ..] = bytes;
                let micros = i64::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7]);
                let days = i32::from_be_bytes([d0, d1, d2, d3]);
                if i32::from_be_bytes(rest) != 0 {
                    return Err(self.is_no("a duration: it has months, whose length is not fixed"));
                }
                Ok(SignedDuration::from_hours(i64::from(days) * 24) + SignedDuration::from_micros(micros))
            }
            _ => Err(self.is_no("a duration")),
        }
    }

    pub(crate) fn uuid(self) -> Result<Uuid> {
        match *self.of {
            Type::UUID => self.fixed().map(Uuid::from_bytes),
            _ => Err(self.is_no("a UUID")),
        }
    }

    pub(crate) fn ip(self) -> Result<IpAddr> {
        match (self.of, self.raw()?) {
            // Family, bits of the network, whether it is a cidr, length, address.
            (&Type::INET | &Type::CIDR, [_, bits, _, 4, address @ ..]) if *bits == 32 => {
                let octets: Result<[u8; 4], _> = address.try_into();
                octets.map(|octets| Ipv4Addr::from(octets).into()).map_err(|_| self.is_no("an IP address"))
            }
            (&Type::INET | &Type::CIDR, [_, bits, _, 16, address @ ..]) if *bits == 128 => {
                let octets: Result<[u8; 16], _> = address.try_into();
                octets.map(|octets| Ipv6Addr::from(octets).into()).map_err(|_| self.is_no("an IP address"))
            }
            (&Type::INET | &Type::CIDR, _) => Err(self.is_no("a single IP address, but a network of them")),
            _ => Err(self.is_no("an IP address")),
        }
    }

    pub(crate) fn json_text(self) -> Result<&'a str> {
        match (self.of, self.raw()?) {
            (&Type::JSON, _) => self.utf8(0),
            // The version of the format.
            (&Type::JSONB, [1, ..]) => self.utf8(1),
            _ => Err(self.is_no("JSON")),
        }
    }

    /// The value in the type of the kind where PostgreSQL computes in a wider one: averages of whole numbers and parts of
    /// dates are numerics. Sums of keys stay numerics, as in Django.
    pub(crate) fn value_as(self, kind: Option<&Kind>) -> Result<Value> {
        Ok(match (self.value()?, kind) {
            (Value::Decimal(_) | Value::Int(_), Some(Kind::Float)) => Value::Float(self.f64()?),
            (Value::Decimal(number), Some(kind)) if kind.integer_range().is_some() && !kind.is_auto() => {
                number.to_i64().map_or(Value::Decimal(number), Value::Int)
            }
            // A power of whole numbers.
            (Value::Float(number), Some(kind)) if kind.integer_range().is_some() => Value::Int(number as i64),
            (value, _) => value,
        })
    }

    pub(crate) fn value(self) -> Result<Value> {
        if self.is_null() {
            return Ok(Value::Null);
        }
        Ok(match *self.of {
            Type::BOOL => Value::Bool(self.bool()?),
            Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => Value::Int(self.i64()?),
            Type::FLOAT4 | Type::FLOAT8 => Value::Float(self.f64()?),
            Type::NUMERIC => Value::Decimal(self.decimal()?),
            Type::BYTEA => Value::Bytes(self.bytes()?.to_vec()),
            Type::DATE => Value::Date(self.date()?),
            Type::TIME => Value::Time(self.time()?),
            Type::TIMESTAMPTZ | Type::TIMESTAMP => Value::Timestamp(self.timestamp()?),
            Type::INTERVAL => Value::Duration(self.duration()?),
            Type::UUID => Value::Uuid(self.uuid()?),
            Type::INET | Type::CIDR => Value::Ip(self.ip()?),
            Type::JSON | Type::JSONB => {
                let document = serde_json::from_str(self.json_text()?);
                Value::Json(document.map_err(|error| self.is_no("JSON").with_source(error))?)
            }
            // What a function that gives nothing gives.
            Type::VOID => Value::Null,
            _ if is_textual(self.of) => Value::Text(self.text()?.to_owned()),
            _ => match self.of.kind() {
                TypeKind::Array(_) => Value::List(self.list()?),
                TypeKind::Domain(inner) => Cell { of: inner, bytes: self.bytes }.value()?,
                _ => return Err(self.is_no("of a type that can be read: cast it to text in the query")),
            },
        })
    }

    /// The members of a one-dimensional array.
    fn list(self) -> Result<Vec<Value>> {
        let TypeKind::Array(member) = self.of.kind() else {
            return Err(self.is_no("an array"));
        };
        let Some(mut rest) = self.bytes else {
            return Ok(Vec::new());
        };
        let mut number = || -> Result<i32> {
            let (head, tail) = rest.split_first_chunk().ok_or_else(|| self.is_no("an array"))?;
            rest = tail;
            Ok(i32::from_be_bytes(*head))
        };
        // Dimensions, whether there are nulls, the members' type; then for each dimension its length and first index.
        let (dimensions, _, _) = (number()?, number()?, number()?);
        let length = match dimensions {
            0 => return Ok(Vec::new()),
            1 => number()?,
            _ => return Err(self.is_no("an array of one dimension")),
        };
        let _first = number()?;
        let mut members = Vec::new();
        for _ in 0..length {
            let (head, tail) = rest.split_first_chunk().ok_or_else(|| self.is_no("an array"))?;
            rest = tail;
            let bytes = match usize::try_from(i32::from_be_bytes(*head)) {
                Err(_) => None,
                Ok(size) => {
                    let (bytes, tail) = rest.split_at_checked(size).ok_or_else(|| self.is_no("an array"))?;
                    rest = tail;
                    Some(bytes)
                }
            };
            members.push(Cell { of: member, bytes }.value()?);
        }
        Ok(members)
    }

    fn raw(self) -> Result<&'a [u8]> {
        self.bytes.ok_or_else(|| Error::new(ErrorKind::Decode, "is null"))
    }

    fn fixed<const N: usize>(self) -> Result<[u8; N]> {
        self.raw()?.try_into().map_err(|_| self.is_no("of the length that its type has"))
    }

    fn utf8(self, from: usize) -> Result<&'a str> {
        let bytes = self.raw()?.get(from..).unwrap_or_default();
        str::from_utf8(bytes).map_err(|_| self.is_no("UTF-8"))
    }

    fn is_no(self, expected: &str) -> Error {
        let found = if self.is_null() { "null" } else { self.of.name() };
        Error::new(ErrorKind::Decode, format!("holds {found} that is not {expected}"))
    }

    fn is_infinite(self) -> Error {
        Error::new(ErrorKind::Decode, format!("holds an infinite {}, which no value here can be", self.of.name()))
    }
}

/// Whether a type is sent as plain text.
pub(super) fn is_textual(of: &Type) -> bool {
    match *of {
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::XML => true,
        _ => match of.kind() {
            TypeKind::Enum(_) => true,
            TypeKind::Domain(inner) => is_textual(inner),
            _ => matches!(of.name(), "citext"),
        },
    }
}
