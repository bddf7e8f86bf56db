//! New rows, or new values for rows that are there.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::create::Made;
use super::gather::Piece;
use super::same::sameness;
use super::target::Target;
use super::write::Writer;
use crate::db::{Db, Done};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::expr::{Expr, Required, Selection};
use crate::field::{Kind, Sealing};
use crate::model::{Builder, Entry, Model, SchemaColumn};
use crate::query::insert::hearing_save;
use crate::query::node::Node;
use crate::query::plan::{Query, Step};
use crate::query::set::root;
use crate::relation::read_row;
use crate::row::{Reading, Row};
use crate::signal::{self, Draft, Saved};
use crate::sql::{self, Compiled, Upsert};
use crate::value::Value;

/// Rows of one statement where nothing is said.
const ROWS: usize = 10_000;
const ROWS_READ: usize = 2_000;
const ROWS_SQLITE: usize = 500;

/// New rows, and by what those are found that are there already; made by
/// [`QuerySet::bulk_upsert`](crate::QuerySet::bulk_upsert). To be told what becomes of the latter.
#[must_use = "say what becomes of rows that are there: `update`, or `ignore`"]
pub struct BulkUpsert<M: Model, I> {
    rows: I,
    unique_by: Vec<Node>,
    of: PhantomData<fn() -> M>,
}

/// New rows, and what becomes of those that are there already: what [`BulkUpsert`] becomes.
#[must_use = "nothing is written before `run`"]
pub struct Upserting<M: Model, I, const RETURNING: bool = false> {
    rows: I,
    plan: Plan,
    of: PhantomData<fn() -> M>,
}

/// What was said of them.
#[derive(Debug, Default)]
struct Plan {
    unique_by: Vec<Node>,
    /// The fields to update; `None` if none are.
    update: Option<Vec<Node>>,
    only: Option<Node>,
    batch: Option<usize>,
    signals: bool,
}

impl<M: Model, I> fmt::Debug for BulkUpsert<M, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkUpsert")
            .field("model", &M::LABEL)
            .field("unique_by", &self.unique_by)
            .finish_non_exhaustive()
    }
}

impl<M: Model, I, const RETURNING: bool> fmt::Debug for Upserting<M, I, RETURNING> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upserting").field("model", &M::LABEL).field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// What became of the rows of an upsert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct UpsertCounts {
    pub inserted: u64,
    pub updated: u64,
    /// Those that were there already and stay as they are.
    pub unchanged: u64,
}

/// A row of an upsert as the database has it, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Upserted<M> {
    /// It is new.
    Inserted(M),
    /// One was there already, and has got the new values.
    Updated(M),
    /// One was there already, and stays as it is.
    Unchanged(M),
}

impl<M> Upserted<M> {
    /// The row.
    pub fn row(&self) -> &M {
        match self {
            Upserted::Inserted(row) | Upserted::Updated(row) | Upserted::Unchanged(row) => row,
        }
    }

    /// The row alone.
    pub fn into_row(self) -> M {
        match self {
            Upserted::Inserted(row) | Upserted::Updated(row) | Upserted::Unchanged(row) => row,
        }
    }

    /// Whether it is new.
    pub fn is_inserted(&self) -> bool {
        matches!(self, Upserted::Inserted(_))
    }

    /// Whether one was there already, and has got the new values.
    pub fn is_updated(&self) -> bool {
        matches!(self, Upserted::Updated(_))
    }

    fn new(done: Done, row: M) -> Self {
        match done {
            Done::Inserted => Upserted::Inserted(row),
            Done::Updated => Upserted::Updated(row),
            Done::Unchanged => Upserted::Unchanged(row),
        }
    }
}

impl UpsertCounts {
    fn add(&mut self, done: Done) {
        match done {
            Done::Inserted => self.inserted += 1,
            Done::Updated => self.updated += 1,
            Done::Unchanged => self.unchanged += 1,
        }
    }
}

impl<M: Model, I> BulkUpsert<M, I> {
    pub(crate) fn new(rows: I) -> Self {
        BulkUpsert { rows, unique_by: Vec::new(), of: PhantomData }
    }

    /// Names the fields by which a row is found that is there already: those of a constraint that keeps them unique at once,
    /// the primary key if nothing is said. A constraint about living rows alone, or about others of some kind, finds those.
    pub fn unique_by<S: Selection<M>>(self, fields: impl FnOnce(M::Fields<M, Required>) -> S) -> Self {
        BulkUpsert { unique_by: fields(root::<M>()).into_nodes(), ..self }
    }

