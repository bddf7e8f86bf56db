//! A query as the steps that made it.

use std::borrow::Cow;

use super::node::Node;
use crate::model::OrderBy;

type Text = Cow<'static, str>;

/// A query on one model, as the steps that made it, in order.
///
/// Order matters as in Django: two `filter` steps over a relation with many rows may be met by different rows, one step
/// only by the same row; an annotation before a filter is computed over rows that the filter does not see. The
/// compiler (`sql`) plays the steps back; nothing is looked up before.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The model, as `app.Model`.
    pub model: Text,
    /// What was asked, in order.
    pub steps: Vec<Step>,
}

/// One call of a queryset's method.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Only rows for which the condition holds.
    Filter(Node),
    /// Only rows for which it does not.
    Exclude(Node),
    /// Further columns, by name.
    Annotate(Vec<(Text, Node)>),
    /// Only these columns, in this order, in place of the model's. Where one of several holds an aggregate, or an
    /// annotation follows that does, rows are grouped by the others.
    Values(Vec<Node>),
    /// This order, in place of any before; none at all if empty.
    OrderBy(Vec<OrderBy>),
    /// The opposite order.
    Reverse,
    /// No two rows alike.
    Distinct,
    /// Only some of the rows, counted within an earlier slice if there is one.
    Slice {
        /// Rows to pass over.
        offset: u64,
        /// Rows at most; all if `None`.
        limit: Option<u64>,
    },
    /// The rows that foreign keys refer to, in the same query: a path of relation names each.
    SelectRelated(Vec<Vec<Text>>),
    /// Locks the rows until the transaction ends.
    Lock(Lock),
    /// The rows of this query and others.
    Combine {
        /// How.
        combinator: Combinator,
        /// The other queries.
        others: Vec<Query>,
        /// Whether rows alike are kept (`UNION ALL`).
        all: bool,
    },
    /// No rows at all.
    Nothing,
}

/// How rows are locked; SQLite, whose writers exclude one another, ignores it as Django does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lock {
    /// Passes over rows that another transaction has locked.
    pub skip_locked: bool,
    /// Fails at once if another transaction has locked a row.
    pub no_wait: bool,
    /// Lets others refer to the rows (`FOR NO KEY UPDATE`).
    pub no_key: bool,
    /// Locks the model's own rows only, not those that `select_related` brings.
    pub of_self: bool,
}

/// How the rows of several queries become one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the SQL operators")]
pub enum Combinator {
    Union,
    Intersection,
    Difference,
}

impl Query {
    /// All rows of a model, whatever its managers hide; [`Schema::objects`](crate::Schema::objects) hides it.
    pub fn on(model: impl Into<Text>) -> Query {
        Query { model: model.into(), steps: Vec::new() }
    }

    /// The rows of this query and others. What order each has means nothing any more, unless it decides which rows a
    /// slice holds.
    #[must_use]
    pub fn combine(self, combinator: Combinator, others: Vec<Query>, all: bool) -> Query {
        let others = others.into_iter().map(Query::unordered).collect();
        self.unordered().then(Step::Combine { combinator, others, all })
    }

    fn unordered(self) -> Query {
        let sliced = self.steps.iter().any(|step| matches!(step, Step::Slice { .. }));
        if sliced { self } else { self.then(Step::OrderBy(Vec::new())) }
    }

    /// Adds a step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Query {
        self.steps.push(step);
        self
    }
}
