//! Rows on their way into a table.

use std::borrow::Cow;

use super::new_row::{Filler, NewRow, is_unset, present};
use super::node::{Lookup, Node};
use super::plan::{Lock, Query, Step};
use super::run;
use super::set::QuerySet;
use crate::db::{Db, Statement};
use crate::encryption::{self, Plaintext};
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{Builder, Entry, Key, Model, SchemaColumn, SlugPlace};
use crate::relation::read_row;
use crate::row::{Reading, Row};
use crate::signal::{self, Draft, Of, Saved};
use crate::sql::{self, Conflict, Insert};
use crate::value::Value;

type Text = Cow<'static, str>;

/// Rows read in one statement before each is updated.
const BATCH: usize = 500;

/// Inserts one row: the fields given, and for the others their defaults; and gives the row back as the database has it.
pub(crate) async fn one<M: Model>(db: &Db, new: Builder<M>) -> Result<M> {
    let entry = db.schema().of::<M>()?;
    let row = Filler::new(entry).of_builder(new)?;
    let Some(receivers) = hearing_save::<M>(db) else { return insert(db, entry, row).await };
    let open = db.begin(true).await?;
    let made = one_heard(open.db(), entry, row, receivers).await;
    open.end_with(made).await
}

/// Inserts one row in the transaction `db`, and sends the signals.
pub(super) async fn one_heard<M: Model>(db: &Db, entry: &Entry, row: NewRow, receivers: &Of<M>) -> Result<M> {
    let mut draft = Draft::of_new_row(db.schema(), row.into_named(entry));
    receivers.pre_save(db, &mut draft).await?;
    let row = Filler::new(entry).of_fields(draft.into_values())?;
    let row = insert::<M>(db, entry, row).await?;
    receivers.post_save(db, Saved { row: &row, created: true, fields: None }).await?;
    Ok(row)
}

/// The receivers of a model, if any wants to know of rows that are written.
pub(crate) fn hearing_save<M: Model>(db: &Db) -> Option<&Of<M>> {
    db.receivers()?.of::<M>().filter(|receivers| receivers.hears_save())
}

async fn insert<M: Model>(db: &Db, entry: &Entry, row: NewRow) -> Result<M> {
    write(db, entry, row, || Reading::of_model(db.schema(), entry).with(|row| read_row::<M>(row, &[]))).await
}

/// Inserts one row of a model that no struct stands for, as [`one`] does; the values of its columns.
pub(crate) async fn values(db: &Db, entry: &Entry, given: Vec<(&'static str, Value)>) -> Result<Vec<Value>> {
    let kinds: Vec<Kind> = entry.columns.iter().map(|column| column.kind.clone()).collect();
    let read = || {
        let kinds = kinds.clone();
        move |row: &mut Row<'_>| kinds.iter().map(|kind| row.column().value(Some(kind))).collect()
    };
    write(db, entry, Filler::new(entry).of_fields(given)?, read).await
}

/// Inserts one row, and reads it back; with the first slug that no other row has, where one is made.
///
/// # Errors
/// Those of [`NewRow::admit`]; [`ErrorKind::UniqueViolation`] if each slug that was tried is taken.
async fn write<T, F>(db: &Db, entry: &Entry, mut row: NewRow, read: impl Fn() -> F) -> Result<T>
where
    F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    row.admit(entry)?;
    let Some((slug, candidates)) = entry.slug.as_ref().and_then(|slug| Some((slug, slug.candidates(&row.values)?)))
    else {
        return attempt(db, entry, row, None, read()).await?.ok_or_else(|| no_row(&entry.label));
    };
    for candidate in candidates {
        let mut row = row.clone();
        if let Some(value) = row.values.get_mut(slug.column) {
            *value = Some(Value::Text(candidate));
        }
        // No statement fails, so the transaction it may be in goes on; who writes the same slug at once is waited for.
        if let Some(made) = attempt(db, entry, row, Some(slug), read()).await? {
            return Ok(made);
        }
    }
    let taken = "each slug that was tried is taken by another row; give the row one of its own";
    let error = Error::new(ErrorKind::UniqueViolation, taken).in_model(&*entry.label);
    Err(match entry.columns.get(slug.column) {
        Some(column) => error.in_field(entry.field(column.field).name.to_string()),
        None => error,
    })
}

