//! Operators on typed expressions, and what expressions are gathered into.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Rem, Sub};

use bigdecimal::BigDecimal;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Expr, Member, Nullability, Operand};
use crate::error::Result;
use crate::field::{FieldType, Json, SqlType};
use crate::model::OrderBy;
use crate::query::{Function, Lookup, Node, Operator, Part};
use crate::row::Row;
use crate::value::Value;

/// Types that hold text.
#[diagnostic::on_unimplemented(message = "`{Self}` is no text", label = "this lookup is for text fields")]
pub trait Textual: FieldType {}

impl Textual for String {}

/// Types to calculate with.
#[diagnostic::on_unimplemented(message = "cannot calculate with `{Self}`", label = "not a number or duration")]
pub trait Numeric: FieldType {}

/// Types with a date, a time of day, or both.
#[diagnostic::on_unimplemented(message = "`{Self}` has no date or time", label = "not a date or time field")]
pub trait Temporal: FieldType {
    /// What it is once it is moved by a length of time: a day becomes a moment, as in SQL.
    type Moved: FieldType;
}

macro_rules! mark {
    ($trait:ident: $($type:ty),*) => { $(impl $trait for $type {})* };
}

mark!(Numeric: i16, i32, i64, u16, u32, u64, f64, Decimal, BigDecimal, SignedDuration);

impl Temporal for Date {
    type Moved = Timestamp;
}

impl Temporal for Time {
    type Moved = Time;
}

impl Temporal for Timestamp {
    type Moved = Timestamp;
}

