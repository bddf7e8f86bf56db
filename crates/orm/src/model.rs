//! Models: what the derive says about a struct, as plain data, and what it can do.

mod builder;
mod cycles;
mod definition;
#[doc(hidden)]
pub mod derived;
mod document;
mod manager;
mod natural;
mod rollup;
mod schema;
mod slug;
mod soft_delete;

pub use builder::{Builder, IntoField};
pub use cycles::{KeyCycle, KeyCycles};
pub use definition::{
    Check, DatabaseDefault, Deferrable, Field, FieldDefault, Generated, Index, ModelDef, OnDelete, OrderBy, Reference,
    Unique,
};
pub use manager::{Manager, ManagerDef};
pub use rollup::{Figure, Rollup};
pub(crate) use rollup::{Kept, Link};
pub(crate) use schema::{
    Column as SchemaColumn, End, Entry, FieldId, ManyToMany as Between, ModelId, Named, hidden_name, name_between,
};
pub use schema::{Models, Schema};
pub(crate) use slug::SlugPlace;
pub use soft_delete::{DeletionMark, Restored, SoftDelete};

pub use crate::field::Sealing;

use crate::db::Db;
use crate::error::Result;
use crate::expr::{Nullability, Path, Required, Selection};
use crate::query::{Deleted, QuerySet, delete, insert};
use crate::relation::RelatedSlot;
use crate::row::Row;
use crate::value::Value;

/// A struct that is a table. Written by `#[derive(Model)]`.
///
/// The derive gives data ([`definition`](Model::definition)), the set of fields for typed queries
/// ([`Fields`](Model::Fields)), and reading and writing of a row; all else is generic code in this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no model",
    label = "not a model",
    note = "a model is a struct with `#[derive(Model)]`"
)]
pub trait Model: Sized + Send + Sync + 'static {
    /// The type of the primary key; a tuple if it is made of several columns.
    type Key: Key;

    /// The fields as expressions: of queries on `R`, reached over a path that may (`Nullable`) or may not
    /// (`Required`) end in nothing.
    type Fields<R: 'static, N: Nullability>: From<Path<R, N>> + AsRef<Path<R, N>>;

    /// The name as `app.Model`.
    const LABEL: &'static str;

    /// How deleted rows are marked; `None` if they are gone from the table.
    const DELETION_MARK: Option<DeletionMark> = None;

    /// The model as data: table, fields, constraints, indexes.
    fn definition() -> ModelDef;

    /// Reads a row whose next columns are those of this model, in the order of the definition.
    fn from_row(row: &mut Row<'_>) -> Result<Self>;

    /// The values of all columns that can be written, in the order of the definition: without generated columns, and
    /// those in which the database keeps figures.
    fn to_values(&self) -> Vec<Value>;

    /// The primary key.
    fn key(&self) -> Self::Key;

    /// Where the rows of a relation go that `select_related` brings: the foreign key of this name.
    fn related_slot(&mut self, field: &str) -> Option<&mut dyn RelatedSlot> {
        let _ = field;
        None
    }

    /// The rows that the default manager shows: `#[model(manager = …)]`, or else all that are not marked as deleted.
    fn objects() -> QuerySet<Self> {
        QuerySet::living()
    }

    /// All rows, those that the default manager hides and those marked as deleted too (Django's `_base_manager`).
    fn all_objects() -> QuerySet<Self> {
        QuerySet::new()
    }

    /// Writes the row: updates the one with its key, or inserts it if there is none (Django's `save`: one statement, or
    /// two). A key of zero that the database numbers is that of a new row. The row is read back where saving or the
    /// database sets columns (`auto_now`, generated ones, counts, a new row's); what was loaded of its relations is then not
    /// loaded any more.
    ///
    /// # Errors
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation) and the constraint violations, naming model, field and
    /// key; nothing was written then. [`ErrorKind::Stale`](crate::ErrorKind::Stale) if the row was marked as deleted, or
    /// restored, since it was read: saving neither deletes nor brings back.
    fn save(&mut self, db: &Db) -> impl Future<Output = Result<()>> + Send {
        insert::save(db, self)
    }

    /// Writes some fields of a row that is there, and its `auto_now` fields: `row.save_fields(&db, |p| p.title())`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the row is gone, and as [`save`](Model::save).
    fn save_fields<S: Selection<Self>>(
        &mut self,
        db: &Db,
        fields: impl FnOnce(Self::Fields<Self, Required>) -> S,
    ) -> impl Future<Output = Result<()>> + Send {
        let fields = fields(Path::root().into()).into_nodes();
        insert::save_fields(db, self, fields)
    }

    /// Reads the row again, whatever hides it from [`objects`](Model::objects).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it is gone.
    fn refresh(&mut self, db: &Db) -> impl Future<Output = Result<()>> + Send {
        insert::refresh(db, self)
    }

    /// Deletes the row and what `on_delete` says of the rows that refer to it, in one transaction. With
    /// `#[field(soft_delete)]`, it is marked instead: see [`SoftDelete`].
    ///
    /// # Errors
    /// [`ErrorKind::Protected`](crate::ErrorKind::Protected) and
    /// [`ErrorKind::Restricted`](crate::ErrorKind::Restricted), naming the rows in the way; nothing was deleted then.
    fn delete(&self, db: &Db) -> impl Future<Output = Result<Deleted>> + Send {
        let key = self.key().to_values();
        async move { delete::query(db, &delete::row::<Self>(db, key)?).await }
    }
}

/// A primary key, or another unique column that a foreign key refers to.
pub trait Key: Clone + PartialEq + Eq + std::hash::Hash + std::fmt::Debug + Send + Sync + 'static {
    /// The key's columns as values, in order.
    fn to_values(&self) -> Vec<Value>;
}

macro_rules! keys {
    ($($type:ty),*) => {$(
        impl Key for $type {
            fn to_values(&self) -> Vec<Value> {
                vec![crate::field::FieldType::to_value(self)]
            }
        }
    )*};
}

keys!(i16, i32, i64, u16, u32, u64, bool, String, uuid::Uuid, jiff::civil::Date, std::net::IpAddr);
keys!(crate::field::Slug, crate::field::Email, crate::field::Url, crate::field::FilePath);

impl<A: Key, B: Key> Key for (A, B) {
    fn to_values(&self) -> Vec<Value> {
        [self.0.to_values(), self.1.to_values()].concat()
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn to_values(&self) -> Vec<Value> {
        [self.0.to_values(), self.1.to_values(), self.2.to_values()].concat()
    }
}
