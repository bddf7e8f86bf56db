//! A row as the database answered it, read column by column.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bigdecimal::BigDecimal;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::encryption::{Opening, Plaintext, Text};
#[cfg(feature = "postgres")]
use crate::engine::postgres;
#[cfg(feature = "sqlite")]
use crate::engine::sqlite;
use crate::error::{Error, ErrorKind, Result};
use crate::field::{Kind, SqlType};
use crate::json_schema::{JsonSchema, Versioned};
use crate::model::{Entry, Schema};
use crate::value::Value;

/// One row of an answer, read from left to right.
///
/// Reading borrows from the driver's buffers: nothing is copied but what the Rust type keeps. A clone is a cursor of its
/// own on the same row.
#[derive(Clone)]
pub struct Row<'a> {
    source: Source<'a>,
    next: usize,
    /// Where the columns are that are read first, second… if not in this order.
    order: Option<&'a [usize]>,
    /// How its columns are read, where their own type does not say it all.
    reading: Option<&'a Reading>,
}

/// How the columns of an answer are read, where their own type does not say it all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    /// The documents that have versions.
    pub(crate) versioned: Versioned,
    /// The columns that are encrypted, if any.
    pub(crate) opening: Option<Arc<Opening>>,
}

impl Reading {
    /// Of an answer whose columns begin with a model's, in order.
    pub(crate) fn of_model(schema: &Schema, entry: &Entry) -> Reading {
        Reading { versioned: entry.versioned.clone(), opening: Opening::of_model(schema, entry) }
    }

    /// Whether the columns' own types do say it all.
    fn is_plain(&self) -> bool {
        self.versioned.is_empty() && self.opening.is_none()
    }

    /// Reads rows by it.
    pub(crate) fn with<T>(
        self,
        mut read: impl FnMut(&mut Row<'_>) -> Result<T>,
    ) -> impl FnMut(&mut Row<'_>) -> Result<T> {
        move |row| if self.is_plain() { read(row) } else { read(&mut row.read_by(&self)) }
    }
}

/// Where a row comes from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    #[cfg(feature = "sqlite")]
    Sqlite(&'a rusqlite::Row<'a>),
    #[cfg(feature = "postgres")]
    Postgres(&'a tokio_postgres::Row),
    /// A row that is not yet in the database.
    Values(&'a [Value]),
}

impl<'a> Row<'a> {
    /// A row with its cursor on the first column.
    pub(crate) fn new(source: Source<'a>) -> Self {
        Row { source, next: 0, order: None, reading: None }
    }

    /// The same row, its columns read as is said.
    pub(crate) fn read_by<'b>(&self, reading: &'b Reading) -> Row<'b>
    where
        'a: 'b,
    {
        Row { reading: Some(reading), ..self.clone() }
    }

    /// The same row from its beginning, its columns in another order.
    pub(crate) fn in_order<'b>(&self, order: &'b [usize]) -> Row<'b>
    where
        'a: 'b,
    {
        Row { source: self.source, next: 0, order: Some(order), reading: None }
    }

    /// The names of the columns.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self.source {
            #[cfg(feature = "sqlite")]
            Source::Sqlite(row) => {
                let statement = row.as_ref();
                (0..statement.column_count()).filter_map(|index| statement.column_name(index).ok()).collect()
            }
            #[cfg(feature = "postgres")]
            Source::Postgres(row) => row.columns().iter().map(|column| column.name()).collect(),
            Source::Values(_) => Vec::new(),
        }
    }

    /// The column that is read `ahead` from now.
    fn at(&self, ahead: usize) -> Column<'a> {
        let place = self.next + ahead;
        // A place beyond the order is none of the row either.
        let index = self.order.map_or(place, |order| order.get(place).copied().unwrap_or(usize::MAX));
        let found = match self.source {
            #[cfg(feature = "sqlite")]
            Source::Sqlite(row) => sqlite::Cell::at(row, index).map(Found::Sqlite),
            #[cfg(feature = "postgres")]
            Source::Postgres(row) => postgres::Cell::at(row, index).map(Found::Postgres),
            Source::Values(values) => values.get(index).map(Found::Value),
        };
        let special = self.reading.map(|reading| Special { reading, source: self.source, order: self.order });
        Column { found: found.unwrap_or(Found::Nothing), place, special }
    }

    /// Reads the next column.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode), naming `field`, if the column is null and `T` is not an
    /// `Option`, or if its value does not fit `T`.
    pub fn read<T: SqlType>(&mut self, field: &'static str) -> Result<T> {
        T::read(self.column()).map_err(|error| error.in_field(field))
    }

    /// Reads the next column, a decimal, with this many places after the point where the engine keeps no scale
    /// (SQLite).
    pub fn read_decimal<T: SqlType>(&mut self, field: &'static str, places: u16) -> Result<T> {
        T::read(self.column().with_places(places)).map_err(|error| error.in_field(field))
    }

    /// Takes the next column without reading it.
    pub fn column(&mut self) -> Column<'a> {
        let column = self.at(0);
        self.next += 1;
        column
    }

    /// Passes over columns.
    pub fn skip(&mut self, columns: usize) {
        self.next += columns;
    }

    /// The index of the column that is read next.
    pub fn position(&self) -> usize {
        self.next
    }

    /// Whether the column `ahead` of the next one is null, without moving.
    pub fn is_null_at(&self, ahead: usize) -> bool {
        self.at(ahead).is_null()
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("next", &self.next).finish_non_exhaustive()
    }
}

