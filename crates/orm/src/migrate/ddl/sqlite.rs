//! What only SQLite does: a table that `ALTER TABLE` cannot change is made anew beside the old, and filled from it.

use super::alter::{ColumnChange, Referring, Shape, referring};
use super::constraint::{add_constraint_sql, is_index, together_sql};
use super::lookup::Kept;
use super::{Editor, Lookup, Table, column, quote};
use crate::engine::Dialect;
use crate::error::Result;
use crate::migrate::names;
use crate::migrate::operation::Constraint;
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
        let is_key = after.is_key(column);
        let computed = matches!(field.db_default, Some(DatabaseDefault::Expression(_)))
            || field.generated.as_ref().is_some_and(|generated| generated.stored);
        if is_key || field.unique || !field.null || fill.is_some() || computed {
            let fill = match (&field.db_default, &fill) {
                (Some(_), _) => None,
                (None, Some(value)) => Some((column.name.as_str(), column::literal(after, value)?)),
                (None, None) => Some((column.name.as_str(), "NULL".to_owned())),
            };
            return self.rebuild(before, after, fill.as_slice());
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
            return self.rebuild(before, after, &[]);
        }
        self.now(after, format!("ALTER TABLE {} DROP COLUMN {}", quote(after.name), quote(&column.name)));
        Ok(())
    }

    /// Renames the column, makes or drops its index, or makes the table anew.
    pub(super) fn alter_column_sqlite(&mut self, change: &ColumnChange<'_>) -> Result<()> {
        let ColumnChange { before, after, was, is, .. } = change;
        let on = quote(after.name);
        // SQLite has no comments.
        let renamed = Shape { name: is.name, comment: is.comment.clone(), ..was.clone() };
        if renamed == *is && (was.name == is.name || was.references.is_none()) {
            if was.name != is.name {
                let (from, to) = (quote(was.name), quote(is.name));
                self.now(*after, format!("ALTER TABLE {on} RENAME COLUMN {from} TO {to}"));
            }
            return Ok(());
        }
        if was.name == is.name && (Shape { index: is.index, ..renamed }) == *is {
            if was.index {
                self.drop_field_index(change);
            } else {
                let name = names::index(&after.entry.table, &[is.name], "", Dialect::Sqlite);
                self.now(*after, format!("CREATE INDEX {} ON {on} ({})", quote(&name), quote(is.name)));
            }
            return Ok(());
        }
        let source = match change.filling() {
            Some(fill) => format!("coalesce({}, {fill})", quote(was.name)),
            None => quote(was.name),
        };
        let old = Table { name: after.name, ..*before };
        self.rebuild(old, *after, &[(is.name, source)])?;
        if was.is_retyped(is) || was.name != is.name {
            // Keys that say its type or name.
            for key in referring(*before, change.old, *after) {
                if key.after.entry.id != after.entry.id {
                    self.rebuild(Table { name: key.after.name, ..key.before }, key.after, &[])?;
                }
            }
        }
        Ok(())
    }

    /// Makes the table anew with another primary key, and before it those whose keys hold the old one.
    pub(super) fn alter_primary_key_sqlite(
        &mut self,
        before: Table<'_>,
        after: Table<'_>,
        keys: &[Referring<'_>],
    ) -> Result<()> {
        let key_of = |table: Table<'_>| table.entry.single_key().map(|key| quote(&key.name));
        let (Some(old), Some(new)) = (key_of(before), key_of(after)) else { return self.rebuild(before, after, &[]) };
        let parent = quote(before.name);
        let sources = |model| -> Vec<_> {
            let own = keys.iter().filter(|key| key.after.entry.id == model);
            own.map(|key| {
                let held = format!("{}.{}", quote(key.before.name), quote(&key.old.name));
                let source =
                    format!("(SELECT \"keyed\".{new} FROM {parent} AS \"keyed\" WHERE \"keyed\".{old} = {held})");
                (key.new.name.as_str(), source)
            })
            .collect()
        };
        let mut done = Vec::new();
        // While the old key is indexed.
        for key in keys.iter().filter(|key| key.after.entry.id != after.entry.id) {
            if !done.contains(&key.after.entry.id) {
                done.push(key.after.entry.id);
                self.rebuild(key.before, key.after, &sources(key.after.entry.id))?;
            }
        }
        self.rebuild(before, after, &sources(after.entry.id))
    }

    /// Makes the table anew as `after` has it, with the rows of `before` and their row ids; `sources` says for some
    /// columns what to put there instead of what the column of the same name holds.
    ///
    /// Foreign keys must not be enforced meanwhile. Triggers, and indexes that the models do not know, go with the old
    /// table and are made again.
    pub(super) fn rebuild(&mut self, before: Table<'_>, after: Table<'_>, sources: &[(&str, String)]) -> Result<()> {
        let name = after.entry.table.as_str();
        let new_name = format!("new__{name}");
        let new = Table { name: &new_name, ..after };
        let mut into = Vec::new();
        let mut from = Vec::new();
        if let Some(row_id) = row_id(before, after) {
            into.push(row_id.to_owned());
            from.push(row_id.to_owned());
        }
        for column in after.entry.columns.iter().filter(|column| after.field(column).generated.is_none()) {
            let source = match sources.iter().find(|(name, _)| *name == column.name) {
                Some((_, source)) => source.clone(),
                None if before.entry.columns.iter().any(|old| old.name == column.name) => quote(&column.name),
                // The database puts in what it has as default.
                None => continue,
            };
            into.push(quote(&column.name));
            from.push(source);
        }
        // What waits to index the table: it is made with all its indexes now.
        self.deferred.retain(|it| it.change.table != name && it.change.table != before.name);
        self.create_table(new)?;
        let (new_quoted, old_quoted, quoted) = (quote(&new_name), quote(before.name), quote(name));
        let (into, from) = (into.join(", "), from.join(", "));
        self.now(after, format!("INSERT INTO {new_quoted} ({into}) SELECT {from} FROM {old_quoted}"));
        self.keep_numbering(before, new);
        // What refers to the table says its name already, and must go on to.
        let replace = format!(
            "DROP TABLE {old_quoted};\nPRAGMA legacy_alter_table = ON;\nALTER TABLE {new_quoted} RENAME TO {quoted};\n\
             PRAGMA legacy_alter_table = OFF"
        );
        let kept = self.kept(before, after, sources)?;
        self.named(Table { name: before.name, ..after }, replace, Lookup::Kept(kept));
        // Its indexes, which `create_table` left for later under the name that the table had meanwhile.
        let (own, rest) = std::mem::take(&mut self.deferred).into_iter().partition(|it| it.change.table == new_name);
        self.deferred = rest;
        for mut deferred in own {
            deferred.change.sql =
                deferred.change.sql.replacen(&format!(" ON {new_quoted} "), &format!(" ON {quoted} "), 1);
            deferred.change.table = name.to_owned();
            self.done.push(deferred.change);
        }
        Ok(())
    }

    /// What to keep of a table that is made anew, and what not.
    fn kept(&self, before: Table<'_>, after: Table<'_>, sources: &[(&str, String)]) -> Result<Kept> {
        let mut scratch = Editor {
            dialect: self.dialect,
            atomic: self.atomic,
            operation: self.operation,
            done: Vec::new(),
            deferred: Vec::new(),
        };
        // Under its name of now, but without the tables between.
        scratch.index_fields(before)?;
        for constraint in Constraint::all_of(&before.entry.definition).iter().filter(|it| is_index(it)) {
            if let Some(sql) = add_constraint_sql(before, constraint)? {
                scratch.now(before, sql);
            }
        }
        for group in &before.entry.definition.unique_together {
            let sql = together_sql(before, group)?;
            scratch.now(before, sql);
        }
        let is_gone = |name: &&String| {
            let is_used = sources.iter().any(|(_, source)| source.contains(&quote(name)));
            !is_used && !after.entry.columns.iter().any(|column| column.name == **name)
        };
        let names = before.entry.columns.iter().map(|column| &column.name);
        Ok(Kept {
            removed: names.filter(is_gone).cloned().collect(),
            known: scratch.finish().into_iter().map(|change| change.sql).collect(),
        })
    }

    /// Has a new table number its rows from where the old one was: else the numbers of deleted rows were given again.
    pub(super) fn keep_numbering(&mut self, old: Table<'_>, new: Table<'_>) {
        let is_numbered =
            |table: Table<'_>| table.entry.single_key().is_some_and(|key| table.field(key).kind.is_auto());
        if !is_numbered(old) || !is_numbered(new) {
            return;
        }
        let (new_text, old_text) = (text(new.name), text(old.name));
        self.now(new, format!("DELETE FROM sqlite_sequence WHERE name = {new_text}"));
        self.now(
            new,
            format!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT {new_text}, seq FROM sqlite_sequence WHERE name = \
                 {old_text}"
            ),
        );
    }
}

/// The name under which the row id can be had on both tables, unless the key is the row id and keeps it.
fn row_id(before: Table<'_>, after: Table<'_>) -> Option<&'static str> {
    let is_alias = |table: Table<'_>| {
        table.entry.single_key().is_some_and(|key| {
            column::sql_type(&key.kind, table.field(key).relation.is_some(), Dialect::Sqlite) == "integer"
        })
    };
    if is_alias(after) {
        return None;
    }
    let is_free = |name: &&str| {
        let mut columns = before.entry.columns.iter().chain(&after.entry.columns);
        !columns.any(|column| column.name.eq_ignore_ascii_case(name))
    };
    ["rowid", "_rowid_", "oid"].into_iter().find(is_free)
}

fn text(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}
