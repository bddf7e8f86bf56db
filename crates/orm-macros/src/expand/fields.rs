//! The set of fields for typed queries.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;

use super::{at, key_method, key_value, method};
use crate::model::{Field, Model, Shape};

/// The name of the set of fields.
pub(super) fn name(model: &Model) -> Ident {
    format_ident!("{}Fields", model.name)
}

pub(super) fn expand(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let visibility = &model.visibility;
    let (name, model_name) = (name(model), &model.name);
    let methods = model.fields.iter().filter(|field| !field.broken).map(|field| methods(model, field));
    let doc = format!("The fields of [`{}`] in queries on `__R`.", model.name);
    quote! {
        #[doc = #doc]
        #visibility struct #name<__R, __N>(#krate::expr::Path<__R, __N>);

        #[automatically_derived]
        impl<__R, __N> ::core::convert::From<#krate::expr::Path<__R, __N>> for #name<__R, __N> {
            fn from(path: #krate::expr::Path<__R, __N>) -> Self {
                Self(path)
            }
        }

        #[automatically_derived]
        impl<__R, __N> ::core::convert::AsRef<#krate::expr::Path<__R, __N>> for #name<__R, __N> {
            fn as_ref(&self) -> &#krate::expr::Path<__R, __N> {
                &self.0
            }
        }

        #[automatically_derived]
        impl<__R: 'static, __N: #krate::expr::Nullability> #krate::expr::Selection<__R> for #name<__R, __N> {
            type Row = __N::Row<#model_name>;

            fn into_nodes(self) -> ::std::vec::Vec<#krate::query::Node> {
                #krate::model::derived::columns::<#model_name, __R, __N>(&self.0)
            }

            fn read(row: &mut #krate::Row<'_>) -> #krate::Result<Self::Row> {
                __N::read_row::<#model_name>(row)
            }
        }

        #[allow(dead_code)]
        #[automatically_derived]
        impl<__R: 'static, __N: #krate::expr::Nullability> #name<__R, __N> {
            #(#methods)*
        }
    }
}

fn methods(model: &Model, field: &Field) -> TokenStream {
    let krate = &model.krate;
    let (visibility, name) = (&field.visibility, &field.name);
    let method = method(&field.ident);
    let docs = docs(model, field);
    match &field.shape {
        Shape::Column(column) => {
            let ty = &column.base;
            let column = column_method(model, field, quote!(#ty), name);
            quote_spanned! {at(ty)=>
                #docs
                #visibility fn #method #column
            }
        }
        Shape::Key(key) => {
            let to = &key.to;
            let (hop, nullability) = if field.nullable {
                (quote!(maybe), quote!(#krate::expr::Nullable))
            } else {
                (quote!(one), quote!(__N))
            };
            let by_key = key_method(field);
            let column = column_method(model, field, key_value(model, key), &by_key.to_string());
            let key_doc = format!("The key in `{name}`.");
            quote_spanned! {at(to)=>
                #docs
                #visibility fn #method(&self) -> <#to as #krate::Model>::Fields<__R, #nullability> {
                    self.0.#hop::<#to>(#name)
                }

                #[doc = #key_doc]
                #visibility fn #by_key #column
            }
        }
        Shape::Many(many) => {
            let to = &many.to;
            quote_spanned! {at(to)=>
                #docs
                #visibility fn #method(&self) -> #krate::expr::Many<#to, __R> {
                    self.0.many::<#to>(#name)
                }
            }
        }
    }
}

/// The parameters, result and body of a column's method.
fn column_method(model: &Model, field: &Field, ty: TokenStream, name: &str) -> TokenStream {
    let krate = &model.krate;
    let at = at(&field.ty);
    if field.nullable {
        quote_spanned! {at=>
            (&self) -> #krate::expr::Expr<__R, ::core::option::Option<#ty>> {
                self.0.nullable_field(#name)
            }
        }
    } else {
        quote_spanned! {at=>
            (&self) -> #krate::expr::Expr<__R, __N::Of<#ty>> {
                self.0.field(#name)
            }
        }
    }
}

/// The user's own words, or else which field it is.
fn docs(model: &Model, field: &Field) -> TokenStream {
    if field.docs.is_empty() {
        let doc = format!("`{}` of [`{}`].", field.name, model.name);
        return quote!(#[doc = #doc]);
    }
    let docs = &field.docs;
    quote!(#(#docs)*)
}
