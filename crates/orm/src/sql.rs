//! Queries to SQL. Only this module writes the statements that queries become: values are always bound, names always
//! come from metadata.
//!
//! A query's steps are played back into a [`Scope`](scope::Scope) (`steps`), where names become tables and columns
//! (`resolve`, `joins`), conditions grow and choose the kinds of joins (`filter`, `lookup`), as in
//! `django/db/models/sql/query.py` of Django 5.2. The scopes are then written (`select`, `write`), as in its
//! `compiler.py`.

mod compare;
mod convert;
mod filter;
mod function;
mod joins;
mod json;
mod literal;
mod lookup;
mod resolve;
mod scope;
mod select;
mod steps;
mod tree;
mod write;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, Schema};
use crate::query::Node;
use scope::{Compiler, Env};
use write::{Out, Stop};

/// Writes an expression or condition over a model's own fields as text, values included: for checks, conditional and
/// expression indexes, generated columns and defaults of the database. Columns stand without their table.
///
/// # Errors
/// [`ErrorKind::Field`] if it names what the model does not have, or another model's fields; [`ErrorKind::Value`] if
/// it is a condition that always or never holds.
pub(crate) fn inline(schema: &Schema, model: &Entry, node: &Node) -> Result<String> {
    let mut compiler = Compiler::new(schema);
    let model = schema.entry(model.id);
    let scope = compiler.open(model, None);
    let mut env = Env { reuse: None, joins: false, summarize: false, filtering: false };
    let resolved = compiler.resolve(scope, node, &mut env)?;
    compiler.prepare()?;
    let mut out = Out::new(&compiler, true);
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
