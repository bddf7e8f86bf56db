//! Relations as fields of a struct: what a row knows of other rows.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::db::Db;
use crate::error::Result;
use crate::field::SqlType;
use crate::model::{DeletionMark, Field, Key, Model};
use crate::query::{Lookup, Node, Step};
use crate::row::Row;
use crate::value::Value;

/// A key that refers to a row of `M`; the row itself where it was loaded.
///
/// Nothing is fetched behind your back: [`get`](ForeignKey::get) says whether the row is loaded,
/// [`load`](ForeignKey::load) loads it. `Option<ForeignKey<M>>` is a key that may be null. `K` is the type of the field
/// that the key refers to, if that is not the primary key.
pub struct ForeignKey<M: Model, K = <M as Model>::Key> {
    key: K,
    /// The field that the key refers to, if that is not the primary key.
    to_field: Option<&'static str>,
    loaded: Option<Arc<M>>,
}

/// A [`ForeignKey`] of which no two rows have the same.
pub type OneToOne<M, K = <M as Model>::Key> = ForeignKey<M, K>;

impl<M: Model, K> ForeignKey<M, K> {
    /// A primary key, its row not loaded.
    pub fn new(key: K) -> Self {
        ForeignKey { key, to_field: None, loaded: None }
    }

    /// A key that refers to another unique field, its row not loaded.
    pub fn by(to_field: &'static str, key: K) -> Self {
        ForeignKey { key, to_field: Some(to_field), loaded: None }
    }

    /// The key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The row, if it is loaded.
    pub fn get(&self) -> Option<&M> {
        self.loaded.as_deref()
    }
}

impl<M: Model, K: crate::field::FieldType> ForeignKey<M, K> {
    /// Loads the row by one query, unless it is loaded; whatever hides it from [`objects`](Model::objects).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such row, which only a key without a
    /// constraint allows.
    pub async fn load(&mut self, db: &Db) -> Result<&M> {
        let row = match self.loaded.take() {
            Some(row) => row,
            None => {
                let path = Node::Path(vec![self.to_field.unwrap_or("pk").into()]);
                let condition = Node::lookup(path, Lookup::Exact, Node::value(self.key.to_value()));
                Arc::new(M::all_objects().then(Step::Filter(condition)).get(db).await?)
            }
        };
        Ok(self.loaded.insert(row))
    }
}

impl<M: Model> ForeignKey<M> {
    /// The key of a row, which counts as loaded.
    pub fn to(row: M) -> Self {
        ForeignKey { key: row.key(), to_field: None, loaded: Some(Arc::new(row)) }
    }
}

impl<M: Model> From<&M> for ForeignKey<M> {
    fn from(row: &M) -> Self {
        ForeignKey::new(row.key())
    }
}

impl<M: Model, K: Clone> Clone for ForeignKey<M, K> {
    fn clone(&self) -> Self {
        ForeignKey { key: self.key.clone(), to_field: self.to_field, loaded: self.loaded.clone() }
    }
}

/// Keys are equal; whether their rows are loaded does not matter.
impl<M: Model, K: PartialEq> PartialEq for ForeignKey<M, K> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<M: Model, K: Eq> Eq for ForeignKey<M, K> {}

impl<M: Model, K: Hash> Hash for ForeignKey<M, K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<M: Model, K: fmt::Debug> fmt::Debug for ForeignKey<M, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.loaded.is_some() { "loaded" } else { "not loaded" };
        write!(f, "{}({:?}, {state})", M::LABEL, self.key)
    }
}

/// Written as its key alone.
impl<M: Model, K: serde::Serialize> serde::Serialize for ForeignKey<M, K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.key.serialize(serializer)
    }
}

/// A key's place in a row: written and read as its key. The derive uses it for every kind of key.
pub trait KeyField: Sized {
    /// The key, or an `Option` of one.
    type Column: SqlType;

    /// A key, its row not loaded; `to_field` where it refers to another field than the primary key.
    fn from_column(key: Self::Column, to_field: Option<&'static str>) -> Self;

    /// The value to bind.
    fn to_value(&self) -> Value;
}

impl<M: Model, K: Key + SqlType<Base = K>> KeyField for ForeignKey<M, K>
where
    K: crate::field::FieldType,
{
    type Column = K;

    fn from_column(key: K, to_field: Option<&'static str>) -> Self {
        ForeignKey { key, to_field, loaded: None }
    }

    fn to_value(&self) -> Value {
        crate::field::FieldType::to_value(&self.key)
    }
}

impl<M: Model, K: Key> KeyField for Option<ForeignKey<M, K>>
where
    K: crate::field::FieldType,
{
    type Column = Option<K>;

    fn from_column(key: Option<K>, to_field: Option<&'static str>) -> Self {
        key.map(|key| ForeignKey::from_column(key, to_field))
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, |key| crate::field::FieldType::to_value(&key.key))
    }
}

/// A relation that `select_related` brings, and those to bring with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The foreign key's name.
    pub field: String,
    /// The number of the other model's columns.
    pub columns: usize,
    /// The place of the other model's primary key among them.
    pub key: usize,
    /// Relations of the other model; their columns follow its own, in this order, each with its own nested ones.
    pub nested: Vec<Related>,
}

impl Related {
    /// The number of columns, those of nested relations included.
    pub fn width(&self) -> usize {
        self.columns + self.nested.iter().map(Related::width).sum::<usize>()
    }
}

