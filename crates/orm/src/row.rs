//! A row as the database answered it, read column by column.

use std::net::IpAddr;

use bigdecimal::BigDecimal;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::error::Result;
use crate::field::SqlType;
use crate::value::Value;

/// One row of an answer, read from left to right.
///
/// Reading borrows from the driver's buffers: nothing is copied but what the Rust type keeps.
#[derive(Debug)]
pub struct Row<'a> {
    source: Source<'a>,
    next: usize,
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// Placeholder until an engine is compiled in.
    Nothing(&'a std::convert::Infallible),
}

impl<'a> Row<'a> {
    /// A row with its cursor on the first column.
    pub(crate) fn new(source: Source<'a>) -> Self {
        Row { source, next: 0 }
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
        let mut column = self.column();
        column.places = Some(places);
        T::read(column).map_err(|error| error.in_field(field))
    }

    /// Takes the next column without reading it.
    pub fn column(&mut self) -> Column<'a> {
        let column = Column { source: self.source, index: self.next, places: None };
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
        Column { source: self.source, index: self.next + ahead, places: None }.is_null()
    }
}

/// One column of a row, not yet read as a Rust type.
///
/// Each method accepts every column type from which the value can be had without loss (a `smallint` as `i64`, say) and
/// fails with [`ErrorKind::Decode`](crate::ErrorKind::Decode) on null and on everything else.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    source: Source<'a>,
    index: usize,
    places: Option<u16>,
}

macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident -> $type:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(self) -> Result<$type> {
            match self.source { Source::Nothing(never) => match *never {} }
        }
    )*};
}

impl<'a> Column<'a> {
    /// Whether the column is SQL `NULL`.
    pub fn is_null(self) -> bool {
        match self.source {
            Source::Nothing(never) => match *never {},
        }
    }

    readers! {
        /// A truth value.
        bool -> bool;
        /// A whole number.
        i64 -> i64;
        /// A float.
        f64 -> f64;
        /// Text.
        text -> &'a str;
        /// Bytes.
        bytes -> &'a [u8];
        /// A decimal, quantised to the field's places on SQLite.
        decimal -> BigDecimal;
        /// A calendar day.
        date -> Date;
        /// A time of day.
        time -> Time;
        /// A moment.
        timestamp -> Timestamp;
        /// A length of time.
        duration -> SignedDuration;
        /// A UUID.
        uuid -> Uuid;
        /// An IP address.
        ip -> IpAddr;
        /// A JSON document, as its text.
        json_text -> &'a str;
    }

    /// The value as the driver sees it, for rows without a Rust type: `kind` says what SQLite's loosely typed value
    /// stands for.
    pub fn value(self, kind: Option<&crate::field::Kind>) -> Result<Value> {
        let _ = kind;
        match self.source {
            Source::Nothing(never) => match *never {},
        }
    }
}
