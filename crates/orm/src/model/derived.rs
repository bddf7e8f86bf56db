//! What the code of the derives calls. No part of the public interface.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::marker::PhantomData;
use std::pin::Pin;

use super::builder::key_of;
use super::{DatabaseDefault, End, Field, IntoField, Manager, Model, OrderBy, name_between};
use crate::error::Result;
use crate::expr::{Expr, Nullability, Operand, Order, Orders, Path, Required};
use crate::field::{FieldType, SqlType};
use crate::query::{Lookup, Node, QuerySet, Step};
use crate::relation::KeyField;
use crate::row::Row;
use crate::value::Value;

/// A required field of a builder that is not given yet.
#[derive(Debug, Clone, Copy)]
pub enum Missing {}

/// A required field of a builder that is given.
#[derive(Debug, Clone, Copy)]
pub enum Given {}

/// A row on its way to the database.
pub type Writing<'db, M> = Pin<Box<dyn Future<Output = Result<M>> + Send + 'db>>;

/// A way back that starts at a row.
#[derive(Debug, Clone, Copy)]
pub enum FromRow {}

/// A way back that starts at a set of fields.
#[derive(Debug)]
pub struct FromFields<R, N>(PhantomData<fn() -> (R, N)>);

/// Reads the next column as a key.
pub fn read_key<F: KeyField>(row: &mut Row<'_>, field: &'static str) -> Result<F> {
    row.read(field).map(|key| F::from_column(key, None))
}

/// Reads the next column as a key that refers to a field other than the primary key.
pub fn read_key_to<F: KeyField>(row: &mut Row<'_>, field: &'static str, to_field: &'static str) -> Result<F> {
    row.read(field).map(|key| F::from_column(key, Some(to_field)))
}

/// An expression over the model's own fields.
pub fn expression<M: Model, T: FieldType, S: SqlType<Base = T>>(
    of: impl FnOnce(M::Fields<M, Required>) -> Expr<M, S>,
) -> Node {
    of(Path::root().into()).into_node()
}

/// A condition over the model's own fields.
pub fn condition<M: Model>(of: impl FnOnce(M::Fields<M, Required>) -> Expr<M, bool>) -> Node {
    of(Path::root().into()).into_node()
}

/// The name of a field of another model, of type `T`.
pub fn name<M: Model, T: FieldType, S: SqlType<Base = T>>(
    of: impl FnOnce(M::Fields<M, Required>) -> Expr<M, S>,
) -> Cow<'static, str> {
    match of(Path::root().into()).into_node() {
        Node::Path(names) => names.into_iter().next_back().unwrap_or_default(),
        _ => Cow::Borrowed(""),
    }
}

/// The columns of a model at the end of a path.
pub fn columns<M: Model, R, N: Nullability>(path: &Path<R, N>) -> Vec<Node> {
    let fields = M::definition().fields.into_iter().filter(Field::has_column);
    fields.map(|field| path.column(field.name)).collect()
}

/// The steps of an index or constraint over the model's own fields.
pub fn steps<M: Model, O: Orders<M>>(of: impl FnOnce(M::Fields<M, Required>) -> O) -> Vec<OrderBy> {
    of(Path::root().into()).into_steps()
}

/// A step of the default ordering, over relations.
pub fn step<M: Model>(of: impl FnOnce(M::Fields<M, Required>) -> Order<M>) -> OrderBy {
    of(Path::root().into()).into_step()
}

/// A document in the next version.
pub fn upgraded<E: Into<Box<dyn StdError + Send + Sync>>>(
    upgrade: fn(u32, serde_json::Value) -> Result<serde_json::Value, E>,
    from: u32,
    document: serde_json::Value,
) -> Result<serde_json::Value, Box<dyn StdError + Send + Sync>> {
    upgrade(from, document).map_err(Into::into)
}

/// A default for a field of type `T`.
pub fn value<T: FieldType, V: IntoField<T>>(value: V) -> Value {
    value.into_field()
}

/// A key that `Set(function)` gave.
pub fn key_value<K: FieldType, S: SqlType<Base = K>>(key: S) -> Value {
    key.into_value()
}

/// A default that the database fills in: a value, or an expression without fields.
pub fn db_default<M: Model, T: FieldType>(of: impl Operand<M, T>) -> DatabaseDefault {
    match of.into_node() {
        Node::Value(value, _) => DatabaseDefault::Value(value),
        expression => DatabaseDefault::Expression(expression),
    }
}

/// The condition that a row is not marked as deleted.
pub fn alive<M: Model>() -> Node {
    M::DELETION_MARK.map_or_else(|| Node::And(Vec::new()), |mark| mark.alive())
}

/// The rows that a manager shows.
pub fn managed<M: Model, K: Manager<M>>() -> QuerySet<M> {
    K::query(QuerySet::living())
}

/// The steps of a query.
pub fn steps_of<M: Model>(rows: QuerySet<M>) -> Vec<Step> {
    rows.into_query().steps
}

/// Those of the rows whose `field` refers to the primary key of this row.
pub fn referring<M: Model, To: Model>(rows: QuerySet<M>, to: &To, field: &'static str) -> QuerySet<M> {
    referring_to(rows, field, key_of(to))
}

/// Those of the rows whose `field` refers to the primary key of this row through a row of `T` that is alive.
pub fn referring_through<M: Model, T: Model, To: Model>(
    rows: QuerySet<M>,
    to: &To,
    field: &'static str,
) -> QuerySet<M> {
    let condition = refers_to(field, key_of(to));
    let condition = match T::DELETION_MARK {
        Some(mark) => condition.and(mark.alive_at(name_between(M::LABEL, field, End::Owner))),
        None => condition,
    };
    rows.then(Step::Filter(condition))
}

/// Those of the rows whose `field` refers to the field `to_field` of this row.
pub fn referring_by<M: Model, To: Model>(
    rows: QuerySet<M>,
    to: &To,
    field: &'static str,
    to_field: &str,
) -> QuerySet<M> {
    let definition = To::definition();
    let written = definition.fields.iter().filter(|field| field.is_written());
    let value = written.zip(to.to_values()).find(|(field, _)| field.name == to_field).map(|(_, value)| value);
    referring_to(rows, field, value.unwrap_or(Value::Null))
}

fn referring_to<M: Model>(rows: QuerySet<M>, field: &'static str, key: Value) -> QuerySet<M> {
    rows.then(Step::Filter(refers_to(field, key)))
}

fn refers_to(field: &'static str, key: Value) -> Node {
    Node::lookup(Node::Path(vec![field.into()]), Lookup::Exact, Node::value(key))
}
