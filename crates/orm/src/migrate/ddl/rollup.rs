//! What keeps figures over related rows true: triggers, which are made anew whenever what they name changes.
//!
//! For each relation there are triggers on the table with its rows, which add what came and take what went, for all figures
//! over the relation at once. For each table with figures there are triggers that keep other hands off them: a program
//! that does not know them, such as one that saves all columns of a row it has read before, changes nothing. A row that is
//! new, or whose key is, has its rows counted, as they may be there before it.

mod postgres;
mod recount;
mod sqlite;

use std::collections::BTreeMap;

pub(crate) use self::recount::{install, permission};

use super::{Change, Editor, Table, column, quote};
use crate::engine::Dialect;
use crate::error::Result;
use crate::field::Kind;
use crate::migrate::names;
use crate::migrate::operation::Operation;
use crate::model::{Entry, Figure, Kept, Link, Schema, SchemaColumn};
use crate::sql;

/// The table of SQLite that has a row while triggers write figures, so that others know who writes.
pub(crate) const COUNTING: &str = "nuages_counting";

/// What all names of ours begin with.
const PREFIX: &str = "nuages_";

/// Whether a trigger is one of those that are made here.
pub(crate) fn is_keeper(trigger: &str) -> bool {
    trigger.starts_with(PREFIX)
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    /// The table that it is on.
    pub(crate) table: String,
    /// All tables that it has to do with.
    tables: Vec<String>,
    /// The statements that make it.
    pub(crate) create: Vec<String>,
    /// The statement that drops it, if it is there.
    pub(crate) drop: String,
    /// What the database keeps of it as text.
    text: String,
    /// The types of columns that cannot be altered while it is there.
    types: Vec<String>,
    /// The column by which the rows are found that it adds; `None` for one that keeps others' hands off figures, which is
    /// made once these are right.
    by: Option<String>,
}

impl Trigger {
    pub(crate) fn is_guard(&self) -> bool {
        self.by.is_none()
    }

    /// What the database keeps of it as text: to be compared with what it has.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// The query for the triggers of a SQLite database: table, name and text.
pub(crate) const INSTALLED_SQLITE: &str = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'";

/// The query for the triggers of a PostgreSQL database that are not switched off: table, name, and the body of the function
/// of the same name.
pub(crate) const INSTALLED_POSTGRES: &str = "SELECT c.relname::text, t.tgname::text, p.prosrc FROM pg_catalog.pg_trigger t \
    JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal \
    AND t.tgenabled IN ('O', 'A') AND p.proname = t.tgname AND pg_catalog.pg_table_is_visible(c.oid)";

/// The figures over one relation.
#[derive(Debug, Clone)]
pub(crate) struct Group<'a> {
    schema: &'a Schema,
    parent: &'a Entry,
    /// What the rows refer to.
    key: &'a SchemaColumn,
    /// The model with the rows, or the one between.
    child: &'a Entry,
    /// The column that refers to it.
    by: &'a SchemaColumn,
    figures: Vec<Kept<'a>>,
}

/// The figures of a schema, by relation, that migrations keep: those between tables that they make. With `all`, those of
/// other tables too.
pub(crate) fn groups(schema: &Schema, all: bool) -> Vec<Group<'_>> {
    let mut by_link: BTreeMap<Link, Vec<Kept<'_>>> = BTreeMap::new();
    for kept in schema.rollups() {
        by_link.entry(kept.link).or_default().push(kept);
    }
    by_link.into_iter().filter_map(|(link, figures)| group(schema, link, figures, all)).collect()
}

fn group<'a>(schema: &'a Schema, link: Link, figures: Vec<Kept<'a>>, all: bool) -> Option<Group<'a>> {
    let (parent, child) = (schema.entry(link.parent), schema.entry(link.child));
    let is_ours = all || [parent, child].into_iter().all(|entry| Table::new(schema, entry).is_ours());
    let (key, by) = (parent.column(link.key)?, child.column(link.by)?);
    is_ours.then_some(Group { schema, parent, key, child, by, figures })
}

