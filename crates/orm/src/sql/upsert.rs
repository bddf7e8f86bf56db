//! Statements that insert rows, or update those that are there already.

use super::bulk::{Found, check_sealed, lists, unnest};
use super::change::{answer_with, list};
use super::inline;
use super::write::push_number;
use crate::db::{Rows, Statement, UpsertEach};
use crate::engine::Dialect;
use crate::error::Result;
use crate::model::{Entry, Schema, SchemaColumn};
use crate::query::Target;
use crate::value::Value;

/// What becomes of rows that are there already, and by what they are found.
#[derive(Debug)]
pub(crate) struct Upsert<'a> {
    pub(crate) target: &'a Target,
    /// The columns of a row that is there which get the values of the new one; none of them if it stays as it is.
    pub(crate) set: Option<Vec<&'a SchemaColumn>>,
    /// The rows that are updated, of those that are there; all if `None`.
    pub(crate) only: Option<Found>,
}

/// The rows that a statement is given, those that it has written, and those that were there: names of parts of it.
const GIVEN: &str = "\"nuages_given\"";
const WRITTEN: &str = "\"nuages_written\"";
const THERE: &str = "\"nuages_there\"";

impl<'a> Upsert<'a> {
    fn params(&self) -> &[Value] {
        self.only.as_ref().map_or(&[], |only| &only.params)
    }

    /// Whether each row is answered with, as none stays as it is.
    fn answers_all(&self) -> bool {
        self.set.is_some() && self.only.is_none()
    }

    fn condition(&self, schema: &Schema, model: &Entry) -> Result<Option<String>> {
        self.target.condition.as_ref().map(|condition| inline(schema, model, condition)).transpose()
    }

    fn on_conflict(&self, sql: &mut String, schema: &Schema, model: &Entry) -> Result<()> {
        let target = self.target.columns(model);
        if target.is_empty() {
            sql.push_str(" ON CONFLICT DO NOTHING");
            return Ok(());
        }
        sql.push_str(" ON CONFLICT (");
        list(sql, &target, |sql, column| sql.push_str(&column.quoted));
        sql.push(')');
        if let Some(condition) = self.condition(schema, model)? {
            sql.push_str(" WHERE ");
            sql.push_str(&condition);
        }
        let Some(set) = &self.set else {
            sql.push_str(" DO NOTHING");
            return Ok(());
        };
        sql.push_str(" DO UPDATE SET ");
        // A row that nothing is done to is not answered with, and not locked.
        let set = if set.is_empty() { &target } else { set };
        for (place, column) in set.iter().enumerate() {
            sql.push_str(if place > 0 { ", " } else { "" });
            sql.push_str(&column.quoted);
            sql.push_str(" = ");
            let marks = place == 0 && schema.dialect() == Dialect::Sqlite;
            sql.push_str(if marks { "nuages_updated(excluded." } else { "excluded." });
            sql.push_str(&column.quoted);
            sql.push_str(if marks { ")" } else { "" });
        }
        if let Some(only) = self.only.as_ref().filter(|only| !only.condition.is_empty()) {
            sql.push_str(" WHERE ");
            sql.push_str(&only.condition);
        }
        Ok(())
    }

    /// The statement that SQLite runs for each row. Where columns are asked for, it answers with them, and what finds the
    /// row that is there with those of a row that stays as it is.
    pub(crate) fn each(
        &self,
        schema: &Schema,
        model: &Entry,
        columns: &[&SchemaColumn],
        rows: Rows,
        returning: &[&SchemaColumn],
    ) -> Result<UpsertEach> {
        check_sealed(columns, &rows)?;
        let mut sql = into(model, columns);
        let before = self.params().len();
        match columns.is_empty() {
            true => sql.push_str(" DEFAULT VALUES"),
            false => {
                sql.push_str(" VALUES (");
                for place in 0..columns.len() {
                    sql.push_str(if place > 0 { ", ?" } else { "?" });
                    push_number(&mut sql, before + place + 1);
                }
                sql.push(')');
                self.on_conflict(&mut sql, schema, model)?;
            }
        }
        answer_with(&mut sql, returning);
        let target = self.target.columns(model);
        let place = |column: &&SchemaColumn| columns.iter().position(|other| other.field == column.field);
        let places: Option<Vec<usize>> = target.iter().map(place).collect();
        let there = match places.filter(|_| !returning.is_empty() && !self.answers_all()) {
            None => None,
            Some(places) => {
                let mut sql = String::from("SELECT ");
                list(&mut sql, returning, |sql, column| sql.push_str(&column.quoted));
                sql.push_str(" FROM ");
                sql.push_str(&model.quoted);
                for (place, column) in target.iter().enumerate() {
                    sql.push_str(if place > 0 { " AND " } else { " WHERE " });
                    sql.push_str(&column.quoted);
                    sql.push_str(if self.target.nulls_are_same { " IS ?" } else { " = ?" });
                    push_number(&mut sql, place + 1);
                }
                if let Some(condition) = self.condition(schema, model)? {
                    sql.push_str(" AND (");
                    sql.push_str(&condition);
                    sql.push(')');
                }
                Some((sql, places.into_iter().map(|place| before + place).collect()))
            }
        };
        Ok(UpsertEach { sql, there, rows: self.after_params(rows) })
    }

    /// The rows, each with the condition's parameters before its values.
    fn after_params(&self, rows: Rows) -> Rows {
        let params = self.params();
        if params.is_empty() {
            return rows;
        }
        let width = params.len() + rows.width;
        let mut values = Vec::with_capacity(rows.count * width);
        let mut given = rows.values.into_iter();
        for _ in 0..rows.count {
            values.extend_from_slice(params);
            values.extend(given.by_ref().take(rows.width));
        }
        Rows { width, count: rows.count, values }
    }

