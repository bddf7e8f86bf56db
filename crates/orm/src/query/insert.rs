//! Rows on their way into a table.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::node::Node;
use super::plan::{Query, Step};
use super::{check, run};
use crate::db::{Db, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{Entry, Field, FieldDefault, Key, Model, Named, SchemaColumn};
use crate::relation::read_row;
use crate::row::Row;
use crate::sql::{self, Conflict, Insert};
use crate::value::Value;

type Text = Cow<'static, str>;

/// Inserts one row: the fields given, and for the others their defaults; and gives the row back as the database has it.
pub(crate) async fn one<M: Model>(db: &Db, given: Vec<(Text, Value)>) -> Result<M> {
    let entry = db.schema().of::<M>()?;
    let statement = statement(db, entry, given)?;
    let mut rows = db.fetch(statement, |row| read_row::<M>(row, &[])).await?;
    rows.pop().ok_or_else(|| no_row(&entry.label))
}

/// Inserts one row of a model that no struct stands for, as [`one`] does; the values of its columns.
pub(crate) async fn values(db: &Db, entry: &Entry, given: Vec<(Text, Value)>) -> Result<Vec<Value>> {
    for (name, _) in &given {
        let known = entry.field_id(name).and_then(|field| entry.column(field));
        known.ok_or_else(|| entry.unknown(name))?;
    }
    let kinds: Vec<Kind> = entry.columns.iter().map(|column| column.kind.clone()).collect();
    let read = move |row: &mut Row<'_>| kinds.iter().map(|kind| row.column().value(Some(kind))).collect();
    db.fetch(statement(db, entry, given)?, read).await?.pop().ok_or_else(|| no_row(&entry.label))
}

fn no_row(label: &str) -> Error {
    Error::new(ErrorKind::Database, "an insert gave no row back").in_model(label)
}

/// The statement that inserts a row and gives all of its columns back.
fn statement(db: &Db, entry: &Entry, given: Vec<(Text, Value)>) -> Result<Statement> {
    let mut columns = Vec::with_capacity(entry.columns.len());
    let mut row = Vec::with_capacity(entry.columns.len());
    let mut given: Vec<Option<(Text, Value)>> = given.into_iter().map(Some).collect();
    for column in &entry.columns {
        let field = entry.field(column.field);
        let named = |pair: &Option<(Text, Value)>| pair.as_ref().is_some_and(|(name, _)| field.name == *name);
        let value = match given.iter_mut().find(|pair| named(pair)).and_then(Option::take) {
            Some((_, value)) => value,
            None => match initial(field, column) {
                Some(value) => value,
                None => continue,
            },
        };
        check::value(entry, column, &value)?;
        columns.push(column);
        row.push(value);
    }
    let returning = entry.columns.iter().collect();
    let insert = Insert { columns, rows: vec![row], conflict: Conflict::Refuse, returning };
    sql::insert(db.schema(), entry, insert)
}

/// What a column of a new row gets when nothing is said; `None` if the database is to decide.
pub(crate) fn initial(field: &Field, column: &SchemaColumn) -> Option<Value> {
    if field.auto_now || field.auto_now_add {
        return Some(present(&field.kind));
    }
    if field.generated.is_some() || field.kind.is_auto() {
        return None;
    }
    match &field.default {
        Some(FieldDefault::Value(value)) => Some(value.clone()),
        Some(FieldDefault::Function(_, function)) => Some(function()),
        None if field.db_default.is_some() => None,
        None if column.null => Some(Value::Null),
        None => None,
    }
}

/// The current moment, to the microsecond, as the kind has it.
fn present(kind: &Kind) -> Value {
    let now = Timestamp::now();
    let below_microseconds = SignedDuration::from_nanos(i64::from(now.subsec_nanosecond() % 1_000));
    let now = now.checked_sub(below_microseconds).unwrap_or(now);
    match kind {
        Kind::Date => Value::Date(now.to_zoned(TimeZone::UTC).date()),
        Kind::Time => Value::Time(now.to_zoned(TimeZone::UTC).time()),
        _ => Value::Timestamp(now),
    }
}

/// Writes a row: updates it if its key is there, inserts it if not (Django's `Model.save`).
pub(crate) async fn save<M: Model>(db: &Db, model: &mut M) -> Result<()> {
    let entry = db.schema().of::<M>()?;
    let key = Key::to_values(&model.key());
    let unsaved = is_unset(entry, &key);
    let values = writable(entry, model);
    if !unsaved {
        let others = values.iter().filter(|(field, _)| !entry.definition.primary_key.contains(&field.name));
        let pairs: Vec<(Node, Node)> = others.map(|(field, value)| assignment(field, value)).collect();
        let query = Query::on(M::LABEL).then(Step::Filter(run::key_in(entry, vec![key.clone()])));
        let found = match pairs.is_empty() {
            true => run::exists(db, &query).await?,
            false => update_row(db, entry, &query, &pairs, &key).await? > 0,
        };
        if found {
            return read_back(db, entry, model).await;
        }
    }
    let given = values.into_iter().filter(|(field, _)| {
        let decided_here = field.auto_now || field.auto_now_add || (unsaved && field.kind.is_auto());
        !decided_here
    });
    *model = one(db, given.map(|(field, value)| (field.name.clone(), value)).collect()).await?;
    Ok(())
}

/// Writes some fields of a row that is there, and its `auto_now` fields.
pub(crate) async fn save_fields<M: Model>(db: &Db, model: &mut M, fields: Vec<Node>) -> Result<()> {
    let entry = db.schema().of::<M>()?;
    let key = Key::to_values(&model.key());
    let values = writable(entry, model);
    let mut pairs: Vec<(Node, Node)> = Vec::with_capacity(fields.len());
    for node in &fields {
        let name = match node {
            Node::Path(names) if names.len() == 1 => names.first().map(AsRef::as_ref),
            _ => None,
        };
        let field = match name.and_then(|name| entry.named(name)) {
            Some(Named::Field(field) | Named::Column(field)) => Some(entry.field(field)),
            _ => None,
        };
        let found = values.iter().find(|(known, _)| field.is_some_and(|field| field.name == known.name));
        let (field, value) = found.ok_or_else(|| {
            Error::new(ErrorKind::Field, "only columns of the row itself can be saved").in_model(M::LABEL)
        })?;
        pairs.push(assignment(field, value));
    }
    let autos = values.iter().filter(|(field, _)| field.auto_now);
    pairs.extend(autos.map(|(field, value)| assignment(field, value)));
    let query = Query::on(M::LABEL).then(Step::Filter(run::key_in(entry, vec![key.clone()])));
    if update_row(db, entry, &query, &pairs, &key).await? == 0 {
        let gone = Error::new(ErrorKind::NotFound, "is not in the database any more, so no field was saved");
        return Err(gone.in_model(M::LABEL).in_row(shown(&key)));
    }
    read_back(db, entry, model).await
}

/// Reads a row again.
pub(crate) async fn refresh<M: Model>(db: &Db, model: &mut M) -> Result<()> {
    let entry = db.schema().of::<M>()?;
    let key = Key::to_values(&model.key());
    let query = Query::on(M::LABEL).then(Step::Filter(run::key_in(entry, vec![key.clone()])));
    let rows = run::fetch(db, &query, |row, related| read_row::<M>(row, related)).await?;
    *model = rows.into_iter().next().ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "is not in the database any more").in_model(M::LABEL).in_row(shown(&key))
    })?;
    Ok(())
}

