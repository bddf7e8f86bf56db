//! Comparisons: which lookup is meant, and the value it compares with.

use std::borrow::Cow;

use super::convert;
use super::resolve::{unknown_kind, unsupported};
use super::scope::{Columns, Compiler, Env};
use super::tree::{Ex, Right, ScopeId};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::json_schema::JsonSchema;
use crate::query::{Function, Lookup, Node, Part};
use crate::value::Value;

/// The right side of a comparison before it is known what it is compared with.
#[derive(Debug, Clone)]
pub(super) enum Raw<'a> {
    Value(&'a Value),
    Owned(Value),
    List(Vec<Raw<'a>>),
    Expression(Ex<'a>),
    /// The rows of a query.
    Query(ScopeId),
}

impl Raw<'_> {
    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            Raw::Value(value) => Some(value),
            Raw::Owned(value) => Some(value),
            _ => None,
        }
    }
}

/// Whether fields of a kind have a lookup.
pub(super) fn has(kind: &Kind, lookup: Lookup) -> bool {
    match lookup {
        Lookup::ContainedBy | Lookup::HasKey | Lookup::HasKeys | Lookup::HasAnyKeys => *kind == Kind::Json,
        Lookup::Exact | Lookup::In | Lookup::IsNull => true,
        _ => !kind.is_encrypted(),
    }
}

/// The lookups that relations have.
fn has_related(lookup: Lookup) -> bool {
    use Lookup::*;
    matches!(lookup, Exact | In | Gt | Gte | Lt | Lte | IsNull)
}

