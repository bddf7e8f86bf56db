//! Operations on rows: functions of the program, and fields set by expressions, batch by batch.

mod past;
mod walk;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

pub use past::{Past, PastModel, PastRow};
pub(super) use walk::{Course, Marks};

use super::literal::Literal;
use super::operation::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::query::Node;

type Text = Cow<'static, str>;

/// Rows in a batch where nothing is said.
pub(super) const BATCH: u64 = 1_000;

/// A function of the program that a migration runs, and its name.
///
/// Two are equal if their names are: a function's address means nothing to the next build.
#[derive(Clone)]
pub struct Work {
    name: Text,
    run: Arc<dyn Fn(Past) -> BoxFuture<'static, Result<()>> + Send + Sync>,
}

impl Work {
    /// A function by a name, which `migrate` shows and later builds know it by.
    pub fn new<F>(name: impl Into<Text>, run: fn(Past) -> F) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Work { name: name.into(), run: Arc::new(move |past| run(past).boxed()) }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Work").field(&self.name).finish()
    }
}

impl PartialEq for Work {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Sets fields of a model's rows by expressions, in batches in the order of the primary key.
///
/// In a migration that is not atomic each batch is a transaction of its own, which holds its locks for a moment only;
/// after a kill the next `migrate` goes on with the batch after the last that was committed.
///
/// ```
/// use nuages_orm::migrate::{Function, Lookup, Migration, Populate, call, compare, field};
///
/// Migration::new("shop", "0003_slugs").not_atomic().populate(
///     Populate::new("Book")
///         .set("slug", call(Function::Lower, [field("title")]))
///         .only(compare(field("slug"), Lookup::Exact, ""))
///         .back("slug", ""),
/// );
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Populate {
    pub(super) model: Text,
    pub(super) only: Option<Node>,
    pub(super) set: Vec<(Text, Node)>,
    /// What undoes it; `None` if that was not said.
    pub(super) back: Option<Vec<(Text, Node)>>,
    pub(super) batch: u64,
}

impl Populate {
    /// All rows of a model, of which nothing is set yet.
    pub fn new(model: impl Into<Text>) -> Self {
        Populate { model: model.into(), only: None, set: Vec::new(), back: None, batch: BATCH }
    }

    /// Sets a field to a value, or to an expression over the row's fields.
    #[must_use]
    pub fn set(mut self, field: impl Into<Text>, to: impl Literal) -> Self {
        self.set.push((field.into(), to.node()));
        self
    }

    /// Only rows for which the condition holds.
    #[must_use]
    pub fn only(mut self, condition: Node) -> Self {
        self.only = Some(match self.only {
            Some(before) => before.and(condition),
            None => condition,
        });
        self
    }

    /// On the way back, sets a field of all rows.
    #[must_use]
    pub fn back(mut self, field: impl Into<Text>, to: impl Literal) -> Self {
        self.back.get_or_insert_default().push((field.into(), to.node()));
        self
    }

    /// Says that there is nothing to undo, such as where the field will be dropped.
    #[must_use]
    pub fn nothing_to_undo(mut self) -> Self {
        self.back.get_or_insert_default();
        self
    }

    /// Rows in a batch, 1,000 unless said.
    #[must_use]
    pub fn batch(mut self, rows: u64) -> Self {
        self.batch = rows.max(1);
        self
    }

    /// The fields that it sets.
    pub(super) fn fields(&self) -> String {
        self.set.iter().map(|(field, _)| field.as_ref()).collect::<Vec<_>>().join("_")
    }

    /// What undoes it.
    fn undo(&self) -> Option<Populate> {
        let set = self.back.clone()?;
        Some(Populate { model: self.model.clone(), only: None, set, back: Some(self.set.clone()), batch: self.batch })
    }
}

impl Operation {
    /// Whether it works on rows by code of the program.
    pub(super) fn is_data(&self) -> bool {
        matches!(self, Operation::RunRust { .. } | Operation::Populate(_))
    }

    /// The operation on rows that undoes one; `None` if that was not said, or it is none.
    pub(super) fn undo_data(&self) -> Option<Operation> {
        match self {
            Operation::RunRust { forward, backward, about } => {
                let (forward, backward) = (backward.clone()?, Some(forward.clone()));
                Some(Operation::RunRust { forward, backward, about: about.clone() })
            }
            Operation::Populate(populate) => populate.undo().map(|undo| Operation::Populate(Box::new(undo))),
            _ => None,
        }
    }

    /// Does what an operation on rows says.
    pub(super) async fn run_data(&self, past: Past) -> Result<()> {
        match self {
            Operation::RunRust { forward, .. } => (forward.run)(past).await,
            Operation::Populate(populate) => walk::populate(&past, populate).await,
            _ => Err(Error::new(ErrorKind::Migration, "does not work on rows")),
        }
    }
}