/// The triggers that keep all figures of some groups.
///
/// # Errors
/// A condition that cannot be written.
pub(crate) fn triggers(schema: &Schema, groups: &[Group<'_>]) -> Result<Vec<Trigger>> {
    let mut made = Vec::new();
    let mut parents: BTreeMap<_, Vec<&Group<'_>>> = BTreeMap::new();
    for group in groups {
        made.extend(match schema.dialect() {
            Dialect::Sqlite => sqlite::rows(group)?,
            Dialect::Postgres => postgres::rows(group, groups)?,
        });
        parents.entry(group.parent.id).or_default().push(group);
    }
    for groups in parents.values() {
        made.extend(match schema.dialect() {
            Dialect::Sqlite => sqlite::guards(groups)?,
            Dialect::Postgres => postgres::guards(groups)?,
        });
    }
    Ok(made)
}

impl<'a> Group<'a> {
    pub(crate) fn parent(&self) -> &'a Entry {
        self.parent
    }

    pub(crate) fn figures(&self) -> &[Kept<'a>] {
        &self.figures
    }

    fn dialect(&self) -> Dialect {
        self.schema.dialect()
    }

    /// Whether a trigger is one of those on its rows.
    pub(crate) fn is_of(&self, trigger: &Trigger) -> bool {
        trigger.table == self.child.table && trigger.by.as_ref() == Some(&self.by.name)
    }

    /// The name of a trigger on the table with the rows.
    fn name(&self, what: &str) -> String {
        let table = format!("{PREFIX}1_{}", self.child.table);
        names::index(&table, &[&self.by.name], &format!("_{what}"), self.dialect())
    }

    /// Whether the rows are of the same table.
    fn is_own(&self) -> bool {
        self.child.id == self.parent.id
    }

    fn tables(&self) -> Vec<String> {
        vec![self.parent.table.clone(), self.child.table.clone()]
    }

    /// The condition of a figure on a row by this name.
    fn condition(&self, kept: &Kept<'_>, row: &'static str) -> Result<Option<String>> {
        let condition = kept.condition.as_ref();
        condition.map(|condition| sql::inline_on(self.schema, self.child, condition, row)).transpose()
    }

    /// The columns of the child that figures depend on beside the one that refers: their names, unless one of them is
    /// computed from others.
    fn watched(&self) -> Option<Vec<&'a str>> {
        let mut columns: Vec<&'a SchemaColumn> = Vec::new();
        for kept in &self.figures {
            let in_condition = kept.condition.iter().flat_map(|condition| self.child.columns_in(condition));
            columns.extend(in_condition.chain(kept.over));
        }
        if columns.iter().any(|column| self.child.field(column.field).generated.is_some()) {
            return None;
        }
        let mut names: Vec<&str> = columns.into_iter().map(|column| column.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        Some(names)
    }

    /// What a figure is over a parent's rows, as an expression: `key` is the parent's, `but` a condition on each row by the
    /// name of `child`.
    pub(crate) fn truth(&self, kept: &Kept<'_>, key: &str, but: &str) -> Result<String> {
        let condition = self.condition(kept, "child")?.map(|condition| format!(" AND ({condition})"));
        let (table, by) = (quote(&self.child.table), quote(&self.by.name));
        let of = aggregate(kept, self.dialect(), "");
        Ok(format!(
            "(SELECT {of} FROM {table} AS child WHERE child.{by} = {key}{}{but})",
            condition.unwrap_or_default()
        ))
    }

    /// The statement that sets some figures of all rows to what they are.
    pub(crate) fn fill(&self, figures: &[&Kept<'_>]) -> Result<String> {
        let (table, child) = (quote(&self.parent.table), quote(&self.child.table));
        let (key, by) = (quote(&self.key.name), quote(&self.by.name));
        let keys: Vec<String> = primary_key(self.parent).iter().map(|name| quote(name)).collect();
        let (mut found, mut set, mut differ) = (Vec::new(), Vec::new(), Vec::new());
        for (place, own) in keys.iter().enumerate() {
            found.push(format!("own.{own} AS k{place}"));
        }
        for (place, kept) in figures.iter().enumerate() {
            let filter = self.condition(kept, "child")?.map(|condition| format!(" FILTER (WHERE {condition})"));
            let of = aggregate(kept, self.dialect(), &filter.unwrap_or_default());
            // Not the row of nulls that a parent without rows is joined with.
            let of = of.replacen("count(*)", &format!("count(child.{by})"), 1);
            found.push(format!("{of} AS n{place}"));
            let name = quote(&kept.column.name);
            set.push(format!("{name} = found.n{place}"));
            differ.push(differs(&format!("parent.{name}"), &format!("found.n{place}"), self.dialect()));
        }
        let same: Vec<String> =
            keys.iter().enumerate().map(|(place, own)| format!("parent.{own} = found.k{place}")).collect();
        let grouped: Vec<String> = keys.iter().map(|own| format!("own.{own}")).collect();
        Ok(format!(
            "UPDATE {table} AS parent SET {} FROM (SELECT {} FROM {table} AS own LEFT JOIN {child} AS child ON \
             child.{by} = own.{key} GROUP BY {}) AS found WHERE {} AND ({})",
            set.join(", "),
            found.join(", "),
            grouped.join(", "),
            same.join(" AND "),
            differ.join(" OR "),
        ))
    }
}

/// The columns of a primary key.
pub(crate) fn primary_key(entry: &Entry) -> Vec<&str> {
    let keys = entry.primary_key.iter().filter_map(|place| entry.columns.get(*place));
    keys.map(|column| column.name.as_str()).collect()
}

/// Whether two values differ, null from null not.
pub(crate) fn differs(left: &str, right: &str, dialect: Dialect) -> String {
    let operator = match dialect {
        Dialect::Sqlite => "IS NOT",
        Dialect::Postgres => "IS DISTINCT FROM",
    };
    format!("{left} {operator} {right}")
}

/// What a figure is over rows by the name of `child`.
fn aggregate(kept: &Kept<'_>, dialect: Dialect, filter: &str) -> String {
    let over = kept.over.map(|column| format!("child.{}", quote(&column.name))).unwrap_or_default();
    match &kept.rollup.figure {
        Figure::Count => format!("count(*){filter}"),
        Figure::Sum(_) => rounded(kept, dialect, format!("coalesce(sum({over}){filter}, {})", zero(kept, dialect))),
        Figure::Latest(_) => format!("max({over}){filter}"),
        Figure::Earliest(_) => format!("min({over}){filter}"),
    }
}

/// A sum without the dust of SQLite's binary fractions.
fn rounded(kept: &Kept<'_>, dialect: Dialect, sum: String) -> String {
    match (dialect, &kept.column.kind) {
        (Dialect::Sqlite, Kind::Decimal { decimal_places, .. }) => format!("round({sum}, {decimal_places})"),
        _ => sum,
    }
}

/// What a figure is over no rows.
fn zero(kept: &Kept<'_>, dialect: Dialect) -> &'static str {
    match (&kept.rollup.figure, &kept.column.kind, dialect) {
        (Figure::Latest(_) | Figure::Earliest(_), ..) => "NULL",
        (_, Kind::Duration, Dialect::Postgres) => "interval '0'",
        _ => "0",
    }
}

/// Whether a figure is the greatest or least of its rows, and which of `>` and `<` says that a value takes its place.
fn beats(kept: &Kept<'_>) -> Option<&'static str> {
    match &kept.rollup.figure {
        Figure::Latest(_) => Some(">"),
        Figure::Earliest(_) => Some("<"),
        Figure::Count | Figure::Sum(_) => None,
    }
}

/// The name of a trigger that keeps others' hands off a table's figures. By its name it comes before those that add rows:
/// PostgreSQL's order is that of the alphabet.
fn guard_name(parent: &Entry, what: &str, dialect: Dialect) -> String {
    names::index(&format!("{PREFIX}0_{}", parent.table), &["kept"], &format!("_{what}"), dialect)
}

/// A figure as a migration knows it.
struct Known {
    /// The table that it is in.
    table: String,
    /// The model with the rows, and the fields of it that the figure depends on.
    child: String,
    fields: Vec<String>,
    /// What it is a figure of: the same as long as it needs no counting.
    meaning: String,
    fill: String,
}

/// The figures of groups by model and field.
fn known(groups: &[Group<'_>]) -> Result<BTreeMap<(String, String), Known>> {
    let mut all = BTreeMap::new();
    for group in groups {
        for kept in &group.figures {
            let child = group.child;
            let mut columns = vec![group.by];
            columns.extend(kept.condition.iter().flat_map(|condition| child.columns_in(condition)).chain(kept.over));
            let kinds: Vec<&Kind> = columns.iter().map(|column| &column.kind).collect();
            let fields = columns.iter().map(|column| child.field(column.field).name.to_string()).collect();
            let key = &group.parent.field(group.key.field).name;
            let meaning = format!("{key} {:?} {:?} {kinds:?}", kept.rollup.figure, kept.condition);
            let name = group.parent.field(kept.column.field).name.to_string();
            let (table, child) = (group.parent.table.clone(), child.label.clone());
            let known = Known { table, child, fields, meaning, fill: group.fill(&[kept])? };
            all.insert((group.parent.label.clone(), name), known);
        }
    }
    Ok(all)
}

impl Editor {
    /// Has figures kept as they shall be from now on, after an operation whose own statements begin at `mark`: what it
    /// changes of the triggers is dropped before them and made after them, and new figures are counted.
    pub(super) fn keep_figures(
        &mut self,
        app: &str,
        operation: &Operation,
        (from, to): (&Schema, &Schema),
        mark: usize,
    ) -> Result<()> {
        let (before, after) = (groups(from, false), groups(to, false));
        if before.is_empty() && after.is_empty() {
            return Ok(());
        }
        let (old, mut new) = (triggers(from, &before)?, triggers(to, &after)?);
        let fills = fills(app, operation, &known(&before)?, &known(&after)?);
        let touched: Vec<&str> = match self.dialect {
            // Its `ALTER TABLE` looks at all triggers, and a table made anew loses its own.
            Dialect::Sqlite => {
                self.done.iter().skip(mark).filter(|it| is_of_table(it)).map(|it| it.table.as_str()).collect()
            }
            Dialect::Postgres => Vec::new(),
        };
        let stays = |trigger: &Trigger| {
            let is_touched = trigger.tables.iter().any(|table| touched.contains(&table.as_str()));
            // Counting is not for other hands.
            let is_in_the_way = trigger.is_guard() && fills.iter().any(|fill| fill.0 == trigger.table);
            !is_touched && !is_in_the_way
        };
        let dropped: Vec<&Trigger> = match operation {
            // The table stays as it is.
            Operation::AlterManaged { .. } => new.iter().filter(|trigger| !old.contains(trigger)).collect(),
            _ => old.iter().filter(|trigger| !(new.contains(trigger) && stays(trigger))).collect(),
        };
        let drops: Vec<Change> =
            dropped.into_iter().map(|trigger| self.about(&trigger.table, trigger.drop.clone())).collect();
        new.retain(|trigger| !(old.contains(trigger) && stays(trigger)));
        self.done.splice(mark..mark, drops);
        if self.dialect == Dialect::Sqlite && !new.is_empty() {
            self.make_mark();
        }
        let (guards, rows): (Vec<Trigger>, Vec<Trigger>) = new.into_iter().partition(Trigger::is_guard);
        let create = |editor: &mut Editor, triggers: Vec<Trigger>| {
            for trigger in triggers {
                let made = trigger.create.into_iter().map(|sql| editor.about(&trigger.table, sql));
                let made: Vec<Change> = made.collect();
                editor.done.extend(made);
            }
        };
        // From here on nobody writes rows that are not counted; then those that were there before.
        create(self, rows);
        for (table, fill) in fills {
            let change = self.about(&table, fill);
            self.done.push(change);
        }
        create(self, guards);
        Ok(())
    }

    fn about(&self, table: &str, sql: String) -> Change {
        Change { operation: self.operation, table: table.to_owned(), sql, lookup: None }
    }

    /// Makes the table by which SQLite's triggers know each other.
    fn make_mark(&mut self) {
        let sql = recount::mark();
        if !self.done.iter().any(|change| change.sql == sql) {
            let change = self.about(COUNTING, sql);
            self.done.push(change);
        }
    }
}

/// The statements that count what an operation leads to, each with its table: figures that were not kept before, or mean
/// something else now.
fn fills(
    app: &str,
    operation: &Operation,
    before: &BTreeMap<(String, String), Known>,
    after: &BTreeMap<(String, String), Known>,
) -> Vec<(String, String)> {
    let label = |model: &str| format!("{app}.{model}");
    let was = |(model, field): &(String, String)| match operation {
        Operation::RenameModel { from, to } if *model == label(to) => (label(from), field.clone()),
        Operation::RenameField { model: of, from, to } if *model == label(of) && field == to => {
            (model.clone(), from.to_string())
        }
        _ => (model.clone(), field.clone()),
    };
    let is_rename = matches!(
        operation,
        Operation::RenameModel { .. } | Operation::RenameField { .. } | Operation::AlterTable { .. }
    );
    // Rows that have null there may get a value as the table is altered, unseen by triggers.
    let may_have_filled = |figure: &Known| match operation {
        Operation::AlterField { model, field, .. } => {
            !field.null && figure.child == label(model) && figure.fields.iter().any(|name| *name == field.name)
        }
        _ => false,
    };
    let is_same = |old: &Known, new: &Known| {
        let is_same = (&old.child, &old.fields, &old.meaning) == (&new.child, &new.fields, &new.meaning);
        is_rename || (is_same && !may_have_filled(new))
    };
    let fresh = after.iter().filter(|(name, new)| before.get(&was(name)).is_none_or(|old| !is_same(old, new)));
    fresh.map(|(_, new)| (new.table.clone(), new.fill.clone())).collect()
}

/// Whether a statement makes, alters or drops a table.
fn is_of_table(change: &Change) -> bool {
    ["CREATE TABLE ", "ALTER TABLE ", "DROP TABLE "].iter().any(|start| change.sql.starts_with(start))
}

/// The types of columns, as a list to compare.
fn types(entry: &Entry, columns: &[&SchemaColumn], dialect: Dialect) -> Vec<String> {
    let sql_type = |column: &&SchemaColumn| {
        let is_relation = entry.field(column.field).relation.is_some();
        format!("{} {}", column.name, column::sql_type(&column.kind, is_relation, dialect))
    };
    columns.iter().map(sql_type).collect()
}

#[cfg(test)]
mod tests;
