//! Field kinds, and the Rust types that stand in them.

mod text;
mod types;

use std::borrow::Cow;

pub use text::{Email, FilePath, Slug, Url};
pub use types::Json;

use crate::error::{Error, ErrorKind, Result};
use crate::row::Column;
use crate::value::Value;

/// What a column holds, in Django's words: one variant for each of Django's field classes.
///
/// The kind decides the column's type on either engine (`wire-spec` in `tests/oracle`, Django 5.2
/// `django/db/backends/{sqlite3,postgresql}/base.py`), which lookups and transforms a field has, and how a text value
/// from outside is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the variants are Django's field classes")]
pub enum Kind {
    SmallAuto,
    Auto,
    BigAuto,
    SmallInteger,
    Integer,
    BigInteger,
    PositiveSmallInteger,
    PositiveInteger,
    PositiveBigInteger,
    Boolean,
    Float,
    /// `max_digits` in all, `decimal_places` of them after the point.
    Decimal {
        max_digits: u16,
        decimal_places: u16,
    },
    /// Length in characters; `None` is PostgreSQL's and SQLite's `varchar` without one.
    Char {
        max_length: Option<u32>,
    },
    Email {
        max_length: u32,
    },
    Url {
        max_length: u32,
    },
    Slug {
        max_length: u32,
    },
    File {
        max_length: u32,
    },
    Image {
        max_length: u32,
    },
    FilePath {
        max_length: u32,
    },
    Text,
    Binary,
    Date,
    Time,
    DateTime,
    Duration,
    Json,
    Uuid,
    GenericIpAddress,
    /// Ciphertext, in a text column (Django's `TextField`).
    Encrypted {
        /// How it is sealed.
        sealing: Sealing,
        /// What it is of.
        holds: &'static Kind,
    },
    /// Refers to another model's row: the column has the type of the column it refers to.
    ForeignKey,
    /// A foreign key of which no two rows have the same.
    OneToOne,
    /// Rows of another model, through a table between: no column.
    ManyToMany,
}

/// How the values of an encrypted field are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Sealing {
    /// As Fernet tokens, which Python's `cryptography` reads and writes. One may be copied to another row or field, and
    /// opens there too.
    #[default]
    Fernet,
    /// By AES-256-GCM-SIV, bound to table, column and row: of use nowhere else.
    Bound,
}

