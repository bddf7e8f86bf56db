//! Querysets: queries whose rows have a Rust type.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use futures_core::Stream;
use futures_util::TryStreamExt;

use super::bulk::{BulkCreate, BulkUpdate, BulkUpsert};
use super::node::Node;
use super::plan::{Combinator, Lock, Query, Step};
use super::shape::{Plain, Prefetched, Shape, With};
use super::signalled::Signalled;
use super::values::Values;
use super::{delete, insert, run, soft_delete};
use crate::batch::Batches;
use crate::db::{Db, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::expr::{Assignments, Expr, Many, Nullability, Orders, Path, Required, Selection};
use crate::model::{Builder, Model, OrderBy, Restored, Schema, SoftDelete};

/// Rows fetched at a time where nothing is said: what a stream holds in memory.
pub(crate) const CHUNK: usize = 2_000;

/// A query on the model `M`, not yet run, whose rows are of type `S::Row`: `M` itself, or `M` with what
/// [`annotate`](QuerySet::annotate) and [`prefetch`](QuerySet::prefetch) add.
///
/// Each method gives a new query; nothing is sent to the database before one that takes a [`Db`]. Methods that take a
/// closure give it the model's fields; relations are followed by calling them.
pub struct QuerySet<M: Model, S: Shape<M> = Plain> {
    query: Query,
    shape: S,
    of: PhantomData<fn() -> M>,
}

impl<M: Model, S: Shape<M>> Clone for QuerySet<M, S> {
    fn clone(&self) -> Self {
        QuerySet { query: self.query.clone(), shape: self.shape.clone(), of: PhantomData }
    }
}

impl<M: Model, S: Shape<M>> fmt::Debug for QuerySet<M, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.query.fmt(f)
    }
}

impl<M: Model> QuerySet<M> {
    /// All rows, those that [`objects`](Model::objects) hides too.
    pub fn new() -> Self {
        QuerySet { query: Query::on(Cow::Borrowed(M::LABEL)), shape: Plain, of: PhantomData }
    }

    /// All rows that are not marked as deleted.
    pub(crate) fn living() -> Self {
        match M::DELETION_MARK {
            Some(mark) => QuerySet::new().then(Step::Filter(mark.alive())),
            None => QuerySet::new(),
        }
    }

    /// A query made without types, taken on trust to be on this model and to select its columns.
    pub(crate) fn of_query(query: Query) -> Self {
        QuerySet { query, shape: Plain, of: PhantomData }
    }
}

impl<M: Model> Default for QuerySet<M> {
    fn default() -> Self {
        QuerySet::new()
    }
}

pub(crate) fn root<M: Model>() -> M::Fields<M, Required> {
    Path::root().into()
}

/// Building.
impl<M: Model, S: Shape<M>> QuerySet<M, S> {
    /// The query without its type.
    pub fn into_query(self) -> Query {
        self.query
    }

    /// The statement that [`all`](QuerySet::all) would run, and the values bound to it; `None` if there is nothing to
    /// ask the database for.
    ///
    /// # Errors
    /// As every method that runs the query: names, lookups and values are checked here.
    pub fn sql(&self, schema: &Schema) -> Result<Option<Statement>> {
        run::statement(schema, &self.query)
    }

    pub(crate) fn query(&self) -> &Query {
        &self.query
    }

    /// Another query on the model, whose rows become the same.
    pub(crate) fn with_query(&self, query: Query) -> Self {
        QuerySet { query, shape: self.shape.clone(), of: PhantomData }
    }

    pub(super) fn shape(&self) -> &S {
        &self.shape
    }

    pub(crate) fn then(mut self, step: Step) -> Self {
        self.query.steps.push(step);
        self
    }

    /// Only rows for which the condition holds. Two calls over a relation with many rows may be met by different rows;
    /// conditions joined by `&` in one call only by the same row.
    #[must_use]
    pub fn filter(self, condition: impl FnOnce(M::Fields<M, Required>) -> Expr<M, bool>) -> Self {
        let node = condition(root::<M>()).into_node();
        self.then(Step::Filter(node))
    }

