//! Who is told of which write.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::draft::Draft;
use super::event::{ManyAction, ManyChange, MigrationRun, Saved};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::expr::{Many, Path, Required};
use crate::field::FieldType;
use crate::model::{Model, Schema};
use crate::query::{Node, Query, QuerySet, Step, insert, key_in};
use crate::row::{Row, Source};
use crate::value::Value;

/// Rows read in one statement before they are deleted.
const BATCH: usize = 500;

/// An async function of a database and an event `E`. The database is the transaction of the write.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not receive `{E}`",
    note = "a receiver is an `async fn(&Db, …) -> Result<()>` whose future is `Send`, with the event of its signal as second parameter: \
            `&mut Draft<M>` for `pre_save`, `Saved<'_, M>` for `post_save`, `&M` for `pre_delete` and `post_delete`, \
            `&ManyChange<M, T>` for `many_changed`, `&MigrationRun` for `pre_migrate` and `post_migrate`"
)]
pub trait Receive<'a, E: 'a>: Send + Sync {
    /// The function's future.
    type Answer: Future<Output = Result<()>> + Send + 'a;

    /// Calls it.
    fn receive(&self, db: &'a Db, event: E) -> Self::Answer;
}

impl<'a, E: 'a, F, A> Receive<'a, E> for F
where
    F: Fn(&'a Db, E) -> A + Send + Sync,
    A: Future<Output = Result<()>> + Send + 'a,
{
    type Answer = A;

    fn receive(&self, db: &'a Db, event: E) -> A {
        self(db, event)
    }
}

/// A function and the signal it waits for, to be given to a database ([`DbBuilder::receivers`](crate::db::DbBuilder::receivers))
/// or an app. Receivers of one signal are called in the order they were given.
#[derive(Clone)]
pub struct Receiver {
    model: Option<&'static str>,
    add: Arc<dyn Fn(&mut Receivers) + Send + Sync>,
}

impl Receiver {
    /// The model whose writes it waits for, as `app.Model`; `None` if it waits for something else.
    pub fn model(&self) -> Option<&'static str> {
        self.model
    }

    fn to<M: Model>(add: impl Fn(&mut Of<M>) + Send + Sync + 'static) -> Self {
        let add = move |receivers: &mut Receivers| {
            let listening = receivers.models.entry(M::LABEL).or_insert_with(|| Box::new(Of::<M>::default()));
            if let Some(of) = listening.as_any_mut().downcast_mut() {
                add(of);
            }
        };
        Receiver { model: Some(M::LABEL), add: Arc::new(add) }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("model", &self.model).finish_non_exhaustive()
    }
}

/// Before a row of `M` is written: it may be changed, or refused by an error.
pub fn pre_save<M: Model>(receiver: impl for<'a> Receive<'a, &'a mut Draft<M>> + 'static) -> Receiver {
    let call: PreSave<M> = Arc::new(move |db, draft| receiver.receive(db, draft).boxed());
    Receiver::to::<M>(move |of| of.pre_save.push(Arc::clone(&call)))
}

/// After a row of `M` was written.
pub fn post_save<M: Model>(receiver: impl for<'a> Receive<'a, Saved<'a, M>> + 'static) -> Receiver {
    let call: PostSave<M> = Arc::new(move |db, saved| receiver.receive(db, saved).boxed());
    Receiver::to::<M>(move |of| of.post_save.push(Arc::clone(&call)))
}

/// Before a row of `M` is deleted, by itself or with one that it refers to; nothing is deleted yet.
pub fn pre_delete<M: Model>(receiver: impl for<'a> Receive<'a, &'a M> + 'static) -> Receiver {
    let call: OfRow<M> = Arc::new(move |db, row| receiver.receive(db, row).boxed());
    Receiver::to::<M>(move |of| of.pre_delete.push(Arc::clone(&call)))
}

/// After a row of `M` was deleted.
pub fn post_delete<M: Model>(receiver: impl for<'a> Receive<'a, &'a M> + 'static) -> Receiver {
    let call: OfRow<M> = Arc::new(move |db, row| receiver.receive(db, row).boxed());
    Receiver::to::<M>(move |of| of.post_delete.push(Arc::clone(&call)))
}

/// Before and after rows are added to a many-to-many relation of `M`, or taken from it:
/// `many_changed::<Post, User>(|p| p.likes(), receiver)`.
pub fn many_changed<M, T>(
    relation: impl FnOnce(M::Fields<M, Required>) -> Many<T, M>,
    receiver: impl for<'a> Receive<'a, &'a ManyChange<M, T>> + 'static,
) -> Receiver
where
    M: Model<Key: FieldType>,
    T: Model<Key: FieldType>,
{
    let path = relation(Path::root().into());
    let names: &[_] = path.as_ref().names();
    let field: Arc<str> = names.join("__").into();
    let receiver = Arc::new(receiver);
    let call: OfMany = Arc::new(move |db, action, write| {
        let receiver = Arc::clone(&receiver);
        async move {
            let change = ManyChange::<M, T> {
                action,
                owner: key(&write.owner)?,
                keys: write.keys.iter().map(key).collect::<Result<_>>()?,
            };
            receiver.receive(db, &change).await
        }
        .boxed()
    });
    Receiver::to::<M>(move |of| of.many.push((Arc::clone(&field), Arc::clone(&call))))
}

/// Before `migrate` changes a database, also if there is nothing to be done.
pub fn pre_migrate(receiver: impl for<'a> Receive<'a, &'a MigrationRun> + 'static) -> Receiver {
    let call: OfMigrate = Arc::new(move |db, run| receiver.receive(db, run).boxed());
    Receiver { model: None, add: Arc::new(move |receivers| receivers.pre_migrate.push(Arc::clone(&call))) }
}

/// After `migrate` changed a database, or found nothing to be done: the place to fill tables that must not be empty. The
/// migrations stay applied if it fails.
pub fn post_migrate(receiver: impl for<'a> Receive<'a, &'a MigrationRun> + 'static) -> Receiver {
    let call: OfMigrate = Arc::new(move |db, run| receiver.receive(db, run).boxed());
    Receiver { model: None, add: Arc::new(move |receivers| receivers.post_migrate.push(Arc::clone(&call))) }
}

/// A key as a Rust type again.
fn key<K: FieldType>(value: &Value) -> Result<K> {
    K::from_column(Row::new(Source::Values(std::slice::from_ref(value))).column())
}

type Call<E> = Arc<dyn for<'a> Fn(&'a Db, &'a E) -> BoxFuture<'a, Result<()>> + Send + Sync>;
type PreSave<M> = Arc<dyn for<'a> Fn(&'a Db, &'a mut Draft<M>) -> BoxFuture<'a, Result<()>> + Send + Sync>;
type PostSave<M> = Arc<dyn for<'a> Fn(&'a Db, Saved<'a, M>) -> BoxFuture<'a, Result<()>> + Send + Sync>;
type OfRow<M> = Call<M>;
type OfMany = Arc<dyn for<'a> Fn(&'a Db, ManyAction, &'a ManyWrite) -> BoxFuture<'a, Result<()>> + Send + Sync>;
type OfMigrate = Call<MigrationRun>;

/// All receivers of a database.
#[derive(Default)]
pub(crate) struct Receivers {
    models: HashMap<&'static str, Box<dyn Listening>>,
    pre_migrate: Vec<OfMigrate>,
    post_migrate: Vec<OfMigrate>,
}

impl Receivers {
    /// The receivers, on models that the schema knows.
    pub(crate) fn new(list: &[Receiver], schema: &Schema) -> Result<Option<Arc<Receivers>>> {
        let mut receivers = Receivers::default();
        for receiver in list {
            if let Some(label) = receiver.model
                && schema.by_label(label).is_err()
            {
                let text = format!("a receiver waits for {label}, which is not among the models of this database");
                return Err(Error::new(ErrorKind::Configuration, text));
            }
            (receiver.add)(&mut receivers);
        }
        Ok((!list.is_empty()).then(|| Arc::new(receivers)))
    }

