//! The derives of `nuages-orm`: syntax ([`parse`]) becomes plain data ([`model`]), and that becomes code ([`expand`]).
//!
//! What is emitted is data and calls of generic functions: no `cfg`, no logic of its own. Every problem of a struct is
//! reported at once, on the token that has it.

mod choices;
mod errors;
mod expand;
mod krate;
mod model;
mod parse;
mod types;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a model: a table, its typed fields for queries, and a builder for new rows.
///
/// See the guide's chapter on models for every attribute.
#[proc_macro_derive(Model, attributes(model, field))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = errors::Errors::default();
    let model = model::Model::read(&input, &mut errors);
    let code = model.map(|model| expand::expand(&model)).unwrap_or_default();
    let errors = errors.into_tokens();
    quote::quote!(#errors #code).into()
}

/// Makes an enum without fields a field type: each variant is one of the values that a column may hold.
///
/// `#[choice("d", "Draft")]` stores text, `#[choice(1, "Low")]` a number; the second part is the label for people.
#[proc_macro_derive(Choices, attributes(choice, choices))]
pub fn derive_choices(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = errors::Errors::default();
    let choices = choices::Choices::read(&input, &mut errors);
    let code = choices.map(|choices| choices.expand()).unwrap_or_default();
    let errors = errors.into_tokens();
    quote::quote!(#errors #code).into()
}
