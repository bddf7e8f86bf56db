//! New rows, before they are in the database.

use std::fmt;
use std::marker::PhantomData;

use super::{Key, Model};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Email, FieldType, FilePath, Json, Slug, SqlType, Url};
use crate::query::insert;
use crate::relation::{ForeignKey, KeyField};
use crate::value::Value;

/// A new row of `M`: the values of the fields that were given. What else it needs, such as defaults, is filled in when
/// it is written.
///
/// `Post::builder()` of the derive makes one and sees to it that no field is missing.
///
/// A row of the struct makes one too: what `save` would insert, if it has not been saved. Zero as the key of a row that the
/// database numbers is none, and times of creation are those of the write.
pub struct Builder<M: Model> {
    /// All writable columns, of one made of a struct.
    row: Option<Vec<Value>>,
    /// What was given field by field, which goes before what the row has.
    values: Vec<(&'static str, Value)>,
    of: PhantomData<fn() -> M>,
}

impl<M: Model> Builder<M> {
    /// A row of which nothing is given yet.
    pub fn new() -> Self {
        Builder { row: None, values: Vec::new(), of: PhantomData }
    }

    /// Gives a field, by its name; a second time, in place of the first.
    #[must_use]
    pub fn set(mut self, field: &'static str, value: Value) -> Self {
        match self.values.iter_mut().find(|(name, _)| *name == field) {
            Some((_, old)) => *old = value,
            None => self.values.push((field, value)),
        }
        self
    }

    /// The fields that were given one by one, by name, in the order they were given.
    pub fn values(&self) -> &[(&'static str, Value)] {
        &self.values
    }

    /// Writes the row, and gives it back as the database has it: one statement.
    ///
    /// # Errors
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) and the constraint violations, naming model and field;
    /// nothing was written then.
    pub async fn create(self, db: &Db) -> Result<M> {
        insert::one(db, self).await
    }

    /// What a row of the struct has, and the fields that were given.
    pub(crate) fn into_parts(self) -> (Option<Vec<Value>>, Vec<(&'static str, Value)>) {
        (self.row, self.values)
    }
}

impl<M: Model> From<&M> for Builder<M> {
    fn from(row: &M) -> Self {
        Builder { row: Some(row.to_values()), values: Vec::new(), of: PhantomData }
    }
}

impl<M: Model> From<M> for Builder<M> {
    fn from(row: M) -> Self {
        Builder::from(&row)
    }
}

impl<M: Model> Default for Builder<M> {
    fn default() -> Self {
        Builder::new()
    }
}

impl<M: Model> Clone for Builder<M> {
    fn clone(&self) -> Self {
        Builder { row: self.row.clone(), values: self.values.clone(), of: PhantomData }
    }
}

impl<M: Model> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", M::LABEL)?;
        if let Some(row) = &self.row {
            f.debug_list().entries(row).finish()?;
        }
        f.debug_map().entries(self.values.iter().map(|(name, value)| (name, value))).finish()
    }
}

/// What a field of type `T` can be given: a `T`, what it borrows as (`&str` for texts, a row for a key to it), and all
/// that with or without `Some` where the field may be null.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a field of type `{T}`",
    label = "expected a value of type `{T}`"
)]
pub trait IntoField<T> {
    /// The value to store.
    fn into_field(self) -> Value;
}

#[diagnostic::do_not_recommend]
impl<T: SqlType> IntoField<T> for T {
    fn into_field(self) -> Value {
        self.into_value()
    }
}

#[diagnostic::do_not_recommend]
impl<T: FieldType> IntoField<T> for &T {
    fn into_field(self) -> Value {
        self.to_value()
    }
}

#[diagnostic::do_not_recommend]
impl<T: FieldType> IntoField<Option<T>> for T {
    fn into_field(self) -> Value {
        self.to_value()
    }
}

#[diagnostic::do_not_recommend]
impl<T: FieldType> IntoField<Option<T>> for &T {
    fn into_field(self) -> Value {
        self.to_value()
    }
}

#[diagnostic::do_not_recommend]
impl<T> IntoField<Json<T>> for T
where
    Json<T>: FieldType,
{
    fn into_field(self) -> Value {
        Json(self).to_value()
    }
}

#[diagnostic::do_not_recommend]
impl<T> IntoField<Option<Json<T>>> for T
where
    Json<T>: FieldType,
{
    fn into_field(self) -> Value {
        Json(self).to_value()
    }
}

macro_rules! texts {
    ($($name:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl IntoField<$name> for &str {
            fn into_field(self) -> Value {
                Value::Text(self.to_owned())
            }
        }

        #[diagnostic::do_not_recommend]
        impl IntoField<Option<$name>> for &str {
            fn into_field(self) -> Value {
                Value::Text(self.to_owned())
            }
        }

        #[diagnostic::do_not_recommend]
        impl IntoField<Option<$name>> for Option<&str> {
            fn into_field(self) -> Value {
                self.map_or(Value::Null, |text| Value::Text(text.to_owned()))
            }
        }
    )*};
}

texts!(String, Slug, Email, Url, FilePath);

macro_rules! owned_texts {
    ($($name:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl IntoField<$name> for String {
            fn into_field(self) -> Value {
                Value::Text(self)
            }
        }

        #[diagnostic::do_not_recommend]
        impl IntoField<Option<$name>> for String {
            fn into_field(self) -> Value {
                Value::Text(self)
            }
        }
    )*};
}

owned_texts!(Slug, Email, Url, FilePath);

#[diagnostic::do_not_recommend]
impl<M: Model, K> IntoField<ForeignKey<M, K>> for ForeignKey<M, K>
where
    ForeignKey<M, K>: KeyField,
{
    fn into_field(self) -> Value {
        self.to_value()
    }
}

#[diagnostic::do_not_recommend]
impl<M: Model, K> IntoField<Option<ForeignKey<M, K>>> for ForeignKey<M, K>
where
    ForeignKey<M, K>: KeyField,
{
    fn into_field(self) -> Value {
        self.to_value()
    }
}

#[diagnostic::do_not_recommend]
impl<M: Model, K> IntoField<Option<ForeignKey<M, K>>> for Option<ForeignKey<M, K>>
where
    Option<ForeignKey<M, K>>: KeyField,
{
    fn into_field(self) -> Value {
        self.to_value()
    }
}

#[diagnostic::do_not_recommend]
impl<M: Model> IntoField<ForeignKey<M>> for &M {
    fn into_field(self) -> Value {
        key_of(self)
    }
}

#[diagnostic::do_not_recommend]
impl<M: Model> IntoField<Option<ForeignKey<M>>> for &M {
    fn into_field(self) -> Value {
        key_of(self)
    }
}

#[diagnostic::do_not_recommend]
impl<M: Model> IntoField<Option<ForeignKey<M>>> for Option<&M> {
    fn into_field(self) -> Value {
        self.map_or(Value::Null, key_of)
    }
}

/// The key of a row, for a column that refers to it: no column refers to a key of several.
pub(super) fn key_of<M: Model>(row: &M) -> Value {
    row.key().to_values().into_iter().next().unwrap_or(Value::Null)
}
