//! Statements that change rows.

use super::scope::{Columns, Compiler, Env, GroupBy};
use super::tree::{AliasId, Ex, Right, ScopeId};
use super::write::{Out, Params, Stop, Written};
use super::{Compiled, convert};
use crate::db::Statement;
use crate::encryption::{is_ciphertext, not_sealed};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, Named, Schema, SchemaColumn};
use crate::query::{Lookup, Node, Query};
use crate::value::Value;

/// Rows to insert.
pub(crate) struct Insert<'a> {
    /// The columns that rows give values for; of none, every row is made of defaults.
    pub(crate) columns: Vec<&'a SchemaColumn>,
    /// One value for each column, in order.
    pub(crate) rows: Vec<Vec<Value>>,
    /// What becomes of a row that is there already.
    pub(crate) conflict: Conflict<'a>,
    /// The columns to answer with, for each row inserted or updated.
    pub(crate) returning: Vec<&'a SchemaColumn>,
}

/// What becomes of a row to insert where one with the same unique values is there already.
pub(crate) enum Conflict<'a> {
    /// It is refused.
    Refuse,
    /// The one that is there stays as it is.
    Ignore,
    /// The one that is there stays as it is, if these columns have the same values, in the index with this condition, as SQL; any
    /// other conflict is refused.
    IgnoreOn(Vec<&'a SchemaColumn>, Option<String>),
    /// The one that is there, found by these columns, gets the values of the others.
    Update(Vec<&'a SchemaColumn>),
}

/// Rows as one `INSERT`.
///
/// # Errors
/// [`ErrorKind::Value`] if a row has more or fewer values than there are columns.
pub(crate) fn insert(schema: &Schema, model: &Entry, insert: Insert<'_>) -> Result<Statement> {
    let dialect = schema.dialect();
    let mut sql = String::with_capacity(64 + 32 * (insert.columns.len() + insert.returning.len()));
    sql.push_str("INSERT INTO ");
    sql.push_str(&model.quoted);
    let width = insert.columns.len();
    let sealed = insert.columns.iter().enumerate().filter(|(_, column)| column.sealed.is_some());
    for (place, _) in sealed {
        if !insert.rows.iter().all(|row| row.get(place).is_none_or(is_ciphertext)) {
            return Err(not_sealed());
        }
    }
    let mut params = Vec::with_capacity(width * insert.rows.len());
    if width == 0 {
        if insert.rows.len() > 1 {
            return Err(Error::new(ErrorKind::Value, "rows made of defaults alone are inserted one by one"));
        }
        sql.push_str(" DEFAULT VALUES");
    } else {
        sql.push_str(" (");
        list(&mut sql, &insert.columns, |sql, column| sql.push_str(&column.quoted));
        sql.push_str(") VALUES ");
        for (place, row) in insert.rows.into_iter().enumerate() {
            if row.len() != width {
                return Err(Error::new(
                    ErrorKind::Value,
                    format!("a row for {} has {} values for {width} columns", model.label, row.len()),
                ));
            }
            sql.push_str(if place > 0 { ", (" } else { "(" });
            for (place, value) in row.into_iter().enumerate() {
                if place > 0 {
                    sql.push_str(", ");
                }
                params.push(value);
                sql.push(if dialect == Dialect::Postgres { '$' } else { '?' });
                super::write::push_number(&mut sql, params.len());
            }
            sql.push(')');
        }
    }
    on_conflict(&mut sql, model, &insert.conflict, &insert.columns, !insert.returning.is_empty());
    answer_with(&mut sql, &insert.returning);
    Ok(Statement::write(sql, params))
}

/// The columns that a statement answers with.
pub(super) fn answer_with(sql: &mut String, columns: &[&SchemaColumn]) {
    if !columns.is_empty() {
        sql.push_str(" RETURNING ");
        list(sql, columns, |sql, column| sql.push_str(&column.quoted));
    }
}

/// What becomes of rows that are there already.
fn on_conflict(sql: &mut String, model: &Entry, conflict: &Conflict<'_>, columns: &[&SchemaColumn], answers: bool) {
    match conflict {
        Conflict::Refuse => {}
        Conflict::Ignore => sql.push_str(" ON CONFLICT DO NOTHING"),
        Conflict::IgnoreOn(found_by, condition) => {
            sql.push_str(" ON CONFLICT (");
            list(sql, found_by, |sql, column| sql.push_str(&column.quoted));
            sql.push(')');
            if let Some(condition) = condition {
                sql.push_str(" WHERE ");
                sql.push_str(condition);
            }
            sql.push_str(" DO NOTHING");
        }
        Conflict::Update(found_by) => {
            sql.push_str(" ON CONFLICT (");
            list(sql, found_by, |sql, column| sql.push_str(&column.quoted));
            let is_key = |column: &SchemaColumn| found_by.iter().any(|key| key.field == column.field);
            // What the database keeps stays as it keeps it.
            let is_set = |column: &SchemaColumn| !is_key(column) && !model.field(column.field).is_kept_by_database();
            let mut set: Vec<_> = columns.iter().filter(|column| is_set(column)).collect();
            if set.is_empty() && answers {
                // A row that nothing is done to is not answered with.
                set.extend(found_by);
            }
            sql.push_str(if set.is_empty() { ") DO NOTHING" } else { ") DO UPDATE SET " });
            list(sql, &set, |sql, column| {
                sql.push_str(&column.quoted);
                sql.push_str(" = excluded.");
                sql.push_str(&column.quoted);
            });
        }
    }
}

/// Sets columns of the row of a key, and answers with all of its columns.
///
/// # Errors
/// [`ErrorKind::Type`] for what should have been sealed.
pub(crate) fn set_row(
    schema: &Schema,
    model: &Entry,
    key: Vec<Value>,
    set: Vec<(&SchemaColumn, Value)>,
) -> Result<Statement> {
    let sign = if schema.dialect() == Dialect::Postgres { '$' } else { '?' };
    let mut params = Vec::with_capacity(set.len() + key.len());
    let mut sql = String::from("UPDATE ");
    sql.push_str(&model.quoted);
    let mut assign = |sql: &mut String, before: &str, column: &SchemaColumn, value: Value| {
        sql.push_str(before);
        sql.push_str(&column.quoted);
        sql.push_str(" = ");
        sql.push(sign);
        params.push(value);
        super::write::push_number(sql, params.len());
    };
    for (place, (column, value)) in set.into_iter().enumerate() {
        if column.sealed.is_some() && !is_ciphertext(&value) {
            return Err(not_sealed());
        }
        assign(&mut sql, if place > 0 { ", " } else { " SET " }, column, value);
    }
    let columns = model.primary_key.iter().filter_map(|place| model.columns.get(*place));
    for (place, (column, value)) in columns.zip(key).enumerate() {
        assign(&mut sql, if place > 0 { " AND " } else { " WHERE " }, column, value);
    }
    sql.push_str(" RETURNING ");
    list(&mut sql, &model.columns, |sql, column| sql.push_str(&column.quoted));
    Ok(Statement::write(sql, params))
}

/// Sets fields of a query's rows: `(field, value)` pairs. Where the query spans several tables, its rows are found by
/// their key.
///
/// # Errors
/// [`ErrorKind::Field`] for a field that is not the model's own or cannot be set, or a value that refers to other
/// models' fields or aggregates; [`ErrorKind::Type`] for a sliced query.
pub(crate) fn update(schema: &Schema, query: &Query, assignments: &[(Node, Node)]) -> Result<Compiled<Statement>> {
    update_where(schema, query, assignments, None, &[])
}

/// Sets fields of those of a query's rows for which a condition on their own fields still holds at the time they are
/// locked, and answers with columns of each.
///
/// A condition of the query itself does not see to that where it spans several tables: what finds the keys is not asked
/// again for a row that another transaction has changed meanwhile.
///
/// # Errors
/// Those of [`update`].
pub(crate) fn update_where(
    schema: &Schema,
    query: &Query,
    assignments: &[(Node, Node)],
    only: Option<&Node>,
    returning: &[&SchemaColumn],
) -> Result<Compiled<Statement>> {
    let mut compiler = Compiler::new(schema);
    let scope = compiler.replay(query, None)?;
    compiler.check_changeable(scope, "update")?;
    let target = compiler.found_by_key(scope)?;
    let model = compiler.scope(scope).model;
    compiler.base(target);
    if let Some(only) = only {
        compiler.filter(target, only, false)?;
    }
    let mut set: Vec<(&SchemaColumn, Option<Ex<'_>>)> = Vec::with_capacity(assignments.len());
    for (field, value) in assignments {
        let column = settable(model, field)?;
        if column.sealed.is_some() && !is_sealed(value) {
            return Err(not_sealed().in_model(&*model.label).in_field(model.field(column.field).name.to_string()));
        }
        let value = match value {
            Node::Value(value, _) => {
                let stored = convert::prepare(&column.kind, value.clone()).map_err(|error| {
                    error.in_model(&*model.label).in_field(model.field(column.field).name.to_string())
                })?;
                if stored.is_null() {
                    None
                } else {
                    let id = compiler.bind(stored);
                    Some(Ex::Value(id, Some(column.kind.clone())))
                }
            }
            other => {
                let mut env = Env { reuse: None, joins: false, summarize: false, filtering: false };
                let resolved = compiler.resolve(target, other, &mut env)?;
                if resolved.has_aggregate() {
                    return Err(super::resolve::field_error(format!(
                        "`{}` cannot be set to an aggregate: put it into a subquery",
                        column.attname
                    )));
                }
                Some(resolved)
            }
        };
        set.push((column, value));
    }
    compiler.prepare()?;
    let mut out = Out::new(&compiler, false);
    out.push("UPDATE ");
    out.push(&model.quoted);
    out.push(" SET ");
    for (place, (column, value)) in set.iter().enumerate() {
        if place > 0 {
            out.push(", ");
        }
        out.push(&column.quoted);
        out.push(" = ");
        match value {
            None => out.push("NULL"),
            Some(Ex::Value(id, Some(_))) => out.param(*id),
            Some(value) => match out.argument(value) {
                Ok(()) => {}
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Empty | Stop::Full) => out.push("NULL"),
            },
        }
    }
    let written = finish(out, target, returning)?;
    Ok(written
        .map_or(Compiled::Empty, |(sql, params)| Compiled::Run(Statement::write(sql, params.into_values(compiler)))))
}

/// Deletes a query's rows, and nothing else: rows that refer to them are not looked at.
///
/// # Errors
/// [`ErrorKind::Type`] for a sliced query.
pub(crate) fn delete(schema: &Schema, query: &Query) -> Result<Compiled<Statement>> {
    let mut compiler = Compiler::new(schema);
    let scope = compiler.replay(query, None)?;
    compiler.check_changeable(scope, "delete")?;
    let target = compiler.found_by_key(scope)?;
    let model = compiler.scope(scope).model;
    compiler.prepare()?;
    let mut out = Out::new(&compiler, false);
    out.push("DELETE FROM ");
    out.push(&model.quoted);
    let written = finish(out, target, &[])?;
    Ok(written
        .map_or(Compiled::Empty, |(sql, params)| Compiled::Run(Statement::write(sql, params.into_values(compiler)))))
}

/// The statement with its condition, and the columns to answer with; `None` where no row can meet it.
pub(super) fn finish(
    mut out: Out<'_, '_>,
    scope: ScopeId,
    returning: &[&SchemaColumn],
) -> Result<Option<(String, Params)>> {
    match out.rows_clause(scope) {
        Ok(()) => {
            for (place, column) in returning.iter().enumerate() {
                out.push(if place > 0 { ", " } else { " RETURNING " });
                out.push(&column.quoted);
            }
            Ok(Some(out.into_parts()))
        }
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Empty | Stop::Full) => Ok(None),
    }
}