    /// Only rows for which the condition does not hold: over a relation with many rows, those of which no row meets it.
    #[must_use]
    pub fn exclude(self, condition: impl FnOnce(M::Fields<M, Required>) -> Expr<M, bool>) -> Self {
        let node = condition(root::<M>()).into_node();
        self.then(Step::Exclude(node))
    }

    /// This order, in place of any before; `()` for none.
    #[must_use]
    pub fn order_by<O: Orders<M>>(self, order: impl FnOnce(M::Fields<M, Required>) -> O) -> Self {
        let steps = order(root::<M>()).into_steps();
        self.then(Step::OrderBy(steps))
    }

    /// The opposite order.
    #[must_use]
    pub fn reverse(self) -> Self {
        self.then(Step::Reverse)
    }

    /// No two rows alike.
    #[must_use]
    pub fn distinct(self) -> Self {
        self.then(Step::Distinct)
    }

    /// At most this many rows.
    #[must_use]
    pub fn limit(self, rows: u64) -> Self {
        self.then(Step::Slice { offset: 0, limit: Some(rows) })
    }

    /// Without the first rows.
    #[must_use]
    pub fn offset(self, rows: u64) -> Self {
        self.then(Step::Slice { offset: rows, limit: None })
    }

    /// No rows at all; nothing is asked of the database.
    #[must_use]
    pub fn none(self) -> Self {
        self.then(Step::Nothing)
    }

    /// Locks the rows until the transaction ends. Without one, the query is refused; on SQLite, whose writers exclude
    /// one another, it changes nothing.
    #[must_use]
    pub fn select_for_update(self) -> Self {
        self.select_for_update_with(Lock::default())
    }

    /// Locks the rows as [`Lock`] says, such as `Lock { skip_locked: true, ..Lock::default() }`.
    #[must_use]
    pub fn select_for_update_with(self, lock: Lock) -> Self {
        self.then(Step::Lock(lock))
    }

    /// Brings the row that a foreign key refers to in the same query; over several keys, all on the way.
    #[must_use]
    pub fn select_related<F, N>(self, relation: impl FnOnce(M::Fields<M, Required>) -> F) -> Self
    where
        F: AsRef<Path<M, N>>,
        N: Nullability,
    {
        let names = relation(root::<M>()).as_ref().names().to_vec();
        self.then(Step::SelectRelated(vec![names]))
    }

    /// The rows of either query (SQL's `UNION`): no two alike.
    #[must_use]
    pub fn union(self, other: QuerySet<M, S>) -> Self {
        self.combine(Combinator::Union, other, false)
    }

    /// The rows of one query and then of the other, those alike too (`UNION ALL`).
    #[must_use]
    pub fn union_all(self, other: QuerySet<M, S>) -> Self {
        self.combine(Combinator::Union, other, true)
    }

    /// The rows of both queries.
    #[must_use]
    pub fn intersection(self, other: QuerySet<M, S>) -> Self {
        self.combine(Combinator::Intersection, other, false)
    }

    /// The rows of this query that the other has not.
    #[must_use]
    pub fn difference(self, other: QuerySet<M, S>) -> Self {
        self.combine(Combinator::Difference, other, false)
    }

    fn combine(self, combinator: Combinator, other: QuerySet<M, S>, all: bool) -> Self {
        QuerySet { query: self.query.combine(combinator, vec![other.query], all), ..self }
    }

