//! Many new rows.

use std::fmt;
use std::marker::PhantomData;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::gather::{Gather, Piece, Ready};
use super::target::Target;
use super::write::Writer;
use crate::db::Db;
use crate::engine::Dialect;
use crate::error::Result;
use crate::model::{Builder, Entry, Model};
use crate::query::insert::{hearing_save, one_heard};
use crate::query::new_row::{Filler, NewRow};
use crate::relation::read_row;
use crate::row::Reading;

/// Rows that are sent at once, while the next are made.
const AT_ONCE: usize = 500;
/// Rows of one statement where nothing is said, and where they are read back.
const ROWS: usize = 10_000;
const ROWS_READ: usize = 2_000;

/// New rows to be inserted, made by [`QuerySet::bulk_create`](crate::QuerySet::bulk_create).
#[must_use = "nothing is written before `run`"]
pub struct BulkCreate<M: Model, I, const RETURNING: bool = false> {
    rows: I,
    batch: Option<usize>,
    signals: bool,
    of: PhantomData<fn() -> M>,
}

impl<M: Model, I, const RETURNING: bool> fmt::Debug for BulkCreate<M, I, RETURNING> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkCreate")
            .field("model", &M::LABEL)
            .field("batch_size", &self.batch)
            .field("signals", &self.signals)
            .finish_non_exhaustive()
    }
}

impl<M: Model, I, const RETURNING: bool> BulkCreate<M, I, RETURNING> {
    /// At most this many rows in a statement, one at least; else 10,000, or 2,000 of those that are read back.
    pub fn batch_size(self, rows: usize) -> Self {
        BulkCreate { batch: Some(rows.max(1)), ..self }
    }

    /// Tells receivers of each row: `pre_save`, which may change or refuse it, and `post_save`, in the transaction. Each row
    /// is then inserted by a statement of its own; without receivers for the model, nothing changes.
    pub fn with_signals(self) -> Self {
        BulkCreate { signals: true, ..self }
    }
}

impl<M: Model, I> BulkCreate<M, I> {
    pub(crate) fn new(rows: I) -> Self {
        BulkCreate { rows, batch: None, signals: false, of: PhantomData }
    }

    /// Gives the rows back as the database has them, in the order they were given: `run` then answers with a `Vec`.
    pub fn returning(self) -> BulkCreate<M, I, true> {
        BulkCreate { rows: self.rows, batch: self.batch, signals: self.signals, of: PhantomData }
    }
}

impl<M: Model, I> BulkCreate<M, I>
where
    I: IntoIterator<Item: Into<Builder<M>>>,
{
    /// Inserts the rows in one transaction, and says how many there were; without rows, nothing is sent. They are taken from
    /// the iterator as they are written: on PostgreSQL by `COPY`, or by one `INSERT` a batch where the table takes none (a
    /// view, row security); on SQLite by one prepared statement.
    ///
    /// # Errors
    /// As [`create`](Builder::create), naming the row by [`index`](crate::Error::index) where it is known: always, but for
    /// what PostgreSQL finds out at the end of a statement, such as a foreign key that refers to nothing. Nothing is written
    /// then.
    // Boxed, since whether a future is `Send` that holds an iterator of closures cannot always be told from outside.
    pub fn run<'db>(self, db: &'db Db) -> BoxFuture<'db, Result<u64>>
    where
        I: 'db,
        I::IntoIter: Send,
    {
        let BulkCreate { rows, batch, signals, .. } = self;
        count::<M>(db, Box::new(rows.into_iter().map(Into::into)), batch, signals).boxed()
    }
}

impl<M: Model, I> BulkCreate<M, I, true>
where
    I: IntoIterator<Item: Into<Builder<M>>>,
{
    /// Inserts the rows in one transaction, and gives them back with what the database has filled in, in the order they were
    /// given: one statement a batch.
    ///
    /// # Errors
    /// As without [`returning`](BulkCreate::returning); what PostgreSQL refuses has no index.
    pub fn run<'db>(self, db: &'db Db) -> BoxFuture<'db, Result<Vec<M>>>
    where
        I: 'db,
        I::IntoIter: Send,
    {
        let BulkCreate { rows, batch, signals, .. } = self;
        read::<M>(db, Box::new(rows.into_iter().map(Into::into)), batch, signals).boxed()
    }
}

/// Rows to be, whatever they were.
type Rows<'a, M> = Box<dyn Iterator<Item = Builder<M>> + Send + 'a>;

