//! The field types of the standard library and of well-known crates.

use std::net::IpAddr;

use bigdecimal::BigDecimal;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{FieldType, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::row::Column;
use crate::value::Value;

macro_rules! whole_numbers {
    ($($type:ty => $kind:ident),* $(,)?) => {$(
        impl FieldType for $type {
            const KIND: Kind = Kind::$kind;

            fn to_value(&self) -> Value {
                // What an `i64` cannot hold is bound as a decimal, so that the range check can name it.
                i64::try_from(*self).map_or_else(|_| Value::Decimal(BigDecimal::from(*self)), Value::Int)
            }

            fn from_column(column: Column<'_>) -> Result<Self> {
                let number = column.i64()?;
                Self::try_from(number).map_err(|_| {
                    Error::new(ErrorKind::Decode, format!("{number} is out of range for {}", stringify!($type)))
                })
            }
        }
    )*};
}

whole_numbers! {
    i16 => SmallInteger,
    i32 => Integer,
    i64 => BigInteger,
    u16 => PositiveSmallInteger,
    u32 => PositiveInteger,
    u64 => PositiveBigInteger,
}

macro_rules! plain {
    ($($type:ty, $kind:expr, $variant:ident, $reader:ident;)*) => {$(
        impl FieldType for $type {
            const KIND: Kind = $kind;

            fn to_value(&self) -> Value {
                Value::$variant(self.clone())
            }

            fn from_column(column: Column<'_>) -> Result<Self> {
                column.$reader().map(Into::into)
            }
        }
    )*};
}

plain! {
    bool, Kind::Boolean, Bool, bool;
    f64, Kind::Float, Float, f64;
    String, Kind::Text, Text, text;
    Vec<u8>, Kind::Binary, Bytes, bytes;
    Date, Kind::Date, Date, date;
    Time, Kind::Time, Time, time;
    Timestamp, Kind::DateTime, Timestamp, timestamp;
    SignedDuration, Kind::Duration, Duration, duration;
    Uuid, Kind::Uuid, Uuid, uuid;
    IpAddr, Kind::GenericIpAddress, Ip, ip;
    BigDecimal, Kind::Decimal { max_digits: 0, decimal_places: 0 }, Decimal, decimal;
}

/// Holds 28 digits; for columns with more, use [`BigDecimal`].
impl FieldType for Decimal {
    const KIND: Kind = Kind::Decimal { max_digits: 0, decimal_places: 0 };

    fn to_value(&self) -> Value {
        Value::Decimal(BigDecimal::from_bigint(self.mantissa().into(), self.scale().into()))
    }

    fn from_column(column: Column<'_>) -> Result<Self> {
        let wide = column.decimal()?;
        let (mantissa, scale) = wide.as_bigint_and_exponent();
        let fits = i128::try_from(mantissa).ok().zip(u32::try_from(scale).ok());
        fits.and_then(|(mantissa, scale)| Decimal::try_from_i128_with_scale(mantissa, scale).ok()).ok_or_else(|| {
            Error::new(
                ErrorKind::Decode,
                format!("{wide} has more digits than the 28 of a Decimal; make the field a BigDecimal"),
            )
        })
    }
}

/// A JSON document: any type that serde can write and read, or `serde_json::Value` for whatever is there.
///
/// `Option<Json<T>>` tells SQL's `NULL` (`None`) from JSON's `null`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Json<T = serde_json::Value>(pub T);

impl<T> std::ops::Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> std::ops::DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> FieldType for Json<T> {
    const KIND: Kind = Kind::Json;

    fn to_value(&self) -> Value {
        // A map with keys that are no texts, say, is nothing that JSON can hold; it is refused on write and where it is
        // compared, as all bytes are.
        serde_json::to_value(&self.0).map_or_else(|_| Value::Bytes(Vec::new()), Value::Json)
    }

    fn from_column(column: Column<'_>) -> Result<Self> {
        column.json().map(Json)
    }
}
