//! Indexes, constraints, and fields that are unique together.

use super::need::{Done, Need};
use super::{Detector, Text};
use crate::migrate::operation::{Constraint, Operation};
use crate::model::{Index, ModelDef};

/// What has changed of a model's indexes: those that are new, those that are gone, and those that have another name.
struct Indexes {
    added: Vec<Index>,
    removed: Vec<Index>,
    renamed: Vec<(Text, Text)>,
}

impl Indexes {
    fn of(was: &ModelDef, now: &ModelDef) -> Indexes {
        let mut removed = missing(&was.indexes, &now.indexes);
        let mut added = missing(&now.indexes, &was.indexes);
        let mut renamed = Vec::new();
        added.retain(|index| {
            let same = |old: &Index| Index { name: index.name.clone(), ..old.clone() } == *index;
            // Two indexes cannot have one name on the way.
            let free = was.indexes.iter().all(|old| old.name != index.name);
            let Some(position) = removed.iter().position(same) else { return true };
            match (&removed[position].name, &index.name) {
                (Some(from), Some(to)) if free => renamed.push((from.clone(), to.clone())),
                _ => return true,
            }
            removed.remove(position);
            false
        });
        Indexes { added, removed, renamed }
    }
}

impl Detector<'_> {
    /// Plans what must go before fields are altered.
    pub(super) fn release_parts(&mut self, pairs: &[(ModelDef, ModelDef)]) {
        for (was, now) in pairs {
            for constraint in missing(&Constraint::all_of(was), &Constraint::all_of(now)) {
                let name = constraint.name().clone();
                self.plan(&now.app, Operation::RemoveConstraint { model: now.name.clone(), name }, Vec::new());
            }
        }
        for (was, now) in pairs {
            for index in Indexes::of(was, now).removed {
                let Some(name) = index.name else { continue };
                self.plan(&now.app, Operation::RemoveIndex { model: now.name.clone(), name }, Vec::new());
            }
        }
        for (was, now) in pairs {
            for (from, to) in Indexes::of(was, now).renamed {
                self.plan(&now.app, Operation::RenameIndex { model: now.name.clone(), from, to }, Vec::new());
            }
        }
        for (was, now) in pairs {
            let lasting = lasting_groups(was, now);
            if lasting.len() != was.unique_together.len() {
                let alteration = Operation::AlterUniqueTogether { model: now.name.clone(), groups: lasting };
                self.plan(&now.app, alteration, Vec::new());
            }
        }
    }

    /// Plans what can only be made when the fields are as they should be.
    pub(super) fn make_parts(&mut self, pairs: &[(ModelDef, ModelDef)]) {
        for (was, now) in pairs {
            if lasting_groups(was, now).len() != now.unique_together.len() {
                let groups = now.unique_together.clone();
                let alteration = Operation::AlterUniqueTogether { model: now.name.clone(), groups };
                self.plan(&now.app, alteration, changed_fields(was, now));
            }
        }
        for (was, now) in pairs {
            for index in Indexes::of(was, now).added {
                let needs = changed_fields(was, now);
                self.plan(&now.app, Operation::AddIndex { model: now.name.clone(), index }, needs);
            }
        }
        for (was, now) in pairs {
            for constraint in missing(&Constraint::all_of(now), &Constraint::all_of(was)) {
                let needs = changed_fields(was, now);
                self.plan(&now.app, Operation::AddConstraint { model: now.name.clone(), constraint }, needs);
            }
        }
    }
}

/// That the model's fields are new or altered, as far as they are.
fn changed_fields(was: &ModelDef, now: &ModelDef) -> Vec<Need> {
    let need = |field: &crate::model::Field| match was.fields.iter().find(|old| old.name == field.name) {
        None => Some(Need::field(now, &field.name, Done::Made)),
        Some(old) if old != field => Some(Need::field(now, &field.name, Done::Altered)),
        Some(_) => None,
    };
    now.fields.iter().filter_map(need).collect()
}

/// The items of one list that the other does not have.
fn missing<T: PartialEq + Clone>(from: &[T], other: &[T]) -> Vec<T> {
    from.iter().filter(|item| !other.contains(item)).cloned().collect()
}

fn lasting_groups(was: &ModelDef, now: &ModelDef) -> Vec<Vec<Text>> {
    was.unique_together.iter().filter(|group| now.unique_together.contains(group)).cloned().collect()
}
