//! Functions and figures for typed queries.

use std::fmt;
use std::marker::PhantomData;

use bigdecimal::BigDecimal;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{Expr, Nullability, Numeric, Operand, Path, Required, Textual};
use crate::field::{FieldType, SqlType};
use crate::model::Model;
use crate::query::{Aggregate, AggregateFunction, Function, Lookup, Node, QuerySet, Values};
use crate::value::Value;

fn call<R, T>(function: Function, arguments: Vec<Node>) -> Expr<R, T> {
    Expr::from_node(Node::Call(function, arguments))
}

/// A condition in Django's notation, checked when the query is compiled: `q("author__name__icontains", "ada")`.
///
/// It mixes freely with typed conditions: `filter(|p| q("author__name", "Ada") | p.title().eq("Nuages"))`.
pub fn q<R>(keyword: &str, value: impl Into<Literal>) -> Expr<R, bool> {
    Expr::from_node(Node::keyword(keyword, value.into().0))
}

/// A value for [`q`]: anything that stands in a column, an array of such, or a [`Node`].
#[derive(Debug, Clone)]
pub struct Literal(Node);

impl<T: FieldType> From<T> for Literal {
    fn from(value: T) -> Self {
        Literal(Node::value(value.to_value()))
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Literal(Node::value(Value::Text(text.to_owned())))
    }
}

impl<T: FieldType, const N: usize> From<[T; N]> for Literal {
    fn from(values: [T; N]) -> Self {
        Literal(Node::List(values.iter().map(|value| Node::value(value.to_value())).collect()))
    }
}

impl From<Node> for Literal {
    fn from(node: Node) -> Self {
        Literal(node)
    }
}

/// A constant, where an expression is expected.
pub fn value<R, T: FieldType>(value: T) -> Expr<R, T> {
    Expr::from_node(Node::Value(value.to_value(), Some(T::KIND)))
}

/// The first that is not null; chain it for more than two.
pub fn coalesce<R, A, B>(first: Expr<R, A>, second: B) -> Expr<R, <B::Null as Nullability>::Of<A::Base>>
where
    A: SqlType,
    B: Operand<R, A::Base>,
{
    call(Function::Coalesce, vec![first.into_node(), second.into_node()])
}

/// In lower case (on SQLite, ASCII letters only).
pub fn lower<R, T: SqlType<Base: Textual>>(text: Expr<R, T>) -> Expr<R, <T::Null as Nullability>::Of<String>> {
    call(Function::Lower, vec![text.into_node()])
}

/// In upper case (on SQLite, ASCII letters only).
pub fn upper<R, T: SqlType<Base: Textual>>(text: Expr<R, T>) -> Expr<R, <T::Null as Nullability>::Of<String>> {
    call(Function::Upper, vec![text.into_node()])
}

/// The number of characters.
pub fn length<R, T: SqlType<Base: Textual>>(text: Expr<R, T>) -> Expr<R, <T::Null as Nullability>::Of<i32>> {
    call(Function::Length, vec![text.into_node()])
}

/// One text after the other; null counts as empty, as in Django.
pub fn concat<R>(first: impl Operand<R, String>, second: impl Operand<R, String>) -> Expr<R, String> {
    call(Function::Concat, vec![typed::<String>(first.into_node()), typed::<String>(second.into_node())])
}

/// Says of a bare value what kind it is.
fn typed<T: FieldType>(node: Node) -> Node {
    match node {
        Node::Value(value, None) => Node::Value(value, Some(T::KIND)),
        other => other,
    }
}

/// Characters from `start` (1 is the first) on, at most `length` of them.
pub fn substr<R, T: SqlType<Base: Textual>>(
    text: Expr<R, T>,
    start: u32,
    length: Option<u32>,
) -> Expr<R, <T::Null as Nullability>::Of<String>> {
    let number = |n: u32| Node::value(Value::Int(n.into()));
    let mut arguments = vec![text.into_node(), number(start)];
    arguments.extend(length.map(number));
    call(Function::Substr, arguments)
}

