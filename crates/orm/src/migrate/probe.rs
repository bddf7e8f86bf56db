//! Rows that a change does not fit: what to ask the database right before an operation, so that what would fail in the
//! middle, or cut values off, is counted and named before anything is changed.

use std::borrow::Cow;

use super::ddl::quote;
use super::operation::{Constraint, Operation};
use super::state::State;
use crate::engine::Dialect;
use crate::error::Result;
use crate::field::Kind;
use crate::model::{Check, DatabaseDefault, Entry, Field, FieldDefault, Schema, SchemaColumn, Unique};
use crate::query::Node;
use crate::sql;
use crate::value::Value;

/// Keys that [`Probe::sample`] gives at most.
pub(crate) const SAMPLE: usize = 5;

/// A doubt whether all rows of a table fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    /// The table, by the name that it has before the operation.
    pub(crate) table: String,
    /// The query for the number of rows that do not fit: one row, one number.
    pub(crate) count: String,
    /// The query for the keys of some of them, as texts.
    pub(crate) sample: String,
    /// What is wrong with such rows, after "rows of …".
    pub(crate) wrong: String,
    /// What can be done about them.
    pub(crate) advice: String,
}

impl Probe {
    /// The sentence for the person who migrates, with what the two queries gave.
    pub(crate) fn sentence(&self, count: u64, keys: &[String]) -> String {
        let dots = if usize::try_from(count).is_ok_and(|count| count <= keys.len()) { "" } else { ", …" };
        format!(
            "rows of {} {}: {count}, with the key {}{dots}; {}",
            self.table,
            self.wrong,
            keys.join(", "),
            self.advice
        )
    }
}

/// What to ask before an operation that leads from one state to the other; by the names of tables and columns that the
/// first has.
///
/// # Errors
/// A state whose models do not fit together.
pub(crate) fn doubts(
    operation: &Operation,
    app: &str,
    before: &State,
    after: &State,
    dialect: Dialect,
) -> Result<Vec<Probe>> {
    let narrows = matches!(
        operation,
        Operation::AlterField { .. }
            | Operation::AddField { .. }
            | Operation::AddConstraint { .. }
            | Operation::ValidateConstraint { .. }
            | Operation::AlterUniqueTogether { .. }
            | Operation::AlterPrimaryKey { .. }
    );
    let (Some(old), Some(new)) = (before.model(app, operation.model()), after.model(app, operation.model())) else {
        return Ok(Vec::new());
    };
    if !narrows || !after.has_table(new) {
        return Ok(Vec::new());
    }
    let (from, to) = (before.schema(dialect)?, after.schema(dialect)?);
    let table = Rows { schema: &from, entry: from.by_label(&old.label())?, dialect };
    let entry = to.by_label(&new.label())?;
    match operation {
        Operation::AddField { field, fill, .. } => Ok(table.added(field, fill.as_ref())),
        Operation::AlterField { field, fill, .. } => {
            let column = |entry: &Entry| entry.field_id(&field.name).and_then(|id| entry.column(id)).cloned();
            match (column(table.entry), column(entry)) {
                (Some(old), Some(new)) => Ok(table.altered(&old, &to, entry, &new, fill.as_ref())),
                _ => Ok(Vec::new()),
            }
        }
        Operation::AddConstraint { constraint: Constraint::Unique(unique), .. } => table.unique(unique),
        Operation::AddConstraint { constraint: Constraint::Check(check), .. } => Ok(vec![table.check(check)?]),
        Operation::ValidateConstraint { name, .. } => {
            old.checks.iter().filter(|check| check.name == *name).map(|check| table.check(check)).collect()
        }
        Operation::AlterUniqueTogether { groups, .. } => {
            let new = groups.iter().filter(|group| !old.unique_together.contains(group));
            Ok(new.filter_map(|group| table.together(group)).collect())
        }
        Operation::AlterPrimaryKey { fields, .. } => {
            let mut probes: Vec<Probe> = table.together(fields).into_iter().collect();
            for name in fields {
                if let Some(column) = table.column(name).map(|column| quote(&column.name)) {
                    let wrong = format!("have null in {column}, which is part of the primary key");
                    probes.push(table.probe(&format!("{column} IS NULL"), wrong, "set it before"));
                }
            }
            probes.extend(table.keys_to_nothing());
            Ok(probes)
        }
        _ => Ok(Vec::new()),
    }
}

