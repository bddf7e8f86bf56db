//! What a column accepts: checked before anything is sent, so that both engines refuse the same values.

use crate::error::{Error, ErrorKind, Result};
use crate::field::{ChoiceValue, Kind};
use crate::model::{Entry, SchemaColumn};
use crate::sql;
use crate::value::Value;

/// The value as its column stores it: every value that the ORM writes goes through here.
///
/// A document becomes one of its field's version, and must fit the field's JSON Schema.
///
/// # Errors
/// [`ErrorKind::Validation`] with its [`faults`](Error::faults) for a document that does not fit; else those of
/// [`value`].
pub(crate) fn admit(entry: &Entry, column: &SchemaColumn, value: Value) -> Result<Value> {
    self::value(entry, column, &value)?;
    if column.kind != Kind::Json || value.is_null() {
        return Ok(value);
    }
    let field = entry.field(column.field);
    let stored = sql::prepare(&column.kind, value).and_then(|value| match (&field.schema, value) {
        (Some(schema), Value::Json(document)) => schema.admit(document).map(Value::Json),
        (_, value) => Ok(value),
    });
    stored.map_err(|error| error.in_model(&*entry.label).in_field(field.name.to_string()))
}

/// Refuses a value that its column cannot hold as it is.
///
/// # Errors
/// [`ErrorKind::NotNullViolation`] for a null, [`ErrorKind::Validation`] for a number out of range, a decimal with too
/// many digits, a text too long or a value that is none of the choices; each names model and field.
pub(crate) fn value(entry: &Entry, column: &SchemaColumn, value: &Value) -> Result<()> {
    let field = entry.field(column.field);
    let refuse =
        |kind, message: String| Err(Error::new(kind, message).in_model(&*entry.label).in_field(field.name.to_string()));
    if value.is_null() {
        return match column.null {
            true => Ok(()),
            false => refuse(ErrorKind::NotNullViolation, "may not be null".to_owned()),
        };
    }
    if let (false, Value::Plain(_)) = (column.kind.is_encrypted(), value) {
        return refuse(ErrorKind::Type, "is not encrypted, so it takes no `Encrypted` value".to_owned());
    }
    if let (Some((least, greatest)), Value::Int(_) | Value::Decimal(_)) = (column.kind.integer_range(), value) {
        let fits = matches!(value, Value::Int(number) if (least..=greatest).contains(number));
        if !fits {
            let shown = super::spec::plain(value).to_string();
            return refuse(
                ErrorKind::Validation,
                format!(
                    "{} is out of range: {} holds {least} to {greatest}",
                    shown.trim_matches('"'),
                    column.kind.class_name()
                ),
            );
        }
    }
    if let (Kind::Decimal { max_digits, decimal_places }, Value::Decimal(number)) = (&column.kind, value) {
        let (digits, places) = (i64::from(*max_digits), i64::from(*decimal_places));
        let number = number.normalized();
        let fraction = number.fractional_digit_count().max(0);
        let whole = (number.digits().cast_signed() - number.fractional_digit_count()).max(0);
        if fraction > places || whole > digits - places {
            return refuse(
                ErrorKind::Validation,
                format!(
                    "a decimal with {whole} digits before the point and {fraction} after it does not fit: the field holds {} and {places}",
                    digits - places
                ),
            );
        }
    }
    if let (Some(limit), Value::Text(text)) = (column.kind.max_length(), value) {
        let length = text.chars().count();
        if length > limit as usize {
            return refuse(ErrorKind::Validation, format!("{length} characters are too long: the field holds {limit}"));
        }
    }
    if !field.choices.is_empty() {
        let known = field.choices.iter().any(|choice| match (&choice.value, value) {
            (ChoiceValue::Text(choice), Value::Text(text)) => choice == text,
            (ChoiceValue::Int(choice), Value::Int(number)) => choice == number,
            _ => false,
        });
        if !known {
            let choices: Vec<String> = field
                .choices
                .iter()
                .map(|choice| match &choice.value {
                    ChoiceValue::Text(text) => format!("`{text}`"),
                    ChoiceValue::Int(number) => number.to_string(),
                })
                .collect();
            return refuse(ErrorKind::Validation, format!("is none of the choices {}", choices.join(", ")));
        }
    }
    Ok(())
}
