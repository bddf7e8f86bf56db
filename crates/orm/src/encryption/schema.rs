//! What a schema knows of encrypted columns, and what models may not ask of them.

use std::sync::Arc;

use crate::field::{Kind, Sealing};
use crate::model::{Entry, Field, ModelDef, OrderBy, Schema};
use crate::query::Node;

/// An encrypted column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SealedColumn {
    /// The model, as `app.Model`.
    pub(crate) label: String,
    pub(crate) field: String,
    pub(crate) sealing: Sealing,
    pub(crate) holds: &'static Kind,
    /// What its values are bound to and its digests made for, as `table.column`.
    pub(crate) sealed_for: String,
    /// Where its blind index is among the model's columns.
    pub(crate) index: Option<usize>,
}

/// The encrypted ones among a model's columns, by their places.
pub(crate) fn sealed_columns(schema: &Schema, entry: &Entry) -> Vec<(usize, Arc<SealedColumn>)> {
    // A proxy reads what the model has sealed whose table it shares.
    let owner = entry.definition.proxy_for.as_deref().and_then(|label| schema.by_label(label).ok()).unwrap_or(entry);
    let columns = entry.columns.iter().enumerate();
    columns
        .filter_map(|(place, column)| {
            let Kind::Encrypted { sealing, holds } = column.kind else { return None };
            let field = entry.field(column.field);
            let named = owner.definition.fields.iter().find(|other| other.name == field.name).unwrap_or(field);
            let is_index = |other: &crate::model::SchemaColumn| {
                entry.field(other.field).blind_index_of.as_ref() == Some(&field.name)
            };
            let sealed = SealedColumn {
                label: entry.label.clone(),
                field: field.name.to_string(),
                sealing,
                holds,
                sealed_for: sealed_for(&owner.definition, named),
                index: entry.columns.iter().position(is_index),
            };
            Some((place, Arc::new(sealed)))
        })
        .collect()
}

/// The names of now, unless the field says others; as the models have them, whatever an engine makes of them.
fn sealed_for(model: &ModelDef, field: &Field) -> String {
    match (&field.sealed_for, &model.table) {
        (Some(place), _) => place.to_string(),
        (None, Some(table)) => format!("{table}.{}", field.column_name()),
        (None, None) => format!("{}_{}.{}", model.app, model.name.to_lowercase(), field.column_name()),
    }
}

/// The encrypted fields of all models, as `app.Model.field`.
#[cfg(feature = "encryption")]
pub fn fields(schema: &Schema) -> Vec<String> {
    let own = schema.entries().iter().filter(|entry| entry.definition.proxy_for.is_none());
    own.flat_map(|entry| entry.columns.iter().filter_map(|column| column.sealed.as_deref()))
        .map(|column| format!("{}.{}", column.label, column.field))
        .collect()
}

/// What is wrong with the encrypted fields of models, a line each.
pub(crate) fn problems(schema: &Schema) -> Vec<String> {
    schema.entries().iter().flat_map(|entry| problems_of(&entry.definition)).collect()
}

fn problems_of(model: &ModelDef) -> Vec<String> {
    let mut problems = Vec::new();
    for field in &model.fields {
        let here = format!("{}.{}", model.label(), field.name);
        if let Some(of) = &field.blind_index_of {
            let parent = model.fields.iter().find(|other| other.name == *of);
            if !parent.is_some_and(|parent| parent.kind.is_encrypted()) {
                problems
                    .push(format!("{here}: is the blind index of `{of}`, which is no encrypted field of the model"));
            }
            if field.kind != Kind::Binary || !field.null {
                problems.push(format!("{here}: a blind index is a BinaryField that may be null"));
            }
        }
        let Kind::Encrypted { holds, .. } = &field.kind else { continue };
        if holds.is_encrypted() {
            problems.push(format!("{here}: is encrypted twice; leave one `Encrypted` away"));
        }
        let within = |names: &[std::borrow::Cow<'static, str>]| names.contains(&field.name);
        let over = |steps: &[OrderBy]| steps.iter().any(|step| is_over(&step.expression, &field.name));
        let misused = [
            ("is the primary key, or part of it", within(&model.primary_key)),
            ("is unique", field.unique),
            ("has an index", field.index || model.indexes.iter().any(|index| over(&index.expressions))),
            ("is in `unique_together`", model.unique_together.iter().any(|group| within(group))),
            ("is in a unique constraint", {
                model.uniques.iter().any(|unique| within(&unique.fields) || over(&unique.expressions))
            }),
            ("is in the natural key", within(&model.natural_key)),
            ("is in the ordering", over(&model.ordering)),
            ("has a default in the database", field.db_default.is_some()),
            ("is computed by the database", field.generated.is_some()),
        ];
        for (what, _) in misused.iter().filter(|(_, misused)| *misused) {
            problems.push(format!(
                "{here}: {what}, but what is stored is ciphertext, of which no two are alike; take that away, and for \
                 finding equal values add `#[field(blind_index)]`"
            ));
        }
    }
    problems
}

fn is_over(expression: &Node, field: &str) -> bool {
    matches!(expression, Node::Path(names) if names.first().is_some_and(|name| name == field))
}
