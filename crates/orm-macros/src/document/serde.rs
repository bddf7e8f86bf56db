//! What serde's attributes say about the form of a type. Those that say nothing about it are passed over.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitStr, Token, parenthesized, token};

use super::rename::{RULES, Rule};
use crate::errors::Errors;

/// The attributes of a struct or enum.
#[derive(Default)]
pub(super) struct Container {
    pub(super) rename_all: Option<Rule>,
    pub(super) transparent: bool,
    /// An enum says in a member which variant it is, or its variants stand there without a name.
    pub(super) tagged: bool,
    /// The word by which another type stands in the document.
    pub(super) converted: Option<(String, TokenStream)>,
}

/// The attributes of a field.
#[derive(Default)]
pub(super) struct Field {
    pub(super) rename: Option<String>,
    pub(super) skipped: bool,
    pub(super) flattened: bool,
    /// A function of the user's writes it.
    pub(super) custom: bool,
}

impl Container {
    pub(super) fn read(attributes: &[Attribute], errors: &mut Errors) -> Container {
        let mut found = Container::default();
        each(attributes, errors, |meta| {
            let word = word(&meta);
            match word.as_str() {
                "rename_all" => {
                    if let Some(name) = name(&meta)? {
                        let rule = RULES.iter().find(|(known, _)| *known == name.value());
                        let known: Vec<&str> = RULES.iter().map(|(known, _)| *known).collect();
                        let (_, rule) = rule.ok_or_else(|| {
                            syn::Error::new(name.span(), format!("serde renames by {}", known.join(", ")))
                        })?;
                        found.rename_all = Some(*rule);
                    }
                }
                "transparent" => found.transparent = true,
                "tag" | "content" | "untagged" => {
                    found.tagged = true;
                    pass(&meta)?;
                }
                "from" | "try_from" | "into" | "remote" => {
                    let path = &meta.path;
                    found.converted = Some((word, quote::quote!(#path)));
                    pass(&meta)?;
                }
                _ => pass(&meta)?,
            }
            Ok(())
        });
        found
    }
}

impl Field {
    pub(super) fn read(attributes: &[Attribute], errors: &mut Errors) -> Field {
        let mut found = Field::default();
        each(attributes, errors, |meta| {
            match word(&meta).as_str() {
                "rename" => found.rename = name(&meta)?.map(|name| name.value()),
                "skip" | "skip_serializing" => found.skipped = true,
                "flatten" => found.flattened = true,
                "with" | "serialize_with" | "getter" => {
                    found.custom = true;
                    pass(&meta)?;
                }
                _ => pass(&meta)?,
            }
            Ok(())
        });
        found
    }
}

/// Calls `see` with each word of `#[serde(…)]`.
fn each(attributes: &[Attribute], errors: &mut Errors, mut see: impl FnMut(ParseNestedMeta<'_>) -> syn::Result<()>) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        errors.check(attribute.parse_nested_meta(&mut see));
    }
}

fn word(meta: &ParseNestedMeta<'_>) -> String {
    meta.path.get_ident().map(ToString::to_string).unwrap_or_default()
}

/// The name in `rename = "…"`, or the one that is written in `rename(serialize = "…", deserialize = "…")`.
fn name(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<LitStr>> {
    if meta.input.peek(Token![=]) {
        return meta.value()?.parse().map(Some);
    }
    let (mut written, mut read) = (None, None);
    meta.parse_nested_meta(|part| {
        let value: LitStr = part.value()?.parse()?;
        match word(&part).as_str() {
            "serialize" => written = Some(value),
            _ => read = Some(value),
        }
        Ok(())
    })?;
    if let (Some(written), Some(read)) = (&written, &read)
        && written.value() != read.value()
    {
        let (written, read) = (written.value(), read.value());
        return Err(
            meta.error(format!("it is written as `{written}` and read as `{read}`: a stored document has one name"))
        );
    }
    Ok(written)
}

/// Passes over what follows a word.
fn pass(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(token::Paren) {
        let inner;
        parenthesized!(inner in meta.input);
        inner.parse::<TokenStream>()?;
    }
    Ok(())
}
