//! What the model's managers show, and how deleted rows are marked.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Path;
use syn::ext::IdentExt as _;

use super::{at, method};
use crate::model::Model;

/// What stands in the implementation of the model's trait.
pub(super) fn in_model(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let mark = model.soft_delete().map(|field| {
        let name = &field.name;
        let kind = if field.nullable { quote!(Moment) } else { quote!(Flag) };
        quote! {
            const DELETION_MARK: ::core::option::Option<#krate::model::DeletionMark> = ::core::option::Option::Some(
                #krate::model::DeletionMark::#kind(::std::borrow::Cow::Borrowed(#name)),
            );
        }
    });
    let default = model.manager.as_ref().map(|manager| {
        let rows = managed(model, manager);
        quote! {
            fn objects() -> #krate::QuerySet<Self> {
                #rows
            }
        }
    });
    quote!(#mark #default)
}

/// What stands beside it: a function for each named manager, and the trait of models with a mark.
pub(super) fn beside_model(model: &Model) -> TokenStream {
    let (krate, name, visibility) = (&model.krate, &model.name, &model.visibility);
    let soft_delete = model.soft_delete().map(|field| {
        let ident = &field.ident;
        quote! {
            #[automatically_derived]
            impl #krate::SoftDelete for #name {
                fn unmark(&mut self) {
                    self.#ident = ::core::default::Default::default();
                }
            }
        }
    });
    let functions = model.managers.iter().map(|(function, manager)| {
        let rows = managed(model, manager);
        let doc = format!("The rows that the manager [`{}`] shows.", path_text(manager));
        let function = method(function);
        quote! {
            #[doc = #doc]
            #visibility fn #function() -> #krate::QuerySet<Self> {
                #rows
            }
        }
    });
    let functions = (!model.managers.is_empty()).then(|| {
        quote! {
            #[allow(dead_code)]
            #[automatically_derived]
            impl #name {
                #(#functions)*
            }
        }
    });
    quote!(#soft_delete #functions)
}

/// The managers in the model's definition.
pub(super) fn definitions(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let default = model
        .manager
        .iter()
        .map(|_| quote!(.manager("objects", || #krate::model::derived::steps_of(<Self as #krate::Model>::objects()))));
    let named = model.managers.iter().map(|(function, _)| {
        let (name, function) = (function.unraw().to_string(), method(function));
        quote!(.manager(#name, || #krate::model::derived::steps_of(Self::#function())))
    });
    default.chain(named).collect()
}

fn managed(model: &Model, manager: &Path) -> TokenStream {
    let krate = &model.krate;
    quote_spanned!(at(manager)=> #krate::model::derived::managed::<Self, #manager>())
}

fn path_text(path: &Path) -> String {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>().join("::")
}
