//! The way back: what undoes an operation, given the models as they were before it.

use super::operation::{Constraint, Operation};
use super::state::State;
use crate::model::ModelDef;

impl Operation {
    /// The operations that undo it, in their order, where it was applied to the models of `before`; none, if there is
    /// nothing to undo. `None` if it cannot be undone: SQL of which nobody has said how.
    ///
    /// What it has removed is made again as it was, but without the rows that went with it.
    pub fn undo(&self, app: &str, before: &State) -> Option<Vec<Operation>> {
        let model = || self.model().to_owned().into();
        let definition = || before.model(app, self.model());
        let one = |operation: Operation| Some(vec![operation]);
        match self {
            Operation::CreateModel(_) => one(Operation::DeleteModel { model: model() }),
            Operation::DeleteModel { .. } => one(Operation::CreateModel(definition()?.clone())),
            Operation::AddField { field, .. } => {
                one(Operation::RemoveField { model: model(), field: field.name.clone() })
            }
            Operation::RemoveField { field, .. } => {
                let field = Box::new(field_of(definition()?, field)?);
                one(Operation::AddField { model: model(), field, fill: None })
            }
            Operation::AddIndex { index, .. } => {
                one(Operation::RemoveIndex { model: model(), name: index.name.clone()? })
            }
            Operation::RemoveIndex { name, .. } => {
                let index = definition()?.indexes.iter().find(|index| index.name.as_ref() == Some(name))?.clone();
                one(Operation::AddIndex { model: model(), index })
            }
            Operation::AddConstraint { constraint, .. } => {
                one(Operation::RemoveConstraint { model: model(), name: constraint.name().clone() })
            }
            Operation::RemoveConstraint { name, .. } => {
                let constraint = Constraint::all_of(definition()?).into_iter().find(|it| it.name() == name)?;
                one(Operation::AddConstraint { model: model(), constraint })
            }
            Operation::AlterUniqueTogether { .. } => {
                let groups = definition()?.unique_together.clone();
                one(Operation::AlterUniqueTogether { model: model(), groups })
            }
            Operation::AlterField { field, .. } => {
                let field = Box::new(field_of(definition()?, &field.name)?);
                one(Operation::AlterField { model: model(), field, fill: None })
            }
            Operation::RenameField { from, to, .. } => {
                one(Operation::RenameField { model: model(), from: to.clone(), to: from.clone() })
            }
            Operation::RenameModel { from, to } => one(Operation::RenameModel { from: to.clone(), to: from.clone() }),
            Operation::AlterTable { .. } => {
                one(Operation::AlterTable { model: model(), table: definition()?.table.clone() })
            }
            Operation::AlterTableComment { .. } => {
                one(Operation::AlterTableComment { model: model(), comment: definition()?.comment.clone() })
            }
            Operation::AlterManaged { .. } => {
                one(Operation::AlterManaged { model: model(), managed: definition()?.managed })
            }
            Operation::AlterPrimaryKey { .. } => {
                one(Operation::AlterPrimaryKey { model: model(), fields: definition()?.primary_key.clone() })
            }
            Operation::RenameIndex { from, to, .. } => {
                one(Operation::RenameIndex { model: model(), from: to.clone(), to: from.clone() })
            }
            Operation::RunSql { forward, backward, state, about } => one(Operation::RunSql {
                forward: backward.clone()?,
                backward: Some(forward.clone()),
                state: undo_all(state, app, before)?,
                about: about.clone(),
            }),
            Operation::Separate { database, state } => one(Operation::Separate {
                database: undo_all(database, app, before)?,
                state: undo_all(state, app, before)?,
            }),
            Operation::RunRust { .. } | Operation::Populate(_) => one(self.undo_data()?),
            Operation::AddIndexConcurrently { index, .. } => {
                one(Operation::RemoveIndexConcurrently { model: model(), name: index.name.clone()? })
            }
            Operation::RemoveIndexConcurrently { name, .. } => {
                let index = definition()?.indexes.iter().find(|index| index.name.as_ref() == Some(name))?.clone();
                one(Operation::AddIndexConcurrently { model: model(), index })
            }
            Operation::AddConstraintNotValid { constraint, .. } => {
                one(Operation::RemoveConstraint { model: model(), name: constraint.name.clone() })
            }
            Operation::ValidateConstraint { .. } => Some(Vec::new()),
        }
    }
}

/// What undoes several operations, applied one after the other to `before`: the last is undone first.
pub(crate) fn undo_all(operations: &[Operation], app: &str, before: &State) -> Option<Vec<Operation>> {
    let mut state = before.clone();
    let mut undone = Vec::new();
    for operation in operations {
        undone.push(operation.undo(app, &state)?);
        state.apply(app, operation).ok()?;
    }
    Some(undone.into_iter().rev().flatten().collect())
}

fn field_of(model: &ModelDef, name: &str) -> Option<crate::model::Field> {
    model.fields.iter().find(|field| field.name == name).cloned()
}
