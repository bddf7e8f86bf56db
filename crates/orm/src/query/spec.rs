//! Queries as JSON: what the `query` command reads, and what it answers.
//!
//! A spec is an object. The format is that of `tests/oracle/oracle.py`, which answers the same specs with Django's ORM:
//!
//! ```json
//! {"model": "shop.Book", "filter": {"publisher__name__icontains": "é"}, "annotate": {"n": {"fn": "count", "path": "reviews"}},
//!  "order_by": ["-n", "id"], "values": ["title", "n"], "limit": 10}
//! ```
//!
//! A query starts from the rows that the model's default manager shows, one inside another too; from those of another
//! manager with `"manager": "name"`, from all rows with `"all": true`.

use std::borrow::Cow;

use serde_json::{Map, Value as Json, json};

use super::node::{Aggregate, AggregateFunction, Function, Node, Operator, Part};
use super::plan::{Query, Step};
use crate::db::{Db, Statement};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{OrderBy, Schema};
use crate::row::Row;
use crate::sql::{self, Compiled, OutputColumn};
use crate::value::Value;

/// What an answer shows of an encrypted field, whose ciphertext says nothing to anybody.
const ENCRYPTED: &str = "<encrypted>";

/// What a spec asks of its query.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// The rows, each an array in the order of `values`.
    Rows(Query),
    /// The number of rows.
    Count(Query),
    /// Whether there are any.
    Exists(Query),
    /// Figures over all rows, by name.
    Aggregate(Query, Vec<(Cow<'static, str>, Node)>),
}

/// Answers a spec: an array of rows, an object of figures, a number or a boolean, or `{"error": KIND}` where KIND is the
/// class of exception by which Django refuses the same spec.
pub async fn answer(db: &Db, spec: &Json) -> Json {
    try_answer(db, spec).await.unwrap_or_else(|error| refusal(&error))
}

/// The answer to a spec that was refused.
pub fn refusal(error: &Error) -> Json {
    tracing::debug!(%error, "query refused");
    json!({ "error": django_exception(error.kind()) })
}

/// Answers a spec, or says why not.
///
/// # Errors
/// [`ErrorKind::Value`] for a malformed spec; [`ErrorKind::Field`] and others as for any query.
pub async fn try_answer(db: &Db, spec: &Json) -> Result<Json> {
    match parse(db.schema(), spec)? {
        Question::Rows(query) => {
            let with_values = query.steps.iter().any(|step| matches!(step, Step::Values(_)));
            let (rows, columns) = described_rows(db, &query).await?;
            if !with_values && !rows.is_empty() {
                return Err(Error::new(ErrorKind::Type, "rows of a model are no arrays: name columns in `values`"));
            }
            let cell = |(column, value): (&OutputColumn, &Value)| match &column.kind {
                Some(kind) if kind.is_encrypted() && !value.is_null() => Json::from(ENCRYPTED),
                _ => plain(value),
            };
            let row = |row: &Vec<Value>| Json::Array(columns.iter().zip(row).map(cell).collect());
            Ok(Json::Array(rows.iter().map(row).collect()))
        }
        Question::Count(query) => super::run::count(db, &query).await.map(Json::from),
        Question::Exists(query) => super::run::exists(db, &query).await.map(Json::from),
        Question::Aggregate(query, figures) => {
            let values = super::run::aggregate(db, &query, &figures).await?;
            let named = figures.iter().map(|(name, _)| name.to_string()).zip(values.iter().map(plain));
            Ok(Json::Object(named.collect()))
        }
    }
}

/// The rows of a query as values, in the order of its columns; of encrypted fields, the ciphertext.
pub async fn rows(db: &Db, query: &Query) -> Result<Vec<Vec<Value>>> {
    described_rows(db, query).await.map(|(rows, _)| rows)
}

/// The rows of a query as values, and what their columns hold.
async fn described_rows(db: &Db, query: &Query) -> Result<(Vec<Vec<Value>>, Vec<OutputColumn>)> {
    let Compiled::Run(described) = sql::describe(db.schema(), query)? else { return Ok((Vec::new(), Vec::new())) };
    let columns = described.columns.clone();
    let read = move |row: &mut Row<'_>| {
        columns.iter().map(|OutputColumn { kind, .. }| row.column().value(kind.as_ref())).collect()
    };
    Ok((db.fetch(described.selected.statement, read).await?, described.columns))
}

