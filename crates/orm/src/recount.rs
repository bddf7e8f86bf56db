//! Figures that the database keeps, held against the rows they are over.
//!
//! Triggers keep them true, so there is nothing to do as a rule. There is where the triggers were not there: on tables that
//! another program made and whose first migration was recorded without running it, after they were switched off to load
//! a dump, or on tables that migrations leave alone.

use std::collections::BTreeSet;
use std::fmt;

use crate::db::{Db, Statement};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::field::Kind;
use crate::migrate::rollup::{self, Group, Trigger};
use crate::model::{Entry, Kept, Model, Schema};
use crate::query::spec;
use crate::row::Row;
use crate::value::Value;

/// Rows compared by one statement.
const BATCH: u32 = 1_000;
/// Rows set right by one transaction: their keys are in the text of a condition, of which SQLite takes a thousand parts.
const CORRECTED: usize = 200;
/// Rows named in a report.
const SAMPLE: usize = 10;
/// How often a batch is tried again that stood in the way of others.
const RETRIES: usize = 10;

/// Compares counts, sums, the latest and the earliest with the rows that they are over.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use nuages_orm::recount::Recount;
/// use nuages_orm::{Db, ForeignKey, Model, Models, migrate};
///
/// #[derive(Model, Debug, Clone)]
/// #[model(app = "blog")]
/// pub struct Post {
///     pub id: i64,
///     #[field(counts = "comments")]
///     pub comment_count: i32,
/// }
///
/// #[derive(Model, Debug, Clone)]
/// #[model(app = "blog")]
/// pub struct Comment {
///     pub id: i64,
///     #[field(on_delete = Cascade, related_name = "comments")]
///     pub post: ForeignKey<Post>,
/// }
///
/// let db = Db::connect("sqlite::memory:", Models::new().with::<Post>().with::<Comment>()).await?;
/// migrate::create_tables(&db).await?;
/// let post = Post::builder().create(&db).await?;
/// Comment::builder().post(&post).create(&db).await?;
/// let found = Recount::of::<Post>().check(&db).await?;
/// assert!(found.iter().all(|figure| figure.is_sound()));
/// assert_eq!(found[0].to_string(), "blog.Post.comment_count: right in 1 row");
/// # Ok::<(), nuages_orm::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
pub struct Recount {
    /// Names of apps, models and fields; everything if there are none.
    names: Vec<String>,
}

/// What was found of one figure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recounted {
    /// The model, as `app.Model`.
    pub model: String,
    /// The field.
    pub field: String,
    /// The rows looked at.
    pub rows: u64,
    /// Those in which it was not what it should be.
    pub wrong: u64,
    /// Those in which it was set right.
    pub fixed: u64,
    /// Some of those in which it was wrong, those with the least keys.
    pub sample: Vec<Drift>,
    /// The triggers that should keep it, and are not there as they should be, by name.
    pub missing: Vec<String>,
}

/// A row in which a figure is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drift {
    /// The row's key.
    pub key: String,
    /// What the figure was; `None` for null.
    pub stored: Option<String>,
    /// What it should be.
    pub truth: Option<String>,
}

impl Recounted {
    /// Whether it is right in all rows, and its triggers are there to keep it so.
    pub fn is_sound(&self) -> bool {
        self.wrong == self.fixed && self.missing.is_empty()
    }
}

impl fmt::Display for Recounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = |count: u64| if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
        write!(f, "{}.{}: ", self.model, self.field)?;
        match (self.wrong, self.fixed) {
            (0, _) => write!(f, "right in {}", rows(self.rows))?,
            (wrong, 0) => write!(f, "wrong in {wrong} of {}", rows(self.rows))?,
            (wrong, fixed) if wrong == fixed => {
                write!(f, "was wrong in {wrong} of {}, and is right now", rows(self.rows))?
            }
            (wrong, fixed) => write!(f, "was wrong in {wrong} of {}, of which {fixed} are right now", rows(self.rows))?,
        }
        for Drift { key, stored, truth } in &self.sample {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
            write!(f, "\n  row {key}: {} instead of {}", shown(stored), shown(truth))?;
        }
        if self.sample.len() < usize::try_from(self.wrong).unwrap_or(usize::MAX) {
            write!(f, "\n  and {} more", self.wrong - self.sample.len() as u64)?;
        }
        if !self.missing.is_empty() {
            write!(f, "\n  not kept: without {}", self.missing.join(", "))?;
        }
        Ok(())
    }
}

impl Recount {
    /// The figures of all models.
    pub fn all() -> Self {
        Recount::default()
    }

    /// The figures of one model.
    pub fn of<M: Model>() -> Self {
        Recount::all().named(M::LABEL)
    }

    /// Those of an app, a model or a single field too: `blog`, `blog.Post` or `blog.Post.comment_count`.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// Looks for figures that are not what they should be, in order of the rows' keys, batch by batch. Each batch is one
    /// statement, so that what others write meanwhile is no drift.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] for a name that stands for no figure; the database's.
    pub async fn check(&self, db: &Db) -> Result<Vec<Recounted>> {
        self.run(db, false).await
    }

