//! The models as they were at some point of the history.

mod rename;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::names;
use super::operation::{Constraint, Operation};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::json_schema::JsonSchema;
use crate::model::{FieldDefault, ModelDef, Models, OnDelete, Schema};
use crate::query::Node;

/// The models of all apps after some migrations, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    models: Vec<ModelDef>,
    /// Which of them have their tables in the database at hand.
    here: Here,
}

/// Which models have their tables in a database: all, unless somebody says so.
#[derive(Clone, Default)]
pub(super) struct Here(Option<Arc<Allowed>>);

type Allowed = dyn Fn(&str, Option<&str>) -> bool + Send + Sync;

impl Here {
    pub(super) fn new(allowed: impl Fn(&str, Option<&str>) -> bool + Send + Sync + 'static) -> Here {
        Here(Some(Arc::new(allowed)))
    }

    /// Whether a model is in the database; or an app, where no model is named.
    pub(super) fn has(&self, app: &str, model: Option<&str>) -> bool {
        self.0.as_ref().is_none_or(|allowed| allowed(app, model))
    }

    /// Whether an operation that is not about a table by itself, but SQL or work on rows, is run in the database.
    pub(super) fn runs(&self, app: &str, operation: &Operation) -> bool {
        match operation {
            Operation::RunSql { about, .. } | Operation::RunRust { about, .. } => self.has(app, about.as_deref()),
            Operation::Populate(populate) => self.has(app, Some(&populate.model)),
            _ => true,
        }
    }
}

impl fmt::Debug for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Here(some)" } else { "Here(all)" })
    }
}

/// Models are the same wherever their tables are.
impl PartialEq for Here {
    fn eq(&self, _: &Here) -> bool {
        true
    }
}

impl State {
    /// Before any migration.
    pub fn new() -> Self {
        State::default()
    }

    /// The state that migrations lead to when they are done for these models.
    ///
    /// It differs from the models in what migration files leave to the program: labels, choices and orders, functions (a
    /// default that is computed, `on_delete` by a function, the upgrade of older documents), and the defaults of encrypted
    /// fields. A proxy has no fields of its own, and indexes
    /// without a name get theirs.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if an index without a name is over something else than fields.
    pub fn of(models: &Models) -> Result<Self> {
        let written = models.definitions().map(|definition| written(definition)).collect::<Result<_>>()?;
        let mut state = State { models: written, here: Here::default() };
        state.say_which_rows_count(models);
        Ok(state)
    }

    /// Says of figures which rows they are over, where models say it by marks of deleted rows, which a state leaves out.
    fn say_which_rows_count(&mut self, models: &Models) {
        if models.definitions().all(|model| model.fields.iter().all(|field| field.rollup.is_none())) {
            return;
        }
        // The names of tables do not matter, and what does not fit together is said where it is looked for.
        let Ok(schema) = Schema::past(models, Dialect::Postgres) else { return };
        for kept in schema.rollups() {
            let model = self.models.iter_mut().find(|model| model.label() == kept.entry.label);
            let name = &kept.entry.field(kept.column.field).name;
            let field = model.and_then(|model| model.fields.iter_mut().find(|field| field.name == *name));
            if let Some(rollup) = field.and_then(|field| field.rollup.as_mut()) {
                rollup.condition.clone_from(&kept.condition);
            }
        }
    }

    /// The models, in the order in which they were made.
    pub fn models(&self) -> &[ModelDef] {
        &self.models
    }

    pub(super) fn models_mut(&mut self) -> &mut [ModelDef] {
        &mut self.models
    }

    /// The model of an app, by its name.
    pub fn model(&self, app: &str, name: &str) -> Option<&ModelDef> {
        self.models.iter().find(|model| model.app == app && model.name == name)
    }

    /// The models connected, with the names that an engine gives their tables.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if they do not fit together, such as a key to a model that is not there.
    pub fn schema(&self, dialect: Dialect) -> Result<Arc<Schema>> {
        Schema::past(&self.definitions(), dialect)
    }

    /// The same models for a database that has the tables of some.
    pub(super) fn in_database(mut self, here: &Here) -> State {
        self.here = here.clone();
        self
    }

