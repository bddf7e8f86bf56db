//! Neighbouring operations made one: a model is created with the fields that are added to it right after.
//!
//! The order that comes out is Django's (`django/db/migrations/optimizer.py`), so that tables and their columns come
//! in the order in which Django would make them.

use super::operation::Operation;
use super::state::State;
use crate::model::Field;

/// The shortest list of operations that does the same.
pub(crate) fn optimize(app: &str, mut operations: Vec<Operation>) -> Vec<Operation> {
    while let Some(shorter) = shorten(app, &operations) {
        operations = shorter;
    }
    operations
}

/// What two operations one after the other come down to.
enum Reduction {
    /// These do the same as both.
    Into(Vec<Operation>),
    /// Nothing, but their order does not matter.
    Independent,
    /// Nothing, and their order matters, as far as one can tell.
    Ordered,
}

/// Puts together the first two operations that can be.
fn shorten(app: &str, operations: &[Operation]) -> Option<Vec<Operation>> {
    for (i, first) in operations.iter().enumerate() {
        let mut first_may_move = true;
        for (j, second) in operations.iter().enumerate().skip(i + 1) {
            let merged = match reduce(app, first, second) {
                Reduction::Into(merged) => merged,
                Reduction::Independent => continue,
                Reduction::Ordered => {
                    first_may_move = false;
                    continue;
                }
            };
            let between = operations.get(i + 1..j).unwrap_or_default();
            let second_may_move =
                || between.iter().all(|other| matches!(reduce(app, other, second), Reduction::Independent));
            let mut shorter = operations.get(..i).unwrap_or_default().to_vec();
            if first_may_move {
                shorter.extend_from_slice(between);
                shorter.extend(merged);
            } else if second_may_move() {
                shorter.extend(merged);
                shorter.extend_from_slice(between);
            } else {
                break;
            }
            shorter.extend_from_slice(operations.get(j + 1..).unwrap_or_default());
            return Some(shorter);
        }
    }
    None
}

fn reduce(app: &str, first: &Operation, second: &Operation) -> Reduction {
    use Operation::*;
    let same_model = first.model() == second.model();
    match (first, second) {
        (CreateModel(definition), DeleteModel { .. }) if same_model && definition.proxy_for.is_none() => {
            return Reduction::Into(Vec::new());
        }
        (CreateModel(_), second) if same_model => {
            let mut alone = State::new();
            if alone.apply(app, first).and_then(|()| alone.apply(app, second)).is_ok()
                && let [model] = alone.models()
            {
                return Reduction::Into(vec![CreateModel(model.clone())]);
            }
        }
        (AddField { field, .. }, RemoveField { field: gone, .. }) if same_model && field.name == *gone => {
            return Reduction::Into(Vec::new());
        }
        (AddIndex { index, .. }, RemoveIndex { name, .. }) if same_model && index.name.as_ref() == Some(name) => {
            return Reduction::Into(Vec::new());
        }
        (AddConstraint { constraint, .. }, RemoveConstraint { name, .. })
            if same_model && constraint.name() == name =>
        {
            return Reduction::Into(Vec::new());
        }
        (RemoveField { .. } | RemoveIndex { .. } | RemoveConstraint { .. }, DeleteModel { .. })
        | (AlterUniqueTogether { .. }, AlterUniqueTogether { .. } | DeleteModel { .. })
            if same_model =>
        {
            return Reduction::Into(vec![second.clone()]);
        }
        _ => {}
    }
    let matters = match first {
        CreateModel(_) | DeleteModel { .. } | AlterUniqueTogether { .. } => mentions(app, second, first.model()),
        AddField { model, field, .. } => mentions_field(app, second, model, &field.name),
        RemoveField { model, field } => mentions_field(app, second, model, field),
        _ => true,
    };
    if matters { Reduction::Ordered } else { Reduction::Independent }
}

/// Whether an operation may have to do with a model; yes in doubt.
fn mentions(app: &str, operation: &Operation, model: &str) -> bool {
    match operation {
        Operation::CreateModel(definition) => {
            definition.name == model
                || definition.proxy_for.as_deref().is_some_and(|of| is(app, model, of))
                || definition.fields.iter().any(|field| refers_to(field, app, model))
        }
        Operation::AddField { model: own, field, .. } => own == model || refers_to(field, app, model),
        Operation::RemoveField { model: own, .. } | Operation::AlterUniqueTogether { model: own, .. } => own == model,
        _ => true,
    }
}

/// Whether an operation may have to do with a field; yes in doubt.
fn mentions_field(app: &str, operation: &Operation, model: &str, field: &str) -> bool {
    match operation {
        Operation::AddField { model: own, field: added, .. } => {
            own == model && added.name == field || refers_to(added, app, model)
        }
        Operation::RemoveField { model: own, field: gone } => own == model && gone == field,
        Operation::AlterUniqueTogether { model: own, groups } => {
            own == model && (groups.is_empty() || groups.iter().any(|group| group.iter().any(|name| name == field)))
        }
        _ => mentions(app, operation, model),
    }
}

fn refers_to(field: &Field, app: &str, model: &str) -> bool {
    field.relation.as_ref().is_some_and(|relation| {
        is(app, model, &relation.to) || relation.through.as_deref().is_some_and(|through| is(app, model, through))
    })
}

fn is(app: &str, model: &str, label: &str) -> bool {
    label.split_once('.') == Some((app, model))
}
