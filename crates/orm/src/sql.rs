//! Queries to SQL. Only this module writes the statements that queries become: values are always bound, names always
//! come from metadata.
//!
//! A query's steps are played back into a [`Scope`](scope::Scope) (`steps`), where names become tables and columns
//! (`resolve`, `joins`), conditions grow and choose the kinds of joins (`filter`, `lookup`), as in
//! `django/db/models/sql/query.py` of Django 5.2. The scopes are then written (`select`, `write`), as in its
//! `compiler.py`.

mod aggregate;
pub(crate) mod bulk;
mod change;
mod compare;
mod convert;
mod filter;
pub(crate) mod fixture;
mod function;
mod joins;
mod json;
mod literal;
mod lookup;
mod point;
mod resolve;
mod scope;
mod sealed;
mod select;
mod steps;
mod tree;
mod upsert;
mod write;

use std::borrow::Cow;
use std::time::Duration;

pub(crate) use change::{Conflict, Insert, delete, insert, set_row, update, update_where};
pub(crate) use convert::prepare;
pub(crate) use json::member_name;
pub(crate) use point::point;
pub(crate) use upsert::Upsert;
pub(crate) use write::quoted;

use crate::db::Statement;
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::json_schema::Versioned;
use crate::model::{Entry, Schema};
use crate::query::{Node, Query};
use crate::relation::Related;
use crate::row::Reading;
use crate::value::Value;
use scope::{Compiler, Env};
use tree::{Ex, ScopeId};
use write::{Out, Stop};

/// What a query became.
#[derive(Debug)]
pub(crate) enum Compiled<T> {
    /// A statement to run.
    Run(T),
    /// Nothing to ask the database for: no row can match (Django's `EmptyResultSet`).
    Empty,
}

impl Compiled<Described> {
    /// The query alone.
    pub(crate) fn undescribed(self) -> Compiled<Selected> {
        match self {
            Compiled::Run(described) => Compiled::Run(described.selected),
            Compiled::Empty => Compiled::Empty,
        }
    }
}

/// A query that answers with rows.
#[derive(Debug)]
pub(crate) struct Selected {
    /// The statement: the model's columns in the order of its definition, or those of `values` in order; then those of
    /// related models, depth first; then annotations; at the end perhaps what nobody asked for.
    pub(crate) statement: Statement,
    /// The related models whose columns follow the model's own.
    pub(crate) related: Vec<Related>,
    /// How its columns are read.
    pub(crate) reading: Reading,
}

/// A query that answers with rows whose columns no Rust type tells of.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) selected: Selected,
    /// The columns, but for those at the end that nobody asked for.
    pub(crate) columns: Vec<OutputColumn>,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutputColumn {
    /// What it holds. Decimals that were computed have no number of places: `max_digits` is 0.
    pub(crate) kind: Option<Kind>,
}

/// Figures over a query's rows.
#[derive(Debug)]
pub(crate) struct Figures {
    /// The statement, which answers with one row.
    pub(crate) selected: Compiled<Described>,
    /// What the figures are where there is nothing to ask the database for.
    pub(crate) defaults: Vec<Value>,
}

/// The rows of a query.
///
/// # Errors
/// [`ErrorKind::Field`] for names and lookups that do not exist and for types that cannot be told,
/// [`ErrorKind::Value`], [`ErrorKind::Type`] and [`ErrorKind::Validation`] for values that do not fit,
/// [`ErrorKind::Unsupported`] for what the engine cannot do.
pub(crate) fn select(schema: &Schema, query: &Query) -> Result<Compiled<Selected>> {
    let mut compiler = Compiler::new(schema);
    let scope = compiler.replay(query, None)?;
    finish(compiler, scope)
}

/// The rows of a query, and what their columns hold.
///
/// # Errors
/// Those of [`select`].
pub(crate) fn describe(schema: &Schema, query: &Query) -> Result<Compiled<Described>> {
    let mut compiler = Compiler::new(schema);
    let scope = compiler.replay(query, None)?;
    finish_described(compiler, scope, true)
}

/// The number of rows of a query; an empty one has none.
///
/// # Errors
/// Those of [`select`].
pub(crate) fn count(schema: &Schema, query: &Query) -> Result<Compiled<Selected>> {
    let mut compiler = Compiler::new(schema);
    let scope = compiler.replay(query, None)?;
    let (scope, _) = compiler.count(scope)?;
    finish(compiler, scope)
}

/// Whether a query has rows: it answers with one row or none.
///
/// # Errors
/// Those of [`select`].
pub(crate) fn exists(schema: &Schema, query: &Query) -> Result<Compiled<Selected>> {
    let mut compiler = Compiler::new(schema);
    let scope = compiler.replay(query, None)?;
    compiler.reduce_to_exists(scope)?;
    finish(compiler, scope)
}

