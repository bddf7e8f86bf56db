//! The code for a model: a file for each part of it.

mod builder;
mod definition;
mod fields;
mod managers;
mod reverse;
mod row;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use crate::model::{Field, Key, Model, Shape};

/// Everything that the derive emits for a model.
pub(crate) fn expand(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let name = &model.name;
    let label = format!("{}.{}", model.app, name);
    let fields_name = fields::name(model);
    let key = row::key_type(model);
    let definition = definition::expand(model);
    let row = row::expand(model);
    let managers = managers::in_model(model);
    let beside = managers::beside_model(model);
    let fields = fields::expand(model);
    let builder = builder::expand(model);
    let reverse = reverse::expand(model);
    quote! {
        #[automatically_derived]
        impl #krate::Model for #name {
            type Key = #key;
            type Fields<__R: 'static, __N: #krate::expr::Nullability> = #fields_name<__R, __N>;
            const LABEL: &'static str = #label;
            #managers
            #definition
            #row
        }
        #fields
        #builder
        #beside
        #reverse
    }
}

/// The place of the user's tokens, so that errors point there, but marked as the macro's, so that lints do not.
fn at(tokens: &impl Spanned) -> Span {
    Span::call_site().located_at(tokens.span())
}

/// A method's name at the place of the field's.
fn method(ident: &Ident) -> Ident {
    let mut method = ident.clone();
    method.set_span(at(ident));
    method
}

/// The name of a key's own column in queries: `<field>_id`.
fn key_method(field: &Field) -> Ident {
    let mut ident = format_ident!("{}_id", field.name);
    ident.set_span(at(&field.ident));
    ident
}

/// The type of a key's value.
fn key_value(model: &Model, key: &Key) -> TokenStream {
    let (krate, to) = (&model.krate, &key.to);
    match &key.key {
        Some(ty) => quote!(#ty),
        None => quote_spanned!(at(to)=> <#to as #krate::Model>::Key),
    }
}

/// The type of a field's value without its `Option`: a key's for a relation.
fn base(model: &Model, field: &Field) -> TokenStream {
    match &field.shape {
        Shape::Column(column) => {
            let ty = &column.base;
            quote!(#ty)
        }
        Shape::Key(key) => key_value(model, key),
        Shape::Many(many) => {
            let ty: &Type = &many.to;
            quote!(#ty)
        }
    }
}
