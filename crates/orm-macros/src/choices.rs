//! `#[derive(Choices)]`: an enum whose variants are the values of a column.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Expr, ExprLit, ExprUnary, Fields, Ident, Lit, LitStr, Path, Token, UnOp};

use crate::errors::{Errors, unknown};
use crate::parse::attribute;

/// An enum with `#[derive(Choices)]`.
pub(crate) struct Choices {
    krate: Path,
    name: Ident,
    stored: Stored,
    variants: Vec<Variant>,
}

/// A variant with its value and label.
struct Variant {
    name: Ident,
    value: Value,
    label: String,
}

/// What a variant is stored as.
enum Value {
    Text(String),
    Int(i64),
}

/// What all variants are stored as.
enum Stored {
    /// Text, the longest of so many characters.
    Text { longest: u32 },
    /// A number; the kind of its column.
    Int,
}

/// `"value", "Label"`.
struct Pair {
    value: Expr,
    label: LitStr,
}

impl syn::parse::Parse for Pair {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        let value = input.parse()?;
        input.parse::<Token![,]>()?;
        Ok(Pair { value, label: input.parse()? })
    }
}

impl Choices {
    /// Reads an enum. `None` if nothing can be emitted for it.
    pub(crate) fn read(input: &DeriveInput, errors: &mut Errors) -> Option<Choices> {
        let Data::Enum(data) = &input.data else {
            errors.at(&input.ident, "choices are the variants of an enum");
            return None;
        };
        let mut krate = None;
        for arg in attribute::args(&input.attrs, "choices", errors) {
            if arg.name == "crate" {
                krate = errors.check(arg.text()).and_then(|text| syn::parse_str::<Path>(&text).ok());
            } else {
                errors.at(&arg.name, unknown("attribute", &arg.name.to_string(), &["crate"]));
            }
        }
        let mut variants: Vec<Variant> = Vec::new();
        for variant in &data.variants {
            if !matches!(variant.fields, Fields::Unit) {
                errors.at(&variant.fields, "a choice has no fields");
                return None;
            }
            let Some(attribute) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("choice")) else {
                errors.at(
                    &variant.ident,
                    "how is it stored? add `#[choice(\"value\", \"Label\")]` or `#[choice(1, \"Label\")]`",
                );
                continue;
            };
            let Some(pair) = errors.check(attribute.parse_args::<Pair>()) else { continue };
            let Some(value) = value_of(&pair.value) else {
                errors.at(&pair.value, "a choice is stored as a text or a whole number");
                continue;
            };
            if let Some(first) = variants.first()
                && matches!(first.value, Value::Text(_)) != matches!(value, Value::Text(_))
            {
                errors.at(&pair.value, "all choices are stored alike: as texts, or as numbers");
                continue;
            }
            if let Some(same) = variants.iter().find(|before| before.value.text() == value.text()) {
                errors.at(&pair.value, format!("`{}` is stored as this already", same.name));
            }
            variants.push(Variant { name: variant.ident.clone(), value, label: pair.label.value() });
        }
        if data.variants.is_empty() {
            errors.at(&input.ident, "an enum without variants has no choices");
        }
        if variants.len() != data.variants.len() || variants.is_empty() {
            return None;
        }
        let longest = variants
            .iter()
            .filter_map(|variant| match &variant.value {
                Value::Text(text) => u32::try_from(text.chars().count()).ok(),
                Value::Int(_) => None,
            })
            .max();
        let stored = longest.map_or(Stored::Int, |longest| Stored::Text { longest });
        Some(Choices { krate: krate.unwrap_or_else(crate::krate::path), name: input.ident.clone(), stored, variants })
    }

    /// The enum as a field type.
    pub(crate) fn expand(&self) -> TokenStream {
        let Choices { krate, name, .. } = self;
        let kind = match self.stored {
            Stored::Text { longest } => {
                quote!(#krate::Kind::Char { max_length: ::core::option::Option::Some(#longest) })
            }
            Stored::Int => quote!(#krate::Kind::Integer),
        };
        let choices = self.variants.iter().map(|Variant { value, label, .. }| match value {
            Value::Text(text) => quote!(#krate::Choice::text(#text, #label)),
            Value::Int(number) => quote!(#krate::Choice::int(#number, #label)),
        });
        let variants: Vec<&Ident> = self.variants.iter().map(|variant| &variant.name).collect();
        let places = 0..variants.len();
        quote! {
            #[automatically_derived]
            impl #krate::FieldType for #name {
                const KIND: #krate::Kind = #kind;
                const CHOICES: &'static [#krate::Choice] = &[#(#choices),*];

                fn to_value(&self) -> #krate::Value {
                    Self::CHOICES[self.__place()].to_value()
                }

                fn from_column(column: #krate::Column<'_>) -> #krate::Result<Self> {
                    #krate::Choice::read(Self::CHOICES, [#(#name::#variants),*], column)
                }
            }

            #[allow(dead_code)]
            #[automatically_derived]
            impl #name {
                /// The label for people.
                pub fn label(&self) -> &'static str {
                    &<Self as #krate::FieldType>::CHOICES[self.__place()].label
                }

                fn __place(&self) -> usize {
                    match self { #(Self::#variants => #places,)* }
                }
            }
        }
    }
}

impl Value {
    fn text(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Int(number) => number.to_string(),
        }
    }
}

fn value_of(expression: &Expr) -> Option<Value> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(Value::Text(text.value())),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok().map(Value::Int),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match value_of(expr)? {
            Value::Int(number) => Some(Value::Int(-number)),
            Value::Text(_) => None,
        },
        _ => None,
    }
}
