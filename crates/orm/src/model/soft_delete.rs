//! Rows that are marked as deleted, and hidden instead of gone.

use std::borrow::Cow;

use super::definition::{Field, ModelDef};
use super::schema::{Entry, Schema};
use crate::field::Kind;
use crate::query::{Lookup, Node};
use crate::value::Value;

/// The field by which a model knows its deleted rows, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletionMark {
    /// A boolean, true of deleted rows.
    Flag(Cow<'static, str>),
    /// A moment, when the row was deleted; null while it is alive.
    Moment(Cow<'static, str>),
}

impl DeletionMark {
    /// The field's name.
    pub fn field(&self) -> &Cow<'static, str> {
        let (DeletionMark::Flag(field) | DeletionMark::Moment(field)) = self;
        field
    }

    /// The condition that a row of the model is alive.
    pub fn alive(&self) -> Node {
        self.is(true)
    }

    /// The condition that a row of the model is deleted.
    pub fn deleted(&self) -> Node {
        self.is(false)
    }

    fn is(&self, alive: bool) -> Node {
        let field = Node::Path(vec![self.field().clone()]);
        match self {
            DeletionMark::Flag(_) => Node::lookup(field, Lookup::Exact, Node::value(Value::Bool(!alive))),
            DeletionMark::Moment(_) => Node::lookup(field, Lookup::IsNull, Node::value(Value::Bool(alive))),
        }
    }

    /// The mark that a field is.
    fn of(field: &Field) -> Option<DeletionMark> {
        match field.kind {
            _ if !field.soft_delete => None,
            Kind::Boolean if !field.null => Some(DeletionMark::Flag(field.name.clone())),
            Kind::DateTime if field.null => Some(DeletionMark::Moment(field.name.clone())),
            _ => None,
        }
    }
}

impl ModelDef {
    /// How deleted rows are marked; `None` if they are gone from the table.
    pub fn deletion_mark(&self) -> Option<DeletionMark> {
        self.fields.iter().find_map(DeletionMark::of)
    }
}

/// What is wrong with the marks of models, a line each.
pub(super) fn problems(schema: &Schema) -> Vec<String> {
    let mut problems = Vec::new();
    for Entry { label, definition, .. } in schema.entries() {
        let mut marked = definition.fields.iter().filter(|field| field.soft_delete);
        if let Some(field) = marked.clone().find(|field| DeletionMark::of(field).is_none()) {
            problems.push(format!(
                "{label}.{}: marks deleted rows, which takes a boolean that is never null, or a date and time that may \
                 be null",
                field.name
            ));
        }
        if let (Some(first), Some(second)) = (marked.next(), marked.next()) {
            let (first, second) = (&first.name, &second.name);
            problems.push(format!("{label}: both `{first}` and `{second}` mark deleted rows; keep one of the two"));
        }
        let Some(of) = definition.proxy_for.as_deref().and_then(|label| schema.by_label(label).ok()) else { continue };
        if of.definition.deletion_mark() != definition.deletion_mark() {
            let field = of.definition.deletion_mark().or(definition.deletion_mark());
            problems.push(format!(
                "{label}: is a second model on the rows of {}, and must mark deleted ones alike; give both the field \
                 `{}`, or neither",
                of.label,
                field.iter().map(|mark| mark.field().as_ref()).next().unwrap_or_default()
            ));
        }
    }
    problems
}