/// The moment the statement began.
pub fn now<R>() -> Expr<R, Timestamp> {
    call(Function::Now, Vec::new())
}

/// The greater; of a null, null on SQLite and the other on PostgreSQL, as in Django.
pub fn greatest<R, T: SqlType>(first: Expr<R, T>, second: impl Operand<R, T::Base>) -> Expr<R, Option<T::Base>> {
    call(Function::Greatest, vec![first.into_node(), second.into_node()])
}

/// The lesser; of a null, null on SQLite and the other on PostgreSQL, as in Django.
pub fn least<R, T: SqlType>(first: Expr<R, T>, second: impl Operand<R, T::Base>) -> Expr<R, Option<T::Base>> {
    call(Function::Least, vec![first.into_node(), second.into_node()])
}

/// Without its sign.
pub fn abs<R, T: SqlType<Base: Numeric>>(number: Expr<R, T>) -> Expr<R, T> {
    call(Function::Abs, vec![number.into_node()])
}

/// To this many places after the point.
pub fn round<R, T: SqlType<Base: Numeric>>(number: Expr<R, T>, places: i32) -> Expr<R, T> {
    call(Function::Round, vec![number.into_node(), Node::value(Value::Int(places.into()))])
}

/// Null if the two are equal, else the first.
pub fn nullif<R, T: SqlType>(first: Expr<R, T>, second: impl Operand<R, T::Base>) -> Expr<R, Option<T::Base>> {
    call(Function::NullIf, vec![first.into_node(), second.into_node()])
}

/// Turned into another type by the database.
pub fn cast<To: FieldType, R, T: SqlType>(from: Expr<R, T>) -> Expr<R, <T::Null as Nullability>::Of<To>> {
    Expr::from_node(Node::Cast(Box::new(from.into_node()), To::KIND))
}

/// Types of which there are sums and averages.
pub trait Aggregation: Numeric {
    /// The type of the average.
    type Average: FieldType;
}

macro_rules! averages {
    ($($type:ty => $average:ty),*) => { $(impl Aggregation for $type { type Average = $average; })* };
}

averages!(i16 => f64, i32 => f64, i64 => f64, u16 => f64, u32 => f64, u64 => f64, f64 => f64);
averages!(Decimal => Decimal, BigDecimal => BigDecimal, SignedDuration => SignedDuration);

fn aggregate<R, T>(function: AggregateFunction, argument: Option<Node>) -> Expr<R, T> {
    Expr::from_node(Node::Aggregate(Box::new(Aggregate { function, argument, distinct: false, filter: None })))
}

/// The number of rows in which the expression is not null.
pub fn count<R, T: SqlType>(of: Expr<R, T>) -> Expr<R, i64> {
    aggregate(AggregateFunction::Count, Some(of.into_node()))
}

/// The number of rows.
pub fn count_rows<R>() -> Expr<R, i64> {
    aggregate(AggregateFunction::Count, None)
}

/// The sum; null over no rows.
pub fn sum<R, T: SqlType<Base: Aggregation>>(of: Expr<R, T>) -> Expr<R, Option<T::Base>> {
    aggregate(AggregateFunction::Sum, Some(of.into_node()))
}

/// The average; null over no rows.
pub fn avg<R, T: SqlType<Base: Aggregation>>(of: Expr<R, T>) -> Expr<R, Option<<T::Base as Aggregation>::Average>> {
    aggregate(AggregateFunction::Avg, Some(of.into_node()))
}

/// The least; null over no rows.
pub fn min<R, T: SqlType>(of: Expr<R, T>) -> Expr<R, Option<T::Base>> {
    aggregate(AggregateFunction::Min, Some(of.into_node()))
}

/// The greatest; null over no rows.
pub fn max<R, T: SqlType>(of: Expr<R, T>) -> Expr<R, Option<T::Base>> {
    aggregate(AggregateFunction::Max, Some(of.into_node()))
}

