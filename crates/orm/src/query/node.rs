//! The expression tree: what typed queries and Django's strings both become, and the SQL compiler reads.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::plan::Query;
use crate::field::Kind;
use crate::value::Value;

type Text = Cow<'static, str>;

/// An expression or condition over a query's model.
///
/// Names are resolved against the model's metadata when the query is compiled, so a tree can be built for a model that
/// is known only at run time.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Node {
    /// Names from the query's model on: relations, then a field, then transforms or JSON keys; or the name of an
    /// annotation (Django's `F`).
    Path(Vec<Text>),
    /// A path in the query around this one (Django's `OuterRef`).
    Outer(Vec<Text>),
    /// A value, always bound. `Some(kind)` where its type matters and its neighbours do not tell it.
    Value(Value, Option<Kind>),
    /// Several expressions, on the right of `in` and `range`.
    List(Vec<Node>),
    /// A comparison.
    Lookup {
        /// What is compared.
        left: Box<Node>,
        /// How; `None` if the last names of `left`, a path, say so as in Django's keyword arguments (`exact` if they
        /// don't).
        lookup: Option<Lookup>,
        /// What it is compared with.
        right: Box<Node>,
    },
    /// All of these; true if there are none.
    And(Vec<Node>),
    /// Any of these; false if there are none.
    Or(Vec<Node>),
    /// Not this (Django's `~Q`: rows where it is unknown count as not matching).
    Not(Box<Node>),
    /// Arithmetic.
    Binary(Operator, Box<Node>, Box<Node>),
    /// A function.
    Call(Function, Vec<Node>),
    /// A figure over the rows of a group.
    Aggregate(Box<Aggregate>),
    /// The first result whose condition holds, or else the default, or else null.
    Case {
        /// Conditions and results.
        whens: Vec<(Node, Node)>,
        /// The result where no condition holds.
        default: Option<Box<Node>>,
    },
    /// Whether a query has rows.
    Exists(Box<Query>),
    /// The only column of a query's first row.
    Subquery(Box<Query>),
    /// A value turned into another kind.
    Cast(Box<Node>, Kind),
}

/// A figure over the rows of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Which figure.
    pub function: AggregateFunction,
    /// Over what; `None` counts rows (`COUNT(*)`).
    pub argument: Option<Node>,
    /// Whether equal values count once.
    pub distinct: bool,
    /// The rows that count; all if `None`.
    pub filter: Option<Node>,
}

/// The figures that [`Aggregate`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named after the SQL functions")]
pub enum AggregateFunction {
    Count,
    Sum,
    Avg,
    Min,
    Max,
}

/// Arithmetic; durations may be added to and taken from dates and times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named after the operators")]
pub enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

/// The functions that queries can call, as `django.db.models.functions` has them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Function {
    /// The first that is not null.
    Coalesce,
    /// In lower case; on SQLite, ASCII letters only.
    Lower,
    /// In upper case; on SQLite, ASCII letters only.
    Upper,
    /// The number of characters.
    Length,
    /// One text after the other; null counts as empty.
    Concat,
    /// `Substr(text, position from 1, length)`; the length may be left out.
    Substr,
    /// The moment the statement (PostgreSQL) or its evaluation (SQLite) began.
    Now,
    /// A date or time cut down to the start of its year, month, …
    Trunc(Part),
    /// One number of a date or time.
    Extract(Part),
    /// The calendar day of a moment, in UTC.
    Date,
    /// The time of day of a moment, in UTC.
    Time,
    /// The greatest; null if any is null on SQLite, nulls passed over on PostgreSQL.
    Greatest,
    /// The least; null if any is null on SQLite, nulls passed over on PostgreSQL.
    Least,
    /// Without its sign.
    Abs,
    /// `Round(number, places)`; places may be left out.
    Round,
    /// Null if the two are equal, else the first.
    NullIf,
    /// The number of items of a JSON array, which a document or a way into one gives; null of anything else.
    JsonLength,
    /// What a way into a JSON document leads to, as a plain text, number or truth value instead of a document; JSON's
    /// null as null. On PostgreSQL it is a text, to be cast.
    JsonScalar,
    /// What a way into a JSON document leads to, as a document on either engine, where SQLite would give a text for a
    /// text.
    JsonDocument,
}

