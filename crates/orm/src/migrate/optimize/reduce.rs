//! What two operations come down to.

use crate::migrate::operation::{Constraint, Operation};
use crate::migrate::state::State;
use crate::model::{Field, FieldDefault, Index};
use crate::value::Value;

/// What two operations one after the other come down to.
pub(super) enum Reduction {
    /// These do the same as both.
    Into(Vec<Operation>),
    /// Nothing, but their order does not matter.
    Independent,
    /// Nothing, and their order matters, as far as one can tell.
    Ordered,
}

pub(super) fn reduce(app: &str, first: &Operation, second: &Operation) -> Reduction {
    if first.is_opaque() || second.is_opaque() {
        return Reduction::Ordered;
    }
    if let Some(merged) = merged(app, first, second) {
        return Reduction::Into(merged);
    }
    if matters(app, first, second) { Reduction::Ordered } else { Reduction::Independent }
}

/// What does the same as both; `None` if they stay two.
fn merged(app: &str, first: &Operation, second: &Operation) -> Option<Vec<Operation>> {
    use Operation::*;
    if let RenameModel { from, to } = first {
        return match second {
            RenameModel { from: again, to: last } if again == to => {
                let chain = RenameModel { from: from.clone(), to: last.clone() };
                Some(if from == last { Vec::new() } else { vec![chain] })
            }
            DeleteModel { model } if model == to => Some(vec![DeleteModel { model: from.clone() }]),
            _ => None,
        };
    }
    if first.model() != second.model() {
        return None;
    }
    match (first, second) {
        (CreateModel(definition), DeleteModel { .. }) if definition.proxy_for.is_none() => return Some(Vec::new()),
        // A table that nobody made is not made by saying that it is ours.
        (CreateModel(_), AlterManaged { .. }) => return None,
        (CreateModel(_), second) => {
            let mut alone = State::new();
            if alone.apply(app, first).and_then(|()| alone.apply(app, second)).is_ok()
                && let [model] = alone.models()
            {
                return Some(vec![CreateModel(model.clone())]);
            }
            return None;
        }
        // Whatever was done to the table goes with it.
        (first, DeleteModel { .. }) if !matches!(first, DeleteModel { .. } | AlterManaged { .. }) => {
            return Some(vec![second.clone()]);
        }
        (AlterTable { .. }, AlterTable { .. })
        | (AlterTableComment { .. }, AlterTableComment { .. })
        | (AlterManaged { .. }, AlterManaged { .. })
        | (AlterPrimaryKey { .. }, AlterPrimaryKey { .. })
        | (AlterUniqueTogether { .. }, AlterUniqueTogether { .. }) => return Some(vec![second.clone()]),
        _ => {}
    }
    fields(first, second).or_else(|| parts(first, second))
}

/// Operations on one field.
fn fields(first: &Operation, second: &Operation) -> Option<Vec<Operation>> {
    use Operation::*;
    match (first, second) {
        (AddField { model, field, fill }, AlterField { field: new, fill: later, .. }) if field.name == new.name => {
            let fill = both_filled(field, fill.as_ref(), new, later.as_ref(), true)?;
            Some(vec![AddField { model: model.clone(), field: new.clone(), fill }])
        }
        (AlterField { model, field, fill }, AlterField { field: new, fill: later, .. }) if field.name == new.name => {
            let fill = both_filled(field, fill.as_ref(), new, later.as_ref(), false)?;
            Some(vec![AlterField { model: model.clone(), field: new.clone(), fill }])
        }
        (AddField { field, .. }, RemoveField { field: gone, .. }) if field.name == *gone => Some(Vec::new()),
        (AlterField { field, .. }, RemoveField { field: gone, .. }) if field.name == *gone => {
            Some(vec![second.clone()])
        }
        (AddField { model, field, fill }, RenameField { from, to, .. }) if field.name == *from => {
            let field = renamed(field, to)?;
            Some(vec![AddField { model: model.clone(), field, fill: fill.clone() }])
        }
        // The name first, so that the alteration can be put together with what comes before.
        (AlterField { model, field, fill }, RenameField { from, to, .. })
            if field.name == *from && field.column.is_none() =>
        {
            let field = renamed(field, to)?;
            Some(vec![second.clone(), AlterField { model: model.clone(), field, fill: fill.clone() }])
        }
        (RenameField { model, from, to }, RenameField { from: again, to: last, .. }) if again == to => {
            let chain = RenameField { model: model.clone(), from: from.clone(), to: last.clone() };
            Some(if from == last { Vec::new() } else { vec![chain] })
        }
        (RenameField { model, from, to }, RemoveField { field, .. }) if field == to => {
            Some(vec![RemoveField { model: model.clone(), field: from.clone() }])
        }
        _ => None,
    }
}

