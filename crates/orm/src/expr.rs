//! Typed expressions: what the closures of typed queries are given and give back.

mod document;
mod functions;
mod operators;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use smallvec::SmallVec;

pub use document::{
    Anything, Bare, Document, Flat, ListPaths, MapPaths, Member, MemberOperand, OpaquePaths, Place, Scalar, ScalarPaths,
};
pub use functions::{
    Aggregation, Literal, Natural, When, abs, avg, cast, coalesce, concat, count, count_rows, exists, greatest, least,
    length, lower, max, min, now, nullif, outer, q, round, subquery, substr, sum, upper, value, when,
};
pub use operators::{Assign, Assignments, Numeric, Order, Orders, Selection, Temporal, Textual};

use crate::error::Result;
use crate::field::{FieldType, SqlType};
use crate::model::Model;
use crate::query::{Lookup, Node};
use crate::relation;
use crate::row::Row;
use crate::value::Value;

/// Whether an expression may be null: [`Required`] or [`Nullable`].
pub trait Nullability: Send + Sync + 'static {
    /// `T` itself, or `Option<T>`.
    type Of<T: FieldType>: SqlType<Base = T>;
    /// [`Nullable`] if either is.
    type Or<N: Nullability>: Nullability;
    /// A row of `M` itself, or an `Option` of one.
    type Row<M: Model>: Send + 'static;

    /// Reads the next columns as a row of `M`; where there may be none, its key says so by being null.
    fn read_row<M: Model>(row: &mut Row<'_>) -> Result<Self::Row<M>>;
}

/// Never null.
#[derive(Debug, Clone, Copy)]
pub enum Required {}

/// May be null: a nullable column, or any column beyond a relation that may end in nothing.
#[derive(Debug, Clone, Copy)]
pub enum Nullable {}

impl Nullability for Required {
    type Of<T: FieldType> = T;
    type Or<N: Nullability> = N;
    type Row<M: Model> = M;

    fn read_row<M: Model>(row: &mut Row<'_>) -> Result<M> {
        relation::read_row(row, &[])
    }
}

impl Nullability for Nullable {
    type Of<T: FieldType> = Option<T>;
    type Or<N: Nullability> = Nullable;
    type Row<M: Model> = Option<M>;

    fn read_row<M: Model>(row: &mut Row<'_>) -> Result<Option<M>> {
        relation::read_maybe(row)
    }
}

/// An expression of Rust type `T` over rows of the model `R`.
///
/// `T` is an `Option` where the expression may be null. A [`FieldType`] of another model, a value of another type and a
/// lookup that the type does not have are refused by the compiler.
pub struct Expr<R, T> {
    node: Node,
    of: PhantomData<fn() -> (R, T)>,
}

impl<R, T> Clone for Expr<R, T> {
    fn clone(&self) -> Self {
        Expr::from_node(self.node.clone())
    }
}

impl<R, T> fmt::Debug for Expr<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

impl<R, T> Expr<R, T> {
    /// Takes the type on trust; for field types and functions of your own.
    pub fn from_node(node: Node) -> Self {
        Expr { node, of: PhantomData }
    }

    /// The expression without its type.
    pub fn into_node(self) -> Node {
        self.node
    }
}

/// What may stand beside an expression of base type `T`: a value of that type, or an expression of it, null or not.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be compared with a field of type `{T}`",
    label = "expected a `{T}`, or an expression of that type over the same model",
    note = "for null, use `.is_null()`; for a field of the query around this one, `outer`"
)]
pub trait Operand<R, T> {
    /// Whether it may be null.
    type Null: Nullability;

    /// The expression without its type.
    fn into_node(self) -> Node;
}

#[diagnostic::do_not_recommend]
impl<R, T: FieldType> Operand<R, T> for T {
    type Null = Required;

    fn into_node(self) -> Node {
        Node::value(self.to_value())
    }
}

#[diagnostic::do_not_recommend]
impl<R, T: FieldType> Operand<R, T> for &T {
    type Null = Required;

