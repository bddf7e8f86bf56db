//! Ways into JSON documents whose type is known.

mod forms;
mod list;
mod map;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use forms::{Bare, OpaquePaths, Scalar, ScalarPaths};
pub use list::ListPaths;
pub use map::MapPaths;
pub use serde_json::Value as Anything;

use super::{Expr, Order, Orders, Selection};
use crate::error::Result;
use crate::field::{FieldType, Json};
use crate::model::OrderBy;
use crate::query::{Function, Lookup, Node};
use crate::row::Row;
use crate::sql::member_name;
use crate::value::Value;

/// A type of JSON documents, or of what stands in one, whose members queries know by name.
///
/// `#[derive(Document)]` implements it for structs and enums that serde reads and writes; lists, maps and plain values
/// have it. Where a model has a `Json<T>` of such a type, `post.meta().author().name()` is a [`Member`], the typed form of
/// Django's `meta__author__name`.
#[diagnostic::on_unimplemented(
    message = "nothing is known of the members of `{Self}` in a document",
    label = "not a document",
    note = "add `#[derive(Document)]` to it; or, where it is a field of a document, `#[document(value)]` to the field"
)]
pub trait Document: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What can be had of a document: the methods of a place where one is.
    type Paths<R: 'static>: ?Sized;

    /// A place, seen as one where such a document is.
    fn paths<R: 'static, P: Place<R>>(place: &P) -> &Self::Paths<R>;
}

/// Where a document is, for queries on the model `R`: a field, or a place within another document.
pub trait Place<R>: 'static {
    /// The way there.
    fn way(&self) -> Node;
}

impl<R: 'static, T: 'static> Place<R> for Expr<R, T> {
    fn way(&self) -> Node {
        self.clone().into_node()
    }
}

impl<R: 'static, T: 'static> Place<R> for Member<R, T> {
    fn way(&self) -> Node {
        self.node.clone()
    }
}

impl<R: 'static, T: 'static> Place<R> for Flat<R, T> {
    fn way(&self) -> Node {
        self.node.clone()
    }
}

/// What of a model's documents a query is about: `post.meta().author().name()`.
///
/// It means what Django's `meta__author__name` means: a way into the document, which ends in nothing where a member is
/// missing or is of another form. As a column of `values` and `annotate` it is an `Option<T>`: `None` where there is
/// nothing, and where there is a `null` that `T` has no value for. Documents are looked into as they are stored, so that
/// one of an older version has the members that it had then.
///
/// What it has depends on `T`: members by name ([`derive@crate::Document`]), items of a list ([`ListPaths`]), values of a
/// map ([`MapPaths`]), comparisons of plain values.
pub struct Member<R, T> {
    node: Node,
    of: PhantomData<fn() -> (R, T)>,
}

/// Members that stand among those of the document around (`#[serde(flatten)]`): they are had from it, it is no value
/// itself.
pub struct Flat<R, T> {
    node: Node,
    of: PhantomData<fn() -> (R, T)>,
}

impl<R: 'static, D: Document> Deref for Expr<R, Json<D>> {
    type Target = D::Paths<R>;

    fn deref(&self) -> &Self::Target {
        D::paths(self)
    }
}

impl<R: 'static, D: Document> Deref for Expr<R, Option<Json<D>>> {
    type Target = D::Paths<R>;

    fn deref(&self) -> &Self::Target {
        D::paths(self)
    }
}

impl<R: 'static, D: Document> Deref for Member<R, D> {
    type Target = D::Paths<R>;

    fn deref(&self) -> &Self::Target {
        D::paths(self)
    }
}

impl<R: 'static, D: Document> Deref for Flat<R, D> {
    type Target = D::Paths<R>;

    fn deref(&self) -> &Self::Target {
        D::paths(self)
    }
}

impl<R, T> Clone for Member<R, T> {
    fn clone(&self) -> Self {
        Member::at(self.node.clone())
    }
}

impl<R, T> fmt::Debug for Member<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

impl<R, T> fmt::Debug for Flat<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

/// One step further.
pub(super) fn step(way: Node, name: Cow<'static, str>) -> Node {
    super::operators::push_name(way, name)
}

impl<R, T> Flat<R, T> {
    /// The document around, for what its members are among.
    pub fn within<P: Place<R> + ?Sized>(place: &P) -> Self {
        Flat { node: place.way(), of: PhantomData }
    }
}

impl<R, T> Member<R, T> {
    fn at(node: Node) -> Self {
        Member { node, of: PhantomData }
    }

    /// A member of the object that is at a place; its type is taken on trust.
    pub fn named<P: Place<R> + ?Sized>(place: &P, name: impl Into<Cow<'static, str>>) -> Self {
        Member::at(step(place.way(), member_name(name.into())))
    }

