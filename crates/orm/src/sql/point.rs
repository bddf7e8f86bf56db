//! One row by a unique column: the commonest query of all, written without the machinery that others need.

use crate::db::Statement;
use crate::engine::Dialect;
use crate::field::Kind;
use crate::model::{DeletionMark, Entry, Named, Schema};
use crate::query::{Lookup, Node, Query, Step};
use crate::value::Value;

/// The statement of a query for the row of which a unique column is a value; `None` if it is any other query, or if
/// the value has to be looked at first. What it says is what [`select`](super::select) would. Also the model of the row.
pub(crate) fn point<'a>(schema: &'a Schema, query: &Query) -> Option<(Statement, &'a Entry)> {
    let (before, Step::Filter(Node::Lookup { left, lookup: Some(Lookup::Exact), right })) =
        (match query.steps.as_slice() {
            [only] => (None, only),
            [Step::Filter(before), last] => (Some(before), last),
            _ => return None,
        })
    else {
        return None;
    };
    let (Node::Path(path), Node::Value(value, _)) = (left.as_ref(), right.as_ref()) else { return None };
    let [name] = path.as_slice() else { return None };
    let entry = schema.by_label(&query.model).ok()?;
    // The other condition can only be that of `objects()`.
    let alive = match (before, &entry.deletion_mark) {
        (None, _) => None,
        (Some(before), Some(mark)) if *before == mark.alive() => Some(mark),
        _ => return None,
    };
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
    let mut sql = String::with_capacity(columns.len() + entry.quoted.len() + column.qualified.len() + 80);
    for part in ["SELECT ", columns, " FROM ", &entry.quoted, " WHERE "] {
        sql.push_str(part);
    }
    if let Some(mark) = alive {
        let (before, after) = match mark {
            DeletionMark::Flag(_) => ("(NOT ", " AND "),
            DeletionMark::Moment(_) => ("(", " IS NULL AND "),
        };
        let marked = entry.column(entry.field_id(mark.field())?)?;
        for part in [before, &marked.qualified, after] {
            sql.push_str(part);
        }
    }
    sql.push_str(&column.qualified);
    sql.push_str(match schema.dialect() {
        Dialect::Postgres => " = $1",
        Dialect::Sqlite => " = ?1",
    });
    if alive.is_some() {
        sql.push(')');
    }
    Some((Statement::read(sql, vec![value.clone()]), entry))
}
