//! Statements that hold figures against the rows they are over, and set them right.

use super::postgres::RECOUNT;
use super::{COUNTING, Group, Trigger, differs, groups, primary_key, triggers};
use crate::db::Statement;
use crate::engine::Dialect;
use crate::error::Result;
use crate::migrate::ddl::quote;
use crate::model::{Kept, Schema};
use crate::value::Value;

/// The statements that make the triggers of some groups anew, and count what they are over, in an order in which nothing
/// is missed: those that set figures answer with how many rows they change.
pub(crate) fn install(schema: &Schema, wanted: &[Group<'_>]) -> Result<Vec<String>> {
    // The guards of a table are over all of its figures.
    let mut of_their_tables = groups(schema, true);
    of_their_tables.retain(|group| wanted.iter().any(|wanted| wanted.parent.id == group.parent.id));
    let made = triggers(schema, &of_their_tables)?;
    let mut statements: Vec<String> = made.iter().map(|trigger| trigger.drop.clone()).collect();
    if schema.dialect() == Dialect::Sqlite {
        statements.push(mark());
    }
    let (guards, rows): (Vec<_>, Vec<_>) = made.into_iter().partition(|trigger: &Trigger| trigger.is_guard());
    statements.extend(rows.into_iter().flat_map(|trigger| trigger.create));
    for group in &of_their_tables {
        statements.push(group.fill(&group.figures.iter().collect::<Vec<_>>())?);
    }
    statements.extend(guards.into_iter().flat_map(|trigger| trigger.create));
    Ok(statements)
}

/// The statement that makes the table by which SQLite's triggers know each other, unless it is there.
pub(super) fn mark() -> String {
    format!("CREATE TABLE IF NOT EXISTS {} (\"id\" integer PRIMARY KEY)", quote(COUNTING))
}

/// What lets the statements of a transaction write figures, and what ends that.
pub(crate) fn permission(dialect: Dialect) -> (String, String) {
    let counting = quote(COUNTING);
    match dialect {
        Dialect::Sqlite => (
            format!("{}; INSERT INTO {counting} VALUES (NULL)", mark()),
            format!("DELETE FROM {counting} WHERE \"id\" = (SELECT max(\"id\") FROM {counting})"),
        ),
        Dialect::Postgres => (format!("SET LOCAL {RECOUNT} = 'on'"), format!("SET LOCAL {RECOUNT} = 'off'")),
    }
}

impl Group<'_> {
    /// Compares the figures of the next rows in order of their keys. Columns: whether it differs, the figure, what it
    /// should be, and the key.
    pub(crate) fn compare(&self, kept: &Kept<'_>, after: Option<&[Value]>, rows: u32) -> Result<Statement> {
        let dialect = self.dialect();
        let table = quote(&self.parent.table);
        let keys: Vec<String> = primary_key(self.parent).into_iter().map(quote).collect();
        let keys = keys.join(", ");
        let mut params = Vec::new();
        let beyond = match after {
            Some(values) => {
                let places: Vec<String> = values.iter().map(|value| bind(&mut params, value, dialect)).collect();
                format!(" WHERE ({keys}) > ({})", places.join(", "))
            }
            None => String::new(),
        };
        let truth = self.truth(kept, &format!("parent.{}", quote(&self.key.name)), "")?;
        let of_parent: Vec<String> =
            primary_key(self.parent).iter().map(|name| format!("parent.{}", quote(name))).collect();
        let of_parent = of_parent.join(", ");
        let name = quote(&kept.column.name);
        let sql = format!(
            "SELECT {}, figures.kept, figures.truth, {keys} FROM (SELECT parent.{name} AS kept, {truth} AS truth, \
             {of_parent} FROM (SELECT * FROM {table}{beyond} ORDER BY {keys} LIMIT {rows}) AS parent) AS figures ORDER BY \
             {keys}",
            differs("figures.kept", "figures.truth", dialect)
        );
        // SQLite's readers see what was committed, and keep nobody waiting; a replica may be behind.
        Ok(match dialect {
            Dialect::Sqlite => Statement::read(sql, params),
            Dialect::Postgres => Statement::write(sql, params),
        })
    }

    /// Locks rows in the order of their keys, so that nobody changes their figures; none on SQLite, which has one writer.
    pub(crate) fn lock(&self, rows: &[Vec<Value>]) -> Option<Statement> {
        if self.dialect() == Dialect::Sqlite {
            return None;
        }
        let table = quote(&self.parent.table);
        let (found, params) = self.among(rows);
        let keys: Vec<String> = primary_key(self.parent).into_iter().map(quote).collect();
        let sql =
            format!("SELECT 1 FROM {table} AS parent WHERE {found} ORDER BY {} FOR NO KEY UPDATE", keys.join(", "));
        Some(Statement::write(sql, params))
    }

    /// Sets a figure of rows to what it should be.
    pub(crate) fn correct(&self, kept: &Kept<'_>, rows: &[Vec<Value>]) -> Result<Statement> {
        let (table, name) = (quote(&self.parent.table), quote(&kept.column.name));
        let truth = self.truth(kept, &format!("parent.{}", quote(&self.key.name)), "")?;
        let (found, params) = self.among(rows);
        let wrong = differs(&format!("parent.{name}"), &truth, self.dialect());
        Ok(Statement::write(
            format!("UPDATE {table} AS parent SET {name} = {truth} WHERE ({found}) AND {wrong}"),
            params,
        ))
    }

    /// That a row has one of some keys.
    fn among(&self, rows: &[Vec<Value>]) -> (String, Vec<Value>) {
        let mut params = Vec::new();
        let names = primary_key(self.parent);
        let is_it = |values: &Vec<Value>| {
            let equal = names
                .iter()
                .zip(values)
                .map(|(name, value)| format!("parent.{} = {}", quote(name), bind(&mut params, value, self.dialect())));
            equal.collect::<Vec<_>>().join(" AND ")
        };
        let found = rows.iter().map(is_it).collect::<Vec<_>>().join(" OR ");
        (found, params)
    }
}

fn bind(params: &mut Vec<Value>, value: &Value, dialect: Dialect) -> String {
    params.push(value.clone());
    match dialect {
        Dialect::Sqlite => format!("?{}", params.len()),
        Dialect::Postgres => format!("${}", params.len()),
    }
}
