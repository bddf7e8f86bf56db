//! Many rows on their way into one table.

use super::capture::Watch;
use super::{Db, Statement};
use crate::engine;
use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;
use crate::value::Value;

/// Values of rows, one row after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    /// The values of a row.
    pub(crate) width: usize,
    pub(crate) count: usize,
    pub(crate) values: Vec<Value>,
}

impl Rows {
    /// The rows, those without values too.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[Value]> {
        (0..self.count).map(|row| self.values.get(row * self.width..(row + 1) * self.width).unwrap_or_default())
    }
}

/// What became of a row of an upsert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Inserted,
    Updated,
    Unchanged,
}

/// An upsert that is run for each row (SQLite).
#[derive(Debug)]
pub(crate) struct UpsertEach {
    pub(crate) sql: String,
    /// The statement that answers with the row that is there and stays as it is, and which of the row's values find it.
    pub(crate) there: Option<(String, Vec<usize>)>,
    pub(crate) rows: Rows,
}

/// How rows that nothing is to be known of afterwards get into a table.
#[derive(Debug, Clone)]
pub(crate) struct Fill {
    /// The `INSERT` of one row: SQLite runs it for each; PostgreSQL is asked for the types of its parameters.
    pub(crate) insert: String,
    /// The `COPY` of all (PostgreSQL).
    pub(crate) copy: String,
    /// The table as SQL names it.
    #[cfg(feature = "postgres")]
    pub(crate) table: String,
    /// The values of a row.
    #[cfg(feature = "postgres")]
    pub(crate) width: usize,
}

/// Rows being sent to a table piece by piece, within a transaction.
///
/// A piece may still be on its way while the next is made. An error has the index of the row at fault if the engine says
/// which it is, counted from the first row of the first piece.
pub(crate) struct Filling {
    inner: engine::Filling,
    db: Db,
    watch: Option<Watch>,
}

impl Filling {
    pub(crate) async fn send(&mut self, rows: Rows) -> Result<()> {
        let sent = self.inner.send(rows).await;
        sent.map_err(|error| self.failed(error))
    }

    /// Waits until all rows are in; how many were written.
    pub(crate) async fn finish(mut self) -> Result<u64> {
        match self.inner.finish().await {
            Ok(rows) => {
                if let Some(watch) = self.watch.take() {
                    watch.end(Ok(rows));
                }
                Ok(rows)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&mut self, error: Error) -> Error {
        if let Some(watch) = self.watch.take() {
            watch.end(Err(&error));
        }
        self.db.failed(error)
    }
}

impl Db {
    /// Begins to fill a table, within a transaction; `None` where the table takes rows by `INSERT` alone.
    pub(crate) async fn fill(&self, fill: &Fill) -> Result<Option<Filling>> {
        let sql = match self.dialect() {
            engine::Dialect::Sqlite => &fill.insert,
            engine::Dialect::Postgres => &fill.copy,
        };
        let begun = self.transaction_session()?.fill(fill).await.map_err(|error| self.failed(error))?;
        let watch = || Watch::start(&Statement::write(sql.clone(), Vec::new()));
        Ok(begun.map(|inner| Filling { inner, db: self.clone(), watch: Some(watch()) }))
    }

    /// Runs a statement for each row, within a transaction, and reads what it answers, each answer with the row's place
    /// (SQLite). An error has the index of the row at fault.
    pub(crate) async fn fetch_each<T, F>(&self, sql: &str, rows: Rows, mut read: F) -> Result<Vec<(usize, T)>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let watch = Watch::start(&Statement::write(sql, Vec::new()));
        let read = move |place: usize, row: &mut Row<'_>| Ok((place, read(row)?));
        let found = self.transaction_session()?.fetch_each(sql.to_owned(), rows, read).await;
        watch.end(found.as_ref().map(|rows| rows.len() as u64));
        found.map_err(|error| self.failed(error))
    }

    /// Runs an upsert for each row, within a transaction, and reads the row that it answers with (SQLite). An error has the
    /// index of the row at fault.
    pub(crate) async fn upsert_each<T, F>(&self, upsert: UpsertEach, read: F) -> Result<Vec<(Done, Option<T>)>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let watch = Watch::start(&Statement::write(upsert.sql.clone(), Vec::new()));
        let found = self.transaction_session()?.upsert_each(upsert, read).await;
        watch.end(found.as_ref().map(|rows| rows.len() as u64));
        found.map_err(|error| self.failed(error))
    }

    /// The names of the types of a statement's parameters, as SQL names them, within a transaction (PostgreSQL). They
    /// stay until it ends: its tables are locked against being altered.
    pub(crate) async fn parameter_types(&self, sql: &str) -> Result<Vec<String>> {
        self.transaction_session()?.parameter_types(sql).await.map_err(|error| self.failed(error))
    }

    fn transaction_session(&self) -> Result<&engine::Session> {
        match &self.level {
            Some(level) => level.session(),
            None => Err(Error::new(ErrorKind::TransactionEnded, "rows are written in bulk within a transaction alone")),
        }
    }
}
