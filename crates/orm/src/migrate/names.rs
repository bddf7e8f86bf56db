//! Names of tables, constraints and indexes, as Django makes them (`django/db/backends/base/schema.py`
//! `_create_index_name`, `django/db/backends/utils.py` `truncate_name`, `names_digest`).

use std::fmt::Write as _;

use md5::{Digest, Md5};

use crate::engine::Dialect;

/// The table of a model that names none: `<app>_<model in lower case>`, shortened.
pub(crate) fn table(app: &str, model: &str, dialect: Dialect) -> String {
    shorten(&format!("{app}_{}", model.to_lowercase()), dialect)
}

/// A table name within the engine's limit: its last four characters become a digest of the whole where it is longer.
pub(crate) fn shorten(name: &str, dialect: Dialect) -> String {
    const DIGEST: usize = 4;
    match dialect.max_name_length() {
        Some(limit) if name.chars().count() > limit => {
            let head: String = name.chars().take(limit - DIGEST).collect();
            format!("{head}{}", digest(&[name], DIGEST))
        }
        _ => name.to_owned(),
    }
}

/// The name of an automatic index or constraint on a table's columns.
pub(crate) fn index(table: &str, columns: &[&str], suffix: &str, dialect: Dialect) -> String {
    let mut parts = vec![table];
    parts.extend(columns);
    let tail = format!("{}{suffix}", digest(&parts, 8));
    let limit = dialect.max_name_length().unwrap_or(200);
    let joined = columns.join("_");
    let full = format!("{table}_{joined}_{tail}");
    if full.chars().count() <= limit {
        return full;
    }
    let tail: String = if tail.chars().count() > limit / 3 { tail.chars().take(limit / 3).collect() } else { tail };
    let each = ((limit - tail.chars().count()) / 2).saturating_sub(1);
    let head: String = table.chars().take(each).collect();
    let middle: String = joined.chars().take(each).collect();
    let name = format!("{head}_{middle}_{tail}");
    if name.starts_with(|first: char| first == '_' || first.is_ascii_digit()) {
        let mut shortened = format!("D{name}");
        shortened.pop();
        shortened
    } else {
        name
    }
}

/// The name of an index of `Meta.indexes` that has none: columns carry a hyphen where they descend
/// (`django/db/models/indexes.py` `set_name_with_model`).
pub(crate) fn meta_index(table: &str, columns: &[(&str, bool)]) -> String {
    let marked: Vec<String> = columns
        .iter()
        .map(|(name, descending)| if *descending { format!("-{name}") } else { (*name).to_owned() })
        .collect();
    let mut parts = vec![table];
    parts.extend(marked.iter().map(String::as_str));
    parts.push("idx");
    let first = columns.first().map_or("", |(name, _)| *name);
    let head: String = table.chars().take(11).collect();
    let column: String = first.chars().take(7).collect();
    let name = format!("{head}_{column}_{}_idx", digest(&parts, 6));
    match name.chars().next() {
        Some(first) if first == '_' || first.is_ascii_digit() => {
            format!("D{}", name.chars().skip(1).collect::<String>())
        }
        _ => name,
    }
}

/// The first digits of the MD5 sum of all parts, without anything between them.
fn digest(parts: &[&str], digits: usize) -> String {
    let mut sum = Md5::new();
    for part in parts {
        sum.update(part.as_bytes());
    }
    let mut hex = String::with_capacity(32);
    for byte in sum.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex.truncate(digits);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_django_s() {
        assert_eq!(table("shop", "Book", Dialect::Postgres), "shop_book");
        assert_eq!(
            table("lab", "AVeryLongModelNameThatGoesOnAndOnSoTheTableNameMustBeCutDown", Dialect::Postgres),
            "lab_averylongmodelnamethatgoesonandonsothetablenamemustbecu73be"
        );
        assert_eq!(index("lab_options", &["idx_int"], "", Dialect::Postgres), "lab_options_idx_int_7f289b6c");
        assert_eq!(
            index("auth_permission", &["content_type_id"], "_fk_django_content_type_id", Dialect::Postgres),
            "auth_permission_content_type_id_2f476e4b_fk_django_co"
        );
        assert_eq!(meta_index("lab_indexes", &[("a", false), ("b", false)]), "lab_indexes_a_f9fefb_idx");
        assert_eq!(meta_index("lab_indexes", &[("c", true)]), "lab_indexes_c_a2fd56_idx");
    }
}
