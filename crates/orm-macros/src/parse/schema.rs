//! A field's JSON Schema: read here, so that one that cannot work is an error of the build.

use std::path::Path;

use syn::spanned::Spanned as _;
use syn::{Expr, parse_quote_spanned};

use super::attribute::Arg;
use super::find;
use crate::errors::Errors;
use crate::model::{DocumentVersion, JsonSchema, Shape};
use crate::types::Holds;

/// The member of a document that says its version, where nothing else is said.
const VERSION_KEY: &str = "schema_version";

/// What only has a meaning beside `schema`, or beside `schema_version`.
const NEEDS: &[(&str, &str)] =
    &[("schema_version", "schema"), ("version_key", "schema_version"), ("upgrade", "schema_version")];

pub(super) fn schema(shape: &Shape, list: &[Arg], errors: &mut Errors) -> Option<JsonSchema> {
    // Of relations, what is misplaced is said already.
    let Shape::Column(column) = shape else { return None };
    for (name, needed) in NEEDS {
        if let (Some(arg), None) = (find(list, name), find(list, needed)) {
            errors.at(&arg.name, format!("`{name}` says more about `{needed}`: add `{needed} = …`"));
            return None;
        }
    }
    let arg = find(list, "schema")?;
    if column.holds != Holds::Json && column.kind.as_deref() != Some("Json") {
        errors.at(&arg.name, "`schema` is for `Json<…>`");
        return None;
    }
    for other in ["generated", "generated_virtual"] {
        if let Some(other) = find(list, other) {
            errors.at(&other.name, format!("what the database computes is not checked: remove `{}`", arg.name));
        }
    }
    let given = errors.check(arg.text())?;
    let literal = errors.check(arg.expression())?;
    let inline = given.trim_start().starts_with('{');
    let (text, expression): (String, Expr) = if inline {
        (given, literal.clone())
    } else {
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
        let text = std::fs::read_to_string(Path::new(&folder).join(&given)).map_err(|error| {
            format!("`{given}` in the crate's folder cannot be read: {error}; a schema itself begins with `{{`")
        });
        let text = errors.check(text.map_err(|problem| syn::Error::new_spanned(literal, problem)))?;
        // Included, so that the crate is built anew when the file changes.
        let included = parse_quote_spanned! {literal.span()=>
            ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #literal))
        };
        (text, included)
    };
    let version = version(list, errors);
    if let Err(problem) = usable(&text, version.as_ref()) {
        let subject = if inline { "the schema".to_owned() } else { format!("the schema in `{}`", given_path(literal)) };
        errors.at(literal, format!("{subject} {problem}"));
        return None;
    }
    Some(JsonSchema { text: expression, version })
}

fn given_path(literal: &Expr) -> String {
    match literal {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => text.value(),
        _ => String::new(),
    }
}

fn version(list: &[Arg], errors: &mut Errors) -> Option<DocumentVersion> {
    let arg = find(list, "schema_version")?;
    let number: u32 = errors.check(arg.number())?;
    if number == 0 {
        errors.at(arg.expression().ok()?, "versions are counted from 1");
        return None;
    }
    let key = match find(list, "version_key") {
        Some(arg) => errors.check(arg.text())?,
        None => VERSION_KEY.to_owned(),
    };
    let upgrade = find(list, "upgrade").and_then(|arg| errors.check(arg.path()).and(arg.expression().ok()).cloned());
    if number > 1 && find(list, "upgrade").is_none() {
        errors.at(
            &arg.name,
            "documents of earlier versions need a way to this one: add `upgrade = function`, called with the version of a \
             document and the document, that gives the one of the next version",
        );
    }
    Some(DocumentVersion { number, key, upgrade })
}

/// Whether documents can be checked by the schema, and can say their version.
#[cfg(feature = "jsonschema")]
fn usable(text: &str, version: Option<&DocumentVersion>) -> Result<(), String> {
    nuages_json_schema::Validator::new(text)?;
    let (Some(version), Ok(schema)) = (version, serde_json::from_str::<serde_json::Value>(text)) else { return Ok(()) };
    let key = &version.key;
    if schema.get("properties").and_then(|properties| properties.get(key)).is_none()
        && schema.get("additionalProperties") == Some(&serde_json::Value::Bool(false))
    {
        return Err(format!(
            "leaves no place for the version that documents carry: add `\"{key}\": {{\"type\": \"integer\"}}` to its \
             `properties`"
        ));
    }
    Ok(())
}

#[cfg(not(feature = "jsonschema"))]
fn usable(_: &str, _: Option<&DocumentVersion>) -> Result<(), String> {
    Err("is not read unless it is asked for: turn on the feature `jsonschema` of `nuages` (or of `nuages-orm`)"
        .to_owned())
}

#[cfg(all(test, feature = "jsonschema"))]
mod tests {
    use syn::{DeriveInput, parse_quote};

    use crate::errors::Errors;
    use crate::model::Model;

    fn problems(input: &DeriveInput) -> Vec<String> {
        let mut errors = Errors::default();
        Model::read(input, &mut errors);
        errors.messages()
    }

    #[test]
    fn a_file_is_read_from_the_folder_of_the_crate() {
        let folder = std::env::temp_dir().join(format!("nuages-schema-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("made");
        let path = folder.join("post.json");
        // A path from the root stays what it is where it is joined to another.
        let whole = path.display().to_string();
        let input: DeriveInput = parse_quote! {
            #[model(app = "a")]
            struct Post { id: i64, #[field(schema = #whole)] meta: Option<Json<Meta>> }
        };
        assert!(problems(&input)[0].contains("cannot be read"), "{:?}", problems(&input));
        std::fs::write(&path, r#"{"type": "object"}"#).expect("written");
        assert_eq!(problems(&input), Vec::<String>::new());
        std::fs::write(&path, r#"{"type": "objekt"}"#).expect("written");
        let found = problems(&input);
        assert!(found[0].starts_with(&format!("the schema in `{whole}` is no valid schema at `/type`: ")), "{found:?}");
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_schema_that_shuts_out_the_version_is_refused() {
        let input: DeriveInput = parse_quote! {
            #[model(app = "a")]
            struct Post {
                id: i64,
                #[field(schema = r#"{"properties": {"v": {}}, "additionalProperties": false}"#, schema_version = 1)]
                one: Json,
                #[field(schema = r#"{"properties": {"v": {}}, "additionalProperties": false}"#, schema_version = 1, version_key = "v")]
                two: Json,
            }
        };
        let found = problems(&input);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(r#"add `"schema_version": {"type": "integer"}`"#), "{found:?}");
    }
}
