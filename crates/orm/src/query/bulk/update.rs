//! Rows that are there, each set to values of its own.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::same::sameness;
use crate::db::{Db, Rows};
use crate::encryption::{self, Change};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Entry, Key, Model, SchemaColumn};
use crate::query::check;
use crate::query::insert::{hearing_save, update_one_heard};
use crate::query::new_row::{is_unset, present};
use crate::query::node::Node;
use crate::query::plan::Query;
use crate::signal;
use crate::sql::{self, Compiled};
use crate::value::Value;

/// Rows of one statement where nothing is said.
const ROWS: usize = 2_000;
const ROWS_SQLITE: usize = 500;
/// Parameters of a statement on SQLite, whose limit is 32,766; PostgreSQL gets a list for each column.
const PARAMETERS: usize = 32_766;

/// Rows of which some fields are to be written, made by [`QuerySet::bulk_update`](crate::QuerySet::bulk_update).
#[must_use = "nothing is written before `run`"]
pub struct BulkUpdate<M: Model, I> {
    query: Query,
    rows: I,
    fields: Vec<Node>,
    batch: Option<usize>,
    signals: bool,
    of: PhantomData<fn() -> M>,
}

impl<M: Model, I> fmt::Debug for BulkUpdate<M, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkUpdate")
            .field("model", &M::LABEL)
            .field("fields", &self.fields)
            .field("batch_size", &self.batch)
            .field("signals", &self.signals)
            .finish_non_exhaustive()
    }
}

impl<M: Model, I> BulkUpdate<M, I> {
    pub(crate) fn new(query: Query, rows: I, fields: Vec<Node>) -> Self {
        BulkUpdate { query, rows, fields, batch: None, signals: false, of: PhantomData }
    }

    /// At most this many rows in a statement, one at least; else 2,000, or 500 on SQLite, where its 32,766 parameters are a
    /// limit too.
    pub fn batch_size(self, rows: usize) -> Self {
        BulkUpdate { batch: Some(rows.max(1)), ..self }
    }

    /// Tells receivers of each row that is there: `pre_save`, which may change or refuse it, and `post_save`, in the
    /// transaction. Each row is then locked and written by statements of its own; without receivers for the model, nothing
    /// changes.
    pub fn with_signals(self) -> Self {
        BulkUpdate { signals: true, ..self }
    }
}

impl<M: Model, I> BulkUpdate<M, I>
where
    I: IntoIterator<Item: Borrow<M> + Send>,
{
    /// Writes the fields in one transaction, by one statement a batch, and says how many rows there were: one that is not
    /// there, or that the query does not find, is passed over. Without rows, nothing is sent.
    ///
    /// # Errors
    /// As [`save_fields`](Model::save_fields), naming the row by [`index`](Error::index) where a value does not fit;
    /// [`ErrorKind::Value`] for a row that has no key yet, and for a field of the key. Nothing is written then.
    pub fn run<'db>(self, db: &'db Db) -> BoxFuture<'db, Result<u64>>
    where
        I: 'db,
        I::IntoIter: Send,
    {
        let BulkUpdate { query, rows, fields, batch, signals, .. } = self;
        let rows: GivenRows<'db, I::Item> = Box::new(rows.into_iter());
        update::<M, _>(db, query, rows, fields, batch, signals).boxed()
    }
}

type GivenRows<'a, B> = Box<dyn Iterator<Item = B> + Send + 'a>;

async fn update<M: Model, B: Borrow<M> + Send>(
    db: &Db,
    query: Query,
    rows: GivenRows<'_, B>,
    fields: Vec<Node>,
    batch: Option<usize>,
    signals: bool,
) -> Result<u64> {
    let entry = db.schema().of::<M>()?;
    let set = SetColumns::new(entry, &fields)?;
    // What cannot be updated is refused, rows or not.
    let found = sql::bulk::found(db.schema(), &query)?;
    let mut rows = rows.zip(0..).peekable();
    let (Compiled::Run(found), true) = (found, rows.peek().is_some()) else { return Ok(0) };
    let open = db.begin(true).await?;
    let written = async {
        let db = open.db();
        if let (true, Some(receivers)) = (signals, hearing_save::<M>(db)) {
            let mut changed = 0;
            for (row, index) in rows {
                check_key(entry, row.borrow()).map_err(|error| error.at_index(index))?;
                let heard = update_one_heard(db, entry, &query, row.borrow(), &fields, receivers).await;
                changed += u64::from(heard.map_err(|error| error.at_index(index))?);
            }
            return Ok(changed);
        }
        let limit = match db.dialect() {
            Dialect::Postgres => batch.unwrap_or(ROWS),
            Dialect::Sqlite => {
                let most = PARAMETERS.saturating_sub(found.params.len()) / set.width(entry).max(1);
                batch.unwrap_or(ROWS_SQLITE).min(most).max(1)
            }
        };
        let mut batch = Batch { db, entry, set, found, types: Vec::new(), changed: 0, rows: Rows::default() };
        let mut same = HashSet::new();
        for (row, index) in rows {
            let key = check_key(entry, row.borrow()).map_err(|error| error.at_index(index))?;
            // The same row again: it is written again, by another statement.
            if !same.insert(sameness(&key)) || batch.rows.count >= limit {
                batch.write().await?;
                same.clear();
                same.insert(sameness(&key));
            }
            batch.add(key, row.borrow().to_values()).map_err(|error| error.at_index(index))?;
        }
        batch.write().await?;
        Ok(batch.changed)
    }
    .await;
    open.end_with(written).await
}