    /// Further columns: rows become pairs of what they were and what the closure selects. An aggregate is taken over
    /// the rows related to each row.
    #[must_use]
    pub fn annotate<A: Selection<M> + 'static>(
        self,
        columns: impl FnOnce(M::Fields<M, Required>) -> A,
    ) -> QuerySet<M, With<S, A>> {
        let taken: usize = self.query.steps.iter().map(|s| if let Step::Annotate(a) = s { a.len() } else { 0 }).sum();
        let nodes = columns(root::<M>()).into_nodes().into_iter().enumerate();
        let named = nodes.map(|(i, node)| (Cow::Owned(format!("__a{}", taken + i)), node)).collect();
        let QuerySet { query, shape, .. } = self.then(Step::Annotate(named));
        QuerySet { query, shape: With::new(shape), of: PhantomData }
    }

    /// The related rows, by one more query: rows become pairs of what they were and the related rows, in their order.
    #[must_use]
    pub fn prefetch<C: Model>(
        self,
        relation: impl FnOnce(M::Fields<M, Required>) -> Many<C, M>,
    ) -> QuerySet<M, Prefetched<S, C, Plain>> {
        self.prefetch_with(relation, C::objects())
    }

    /// The related rows that a query finds, which may prefetch in its turn: one more query a level, however many rows.
    #[must_use]
    pub fn prefetch_with<C: Model, T: Shape<C>>(
        self,
        relation: impl FnOnce(M::Fields<M, Required>) -> Many<C, M>,
        query: QuerySet<C, T>,
    ) -> QuerySet<M, Prefetched<S, C, T>> {
        let fields = relation(root::<M>());
        let names = (*fields).as_ref().names().to_vec();
        let shape = Prefetched::new(self.shape, names, query);
        QuerySet { query: self.query, shape, of: PhantomData }
    }

    /// These columns in place of the model's: rows become what the closure selects, a tuple for a tuple. Where some
    /// are aggregates, rows are grouped by the others.
    #[must_use]
    pub fn values<V: Selection<M>>(self, columns: impl FnOnce(M::Fields<M, Required>) -> V) -> Values<M, V::Row> {
        let nodes = columns(root::<M>()).into_nodes();
        Values::new(self.then(Step::Values(nodes)).query, V::read)
    }
}

/// Running.
impl<M: Model, S: Shape<M>> QuerySet<M, S> {
    /// All rows: one query, and one for each level of `prefetch`.
    pub async fn all(&self, db: &Db) -> Result<Vec<S::Row>> {
        let raw = run::fetch(db, &self.query, S::read).await?;
        self.shape.complete(db, raw).await
    }

    /// The rows one after the other, a chunk at a time from a server-side cursor (PostgreSQL) or by stepping (SQLite):
    /// memory is bounded by the chunk of 2,000 rows. `prefetch` asks once a chunk.
    pub fn stream(&self, db: &Db) -> impl Stream<Item = Result<S::Row>> + Send + use<M, S> {
        self.stream_in_chunks(db, CHUNK)
    }

    /// The rows one after the other, this many in memory at a time.
    pub fn stream_in_chunks(&self, db: &Db, rows: usize) -> impl Stream<Item = Result<S::Row>> + Send + use<M, S> {
        let (shape, other) = (self.shape.clone(), db.clone());
        run::stream(db, &self.query, rows.max(1), S::read)
            .try_chunks(rows.max(1))
            .map_err(|error| error.1)
            .and_then(move |raw| {
                let (shape, db) = (shape.clone(), other.clone());
                async move { shape.complete(&db, raw).await }
            })
            .map_ok(|rows| futures_util::stream::iter(rows.into_iter().map(Ok)))
            .try_flatten()
    }

    /// The rows in batches of this many (one at least), in the order of the primary key: to read them, or to work on
    /// each batch in a transaction of its own.
    pub fn in_batches(self, rows: u64) -> Batches<M, S> {
        Batches::new(self, rows)
    }

    /// The only row.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none, [`ErrorKind::MultipleRows`] if there are several.
    pub async fn get(&self, db: &Db) -> Result<S::Row> {
        let none = || Error::new(ErrorKind::NotFound, format!("no {} matches the query", M::LABEL));
        if let Some(row) = run::point(db, &self.query, S::read) {
            return self.shape.complete_one(db, row.await?.ok_or_else(none)?).await;
        }
        let two = self.clone().unsorted().limit(2);
        let mut rows = Box::pin(two.all(db)).await?;
        match (rows.pop(), rows.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(none()),
            (Some(_), false) => Err(Error::new(
                ErrorKind::MultipleRows,
                format!("more than one {} matches the query, where one was expected", M::LABEL),
            )),
        }
    }

    /// The first row in the query's order, or in that of the primary key if it has none.
    pub async fn first(&self, db: &Db) -> Result<Option<S::Row>> {
        Ok(self.clone().sorted(db)?.limit(1).all(db).await?.pop())
    }

    /// The last row in the query's order, or in that of the primary key if it has none.
    ///
    /// # Errors
    /// [`ErrorKind::Type`] if the query has a slice.
    pub async fn last(&self, db: &Db) -> Result<Option<S::Row>> {
        if self.is_sliced() {
            return Err(Error::new(ErrorKind::Type, "a query cannot be reversed once it has a limit or offset"));
        }
        Ok(self.clone().sorted(db)?.reverse().limit(1).all(db).await?.pop())
    }

