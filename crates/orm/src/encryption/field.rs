//! The type of an encrypted field.

use std::fmt;

use super::{Plaintext, encode};
use crate::error::{Error, ErrorKind, Result};
use crate::expr::{Operand, Required};
use crate::field::{FieldType, Kind, Sealing};
use crate::migrate::Literal;
use crate::model::IntoField;
use crate::query::Node;
use crate::row::Column;
use crate::value::Value;

/// A value that is stored as ciphertext, of any type that a column can hold; `Option<Encrypted<T>>` may be null.
///
/// It is never shown: [`Debug`](fmt::Debug) hides it, there is no `Display` and no serde, and what it holds is had by
/// [`expose`](Self::expose) alone. Two are compared in constant time. In memory it is an ordinary `T`; only what is on
/// its way to or from the database is overwritten with zeros.
///
/// See [`encryption`](crate::encryption) for what is stored, and the derive for `#[field(encrypted = bound)]` and
/// `#[field(blind_index)]`.
#[derive(Clone, Default)]
pub struct Encrypted<T>(T);

impl<T> Encrypted<T> {
    /// A value to be encrypted when it is stored.
    pub fn new(value: T) -> Self {
        Encrypted(value)
    }

    /// The value itself.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, taken out.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Encrypted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encrypted(…)")
    }
}

/// By what would be sealed.
impl<T: FieldType> PartialEq for Encrypted<T> {
    fn eq(&self, other: &Self) -> bool {
        self.to_value() == other.to_value()
    }
}

impl<T: FieldType> Eq for Encrypted<T> {}

impl<T> From<T> for Encrypted<T> {
    fn from(value: T) -> Self {
        Encrypted(value)
    }
}

impl From<&str> for Encrypted<String> {
    fn from(text: &str) -> Self {
        Encrypted(text.to_owned())
    }
}

impl<T: FieldType> FieldType for Encrypted<T> {
    const KIND: Kind = Kind::Encrypted { sealing: Sealing::Fernet, holds: &T::KIND };

    fn to_value(&self) -> Value {
        // What could not be read back fits no column, and is refused on write.
        let value = Some(self.0.to_value()).filter(|value| T::KIND.integer_range().is_none() || is_whole(value));
        let plain = value.as_ref().and_then(encode).map(nuages_signing::Plain::new);
        plain.map_or_else(|| Value::List(Vec::new()), |plain| Value::Plain(Plaintext(plain)))
    }

    fn from_column(column: Column<'_>) -> Result<Self> {
        let plain = column.open()?;
        // The reason may name what was found.
        T::from_column(plain.column())
            .map(Encrypted)
            .map_err(|_| Error::new(ErrorKind::Decode, "was opened, but holds nothing that its type can be read from"))
    }
}

impl<T: FieldType> From<Encrypted<T>> for Value {
    fn from(value: Encrypted<T>) -> Self {
        value.to_value()
    }
}

impl<T: FieldType> Literal for Encrypted<T> {
    fn node(self) -> Node {
        Node::value(self.to_value())
    }
}

/// Whether a number fits into 64 bits with a sign, as in a column of its own.
fn is_whole(value: &Value) -> bool {
    matches!(value, Value::Int(_))
}

fn sealed<T: FieldType>(value: T) -> Value {
    Encrypted(value).to_value()
}

#[diagnostic::do_not_recommend]
impl<T: FieldType> IntoField<Encrypted<T>> for T {
    fn into_field(self) -> Value {
        sealed(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: FieldType> IntoField<Option<Encrypted<T>>> for T {
    fn into_field(self) -> Value {
        sealed(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: FieldType> IntoField<Option<Encrypted<T>>> for Option<T> {
    fn into_field(self) -> Value {
        self.map_or(Value::Null, sealed)
    }
}

#[diagnostic::do_not_recommend]
impl IntoField<Encrypted<String>> for &str {
    fn into_field(self) -> Value {
        sealed(self.to_owned())
    }
}

#[diagnostic::do_not_recommend]
impl IntoField<Option<Encrypted<String>>> for &str {
    fn into_field(self) -> Value {
        sealed(self.to_owned())
    }
}

#[diagnostic::do_not_recommend]
impl IntoField<Option<Encrypted<String>>> for Option<&str> {
    fn into_field(self) -> Value {
        self.map_or(Value::Null, |text| sealed(text.to_owned()))
    }
}

#[diagnostic::do_not_recommend]
impl<R, T: FieldType> Operand<R, Encrypted<T>> for T {
    type Null = Required;

    fn into_node(self) -> Node {
        Node::value(sealed(self))
    }
}

#[diagnostic::do_not_recommend]
impl<R> Operand<R, Encrypted<String>> for &str {
    type Null = Required;

    fn into_node(self) -> Node {
        Node::value(sealed(self.to_owned()))
    }
}