/// Reads a row again whose columns are set by saving or computed by the database; others are as they were written.
async fn read_back<M: Model>(db: &Db, entry: &Entry, model: &mut M) -> Result<()> {
    match entry.definition.fields.iter().any(|field| field.auto_now || field.generated.is_some()) {
        true => refresh(db, model).await,
        false => Ok(()),
    }
}

async fn update_row(db: &Db, entry: &Entry, query: &Query, pairs: &[(Node, Node)], key: &[Value]) -> Result<u64> {
    run::update(db, query, pairs).await.map_err(|error| error.in_model(&*entry.label).in_row(shown(key)))
}

fn assignment(field: &Field, value: &Value) -> (Node, Node) {
    (Node::Path(vec![field.name.clone()]), Node::value(value.clone()))
}

/// The writable columns of a row, `auto_now` fields with the present.
fn writable<'a, M: Model>(entry: &'a Entry, model: &M) -> Vec<(&'a Field, Value)> {
    let fields = entry.columns.iter().map(|column| entry.field(column.field));
    let fields = fields.filter(|field| field.generated.is_none());
    let now = |(field, value): (&'a Field, Value)| match field.auto_now {
        true => (field, present(&field.kind)),
        false => (field, value),
    };
    fields.zip(model.to_values()).map(now).collect()
}

/// Whether a key is that of a row not yet saved: zero, where the database numbers the rows.
fn is_unset(entry: &Entry, key: &[Value]) -> bool {
    entry.single_key().is_some_and(|column| entry.field(column.field).kind.is_auto()) && key == [Value::Int(0)]
}

fn shown(key: &[Value]) -> String {
    let parts: Vec<String> = key.iter().map(|value| super::spec::plain(value).to_string()).collect();
    parts.join(", ")
}
