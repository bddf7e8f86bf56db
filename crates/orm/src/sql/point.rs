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
    let columns = entry.select_list();
    let mut sql = String::with_capacity(columns.len() + entry.quoted.len() + column.qualified.len() + 32);
    let parameter = match schema.dialect() {
        Dialect::Postgres => " = $1",
        Dialect::Sqlite => " = ?1",
    };
    for part in ["SELECT ", columns, " FROM ", &entry.quoted, " WHERE ", &column.qualified, parameter] {
        sql.push_str(part);
    }
    Some((Statement::read(sql, vec![value.clone()]), entry))
}
