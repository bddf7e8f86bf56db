//! Expressions of a table as those of its model.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use uuid::Uuid;

use super::Expression;
use super::expression::Sql;
use super::source;

use crate::error::Result;
use crate::field::Kind;
use crate::model::{DatabaseDefault, Entry, ModelDef, Schema};
use crate::query::{Function, Lookup, Node, Operator};
use crate::sql;
use crate::value::Value;

/// Reads expressions over the columns of one model.
///
/// Each is held against what it came from: the model's expression is written as SQL and read again. What does not come
/// back as it was, or what cannot be printed as Rust, is none.
pub(super) struct Conditions<'a> {
    schema: &'a Schema,
    entry: &'a Entry,
}

impl<'a> Conditions<'a> {
    pub(super) fn new(schema: &'a Schema, model: &ModelDef) -> Result<Self> {
        Ok(Conditions { schema, entry: schema.by_label(&model.label())? })
    }

    /// A condition: what a check demands, or which rows an index holds.
    pub(super) fn condition(&self, expression: &Expression) -> Option<Node> {
        let node = self.truth(expression.tree.as_ref()?)?;
        source::expression(&node, self.entry)?;
        self.is_same(&node, expression).then_some(node)
    }

    /// What an index is over.
    pub(super) fn step(&self, expression: &Expression) -> Option<Node> {
        let node = self.value(expression.tree.as_ref()?)?;
        source::expression(&node, self.entry)?;
        self.is_same(&node, expression).then_some(node)
    }

    /// What a column is computed from, and whether the result may be null.
    pub(super) fn generated(&self, expression: &Expression) -> Option<(Node, bool)> {
        let node = self.value(expression.tree.as_ref()?)?;
        let printed = source::expression(&node, self.entry)?;
        self.is_same(&node, expression).then_some((node, printed.null))
    }

    /// What the database puts into a column where nothing is said.
    pub(super) fn default(&self, column: &str, expression: &Expression) -> Option<DatabaseDefault> {
        let kind = &self.entry.columns.iter().find(|it| it.name == column)?.kind;
        let tree = expression.tree.as_ref()?;
        let (node, default) = match tree {
            Sql::Call(..) => {
                let node = self.value(tree)?;
                (kind == &Kind::DateTime).then_some(())?;
                (node.clone(), DatabaseDefault::Expression(node))
            }
            literal => {
                let value = constant(literal, kind)?;
                source::literal(&value, kind)?;
                (Node::value(value.clone()), DatabaseDefault::Value(value))
            }
        };
        self.is_same(&node, expression).then_some(default)
    }

    fn is_same(&self, node: &Node, expression: &Expression) -> bool {
        let written = sql::inline(self.schema, self.entry, node);
        written.is_ok_and(|sql| Expression::new(sql, self.schema.dialect()) == *expression)
    }

    fn column(&self, name: &str) -> Option<(Node, &Kind)> {
        let column = self.entry.columns.iter().find(|column| column.name == name)?;
        Some((Node::Path(vec![column.attname.clone().into()]), &column.kind))
    }

    fn truth(&self, sql: &Sql) -> Option<Node> {
        let yes = |node, is: bool| Some(Node::lookup(node, Lookup::Exact, Node::value(Value::Bool(is))));
        match sql {
            Sql::Column(name) => match self.column(name)? {
                (node, Kind::Boolean) => yes(node, true),
                _ => None,
            },
            Sql::All(parts) => parts.iter().map(|part| self.truth(part)).collect::<Option<_>>().map(Node::And),
            Sql::Any(parts) => parts.iter().map(|part| self.truth(part)).collect::<Option<_>>().map(Node::Or),
            Sql::IsNull(inner) => self.is_null(inner, true),
            Sql::Not(inner) => match inner.as_ref() {
                Sql::IsNull(inner) => self.is_null(inner, false),
                Sql::Column(name) => match self.column(name)? {
                    (node, Kind::Boolean) => yes(node, false),
                    _ => None,
                },
                // Django's way to say that null counts as not equal.
                Sql::All(parts) => match parts.as_slice() {
                    [comparison, Sql::Not(present)] if matches!(**present, Sql::IsNull(_)) => {
                        self.truth(comparison).map(Node::negate)
                    }
                    _ => self.truth(inner).map(Node::negate),
                },
                other => self.truth(other).map(Node::negate),
            },
            Sql::Between(left, from, to) => {
                let kind = self.kind(left)?;
                let list = Node::List(vec![self.operand(from, &kind)?, self.operand(to, &kind)?]);
                Some(Node::lookup(self.value(left)?, Lookup::Range, list))
            }
            Sql::Binary(operator, left, right) => self.comparison(operator, left, right),
            _ => None,
        }
    }

