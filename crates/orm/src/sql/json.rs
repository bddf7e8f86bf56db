//! JSON documents: the ways to their members, and the lookups that only they have, on either engine.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::tree::{Compare, Ex, Right};
use super::write::{Out, Written};
use crate::engine::{Dialect, json};
use crate::error::{Error, ErrorKind};
use crate::query::Lookup;
use crate::value::Value;

/// One step of a way into a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step<'k> {
    /// A place of an array, from 0; from the end if it is negative.
    Place(i64),
    /// A member of an object.
    Member(&'k str),
}

impl<'k> Step<'k> {
    /// A name that is a whole number is a place, as in Django; within quotes it is a member.
    fn of(name: &'k str) -> Step<'k> {
        match name.parse::<i64>() {
            Ok(place) => Step::Place(place),
            Err(_) => Step::Member(quoted(name).unwrap_or(name)),
        }
    }
}

/// What stands within the quotes of a name that is a quoted whole number, or that quoted again.
fn quoted(name: &str) -> Option<&str> {
    let inner = name.strip_prefix('"')?.strip_suffix('"')?;
    (inner.parse::<i64>().is_ok() || quoted(inner).is_some()).then_some(inner)
}

/// The name of an object's member in a way into a document, whatever it looks like.
pub(crate) fn member_name(key: Cow<'static, str>) -> Cow<'static, str> {
    if key.parse::<i64>().is_ok() || quoted(&key).is_some() { format!("\"{key}\"").into() } else { key }
}

/// A way into a document as SQLite writes it.
fn path<'k>(keys: impl Iterator<Item = &'k str>) -> String {
    let mut path = "$".to_owned();
    for key in keys {
        match Step::of(key) {
            // Writing to a String cannot fail.
            Step::Place(place @ 0..) => drop(write!(path, "[{place}]")),
            Step::Place(place) => drop(write!(path, "[#{place}]")),
            Step::Member(name) => push_member(&mut path, name),
        }
    }
    path
}

fn push_member(path: &mut String, name: &str) {
    path.push('.');
    path.push_str(&json::text(&name.into()));
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
                    [only] => match Step::of(only) {
                        Step::Place(place) if i32::try_from(place).is_ok() => {
                            self.made(Value::Int(place), "integer");
                        }
                        Step::Place(_) => self.made(Value::Text((*only).to_owned()), "text"),
                        Step::Member(name) => self.made(Value::Text(name.to_owned()), "text"),
                    },
                    several => {
                        let name = |key| match Step::of(key) {
                            Step::Place(_) => key,
                            Step::Member(name) => name,
                        };
                        let keys = several.iter().map(|key| Value::Text(name(*key).to_owned())).collect();
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
            push_member(&mut path, key);
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
        let contained = compare.lookup == Lookup::ContainedBy;
        if !self.is_postgres() {
            if self.inline {
                let message = "SQLite has no containment of JSON documents but in queries: Django, which knows none, \
                               could not use the table";
                return Err(Error::new(ErrorKind::Unsupported, message).into());
            }
            self.push(if contained { "nuages_json_contained(" } else { "nuages_json_contains(" });
            self.json_document(&compare.left)?;
            self.push(", ");
            self.json_right(&compare.right)?;
            self.push(")");
            return Ok(());
        }
        self.expression(&compare.left)?;
        self.push(if contained { " <@ " } else { " @> " });
        self.json_right(&compare.right)
    }

    fn json_right(&mut self, right: &Right<'a>) -> Written {
        match right {
            Right::Value(id) => {
                self.param(*id);
                if self.is_postgres() {
                    self.push("::jsonb");
                }
            }
            Right::Expression(ex) if self.is_postgres() => self.bracketed(ex)?,
            Right::Expression(ex) => self.json_document(ex)?,
            _ => return Err(Error::new(ErrorKind::Type, "a JSON document was expected").into()),
        }
        Ok(())
    }

    /// What an expression gives as a document.
    pub(super) fn json_document(&mut self, ex: &Ex<'a>) -> Written {
        if self.is_postgres() || !matches!(ex, Ex::Key(..)) {
            return self.expression(ex);
        }
        let (base, keys) = unfold(ex);
        self.push("(");
        self.expression(base)?;
        self.push(" -> ");
        self.made(Value::Text(path(keys.into_iter())), "");
        self.push(")");
        Ok(())
    }

    /// The number of items of an array.
    pub(super) fn json_length(&mut self, ex: &Ex<'a>) -> Written {
        let [of, length] = match self.dialect {
            Dialect::Sqlite => ["JSON_TYPE(", "JSON_ARRAY_LENGTH("],
            Dialect::Postgres => ["JSONB_TYPEOF(", "JSONB_ARRAY_LENGTH("],
        };
        self.push("(CASE WHEN ");
        self.push(of);
        self.json_document(ex)?;
        self.push(") = 'array' THEN ");
        self.push(length);
        self.json_document(ex)?;
        self.push(") END)");
        Ok(())
    }

    /// A text, number or truth value, as the engine has such.
    pub(super) fn json_scalar(&mut self, ex: &Ex<'a>) -> Written {
        if let (Ex::Key(base, name, _), true) = (ex, self.is_postgres()) {
            return self.json_key(&Ex::Key(base.clone(), name, true));
        }
        let (base, keys) = unfold(ex);
        match self.dialect {
            Dialect::Sqlite => {
                self.push("JSON_EXTRACT(");
                self.expression(base)?;
                self.push(", ");
                self.made(Value::Text(path(keys.into_iter())), "");
                self.push(")");
            }
            // The document itself is one.
            Dialect::Postgres => {
                self.push("(");
                self.expression(base)?;
                self.push(" #>> '{}')");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_takes_numbers_for_places() {
        assert_eq!(path(["tags", "0", "a b", "-1"].into_iter()), "$.\"tags\"[0].\"a b\"[#-1]");
    }

    #[test]
    fn a_member_is_one_whatever_it_looks_like() {
        for key in ["7", "-7", "\"7\"", "\"\"7\"\"", "\"", "a", "\"a\"", ""] {
            assert_eq!(Step::of(&member_name(key.into())), Step::Member(key), "{key}");
        }
        assert_eq!(member_name("\"a\"".into()), "\"a\"");
    }
}
