//! Rows on a terminal, as JSON and as CSV.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A table with a line of headings; numbers stand to the right, null is empty. Ends with the number of rows.
pub(super) fn text(columns: &[String], rows: &[Vec<Value>]) -> String {
    let cells: Vec<Vec<Cow<'_, str>>> =
        rows.iter().map(|row| row.iter().map(|value| printable(cell(value))).collect()).collect();
    let width = |index: usize, heading: &str| {
        let cells = cells.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
        cells.chain([heading.chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = columns.iter().enumerate().map(|(index, heading)| width(index, heading)).collect();
    let line = |cells: Vec<(&str, bool)>| {
        let padded = cells.iter().zip(&widths).map(|((cell, right), width)| match right {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(columns.iter().map(|heading| (heading.as_str(), false)).collect());
    text += &(widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  ") + "\n");
    for (cells, row) in cells.iter().zip(rows) {
        text += &line(cells.iter().zip(row).map(|(cell, value)| (cell.as_ref(), value.is_number())).collect());
    }
    text + &format!("({} {})\n", rows.len(), if rows.len() == 1 { "row" } else { "rows" })
}

/// An array of objects, one on each line.
pub(super) fn json(columns: &[String], rows: &[Vec<Value>]) -> String {
    let lines = rows.iter().map(|row| {
        let object: Map<String, Value> = columns.iter().cloned().zip(row.iter().cloned()).collect();
        Value::Object(object).to_string()
    });
    format!("[{}]\n", lines.collect::<Vec<_>>().join(",\n "))
}

/// CSV (RFC 4180) with a line of headings; null is empty.
pub(super) fn csv(columns: &[String], rows: &[Vec<Value>]) -> String {
    let line = |cells: Vec<Cow<'_, str>>| cells.into_iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n";
    let headings = line(columns.iter().map(|heading| heading.as_str().into()).collect());
    rows.iter().fold(headings, |text, row| text + &line(row.iter().map(cell).collect()))
}

fn cell(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => "".into(),
        Value::String(text) => text.into(),
        other => other.to_string().into(),
    }
}

/// What is stored must not move the cursor or change the colours of who looks at it.
fn printable(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.contains(char::is_control) {
        true => {
            text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
        }
        false => text,
    }
}

fn quoted(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")).into(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> (Vec<String>, Vec<Vec<Value>>) {
        let columns = ["code", "clicks", "note"].map(str::to_owned).to_vec();
        let rows = vec![
            vec![json!("rust"), json!(1205), json!("a \"b\", c")],
            vec![json!("ü"), json!(7), Value::Null],
            vec![json!("\u{1b}[31mred"), json!(0), json!("two\nlines")],
        ];
        (columns, rows)
    }

    #[test]
    fn a_table_lines_up_and_cannot_paint_the_terminal() {
        let (columns, rows) = sample();
        let expected = "\
code           clicks  note
─────────────  ──────  ──────────
rust             1205  a \"b\", c
ü                   7
\\u{1b}[31mred       0  two\\nlines
(3 rows)
";
        assert_eq!(text(&columns, &rows), expected);
    }

    #[test]
    fn csv_quotes_what_must_be_quoted() {
        let (columns, rows) = sample();
        let expected = "code,clicks,note\r\nrust,1205,\"a \"\"b\"\", c\"\r\nü,7,\r\n\u{1b}[31mred,0,\"two\nlines\"\r\n";
        assert_eq!(csv(&columns, &rows), expected);
    }

    #[test]
    fn json_is_an_array_of_objects() {
        let (columns, rows) = sample();
        let parsed: Value = serde_json::from_str(&json(&columns, &rows)).expect("it is JSON");
        assert_eq!(parsed[1], json!({"code": "ü", "clicks": 7, "note": null}));
        assert_eq!(json(&columns, &[]), "[]\n");
    }
}
