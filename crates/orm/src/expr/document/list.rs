//! Items of JSON arrays.

use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;

use super::{Document, Member, Place, json_node};
use crate::expr::Expr;
use crate::query::{Function, Lookup, Node};
use crate::value::Value;

/// What can be had of an array of `T`.
pub trait ListPaths<R, T>: Place<R> {}

impl<R, T, P: Place<R>> ListPaths<R, T> for P {}

impl<R: 'static, T: Document> dyn ListPaths<R, T> {
    /// The item at a place, from 0; from the end, -1 being the last, if negative.
    pub fn at(&self, place: i32) -> Member<R, T> {
        Member::numbered(self, place)
    }

    /// The number of items; null where there is no array.
    pub fn len(&self) -> Expr<R, Option<i32>> {
        Expr::from_node(Node::Call(Function::JsonLength, vec![self.way()]))
    }

    /// Whether one of the items is this (an object: has these members and perhaps others).
    pub fn contains<V>(&self, item: &V) -> Expr<R, bool>
    where
        T: std::borrow::Borrow<V>,
        V: serde::Serialize + ?Sized,
    {
        let list = match json_node(&item) {
            Node::Value(Value::Json(item), _) => Node::value(Value::Json(serde_json::Value::Array(vec![item]))),
            other => other,
        };
        Expr::from_node(Node::lookup(self.way(), Lookup::Contains, list))
    }
}

macro_rules! lists {
    ($($list:ty: $($bound:ident)*;)*) => {$(
        impl<T: Document $(+ $bound)*> Document for $list {
            type Paths<R: 'static> = dyn ListPaths<R, T>;

            fn paths<R: 'static, P: Place<R>>(place: &P) -> &Self::Paths<R> {
                place
            }
        }
    )*};
}

lists! {
    Vec<T>:;
    BTreeSet<T>: Ord;
    HashSet<T>: Eq Hash;
}
