//! Names for models and fields, from those of tables and columns.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind, Result};

/// The models of Django's own apps whose tables are not named after them.
const DJANGO_S: &[(&str, &str, &str)] = &[
    ("django_admin_log", "admin", "LogEntry"),
    ("django_content_type", "contenttypes", "ContentType"),
    ("django_flatpage", "flatpages", "FlatPage"),
    ("django_redirect", "redirects", "Redirect"),
    ("django_session", "sessions", "Session"),
    ("django_site", "sites", "Site"),
];

/// Names that printed fields use, so that no model can have them.
const TAKEN: &[&str] = &[
    "BigDecimal",
    "Date",
    "Decimal",
    "Duration",
    "ForeignKey",
    "Json",
    "ManyToMany",
    "OneToOne",
    "Option",
    "Self",
    "String",
    "Time",
    "Timestamp",
    "Uuid",
    "Vec",
];

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Keywords that cannot be names even as `r#…`.
const NEVER_NAMES: &[&str] = &["_", "crate", "pk", "self", "super"];

/// The app of a table, and what the model is called there.
///
/// # Errors
/// [`ErrorKind::Configuration`] if the table belongs to none of the apps that are known, and no app is given for it.
pub(super) fn model(table: &str, apps: &BTreeSet<String>, otherwise: Option<&str>) -> Result<(String, String)> {
    if let Some((_, app, model)) = DJANGO_S.iter().find(|(known, _, _)| *known == table) {
        return Ok(((*app).to_owned(), (*model).to_owned()));
    }
    let lower = table.to_lowercase();
    // Of `shop` and `shop_admin` the longer is meant.
    let prefix = apps
        .iter()
        .filter(|app| lower.strip_prefix(app.to_lowercase().as_str()).is_some_and(|rest| rest.starts_with('_')))
        .max_by_key(|app| app.len());
    match (prefix, otherwise) {
        (Some(app), _) => Ok((app.clone(), camel(table.get(app.len() + 1..).unwrap_or(table)))),
        (None, Some(app)) => Ok((app.to_owned(), camel(table))),
        (None, None) => {
            let known: Vec<&str> = apps.iter().map(String::as_str).collect();
            Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "table `{table}` belongs to none of the apps {}; say which one its model is for with `--app LABEL`, \
                     or name the tables you mean",
                    known.join(", ")
                ),
            ))
        }
    }
}

/// The struct for a model: its name, unless that means something else.
pub(super) fn free(name: &str, taken: &BTreeSet<String>) -> String {
    let clashes = |name: &str| {
        let made = |stem: &str| ["Fields", "Builder"].iter().any(|end| taken.contains(&format!("{stem}{end}")));
        let stem = ["Fields", "Builder"].iter().find_map(|end| name.strip_suffix(end));
        taken.contains(name) || made(name) || stem.is_some_and(|stem| taken.contains(stem))
    };
    let mut found = if TAKEN.contains(&name) { format!("{name}Model") } else { name.to_owned() };
    while clashes(&found) {
        found.push_str("Model");
    }
    found
}

/// `order_item` as `OrderItem`.
fn camel(name: &str) -> String {
    let mut camel = String::new();
    for word in name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let mut letters = word.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        camel.push_str(letters.as_str());
    }
    match camel.chars().next() {
        None => "Table".to_owned(),
        Some(first) if first.is_numeric() => format!("Table{camel}"),
        Some(_) => camel,
    }
}

/// A field for a column, of a name that is free: a word in lower case, where the column is none.
pub(super) fn field(column: &str, taken: &BTreeSet<String>) -> String {
    let mut name = String::new();
    for character in column.chars().flat_map(char::to_lowercase) {
        let character = if character.is_alphanumeric() { character } else { '_' };
        // `__` stands between names in Django's notation.
        if character != '_' || !(name.is_empty() || name.ends_with('_')) {
            name.push(character);
        }
    }
    let name = name.trim_end_matches('_');
    let name = match name.chars().next() {
        None => "field".to_owned(),
        Some(first) if first.is_numeric() => format!("field_{name}"),
        Some(_) if NEVER_NAMES.contains(&name) => format!("{name}_field"),
        Some(_) => name.to_owned(),
    };
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(name)
}

/// A field's name as Rust has it.
pub(super) fn identifier(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("r#{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn models_are_named_by_their_tables() {
        let apps = set(&["auth", "shop", "shop_admin"]);
        let named = |table| model(table, &apps, None).unwrap_or_default();
        assert_eq!(named("shop_order_item"), ("shop".into(), "OrderItem".into()));
        assert_eq!(named("shop_admin_log"), ("shop_admin".into(), "Log".into()));
        assert_eq!(named("django_content_type"), ("contenttypes".into(), "ContentType".into()));
        assert_eq!(model("2 fast", &apps, Some("cars")).unwrap_or_default(), ("cars".into(), "Table2Fast".into()));
        let message = model("legacy", &apps, None).map_err(|error| error.to_string());
        assert!(message.is_err_and(|message| message.contains("--app LABEL")));
        assert_eq!(free("Date", &set(&[])), "DateModel");
        assert_eq!(free("PostFields", &set(&["Post"])), "PostFieldsModel");
    }

    #[test]
    fn fields_are_words() {
        let taken = set(&["name"]);
        for (column, expected) in [
            ("Weird Column", "weird_column"),
            ("a__b_", "a_b"),
            ("type", "type"),
            ("self", "self_field"),
            ("2nd", "field_2nd"),
            ("name", "name_2"),
            ("%", "field"),
        ] {
            assert_eq!(field(column, &taken), expected);
        }
        assert_eq!(identifier("type"), "r#type");
    }
}
