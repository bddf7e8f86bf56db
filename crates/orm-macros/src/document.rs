//! `#[derive(Document)]`: a struct or enum in JSON documents, whose members queries know by name.

mod expand;
mod rename;
mod serde;

use syn::{Attribute, Data, DeriveInput, Fields, Ident, Path, Type, Visibility};

use crate::errors::{Errors, unknown};
use crate::parse::attribute;
use crate::types::option_of;
use rename::Rule;

/// A type with `#[derive(Document)]`.
pub(crate) struct Document {
    krate: Path,
    visibility: Visibility,
    name: Ident,
    form: Form,
}

/// How serde writes the type.
enum Form {
    /// An object with these members.
    Object(Vec<Member>),
    /// As another type is written: a struct of one field without a name, or a transparent one.
    As(Box<Type>),
    /// A text: an enum without fields.
    Name,
    /// An enum with fields, which has a form for each variant.
    Varied,
}

/// A field of a struct, as it stands in documents.
struct Member {
    visibility: Visibility,
    docs: Vec<Attribute>,
    ident: Ident,
    /// The method that leads to it.
    method: Ident,
    /// The key in documents; `None` if its own members stand there instead.
    key: Option<String>,
    /// Its type without its `Option`; `None` if only serde knows its form.
    ty: Option<Type>,
}

/// What every way to a document has already, whatever is in it.
const TAKEN: &[&str] = &[
    "asc",
    "clone",
    "contained_by",
    "contains_json",
    "desc",
    "distinct",
    "eq",
    "filter",
    "from_node",
    "gt",
    "gte",
    "has_any_keys",
    "has_key",
    "has_keys",
    "in_",
    "in_query",
    "index",
    "into_node",
    "is_json_null",
    "is_none",
    "is_not_null",
    "is_null",
    "is_some",
    "json",
    "key",
    "lt",
    "lte",
    "named",
    "ne",
    "numbered",
    "range",
    "set",
    "set_null",
    "way",
];

impl Document {
    /// Reads a type. `None` if nothing can be emitted for it.
    pub(crate) fn read(input: &DeriveInput, errors: &mut Errors) -> Option<Document> {
        let mut krate = None;
        for arg in attribute::args(&input.attrs, "document", errors) {
            if arg.name == "crate" {
                krate = errors.check(arg.text()).and_then(|text| syn::parse_str::<Path>(&text).ok());
            } else {
                errors.at(&arg.name, unknown("attribute", &arg.name.to_string(), &["crate"]));
            }
        }
        if !input.generics.params.is_empty() {
            errors.at(&input.generics, "a document has no parameters: its members are known by their types");
            return None;
        }
        let container = serde::Container::read(&input.attrs, errors);
        if let Some((word, span)) = &container.converted {
            errors.at(
                span,
                format!(
                    "with `{word}`, another type says what stands in the document: derive `Document` for that one, and use \
                     it in the `Json<…>`"
                ),
            );
            return None;
        }
        let form = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(fields) if container.transparent => match fields.named.iter().next() {
                    Some(only) if fields.named.len() == 1 => Form::As(Box::new(only.ty.clone())),
                    _ => {
                        errors.at(&input.ident, "a transparent document has one field");
                        return None;
                    }
                },
                Fields::Named(fields) => {
                    let rule = container.rename_all;
                    Form::Object(fields.named.iter().filter_map(|field| member(field, rule, errors)).collect())
                }
                Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                    Form::As(Box::new(fields.unnamed.iter().next()?.ty.clone()))
                }
                _ => {
                    errors.at(
                        &input.ident,
                        "a document is a struct with named fields, a struct around one value, or an enum",
                    );
                    return None;
                }
            },
            Data::Enum(data) => match data.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit)) {
                // With a tag, even a variant without fields is an object.
                true if !container.tagged => Form::Name,
                _ => Form::Varied,
            },
            Data::Union(_) => {
                errors.at(&input.ident, "a union is no document");
                return None;
            }
        };
        Some(Document {
            krate: krate.unwrap_or_else(crate::krate::path),
            visibility: input.vis.clone(),
            name: input.ident.clone(),
            form,
        })
    }
}