    fn is_null(&self, inner: &Sql, is: bool) -> Option<Node> {
        Some(Node::lookup(self.value(inner)?, Lookup::IsNull, Node::value(Value::Bool(is))))
    }

    fn comparison(&self, operator: &str, left: &Sql, right: &Sql) -> Option<Node> {
        let kind = self.kind(left)?;
        let lookup = match operator {
            "=" => Lookup::Exact,
            "<" => Lookup::Lt,
            "<=" => Lookup::Lte,
            ">" => Lookup::Gt,
            ">=" => Lookup::Gte,
            "in" => {
                let Sql::List(items) = right else { return None };
                let items = items.iter().map(|item| self.operand(item, &kind)).collect::<Option<_>>()?;
                return Some(Node::lookup(self.value(left)?, Lookup::In, Node::List(items)));
            }
            "like" | "regexp" | "iregexp" if kind.is_text() => {
                let Sql::Text(pattern) = right else { return None };
                let (lookup, text) = match operator {
                    "regexp" => (Lookup::Regex, pattern.clone()),
                    "iregexp" => (Lookup::IRegex, pattern.clone()),
                    _ => like(pattern)?,
                };
                return Some(Node::lookup(self.value(left)?, lookup, Node::value(Value::Text(text))));
            }
            _ => return None,
        };
        Some(Node::lookup(self.value(left)?, lookup, self.operand(right, &kind)?))
    }

    /// What stands beside an expression of a kind.
    fn operand(&self, sql: &Sql, kind: &Kind) -> Option<Node> {
        constant(sql, kind).map(Node::value).or_else(|| self.value(sql))
    }

    /// The kind of an expression, as far as it is known.
    fn kind(&self, sql: &Sql) -> Option<Kind> {
        match sql {
            Sql::Column(name) => self.column(name).map(|(_, kind)| kind.clone()),
            Sql::Call(function, arguments) => match (function.as_str(), arguments.first()) {
                ("lower" | "upper", _) => Some(Kind::Text),
                ("length", _) => Some(Kind::Integer),
                (_, Some(first)) => self.kind(first),
                _ => None,
            },
            Sql::Binary(_, left, right) => self.kind(left).or_else(|| self.kind(right)),
            _ => None,
        }
    }

    fn value(&self, sql: &Sql) -> Option<Node> {
        match sql {
            Sql::Column(name) => self.column(name).map(|(node, _)| node),
            Sql::Binary(operator, left, right) => {
                let operator = match operator.as_str() {
                    "+" => Operator::Add,
                    "-" => Operator::Sub,
                    "*" => Operator::Mul,
                    "/" => Operator::Div,
                    _ => return None,
                };
                let kind = self.kind(sql)?;
                let (left, right) = (self.operand(left, &kind)?, self.operand(right, &kind)?);
                Some(Node::Binary(operator, Box::new(left), Box::new(right)))
            }
            Sql::Call(function, arguments) => {
                let function = match (function.as_str(), arguments.as_slice()) {
                    ("lower", [_]) => Function::Lower,
                    ("upper", [_]) => Function::Upper,
                    ("length", [_]) => Function::Length,
                    ("abs", [_]) => Function::Abs,
                    ("coalesce", [_, _]) => Function::Coalesce,
                    ("nullif", [_, _]) => Function::NullIf,
                    ("statement_timestamp", []) => return Some(Node::Call(Function::Now, Vec::new())),
                    ("strftime", [Sql::Text(_), Sql::Text(now)]) if now.eq_ignore_ascii_case("now") => {
                        return Some(Node::Call(Function::Now, Vec::new()));
                    }
                    _ => return None,
                };
                let kind = self.kind(arguments.first()?)?;
                let arguments = arguments.iter().map(|argument| self.operand(argument, &kind));
                Some(Node::Call(function, arguments.collect::<Option<_>>()?))
            }
            _ => None,
        }
    }
}