impl Kind {
    /// Django's class name, such as `CharField`.
    pub fn class_name(&self) -> &'static str {
        match self {
            Kind::SmallAuto => "SmallAutoField",
            Kind::Auto => "AutoField",
            Kind::BigAuto => "BigAutoField",
            Kind::SmallInteger => "SmallIntegerField",
            Kind::Integer => "IntegerField",
            Kind::BigInteger => "BigIntegerField",
            Kind::PositiveSmallInteger => "PositiveSmallIntegerField",
            Kind::PositiveInteger => "PositiveIntegerField",
            Kind::PositiveBigInteger => "PositiveBigIntegerField",
            Kind::Boolean => "BooleanField",
            Kind::Float => "FloatField",
            Kind::Decimal { .. } => "DecimalField",
            Kind::Char { .. } => "CharField",
            Kind::Email { .. } => "EmailField",
            Kind::Url { .. } => "URLField",
            Kind::Slug { .. } => "SlugField",
            Kind::File { .. } => "FileField",
            Kind::Image { .. } => "ImageField",
            Kind::FilePath { .. } => "FilePathField",
            Kind::Text => "TextField",
            Kind::Binary => "BinaryField",
            Kind::Date => "DateField",
            Kind::Time => "TimeField",
            Kind::DateTime => "DateTimeField",
            Kind::Duration => "DurationField",
            Kind::Json => "JSONField",
            Kind::Uuid => "UUIDField",
            Kind::GenericIpAddress => "GenericIPAddressField",
            Kind::Encrypted { .. } => "EncryptedField",
            Kind::ForeignKey => "ForeignKey",
            Kind::OneToOne => "OneToOneField",
            Kind::ManyToMany => "ManyToManyField",
        }
    }

    /// The kind with another limit on its length in characters; a text without one becomes a `CharField`.
    ///
    /// # Panics
    /// If it is no kind of text. The derive evaluates it at compile time.
    #[must_use]
    pub const fn with_max_length(self, max_length: u32) -> Kind {
        match self {
            Kind::Text | Kind::Char { .. } => Kind::Char { max_length: Some(max_length) },
            Kind::Email { .. } => Kind::Email { max_length },
            Kind::Url { .. } => Kind::Url { max_length },
            Kind::Slug { .. } => Kind::Slug { max_length },
            Kind::File { .. } => Kind::File { max_length },
            Kind::Image { .. } => Kind::Image { max_length },
            Kind::FilePath { .. } => Kind::FilePath { max_length },
            _ => panic!("`max_length` is for text"),
        }
    }

    /// The kind with another size: digits in all, and after the point.
    ///
    /// # Panics
    /// If it is no decimal. The derive evaluates it at compile time.
    #[must_use]
    pub const fn with_digits(self, max_digits: u16, decimal_places: u16) -> Kind {
        match self {
            Kind::Decimal { .. } => Kind::Decimal { max_digits, decimal_places },
            _ => panic!("`max_digits` and `decimal_places` are for decimals"),
        }
    }

    /// The kind sealed in another way.
    ///
    /// # Panics
    /// If it is not encrypted. The derive evaluates it at compile time.
    #[must_use]
    pub const fn with_sealing(self, sealing: Sealing) -> Kind {
        match self {
            Kind::Encrypted { holds, .. } => Kind::Encrypted { sealing, holds },
            _ => panic!("`encrypted` is for `Encrypted<…>`"),
        }
    }

    /// Whether what is stored is ciphertext.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Kind::Encrypted { .. })
    }

    /// Whether the database numbers the rows.
    pub fn is_auto(&self) -> bool {
        matches!(self, Kind::SmallAuto | Kind::Auto | Kind::BigAuto)
    }

    /// The least and greatest number that the column holds, for whole numbers.
    pub fn integer_range(&self) -> Option<(i64, i64)> {
        Some(match self {
            Kind::SmallAuto | Kind::SmallInteger => (i16::MIN.into(), i16::MAX.into()),
            Kind::Auto | Kind::Integer => (i32::MIN.into(), i32::MAX.into()),
            Kind::BigAuto | Kind::BigInteger => (i64::MIN, i64::MAX),
            Kind::PositiveSmallInteger => (0, i16::MAX.into()),
            Kind::PositiveInteger => (0, i32::MAX.into()),
            Kind::PositiveBigInteger => (0, i64::MAX),
            _ => return None,
        })
    }

    /// The limit on the length of a text, in characters.
    pub fn max_length(&self) -> Option<u32> {
        match *self {
            Kind::Char { max_length } => max_length,
            Kind::Email { max_length }
            | Kind::Url { max_length }
            | Kind::Slug { max_length }
            | Kind::File { max_length }
            | Kind::Image { max_length }
            | Kind::FilePath { max_length } => Some(max_length),
            _ => None,
        }
    }

    /// Whether values are text: what may be searched with `contains` without a cast.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Kind::Char { .. }
                | Kind::Email { .. }
                | Kind::Url { .. }
                | Kind::Slug { .. }
                | Kind::File { .. }
                | Kind::Image { .. }
                | Kind::FilePath { .. }
                | Kind::Text
        )
    }

    /// Whether the field is a relation to another model.
    pub fn is_relation(&self) -> bool {
        matches!(self, Kind::ForeignKey | Kind::OneToOne | Kind::ManyToMany)
    }
}

/// A Rust type that can stand in a column.
///
/// Implement it for a type of your own by going through one that has it already:
///
/// ```
/// use nuages_orm::{Column, Error, ErrorKind, FieldType, Kind, Result, Value};
///
/// /// A colour, stored as `#rrggbb`.
/// #[derive(Debug, Clone, PartialEq)]
/// struct Colour(u8, u8, u8);
///
/// impl FieldType for Colour {
///     const KIND: Kind = Kind::Char { max_length: Some(7) };
///
///     fn to_value(&self) -> Value {
///         Value::Text(format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2))
///     }
///
///     fn from_column(column: Column<'_>) -> Result<Self> {
///         let text = column.text()?;
///         let number = text.strip_prefix('#').and_then(|hex| u32::from_str_radix(hex, 16).ok());
///         let [_, r, g, b] = number
///             .ok_or_else(|| Error::new(ErrorKind::Decode, "is no colour: expected `#rrggbb`"))?
///             .to_be_bytes();
///         Ok(Colour(r, g, b))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a column",
    label = "not a field type",
    note = "use one of the field types of `nuages::prelude`; for an enum, `#[derive(Choices)]`; else implement `FieldType`"
)]
pub trait FieldType: Sized + Send + Sync + 'static {
    /// The kind of a field of this type when nothing else is said about it.
    const KIND: Kind;

    /// The values the type is limited to, with a label for people (Django's `choices`).
    const CHOICES: &'static [Choice] = &[];

    /// The value to bind.
    fn to_value(&self) -> Value;

    /// Reads a column that is not null.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`], saying what was expected; the row adds model, field and key.
    fn from_column(column: Column<'_>) -> Result<Self>;
}

