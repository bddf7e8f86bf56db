//! Managers: which rows of a model a query starts from.

use std::borrow::Cow;
use std::fmt;

use super::Model;
use super::definition::ModelDef;
use super::schema::{Entry, Schema};
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::query::{Query, QuerySet, Step};

type Text = Cow<'static, str>;

/// The name of the default manager.
pub(crate) const DEFAULT: &str = "objects";

/// Which rows of `M` a query starts from (Django's `Manager.get_queryset`).
///
/// `#[model(manager = …)]` makes one the default, which is behind `M::objects()` and all that goes by it;
/// `#[model(managers(name = …))]` makes `M::name()`. Methods on queries are traits of your own on [`QuerySet`].
///
/// ```
/// use nuages_orm::{Manager, Model, QuerySet, Timestamp};
///
/// #[derive(Model, Debug, Clone)]
/// #[model(app = "blog", managers(published = Published))]
/// pub struct Post {
///     pub id: i64,
///     #[field(max_length = 200)]
///     pub title: String,
///     pub published_at: Option<Timestamp>,
/// }
///
/// /// What visitors may see.
/// pub struct Published;
///
/// impl Manager<Post> for Published {
///     fn query(posts: QuerySet<Post>) -> QuerySet<Post> {
///         posts.filter(|p| p.published_at().lte(Timestamp::now()))
///     }
/// }
///
/// /// What one asks of posts.
/// pub trait PostQueries {
///     fn about(self, word: &str) -> Self;
/// }
///
/// impl PostQueries for QuerySet<Post> {
///     fn about(self, word: &str) -> Self {
///         self.filter(|p| p.title().icontains(word))
///     }
/// }
///
/// let swing = Post::published().about("swing").limit(10);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no manager of `{M}`",
    label = "does not implement `Manager<{M}>`",
    note = "implement it: `impl Manager<{M}> for … {{ fn query(rows: QuerySet<{M}>) -> QuerySet<{M}> {{ rows.filter(…) }} }}`"
)]
pub trait Manager<M: Model> {
    /// The rows to start from, made of all rows that are not marked as deleted.
    ///
    /// Called for each query, so that what it compares with, such as the time, is that of the query. To start from
    /// deleted rows too, make the query from [`all_objects`](Model::all_objects) instead.
    fn query(rows: QuerySet<M>) -> QuerySet<M>;
}

/// A manager as data: what a program knows of it that has no struct for the model.
#[derive(Clone)]
pub struct ManagerDef {
    /// The name: `objects` for the default manager.
    pub name: Text,
    /// The steps that a query on it begins with, at this moment.
    pub steps: fn() -> Vec<Step>,
}

impl fmt::Debug for ManagerDef {
    /// By its name: a function's address means nothing to the next build.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManagerDef").field(&self.name).finish()
    }
}

impl PartialEq for ManagerDef {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl ModelDef {
    /// Adds a manager; `objects` is the default one.
    #[must_use]
    pub fn manager(mut self, name: impl Into<Text>, steps: fn() -> Vec<Step>) -> Self {
        self.managers.push(ManagerDef { name: name.into(), steps });
        self
    }
}

impl Schema {
    /// The rows of a model (`app.Model`) that its default manager shows, as its `objects()`.
    ///
    /// [`Query::on`] is about all rows instead, as `all_objects()`.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] if there is no such model.
    pub fn objects(&self, label: &str) -> Result<Query> {
        self.managed(label, DEFAULT)
    }

    /// The rows of a model (`app.Model`) that a manager of it shows, by the manager's name.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] if there is no such model, or it has no such manager.
    pub fn managed(&self, label: &str, manager: &str) -> Result<Query> {
        let entry = self.by_label(label)?;
        let steps = entry.managed(manager)?;
        Ok(Query { model: Cow::Owned(entry.label.clone()), steps })
    }
}

impl Entry {
    /// The steps of a query on the rows that the default manager shows.
    pub(crate) fn shown(&self) -> Vec<Step> {
        match self.definition.managers.iter().find(|manager| manager.name == DEFAULT) {
            Some(manager) => (manager.steps)(),
            None => self.deletion_mark.iter().map(|mark| Step::Filter(mark.alive())).collect(),
        }
    }

    fn managed(&self, name: &str) -> Result<Vec<Step>> {
        if name == DEFAULT {
            return Ok(self.shown());
        }
        let managers = &self.definition.managers;
        if let Some(manager) = managers.iter().find(|manager| manager.name == name) {
            return Ok((manager.steps)());
        }
        let others = managers.iter().map(|manager| manager.name.as_ref()).filter(|name| *name != DEFAULT);
        let choices: Vec<&str> = std::iter::once(DEFAULT).chain(others).collect();
        let hint = nearest(name, choices.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
        let text = format!("unknown manager `{name}`: choices are {}{}", choices.join(", "), hint.unwrap_or_default());
        Err(Error::new(ErrorKind::Field, text).in_model(&*self.label))
    }
}
