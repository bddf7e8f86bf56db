//! The models as they were, and queries on them.

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::FutureExt;

use super::super::literal::Literal;
use super::super::state::{Here, State};
use super::walk::{self, Course};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::model::{Field, Key, Model, ModelDef, Models, Schema};
use crate::query::{Deleted, Node, Query, QuerySet, Step, delete, insert, run, spec};
use crate::value::Value;

type Text = Cow<'static, str>;

/// The database, with the models as they are at one point of the history: what a migration's function gets.
///
/// Models and fields are named by texts, checked when a query runs, since the program's structs are those of today. Where
/// types are wanted, declare a struct with the fields of that time in the migration's file, and say [`with`](Self::with).
///
/// In an atomic migration all this is one transaction. In one that is not, each statement is committed at once, and
/// each batch of [`PastModel::batches`] is a transaction.
#[derive(Debug, Clone)]
pub struct Past {
    db: Db,
    app: Text,
    models: Models,
    here: Here,
    course: Arc<Course>,
}

impl Past {
    pub(in super::super) fn new(db: &Db, app: &Text, state: &State, course: Course) -> Result<Past> {
        let models = state.definitions();
        let db = db.with_past(&models)?;
        let here = state.here().clone();
        Ok(Past { db, app: app.clone(), models, here, course: Arc::new(course) })
    }

    /// Does nothing: the way back where there is nothing to undo.
    #[expect(clippy::unused_async, reason = "it is passed where an async function is expected")]
    pub async fn nothing(self) -> Result<()> {
        Ok(())
    }

    /// The database, or the transaction; its models are those of the time.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// A model of the migration's app by its name, or of another one by `app.Model`.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if there is none at this point, or its table is in another database.
    pub fn model(&self, name: &str) -> Result<PastModel> {
        let label = if name.contains('.') { name.to_owned() } else { format!("{}.{name}", self.app) };
        let entry = self.db.schema().by_label(&label).map_err(|error| {
            let text = format!("there is no model {label} at this point of the history: {error}");
            Error::new(ErrorKind::Migration, text)
        })?;
        self.check_here(&entry.definition)?;
        Ok(PastModel { past: self.clone(), query: Query::on(entry.label.clone()) })
    }

    /// The same, with a struct for the model of its label: declare one in the migration's file with the fields that
    /// are needed, the primary key among them.
    ///
    /// # Errors
    /// [`ErrorKind::Migration`] if there is no such model at this point, or it has not these fields, naming them.
    pub fn with<M: Model>(mut self) -> Result<Past> {
        let mut definition = M::definition();
        let known = self.models.definitions().find(|known| known.label() == M::LABEL).cloned();
        let known = known.ok_or_else(|| {
            let text =
                format!("there is no model {} at this point of the history, for which a struct stands", M::LABEL);
            Error::new(ErrorKind::Migration, text)
        })?;
        self.check_here(&known)?;
        fit(&mut definition, &known)?;
        self.models = self.models.with_struct::<M>(definition);
        self.db = self.db.with_past(&self.models)?;
        Ok(self)
    }

    /// Refuses a model whose table is in another database.
    fn check_here(&self, model: &ModelDef) -> Result<()> {
        if self.here.has(&model.app, Some(&model.name)) {
            return Ok(());
        }
        let text = format!(
            "the table of {} is in another database than the one that is migrated: say `.about(\"…\")` after this step of \
             the migration, with a model that it is about, so that it is run where that one is",
            model.label()
        );
        Err(Error::new(ErrorKind::Migration, text))
    }

    /// Works on all rows of a typed query, batch by batch; as [`PastModel::batches`].
    ///
    /// # Errors
    /// As [`PastModel::batches`].
    pub async fn batches<M: Model>(
        &self,
        query: QuerySet<M>,
        rows: u64,
        mut work: impl AsyncFnMut(Past, Vec<M>) -> Result<()>,
    ) -> Result<()> {
        let fetch = |db: Db, query| async move { QuerySet::<M>::of_query(query).all(&db).await }.boxed();
        let key = |row: &M| row.key().to_values();
        walk::batches(self, query.into_query(), rows, fetch, key, &mut work).await
    }

    pub(super) fn course(&self) -> &Course {
        &self.course
    }

    /// The same on a transaction.
    pub(super) fn on(&self, db: &Db) -> Past {
        Past { db: db.clone(), ..self.clone() }
    }
}

