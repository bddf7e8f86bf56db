//! Altering a column in place, in the order of Django's `_alter_field`: what depends on it goes, it changes, and what
//! depends on it comes back.

use super::{column_comment_sql, key_sql};
use crate::engine::Dialect;
use crate::error::Result;
use crate::migrate::ddl::alter::{ColumnChange, Referring, Shape, referring};
use crate::migrate::ddl::{Editor, Lookup, Table, quote};
use crate::migrate::names;
use crate::model::SchemaColumn;

impl Editor {
    pub(in crate::migrate::ddl) fn alter_column_postgres(&mut self, change: &ColumnChange<'_>) -> Result<()> {
        let ColumnChange { was, is, .. } = change;
        let retyped = was.is_retyped(is);
        let rekeyed = was.references.is_some()
            && (retyped || was.name != is.name || was.references != is.references || was.numbered != is.numbered);
        if rekeyed {
            self.drop_key(change.before, change.after, change.old);
        }
        let incoming = if retyped { referring(change.before, change.old, change.after) } else { Vec::new() };
        self.drop_incoming(&incoming);
        self.alter_shape(change);
        for key in &incoming {
            self.retype_key(key)?;
        }
        if is.references.is_some() && (rekeyed || was.references.is_none()) {
            let sql = super::add_key_sql(change.after, change.new);
            self.now(change.after, sql);
        }
        self.add_incoming(&incoming);
        self.add_check_and_end_default(change);
        Ok(())
    }

    pub(in crate::migrate::ddl) fn alter_primary_key_postgres(
        &mut self,
        before: Table<'_>,
        after: Table<'_>,
        keys: &[Referring<'_>],
    ) -> Result<()> {
        let mut changes = Vec::new();
        for new in &after.entry.columns {
            let Ok(old) = before.column(&after.field(new).name) else { continue };
            let is_own = |key: &Referring<'_>| key.before.entry.id == before.entry.id && key.old.field == old.field;
            if keys.iter().any(is_own) {
                continue;
            }
            let (was, is) = (Shape::of(before, old)?, Shape::of(after, new)?);
            if was != is {
                changes.push(ColumnChange { before, old, was, after, new, is, fill: None });
            }
        }
        // Keys hold on to the constraints of what they refer to.
        let mut incoming = keys.to_vec();
        for key in changes.iter().flat_map(|change| direct(before, change.old, after)) {
            let is_known = |known: &Referring<'_>| {
                known.before.entry.id == key.before.entry.id && known.old.field == key.old.field
            };
            if !incoming.iter().any(is_known) {
                incoming.push(key);
            }
        }
        self.drop_incoming(&incoming);
        for key in keys {
            self.hold_new_key(key, before, after)?;
        }
        let name = format!("{}_pkey", before.entry.table);
        let lookup = Lookup::constraint(before, &name, 'p', &key_columns(before));
        self.named(after, format!("ALTER TABLE {} DROP CONSTRAINT {}", quote(after.name), quote(&name)), lookup);
        for change in &changes {
            self.alter_shape(change);
        }
        let columns = key_columns(after);
        let name = names::index(&after.entry.table, &columns, "_pk", Dialect::Postgres);
        self.now(
            after,
            format!(
                "ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})",
                quote(after.name),
                quote(&name),
                super::super::list(&columns)
            ),
        );
        for key in keys {
            let (was, is) = (Shape::of(key.before, key.old)?, Shape::of(key.after, key.new)?);
            // The type is there already, and an index for `LIKE` of another type is gone.
            let pattern = was.pattern.filter(|class| is.pattern == Some(class));
            let was = Shape { sql_type: is.sql_type.clone(), collation: is.collation.clone(), pattern, ..was };
            let (before, after) = (key.before, key.after);
            self.alter_shape(&ColumnChange { before, old: key.old, was, after, new: key.new, is, fill: None });
        }
        self.add_incoming(&incoming);
        Ok(())
    }

    /// Puts the new keys of rows in the place of the old, in a column that holds them. By way of texts that say which they
    /// are, since the two may have different types, and one row's new key may be another one's old.
    fn hold_new_key(&mut self, key: &Referring<'_>, before: Table<'_>, after: Table<'_>) -> Result<()> {
        let (Some(old), Some(new)) = (before.entry.single_key(), after.entry.single_key()) else { return Ok(()) };
        let (was, is) = (Shape::of(key.before, key.old)?, Shape::of(key.after, key.new)?);
        let (on, parent, column) = (quote(key.after.name), quote(after.name), quote(was.name));
        let (old, new) = (quote(&old.name), quote(&new.name));
        if was.pattern.is_some() && was.pattern != is.pattern {
            let name = names::index(&key.before.entry.table, &[was.name], "_like", Dialect::Postgres);
            let lookup = Lookup::pattern_index(key.before, &name, was.name);
            self.named(key.after, format!("DROP INDEX IF EXISTS {}", quote(&name)), lookup);
        }
        let collation = is.collation.as_ref().map_or(String::new(), |name| format!(" COLLATE {}", quote(name)));
        for sql in [
            format!("ALTER TABLE {on} ALTER COLUMN {column} TYPE text USING 'o' || {column}::text"),
            format!(
                "UPDATE {on} AS \"held\" SET {column} = 'n' || \"keyed\".{new}::text FROM {parent} AS \"keyed\" WHERE \
                 \"held\".{column} = 'o' || \"keyed\".{old}::text; SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL \
                 DEFERRED"
            ),
            format!(
                "ALTER TABLE {on} ALTER COLUMN {column} TYPE {}{collation} USING substr({column}, 2)::{}",
                is.sql_type, is.sql_type
            ),
        ] {
            self.now(key.after, sql);
        }
        Ok(())
    }