    fn into_node(self) -> Node {
        Node::value(self.to_value())
    }
}

#[diagnostic::do_not_recommend]
impl<R> Operand<R, String> for &str {
    type Null = Required;

    fn into_node(self) -> Node {
        Node::value(Value::Text(self.to_owned()))
    }
}

#[diagnostic::do_not_recommend]
impl<R, S: SqlType> Operand<R, S::Base> for Expr<R, S> {
    type Null = S::Null;

    fn into_node(self) -> Node {
        self.node
    }
}

/// Several values, or a query's rows, on the right of `in_`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of `{T}`",
    label = "expected a slice, array, `Vec` or iterator of `{T}`, or a query of one column"
)]
pub trait Operands<R, T> {
    /// The list without its type.
    fn into_list(self) -> Node;
}

#[diagnostic::do_not_recommend]
impl<R, T, V: Operand<R, T>> Operands<R, T> for Vec<V> {
    fn into_list(self) -> Node {
        Node::List(self.into_iter().map(V::into_node).collect())
    }
}

#[diagnostic::do_not_recommend]
impl<R, T, V: Operand<R, T>, const N: usize> Operands<R, T> for [V; N] {
    fn into_list(self) -> Node {
        Node::List(self.into_iter().map(V::into_node).collect())
    }
}

#[diagnostic::do_not_recommend]
impl<'a, R, T, V> Operands<R, T> for &'a [V]
where
    &'a V: Operand<R, T>,
{
    fn into_list(self) -> Node {
        Node::List(self.iter().map(<&V as Operand<R, T>>::into_node).collect())
    }
}

#[diagnostic::do_not_recommend]
impl<'a, R, T, V> Operands<R, T> for &'a Vec<V>
where
    &'a V: Operand<R, T>,
{
    fn into_list(self) -> Node {
        self.as_slice().into_list()
    }
}

/// The way from the query's model `R` to a set of fields: relations by name, and whether it may end in nothing.
pub struct Path<R, N = Required> {
    names: SmallVec<[Cow<'static, str>; 2]>,
    outer: bool,
    of: PhantomData<fn() -> (R, N)>,
}

impl<R, N> fmt::Debug for Path<R, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join("__"))
    }
}

impl<R, N> Clone for Path<R, N> {
    fn clone(&self) -> Self {
        Path { names: self.names.clone(), outer: self.outer, of: PhantomData }
    }
}

impl<R> Path<R, Required> {
    /// Where the query starts.
    pub fn root() -> Self {
        Path { names: SmallVec::new(), outer: false, of: PhantomData }
    }

    /// The root of the query around this one.
    pub(crate) fn outer_root() -> Self {
        Path { names: SmallVec::new(), outer: true, of: PhantomData }
    }
}

impl<R, N: Nullability> Path<R, N> {
    /// A field that may not be null itself.
    pub fn field<T: FieldType>(&self, name: &'static str) -> Expr<R, N::Of<T>> {
        Expr::from_node(self.column(Cow::Borrowed(name)))
    }

    /// A field that may be null.
    pub fn nullable_field<T: FieldType>(&self, name: &'static str) -> Expr<R, Option<T>> {
        Expr::from_node(self.column(Cow::Borrowed(name)))
    }