/// A table, as it is before.
struct Rows<'a> {
    schema: &'a Schema,
    entry: &'a Entry,
    dialect: Dialect,
}

impl Rows<'_> {
    fn probe(&self, condition: &str, wrong: String, advice: &str) -> Probe {
        let table = quote(&self.entry.table);
        let keys = self.entry.primary_key.iter().filter_map(|position| self.entry.columns.get(*position));
        let keys: Vec<String> = keys.map(|column| quote(&column.name)).collect();
        let key: Vec<String> = keys.iter().map(|key| format!("CAST({key} AS text)")).collect();
        Probe {
            table: self.entry.table.clone(),
            count: format!("SELECT count(*) FROM {table} WHERE {condition}"),
            sample: format!(
                "SELECT {} FROM {table} WHERE {condition} ORDER BY {} LIMIT {SAMPLE}",
                key.join(" || '/' || "),
                keys.join(", ")
            ),
            wrong,
            advice: advice.to_owned(),
        }
    }

    /// Rows of other tables whose keys no row of this one has, where the database does not see to it: they could not be
    /// given another key.
    fn keys_to_nothing(&self) -> Vec<Probe> {
        let Some(key) = self.entry.single_key() else { return Vec::new() };
        let mut probes = Vec::new();
        for entry in
            self.schema.entries().iter().filter(|it| it.definition.managed && it.definition.proxy_for.is_none())
        {
            let from = Rows { schema: self.schema, entry, dialect: self.dialect };
            for column in &entry.columns {
                let refers = self.schema.target(entry.id, column.field);
                let is_enforced = entry.field(column.field).relation.as_ref().is_none_or(|it| it.constraint);
                if is_enforced || refers.is_none_or(|(model, to)| (model, to.field) != (self.entry.id, key.field)) {
                    continue;
                }
                let (table, key) = (quote(&self.entry.table), quote(&key.name));
                let held = format!("{}.{}", quote(&entry.table), quote(&column.name));
                let nothing = format!(
                    "{held} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {table} AS \"keyed\" WHERE \"keyed\".{key} = {held})"
                );
                let wrong =
                    format!("refer by {} to rows of {} that are not there", quote(&column.name), self.entry.label);
                probes.push(from.probe(&nothing, wrong, "correct or delete them before"));
            }
        }
        probes
    }

    fn column(&self, field: &str) -> Option<&SchemaColumn> {
        self.entry.field_id(field).and_then(|id| self.entry.column(id))
    }

    fn inline(&self, node: &Node) -> Result<String> {
        sql::inline(self.schema, self.entry, node)
    }

    fn added(&self, field: &Field, fill: Option<&Value>) -> Vec<Probe> {
        if !field.has_column() || field.generated.is_some() {
            return Vec::new();
        }
        let filled = is_filled(field, fill);
        if !field.null && !filled {
            let wrong = format!("would have null in the new field `{}`, which may not be null", field.name);
            let advice = "give the field a default, or add it with `add_field_filled`, or let it be null";
            return vec![self.probe("1 = 1", wrong, advice)];
        }
        if field.unique && filled && !is_null(field, fill) {
            let condition = format!("(SELECT count(*) FROM {}) > 1", quote(&self.entry.table));
            let wrong = format!("would all have the same value in the new field `{}`, which is unique", field.name);
            return vec![self.probe(
                &condition,
                wrong,
                "add it so that it may be null, give each row a value, and make it unique by a further migration",
            )];
        }
        Vec::new()
    }

    fn altered(
        &self,
        old: &SchemaColumn,
        schema: &Schema,
        entry: &Entry,
        new: &SchemaColumn,
        fill: Option<&Value>,
    ) -> Vec<Probe> {
        let (was, is) = (self.entry.field(old.field), entry.field(new.field));
        let column = quote(&old.name);
        let mut probes = Vec::new();
        if was.null && !is.null && !is_filled(is, fill) {
            let wrong = format!("have null in {column}, which may not be null any more");
            let advice = "set it before, or alter the field with `alter_field_filled`";
            probes.push(self.probe(&format!("{column} IS NULL"), wrong, advice));
        }
        let own_key = |entry: &Entry, column: &SchemaColumn| {
            entry.single_key().is_some_and(|key| key.field == column.field) || entry.field(column.field).unique
        };
        if own_key(entry, new) && !own_key(self.entry, old) {
            probes.extend(self.together(std::slice::from_ref(&was.name)));
        }
        if old.kind != new.kind
            && let Some((condition, limit)) = unfit(&column, &old.kind, &new.kind, self.dialect)
        {
            let wrong = format!("have a value in {column} that is {limit}");
            probes.push(self.probe(&condition, wrong, "correct them before, or choose a type that holds them"));
        }
        probes.extend(self.dangling(old, schema, entry, new));
        probes
    }

    /// Rows whose key refers to nothing where the database enforces it from now on.
    fn dangling(&self, old: &SchemaColumn, schema: &Schema, entry: &Entry, new: &SchemaColumn) -> Option<Probe> {
        let is_enforced = |entry: &Entry, column: &SchemaColumn| {
            entry.field(column.field).relation.as_ref().is_some_and(|relation| relation.constraint)
        };
        let (model, target) = schema.target(entry.id, new.field).filter(|_| is_enforced(entry, new))?;
        let label = &schema.entry(model).label;
        // By the name that the table has until now.
        let known = self.schema.by_label(label).ok()?;
        let same = self
            .schema
            .target(self.entry.id, old.field)
            .is_some_and(|(model, column)| model == known.id && column.name == target.name);
        if same && is_enforced(self.entry, old) {
            return None;
        }
        let (table, column) = (quote(&self.entry.table), quote(&old.name));
        let condition = format!(
            "{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {} AS referred WHERE CAST(referred.{} AS text) = \
             CAST({table}.{column} AS text))",
            quote(&known.table),
            quote(&target.name)
        );
        let wrong = format!("refer by {column} to no row of {}", known.table);
        Some(self.probe(&condition, wrong, "correct or delete them before"))
    }

    /// Rows that have the same in some fields; those with null are not.
    fn together(&self, fields: &[Cow<'static, str>]) -> Option<Probe> {
        let columns: Option<Vec<String>> =
            fields.iter().map(|name| self.column(name).map(|column| quote(&column.name))).collect();
        let columns = columns?;
        let wrong = format!("have the same in {}, which is unique from now on", columns.join(", "));
        Some(self.probe(&self.repeated(&columns, ""), wrong, "correct or delete the repeated ones before"))
    }

    fn repeated(&self, columns: &[String], condition: &str) -> String {
        let all = columns.join(", ");
        let (open, close) = if columns.len() > 1 { ("(", ")") } else { ("", "") };
        let (filter, within) = match condition {
            "" => (String::new(), String::new()),
            condition => (format!(" WHERE {condition}"), format!(" AND ({condition})")),
        };
        format!(
            "{open}{all}{close} IN (SELECT {all} FROM {}{filter} GROUP BY {all} HAVING count(*) > 1){within}",
            quote(&self.entry.table)
        )
    }

    fn unique(&self, unique: &Unique) -> Result<Vec<Probe>> {
        if unique.nulls_distinct == Some(false) {
            // Where nulls are the same, the database itself says which are repeated.
            return Ok(Vec::new());
        }
        let columns: Option<Vec<String>> =
            unique.fields.iter().map(|name| self.column(name).map(|column| quote(&column.name))).collect();
        let mut columns = columns.unwrap_or_default();
        for step in &unique.expressions {
            columns.push(self.inline(&step.expression)?);
        }
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let condition = match &unique.condition {
            Some(condition) => self.inline(condition)?,
            None => String::new(),
        };
        let wrong = format!("break the constraint {}: they have the same in {}", unique.name, columns.join(", "));
        Ok(vec![self.probe(&self.repeated(&columns, &condition), wrong, "correct or delete the repeated ones before")])
    }

    fn check(&self, check: &Check) -> Result<Probe> {
        let wrong = format!("break the constraint {}", check.name);
        let condition = format!("NOT ({})", self.inline(&check.condition)?);
        Ok(self.probe(&condition, wrong, "correct or delete them before"))
    }
}