/// What rows get when two forms of a field become one; `None` if that is not the same as one after the other.
#[expect(clippy::option_option, reason = "the outer one says that there is no such thing")]
fn both_filled(
    old: &Field,
    fill: Option<&Value>,
    new: &Field,
    later: Option<&Value>,
    is_new: bool,
) -> Option<Option<Value>> {
    let by_database = |field: &Field| (field.db_default.clone(), field.generated.clone(), field.rollup.clone());
    let by_clock = |field: &Field| (field.auto_now, field.auto_now_add);
    if by_database(old) != by_database(new) || by_clock(old) != by_clock(new) || old.has_column() != new.has_column() {
        return None;
    }
    // What rows have after the first.
    let has_rows_filled = is_new || !old.null;
    let constant = match &old.default {
        Some(FieldDefault::Value(value)) if has_rows_filled => Some(value),
        _ => None,
    };
    match fill.or(constant).filter(|value| !value.is_null()) {
        // Kept, if the second leaves it alone.
        Some(given) if old.kind == new.kind && (is_new || !new.null) => Some(Some(given.clone())),
        Some(_) => None,
        // Nothing, and the second may leave it at that.
        None if is_new && !new.null && later.is_none() && new.default.is_none() && new.db_default.is_none() => {
            let none_needed = new.kind.is_auto() || !new.has_column() || by_clock(new) != (false, false);
            none_needed.then_some(None)
        }
        None => Some(later.cloned()),
    }
}

/// The field under another name; `None` if it mentions itself.
fn renamed(field: &Field, to: &str) -> Option<Box<Field>> {
    if field.generated.is_some() || field.relation.as_ref().is_some_and(|relation| relation.to_field.is_some()) {
        return None;
    }
    Some(Box::new(Field { name: to.to_owned().into(), ..field.clone() }))
}

/// Operations on one index or constraint.
fn parts(first: &Operation, second: &Operation) -> Option<Vec<Operation>> {
    use Operation::*;
    match (first, second) {
        (
            AddIndex { index, .. } | AddIndexConcurrently { index, .. },
            RemoveIndex { name, .. } | RemoveIndexConcurrently { name, .. },
        ) if index.name.as_ref() == Some(name) => Some(Vec::new()),
        (AddIndex { model, index }, RenameIndex { from, to, .. }) if index.name.as_ref() == Some(from) => {
            let index = Index { name: Some(to.clone()), ..index.clone() };
            Some(vec![AddIndex { model: model.clone(), index }])
        }
        (AddIndexConcurrently { model, index }, RenameIndex { from, to, .. }) if index.name.as_ref() == Some(from) => {
            let index = Index { name: Some(to.clone()), ..index.clone() };
            Some(vec![AddIndexConcurrently { model: model.clone(), index }])
        }
        (RenameIndex { model, from, to }, RenameIndex { from: again, to: last, .. }) if again == to => {
            let chain = RenameIndex { model: model.clone(), from: from.clone(), to: last.clone() };
            Some(if from == last { Vec::new() } else { vec![chain] })
        }
        (RenameIndex { model, from, to }, RemoveIndex { name, .. }) if name == to => {
            Some(vec![RemoveIndex { model: model.clone(), name: from.clone() }])
        }
        (RenameIndex { model, from, to }, RemoveIndexConcurrently { name, .. }) if name == to => {
            Some(vec![RemoveIndexConcurrently { model: model.clone(), name: from.clone() }])
        }
        (AddConstraint { constraint, .. }, RemoveConstraint { name, .. }) if constraint.name() == name => {
            Some(Vec::new())
        }
        (AddConstraintNotValid { constraint, .. }, RemoveConstraint { name, .. }) if constraint.name == *name => {
            Some(Vec::new())
        }
        (AddConstraintNotValid { model, constraint }, ValidateConstraint { name, .. }) if constraint.name == *name => {
            Some(vec![AddConstraint { model: model.clone(), constraint: Constraint::Check(constraint.clone()) }])
        }
        _ => None,
    }
}

