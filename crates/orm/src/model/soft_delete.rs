//! Rows that are marked as deleted, and hidden instead of gone.

use std::borrow::Cow;

use std::collections::HashMap;

use super::definition::{Field, ModelDef};
use super::schema::{Entry, Schema};
use super::{Key, Model};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::query::{Deleted, Lookup, Node, QuerySet, Step, delete, run, soft_delete, spec};
use crate::value::Value;

/// A model whose deleted rows are marked and hidden: one with `#[field(soft_delete)]`, by which the derive implements this.
///
/// ```
/// use nuages_orm::{ForeignKey, Model, SoftDelete, Timestamp};
///
/// #[derive(Model, Debug, Clone)]
/// #[model(app = "blog")]
/// pub struct Post {
///     pub id: i64,
///     #[field(max_length = 200)]
///     pub title: String,
///     #[field(soft_delete)]
///     pub deleted_at: Option<Timestamp>,
/// }
///
/// # async fn run(db: &nuages_orm::Db) -> nuages_orm::Result<()> {
/// let mut post = Post::builder().title("Nuages").create(db).await?;
/// post.delete(db).await?;
/// assert!(!Post::objects().exists(db).await?);
///
/// post.restore(db).await?;
/// assert!(Post::objects().exists(db).await?);
/// # Ok(())
/// # }
/// ```
///
/// # What deletion marks
/// The row, if it is not marked yet, and then, over the keys that refer to it:
///
/// | `on_delete` | rows that can be marked | rows that cannot |
/// | --- | --- | --- |
/// | `Cascade` | are marked, those that are not yet, and what refers to them in turn | stay |
/// | `Protect`, `Restrict` | refuse the deletion while they are alive | refuse the deletion |
/// | `SetNull`, `SetDefault`, `Set` | stay, and keep their key | the same |
/// | `DoNothing` | stay | stay |
///
/// Nothing else is written: the row is still there for what refers to it, and [`restore`](SoftDelete::restore) brings back
/// all there was. [`hard_delete`](SoftDelete::hard_delete) carries all of `on_delete` out.
///
/// All marks of a deletion are of one moment, to the microsecond, and no other deletion of the same program has it.
/// [`restore`](SoftDelete::restore) goes by it: rows that had been deleted before stay deleted. A `bool` cannot tell, so
/// that all marked rows come back that refer to a restored one by `Cascade`; the same where the restored row has a `bool`.
///
/// # What finds marked rows
/// [`objects`](Model::objects) and what goes by the default manager hides them. They are found by
/// [`all_objects`](Model::all_objects) and [`deleted_objects`](SoftDelete::deleted_objects), by
/// [`ForeignKey::load`](crate::ForeignKey::load) and `select_related`, which lead from rows to those that they refer to, by
/// [`refresh`](Model::refresh), by joins of a query's conditions, and by raw SQL.
#[diagnostic::on_unimplemented(
    message = "deleted rows of `{Self}` are not marked",
    label = "has no mark of deletion",
    note = "mark a field of the struct: `#[field(soft_delete)]` on a `bool` or an `Option<Timestamp>`"
)]
pub trait SoftDelete: Model {
    /// The rows that are marked as deleted.
    fn deleted_objects() -> QuerySet<Self> {
        match Self::DELETION_MARK {
            Some(mark) => QuerySet::new().then(Step::Filter(mark.deleted())),
            None => QuerySet::new().none(),
        }
    }

    /// Takes the mark away in this value, as far as it is not saved.
    #[doc(hidden)]
    fn unmark(&mut self);

    /// Takes the mark of deletion away from the row, and from what was marked with it, in one transaction. Of a row that
    /// is alive, none.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the row is gone from the table, [`ErrorKind::UniqueViolation`] if what is unique among
    /// living rows has been taken meanwhile; nothing is restored then.
    fn restore(&mut self, db: &Db) -> impl Future<Output = Result<Restored>> + Send {
        async move {
            let key = self.key().to_values();
            let query = delete::row::<Self>(db, key.clone())?;
            let restored = soft_delete::restore(db, &query).await?;
            if restored.total == 0 && !run::exists(db, &query).await? {
                let key: Vec<String> = key.iter().map(|value| spec::plain(value).to_string()).collect();
                let gone = Error::new(ErrorKind::NotFound, "is not in the database any more, so it cannot be restored");
                return Err(gone.in_model(Self::LABEL).in_row(key.join(", ")));
            }
            self.unmark();
            Ok(restored)
        }
    }

