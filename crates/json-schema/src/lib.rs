//! JSON Schemas (draft 2020-12) as the fields of models have them: [`Validator::new`] refuses a schema that cannot work,
//! both in the derive, when a program is compiled, and in the ORM, when it runs; so what compiles cannot fail there.
//!
//! ```
//! use nuages_json_schema::Validator;
//! use serde_json::json;
//!
//! let validator = Validator::new(r#"{"properties": {"stars": {"maximum": 5}}, "required": ["title"]}"#)?;
//! let mut faults: Vec<_> = validator.faults(&json!({"stars": 7})).collect();
//! faults.sort_by(|a, b| a.pointer.cmp(&b.pointer));
//! assert_eq!(faults[0].message, "\"title\" is a required property");
//! assert_eq!(faults[1].pointer, "/stars");
//! assert_eq!(faults[1].keyword, "maximum");
//! assert_eq!(faults[1].message, "value is greater than the maximum of 5");
//! # Ok::<(), String>(())
//! ```
//!
//! A crate of its own, so that the one that does the work is compiled where it is asked for and nowhere else.
//!
//! - References lead to places in the same document; nothing is fetched from elsewhere.
//! - `format` says something to people and is not checked, as the draft has it.
//! - Regular expressions may look around and back; one that takes too long is a fault of the value.

use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ValidationError};
use serde_json::Value;

/// The name of the draft, as `$schema` says it.
pub const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The longest pointer and message, in characters: names of members come from outside.
const LONGEST: usize = 300;

/// A JSON Schema, ready to check documents.
#[derive(Clone)]
pub struct Validator {
    inner: jsonschema::Validator,
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Validator")
    }
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON Pointer (RFC 6901), empty for the whole document. At most some hundred characters of it.
    pub pointer: String,
    /// The keyword of the schema that refuses it, such as `maxLength`.
    pub keyword: String,
    /// What is wrong. Names of members may be part of it, values are not.
    pub message: String,
}

impl Validator {
    /// Reads a schema.
    ///
    /// # Errors
    /// What is wrong, in a sentence: the text is no JSON, the schema is of another draft or no valid one, a reference
    /// leads nowhere or out of the document, a pattern is no regular expression.
    pub fn new(text: &str) -> Result<Validator, String> {
        let schema: Value = serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))?;
        if let Some(draft) = schema.get("$schema")
            && draft.as_str().map(|draft| draft.trim_end_matches('#')) != Some(DRAFT)
        {
            return Err(format!("is of `$schema` {draft}, and must be of \"{DRAFT}\""));
        }
        let options = jsonschema::options().with_draft(Draft::Draft202012).offline();
        options.build(&schema).map(|inner| Validator { inner }).map_err(|error| refused(&error))
    }

    /// What is wrong with a document, in the order in which the schema finds it.
    pub fn faults<'a>(&'a self, document: &'a Value) -> impl Iterator<Item = Fault> + 'a {
        self.inner.iter_errors(document).map(|error| fault(&error))
    }
}

fn refused(error: &ValidationError<'_>) -> String {
    let what = match error.kind() {
        ValidationErrorKind::Referencing(_) => {
            let error = lower_case(error.to_string());
            return short(&format!(
                "has a reference that leads nowhere: {error}; references are to places in the same document"
            ));
        }
        // Which of them was meant is not known: each says what it misses.
        ValidationErrorKind::AnyOf { context } => {
            let each = context.iter().filter_map(|branch| branch.first().map(ToString::to_string));
            each.collect::<Vec<_>>().join(", and ")
        }
        _ => error.to_string(),
    };
    match error.instance_path().as_str() {
        "" => short(&format!("is no valid schema: {what}")),
        pointer => short(&format!("is no valid schema at `{pointer}`: {what}")),
    }
}

fn fault(error: &ValidationError<'_>) -> Fault {
    let message = match error.kind() {
        // Masked as the rest is not by itself.
        ValidationErrorKind::PropertyNames { error } => error.masked_with("a property's name").to_string(),
        _ => error.masked().to_string(),
    };
    Fault {
        pointer: short(error.instance_path().as_str()),
        keyword: error.kind().keyword().to_owned(),
        message: short(&lower_case(message)),
    }
}

