//! Pieces of rows on their way into the table.

use std::collections::HashMap;
use std::sync::Arc;

use super::gather::Piece;
use crate::db::{Db, Done, Filling, Rows, Statement};
use crate::encryption::{self, Plaintext};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{Entry, SchemaColumn};
use crate::query::insert::{no_row, shown};
use crate::query::keyed::by_key;
use crate::query::node::{Lookup, Node};
use crate::query::plan::{Query, Step};
use crate::query::run;
use crate::relation::Related;
use crate::row::Row;
use crate::sql::{self, Upsert};
use crate::value::Value;

/// Rows that are read or set by their keys in one statement, a few parameters each, of which SQLite has 32,766.
const BY_KEY: usize = 200;

/// Values of a column by the rows' keys.
type ByKey = Vec<(Vec<Value>, Value)>;

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
    types: Vec<(Vec<usize>, Arc<[String]>)>,
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
        self.seal(&keys, waiting).await?;
        let mut rows = self.read(keys.iter().map(|(_, key)| key.clone()), reader).await?;
        keys.into_iter().map(|(index, key)| Ok((index, self.take_row(&mut rows, index, &key)?))).collect()
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
        let types = self.types(places, columns).await?;
        let sql = sql::bulk::insert_lists(self.entry, columns, &types, returning);
        Ok(Statement::write(sql, sql::bulk::lists(rows)))
    }

    /// The types of columns (PostgreSQL).
    async fn types(&mut self, places: &[usize], columns: &[&SchemaColumn]) -> Result<Arc<[String]>> {
        if let Some((_, types)) = self.types.iter().find(|(known, _)| known == places) {
            return Ok(Arc::clone(types));
        }
        let one = sql::bulk::insert_row(Dialect::Postgres, self.entry, columns, &[]);
        let types: Arc<[String]> = self.db.parameter_types(&one).await?.into();
        self.types.push((places.to_vec(), Arc::clone(&types)));
        Ok(types)
    }

    /// Sets encrypted fields to what is sealed for the rows' keys: the rows' places, those of the columns, and what is to be
    /// sealed.
    pub(super) async fn seal(&self, keys: &[(u64, Vec<Value>)], waiting: Vec<(usize, usize, Plaintext)>) -> Result<()> {
        let mut by_column: Vec<(usize, ByKey)> = Vec::new();
        for (row, place, plain) in &waiting {
            let (Some((index, key)), Some(column)) = (keys.get(*row), self.entry.columns.get(*place)) else { continue };
            let sealed = encryption::seal_for_row(self.db.schema(), column, plain, key);
            let value = (key.clone(), sealed.map_err(|error| error.at_index(*index))?);
            match by_column.iter_mut().find(|(known, _)| known == place) {
                Some((_, values)) => values.push(value),
                None => by_column.push((*place, vec![value])),
            }
        }
        for (place, values) in by_column {
            let Some(column) = self.entry.columns.get(place) else { continue };
            let field = Node::Path(vec![self.entry.field(column.field).name.clone()]);
            for values in values.chunks(BY_KEY) {
                let keys = values.iter().map(|(key, _)| key.clone()).collect();
                let rows = Query::on(self.entry.label.clone()).then(Step::Filter(run::key_in(self.entry, keys)));
                let pair = (field.clone(), by_key(self.entry, values.to_vec()));
                run::assign(self.db, &rows, &[pair]).await?;
            }
        }
        Ok(())
    }

    /// Reads rows by their keys.
    pub(super) async fn read<T, F>(
        &self,
        keys: impl Iterator<Item = Vec<Value>>,
        reader: impl Fn() -> F,
    ) -> Result<HashMap<String, T>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let kind = |place: &usize| self.entry.columns.get(*place).map(|column| column.kind.clone());
        let kinds: Vec<Kind> = self.entry.primary_key.iter().filter_map(kind).collect();
        let keys: Vec<Vec<Value>> = keys.collect();
        let mut found = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(BY_KEY) {
            let all = Query::on(self.entry.label.clone()).then(Step::Filter(run::key_in(self.entry, keys.to_vec())));
            let (places, kinds, mut read) = (self.entry.primary_key.clone(), kinds.clone(), reader());
            let read = move |row: &mut Row<'_>, _: &[Related]| {
                let mut key = row.in_order(&places);
                let key: Vec<Value> = kinds.iter().map(|kind| key.column().value(Some(kind))).collect::<Result<_>>()?;
                Ok((shown(&key), read(row)?))
            };
            found.extend(run::fetch(self.db, &all.then(Step::OrderBy(Vec::new())), read).await?);
        }
        Ok(found)
    }

    /// The row of a key among those that were read.
    pub(super) fn take_row<T>(&self, rows: &mut HashMap<String, T>, index: u64, key: &[Value]) -> Result<T> {
        rows.remove(&shown(key)).ok_or_else(|| no_row(&self.entry.label).at_index(index))
    }
}

