//! Foreign keys that refer to one another in a circle.

use std::fmt;

use nuages_structures::Graph;

use super::definition::Field;
use super::schema::{Entry, FieldId, ModelId, Schema};
use crate::field::Kind;

/// Cycles named at most: of a graph with more, nobody reads them all.
const NAMED: usize = 50;

/// More than any number of keys: a key that may be null is the one to defer only where that defers no more keys.
const KEY: u64 = 1 << 20;

/// The circles that the foreign keys of models make, without those of a model to itself: found by
/// [`Schema::key_cycles`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCycles {
    /// Each cycle, the model first that was added first; at most 50.
    pub cycles: Vec<KeyCycle>,
    /// Whether there are more.
    pub more: bool,
    /// The fewest keys, as `app.Model.field`, without which no cycle is left; those that may be null rather than others.
    pub deferred: Vec<String>,
}

/// A circle of foreign keys. Its text is a path: `shop.A.b → shop.B.a → shop.A`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCycle {
    /// The keys, as `app.Model.field`, each of the model that the one before refers to.
    pub keys: Vec<String>,
    /// The model that the path begins and ends with.
    pub model: String,
    /// Whether none of its keys may be null, so that its rows can only be written in one transaction.
    pub required: bool,
}

impl fmt::Display for KeyCycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in &self.keys {
            write!(f, "{key} → ")?;
        }
        f.write_str(&self.model)
    }
}

impl Schema {
    /// The circles that foreign keys make where the database enforces them. A key of a model to itself makes none: its
    /// table can be made in one statement.
    pub fn key_cycles(&self) -> KeyCycles {
        let (graph, keys) = self.key_graph();
        let mut found = graph.cycles(NAMED + 1);
        let more = found.len() > NAMED;
        found.truncate(NAMED);
        let key = |edge: &usize| keys.get(*edge).map(|(model, field)| (self.entry(*model), *field));
        let name = |(entry, field): (&Entry, FieldId)| format!("{}.{}", entry.label, entry.field(field).name);
        let cycles = found.iter().map(|edges| KeyCycle {
            keys: edges.iter().filter_map(key).map(name).collect(),
            model: edges.first().and_then(key).map(|(entry, _)| entry.label.clone()).unwrap_or_default(),
            required: edges.iter().filter_map(key).all(|(entry, field)| !entry.field(field).null),
        });
        KeyCycles {
            cycles: cycles.collect(),
            more,
            deferred: graph.feedback().iter().filter_map(key).map(name).collect(),
        }
    }

    /// The keys between different tables that the database enforces, and which each edge stands for.
    fn key_graph(&self) -> (Graph, Vec<(ModelId, FieldId)>) {
        let mut graph = Graph::new(self.entries().len());
        let mut keys = Vec::new();
        let is_key = |field: &Field| {
            let enforced = field.relation.as_ref().is_some_and(|relation| relation.constraint);
            matches!(field.kind, Kind::ForeignKey | Kind::OneToOne) && enforced
        };
        for entry in self.entries().iter().filter(|entry| entry.definition.proxy_for.is_none()) {
            let fields = entry.definition.fields.iter().enumerate().filter(|(_, field)| is_key(field));
            for (position, field) in fields {
                let Some((to, _)) = self.target(entry.id, FieldId(position)) else { continue };
                let to = self.behind_proxies(to);
                if to != entry.id {
                    graph.add_weighted_edge(entry.id.0, to.0, KEY + u64::from(!field.null));
                    keys.push((entry.id, FieldId(position)));
                }
            }
        }
        (graph, keys)
    }

    /// The model that has the table which a proxy reads and writes.
    pub(crate) fn behind_proxies(&self, model: ModelId) -> ModelId {
        let mut model = model;
        // A proxy of a proxy is possible; one of itself is not, but must not hang either.
        for _ in 0..self.entries().len() {
            let of = self.entry(model).definition.proxy_for.as_deref().and_then(|label| self.by_label(label).ok());
            match of {
                Some(of) => model = of.id,
                None => break,
            }
        }
        model
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::Dialect;
    use crate::field::Kind;
    use crate::model::{Field, ModelDef, Models, OnDelete, Reference, Schema};

    fn model(name: &'static str, keys: &[(&'static str, &'static str, bool)]) -> ModelDef {
        let start = ModelDef::new("shop", name).field(Field::new("id", Kind::BigAuto)).primary_key("id");
        keys.iter().fold(start, |model, (field, to, null)| {
            let reference = Reference::new(*to, OnDelete::Cascade).related_name("+");
            model.field(Field::foreign_key(*field, reference).null(*null))
        })
    }

    #[test]
    fn a_circle_is_a_path_and_the_nullable_key_is_deferred() {
        let models = Models::new()
            .with_definition(model("A", &[("b", "shop.B", false), ("parent", "self", true)]))
            .with_definition(model("B", &[("a", "shop.A", true), ("c", "shop.C", false)]))
            .with_definition(model("C", &[]));
        let found = Schema::new(&models, Dialect::Sqlite).unwrap().key_cycles();
        let paths: Vec<String> = found.cycles.iter().map(ToString::to_string).collect();
        assert_eq!(paths, ["shop.A.b → shop.B.a → shop.A"]);
        assert_eq!((found.deferred, found.more, found.cycles[0].required), (vec!["shop.B.a".to_owned()], false, false));
    }

    #[test]
    fn one_key_on_two_circles_is_deferred_alone() {
        let models = Models::new()
            .with_definition(model("A", &[("b", "shop.B", false)]))
            .with_definition(model("B", &[("a", "shop.A", true), ("c", "shop.C", false)]))
            .with_definition(model("C", &[("a", "shop.A", true)]));
        let found = Schema::new(&models, Dialect::Postgres).unwrap().key_cycles();
        assert_eq!((found.cycles.len(), found.deferred), (2, vec!["shop.A.b".to_owned()]));
    }
}