    /// Sets figures right that are not, batch by batch: rows with a wrong one are locked, counted, and set, each batch in
    /// a transaction. Others may write meanwhile.
    ///
    /// # Errors
    /// As [`check`](Self::check); batches before the one that failed stay set.
    pub async fn fix(&self, db: &Db) -> Result<Vec<Recounted>> {
        self.run(db, true).await
    }

    /// Makes the triggers of figures anew where they are not there as they should be, and counts what they keep, all in one
    /// transaction, while which nobody else writes these tables. The names of the models whose triggers were made.
    ///
    /// # Errors
    /// As [`check`](Self::check); nothing was made then.
    pub async fn install(&self, db: &Db) -> Result<Vec<String>> {
        let schema = db.schema().clone();
        let groups = rollup::groups(&schema, true);
        let wanted = self.choose(&schema, &groups)?;
        let there = Installed::read(db).await?;
        let mut lacking: Vec<Group<'_>> = Vec::new();
        for (group, kept) in wanted {
            if !there.missing(&schema, group, kept)?.is_empty() {
                lacking.push(group.clone());
            }
        }
        let labels: BTreeSet<String> = lacking.iter().map(|group| group.parent().label.clone()).collect();
        if lacking.is_empty() {
            return Ok(Vec::new());
        }
        let statements = rollup::install(&schema, &lacking)?;
        let transaction = db.begin(true).await?;
        let mut made = Ok(());
        for sql in statements {
            made = transaction.db().script(sql).await;
            if made.is_err() {
                break;
            }
        }
        transaction.end_with(made).await?;
        Ok(labels.into_iter().collect())
    }

    async fn run(&self, db: &Db, fix: bool) -> Result<Vec<Recounted>> {
        let schema = db.schema().clone();
        let groups = rollup::groups(&schema, true);
        let there = Installed::read(db).await?;
        let mut found = Vec::new();
        for (group, kept) in self.choose(&schema, &groups)? {
            let field = kept.entry.field(kept.column.field).name.to_string();
            let missing = there.missing(&schema, group, kept)?;
            let mut recounted = Recounted {
                model: kept.entry.label.clone(),
                field: field.clone(),
                rows: 0,
                wrong: 0,
                fixed: 0,
                sample: Vec::new(),
                missing,
            };
            let done = walk(db, group, kept, fix, &mut recounted).await;
            done.map_err(|error| error.in_model(&*kept.entry.label).in_field(field))?;
            found.push(recounted);
        }
        Ok(found)
    }

    /// The figures that are meant, those that others are made of before those.
    fn choose<'g, 's>(
        &self,
        schema: &'s Schema,
        groups: &'g [Group<'s>],
    ) -> Result<Vec<(&'g Group<'s>, &'g Kept<'s>)>> {
        let mut all: Vec<(&Group<'_>, &Kept<'_>)> =
            groups.iter().flat_map(|group| group.figures().iter().map(move |kept| (group, kept))).collect();
        all.sort_by_key(|(_, kept)| (kept.entry.id, kept.column.field));
        let name = |kept: &Kept<'_>| format!("{}.{}", kept.entry.label, kept.entry.field(kept.column.field).name);
        let is_meant = |wanted: &str, kept: &Kept<'_>| {
            let (wanted, name) = (wanted.to_lowercase(), name(kept).to_lowercase());
            name == wanted || name.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with('.'))
        };
        for wanted in &self.names {
            if !all.iter().any(|(_, kept)| is_meant(wanted, kept)) {
                let known: Vec<String> = all.iter().map(|(_, kept)| name(kept)).collect();
                return Err(match known.is_empty() {
                    true => {
                        Error::new(ErrorKind::Field, format!("`{wanted}` is no figure that is kept: there are none"))
                    }
                    false => {
                        let hint = nearest(wanted, known.iter().map(String::as_str));
                        let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                        let known = known.join(", ");
                        let message = format!("`{wanted}` is no figure that is kept: choices are {known}{hint}");
                        Error::new(ErrorKind::Field, message)
                    }
                });
            }
        }
        all.retain(|(_, kept)| self.names.is_empty() || self.names.iter().any(|wanted| is_meant(wanted, kept)));
        all.sort_by_key(|(_, kept)| depth(schema, kept));
        Ok(all)
    }
}

/// How many figures a figure is made of, one of the other. They never go in a circle.
fn depth(schema: &Schema, kept: &Kept<'_>) -> usize {
    let child = schema.entry(kept.link.child);
    let in_condition = kept.condition.iter().flat_map(|condition| child.columns_in(condition));
    let used: Vec<_> = in_condition.chain(kept.over).map(|column| column.field).collect();
    let inner = schema.rollups_of(child).filter_map(Result::ok).filter(|inner| used.contains(&inner.column.field));
    inner.map(|inner| depth(schema, &inner) + 1).max().unwrap_or(0)
}

