//! Work on many rows that tells receivers of each.

use super::insert;
use super::plan::Query;
use super::set::{QuerySet, root};
use crate::db::Db;
use crate::error::Result;
use crate::expr::{Assignments, Required};
use crate::model::Model;

/// A query whose rows are written one by one, so that receivers are told of each (see [`signal`](crate::signal)): made by
/// [`QuerySet::with_signals`].
#[derive(Debug, Clone)]
#[must_use = "nothing is written before `update`"]
pub struct Signalled<M: Model> {
    query: QuerySet<M>,
}

impl<M: Model> Signalled<M> {
    pub(super) fn new(query: Query) -> Self {
        Signalled { query: QuerySet::of_query(query) }
    }

    /// Sets fields of all rows, and says how many there were: rows are read by hundreds and locked, and each is written by
    /// a statement of its own between `pre_save` and `post_save`, all in one transaction. Only what is named changes, and
    /// what receivers set. Without receivers for the model, this is [`QuerySet::update`].
    ///
    /// # Errors
    /// As [`QuerySet::update`], and what receivers answer; nothing is written then.
    pub async fn update<A: Assignments<M>>(
        &self,
        db: &Db,
        assignments: impl FnOnce(M::Fields<M, Required>) -> A,
    ) -> Result<u64> {
        let pairs = assignments(root::<M>()).into_pairs();
        insert::update_each::<M>(db, self.query.query(), &pairs).await
    }
}