/// Inserts one row, and reads it back: one statement, or a transaction of two where something is sealed for the key that
/// the database gives the row. `None` if another row has its slug, where one is made.
async fn attempt<T, F>(db: &Db, entry: &Entry, mut row: NewRow, slug: Option<&SlugPlace>, read: F) -> Result<Option<T>>
where
    F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    let waiting = encryption::new_row(db.schema(), entry, &mut row.values)?;
    let rows = if waiting.is_empty() {
        db.fetch(statement(db, entry, row, slug, entry.columns.iter().collect())?, read).await?
    } else {
        let open = db.begin(true).await?;
        let rows = write_bound(open.db(), entry, row, slug, waiting, read).await;
        open.end_with(rows).await?
    };
    Ok(rows.into_iter().next())
}

/// Inserts a row without what is bound to it, then seals that for its key.
async fn write_bound<T, F>(
    db: &Db,
    entry: &Entry,
    row: NewRow,
    slug: Option<&SlugPlace>,
    waiting: Vec<(usize, Plaintext)>,
    read: F,
) -> Result<Vec<T>>
where
    F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    let key: Vec<&SchemaColumn> = entry.primary_key.iter().filter_map(|place| entry.columns.get(*place)).collect();
    let kinds: Vec<Kind> = key.iter().map(|column| column.kind.clone()).collect();
    let read_key = move |row: &mut Row<'_>| kinds.iter().map(|kind| row.column().value(Some(kind))).collect();
    let mut keys: Vec<Vec<Value>> = db.fetch(statement(db, entry, row, slug, key)?, read_key).await?;
    let Some(key) = keys.pop() else { return Ok(Vec::new()) };
    let mut set = Vec::with_capacity(waiting.len());
    for (place, plain) in waiting {
        if let Some(column) = entry.columns.get(place) {
            set.push((column, encryption::seal_for_row(db.schema(), column, &plain, &key)?));
        }
    }
    db.fetch(sql::set_row(db.schema(), entry, key, set)?, read).await
}

pub(super) fn no_row(label: &str) -> Error {
    Error::new(ErrorKind::Database, "an insert gave no row back").in_model(label)
}

/// The statement that inserts a row and gives some of its columns back.
fn statement(
    db: &Db,
    entry: &Entry,
    row: NewRow,
    slug: Option<&SlugPlace>,
    returning: Vec<&SchemaColumn>,
) -> Result<Statement> {
    let (columns, values) = row.into_parts(entry);
    let conflict = match slug {
        Some(slug) => {
            let columns = slug.unique.iter().filter_map(|place| entry.columns.get(*place)).collect();
            let condition = slug.condition.as_ref().map(|it| sql::inline(db.schema(), entry, it));
            Conflict::IgnoreOn(columns, condition.transpose()?)
        }
        None => Conflict::Refuse,
    };
    let insert = Insert { columns, rows: vec![values], conflict, returning };
    sql::insert(db.schema(), entry, insert)
}

/// Writes a row: updates it if its key is there, inserts it if not (Django's `Model.save`).
pub(crate) async fn save<M: Model>(db: &Db, model: &mut M) -> Result<()> {
    let entry = db.schema().of::<M>()?;
    let key = Key::to_values(&model.key());
    let values = writable(entry, model);
    let row = Writable { entry, is_new: is_unset(entry, key.iter()), key, mark: same_mark(entry, &values) };
    let fresh = match hearing_save::<M>(db) {
        None => row.save(db, values.into_iter().map(|(name, value)| (name, Node::value(value))).collect()).await?.row,
        Some(receivers) => {
            let open = db.begin(true).await?;
            let saved = row.save_heard(open.db(), model, values, receivers).await;
            open.end_with(saved).await?
        }
    };
    if let Some(fresh) = fresh {
        *model = fresh;
    }
    Ok(())
}