    /// Which models have their tables in the database at hand.
    pub(super) fn here(&self) -> &Here {
        &self.here
    }

    /// Whether migrations have to do with a model's table, in the database at hand.
    pub(super) fn has_table(&self, model: &ModelDef) -> bool {
        model.managed && model.proxy_for.is_none() && self.here.has(&model.app, Some(&model.name))
    }

    /// The models, proxies with the fields of the model whose table they share. A model whose table is in another database
    /// is one that migrations do not manage, and no key to it is enforced.
    pub(crate) fn definitions(&self) -> Models {
        let mut models = Models::new();
        for model in &self.models {
            let mut model = model.clone();
            if self.here.0.is_some() {
                model.managed &= self.here.has(&model.app, Some(&model.name));
                for relation in model.fields.iter_mut().filter_map(|field| field.relation.as_mut()) {
                    if let Some((app, name)) = relation.to.split_once('.') {
                        relation.constraint &= self.here.has(app, Some(name));
                    }
                }
            }
            if let Some((app, name)) = model.proxy_for.as_deref().and_then(|label| label.split_once('.'))
                && let Some(of) = self.model(app, name)
            {
                model.fields.clone_from(&of.fields);
                model.primary_key.clone_from(&of.primary_key);
            }
            models = models.with_definition(model);
        }
        models
    }

    /// Changes the models as an operation of an app's migration says.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if it names something that is not there, or is there already.
    pub fn apply(&mut self, app: &str, operation: &Operation) -> Result<()> {
        match operation {
            Operation::CreateModel(definition) => {
                if self.model(app, &definition.name).is_some() {
                    return Err(wrong(format!("model {} is there already", definition.label())));
                }
                self.models.push(definition.clone());
            }
            Operation::DeleteModel { model } => {
                self.model_mut(app, model)?;
                self.models.retain(|known| known.app != app || known.name != *model);
            }
            Operation::AddField { model, field, .. } => {
                let definition = self.model_mut(app, model)?;
                if definition.fields.iter().any(|known| known.name == field.name) {
                    return Err(wrong(format!("{app}.{model} has a field `{}` already", field.name)));
                }
                definition.fields.push((**field).clone());
            }
            Operation::RemoveField { model, field } => {
                let definition = self.model_mut(app, model)?;
                find(definition, "field", field, definition.fields.iter().map(|known| known.name.as_ref()))?;
                definition.fields.retain(|known| known.name != *field);
            }
            Operation::AddIndex { model, index } => {
                let definition = self.model_mut(app, model)?;
                if definition.indexes.iter().any(|known| known.name == index.name) {
                    let name = index.name.as_deref().unwrap_or_default();
                    return Err(wrong(format!("{app}.{model} has an index `{name}` already")));
                }
                definition.indexes.push(index.clone());
            }
            Operation::RemoveIndex { model, name } => {
                let definition = self.model_mut(app, model)?;
                find(definition, "index", name, definition.indexes.iter().filter_map(|known| known.name.as_deref()))?;
                definition.indexes.retain(|known| known.name.as_ref() != Some(name));
            }
            Operation::AddConstraint { model, constraint } => {
                let definition = self.model_mut(app, model)?;
                if definition.constraint_order.contains(constraint.name()) {
                    return Err(wrong(format!("{app}.{model} has a constraint `{}` already", constraint.name())));
                }
                definition.constraint_order.push(constraint.name().clone());
                match constraint.clone() {
                    Constraint::Unique(unique) => definition.uniques.push(unique),
                    Constraint::Check(check) => definition.checks.push(check),
                }
            }
            Operation::RemoveConstraint { model, name } => {
                let definition = self.model_mut(app, model)?;
                find(definition, "constraint", name, definition.constraint_order.iter().map(AsRef::as_ref))?;
                definition.uniques.retain(|known| known.name != *name);
                definition.checks.retain(|known| known.name != *name);
                definition.constraint_order.retain(|known| known != name);
            }
            Operation::AlterUniqueTogether { model, groups } => {
                self.model_mut(app, model)?.unique_together.clone_from(groups);
            }
            Operation::AlterField { model, field, .. } => {
                let definition = self.model_mut(app, model)?;
                find(definition, "field", &field.name, definition.fields.iter().map(|known| known.name.as_ref()))?;
                if let Some(known) = definition.fields.iter_mut().find(|known| known.name == field.name) {
                    known.clone_from(field);
                }
            }
            Operation::RenameField { model, from, to } => rename::field(self, app, model, from, to)?,
            Operation::RenameModel { from, to } => rename::model(self, app, from, to)?,
            Operation::AlterTable { model, table } => self.model_mut(app, model)?.table.clone_from(table),
            Operation::AlterTableComment { model, comment } => {
                self.model_mut(app, model)?.comment.clone_from(comment);
            }
            Operation::AlterManaged { model, managed } => self.model_mut(app, model)?.managed = *managed,
            Operation::AlterPrimaryKey { model, fields } => {
                let definition = self.model_mut(app, model)?;
                for field in fields {
                    find(definition, "field", field, definition.fields.iter().map(|known| known.name.as_ref()))?;
                }
                definition.primary_key.clone_from(fields);
            }
            Operation::RenameIndex { model, from, to } => {
                let definition = self.model_mut(app, model)?;
                find(definition, "index", from, definition.indexes.iter().filter_map(|known| known.name.as_deref()))?;
                if definition.indexes.iter().any(|known| known.name.as_ref() == Some(to)) {
                    return Err(wrong(format!("{app}.{model} has an index `{to}` already")));
                }
                for index in definition.indexes.iter_mut().filter(|known| known.name.as_ref() == Some(from)) {
                    index.name = Some(to.clone());
                }
            }
            Operation::RunSql { state, .. } | Operation::Separate { state, .. } => {
                if operation.hides_data() {
                    let message = "work on rows cannot stand within another operation: give it a step of its own";
                    return Err(wrong(message.to_owned()));
                }
                for operation in state {
                    self.apply(app, operation)?;
                }
            }
            Operation::RunRust { .. } | Operation::Populate(_) => {}
            Operation::AddIndexConcurrently { model, index } => {
                self.apply(app, &Operation::AddIndex { model: model.clone(), index: index.clone() })?;
            }
            Operation::RemoveIndexConcurrently { model, name } => {
                self.apply(app, &Operation::RemoveIndex { model: model.clone(), name: name.clone() })?;
            }
            Operation::AddConstraintNotValid { model, constraint } => {
                let constraint = Constraint::Check(constraint.clone());
                self.apply(app, &Operation::AddConstraint { model: model.clone(), constraint })?;
            }
            Operation::ValidateConstraint { model, name } => {
                let definition = self.model_mut(app, model)?;
                find(definition, "constraint", name, definition.constraint_order.iter().map(AsRef::as_ref))?;
            }
        }
        Ok(())
    }