/// Inserts rows in one transaction; how many there were.
async fn count<M: Model>(db: &Db, rows: Rows<'_, M>, batch: Option<usize>, signals: bool) -> Result<u64> {
    let entry = db.schema().of::<M>()?;
    let mut rows = rows.zip(0..).peekable();
    if rows.peek().is_none() {
        return Ok(0);
    }
    let open = db.begin(true).await?;
    let written = async {
        let db = open.db();
        if let (true, Some(receivers)) = (signals, hearing_save::<M>(db)) {
            let (mut filler, mut written) = (Filler::new(entry), 0);
            for (row, index) in rows {
                let row = filler.of_builder(row).map_err(|error| error.at_index(index))?;
                one_heard(db, entry, row, receivers).await.map_err(|error| error.at_index(index))?;
                written += 1;
            }
            return Ok(written);
        }
        let limit = batch.unwrap_or(ROWS);
        let mut made = Made::new(db, entry, limit.min(AT_ONCE));
        let mut writer = Writer::new(db, entry, limit);
        for (row, index) in rows {
            if let Some(piece) = made.add(index, row)? {
                writer.write(piece).await?;
            }
        }
        for piece in made.gather.take() {
            writer.write(piece).await?;
        }
        writer.finish().await
    }
    .await;
    open.end_with(written).await
}

/// Inserts rows in one transaction, and reads them back.
async fn read<M: Model>(db: &Db, rows: Rows<'_, M>, batch: Option<usize>, signals: bool) -> Result<Vec<M>> {
    let entry = db.schema().of::<M>()?;
    let mut rows = rows.zip(0..).peekable();
    if rows.peek().is_none() {
        return Ok(Vec::new());
    }
    let open = db.begin(true).await?;
    let written = async {
        let db = open.db();
        if let (true, Some(receivers)) = (signals, hearing_save::<M>(db)) {
            let (mut filler, mut written) = (Filler::new(entry), Vec::new());
            for (row, index) in rows {
                let row = filler.of_builder(row).map_err(|error| error.at_index(index))?;
                let row = one_heard(db, entry, row, receivers).await;
                written.push(row.map_err(|error| error.at_index(index))?);
            }
            return Ok(written);
        }
        let limit = batch.unwrap_or(match db.dialect() {
            Dialect::Sqlite => AT_ONCE,
            Dialect::Postgres => ROWS_READ,
        });
        let mut made = Made::new(db, entry, limit);
        let mut writer = Writer::new(db, entry, limit);
        let reader = || Reading::of_model(db.schema(), entry).with(|row| read_row::<M>(row, &[]));
        let mut written = Vec::new();
        for (row, index) in rows {
            if let Some(piece) = made.add(index, row)? {
                written.extend(writer.write_returning(piece, reader).await?);
            }
        }
        for piece in made.gather.take() {
            written.extend(writer.write_returning(piece, reader).await?);
        }
        written.sort_unstable_by_key(|(index, _)| *index);
        Ok(written.into_iter().map(|(_, row)| row).collect())
    }
    .await;
    open.end_with(written).await
}

/// Rows as they come, checked, sealed and brought together.
pub(super) struct Made<'a> {
    db: &'a Db,
    entry: &'a Entry,
    pub(super) filler: Filler<'a>,
    pub(super) gather: Gather,
    sealing_later: bool,
    conflicting_by: Option<&'a Target>,
}

impl<'a> Made<'a> {
    pub(super) fn new(db: &'a Db, entry: &'a Entry, limit: usize) -> Self {
        let (filler, gather) = (Filler::new(entry), Gather::new(limit));
        Made { db, entry, filler, gather, sealing_later: false, conflicting_by: None }
    }

    /// Has what is bound to a row wait for the row's key, though one is given: it may be that of another row.
    pub(super) fn sealing_later(self, later: bool) -> Self {
        Made { sealing_later: later, ..self }
    }

    /// Keeps rows apart that this constraint cannot find again.
    pub(super) fn conflicting_by(self, target: &'a Target) -> Self {
        Made { conflicting_by: Some(target), ..self }
    }

    fn add<M: Model>(&mut self, index: u64, row: Builder<M>) -> Result<Option<Piece>> {
        let row = self.filler.of_builder(row).map_err(|error| error.at_index(index))?;
        self.gather(index, row)
    }

    /// Adds a row; a piece that is to be written now.
    pub(super) fn gather(&mut self, index: u64, row: NewRow) -> Result<Option<Piece>> {
        let conflicts = self.conflicting_by.is_some_and(|target| target.may_find(&row.values));
        let ready = Ready::new(self.db.schema(), self.entry, row, self.sealing_later);
        Ok(self.gather.add(index, ready.map_err(|error| error.at_index(index))?, conflicts))
    }
}