    pub(crate) fn of<M: Model>(&self) -> Option<&Of<M>> {
        self.models.get(M::LABEL)?.as_any().downcast_ref()
    }

    /// Those of a model known by name alone.
    pub(crate) fn by_label(&self, label: &str) -> Option<&dyn Listening> {
        self.models.get(label).map(AsRef::as_ref)
    }

    pub(crate) async fn pre_migrate(&self, db: &Db, run: &MigrationRun) -> Result<()> {
        each(&self.pre_migrate, db, run).await
    }

    pub(crate) async fn post_migrate(&self, db: &Db, run: &MigrationRun) -> Result<()> {
        each(&self.post_migrate, db, run).await
    }
}

async fn each<E>(calls: &[Call<E>], db: &Db, event: &E) -> Result<()> {
    for call in calls {
        call(db, event).await?;
    }
    Ok(())
}

/// The receivers of a model.
pub(crate) struct Of<M: Model> {
    pre_save: Vec<PreSave<M>>,
    post_save: Vec<PostSave<M>>,
    pre_delete: Vec<OfRow<M>>,
    post_delete: Vec<OfRow<M>>,
    many: Vec<(Arc<str>, OfMany)>,
}

impl<M: Model> Default for Of<M> {
    fn default() -> Self {
        Of {
            pre_save: Vec::new(),
            post_save: Vec::new(),
            pre_delete: Vec::new(),
            post_delete: Vec::new(),
            many: Vec::new(),
        }
    }
}

impl<M: Model> Of<M> {
    /// Whether anybody wants to know of rows that are written.
    pub(crate) fn hears_save(&self) -> bool {
        !self.pre_save.is_empty() || !self.post_save.is_empty()
    }

