//! A value on its way to or from a column.

use std::net::IpAddr;

use bigdecimal::BigDecimal;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::encryption::Plaintext;

/// A value of any column, bound to a statement or read without knowing a Rust type.
///
/// How each is stored on either engine is in `COMPATIBILITY.md`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL `NULL`.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number of any width.
    Int(i64),
    /// A 64-bit float.
    Float(f64),
    /// A decimal of any size; its scale is kept.
    Decimal(BigDecimal),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A calendar day.
    Date(Date),
    /// A time of day, to the microsecond.
    Time(Time),
    /// A moment, to the microsecond.
    Timestamp(Timestamp),
    /// A length of time, to the microsecond; may be negative.
    Duration(SignedDuration),
    /// A UUID.
    Uuid(Uuid),
    /// An IP address.
    Ip(IpAddr),
    /// A JSON document; `Json(null)` is JSON's null, not SQL's.
    Json(serde_json::Value),
    /// Several values of one type, for `in` and for arrays.
    List(Vec<Value>),
    /// What an encrypted field is given: sealed on its way to the database, and refused anywhere else.
    Plain(Plaintext),
}

impl Value {
    /// Whether this is SQL `NULL`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The name of its type, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "integer",
            Value::Float(_) => "float",
            Value::Decimal(_) => "decimal",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::Date(_) => "date",
            Value::Time(_) => "time",
            Value::Timestamp(_) => "date and time",
            Value::Duration(_) => "duration",
            Value::Uuid(_) => "UUID",
            Value::Ip(_) => "IP address",
            Value::Json(_) => "JSON",
            Value::List(_) => "list",
            Value::Plain(_) => "plaintext to be encrypted",
        }
    }
}

macro_rules! conversions {
    ($($type:ty => $from:expr;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let from: fn($type) -> Value = $from;
                from(value)
            }
        }
    )*};
}

conversions! {
    bool => Value::Bool;
    i8 => |number| Value::Int(number.into());
    i16 => |number| Value::Int(number.into());
    i32 => |number| Value::Int(number.into());
    i64 => Value::Int;
    u8 => |number| Value::Int(number.into());
    u16 => |number| Value::Int(number.into());
    u32 => |number| Value::Int(number.into());
    u64 => |number| i64::try_from(number).map_or_else(|_| Value::Decimal(number.into()), Value::Int);
    f32 => |number| Value::Float(number.into());
    f64 => Value::Float;
    BigDecimal => Value::Decimal;
    rust_decimal::Decimal => |number| crate::field::FieldType::to_value(&number);
    String => Value::Text;
    &str => |text| Value::Text(text.to_owned());
    &String => |text| Value::Text(text.clone());
    Vec<u8> => Value::Bytes;
    &[u8] => |bytes| Value::Bytes(bytes.to_vec());
    Date => Value::Date;
    Time => Value::Time;
    Timestamp => Value::Timestamp;
    SignedDuration => Value::Duration;
    Uuid => Value::Uuid;
    IpAddr => Value::Ip;
    serde_json::Value => Value::Json;
    Vec<Value> => Value::List;
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}