    /// Sets these fields of rows that are there to the values of the new ones, and their `auto_now` fields.
    pub fn update<S: Selection<M>>(self, fields: impl FnOnce(M::Fields<M, Required>) -> S) -> Upserting<M, I> {
        let update = Some(fields(root::<M>()).into_nodes());
        let plan = Plan { unique_by: self.unique_by, update, ..Plan::default() };
        Upserting { rows: self.rows, plan, of: PhantomData }
    }

    /// Leaves rows that are there as they are.
    pub fn ignore(self) -> Upserting<M, I> {
        let plan = Plan { unique_by: self.unique_by, ..Plan::default() };
        Upserting { rows: self.rows, plan, of: PhantomData }
    }
}

impl<M: Model, I, const RETURNING: bool> Upserting<M, I, RETURNING> {
    /// Updates only those of the rows that are there for which the condition on their own fields holds; the others stay as
    /// they are.
    pub fn only_where(mut self, condition: impl FnOnce(M::Fields<M, Required>) -> Expr<M, bool>) -> Self {
        let condition = condition(root::<M>()).into_node();
        self.plan.only = Some(match self.plan.only {
            Some(other) => other.and(condition),
            None => condition,
        });
        self
    }

    /// At most this many rows in a statement, one at least; else 10,000, or 2,000 of those that are read back. On SQLite, at
    /// once to the writer: else 500.
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.plan.batch = Some(rows.max(1));
        self
    }

    /// Tells receivers of each row: `pre_save`, which may change or refuse it, before it is known whether one is there, and
    /// `post_save` if it was inserted or updated, in the transaction. Each row is then written by a statement of its own;
    /// without receivers for the model, nothing changes.
    pub fn with_signals(mut self) -> Self {
        self.plan.signals = true;
        self
    }
}

impl<M: Model, I> Upserting<M, I> {
    /// Gives the rows back as the database has them, in the order they were given, each with what became of it: `run` then
    /// answers with a `Vec`.
    pub fn returning(self) -> Upserting<M, I, true> {
        Upserting { rows: self.rows, plan: self.plan, of: PhantomData }
    }
}

impl<M: Model, I> Upserting<M, I>
where
    I: IntoIterator<Item: Into<Builder<M>>>,
{
    /// Inserts or updates in one transaction, one statement a batch, and says how many rows were what; without rows, nothing
    /// is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] if no constraint keeps the fields of `unique_by` unique, or what is to be updated cannot be;
    /// [`ErrorKind::UniqueViolation`] if another constraint refuses a row; [`ErrorKind::Conflict`] if another transaction
    /// writes the same rows in another order; and as [`create`](Builder::create). Nothing is written then.
    pub fn run<'db>(self, db: &'db Db) -> BoxFuture<'db, Result<UpsertCounts>>
    where
        I: 'db,
        I::IntoIter: Send,
    {
        let rows: Rows<'db, M> = Box::new(self.rows.into_iter().map(Into::into));
        async move {
            let mut counts = UpsertCounts::default();
            upsert::<M>(db, rows, self.plan, Answer::Counts(&mut counts)).await?;
            Ok(counts)
        }
        .boxed()
    }
}

impl<M: Model, I> Upserting<M, I, true>
where
    I: IntoIterator<Item: Into<Builder<M>>>,
{
    /// Inserts or updates in one transaction, one statement a batch, and gives each row with what became of it, in the order
    /// they were given. A row that was there and stays is as the statement found it.
    ///
    /// # Errors
    /// As without [`returning`](Upserting::returning).
    pub fn run<'db>(self, db: &'db Db) -> BoxFuture<'db, Result<Vec<Upserted<M>>>>
    where
        I: 'db,
        I::IntoIter: Send,
    {
        let rows: Rows<'db, M> = Box::new(self.rows.into_iter().map(Into::into));
        async move {
            let mut written = Vec::new();
            upsert::<M>(db, rows, self.plan, Answer::Rows(&mut written)).await?;
            written.sort_unstable_by_key(|(index, _)| *index);
            Ok(written.into_iter().map(|(_, row)| row).collect())
        }
        .boxed()
    }
}

type Rows<'a, M> = Box<dyn Iterator<Item = Builder<M>> + Send + 'a>;

