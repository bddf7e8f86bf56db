//! The model as data.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Expr, Type};

use super::{at, base, key_value, managers};
use crate::model::{
    Column, Constraint, Default, Field, Index, JsonSchema, Key, Many, Model, OnDelete, Over, Rollup, Shape, Step,
    Unique,
};
use crate::types;

pub(super) fn expand(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let (app, name) = (&model.app, model.name.to_string());
    let mut calls = TokenStream::new();
    for field in model.fields.iter().filter(|field| !field.broken) {
        let field = definition_of(model, field);
        calls.extend(quote!(.field(#field)));
    }
    for field in model.indexed_blindly() {
        let (name, of) = (blind_index_name(&field.name), &field.name);
        let column = field.column.as_ref().map(|column| {
            let column = blind_index_name(column);
            quote!(.column(#column))
        });
        calls.extend(quote!(.field(#krate::model::Field::blind_index(#name, #of) #column)));
    }
    for position in &model.primary_key {
        let key = &model.fields[*position].name;
        calls.extend(quote!(.primary_key(#key)));
    }
    calls.extend(texts(&[("table", &model.table), ("comment", &model.comment), ("verbose_name", &model.verbose_name)]));
    for field in &model.natural_key {
        calls.extend(quote!(.natural_key(#field)));
    }
    match &model.ordering {
        Over::Fields(steps) => {
            for step in steps {
                let step = order(model, step);
                calls.extend(quote!(.order_by(#step)));
            }
        }
        Over::Expressions(closure) => {
            let krate = &model.krate;
            calls.extend(quote!(.ordering(#krate::model::derived::steps::<Self, _>(#closure))));
        }
    }
    for group in &model.unique_together {
        calls.extend(quote!(.unique_together([#(#group),*])));
    }
    for constraint in &model.constraints {
        calls.extend(match constraint {
            Constraint::Unique(unique) => {
                let unique = unique_constraint(model, unique);
                quote!(.unique(#unique))
            }
            Constraint::Check { name, condition } => {
                let condition = condition_of(model, condition);
                quote!(.check(#name, #condition))
            }
        });
    }
    for index in &model.indexes {
        let index = index_definition(model, index);
        calls.extend(quote!(.index(#index)));
    }
    calls.extend(managers::definitions(model));
    if !model.managed {
        calls.extend(quote!(.managed(false)));
    }
    if let Some(of) = &model.proxy_for {
        calls.extend(quote!(.proxy_for(<#of as #krate::Model>::LABEL)));
    }
    quote! {
        fn definition() -> #krate::ModelDef {
            #krate::ModelDef::new(#app, #name) #calls
        }
    }
}

fn definition_of(model: &Model, field: &Field) -> TokenStream {
    let krate = &model.krate;
    let name = &field.name;
    let mut code = match &field.shape {
        Shape::Column(column) => {
            let kind = kind(model, column);
            let choices = (!column.holds.is_known()).then(|| {
                let ty = &column.base;
                quote_spanned!(at(ty)=> .choices(<#ty as #krate::FieldType>::CHOICES))
            });
            quote!(#krate::model::Field::new(#name, #kind) #choices)
        }
        Shape::Key(key) => {
            let reference = key_reference(model, key);
            if key.one_to_one {
                quote!(#krate::model::Field::one_to_one(#name, #reference))
            } else {
                quote!(#krate::model::Field::foreign_key(#name, #reference))
            }
        }
        Shape::Many(many) => {
            let reference = many_reference(model, many);
            quote!(#krate::model::Field::many_to_many(#name, #reference))
        }
    };
    if field.nullable {
        code.extend(quote!(.null(true)));
    }
    if let Some(unique) = field.unique {
        code.extend(quote!(.unique(#unique)));
    }
    if let Some(index) = field.index {
        code.extend(quote!(.index(#index)));
    }
    code.extend(texts(&[
        ("column", &field.column),
        ("comment", &field.comment),
        ("collation", &field.collation),
        ("verbose_name", &field.verbose_name),
    ]));
    if field.auto_now {
        code.extend(quote!(.auto_now(true)));
    }
    if field.auto_now_add {
        code.extend(quote!(.auto_now_add(true)));
    }
    if field.soft_delete {
        code.extend(quote!(.soft_delete(true)));
    }
    if let Some(from) = &field.slug_from {
        let (from, unicode) = (from.unraw().to_string(), field.slug_unicode.then(|| quote!(.slug_unicode(true))));
        code.extend(quote!(.slug_from(#from) #unicode));
    }
    if let Some(schema) = &field.schema {
        let schema = json_schema(model, schema);
        code.extend(quote!(.schema(#schema)));
    }
    if let Shape::Column(column) = &field.shape
        && (column.sealing == Some("Bound") || column.blind_index)
    {
        let place = format!("{}.{}", model.table_name(), field.column_name());
        let place = column.sealed_for.as_ref().unwrap_or(&place);
        code.extend(quote!(.sealed_for(#place)));
    }
    let base = base(model, field);
    if field.soft_delete && !field.nullable {
        code.extend(quote!(.default(#krate::Value::Bool(false))));
    }
    if let Some(default) = &field.default {
        code.extend(default_call(model, &base, default));
    }
    if let Some(value) = &field.db_default {
        let value = quote_spanned!(at(value)=> #krate::model::derived::db_default::<Self, #base>(#value));
        code.extend(quote!(.db_default(#value)));
    }
    if let Some(generated) = &field.generated {
        let expression = expression(model, &generated.expression, &base);
        let stored = generated.stored;
        code.extend(quote!(.generated(#krate::model::Generated { expression: #expression, stored: #stored })));
    }
    if let Some(rollup) = &field.rollup {
        let rollup = rollup_definition(model, rollup);
        code.extend(quote!(.rollup(#rollup)));
    }
    code
}

fn json_schema(model: &Model, schema: &JsonSchema) -> TokenStream {
    let krate = &model.krate;
    let text = &schema.text;
    let mut code = quote!(#krate::json_schema::JsonSchema::new(#text));
    if let Some(version) = &schema.version {
        let (number, key) = (version.number, &version.key);
        code.extend(quote!(.version(#number, #key)));
        if let Some(upgrade) = &version.upgrade {
            code.extend(quote_spanned! {at(upgrade)=>
                .upgrade(|from, document| #krate::model::derived::upgraded(#upgrade, from, document))
            });
        }
    }
    code
}

fn rollup_definition(model: &Model, rollup: &Rollup) -> TokenStream {
    let krate = &model.krate;
    let (figure, of, field) = (quote::format_ident!("{}", rollup.figure), &rollup.of, rollup.field.iter());
    let only = rollup.condition.as_ref().map(|(rows, condition)| {
        let condition = quote_spanned!(at(condition)=> #krate::model::derived::condition::<#rows>(#condition));
        quote!(.only(#condition))
    });
    quote!(#krate::model::Rollup::#figure(#of #(, #field)*) #only)
}

fn kind(model: &Model, column: &Column) -> TokenStream {
    let krate = &model.krate;
    let ty = &column.base;
    let kind = match &column.kind {
        Some(kind) => types::kind_value(kind, krate),
        None => quote_spanned!(at(ty)=> <#ty as #krate::FieldType>::KIND),
    };
    let length = column.max_length.map(|length| quote!(.with_max_length(#length)));
    let digits = column.digits.map(|(digits, places)| quote!(.with_digits(#digits, #places)));
    let sealing = column.sealing.map(|sealing| {
        let sealing = quote::format_ident!("{sealing}");
        quote!(.with_sealing(#krate::model::Sealing::#sealing))
    });
    if length.is_none() && digits.is_none() && sealing.is_none() {
        return kind;
    }
    // Evaluated by the compiler: what the kind of a type unknown to the macro does not have is an error of the build.
    quote!(const { #kind #length #digits #sealing })
}

/// The name of the column beside an encrypted one that holds its digests.
fn blind_index_name(of: &str) -> String {
    format!("{of}_bidx")
}

fn key_reference(model: &Model, key: &Key) -> TokenStream {
    let krate = &model.krate;
    let to = to_label(model, &key.to, key.to_self);
    let on_delete = match &key.on_delete {
        OnDelete::Plain(word) => quote!(#krate::model::OnDelete::#word),
        OnDelete::Set(function) => {
            let name = source_of(function);
            let value = key_value(model, key);
            quote! {
                #krate::model::OnDelete::Set(
                    ::core::convert::Into::into(#name),
                    || #krate::model::derived::key_value::<#value, _>(#function()),
                )
            }
        }
    };
    let mut code = quote!(#krate::model::Reference::new(#to, #on_delete));
    if let Some(to_field) = &key.to_field {
        // Named by a closure, so that the compiler sees that there is such a field, and that it has the key's type.
        let (to, value, at) = (&key.to, key_value(model, key), key.key.as_ref().map_or_else(|| at(&key.to), at));
        let name = syn::Ident::new(to_field, at);
        code.extend(quote_spanned!(at=> .to_field(#krate::model::derived::name::<#to, #value, _>(|to| to.#name()))));
    }
    code.extend(texts(&[("related_name", &key.related_name)]));
    if !key.constraint {
        code.extend(quote!(.constraint(false)));
    }
    code
}

fn many_reference(model: &Model, many: &Many) -> TokenStream {
    let krate = &model.krate;
    let to = to_label(model, &many.to, many.to_self);
    let mut code = quote!(#krate::model::Reference::new(#to, #krate::model::OnDelete::Cascade));
    code.extend(texts(&[("related_name", &many.related_name), ("table", &many.table)]));
    if let Some(through) = &many.through {
        code.extend(quote!(.through(<#through as #krate::Model>::LABEL)));
    }
    if let Some((here, there)) = &many.through_fields {
        code.extend(quote!(.through_fields(#here, #there)));
    }
    if !many.constraint {
        code.extend(quote!(.constraint(false)));
    }
    if many.symmetrical {
        code.extend(quote!(.symmetrical(true)));
    }
    code
}

fn to_label(model: &Model, to: &Type, to_self: bool) -> TokenStream {
    let krate = &model.krate;
    if to_self { quote!("self") } else { quote_spanned!(at(to)=> <#to as #krate::Model>::LABEL) }
}

fn default_call(model: &Model, base: &TokenStream, default: &Default) -> TokenStream {
    let krate = &model.krate;
    let value =
        |expression: &Expr| quote_spanned!(at(expression)=> #krate::model::derived::value::<#base, _>(#expression));
    match default {
        Default::Constant(constant) => {
            let value = value(constant);
            quote!(.default(#value))
        }
        Default::Computed(call) => {
            let (name, value) = (source_of(call), value(call));
            quote!(.default_from(#name, || #value))
        }
        Default::OfType => {
            let value = value(&syn::parse_quote!(<#base as ::core::default::Default>::default()));
            quote!(.default_from("Default::default()", || #value))
        }
    }
}

fn order(model: &Model, step: &Step) -> TokenStream {
    let krate = &model.krate;
    if let [only] = step.names.as_slice() {
        let name = only.to_string();
        let direction = if step.descending { quote!(desc) } else { quote!(asc) };
        return quote!(#krate::model::OrderBy::#direction(#krate::query::Node::path(#name)));
    }
    // Over relations the compiler checks the names.
    let names = &step.names;
    let direction = if step.descending { quote!(.desc()) } else { quote!(.asc()) };
    let at = step.names.first().map_or_else(proc_macro2::Span::call_site, at);
    quote_spanned!(at=> #krate::model::derived::step::<Self>(|m| m #(.#names())* #direction))
}

fn unique_constraint(model: &Model, unique: &Unique) -> TokenStream {
    let krate = &model.krate;
    let name = &unique.name;
    let mut code = match &unique.over {
        Over::Fields(fields) => quote!(#krate::model::Unique::new(#name, [#(#fields),*])),
        Over::Expressions(closure) => {
            quote!(#krate::model::Unique::over(#name, #krate::model::derived::steps::<Self, _>(#closure)))
        }
    };
    let condition = unique.condition.as_ref().map(|condition| condition_of(model, condition));
    let alive = unique.alive.then(|| quote!(#krate::model::derived::alive::<Self>()));
    code.extend(match (alive, condition) {
        (Some(alive), Some(condition)) => quote!(.condition(#alive.and(#condition))),
        (Some(condition), None) | (None, Some(condition)) => quote!(.condition(#condition)),
        (None, None) => TokenStream::new(),
    });
    code.extend(included(&unique.include));
    if let Some(deferred) = unique.deferrable {
        let when = if deferred { quote!(Deferred) } else { quote!(Immediate) };
        code.extend(quote!(.deferrable(#krate::model::Deferrable::#when)));
    }
    if let Some(distinct) = unique.nulls_distinct {
        code.extend(quote!(.nulls_distinct(#distinct)));
    }
    code
}

fn index_definition(model: &Model, index: &Index) -> TokenStream {
    let krate = &model.krate;
    let steps = match &index.over {
        Over::Fields(steps) => {
            let steps = steps.iter().map(|step| order(model, step));
            quote!(::std::vec![#(#steps),*])
        }
        Over::Expressions(closure) => quote!(#krate::model::derived::steps::<Self, _>(#closure)),
    };
    let mut code = quote!(#krate::model::Index::new(#steps));
    code.extend(texts(&[("name", &index.name)]));
    if let Some(condition) = &index.condition {
        let condition = condition_of(model, condition);
        code.extend(quote!(.condition(#condition)));
    }
    code.extend(included(&index.include));
    code
}

fn included(fields: &[String]) -> Option<TokenStream> {
    (!fields.is_empty()).then(|| quote!(.include([#(#fields),*])))
}

/// A closure over the model's fields as a tree, its type checked.
fn expression(model: &Model, closure: &Expr, ty: &TokenStream) -> TokenStream {
    let krate = &model.krate;
    quote_spanned!(at(closure)=> #krate::model::derived::expression::<Self, #ty, _>(#closure))
}

/// A closure from the model's fields to a condition, as a tree.
fn condition_of(model: &Model, closure: &Expr) -> TokenStream {
    let krate = &model.krate;
    quote_spanned!(at(closure)=> #krate::model::derived::condition::<Self>(#closure))
}

/// Calls with a text, for those that are set.
fn texts(all: &[(&str, &Option<String>)]) -> TokenStream {
    all.iter()
        .filter_map(|(name, text)| {
            let name = quote::format_ident!("{name}");
            text.as_ref().map(|text| quote!(.#name(#text)))
        })
        .collect()
}

/// An expression as it was written, for migrations to name it.
fn source_of(expression: &Expr) -> String {
    let text = expression.to_token_stream().to_string();
    [(" :: ", "::"), (" (", "("), ("( ", "("), (" )", ")"), (" ,", ","), (" . ", "."), (" !", "!")]
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
}
