//! What a field is: a column of some kind, a key, or a relation through a table between.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Expr, Ident, Type, parse_quote};

use super::attribute::{Arg, path_of, word_of};
use super::{find, flag};
use crate::errors::{Errors, unknown};
use crate::model::{Column, Key, Many, OnDelete, Shape};
use crate::types::{self, Holds};

const ON_DELETE: &[&str] = &["Cascade", "Protect", "Restrict", "SetNull", "SetDefault", "Set(function)", "DoNothing"];

pub(super) fn shape(ty: Type, whole: &Type, model: &Ident, list: &[Arg], errors: &mut Errors) -> Shape {
    for (name, one_to_one) in [("ForeignKey", false), ("OneToOne", true)] {
        if let Some(of) = types::arguments_of(&ty, name) {
            return key(&of, one_to_one, whole, model, list, errors);
        }
    }
    if let Some(of) = types::arguments_of(&ty, "ManyToMany") {
        return many(&of, whole, model, list, errors);
    }
    Shape::Column(column(ty, whole, list, errors))
}

fn other_model(of: &[&Type], whole: &Type, model: &Ident, errors: &mut Errors) -> (Type, bool) {
    let to = match of.first() {
        Some(to) => (*to).clone(),
        None => {
            errors.at(whole, "which model? write it in angle brackets, such as `ForeignKey<User>`");
            parse_quote!(#model)
        }
    };
    let to_self = types::path_of(&to).is_some_and(|path| path.is_ident(model));
    (to, to_self)
}

fn key(of: &[&Type], one_to_one: bool, whole: &Type, model: &Ident, list: &[Arg], errors: &mut Errors) -> Shape {
    let (to, to_self) = other_model(of, whole, model, errors);
    let on_delete = match find(list, "on_delete") {
        Some(arg) => errors.check(arg.expression()).and_then(|value| on_delete(value, errors)),
        None => {
            errors.at(
                whole,
                format!(
                    "say what happens to this row when the other is deleted: `#[field(on_delete = Cascade)]`; choices \
                     are {}",
                    ON_DELETE.join(", ")
                ),
            );
            None
        }
    };
    let to_field = find(list, "to_field").and_then(|arg| {
        let name = errors.check(arg.text())?;
        if syn::parse_str::<Ident>(&name).is_err() {
            errors.at(arg.expression().ok()?, format!("`{name}` cannot be the name of a field"));
            return None;
        }
        Some((name, &arg.name))
    });
    if let (Some((_, token)), None) = (&to_field, of.get(1)) {
        errors
            .at(token, "the key has the type of that field: write it as the second one, `ForeignKey<Target, String>`");
    }
    if let (None, Some(second)) = (&to_field, of.get(1)) {
        errors.at(
            second,
            "which field has this type? add `to_field = \"…\"`, or leave the type away for the primary key",
        );
    }
    Shape::Key(Box::new(Key {
        to,
        to_self,
        key: of.get(1).map(|ty| (*ty).clone()),
        one_to_one,
        on_delete: on_delete.unwrap_or_else(|| OnDelete::Plain(Ident::new("DoNothing", Span::call_site()))),
        to_field: to_field.map(|(name, _)| name),
        related_name: related_name(list, errors),
        constraint: flag(list, "constraint", errors).unwrap_or(true),
    }))
}

fn on_delete(value: &Expr, errors: &mut Errors) -> Option<OnDelete> {
    if let Expr::Call(call) = value
        && word_of(&call.func).is_some_and(|word| word == "Set")
    {
        return match call.args.first() {
            Some(function) if path_of(function).is_some() => Some(OnDelete::Set(function.clone())),
            _ => {
                errors.at(value, "`Set` takes the path of a function that gives the key");
                None
            }
        };
    }
    let known = &["Cascade", "Protect", "Restrict", "SetNull", "SetDefault", "DoNothing"];
    match word_of(value) {
        Some(word) if known.contains(&word.to_string().as_str()) => Some(OnDelete::Plain(word.clone())),
        Some(word) => {
            errors.at(word, unknown("choice", &word.to_string(), ON_DELETE));
            None
        }
        None => {
            errors.at(value, format!("`on_delete` is one of {}", ON_DELETE.join(", ")));
            None
        }
    }
}

fn many(of: &[&Type], whole: &Type, model: &Ident, list: &[Arg], errors: &mut Errors) -> Shape {
    if types::option_of(whole).is_some() {
        errors.at(whole, "a many-to-many relation is never null: leave the `Option` away");
    }
    let (to, to_self) = other_model(of, whole, model, errors);
    let symmetrical = flag(list, "symmetrical", errors);
    if let (Some(true), false, Some(arg)) = (symmetrical, to_self, find(list, "symmetrical")) {
        errors.at(&arg.name, "only a relation to the model itself can be symmetrical");
    }
    let through = find(list, "through").and_then(|arg| errors.check(arg.path()).cloned());
    if let (Some(_), Some(arg)) = (&through, find(list, "table")) {
        errors.at(&arg.name, "the table is that of the model between; set it there");
    }
    let through_fields = find(list, "through_fields").and_then(|arg| match errors.check(arg.expression())? {
        Expr::Tuple(tuple) if tuple.elems.len() == 2 => {
            let names: Vec<String> =
                tuple.elems.iter().filter_map(word_of).map(|name| name.unraw().to_string()).collect();
            <[String; 2]>::try_from(names).ok().map(|[here, there]| (here, there))
        }
        other => {
            errors.at(other, "two foreign keys of the model between: `through_fields = (here, there)`");
            None
        }
    });
    Shape::Many(Many {
        to,
        to_self,
        related_name: related_name(list, errors),
        constraint: flag(list, "constraint", errors).unwrap_or(true),
        through,
        through_fields,
        table: find(list, "table").and_then(|arg| errors.check(arg.text())),
        symmetrical: to_self && symmetrical.unwrap_or(true),
    })
}

/// The name of the way back: `+`, or what can be a method's name.
fn related_name(list: &[Arg], errors: &mut Errors) -> Option<String> {
    let arg = find(list, "related_name")?;
    let name = errors.check(arg.text())?;
    let method = [name.clone(), format!("r#{name}")].iter().any(|name| syn::parse_str::<Ident>(name).is_ok());
    if name != "+" && !method {
        errors.at(
            arg.expression().ok()?,
            format!("`{name}` cannot be the name of a method; choose another, or \"+\" for no way back"),
        );
        return Some("+".to_owned());
    }
    Some(name)
}

fn column(base: Type, whole: &Type, list: &[Arg], errors: &mut Errors) -> Column {
    if let Some(instead) = types::instead_of(&base) {
        errors.at(whole, format!("no column holds this type; use {instead}"));
    }
    let encrypted = Holds::of(&base) == Holds::Ciphertext;
    let kind = find(list, "kind").filter(|_| !encrypted).and_then(|arg| errors.check(arg.word())).and_then(|word| {
        let name = word.to_string();
        if types::KINDS.contains(&name.as_str()) {
            return Some(word.clone());
        }
        errors.at(word, unknown("kind", &name, types::KINDS));
        None
    });
    let of_type = Holds::of(&base);
    let mut holds = of_type;
    if let Some(kind) = &kind {
        let of_kind = types::holds_kind(&kind.to_string());
        let fits = of_type == of_kind || (of_type.is_text() && of_kind.is_text());
        if of_type.is_known() && !fits {
            errors.at(kind, format!("a column of kind `{kind}` does not hold what the field's type is"));
        }
        holds = if of_type.is_known() { of_type } else { of_kind };
    }
    let max_length = find(list, "max_length").filter(|_| !encrypted).and_then(|arg| {
        if holds.is_known() && !holds.is_text() {
            errors.at(&arg.name, "`max_length` is for text");
            return None;
        }
        errors.check(arg.number())
    });
    let digits = if encrypted { None } else { digits(holds, whole, list, errors) };
    let sealing = sealing(holds, list, errors);
    let blind_index = flag(list, "blind_index", errors).unwrap_or_default();
    let sealed_for = find(list, "sealed_for").and_then(|arg| {
        let place = errors.check(arg.text())?;
        if sealing != Some("Bound") && !blind_index {
            errors.at(
                &arg.name,
                "`sealed_for` is for `encrypted = bound` and `blind_index`: a Fernet token is for no place",
            );
        }
        Some(place)
    });
    Column {
        base,
        holds,
        kind: kind.map(|kind| kind.to_string()),
        max_length,
        digits,
        sealing,
        blind_index,
        sealed_for,
    }
}

/// What is about encrypted fields, and what those have not got.
fn sealing(holds: Holds, list: &[Arg], errors: &mut Errors) -> Option<&'static str> {
    const SEALINGS: &[&str] = &["bound", "fernet"];
    if holds.is_known() && holds != Holds::Ciphertext {
        for arg in ["encrypted", "blind_index", "sealed_for"].into_iter().filter_map(|name| find(list, name)) {
            errors.at(&arg.name, format!("`{}` is for `Encrypted<…>`: make that the field's type", arg.name));
        }
        return None;
    }
    if holds == Holds::Ciphertext {
        for arg in
            ["max_length", "max_digits", "decimal_places", "kind"].into_iter().filter_map(|name| find(list, name))
        {
            errors.at(&arg.name, format!("`{}` is for what is stored as it is; ciphertext is text", arg.name));
        }
        let computed = ["generated", "generated_virtual", "db_default", "auto_now", "auto_now_add"];
        for arg in computed.into_iter().filter_map(|name| find(list, name)) {
            errors.at(&arg.name, format!("`{}` has no meaning on an encrypted field", arg.name));
        }
        for arg in ["primary_key", "unique", "index"].into_iter().filter_map(|name| find(list, name)) {
            let text = "of ciphertext no two are alike; to find equal values, add `blind_index`";
            errors.at(&arg.name, format!("`{}` is not for an encrypted field: {text}", arg.name));
        }
    }
    let arg = find(list, "encrypted")?;
    let word = errors.check(arg.word())?;
    match word.to_string().as_str() {
        "bound" => Some("Bound"),
        "fernet" => Some("Fernet"),
        other => {
            errors.at(word, unknown("choice", other, SEALINGS));
            None
        }
    }
}

