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