/// Figures over the rows of a query, by name.
///
/// # Errors
/// Those of [`select`], and [`ErrorKind::Type`] for an expression that does not aggregate.
pub(crate) fn aggregate(schema: &Schema, query: &Query, figures: &[(Cow<'static, str>, Node)]) -> Result<Figures> {
    let mut compiler = Compiler::new(schema);
    let scope = compiler.replay(query, None)?;
    let (scope, defaults) = compiler.aggregate(scope, figures)?;
    Ok(Figures { selected: finish_described(compiler, scope, true)?, defaults })
}

fn finish(compiler: Compiler<'_>, scope: ScopeId) -> Result<Compiled<Selected>> {
    finish_described(compiler, scope, false).map(Compiled::undescribed)
}

/// Writes the statement, and says what its columns hold if that is wanted.
fn finish_described(mut compiler: Compiler<'_>, scope: ScopeId, describe: bool) -> Result<Compiled<Described>> {
    compiler.prepare()?;
    let mut out = Out::new(&compiler, false);
    match out.select(scope, false) {
        Ok(()) => {}
        Err(Stop::Empty) => return Ok(Compiled::Empty),
        Err(Stop::Full) => return Err(Error::new(ErrorKind::Configuration, "a query cannot hold for everything")),
        Err(Stop::Failed(error)) => return Err(error),
    }
    let (sql, params) = out.into_parts();
    let reads = compiler.scope(scope).lock.is_none();
    // The columns of a combined query are those of its first part.
    let mut described = scope;
    while let Some(combined) = &compiler.scope(described).combined
        && let Some(first) = combined.parts.first()
    {
        described = *first;
    }
    let Some(prepared) = compiler.scope_mut(described).prepared.take() else {
        return Err(Error::new(ErrorKind::Configuration, "a query was written before it was resolved"));
    };
    let whole = prepared.whole.map_or(&[][..], |model| &model.columns);
    let mut versioned = prepared.whole.map_or_else(Versioned::new, |model| model.versioned.clone());
    let schemas = prepared.columns.iter().zip(whole.len()..);
    versioned
        .extend(schemas.filter_map(|(output, place)| Some((place, compiler.versioned(&output.expression)?.clone()))));
    let reading = Reading { versioned, opening: compiler.opening(&prepared)? };
    let mut columns = Vec::new();
    if describe {
        columns.extend(whole.iter().map(|column| OutputColumn { kind: Some(column.kind.clone()) }));
        columns.extend(prepared.columns.into_iter().map(|output| {
            let kind = match (&output.expression, output.kind) {
                (Ex::Column(_), kind) => kind,
                (_, Some(Kind::Decimal { .. })) => Some(Kind::Decimal { max_digits: 0, decimal_places: 0 }),
                (_, kind) => kind,
            };
            OutputColumn { kind }
        }));
    }
    let statement = Statement { sql, params: params.into_values(compiler), reads };
    let selected = Selected { statement, related: prepared.related, reading };
    Ok(Compiled::Run(Described { selected, columns }))
}

/// What makes the server end a transaction that has been silent for this long, where it can; to be run inside it.
pub(crate) fn idle_limit(dialect: Dialect, limit: Duration) -> Option<String> {
    let limit = limit.as_millis().clamp(1, i32::MAX as u128);
    (dialect == Dialect::Postgres).then(|| format!("SET LOCAL idle_in_transaction_session_timeout = {limit}"))
}

/// A statement that answers with one row of constants.
pub(crate) fn constants(dialect: Dialect, values: &[Value]) -> Statement {
    let mut sql = String::from("SELECT ");
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            sql.push_str(", ");
        }
        literal::write(&mut sql, value, dialect);
    }
    Statement::read(sql, Vec::new())
}

/// Writes an expression or condition over a model's own fields as text, values included: for checks, conditional and
/// expression indexes, generated columns and defaults of the database. Columns stand without their table.
///
/// # Errors
/// [`ErrorKind::Field`] if it names what the model does not have, or another model's fields; [`ErrorKind::Value`] if
/// it is a condition that always or never holds.
pub(crate) fn inline(schema: &Schema, model: &Entry, node: &Node) -> Result<String> {
    inline_on(schema, model, node, "")
}

/// As [`inline`], with the columns as those of a row by this name, such as a trigger's `NEW`.
///
/// # Errors
/// Those of [`inline`].
pub(crate) fn inline_on(schema: &Schema, model: &Entry, node: &Node, row: &'static str) -> Result<String> {
    let mut compiler = Compiler::new(schema);
    let model = schema.entry(model.id);
    let scope = compiler.open(model, None);
    let mut env = Env { reuse: None, joins: false, summarize: false, filtering: false };
    let resolved = compiler.resolve(scope, node, &mut env)?;
    compiler.prepare()?;
    let mut out = Out::new(&compiler, true);
    out.row = row;
    match out.expression(&resolved) {
        Ok(()) => Ok(out.into_parts().0),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Empty | Stop::Full) => Err(Error::new(
            ErrorKind::Value,
            format!("a condition of {} holds always or never, so it cannot be part of its table", model.label),
        )),
    }
}

#[cfg(test)]
mod tests;
