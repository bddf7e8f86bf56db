//! What only SQLite does: a table that `ALTER TABLE` cannot change is made anew beside the old, and filled from it.

use super::{Editor, Table, column, quote};
use crate::error::Result;
use crate::model::{DatabaseDefault, SchemaColumn};
use crate::value::Value;

impl Editor {
    pub(super) fn add_column_sqlite(
        &mut self,
        before: Table<'_>,
        after: Table<'_>,
        column: &SchemaColumn,
        fill: Option<Value>,
    ) -> Result<()> {
        let field = after.field(column);
        let is_key = after.entry.single_key().is_some_and(|key| key.field == column.field);
        let computed = matches!(field.db_default, Some(DatabaseDefault::Expression(_)))
            || field.generated.as_ref().is_some_and(|generated| generated.stored);
        if is_key || field.unique || !field.null || fill.is_some() || computed {
            let fill = match (&field.db_default, &fill) {
                (Some(_), _) => None,
                (None, Some(value)) => Some((column, column::literal(after, value)?)),
                (None, None) => Some((column, "NULL".to_owned())),
            };
            return self.rebuild(before, after, fill);
        }
        let definition = column::definition(after, column, None)?;
        self.now(after, format!("ALTER TABLE {} ADD COLUMN {definition}", quote(after.name)));
        self.index_field(after, column);
        Ok(())
    }

    pub(super) fn drop_column_sqlite(
        &mut self,
        before: Table<'_>,
        after: Table<'_>,
        column: &SchemaColumn,
    ) -> Result<()> {
        let field = before.field(column);
        let is_key = before
            .entry
            .primary_key
            .iter()
            .any(|position| before.entry.columns.get(*position).is_some_and(|key| key.field == column.field));
        if is_key || field.unique || field.index || before.enforced(column).is_some() {
            return self.rebuild(before, after, None);
        }
        self.now(after, format!("ALTER TABLE {} DROP COLUMN {}", quote(after.name), quote(&column.name)));
        Ok(())
    }

    /// Makes the table anew as `after` has it, with the rows of `before`; `fill` is a new column with what to put there.
    ///
    /// Foreign keys must not be enforced meanwhile. Triggers go with the old table: who runs the statements puts them
    /// back.
    pub(super) fn rebuild(
        &mut self,
        before: Table<'_>,
        after: Table<'_>,
        fill: Option<(&SchemaColumn, String)>,
    ) -> Result<()> {
        let name = after.entry.table.as_str();
        let new_name = format!("new__{name}");
        let new = Table { name: &new_name, ..after };
        let mut into = Vec::new();
        let mut from = Vec::new();
        for column in after.entry.columns.iter().filter(|column| after.field(column).generated.is_none()) {
            let source = match &fill {
                Some((new, source)) if new.name == column.name => source.clone(),
                _ if before.entry.columns.iter().any(|old| old.name == column.name) => quote(&column.name),
                // The database puts in what it has as default.
                _ => continue,
            };
            into.push(quote(&column.name));
            from.push(source);
        }
        // What waits to index the table: it is made with all its indexes now.
        self.deferred.retain(|it| it.change.table != name);
        self.create_table(new)?;
        let (new_quoted, old_quoted) = (quote(&new_name), quote(name));
        let (into, from) = (into.join(", "), from.join(", "));
        self.now(after, format!("INSERT INTO {new_quoted} ({into}) SELECT {from} FROM {old_quoted}"));
        if after.entry.single_key().is_some_and(|key| after.field(key).kind.is_auto()) {
            // The next number: without it those of deleted rows would be given again.
            let (new_text, old_text) = (text(&new_name), text(name));
            self.now(after, format!("DELETE FROM sqlite_sequence WHERE name = {new_text}"));
            self.now(
                after,
                format!(
                    "INSERT INTO sqlite_sequence (name, seq) SELECT {new_text}, seq FROM sqlite_sequence WHERE name = \
                     {old_text}"
                ),
            );
        }
        self.now(after, format!("DROP TABLE {old_quoted}"));
        self.now(after, format!("ALTER TABLE {new_quoted} RENAME TO {old_quoted}"));
        // Its indexes, which `create_table` left for later under the name that the table had meanwhile.
        let (own, rest) = std::mem::take(&mut self.deferred).into_iter().partition(|it| it.change.table == new_name);
        self.deferred = rest;
        for mut deferred in own {
            deferred.change.sql =
                deferred.change.sql.replacen(&format!(" ON {new_quoted} "), &format!(" ON {old_quoted} "), 1);
            deferred.change.table = name.to_owned();
            self.done.push(deferred.change);
        }
        Ok(())
    }
}

fn text(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}
