//! Altering a field: what its column was, what it is from now on, and whose tables that concerns.

use super::{Editor, Lookup, Table, column, filling};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::migrate::names;
use crate::model::{Field, SchemaColumn};
use crate::value::Value;

/// What the database knows of a column, with names of the moment: two that are equal need no statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape<'a> {
    pub(super) name: &'a str,
    pub(super) sql_type: String,
    pub(super) collation: Option<String>,
    /// What stands after `DEFAULT`.
    pub(super) default: Option<String>,
    pub(super) generated: Option<(String, bool)>,
    pub(super) null: bool,
    /// Whether it is the whole primary key.
    pub(super) key: bool,
    /// Whether it has a unique constraint of its own.
    pub(super) unique: bool,
    /// Whether it has an index of its own.
    pub(super) index: bool,
    /// The class of the index beside that is good for `LIKE`.
    pub(super) pattern: Option<&'static str>,
    /// The check of its kind, over a column of some name.
    pub(super) check: Option<String>,
    /// Whether the database numbers it.
    pub(super) numbered: bool,
    /// The table and column that it refers to.
    pub(super) references: Option<(&'a str, &'a str)>,
    pub(super) comment: Option<String>,
}

impl<'a> Shape<'a> {
    pub(super) fn of(table: Table<'a>, column: &'a SchemaColumn) -> Result<Self> {
        let field = table.field(column);
        let is_relation = field.relation.is_some();
        let key = table.is_key(column);
        let generated = match &field.generated {
            Some(generated) => Some((table.inline(&generated.expression)?, generated.stored)),
            None => None,
        };
        Ok(Shape {
            name: &column.name,
            sql_type: column::sql_type(&column.kind, is_relation, table.dialect()),
            collation: column::collation(table, column),
            default: column::default(table, column)?,
            generated,
            null: field.null,
            key,
            unique: field.unique && !key,
            index: field.index && !field.unique && !key,
            pattern: super::postgres::pattern_index(table, column),
            check: column::check(&column.kind, is_relation, table.dialect(), "column"),
            numbered: field.kind.is_auto(),
            references: table.enforced(column),
            comment: field.comment.as_deref().map(str::to_owned),
        })
    }

    /// Whether keys to it must change with it.
    pub(super) fn is_retyped(&self, new: &Self) -> bool {
        self.sql_type != new.sql_type || self.collation != new.collation
    }
}

/// A column that refers to another, before and after.
#[derive(Clone, Copy)]
pub(super) struct Referring<'a> {
    pub(super) before: Table<'a>,
    pub(super) old: &'a SchemaColumn,
    pub(super) after: Table<'a>,
    pub(super) new: &'a SchemaColumn,
}

/// The columns that refer to one and so have its type, and those that refer to them.
pub(super) fn referring<'a>(before: Table<'a>, old: &SchemaColumn, after: Table<'a>) -> Vec<Referring<'a>> {
    let mut found = Vec::new();
    collect(before, old, after, &mut found);
    found
}

fn collect<'a>(before: Table<'a>, old: &SchemaColumn, after: Table<'a>, found: &mut Vec<Referring<'a>>) {
    let target = (before.entry.id, old.field);
    for entry in before.schema.entries() {
        let referring = Table::new(before.schema, entry);
        if !referring.is_ours() {
            continue;
        }
        for column in &entry.columns {
            let refers = before.schema.target(entry.id, column.field);
            if refers.is_none_or(|(model, to)| (model, to.field) != target) {
                continue;
            }
            let Ok(now) = after.schema.by_label(&entry.label).map(|entry| Table::new(after.schema, entry)) else {
                continue;
            };
            let Ok(new) = now.column(&referring.field(column).name) else { continue };
            let is_known =
                found.iter().any(|known| known.before.entry.id == entry.id && known.old.field == column.field);
            if !is_known {
                found.push(Referring { before: referring, old: column, after: now, new });
                collect(referring, column, now, found);
            }
        }
    }
}

/// The columns that hold the key which rows of a table have until now, those of tables between among them, and those that
/// refer to such a column: from now on they hold the new one. A key that says `to_field` stays as it is.
fn rekeyed<'a>(before: Table<'a>, after: Table<'a>) -> Vec<Referring<'a>> {
    let Some(key) = before.entry.single_key() else { return Vec::new() };
    let first = (before.entry.id, key.field);
    let mut holders = vec![first];
    let mut found = Vec::new();
    for it in referring(before, key, after) {
        let Some((model, column)) = it.before.schema.target(it.before.entry.id, it.old.field) else { continue };
        let target = (model, column.field);
        let to_key = it.after.field(it.new).relation.as_ref().is_some_and(|to| to.to_field.is_none());
        if holders.contains(&target) && (to_key || target != first) {
            holders.push((it.before.entry.id, it.old.field));
            found.push(it);
        }
    }
    found
}