/// The statement that answers a spec; `None` if no row can answer it, so that the database is not asked.
///
/// # Errors
/// As [`try_answer`].
pub fn statement(db: &Db, spec: &Json) -> Result<Option<Statement>> {
    let schema = db.schema();
    let selected = match parse(schema, spec)? {
        Question::Rows(query) => sql::select(schema, &query)?,
        Question::Count(query) => sql::count(schema, &query)?,
        Question::Exists(query) => sql::exists(schema, &query)?,
        Question::Aggregate(query, figures) => sql::aggregate(schema, &query, &figures)?.selected.undescribed(),
    };
    Ok(match selected {
        Compiled::Run(selected) => Some(selected.statement),
        Compiled::Empty => None,
    })
}

/// How the database would go about a spec, in its own words, a line each; the statement is not run.
///
/// # Errors
/// As [`try_answer`].
pub async fn explain(db: &Db, spec: &Json) -> Result<Vec<String>> {
    let Some(statement) = statement(db, spec)? else { return Ok(Vec::new()) };
    match db.dialect() {
        Dialect::Sqlite => {
            let plan = db.raw(format!("EXPLAIN QUERY PLAN {}", statement.sql), statement.params);
            let steps: Vec<(i64, i64, i64, String)> = plan.fetch().await?;
            Ok(steps.into_iter().map(|(_, _, _, step)| step).collect())
        }
        Dialect::Postgres => {
            let lines: Vec<(String,)> = db.raw(format!("EXPLAIN {}", statement.sql), statement.params).fetch().await?;
            Ok(lines.into_iter().map(|(line,)| line).collect())
        }
    }
}

/// Reads a spec.
///
/// # Errors
/// [`ErrorKind::Value`], naming the part that is malformed.
pub fn parse(schema: &Schema, spec: &Json) -> Result<Question> {
    let fields = object(spec, "a spec")?;
    let query = parse_query(schema, spec)?;
    if let Some(figures) = fields.get("aggregate") {
        let figures = object(figures, "`aggregate`")?.iter();
        let figures =
            figures.map(|(name, e)| Ok((Cow::Owned(name.clone()), expression(schema, e)?))).collect::<Result<_>>()?;
        return Ok(Question::Aggregate(query, figures));
    }
    let asks = |name: &str| fields.get(name).and_then(Json::as_bool).unwrap_or(false);
    Ok(match (asks("count"), asks("exists_only")) {
        (true, _) => Question::Count(query),
        (false, true) => Question::Exists(query),
        (false, false) => Question::Rows(query),
    })
}

/// Reads the part of a spec that is a queryset.
fn parse_query(schema: &Schema, spec: &Json) -> Result<Query> {
    const KEYS: [&str; 15] = [
        "model",
        "all",
        "manager",
        "filter",
        "exclude",
        "group_by",
        "annotate",
        "having",
        "order_by",
        "values",
        "distinct",
        "limit",
        "offset",
        "aggregate",
        "count",
    ];
    let fields = object(spec, "a spec")?;
    if let Some(unknown) = fields.keys().find(|key| !KEYS.contains(&key.as_str()) && *key != "exists_only") {
        return Err(malformed(format!("unknown key `{unknown}`: choices are {}, exists_only", KEYS.join(", "))));
    }
    let Some(Json::String(model)) = fields.get("model") else {
        return Err(malformed("`model` is missing: name one as `app.Model`"));
    };
    let all = fields.get("all").and_then(Json::as_bool).unwrap_or(false);
    let Query { model, mut steps } = match (all, fields.get("manager")) {
        (true, None) => Query { model: Cow::Owned(model.clone()), steps: Vec::new() },
        (false, None) => schema.objects(model)?,
        (false, Some(Json::String(manager))) => schema.managed(model, manager)?,
        (true, Some(_)) => return Err(malformed("`all` and `manager` exclude one another")),
        (false, Some(_)) => return Err(malformed("`manager` must be a text")),
    };
    if let Some(f) = fields.get("filter") {
        steps.push(Step::Filter(condition(schema, f)?));
    }
    if let Some(f) = fields.get("exclude") {
        steps.push(Step::Exclude(condition(schema, f)?));
    }
    if let Some(paths) = fields.get("group_by") {
        steps.push(Step::Values(texts(paths, "`group_by`")?.map(Node::path).collect()));
    }
    if let Some(annotations) = fields.get("annotate") {
        for (name, e) in object(annotations, "`annotate`")? {
            steps.push(Step::Annotate(vec![(Cow::Owned(name.clone()), expression(schema, e)?)]));
        }
    }
    if let Some(f) = fields.get("having") {
        steps.push(Step::Filter(condition(schema, f)?));
    }
    if let Some(names) = fields.get("order_by") {
        steps.push(Step::OrderBy(texts(names, "`order_by`")?.map(order).collect()));
    }
    if let Some(paths) = fields.get("values") {
        steps.push(Step::Values(texts(paths, "`values`")?.map(Node::path).collect()));
    }
    if fields.get("distinct").and_then(Json::as_bool).unwrap_or(false) {
        steps.push(Step::Distinct);
    }
    let number = |name: &str| match fields.get(name) {
        None => Ok(None),
        Some(n) => n.as_u64().map(Some).ok_or_else(|| malformed(format!("`{name}` must be a number from 0"))),
    };
    let (offset, limit) = (number("offset")?.unwrap_or(0), number("limit")?);
    if offset > 0 || limit.is_some() {
        steps.push(Step::Slice { offset, limit });
    }
    Ok(Query { model, steps })
}

