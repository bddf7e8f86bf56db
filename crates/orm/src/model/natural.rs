//! Natural keys: what a row is known by wherever it is.

use std::borrow::Cow;

use nuages_structures::Graph;

use super::schema::{Column, Entry, ModelId, Schema};
use crate::field::Kind;

/// A value of a natural key: where it is found from the model, and what it holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NaturalPart {
    pub(crate) path: Vec<Cow<'static, str>>,
    pub(crate) kind: Kind,
}

impl Schema {
    /// The values of a model's natural key, those of keys to models with one of their own in their place (as Django's
    /// models do by convention); none if it has none.
    pub(crate) fn natural_key(&self, model: ModelId) -> Vec<NaturalPart> {
        let mut parts = Vec::new();
        for column in self.entry(model).natural_columns() {
            let name = self.entry(model).field(column.field).name.clone();
            let beyond = self.target(model, column.field).map(|(to, _)| self.natural_key(to)).unwrap_or_default();
            if beyond.is_empty() {
                parts.push(NaturalPart { path: vec![Cow::Owned(column.attname.clone())], kind: column.kind.clone() });
            }
            parts.extend(beyond.into_iter().map(|part| {
                let path = std::iter::once(name.clone()).chain(part.path).collect();
                NaturalPart { path, kind: part.kind }
            }));
        }
        parts
    }

    /// The models whose rows say what a model's natural key is: itself, and those that its key refers to.
    pub(crate) fn natural_models(&self, model: ModelId) -> Vec<ModelId> {
        let mut models = vec![model];
        for column in self.entry(model).natural_columns() {
            if let Some((to, _)) = self.target(model, column.field)
                && !self.entry(to).definition.natural_key.is_empty()
            {
                models.extend(self.natural_models(to));
            }
        }
        models
    }
}

impl Entry {
    /// The columns of the natural key, in its order.
    pub(crate) fn natural_columns(&self) -> impl Iterator<Item = &Column> {
        self.definition.natural_key.iter().filter_map(|name| self.column(self.field_id(name)?))
    }

    /// Whether the database keeps these fields unique, taken together.
    fn is_unique(&self, fields: &[Cow<'static, str>]) -> bool {
        let same = |others: &[Cow<'static, str>]| {
            others.len() == fields.len() && others.iter().all(|other| fields.contains(other))
        };
        let definition = &self.definition;
        let single =
            fields.len() == 1 && definition.fields.iter().any(|field| field.unique && fields.contains(&field.name));
        let plain =
            definition.uniques.iter().filter(|unique| unique.condition.is_none() && unique.deferrable.is_none());
        single
            || same(&definition.primary_key)
            || definition.unique_together.iter().any(|group| same(group))
            || plain.into_iter().any(|unique| same(&unique.fields))
    }
}

/// What is wrong with the natural keys of models, a line each.
pub(super) fn problems(schema: &Schema) -> Vec<String> {
    let mut problems = Vec::new();
    let mut graph = Graph::new(schema.entries().len());
    for entry in schema.entries() {
        let (label, names) = (&entry.label, &entry.definition.natural_key);
        for name in names.iter().filter(|name| entry.field_id(name).and_then(|id| entry.column(id)).is_none()) {
            problems.push(format!("{label}: its natural key names `{name}`, which is no field with a column"));
        }
        if !names.is_empty() && !entry.is_unique(names) {
            let how = match names.as_slice() {
                [only] => format!("mark `{only}` with `#[field(unique)]`"),
                several => format!("add `unique_together = [({})]`", several.join(", ")),
            };
            problems.push(format!("{label}: nothing keeps its natural key unique; {how}"));
        }
        for (to, _) in entry.natural_columns().filter_map(|column| schema.target(entry.id, column.field)) {
            graph.add_edge(entry.id.0, to.0);
        }
    }
    for cycle in graph.cycles(1) {
        let labels: Vec<&str> = cycle
            .iter()
            .filter_map(|edge| graph.edges().get(*edge))
            .map(|edge| schema.entry(ModelId(edge.from)).label.as_str())
            .collect();
        problems.push(format!(
            "{}: their natural keys are made of one another without end; leave a relation out",
            labels.join(", ")
        ));
    }
    problems
}