    /// The number of rows, counted by the database.
    pub async fn count(&self, db: &Db) -> Result<i64> {
        run::count(db, &self.query).await
    }

    /// Whether there are any rows.
    pub async fn exists(&self, db: &Db) -> Result<bool> {
        run::exists(db, &self.query).await
    }

    /// The rows with these primary keys, by key.
    pub async fn in_bulk(&self, db: &Db, keys: &[M::Key]) -> Result<HashMap<M::Key, S::Row>> {
        let entry = db.schema().of::<M>()?;
        let condition = run::key_in(entry, keys.iter().map(crate::model::Key::to_values).collect());
        let rows = self.clone().then(Step::Filter(condition)).all(db).await?;
        Ok(rows.into_iter().map(|row| (S::model(&row).key(), row)).collect())
    }

    /// Figures over all rows: a tuple for a tuple.
    pub async fn aggregate<A: Selection<M>>(
        &self,
        db: &Db,
        figures: impl FnOnce(M::Fields<M, Required>) -> A,
    ) -> Result<A::Row> {
        let nodes = figures(root::<M>()).into_nodes().into_iter().enumerate();
        let named: Vec<_> = nodes.map(|(i, node)| (Cow::Owned(format!("__f{i}")), node)).collect();
        run::figures(db, &self.query, &named, A::read).await
    }

    /// Sets fields of all rows in one statement, and says how many there were. The new values may be computed from the
    /// row's own fields. Only what is named changes: `auto_now` fields stay, as in Django.
    pub async fn update<A: Assignments<M>>(
        &self,
        db: &Db,
        assignments: impl FnOnce(M::Fields<M, Required>) -> A,
    ) -> Result<u64> {
        run::update(db, &self.query, &assignments(root::<M>()).into_pairs()).await
    }

    /// The same rows, written one by one so that receivers are told of each.
    pub fn with_signals(self) -> Signalled<M> {
        Signalled::new(self.query)
    }

    /// Deletes all rows and what `on_delete` says of the rows that refer to them, in one transaction, and says how many
    /// of each model there were. Rows of a model with `#[field(soft_delete)]` are marked instead, those that are not yet;
    /// [`SoftDelete`] says what becomes of those that refer to them.
    ///
    /// # Errors
    /// [`ErrorKind::Protected`] and [`ErrorKind::Restricted`], naming the rows in the way; nothing is deleted then.
    pub async fn delete(&self, db: &Db) -> Result<Deleted> {
        delete::query(db, &self.query).await
    }

    /// The only row, or else the one that the builder makes; and whether it was made. A row that the query hides is not
    /// found.
    ///
    /// Two at once make one row, where a unique constraint sees to it.
    pub async fn get_or_create(&self, db: &Db, new: impl Into<Builder<M>>) -> Result<(S::Row, bool)> {
        match self.get(db).await {
            Err(error) if error.is_not_found() => {}
            found => return found.map(|row| (row, false)),
        }
        let new = new.into();
        let made = db.atomic(async |db: &Db| new.create(db).await).await;
        match made {
            Ok(row) => {
                let key = run::key_in(db.schema().of::<M>()?, vec![crate::model::Key::to_values(&row.key())]);
                let row = QuerySet { query: Query::on(M::LABEL), ..self.clone() }.keep_columns(&self.query);
                Ok((row.then(Step::Filter(key)).get(db).await?, true))
            }
            Err(error) if error.is_unique_violation() => match self.get(db).await {
                Err(again) if again.is_not_found() => Err(error),
                found => found.map(|row| (row, false)),
            },
            Err(error) => Err(error),
        }
    }

    /// The steps of another query that add columns.
    fn keep_columns(mut self, other: &Query) -> Self {
        let columns = other.steps.iter().filter(|step| matches!(step, Step::Annotate(_) | Step::SelectRelated(_)));
        self.query.steps.extend(columns.cloned());
        self
    }

    fn is_sliced(&self) -> bool {
        self.query.steps.iter().any(|step| matches!(step, Step::Slice { .. }))
    }

