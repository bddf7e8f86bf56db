//! What has to be done for the tables to be those of the models.

mod chop;
mod fields;
mod mentions;
mod models;
mod need;
mod parts;
mod questioner;
mod rename;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub(super) use chop::number;
use need::{Done, Need, Planned};
pub use questioner::{Answers, Fill, Filling, Questioner, RenamedField, RenamedModel, Replaced};

use super::graph::Graph;
use super::operation::{Migration, Operation};
use super::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Field, ModelDef, Models};

type Text = Cow<'static, str>;

/// The migrations that are missing from the history: those that lead from its last state to the models.
///
/// As in Django, labels, choices, orders and functions can change without a migration; an app's first migration is
/// `0001_initial`, a later one is named after what it does; an app gets more than one where two apps refer to each
/// other in a circle. What the models alone do not tell is asked by [`detect_with`].
///
/// # Errors
/// [`ErrorKind::Migration`], with every problem on a line: what would have to be asked, such as whether a field was
/// renamed, with the options that answer it; a history that does not fit together.
pub fn detect(models: &Models, history: &[Migration]) -> Result<Vec<Migration>> {
    detect_with(models, history, &mut Answers::new())
}

/// As [`detect`], with somebody to ask: whether something has only another name, what rows get that would have nothing
/// in a column, whether what cannot be altered may be dropped and made anew.
///
/// # Errors
/// As [`detect`], for what the one who is asked does not know either; and whatever asking fails with.
pub fn detect_with(models: &Models, history: &[Migration], questioner: &mut dyn Questioner) -> Result<Vec<Migration>> {
    let graph = Graph::new(history.to_vec())?;
    let mut detector = Detector {
        before: with_short_labels(graph.state()?),
        after: with_short_labels(State::of(models)?),
        models,
        questioner,
        planned: BTreeMap::new(),
        renamed: BTreeSet::new(),
        replaced: BTreeSet::new(),
        problems: Vec::new(),
    };
    detector.compare()?;
    if !detector.problems.is_empty() {
        return Err(Error::new(ErrorKind::Migration, detector.problems.join("\n")));
    }
    let planned = detector.planned.into_iter().map(|(app, planned)| {
        let planned = need::sorted(&app, planned);
        (app, planned)
    });
    Ok(chop::named(chop::chop(planned.collect(), &graph)?))
}

struct Detector<'a> {
    /// The state that the history leads to, with what has been planned so far by [`change`](Self::change).
    before: State,
    after: State,
    /// The models with the functions that a state leaves out.
    models: &'a Models,
    questioner: &'a mut dyn Questioner,
    planned: BTreeMap<String, Vec<Planned>>,
    /// The models, by their new names, of which something has another name now.
    renamed: BTreeSet<(String, String)>,
    /// The models that are dropped, and made anew under the same name.
    replaced: BTreeSet<(String, String)>,
    problems: Vec<String>,
}

impl Detector<'_> {
    fn compare(&mut self) -> Result<()> {
        self.rename_models()?;
        self.replace_models()?;
        self.rename_fields()?;
        self.replace_fields()?;
        self.come_and_go();
        let mut pairs: Vec<(ModelDef, ModelDef)> = Vec::new();
        for now in self.kept_tables() {
            if let Some(was) = self.before.model(&now.app, &now.name)
                && *was != now
            {
                pairs.push((was.clone(), now));
            }
        }
        self.release_parts(&pairs);
        for (was, now) in &pairs {
            self.compare_fields(was, now)?;
        }
        self.make_parts(&pairs);
        self.compare_tables();
        Ok(())
    }

    /// Plans the models that are gone, and those that are new.
    fn come_and_go(&mut self) {
        let by_name = |model: &ModelDef| (model.app.clone(), model.name.to_lowercase());
        let alone = |model: &&ModelDef, other: &State| {
            other.model(&model.app, &model.name).is_none()
                || self.replaced.contains(&(model.app.to_string(), model.name.to_string()))
        };
        let mut gone: Vec<ModelDef> =
            self.before.models().iter().filter(|model| alone(model, &self.after)).cloned().collect();
        let mut new: Vec<ModelDef> =
            self.after.models().iter().filter(|model| alone(model, &self.before)).cloned().collect();
        gone.sort_by_key(by_name);
        new.sort_by_key(by_name);
        let is_proxy = |model: &&ModelDef| model.proxy_for.is_some();
        for model in gone.iter().filter(|model| !is_proxy(model)) {
            self.delete_model(model);
        }
        for managed in [true, false] {
            for model in new.iter().rev().filter(|model| !is_proxy(model) && model.managed == managed) {
                self.create_model(model);
            }
        }
        for model in gone.iter().filter(is_proxy) {
            self.plan(&model.app, Operation::DeleteModel { model: model.name.clone() }, Vec::new());
        }
        for model in new.iter().filter(is_proxy) {
            let mut needs: Vec<Need> = model.proxy_for.iter().map(|of| Need::label(of, model, Done::Made)).collect();
            needs.push(Need::model(model, Done::Gone));
            self.plan(&model.app, Operation::CreateModel(model.clone()), needs);
        }
    }

    fn plan(&mut self, app: &str, operation: Operation, mut needs: Vec<Need>) {
        if self.renamed.contains(&(app.to_owned(), operation.model().to_owned())) {
            let named =
                Need { app: app.to_owned(), model: operation.model().to_owned(), field: None, done: Done::Renamed };
            if !matches!(operation, Operation::RenameField { .. } | Operation::RenameModel { .. }) {
                needs.push(named);
            }
        }
        self.planned.entry(app.to_owned()).or_default().push(Planned { operation, needs });
    }

    /// Plans an operation, and goes on from the state after it.
    fn change(&mut self, app: &str, operation: Operation, needs: Vec<Need>) -> Result<()> {
        self.before.apply(app, &operation)?;
        self.plan(app, operation, needs);
        Ok(())
    }

    /// The models as they shall be that are there already, and whose tables migrations make from now on.
    fn kept_tables(&self) -> Vec<ModelDef> {
        let mut kept: Vec<ModelDef> = Vec::new();
        for now in self.after.models().iter().filter(|now| now.managed && now.proxy_for.is_none()) {
            if self.replaced.contains(&(now.app.to_string(), now.name.to_string())) {
                continue;
            }
            if self.before.model(&now.app, &now.name).is_some_and(|was| was != now && was.proxy_for.is_none()) {
                kept.push(now.clone());
            }
        }
        kept.sort_by_key(|model| (model.app.clone(), model.name.to_lowercase()));
        kept
    }
}

/// What must be there for a field to be made: what it refers to, and goes through, under its present name.
fn needs_of(field: &Field, model: &ModelDef) -> Vec<Need> {
    let relation = field.relation.iter();
    let labels = relation.flat_map(|it| std::iter::once(&it.to).chain(&it.through));
    labels.map(|label| Need::label(label, model, Done::Made)).collect()
}

/// The models with `self` wherever one refers to itself, so that both ways to say it are the same.
fn with_short_labels(mut state: State) -> State {
    for model in state.models_mut() {
        let label = model.label();
        for relation in model.fields.iter_mut().filter_map(|field| field.relation.as_mut()) {
            if relation.to == label {
                relation.to = Text::Borrowed("self");
            }
        }
    }
    state
}

#[cfg(test)]
mod tests;
