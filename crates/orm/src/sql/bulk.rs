//! Statements for many rows of one model that have values for the same columns.

use super::Compiled;
use super::change::{answer_with, finish, list};
use super::scope::Compiler;
use super::write::{Out, push_number};
use crate::db::{Fill, Rows, Statement};
use crate::encryption::{is_ciphertext, not_sealed};
use crate::engine::Dialect;
use crate::error::Result;
use crate::model::{Entry, Schema, SchemaColumn};
use crate::query::Query;
use crate::value::Value;

/// How rows with these columns get into a model's table where nothing is to be known of them afterwards.
pub(crate) fn fill(schema: &Schema, model: &Entry, columns: &[&SchemaColumn]) -> Fill {
    let mut copy = String::from("COPY ");
    copy.push_str(&model.quoted);
    copy.push_str(" (");
    list(&mut copy, columns, |sql, column| sql.push_str(&column.quoted));
    copy.push_str(") FROM STDIN (FORMAT binary)");
    let insert = insert_row(schema.dialect(), model, columns, &[]);
    Fill {
        insert,
        copy,
        #[cfg(feature = "postgres")]
        table: model.quoted.clone(),
        #[cfg(feature = "postgres")]
        width: columns.len(),
    }
}

/// The `INSERT` of one row.
pub(crate) fn insert_row(
    dialect: Dialect,
    model: &Entry,
    columns: &[&SchemaColumn],
    returning: &[&SchemaColumn],
) -> String {
    let mut sql = into(model, columns);
    if columns.is_empty() {
        sql.push_str(" DEFAULT VALUES");
    } else {
        sql.push_str(" VALUES (");
        for place in 0..columns.len() {
            if place > 0 {
                sql.push_str(", ");
            }
            sql.push(if dialect == Dialect::Postgres { '$' } else { '?' });
            push_number(&mut sql, place + 1);
        }
        sql.push(')');
    }
    answer_with(&mut sql, returning);
    sql
}

/// The `INSERT` of all rows, whose parameters are a list for each column, of these types; without columns, the number of
/// rows (PostgreSQL).
pub(crate) fn insert_lists(
    model: &Entry,
    columns: &[&SchemaColumn],
    types: &[String],
    returning: &[&SchemaColumn],
) -> String {
    let mut sql = into(model, columns);
    match columns.is_empty() {
        true => sql.push_str(" SELECT FROM generate_series(1, $1::int8)"),
        false => {
            sql.push_str(" SELECT * FROM ");
            unnest(&mut sql, types, 0);
        }
    }
    answer_with(&mut sql, returning);
    sql
}

/// Rows from parameters that are a list for each column, after some others.
pub(super) fn unnest(sql: &mut String, types: &[String], before: usize) {
    sql.push_str("unnest(");
    for (place, of) in types.iter().enumerate() {
        sql.push_str(if place > 0 { ", $" } else { "$" });
        push_number(sql, before + place + 1);
        sql.push_str("::");
        sql.push_str(of);
        sql.push_str("[]");
    }
    sql.push(')');
}

pub(super) fn into(model: &Entry, columns: &[&SchemaColumn]) -> String {
    let mut sql = String::with_capacity(64 + 32 * columns.len());
    sql.push_str("INSERT INTO ");
    sql.push_str(&model.quoted);
    if !columns.is_empty() {
        sql.push_str(" (");
        list(&mut sql, columns, |sql, column| sql.push_str(&column.quoted));
        sql.push(')');
    }
    sql
}

/// Refuses rows where plaintext stands in an encrypted column: the last line of defence.
pub(crate) fn check_sealed(columns: &[&SchemaColumn], rows: &Rows) -> Result<()> {
    let sealed: Vec<usize> = (0..columns.len()).filter(|place| columns[*place].sealed.is_some()).collect();
    let is_sealed = |row: &[Value]| sealed.iter().all(|place| row.get(*place).is_some_and(is_ciphertext));
    if sealed.is_empty() || rows.iter().all(is_sealed) { Ok(()) } else { Err(not_sealed()) }
}

/// What says which rows a query finds: a condition on the model's table, and its parameters, which are the first of the
/// statement that it becomes a part of.
#[derive(Debug)]
pub(crate) struct Found {
    /// Empty if all rows are found.
    pub(super) condition: String,
    pub(crate) params: Vec<Value>,
    /// Whether it is about the rows' own columns alone.
    pub(crate) is_own: bool,
}

