//! Models, typed queries and migrations.

extern crate self as nuages_orm;

pub mod batch;
pub mod db;
pub mod encryption;
mod engine;
mod error;
pub mod expr;
mod field;
pub mod fixture;
pub mod introspect;
pub mod json_schema;
pub mod migrate;
pub mod model;
pub mod query;
pub mod recount;
mod relation;
mod row;
pub mod signal;
pub mod slug;
mod sql;
mod value;

pub use bigdecimal::BigDecimal;
pub use db::{Db, Statement};
pub use engine::Dialect;
pub use error::{Error, ErrorKind, Result};
pub use expr::Document;
pub use field::{Choice, ChoiceValue, Email, FieldType, FilePath, Json, Kind, Slug, SqlType, Url};
pub use jiff::civil::{Date, Time};
pub use jiff::{self, SignedDuration as Duration, Timestamp};
pub use model::{Builder, Key, Manager, Model, ModelDef, Models, Schema, SoftDelete};
pub use nuages_orm_macros::{Choices, Document, Model, Selection};
pub use query::{QuerySet, Values};
pub use relation::{ForeignKey, KeyField, ManyToMany, OneToOne, Related, RelatedSlot};
pub use row::{Column, Row};
pub use rust_decimal::Decimal;
pub use serde_json::json;
pub use uuid::Uuid;
pub use value::Value;