    /// Everything but foreign keys and the check.
    fn alter_shape(&mut self, change: &ColumnChange<'_>) {
        let ColumnChange { before, after, was, is, .. } = change;
        let on = quote(after.name);
        let old_name = |suffix: &str| names::index(&before.entry.table, &[was.name], suffix, Dialect::Postgres);
        let new_name = |suffix: &str| names::index(&after.entry.table, &[is.name], suffix, Dialect::Postgres);
        if was.unique && !is.unique {
            let name = old_name("_uniq");
            let lookup = Lookup::constraint(*before, &name, 'u', &[was.name]);
            self.named(*after, format!("ALTER TABLE {on} DROP CONSTRAINT {}", quote(&name)), lookup);
        }
        let mut pattern = was.pattern;
        let unindexed = was.index && !is.index;
        if unindexed {
            self.drop_field_index(change);
        }
        // As in Django, a new index comes with a new one for `LIKE`.
        if pattern.is_some() && (unindexed || pattern != is.pattern) {
            let name = old_name("_like");
            let lookup = Lookup::pattern_index(*before, &name, was.name);
            self.named(*after, format!("DROP INDEX IF EXISTS {}", quote(&name)), lookup);
            pattern = None;
        }
        if was.check.is_some() && was.check != is.check {
            let name = old_name("_check");
            let lookup = Lookup::constraint(*before, &name, 'c', &[was.name]);
            self.named(*after, format!("ALTER TABLE {on} DROP CONSTRAINT {}", quote(&name)), lookup);
        }
        let column = quote(is.name);
        if was.name != is.name {
            self.now(*after, format!("ALTER TABLE {on} RENAME COLUMN {} TO {column}", quote(was.name)));
        }
        if was.numbered && !is.numbered {
            self.now(*after, format!("ALTER TABLE {on} ALTER COLUMN {column} DROP IDENTITY IF EXISTS"));
        }
        self.alter_type_default_and_null(change);
        self.number(change);
        if was.comment != is.comment {
            let sql = column_comment_sql(*after, change.new, is.comment.as_deref().unwrap_or_default());
            self.now(*after, sql);
        }
        if is.unique && !was.unique {
            let name = quote(&new_name("_uniq"));
            self.now(*after, format!("ALTER TABLE {on} ADD CONSTRAINT {name} UNIQUE ({column})"));
        }
        if is.index && !was.index {
            self.now(*after, format!("CREATE INDEX {} ON {on} ({column})", quote(&new_name(""))));
        }
        if let Some(class) = is.pattern.filter(|_| pattern.is_none()) {
            self.now(*after, format!("CREATE INDEX {} ON {on} ({column}{class})", quote(&new_name("_like"))));
        }
    }

    fn alter_type_default_and_null(&mut self, change: &ColumnChange<'_>) {
        let ColumnChange { after, was, is, .. } = change;
        let (on, column) = (quote(after.name), quote(is.name));
        let retyped = was.is_retyped(is);
        let cast = retyped && base(&was.sql_type) != base(&is.sql_type);
        let mut actions = Vec::new();
        let mut default = was.default.as_ref();
        if cast && default.is_some() {
            // It may not be castable where the values are.
            actions.push(format!("ALTER COLUMN {column} DROP DEFAULT"));
            default = None;
        }
        if retyped {
            actions.push(type_sql(was, is));
        }
        match &is.default {
            Some(new) if default != Some(new) => actions.push(format!("ALTER COLUMN {column} SET DEFAULT {new}")),
            None if default.is_some() => actions.push(format!("ALTER COLUMN {column} DROP DEFAULT")),
            _ => {}
        }
        let filling = change.filling();
        if let (Some(fill), None) = (filling, &is.default) {
            actions.push(format!("ALTER COLUMN {column} SET DEFAULT {fill}"));
        }
        let null = match (was.null, is.null) {
            (true, false) => Some(format!("ALTER COLUMN {column} SET NOT NULL")),
            (false, true) => Some(format!("ALTER COLUMN {column} DROP NOT NULL")),
            _ => None,
        };
        if filling.is_none() {
            actions.extend(null.clone());
        }
        if !actions.is_empty() {
            self.now(*after, format!("ALTER TABLE {on} {}", actions.join(", ")));
        }
        if let Some(fill) = filling {
            // What is due is checked, so that the table can be altered again in this transaction.
            self.now(
                *after,
                format!("UPDATE {on} SET {column} = {fill} WHERE {column} IS NULL; SET CONSTRAINTS ALL IMMEDIATE"),
            );
            if let Some(null) = null {
                self.now(*after, format!("ALTER TABLE {on} {null}"));
            }
        }
    }