    /// The model whose relation to another has a way back by this name, and whether that is a name of its own, rather
    /// than the model's.
    pub(super) fn way_back(&self, to: &ModelDef, name: &str) -> Option<(&ModelDef, bool)> {
        let label = to.label();
        let own = |model: &&ModelDef| model.proxy_for.is_none();
        self.models.iter().filter(own).find_map(|model| {
            let mut relations = model.fields.iter().filter_map(|field| field.relation.as_ref());
            relations.find_map(|relation| {
                let leads_there = relation.to == label || (relation.to == "self" && model.label() == label);
                let is_named = relation.related_name.is_some();
                let back = relation.related_name.as_deref().map_or_else(|| model.name.to_lowercase(), str::to_owned);
                (leads_there && back == name).then_some((model, is_named))
            })
        })
    }

    fn model_mut(&mut self, app: &str, name: &str) -> Result<&mut ModelDef> {
        match self.models.iter().position(|model| model.app == app && model.name == name) {
            Some(position) => Ok(&mut self.models[position]),
            None => {
                let names: Vec<&str> =
                    self.models.iter().filter(|model| model.app == app).map(|model| model.name.as_ref()).collect();
                let hint = nearest(name, names.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
                Err(wrong(format!("there is no model {app}.{name} at this point{}", hint.unwrap_or_default())))
            }
        }
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Migration, message)
}

fn find<'a>(model: &ModelDef, what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Result<()> {
    let known: Vec<&str> = known.collect();
    if known.contains(&name) {
        return Ok(());
    }
    let hint = nearest(name, known.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
    Err(wrong(format!("{} has no {what} `{name}` at this point{}", model.label(), hint.unwrap_or_default())))
}

/// A model as a migration file can say it.
fn written(definition: &ModelDef) -> Result<ModelDef> {
    let mut model = definition.clone();
    if model.proxy_for.is_some() {
        // Its fields are those of the model whose table it shares, whatever they are at the time.
        model.fields.clear();
        model.primary_key.clear();
    }
    model.ordering.clear();
    model.verbose_name = None;
    model.natural_key.clear();
    model.managers.clear();
    for field in &mut model.fields {
        field.choices.clear();
        field.verbose_name = None;
        field.soft_delete = false;
        field.schema = field.schema.take().map(JsonSchema::without_functions);
        // What is to be encrypted has no place in a file, nor has a function.
        if field.kind.is_encrypted() || matches!(field.default, Some(FieldDefault::Function(..))) {
            field.default = None;
        }
        if let Some(relation) = &mut field.relation
            && let OnDelete::Set(..) = relation.on_delete
        {
            relation.on_delete = OnDelete::DoNothing;
        }
    }
    for position in 0..model.indexes.len() {
        if model.indexes[position].name.is_none() {
            let name = index_name(&model, position)?;
            model.indexes[position].name = Some(Cow::Owned(name));
        }
    }
    Ok(model)
}

/// The name of an index that has none. As in Django it is fixed when the migration is written, so it cannot depend on
/// the engine: table names are those of PostgreSQL, whose limit is the narrower.
fn index_name(model: &ModelDef, position: usize) -> Result<String> {
    let mut columns = Vec::new();
    for step in &model.indexes[position].expressions {
        let field = match &step.expression {
            Node::Path(names) if names.len() == 1 && step.nulls_first.is_none() => {
                model.fields.iter().find(|field| Some(&field.name) == names.first() && field.has_column())
            }
            _ => None,
        };
        let Some(field) = field else {
            return Err(Error::new(
                ErrorKind::Migration,
                format!("{}: an index over expressions needs a name; give it one", model.label()),
            ));
        };
        columns.push((field.column_name(), step.descending));
    }
    let columns: Vec<(&str, bool)> = columns.iter().map(|(name, descending)| (name.as_ref(), *descending)).collect();
    let table = match &model.table {
        Some(table) => table.to_string(),
        None => names::table(&model.app, &model.name, Dialect::Postgres),
    };
    Ok(names::meta_index(&table, &columns))
}

#[cfg(test)]
mod tests {
    use super::super::operation::Migration;
    use super::*;
    use crate::field::Kind;
    use crate::model::Field;