macro_rules! text_lookups {
    ($($(#[$doc:meta])* $name:ident $lookup:ident;)*) => {
        impl<R, T: SqlType<Base: Textual>> Expr<R, T> {
            $($(#[$doc])*
            pub fn $name(self, text: impl Operand<R, String>) -> Expr<R, bool> {
                self.compare(Lookup::$lookup, text.into_node())
            })*
        }
    };
}

text_lookups! {
    /// Equal but for case.
    iexact IExact;
    /// Contains the text. On SQLite, ASCII letters match in either case, as in Django.
    contains Contains;
    /// Contains the text, whatever the case.
    icontains IContains;
    /// Starts with the text.
    starts_with StartsWith;
    /// Starts with the text, whatever the case.
    istarts_with IStartsWith;
    /// Ends with the text.
    ends_with EndsWith;
    /// Ends with the text, whatever the case.
    iends_with IEndsWith;
    /// Matches the regular expression (the engine's dialect of it).
    regex Regex;
    /// Matches the regular expression, whatever the case.
    iregex IRegex;
}

macro_rules! parts {
    ($($(#[$doc:meta])* $name:ident $part:ident;)*) => {
        impl<R, T: SqlType<Base: Temporal>> Expr<R, T> {
            $($(#[$doc])*
            pub fn $name(self) -> Expr<R, <T::Null as Nullability>::Of<i32>> {
                Expr::from_node(extract(self.into_node(), Part::$part))
            })*
        }
    };
}

parts! {
    /// The year.
    year Year;
    /// The year that the ISO 8601 week belongs to.
    iso_year IsoYear;
    /// The quarter, from 1.
    quarter Quarter;
    /// The month, from 1.
    month Month;
    /// The ISO 8601 week, from 1.
    week Week;
    /// The day of the month, from 1.
    day Day;
    /// The day of the week, from 1, Sunday, to 7, Saturday.
    week_day WeekDay;
    /// The day of the week, from 1, Monday, to 7, Sunday.
    iso_week_day IsoWeekDay;
    /// The hour.
    hour Hour;
    /// The minute.
    minute Minute;
    /// The second.
    second Second;
}

/// On a path, the transform by name as in Django, so that `year().eq(…)` becomes a range that an index serves.
fn extract(node: Node, part: Part) -> Node {
    match node {
        path @ (Node::Path(_) | Node::Outer(_)) => push_name(path, Cow::Borrowed(part.name())),
        other => Node::Call(Function::Extract(part), vec![other]),
    }
}

pub(super) fn push_name(node: Node, name: Cow<'static, str>) -> Node {
    match node {
        Node::Path(mut names) => {
            names.push(name);
            Node::Path(names)
        }
        Node::Outer(mut names) => {
            names.push(name);
            Node::Outer(names)
        }
        other => other,
    }
}

impl<R, T: SqlType<Base: Temporal>> Expr<R, T> {
    /// Cut down to the start of its year, month, …
    #[must_use]
    pub fn trunc(self, part: Part) -> Expr<R, T> {
        Expr::from_node(Node::Call(Function::Trunc(part), vec![self.into_node()]))
    }

    /// Later by a length of time. A day becomes a moment; on SQLite, as in Django, only whole days count then.
    pub fn plus<V: Operand<R, SignedDuration>>(self, by: V) -> Expr<R, Moved<T, V::Null>> {
        Expr::from_node(binary(self.into_node(), Operator::Add, by.into_node()))
    }

    /// Earlier by a length of time. A day becomes a moment; on SQLite, as in Django, only whole days count then.
    pub fn minus<V: Operand<R, SignedDuration>>(self, by: V) -> Expr<R, Moved<T, V::Null>> {
        Expr::from_node(binary(self.into_node(), Operator::Sub, by.into_node()))
    }

    /// The length of time since another moment of the same type.
    pub fn since<V: Operand<R, T::Base>>(self, other: V) -> Expr<R, Lasting<T, V::Null>> {
        Expr::from_node(binary(self.into_node(), Operator::Sub, other.into_node()))
    }
}

impl<R, T: SqlType<Base = Timestamp>> Expr<R, T> {
    /// The calendar day, in UTC.
    pub fn date(self) -> Expr<R, <T::Null as Nullability>::Of<Date>> {
        Expr::from_node(Node::Call(Function::Date, vec![self.into_node()]))
    }

    /// The time of day, in UTC.
    pub fn time(self) -> Expr<R, <T::Null as Nullability>::Of<Time>> {
        Expr::from_node(Node::Call(Function::Time, vec![self.into_node()]))
    }
}

impl<R, D: Serialize + DeserializeOwned + Send + Sync + 'static, T: SqlType<Base = Json<D>>> Expr<R, T> {
    /// The value of an object's key, even if the key looks like a number.
    pub fn key(self, name: impl Into<Cow<'static, str>>) -> Member<R, serde_json::Value>
    where
        R: 'static,
    {
        Member::named(&self, name)
    }

    /// The item at an array's place, from 0; from the end, -1 being the last, if negative.
    pub fn index(self, place: i32) -> Member<R, serde_json::Value>
    where
        R: 'static,
    {
        Member::numbered(&self, place)
    }

    /// Whether the object has the key.
    pub fn has_key(self, name: impl Into<String>) -> Expr<R, bool> {
        self.compare(Lookup::HasKey, Node::value(Value::Text(name.into())))
    }

    /// Whether the document contains the other (PostgreSQL's `@>`, on either engine).
    pub fn contains_json(self, other: serde_json::Value) -> Expr<R, bool> {
        self.compare(Lookup::Contains, Node::value(Value::Json(other)))
    }

    /// Whether the document is contained in the other (PostgreSQL's `<@`, on either engine).
    pub fn contained_by(self, other: serde_json::Value) -> Expr<R, bool> {
        self.compare(Lookup::ContainedBy, Node::value(Value::Json(other)))
    }
}

impl<R> BitAnd for Expr<R, bool> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Expr::from_node(self.into_node().and(other.into_node()))
    }
}

impl<R> BitOr for Expr<R, bool> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Expr::from_node(self.into_node().or(other.into_node()))
    }
}

impl<R> Not for Expr<R, bool> {
    type Output = Self;

    fn not(self) -> Self {
        Expr::from_node(self.into_node().negate())
    }
}

/// The type of a length of time between `T` and something that may be null like `N`.
type Lasting<T, N> = <<<T as SqlType>::Null as Nullability>::Or<N> as Nullability>::Of<SignedDuration>;

/// A date or time that was moved by a length of time; nullable if either is.
type Moved<T, N> =
    <<<T as SqlType>::Null as Nullability>::Or<N> as Nullability>::Of<<<T as SqlType>::Base as Temporal>::Moved>;

/// The type of arithmetic on `T` and something that may be null like `N`.
type Joint<T, N> = <<<T as SqlType>::Null as Nullability>::Or<N> as Nullability>::Of<<T as SqlType>::Base>;

fn binary(left: Node, operator: Operator, right: Node) -> Node {
    Node::Binary(operator, Box::new(left), Box::new(right))
}

macro_rules! arithmetic {
    ($($trait:ident $method:ident $operator:ident;)*) => {$(
        impl<R, T: SqlType<Base: Numeric>, V: Operand<R, T::Base>> $trait<V> for Expr<R, T> {
            type Output = Expr<R, Joint<T, V::Null>>;

            fn $method(self, other: V) -> Self::Output {
                Expr::from_node(binary(self.into_node(), Operator::$operator, other.into_node()))
            }
        }
    )*};
}

arithmetic! {
    Add add Add;
    Sub sub Sub;
    Mul mul Mul;
    Div div Div;
    Rem rem Mod;
}

/// One step of an ordering over rows of `R`.
pub struct Order<R> {
    step: OrderBy,
    of: PhantomData<fn() -> R>,
}

impl<R> Order<R> {
    pub(super) fn new(expression: Node, descending: bool) -> Self {
        Order { step: OrderBy { expression, descending, nulls_first: None }, of: PhantomData }
    }

    pub(crate) fn into_step(self) -> OrderBy {
        self.step
    }

    /// Nulls before all values.
    #[must_use]
    pub fn nulls_first(mut self) -> Self {
        self.step.nulls_first = Some(true);
        self
    }

    /// Nulls after all values.
    #[must_use]
    pub fn nulls_last(mut self) -> Self {
        self.step.nulls_first = Some(false);
        self
    }
}

impl<R> fmt::Debug for Order<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.step.fmt(f)
    }
}