/// A literal as a value of a kind; `None` if it is none.
fn constant(sql: &Sql, kind: &Kind) -> Option<Value> {
    match (sql, kind) {
        (Sql::Truth(truth), Kind::Boolean) => Some(Value::Bool(*truth)),
        (Sql::Number(number), Kind::Boolean) => match number.as_str() {
            "0" => Some(Value::Bool(false)),
            "1" => Some(Value::Bool(true)),
            _ => None,
        },
        (Sql::Number(number), Kind::Float) => number.parse().ok().map(Value::Float),
        (Sql::Number(number) | Sql::Text(number), Kind::Decimal { .. }) => {
            BigDecimal::from_str(number).ok().map(Value::Decimal)
        }
        (Sql::Number(number), kind) if kind.integer_range().is_some() => {
            let (least, greatest) = kind.integer_range()?;
            let number: i64 = number.parse().ok()?;
            (least..=greatest).contains(&number).then_some(Value::Int(number))
        }
        (Sql::Text(text), kind) if kind.is_text() => Some(Value::Text(text.clone())),
        (Sql::Text(text), Kind::Date) => Date::from_str(text).ok().map(Value::Date),
        (Sql::Text(text), Kind::Time) => Time::from_str(text).ok().map(Value::Time),
        (Sql::Text(text), Kind::Uuid) => Uuid::from_str(text).ok().map(Value::Uuid),
        (Sql::Text(text), Kind::DateTime) => {
            let civil = || DateTime::from_str(text).ok().and_then(|civil| Offset::UTC.to_timestamp(civil).ok());
            Timestamp::from_str(text).ok().or_else(civil).map(Value::Timestamp)
        }
        _ => None,
    }
}

/// What a pattern of `LIKE` searches for, if one of Django's lookups makes such a one.
fn like(pattern: &str) -> Option<(Lookup, String)> {
    let (before, inner) = pattern.strip_prefix('%').map_or((false, pattern), |inner| (true, inner));
    let (after, inner) = match inner.strip_suffix('%') {
        Some(inner) if !inner.ends_with('\\') => (true, inner),
        _ => (false, inner),
    };
    let mut text = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.push(characters.next()?),
            '%' | '_' => return None,
            other => text.push(other),
        }
    }
    let lookup = match (before, after) {
        (true, true) => Lookup::Contains,
        (false, true) => Lookup::StartsWith,
        (true, false) => Lookup::EndsWith,
        (false, false) => return None,
    };
    Some((lookup, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_django_s_lookups() {
        assert_eq!(like(r"x\%\_%"), Some((Lookup::StartsWith, "x%_".into())));
        assert_eq!(like("%x%"), Some((Lookup::Contains, "x".into())));
        assert_eq!(like(r"%x\%"), Some((Lookup::EndsWith, "x%".into())));
        assert_eq!(like("a%b"), None);
        assert_eq!(like("a_b%"), None);
    }

    #[test]
    fn literals_are_of_the_column_s_kind() {
        let number = |text: &str| Sql::Number(text.into());
        assert_eq!(constant(&number("1"), &Kind::Boolean), Some(Value::Bool(true)));
        assert_eq!(constant(&number("70000"), &Kind::SmallInteger), None);
        assert_eq!(constant(&Sql::Text("5".into()), &Kind::Integer), None);
        assert!(constant(&Sql::Text("2020-01-02 03:04:05".into()), &Kind::DateTime).is_some());
    }
}
