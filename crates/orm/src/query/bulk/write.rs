//! Pieces of rows on their way into the table.

use std::collections::HashMap;

use super::gather::Piece;
use crate::db::{Db, Filling, Rows, Statement};
use crate::encryption::{self, Plaintext};
use crate::engine::Dialect;
use crate::error::{Error, Result};
use crate::field::Kind;
use crate::model::{Entry, SchemaColumn};
use crate::query::insert::{no_row, shown};
use crate::query::keyed::by_key;
use crate::query::node::Node;
use crate::query::plan::{Query, Step};
use crate::query::run;
use crate::row::Row;
use crate::sql::{self, Compiled};
use crate::value::Value;

/// Rows whose encrypted fields are set by one statement, a few parameters each, of which SQLite has 32,766.
const SEALED: usize = 200;

/// Writes pieces of new rows of one model, within a transaction.
pub(crate) struct Writer<'a> {
    db: &'a Db,
    entry: &'a Entry,
    /// Rows of one statement.
    limit: usize,
    /// The statement that takes rows.
    open: Option<Open>,
    /// Whether the table takes rows by `INSERT` alone.
    inserts_only: bool,
    /// The types of columns that were asked for.
    types: Vec<(Vec<usize>, Vec<String>)>,
    written: u64,
}

/// A statement that takes rows until it is finished.
struct Open {
    columns: Vec<usize>,
    filling: Filling,
    /// Which of all rows those are that it has taken.
    indexes: Vec<u64>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(db: &'a Db, entry: &'a Entry, limit: usize) -> Self {
        Writer { db, entry, limit, open: None, inserts_only: false, types: Vec::new(), written: 0 }
    }

    /// Writes rows of which nothing is to be known afterwards.
    ///
    /// # Errors
    /// The database's, with the index of the row if it is known; also that of a piece before.
    pub(crate) async fn write(&mut self, mut piece: Piece) -> Result<()> {
        if !piece.waiting.is_empty() {
            self.close().await?;
            let waiting = std::mem::take(&mut piece.waiting);
            let keys = self.insert_for_keys(piece).await?;
            self.written += keys.len() as u64;
            return self.seal(&keys, waiting).await;
        }
        let columns = piece.columns(self.entry);
        let rows = piece.take_rows();
        sql::bulk::check_sealed(&columns, &rows)?;
        let full = |open: &Open| open.columns != piece.columns || open.indexes.len() >= self.limit;
        if self.open.as_ref().is_some_and(full) {
            self.close().await?;
        }
        if self.open.is_none() && !self.inserts_only {
            match self.db.fill(&sql::bulk::fill(self.db.schema(), self.entry, &columns)).await? {
                Some(filling) => {
                    self.open = Some(Open { columns: piece.columns.clone(), filling, indexes: Vec::new() });
                }
                // One without columns is no other table.
                None => self.inserts_only = !columns.is_empty(),
            }
        }
        match &mut self.open {
            Some(open) => {
                open.indexes.extend_from_slice(&piece.indexes);
                let sent = open.filling.send(rows).await;
                sent.map_err(|error| placed(error, &open.indexes))
            }
            None => {
                let statement = self.lists(&piece.columns, &columns, rows, &[]).await?;
                self.written += self.db.execute(statement).await?;
                Ok(())
            }
        }
    }

    /// Waits until all rows are in; how many there are.
    pub(crate) async fn finish(mut self) -> Result<u64> {
        self.close().await?;
        Ok(self.written)
    }