/// Gives a migration's struct the table and columns of the model at the time.
fn fit(definition: &mut ModelDef, known: &ModelDef) -> Result<()> {
    let label = known.label();
    let wrong = |message: String| Err(Error::new(ErrorKind::Migration, message));
    let indexed: Vec<Text> = definition.fields.iter().filter_map(|field| field.blind_index_of.clone()).collect();
    for field in &mut definition.fields {
        let names = || known.fields.iter().map(|field| field.name.as_ref());
        let Some(then) = known.fields.iter().find(|then| then.name == field.name) else {
            let hint = nearest(&field.name, names()).map(|near| format!("; did you mean `{near}`?"));
            let hint = hint.unwrap_or_default();
            return wrong(format!(
                "the struct for {label} has a field `{}` that it has not at this point{hint}",
                field.name
            ));
        };
        if std::mem::discriminant(&field.kind) != std::mem::discriminant(&then.kind) || differs(field, then) {
            let (is, was) = (field.kind.class_name(), then.kind.class_name());
            return wrong(format!(
                "the struct for {label} has {is} as its field `{}`, which is {was} at this point",
                field.name
            ));
        }
        if then.null && !field.null {
            let name = &field.name;
            return wrong(format!("{label}.{name} may be null at this point: make it an `Option` in the struct"));
        }
        field.column.clone_from(&then.column);
        field.relation.clone_from(&then.relation);
        if field.schema.is_none() {
            field.schema.clone_from(&then.schema);
        }
        field.sealed_for.clone_from(&then.sealed_for);
        if field.kind.is_encrypted() {
            field.kind.clone_from(&then.kind);
        }
        let has_index =
            |model: &ModelDef| model.fields.iter().any(|other| other.blind_index_of.as_ref() == Some(&field.name));
        if has_index(known) && !indexed.contains(&field.name) {
            let name = &field.name;
            return wrong(format!(
                "{label}.{name} has a blind index at this point: add `blind_index` to it in the struct"
            ));
        }
    }
    if definition.primary_key != known.primary_key {
        return wrong(format!("the primary key of {label} is {} at this point", known.primary_key.join(", ")));
    }
    definition.table.clone_from(&known.table);
    definition.unique_together.clear();
    definition.uniques.clear();
    definition.checks.clear();
    definition.indexes.clear();
    definition.constraint_order.clear();
    Ok(())
}

fn differs(field: &Field, then: &Field) -> bool {
    let to = |field: &Field| field.relation.as_ref().map(|relation| relation.to.clone());
    to(field) != to(then)
}

/// A query on a model as it was, in Django's notation.
#[derive(Debug, Clone)]
#[must_use = "runs nothing before a method that is awaited"]
pub struct PastModel {
    past: Past,
    query: Query,
}

impl PastModel {
    /// Only rows for which a condition holds: `filter("author__name__startswith", "A")`.
    pub fn filter(self, keyword: &str, value: impl Literal) -> Self {
        self.then(Step::Filter(Node::keyword(keyword, value.node())))
    }

    /// Only rows for which a condition does not hold.
    pub fn exclude(self, keyword: &str, value: impl Literal) -> Self {
        self.then(Step::Exclude(Node::keyword(keyword, value.node())))
    }

    /// Only rows for which an expression holds.
    pub fn only(self, condition: Node) -> Self {
        self.then(Step::Filter(condition))
    }

    /// An order: names of fields, with `-` before those that descend.
    pub fn order_by<const N: usize>(self, names: [&str; N]) -> Self {
        self.then(Step::OrderBy(names.into_iter().map(spec::order).collect()))
    }

    /// At most so many rows.
    pub fn limit(self, rows: u64) -> Self {
        self.then(Step::Slice { offset: 0, limit: Some(rows) })
    }

    /// `app.Model`.
    pub(super) fn label(self) -> Text {
        self.query.model
    }

    fn then(mut self, step: Step) -> Self {
        self.query = self.query.then(step);
        self
    }

    /// All rows; mind the memory, and see [`batches`](Self::batches).
    ///
    /// # Errors
    /// [`ErrorKind::Field`] for a name that is not there at this point; the database's.
    pub async fn all(&self) -> Result<Vec<PastRow>> {
        PastRow::fetch(&self.past.db, self.query.clone()).await
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn count(&self) -> Result<i64> {
        run::count(&self.past.db, &self.query).await
    }

    /// Whether there is a row.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn exists(&self) -> Result<bool> {
        run::exists(&self.past.db, &self.query).await
    }