impl<'a> Out<'_, 'a> {
    /// The `WHERE` of a scope of one table.
    fn rows_clause(&mut self, scope: ScopeId) -> Written {
        let Some(rows) = self.compiler.scope(scope).prepared.as_ref().and_then(|prepared| prepared.rows.as_ref())
        else {
            return Ok(());
        };
        let mark = self.mark();
        self.push(" WHERE ");
        match self.condition(rows) {
            Err(Stop::Full) => {
                self.back_to(mark);
                Ok(())
            }
            other => other,
        }
    }
}

impl<'a> Compiler<'a> {
    pub(super) fn check_changeable(&self, scope: ScopeId, what: &str) -> Result<()> {
        let state = self.scope(scope);
        if state.combined.is_some() {
            return Err(Error::new(ErrorKind::Unsupported, format!("a combined query has no rows to {what}")));
        }
        if state.is_sliced() {
            return Err(Error::new(
                ErrorKind::Type,
                format!("cannot {what} once a slice has been taken: filter by key"),
            ));
        }
        Ok(())
    }

    /// The scope itself if it is about one table, or one whose rows have the keys that it finds.
    pub(super) fn found_by_key(&mut self, scope: ScopeId) -> Result<ScopeId> {
        self.scope_mut(scope).clear_order();
        let state = self.scope(scope);
        let joined = state.aliases.iter().skip(1).any(|alias| alias.uses > 0);
        let grouped = !matches!(state.group_by, GroupBy::None) || state.filter.children.iter().any(Ex::has_aggregate);
        if !joined && !grouped {
            self.scope_mut(scope).clear_columns();
            return Ok(scope);
        }
        let model = state.model;
        let base = self.base(scope);
        let key = self.key_column(scope, base, model)?;
        let outer = self.open(model, None);
        let state = self.scope_mut(scope);
        state.clear_columns();
        state.lock = None;
        state.columns = Columns::Listed(vec![("pk".to_owned(), key)]);
        state.parent = Some(outer);
        self.scope_mut(outer).clear_order();
        self.scope_mut(outer).clear_columns();
        self.base(outer);
        let key = self.key_column(outer, AliasId(0), model)?;
        let found = Ex::compare(Lookup::In, key, Right::Expression(Ex::Subquery(scope)));
        self.scope_mut(outer).filter.add(found, false);
        Ok(outer)
    }
}

