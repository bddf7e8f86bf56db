//! A plan in words: each operation, and what it does to others on PostgreSQL.

use std::sync::Arc;

use super::super::operation::{Migration, Operation};
use super::super::safety::{Advice, advice};
use super::super::state::State;
use super::plan::states_back;
use super::{Migrator, Planned, Target};
use crate::engine::Dialect;
use crate::error::Result;

/// A step of a plan, with what it does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Explained {
    /// The migration.
    pub migration: Arc<Migration>,
    /// Whether it is undone.
    pub backwards: bool,
    /// Its operations in the order in which they are run.
    pub operations: Vec<ExplainedOperation>,
}

/// An operation of a plan.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExplainedOperation {
    /// What it does, in a few words.
    pub description: String,
    /// What it does to others who use the table; `None` on SQLite, where whoever writes waits for the whole migration.
    pub advice: Option<Advice>,
}

impl Migrator {
    /// What [`migrate`](Self::migrate) would do, operation by operation, with the locks that it takes on PostgreSQL and
    /// what would be safer. Nothing is run.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn explain(&self, target: &Target) -> Result<Vec<Explained>> {
        let board = self.board().await?;
        let plan = board.plan(target)?;
        let start = board.start(&plan)?;
        let is_postgres = self.db.dialect() == Dialect::Postgres;
        if plan.first().is_some_and(|first| first.backwards) {
            let states = states_back(&plan, start)?;
            return plan.into_iter().zip(states).map(|(planned, before)| back(planned, before, is_postgres)).collect();
        }
        let mut state = start;
        plan.into_iter().map(|planned| forward(planned, &mut state, is_postgres)).collect()
    }
}

fn forward(planned: Planned, state: &mut State, is_postgres: bool) -> Result<Explained> {
    let Planned { migration, backwards } = planned;
    let mut operations = Vec::with_capacity(migration.operations.len());
    for operation in &migration.operations {
        let advice = is_postgres.then(|| advice(&migration.app, operation, state));
        operations.push(ExplainedOperation { description: operation.describe(), advice });
        state.apply(&migration.app, operation)?;
    }
    Ok(Explained { migration, backwards, operations })
}

fn back(planned: Planned, before: State, is_postgres: bool) -> Result<Explained> {
    let Planned { migration, backwards } = planned;
    let mut operations = Vec::with_capacity(migration.operations.len());
    let mut state = before;
    for operation in &migration.operations {
        let undo = operation.undo(&migration.app, &state);
        state.apply(&migration.app, operation)?;
        let description = match undo {
            Some(_) => format!("Undo {}", operation.describe()),
            None => format!("{} CANNOT BE UNDONE", operation.describe()),
        };
        let each = |undo: &Operation| advice(&migration.app, undo, &state);
        let advice = undo.filter(|_| is_postgres).map(|undo| undo.iter().map(each).fold(Advice::none(), Advice::and));
        operations.push(ExplainedOperation { description, advice });
    }
    operations.reverse();
    Ok(Explained { migration, backwards, operations })
}
