//! JSON as Python's `json.dumps` writes it.
//!
//! SQLite keeps JSON as text, and Django's lookups compare some of it as text, so that a document must be written the
//! same by both sides.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// The document with `, ` and `: ` between, in ASCII alone, keys in their order, floats as Python's `repr`.
pub(crate) fn text(document: &Value) -> String {
    let mut out = String::new();
    write(document, &mut out);
    out
}

fn write(document: &Value, out: &mut String) {
    match document {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, item)) in members.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_text(key, out);
                out.push_str(": ");
                write(item, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

fn write_number(number: &Number, out: &mut String) {
    match number.as_f64() {
        Some(float) if number.is_f64() => out.push_str(&float_text(float)),
        // Writing to a String cannot fail.
        _ => drop(write!(out, "{number}")),
    }
}

/// Python's `repr` of a float: the fewest digits that read back as the same, an exponent below -4 and from 16 on.
pub(crate) fn float_text(float: f64) -> String {
    let scientific = format!("{float:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return match float {
            f64::INFINITY => "Infinity".to_owned(),
            f64::NEG_INFINITY => "-Infinity".to_owned(),
            _ => "NaN".to_owned(),
        };
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    match exponent {
        -4..16 => {
            let plain = float.to_string();
            if plain.contains('.') { plain } else { plain + ".0" }
        }
        _ => format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}

/// Whether a document contains another, as PostgreSQL's `@>` has it: members and items may be more, in any order and
/// number; and an array contains a text, number or truth value that is one of its items.
#[cfg(feature = "sqlite")]
pub(crate) fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Array(_), Value::Array(_) | Value::Object(_)) => within(whole, part),
        (Value::Array(items), scalar) => items.iter().any(|item| within(item, scalar)),
        _ => within(whole, part),
    }
}

#[cfg(feature = "sqlite")]
fn within(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(members), Value::Object(wanted)) => {
            wanted.iter().all(|(key, part)| members.get(key).is_some_and(|whole| within(whole, part)))
        }
        (Value::Array(items), Value::Array(wanted)) => {
            wanted.iter().all(|part| items.iter().any(|whole| within(whole, part)))
        }
        (Value::Number(one), Value::Number(other)) => {
            one == other || ((one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64())
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_written_as_python_writes_them() {
        let document: Value = serde_json::from_str(
            r#"{"b":[1,-2.5,true,null,1.0,18446744073709551615],"a":{"\u00e9":"\ud83d\ude00\u007f\"\\\/\n\u0001"},"e":[]}"#,
        )
        .unwrap();
        assert_eq!(
            text(&document),
            r#"{"b": [1, -2.5, true, null, 1.0, 18446744073709551615], "a": {"\u00e9": "\ud83d\ude00\u007f\"\\/\n\u0001"}, "e": []}"#
        );
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn containment_is_postgresql_s() {
        let holds = |whole: &str, part: &str| {
            contains(&serde_json::from_str(whole).unwrap(), &serde_json::from_str(part).unwrap())
        };
        for (whole, part) in [
            ("1", "1.0"),
            (r#"{"a": 1, "b": 2}"#, r#"{"b": 2}"#),
            (r#"{"a": {"b": [1, 2, 3]}}"#, r#"{"a": {"b": [3, 1, 1]}}"#),
            (r#"["a", "b"]"#, r#""b""#),
            (r#"[[1, 2], {"a": 1, "b": 2}]"#, r#"[{"a": 1}, [2]]"#),
            ("[1]", "[]"),
            ("null", "null"),
        ] {
            assert!(holds(whole, part), "{whole} {part}");
        }
        for (whole, part) in [
            ("1", "[1]"),
            (r#"{"a": [1]}"#, r#"{"a": 1}"#),
            (r#"[["a"]]"#, r#""a""#),
            ("[]", "{}"),
            ("[1, [2]]", "[[1]]"),
            ("9007199254740993", "9007199254740992"),
            (r#"{"a": null}"#, r#"{"b": null}"#),
        ] {
            assert!(!holds(whole, part), "{whole} {part}");
        }
    }

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (float, python) in [
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (-1e100, "-1e+100"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (5e-324, "5e-324"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(float_text(float), python);
        }
    }
}