/// A sentence without its capital, to stand within another.
fn lower_case(message: String) -> String {
    let mut letters = message.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => message,
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(schema: &str) -> String {
        Validator::new(schema).expect_err(schema)
    }

    fn faults(schema: &Value, document: &Value) -> Vec<(String, String, String)> {
        let validator = Validator::new(&schema.to_string()).expect("a schema");
        validator.faults(document).map(|fault| (fault.pointer, fault.keyword, fault.message)).collect()
    }

    #[test]
    fn a_schema_that_cannot_work_is_refused_with_the_place() {
        for (schema, says) in [
            ("{", "is no JSON: EOF while parsing an object at line 1 column 1"),
            ("[]", "is no valid schema: [] is not of types \"boolean\", \"object\""),
            (
                r#"{"properties": {"a": {"type": "texte"}}}"#,
                "is no valid schema at `/properties/a/type`: \"texte\" is not one of \"array\"",
            ),
            (r#"{"required": "a"}"#, "is no valid schema at `/required`: \"a\" is not of type \"array\""),
            (r#"{"minLength": -1}"#, "is no valid schema at `/minLength`: -1 is less than the minimum of 0"),
            (r#"{"pattern": "("}"#, "is no valid schema at `/pattern`: \"(\" is not a \"regex\""),
            (
                r##"{"$ref": "#/$defs/x"}"##,
                "has a reference that leads nowhere: pointer '/$defs/x' does not exist; references are to",
            ),
            (
                r#"{"$ref": "https://example.org/x"}"#,
                "has a reference that leads nowhere: resource 'https://example.org/x' is not present",
            ),
            (
                r#"{"$schema": "http://json-schema.org/draft-07/schema#"}"#,
                "is of `$schema` \"http://json-schema.org/draft-07",
            ),
        ] {
            let found = refusal(schema);
            assert!(found.starts_with(says), "{found}");
        }
    }

    #[test]
    fn each_fault_says_where_and_why_and_not_what_was_there() {
        let schema = json!({
            "properties": {
                "tags": {"items": {"maxLength": 2}},
                "kind": {"enum": ["a", "b"]},
                "names": {"propertyNames": {"maxLength": 3}},
            },
            "additionalProperties": false,
        });
        let document = json!({"tags": ["secret", "b", 3], "kind": "secret", "names": {"secret": 1}, "more": "secret"});
        let found = faults(&schema, &document);
        let expected = [
            ("/tags/0", "maxLength", "value is longer than 2 characters"),
            ("/kind", "enum", "value is not one of \"a\" or \"b\""),
            ("/names", "propertyNames", "a property's name is longer than 3 characters"),
            ("", "additionalProperties", "additional properties are not allowed ('more' was unexpected)"),
        ];
        let expected = expected.map(|(pointer, keyword, message)| (pointer.into(), keyword.into(), message.into()));
        assert_eq!(found, expected);
    }

    #[test]
    fn names_from_outside_are_cut() {
        let name = "é".repeat(5_000);
        let found = faults(&json!({"additionalProperties": {"type": "null"}}), &json!({name.clone(): 1}));
        assert_eq!(found[0].0.chars().count(), LONGEST + 1);
        let found = faults(&json!({"additionalProperties": false}), &json!({name: 1}));
        assert!(found[0].2.chars().count() <= LONGEST + 1);
    }

    #[test]
    fn what_would_never_end_ends() {
        let circle = json!({"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"allOf": [{"$ref": "#"}]}}});
        assert_eq!(faults(&circle, &json!({"a": 1})), []);
        let slow = json!({"pattern": "^(a+)+\\1$"});
        assert_eq!(faults(&slow, &json!("a".repeat(40) + "b"))[0].1, "pattern");
    }

    #[test]
    fn a_format_is_for_people() {
        assert_eq!(faults(&json!({"format": "email"}), &json!("nobody")), []);
    }
}
