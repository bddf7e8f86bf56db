//! Values in PostgreSQL's binary form, as the type that the server expects at their place.

use bigdecimal::{BigDecimal, FromPrimitive, ToPrimitive};
use bytes::{BufMut, BytesMut};
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, Unit};
use tokio_postgres::types::{IsNull, Kind as TypeKind, ToSql, Type, to_sql_checked};

use super::numeric;
use super::read::{EPOCH, EPOCH_MICROS, is_textual};
use crate::engine::json;
use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// A value on its way to the server.
#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        if self.0.is_null() {
            return Ok(IsNull::Yes);
        }
        if let Value::List(members) = self.0 {
            return match of.kind() {
                TypeKind::Array(_) => members.iter().map(Bound).collect::<Vec<_>>().to_sql(of, out),
                _ => Err(mismatch(self.0, of).into()),
            };
        }
        match of.kind() {
            TypeKind::Domain(inner) => self.to_sql(inner, out),
            _ => write(self.0, of, out).map(|()| IsNull::No).map_err(Into::into),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn write(value: &Value, of: &Type, out: &mut BytesMut) -> Result<()> {
    match value {
        Value::Bool(value) if *of == Type::BOOL => out.put_u8((*value).into()),
        Value::Int(number) => return write_int(*number, of, out),
        Value::Float(number) => return write_float(*number, of, out),
        Value::Decimal(number) => return write_decimal(number, of, out),
        Value::Text(text) if is_textual(of) => write_text(text, out)?,
        Value::Text(text) if *of == Type::JSONPATH => {
            // The version of the format.
            out.put_u8(1);
            write_text(text, out)?;
        }
        Value::Bytes(bytes) if *of == Type::BYTEA => out.put_slice(bytes),
        Value::Date(day) if *of == Type::DATE => out.put_i32(days(*day)),
        Value::Time(time) if *of == Type::TIME => out.put_i64(micros(time.duration_since(Time::midnight()))?),
        Value::Timestamp(moment) if matches!(*of, Type::TIMESTAMPTZ | Type::TIMESTAMP) => {
            let micros = moment.as_nanosecond().div_euclid(1000) - i128::from(EPOCH_MICROS);
            out.put_i64(i64::try_from(micros).map_err(|_| mismatch(value, of))?);
        }
        Value::Duration(length) if *of == Type::INTERVAL => write_duration(*length, out)?,
        Value::Uuid(id) if *of == Type::UUID => out.put_slice(id.as_bytes()),
        Value::Ip(address) if matches!(*of, Type::INET | Type::CIDR) => {
            // Family (2 is AF_INET, 3 is PostgreSQL's own for version 6), bits, whether it is a cidr, length, address.
            let (family, bits) = if address.is_ipv4() { (2, 32) } else { (3, 128) };
            out.put_slice(&[family, bits, (*of == Type::CIDR).into(), bits / 8]);
            match address {
                std::net::IpAddr::V4(address) => out.put_slice(&address.octets()),
                std::net::IpAddr::V6(address) => out.put_slice(&address.octets()),
            }
        }
        Value::Json(document) if *of == Type::JSONB => {
            // The version of the format.
            out.put_u8(1);
            write_text(&json::text(document), out)?;
        }
        Value::Json(document) if *of == Type::JSON => write_text(&json::text(document), out)?,
        Value::Plain(_) => return Err(crate::encryption::not_sealed()),
        _ if is_textual(of) && !matches!(of.kind(), TypeKind::Enum(_)) => write_text(&as_text(value, of)?, out)?,
        _ => return Err(mismatch(value, of)),
    }
    Ok(())
}

fn write_int(number: i64, of: &Type, out: &mut BytesMut) -> Result<()> {
    let beyond = |least: i64, most: i64| {
        Error::new(
            ErrorKind::Value,
            format!("{number} is out of range for PostgreSQL's {}, which is {least} to {most}", of.name()),
        )
    };
    match *of {
        Type::INT8 => out.put_i64(number),
        Type::INT4 => out.put_i32(i32::try_from(number).map_err(|_| beyond(i32::MIN.into(), i32::MAX.into()))?),
        Type::INT2 => out.put_i16(i16::try_from(number).map_err(|_| beyond(i16::MIN.into(), i16::MAX.into()))?),
        Type::OID => out.put_u32(u32::try_from(number).map_err(|_| beyond(0, u32::MAX.into()))?),
        Type::NUMERIC => numeric::write(&number.into(), out)?,
        Type::FLOAT8 => out.put_f64(number as f64),
        Type::FLOAT4 => out.put_f32(number as f32),
        _ if is_textual(of) && !matches!(of.kind(), TypeKind::Enum(_)) => write_text(&number.to_string(), out)?,
        _ => return Err(mismatch(&Value::Int(number), of)),
    }
    Ok(())
}

fn write_float(number: f64, of: &Type, out: &mut BytesMut) -> Result<()> {
    match *of {
        Type::FLOAT8 => out.put_f64(number),
        Type::FLOAT4 => out.put_f32(number as f32),
        _ => {
            // The shortest decimal that reads back as this float, as PostgreSQL casts it.
            let decimal = BigDecimal::from_f64(number).and_then(|_| json::float_text(number).parse().ok());
            return write_decimal(&decimal.ok_or_else(|| mismatch(&Value::Float(number), of))?, of, out);
        }
    }
    Ok(())
}

fn write_decimal(number: &BigDecimal, of: &Type, out: &mut BytesMut) -> Result<()> {
    match *of {
        Type::NUMERIC => numeric::write(number, out)?,
        Type::FLOAT8 => out.put_f64(nearest(number)),
        Type::FLOAT4 => out.put_f32(nearest(number) as f32),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID if number.is_integer() => {
            let whole = number.to_i64().ok_or_else(|| {
                Error::new(ErrorKind::Value, format!("{number} is out of range for PostgreSQL's {}", of.name()))
            })?;
            write_int(whole, of, out)?;
        }
        _ if is_textual(of) && !matches!(of.kind(), TypeKind::Enum(_)) => write_text(&number.to_plain_string(), out)?,
        _ => return Err(mismatch(&Value::Decimal(number.clone()), of)),
    }
    Ok(())
}

fn nearest(number: &BigDecimal) -> f64 {
    // Never fails: what is too large reads as infinite.
    number.to_string().parse().unwrap_or(f64::NAN)
}

fn write_text(text: &str, out: &mut BytesMut) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::new(ErrorKind::Value, "text with a zero byte cannot be stored on PostgreSQL"));
    }
    out.put_slice(text.as_bytes());
    Ok(())
}

