//! `#[derive(Selection)]`: a struct that rows of `values` and `annotate` become.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, Ident, Path, Type, Visibility};

use crate::errors::{Errors, unknown};
use crate::parse::attribute;

/// A struct with `#[derive(Selection)]`.
pub(crate) struct Selection {
    krate: Path,
    visibility: Visibility,
    name: Ident,
    fields: Vec<(Visibility, Ident, Type)>,
}

impl Selection {
    /// Reads a struct. `None` if nothing can be emitted for it.
    pub(crate) fn read(input: &DeriveInput, errors: &mut Errors) -> Option<Selection> {
        let mut krate = None;
        for arg in attribute::args(&input.attrs, "selection", errors) {
            if arg.name == "crate" {
                krate = errors.check(arg.text()).and_then(|text| syn::parse_str::<Path>(&text).ok());
            } else {
                errors.at(&arg.name, unknown("attribute", &arg.name.to_string(), &["crate"]));
            }
        }
        let fields = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(fields) if !fields.named.is_empty() => &fields.named,
                _ => {
                    errors.at(&input.ident, "a selection has named fields, one for each column");
                    return None;
                }
            },
            _ => {
                errors.at(&input.ident, "a selection is a struct with a field for each column");
                return None;
            }
        };
        if !input.generics.params.is_empty() {
            errors.at(&input.generics, "a selection has no parameters: rows own what they hold");
            return None;
        }
        let fields =
            fields.iter().filter_map(|field| Some((field.vis.clone(), field.ident.clone()?, field.ty.clone())));
        Some(Selection {
            krate: krate.unwrap_or_else(crate::krate::path),
            visibility: input.vis.clone(),
            name: input.ident.clone(),
            fields: fields.collect(),
        })
    }

    /// The struct that is filled with expressions, and how rows of it are read.
    pub(crate) fn expand(&self) -> TokenStream {
        let Selection { krate, visibility, name, fields } = self;
        let columns = format_ident!("{name}Columns");
        let about = format!("The columns of a [`{name}`], as expressions.");
        let names: Vec<&Ident> = fields.iter().map(|(_, name, _)| name).collect();
        let types: Vec<&Type> = fields.iter().map(|(_, _, of)| of).collect();
        let seen = fields.iter().map(|(visibility, ..)| visibility);
        let params: Vec<Ident> = (0..fields.len()).map(|place| format_ident!("C{place}")).collect();
        quote! {
            #[doc = #about]
            #[allow(missing_docs, missing_debug_implementations)]
            #visibility struct #columns<#(#params),*> {
                #(#seen #names: #params,)*
            }

            #[automatically_derived]
            impl<R, #(#params: #krate::expr::Selection<R, Row = #types>),*> #krate::expr::Selection<R>
                for #columns<#(#params),*>
            {
                type Row = #name;

                fn into_nodes(self) -> ::std::vec::Vec<#krate::query::Node> {
                    let mut nodes = ::std::vec::Vec::new();
                    #(nodes.extend(self.#names.into_nodes());)*
                    nodes
                }

                fn read(row: &mut #krate::Row<'_>) -> #krate::Result<#name> {
                    ::core::result::Result::Ok(#name { #(#names: #params::read(row)?),* })
                }
            }
        }
    }
}