    /// Sets fields of all rows, to values or expressions; the number of rows.
    ///
    /// # Errors
    /// As [`all`](Self::all); [`ErrorKind::Validation`] for a value that does not fit.
    pub async fn update<L: Literal>(&self, to: impl IntoIterator<Item = (&str, L)>) -> Result<u64> {
        let pairs: Vec<(Node, Node)> = to.into_iter().map(|(name, value)| (Node::path(name), value.node())).collect();
        run::update(&self.past.db, &self.query, &pairs).await
    }

    /// Inserts a row and gives it back; what is not given gets its default.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub async fn create(&self, values: impl IntoIterator<Item = (&'static str, Value)>) -> Result<PastRow> {
        let schema = self.past.db.schema();
        let entry = schema.by_label(&self.query.model)?;
        let values = insert::values(&self.past.db, entry, values.into_iter().collect()).await?;
        Ok(PastRow { names: PastRow::names(schema, &self.query)?, values })
    }

    /// Deletes all rows, and what `on_delete` says of those that refer to them.
    ///
    /// # Errors
    /// As [`all`](Self::all), and if rows are protected.
    pub async fn delete(&self) -> Result<Deleted> {
        delete::query(&self.past.db, &self.query).await
    }

    /// Works on all rows in batches, in the order of the primary key; no more than one batch is in memory.
    ///
    /// In a migration that is not atomic, each batch is a transaction, whose `Past` the closure gets: what it does by
    /// it is committed together with a note of how far it got. After a kill or an error the next `migrate` goes on
    /// after the last batch that was committed. So that it finds its place again, the function must call `batches`
    /// in the same order each time.
    ///
    /// # Errors
    /// As [`all`](Self::all); [`ErrorKind::Unsupported`] for a key of a kind that cannot be noted down, such as a float;
    /// [`ErrorKind::Type`] for an order or a limit, since batches go by the key; what the closure returns.
    pub async fn batches(&self, rows: u64, mut work: impl AsyncFnMut(Past, Vec<PastRow>) -> Result<()>) -> Result<()> {
        let entry = self.past.db.schema().by_label(&self.query.model)?;
        let names = entry.definition.primary_key.clone();
        let key = |row: &PastRow| names.iter().map(|name| row.value(name).cloned().unwrap_or(Value::Null)).collect();
        let fetch = |db: Db, query| async move { PastRow::fetch(&db, query).await }.boxed();
        walk::batches(&self.past, self.query.clone(), rows, fetch, key, &mut work).await
    }
}

/// A row of a model as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRow {
    names: Arc<[Text]>,
    values: Vec<Value>,
}

impl PastRow {
    /// The names of the fields that have a column.
    fn names(schema: &Schema, query: &Query) -> Result<Arc<[Text]>> {
        let entry = schema.by_label(&query.model)?;
        Ok(entry.columns.iter().map(|column| entry.field(column.field).name.clone()).collect())
    }

    async fn fetch(db: &Db, query: Query) -> Result<Vec<PastRow>> {
        let names = PastRow::names(db.schema(), &query)?;
        let rows = spec::rows(db, &query).await?;
        Ok(rows.into_iter().map(|values| PastRow { names: Arc::clone(&names), values }).collect())
    }

    /// The value of a field; of a relation, the key.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] if there is no such field.
    pub fn value(&self, field: &str) -> Result<&Value> {
        let place = self.names.iter().position(|name| name == field);
        place.and_then(|place| self.values.get(place)).ok_or_else(|| {
            let text = format!("the row has no field `{field}` at this point: it has {}", self.names.join(", "));
            Error::new(ErrorKind::Field, text)
        })
    }

    /// The whole number in a field.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] if there is no such field, [`ErrorKind::Type`] if it holds something else.
    pub fn int(&self, field: &str) -> Result<i64> {
        match self.value(field)? {
            Value::Int(number) => Ok(*number),
            other => Err(unexpected(field, other, "integer")),
        }
    }

    /// The text in a field.
    ///
    /// # Errors
    /// As [`int`](Self::int).
    pub fn text(&self, field: &str) -> Result<&str> {
        match self.value(field)? {
            Value::Text(text) => Ok(text),
            other => Err(unexpected(field, other, "text")),
        }
    }
}

fn unexpected(field: &str, value: &Value, expected: &str) -> Error {
    Error::new(ErrorKind::Type, format!("`{field}` holds {}, not {expected}", value.type_name()))
}