    /// The fields of the row that a key refers to, which is always there if this one is.
    pub fn one<M: Model>(&self, name: &'static str) -> M::Fields<R, N>
    where
        R: 'static,
    {
        self.join::<N>(name).into()
    }

    /// The fields of the row that a key refers to, which may be missing.
    pub fn maybe<M: Model>(&self, name: &'static str) -> M::Fields<R, Nullable>
    where
        R: 'static,
    {
        self.join::<Nullable>(name).into()
    }

    /// The fields of any number of rows.
    pub fn many<M: Model>(&self, name: &'static str) -> Many<M, R>
    where
        R: 'static,
    {
        Many { fields: self.join::<Nullable>(name).into() }
    }

    /// The relations' names from the query's model on.
    pub fn names(&self) -> &[Cow<'static, str>] {
        &self.names
    }

    fn join<M>(&self, name: &'static str) -> Path<R, M> {
        let mut names = self.names.clone();
        names.push(Cow::Borrowed(name));
        Path { names, outer: self.outer, of: PhantomData }
    }

    /// A field at the path's end.
    pub(crate) fn column(&self, name: Cow<'static, str>) -> Node {
        let mut names = Vec::with_capacity(self.names.len() + 1);
        names.extend_from_slice(&self.names);
        names.push(name);
        if self.outer { Node::Outer(names) } else { Node::Path(names) }
    }
}

/// The fields of a relation's rows, of which there may be many: [`prefetch`](crate::QuerySet::prefetch) takes it, and
/// the fields are had through `Deref`.
pub struct Many<M: Model, R: 'static> {
    fields: M::Fields<R, Nullable>,
}

impl<M: Model, R: 'static> Deref for Many<M, R> {
    type Target = M::Fields<R, Nullable>;

    fn deref(&self) -> &Self::Target {
        &self.fields
    }
}

impl<M: Model, R: 'static> fmt::Debug for Many<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.as_ref().fmt(f)
    }
}

impl<R, T: SqlType> Expr<R, T> {
    fn compare(self, lookup: Lookup, right: Node) -> Expr<R, bool> {
        Expr::from_node(Node::lookup(self.node, lookup, right))
    }

    /// Equal.
    pub fn eq(self, other: impl Operand<R, T::Base>) -> Expr<R, bool> {
        self.compare(Lookup::Exact, other.into_node())
    }

    /// Not equal, or null: what `exclude` would keep (Django's `~Q(field=…)`).
    pub fn ne(self, other: impl Operand<R, T::Base>) -> Expr<R, bool> {
        !self.eq(other)
    }

    /// Greater.
    pub fn gt(self, other: impl Operand<R, T::Base>) -> Expr<R, bool> {
        self.compare(Lookup::Gt, other.into_node())
    }

    /// Greater or equal.
    pub fn gte(self, other: impl Operand<R, T::Base>) -> Expr<R, bool> {
        self.compare(Lookup::Gte, other.into_node())
    }

    /// Less.
    pub fn lt(self, other: impl Operand<R, T::Base>) -> Expr<R, bool> {
        self.compare(Lookup::Lt, other.into_node())
    }

    /// Less or equal.
    pub fn lte(self, other: impl Operand<R, T::Base>) -> Expr<R, bool> {
        self.compare(Lookup::Lte, other.into_node())
    }

    /// Between the two, both included.
    pub fn range(self, from: impl Operand<R, T::Base>, to: impl Operand<R, T::Base>) -> Expr<R, bool> {
        self.compare(Lookup::Range, Node::List(vec![from.into_node(), to.into_node()]))
    }

    /// One of the values; of none, never.
    pub fn in_(self, others: impl Operands<R, T::Base>) -> Expr<R, bool> {
        self.compare(Lookup::In, others.into_list())
    }

    /// Null.
    pub fn is_null(self) -> Expr<R, bool> {
        self.compare(Lookup::IsNull, Node::value(Value::Bool(true)))
    }

    /// Not null.
    pub fn is_not_null(self) -> Expr<R, bool> {
        self.compare(Lookup::IsNull, Node::value(Value::Bool(false)))
    }

    /// Least first.
    pub fn asc(self) -> Order<R> {
        Order::new(self.node, false)
    }

    /// Greatest first.
    pub fn desc(self) -> Order<R> {
        Order::new(self.node, true)
    }

    /// Sets the field of the rows that `update` finds.
    pub fn set(self, to: impl Operand<R, T::Base>) -> Assign<R> {
        Assign::new(self.node, to.into_node())
    }
}

impl<R, T: FieldType> Expr<R, Option<T>> {
    /// Sets the field of the rows that `update` finds to null.
    pub fn set_null(self) -> Assign<R> {
        Assign::new(self.node, Node::value(Value::Null))
    }
}
