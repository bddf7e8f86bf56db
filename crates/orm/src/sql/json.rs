//! JSON documents: the ways to their members, and the lookups that only they have, on either engine.

use std::fmt::Write as _;

use super::tree::{Compare, Ex, Right};
use super::write::{Out, Written};
use crate::engine::{Dialect, json};
use crate::error::{Error, ErrorKind};
use crate::query::Lookup;
use crate::value::Value;

/// A way into a document as SQLite writes it; a number is an array's place.
fn path<'k>(keys: impl Iterator<Item = &'k str>) -> String {
    let mut path = "$".to_owned();
    for key in keys {
        match key.parse::<i64>() {
            Ok(place) => {
                let _ = write!(path, "[{place}]");
            }
            Err(_) => {
                path.push('.');
                path.push_str(&json::text(&key.into()));
            }
        }
    }
    path
}

/// The document that keys start from, and the keys.
fn unfold<'e, 'a>(ex: &'e Ex<'a>) -> (&'e Ex<'a>, Vec<&'a str>) {
    let mut keys = Vec::new();
    let mut base = ex;
    while let Ex::Key(inner, key, _) = base {
        keys.push(*key);
        base = inner;
    }
    keys.reverse();
    (base, keys)
}

/// What SQLite tells from a text only by its JSON type.
fn is_named(document: &serde_json::Value) -> bool {
    document.is_null() || document.is_boolean()
}

impl<'a> Out<'_, 'a> {
    pub(super) fn json_key(&mut self, ex: &Ex<'a>) -> Written {
        let (base, keys) = unfold(ex);
        let text = matches!(ex, Ex::Key(_, _, true));
        match self.dialect {
            Dialect::Sqlite => {
                let path = Value::Text(path(keys.iter().copied()));
                self.push("(CASE WHEN ");
                self.json_type(base, &path)?;
                self.push(" IN ('false','null','true') THEN ");
                self.json_type(base, &path)?;
                self.push(" ELSE JSON_EXTRACT(");
                self.expression(base)?;
                self.push(", ");
                self.made(path, "");
                self.push(") END)");
            }
            Dialect::Postgres => {
                self.push("(");
                self.expression(base)?;
                self.push(match (keys.len(), text) {
                    (1, false) => " -> ",
                    (1, true) => " ->> ",
                    (_, false) => " #> ",
                    (_, true) => " #>> ",
                });
                match keys.as_slice() {
                    [only] => match only.parse::<i32>() {
                        Ok(place) => self.made(Value::Int(place.into()), "integer"),
                        Err(_) => self.made(Value::Text((*only).to_owned()), "text"),
                    },
                    several => {
                        let keys = several.iter().map(|key| Value::Text((*key).to_owned())).collect();
                        self.made(Value::List(keys), "text[]");
                    }
                }
                self.push(")");
            }
        }
        Ok(())
    }

    fn json_type(&mut self, base: &Ex<'a>, path: &Value) -> Written {
        self.push("JSON_TYPE(");
        self.expression(base)?;
        self.push(", ");
        self.made(path.clone(), "");
        self.push(")");
        Ok(())
    }

    /// Whether a key is there, whatever its value; `missing` for the opposite.
    pub(super) fn json_is_null(&mut self, key: &Ex<'a>, missing: bool) -> Written {
        let (base, keys) = unfold(key);
        self.json_type(base, &Value::Text(path(keys.into_iter())))?;
        self.push(if missing { " IS NULL" } else { " IS NOT NULL" });
        Ok(())
    }

    /// The right side of `exact` and `in` for a key on SQLite, in the shape that the left side has there.
    pub(super) fn json_operand(&mut self, id: super::tree::ValueId) {
        match self.compiler.value(id) {
            Value::Json(document) if !is_named(document) => {
                self.push("JSON_EXTRACT(");
                self.param(id);
                self.push(", '$')");
            }
            _ => self.param(id),
        }
    }

    /// The right side of `gt` and the like for a key on SQLite: a plain number or text.
    pub(super) fn json_bare(&mut self, id: super::tree::ValueId) {
        let bare = match self.compiler.value(id) {
            Value::Json(serde_json::Value::String(text)) => Value::Text(text.clone()),
            Value::Json(serde_json::Value::Bool(truth)) => Value::Bool(*truth),
            Value::Json(serde_json::Value::Number(number)) => match number.as_i64() {
                Some(number) => Value::Int(number),
                None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            _ => return self.param(id),
        };
        self.made(bare, "");
    }

    /// `has_key` and its like.
    pub(super) fn json_has(&mut self, lookup: Lookup, left: &Ex<'a>, keys: &[String]) -> Written {
        if self.is_postgres() {
            self.expression(left)?;
            self.push(match lookup {
                Lookup::HasKeys => " ?& ",
                Lookup::HasAnyKeys => " ?| ",
                _ => " ? ",
            });
            match (lookup, keys) {
                (Lookup::HasKey, [only]) => self.made(Value::Text(only.clone()), "text"),
                _ => self.made(Value::List(keys.iter().cloned().map(Value::Text).collect()), "text[]"),
            }
            return Ok(());
        }
        let (base, before) = unfold(left);
        let several = lookup != Lookup::HasKey;
        if several {
            self.push("(");
        }
        for (place, key) in keys.iter().enumerate() {
            if place > 0 {
                self.push(if lookup == Lookup::HasKeys { " AND " } else { " OR " });
            }
            // The last key is a member's name even if it is a number.
            let mut path = path(before.iter().copied());
            path.push('.');
            path.push_str(&json::text(&key.as_str().into()));
            self.json_type(base, &Value::Text(path))?;
            self.push(" IS NOT NULL");
        }
        if several {
            self.push(")");
        }
        Ok(())
    }

    /// `contains` and `contained_by` for documents.
    pub(super) fn json_contains(&mut self, compare: &Compare<'a>) -> Written {
        if !self.is_postgres() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "SQLite cannot tell whether a JSON document {}",
                    match compare.lookup {
                        Lookup::ContainedBy => "is contained in another",
                        _ => "contains another",
                    }
                ),
            )
            .into());
        }
        self.expression(&compare.left)?;
        self.push(if compare.lookup == Lookup::ContainedBy { " <@ " } else { " @> " });
        match &compare.right {
            Right::Value(id) => {
                self.param(*id);
                self.push("::jsonb");
            }
            Right::Expression(ex) => self.bracketed(ex)?,
            _ => return Err(Error::new(ErrorKind::Type, "a JSON document was expected").into()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_takes_numbers_for_places() {
        assert_eq!(path(["tags", "0", "a b"].into_iter()), "$.\"tags\"[0].\"a b\"");
    }
}