/// A row to be saved.
struct Writable<'a> {
    entry: &'a Entry,
    key: Vec<Value>,
    /// Whether it has no key yet.
    is_new: bool,
    /// The condition that the row there has the mark of deletion that this one has: a row that was deleted meanwhile must
    /// not come back by being saved.
    mark: Option<Node>,
}

/// What became of it.
struct Outcome<M> {
    created: bool,
    /// The row, where the database knows more of it than was written.
    row: Option<M>,
}

impl Writable<'_> {
    async fn save<M: Model>(&self, db: &Db, values: Vec<(Text, Node)>) -> Result<Outcome<M>> {
        let entry = self.entry;
        if !self.is_new {
            let is_key = |name: &Text| entry.definition.primary_key.contains(name);
            let pairs = values.iter().filter(|(name, _)| !is_key(name)).map(assignment);
            if self.update(db, &pairs.collect::<Vec<_>>()).await? {
                let row = if is_set_by_saving(entry) { Some(self.read(db).await?) } else { None };
                return Ok(Outcome { created: false, row });
            }
            if self.mark.is_some() && run::exists(db, &self.query()).await? {
                let stale = Error::new(
                    ErrorKind::Stale,
                    "was deleted or restored since it was read, so nothing was saved: `refresh` reads it again; to delete \
                     or restore a row, call `delete` or `restore` instead of setting the mark",
                );
                return Err(stale.in_model(entry.label.clone()).in_row(shown(&self.key)));
            }
        }
        let given = values.into_iter().filter_map(|(name, node)| {
            let field = entry.field(entry.field_id(&name)?);
            let decided_here = field.auto_now || field.auto_now_add || (self.is_new && field.kind.is_auto());
            match node {
                Node::Value(value, _) if !decided_here => Some((name, value)),
                _ => None,
            }
        });
        let row = insert::<M>(db, entry, Filler::new(entry).of_fields(given)?).await?;
        Ok(Outcome { created: true, row: Some(row) })
    }

    /// Saves in the transaction `db`, and sends the signals.
    async fn save_heard<M: Model>(
        &self,
        db: &Db,
        model: &M,
        values: Vec<(Text, Value)>,
        receivers: &Of<M>,
    ) -> Result<Option<M>> {
        let mut draft = match self.is_new {
            true => {
                let decides =
                    |name: &Text| self.entry.field_id(name).is_some_and(|id| self.entry.field(id).kind.is_auto());
                Draft::of_new_row(db.schema(), values.into_iter().filter(|(name, _)| !decides(name)).collect())
            }
            false => Draft::of_row(db.schema(), values, true),
        };
        receivers.pre_save(db, &mut draft).await?;
        let changed = draft.is_changed();
        let outcome = self.save::<M>(db, draft.into_nodes()).await?;
        let row = match outcome.row {
            None if changed => Some(self.read(db).await?),
            row => row,
        };
        let saved = Saved { row: row.as_ref().unwrap_or(model), created: outcome.created, fields: None };
        receivers.post_save(db, saved).await?;
        Ok(row)
    }

    /// Sets columns of the row; whether it is there.
    async fn update(&self, db: &Db, pairs: &[(Node, Node)]) -> Result<bool> {
        let query = match &self.mark {
            Some(mark) => self.query().then(Step::Filter(mark.clone())),
            None => self.query(),
        };
        if pairs.is_empty() {
            return run::exists(db, &query).await;
        }
        let updated = run::update_row(db, &query, pairs, &self.key).await;
        let updated = updated.map_err(|error| error.in_model(&*self.entry.label).in_row(shown(&self.key)))?;
        Ok(updated > 0)
    }

    async fn read<M: Model>(&self, db: &Db) -> Result<M> {
        let rows = run::fetch(db, &self.query(), |row, related| read_row::<M>(row, related)).await?;
        rows.into_iter().next().ok_or_else(|| self.gone("is not in the database any more"))
    }

    fn query(&self) -> Query {
        Query::on(self.entry.label.clone()).then(Step::Filter(run::key_in(self.entry, vec![self.key.clone()])))
    }

    fn gone(&self, what: &str) -> Error {
        Error::new(ErrorKind::NotFound, what).in_model(self.entry.label.clone()).in_row(shown(&self.key))
    }
}

