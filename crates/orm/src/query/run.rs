//! Queries on their way to the database and back.

use std::borrow::Cow;

use futures_core::Stream;
use futures_util::{StreamExt, stream};

use super::node::{Lookup, Node};
use super::plan::Query;
use super::{check, keyed};
use crate::db::{Db, Statement};
use crate::encryption::{self, Change};
use crate::error::Result;
use crate::field::Kind;
use crate::model::{Entry, Schema};
use crate::relation::Related;
use crate::row::{Reading, Row};
use crate::sql::{self, Compiled, Figures};
use crate::value::Value;

type Figure = (Cow<'static, str>, Node);

/// The statement that gives a query's rows; `None` if there is nothing to ask the database for.
pub(crate) fn statement(schema: &Schema, query: &Query) -> Result<Option<Statement>> {
    Ok(match sql::select(schema, query)? {
        Compiled::Run(selected) => Some(selected.statement),
        Compiled::Empty => None,
    })
}

/// All rows of a query.
pub(crate) fn fetch<'a, T, F>(
    db: &'a Db,
    query: &Query,
    mut read: F,
) -> impl Future<Output = Result<Vec<T>>> + Send + use<'a, T, F>
where
    F: FnMut(&mut Row<'_>, &[Related]) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    let running = sql::select(db.schema(), query).map(|compiled| match compiled {
        Compiled::Empty => None,
        Compiled::Run(selected) => {
            let related = selected.related;
            Some(db.fetch(selected.statement, selected.reading.with(move |row| read(row, &related))))
        }
    });
    async move {
        match running? {
            Some(running) => running.await,
            None => Ok(Vec::new()),
        }
    }
}

/// The row of which a unique column is a value; `None` if that is not what the query asks for.
pub(crate) fn point<'a, T, F>(
    db: &'a Db,
    query: &Query,
    mut read: F,
) -> Option<impl Future<Output = Result<Option<T>>> + Send + use<'a, T, F>>
where
    F: FnMut(&mut Row<'_>, &[Related]) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    let (statement, entry) = sql::point(db.schema(), query)?;
    let reading = Reading::of_model(db.schema(), entry);
    Some(db.fetch_one(statement, reading.with(move |row| read(row, &[]))))
}

/// The rows of a query, a chunk at a time.
pub(crate) fn stream<T, F>(
    db: &Db,
    query: &Query,
    chunk: usize,
    mut read: F,
) -> impl Stream<Item = Result<T>> + Send + use<T, F>
where
    F: FnMut(&mut Row<'_>, &[Related]) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    match sql::select(db.schema(), query) {
        Err(error) => stream::iter(Some(Err(error))).left_stream(),
        Ok(Compiled::Empty) => stream::iter(None).left_stream(),
        Ok(Compiled::Run(selected)) => {
            let related = selected.related;
            let read = selected.reading.with(move |row| read(row, &related));
            db.stream(selected.statement, chunk, read).right_stream()
        }
    }
    .boxed()
}

/// The number of rows.
pub(crate) async fn count(db: &Db, query: &Query) -> Result<i64> {
    match sql::count(db.schema(), query)? {
        Compiled::Empty => Ok(0),
        Compiled::Run(selected) => {
            let rows = db.fetch(selected.statement, |row| row.read("count")).await?;
            Ok(rows.into_iter().next().unwrap_or(0))
        }
    }
}

/// Whether there are any rows.
pub(crate) async fn exists(db: &Db, query: &Query) -> Result<bool> {
    match sql::exists(db.schema(), query)? {
        Compiled::Empty => Ok(false),
        Compiled::Run(selected) => Ok(!db.fetch(selected.statement, |_| Ok(())).await?.is_empty()),
    }
}

/// Figures over all rows, as values.
pub(crate) async fn aggregate(db: &Db, query: &Query, figures: &[Figure]) -> Result<Vec<Value>> {
    let Figures { selected, defaults } = sql::aggregate(db.schema(), query, figures)?;
    let Compiled::Run(described) = selected else { return Ok(defaults) };
    let columns = described.columns;
    let mut rows = db
        .fetch(described.selected.statement, move |row| {
            columns.iter().map(|column| row.column().value(column.kind.as_ref())).collect::<Result<Vec<Value>>>()
        })
        .await?;
    Ok(rows.pop().unwrap_or(defaults))
}