/// One column of a row, not yet read as a Rust type.
///
/// Each method accepts every column type from which the value can be had without loss (a `smallint` as `i64`, say) and
/// fails with [`ErrorKind::Decode`](crate::ErrorKind::Decode) on null and on everything else.
#[derive(Clone, Copy)]
pub struct Column<'a> {
    found: Found<'a>,
    /// Where it was read, counted from 0.
    place: usize,
    /// Of a row some of whose columns are read in a way of their own.
    special: Option<Special<'a>>,
}

/// How columns are read beside their types, and the row: what is encrypted is opened by the row's key.
#[derive(Clone, Copy)]
struct Special<'a> {
    reading: &'a Reading,
    source: Source<'a>,
    order: Option<&'a [usize]>,
}

/// What an engine found at a column's place.
#[derive(Clone, Copy)]
enum Found<'a> {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Cell<'a>),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Cell<'a>),
    /// A value that is not from the database.
    Value(&'a Value),
    /// What an encrypted column held.
    Opened(Text<'a>),
    /// The answer has fewer columns.
    Nothing,
}

impl Plaintext {
    /// As a column that is read like any other.
    pub fn column(&self) -> Column<'_> {
        Column { found: Found::Opened(Text(self.expose())), place: 0, special: None }
    }
}

impl fmt::Debug for Column<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Column").field("place", &self.place).finish_non_exhaustive()
    }
}

macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident -> $type:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(self) -> Result<$type> {
            match self.found {
                #[cfg(feature = "sqlite")]
                Found::Sqlite(cell) => cell.$name(),
                #[cfg(feature = "postgres")]
                Found::Postgres(cell) => cell.$name(),
                Found::Value(value) => Plain(value).$name(),
                Found::Opened(text) => text.$name(),
                Found::Nothing => Err(self.is_missing()),
            }
        }
    )*};
}

impl<'a> Column<'a> {
    /// Whether the column is SQL `NULL`.
    pub fn is_null(self) -> bool {
        match self.found {
            #[cfg(feature = "sqlite")]
            Found::Sqlite(cell) => cell.is_null(),
            #[cfg(feature = "postgres")]
            Found::Postgres(cell) => cell.is_null(),
            Found::Value(value) => value.is_null(),
            Found::Opened(_) | Found::Nothing => false,
        }
    }

    /// What an encrypted column holds.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode), naming model, field and row, if the keys do not open it;
    /// [`ErrorKind::Type`](crate::ErrorKind::Type) where nothing tells which model's field it is.
    pub fn open(self) -> Result<Plaintext> {
        // A row that is not yet written holds it as it is.
        if let Found::Value(Value::Plain(plain)) = self.found {
            return Ok(plain.clone());
        }
        let found = self.special.and_then(|special| {
            let opening = special.reading.opening.as_deref()?;
            Some((special, opening, opening.lock(self.place)?))
        });
        let Some((Special { source, order, .. }, opening, lock)) = found else {
            return Err(Error::new(
                ErrorKind::Type,
                "cannot be opened, since nothing says which field it is of: fetch the model, or read it as a `String` \
                 for the ciphertext",
            ));
        };
        let row = Row { order, ..Row::new(source) };
        let key = lock.key.iter().map(|(place, kind)| row.at(*place).value(Some(kind))).collect::<Result<Vec<_>>>()?;
        opening.open(lock, self.text()?, &key)
    }

