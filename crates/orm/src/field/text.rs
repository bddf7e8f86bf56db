//! Texts of a certain form: each is a `String` that says what it is.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use super::{FieldType, Kind};
use crate::error::Result;
use crate::row::Column;
use crate::value::Value;

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $kind:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                $name(text)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl FieldType for $name {
            const KIND: Kind = $kind;

            fn to_value(&self) -> Value {
                Value::Text(self.0.clone())
            }

            fn from_column(column: Column<'_>) -> Result<Self> {
                column.text().map($name::from)
            }
        }

        impl crate::expr::Textual for $name {}

        #[diagnostic::do_not_recommend]
        impl<R> crate::expr::Operand<R, $name> for &str {
            type Null = crate::expr::Required;

            fn into_node(self) -> crate::query::Node {
                crate::query::Node::value(Value::Text(self.to_owned()))
            }
        }
    )*};
}

texts! {
    /// An e-mail address (Django's `EmailField`, up to 254 characters). The form is checked by forms, not here.
    Email, Kind::Email { max_length: 254 };
    /// A URL (Django's `URLField`, up to 200 characters unless `max_length` says more).
    Url, Kind::Url { max_length: 200 };
    /// A label for URLs: letters, digits, hyphens and underscores (Django's `SlugField`, up to 50 characters, indexed).
    Slug, Kind::Slug { max_length: 50 };
    /// The name of a file (Django's `FileField` or, with `kind`, `ImageField` and `FilePathField`; up to 100
    /// characters). Storage is not the ORM's.
    FilePath, Kind::File { max_length: 100 };
}
