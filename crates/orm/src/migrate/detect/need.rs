//! Operations and what must have been done before them.

use std::collections::{BTreeSet, HashMap};

use crate::migrate::operation::Operation;
use crate::model::ModelDef;

/// An operation, and what must have been done before.
pub(super) struct Planned {
    pub(super) operation: Operation,
    pub(super) needs: Vec<Need>,
}

/// Something that another operation does: about a model, or about a field of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Need {
    pub(super) app: String,
    pub(super) model: String,
    pub(super) field: Option<String>,
    pub(super) done: Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Done {
    /// It is there, perhaps under a new name.
    Made,
    Gone,
    Altered,
    /// The model and its fields have the names that they have from now on.
    Renamed,
    /// The indexes, constraints and groups of unique fields that may hold the model's fields are changed.
    Released,
    /// The model has its primary key.
    Keyed,
}

impl Need {
    fn new(app: &str, model: &str, field: Option<&str>, done: Done) -> Need {
        Need { app: app.to_owned(), model: model.to_owned(), field: field.map(str::to_owned), done }
    }

    /// Something about the model itself.
    pub(super) fn model(model: &ModelDef, done: Done) -> Need {
        Need::new(&model.app, &model.name, None, done)
    }

    /// Something about the model that a label stands for within a model.
    pub(super) fn label(label: &str, own: &ModelDef, done: Done) -> Need {
        match label.split_once('.') {
            Some((app, model)) => Need::new(app, model, None, done),
            None => Need::model(own, done),
        }
    }

    pub(super) fn field(own: &ModelDef, field: &str, done: Done) -> Need {
        Need::new(&own.app, &own.name, Some(field), done)
    }
}

/// What an operation of an app does, as far as others may need it.
pub(super) fn provided(app: &str, operation: &Operation) -> Vec<Need> {
    let about = |field: Option<&str>, done| Need::new(app, operation.model(), field, done);
    match operation {
        Operation::CreateModel(made) => {
            let fields = made.fields.iter().map(|field| about(Some(&field.name), Done::Made));
            std::iter::once(about(None, Done::Made)).chain(fields).collect()
        }
        Operation::DeleteModel { .. } => vec![about(None, Done::Gone)],
        Operation::AddField { field, .. } => vec![about(Some(&field.name), Done::Made)],
        Operation::RemoveField { field, .. } => vec![about(Some(field), Done::Gone)],
        Operation::AlterField { field, .. } => vec![about(Some(&field.name), Done::Altered)],
        Operation::RenameField { to, .. } => vec![about(Some(to), Done::Made), about(None, Done::Renamed)],
        Operation::RenameModel { to, .. } => {
            vec![Need::new(app, to, None, Done::Made), Need::new(app, to, None, Done::Renamed)]
        }
        Operation::AlterTable { .. } => vec![about(None, Done::Altered)],
        Operation::AlterPrimaryKey { .. } => vec![about(None, Done::Keyed)],
        Operation::AlterUniqueTogether { .. } | Operation::RemoveIndex { .. } | Operation::RemoveConstraint { .. } => {
            vec![about(None, Done::Released)]
        }
        Operation::Separate { state, .. } => state.iter().flat_map(|inner| provided(app, inner)).collect(),
        _ => Vec::new(),
    }
}

/// What is still to be done, and how often: many operations may release the same fields.
#[derive(Default)]
pub(super) struct Outstanding(HashMap<Need, usize>);

impl Outstanding {
    pub(super) fn add(&mut self, app: &str, operation: &Operation) {
        for need in provided(app, operation) {
            *self.0.entry(need).or_default() += 1;
        }
    }

    pub(super) fn done(&mut self, app: &str, operation: &Operation) {
        for need in provided(app, operation) {
            if let Some(count) = self.0.get_mut(&need) {
                *count = count.saturating_sub(1);
            }
        }
    }

    pub(super) fn holds(&self, need: &Need) -> bool {
        self.0.get(need).is_some_and(|count| *count > 0)
    }
}

/// An app's operations so that what an operation needs comes before it, otherwise in the order they came: in layers,
/// as Python's `graphlib` has it.
pub(super) fn sorted(app: &str, planned: Vec<Planned>) -> Vec<Planned> {
    let mut provider: HashMap<Need, Vec<usize>> = HashMap::new();
    for (position, item) in planned.iter().enumerate() {
        for need in provided(app, &item.operation) {
            let positions = provider.entry(need).or_default();
            if positions.last() != Some(&position) {
                positions.push(position);
            }
        }
    }
    let mut order: Vec<usize> = Vec::with_capacity(planned.len());
    let mut known = BTreeSet::new();
    let mut waits_for = vec![0usize; planned.len()];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); planned.len()];
    for (position, item) in planned.iter().enumerate() {
        if known.insert(position) {
            order.push(position);
        }
        for other in item.needs.iter().filter_map(|need| provider.get(need)).flatten().copied() {
            if other == position {
                continue;
            }
            if known.insert(other) {
                order.push(other);
            }
            waits_for[position] += 1;
            followers[other].push(position);
        }
    }
    let mut layer: Vec<usize> = order.iter().copied().filter(|position| waits_for[*position] == 0).collect();
    let mut result = Vec::with_capacity(planned.len());
    while !layer.is_empty() {
        let mut next = Vec::new();
        for position in layer {
            result.push(position);
            for follower in &followers[position] {
                waits_for[*follower] -= 1;
                if waits_for[*follower] == 0 {
                    next.push(*follower);
                }
            }
        }
        layer = next;
    }
    // What waits for itself in a circle comes last; `chop` then says so.
    let placed: BTreeSet<usize> = result.iter().copied().collect();
    result.extend(order.into_iter().filter(|position| !placed.contains(position)));
    let mut planned: Vec<Option<Planned>> = planned.into_iter().map(Some).collect();
    result.into_iter().filter_map(|position| planned.get_mut(position).and_then(Option::take)).collect()
}