/// Reads a field. `None` if it stands in no document, or cannot.
fn member(field: &syn::Field, rule: Option<Rule>, errors: &mut Errors) -> Option<Member> {
    let ident = field.ident.clone()?;
    let name = ident.to_string();
    let name = name.strip_prefix("r#").unwrap_or(&name).to_owned();
    let written = serde::Field::read(&field.attrs, errors);
    let (mut method, mut value) = (None, false);
    for arg in attribute::args(&field.attrs, "document", errors) {
        match arg.name.to_string().as_str() {
            "method" => method = errors.check(arg.word().cloned()),
            "value" => value = errors.check(arg.flag()).unwrap_or(false),
            other => errors.at(&arg.name, unknown("attribute", other, &["method", "value"])),
        }
    }
    if written.skipped {
        if let Some(method) = method {
            errors.at(method, "serde skips this field: it stands in no document");
        }
        return None;
    }
    let named_otherwise = method.is_some();
    let method = method.unwrap_or_else(|| ident.clone());
    if TAKEN.contains(&method.to_string().as_str()) {
        let what = format!(
            "`{method}` is a method of every way into a document: name this field's own one by \
             `#[document(method = {method}_)]`"
        );
        errors.at(if named_otherwise { &method } else { &ident }, what);
        return None;
    }
    if written.flattened && value {
        errors.at(&ident, "a flattened field is no value: its members stand among the others");
    }
    let key = match (written.flattened, written.rename) {
        (true, _) => None,
        (false, Some(name)) => Some(name),
        (false, None) => Some(rule.map_or_else(|| name.clone(), |rule| rule.apply(&name))),
    };
    let base = option_of(&field.ty).unwrap_or(&field.ty).clone();
    let opaque = value || written.custom;
    if written.flattened && opaque {
        // What stands there, only serde knows; the keys are had from the document around.
        return None;
    }
    Some(Member {
        visibility: field.vis.clone(),
        docs: attribute::docs(&field.attrs),
        ident,
        method,
        key,
        ty: (!opaque).then_some(base),
    })
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    /// A member's method, its key, and whether its type is known.
    type Found = (String, Option<String>, bool);

    fn members(code: proc_macro2::TokenStream) -> (Vec<Found>, Vec<String>) {
        let mut errors = Errors::default();
        let document = Document::read(&syn::parse2(code).unwrap(), &mut errors);
        let members = match document.map(|document| document.form) {
            Some(Form::Object(members)) => members,
            _ => Vec::new(),
        };
        let members = members.into_iter().map(|it| (it.method.to_string(), it.key, it.ty.is_some())).collect();
        (members, errors.messages())
    }

    #[test]
    fn keys_are_those_that_serde_writes() {
        let (found, errors) = members(quote! {
            #[serde(rename_all = "camelCase", deny_unknown_fields)]
            struct Meta {
                first_name: String,
                #[serde(rename = "Last-Name", default)]
                last_name: Option<String>,
                #[serde(rename(serialize = "n", deserialize = "n"), skip_serializing_if = "is_zero")]
                number: i32,
                #[serde(skip)]
                cache: Cache,
                #[serde(flatten)]
                audit: Audit,
                #[serde(with = "hex")]
                digest: Vec<u8>,
                #[document(value, method = the_key)]
                key: Foreign,
                r#type: String,
            }
        });
        assert_eq!(errors, [""; 0]);
        let expected = [
            ("first_name", Some("firstName"), true),
            ("last_name", Some("Last-Name"), true),
            ("number", Some("n"), true),
            ("audit", None, true),
            ("digest", Some("digest"), false),
            ("the_key", Some("key"), false),
            ("r#type", Some("type"), true),
        ];
        let expected: Vec<_> =
            expected.map(|(method, key, typed)| (method.to_owned(), key.map(str::to_owned), typed)).into();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        let says = |code| members(code).1.join("\n");
        assert!(
            says(quote!(
                struct A {
                    range: i32,
                }
            ))
            .contains("#[document(method = range_)]")
        );
        assert!(
            says(quote!(
                #[serde(rename_all = "Camel")]
                struct A {
                    a: i32,
                }
            ))
            .contains("camelCase")
        );
        assert!(
            says(quote!(
                #[serde(from = "B")]
                struct A {
                    a: i32,
                }
            ))
            .contains("derive `Document` for that one")
        );
        assert!(
            says(quote!(
                struct A<T> {
                    a: T,
                }
            ))
            .contains("no parameters")
        );
        assert!(
            says(quote!(
                struct A {
                    #[document(vlaue)]
                    a: i32,
                }
            ))
            .contains("did you mean `value`?")
        );
        assert!(
            says(quote!(
                struct A(i32, i32);
            ))
            .contains("a struct around one value")
        );
        assert!(
            says(quote!(
                struct A {
                    #[serde(rename(serialize = "b", deserialize = "c"))]
                    a: i32,
                }
            ))
            .contains("`b`")
        );
    }
}