/// Whether all that an expression may give is ciphertext.
fn is_sealed(value: &Node) -> bool {
    match value {
        Node::Value(value, _) => is_ciphertext(value),
        Node::Case { whens, default } => {
            whens.iter().map(|(_, result)| result).chain(default.as_deref()).all(is_sealed)
        }
        _ => false,
    }
}

/// The column of the model's own field that a node names.
fn settable<'a>(model: &'a Entry, field: &Node) -> Result<&'a SchemaColumn> {
    let Node::Path(path) = field else {
        return Err(super::resolve::field_error("only a field can be set"));
    };
    let [name] = path.as_slice() else {
        return Err(super::resolve::field_error(format!(
            "`{}` is a field of another model: only fields of {} can be set",
            path.join("__"),
            model.label
        )));
    };
    let column = match model.named(name) {
        Some(Named::Field(field) | Named::Column(field)) => model.column(field),
        Some(_) => None,
        None => return Err(model.unknown(name)),
    };
    match column {
        // That nobody sets a blind index was seen to before; what sets it here is what keeps it.
        Some(column) if model.field(column.field).blind_index_of.is_some() => Ok(column),
        Some(column) => match model.refuse_kept(model.field(column.field)) {
            Some(refusal) => Err(refusal),
            None => Ok(column),
        },
        None => Err(super::resolve::field_error(format!("`{name}` of {} has no column that can be set", model.label))),
    }
}

pub(super) fn list<T>(sql: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            sql.push_str(", ");
        }
        write(sql, item);
    }
}