    /// The statement for all rows whose answer is how many were inserted, and how many inserted or updated (PostgreSQL).
    pub(crate) fn counting(
        &self,
        schema: &Schema,
        model: &Entry,
        columns: &[&SchemaColumn],
        types: &[String],
        rows: Rows,
    ) -> Result<Statement> {
        check_sealed(columns, &rows)?;
        let mut params = self.params().to_vec();
        let mut sql = format!("WITH {WRITTEN} AS (");
        self.insert(&mut sql, schema, model, columns, types, params.len())?;
        sql.push_str(" RETURNING xmax = 0 AS inserted) SELECT count(*) FILTER (WHERE inserted), count(*) FROM ");
        sql.push_str(WRITTEN);
        params.extend(lists(rows));
        Ok(Statement::write(sql, params))
    }

    fn insert(
        &self,
        sql: &mut String,
        schema: &Schema,
        model: &Entry,
        columns: &[&SchemaColumn],
        types: &[String],
        before: usize,
    ) -> Result<()> {
        sql.push_str(&into(model, columns));
        sql.push_str(" SELECT * FROM ");
        unnest(sql, types, before);
        self.on_conflict(sql, schema, model)
    }

    /// The statement for all rows that answers with columns of each, in order, then with whether it was inserted, null if it
    /// stayed as it is, then with its place, from 1, then with whether it is missing: it stays as another transaction has
    /// made it, which this one does not see yet (PostgreSQL). `conflicting` is false for rows that no other is the same as.
    #[expect(clippy::too_many_arguments, reason = "they are the parts of one statement")]
    pub(crate) fn answering(
        &self,
        schema: &Schema,
        model: &Entry,
        columns: &[&SchemaColumn],
        types: &[String],
        rows: Rows,
        returning: &[&SchemaColumn],
        conflicting: bool,
    ) -> Result<Statement> {
        check_sealed(columns, &rows)?;
        let mut params = self.params().to_vec();
        let mut sql = String::with_capacity(512);
        if self.answers_all() || !conflicting {
            self.insert(&mut sql, schema, model, columns, types, params.len())?;
            answer_with(&mut sql, returning);
            sql.push_str(", xmax = 0, NULL::int8, false");
            params.extend(lists(rows));
            return Ok(Statement::write(sql, params));
        }
        let name = |sql: &mut String, of: &str, place: usize| {
            sql.push_str(of);
            sql.push_str(".column");
            push_number(sql, place + 1);
        };
        sql.push_str("WITH ");
        sql.push_str(GIVEN);
        sql.push_str(" AS MATERIALIZED (SELECT * FROM ");
        unnest(&mut sql, types, params.len());
        sql.push_str(" WITH ORDINALITY AS given (");
        for place in 0..columns.len() {
            sql.push_str("column");
            push_number(&mut sql, place + 1);
            sql.push_str(", ");
        }
        sql.push_str("place)), ");
        sql.push_str(WRITTEN);
        sql.push_str(" AS (");
        sql.push_str(&into(model, columns));
        sql.push_str(" SELECT ");
        for place in 0..columns.len() {
            sql.push_str(if place > 0 { ", " } else { "" });
            name(&mut sql, GIVEN, place);
        }
        sql.push_str(" FROM ");
        sql.push_str(GIVEN);
        self.on_conflict(&mut sql, schema, model)?;
        sql.push_str(" RETURNING *, xmax = 0 AS nuages_inserted) SELECT ");
        let all = |of: &str, column: &SchemaColumn| format!("{of}.{}", column.quoted);
        for column in returning {
            sql.push_str(&format!(
                "CASE WHEN {WRITTEN}.nuages_inserted IS NULL THEN {} ELSE {} END, ",
                all(THERE, column),
                all(WRITTEN, column)
            ));
        }
        let target = self.target.columns(model);
        let key = model.primary_key.first().and_then(|place| model.columns.get(*place));
        let first = key.map_or_else(String::new, |column| all(THERE, column));
        sql.push_str(&format!(
            "{WRITTEN}.nuages_inserted, {GIVEN}.place, {WRITTEN}.nuages_inserted IS NULL AND {first} IS NULL FROM {GIVEN}"
        ));
        let place = |column: &SchemaColumn| columns.iter().position(|other| other.field == column.field).unwrap_or(0);
        let same = |sql: &mut String, of: &str| {
            for (number, column) in target.iter().enumerate() {
                sql.push_str(if number > 0 { " AND " } else { " ON " });
                sql.push_str(&all(of, column));
                sql.push_str(if self.target.nulls_are_same && column.null { " IS NOT DISTINCT FROM " } else { " = " });
                name(sql, GIVEN, place(column));
            }
        };
        sql.push_str(&format!(" LEFT JOIN {WRITTEN}"));
        same(&mut sql, WRITTEN);
        sql.push_str(&format!(" LEFT JOIN (SELECT * FROM {}", model.quoted));
        if let Some(condition) = self.condition(schema, model)? {
            sql.push_str(&format!(" WHERE {condition}"));
        }
        sql.push_str(&format!(") AS {THERE}"));
        same(&mut sql, THERE);
        sql.push_str(&format!(" AND {WRITTEN}.nuages_inserted IS NULL ORDER BY {GIVEN}.place"));
        params.extend(lists(rows));
        Ok(Statement::write(sql, params))
    }
}

fn into(model: &Entry, columns: &[&SchemaColumn]) -> String {
    super::bulk::into(model, columns)
}
