//! Reading and writing of a row.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{at, key_value};
use crate::model::{Field, Model, Shape};

/// The type of the primary key.
pub(super) fn key_type(model: &Model) -> TokenStream {
    let types = key_fields(model).map(|field| match &field.shape {
        Shape::Key(key) => key_value(model, key),
        _ => {
            let ty = &field.ty;
            quote!(#ty)
        }
    });
    tuple_or_only(types.collect())
}

pub(super) fn expand(model: &Model) -> TokenStream {
    let from_row = from_row(model);
    let to_values = to_values(model);
    let key = key(model);
    let related_slot = related_slot(model);
    quote!(#from_row #to_values #key #related_slot)
}

fn from_row(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let reads = model.fields.iter().map(|field| {
        let (ident, name, ty, at) = (&field.ident, &field.name, &field.ty, at(&field.ty));
        match &field.shape {
            _ if field.broken => quote!(#ident: (|| -> #ty { ::core::unreachable!() })()),
            Shape::Column(column) => match column.digits {
                Some((_, places)) => quote_spanned!(at=> #ident: row.read_decimal(#name, #places)?),
                None => quote_spanned!(at=> #ident: row.read(#name)?),
            },
            Shape::Key(key) => match &key.to_field {
                Some(to) => quote_spanned!(at=> #ident: #krate::model::derived::read_key_to(row, #name, #to)?),
                None => quote_spanned!(at=> #ident: #krate::model::derived::read_key(row, #name)?),
            },
            Shape::Many(_) => quote!(#ident: ::core::default::Default::default()),
        }
    });
    let relations: Vec<TokenStream> = model
        .fields
        .iter()
        .filter_map(|field| match &field.shape {
            Shape::Many(many) => {
                let (ident, name) = (&field.ident, &field.name);
                Some(match &many.through {
                    Some(through) => {
                        quote!(read.#ident = #krate::ManyToMany::through::<Self, #through>(#name, &key);)
                    }
                    None => quote!(read.#ident = #krate::ManyToMany::of::<Self>(#name, &key);),
                })
            }
            _ => None,
        })
        .collect();
    // The blind indexes, which the definition has after all fields.
    let indexes = model.indexed_blindly().count();
    let skip = (indexes > 0).then(|| quote!(row.skip(#indexes);));
    let body = if relations.is_empty() && skip.is_none() {
        quote!(::core::result::Result::Ok(Self { #(#reads,)* }))
    } else if relations.is_empty() {
        quote! {
            let read = Self { #(#reads,)* };
            #skip
            ::core::result::Result::Ok(read)
        }
    } else {
        quote! {
            let mut read = Self { #(#reads,)* };
            #skip
            let key = #krate::Model::key(&read);
            #(#relations)*
            ::core::result::Result::Ok(read)
        }
    };
    quote! {
        fn from_row(row: &mut #krate::Row<'_>) -> #krate::Result<Self> {
            #body
        }
    }
}

fn to_values(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let values = model.fields.iter().filter(|field| field.is_writable()).map(|field| {
        let (ident, at) = (&field.ident, at(&field.ty));
        match &field.shape {
            Shape::Key(_) => quote_spanned!(at=> #krate::KeyField::to_value(&self.#ident)),
            _ => quote_spanned!(at=> #krate::SqlType::as_value(&self.#ident)),
        }
    });
    quote! {
        fn to_values(&self) -> ::std::vec::Vec<#krate::Value> {
            ::std::vec![#(#values),*]
        }
    }
}

fn key(model: &Model) -> TokenStream {
    let parts = key_fields(model).map(|field| {
        let ident = &field.ident;
        match &field.shape {
            Shape::Key(_) => quote!(::core::clone::Clone::clone(self.#ident.key())),
            _ => quote!(::core::clone::Clone::clone(&self.#ident)),
        }
    });
    let key = tuple_or_only(parts.collect());
    quote! {
        fn key(&self) -> Self::Key {
            #key
        }
    }
}

fn related_slot(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let mut arms = model
        .fields
        .iter()
        .filter(|field| matches!(field.shape, Shape::Key(_)))
        .map(|field| {
            let (ident, name) = (&field.ident, &field.name);
            quote!(#name => ::core::option::Option::Some(&mut self.#ident),)
        })
        .peekable();
    if arms.peek().is_none() {
        return TokenStream::new();
    }
    quote! {
        fn related_slot(&mut self, field: &str) -> ::core::option::Option<&mut dyn #krate::RelatedSlot> {
            match field {
                #(#arms)*
                _ => ::core::option::Option::None,
            }
        }
    }
}

fn key_fields(model: &Model) -> impl Iterator<Item = &Field> {
    model.primary_key.iter().map(|position| &model.fields[*position])
}

fn tuple_or_only(mut parts: Vec<TokenStream>) -> TokenStream {
    match parts.len() {
        // A model without a key is refused already; a number lets the compiler go on.
        0 => quote!(i64),
        1 => parts.remove(0),
        _ => quote!((#(#parts),*)),
    }
}
