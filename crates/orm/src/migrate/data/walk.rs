//! Batches in the order of the primary key, and where they got to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value as Json, json};
use tokio::sync::mpsc::UnboundedSender;

use super::super::execute::set_checkpoint;
use super::super::operation::Migration;
use super::{Past, Populate};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, OrderBy};
use crate::query::{Lookup, Node, Query, Step, run, spec};
use crate::value::Value;

/// One run of an operation on rows.
#[derive(Debug)]
pub(in super::super) struct Course {
    /// Where it got to; `None` where all is one transaction.
    marks: Option<Marks>,
    /// Walks begun.
    walks: AtomicUsize,
    /// Rows done, and how many there are, if that is known.
    report: UnboundedSender<(u64, Option<u64>)>,
}

impl Course {
    pub(in super::super) fn new(marks: Option<Marks>, report: UnboundedSender<(u64, Option<u64>)>) -> Self {
        Course { marks, walks: AtomicUsize::new(0), report }
    }
}

/// Where the walks of an operation got to, as kept in the database: for each of them the last key, or that it is done.
#[derive(Debug)]
pub(in super::super) struct Marks {
    app: String,
    name: String,
    reached: Mutex<Map<String, Json>>,
}

impl Marks {
    /// What was kept, as text.
    pub(in super::super) fn new(migration: &Migration, kept: Option<&str>) -> Result<Self> {
        let reached = match kept {
            Some(text) => serde_json::from_str(text).map_err(|error| {
                let text = format!("where {} got to cannot be read from the database: {error}", migration.label());
                Error::new(ErrorKind::Migration, text)
            })?,
            None => Map::new(),
        };
        Ok(Marks { app: migration.app.to_string(), name: migration.name.to_string(), reached: Mutex::new(reached) })
    }

    fn get(&self, walk: usize) -> Option<Json> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).get(&walk.to_string()).cloned()
    }

    /// Keeps a mark, in the transaction of what it stands for.
    async fn set(&self, db: &Db, walk: usize, mark: Json) -> Result<()> {
        let text = {
            let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
            reached.insert(walk.to_string(), mark);
            Json::Object(reached.clone()).to_string()
        };
        set_checkpoint(db, &self.app, &self.name, &text).await
    }
}

/// What a mark says of a walk that has come to its end.
const DONE: &str = "done";

fn to_mark(key: &Value) -> Result<Json> {
    match key {
        Value::Int(number) => Ok(json!({ "int": number })),
        Value::Text(text) => Ok(json!({ "text": text })),
        Value::Uuid(uuid) => Ok(json!({ "uuid": uuid.to_string() })),
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("batches go by a key that is a number, a text or a UUID, not {}", other.type_name()),
        )),
    }
}

fn from_mark(mark: &Json) -> Option<Value> {
    let (kind, value) = mark.as_object()?.iter().next()?;
    match kind.as_str() {
        "int" => value.as_i64().map(Value::Int),
        "text" => value.as_str().map(|text| Value::Text(text.to_owned())),
        "uuid" => value.as_str()?.parse().ok().map(Value::Uuid),
        _ => None,
    }
}

/// One walk over the rows of a query.
struct Walk<'a> {
    past: &'a Past,
    number: usize,
    query: Query,
    key: Node,
    last: Option<Value>,
    done: u64,
    total: Option<u64>,
}

impl<'a> Walk<'a> {
    /// Begins, or goes on after what was done before; `None` if that was all.
    async fn start(past: &'a Past, query: Query) -> Result<Option<Self>> {
        let course = past.course();
        let number = course.walks.fetch_add(1, Ordering::Relaxed);
        let key = key_of(past.db().schema().by_label(&query.model)?)?;
        let mark = course.marks.as_ref().and_then(|marks| marks.get(number));
        if mark.as_ref().and_then(Json::as_str) == Some(DONE) {
            return Ok(None);
        }
        let mut walk = Walk { past, number, query, key, last: mark.as_ref().and_then(from_mark), done: 0, total: None };
        // Only for show: outside a transaction, a count that takes too long is done without.
        walk.total = match run::count(past.db(), &walk.rest()).await {
            Ok(rows) => u64::try_from(rows).ok(),
            Err(error) if error.kind() == ErrorKind::Timeout && !past.db().in_transaction() => None,
            Err(error) => return Err(error),
        };
        Ok(Some(walk))
    }