    /// Has the database number a column from now on, or no more, or up to another limit.
    fn number(&mut self, change: &ColumnChange<'_>) {
        let ColumnChange { before, after, was, is, .. } = change;
        let (on, column) = (quote(after.name), quote(is.name));
        let expected = format!("{}_{}_seq", before.entry.table, was.name);
        match (was.numbered, is.numbered) {
            (false, true) => {
                self.now(
                    *after,
                    format!("ALTER TABLE {on} ALTER COLUMN {column} ADD GENERATED BY DEFAULT AS IDENTITY"),
                );
                // Numbers that rows have already would be given again.
                let (table, name) = (super::text(&on), super::text(is.name));
                self.now(
                    *after,
                    format!(
                        "SELECT setval(pg_get_serial_sequence({table}, {name}), coalesce(max({column}), 0) + 1, false) \
                         FROM {on}"
                    ),
                );
            }
            // Before Django 4.1, columns were numbered by a sequence of their own.
            (true, false) => {
                let lookup = Lookup::sequence(*before, &expected, is.name);
                self.named(*after, format!("DROP SEQUENCE IF EXISTS {} CASCADE", quote(&expected)), lookup);
            }
            (true, true) if was.sql_type != is.sql_type => {
                let lookup = Lookup::sequence(*before, &expected, is.name);
                self.named(*after, format!("ALTER SEQUENCE IF EXISTS {} AS {}", quote(&expected), is.sql_type), lookup);
            }
            _ => {}
        }
    }

    fn add_check_and_end_default(&mut self, change: &ColumnChange<'_>) {
        let ColumnChange { after, was, is, .. } = change;
        let on = quote(after.name);
        if was.check != is.check
            && let Some(check) = super::column::check(
                &change.new.kind,
                after.field(change.new).relation.is_some(),
                Dialect::Postgres,
                is.name,
            )
        {
            let name = quote(&names::index(&after.entry.table, &[is.name], "_check", Dialect::Postgres));
            self.now(*after, format!("ALTER TABLE {on} ADD CONSTRAINT {name} CHECK ({check})"));
        }
        if change.filling().is_some() && is.default.is_none() {
            self.now(*after, format!("ALTER TABLE {on} ALTER COLUMN {} DROP DEFAULT", quote(is.name)));
        }
    }

    fn drop_incoming(&mut self, keys: &[Referring<'_>]) {
        for key in keys.iter().filter(|key| key.before.enforced(key.old).is_some()) {
            let now = Table { name: key.after.name, ..key.before };
            self.drop_key(key.before, now, key.old);
        }
    }

    fn add_incoming(&mut self, keys: &[Referring<'_>]) {
        for key in keys.iter().filter(|key| key.after.enforced(key.new).is_some()) {
            let name = names::index(&key.after.entry.table, &[&key.new.name], "_fk", Dialect::Postgres);
            let sql = key_sql(key.after, key.new, &name);
            self.now(key.after, sql);
        }
    }

    /// Gives a key the type of what it refers to.
    fn retype_key(&mut self, key: &Referring<'_>) -> Result<()> {
        let (was, is) = (Shape::of(key.before, key.old)?, Shape::of(key.after, key.new)?);
        if !was.is_retyped(&is) {
            return Ok(());
        }
        // As it is but for the type: whatever else changes has its own turn.
        let is = Shape { null: was.null, default: was.default.clone(), comment: was.comment.clone(), ..is };
        let change =
            ColumnChange { before: key.before, old: key.old, was, after: key.after, new: key.new, is, fill: None };
        self.alter_shape(&change);
        Ok(())
    }
}

/// The columns that refer to this one itself.
fn direct<'a>(before: Table<'a>, old: &SchemaColumn, after: Table<'a>) -> Vec<Referring<'a>> {
    let target = (before.entry.id, old.field);
    let mut all = referring(before, old, after);
    all.retain(|key| {
        let refers = key.before.schema.target(key.before.entry.id, key.old.field);
        refers.is_some_and(|(model, column)| (model, column.field) == target)
    });
    all
}

fn key_columns(table: Table<'_>) -> Vec<&str> {
    let keys = table.entry.primary_key.iter().filter_map(|position| table.entry.columns.get(*position));
    keys.map(|column| column.name.as_str()).collect()
}

/// `ALTER COLUMN … TYPE …`, with a cast where the type is not just longer or shorter.
fn type_sql(was: &Shape<'_>, is: &Shape<'_>) -> String {
    let column = quote(is.name);
    let collation = is.collation.as_ref().map_or(String::new(), |name| format!(" COLLATE {}", quote(name)));
    let using = match base(&was.sql_type) == base(&is.sql_type) || is.generated.is_some() {
        true => String::new(),
        false => format!(" USING {column}::{}", is.sql_type),
    };
    format!("ALTER COLUMN {column} TYPE {}{collation}{using}", is.sql_type)
}

/// A type without its length.
fn base(sql_type: &str) -> &str {
    sql_type.split('(').next().unwrap_or(sql_type)
}
