//! Constraints and indexes of several columns: their statements, which are the same on both engines but for what one lacks.

use super::{Editor, Lookup, Table, Text, list, quote};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::migrate::names;
use crate::migrate::operation::Constraint;
use crate::model::{Check, Deferrable, Index, OrderBy, Unique};
use crate::query::Node;

impl Editor {
    /// An index while the table is in use, which PostgreSQL cannot make or drop in a transaction. SQLite has one writer
    /// anyway.
    pub(super) fn concurrently(&mut self, table: Table<'_>, sql: String) -> Result<()> {
        if self.dialect == Dialect::Sqlite {
            self.now(table, sql);
            return Ok(());
        }
        if self.atomic {
            let message = "cannot run in a transaction; say `.not_atomic()` of the migration, and give it nothing else to \
                           do";
            return Err(Error::new(ErrorKind::Migration, message));
        }
        self.now(table, sql.replacen(" INDEX ", " INDEX CONCURRENTLY ", 1));
        Ok(())
    }

    pub(super) fn rename_index(&mut self, table: Table<'_>, from: &Text, to: &Text) -> Result<()> {
        self.flush();
        if self.dialect == Dialect::Postgres {
            self.now(table, format!("ALTER INDEX {} RENAME TO {}", quote(from), quote(to)));
            return Ok(());
        }
        self.now(table, drop_index_sql(from, self.dialect));
        if let Some(index) = table.entry.definition.indexes.iter().find(|index| index.name.as_ref() == Some(to)) {
            let sql = index_sql(table, index)?;
            self.now(table, sql);
        }
        Ok(())
    }

    /// SQLite has no such constraints: there all rows are looked at, as the table is made anew.
    pub(super) fn add_constraint_not_valid(
        &mut self,
        before: Table<'_>,
        after: Table<'_>,
        check: &Check,
    ) -> Result<()> {
        if self.dialect == Dialect::Sqlite {
            return self.rebuild(before, after, &[]);
        }
        let sql = format!("ALTER TABLE {} ADD {} NOT VALID", quote(after.name), check_sql(after, check)?);
        self.now(after, sql);
        Ok(())
    }

    pub(super) fn validate_constraint(&mut self, table: Table<'_>, name: &str) {
        if self.dialect == Dialect::Postgres {
            self.now(table, format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", quote(table.name), quote(name)));
        }
    }

    pub(super) fn alter_unique_together(&mut self, before: Table<'_>, after: Table<'_>) -> Result<()> {
        self.flush();
        let (old, new) = (&before.entry.definition.unique_together, &after.entry.definition.unique_together);
        for group in old.iter().filter(|group| !new.contains(group)) {
            let columns = before.columns(group)?;
            let lookup = match self.dialect {
                Dialect::Sqlite => Lookup::index(before, &together_name(before, group)?, &columns, true),
                Dialect::Postgres => Lookup::constraint(before, &together_name(before, group)?, 'u', &columns),
            };
            self.named(before, drop_together_sql(before, group)?, lookup);
        }
        for group in new.iter().filter(|group| !old.contains(group)) {
            let sql = together_sql(after, group)?;
            self.now(after, sql);
        }
        Ok(())
    }

    pub(super) fn add_constraint(
        &mut self,
        before: Table<'_>,
        after: Table<'_>,
        constraint: &Constraint,
    ) -> Result<()> {
        if self.dialect == Dialect::Sqlite && !is_index(constraint) {
            return match constraint {
                Constraint::Unique(unique) if !is_supported(unique, self.dialect) => Ok(()),
                _ => self.rebuild(before, after, &[]),
            };
        }
        if let Some(sql) = add_constraint_sql(after, constraint)? {
            self.now(after, sql);
        }
        Ok(())
    }

    pub(super) fn drop_constraint(
        &mut self,
        before: Table<'_>,
        after: Table<'_>,
        constraint: &Constraint,
    ) -> Result<()> {
        let name = constraint.name();
        if matches!(constraint, Constraint::Unique(unique) if !is_supported(unique, self.dialect)) {
            return Ok(());
        }
        // One that still waits to be made need not be.
        let quoted = quote(name);
        let waiting = self.deferred.len();
        self.deferred.retain(|it| {
            let makes = [format!("ADD CONSTRAINT {quoted} "), format!("CREATE UNIQUE INDEX {quoted} ")];
            it.change.table != before.name || !makes.iter().any(|start| it.change.sql.contains(start.as_str()))
        });
        if self.deferred.len() < waiting {
            return Ok(());
        }
        if is_index(constraint) {
            let sql = drop_index_sql(name, self.dialect);
            self.now(after, sql);
            return Ok(());
        }
        match self.dialect {
            Dialect::Sqlite => self.rebuild(before, after, &[]),
            Dialect::Postgres => {
                let sql = format!("ALTER TABLE {} DROP CONSTRAINT {quoted}", quote(after.name));
                self.now(after, sql);
                Ok(())
            }
        }
    }
}

/// Whether the engine has such a unique constraint; Django leaves it out where it does not.
pub(super) fn is_supported(unique: &Unique, dialect: Dialect) -> bool {
    dialect != Dialect::Sqlite
        || (unique.include.is_empty() && unique.deferrable.is_none() && unique.nulls_distinct.is_none())
}

/// Whether it is made by a statement of its own after the table.
pub(super) fn stands_apart(unique: &Unique) -> bool {
    is_unique_index(unique) || unique.nulls_distinct.is_some()
}

/// Whether it is a unique index rather than a constraint.
pub(super) fn is_unique_index(unique: &Unique) -> bool {
    unique.condition.is_some() || !unique.expressions.is_empty() || !unique.include.is_empty()
}

pub(super) fn is_index(constraint: &Constraint) -> bool {
    matches!(constraint, Constraint::Unique(unique) if is_unique_index(unique))
}

/// The statement that adds a constraint to a table that is there; `None` if the engine does not have it.
pub(super) fn add_constraint_sql(table: Table<'_>, constraint: &Constraint) -> Result<Option<String>> {
    match constraint {
        Constraint::Unique(unique) if !is_supported(unique, table.dialect()) => Ok(None),
        Constraint::Unique(unique) => unique_sql(table, unique).map(Some),
        Constraint::Check(check) => {
            Ok(Some(format!("ALTER TABLE {} ADD {}", quote(table.name), check_sql(table, check)?)))
        }
    }
}

pub(super) fn check_sql(table: Table<'_>, check: &Check) -> Result<String> {
    Ok(format!("CONSTRAINT {} CHECK ({})", quote(&check.name), table.inline(&check.condition)?))
}

pub(super) fn unique_sql(table: Table<'_>, unique: &Unique) -> Result<String> {
    let (name, on) = (quote(&unique.name), quote(table.name));
    let nulls = match unique.nulls_distinct {
        None => "",
        Some(true) => " NULLS DISTINCT",
        Some(false) => " NULLS NOT DISTINCT",
    };
    if !is_unique_index(unique) {
        let columns = list(&table.columns(&unique.fields)?);
        let when = deferrable_sql(unique.deferrable);
        return Ok(format!("ALTER TABLE {on} ADD CONSTRAINT {name} UNIQUE{nulls} ({columns}){when}"));
    }
    let keys = match unique.expressions.as_slice() {
        [] => list(&table.columns(&unique.fields)?),
        steps => steps_sql(table, steps)?,
    };
    let include = include_sql(table, &unique.include)?;
    let condition = condition_sql(table, unique.condition.as_ref())?;
    Ok(format!("CREATE UNIQUE INDEX {name} ON {on} ({keys}){include}{nulls}{condition}"))
}

pub(super) fn deferrable_sql(deferrable: Option<Deferrable>) -> &'static str {
    match deferrable {
        None => "",
        Some(Deferrable::Deferred) => " DEFERRABLE INITIALLY DEFERRED",
        Some(Deferrable::Immediate) => " DEFERRABLE INITIALLY IMMEDIATE",
    }
}

