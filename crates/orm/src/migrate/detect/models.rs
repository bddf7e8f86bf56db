//! Models that are gone or new, and what of their tables has changed.

use super::mentions::{constraint_uses, index_uses};
use super::need::{Done, Need, Planned};
use super::questioner::Replaced;
use super::{Detector, needs_of};
use crate::error::Result;
use crate::migrate::operation::{Constraint, Operation};
use crate::model::{Field, ModelDef};

impl Detector<'_> {
    /// Drops the models that can only be made anew: from here on they are new.
    pub(super) fn replace_models(&mut self) -> Result<()> {
        for was in self.before.models().to_vec() {
            let Some(now) = self.after.model(&was.app, &was.name).cloned() else { continue };
            if was.proxy_for == now.proxy_for {
                continue;
            }
            if was.proxy_for.is_none() && was.managed {
                let why = "its table would be dropped with its rows, since it is a proxy now";
                if self.questioner.replaced(&Replaced { model: &now, field: None, why })? != Some(true) {
                    let label = now.label();
                    self.problems.push(format!(
                        "{label}: {why}; say --replace {label} if they may go, or move them by a migration before"
                    ));
                    continue;
                }
            }
            self.replaced.insert((was.app.to_string(), was.name.to_string()));
        }
        Ok(())
    }

    /// Plans the end of a model: its relations first, so that models which refer to each other can go.
    pub(super) fn delete_model(&mut self, model: &ModelDef) {
        if !model.unique_together.is_empty() {
            let none = Operation::AlterUniqueTogether { model: model.name.clone(), groups: Vec::new() };
            self.plan(&model.app, none, Vec::new());
        }
        let mut needs = Vec::new();
        let mut relations: Vec<&Field> = model.fields.iter().filter(|field| field.relation.is_some()).collect();
        relations.sort_by(|a, b| a.name.cmp(&b.name));
        relations.retain(|field| !model.primary_key.contains(&field.name));
        for index in model.indexes.iter().filter(|it| relations.iter().any(|field| index_uses(it, &field.name))) {
            let Some(name) = index.name.clone() else { continue };
            self.plan(&model.app, Operation::RemoveIndex { model: model.name.clone(), name }, Vec::new());
        }
        for constraint in Constraint::all_of(model) {
            if relations.iter().any(|field| constraint_uses(&constraint, &field.name)) {
                let name = constraint.name().clone();
                self.plan(&model.app, Operation::RemoveConstraint { model: model.name.clone(), name }, Vec::new());
            }
        }
        for field in relations {
            let removal = Operation::RemoveField { model: model.name.clone(), field: field.name.clone() };
            self.plan(&model.app, removal, vec![Need::model(model, Done::Released)]);
            needs.push(Need::field(model, &field.name, Done::Gone));
        }
        let label = model.label();
        for other in self.before.models() {
            for field in &other.fields {
                let Some(relation) = &field.relation else { continue };
                let through = relation.through.as_deref().is_some_and(|through| through == label);
                if (other.app == model.app && other.name == model.name) || (relation.to != label && !through) {
                    continue;
                }
                if other.primary_key.contains(&field.name) {
                    needs.push(Need::model(other, Done::Gone));
                }
                // Either of the two, if it happens.
                needs.push(Need::field(other, &field.name, Done::Gone));
                needs.push(Need::field(other, &field.name, Done::Altered));
            }
            if other.proxy_for.as_deref() == Some(&label) {
                needs.push(Need::model(other, Done::Gone));
            }
        }
        self.plan(&model.app, Operation::DeleteModel { model: model.name.clone() }, needs);
    }

    /// Plans a new model, and each relation, index and constraint on its own: what can be is put together again by
    /// the optimiser.
    pub(super) fn create_model(&mut self, model: &ModelDef) {
        let mut bare = model.clone();
        let deferred = |field: &Field| field.relation.is_some() && !model.primary_key.contains(&field.name);
        let mut relations: Vec<Field> = Vec::new();
        let mut needs = vec![Need::model(model, Done::Gone)];
        if model.managed {
            relations = model.fields.iter().filter(|field| deferred(field)).cloned().collect();
            bare.fields.retain(|field| !deferred(field));
            bare.indexes.clear();
            bare.uniques.clear();
            bare.checks.clear();
            bare.constraint_order.clear();
            bare.unique_together.clear();
        }
        let own = Need::model(model, Done::Made);
        needs.extend(bare.fields.iter().flat_map(|field| needs_of(field, model)).filter(|need| *need != own));
        let creation = Planned { operation: Operation::CreateModel(bare), needs };
        self.planned.entry(model.app.to_string()).or_default().insert(0, creation);
        if !model.managed {
            return;
        }
        relations.sort_by(|a, b| a.name.cmp(&b.name));
        let mut all_made: Vec<Need> =
            relations.iter().map(|field| Need::field(model, &field.name, Done::Made)).collect();
        all_made.push(own.clone());
        for field in relations {
            let mut needs = needs_of(&field, model);
            needs.push(own.clone());
            needs.sort();
            needs.dedup();
            let addition = Operation::AddField { model: model.name.clone(), field: Box::new(field), fill: None };
            self.plan(&model.app, addition, needs);
        }
        for index in &model.indexes {
            let addition = Operation::AddIndex { model: model.name.clone(), index: index.clone() };
            self.plan(&model.app, addition, all_made.clone());
        }
        for constraint in Constraint::all_of(model) {
            let addition = Operation::AddConstraint { model: model.name.clone(), constraint };
            self.plan(&model.app, addition, all_made.clone());
        }
        if !model.unique_together.is_empty() {
            let groups = model.unique_together.clone();
            let alteration = Operation::AlterUniqueTogether { model: model.name.clone(), groups };
            self.plan(&model.app, alteration, all_made);
        }
    }

    /// Plans what has changed of the tables of models that stay.
    pub(super) fn compare_tables(&mut self) {
        let mut pairs: Vec<(ModelDef, ModelDef)> = Vec::new();
        for now in self.after.models().iter().filter(|now| now.proxy_for.is_none()) {
            if let Some(was) = self.before.model(&now.app, &now.name).filter(|was| was.proxy_for.is_none()) {
                pairs.push((was.clone(), now.clone()));
            }
        }
        pairs.retain(|(was, now)| (&was.table, &was.comment, was.managed) != (&now.table, &now.comment, now.managed));
        pairs.sort_by_key(|(_, now)| (now.app.clone(), now.name.to_lowercase()));
        for (was, now) in &pairs {
            let model = &now.name;
            if was.table != now.table {
                let operation = Operation::AlterTable { model: model.clone(), table: now.table.clone() };
                self.last(now, operation);
            }
            if was.comment != now.comment {
                let operation = Operation::AlterTableComment { model: model.clone(), comment: now.comment.clone() };
                self.last(now, operation);
            }
            if was.managed != now.managed {
                self.last(now, Operation::AlterManaged { model: model.clone(), managed: now.managed });
            }
        }
    }

    /// Plans an operation that comes after all others on its model: what has been an unmanaged table's until then
    /// changes the models alone.
    fn last(&mut self, model: &ModelDef, operation: Operation) {
        let before = self.planned.get(model.app.as_ref()).into_iter().flatten();
        let mut needs: Vec<Need> = Vec::new();
        for planned in before.filter(|planned| planned.operation.model() == model.name) {
            needs.extend(super::need::provided(&model.app, &planned.operation));
            needs.extend(planned.needs.iter().cloned());
        }
        needs.sort();
        needs.dedup();
        self.plan(&model.app, operation, needs);
    }
}