/// One step of an ordering in Django's notation: a path, after a hyphen if descending.
pub fn order(name: &str) -> OrderBy {
    match name.strip_prefix('-') {
        Some(path) => OrderBy::desc(Node::path(path)),
        None => OrderBy::asc(Node::path(name.strip_prefix('+').unwrap_or(name))),
    }
}

fn condition(schema: &Schema, f: &Json) -> Result<Node> {
    let fields = object(f, "a condition")?;
    if let (1, Some((key, inner))) = (fields.len(), fields.iter().next()) {
        match key.as_str() {
            "and" => {
                return array(inner, "`and`")?
                    .iter()
                    .map(|part| condition(schema, part))
                    .collect::<Result<_>>()
                    .map(Node::And);
            }
            "or" => {
                return array(inner, "`or`")?
                    .iter()
                    .map(|part| condition(schema, part))
                    .collect::<Result<_>>()
                    .map(Node::Or);
            }
            "not" => return condition(schema, inner).map(Node::negate),
            "exists" => return parse_query(schema, inner).map(|query| Node::Exists(Box::new(query))),
            _ => {}
        }
    }
    let mut all = fields.iter().map(|(keyword, right)| Node::keyword(keyword, value(right)));
    // Django's Q sorts its keyword arguments.
    let mut sorted: Vec<(&String, Node)> = fields.keys().zip(all.by_ref()).collect();
    sorted.sort_by(|a, b| a.0.cmp(b.0));
    let mut nodes: Vec<Node> = sorted.into_iter().map(|(_, node)| node).collect();
    Ok(match nodes.len() {
        1 => nodes.remove(0),
        _ => Node::And(nodes),
    })
}

fn expression(schema: &Schema, e: &Json) -> Result<Node> {
    let fields = object(e, "an expression")?;
    let get = |name: &str| fields.get(name).ok_or_else(|| malformed(format!("an expression lacks `{name}`")));
    if let Some(whens) = fields.get("case") {
        let whens = array(whens, "`case`")?.iter().map(|pair| match pair.as_array().map(Vec::as_slice) {
            Some([f, then]) => Ok((condition(schema, f)?, expression(schema, then)?)),
            _ => Err(malformed("`case` is a list of pairs of condition and result")),
        });
        let whens = whens.collect::<Result<_>>()?;
        let default = fields.get("default").map(|part| expression(schema, part)).transpose()?.map(Box::new);
        return Ok(Node::Case { whens, default });
    }
    if let Some(query) = fields.get("exists") {
        return parse_query(schema, query).map(|query| Node::Exists(Box::new(query)));
    }
    if let Some(query) = fields.get("subquery") {
        return parse_query(schema, query).map(|query| Node::Subquery(Box::new(query)));
    }
    if let Some(operator) = fields.get("op") {
        let operator = match operator.as_str() {
            Some("+") => Operator::Add,
            Some("-") => Operator::Sub,
            Some("*") => Operator::Mul,
            Some("/") => Operator::Div,
            Some("%") => Operator::Mod,
            _ => return Err(malformed("`op` must be one of +, -, *, /, %")),
        };
        let (left, right) = (expression(schema, get("left")?)?, expression(schema, get("right")?)?);
        return Ok(Node::Binary(operator, Box::new(left), Box::new(right)));
    }
    if fields.contains_key("f") || fields.contains_key("outer") {
        return Ok(value(e));
    }
    if let Some(constant) = fields.get("value") {
        return Ok(Node::value(from_json(constant)));
    }
    let name = get("fn")?.as_str().unwrap_or_default();
    if let Some(function) = aggregate_function(name) {
        let path = get("path")?.as_str().ok_or_else(|| malformed("`path` must be a text"))?;
        if path == "*" && fields.contains_key("filter") {
            return Err(malformed("`*` counts all rows: name a field to count those that a filter keeps"));
        }
        return Ok(Node::Aggregate(Box::new(Aggregate {
            function,
            argument: (path != "*").then(|| Node::path(path)),
            distinct: fields.get("distinct").and_then(Json::as_bool).unwrap_or(false),
            filter: fields.get("filter").map(|part| condition(schema, part)).transpose()?,
        })));
    }
    let function = match name {
        "lower" => Function::Lower,
        "upper" => Function::Upper,
        "length" => Function::Length,
        "coalesce" => Function::Coalesce,
        "concat" => Function::Concat,
        "abs" => Function::Abs,
        "round" => Function::Round,
        "greatest" => Function::Greatest,
        "least" => Function::Least,
        "nullif" => Function::NullIf,
        "trunc_year" => Function::Trunc(Part::Year),
        "trunc_month" => Function::Trunc(Part::Month),
        "trunc_day" => Function::Trunc(Part::Day),
        "extract_year" => Function::Extract(Part::Year),
        "extract_month" => Function::Extract(Part::Month),
        "extract_week_day" => Function::Extract(Part::WeekDay),
        _ => return Err(malformed(format!("unknown function `{name}`"))),
    };
    array(get("args")?, "`args`")?
        .iter()
        .map(|part| expression(schema, part))
        .collect::<Result<_>>()
        .map(|args| Node::Call(function, args))
}

