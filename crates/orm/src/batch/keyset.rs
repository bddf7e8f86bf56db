//! Pages of a query in the order of its primary key: each begins after the last key of the one before, so that rows which
//! come and go meanwhile neither shift it nor are passed over.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, OrderBy};
use crate::query::{Lookup, Node, Query, Step, spec};
use crate::value::Value;

/// The values of a primary key, column by column.
pub(crate) type KeyValues = Vec<Value>;

/// The columns of a primary key.
#[derive(Debug, Clone)]
struct Keyset {
    columns: Vec<Cow<'static, str>>,
}

impl Keyset {
    fn of(entry: &Entry) -> Self {
        let columns = entry.primary_key.iter().filter_map(|place| entry.columns.get(*place));
        // Not by the name of a foreign key, which would stand for the order of the model that it refers to.
        Keyset { columns: columns.map(|column| Cow::Owned(column.attname.clone())).collect() }
    }

    fn nodes(&self) -> Vec<Node> {
        self.columns.iter().map(|name| Node::Path(vec![name.clone()])).collect()
    }

    fn order(&self) -> Step {
        Step::OrderBy(self.nodes().into_iter().map(OrderBy::asc).collect())
    }

    fn compare(&self, lookup: Lookup, key: &[Value]) -> Node {
        match (self.columns.as_slice(), key) {
            ([only], [value]) => Node::lookup(Node::Path(vec![only.clone()]), lookup, Node::value(value.clone())),
            _ => {
                let values = key.iter().cloned().map(Node::value).collect();
                Node::lookup(Node::Path(vec![Cow::Borrowed("pk")]), lookup, Node::List(values))
            }
        }
    }
}

/// The rows of a query whose keys come after one key, and not after another.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    query: Query,
    keyset: Keyset,
    /// The last key before them; `None` from the first row on.
    pub(crate) after: Option<KeyValues>,
    /// Their last key, or one that it may be; `None` up to the last row.
    pub(crate) until: Option<KeyValues>,
}

impl Stretch {
    /// All rows of a query.
    ///
    /// # Errors
    /// [`ErrorKind::Type`] if the query has an order or a slice of its own, or is made of several.
    pub(crate) fn whole(db: &Db, query: Query) -> Result<Self> {
        let refused = query.steps.iter().find_map(|step| match step {
            Step::OrderBy(steps) if !steps.is_empty() => Some("an order of its own"),
            Step::Reverse => Some("its order reversed"),
            Step::Slice { .. } => Some("a limit or offset"),
            Step::Combine { .. } => Some("a union"),
            Step::Values(_) => Some("values"),
            _ => None,
        });
        if let Some(what) = refused {
            let text = format!("a query with {what} is not for batches, which go by the primary key: take that away");
            return Err(Error::new(ErrorKind::Type, text).in_model(query.model));
        }
        let keyset = Keyset::of(db.schema().by_label(&query.model)?);
        Ok(Stretch { query, keyset, after: None, until: None })
    }

    /// Its rows between two keys.
    pub(crate) fn between(&self, after: Option<KeyValues>, until: Option<KeyValues>) -> Self {
        Stretch { query: self.query.clone(), keyset: self.keyset.clone(), after, until }
    }

    /// What is left of it after a key.
    pub(crate) fn beyond(self, after: KeyValues) -> Self {
        Stretch { after: Some(after), ..self }
    }

    /// The model, as `app.Model`.
    pub(crate) fn label(&self) -> &str {
        &self.query.model
    }

    /// The columns of the key.
    pub(crate) fn key_columns(&self) -> Vec<Node> {
        self.keyset.nodes()
    }

    /// The stretch, in no order.
    pub(crate) fn rows(&self) -> Query {
        let mut query = self.query.clone();
        if let Some(after) = &self.after {
            query = query.then(Step::Filter(self.keyset.compare(Lookup::Gt, after)));
        }
        if let Some(until) = &self.until {
            query = query.then(Step::Filter(self.keyset.compare(Lookup::Lte, until)));
        }
        query
    }

    /// The first rows of the stretch, in order.
    pub(crate) fn page(&self, rows: u64) -> Query {
        self.rows().then(self.keyset.order()).then(Step::Slice { offset: 0, limit: Some(rows) })
    }