/// Writes some fields of a row that is there, and its `auto_now` fields.
pub(crate) async fn save_fields<M: Model>(db: &Db, model: &mut M, fields: Vec<Node>) -> Result<()> {
    let entry = db.schema().of::<M>()?;
    let row = Writable { entry, key: Key::to_values(&model.key()), is_new: false, mark: None };
    let mut draft = Draft::<M>::of_row(db.schema(), writable(entry, model), false);
    for node in &fields {
        let field = signal::column(entry, node)?;
        if let Some(refusal) = entry.refuse_kept(field) {
            return Err(refusal);
        }
        draft.write_known(&field.name);
    }
    for field in entry.definition.fields.iter().filter(|field| field.auto_now) {
        draft.write_known(&field.name);
    }
    let fresh = match hearing_save::<M>(db) {
        None => row.update_fields(db, draft).await?,
        Some(receivers) => {
            let open = db.begin(true).await?;
            let saved = row.update_heard(open.db(), Some(model), draft, receivers).await;
            open.end_with(saved).await?
        }
    };
    if let Some(fresh) = fresh {
        *model = fresh;
    }
    Ok(())
}

impl Writable<'_> {
    /// Writes what the draft says; the row, where it is other than it was.
    async fn update_fields<M: Model>(&self, db: &Db, draft: Draft<M>) -> Result<Option<M>> {
        let read = draft.is_changed() || is_set_by_saving(self.entry);
        let pairs: Vec<(Node, Node)> = draft.into_nodes().iter().map(assignment).collect();
        if !self.update(db, &pairs).await? {
            return Err(self.gone("is not in the database any more, so no field was saved"));
        }
        if read { self.read(db).await.map(Some) } else { Ok(None) }
    }

    /// Writes what the draft says in the transaction `db`, and sends the signals. `known` is the row as it is once it is
    /// written, if that is known.
    async fn update_heard<M: Model>(
        &self,
        db: &Db,
        known: Option<&M>,
        mut draft: Draft<M>,
        receivers: &Of<M>,
    ) -> Result<Option<M>> {
        receivers.pre_save(db, &mut draft).await?;
        let fields = draft.written();
        let mut row = self.update_fields(db, draft).await?;
        if known.is_none() && row.is_none() {
            row = Some(self.read(db).await?);
        }
        if let Some(row) = row.as_ref().or(known) {
            receivers.post_save(db, Saved { row, created: false, fields: Some(&fields) }).await?;
        }
        Ok(row)
    }
}

/// Writes some fields of a row in the transaction `db`, if the query finds it, and sends the signals; whether it does.
pub(super) async fn update_one_heard<M: Model>(
    db: &Db,
    entry: &Entry,
    query: &Query,
    model: &M,
    fields: &[Node],
    receivers: &Of<M>,
) -> Result<bool> {
    let row = Writable { entry, key: Key::to_values(&model.key()), is_new: false, mark: None };
    let mine = query.clone().then(Step::Filter(run::key_in(entry, vec![row.key.clone()])));
    if !run::exists(db, &mine.then(Step::Lock(Lock { of_self: true, ..Lock::default() }))).await? {
        return Ok(false);
    }
    let mut draft = Draft::<M>::of_row(db.schema(), writable(entry, model), false);
    for node in fields {
        draft.write_known(&signal::column(entry, node)?.name);
    }
    for field in entry.definition.fields.iter().filter(|field| field.auto_now) {
        draft.write_known(&field.name);
    }
    row.update_heard(db, None, draft, receivers).await?;
    Ok(true)
}

