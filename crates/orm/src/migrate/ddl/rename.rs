//! Tables that get other names, and tables between that do with them.

use super::{Editor, Table, quote};
use crate::engine::Dialect;
use crate::error::Result;
use crate::model::FieldId;

impl Editor {
    /// Gives a table and those between the names that they have from now on.
    pub(super) fn alter_table(&mut self, before: Table<'_>, after: Table<'_>) {
        self.flush();
        self.rename_table(before.name, after);
        for position in 0..after.entry.definition.fields.len() {
            let id = FieldId(position);
            if let (Some(old), Some(new)) = (before.between(id), after.between(id)) {
                self.rename_table(old.name, new);
            }
        }
    }

    /// Renames a model's table, and the columns of tables between that are named after the model.
    pub(super) fn rename_model(&mut self, before: Table<'_>, after: Table<'_>) -> Result<()> {
        self.flush();
        self.rename_table(before.name, after);
        self.rename_keys(before, after)?;
        // The relations of others to the model, and then its own.
        let mut between: Vec<(Table<'_>, Table<'_>)> = Vec::new();
        for entry in after.schema.entries() {
            let Some((owner, field)) = entry.automatic_for else { continue };
            let new = Table::new(after.schema, entry);
            let owner = after.schema.entry(owner);
            let refers = entry.columns.iter().any(|column| {
                after.schema.target(entry.id, column.field).is_some_and(|(model, _)| model == after.entry.id)
            });
            if !refers {
                continue;
            }
            let label = if owner.id == after.entry.id { &before.entry.label } else { &owner.label };
            let Ok(owner) = before.schema.by_label(label) else { continue };
            if let Some(old) = Table::new(before.schema, owner).between(field) {
                between.push((old, new));
            }
        }
        between.sort_by_key(|(_, new)| new.entry.automatic_for.is_some_and(|(owner, _)| owner == after.entry.id));
        for (old, new) in between {
            self.alter_between(old, new)?;
        }
        Ok(())
    }

    /// The keys to a model whose table has another name now: PostgreSQL's are named after it. SQLite writes the new name
    /// into the tables by itself.
    fn rename_keys(&mut self, before: Table<'_>, after: Table<'_>) -> Result<()> {
        for entry in after.schema.entries() {
            let new = Table::new(after.schema, entry);
            let is_self = entry.id == after.entry.id;
            if entry.automatic_for.is_some() || !new.is_ours() || (self.dialect == Dialect::Sqlite && !is_self) {
                continue;
            }
            let label = if is_self { &before.entry.label } else { &entry.label };
            let Ok(old) = before.schema.by_label(label) else { continue };
            let old = Table { name: new.name, ..Table::new(before.schema, old) };
            for column in &entry.columns {
                let refers = after.schema.target(entry.id, column.field);
                if refers.is_none_or(|(model, _)| model != after.entry.id) {
                    continue;
                }
                let Ok(was) = old.column(&new.field(column).name) else { continue };
                // As in Django, which does not see keys without a way back here.
                let related = new.field(column).relation.as_ref().and_then(|relation| relation.related_name.as_deref());
                if related.is_some_and(|name| name.ends_with('+')) || was.name != column.name {
                    continue;
                }
                self.alter_column(old, was, new, column, None)?;
                if self.dialect == Dialect::Sqlite {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Alters the table between of a many-to-many relation: its name, and what its keys refer to.
    pub(super) fn alter_between(&mut self, old: Table<'_>, new: Table<'_>) -> Result<()> {
        let ([_, from_source, from_target], [_, to_source, to_target]) =
            (old.entry.columns.as_slice(), new.entry.columns.as_slice())
        else {
            return Ok(());
        };
        let pairs = [(from_target, to_target), (from_source, to_source)];
        if self.dialect == Dialect::Postgres {
            self.rename_table(old.name, new);
            let old = Table { name: new.name, ..old };
            for (was, is) in pairs {
                self.alter_column(old, was, new, is, None)?;
            }
            return Ok(());
        }
        if old.name == new.name {
            let sources: Vec<(&str, String)> = pairs.map(|(was, is)| (is.name.as_str(), quote(&was.name))).into();
            let same =
                old.entry.columns.iter().zip(&new.entry.columns).all(|(was, is)| {
                    was.name == is.name && was.kind == is.kind && old.enforced(was) == new.enforced(is)
                });
            return if same { Ok(()) } else { self.rebuild(old, new, &sources) };
        }
        self.create_table(new)?;
        let columns = |table: Table<'_>| {
            super::list(&table.entry.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())
        };
        self.now(
            new,
            format!(
                "INSERT INTO {} ({}) SELECT {} FROM {}",
                quote(new.name),
                columns(new),
                columns(old),
                quote(old.name)
            ),
        );
        self.keep_numbering(old, new);
        self.now(old, format!("DROP TABLE {}", quote(old.name)));
        self.flush();
        Ok(())
    }

    fn rename_table(&mut self, from: &str, after: Table<'_>) {
        let same = match self.dialect {
            Dialect::Sqlite => from.eq_ignore_ascii_case(after.name),
            Dialect::Postgres => from == after.name,
        };
        if !same {
            self.now(after, format!("ALTER TABLE {} RENAME TO {}", quote(from), quote(after.name)));
        }
    }
}
