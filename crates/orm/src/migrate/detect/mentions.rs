//! Which fields an expression, an index or a constraint is over.

use crate::migrate::operation::Constraint;
use crate::model::{Field, Index};
use crate::query::Node;

/// Whether an expression is over a field, perhaps among others.
pub(super) fn mentions(node: &Node, name: &str) -> bool {
    match node {
        Node::Path(names) => names.first().is_some_and(|first| first == name),
        Node::List(nodes) | Node::And(nodes) | Node::Or(nodes) | Node::Call(_, nodes) => {
            nodes.iter().any(|node| mentions(node, name))
        }
        Node::Lookup { left, right, .. } | Node::Binary(_, left, right) => {
            mentions(left, name) || mentions(right, name)
        }
        Node::Not(inner) | Node::Cast(inner, _) => mentions(inner, name),
        Node::Case { whens, default } => {
            whens.iter().any(|(condition, result)| mentions(condition, name) || mentions(result, name))
                || default.as_deref().is_some_and(|default| mentions(default, name))
        }
        _ => false,
    }
}

/// Whether a field is computed from another, by the database or by the ORM.
pub(super) fn uses(field: &Field, other: &str) -> bool {
    if field.blind_index_of.as_deref() == Some(other) {
        return true;
    }
    field.generated.as_ref().is_some_and(|generated| mentions(&generated.expression, other))
}

pub(super) fn index_uses(index: &Index, field: &str) -> bool {
    index.expressions.iter().map(|step| &step.expression).chain(&index.condition).any(|node| mentions(node, field))
        || index.include.iter().any(|name| name == field)
}

pub(super) fn constraint_uses(constraint: &Constraint, field: &str) -> bool {
    match constraint {
        Constraint::Check(check) => mentions(&check.condition, field),
        Constraint::Unique(unique) => {
            let over = unique.expressions.iter().map(|step| &step.expression).chain(&unique.condition);
            over.into_iter().any(|node| mentions(node, field))
                || unique.fields.iter().chain(&unique.include).any(|name| name == field)
        }
    }
}