/// A part of a date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named after the parts")]
pub enum Part {
    Year,
    /// The year that the ISO 8601 week belongs to.
    IsoYear,
    Quarter,
    Month,
    /// The ISO 8601 week, from 1; as a truncation, its Monday.
    Week,
    Day,
    /// From 1, Sunday, to 7, Saturday (Django's `week_day`).
    WeekDay,
    /// From 1, Monday, to 7, Sunday (Django's `iso_week_day`).
    IsoWeekDay,
    Hour,
    Minute,
    Second,
}

impl Part {
    /// Django's name for the transform that extracts it.
    pub fn name(self) -> &'static str {
        match self {
            Part::Year => "year",
            Part::IsoYear => "iso_year",
            Part::Quarter => "quarter",
            Part::Month => "month",
            Part::Week => "week",
            Part::Day => "day",
            Part::WeekDay => "week_day",
            Part::IsoWeekDay => "iso_week_day",
            Part::Hour => "hour",
            Part::Minute => "minute",
            Part::Second => "second",
        }
    }
}

macro_rules! lookups {
    ($($variant:ident $name:literal $doc:literal,)*) => {
        /// A way to compare: Django's built-in lookups by their names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Lookup {
            $(#[doc = $doc] $variant,)*
        }

        impl Lookup {
            /// Every lookup.
            pub const ALL: &'static [Lookup] = &[$(Lookup::$variant),*];

            /// Django's name for it.
            pub fn name(self) -> &'static str {
                match self { $(Lookup::$variant => $name,)* }
            }
        }

        impl FromStr for Lookup {
            type Err = ();

            fn from_str(name: &str) -> Result<Self, ()> {
                match name { $($name => Ok(Lookup::$variant),)* _ => Err(()) }
            }
        }
    };
}

lookups! {
    Exact "exact" "Equal; with null, is null.",
    IExact "iexact" "Equal but for case.",
    Contains "contains" "Contains the text; for JSON, contains the document.",
    IContains "icontains" "Contains the text, whatever the case.",
    In "in" "One of the values, or of the rows of a query.",
    Gt "gt" "Greater.",
    Gte "gte" "Greater or equal.",
    Lt "lt" "Less.",
    Lte "lte" "Less or equal.",
    StartsWith "startswith" "Starts with the text.",
    IStartsWith "istartswith" "Starts with the text, whatever the case.",
    EndsWith "endswith" "Ends with the text.",
    IEndsWith "iendswith" "Ends with the text, whatever the case.",
    Range "range" "Between two values, both included.",
    IsNull "isnull" "Null, or not.",
    Regex "regex" "Matches the regular expression.",
    IRegex "iregex" "Matches the regular expression, whatever the case.",
    ContainedBy "contained_by" "The JSON document is contained in the value.",
    HasKey "has_key" "The JSON object has the key.",
    HasKeys "has_keys" "The JSON object has all the keys.",
    HasAnyKeys "has_any_keys" "The JSON object has one of the keys.",
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Node {
    /// A path in Django's notation, such as `author__name`.
    pub fn path(names: &str) -> Node {
        Node::Path(names.split("__").map(|name| Cow::Owned(name.to_owned())).collect())
    }

    /// A bound value.
    pub fn value(value: Value) -> Node {
        Node::Value(value, None)
    }

    /// A condition in Django's notation: `author__name__icontains` and a value.
    pub fn keyword(names: &str, right: Node) -> Node {
        Node::Lookup { left: Box::new(Node::path(names)), lookup: None, right: Box::new(right) }
    }

    /// A comparison.
    pub fn lookup(left: Node, lookup: Lookup, right: Node) -> Node {
        Node::Lookup { left: Box::new(left), lookup: Some(lookup), right: Box::new(right) }
    }

    /// Both; chains of `and` become one node.
    #[must_use]
    pub fn and(self, other: Node) -> Node {
        match (self, other) {
            (Node::And(mut all), Node::And(more)) => {
                all.extend(more);
                Node::And(all)
            }
            (Node::And(mut all), one) => {
                all.push(one);
                Node::And(all)
            }
            (one, other) => Node::And(vec![one, other]),
        }
    }

    /// Either; chains of `or` become one node.
    #[must_use]
    pub fn or(self, other: Node) -> Node {
        match (self, other) {
            (Node::Or(mut any), Node::Or(more)) => {
                any.extend(more);
                Node::Or(any)
            }
            (Node::Or(mut any), one) => {
                any.push(one);
                Node::Or(any)
            }
            (one, other) => Node::Or(vec![one, other]),
        }
    }

    /// Neither.
    #[must_use]
    pub fn negate(self) -> Node {
        Node::Not(Box::new(self))
    }
}