/// Whether rows that have nothing there get something.
fn is_filled(field: &Field, fill: Option<&Value>) -> bool {
    field.db_default.is_some()
        || fill.is_some_and(|value| !value.is_null())
        || matches!(&field.default, Some(FieldDefault::Value(value)) if !value.is_null())
        || field.auto_now
        || field.auto_now_add
}

/// Whether what they get is null, or not the same for all.
fn is_null(field: &Field, fill: Option<&Value>) -> bool {
    let computed = matches!(field.db_default, Some(DatabaseDefault::Expression(_)));
    let null = matches!(&field.db_default, Some(DatabaseDefault::Value(value)) if value.is_null());
    computed || null || (field.db_default.is_none() && fill.is_some_and(Value::is_null))
}

/// The condition for values that another kind does not hold, and what they are.
fn unfit(column: &str, old: &Kind, new: &Kind, dialect: Dialect) -> Option<(String, String)> {
    if let Some((low, high)) = range(new) {
        if range(old).is_some_and(|(least, most)| least >= low && most <= high) {
            return None;
        }
        let outside = |value: &str| format!("{value} NOT BETWEEN {low} AND {high}");
        let wrong = format!("not a whole number from {low} to {high}");
        let condition = match (old.is_text(), dialect) {
            (false, _) if !is_number(old) => return None,
            (false, _) => outside(column),
            (true, Dialect::Postgres) => format!(
                "CASE WHEN {column} ~ '^\\s*[-+]?[0-9]+\\s*$' THEN {} ELSE {column} IS NOT NULL END",
                outside(&format!("CAST({column} AS numeric)"))
            ),
            (true, Dialect::Sqlite) => format!(
                "(CAST(CAST({column} AS integer) AS text) <> trim({column}) OR {})",
                outside(&format!("CAST({column} AS integer)"))
            ),
        };
        return Some((condition, wrong));
    }
    if let Kind::Decimal { max_digits, decimal_places } = new {
        let whole = usize::from(max_digits.saturating_sub(*decimal_places));
        if let Kind::Decimal { max_digits: digits, decimal_places: places } = old
            && usize::from(digits.saturating_sub(*places)) <= whole
        {
            return None;
        }
        if !is_number(old) {
            return None;
        }
        let bound = format!("1{}", "0".repeat(whole));
        let value = match dialect {
            Dialect::Sqlite => format!("abs({column})"),
            Dialect::Postgres => format!("round(abs(CAST({column} AS numeric)), {decimal_places})"),
        };
        let wrong = format!("longer than {whole} digits before the point");
        return Some((format!("{value} >= {bound}"), wrong));
    }
    if new.is_text()
        && let Some(limit) = new.max_length()
    {
        if old.is_text() && old.max_length().is_some_and(|length| length <= limit) {
            return None;
        }
        return Some((format!("length(CAST({column} AS text)) > {limit}"), format!("longer than {limit} characters")));
    }
    if matches!(new, Kind::Uuid) && old.is_text() && dialect == Dialect::Postgres {
        let pattern = "^[{]?[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}[}]?$";
        return Some((format!("{column} !~ '{pattern}'"), "no UUID".to_owned()));
    }
    None
}

