//! One row by a unique column: the commonest query of all, written without the machinery that others need.

use crate::db::Statement;
use crate::engine::Dialect;
use crate::field::Kind;
use crate::model::{Entry, Named, Schema};
use crate::query::{Lookup, Node, Query, Step};
use crate::value::Value;

/// The statement of a query for the row of which a unique column is a value; `None` if it is any other query, or if
/// the value has to be looked at first. What it says is what [`select`](super::select) would. Also the model of the row.
pub(crate) fn point<'a>(schema: &'a Schema, query: &Query) -> Option<(Statement, &'a Entry)> {
    let [Step::Filter(Node::Lookup { left, lookup: Some(Lookup::Exact), right })] = query.steps.as_slice() else {
        return None;
    };
    let (Node::Path(path), Node::Value(value, _)) = (left.as_ref(), right.as_ref()) else { return None };
    let [name] = path.as_slice() else { return None };
    let entry = schema.by_label(&query.model).ok()?;
    let Some(Named::Field(field) | Named::Column(field)) = entry.named(name) else { return None };
    let column = entry.column(field)?;
    let is_key = entry.single_key().is_some_and(|key| key.field == field);
    let fits = match (&column.kind, value) {
        (Kind::Uuid, Value::Uuid(_)) => true,
        (kind, Value::Text(_)) => kind.is_text(),
        (kind, Value::Int(number)) => kind.integer_range().is_some_and(|(least, most)| (least..=most).contains(number)),
        _ => false,
    };
    if !fits || entry.field(field).relation.is_some() || !(is_key || entry.field(field).unique) {
        return None;
    }
    let select = entry.select.get_or_init(|| all_columns(entry));
    let mut sql = String::with_capacity(select.len() + entry.table.len() + column.name.len() + 20);
    sql.push_str(select);
    sql.push_str(" WHERE ");
    qualified(&mut sql, entry, &column.name);
    sql.push_str(match schema.dialect() {
        Dialect::Postgres => " = $1",
        Dialect::Sqlite => " = ?1",
    });
    Some((Statement::read(sql, vec![value.clone()]), entry))
}

/// All columns of a model's table, up to the condition.
fn all_columns(entry: &Entry) -> String {
    let mut sql = String::from("SELECT ");
    for (place, column) in entry.columns.iter().enumerate() {
        if place > 0 {
            sql.push_str(", ");
        }
        qualified(&mut sql, entry, &column.name);
    }
    sql.push_str(" FROM ");
    super::write::push_name(&mut sql, &entry.table);
    sql
}

fn qualified(sql: &mut String, entry: &Entry, column: &str) {
    super::write::push_name(sql, &entry.table);
    sql.push('.');
    super::write::push_name(sql, column);
}
