//! What the rows of a queryset become: the model alone, or the model with annotations and related rows.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use super::node::{Lookup, Node};
use super::plan::Step;
use super::{QuerySet, run};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::expr::Selection;
use crate::field::Kind;
use crate::model::{End, Entry, Model, Named, name_between};
use crate::relation::{Related, read_row};
use crate::row::Row;
use crate::value::Value;

/// What a row of a queryset on `M` becomes.
pub trait Shape<M: Model>: Clone + Send + Sync + 'static {
    /// A row as read, before related rows are fetched.
    type Raw: Send + 'static;
    /// A row as given back.
    type Row: Send + 'static;

    /// Reads a row.
    fn read(row: &mut Row<'_>, related: &[Related]) -> Result<Self::Raw>;

    /// Fetches related rows.
    fn complete(&self, db: &Db, raw: Vec<Self::Raw>) -> impl Future<Output = Result<Vec<Self::Row>>> + Send;

    /// As [`complete`](Shape::complete), for one row.
    fn complete_one(&self, db: &Db, raw: Self::Raw) -> impl Future<Output = Result<Self::Row>> + Send {
        let rows = self.complete(db, vec![raw]);
        async move { rows.await?.pop().ok_or_else(|| Error::new(ErrorKind::Database, "a row was lost on its way")) }
    }

    /// The model in a row.
    fn model(row: &Self::Row) -> &M;
}

/// The model alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl<M: Model> Shape<M> for Plain {
    type Raw = M;
    type Row = M;

    fn read(row: &mut Row<'_>, related: &[Related]) -> Result<M> {
        read_row(row, related)
    }

    async fn complete(&self, _: &Db, raw: Vec<M>) -> Result<Vec<M>> {
        Ok(raw)
    }

    async fn complete_one(&self, _: &Db, raw: M) -> Result<M> {
        Ok(raw)
    }

    fn model(row: &M) -> &M {
        row
    }
}

/// A row and further columns.
pub struct With<S, A> {
    inner: S,
    of: PhantomData<fn() -> A>,
}

impl<S, A> With<S, A> {
    pub(super) fn new(inner: S) -> Self {
        With { inner, of: PhantomData }
    }
}

impl<S: Clone, A> Clone for With<S, A> {
    fn clone(&self) -> Self {
        With::new(self.inner.clone())
    }
}

impl<S, A> fmt::Debug for With<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("With")
    }
}

impl<M: Model, S: Shape<M>, A: Selection<M> + 'static> Shape<M> for With<S, A> {
    type Raw = (S::Raw, A::Row);
    type Row = (S::Row, A::Row);

    fn read(row: &mut Row<'_>, related: &[Related]) -> Result<Self::Raw> {
        Ok((S::read(row, related)?, A::read(row)?))
    }

    async fn complete(&self, db: &Db, raw: Vec<Self::Raw>) -> Result<Vec<Self::Row>> {
        let (raw, columns): (Vec<_>, Vec<_>) = raw.into_iter().unzip();
        Ok(self.inner.complete(db, raw).await?.into_iter().zip(columns).collect())
    }

    fn model(row: &Self::Row) -> &M {
        S::model(&row.0)
    }
}

/// A row and its related rows.
pub struct Prefetched<S, C: Model, T: Shape<C>> {
    inner: S,
    relation: Vec<Cow<'static, str>>,
    query: Arc<QuerySet<C, T>>,
}

impl<S, C: Model, T: Shape<C>> Prefetched<S, C, T> {
    pub(super) fn new(inner: S, relation: Vec<Cow<'static, str>>, query: QuerySet<C, T>) -> Self {
        Prefetched { inner, relation, query: Arc::new(query) }
    }
}

impl<S: Clone, C: Model, T: Shape<C>> Clone for Prefetched<S, C, T> {
    fn clone(&self) -> Self {
        Prefetched { inner: self.inner.clone(), relation: self.relation.clone(), query: self.query.clone() }
    }
}

impl<S, C: Model, T: Shape<C>> fmt::Debug for Prefetched<S, C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefetched({})", self.relation.join("__"))
    }
}

impl<M: Model, S: Shape<M>, C: Model, T: Shape<C>> Shape<M> for Prefetched<S, C, T> {
    type Raw = S::Raw;
    type Row = (S::Row, Vec<T::Row>);

    fn read(row: &mut Row<'_>, related: &[Related]) -> Result<Self::Raw> {
        S::read(row, related)
    }

    async fn complete(&self, db: &Db, raw: Vec<Self::Raw>) -> Result<Vec<Self::Row>> {
        let rows = self.inner.complete(db, raw).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let way = Way::find::<M>(db, &self.relation)?;
        let keys: Vec<Value> = rows.iter().map(|row| way.near_key(S::model(row))).collect();
        let mut groups = fetch_groups(db, &way, &self.query, &keys).await?;
        let mut served = HashSet::new();
        let mut answer = Vec::with_capacity(rows.len());
        for (row, key) in rows.into_iter().zip(&keys) {
            let name = hashable(key);
            let mut children = groups.remove(&name);
            if children.is_none() && served.contains(&name) {
                // The same row twice, as over a join: what is related to it is fetched again for the second.
                children = fetch_groups(db, &way, &self.query, std::slice::from_ref(key)).await?.remove(&name);
            }
            served.insert(name);
            answer.push((row, children.unwrap_or_default()));
        }
        Ok(answer)
    }