/// Rows that may be there already.
impl Writer<'_> {
    /// Inserts or updates rows: how many were inserted, updated, and stay as they are.
    pub(super) async fn upsert_counting(&mut self, mut piece: Piece, upsert: &Upsert<'_>) -> Result<(u64, u64, u64)> {
        let columns = piece.columns(self.entry);
        let (rows, schema) = (piece.take_rows(), self.db.schema());
        let given = rows.count as u64;
        let (inserted, updated) = match self.db.dialect() {
            Dialect::Sqlite => {
                let each = upsert.each(schema, self.entry, &columns, rows, &[])?;
                let done = self.db.upsert_each(each, |_| Ok(())).await;
                let done = done.map_err(|error| placed(error, &piece.indexes))?;
                let count = |what: Done| done.iter().filter(|(done, _)| *done == what).count() as u64;
                (count(Done::Inserted), count(Done::Updated))
            }
            Dialect::Postgres if columns.is_empty() => {
                // Of defaults alone, all are new.
                let statement = self.lists(&piece.columns, &columns, rows, &[]).await?;
                (self.db.execute(statement).await?, 0)
            }
            Dialect::Postgres => {
                let types = self.types(&piece.columns, &columns).await?;
                let statement = upsert.counting(schema, self.entry, &columns, &types, rows)?;
                let read = |row: &mut Row<'_>| Ok((row.read::<i64>("inserted")?, row.read::<i64>("written")?));
                let counts = self.db.fetch(statement, read).await.map_err(|error| twice(error, self.entry))?;
                let (inserted, written) = counts.first().copied().unwrap_or_default();
                (inserted.cast_unsigned(), (written - inserted).cast_unsigned())
            }
        };
        Ok((inserted, updated, given.saturating_sub(inserted + updated)))
    }

    /// Inserts or updates rows, and reads columns of each; each with its index and what became of it, in order.
    pub(super) async fn upsert<T, F>(
        &mut self,
        mut piece: Piece,
        upsert: &Upsert<'_>,
        returning: &[&SchemaColumn],
        reader: impl Fn() -> F,
    ) -> Result<Vec<(u64, Done, T)>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let columns = piece.columns(self.entry);
        if columns.is_empty() {
            let found = self.insert(piece, returning, reader()).await?;
            return Ok(found.into_iter().map(|(index, row)| (index, Done::Inserted, row)).collect());
        }
        let unique = upsert.target.columns(self.entry);
        let (rows, schema) = (piece.take_rows(), self.db.schema());
        let found: Vec<(Done, Option<T>)> = match self.db.dialect() {
            Dialect::Sqlite => {
                let each = upsert.each(schema, self.entry, &columns, rows, returning)?;
                let found = self.db.upsert_each(each, reader()).await;
                found.map_err(|error| placed(error, &piece.indexes))?
            }
            Dialect::Postgres => {
                let place = |column: &&SchemaColumn| columns.iter().position(|other| other.field == column.field);
                let places: Vec<usize> = unique.iter().filter_map(place).collect();
                let names: Vec<Vec<Value>> = match piece.conflicts {
                    true => rows
                        .iter()
                        .map(|row| places.iter().filter_map(|place| row.get(*place).cloned()).collect())
                        .collect(),
                    false => Vec::new(),
                };
                let types = self.types(&piece.columns, &columns).await?;
                let (entry, conflicts) = (self.entry, piece.conflicts);
                let statement = upsert.answering(schema, entry, &columns, &types, rows, returning, conflicts)?;
                let (width, mut read) = (returning.len(), reader());
                let read = move |row: &mut Row<'_>| {
                    let mut end = row.clone();
                    end.skip(width);
                    let inserted: Option<bool> = end.read("inserted")?;
                    end.skip(1);
                    let missing: bool = end.read("missing")?;
                    let done = match inserted {
                        Some(true) => Done::Inserted,
                        Some(false) => Done::Updated,
                        None => Done::Unchanged,
                    };
                    Ok((done, if missing { None } else { Some(read(row)?) }))
                };
                let mut found = self.db.fetch(statement, read).await.map_err(|error| twice(error, self.entry))?;
                for ((_, row), names) in found.iter_mut().zip(names).filter(|((_, row), _)| row.is_none()) {
                    // Another transaction has made it since the statement began: the next one sees it.
                    *row = self.read_by(upsert, names, reader()).await?;
                }
                found
            }
        };
        if found.len() != piece.indexes.len() {
            return Err(no_row(&self.entry.label));
        }
        let with_index = |(index, (done, row)): (u64, (Done, Option<T>))| match row {
            Some(row) => Ok((index, done, row)),
            None => Err(no_row(&self.entry.label).at_index(index)),
        };
        piece.indexes.into_iter().zip(found).map(with_index).collect()
    }

    /// Reads the row that has these values where no two may have them.
    async fn read_by<T, F>(&self, upsert: &Upsert<'_>, values: Vec<Value>, mut read: F) -> Result<Option<T>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let mut query = Query::on(self.entry.label.clone()).then(Step::OrderBy(Vec::new()));
        for (column, value) in upsert.target.columns(self.entry).into_iter().zip(values) {
            let path = Node::Path(vec![column.attname.clone().into()]);
            query = query.then(Step::Filter(match value {
                Value::Null => Node::lookup(path, Lookup::IsNull, Node::value(Value::Bool(true))),
                value => Node::lookup(path, Lookup::Exact, Node::value(value)),
            }));
        }
        if let Some(condition) = &upsert.target.condition {
            query = query.then(Step::Filter(condition.clone()));
        }
        Ok(run::fetch(self.db, &query, move |row, _| read(row)).await?.into_iter().next())
    }
}

/// The error of a statement that comes to a row twice, in words that say what to do.
fn twice(error: Error, entry: &Entry) -> Error {
    let is_twice =
        std::error::Error::source(&error).is_some_and(|source| source.to_string().contains("SQLSTATE 21000"));
    if !is_twice {
        return error;
    }
    let text = "two rows of a batch are the same to the constraint, though their values differ, in the case of letters, say: \
                leave one of them out, or write them one by one (`batch_size(1)`)";
    Error::new(ErrorKind::Value, text).in_model(&*entry.label).with_source(error)
}

/// The error with the index of the row among all, where it has that of the row in its statement.
fn placed(error: Error, indexes: &[u64]) -> Error {
    match error.index().and_then(|row| indexes.get(usize::try_from(row).ok()?)) {
        Some(index) => error.at_index(*index),
        None => error,
    }
}