/// Whether the order of two operations matters; yes in doubt.
fn matters(app: &str, first: &Operation, second: &Operation) -> bool {
    use Operation::*;
    // What the first mentions may not get another name under its feet.
    let pulled_away = match second {
        RenameModel { from, to } => counts(first) || mentions(app, first, from) || mentions(app, first, to),
        RenameField { .. } if counts(first) => true,
        RenameField { model, from, to } if model != first.model() => {
            names(app, first, model, from) || names(app, first, model, to)
        }
        _ => false,
    };
    // A table may get the name that another had.
    let frees_name = matches!(first, RenameModel { .. } | DeleteModel { .. });
    let takes_name = match second {
        CreateModel(definition) => definition.table.is_some() || matches!(first, DeleteModel { .. }),
        RenameModel { .. } => matches!(first, DeleteModel { .. }),
        AlterTable { .. } => true,
        _ => false,
    };
    pulled_away
        || frees_name && takes_name
        || match first {
            CreateModel(_) | DeleteModel { .. } | AlterUniqueTogether { .. } | AlterTableComment { .. } => {
                mentions(app, second, first.model())
            }
            RenameModel { from, to } => counts(second) || mentions(app, second, from) || mentions(app, second, to),
            AddField { model, field, .. } | AlterField { model, field, .. } => {
                mentions_field(app, second, model, &field.name)
                    || matches!((first, second), (AlterField { .. }, AlterUniqueTogether { .. }))
                        && model == second.model()
            }
            RemoveField { model, field } => mentions_field(app, second, model, field),
            RenameField { model, from, to } => {
                counts(second) || mentions_field(app, second, model, from) || mentions_field(app, second, model, to)
            }
            _ => true,
        }
}

/// Whether an operation brings figures over the rows of other models, whose names it mentions.
fn counts(operation: &Operation) -> bool {
    use Operation::*;
    match operation {
        CreateModel(definition) => definition.fields.iter().any(|field| field.rollup.is_some()),
        AddField { field, .. } | AlterField { field, .. } => field.rollup.is_some(),
        _ => false,
    }
}

/// Whether an operation may have to do with a model; yes in doubt.
fn mentions(app: &str, operation: &Operation, model: &str) -> bool {
    use Operation::*;
    match operation {
        CreateModel(definition) => {
            definition.name == model
                || definition.proxy_for.as_deref().is_some_and(|of| is(app, model, of))
                || definition.fields.iter().any(|field| refers_to(field, app, model))
        }
        AddField { model: own, field, .. } | AlterField { model: own, field, .. } => {
            own == model || refers_to(field, app, model)
        }
        RenameModel { from, to } => from == model || to == model,
        RemoveField { model: own, .. }
        | RenameField { model: own, .. }
        | AlterUniqueTogether { model: own, .. }
        | AlterTable { model: own, .. }
        | AlterTableComment { model: own, .. } => own == model,
        _ => true,
    }
}

/// Whether an operation may have to do with a field; yes in doubt.
fn mentions_field(app: &str, operation: &Operation, model: &str, field: &str) -> bool {
    use Operation::*;
    match operation {
        AddField { model: own, field: other, .. } | AlterField { model: own, field: other, .. } => {
            own == model && (other.name == field || other.generated.is_some()) || refers_to(other, app, model)
        }
        RemoveField { model: own, field: gone } => own == model && gone == field,
        RenameField { model: own, from, to, .. } => own == model && (from == field || to == field),
        AlterUniqueTogether { model: own, groups } => {
            own == model && (groups.is_empty() || groups.iter().any(|group| group.iter().any(|name| name == field)))
        }
        AlterTable { .. } | AlterTableComment { .. } => false,
        _ => mentions(app, operation, model),
    }
}

/// Whether an operation names a field of another model.
fn names(app: &str, operation: &Operation, model: &str, name: &str) -> bool {
    use Operation::*;
    let names = |field: &Field| {
        field.relation.as_ref().is_some_and(|relation| {
            is(app, model, &relation.to) && relation.to_field.as_deref() == Some(name)
                || relation.through.as_deref().is_some_and(|through| is(app, model, through))
        })
    };
    match operation {
        CreateModel(definition) => definition.proxy_for.is_some() || definition.fields.iter().any(names),
        AddField { field, .. } | AlterField { field, .. } => names(field),
        RemoveField { .. } | RenameField { .. } | AlterUniqueTogether { .. } | AlterTableComment { .. } => false,
        _ => true,
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
