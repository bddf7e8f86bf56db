//! New rows, field by field: what is missing is an error of the build.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;

use super::{at, key_method, key_value, method};
use crate::model::{Field, Model, Shape};

pub(super) fn expand(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let (visibility, name) = (&model.visibility, &model.name);
    let builder = format_ident!("{}Builder", model.name);
    let (required, optional): (Vec<&Field>, Vec<&Field>) =
        model.fields.iter().filter(|field| field.is_writable()).partition(|field| !model.is_optional(field));
    let parameters: Vec<Ident> = required.iter().map(|field| format_ident!("__{}", camel(&field.name))).collect();
    let missing = required.iter().map(|_| quote!(#krate::model::derived::Missing));
    let traits: Vec<Ident> = required.iter().map(|field| format_ident!("Given{}", camel(&field.name))).collect();
    let messages = required.iter().zip(&traits).map(|(field, given)| {
        let message = format!("`{}` of `{}` is not given", field.name, name);
        let label = format!("call `.{}(…)` before this", field.name);
        quote! {
            #[diagnostic::on_unimplemented(message = #message, label = #label)]
            #[doc(hidden)]
            pub trait #given {}
            impl #given for #krate::model::derived::Given {}
        }
    });
    let required_setters = required.iter().enumerate().map(|(position, field)| {
        let after = parameters.iter().enumerate().map(|(other, parameter)| {
            if other == position { quote!(#krate::model::derived::Given) } else { quote!(#parameter) }
        });
        setters(model, field, &quote!(#builder<#(#after),*>))
    });
    let optional_setters = optional.iter().map(|field| setters(model, field, &quote!(Self)));
    let doc = format!("A new [`{name}`], field by field.");
    quote! {
        #[doc = #doc]
        #[must_use = "nothing is written before `create`"]
        #visibility struct #builder<#(#parameters),*> {
            row: #krate::model::Builder<#name>,
            given: ::core::marker::PhantomData<fn() -> (#(#parameters,)*)>,
        }

        #[allow(dead_code)]
        const _: () = {
            #(#messages)*

            #[automatically_derived]
            impl #name {
                #[doc = #doc]
                #visibility fn builder() -> #builder<#(#missing),*> {
                    #builder { row: #krate::model::Builder::new(), given: ::core::marker::PhantomData }
                }
            }

            #[automatically_derived]
            impl<#(#parameters),*> #builder<#(#parameters),*> {
                #(#required_setters)*
                #(#optional_setters)*

                /// The row, all that it needs given.
                #visibility fn build(self) -> #krate::model::Builder<#name>
                where
                    #(#parameters: #traits,)*
                {
                    self.row
                }

                /// Writes the row, all that it needs given, and gives it back as the database has it: one statement.
                // A type without the builder's parameters: what is missing is then reported once, not for the future too.
                #visibility fn create<'db>(self, db: &'db #krate::Db) -> #krate::model::derived::Writing<'db, #name>
                where
                    #(#parameters: #traits,)*
                {
                    ::std::boxed::Box::pin(self.row.create(db))
                }
            }

            #[automatically_derived]
            impl<#(#parameters: #traits),*> ::core::convert::From<#builder<#(#parameters),*>> for #krate::model::Builder<#name> {
                fn from(builder: #builder<#(#parameters),*>) -> Self {
                    builder.row
                }
            }
        };
    }
}

/// The setter of a field, and for a key that of its value.
fn setters(model: &Model, field: &Field, after: &TokenStream) -> TokenStream {
    let (ty, docs) = (&field.ty, &field.docs);
    let set = setter(model, field, method(&field.ident), quote!(#ty), after, quote!(#(#docs)*));
    let Shape::Key(key) = &field.shape else { return set };
    let value = key_value(model, key);
    let value = if field.nullable { quote!(::core::option::Option<#value>) } else { value };
    let doc = format!("Sets the key in `{}`.", field.name);
    let by_key = setter(model, field, key_method(field), value, after, quote!(#[doc = #doc]));
    quote!(#set #by_key)
}

fn setter(
    model: &Model,
    field: &Field,
    method: Ident,
    ty: TokenStream,
    after: &TokenStream,
    docs: TokenStream,
) -> TokenStream {
    let krate = &model.krate;
    let (builder, visibility, name) = (format_ident!("{}Builder", model.name), &field.visibility, &field.name);
    let docs = if docs.is_empty() {
        let doc = format!("Sets `{name}`.");
        quote!(#[doc = #doc])
    } else {
        docs
    };
    quote_spanned! {at(&field.ty)=>
        #docs
        #visibility fn #method(self, value: impl #krate::model::IntoField<#ty>) -> #after {
            #builder { row: self.row.set(#name, #krate::model::IntoField::<#ty>::into_field(value)), given: ::core::marker::PhantomData }
        }
    }
}

/// `created_at` as `CreatedAt`.
pub(super) fn camel(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<Vec<char>>()
        })
        .collect()
}