    fn is_ordered(&self) -> Option<bool> {
        self.query.steps.iter().rev().find_map(|step| match step {
            Step::OrderBy(steps) => Some(!steps.is_empty()),
            _ => None,
        })
    }

    /// Ordered by the primary key, unless there is an order already.
    fn sorted(self, db: &Db) -> Result<Self> {
        let entry = db.schema().of::<M>()?;
        let ordered = self.is_ordered().unwrap_or(!entry.definition.ordering.is_empty());
        if ordered || self.is_sliced() {
            return Ok(self);
        }
        let key = entry.definition.primary_key.iter().map(|name| OrderBy::asc(Node::Path(vec![name.clone()])));
        let key = key.collect();
        Ok(self.then(Step::OrderBy(key)))
    }

    /// Without an order, which a single row does not need, unless it decides which rows a slice holds.
    fn unsorted(self) -> Self {
        if self.is_sliced() { self } else { self.then(Step::OrderBy(Vec::new())) }
    }
}

impl<M: Model> QuerySet<M> {
    /// New rows, many at once: builders, or rows of the struct (Django's `bulk_create`). Whatever the query says about rows
    /// that are there, it says nothing about new ones.
    ///
    /// Each row gets what [`create`](Builder::create) would give it: defaults, times of creation, checks, JSON Schemas,
    /// encryption. Receivers are not told, unless [`with_signals`](BulkCreate::with_signals) says so. Rows may bring their
    /// keys or not, as they like; PostgreSQL goes on numbering where it was, though, and not after keys that were brought.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use nuages_orm::{Db, Model, Models, migrate::create_tables};
    ///
    /// #[derive(Model, Debug, Clone, PartialEq)]
    /// #[model(app = "shop")]
    /// struct Book {
    ///     id: i64,
    ///     #[field(max_length = 100)]
    ///     title: String,
    ///     #[field(default = 0)]
    ///     pages: i32,
    /// }
    ///
    /// let db = Db::connect("sqlite::memory:", Models::new().with::<Book>()).await?;
    /// create_tables(&db).await?;
    /// let titles = (1..=1_000).map(|volume| format!("Volume {volume}"));
    /// let written = Book::objects().bulk_create(titles.map(|title| Book::builder().title(title))).run(&db).await?;
    /// assert_eq!(written, 1_000);
    ///
    /// let rows = [Book { id: 0, title: "Nuages".into(), pages: 3 }];
    /// let rows = Book::objects().bulk_create(&rows).returning().run(&db).await?;
    /// assert_eq!(rows[0].id, 1_001);
    /// # Ok::<(), nuages_orm::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn bulk_create<I>(&self, rows: I) -> BulkCreate<M, I>
    where
        I: IntoIterator<Item: Into<Builder<M>>>,
    {
        BulkCreate::new(rows)
    }

    /// New rows, or new values for those that are there already (`INSERT … ON CONFLICT`; Django's
    /// `bulk_create(update_conflicts=True)` and `ignore_conflicts`): safe while others do the same. Rows are made as by
    /// [`bulk_create`](Self::bulk_create).
    ///
    /// The same row twice is written twice, as if one by one: inserted, then updated. Receivers are not told, unless
    /// [`with_signals`](super::Upserting::with_signals) says so.
    ///
    /// ```
    /// # use nuages_orm::{Db, Model};
    /// # #[derive(Model, Debug, Clone)]
    /// # #[model(app = "shop")]
    /// # struct Book {
    /// #     id: i64,
    /// #     #[field(max_length = 17, unique)]
    /// #     isbn: String,
    /// #     #[field(max_length = 100)]
    /// #     title: String,
    /// #     pence: i64,
    /// # }
    /// # async fn run(db: &Db) -> nuages_orm::Result<()> {
    /// let list = [("978-1", "Nuages", 300), ("978-2", "Minor Swing", 250)];
    /// let rows = list.map(|(isbn, title, pence)| Book::builder().isbn(isbn).title(title).pence(pence));
    /// let counts = Book::objects()
    ///     .bulk_upsert(rows)
    ///     .unique_by(|b| b.isbn())
    ///     .update(|b| (b.title(), b.pence()))
    ///     .only_where(|b| b.pence().gt(0))
    ///     .run(db)
    ///     .await?;
    /// println!("{} new, {} updated", counts.inserted, counts.updated);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bulk_upsert<I>(&self, rows: I) -> BulkUpsert<M, I>
    where
        I: IntoIterator<Item: Into<Builder<M>>>,
    {
        BulkUpsert::new(rows)
    }

