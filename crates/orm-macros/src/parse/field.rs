//! A field's attributes.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Expr, Ident, Type, parse_quote};

use super::attribute::{Arg, Value, args, docs};
use super::{closure_of, find, refuse_repeats, rollup, schema, shape, slug};
use crate::errors::{Errors, unknown};
use crate::model::{Default, Field, Generated, Key, OnDelete, Shape};
use crate::types::{self, Holds};

const FIELD_ATTRIBUTES: &[&str] = &[
    "max_length",
    "max_digits",
    "decimal_places",
    "primary_key",
    "unique",
    "index",
    "default",
    "db_default",
    "column",
    "comment",
    "auto_now",
    "auto_now_add",
    "collation",
    "generated",
    "generated_virtual",
    "kind",
    "encrypted",
    "blind_index",
    "sealed_for",
    "verbose_name",
    "soft_delete",
    "unique_alive",
    "counts",
    "sums",
    "latest",
    "earliest",
    "on_delete",
    "related_name",
    "to_field",
    "constraint",
    "through",
    "through_fields",
    "table",
    "symmetrical",
    "schema",
    "schema_version",
    "version_key",
    "upgrade",
    "slug_from",
    "slug_unicode",
];

/// Attributes for columns alone.
const COLUMN_ONLY: &[&str] = &[
    "max_length",
    "max_digits",
    "decimal_places",
    "auto_now",
    "auto_now_add",
    "collation",
    "generated",
    "generated_virtual",
    "kind",
    "soft_delete",
    "schema",
    "schema_version",
    "version_key",
    "upgrade",
    "counts",
    "sums",
    "latest",
    "earliest",
    "encrypted",
    "blind_index",
    "sealed_for",
    "slug_from",
    "slug_unicode",
];

/// Attributes for foreign and one-to-one keys alone.
const KEY_ONLY: &[&str] = &["on_delete", "to_field"];

/// Attributes for many-to-many relations alone.
const MANY_ONLY: &[&str] = &["through", "through_fields", "table", "symmetrical"];

/// Attributes that a many-to-many relation has.
const OF_MANY: &[&str] =
    &["related_name", "constraint", "through", "through_fields", "table", "symmetrical", "verbose_name"];