    fn with_places(mut self, places: u16) -> Self {
        match &mut self.found {
            #[cfg(feature = "sqlite")]
            Found::Sqlite(cell) => cell.places = Some(places),
            // PostgreSQL keeps the scale.
            #[cfg(feature = "postgres")]
            Found::Postgres(_) => {
                let _ = places;
            }
            Found::Value(_) | Found::Opened(_) | Found::Nothing => {}
        }
        self
    }

    fn is_missing(self) -> Error {
        Error::new(ErrorKind::Decode, format!("is column {} of an answer that has fewer", self.place + 1))
    }

    readers! {
        /// A truth value.
        bool -> bool;
        /// A whole number; from a decimal column too if nothing follows the point.
        i64 -> i64;
        /// A float: the nearest one, if the column is a decimal.
        f64 -> f64;
        /// Text.
        text -> &'a str;
        /// Bytes.
        bytes -> &'a [u8];
        /// A decimal. On SQLite, as Django reads it: rounded to 15 significant digits, then to the field's places.
        decimal -> BigDecimal;
        /// A calendar day.
        date -> Date;
        /// A time of day.
        time -> Time;
        /// A moment; one without an offset is in UTC.
        timestamp -> Timestamp;
        /// A length of time; an interval of months or years has none.
        duration -> SignedDuration;
        /// A UUID.
        uuid -> Uuid;
        /// An IP address.
        ip -> IpAddr;
        /// A JSON document, as its text in the database.
        json_text -> &'a str;
    }

    /// A JSON document as its type; an older one is brought to the current version before.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if the type is another, or the document cannot be upgraded.
    pub fn json<T: DeserializeOwned>(self) -> Result<T> {
        let text = self.json_text()?;
        let wrong = |error| Error::new(ErrorKind::Decode, format!("is not the JSON that its type expects: {error}"));
        let place = |(known, _): &&(usize, JsonSchema)| *known == self.place;
        match self.special.and_then(|special| special.reading.versioned.iter().find(place)) {
            None => serde_json::from_str(text).map_err(wrong),
            Some((_, schema)) => {
                serde_json::from_value(schema.read(serde_json::from_str(text).map_err(wrong)?)?).map_err(wrong)
            }
        }
    }

    /// The value as the driver sees it, for rows without a Rust type.
    ///
    /// PostgreSQL's columns know their type; SQLite's do not, and are read as what `kind` says, or without one as the
    /// number, text or bytes they are stored as.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if the column does not hold what `kind` says, or is of a
    /// PostgreSQL type that no [`Value`] stands for.
    pub fn value(self, kind: Option<&Kind>) -> Result<Value> {
        match self.found {
            #[cfg(feature = "sqlite")]
            Found::Sqlite(cell) => cell.value(kind),
            #[cfg(feature = "postgres")]
            Found::Postgres(cell) => cell.value_as(kind),
            Found::Value(value) => Ok(value.clone()),
            Found::Opened(text) => text.value(),
            Found::Nothing => Err(self.is_missing()),
        }
    }
}

/// A value read as if it were a column: what `FieldType::to_value` made of a Rust value, back again.
struct Plain<'a>(&'a Value);

macro_rules! plain {
    ($($name:ident -> $type:ty: $($pattern:pat => $read:expr),+;)*) => {$(
        fn $name(self) -> Result<$type> {
            match self.0 {
                $($pattern => Ok($read),)+
                other => Err(Error::new(ErrorKind::Decode, concat!("a value of another type stands where ", stringify!($name), " was read: ").to_owned() + other.type_name())),
            }
        }
    )*};
}

impl<'a> Plain<'a> {
    plain! {
        bool -> bool: Value::Bool(it) => *it;
        i64 -> i64: Value::Int(it) => *it;
        f64 -> f64: Value::Float(it) => *it, Value::Int(it) => *it as f64;
        text -> &'a str: Value::Text(it) => it;
        bytes -> &'a [u8]: Value::Bytes(it) => it;
        decimal -> BigDecimal: Value::Decimal(it) => it.clone(), Value::Int(it) => BigDecimal::from(*it);
        date -> Date: Value::Date(it) => *it;
        time -> Time: Value::Time(it) => *it;
        timestamp -> Timestamp: Value::Timestamp(it) => *it;
        duration -> SignedDuration: Value::Duration(it) => *it;
        uuid -> Uuid: Value::Uuid(it) => *it;
        ip -> IpAddr: Value::Ip(it) => *it;
        // A document is handed over as its text.
        json_text -> &'a str: Value::Text(it) => it;
    }
}