    /// The key of the stretch's row of this number, from 1; `None` if it has fewer.
    pub(crate) async fn key_at(&self, db: &Db, row: u64) -> Result<Option<KeyValues>> {
        let query = self.rows().then(self.keyset.order()).then(Step::Values(self.keyset.nodes()));
        // The key alone is asked for, whatever else the query would bring.
        let query = query.then(Step::Slice { offset: row.saturating_sub(1), limit: Some(1) });
        Ok(spec::rows(db, &query).await?.pop().map(|mut values| {
            values.truncate(self.keyset.columns.len());
            values
        }))
    }

    /// Refuses to set a column of the key, by which batches go.
    pub(crate) fn check_settable(&self, db: &Db, pairs: &[(Node, Node)]) -> Result<()> {
        let entry = db.schema().by_label(&self.query.model)?;
        for (field, _) in pairs {
            let Node::Path(names) = field else { continue };
            let [name] = names.as_slice() else { continue };
            let mut keys = entry.primary_key.iter().filter_map(|place| entry.columns.get(*place));
            if name == "pk" || keys.any(|key| key.attname == *name || entry.field(key.field).name == *name) {
                let text = "is part of the primary key, which cannot be set in batches that go by it";
                return Err(Error::new(ErrorKind::Unsupported, text)
                    .in_model(&*entry.label)
                    .in_field(name.to_string()));
            }
        }
        Ok(())
    }
}

/// A key as text, to be kept.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for floats, lists and JSON, which no key should be made of.
pub(crate) fn to_mark(key: &[Value]) -> Result<Json> {
    let part = |value: &Value| {
        let kind = match value {
            Value::Int(_) => "int",
            Value::Text(_) => "text",
            Value::Uuid(_) => "uuid",
            Value::Bool(_) => "bool",
            Value::Date(_) => "date",
            Value::Time(_) => "time",
            Value::Timestamp(_) => "moment",
            Value::Decimal(_) => "decimal",
            Value::Ip(_) => "ip",
            other => {
                let text = format!("where it got to cannot be kept: the key is made of {}", other.type_name());
                return Err(Error::new(ErrorKind::Unsupported, text));
            }
        };
        Ok(json!({ kind: spec::plain(value) }))
    };
    match key {
        [only] => part(only),
        several => several.iter().map(part).collect::<Result<Vec<_>>>().map(Json::Array),
    }
}

/// The key that was kept; `None` if it cannot be read.
pub(crate) fn from_mark(mark: &Json) -> Option<KeyValues> {
    let part = |mark: &Json| {
        let (kind, value) = mark.as_object()?.iter().next()?;
        Some(match kind.as_str() {
            "int" => Value::Int(value.as_i64()?),
            "text" => Value::Text(value.as_str()?.to_owned()),
            "uuid" => Value::Uuid(value.as_str()?.parse().ok()?),
            "bool" => Value::Bool(value.as_bool()?),
            "date" => Value::Date(value.as_str()?.parse().ok()?),
            "time" => Value::Time(value.as_str()?.parse().ok()?),
            "moment" => Value::Timestamp(value.as_str()?.parse().ok()?),
            "decimal" => Value::Decimal(value.as_str()?.parse().ok()?),
            "ip" => Value::Ip(value.as_str()?.parse().ok()?),
            _ => return None,
        })
    };
    match mark {
        Json::Array(parts) => parts.iter().map(part).collect(),
        one => part(one).map(|value| vec![value]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_as_it_was() {
        let keys: Vec<KeyValues> = vec![
            vec![Value::Int(i64::MAX)],
            vec![Value::Text("Ünder_score \"100%\"\u{0}".to_owned())],
            vec![Value::Uuid("67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap()), Value::Bool(false)],
            vec![Value::Date("2024-02-29".parse().unwrap()), Value::Time("23:59:59.000001".parse().unwrap())],
            vec![Value::Timestamp("2024-02-29T23:59:59.678901Z".parse().unwrap()), Value::Ip("::1".parse().unwrap())],
            vec![Value::Decimal("18446744073709551615".parse().unwrap())],
        ];
        for key in keys {
            assert_eq!(from_mark(&to_mark(&key).unwrap()), Some(key));
        }
        assert_eq!(to_mark(&[Value::Float(0.5)]).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(from_mark(&json!({"colour": 1})), None);
    }
}