impl Field {
    /// Reads a field, and the token that makes it the primary key, if one does.
    pub(super) fn read(field: &syn::Field, model: &Ident, errors: &mut Errors) -> (Field, Option<Ident>) {
        let ident = field.ident.clone().unwrap_or_else(|| Ident::new("_0", Span::call_site()));
        let list = args(&field.attrs, "field", errors);
        refuse_repeats(&list, &[], errors);
        let option = types::option_of(&field.ty);
        let ty = in_struct(option.unwrap_or(&field.ty), model);
        let mut read = Field {
            visibility: field.vis.clone(),
            name: ident.unraw().to_string(),
            docs: docs(&field.attrs),
            ty: if option.is_some() { parse_quote!(::core::option::Option<#ty>) } else { ty.clone() },
            broken: types::instead_of(&ty).is_some(),
            nullable: option.is_some(),
            shape: shape::shape(ty, &field.ty, model, &list, errors),
            ident,
            column: None,
            unique: None,
            index: None,
            default: None,
            db_default: None,
            comment: None,
            auto_now: false,
            auto_now_add: false,
            collation: None,
            generated: None,
            rollup: None,
            verbose_name: None,
            soft_delete: false,
            schema: None,
            unique_alive: None,
            slug_from: None,
            slug_unicode: false,
        };
        refuse_misplaced(&read.shape, &list, errors);
        for arg in &list {
            match arg.name.to_string().as_str() {
                "column" => read.column = errors.check(arg.text()),
                "unique" => read.unique = errors.check(arg.flag()),
                "index" => read.index = errors.check(arg.flag()),
                "default" => read.default = default(arg, errors),
                "db_default" => read.db_default = errors.check(arg.expression()).cloned(),
                "comment" => read.comment = errors.check(arg.text()),
                "auto_now" => read.auto_now = errors.check(arg.flag()).unwrap_or_default(),
                "auto_now_add" => read.auto_now_add = errors.check(arg.flag()).unwrap_or_default(),
                "collation" => read.collation = errors.check(arg.text()),
                "generated" | "generated_virtual" => {
                    let stored = arg.name == "generated";
                    read.generated = closure_of(arg, errors).map(|expression| Generated { expression, stored });
                }
                "verbose_name" => read.verbose_name = errors.check(arg.text()),
                "unique_alive" => read.unique_alive = read.unique_alive(arg, &list, errors),
                "soft_delete" => read.soft_delete = read.soft_delete(arg, &list, errors),
                name if FIELD_ATTRIBUTES.contains(&name) => {}
                other => errors.at(&arg.name, unknown("attribute", other, FIELD_ATTRIBUTES)),
            }
        }
        read.schema = schema::schema(&read.shape, &list, errors);
        slug::read(&mut read, &list, errors);
        read.rollup = rollup::read(&read, &list, model, errors);
        read.check(&list, errors);
        let primary_key =
            find(&list, "primary_key").filter(|arg| errors.check(arg.flag()) == Some(true)).map(|arg| arg.name.clone());
        if let (Some(token), true) = (&primary_key, read.nullable) {
            errors.at(token, "a primary key is never null: the type may not be an `Option`");
        }
        if let (Some(token), Shape::Many(_)) = (&primary_key, &read.shape) {
            errors.at(token, "a many-to-many relation has no column that could be a key");
        }
        (read, primary_key)
    }

    /// Combinations of attributes that make no sense.
    fn check(&self, list: &[Arg], errors: &mut Errors) {
        if let Shape::Column(column) = &self.shape {
            for name in ["auto_now", "auto_now_add"] {
                if let Some(arg) = find(list, name)
                    && column.holds.is_known()
                    && !column.holds.is_temporal()
                {
                    errors.at(&arg.name, format!("`{name}` is for `Timestamp`, `Date` and `Time`"));
                }
            }
            if let Some(arg) = find(list, "collation")
                && column.holds.is_known()
                && !column.holds.is_text()
            {
                errors.at(&arg.name, "`collation` is for text");
            }
        }
        if let (Some(_), Some(second)) = (find(list, "auto_now"), find(list, "auto_now_add")) {
            errors.at(&second.name, "`auto_now` and `auto_now_add` exclude one another");
        }
        if let Some(generated) = find(list, "generated").or(find(list, "generated_virtual")) {
            for other in ["default", "db_default", "auto_now", "auto_now_add", "primary_key"] {
                if let Some(arg) = find(list, other) {
                    errors.at(&arg.name, format!("`{}` says what is in the column; remove `{other}`", generated.name));
                }
            }
        }
        if let Shape::Key(key) = &self.shape {
            self.check_on_delete(key, list, errors);
        }
    }

    /// Whether the field marks deleted rows, and can.
    fn soft_delete(&self, arg: &Arg, list: &[Arg], errors: &mut Errors) -> bool {
        let Shape::Column(column) = &self.shape else { return false };
        if errors.check(arg.flag()) != Some(true) {
            return false;
        }
        let fits = match column.holds {
            Holds::Boolean => !self.nullable,
            Holds::DateTime => self.nullable,
            _ => false,
        };
        if !fits {
            errors.at(
                &arg.name,
                "`soft_delete` is for a `bool` (true of a deleted row) or an `Option<Timestamp>` (when it was deleted)",
            );
        }
        for other in ["default", "auto_now", "auto_now_add", "generated", "generated_virtual", "unique", "primary_key"]
        {
            if let Some(other) = find(list, other) {
                errors.at(&other.name, format!("`soft_delete` says what is in the column; remove `{}`", other.name));
            }
        }
        fits
    }

    /// The name of the constraint, if the field is unique among living rows.
    fn unique_alive(&self, arg: &Arg, list: &[Arg], errors: &mut Errors) -> Option<(Ident, Option<String>)> {
        let unique = find(list, "unique").or(find(list, "primary_key"));
        if unique.is_some() || matches!(&self.shape, Shape::Key(key) if key.one_to_one) {
            errors.at(&arg.name, "the field is unique among all rows already; choose one of the two");
            return None;
        }
        match &arg.value {
            Value::Flag => Some((arg.name.clone(), None)),
            _ => errors.check(arg.text()).map(|name| (arg.name.clone(), Some(name))),
        }
    }

    fn check_on_delete(&self, key: &Key, list: &[Arg], errors: &mut Errors) {
        let Some(arg) = find(list, "on_delete") else { return };
        let Ok(value) = arg.expression() else { return };
        let OnDelete::Plain(word) = &key.on_delete else { return };
        if word == "SetNull" && !self.nullable {
            errors.at(value, "`SetNull` needs a key that may be null: make the field's type `Option<ForeignKey<…>>`");
        }
        if word == "SetDefault" && self.default.is_none() && self.db_default.is_none() {
            errors.at(value, "`SetDefault` needs a default: add `default = …`");
        }
    }
}

/// The type with `Self` spelled out, since what is emitted stands outside of the struct.
pub(super) fn in_struct(ty: &Type, model: &Ident) -> Type {
    let mut ty = ty.clone();
    replace_self(&mut ty, model);
    ty
}

fn replace_self(ty: &mut Type, model: &Ident) {
    let Type::Path(path) = ty else { return };
    if path.qself.is_none() && path.path.is_ident("Self") {
        let span = path.path.segments[0].ident.span();
        path.path.segments[0].ident = Ident::new(&model.to_string(), span);
        return;
    }
    for segment in &mut path.path.segments {
        if let syn::PathArguments::AngleBracketed(list) = &mut segment.arguments {
            for argument in &mut list.args {
                if let syn::GenericArgument::Type(inner) = argument {
                    replace_self(inner, model);
                }
            }
        }
    }
}

fn refuse_misplaced(shape: &Shape, list: &[Arg], errors: &mut Errors) {
    for arg in list {
        let name = arg.name.to_string();
        let name = name.as_str();
        if !FIELD_ATTRIBUTES.contains(&name) {
            continue;
        }
        let relation_only = KEY_ONLY.contains(&name) || MANY_ONLY.contains(&name);
        let problem = match shape {
            Shape::Column(_) if relation_only || matches!(name, "related_name" | "constraint") => {
                "is for relations; this field is a column of its own"
            }
            Shape::Key(_) if COLUMN_ONLY.contains(&name) => "has no meaning on a key: the column is like the other's",
            Shape::Key(_) if MANY_ONLY.contains(&name) => "is for many-to-many relations",
            Shape::Many(_) if !OF_MANY.contains(&name) && name != "primary_key" => {
                "has no meaning on a many-to-many relation, which has no column"
            }
            _ => continue,
        };
        errors.at(&arg.name, format!("`{name}` {problem}"));
    }
}

fn default(arg: &Arg, errors: &mut Errors) -> Option<Default> {
    if matches!(arg.value, Value::Flag) {
        return Some(Default::OfType);
    }
    Some(match errors.check(arg.expression())? {
        expression @ (Expr::Call(_) | Expr::MethodCall(_) | Expr::Macro(_) | Expr::Block(_)) => {
            Default::Computed(expression.clone())
        }
        expression => Default::Constant(expression.clone()),
    })
}