/// Figures over all rows, as the Rust type of a selection.
pub(crate) async fn figures<T: Send + 'static>(
    db: &Db,
    query: &Query,
    figures: &[Figure],
    read: fn(&mut Row<'_>) -> Result<T>,
) -> Result<T> {
    let Figures { selected, defaults } = sql::aggregate(db.schema(), query, figures)?;
    let (statement, reading) = match selected {
        Compiled::Run(described) => (described.selected.statement, described.selected.reading),
        Compiled::Empty => (sql::constants(db.dialect(), &defaults), Reading::default()),
    };
    let mut rows = db.fetch(statement, reading.with(read)).await?;
    rows.pop().ok_or_else(|| crate::Error::new(crate::ErrorKind::Database, "an aggregate gave no row"))
}

/// Sets fields of all rows, and says of how many.
pub(crate) async fn update(db: &Db, query: &Query, pairs: &[(Node, Node)]) -> Result<u64> {
    set(db, query, pairs, None).await
}

/// Sets fields of the row of a key, which the query finds, and says whether it is there.
pub(crate) async fn update_row(db: &Db, query: &Query, pairs: &[(Node, Node)], key: &[Value]) -> Result<u64> {
    set(db, query, pairs, Some(key)).await
}

async fn set(db: &Db, query: &Query, pairs: &[(Node, Node)], key: Option<&[Value]>) -> Result<u64> {
    let entry = db.schema().by_label(&query.model)?;
    let mut pairs = Cow::Borrowed(pairs);
    for place in 0..pairs.len() {
        let (Node::Path(names), to) = &pairs[place] else { continue };
        let named = |name: &str| {
            entry.columns.iter().find(|column| column.attname == *name || entry.field(column.field).name == *name)
        };
        let Some(column) = names.first().filter(|_| names.len() == 1).and_then(|name| named(name)) else { continue };
        match to {
            Node::Value(value, _) if column.kind == Kind::Json => {
                let admitted = check::admit(entry, column, value.clone())?;
                pairs.to_mut()[place].1 = Node::value(admitted);
            }
            Node::Value(value, _) => check::value(entry, column, value)?,
            _ if entry.field(column.field).schema.is_some() => {
                let message = "has a JSON Schema, by which what the database computes cannot be checked: set it to a \
                               value, or save the rows one by one";
                let error = crate::Error::new(crate::ErrorKind::Unsupported, message);
                return Err(error.in_model(&*entry.label).in_field(entry.field(column.field).name.to_string()));
            }
            _ => {}
        }
    }
    match encryption::pairs(db.schema(), entry, &pairs, key)? {
        Change::AsItWas => assign(db, query, &pairs).await,
        Change::Sealed(pairs) => assign(db, query, &pairs).await,
        Change::ForEachRow { sealed, bound } => keyed::set(db, entry, query, &sealed, &bound).await,
    }
}

/// Sets fields of all rows to what is sealed already.
pub(crate) async fn assign(db: &Db, query: &Query, pairs: &[(Node, Node)]) -> Result<u64> {
    match sql::update(db.schema(), query, pairs)? {
        Compiled::Empty => Ok(0),
        Compiled::Run(statement) => db.execute(statement).await,
    }
}

/// The condition that a row's primary key is one of these.
pub(crate) fn key_in(entry: &Entry, keys: Vec<Vec<Value>>) -> Node {
    match entry.definition.primary_key.as_slice() {
        [only] => {
            let keys: Vec<Node> = keys.into_iter().flat_map(|key| key.into_iter().take(1)).map(Node::value).collect();
            let path = Node::Path(vec![only.clone()]);
            match <[Node; 1]>::try_from(keys) {
                Ok([key]) => Node::lookup(path, Lookup::Exact, key),
                Err(keys) => Node::lookup(path, Lookup::In, Node::List(keys)),
            }
        }
        several => Node::Or(
            keys.into_iter()
                .map(|key| {
                    let parts = several.iter().zip(key).map(|(name, value)| {
                        Node::lookup(Node::Path(vec![name.clone()]), Lookup::Exact, Node::value(value))
                    });
                    Node::And(parts.collect())
                })
                .collect(),
        ),
    }
}
