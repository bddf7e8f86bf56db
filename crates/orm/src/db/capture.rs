//! The statements that a task sends: each of them, kept for tests, or in sum, for the log of slow requests.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::Statement;
use super::tally::Meter;
use crate::error::Error;
use crate::value::Value;

/// A statement that was sent, and how it went.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct CapturedQuery {
    /// The SQL.
    pub sql: String,
    /// The values bound. [`Debug`](fmt::Debug) shows their types alone.
    pub params: Vec<Value>,
    /// From sending it to its last row, waiting for a connection included.
    pub elapsed: Duration,
    /// Rows read or changed; `None` if it failed.
    pub rows: Option<u64>,
}

impl fmt::Debug for CapturedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types: Vec<&str> = self.params.iter().map(Value::type_name).collect();
        f.debug_struct("CapturedQuery")
            .field("sql", &self.sql)
            .field("params", &types)
            .field("elapsed", &self.elapsed)
            .field("rows", &self.rows)
            .finish()
    }
}

/// Who is told of statements, and whoever was told before: captures may be nested.
struct Listener {
    ear: Ear,
    outer: Option<Arc<Listener>>,
}

enum Ear {
    Each(Mutex<Vec<CapturedQuery>>),
    Sum(Meter),
}

tokio::task_local! {
    static LISTENER: Option<Arc<Listener>>;
}

/// The innermost listener of this task.
fn listener() -> Option<Arc<Listener>> {
    LISTENER.try_with(Clone::clone).unwrap_or_default()
}

/// Listeners from the innermost one on.
fn outwards(listener: &Option<Arc<Listener>>) -> impl Iterator<Item = &Listener> {
    std::iter::successors(listener.as_deref(), |inner| inner.outer.as_deref())
}

/// Runs a future and keeps the statements that it sends, in the order they end.
///
/// Those of tasks that it spawns are not its own. Statements that steer transactions (`BEGIN`, savepoints, `COMMIT`) are
/// not kept. Captures may be nested: each sees its own and those within.
pub async fn capture<T>(future: impl Future<Output = T>) -> (T, Vec<CapturedQuery>) {
    let own = Arc::new(Listener { ear: Ear::Each(Mutex::default()), outer: listener() });
    let output = LISTENER.scope(Some(Arc::clone(&own)), future).await;
    let queries = match &own.ear {
        Ear::Each(queries) => std::mem::take(&mut *queries.lock().unwrap_or_else(PoisonError::into_inner)),
        Ear::Sum(_) => Vec::new(),
    };
    (output, queries)
}

/// Runs a future and fails unless it sends exactly `expected` statements.
///
/// # Panics
/// If it sends more or fewer: the message lists them.
#[track_caller]
pub fn assert_queries<T>(expected: usize, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let (output, queries) = capture(future).await;
        let sent: String = queries.iter().map(|query| format!("\n  {}", query.sql)).collect();
        assert!(
            queries.len() == expected,
            "expected {expected} statements at {caller}, but {} were sent:{sent}",
            queries.len()
        );
        output
    }
}

/// The future as part of this task's captures, though another task runs it.
pub(super) fn inherit<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    LISTENER.scope(listener(), future)
}

pin_project! {
    /// A future whose statements a [`Meter`] counts.
    pub struct Metered<F> {
        #[pin]
        inner: F,
        meter: Meter,
        // Made at the first poll, when it is known who else listens.
        own: Option<Arc<Listener>>,
    }
}

/// The future, its statements counted by this meter too.
pub(super) fn metered<F: Future>(meter: Meter, future: F) -> Metered<F> {
    Metered { inner: future, meter, own: None }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let own = this.own.get_or_insert_with(|| {
            let ear = Ear::Sum(this.meter.clone());
            Arc::new(Listener { ear, outer: listener() })
        });
        LISTENER.sync_scope(Some(Arc::clone(own)), || this.inner.poll(context))
    }
}

impl<F> fmt::Debug for Metered<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metered")
    }
}

/// A statement being watched, if anybody wants to know.
pub(super) struct Watch(Option<Box<Watched>>);

struct Watched {
    /// Its values only where they are kept.
    statement: Statement,
    listener: Option<Arc<Listener>>,
    start: Instant,
}

impl Watch {
    pub(super) fn start(statement: &Statement) -> Self {
        let listener = listener();
        if listener.is_none() && !tracing::enabled!(target: "nuages::sql", tracing::Level::DEBUG) {
            return Watch(None);
        }
        let mut params = None;
        for heard in outwards(&listener) {
            match &heard.ear {
                Ear::Each(_) => params = Some(statement.params.clone()),
                Ear::Sum(meter) => meter.begin(&statement.sql),
            }
        }
        let params = params.unwrap_or_default();
        let statement = Statement { sql: statement.sql.clone(), params, reads: statement.reads };
        Watch(Some(Box::new(Watched { statement, listener, start: Instant::now() })))
    }

    pub(super) fn end(self, rows: Result<u64, &Error>) {
        let Watch(Some(watched)) = self else {
            return;
        };
        let Watched { statement: Statement { sql, params, .. }, listener, start } = *watched;
        let elapsed = start.elapsed();
        match rows {
            Ok(rows) => tracing::debug!(target: "nuages::sql", sql, rows, ?elapsed),
            Err(error) => tracing::debug!(target: "nuages::sql", sql, kind = ?error.kind(), ?elapsed),
        }
        let rows = rows.ok();
        for heard in outwards(&listener) {
            match &heard.ear {
                Ear::Each(queries) => {
                    let query = CapturedQuery { sql: sql.clone(), params: params.clone(), elapsed, rows };
                    queries.lock().unwrap_or_else(PoisonError::into_inner).push(query);
                }
                Ear::Sum(meter) => meter.end(&sql, elapsed, rows),
            }
        }
    }
}