impl<'a> Compiler<'a> {
    /// The right side of a comparison, its names resolved.
    pub(super) fn raw(&mut self, scope: ScopeId, node: &'a Node, env: &mut Env) -> Result<Raw<'a>> {
        Ok(match node {
            Node::Value(value, _) => Raw::Value(value),
            Node::List(items) => {
                let mut raw = Vec::with_capacity(items.len());
                for item in items {
                    raw.push(self.raw(scope, item, env)?);
                }
                Raw::List(raw)
            }
            Node::Subquery(query) => Raw::Query(self.subquery(scope, query, env)?),
            other => Raw::Expression(self.resolve(scope, other, env)?),
        })
    }

    /// Compares `left`, after the transforms that `names` begins with, by `lookup` or by the one that they end with.
    /// Also says whether the other side is SQL's or JSON's null.
    pub(super) fn compare(
        &mut self,
        mut left: Ex<'a>,
        names: &mut dyn Iterator<Item = &'a str>,
        lookup: Option<Lookup>,
        right: Raw<'a>,
    ) -> Result<(Ex<'a>, bool)> {
        if let Ex::Column(column) = &left
            && let Some(sealed) = column.column.sealed.as_deref()
        {
            let names: Vec<&'a str> = names.collect();
            return self.compare_sealed(column.clone(), sealed, &names, lookup, right);
        }
        let mut names = names.peekable();
        let mut found = lookup;
        while let Some(name) = names.next() {
            let known = name.parse::<Lookup>().ok();
            if lookup.is_none()
                && names.peek().is_none()
                && let Some(known) = known
                && self.has_lookup(&left, known)?
            {
                found = Some(known);
                break;
            }
            left = self.transform(left, name)?;
        }
        let lookup = found.unwrap_or(Lookup::Exact);
        if !self.has_lookup(&left, lookup)? {
            return Err(match &left {
                Ex::Column(column) if column.related => self.no_such_name_after(column, lookup.name()),
                _ => unsupported(&self.kind(&left)?.ok_or_else(unknown_kind)?, lookup.name()),
            });
        }
        let place = match &left {
            Ex::Column(column) => Some((column.entry, column.entry.field(column.column.field).name.as_ref())),
            _ => None,
        };
        self.compare_by(lookup, left, right).map_err(|error| match place {
            Some((entry, field)) => error.in_model(&*entry.label).in_field(field),
            None => error,
        })
    }

    fn has_lookup(&self, left: &Ex<'a>, lookup: Lookup) -> Result<bool> {
        if let Ex::Column(column) = left
            && column.related
        {
            return Ok(has_related(lookup));
        }
        match lookup {
            Lookup::ContainedBy | Lookup::HasKey | Lookup::HasKeys | Lookup::HasAnyKeys => {
                Ok(self.kind(left)?.is_some_and(|kind| has(&kind, lookup)))
            }
            _ => Ok(true),
        }
    }

    fn compare_by(&mut self, lookup: Lookup, mut left: Ex<'a>, right: Raw<'a>) -> Result<(Ex<'a>, bool)> {
        use Lookup::*;
        // Only lookups that convert their value need the kind; `isnull` serves expressions without one.
        let kind = if lookup == IsNull { None } else { Some(self.kind(&left)?.ok_or_else(unknown_kind)?) };
        let kind = kind.unwrap_or(Kind::Boolean);
        if right.value().is_some_and(Value::is_null) {
            match lookup {
                Exact if kind == Kind::Json => {
                    let null = self.bind(Value::Json(serde_json::Value::Null));
                    return Ok((Ex::compare(Exact, left, Right::Value(null)), true));
                }
                Exact | IExact => return Ok((Ex::compare(IsNull, left, Right::Bool(true)), false)),
                In | Range | HasKeys | HasAnyKeys => {
                    return Err(Error::new(ErrorKind::Type, format!("`{lookup}` needs a list of values, got null")));
                }
                _ => {
                    return Err(Error::new(
                        ErrorKind::Value,
                        format!("`{lookup}` cannot compare with null; use `isnull`"),
                    ));
                }
            }
        }
        // Looked into as text, a JSON key is the text of its value.
        let into_text =
            matches!(lookup, IExact | IContains | StartsWith | IStartsWith | EndsWith | IEndsWith | Regex | IRegex);
        if let (Ex::Key(_, _, text), true) = (&mut left, into_text) {
            *text = true;
        }
        let right = match lookup {
            IsNull => match right.value() {
                Some(Value::Bool(wanted)) => Right::Bool(*wanted),
                _ => return Err(Error::new(ErrorKind::Value, "`isnull` needs true or false")),
            },
            In => self.one_of(&kind, &left, right)?,
            Range => self.between(&kind, right)?,
            Exact | Gt | Gte | Lt | Lte => self.operand(lookup, &kind, &left, right)?,
            Contains | ContainedBy if kind == Kind::Json => match right {
                Raw::Expression(ex) => Right::Expression(ex),
                Raw::Query(query) => Right::Expression(Ex::Subquery(query)),
                other => {
                    let document = convert::json(plain(other)?)?;
                    Right::Value(self.bind(document))
                }
            },
            HasKey => match right {
                Raw::Expression(_) | Raw::Query(_) => {
                    return Err(Error::new(ErrorKind::Unsupported, "`has_key` needs the name of a key"));
                }
                other => Right::Keys(vec![convert::text(plain(other)?)]),
            },
            HasKeys | HasAnyKeys => Right::Keys(self.keys(lookup, right)?),
            IExact | Contains | IContains | StartsWith | IStartsWith | EndsWith | IEndsWith | Regex | IRegex
            | ContainedBy => match right {
                Raw::Expression(ex) => Right::Expression(ex),
                Raw::Query(query) => Right::Expression(Ex::Subquery(query)),
                other => {
                    let text = self.pattern(lookup, convert::text(plain(other)?));
                    Right::Value(self.bind(Value::Text(text)))
                }
            },
        };
        Ok((Ex::compare(lookup, left, right), false))
    }

    fn pattern(&self, lookup: Lookup, text: String) -> String {
        use Lookup::*;
        match lookup {
            Contains | IContains => format!("%{}%", convert::escape_like(&text)),
            StartsWith | IStartsWith => format!("{}%", convert::escape_like(&text)),
            EndsWith | IEndsWith => format!("%{}", convert::escape_like(&text)),
            IExact if self.dialect == Dialect::Sqlite => convert::escape_like(&text),
            _ => text,
        }
    }

    /// The right side of `exact`, `gt` and the like.
    fn operand(&mut self, lookup: Lookup, kind: &Kind, left: &Ex<'a>, right: Raw<'a>) -> Result<Right<'a>> {
        let is_integer = kind.integer_range().is_some();
        let value = match right {
            Raw::Expression(ex) => return Ok(Right::Expression(ex)),
            Raw::Query(query) => return Ok(Right::Expression(Ex::Subquery(query))),
            // Documents with versions stand in the column in another form.
            Raw::Value(value) if *kind != Kind::Json && convert::fits(kind, value) => Cow::Borrowed(value),
            other => {
                let related = matches!(left, Ex::Column(column) if column.related);
                let value = match plain(other)? {
                    Value::Float(number)
                        if is_integer
                            && !related
                            && matches!(lookup, Lookup::Gte | Lookup::Lt)
                            && number.is_finite() =>
                    {
                        Value::Float(number.ceil())
                    }
                    other => other,
                };
                Cow::Owned(self.comparable(kind, left, value)?)
            }
        };
        if let (Value::Bool(wanted), Lookup::Exact, Kind::Boolean) = (&*value, lookup, kind) {
            return Ok(Right::Bool(*wanted));
        }
        let is_year = matches!(left, Ex::Call(Function::Extract(Part::Year | Part::IsoYear), _));
        if is_integer
            && !is_year
            && let Some(beyond) = self.beyond(kind, &value)
        {
            let always = match lookup {
                Lookup::Gt | Lookup::Gte => beyond == Beyond::Below,
                Lookup::Lt | Lookup::Lte => beyond == Beyond::Above,
                _ => false,
            };
            return Ok(Right::Beyond { always });
        }
        if is_year
            && let Value::Int(year) = &*value
            && !(1..=9999).contains(year)
        {
            return Err(Error::new(ErrorKind::Value, format!("year {year} is out of range: choose from 1 to 9999")));
        }
        Ok(Right::Value(self.bind_cow(value)))
    }

