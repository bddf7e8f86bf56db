//! Names that change, and everything that mentions them.

use std::borrow::Cow;

use super::{State, find, wrong};
use crate::error::Result;
use crate::field::Kind;
use crate::model::{ModelDef, OrderBy, Rollup};
use crate::query::Node;

type Text = Cow<'static, str>;

/// Renames a field, and what of its model and of others refers to it by name.
pub(super) fn field(state: &mut State, app: &str, model: &str, from: &Text, to: &Text) -> Result<()> {
    let definition = state.model_mut(app, model)?;
    find(definition, "field", from, definition.fields.iter().map(|known| known.name.as_ref()))?;
    if definition.fields.iter().any(|known| known.name == *to) {
        return Err(wrong(format!("{app}.{model} has a field `{to}` already")));
    }
    let label = definition.label();
    let counted = counted(state, &label);
    let definition = state.model_mut(app, model)?;
    let is_many = definition.fields.iter().any(|field| field.name == *from && field.kind == Kind::ManyToMany);
    for known in &mut definition.fields {
        replace(&mut known.name, from, to);
        known.slug_from.iter_mut().for_each(|name| replace(name, from, to));
        if let (true, Some(rollup)) = (is_many, &mut known.rollup) {
            replace(&mut rollup.of, from, to);
        }
    }
    within(definition, from, to);
    for rollup in rollups(state, &counted) {
        rollup.figure.field_mut().into_iter().for_each(|name| replace(name, from, to));
        rollup.condition.iter_mut().for_each(|condition| node(condition, from, to));
    }
    for other in &mut state.models {
        let own = other.label() == label;
        if other.proxy_for.as_deref() == Some(&label) {
            within(other, from, to);
        }
        for field in &mut other.fields {
            let Some(relation) = &mut field.relation else { continue };
            if relation.to == label || (own && relation.to == "self") {
                relation.to_field.iter_mut().for_each(|name| replace(name, from, to));
            }
            if relation.through.as_deref() == Some(&label)
                && let Some((near, far)) = &mut relation.through_fields
            {
                replace(near, from, to);
                replace(far, from, to);
            }
        }
    }
    Ok(())
}

/// Renames a model, and what refers to it by label.
pub(super) fn model(state: &mut State, app: &str, from: &Text, to: &Text) -> Result<()> {
    if state.model(app, to).is_some() {
        return Err(wrong(format!("model {app}.{to} is there already")));
    }
    let label = state.model_mut(app, from)?.label();
    // Ways back that are named after the model.
    let mut counted = counted(state, &label);
    counted.retain(|(.., is_named)| !is_named);
    for rollup in rollups(state, &counted) {
        rollup.of = Text::Owned(to.to_lowercase());
    }
    state.model_mut(app, from)?.name.clone_from(to);
    let (old, new) = (format!("{app}.{from}"), format!("{app}.{to}"));
    let refer = |label: &mut Text| {
        if *label == old {
            *label = Text::Owned(new.clone());
        }
    };
    for other in &mut state.models {
        other.proxy_for.iter_mut().for_each(refer);
        for relation in other.fields.iter_mut().filter_map(|field| field.relation.as_mut()) {
            refer(&mut relation.to);
            relation.through.iter_mut().for_each(refer);
        }
    }
    Ok(())
}

/// The figures over rows of a model: their model's and field's place, and whether the way to the rows has a name of its
/// own.
fn counted(state: &State, of: &str) -> Vec<(usize, usize, bool)> {
    let mut found = Vec::new();
    for (place, parent) in state.models.iter().enumerate() {
        for (position, field) in parent.fields.iter().enumerate() {
            let Some(rollup) = &field.rollup else { continue };
            if let Some((child, is_named)) = state.way_back(parent, &rollup.of)
                && child.label() == of
            {
                found.push((place, position, is_named));
            }
        }
    }
    found
}

fn rollups<'a>(state: &'a mut State, found: &[(usize, usize, bool)]) -> impl Iterator<Item = &'a mut Rollup> {
    let places: Vec<(usize, usize)> = found.iter().map(|(place, position, _)| (*place, *position)).collect();
    state.models.iter_mut().enumerate().flat_map(move |(place, model)| {
        let places = places.clone();
        let fields = model.fields.iter_mut().enumerate();
        let found = fields.filter(move |(position, _)| places.contains(&(place, *position)));
        found.filter_map(|(_, field)| field.rollup.as_mut())
    })
}

fn replace(name: &mut Text, from: &Text, to: &Text) {
    if name == from {
        name.clone_from(to);
    }
}

/// Renames a field in what a model says of its table.
fn within(model: &mut ModelDef, from: &Text, to: &Text) {
    let ModelDef { fields, primary_key, unique_together, uniques, checks, indexes, .. } = model;
    primary_key.iter_mut().chain(unique_together.iter_mut().flatten()).for_each(|name| replace(name, from, to));
    for unique in uniques {
        unique.fields.iter_mut().chain(&mut unique.include).for_each(|name| replace(name, from, to));
        steps(&mut unique.expressions, from, to);
        unique.condition.iter_mut().for_each(|condition| node(condition, from, to));
    }
    for check in checks {
        node(&mut check.condition, from, to);
    }
    for index in indexes {
        index.include.iter_mut().for_each(|name| replace(name, from, to));
        steps(&mut index.expressions, from, to);
        index.condition.iter_mut().for_each(|condition| node(condition, from, to));
    }
    for field in fields {
        field.generated.iter_mut().for_each(|generated| node(&mut generated.expression, from, to));
        field.blind_index_of.iter_mut().for_each(|of| replace(of, from, to));
    }
}

fn steps(steps: &mut [OrderBy], from: &Text, to: &Text) {
    steps.iter_mut().for_each(|step| node(&mut step.expression, from, to));
}

/// Renames a field in an expression over one table: its paths begin with a field.
fn node(expression: &mut Node, from: &Text, to: &Text) {
    match expression {
        Node::Path(names) => {
            if let Some(first) = names.first_mut() {
                replace(first, from, to);
            }
        }
        Node::List(all) | Node::And(all) | Node::Or(all) | Node::Call(_, all) => {
            all.iter_mut().for_each(|part| node(part, from, to));
        }
        Node::Lookup { left, right, .. } | Node::Binary(_, left, right) => {
            node(left, from, to);
            node(right, from, to);
        }
        Node::Not(inner) | Node::Cast(inner, _) => node(inner, from, to),
        Node::Case { whens, default } => {
            for (condition, result) in whens {
                node(condition, from, to);
                node(result, from, to);
            }
            default.iter_mut().for_each(|result| node(result, from, to));
        }
        // Constraints and indexes hold neither figures nor subqueries.
        Node::Outer(_) | Node::Value(..) | Node::Aggregate(_) | Node::Exists(_) | Node::Subquery(_) => {}
    }
}