/// The key of a row that was saved before.
fn check_key<M: Model>(entry: &Entry, row: &M) -> Result<Vec<Value>> {
    let key = row.key().to_values();
    match is_unset(entry, key.iter()) {
        false => Ok(key),
        true => {
            Err(Error::new(ErrorKind::Value, "has no key yet, so no row can be updated: create it").in_model(M::LABEL))
        }
    }
}

/// Which columns are set.
struct SetColumns {
    /// Of each, the place among the model's columns, and among the values of a row of the struct.
    places: Vec<(usize, usize)>,
    /// Whether some are encrypted.
    sealed: bool,
}

impl SetColumns {
    /// The columns of the fields, and those that every write sets to the time.
    fn new(entry: &Entry, fields: &[Node]) -> Result<SetColumns> {
        let mut named = HashSet::new();
        for node in fields {
            let field = signal::column(entry, node)?;
            if let Some(refusal) = entry.refuse_kept(field) {
                return Err(refusal);
            }
            if entry.definition.primary_key.contains(&field.name) {
                let text = "is the key, by which the row is found: it stays what it is";
                return Err(Error::new(ErrorKind::Value, text)
                    .in_model(&*entry.label)
                    .in_field(field.name.to_string()));
            }
            named.insert(&field.name);
        }
        let mut written = 0;
        let mut places = Vec::new();
        for (place, column) in entry.columns.iter().enumerate() {
            let field = entry.field(column.field);
            if field.is_written() {
                if named.contains(&field.name) || field.auto_now {
                    places.push((place, written));
                }
                written += 1;
            }
        }
        let sealed = places.iter().any(|(place, _)| entry.columns.get(*place).is_some_and(|it| it.sealed.is_some()));
        Ok(SetColumns { places, sealed })
    }

    fn columns<'a>(&self, entry: &'a Entry) -> impl Iterator<Item = &'a SchemaColumn> {
        self.places.iter().filter_map(|(place, _)| entry.columns.get(*place))
    }

    /// The columns with their blind indexes.
    fn all<'a>(&self, entry: &'a Entry) -> Vec<&'a SchemaColumn> {
        let index = |column: &SchemaColumn| entry.columns.get(column.sealed.as_ref()?.index?);
        self.columns(entry).flat_map(|column| std::iter::once(column).chain(index(column))).collect()
    }

    /// The values of a row in a statement, its key included.
    fn width(&self, entry: &Entry) -> usize {
        entry.primary_key.len() + self.all(entry).len()
    }

    /// The values of the columns of a row, checked and sealed for its key.
    fn values(&self, db: &Db, entry: &Entry, key: &[Value], mut row: Vec<Value>, into: &mut Vec<Value>) -> Result<()> {
        let mut pairs = Vec::new();
        for (column, (_, written)) in self.columns(entry).zip(&self.places) {
            let field = entry.field(column.field);
            let value = match field.auto_now {
                true => present(&field.kind),
                false => row.get_mut(*written).map_or(Value::Null, |value| std::mem::replace(value, Value::Null)),
            };
            let value = check::admit(entry, column, value)?;
            match self.sealed {
                true => pairs.push((Node::Path(vec![field.name.clone()]), Node::value(value))),
                false => into.push(value),
            }
        }
        if !self.sealed {
            return Ok(());
        }
        let sealed = match encryption::pairs(db.schema(), entry, &pairs, Some(key))? {
            Change::Sealed(sealed) => sealed,
            // With the key, nothing has to wait.
            Change::AsItWas | Change::ForEachRow { .. } => return Err(encryption::not_sealed()),
        };
        into.extend(sealed.into_iter().map(|(_, to)| match to {
            Node::Value(value, _) => value,
            _ => Value::Null,
        }));
        Ok(())
    }
}

/// Rows that are written together.
struct Batch<'a> {
    db: &'a Db,
    entry: &'a Entry,
    set: SetColumns,
    /// What says which rows the query finds.
    found: sql::bulk::Found,
    /// The types of the columns, once they are known (PostgreSQL).
    types: Vec<String>,
    changed: u64,
    rows: Rows,
}

impl Batch<'_> {
    fn add(&mut self, key: Vec<Value>, row: Vec<Value>) -> Result<()> {
        self.rows.values.extend(key.iter().cloned());
        self.set.values(self.db, self.entry, &key, row, &mut self.rows.values)?;
        self.rows.count += 1;
        Ok(())
    }

    async fn write(&mut self) -> Result<()> {
        let columns = self.set.all(self.entry);
        let mut rows = std::mem::take(&mut self.rows);
        if rows.count == 0 {
            return Ok(());
        }
        rows.width = self.entry.primary_key.len() + columns.len();
        if self.types.is_empty() && self.db.dialect() == Dialect::Postgres {
            let one = sql::bulk::update_row(self.entry, &columns);
            self.types = self.db.parameter_types(&one).await?;
        }
        let statement = sql::bulk::update(self.db.schema(), self.entry, &columns, &self.types, rows, &self.found)?;
        self.changed += self.db.execute(statement).await?;
        Ok(())
    }
}