/// As Python's `timedelta` has it: days of either sign, and what is left of a day.
fn write_duration(length: SignedDuration, out: &mut BytesMut) -> Result<()> {
    const DAY_MICROS: i64 = 86_400 * 1_000_000;
    let micros = micros(length)?;
    out.put_i64(micros.rem_euclid(DAY_MICROS));
    // 64 bits of microseconds are 2^27 days at most.
    out.put_i32(micros.div_euclid(DAY_MICROS) as i32);
    out.put_i32(0);
    Ok(())
}

fn micros(length: SignedDuration) -> Result<i64> {
    i64::try_from(length.as_nanos().div_euclid(1000))
        .map_err(|_| Error::new(ErrorKind::Value, "a duration beyond 292,471 years cannot be stored"))
}

/// Days since 2000. Both ends of what a `Date` can be are within a few million.
fn days(day: Date) -> i32 {
    let since = day.since((Unit::Day, EPOCH));
    since.map_or(0, |span| span.get_days())
}

/// PostgreSQL's own text for a value, where it expects text.
fn as_text(value: &Value, of: &Type) -> Result<String> {
    Ok(match value {
        Value::Bool(value) => value.to_string(),
        Value::Date(day) => day.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Timestamp(moment) => format!("{}+00", Offset::UTC.to_datetime(trim(*moment)).strftime("%F %T%.f")),
        Value::Uuid(id) => id.to_string(),
        Value::Ip(address) => address.to_string(),
        Value::Json(document) => json::text(document),
        _ => return Err(mismatch(value, of)),
    })
}

fn trim(moment: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(moment.as_nanosecond().div_euclid(1000) as i64).unwrap_or(moment)
}

fn mismatch(value: &Value, of: &Type) -> Error {
    Error::new(
        ErrorKind::Type,
        format!("a value of type {} was given where PostgreSQL expects {}", value.type_name(), of.name()),
    )
}