    fn model(row: &Self::Row) -> &M {
        S::model(&row.0)
    }
}

/// How to get from rows of one model to the rows related to them.
struct Way {
    /// The place of the near key among the near model's writable columns, or of its primary key.
    near: Near,
    /// From the far model back to the near key.
    back: Vec<Cow<'static, str>>,
    near_kind: Kind,
    /// The condition that the row between is alive, where one can be marked as deleted.
    between: Option<Node>,
}

enum Near {
    PrimaryKey,
    Column(usize),
}

impl Way {
    fn find<M: Model>(db: &Db, relation: &[Cow<'static, str>]) -> Result<Way> {
        let schema = db.schema();
        let entry = schema.of::<M>()?;
        let [name] = relation else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("`prefetch` goes one relation at a time: nest `{}` with `prefetch_with`", relation.join("__")),
            ));
        };
        let named = entry.named(name).ok_or_else(|| entry.unknown(name))?;
        let primary_key = |entry: &Entry| {
            let kind = entry.single_key().map_or(Kind::BigInteger, |column| column.kind.clone());
            (Near::PrimaryKey, kind)
        };
        let alive_between = |owner: &Entry, field, end| {
            let between = schema.entry(owner.many_to_many.get(&field)?.through);
            let mark = between.deletion_mark.as_ref()?;
            Some(mark.alive_at(name_between(&owner.label, &owner.field(field).name, end)))
        };
        let mut between = None;
        let (back, (near, near_kind)) = match named {
            Named::Reverse { model, field } => {
                let column = schema.target(model, field).map(|(_, column)| column.clone());
                let writable = entry.columns.iter().filter(|column| entry.field(column.field).is_written());
                let place =
                    column.as_ref().and_then(|near| writable.clone().position(|column| column.name == near.name));
                let near = match (place, column) {
                    (Some(place), Some(column)) => (Near::Column(place), column.kind),
                    _ => primary_key(entry),
                };
                let column = schema.entry(model).column(field).map(|column| column.attname.clone());
                (vec![Cow::Owned(column.unwrap_or_default())], near)
            }
            Named::Field(field) => {
                between = alive_between(entry, field, End::Other);
                let back = crate::model::hidden_name(&entry.label, &entry.field(field).name);
                (vec![Cow::Owned(back), Cow::Borrowed("pk")], primary_key(entry))
            }
            Named::ReverseMany { model, field } => {
                between = alive_between(schema.entry(model), field, End::Owner);
                let name = schema.entry(model).field(field).name.clone();
                (vec![name, Cow::Borrowed("pk")], primary_key(entry))
            }
            Named::Column(_) | Named::CompositeKey => return Err(entry.unknown(name)),
        };
        Ok(Way { near, back, near_kind, between })
    }

    fn near_key<M: Model>(&self, model: &M) -> Value {
        let mut values = match self.near {
            Near::PrimaryKey => crate::model::Key::to_values(&model.key()),
            Near::Column(place) => model.to_values().into_iter().skip(place).take(1).collect(),
        };
        values.pop().unwrap_or(Value::Null)
    }
}

/// The rows that the query finds, by the key of the row they are related to; in the query's order.
async fn fetch_groups<C: Model, T: Shape<C>>(
    db: &Db,
    way: &Way,
    query: &QuerySet<C, T>,
    keys: &[Value],
) -> Result<HashMap<String, Vec<T::Row>>> {
    if query.query().steps.iter().any(|step| matches!(step, Step::Slice { .. } | Step::Combine { .. })) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "a query with a limit, an offset or a union cannot be prefetched: its rows would be cut over all parents",
        ));
    }
    let wanted = Node::List(keys.iter().filter(|key| !key.is_null()).cloned().map(Node::value).collect());
    let mut condition = Node::lookup(Node::Path(way.back.clone()), Lookup::In, wanted);
    if let Some(alive) = &way.between {
        condition = condition.and(alive.clone());
    }
    let owner = Step::Annotate(vec![(Cow::Borrowed("__owner"), Node::Path(way.back.clone()))]);
    let asked = query.clone().then(Step::Filter(condition)).then(owner).into_query();
    let kind = way.near_kind.clone();
    let raw = run::fetch(db, &asked, move |row, related| {
        let child = T::read(row, related)?;
        Ok((hashable(&row.column().value(Some(&kind))?), child))
    })
    .await?;
    let (owners, raw): (Vec<String>, Vec<T::Raw>) = raw.into_iter().unzip();
    let rows = query.shape().complete(db, raw).await?;
    let mut groups: HashMap<String, Vec<T::Row>> = HashMap::new();
    for (owner, row) in owners.into_iter().zip(rows) {
        groups.entry(owner).or_default().push(row);
    }
    Ok(groups)
}

/// A key as something to look up by: values of one column print alike only if they are.
fn hashable(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        other => super::spec::plain(other).to_string(),
    }
}
