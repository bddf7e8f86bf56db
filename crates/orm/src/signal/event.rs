//! What receivers are told.

use std::fmt;
use std::ops::Deref;

use crate::model::Model;

/// A row that was just written; reads like the row itself.
pub struct Saved<'a, M: Model> {
    /// The row as the database has it.
    pub row: &'a M,
    /// Whether it is new.
    pub created: bool,
    /// The fields that were written, if not all.
    pub fields: Option<&'a [String]>,
}

impl<M: Model> Clone for Saved<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Model> Copy for Saved<'_, M> {}

impl<M: Model> Deref for Saved<'_, M> {
    type Target = M;

    fn deref(&self) -> &M {
        self.row
    }
}

impl<M: Model> fmt::Debug for Saved<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saved")
            .field("model", &M::LABEL)
            .field("key", &self.row.key())
            .field("created", &self.created)
            .field("fields", &self.fields)
            .finish()
    }
}

/// A change of which rows of `T` a row of `M` is related to.
#[non_exhaustive]
pub struct ManyChange<M: Model, T: Model> {
    /// What is about to be done, or was done.
    pub action: ManyAction,
    /// The row with the many-to-many field.
    pub owner: M::Key,
    /// The rows that are related to it from now on, or not any more; those that were so already are left out. Empty for
    /// `clear`, which does not ask which there are.
    pub keys: Vec<T::Key>,
}

impl<M: Model, T: Model> fmt::Debug for ManyChange<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManyChange")
            .field("action", &self.action)
            .field("owner", &self.owner)
            .field("keys", &self.keys)
            .finish()
    }
}

/// What happens to a many-to-many relation (the `action` of Django's `m2m_changed`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are Django's actions")]
pub enum ManyAction {
    PreAdd,
    PostAdd,
    PreRemove,
    PostRemove,
    PreClear,
    PostClear,
}

/// What `migrate` is about to do to a database, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationRun {
    /// The migrations, as app and name, in order; none if the tables are up to date.
    pub migrations: Vec<(String, String)>,
    /// Whether they are undone.
    pub backwards: bool,
    /// Whether they are recorded without being run.
    pub faked: bool,
}
