//! What the model's managers show, and how deleted rows are marked.

use proc_macro2::TokenStream;
use quote::quote;

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
    quote!(#mark)
}