/// Sets fields of a query's rows one by one, in one transaction, and sends the signals for each; says how many.
pub(crate) async fn update_each<M: Model>(db: &Db, query: &Query, pairs: &[(Node, Node)]) -> Result<u64> {
    let Some(receivers) = hearing_save::<M>(db) else { return run::update(db, query, pairs).await };
    let entry = db.schema().of::<M>()?;
    let open = db.begin(true).await?;
    let updated = async {
        let db = open.db();
        let mut count = 0;
        for batch in key_rows(db, entry, query.clone()).await?.chunks(BATCH) {
            let keys = batch.to_vec();
            let mine =
                Query::on(M::LABEL).then(Step::Filter(run::key_in(entry, keys))).then(Step::Lock(Lock::default()));
            for model in QuerySet::<M>::of_query(mine).all(db).await? {
                let row = Writable { entry, key: Key::to_values(&model.key()), is_new: false, mark: None };
                let known = writable_as_is(entry, &model);
                let mut draft = Draft::<M>::of_row(db.schema(), known, false);
                for (to, value) in pairs {
                    draft.write(signal::column(entry, to)?, value.clone());
                }
                row.update_heard(db, None, draft, receivers).await?;
                count += 1;
            }
        }
        Ok(count)
    }
    .await;
    open.end_with(updated).await
}

/// The primary keys of a query's rows.
async fn key_rows(db: &Db, entry: &Entry, query: Query) -> Result<Vec<Vec<Value>>> {
    let keys = entry.primary_key.iter().filter_map(|place| entry.columns.get(*place));
    let paths = keys.map(|column| Node::Path(vec![column.attname.clone().into()])).collect();
    super::spec::rows(db, &query.then(Step::Values(paths))).await
}

/// Reads a row again.
pub(crate) async fn refresh<M: Model>(db: &Db, model: &mut M) -> Result<()> {
    let entry = db.schema().of::<M>()?;
    *model = Writable { entry, key: Key::to_values(&model.key()), is_new: false, mark: None }.read(db).await?;
    Ok(())
}

/// The condition that a row has the mark of deletion that is among these values.
fn same_mark(entry: &Entry, values: &[(Text, Value)]) -> Option<Node> {
    let mark = entry.deletion_mark.as_ref()?;
    let (_, value) = values.iter().find(|(name, _)| name == mark.field())?;
    Some(match value {
        Value::Bool(false) | Value::Null => mark.alive(),
        value => Node::lookup(Node::Path(vec![mark.field().clone()]), Lookup::Exact, Node::value(value.clone())),
    })
}

/// Whether the database knows more of a row after an update than was written.
fn is_set_by_saving(entry: &Entry) -> bool {
    entry.definition.fields.iter().any(|field| field.auto_now || field.is_kept_by_database())
}

fn assignment((field, value): &(Text, Node)) -> (Node, Node) {
    (Node::Path(vec![field.clone()]), value.clone())
}

/// The writable columns of a row, `auto_now` fields with the present.
fn writable<M: Model>(entry: &Entry, model: &M) -> Vec<(Text, Value)> {
    let mut values = writable_as_is(entry, model);
    for (name, value) in &mut values {
        if let Some(field) = entry.field_id(name).map(|id| entry.field(id)).filter(|field| field.auto_now) {
            *value = present(&field.kind);
        }
    }
    values
}

/// The writable columns of a row.
fn writable_as_is<M: Model>(entry: &Entry, model: &M) -> Vec<(Text, Value)> {
    let fields = entry.columns.iter().map(|column| entry.field(column.field));
    let fields = fields.filter(|field| field.is_written());
    fields.map(|field| field.name.clone()).zip(model.to_values()).collect()
}

/// A key as text.
pub(crate) fn shown(key: &[Value]) -> String {
    let parts: Vec<String> = key.iter().map(|value| super::spec::plain(value).to_string()).collect();
    parts.join(", ")
}