    /// On which side of what a column can hold a number is, if it is outside.
    fn beyond(&self, kind: &Kind, value: &Value) -> Option<Beyond> {
        let (least, greatest) = match (self.dialect, kind.integer_range()?) {
            (Dialect::Sqlite, (0, _)) => (0, i64::MAX),
            (Dialect::Sqlite, _) => (i64::MIN, i64::MAX),
            (Dialect::Postgres, range) => range,
        };
        match value {
            Value::Int(number) if *number < least => Some(Beyond::Below),
            Value::Int(number) if *number > greatest => Some(Beyond::Above),
            Value::Decimal(number) if number.sign() == bigdecimal::num_bigint::Sign::Minus => Some(Beyond::Below),
            Value::Decimal(_) => Some(Beyond::Above),
            _ => None,
        }
    }

    /// A value in the form in which it stands in the column on the left.
    fn comparable(&self, kind: &Kind, left: &Ex<'a>, value: Value) -> Result<Value> {
        let versions = self.versioned(left).and_then(JsonSchema::versions);
        Ok(match (convert::prepare(kind, value)?, versions) {
            (Value::Json(document), Some(versions)) => Value::Json(versions.to_compare(document)),
            (value, _) => value,
        })
    }

    fn one_of(&mut self, kind: &Kind, left: &Ex<'a>, right: Raw<'a>) -> Result<Right<'a>> {
        let items = match right {
            Raw::Query(query) => {
                self.as_operand(query)?;
                return Ok(Right::Expression(Ex::Subquery(query)));
            }
            Raw::Expression(ex) => return Ok(Right::Expression(ex)),
            other => items(Lookup::In, other)?,
        };
        if items.iter().any(|item| item.value().is_none()) {
            return self.mixed(kind, items).map(Right::Mixed);
        }
        let mut values: Vec<Value> = Vec::with_capacity(items.len());
        // Beyond a few values, seeing whether each is new costs more than a value twice in the list.
        let few = items.len() <= 64;
        for item in items {
            let value = self.comparable(kind, left, plain(item)?)?;
            let impossible = self.dialect == Dialect::Postgres && self.beyond(kind, &value).is_some();
            let known = few && values.contains(&value);
            if !(value.is_null() || impossible || known) {
                values.push(value);
            }
        }
        Ok(Right::Values(values.into_iter().map(|value| self.bind(value)).collect()))
    }

    fn between(&mut self, kind: &Kind, right: Raw<'a>) -> Result<Right<'a>> {
        let items = match right {
            Raw::Expression(_) | Raw::Query(_) => {
                return Err(Error::new(ErrorKind::Type, "`range` needs two values"));
            }
            other => items(Lookup::Range, other)?,
        };
        if items.len() != 2 {
            return Err(Error::new(ErrorKind::Value, format!("`range` needs two values, got {}", items.len())));
        }
        if items.iter().any(|item| item.value().is_none()) {
            return self.mixed(kind, items).map(Right::Mixed);
        }
        let mut ids = Vec::with_capacity(2);
        for item in items {
            let value = convert::prepare(kind, plain(item)?)?;
            ids.push(self.bind(value));
        }
        Ok(Right::Values(ids))
    }

    fn mixed(&mut self, kind: &Kind, items: Vec<Raw<'a>>) -> Result<Vec<Ex<'a>>> {
        items
            .into_iter()
            .map(|item| match item {
                Raw::Expression(ex) => Ok(ex),
                Raw::Query(query) => Ok(Ex::Subquery(query)),
                other => {
                    let value = convert::prepare(kind, plain(other)?)?;
                    Ok(Ex::Value(self.bind(value), Some(kind.clone())))
                }
            })
            .collect()
    }

    fn keys(&mut self, lookup: Lookup, right: Raw<'a>) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        for item in items(lookup, right)? {
            keys.push(convert::text(plain(item)?));
        }
        Ok(keys)
    }

    /// Makes a query one of a single column, in no order: what stands on the right of `in`.
    fn as_operand(&mut self, query: ScopeId) -> Result<()> {
        let scope = self.scope(query);
        let sliced = scope.is_sliced() || scope.lock.is_some();
        let annotated = scope.annotations.iter().filter(|annotation| annotation.selected).count();
        let listed = match (&scope.selected, &scope.columns) {
            (Some(selected), _) => Some(selected.len()),
            (None, Columns::Listed(columns)) => Some(columns.len() + annotated),
            (None, Columns::Model) => None,
        };
        if !sliced {
            self.scope_mut(query).clear_order();
        }
        match listed {
            Some(1) => Ok(()),
            Some(count) => Err(Error::new(
                ErrorKind::Value,
                format!("a query on the right of `in` must select one column, this one selects {count}"),
            )),
            None => {
                let base = self.base(query);
                let model = self.scope(query).model;
                let key = self.key_column(query, base, model)?;
                let scope = self.scope_mut(query);
                scope.clear_columns();
                scope.columns = Columns::Listed(vec![("pk".to_owned(), key)]);
                Ok(())
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    Below,
    Above,
}

/// A value without expressions in it.
pub(super) fn plain(raw: Raw<'_>) -> Result<Value> {
    Ok(match raw {
        Raw::Value(value) => value.clone(),
        Raw::Owned(value) => value,
        Raw::List(items) => Value::List(items.into_iter().map(plain).collect::<Result<_>>()?),
        Raw::Expression(_) | Raw::Query(_) => {
            return Err(Error::new(ErrorKind::Type, "an expression cannot stand inside this value"));
        }
    })
}

/// What Python would find iterating over a value.
pub(super) fn items(lookup: Lookup, raw: Raw<'_>) -> Result<Vec<Raw<'_>>> {
    let value = match raw {
        Raw::List(items) => return Ok(items),
        other => plain(other)?,
    };
    Ok(match value {
        Value::List(items) => items.into_iter().map(Raw::Owned).collect(),
        Value::Json(serde_json::Value::Array(items)) => {
            items.into_iter().map(|item| Raw::Owned(from_json(item))).collect()
        }
        Value::Json(serde_json::Value::Object(members)) => {
            members.into_iter().map(|(key, _)| Raw::Owned(Value::Text(key))).collect()
        }
        Value::Text(text) => text.chars().map(|c| Raw::Owned(Value::Text(c.to_string()))).collect(),
        other => {
            return Err(Error::new(
                ErrorKind::Type,
                format!("`{lookup}` needs a list of values, got {}", other.type_name()),
            ));
        }
    })
}

fn from_json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(truth),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        other => Value::Json(other),
    }
}
