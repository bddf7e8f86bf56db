//! What migration files write expressions and values with: the same trees, in fewer words.

use std::net::IpAddr;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::field::Kind;
use crate::query::{Function, Lookup, Node, Operator};
use crate::value::Value;

/// What stands on the right of [`compare`]: an expression, or a value.
pub trait Literal {
    /// The expression.
    fn node(self) -> Node;
}

impl Literal for Node {
    fn node(self) -> Node {
        self
    }
}

impl Literal for Value {
    fn node(self) -> Node {
        Node::value(self)
    }
}

impl Literal for i64 {
    fn node(self) -> Node {
        Node::value(Value::Int(self))
    }
}

impl Literal for bool {
    fn node(self) -> Node {
        Node::value(Value::Bool(self))
    }
}

impl Literal for &str {
    fn node(self) -> Node {
        Node::value(Value::Text(self.to_owned()))
    }
}

/// A field of the model: `field("pages")`.
pub fn field(name: &str) -> Node {
    Node::path(name)
}

/// A comparison: `compare(field("pages"), Lookup::Gte, 1)`.
pub fn compare(left: Node, lookup: Lookup, right: impl Literal) -> Node {
    Node::lookup(left, lookup, right.node())
}

/// A comparison in Django's notation: `keyword("pages__gte", 1)`.
pub fn keyword(names: &str, right: impl Literal) -> Node {
    Node::keyword(names, right.node())
}

/// All of these hold.
pub fn all<const N: usize>(conditions: [Node; N]) -> Node {
    Node::And(conditions.into())
}

/// One of these holds.
pub fn any<const N: usize>(conditions: [Node; N]) -> Node {
    Node::Or(conditions.into())
}

/// This does not hold.
pub fn not(condition: Node) -> Node {
    condition.negate()
}

/// Several expressions, on the right of `in` and `range`.
pub fn list<const N: usize>(items: [Node; N]) -> Node {
    Node::List(items.into())
}

/// A value in an expression.
pub fn value(value: impl Literal) -> Node {
    value.node()
}

/// Arithmetic: `arithmetic(field("a"), Operator::Add, field("b"))`.
pub fn arithmetic(left: Node, operator: Operator, right: Node) -> Node {
    Node::Binary(operator, Box::new(left), Box::new(right))
}

/// A function: `call(Function::Lower, [field("title")])`.
pub fn call<const N: usize>(function: Function, arguments: [Node; N]) -> Node {
    Node::Call(function, arguments.into())
}

/// A value turned into another kind.
pub fn cast(node: Node, kind: Kind) -> Node {
    Node::Cast(Box::new(node), kind)
}

/// The first result whose condition holds, or else the default.
pub fn case<const N: usize>(whens: [(Node, Node); N], default: Option<Node>) -> Node {
    Node::Case { whens: whens.into(), default: default.map(Box::new) }
}

/// Bytes, in hexadecimal digits.
///
/// # Panics
/// If they are none: the text is part of the program.
#[track_caller]
pub fn bytes(digits: &str) -> Value {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    match pairs.map(byte).collect() {
        Some(bytes) => Value::Bytes(bytes),
        None => panic!("`{digits}` are no hexadecimal digits"),
    }
}

macro_rules! parsed {
    ($($(#[$doc:meta])* $name:ident, $variant:ident($type:ty);)*) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        /// If the text is none: it is part of the program.
        #[track_caller]
        pub fn $name(text: &str) -> Value {
            match <$type>::from_str(text) {
                Ok(value) => Value::$variant(value),
                Err(error) => panic!("`{text}` is no {}: {error}", stringify!($name)),
            }
        }
    )*};
}

parsed! {
    /// A decimal: `decimal("12.50")`.
    decimal, Decimal(BigDecimal);
    /// A day: `date("2026-11-22")`.
    date, Date(Date);
    /// A time of day: `time("13:05:00.000001")`.
    time, Time(Time);
    /// A moment: `timestamp("2026-11-22T13:05:00Z")`.
    timestamp, Timestamp(Timestamp);
    /// A length of time, in ISO 8601: `duration("PT1H30M")`.
    duration, Duration(SignedDuration);
    /// A UUID.
    uuid, Uuid(Uuid);
    /// An IP address.
    ip, Ip(IpAddr);
    /// A JSON document.
    json, Json(serde_json::Value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_back_as_they_were() {
        assert_eq!(decimal("12.50").type_name(), "decimal");
        assert_eq!(bytes("00ff"), Value::Bytes(vec![0, 255]));
        assert_eq!(duration("-PT1.000001S"), Value::Duration(SignedDuration::from_micros(-1_000_001)));
        assert_eq!(json(r#"{"a": [1]}"#), Value::Json(serde_json::json!({"a": [1]})));
    }
}