    /// Fields of rows that are there, written with the values that the rows of the struct have (Django's `bulk_update`): the
    /// fields that the closure names, and the `auto_now` fields, as [`save_fields`](Model::save_fields) does.
    ///
    /// Rows are found by their key among those of the query. Receivers are not told, unless
    /// [`with_signals`](BulkUpdate::with_signals) says so.
    ///
    /// ```
    /// # use nuages_orm::{Db, Model};
    /// # #[derive(Model, Debug, Clone)]
    /// # #[model(app = "shop")]
    /// # struct Book {
    /// #     id: i64,
    /// #     #[field(max_length = 100)]
    /// #     title: String,
    /// #     pence: i64,
    /// # }
    /// # async fn run(db: &Db) -> nuages_orm::Result<()> {
    /// let mut books = Book::objects().all(db).await?;
    /// for book in &mut books {
    ///     book.pence += book.title.len() as i64;
    /// }
    /// let written = Book::objects().bulk_update(&books, |b| b.pence()).run(db).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bulk_update<I, F>(&self, rows: I, fields: impl FnOnce(M::Fields<M, Required>) -> F) -> BulkUpdate<M, I>
    where
        I: IntoIterator<Item: Borrow<M>>,
        F: Selection<M>,
    {
        BulkUpdate::new(self.query.clone(), rows, fields(root::<M>()).into_nodes())
    }

    /// Sets fields of the only row, or else makes the row that the builder says; and says whether it was made. The row is
    /// locked meanwhile.
    pub async fn update_or_create<A: Assignments<M>>(
        &self,
        db: &Db,
        assignments: impl FnOnce(M::Fields<M, Required>) -> A,
        new: impl Into<Builder<M>>,
    ) -> Result<(M, bool)> {
        let pairs = assignments(root::<M>()).into_pairs();
        let new = new.into();
        db.atomic(async |db: &Db| {
            let (row, made) = self.clone().select_for_update().get_or_create(db, new).await?;
            if made {
                return Ok((row, true));
            }
            let key = run::key_in(db.schema().of::<M>()?, vec![crate::model::Key::to_values(&row.key())]);
            let query = Query::on(M::LABEL).then(Step::Filter(key));
            insert::update_each::<M>(db, &query, &pairs).await?;
            Ok((QuerySet::<M>::of_query(query).get(db).await?, false))
        })
        .await
    }
}

impl<M: SoftDelete, S: Shape<M>> QuerySet<M, S> {
    /// Takes the marks of deletion away from all rows that have one, and from what was marked with them, in one
    /// transaction; and says how many of each model there were.
    ///
    /// # Errors
    /// [`ErrorKind::UniqueViolation`] if what is unique among living rows has been taken meanwhile; nothing is restored
    /// then.
    pub async fn restore(&self, db: &Db) -> Result<Restored> {
        soft_delete::restore(db, &self.query).await
    }

    /// Deletes all rows from the table, marked or not, and what `on_delete` says of the rows that refer to them, marked
    /// or not: what [`delete`](QuerySet::delete) does of other models.
    ///
    /// # Errors
    /// As [`delete`](QuerySet::delete). Marked rows protect and restrict like others: delete them for good first.
    pub async fn hard_delete(&self, db: &Db) -> Result<Deleted> {
        delete::hard(db, &self.query).await
    }
}

/// What a deletion deleted, or marked as deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Rows in all.
    pub total: u64,
    /// Rows of each model, by `app.Model`; models without any are left out.
    pub by_model: HashMap<String, u64>,
}

impl Deleted {
    pub(crate) fn add(&mut self, label: &str, rows: u64) {
        if rows > 0 {
            self.total += rows;
            *self.by_model.entry(label.to_owned()).or_default() += rows;
        }
    }

    pub(crate) fn add_all(&mut self, other: &Deleted) {
        for (label, rows) in &other.by_model {
            self.add(label, *rows);
        }
    }
}
