//! What only PostgreSQL does: changes in place, keys by statements of their own, comments, pattern indexes.

mod alter;

use super::{Editor, Lookup, Table, column, quote};
use crate::engine::Dialect;
use crate::error::Result;
use crate::migrate::names;
use crate::model::SchemaColumn;
use crate::value::Value;

impl Editor {
    pub(super) fn add_column_postgres(
        &mut self,
        table: Table<'_>,
        column: &SchemaColumn,
        fill: Option<Value>,
    ) -> Result<()> {
        let on = quote(table.name);
        let mut sql = format!("ALTER TABLE {on} ADD COLUMN {}", column::definition(table, column, fill.as_ref())?);
        let key = table.enforced(column);
        if let Some((to_table, to_column)) = key {
            let (name, to_table, to_column) = (quote(&key_name(table, column)), quote(to_table), quote(to_column));
            sql.push_str(&format!(
                " CONSTRAINT {name} REFERENCES {to_table}({to_column}) DEFERRABLE INITIALLY DEFERRED"
            ));
        }
        self.now(table, sql);
        if key.is_some() {
            // Checks what is due, so that the table can be altered again in this transaction.
            self.now(table, format!("SET CONSTRAINTS {} IMMEDIATE", quote(&key_name(table, column))));
        }
        if fill.is_some() && table.field(column).db_default.is_none() {
            self.now(table, format!("ALTER TABLE {on} ALTER COLUMN {} DROP DEFAULT", quote(&column.name)));
        }
        self.comment_column(table, column);
        self.index_field(table, column);
        Ok(())
    }

    pub(super) fn drop_column_postgres(&mut self, table: Table<'_>, column: &SchemaColumn) {
        let on = quote(table.name);
        if table.enforced(column).is_some() {
            let waiting = self.deferred.len();
            self.deferred.retain(|it| {
                it.refers_to.is_none() || it.change.table != table.name || it.column.as_ref() != Some(&column.name)
            });
            if self.deferred.len() == waiting {
                self.drop_key(table, table, column);
            }
        }
        self.now(table, format!("ALTER TABLE {on} DROP COLUMN {} CASCADE", quote(&column.name)));
    }

    /// Drops the foreign key of a column of `table`, which now goes by the name that `now` has.
    pub(super) fn drop_key(&mut self, table: Table<'_>, now: Table<'_>, column: &SchemaColumn) {
        let name = key_name(table, column);
        let lookup = Lookup::constraint(table, &name, 'f', &[&column.name]);
        let (on, name) = (quote(now.name), quote(&name));
        // Checks what is due, so that it can be dropped in a transaction that has changed rows.
        self.named(now, format!("SET CONSTRAINTS {name} IMMEDIATE"), lookup.clone());
        self.named(now, format!("ALTER TABLE {on} DROP CONSTRAINT {name}"), lookup);
    }

    /// The comments of a table and its columns.
    pub(super) fn comment(&mut self, table: Table<'_>) {
        if let Some(comment) = &table.entry.definition.comment {
            self.now(table, comment_sql(table, Some(comment)));
        }
        for column in &table.entry.columns {
            self.comment_column(table, column);
        }
    }

    fn comment_column(&mut self, table: Table<'_>, column: &SchemaColumn) {
        if let Some(comment) = &table.field(column).comment {
            self.now(table, column_comment_sql(table, column, comment));
        }
    }
}

/// The statement that sets a table's comment, or takes it away.
pub(super) fn comment_sql(table: Table<'_>, comment: Option<&str>) -> String {
    format!("COMMENT ON TABLE {} IS {}", quote(table.name), text(comment.unwrap_or_default()))
}

fn column_comment_sql(table: Table<'_>, column: &SchemaColumn, comment: &str) -> String {
    format!("COMMENT ON COLUMN {}.{} IS {}", quote(table.name), quote(&column.name), text(comment))
}

/// The statement that makes a foreign key once both tables are there.
pub(super) fn add_key_sql(table: Table<'_>, column: &SchemaColumn) -> String {
    key_sql(table, column, &key_name(table, column))
}

fn key_sql(table: Table<'_>, column: &SchemaColumn, name: &str) -> String {
    let (to_table, to_column) = table.enforced(column).unwrap_or_default();
    format!(
        "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) DEFERRABLE INITIALLY DEFERRED",
        quote(table.name),
        quote(name),
        quote(&column.name),
        quote(to_table),
        quote(to_column)
    )
}

fn key_name(table: Table<'_>, column: &SchemaColumn) -> String {
    let (to_table, to_column) = table.enforced(column).unwrap_or_default();
    let suffix = format!("_fk_{to_table}_{to_column}");
    names::index(&table.entry.table, &[&column.name], &suffix, Dialect::Postgres)
}

/// The operator class of the second index that an indexed text column has on PostgreSQL, so that `LIKE` can use it
/// whatever the locale.
pub(super) fn pattern_index(table: Table<'_>, column: &SchemaColumn) -> Option<&'static str> {
    let field = table.field(column);
    if table.dialect() != Dialect::Postgres || !(field.index || field.unique || table.is_key(column)) {
        return None;
    }
    let sql_type = column::sql_type(&column.kind, table.field(column).relation.is_some(), Dialect::Postgres);
    if sql_type.starts_with("varchar") {
        Some(" varchar_pattern_ops")
    } else if sql_type.starts_with("text") {
        Some(" text_pattern_ops")
    } else {
        None
    }
}

fn text(comment: &str) -> String {
    format!("'{}'", comment.replace('\'', "''"))
}
