//! Slugs that are made from another field: `slug_from = title`.

use syn::ext::IdentExt as _;

use super::attribute::Arg;
use super::find;
use crate::errors::{Errors, unknown};
use crate::model::{Column, Constraint, Field, Model, Over, Shape};
use crate::types;

/// What says what is in the column otherwise.
const EXCLUDED: &[&str] = &["default", "db_default", "generated", "generated_virtual"];

pub(super) fn read(field: &mut Field, list: &[Arg], errors: &mut Errors) {
    let unicode = find(list, "slug_unicode");
    let Some(arg) = find(list, "slug_from") else {
        if let Some(unicode) = unicode {
            errors.at(&unicode.name, "from what? add `slug_from = title`");
        }
        return;
    };
    let Shape::Column(column) = &field.shape else { return };
    if !is_slug(column) {
        errors.at(&arg.name, "`slug_from` is for a field of type `Slug`");
        return;
    }
    for other in EXCLUDED.iter().filter_map(|name| find(list, name)) {
        errors.at(&other.name, format!("`slug_from` says what is in the column; remove `{}`", other.name));
    }
    field.slug_unicode = unicode.and_then(|arg| errors.check(arg.flag())).unwrap_or_default();
    field.slug_from = errors.check(arg.word()).cloned();
}

fn is_slug(column: &Column) -> bool {
    let last = types::path_of(&column.base).and_then(|path| path.segments.last());
    match &column.kind {
        Some(kind) => kind == "Slug",
        None => last.is_some_and(|last| last.ident == "Slug"),
    }
}

/// Refuses slugs from what is no text of the row, and such that nothing says are unique.
pub(super) fn check(model: &Model, errors: &mut Errors) {
    let mut seen = false;
    for (place, field) in model.fields.iter().enumerate() {
        let Some(from) = &field.slug_from else { continue };
        if seen {
            errors.at(from, "a second field with `slug_from`: a model has one");
        }
        seen = true;
        let name = from.unraw().to_string();
        match model.fields.iter().find(|other| other.name == name) {
            None => {
                let others = model.fields.iter().filter(|other| other.name != field.name);
                let choices: Vec<&str> = others.map(|field| field.name.as_str()).collect();
                errors.at(from, unknown("field", &name, &choices));
            }
            Some(other) => {
                let fits = match &other.shape {
                    Shape::Column(column) => column.holds.is_text() || !column.holds.is_known(),
                    _ => false,
                };
                if !fits || other.name == field.name {
                    errors.at(from, format!("a slug is made from another field that is a text, which `{name}` is not"));
                }
            }
        }
        let alone = field.unique == Some(true) || field.unique_alive.is_some() || model.primary_key == [place];
        let together = model.unique_together.iter().any(|group| group.contains(&field.name));
        let constrained = model.constraints.iter().any(|constraint| match constraint {
            Constraint::Unique(unique) => matches!(&unique.over, Over::Fields(fields) if fields.contains(&field.name)),
            Constraint::Check { .. } => false,
        });
        if !alone && !together && !constrained {
            errors.at(
                from,
                "nothing says that the slug is unique: add `unique`, `unique_alive`, or a constraint with other fields, \
                 `#[model(unique(name = \"…\", fields = [site, slug]))]`",
            );
        }
    }
}
