//! Queries for some columns.

use std::fmt;
use std::marker::PhantomData;

use futures_core::Stream;

use super::plan::{Combinator, Query, Step};
use super::run;
use super::set::{CHUNK, root};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::expr::{Expr, Orders, Required};
use crate::model::Model;
use crate::row::Row;

/// A query on `M` for some columns, whose rows are of type `T`.
pub struct Values<M: Model, T> {
    query: Query,
    read: fn(&mut Row<'_>) -> Result<T>,
    of: PhantomData<fn() -> M>,
}

impl<M: Model, T> Clone for Values<M, T> {
    fn clone(&self) -> Self {
        Values { query: self.query.clone(), read: self.read, of: PhantomData }
    }
}

impl<M: Model, T> fmt::Debug for Values<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.query.fmt(f)
    }
}

impl<M: Model, T: Send + 'static> Values<M, T> {
    pub(super) fn new(query: Query, read: fn(&mut Row<'_>) -> Result<T>) -> Self {
        Values { query, read, of: PhantomData }
    }

    /// The query without its type.
    pub fn into_query(self) -> Query {
        self.query
    }

    fn then(mut self, step: Step) -> Self {
        self.query.steps.push(step);
        self
    }

    /// Only rows for which the condition holds; an aggregate in it is taken over the groups (`HAVING`).
    #[must_use]
    pub fn filter(self, condition: impl FnOnce(M::Fields<M, Required>) -> Expr<M, bool>) -> Self {
        let node = condition(root::<M>()).into_node();
        self.then(Step::Filter(node))
    }

    /// This order, in place of any before; `()` for none.
    #[must_use]
    pub fn order_by<O: Orders<M>>(self, order: impl FnOnce(M::Fields<M, Required>) -> O) -> Self {
        let steps = order(root::<M>()).into_steps();
        self.then(Step::OrderBy(steps))
    }

    /// The opposite order.
    #[must_use]
    pub fn reverse(self) -> Self {
        self.then(Step::Reverse)
    }

    /// No two rows alike.
    #[must_use]
    pub fn distinct(self) -> Self {
        self.then(Step::Distinct)
    }

    /// At most this many rows.
    #[must_use]
    pub fn limit(self, rows: u64) -> Self {
        self.then(Step::Slice { offset: 0, limit: Some(rows) })
    }

    /// Without the first rows.
    #[must_use]
    pub fn offset(self, rows: u64) -> Self {
        self.then(Step::Slice { offset: rows, limit: None })
    }

    /// The rows of either query, no two alike; the other may be on another model.
    #[must_use]
    pub fn union<O: Model>(self, other: Values<O, T>) -> Self {
        self.combine(Combinator::Union, other.query, false)
    }

    /// The rows of one query and then of the other.
    #[must_use]
    pub fn union_all<O: Model>(self, other: Values<O, T>) -> Self {
        self.combine(Combinator::Union, other.query, true)
    }

    /// The rows of both queries.
    #[must_use]
    pub fn intersection<O: Model>(self, other: Values<O, T>) -> Self {
        self.combine(Combinator::Intersection, other.query, false)
    }

    /// The rows of this query that the other has not.
    #[must_use]
    pub fn difference<O: Model>(self, other: Values<O, T>) -> Self {
        self.combine(Combinator::Difference, other.query, false)
    }

    fn combine(self, combinator: Combinator, other: Query, all: bool) -> Self {
        Values { query: self.query.combine(combinator, vec![other], all), ..self }
    }

    /// All rows, by one query.
    pub async fn all(&self, db: &Db) -> Result<Vec<T>> {
        let read = self.read;
        run::fetch(db, &self.query, move |row, _| read(row)).await
    }

    /// The rows one after the other, at most 2,000 in memory.
    pub fn stream(&self, db: &Db) -> impl Stream<Item = Result<T>> + Send + use<M, T> {
        let read = self.read;
        run::stream(db, &self.query, CHUNK, move |row, _| read(row))
    }

    /// The first row in the query's order.
    pub async fn first(&self, db: &Db) -> Result<Option<T>> {
        Ok(self.clone().limit(1).all(db).await?.pop())
    }

    /// The only row.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none, [`ErrorKind::MultipleRows`] if there are several.
    pub async fn get(&self, db: &Db) -> Result<T> {
        let mut rows = self.clone().limit(2).all(db).await?;
        match (rows.pop(), rows.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(Error::new(ErrorKind::NotFound, format!("no {} matches the query", M::LABEL))),
            (Some(_), false) => Err(Error::new(ErrorKind::MultipleRows, "more than one row, where one was expected")),
        }
    }

    /// The number of rows, counted by the database.
    pub async fn count(&self, db: &Db) -> Result<i64> {
        run::count(db, &self.query).await
    }

    /// Whether there are any rows.
    pub async fn exists(&self, db: &Db) -> Result<bool> {
        run::exists(db, &self.query).await
    }
}