/// A foreign key whose row can be put in place.
pub trait RelatedSlot {
    /// Reads the other model's columns, and those of its own relations.
    fn read(&mut self, row: &mut Row<'_>, related: &Related) -> Result<()>;
}

impl<M: Model, K> RelatedSlot for ForeignKey<M, K> {
    fn read(&mut self, row: &mut Row<'_>, related: &Related) -> Result<()> {
        self.loaded = read_related(row, related)?.map(Arc::new);
        Ok(())
    }
}

impl<M: Model, K> RelatedSlot for Option<ForeignKey<M, K>> {
    fn read(&mut self, row: &mut Row<'_>, related: &Related) -> Result<()> {
        let loaded = read_related(row, related)?;
        if let Some(key) = self {
            key.loaded = loaded.map(Arc::new);
        }
        Ok(())
    }
}

fn read_related<M: Model>(row: &mut Row<'_>, related: &Related) -> Result<Option<M>> {
    if row.is_null_at(related.key) {
        row.skip(related.width());
        return Ok(None);
    }
    read_row(row, &related.nested).map(Some)
}

/// Reads a model's columns; `None` if its key is null.
pub(crate) fn read_maybe<M: Model>(row: &mut Row<'_>) -> Result<Option<M>> {
    let definition = M::definition();
    let columns: Vec<&Field> = definition.fields.iter().filter(|field| field.has_column()).collect();
    let key = columns.iter().position(|field| definition.primary_key.first() == Some(&field.name)).unwrap_or(0);
    if row.is_null_at(key) {
        row.skip(columns.len());
        return Ok(None);
    }
    read_row(row, &[]).map(Some)
}

/// Reads a model's columns and then those of the relations that came with it. An error names the model and, where it
/// can be read, the row's key.
pub(crate) fn read_row<M: Model>(row: &mut Row<'_>, related: &[Related]) -> Result<M> {
    let start = row.clone();
    let mut model = M::from_row(row).map_err(|error| {
        let error = error.in_model(M::LABEL);
        match key_at::<M>(&start) {
            Some(key) => error.in_row(key),
            None => error,
        }
    })?;
    for relation in related {
        match model.related_slot(&relation.field) {
            Some(slot) => slot.read(row, relation)?,
            None => row.skip(relation.width()),
        }
    }
    Ok(model)
}

/// The primary key of the row whose columns come next, as text.
fn key_at<M: Model>(row: &Row<'_>) -> Option<String> {
    let definition = M::definition();
    let columns: Vec<&str> = definition.fields.iter().filter(|f| f.has_column()).map(|f| f.name.as_ref()).collect();
    let parts = definition.primary_key.iter().map(|name| {
        let mut row = row.clone();
        row.skip(columns.iter().position(|column| column == name)?);
        match row.column().value(None).ok()? {
            Value::Null => None,
            Value::Int(number) => Some(number.to_string()),
            Value::Text(text) => Some(text),
            Value::Uuid(uuid) => Some(uuid.to_string()),
            Value::Date(date) => Some(date.to_string()),
            Value::Ip(ip) => Some(ip.to_string()),
            _ => None,
        }
    });
    parts.collect::<Option<Vec<String>>>().filter(|parts| !parts.is_empty()).map(|parts| parts.join(", "))
}

/// Rows of `M` related to this one through a table between.
///
/// Holds no rows until [`load`](ManyToMany::load); queries go over the relation's name like over any other.
pub struct ManyToMany<M: Model> {
    owner: Option<Owner>,
    loaded: Option<Arc<Vec<M>>>,
}

/// The row that a many-to-many field belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Owner {
    pub(crate) model: &'static str,
    pub(crate) field: &'static str,
    pub(crate) key: Value,
    /// How deleted rows of the model between are marked.
    pub(crate) deletion_mark: Option<DeletionMark>,
}

impl<M: Model> ManyToMany<M> {
    /// The relation of a row that is in the database. The derive calls it when it reads the row.
    pub fn of<O: Model>(field: &'static str, key: &O::Key) -> Self {
        Self::over::<O>(field, key, None)
    }

    /// The relation of a row that is in the database, through the model `T`.
    pub fn through<O: Model, T: Model>(field: &'static str, key: &O::Key) -> Self {
        Self::over::<O>(field, key, T::DELETION_MARK)
    }

    fn over<O: Model>(field: &'static str, key: &O::Key, deletion_mark: Option<DeletionMark>) -> Self {
        let key = key.to_values().into_iter().next().unwrap_or(Value::Null);
        ManyToMany { owner: Some(Owner { model: O::LABEL, field, key, deletion_mark }), loaded: None }
    }

    /// The rows, if they are loaded.
    pub fn get(&self) -> Option<&[M]> {
        self.loaded.as_deref().map(Vec::as_slice)
    }

    /// The row that the relation belongs to, if it is in the database.
    pub(crate) fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// Keeps the rows that were loaded.
    pub(crate) fn keep(&mut self, rows: Vec<M>) -> &[M] {
        self.loaded.insert(Arc::new(rows))
    }
}

impl<M: Model> Default for ManyToMany<M> {
    /// The relation of a row that is not yet in the database: related to nothing.
    fn default() -> Self {
        ManyToMany { owner: None, loaded: None }
    }
}

impl<M: Model> Clone for ManyToMany<M> {
    fn clone(&self) -> Self {
        ManyToMany { owner: self.owner.clone(), loaded: self.loaded.clone() }
    }
}

impl<M: Model> PartialEq for ManyToMany<M> {
    fn eq(&self, other: &Self) -> bool {
        self.owner == other.owner
    }
}

impl<M: Model> fmt::Debug for ManyToMany<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.loaded {
            Some(rows) => write!(f, "{} × {}", rows.len(), M::LABEL),
            None => write!(f, "{}(not loaded)", M::LABEL),
        }
    }
}
