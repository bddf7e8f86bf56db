//! SQL written by hand, with bound parameters.

use std::sync::Arc;

use futures_core::Stream;

use super::{Db, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::field::SqlType;
use crate::model::Model;
use crate::relation::read_row;
use crate::row::{Reading, Row};
use crate::value::Value;

impl Db {
    /// SQL written by hand: `?1`, `?2`… stand for the parameters on SQLite, `$1`, `$2`… on PostgreSQL.
    ///
    /// Parameters are a tuple, array or `Vec` of values; `()` for none. Never put a value into the text.
    ///
    /// ```
    /// # async fn example(db: nuages_orm::Db) -> nuages_orm::Result<()> {
    /// let names: Vec<(String,)> =
    ///     db.raw("SELECT name FROM city WHERE population > $1 AND country = $2", (1_000_000, "FR")).fetch().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn raw(&self, sql: impl Into<String>, params: impl RawParams) -> RawQuery<'_> {
        let sql = sql.into();
        let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let reads = ["SELECT", "VALUES", "EXPLAIN"].iter().any(|reading| word.eq_ignore_ascii_case(reading));
        RawQuery { db: self, statement: Statement { sql, params: params.into_values(), reads } }
    }
}

/// SQL written by hand, not yet run: made by [`Db::raw`].
///
/// Outside transactions, SQL that begins with `SELECT`, `VALUES` or `EXPLAIN` may be answered by a replica and may not
/// write on SQLite, unless [`writes`](RawQuery::writes) says so.
#[derive(Debug, Clone)]
#[must_use = "runs only when fetched or executed"]
pub struct RawQuery<'a> {
    db: &'a Db,
    statement: Statement,
}

impl RawQuery<'_> {
    /// Says that the statement changes or locks something, whatever its first word is.
    pub fn writes(mut self) -> Self {
        self.statement.reads = false;
        self
    }

    /// All rows as tuples, whose members read the columns from left to right.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] naming the column's number if one does not fit; the database's error.
    pub async fn fetch<T: RawRow>(self) -> Result<Vec<T>> {
        self.db.fetch(self.statement, T::from_row).await
    }

    /// All rows as models: each column of `M` is taken from the column of that name, in any order; others are passed
    /// over.
    ///
    /// # Errors
    /// [`ErrorKind::Field`] if a column of `M` is missing; [`ErrorKind::Decode`] if one does not fit; the database's
    /// error.
    pub async fn fetch_models<M: Model>(self) -> Result<Vec<M>> {
        let schema = Arc::clone(self.db.schema());
        let reading = Reading::of_model(&schema, schema.of::<M>()?);
        let mut order: Option<Vec<usize>> = None;
        let read = move |row: &mut Row<'_>| {
            if order.is_none() {
                let names = row.names();
                let entry = schema.of::<M>()?;
                let found = entry.columns.iter().map(|column| {
                    names.iter().position(|name| *name == column.name).ok_or_else(|| {
                        let text = format!("the answer has no column `{}`: select it too", column.name);
                        Error::new(ErrorKind::Field, text).in_model(M::LABEL)
                    })
                });
                order = Some(found.collect::<Result<_>>()?);
            }
            let row = row.in_order(order.as_deref().unwrap_or_default());
            read_row(&mut row.read_by(&reading), &[])
        };
        self.db.fetch(self.statement, read).await
    }

    /// All rows as tuples, read `chunk` at a time from a server-side cursor, or step by step on SQLite: at most three
    /// chunks are held in memory.
    ///
    /// Nothing is sent before the first row is asked for; dropping the stream frees what it holds.
    pub fn stream<T: RawRow>(self, chunk: usize) -> impl Stream<Item = Result<T>> + Send + use<T> {
        self.db.stream(self.statement, chunk, T::from_row)
    }

    /// Runs it; the number of rows it changed.
    ///
    /// # Errors
    /// The database's.
    pub async fn execute(mut self) -> Result<u64> {
        self.statement.reads = false;
        self.db.execute(self.statement).await
    }
}

/// The parameters of [`Db::raw`]: a tuple, array, slice or `Vec` of whatever converts into a [`Value`].
pub trait RawParams {
    /// The values, in order.
    fn into_values(self) -> Vec<Value>;
}

impl<V: Into<Value>> RawParams for Vec<V> {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<V: Into<Value>, const N: usize> RawParams for [V; N] {
    fn into_values(self) -> Vec<Value> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<V: Into<Value> + Clone> RawParams for &[V] {
    fn into_values(self) -> Vec<Value> {
        self.iter().cloned().map(Into::into).collect()
    }
}

impl RawParams for () {
    fn into_values(self) -> Vec<Value> {
        Vec::new()
    }
}

/// A row of a raw query: a tuple of field types, `Option`s where a column may be null.
pub trait RawRow: Sized + Send + 'static {
    /// Reads the columns from left to right.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] naming the column's number.
    fn from_row(row: &mut Row<'_>) -> Result<Self>;
}

macro_rules! tuples {
    ($($name:ident),+) => {
        #[expect(non_snake_case, reason = "the type parameters name the members")]
        impl<$($name: Into<Value>),+> RawParams for ($($name,)+) {
            fn into_values(self) -> Vec<Value> {
                let ($($name,)+) = self;
                vec![$($name.into()),+]
            }
        }

        impl<$($name: SqlType),+> RawRow for ($($name,)+) {
            fn from_row(row: &mut Row<'_>) -> Result<Self> {
                Ok(($({
                    let number = row.position() + 1;
                    $name::read(row.column()).map_err(|error| error.in_field(format!("column {number}")))?
                },)+))
            }
        }
    };
}

tuples!(A);
tuples!(A, B);
tuples!(A, B, C);
tuples!(A, B, C, D);
tuples!(A, B, C, D, E);
tuples!(A, B, C, D, E, F);
tuples!(A, B, C, D, E, F, G);
tuples!(A, B, C, D, E, F, G, H);
tuples!(A, B, C, D, E, F, G, H, I);
tuples!(A, B, C, D, E, F, G, H, I, J);
tuples!(A, B, C, D, E, F, G, H, I, J, K);
tuples!(A, B, C, D, E, F, G, H, I, J, K, L);