    async fn close(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            let indexes = open.indexes;
            self.written += open.filling.finish().await.map_err(|error| placed(error, &indexes))?;
        }
        Ok(())
    }

    /// Writes rows and reads each as the database has it, all columns of the model in order; each with its index.
    pub(crate) async fn write_returning<T, F>(
        &mut self,
        mut piece: Piece,
        reader: impl Fn() -> F,
    ) -> Result<Vec<(u64, T)>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        if piece.waiting.is_empty() {
            let all: Vec<&SchemaColumn> = self.entry.columns.iter().collect();
            return self.insert(piece, &all, reader()).await;
        }
        let waiting = std::mem::take(&mut piece.waiting);
        let keys = self.insert_for_keys(piece).await?;
        let mut rows = self.seal_returning(&keys, waiting, reader).await?;
        let row = |(index, key): (u64, Vec<Value>)| match rows.remove(&shown(&key)) {
            Some(row) => Ok((index, row)),
            None => Err(no_row(&self.entry.label).at_index(index)),
        };
        keys.into_iter().map(row).collect()
    }

    /// Inserts rows and answers with the keys that the database gave them.
    async fn insert_for_keys(&mut self, piece: Piece) -> Result<Vec<(u64, Vec<Value>)>> {
        let key: Vec<&SchemaColumn> =
            self.entry.primary_key.iter().filter_map(|place| self.entry.columns.get(*place)).collect();
        let kinds: Vec<Kind> = key.iter().map(|column| column.kind.clone()).collect();
        let read = move |row: &mut Row<'_>| kinds.iter().map(|kind| row.column().value(Some(kind))).collect();
        self.insert(piece, &key, read).await
    }

    /// Inserts rows and reads some columns of each; in the order of the rows, which both engines keep.
    async fn insert<T, F>(&mut self, mut piece: Piece, returning: &[&SchemaColumn], read: F) -> Result<Vec<(u64, T)>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let columns = piece.columns(self.entry);
        let rows = piece.take_rows();
        sql::bulk::check_sealed(&columns, &rows)?;
        let found: Vec<T> = match self.db.dialect() {
            Dialect::Sqlite => {
                let sql = sql::bulk::insert_row(Dialect::Sqlite, self.entry, &columns, returning);
                let found = self.db.fetch_each(&sql, rows, read).await;
                found.map_err(|error| placed(error, &piece.indexes))?.into_iter().map(|(_, row)| row).collect()
            }
            Dialect::Postgres => {
                let statement = self.lists(&piece.columns, &columns, rows, returning).await?;
                self.db.fetch(statement, read).await?
            }
        };
        match found.len() == piece.indexes.len() {
            true => Ok(piece.indexes.into_iter().zip(found).collect()),
            // A trigger has passed over one, and nothing says which.
            false => Err(no_row(&self.entry.label)),
        }
    }

    /// The statement that inserts rows from a list for each column (PostgreSQL).
    async fn lists(
        &mut self,
        places: &[usize],
        columns: &[&SchemaColumn],
        rows: Rows,
        returning: &[&SchemaColumn],
    ) -> Result<Statement> {
        if columns.is_empty() {
            let sql = sql::bulk::insert_lists(self.entry, columns, &[], returning);
            return Ok(Statement::write(sql, vec![Value::from(rows.count as i64)]));
        }
        if !self.types.iter().any(|(known, _)| known == places) {
            let one = sql::bulk::insert_row(Dialect::Postgres, self.entry, columns, &[]);
            let types = self.db.parameter_types(&one).await?;
            self.types.push((places.to_vec(), types));
        }
        let types = self.types.iter().find(|(known, _)| known == places).map_or(&[][..], |(_, types)| types);
        let sql = sql::bulk::insert_lists(self.entry, columns, types, returning);
        Ok(Statement::write(sql, sql::bulk::lists(rows)))
    }

    /// Sets encrypted fields to what is sealed for the rows' keys.
    async fn seal(&self, keys: &[(u64, Vec<Value>)], waiting: Vec<(usize, usize, Plaintext)>) -> Result<()> {
        for (query, pairs) in self.sealed(keys, waiting)? {
            run::assign(self.db, &query, &pairs).await?;
        }
        Ok(())
    }

    /// As [`seal`](Self::seal), and reads the rows, by their keys.
    async fn seal_returning<T, F>(
        &self,
        keys: &[(u64, Vec<Value>)],
        waiting: Vec<(usize, usize, Plaintext)>,
        reader: impl Fn() -> F,
    ) -> Result<HashMap<String, T>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let all: Vec<&SchemaColumn> = self.entry.columns.iter().collect();
        let kinds = |place: &usize| self.entry.columns.get(*place).map(|column| column.kind.clone());
        let kinds: Vec<Kind> = self.entry.primary_key.iter().filter_map(kinds).collect();
        let mut found = HashMap::with_capacity(keys.len());
        for (query, pairs) in self.sealed(keys, waiting)? {
            let Compiled::Run(statement) = sql::update_where(self.db.schema(), &query, &pairs, None, &all)? else {
                continue;
            };
            let (places, kinds, mut read) = (self.entry.primary_key.clone(), kinds.clone(), reader());
            let read = move |row: &mut Row<'_>| {
                let mut key = row.in_order(&places);
                let key: Vec<Value> = kinds.iter().map(|kind| key.column().value(Some(kind))).collect::<Result<_>>()?;
                Ok((shown(&key), read(row)?))
            };
            found.extend(self.db.fetch(statement, read).await?);
        }
        Ok(found)
    }

    /// The updates that set what is sealed: rows, and what their fields are set to.
    fn sealed(
        &self,
        keys: &[(u64, Vec<Value>)],
        waiting: Vec<(usize, usize, Plaintext)>,
    ) -> Result<Vec<(Query, Vec<(Node, Node)>)>> {
        let mut updates = Vec::new();
        for (number, keys) in keys.chunks(SEALED).enumerate() {
            let first = number * SEALED;
            let mut by_column: Vec<(usize, Vec<(Vec<Value>, Value)>)> = Vec::new();
            for (row, place, plain) in &waiting {
                let key = row.checked_sub(first).and_then(|row| keys.get(row));
                let (Some((index, key)), Some(column)) = (key, self.entry.columns.get(*place)) else { continue };
                let sealed = encryption::seal_for_row(self.db.schema(), column, plain, key);
                let value = (key.clone(), sealed.map_err(|error| error.at_index(*index))?);
                match by_column.iter_mut().find(|(known, _)| known == place) {
                    Some((_, values)) => values.push(value),
                    None => by_column.push((*place, vec![value])),
                }
            }
            let mut pairs = Vec::with_capacity(by_column.len());
            for (place, values) in by_column {
                if let Some(column) = self.entry.columns.get(place) {
                    let field = Node::Path(vec![self.entry.field(column.field).name.clone()]);
                    // A row that is not among them has null there, and gets it again.
                    pairs.push((field, by_key(self.entry, values)));
                }
            }
            if !pairs.is_empty() {
                let keys = keys.iter().map(|(_, key)| key.clone()).collect();
                let rows = Query::on(self.entry.label.clone()).then(Step::Filter(run::key_in(self.entry, keys)));
                updates.push((rows, pairs));
            }
        }
        Ok(updates)
    }
}

/// The error with the index of the row among all, where it has that of the row in its statement.
fn placed(error: Error, indexes: &[u64]) -> Error {
    match error.index().and_then(|row| indexes.get(usize::try_from(row).ok()?)) {
        Some(index) => error.at_index(*index),
        None => error,
    }
}