pub(super) fn index_sql(table: Table<'_>, index: &Index) -> Result<String> {
    let Some(name) = &index.name else {
        let message = format!("an index of {} has no name; give it one with `.name(…)`", table.entry.label);
        return Err(Error::new(ErrorKind::Migration, message));
    };
    let keys = steps_sql(table, &index.expressions)?;
    let include = match table.dialect() {
        Dialect::Sqlite => String::new(),
        Dialect::Postgres => include_sql(table, &index.include)?,
    };
    let condition = condition_sql(table, index.condition.as_ref())?;
    Ok(format!("CREATE INDEX {} ON {} ({keys}){include}{condition}", quote(name), quote(table.name)))
}

pub(super) fn drop_index_sql(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => format!("DROP INDEX {}", quote(name)),
        Dialect::Postgres => format!("DROP INDEX IF EXISTS {}", quote(name)),
    }
}

/// The columns and expressions of an index; expressions in parentheses, as both engines want them.
pub(super) fn steps_sql(table: Table<'_>, steps: &[OrderBy]) -> Result<String> {
    let mut parts = Vec::new();
    for step in steps {
        let mut part = match &step.expression {
            Node::Path(names) if names.len() == 1 => quote(&table.column(&names.concat())?.name),
            expression => format!("({})", table.inline(expression)?),
        };
        if step.descending {
            part.push_str(" DESC");
        }
        // SQLite has no say in where an index keeps its nulls; queries may still say where they want them.
        match step.nulls_first.filter(|_| table.dialect() == Dialect::Postgres) {
            Some(true) => part.push_str(" NULLS FIRST"),
            Some(false) => part.push_str(" NULLS LAST"),
            None => {}
        }
        parts.push(part);
    }
    Ok(parts.join(", "))
}

pub(super) fn include_sql(table: Table<'_>, fields: &[Text]) -> Result<String> {
    match fields {
        [] => Ok(String::new()),
        fields => Ok(format!(" INCLUDE ({})", list(&table.columns(fields)?))),
    }
}

pub(super) fn condition_sql(table: Table<'_>, condition: Option<&Node>) -> Result<String> {
    condition.map_or(Ok(String::new()), |condition| Ok(format!(" WHERE {}", table.inline(condition)?)))
}

pub(super) fn together_name(table: Table<'_>, group: &[Text]) -> Result<String> {
    Ok(names::index(&table.entry.table, &table.columns(group)?, "_uniq", table.dialect()))
}

pub(super) fn together_sql(table: Table<'_>, group: &[Text]) -> Result<String> {
    let (name, on) = (quote(&together_name(table, group)?), quote(table.name));
    let columns = list(&table.columns(group)?);
    Ok(match table.dialect() {
        Dialect::Sqlite => format!("CREATE UNIQUE INDEX {name} ON {on} ({columns})"),
        Dialect::Postgres => format!("ALTER TABLE {on} ADD CONSTRAINT {name} UNIQUE ({columns})"),
    })
}

pub(super) fn drop_together_sql(table: Table<'_>, group: &[Text]) -> Result<String> {
    let name = together_name(table, group)?;
    Ok(match table.dialect() {
        Dialect::Sqlite => drop_index_sql(&name, Dialect::Sqlite),
        Dialect::Postgres => format!("ALTER TABLE {} DROP CONSTRAINT {}", quote(table.name), quote(&name)),
    })
}
