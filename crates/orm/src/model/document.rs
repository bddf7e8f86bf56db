//! What the models of a program may say of documents.

use super::definition::{DatabaseDefault, Field, FieldDefault};
use super::schema::Column;
use crate::field::Kind;
use crate::value::Value;

/// What is wrong with a field's JSON Schema, or with its defaults beside it.
pub(super) fn problem(field: &Field, column: &Column) -> Option<String> {
    let schema = field.schema.as_ref()?;
    if column.kind != Kind::Json {
        return Some(format!("has a JSON Schema, and is a {}", column.kind.class_name()));
    }
    if field.generated.is_some() {
        return Some("has a JSON Schema, and is computed by the database, where nothing checks it".to_owned());
    }
    if let Some(problem) = schema.problem() {
        return Some(problem);
    }
    if cfg!(not(feature = "jsonschema")) {
        return None;
    }
    let unfit = |default: &str, value: &Value| {
        let Value::Json(document) = value else { return None };
        // What the database fills in is stored as it is.
        let stored = schema.admit(document.clone());
        match stored {
            Ok(stored) if default == "default of the database" && stored != *document => {
                let (number, key) = schema.current_version().unwrap_or_default();
                Some(format!("its {default} must say its version, as `\"{key}\": {number}`"))
            }
            Ok(_) => None,
            Err(error) => Some(format!("its {default} {error}")),
        }
    };
    let constant = match &field.default {
        Some(FieldDefault::Value(value)) => unfit("default", value),
        _ => None,
    };
    constant.or_else(|| match &field.db_default {
        Some(DatabaseDefault::Value(value)) => unfit("default of the database", value),
        Some(DatabaseDefault::Expression(_)) => {
            Some("has a JSON Schema, and a default computed by the database, where nothing checks it".to_owned())
        }
        None => None,
    })
}