    /// An item of the array that is at a place, counted from its end if negative; its type is taken on trust.
    pub fn numbered<P: Place<R> + ?Sized>(place: &P, number: i32) -> Self {
        Member::at(step(place.way(), number.to_string().into()))
    }

    /// The way there, without its type.
    pub fn into_node(self) -> Node {
        self.node
    }

    fn compare(self, lookup: Lookup, right: Node) -> Expr<R, bool> {
        Expr::from_node(Node::lookup(self.node, lookup, right))
    }

    /// Equal, as JSON: a text is no number, and 1 is 1.0.
    pub fn eq(self, other: impl MemberOperand<R, T>) -> Expr<R, bool> {
        self.compare(Lookup::Exact, other.into_node())
    }

    /// Not equal, or missing: what `exclude` would keep (Django's `~Q(…)`).
    pub fn ne(self, other: impl MemberOperand<R, T>) -> Expr<R, bool> {
        !self.eq(other)
    }

    /// One of the values; of none, never.
    pub fn in_<V: MemberOperand<R, T>>(self, others: impl IntoIterator<Item = V>) -> Expr<R, bool> {
        self.compare(Lookup::In, Node::List(others.into_iter().map(V::into_node).collect()))
    }

    /// Missing (Django's `isnull`); JSON's null is there.
    pub fn is_null(self) -> Expr<R, bool> {
        self.compare(Lookup::IsNull, Node::value(Value::Bool(true)))
    }

    /// There, if only as JSON's null.
    pub fn is_not_null(self) -> Expr<R, bool> {
        self.compare(Lookup::IsNull, Node::value(Value::Bool(false)))
    }

    /// JSON's null (Django's `meta__author=None`).
    pub fn is_json_null(self) -> Expr<R, bool> {
        self.compare(Lookup::Exact, Node::value(Value::Json(serde_json::Value::Null)))
    }

    /// Missing or JSON's null: what an `Option` reads as `None`.
    pub fn is_none(self) -> Expr<R, bool> {
        self.clone().is_null() | self.is_json_null()
    }

    /// There, and not JSON's null: what an `Option` reads as `Some`.
    pub fn is_some(self) -> Expr<R, bool> {
        !self.is_none()
    }

    /// Least first, in the engine's order of JSON.
    pub fn asc(self) -> Order<R> {
        Order::new(self.node, false)
    }

    /// Greatest first, in the engine's order of JSON.
    pub fn desc(self) -> Order<R> {
        Order::new(self.node, true)
    }

    /// Whether it is an object with the key.
    pub fn has_key(self, name: impl Into<String>) -> Expr<R, bool> {
        self.compare(Lookup::HasKey, Node::value(Value::Text(name.into())))
    }

    /// Whether it is an object with all of the keys.
    pub fn has_keys<K: Into<String>>(self, names: impl IntoIterator<Item = K>) -> Expr<R, bool> {
        self.compare(Lookup::HasKeys, names_list(names))
    }

    /// Whether it is an object with one of the keys.
    pub fn has_any_keys<K: Into<String>>(self, names: impl IntoIterator<Item = K>) -> Expr<R, bool> {
        self.compare(Lookup::HasAnyKeys, names_list(names))
    }

    /// Whether it contains the other (PostgreSQL's `@>`, on either engine).
    pub fn contains_json(self, other: serde_json::Value) -> Expr<R, bool> {
        self.compare(Lookup::Contains, Node::value(Value::Json(other)))
    }

    /// Whether it is contained in the other (PostgreSQL's `<@`, on either engine).
    pub fn contained_by(self, other: serde_json::Value) -> Expr<R, bool> {
        self.compare(Lookup::ContainedBy, Node::value(Value::Json(other)))
    }
}

impl<R, T: Document> Member<R, T> {
    /// The same as an expression, for functions that take one: `count(post.meta().author().json())`.
    pub fn json(self) -> Expr<R, Option<Json<T>>> {
        Expr::from_node(document(self.node))
    }
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident $lookup:ident;)*) => {
        impl<R, T: Scalar> Member<R, T> {
            $($(#[$doc])*
            pub fn $name(self, other: impl MemberOperand<R, T>) -> Expr<R, bool> {
                self.compare(Lookup::$lookup, other.into_node())
            })*
        }
    };
}

comparisons! {
    /// Greater, in the engine's order of JSON, in which its null comes before numbers (PostgreSQL) or after them (SQLite);
    /// compare [`value`](Member::value) where it shall not count.
    gt Gt;
    /// Greater or equal.
    gte Gte;
    /// Less.
    lt Lt;
    /// Less or equal.
    lte Lte;
}

