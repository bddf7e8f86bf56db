//! Querysets: queries whose rows have a Rust type.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use super::{Query, Step};
use crate::expr::{Expr, Orders, Path, Required, Selection};
use crate::model::Model;

/// A query on the model `M`, not yet run.
///
/// Each method gives a new query; nothing is sent to the database before one that takes a `Db`.
pub struct QuerySet<M: Model> {
    query: Query,
    of: PhantomData<fn() -> M>,
}

impl<M: Model> Clone for QuerySet<M> {
    fn clone(&self) -> Self {
        QuerySet { query: self.query.clone(), of: PhantomData }
    }
}

impl<M: Model> fmt::Debug for QuerySet<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.query.fmt(f)
    }
}

impl<M: Model> QuerySet<M> {
    /// All rows.
    pub fn new() -> Self {
        QuerySet { query: Query::on(Cow::Borrowed(M::LABEL)), of: PhantomData }
    }

    /// The query without its type.
    pub fn into_query(self) -> Query {
        self.query
    }

    fn then(mut self, step: Step) -> Self {
        self.query.steps.push(step);
        self
    }

    /// Only rows for which the condition holds.
    #[must_use]
    pub fn filter(self, condition: impl FnOnce(M::Fields<M, Required>) -> Expr<M, bool>) -> Self {
        let node = condition(root::<M>()).into_node();
        self.then(Step::Filter(node))
    }

    /// Only rows for which the condition does not hold.
    #[must_use]
    pub fn exclude(self, condition: impl FnOnce(M::Fields<M, Required>) -> Expr<M, bool>) -> Self {
        let node = condition(root::<M>()).into_node();
        self.then(Step::Exclude(node))
    }

    /// This order, in place of any before.
    #[must_use]
    pub fn order_by<O: Orders<M>>(self, order: impl FnOnce(M::Fields<M, Required>) -> O) -> Self {
        let steps = order(root::<M>()).into_steps();
        self.then(Step::OrderBy(steps))
    }

    /// These columns in place of the model's.
    #[must_use]
    pub fn values<S: Selection<M>>(self, columns: impl FnOnce(M::Fields<M, Required>) -> S) -> Values<M, S::Row> {
        let nodes = columns(root::<M>()).into_nodes();
        Values { query: self.then(Step::Values(nodes)).query, of: PhantomData }
    }
}

impl<M: Model> Default for QuerySet<M> {
    fn default() -> Self {
        QuerySet::new()
    }
}

fn root<M: Model>() -> M::Fields<M, Required> {
    Path::root().into()
}

/// A query for some columns, whose rows are of type `T`.
pub struct Values<M: Model, T> {
    query: Query,
    of: PhantomData<fn() -> (M, T)>,
}

impl<M: Model, T> fmt::Debug for Values<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.query.fmt(f)
    }
}

impl<M: Model, T> Values<M, T> {
    /// The query without its type.
    pub fn into_query(self) -> Query {
        self.query
    }
}
