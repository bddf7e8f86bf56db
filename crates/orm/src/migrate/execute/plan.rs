//! What is to be applied or undone, in which order.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::graph::{Graph, Key, in_migration};
use super::super::operation::{Migration, Operation};
use super::super::state::{Here, State};
use super::records::{Applied, RECORDS};
use super::{Planned, Target};
use crate::error::{Error, ErrorKind, Result};

/// The migrations, and which of them are applied.
pub(super) struct Board {
    pub(super) graph: Graph,
    pub(super) applied: Applied,
    /// Squashed migrations that are not recorded, though all are that they stand for.
    pub(super) complete: Vec<Arc<Migration>>,
    here: Here,
}

impl Board {
    pub(super) fn new(migrations: &[Arc<Migration>], mut applied: Applied, here: Here) -> Result<Board> {
        let graph = Graph::after(migrations, |key| applied.contains_key(key))?;
        for app in graph.apps() {
            graph.leaf(app)?;
        }
        let mut complete = Vec::new();
        for migration in graph.migrations().iter().filter(|migration| !migration.replaces.is_empty()) {
            let times: Option<Vec<_>> = migration.replaces.iter().map(|known| applied.get(known).copied()).collect();
            if let Some(last) = times.and_then(|times| times.into_iter().max())
                && !applied.contains_key(&migration.key())
            {
                applied.insert(migration.key(), last);
                complete.push(Arc::clone(migration));
            }
        }
        Ok(Board { graph, applied, complete, here })
    }

    pub(super) fn is_applied(&self, migration: &Migration) -> bool {
        self.applied.contains_key(&migration.key())
    }

    /// A migration cannot be applied whose parent is not.
    fn check_history(&self) -> Result<()> {
        for migration in self.graph.migrations().iter().filter(|migration| self.is_applied(migration)) {
            if let Some(parent) = self.graph.parents(migration).find(|parent| !self.is_applied(parent)) {
                return Err(Error::new(
                    ErrorKind::Migration,
                    format!(
                        "{} is recorded as applied, but {}, which it comes after, is not; if that one's tables are \
                         there, record it with `migrate --fake {} {}`, and if not, delete the record of the first in \
                         {RECORDS}",
                        migration.label(),
                        parent.label(),
                        parent.app,
                        parent.name
                    ),
                ));
            }
        }
        Ok(())
    }

    /// What leads to a target, in order.
    pub(super) fn plan(&self, target: &Target) -> Result<Vec<Planned>> {
        if !matches!(target, Target::Migration(..)) {
            self.check_history()?;
        }
        let leaf = |app: &str| match self.graph.leaf(app)? {
            Some(leaf) => self.graph.find(app, &leaf.name),
            // Says what there is.
            None => self.graph.find(app, ""),
        };
        match target {
            Target::All => Ok(self.forwards(self.graph.migrations().iter())),
            Target::App(app) => Ok(self.forwards([leaf(app)?])),
            Target::Zero(app) => {
                leaf(app)?;
                Ok(self.backwards(self.graph.of_app(app)))
            }
            Target::Migration(app, name) => {
                let target = self.graph.find(app, name)?;
                if self.is_applied(target) {
                    // By what comes next in the app, so that other apps keep what needs the target alone.
                    let next = self.graph.children(target).filter(|child| child.app == target.app);
                    return Ok(self.backwards(next));
                }
                self.check_history()?;
                Ok(self.forwards([target]))
            }
        }
    }

    fn forwards<'a>(&'a self, targets: impl IntoIterator<Item = &'a Arc<Migration>>) -> Vec<Planned> {
        let open = self.graph.up_to(targets).filter(|migration| !self.is_applied(migration));
        open.map(|migration| Planned { migration: Arc::clone(migration), backwards: false }).collect()
    }

    fn backwards<'a>(&'a self, targets: impl IntoIterator<Item = &'a Arc<Migration>>) -> Vec<Planned> {
        let done = self.graph.back_to(targets).filter(|migration| self.is_applied(migration));
        done.map(|migration| Planned { migration: Arc::clone(migration), backwards: true }).collect()
    }

    /// The models from which a plan starts: after all that is applied and that it does not undo.
    pub(super) fn start(&self, plan: &[Planned]) -> Result<State> {
        let keys: BTreeSet<Key> = plan.iter().map(|planned| planned.migration.key()).collect();
        let start = self.graph.state_of(|migration| self.is_applied(migration) && !keys.contains(&migration.key()))?;
        Ok(start.in_database(&self.here))
    }
}

/// The models before each migration that a plan undoes, in the plan's order.
pub(super) fn states_back(plan: &[Planned], start: State) -> Result<Vec<State>> {
    let mut states = Vec::with_capacity(plan.len());
    let mut state = start;
    for planned in plan.iter().rev() {
        let next = after(&planned.migration, &state)?;
        states.push(std::mem::replace(&mut state, next));
    }
    states.reverse();
    Ok(states)
}

/// The models after a migration.
pub(super) fn after(migration: &Migration, before: &State) -> Result<State> {
    let mut state = before.clone();
    for operation in &migration.operations {
        state.apply(&migration.app, operation).map_err(|error| in_migration(migration, error))?;
    }
    Ok(state)
}

/// Makes sure that a migration which was applied to the state `before` can be undone.
///
/// # Errors
/// [`ErrorKind::Migration`] naming the operation that cannot.
pub(super) fn check_way_back(migration: &Migration, before: &State) -> Result<()> {
    let mut state = before.clone();
    for operation in &migration.operations {
        if state.here().runs(&migration.app, operation) && operation.undo(&migration.app, &state).is_none() {
            let how = match operation {
                Operation::RunSql { .. } => "say how in the second list of `run_sql`: `[]` if there is nothing to undo",
                Operation::RunRust { .. } => "give `run_rust_both_ways` a function that undoes it, or `Past::nothing`",
                Operation::Populate(_) => "say how with `.back(…)`, or `.nothing_to_undo()`",
                _ => "write a new migration that does what is wanted",
            };
            let (label, what) = (migration.label(), operation.describe());
            let text = format!("{label}: {what} does not say how it is undone, so nothing was: {how}");
            return Err(Error::new(ErrorKind::Migration, text));
        }
        state.apply(&migration.app, operation).map_err(|error| in_migration(migration, error))?;
    }
    Ok(())
}