/// The whole numbers that a kind holds.
fn range(kind: &Kind) -> Option<(i64, i64)> {
    match kind {
        Kind::SmallAuto | Kind::SmallInteger => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
        Kind::Auto | Kind::Integer => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        Kind::BigAuto | Kind::BigInteger => Some((i64::MIN, i64::MAX)),
        Kind::PositiveSmallInteger => Some((0, i64::from(i16::MAX))),
        Kind::PositiveInteger => Some((0, i64::from(i32::MAX))),
        Kind::PositiveBigInteger => Some((0, i64::MAX)),
        _ => None,
    }
}

fn is_number(kind: &Kind) -> bool {
    range(kind).is_some() || matches!(kind, Kind::Float | Kind::Decimal { .. })
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::db::Db;
    use crate::migrate::operation::Migration;
    use crate::migrate::{Migrator, Target, compare, field};
    use crate::model::{ModelDef, Models};
    use crate::query::Lookup;

    fn base() -> Migration {
        let text = |name| Field::new(name, Kind::Char { max_length: Some(20) });
        Migration::new("shop", "0001_initial").create_model(
            ModelDef::new("shop", "Book")
                .field(Field::new("id", Kind::BigAuto))
                .field(text("title"))
                .field(text("isbn").null(true))
                .field(Field::new("pages", Kind::Integer))
                .primary_key("id"),
        )
    }

    /// What is said of each doubt about an alteration.
    async fn said(build: fn(Migration) -> Migration) -> Vec<String> {
        let db = Db::connect("sqlite::memory:", Models::new()).await.expect("a database");
        let migrator = Migrator::new(&db, vec![base()]).expect("fits together");
        migrator.migrate(&Target::All, |_| {}).await.expect("migrated");
        let rows = "INSERT INTO shop_book VALUES (3, 'one', '17', 40000), (5, 'one', NULL, -1), (7, 'three', 'x', 8)";
        db.raw(rows, ()).execute().await.expect("inserted");
        let mut before = State::new();
        before.apply("shop", &base().operations[0]).expect("a model");
        let migration = build(Migration::new("shop", "0002_alter"));
        let mut said = Vec::new();
        for operation in &migration.operations {
            let mut after = before.clone();
            after.apply("shop", operation).expect("fits");
            for probe in doubts(operation, "shop", &before, &after, Dialect::Sqlite).expect("a schema") {
                let counts: Vec<(i64,)> = db.raw(probe.count.clone(), ()).fetch().await.expect(&probe.count);
                let keys: Vec<(String,)> = db.raw(probe.sample.clone(), ()).fetch().await.expect(&probe.sample);
                let keys: Vec<String> = keys.into_iter().map(|(key,)| key).collect();
                let count = u64::try_from(counts[0].0).expect("a count");
                if count > 0 {
                    let sentence = probe.sentence(count, &keys);
                    said.push(sentence.split(';').next().unwrap_or_default().to_owned());
                }
            }
            before = after;
        }
        said
    }

    #[tokio::test]
    async fn rows_that_do_not_fit_are_counted_and_named() {
        let all = [
            said(|it| it.alter_field("Book", Field::new("isbn", Kind::Char { max_length: Some(20) }))).await,
            said(|it| it.alter_field("Book", Field::new("title", Kind::Char { max_length: Some(4) }))).await,
            said(|it| it.alter_field("Book", Field::new("title", Kind::Char { max_length: Some(20) }).unique(true)))
                .await,
            said(|it| it.alter_field("Book", Field::new("pages", Kind::PositiveSmallInteger))).await,
            said(|it| it.alter_field("Book", Field::new("isbn", Kind::Integer).null(true))).await,
            said(|it| it.add_constraint("Book", Check::new("few", compare(field("pages"), Lookup::Lt, 100)))).await,
            said(|it| it.add_constraint("Book", Unique::new("same", ["title", "isbn"]))).await,
            said(|it| it.alter_unique_together("Book", [&["title"]])).await,
            said(|it| it.add_field("Book", Field::new("price", Kind::Integer))).await,
        ];
        let expected: [&[&str]; 9] = [
            &["rows of shop_book have null in \"isbn\", which may not be null any more: 1, with the key 5"],
            &["rows of shop_book have a value in \"title\" that is longer than 4 characters: 1, with the key 7"],
            &["rows of shop_book have the same in \"title\", which is unique from now on: 2, with the key 3, 5"],
            &[
                "rows of shop_book have a value in \"pages\" that is not a whole number from 0 to 32767: 2, with the key 3, 5",
            ],
            &[
                "rows of shop_book have a value in \"isbn\" that is not a whole number from -2147483648 to 2147483647: 1, with the key 7",
            ],
            &["rows of shop_book break the constraint few: 1, with the key 3"],
            &[],
            &["rows of shop_book have the same in \"title\", which is unique from now on: 2, with the key 3, 5"],
            &[
                "rows of shop_book would have null in the new field `price`, which may not be null: 3, with the key 3, 5, 7",
            ],
        ];
        for (said, expected) in all.iter().zip(expected) {
            assert_eq!(said, expected);
        }
    }

    #[tokio::test]
    async fn a_change_that_every_row_fits_raises_no_doubt() {
        let none = said(|it| {
            it.alter_field("Book", Field::new("title", Kind::Text))
                .alter_field("Book", Field::new("pages", Kind::BigInteger).null(true))
                .alter_field_filled("Book", Field::new("isbn", Kind::Char { max_length: Some(30) }), Value::Int(0))
                .add_field("Book", Field::new("price", Kind::Integer).default(Value::Int(1)))
        });
        assert_eq!(none.await, Vec::<String>::new());
    }
}