/// What is asked for.
enum Answer<'a, M> {
    Counts(&'a mut UpsertCounts),
    Rows(&'a mut Vec<(u64, Upserted<M>)>),
}

async fn upsert<M: Model>(db: &Db, rows: Rows<'_, M>, plan: Plan, answer: Answer<'_, M>) -> Result<()> {
    let entry = db.schema().of::<M>()?;
    let target = Target::new(entry, &plan.unique_by)?;
    let later = target.columns != entry.primary_key && entry.columns.iter().any(is_bound);
    let upsert = upsert_of(db, entry, &target, &plan, later)?;
    let mut rows = rows.zip(0..).peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let open = db.begin(true).await?;
    let written = async {
        let db = open.db();
        let updates = sealed_updates(entry, &plan);
        let mut writer = Upserter { db, entry, writer: Writer::new(db, entry, 1), upsert, updates, answer };
        if let (true, Some(receivers)) = (plan.signals, hearing_save::<M>(db)) {
            let mut made = Made::new(db, entry, 1).sealing_later(later).conflicting_by(&target);
            let fields = writer.fields();
            for (row, index) in rows {
                let heard = async {
                    let row = made.filler.of_builder(row)?;
                    let mut draft = Draft::<M>::of_row(db.schema(), row.into_named(entry), true);
                    receivers.pre_save(db, &mut draft).await?;
                    let row = made.filler.of_fields(draft.into_values())?;
                    let Some(piece) = made.gather(index, row)? else { return Ok(()) };
                    let found = writer.rows(piece).await?;
                    for (_, done, row) in &found {
                        let (created, fields) = match done {
                            Done::Inserted => (true, None),
                            Done::Updated => (false, Some(fields.as_slice())),
                            Done::Unchanged => continue,
                        };
                        receivers.post_save(db, Saved { row, created, fields }).await?;
                    }
                    writer.keep(found);
                    Ok(())
                };
                heard.await.map_err(|error: Error| error.at_index(index))?;
            }
            return Ok(());
        }
        let limit = plan.batch.unwrap_or(match (db.dialect(), &writer.answer) {
            (Dialect::Sqlite, _) => ROWS_SQLITE,
            (Dialect::Postgres, Answer::Counts(_)) => ROWS,
            (Dialect::Postgres, Answer::Rows(_)) => ROWS_READ,
        });
        let mut made = Made::new(db, entry, limit).sealing_later(later).conflicting_by(&target);
        let mut same = HashSet::new();
        for (row, index) in rows {
            let row = made.filler.of_builder(row).map_err(|error| error.at_index(index))?;
            let value = |place: &usize| {
                row.values.get(*place)?.as_ref().filter(|value| target.nulls_are_same || !value.is_null())
            };
            let values: Option<Vec<_>> = target.columns.iter().map(value).collect();
            // The same row again: it is updated by another statement, as PostgreSQL does nothing twice to a row by one.
            let like = values.map(sameness);
            if like.is_some_and(|like| same.contains(&like)) {
                writer.write_all(made.gather.take()).await?;
                same.clear();
            }
            same.extend(like);
            if let Some(piece) = made.gather(index, row)? {
                writer.write(piece).await?;
                // Others that are the same may wait among rows of another kind: nothing is forgotten before all are written.
                writer.write_all(made.gather.take()).await?;
                same.clear();
            }
        }
        writer.write_all(made.gather.take()).await
    }
    .await;
    open.end_with(written).await
}

fn is_bound(column: &SchemaColumn) -> bool {
    matches!(column.kind, Kind::Encrypted { sealing: Sealing::Bound, .. })
}

/// The places of the columns that are to be updated and are sealed for a row's key.
fn sealed_updates(entry: &Entry, plan: &Plan) -> Vec<usize> {
    let named = |column: &SchemaColumn| {
        let mut nodes = plan.update.iter().flatten();
        nodes.any(|node| signal::column(entry, node).is_ok_and(|field| field.name == entry.field(column.field).name))
    };
    let columns = entry.columns.iter().enumerate();
    columns.filter(|(_, column)| is_bound(column) && named(column)).map(|(place, _)| place).collect()
}

/// What is written where a row is there already.
fn upsert_of<'a>(db: &Db, entry: &'a Entry, target: &'a Target, plan: &Plan, later: bool) -> Result<Upsert<'a>> {
    let mut set = None;
    if let Some(update) = &plan.update {
        let mut named = HashSet::new();
        for node in update {
            let field = signal::column(entry, node)?;
            if let Some(refusal) = entry.refuse_kept(field) {
                return Err(refusal);
            }
            if entry.definition.primary_key.contains(&field.name) && target.columns != entry.primary_key {
                let text = "is the key of the row that is there, and stays what it is";
                return Err(Error::new(ErrorKind::Value, text)
                    .in_model(&*entry.label)
                    .in_field(field.name.to_string()));
            }
            named.insert(&field.name);
        }
        let is_set = |column: &&SchemaColumn| {
            let field = entry.field(column.field);
            let of = field.blind_index_of.as_ref();
            let named = named.contains(&field.name) || of.is_some_and(|of| named.contains(of));
            let found_by =
                target.columns.iter().any(|place| entry.columns.get(*place).is_some_and(|it| it.field == column.field));
            (named || field.auto_now) && !found_by && !(later && is_bound(column))
        };
        set = Some(entry.columns.iter().filter(is_set).collect());
    }
    let only = match &plan.only {
        None => None,
        Some(condition) => {
            let query = Query::on(entry.label.clone()).then(Step::Filter(condition.clone()));
            match sql::bulk::found(db.schema(), &query)? {
                Compiled::Run(found) if !found.is_own => {
                    let text = "`only_where` takes a condition on the row's own fields, not on those of other models";
                    return Err(Error::new(ErrorKind::Unsupported, text).in_model(&*entry.label));
                }
                Compiled::Run(found) => Some(found),
                Compiled::Empty => {
                    set = None;
                    None
                }
            }
        }
    };
    Ok(Upsert { target, set, only })
}

/// Writes pieces, and keeps what was asked for.
struct Upserter<'a, 'b, M: Model> {
    db: &'a Db,
    entry: &'a Entry,
    writer: Writer<'a>,
    upsert: Upsert<'a>,
    /// The places of the columns to be updated that are sealed for a row's key.
    updates: Vec<usize>,
    answer: Answer<'b, M>,
}

type Found<T> = Vec<(u64, Done, T)>;

impl<M: Model> Upserter<'_, '_, M> {
    /// The fields that an update writes, as signals name them.
    fn fields(&self) -> Vec<String> {
        let set = self.upsert.set.iter().flatten();
        set.map(|column| self.entry.field(column.field).name.to_string()).collect()
    }

    async fn write_all(&mut self, pieces: Vec<Piece>) -> Result<()> {
        for piece in pieces {
            self.write(piece).await?;
        }
        Ok(())
    }

    async fn write(&mut self, piece: Piece) -> Result<()> {
        if let (Answer::Counts(_), true) = (&self.answer, piece.waiting.is_empty()) {
            let counts = self.writer.upsert_counting(piece, &self.upsert).await?;
            if let Answer::Counts(all) = &mut self.answer {
                all.inserted += counts.0;
                all.updated += counts.1;
                all.unchanged += counts.2;
            }
            return Ok(());
        }
        if let Answer::Counts(_) = &self.answer {
            let found = self.keys(piece).await?;
            if let Answer::Counts(all) = &mut self.answer {
                found.iter().for_each(|(_, done, _)| all.add(*done));
            }
            return Ok(());
        }
        let found = self.rows(piece).await?;
        self.keep(found);
        Ok(())
    }

    fn keep(&mut self, found: Found<M>) {
        match &mut self.answer {
            Answer::Counts(counts) => found.iter().for_each(|(_, done, _)| counts.add(*done)),
            Answer::Rows(rows) => {
                rows.extend(found.into_iter().map(|(index, done, row)| (index, Upserted::new(done, row))));
            }
        }
    }

    /// Writes a piece, and reads its rows.
    async fn rows(&mut self, piece: Piece) -> Result<Found<M>> {
        let (db, entry) = (self.db, self.entry);
        let reader = || Reading::of_model(db.schema(), entry).with(|row| read_row::<M>(row, &[]));
        if piece.waiting.is_empty() {
            let all: Vec<&SchemaColumn> = entry.columns.iter().collect();
            return self.writer.upsert(piece, &self.upsert, &all, reader).await;
        }
        let found = self.keys(piece).await?;
        let mut rows = self.writer.read(found.iter().map(|(_, _, key)| key.clone()), reader).await?;
        let mut read = Vec::with_capacity(found.len());
        for (index, done, key) in found {
            read.push((index, done, self.writer.take_row(&mut rows, index, &key)?));
        }
        Ok(read)
    }

    /// Writes a piece, then what is sealed for the keys of its rows; the keys.
    async fn keys(&mut self, mut piece: Piece) -> Result<Found<Vec<Value>>> {
        let mut waiting = std::mem::take(&mut piece.waiting);
        let entry = self.entry;
        let key = entry.primary_key.iter().filter_map(|place| entry.columns.get(*place)).collect::<Vec<_>>();
        let kinds: Vec<Kind> = key.iter().map(|column| column.kind.clone()).collect();
        let reader = || {
            let kinds = kinds.clone();
            move |row: &mut Row<'_>| -> Result<Vec<Value>> {
                kinds.iter().map(|kind| row.column().value(Some(kind))).collect()
            }
        };
        let found = self.writer.upsert(piece, &self.upsert, &key, reader).await?;
        // Of a row that was there, what was to be updated alone.
        waiting.retain(|(row, place, _)| match found.get(*row) {
            Some((_, Done::Inserted, _)) => true,
            Some((_, Done::Updated, _)) => self.updates.contains(place),
            _ => false,
        });
        let keys: Vec<(u64, Vec<Value>)> = found.iter().map(|(index, _, key)| (*index, key.clone())).collect();
        self.writer.seal(&keys, waiting).await?;
        Ok(found)
    }
}