    /// The rows that are still to be done.
    fn rest(&self) -> Query {
        let query = self.query.clone();
        match &self.last {
            Some(last) => query.then(Step::Filter(self.compare(Lookup::Gt, last))),
            None => query,
        }
    }

    fn compare(&self, lookup: Lookup, to: &Value) -> Node {
        Node::lookup(self.key.clone(), lookup, Node::value(to.clone()))
    }

    /// The rows that are still to be done, in order.
    fn in_order(&self) -> Query {
        self.rest().then(Step::OrderBy(vec![OrderBy::asc(self.key.clone())]))
    }

    /// Does a batch, in a transaction together with the mark unless all is one. The work says the last key that it came
    /// to, and how many rows it did; without a key, it has come to its end. Says whether there is more to do.
    async fn step<F>(&mut self, work: impl FnOnce(Past) -> F) -> Result<bool>
    where
        F: Future<Output = Result<(Option<Value>, u64)>>,
    {
        let past = self.past;
        let (last, rows) = match &past.course().marks {
            None => work(past.clone()).await?,
            Some(marks) => {
                let transaction = past.db().begin(true).await?;
                let outcome = match work(past.on(transaction.db())).await {
                    Ok((last, rows)) => {
                        let mark = last.as_ref().map_or_else(|| Ok(json!(DONE)), to_mark);
                        match mark {
                            Ok(mark) => marks.set(transaction.db(), self.number, mark).await.map(|()| (last, rows)),
                            Err(error) => Err(error),
                        }
                    }
                    Err(error) => Err(error),
                };
                transaction.end_with(outcome).await?
            }
        };
        self.done += rows;
        // Nobody may listen.
        let _ = past.course().report.send((self.done, self.total));
        let goes_on = last.is_some();
        self.last = last;
        Ok(goes_on)
    }
}

/// Works on the rows of a query, batch by batch.
pub(super) async fn batches<T>(
    past: &Past,
    query: Query,
    rows: u64,
    fetch: fn(Db, Query) -> BoxFuture<'static, Result<Vec<T>>>,
    key: impl Fn(&T) -> Value,
    work: &mut impl AsyncFnMut(Past, Vec<T>) -> Result<()>,
) -> Result<()> {
    let rows = rows.max(1);
    let Some(mut walk) = Walk::start(past, query).await? else { return Ok(()) };
    loop {
        let query = walk.in_order().then(Step::Slice { offset: 0, limit: Some(rows) });
        let goes_on = walk
            .step(async |past: Past| {
                let batch = fetch(past.db().clone(), query).await?;
                let count = batch.len() as u64;
                let last = if count < rows { None } else { batch.last().map(&key) };
                if count > 0 {
                    work(past, batch).await?;
                }
                Ok((last, count))
            })
            .await?;
        if !goes_on {
            return Ok(());
        }
    }
}

/// Sets fields of rows by expressions, batch by batch: what is in memory is one key.
pub(super) async fn populate(past: &Past, populate: &Populate) -> Result<()> {
    let label = past.model(&populate.model)?.label();
    let mut query = Query::on(label);
    if let Some(only) = &populate.only {
        query = query.then(Step::Filter(only.clone()));
    }
    let pairs: Vec<(Node, Node)> = populate.set.iter().map(|(field, to)| (Node::path(field), to.clone())).collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let Some(mut walk) = Walk::start(past, query).await? else { return Ok(()) };
    loop {
        let bound = walk
            .in_order()
            .then(Step::Values(vec![walk.key.clone()]))
            .then(Step::Slice { offset: populate.batch - 1, limit: Some(1) });
        let rest = walk.rest();
        let key = walk.key.clone();
        let goes_on = walk
            .step(async |past: Past| {
                let last = spec::rows(past.db(), &bound).await?.pop().and_then(|mut row| row.pop());
                let rows = match &last {
                    Some(last) => rest.then(Step::Filter(Node::lookup(key, Lookup::Lte, Node::value(last.clone())))),
                    None => rest,
                };
                Ok((last, run::update(past.db(), &rows, &pairs).await?))
            })
            .await?;
        if !goes_on {
            return Ok(());
        }
    }
}

/// The primary key as an expression.
fn key_of(entry: &Entry) -> Result<Node> {
    let column = entry.single_key().ok_or_else(|| {
        let text = format!("{}: batches go by a primary key of one column", entry.label);
        Error::new(ErrorKind::Unsupported, text)
    })?;
    Ok(Node::Path(vec![entry.field(column.field).name.clone()]))
}