/// One of the values that a field is limited to.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The value in the database.
    pub value: ChoiceValue,
    /// The label shown to people.
    pub label: Cow<'static, str>,
}

impl Choice {
    /// A choice that is stored as text.
    pub const fn text(value: &'static str, label: &'static str) -> Self {
        Choice { value: ChoiceValue::Text(Cow::Borrowed(value)), label: Cow::Borrowed(label) }
    }

    /// A choice that is stored as a number.
    pub const fn int(value: i64, label: &'static str) -> Self {
        Choice { value: ChoiceValue::Int(value), label: Cow::Borrowed(label) }
    }

    /// The stored value.
    pub fn to_value(&self) -> Value {
        match &self.value {
            ChoiceValue::Text(text) => Value::Text(text.clone().into_owned()),
            ChoiceValue::Int(number) => Value::Int(*number),
        }
    }

    /// Reads a column as the one of `variants` that stands at the place of its value in `choices`.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`], naming the value and the choices, if it is none of them.
    pub fn read<T, const N: usize>(choices: &[Choice], variants: [T; N], column: Column<'_>) -> Result<T> {
        let value = match choices.first() {
            Some(Choice { value: ChoiceValue::Int(_), .. }) => ChoiceValue::Int(column.i64()?),
            _ => ChoiceValue::Text(Cow::Owned(column.text()?.to_owned())),
        };
        let place = choices.iter().position(|choice| choice.value == value);
        place.and_then(|place| variants.into_iter().nth(place)).ok_or_else(|| {
            let known: Vec<String> = choices.iter().map(Choice::to_string).collect();
            Error::new(ErrorKind::Decode, format!("{value} is none of its choices: {}", known.join(", ")))
        })
    }
}

/// As value and label: `"d" (Draft)`.
impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.value, self.label)
    }
}

impl std::fmt::Display for ChoiceValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ChoiceValue::Text(text) => write!(f, "{text:?}"),
            ChoiceValue::Int(number) => write!(f, "{number}"),
        }
    }
}

/// The stored value of a [`Choice`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChoiceValue {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Int(i64),
}

/// A type of a whole column: a [`FieldType`], or an `Option` of one where the column may be null.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from or compared with a column",
    note = "a column is a field type, or an `Option` of a field type"
)]
pub trait SqlType: Sized + Send + Sync + 'static {
    /// The type without its `Option`.
    type Base: FieldType;
    /// [`Required`](crate::expr::Required) or [`Nullable`](crate::expr::Nullable).
    type Null: crate::expr::Nullability;

    /// The value to bind.
    fn into_value(self) -> Value;

    /// The value to bind, of a column that is still needed.
    fn as_value(&self) -> Value;

    /// Reads a column.
    fn read(column: Column<'_>) -> Result<Self>;
}

impl<T: FieldType> SqlType for T {
    type Base = T;
    type Null = crate::expr::Required;

    fn into_value(self) -> Value {
        self.to_value()
    }

    fn as_value(&self) -> Value {
        self.to_value()
    }

    fn read(column: Column<'_>) -> Result<Self> {
        if column.is_null() {
            return Err(Error::new(ErrorKind::Decode, "is null, but the model says that it may not be"));
        }
        T::from_column(column)
    }
}

impl<T: FieldType> SqlType for Option<T> {
    type Base = T;
    type Null = crate::expr::Nullable;

    fn into_value(self) -> Value {
        self.as_value()
    }

    fn as_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn read(column: Column<'_>) -> Result<Self> {
        if column.is_null() { Ok(None) } else { T::from_column(column).map(Some) }
    }
}