    #[test]
    fn work_on_rows_is_refused_where_nothing_would_run_it() {
        let populate = || crate::migrate::Populate::new("Book").set("title", "").nothing_to_undo();
        let hidden = Migration::new("shop", "0002").separate(|tables| tables.populate(populate()), |models| models);
        let nested = Migration::new("shop", "0002")
            .separate(|tables| tables.separate(|tables| tables.populate(populate()), |models| models), |models| models);
        for migration in [hidden, nested] {
            let error = State::new().apply("shop", &migration.operations[0]).expect_err("refused").to_string();
            assert!(error.contains("a step of its own"), "{error}");
        }
    }

    #[test]
    fn an_operation_on_what_is_not_there_names_it_and_the_nearest() {
        let model = ModelDef::new("shop", "Book").field(Field::new("title", Kind::Text));
        let history = Migration::new("shop", "0001_initial").create_model(model).remove_field("Book", "titles");
        let mut state = State::new();
        let results: Vec<_> = history.operations.iter().map(|operation| state.apply("shop", operation)).collect();
        assert!(matches!(results.first(), Some(Ok(()))));
        let Some(Err(error)) = results.last() else { panic!("removed a field that is not there") };
        assert_eq!(error.to_string(), "shop.Book has no field `titles` at this point; did you mean `title`?");
    }
}