/// A row of a comparison: whether the figure is wrong, it, what it should be, and the key.
type Compared = (bool, Value, Value, Vec<Value>);

/// Compares a figure in all rows, and sets it right if it shall be.
async fn walk(db: &Db, group: &Group<'_>, kept: &Kept<'_>, fix: bool, found: &mut Recounted) -> Result<()> {
    let mut after: Option<Vec<Value>> = None;
    loop {
        let rows = compare(db, group, kept, group.compare(kept, after.as_deref(), BATCH)?).await?;
        let is_last = rows.len() < BATCH as usize;
        found.rows += rows.len() as u64;
        after = rows.last().map(|(.., key)| key.clone()).or(after);
        let wrong: Vec<&Compared> = rows.iter().filter(|(differs, ..)| *differs).collect();
        found.wrong += wrong.len() as u64;
        for (_, stored, truth, key) in wrong.iter().take(SAMPLE.saturating_sub(found.sample.len())) {
            found.sample.push(Drift { key: shown(key), stored: text(stored), truth: text(truth) });
        }
        if fix && !wrong.is_empty() {
            let keys: Vec<Vec<Value>> = wrong.into_iter().map(|(.., key)| key.clone()).collect();
            for keys in keys.chunks(CORRECTED) {
                found.fixed += correct(db, group, kept, keys).await?;
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

async fn compare(db: &Db, group: &Group<'_>, kept: &Kept<'_>, statement: Statement) -> Result<Vec<Compared>> {
    let figure = kept.column.kind.clone();
    let keys: Vec<Kind> = key_columns(group.parent()).map(|column| column.kind.clone()).collect();
    let read = move |row: &mut Row<'_>| {
        let differs = row.column().bool()?;
        let (stored, truth) = (row.column().value(Some(&figure))?, row.column().value(Some(&figure))?);
        let keys = keys.iter().map(|kind| row.column().value(Some(kind))).collect::<Result<Vec<Value>>>()?;
        Ok((differs, stored, truth, keys))
    };
    db.fetch(statement, read).await
}

fn key_columns(entry: &Entry) -> impl Iterator<Item = &crate::model::SchemaColumn> {
    entry.primary_key.iter().filter_map(|place| entry.columns.get(*place))
}

/// Sets a figure right in rows; in how many of them it was still wrong.
async fn correct(db: &Db, group: &Group<'_>, kept: &Kept<'_>, keys: &[Vec<Value>]) -> Result<u64> {
    let mut tries = 0;
    loop {
        let transaction = db.begin(true).await?;
        let outcome = correct_in(transaction.db(), group, kept, keys).await;
        match transaction.end_with(outcome).await {
            Err(error) if error.is_retryable() && tries < RETRIES && !db.in_transaction() => tries += 1,
            // All that was wrong is right now, by whomever.
            outcome => return outcome.map(|_| keys.len() as u64),
        }
    }
}

async fn correct_in(db: &Db, group: &Group<'_>, kept: &Kept<'_>, keys: &[Vec<Value>]) -> Result<u64> {
    let (begin, end) = rollup::permission(db.dialect());
    db.script(begin).await?;
    if let Some(lock) = group.lock(keys) {
        // What others have done to these rows until now is seen by the next statement.
        db.fetch(lock, |_| Ok(())).await?;
    }
    let changed = db.execute(group.correct(kept, keys)?).await?;
    db.script(end).await?;
    Ok(changed)
}

fn shown(key: &[Value]) -> String {
    let parts: Vec<String> = key.iter().filter_map(text).collect();
    parts.join(", ")
}

fn text(value: &Value) -> Option<String> {
    match spec::plain(value) {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// The triggers of a database, by table and name, with what they do.
struct Installed(BTreeSet<(String, String, String)>);

impl Installed {
    async fn read(db: &Db) -> Result<Installed> {
        let found: Vec<(String, String, String)> = match db.dialect() {
            Dialect::Sqlite => db.raw(rollup::INSTALLED_SQLITE, ()).fetch().await?,
            Dialect::Postgres => db.raw(rollup::INSTALLED_POSTGRES, ()).writes().fetch().await?,
        };
        Ok(Installed(found.into_iter().collect()))
    }

    /// The triggers of a figure that are not there as they should be.
    fn missing(&self, schema: &Schema, group: &Group<'_>, kept: &Kept<'_>) -> Result<Vec<String>> {
        let mut of_its_table = rollup::groups(schema, true);
        of_its_table.retain(|other| other.parent().id == kept.entry.id);
        let all = rollup::triggers(schema, &of_its_table)?;
        let concerns = |trigger: &&Trigger| trigger.is_guard() || group.is_of(trigger);
        let is_there = |trigger: &&Trigger| {
            let key = (trigger.table.clone(), trigger.name.clone(), trigger.text().to_owned());
            !self.0.contains(&key)
        };
        Ok(all.iter().filter(concerns).filter(is_there).map(|trigger| trigger.name.clone()).collect())
    }
}