impl Editor {
    /// Alters or renames a field, with or without a column.
    pub(super) fn alter_field(
        &mut self,
        before: Table<'_>,
        after: Table<'_>,
        from: &str,
        to: &str,
        fill: Option<&Value>,
    ) -> Result<()> {
        let (Some(old), Some(new)) = (before.entry.field_id(from), after.entry.field_id(to)) else { return Ok(()) };
        let (old_field, new_field) = (before.entry.field(old), after.entry.field(new));
        match (old_field.has_column(), new_field.has_column()) {
            (true, true) => {
                let (Some(old), Some(new)) = (before.entry.column(old), after.entry.column(new)) else { return Ok(()) };
                self.flush();
                self.alter_column(before, old, after, new, filling(after, new, fill)?)
            }
            (false, false) => match (before.between(old), after.between(new)) {
                (Some(old), Some(new)) => {
                    self.flush();
                    self.alter_between(old, new)
                }
                // Models of their own, which are altered for themselves.
                (None, None) => Ok(()),
                _ => Err(incompatible(old_field, new_field)),
            },
            _ => Err(incompatible(old_field, new_field)),
        }
    }

    /// Alters a column, of a table that has the name of `after` already.
    pub(super) fn alter_column(
        &mut self,
        before: Table<'_>,
        old: &SchemaColumn,
        after: Table<'_>,
        new: &SchemaColumn,
        fill: Option<Value>,
    ) -> Result<()> {
        let (was, is) = (Shape::of(before, old)?, Shape::of(after, new)?);
        if was.generated != is.generated {
            let message =
                "what the database computes cannot be altered; remove the field, and add it again as it is now";
            return Err(Error::new(ErrorKind::Migration, message));
        }
        if was == is {
            return self.alter_keys_to_own(before, old, after);
        }
        let fill = match fill {
            Some(value) if was.null && !is.null => Some(column::literal(after, &value)?),
            _ => None,
        };
        let change = ColumnChange { before, old, was, after, new, is, fill };
        match self.dialect {
            Dialect::Sqlite => self.alter_column_sqlite(&change),
            Dialect::Postgres => self.alter_column_postgres(&change),
        }
    }

    /// Where a column stays as it is on SQLite, but numbers of another size are meant, says so of the table's own keys to
    /// it. As in Django, those of other tables stay: SQLite knows one size.
    fn alter_keys_to_own(&mut self, before: Table<'_>, old: &SchemaColumn, after: Table<'_>) -> Result<()> {
        if self.dialect == Dialect::Postgres {
            return Ok(());
        }
        for key in referring(before, old, after).iter().filter(|key| key.after.entry.id == after.entry.id) {
            if Shape::of(key.before, key.old)?.is_retyped(&Shape::of(key.after, key.new)?) {
                return self.rebuild(Table { name: after.name, ..before }, after, &[]);
            }
        }
        Ok(())
    }

    /// Drops the index that a column has of its own.
    pub(super) fn drop_field_index(&mut self, change: &ColumnChange<'_>) {
        let name = names::index(&change.before.entry.table, &[change.was.name], "", self.dialect);
        let lookup = Lookup::index(change.before, &name, &[change.was.name], false);
        let sql = super::drop_index_sql(&name, self.dialect);
        self.named(change.after, sql, lookup);
    }

    pub(super) fn alter_primary_key(&mut self, before: Table<'_>, after: Table<'_>) -> Result<()> {
        self.flush();
        let (old, new) = (&before.entry.definition.primary_key, &after.entry.definition.primary_key);
        if old == new {
            return Ok(());
        }
        let keys = rekeyed(before, after);
        match self.dialect {
            Dialect::Sqlite => self.alter_primary_key_sqlite(before, after, &keys),
            Dialect::Postgres => self.alter_primary_key_postgres(before, after, &keys),
        }
    }
}

/// A column before and after.
pub(super) struct ColumnChange<'a> {
    pub(super) before: Table<'a>,
    pub(super) old: &'a SchemaColumn,
    pub(super) was: Shape<'a>,
    pub(super) after: Table<'a>,
    pub(super) new: &'a SchemaColumn,
    pub(super) is: Shape<'a>,
    /// What rows get that have null where it may not be null any more.
    pub(super) fill: Option<String>,
}

impl ColumnChange<'_> {
    /// What rows with null get: the fill, else the default in the database.
    pub(super) fn filling(&self) -> Option<&String> {
        if !self.was.null || self.is.null {
            return None;
        }
        self.is.default.as_ref().or(self.fill.as_ref())
    }
}

fn incompatible(old: &Field, new: &Field) -> Error {
    let what = |field: &Field| match (&field.kind, &field.relation) {
        (Kind::ManyToMany, Some(relation)) => match &relation.through {
            Some(through) => format!("a many-to-many relation through {through}"),
            None => "a many-to-many relation with a table of its own".to_owned(),
        },
        _ => "a column".to_owned(),
    };
    Error::new(
        ErrorKind::Migration,
        format!("{} cannot become {}; remove the field, and add it again as it is now", what(old), what(new)),
    )
}