    /// Deletes the row from the table, marked or not, and what `on_delete` says of the rows that refer to it, marked or
    /// not, in one transaction: what [`delete`](Model::delete) does of other models.
    ///
    /// # Errors
    /// As [`delete`](Model::delete). Marked rows protect and restrict like others: delete them for good first.
    fn hard_delete(&self, db: &Db) -> impl Future<Output = Result<Deleted>> + Send {
        let key = self.key().to_values();
        async move { delete::hard(db, &delete::row::<Self>(db, key)?).await }
    }
}

/// What a restoration brought back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Rows in all.
    pub total: u64,
    /// Rows of each model, by `app.Model`; models without any are left out.
    pub by_model: HashMap<String, u64>,
}

impl Restored {
    pub(crate) fn add(&mut self, label: &str, rows: u64) {
        if rows > 0 {
            self.total += rows;
            *self.by_model.entry(label.to_owned()).or_default() += rows;
        }
    }
}

/// The field by which a model knows its deleted rows, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletionMark {
    /// A boolean, true of deleted rows.
    Flag(Cow<'static, str>),
    /// A moment, when the row was deleted; null while it is alive.
    Moment(Cow<'static, str>),
}

impl DeletionMark {
    /// The field's name.
    pub fn field(&self) -> &Cow<'static, str> {
        let (DeletionMark::Flag(field) | DeletionMark::Moment(field)) = self;
        field
    }

    /// The condition that a row of the model is alive.
    pub fn alive(&self) -> Node {
        self.is(true, vec![self.field().clone()])
    }

    /// The condition that a row of the model is deleted.
    pub fn deleted(&self) -> Node {
        self.is(false, vec![self.field().clone()])
    }

    /// The condition that a row at the end of a relation is alive.
    pub(crate) fn alive_at(&self, relation: impl Into<Cow<'static, str>>) -> Node {
        self.is(true, vec![relation.into(), self.field().clone()])
    }

    fn is(&self, alive: bool, path: Vec<Cow<'static, str>>) -> Node {
        let field = Node::Path(path);
        match self {
            DeletionMark::Flag(_) => Node::lookup(field, Lookup::Exact, Node::value(Value::Bool(!alive))),
            DeletionMark::Moment(_) => Node::lookup(field, Lookup::IsNull, Node::value(Value::Bool(alive))),
        }
    }

    /// The mark that a field is.
    fn of(field: &Field) -> Option<DeletionMark> {
        match field.kind {
            _ if !field.soft_delete => None,
            Kind::Boolean if !field.null => Some(DeletionMark::Flag(field.name.clone())),
            Kind::DateTime if field.null => Some(DeletionMark::Moment(field.name.clone())),
            _ => None,
        }
    }
}

impl ModelDef {
    /// How deleted rows are marked; `None` if they are gone from the table.
    pub fn deletion_mark(&self) -> Option<DeletionMark> {
        self.fields.iter().find_map(DeletionMark::of)
    }
}

/// What is wrong with the marks of models, a line each.
pub(super) fn problems(schema: &Schema) -> Vec<String> {
    let mut problems = Vec::new();
    for Entry { label, definition, .. } in schema.entries() {
        let mut marked = definition.fields.iter().filter(|field| field.soft_delete);
        if let Some(field) = marked.clone().find(|field| DeletionMark::of(field).is_none()) {
            problems.push(format!(
                "{label}.{}: marks deleted rows, which takes a boolean that is never null, or a date and time that may \
                 be null",
                field.name
            ));
        }
        if let (Some(first), Some(second)) = (marked.next(), marked.next()) {
            let (first, second) = (&first.name, &second.name);
            problems.push(format!("{label}: both `{first}` and `{second}` mark deleted rows; keep one of the two"));
        }
        let Some(of) = definition.proxy_for.as_deref().and_then(|label| schema.by_label(label).ok()) else { continue };
        if of.definition.deletion_mark() != definition.deletion_mark() {
            let field = of.definition.deletion_mark().or(definition.deletion_mark());
            problems.push(format!(
                "{label}: is a second model on the rows of {}, and must mark deleted ones alike; give both the field \
                 `{}`, or neither",
                of.label,
                field.iter().map(|mark| mark.field().as_ref()).next().unwrap_or_default()
            ));
        }
    }
    problems
}
