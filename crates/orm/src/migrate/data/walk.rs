//! Batches in the order of the primary key, and where they got to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value as Json, json};
use tokio::sync::mpsc::UnboundedSender;

use super::super::execute::{set_checkpoint, take_part};
use super::super::operation::Migration;
use super::{Past, Populate};
use crate::batch;
use crate::batch::keyset::{KeyValues, Stretch, from_mark, to_mark};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::query::{Node, Query, Step, run};

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

/// One walk over the rows of a query.
struct Walk<'a> {
    past: &'a Past,
    number: usize,
    /// The rows that are still to be done.
    rest: Stretch,
    done: u64,
    total: Option<u64>,
}

impl<'a> Walk<'a> {
    /// Begins, or goes on after what was done before; `None` if that was all.
    async fn start(past: &'a Past, query: Query) -> Result<Option<Self>> {
        let course = past.course();
        let number = course.walks.fetch_add(1, Ordering::Relaxed);
        let mark = course.marks.as_ref().and_then(|marks| marks.get(number));
        if mark.as_ref().and_then(Json::as_str) == Some(DONE) {
            return Ok(None);
        }
        let whole = Stretch::whole(past.db(), query)?;
        let rest = match mark.as_ref().and_then(from_mark) {
            Some(last) => whole.beyond(last),
            None => whole,
        };
        let total = batch::count(past.db(), &rest).await?;
        Ok(Some(Walk { past, number, rest, done: 0, total }))
    }

    /// Does a batch, in a transaction together with the mark unless all is one. The work says the last key that it came
    /// to, and how many rows it did; without a key, it has come to its end. Says whether there is more to do.
    async fn step<F>(&mut self, work: impl FnOnce(Past) -> F) -> Result<bool>
    where
        F: Future<Output = Result<(Option<KeyValues>, u64)>>,
    {
        let past = self.past;
        let (last, rows) = match &past.course().marks {
            None => work(past.clone()).await?,
            Some(marks) => {
                let transaction = past.db().begin(true).await?;
                take_part(transaction.db()).await?;
                let outcome = match work(past.on(transaction.db())).await {
                    Ok((last, rows)) => {
                        let mark = last.as_ref().map_or_else(|| Ok(json!(DONE)), |last| to_mark(last));
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
        let Some(last) = last else { return Ok(false) };
        self.rest.after = Some(last);
        Ok(true)
    }
}

/// Works on the rows of a query, batch by batch.
pub(super) async fn batches<T>(
    past: &Past,
    query: Query,
    rows: u64,
    fetch: fn(Db, Query) -> BoxFuture<'static, Result<Vec<T>>>,
    key: impl Fn(&T) -> KeyValues,
    work: &mut impl AsyncFnMut(Past, Vec<T>) -> Result<()>,
) -> Result<()> {
    let rows = rows.max(1);
    let Some(mut walk) = Walk::start(past, query).await? else { return Ok(()) };
    loop {
        let query = walk.rest.page(rows);
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
        let rest = walk.rest.clone();
        let goes_on = walk
            .step(async |past: Past| {
                let last = rest.key_at(past.db(), populate.batch).await?;
                let rows = rest.between(rest.after.clone(), last.clone()).rows();
                Ok((last, run::update(past.db(), &rows, &pairs).await?))
            })
            .await?;
        if !goes_on {
            return Ok(());
        }
    }
}