    pub(crate) async fn pre_save(&self, db: &Db, draft: &mut Draft<M>) -> Result<()> {
        for call in &self.pre_save {
            call(db, draft).await.map_err(|error| error.in_model(M::LABEL))?;
        }
        Ok(())
    }

    pub(crate) async fn post_save(&self, db: &Db, saved: Saved<'_, M>) -> Result<()> {
        for call in &self.post_save {
            call(db, saved).await.map_err(|error| error.in_model(M::LABEL))?;
        }
        Ok(())
    }
}

/// A change of a many-to-many relation, before its types are known.
pub(crate) struct ManyWrite {
    pub(crate) owner: Value,
    pub(crate) keys: Vec<Value>,
}

/// Rows that are going to be deleted, read for those who want to know.
pub(crate) type Doomed = Box<dyn Any + Send>;

/// The receivers of a model, for code that does not know its type.
pub(crate) trait Listening: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;

    /// Whether anybody wants to know of rows that are deleted.
    fn hears_delete(&self) -> bool;

    /// Whether anybody wants to know of rows that are written.
    fn hears_save(&self) -> bool;

    /// Whether anybody wants to know of changes of this many-to-many field.
    fn hears_many(&self, field: &str) -> bool;

    /// Reads the rows with these keys and sends `pre_delete` for each.
    fn pre_delete<'a>(&'a self, db: &'a Db, keys: &'a [Vec<Value>]) -> BoxFuture<'a, Result<Doomed>>;

    /// Sends `post_delete` for rows that were read before.
    fn post_delete<'a>(&'a self, db: &'a Db, rows: Doomed) -> BoxFuture<'a, Result<()>>;

    /// Sets fields of a query's rows one by one, and sends `pre_save` and `post_save` for each.
    fn update_each<'a>(&'a self, db: &'a Db, query: Query, set: Vec<(Node, Node)>) -> BoxFuture<'a, Result<u64>>;

    fn many_changed<'a>(
        &'a self,
        db: &'a Db,
        field: &'a str,
        action: ManyAction,
        write: &'a ManyWrite,
    ) -> BoxFuture<'a, Result<()>>;
}

impl<M: Model> Listening for Of<M> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn hears_delete(&self) -> bool {
        !self.pre_delete.is_empty() || !self.post_delete.is_empty()
    }

    fn hears_save(&self) -> bool {
        Of::hears_save(self)
    }

    fn hears_many(&self, field: &str) -> bool {
        self.many.iter().any(|(known, _)| **known == *field)
    }

    fn pre_delete<'a>(&'a self, db: &'a Db, keys: &'a [Vec<Value>]) -> BoxFuture<'a, Result<Doomed>> {
        async move {
            let entry = db.schema().of::<M>()?;
            let mut rows: Vec<M> = Vec::with_capacity(keys.len());
            for batch in keys.chunks(BATCH) {
                let query = Query::on(M::LABEL).then(Step::Filter(key_in(entry, batch.to_vec())));
                rows.extend(QuerySet::<M>::of_query(query).all(db).await?);
            }
            for row in &rows {
                for call in &self.pre_delete {
                    call(db, row).await.map_err(|error| error.in_model(M::LABEL))?;
                }
            }
            Ok(Box::new(rows) as Doomed)
        }
        .boxed()
    }

    fn post_delete<'a>(&'a self, db: &'a Db, rows: Doomed) -> BoxFuture<'a, Result<()>> {
        async move {
            let rows = rows.downcast::<Vec<M>>().map(|rows| *rows).unwrap_or_default();
            for row in &rows {
                for call in &self.post_delete {
                    call(db, row).await.map_err(|error| error.in_model(M::LABEL))?;
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn update_each<'a>(&'a self, db: &'a Db, query: Query, set: Vec<(Node, Node)>) -> BoxFuture<'a, Result<u64>> {
        async move { insert::update_each::<M>(db, &query, &set).await }.boxed()
    }

    fn many_changed<'a>(
        &'a self,
        db: &'a Db,
        field: &'a str,
        action: ManyAction,
        write: &'a ManyWrite,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            for (_, call) in self.many.iter().filter(|(known, _)| **known == *field) {
                call(db, action, write).await.map_err(|error| error.in_model(M::LABEL))?;
            }
            Ok(())
        }
        .boxed()
    }
}
