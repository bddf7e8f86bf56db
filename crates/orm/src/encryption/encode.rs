//! Values as the text that is sealed, and that text as a column.

use std::net::IpAddr;

use bigdecimal::BigDecimal;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::engine::json::{self, float_text};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// A value as text: what another program finds in the token. `None` for what no field holds.
pub(crate) fn encode(value: &Value) -> Option<Vec<u8>> {
    let text = match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => float_text(*number),
        Value::Decimal(number) => number.to_plain_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => return Some(bytes.clone()),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Timestamp(moment) => moment.to_string(),
        Value::Duration(length) => length.to_string(),
        Value::Uuid(uuid) => uuid.to_string(),
        Value::Ip(address) => address.to_string(),
        Value::Json(document) => json::text(document),
        Value::Null | Value::List(_) | Value::Plain(_) => return None,
    };
    Some(text.into_bytes())
}

/// What was opened, as a column: read as any other, from its text.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a>(pub(crate) &'a [u8]);

macro_rules! parsed {
    ($($name:ident -> $type:ty, $expected:literal;)*) => {$(
        pub(crate) fn $name(self) -> Result<$type> {
            self.text()?.parse().map_err(|_| is_no($expected))
        }
    )*};
}

impl<'a> Text<'a> {
    pub(crate) fn bool(self) -> Result<bool> {
        match self.text()? {
            "true" | "True" => Ok(true),
            "false" | "False" => Ok(false),
            _ => Err(is_no("truth value")),
        }
    }

    pub(crate) fn text(self) -> Result<&'a str> {
        std::str::from_utf8(self.0).map_err(|_| is_no("text"))
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8]> {
        Ok(self.0)
    }

    pub(crate) fn json_text(self) -> Result<&'a str> {
        self.text()
    }

    parsed! {
        i64 -> i64, "whole number";
        f64 -> f64, "number";
        decimal -> BigDecimal, "decimal";
        date -> Date, "date";
        time -> Time, "time of day";
        timestamp -> Timestamp, "date and time";
        duration -> SignedDuration, "duration";
        uuid -> Uuid, "UUID";
        ip -> IpAddr, "IP address";
    }

    /// As the text that it is.
    pub(crate) fn value(self) -> Result<Value> {
        Ok(match self.text() {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Bytes(self.0.to_vec()),
        })
    }
}

/// Never what it is instead.
fn is_no(expected: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("is no {expected}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_are_read_back(number in any::<i64>(), float in any::<f64>(), text in any::<String>(), seconds in -9_000_000_000_i64..9_000_000_000, micros in any::<i32>()) {
            let back = |value: Value| encode(&value).unwrap();
            prop_assert_eq!(Text(&back(Value::Int(number))).i64().unwrap(), number);
            let read = Text(&back(Value::Float(float))).f64().unwrap();
            prop_assert!(read == float || read.is_nan() && float.is_nan());
            let encoded = back(Value::Text(text.clone()));
            prop_assert_eq!(Text(&encoded).text().unwrap(), text);
            let moment = Timestamp::new(seconds, micros % 1_000_000_000 ).unwrap_or(Timestamp::UNIX_EPOCH);
            prop_assert_eq!(Text(&back(Value::Timestamp(moment))).timestamp().unwrap(), moment);
            let length = SignedDuration::new(seconds, micros % 1_000_000_000);
            prop_assert_eq!(Text(&back(Value::Duration(length))).duration().unwrap(), length);
            let decimal = BigDecimal::new(number.into(), i64::from(micros % 40));
            prop_assert_eq!(Text(&back(Value::Decimal(decimal.clone()))).decimal().unwrap(), decimal);
        }

        #[test]
        fn nothing_ends_the_program(bytes in any::<Vec<u8>>()) {
            let text = Text(&bytes);
            let _ = (text.bool(), text.i64(), text.f64(), text.decimal(), text.date(), text.time(), text.timestamp());
            let _ = (text.duration(), text.uuid(), text.ip(), text.json_text(), text.value());
        }
    }
}