macro_rules! text_lookups {
    ($($(#[$doc:meta])* $name:ident $lookup:ident;)*) => {
        impl<R, T: Scalar> Member<R, T> {
            $($(#[$doc])*
            pub fn $name(self, text: impl Into<String>) -> Expr<R, bool> {
                self.compare(Lookup::$lookup, Node::value(Value::Text(text.into())))
            })*
        }
    };
}

text_lookups! {
    /// Its text is equal but for case.
    iexact IExact;
    /// Its text contains the other, whatever the case.
    icontains IContains;
    /// Its text starts with the other.
    starts_with StartsWith;
    /// Its text starts with the other, whatever the case.
    istarts_with IStartsWith;
    /// Its text ends with the other.
    ends_with EndsWith;
    /// Its text ends with the other, whatever the case.
    iends_with IEndsWith;
    /// Its text matches the regular expression (the engine's dialect of it).
    regex Regex;
    /// Its text matches the regular expression, whatever the case.
    iregex IRegex;
}

impl<R> Member<R, String> {
    /// Contains the text, in this case. (Of a way into a document Django's `contains` asks for JSON, which is
    /// [`contains_json`](Self::contains_json).)
    pub fn contains(self, text: &str) -> Expr<R, bool> {
        self.regex(escaped(text))
    }
}

/// A regular expression that matches this text alone, in either engine's dialect.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if r".*+?()[]{}|^$\".contains(letter) {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

impl<R, T: Bare> Member<R, T> {
    /// The text, number or truth value as one of a column, to calculate with: `sum(order.lines().at(0).price().value())`.
    /// Null where there is nothing or JSON's null; an error of PostgreSQL where there is anything else.
    pub fn value(self) -> Expr<R, Option<T>> {
        let scalar = Node::Call(Function::JsonScalar, vec![self.node]);
        Expr::from_node(Node::Cast(Box::new(scalar), <T as FieldType>::KIND))
    }
}

fn names_list<K: Into<String>>(names: impl IntoIterator<Item = K>) -> Node {
    Node::List(names.into_iter().map(|name| Node::value(Value::Text(name.into()))).collect())
}

fn document(way: Node) -> Node {
    Node::Call(Function::JsonDocument, vec![way])
}

/// A value as a query has it; what JSON cannot hold is refused where it is compared.
pub(super) fn json_node<T: Serialize>(value: &T) -> Node {
    Node::value(serde_json::to_value(value).map_or_else(|_| Value::Bytes(Vec::new()), Value::Json))
}

/// What may stand beside a [`Member`] of type `T`: a value of that type, or another member of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be compared with a `{T}` in a document",
    label = "expected a `{T}`, or a member of that type",
    note = "for null, use `.is_none()`, `.is_null()` or `.is_json_null()`"
)]
pub trait MemberOperand<R, T> {
    /// The expression without its type.
    fn into_node(self) -> Node;
}

#[diagnostic::do_not_recommend]
impl<R, T: Document> MemberOperand<R, T> for T {
    fn into_node(self) -> Node {
        json_node(&self)
    }
}

#[diagnostic::do_not_recommend]
impl<R, T: Document> MemberOperand<R, T> for &T {
    fn into_node(self) -> Node {
        json_node(self)
    }
}

#[diagnostic::do_not_recommend]
impl<R> MemberOperand<R, String> for &str {
    fn into_node(self) -> Node {
        json_node(&self)
    }
}

#[diagnostic::do_not_recommend]
impl<R, T> MemberOperand<R, T> for Member<R, T> {
    fn into_node(self) -> Node {
        self.node
    }
}

impl<R, T> Orders<R> for Member<R, T> {
    fn into_steps(self) -> Vec<OrderBy> {
        vec![OrderBy::asc(self.node)]
    }
}

impl<R, T: Document> Selection<R> for Member<R, T> {
    type Row = Option<T>;

    fn into_nodes(self) -> Vec<Node> {
        vec![document(self.node)]
    }

    fn read(row: &mut Row<'_>) -> Result<Option<T>> {
        let column = row.column();
        if column.is_null() {
            return Ok(None);
        }
        match column.json_text()?.trim() {
            "null" => Ok(serde_json::from_str("null").ok()),
            _ => column.json().map(Some),
        }
    }
}

impl<R, D: Serialize + DeserializeOwned + Send + Sync + 'static, T: crate::SqlType<Base = Json<D>>> Expr<R, T> {
    /// Whether the object has all of the keys.
    pub fn has_keys<K: Into<String>>(self, names: impl IntoIterator<Item = K>) -> Expr<R, bool> {
        self.compare(Lookup::HasKeys, names_list(names))
    }

    /// Whether the object has one of the keys.
    pub fn has_any_keys<K: Into<String>>(self, names: impl IntoIterator<Item = K>) -> Expr<R, bool> {
        self.compare(Lookup::HasAnyKeys, names_list(names))
    }
}
