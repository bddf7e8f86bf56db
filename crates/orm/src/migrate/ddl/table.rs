//! Tables made and dropped whole.

use super::constraint::{
    add_constraint_sql, check_sql, deferrable_sql, index_sql, is_supported, stands_apart, together_sql, unique_sql,
};
use super::{Editor, Table, column, list, postgres, quote};
use crate::engine::Dialect;
use crate::error::Result;
use crate::migrate::names;
use crate::migrate::operation::Constraint;
use crate::model::{DatabaseDefault, Field, SchemaColumn};
use crate::query::Node;

impl Editor {
    /// `CREATE TABLE`, comments, and the tables between right after; keys and indexes wait.
    pub(super) fn create_table(&mut self, table: Table<'_>) -> Result<()> {
        for group in &table.entry.definition.unique_together {
            let sql = together_sql(table, group)?;
            self.later(table, None, None, sql);
        }
        let mut parts = Vec::new();
        for column in &table.entry.columns {
            parts.push(column::definition(table, column, None)?);
            if self.dialect == Dialect::Postgres
                && let Some((to, _)) = table.enforced(column)
            {
                let sql = postgres::add_key_sql(table, column);
                self.later(table, Some(column), Some(to), sql);
            }
        }
        let with_literals = self.dialect == Dialect::Postgres
            && table.entry.columns.iter().any(|column| has_literal(table.field(column)));
        for constraint in Constraint::all_of(&table.entry.definition) {
            // As in Django, which cannot have parameters and constraints in one statement.
            if with_literals {
                if let Some(sql) = add_constraint_sql(table, &constraint)? {
                    self.later(table, None, None, sql);
                }
                continue;
            }
            match &constraint {
                Constraint::Check(check) => parts.push(check_sql(table, check)?),
                Constraint::Unique(unique) if !is_supported(unique, self.dialect) => {}
                Constraint::Unique(unique) if stands_apart(unique) => {
                    let sql = unique_sql(table, unique)?;
                    self.later(table, None, None, sql);
                }
                Constraint::Unique(unique) => {
                    let columns = list(&table.columns(&unique.fields)?);
                    let name = quote(&unique.name);
                    parts.push(format!("CONSTRAINT {name} UNIQUE ({columns}){}", deferrable_sql(unique.deferrable)));
                }
            }
        }
        if table.entry.primary_key.len() > 1 {
            let keys = table.entry.primary_key.iter().filter_map(|position| table.entry.columns.get(*position));
            parts.push(format!("PRIMARY KEY ({})", list(&keys.map(|key| key.name.as_str()).collect::<Vec<_>>())));
        }
        self.now(table, format!("CREATE TABLE {} ({})", quote(table.name), parts.join(", ")));
        if self.dialect == Dialect::Postgres {
            self.comment(table);
        }
        self.index_fields(table)?;
        for between in table.all_between() {
            // A rebuilt table keeps those it has.
            if table.name == table.entry.table {
                self.create_table(between)?;
            }
        }
        Ok(())
    }

    /// The indexes of single fields, then those of the model.
    pub(super) fn index_fields(&mut self, table: Table<'_>) -> Result<()> {
        for column in &table.entry.columns {
            self.index_field(table, column);
        }
        for index in &table.entry.definition.indexes {
            let sql = index_sql(table, index)?;
            self.later(table, None, None, sql);
        }
        Ok(())
    }

    pub(super) fn index_field(&mut self, table: Table<'_>, column: &SchemaColumn) {
        let field = table.field(column);
        let is_key = table.is_key(column);
        let indexed = |suffix: &str, class: &str| {
            let name = names::index(&table.entry.table, &[&column.name], suffix, table.dialect());
            format!("CREATE INDEX {} ON {} ({}{class})", quote(&name), quote(table.name), quote(&column.name))
        };
        if field.index && !field.unique && !is_key {
            self.later(table, Some(column), None, indexed("", ""));
        }
        if let Some(class) = postgres::pattern_index(table, column) {
            self.later(table, Some(column), None, indexed("_like", class));
        }
    }

    pub(super) fn drop_table(&mut self, table: Table<'_>) {
        for between in table.all_between() {
            self.drop_table(between);
        }
        let cascade = if self.dialect == Dialect::Postgres { " CASCADE" } else { "" };
        self.now(table, format!("DROP TABLE {}{cascade}", quote(table.name)));
        self.forget(table.name);
    }

    /// Drops the statements that wait and have to do with a table that is gone.
    pub(super) fn forget(&mut self, name: &str) {
        self.deferred.retain(|it| it.change.table != name && it.refers_to.as_deref() != Some(name));
    }
}

/// Whether Django binds a value in the column's definition, where it can.
fn has_literal(field: &Field) -> bool {
    let in_default = match &field.db_default {
        Some(DatabaseDefault::Value(value)) => !value.is_null(),
        Some(DatabaseDefault::Expression(node)) => has_value(node),
        None => false,
    };
    in_default || field.generated.as_ref().is_some_and(|generated| has_value(&generated.expression))
}

fn has_value(node: &Node) -> bool {
    match node {
        Node::Value(value, _) => !value.is_null(),
        Node::List(nodes) | Node::And(nodes) | Node::Or(nodes) | Node::Call(_, nodes) => nodes.iter().any(has_value),
        Node::Lookup { left, right, .. } | Node::Binary(_, left, right) => has_value(left) || has_value(right),
        Node::Not(inner) | Node::Cast(inner, _) => has_value(inner),
        Node::Case { whens, default } => {
            whens.iter().any(|(condition, result)| has_value(condition) || has_value(result))
                || default.as_deref().is_some_and(has_value)
        }
        _ => false,
    }
}