fn digits(holds: Holds, whole: &Type, list: &[Arg], errors: &mut Errors) -> Option<(u16, u16)> {
    const DIGITS_OF_DECIMAL: u16 = 28;
    let (digits, places) = (find(list, "max_digits"), find(list, "decimal_places"));
    for arg in [digits, places].into_iter().flatten() {
        if holds.is_known() && !holds.is_decimal() {
            errors.at(&arg.name, format!("`{}` is for `Decimal` and `BigDecimal`", arg.name));
            return None;
        }
    }
    let (Some(digits), Some(places)) = (digits, places) else {
        if holds.is_decimal() {
            errors.at(whole, "a decimal needs its size: `#[field(max_digits = 12, decimal_places = 2)]`");
        }
        return None;
    };
    let max_digits: u16 = errors.check(digits.number())?;
    let decimal_places: u16 = errors.check(places.number())?;
    if decimal_places > max_digits {
        errors.at(&places.name, format!("{decimal_places} places do not fit into {max_digits} digits in all"));
    }
    if max_digits > DIGITS_OF_DECIMAL && holds == Holds::Decimal {
        errors.at(
            &digits.name,
            format!("a `Decimal` holds {DIGITS_OF_DECIMAL} digits, not {max_digits}; make the field a `BigDecimal`"),
        );
    }
    Some((max_digits, decimal_places))
}
