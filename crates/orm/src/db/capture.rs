//! The statements that a task sends, kept for logs and tests.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Statement;
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

type Log = Arc<Mutex<Vec<CapturedQuery>>>;

tokio::task_local! {
    static LOGS: RefCell<Vec<Log>>;
}

/// Runs a future and keeps the statements that it sends, in the order they end.
///
/// Those of tasks that it spawns are not its own. Statements that steer transactions (`BEGIN`, savepoints, `COMMIT`) are
/// not kept. Captures may be nested: each sees its own and those within.
pub async fn capture<T>(future: impl Future<Output = T>) -> (T, Vec<CapturedQuery>) {
    let log = Log::default();
    let mut logs = LOGS.try_with(|logs| logs.borrow().clone()).unwrap_or_default();
    logs.push(Arc::clone(&log));
    let output = LOGS.scope(RefCell::new(logs), future).await;
    let queries = std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
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
    let logs = LOGS.try_with(|logs| logs.borrow().clone()).unwrap_or_default();
    LOGS.scope(RefCell::new(logs), future)
}

/// A statement being watched, if anybody wants to know.
pub(super) struct Watch(Option<(Statement, Vec<Log>, Instant)>);

impl Watch {
    pub(super) fn start(statement: &Statement) -> Self {
        let logs = LOGS.try_with(|logs| logs.borrow().clone()).unwrap_or_default();
        let wanted = !logs.is_empty() || tracing::enabled!(target: "nuages::sql", tracing::Level::DEBUG);
        Watch(wanted.then(|| (statement.clone(), logs, Instant::now())))
    }

    pub(super) fn end(self, rows: Result<u64, &Error>) {
        let Watch(Some((statement, logs, start))) = self else {
            return;
        };
        let elapsed = start.elapsed();
        match rows {
            Ok(rows) => tracing::debug!(target: "nuages::sql", sql = statement.sql, rows, ?elapsed),
            Err(error) => tracing::debug!(target: "nuages::sql", sql = statement.sql, kind = ?error.kind(), ?elapsed),
        }
        let query = CapturedQuery { sql: statement.sql, params: statement.params, elapsed, rows: rows.ok() };
        for log in logs {
            log.lock().unwrap_or_else(PoisonError::into_inner).push(query.clone());
        }
    }
}
