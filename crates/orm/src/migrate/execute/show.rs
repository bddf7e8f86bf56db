//! Migrations as text: which are applied, and their statements.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::ddl::{changes, changes_back};
use super::super::graph::{Graph, in_migration};
use super::super::operation::Migration;
use super::plan::check_way_back;
use super::{Migrator, run};
use crate::error::{Error, ErrorKind, Result};

/// A migration, and whether it is applied: a line of `showmigrations`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// The app's label.
    pub app: String,
    /// The migration's name.
    pub name: String,
    /// When it was applied; `None` if it was not.
    pub applied: Option<Timestamp>,
    /// How many migrations it stands for, if it was squashed from them.
    pub squashed: usize,
    /// Whether it is a squashed migration that is applied, since all are that it stands for, but not recorded: the next
    /// `migrate` will.
    pub unrecorded: bool,
    /// The migrations that it comes after, as app and name.
    pub parents: Vec<(String, String)>,
}

impl Migrator {
    /// All migrations by app, each app's in the order in which they are applied.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if they do not fit together; the database's.
    pub async fn show(&self) -> Result<Vec<Shown>> {
        let mut shown = self.show_in_order().await?;
        shown.sort_by(|a, b| a.app.cmp(&b.app));
        Ok(shown)
    }

    /// All migrations in the order in which they are applied.
    ///
    /// # Errors
    /// As [`show`](Self::show).
    pub async fn show_in_order(&self) -> Result<Vec<Shown>> {
        let board = self.board().await?;
        let shown = board.graph.migrations().iter().map(|migration| Shown {
            app: migration.app.to_string(),
            name: migration.name.to_string(),
            applied: board.applied.get(&migration.key()).copied(),
            squashed: migration.replaces.len(),
            unrecorded: board.complete.iter().any(|known| Arc::ptr_eq(known, migration)),
            parents: board
                .graph
                .parents(migration)
                .map(|parent| (parent.app.to_string(), parent.name.to_string()))
                .collect(),
        });
        Ok(shown.collect())
    }

    /// The statements of a migration, as text that can be run by hand; it does not record the migration.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if it is not there, or the engine cannot do it.
    pub fn sql(&self, app: &str, name: &str) -> Result<String> {
        self.statements(app, name, false)
    }

    /// The statements that undo a migration, as [`sql`](Self::sql) shows those that apply it.
    ///
    /// # Errors
    /// As [`sql`](Self::sql), and if it cannot be undone.
    pub fn sql_back(&self, app: &str, name: &str) -> Result<String> {
        self.statements(app, name, true)
    }

    fn statements(&self, app: &str, name: &str, backwards: bool) -> Result<String> {
        let graph = self.graph_with(app, name)?;
        let migration = graph.find(app, name)?;
        let dialect = self.db.dialect();
        let parents: Vec<&Arc<Migration>> = graph.up_to([migration]).collect();
        let before =
            graph.state_of(|other| *other != **migration && parents.iter().any(|parent| ***parent == *other))?;
        let before = before.in_database(&self.here);
        let changes = match backwards {
            true => {
                check_way_back(migration, &before)?;
                changes_back(migration, &before, dialect)
            }
            false => changes(migration, &before, dialect).map(|(changes, _)| changes),
        };
        let changes = changes.map_err(|error| in_migration(migration, error))?;
        let mut text = String::new();
        let drops = run::drops(&changes, dialect);
        if drops {
            text.push_str("PRAGMA foreign_keys = OFF;\n");
        }
        if migration.atomic {
            text.push_str("BEGIN;\n");
        }
        let count = migration.operations.len();
        let mut announced = 0;
        for change in &changes {
            // Also those without statements, in their order.
            while announced < count
                && announced <= if backwards { count - 1 - change.operation } else { change.operation }
            {
                let position = if backwards { count - 1 - announced } else { announced };
                if let Some(operation) = migration.operations.get(position) {
                    let undone = if backwards { "Undo: " } else { "" };
                    // Writing to a string cannot fail.
                    let _ = writeln!(text, "--\n-- {undone}{}\n--", operation.describe());
                }
                announced += 1;
            }
            match change.sql.as_str() {
                "" => text.push_str("-- done by the program: this operation cannot be shown as SQL\n"),
                sql => {
                    let _ = writeln!(text, "{sql};");
                }
            }
        }
        if migration.atomic {
            text.push_str("COMMIT;\n");
        }
        if drops {
            text.push_str("PRAGMA foreign_key_check;\nPRAGMA foreign_keys = ON;\n");
        }
        Ok(text)
    }

    /// The graph with a migration in it, be it a squashed one or one that was squashed.
    fn graph_with(&self, app: &str, name: &str) -> Result<Graph> {
        let squashed = Graph::after(&self.migrations, |_| false)?;
        let missing = match squashed.find(app, name) {
            Ok(_) => return Ok(squashed),
            Err(missing) => missing,
        };
        let plain: Vec<_> = self.migrations.iter().filter(|known| known.replaces.is_empty()).cloned().collect();
        match Graph::after(&plain, |_| false) {
            Ok(graph) if graph.find(app, name).is_ok() => Ok(graph),
            _ => Err(Error::new(ErrorKind::Migration, missing.to_string())),
        }
    }
}