/// # Errors
/// [`ErrorKind::Type`](crate::ErrorKind::Type) for a sliced query, [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)
/// for a combined one, and those of any query.
pub(crate) fn found(schema: &Schema, query: &Query) -> Result<Compiled<Found>> {
    let mut compiler = Compiler::new(schema);
    let scope = compiler.replay(query, None)?;
    compiler.check_changeable(scope, "update")?;
    let target = compiler.found_by_key(scope)?;
    compiler.base(target);
    compiler.prepare()?;
    let out = Out::new(&compiler, false);
    Ok(match finish(out, target, &[])? {
        None => Compiled::Empty,
        Some((condition, params)) => {
            let condition = condition.strip_prefix(" WHERE ").unwrap_or(&condition).to_owned();
            Compiled::Run(Found { condition, params: params.into_values(compiler), is_own: target == scope })
        }
    })
}

/// The `UPDATE` of one row, the parameters of its key first: PostgreSQL is asked for their types.
pub(crate) fn update_row(model: &Entry, set: &[&SchemaColumn]) -> String {
    let mut sql = String::from("UPDATE ");
    sql.push_str(&model.quoted);
    let key = key_columns(model);
    let place = |sql: &mut String, before: &str, number: usize, column: &SchemaColumn| {
        sql.push_str(before);
        sql.push_str(&column.quoted);
        sql.push_str(" = $");
        push_number(sql, number);
    };
    for (at, column) in set.iter().enumerate() {
        place(&mut sql, if at > 0 { ", " } else { " SET " }, key.len() + at + 1, column);
    }
    for (at, column) in key.iter().enumerate() {
        place(&mut sql, if at > 0 { " AND " } else { " WHERE " }, at + 1, column);
    }
    sql
}

/// The name of the rows that a statement is given.
const GIVEN: &str = "\"nuages_given\"";

/// Sets columns of rows that a query finds, each to values of its own: rows of their key's values and those of the columns.
///
/// # Errors
/// [`ErrorKind::Type`](crate::ErrorKind::Type) for what should have been sealed.
pub(crate) fn update(
    schema: &Schema,
    model: &Entry,
    set: &[&SchemaColumn],
    types: &[String],
    rows: Rows,
    found: &Found,
) -> Result<Statement> {
    let key = key_columns(model);
    let columns: Vec<&SchemaColumn> = key.iter().chain(set).copied().collect();
    check_sealed(&columns, &rows)?;
    let mut params = found.params.clone();
    let mut sql = String::from("UPDATE ");
    sql.push_str(&model.quoted);
    // SQLite names the columns of `VALUES` itself.
    let name = |sql: &mut String, place: usize| {
        sql.push_str(GIVEN);
        sql.push_str(".column");
        push_number(sql, place + 1);
    };
    for (at, column) in set.iter().enumerate() {
        sql.push_str(if at > 0 { ", " } else { " SET " });
        sql.push_str(&column.quoted);
        sql.push_str(" = ");
        name(&mut sql, key.len() + at);
    }
    sql.push_str(" FROM ");
    match schema.dialect() {
        Dialect::Postgres => {
            unnest(&mut sql, types, params.len());
            sql.push_str(" AS ");
            sql.push_str(GIVEN);
            sql.push_str(" (");
            for at in 0..columns.len() {
                sql.push_str(if at > 0 { ", column" } else { "column" });
                push_number(&mut sql, at + 1);
            }
            sql.push(')');
            params.extend(lists(rows));
        }
        Dialect::Sqlite => {
            sql.push_str("(VALUES ");
            for (row, _) in (0..rows.count).enumerate() {
                sql.push_str(if row > 0 { "), (" } else { "(" });
                for at in 0..rows.width {
                    sql.push_str(if at > 0 { ", ?" } else { "?" });
                    push_number(&mut sql, params.len() + row * rows.width + at + 1);
                }
            }
            sql.push_str(")) AS ");
            sql.push_str(GIVEN);
            params.extend(rows.values);
        }
    }
    for (at, column) in key.iter().enumerate() {
        sql.push_str(if at > 0 { " AND " } else { " WHERE " });
        sql.push_str(&column.qualified);
        sql.push_str(" = ");
        name(&mut sql, at);
    }
    if !found.condition.is_empty() {
        sql.push_str(" AND (");
        sql.push_str(&found.condition);
        sql.push(')');
    }
    Ok(Statement::write(sql, params))
}

fn key_columns(model: &Entry) -> Vec<&SchemaColumn> {
    model.primary_key.iter().filter_map(|place| model.columns.get(*place)).collect()
}

/// Rows as a list for each column.
pub(crate) fn lists(rows: Rows) -> Vec<Value> {
    let mut lists: Vec<Vec<Value>> = (0..rows.width).map(|_| Vec::with_capacity(rows.count)).collect();
    for (place, value) in rows.values.into_iter().enumerate() {
        if let Some(list) = lists.get_mut(place % rows.width) {
            list.push(value);
        }
    }
    lists.into_iter().map(Value::List).collect()
}