/// One or several steps of an ordering: an expression stands for itself, least first; `()` for no order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no ordering of this model",
    label = "expected `.asc()`, `.desc()`, an expression, or a tuple of them"
)]
pub trait Orders<R> {
    /// The steps.
    fn into_steps(self) -> Vec<OrderBy>;
}

impl<R> Orders<R> for Order<R> {
    fn into_steps(self) -> Vec<OrderBy> {
        vec![self.step]
    }
}

impl<R, T: SqlType> Orders<R> for Expr<R, T> {
    fn into_steps(self) -> Vec<OrderBy> {
        vec![OrderBy::asc(self.into_node())]
    }
}

impl<R> Orders<R> for () {
    fn into_steps(self) -> Vec<OrderBy> {
        Vec::new()
    }
}

/// One field to set in `update`.
pub struct Assign<R> {
    field: Node,
    to: Node,
    of: PhantomData<fn() -> R>,
}

impl<R> Assign<R> {
    pub(super) fn new(field: Node, to: Node) -> Self {
        Assign { field, to, of: PhantomData }
    }
}

impl<R> fmt::Debug for Assign<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} = {:?}", self.field, self.to)
    }
}

/// One or several fields to set in `update`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` sets no field of this model",
    label = "expected `.set(…)`, or a tuple of them"
)]
pub trait Assignments<R> {
    /// The fields and what they are set to.
    fn into_pairs(self) -> Vec<(Node, Node)>;
}

impl<R> Assignments<R> for Assign<R> {
    fn into_pairs(self) -> Vec<(Node, Node)> {
        vec![(self.field, self.to)]
    }
}

/// The columns of a row: an expression, or a tuple of selections.
#[diagnostic::on_unimplemented(
    message = "`{Self}` selects no columns of this model",
    label = "expected an expression, or a tuple of them"
)]
pub trait Selection<R> {
    /// What a row becomes.
    type Row: Send + 'static;

    /// The expressions, in the order of the columns.
    fn into_nodes(self) -> Vec<Node>;

    /// Reads the next columns of a row.
    fn read(row: &mut Row<'_>) -> Result<Self::Row>;
}

impl<R, T: SqlType> Selection<R> for Expr<R, T> {
    type Row = T;

    fn into_nodes(self) -> Vec<Node> {
        vec![self.into_node()]
    }

    fn read(row: &mut Row<'_>) -> Result<T> {
        row.read("value")
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<R, $($name: Orders<R>),+> Orders<R> for ($($name,)+) {
            fn into_steps(self) -> Vec<OrderBy> {
                #[expect(non_snake_case, reason = "the type parameters' names serve the values")]
                let ($($name,)+) = self;
                let mut steps = Vec::new();
                $(steps.extend($name.into_steps());)+
                steps
            }
        }

        #[diagnostic::do_not_recommend]
        impl<R, $($name: Assignments<R>),+> Assignments<R> for ($($name,)+) {
            fn into_pairs(self) -> Vec<(Node, Node)> {
                #[expect(non_snake_case, reason = "the type parameters' names serve the values")]
                let ($($name,)+) = self;
                let mut pairs = Vec::new();
                $(pairs.extend($name.into_pairs());)+
                pairs
            }
        }

        #[diagnostic::do_not_recommend]
        impl<R, $($name: Selection<R>),+> Selection<R> for ($($name,)+) {
            type Row = ($($name::Row,)+);

            fn into_nodes(self) -> Vec<Node> {
                #[expect(non_snake_case, reason = "the type parameters' names serve the values")]
                let ($($name,)+) = self;
                let mut nodes = Vec::new();
                $(nodes.extend($name.into_nodes());)+
                nodes
            }

            fn read(row: &mut Row<'_>) -> Result<Self::Row> {
                Ok(($($name::read(row)?,)+))
            }
        }
    )*};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
}
