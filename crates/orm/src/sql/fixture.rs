//! What loading and writing fixtures asks of the database beside queries.

use super::change::list;
use super::write::push_name;
use crate::db::Statement;
use crate::engine::Dialect;
use crate::model::{Entry, FieldId, Schema};
use crate::value::Value;

/// Puts off the check of foreign keys until the commit, within a transaction.
pub(crate) fn defer_keys(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "PRAGMA defer_foreign_keys = ON",
        Dialect::Postgres => "SET CONSTRAINTS ALL DEFERRED",
    }
}

/// The first row whose foreign key refers to nothing: its primary key, then the foreign key. `None` for what has no key
/// that the database enforces.
pub(crate) fn dangling(schema: &Schema, model: &Entry, field: FieldId) -> Option<Statement> {
    let enforced = model.field(field).relation.as_ref().is_some_and(|relation| relation.constraint);
    let (to, target) = schema.target(model.id, field).filter(|_| enforced)?;
    let own = model.column(field)?;
    let mut columns: Vec<&str> =
        model.primary_key.iter().filter_map(|place| model.columns.get(*place)).map(|key| key.name.as_str()).collect();
    columns.push(&own.name);
    let mut sql = String::from("SELECT ");
    list(&mut sql, &columns, |sql, name| {
        sql.push_str("T0.");
        push_name(sql, name);
    });
    sql.push_str(" FROM ");
    push_name(&mut sql, &model.table);
    sql.push_str(" T0 LEFT JOIN ");
    push_name(&mut sql, &schema.entry(to).table);
    sql.push_str(" T1 ON T0.");
    push_name(&mut sql, &own.name);
    sql.push_str(" = T1.");
    push_name(&mut sql, &target.name);
    sql.push_str(" WHERE T0.");
    push_name(&mut sql, &own.name);
    sql.push_str(" IS NOT NULL AND T1.");
    push_name(&mut sql, &target.name);
    sql.push_str(" IS NULL LIMIT 1");
    // Of the writer's, as it must see the rows just written.
    Some(Statement::write(sql, Vec::new()))
}

/// Lets the numbers of new rows begin after the greatest that is there (Django's `sequence_reset_sql`). `None` where the
/// database sees to it (SQLite), and for keys that it does not number.
pub(crate) fn reset_sequence(dialect: Dialect, model: &Entry) -> Option<Statement> {
    let key = model.single_key().filter(|key| model.field(key.field).kind.is_auto())?;
    if dialect != Dialect::Postgres {
        return None;
    }
    let mut table = String::new();
    push_name(&mut table, &model.table);
    let mut column = String::new();
    push_name(&mut column, &key.name);
    let sql = format!(
        "SELECT setval(pg_get_serial_sequence($1, $2), coalesce(max({column}), 1), max({column}) IS NOT NULL) FROM {table}"
    );
    Some(Statement::write(sql, vec![Value::Text(table), Value::Text(key.name.clone())]))
}