impl<R, T: SqlType> Expr<R, T> {
    /// Of an aggregate: equal values count once. Changes nothing else.
    #[must_use]
    pub fn distinct(self) -> Self {
        self.with_aggregate(|aggregate| aggregate.distinct = true)
    }

    /// Of an aggregate: only rows for which the condition holds count. Changes nothing else.
    #[must_use]
    pub fn filter(self, condition: Expr<R, bool>) -> Self {
        self.with_aggregate(|aggregate| aggregate.filter = Some(condition.into_node()))
    }

    fn with_aggregate(self, change: impl FnOnce(&mut Aggregate)) -> Self {
        let mut node = self.into_node();
        if let Node::Aggregate(aggregate) = &mut node {
            change(aggregate);
        }
        Expr::from_node(node)
    }

    /// One of the rows of a query of one column.
    pub fn in_query<M: Model, S: SqlType<Base = T::Base>>(self, query: Values<M, S>) -> Expr<R, bool> {
        Expr::from_node(Node::lookup(self.into_node(), Lookup::In, Node::Subquery(Box::new(query.into_query()))))
    }
}

/// The conditions and results of a `CASE`, waiting for the result where none holds.
pub struct When<R, T> {
    whens: Vec<(Node, Node)>,
    of: PhantomData<fn() -> (R, T)>,
}

impl<R, T> fmt::Debug for When<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.whens).finish()
    }
}

/// Starts a `CASE`: `when(p.stock().eq(0), "sold out").otherwise("in stock")`.
pub fn when<R, V: Natural<R>>(condition: Expr<R, bool>, then: V) -> When<R, V::Base> {
    When { whens: vec![(condition.into_node(), typed::<V::Base>(then.into_node()))], of: PhantomData }
}

/// A value or expression that says by itself what type it is of: `&str` is text, all else what it is.
pub trait Natural<R> {
    /// The type, without its `Option`.
    type Base: FieldType;

    /// The expression without its type.
    fn into_node(self) -> Node;
}

impl<R, T: FieldType> Natural<R> for T {
    type Base = T;

    fn into_node(self) -> Node {
        Node::value(self.to_value())
    }
}

impl<R> Natural<R> for &str {
    type Base = String;

    fn into_node(self) -> Node {
        Node::value(Value::Text(self.to_owned()))
    }
}

impl<R, S: SqlType> Natural<R> for Expr<R, S> {
    type Base = S::Base;

    fn into_node(self) -> Node {
        Expr::into_node(self)
    }
}

impl<R, T: FieldType> When<R, T> {
    /// A further condition, looked at where those before do not hold.
    #[must_use]
    pub fn when(mut self, condition: Expr<R, bool>, then: impl Operand<R, T>) -> Self {
        self.whens.push((condition.into_node(), typed::<T>(then.into_node())));
        self
    }

    /// The result where no condition holds.
    pub fn otherwise<V: Operand<R, T>>(self, default: V) -> Expr<R, <V::Null as Nullability>::Of<T>> {
        let default = Some(Box::new(typed::<T>(default.into_node())));
        Expr::from_node(Node::Case { whens: self.whens, default })
    }

    /// Null where no condition holds.
    pub fn end(self) -> Expr<R, Option<T>> {
        Expr::from_node(Node::Case { whens: self.whens, default: None })
    }
}

/// The fields of the row around a subquery (Django's `OuterRef`): `outer::<Author, _>()` inside the closures of the
/// query given to [`exists`] or [`subquery`].
pub fn outer<M: Model, Inner: 'static>() -> M::Fields<Inner, Required> {
    Path::<Inner, Required>::outer_root().into()
}

/// Whether the query has rows; inside it, [`outer`] stands for the row around.
pub fn exists<R, M: Model>(query: QuerySet<M>) -> Expr<R, bool> {
    Expr::from_node(Node::Exists(Box::new(query.into_query())))
}

/// The first row of a query of one column, or null if it has none.
pub fn subquery<R, M: Model, T: SqlType>(query: Values<M, T>) -> Expr<R, Option<T::Base>> {
    Expr::from_node(Node::Subquery(Box::new(query.into_query())))
}