/// The aggregate of this name.
pub fn aggregate_function(name: &str) -> Option<AggregateFunction> {
    Some(match name {
        "count" => AggregateFunction::Count,
        "sum" => AggregateFunction::Sum,
        "avg" => AggregateFunction::Avg,
        "min" => AggregateFunction::Min,
        "max" => AggregateFunction::Max,
        _ => return None,
    })
}

/// A value, a path (`{"f": P}`) or a path of the query around (`{"outer": P}`).
fn value(v: &Json) -> Node {
    if let Some(fields) = v.as_object().filter(|fields| fields.len() == 1) {
        if let Some(path) = fields.get("f").and_then(Json::as_str) {
            return Node::path(path);
        }
        if let Some(path) = fields.get("outer").and_then(Json::as_str) {
            return Node::Outer(path.split("__").map(|name| Cow::Owned(name.to_owned())).collect());
        }
    }
    Node::value(from_json(v))
}

/// A JSON value as the nearest plain value; arrays and objects stay JSON.
fn from_json(v: &Json) -> Value {
    match v {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => match n.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text.clone()),
        other => Value::Json(other.clone()),
    }
}

/// A value as an answer shows it: decimals as text, moments as `2020-01-02T03:04:05.678901Z`, days and times of day in
/// ISO 8601, durations in microseconds, bytes in Base64, floats that are no numbers as text.
pub fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::from(*b),
        Value::Int(n) => Json::from(*n),
        Value::Float(f) if f.is_finite() => Json::from(*f),
        Value::Float(f) if f.is_nan() => Json::from("nan"),
        Value::Float(f) => Json::from(if *f > 0.0 { "inf" } else { "-inf" }),
        Value::Decimal(d) => Json::from(d.to_plain_string()),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => {
            use base64::Engine as _;
            Json::from(base64::engine::general_purpose::STANDARD.encode(bytes))
        }
        Value::Date(date) => Json::from(date.to_string()),
        Value::Time(time) => Json::from(clock(*time)),
        Value::Timestamp(moment) => Json::from(moment.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()),
        Value::Duration(duration) => Json::from(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        Value::Uuid(uuid) => Json::from(uuid.to_string()),
        Value::Ip(ip) => Json::from(ip.to_string()),
        Value::Json(document) => document.clone(),
        Value::List(values) => Json::Array(values.iter().map(plain).collect()),
        Value::Plain(_) => Json::from(ENCRYPTED),
    }
}

/// Python's `time.isoformat()`: six digits after the second, or none.
fn clock(time: jiff::civil::Time) -> String {
    let format = if time.subsec_nanosecond() == 0 { "%H:%M:%S" } else { "%H:%M:%S.%6f" };
    time.strftime(format).to_string()
}

fn django_exception(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Field => "FieldError",
        ErrorKind::Validation => "ValidationError",
        ErrorKind::Value => "ValueError",
        ErrorKind::Type => "TypeError",
        _ => "DatabaseError",
    }
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Value, message)
}

fn object<'a>(v: &'a Json, what: &str) -> Result<&'a Map<String, Json>> {
    v.as_object().ok_or_else(|| malformed(format!("{what} must be an object")))
}

fn array<'a>(v: &'a Json, what: &str) -> Result<&'a Vec<Json>> {
    v.as_array().ok_or_else(|| malformed(format!("{what} must be an array")))
}

fn texts<'a>(v: &'a Json, what: &str) -> Result<impl Iterator<Item = &'a str>> {
    let values = array(v, what)?;
    match values.iter().all(Json::is_string) {
        true => Ok(values.iter().filter_map(Json::as_str)),
        false => Err(malformed(format!("{what} must be an array of texts"))),
    }
}
