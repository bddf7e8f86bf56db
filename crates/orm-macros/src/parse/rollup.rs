//! Figures over related rows: `counts = "comments"`, `sums = "lines.amount"`, `latest = …`, `earliest = …`, or with
//! some of the rows alone `counts(of = "comments", where = |c: Comment| …)`.

use syn::{Expr, Ident, Pat, Type};

use super::attribute::{Arg, Value};
use super::field::in_struct;
use super::{find, refuse_repeats};
use crate::errors::{Errors, unknown};
use crate::model::{Column, Field, Rollup, Shape};
use crate::types::Holds;

/// The attributes, and the functions that make what they say.
const FIGURES: [(&str, &str); 4] =
    [("counts", "count"), ("sums", "sum"), ("latest", "latest"), ("earliest", "earliest")];

const PARTS: &[&str] = &["of", "where"];

/// What says what is in the column otherwise.
const EXCLUDED: &[&str] =
    &["default", "auto_now", "auto_now_add", "generated", "generated_virtual", "primary_key", "unique"];

/// The figure that the database keeps in a field, if it does.
pub(super) fn read(field: &Field, list: &[Arg], model: &Ident, errors: &mut Errors) -> Option<Rollup> {
    let mut found = FIGURES.iter().filter_map(|(name, figure)| Some((find(list, name)?, *figure)));
    let (arg, figure) = found.next()?;
    if let Some((second, _)) = found.next() {
        errors.at(&second.name, format!("`{}` says what is in the column; remove `{}`", arg.name, second.name));
    }
    let Shape::Column(column) = &field.shape else { return None };
    for other in EXCLUDED.iter().filter_map(|name| find(list, name)) {
        errors.at(&other.name, format!("`{}` says what is in the column; remove `{}`", arg.name, other.name));
    }
    check_type(arg, figure, column, field.nullable, errors);
    let (of, condition) = match &arg.value {
        Value::List(parts) => {
            refuse_repeats(parts, &[], errors);
            for part in parts.iter().filter(|part| !PARTS.contains(&part.name.to_string().as_str())) {
                let what = format!("attribute of `{}`", arg.name);
                errors.at(&part.name, unknown(&what, &part.name.to_string(), PARTS));
            }
            let Some(of) = find(parts, "of") else {
                errors.at(&arg.name, format!("over what? add `of = \"{}\"`", example(figure)));
                return None;
            };
            let condition = find(parts, "where").and_then(|arg| condition(arg, model, errors));
            (errors.check(of.text())?, condition)
        }
        _ => (errors.check(arg.text())?, None),
    };
    let (of, over) = match (figure, of.split_once('.')) {
        ("count", None) => (of, None),
        ("count", Some(_)) => {
            errors.at(&arg.name, "a count is of rows: `counts = \"comments\"`");
            return None;
        }
        (_, Some((of, over))) => (of.to_owned(), Some(over.to_owned())),
        (_, None) => {
            let message = format!("which field of the rows? `{} = \"{}\"`", arg.name, example(figure));
            errors.at(&arg.name, message);
            return None;
        }
    };
    Some(Rollup { figure, of, field: over, condition })
}

fn example(figure: &str) -> &'static str {
    match figure {
        "count" => "comments",
        "sum" => "lines.amount",
        _ => "comments.created_at",
    }
}

/// Refuses a type that cannot hold the figure, as far as that can be told.
fn check_type(arg: &Arg, figure: &str, column: &Column, nullable: bool, errors: &mut Errors) {
    let holds = column.holds;
    match figure {
        "count" if holds.is_known() && holds != Holds::Integer => {
            errors.at(&arg.name, "a count is a whole number, such as `i32`");
        }
        "sum" if holds.is_known() && !holds.is_decimal() && !matches!(holds, Holds::Integer | Holds::Duration) => {
            errors.at(&arg.name, "a sum is a whole number, a decimal or a `Duration`: what is kept must be exact");
        }
        _ => {}
    }
    match (figure, nullable) {
        ("count" | "sum", true) => {
            errors.at(&arg.name, "of no rows it is 0, and never null: leave the `Option` away");
        }
        ("latest" | "earliest", false) => {
            errors.at(&arg.name, "null where there are no rows: make the field's type an `Option`");
        }
        _ => {}
    }
}

/// `|c: Comment| …`: the model, and the closure without it.
fn condition(arg: &Arg, model: &Ident, errors: &mut Errors) -> Option<(Type, Expr)> {
    let expression = errors.check(arg.expression())?;
    if let Expr::Closure(closure) = expression
        && let [Pat::Type(typed)] = closure.inputs.iter().collect::<Vec<_>>().as_slice()
    {
        let rows = in_struct(&typed.ty, model);
        let mut closure = closure.clone();
        closure.inputs = std::iter::once((*typed.pat).clone()).collect();
        return Some((rows, Expr::Closure(closure)));
    }
    errors.at(
        expression,
        "`where` is a closure over the fields of the rows, which says whose they are: `|c: Comment| …`",
    );
    None
}
