//! A new row, between the call that makes it and the statement that writes it: what `create`, `save` and the bulk
//! operations have in common.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::check;
use crate::error::Result;
use crate::field::Kind;
use crate::model::{Builder, Entry, Field, FieldDefault, Model, SchemaColumn};
use crate::value::Value;

type Text = Cow<'static, str>;

/// A new row: a value for each of its model's columns, in their order; `None` where the database is to decide.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewRow {
    pub(crate) values: Vec<Option<Value>>,
}

impl NewRow {
    /// Checks each value against its column, and makes it what the column stores.
    ///
    /// # Errors
    /// Those of [`check::admit`].
    pub(crate) fn admit(&mut self, entry: &Entry) -> Result<()> {
        for (column, slot) in entry.columns.iter().zip(&mut self.values) {
            if let Some(value) = slot.take() {
                *slot = Some(check::admit(entry, column, value)?);
            }
        }
        Ok(())
    }

    /// The columns that have a value, and the values.
    pub(crate) fn into_parts(self, entry: &Entry) -> (Vec<&SchemaColumn>, Vec<Value>) {
        entry.columns.iter().zip(self.values).filter_map(|(column, value)| Some((column, value?))).unzip()
    }

    /// The values that there are, with the names of their fields; not those of which the database sees to it that they are
    /// right.
    pub(crate) fn into_named(self, entry: &Entry) -> Vec<(Text, Value)> {
        let named = entry.columns.iter().map(|column| entry.field(column.field)).zip(self.values);
        let written = named.filter(|(field, _)| field.is_written());
        written.filter_map(|(field, value)| Some((field.name.clone(), value?))).collect()
    }
}

/// Makes new rows of one model from what was said of them.
pub(crate) struct Filler<'a> {
    entry: &'a Entry,
    /// The places of the fields that the row before was given, in that order: the next is mostly given the same.
    places: Vec<usize>,
}

impl<'a> Filler<'a> {
    pub(crate) fn new(entry: &'a Entry) -> Self {
        Filler { entry, places: Vec::new() }
    }

    /// The row that has these fields, and for the others their defaults.
    ///
    /// # Errors
    /// [`ErrorKind::Field`](crate::ErrorKind::Field) for a field that the model has not, or that the database sees to.
    pub(crate) fn of_fields<N: AsRef<str>>(&mut self, fields: impl IntoIterator<Item = (N, Value)>) -> Result<NewRow> {
        let columns = &self.entry.columns;
        let mut values: Vec<Option<Value>> = Vec::with_capacity(columns.len());
        values.resize_with(columns.len(), || None);
        for (number, (name, value)) in fields.into_iter().enumerate() {
            let place = self.place(number, name.as_ref())?;
            if let Some(slot) = values.get_mut(place) {
                *slot = Some(value);
            }
        }
        for (column, value) in columns.iter().zip(&mut values) {
            if value.is_none() {
                *value = initial(self.entry.field(column.field), column);
            }
        }
        Ok(NewRow { values })
    }

    /// The row that a builder describes.
    ///
    /// # Errors
    /// As [`of_fields`](Self::of_fields).
    pub(crate) fn of_builder<M: Model>(&mut self, new: Builder<M>) -> Result<NewRow> {
        match new.into_parts() {
            (None, fields) => self.of_fields(fields),
            (Some(row), fields) => {
                let mut new = self.of_struct(row);
                for (number, (name, value)) in fields.into_iter().enumerate() {
                    let place = self.place(number, name)?;
                    if let Some(slot) = new.values.get_mut(place) {
                        *slot = Some(value);
                    }
                }
                Ok(new)
            }
        }
    }

    /// The row of a struct that was not saved before, by the values of its writable columns in their order: times of
    /// creation are those of now, and zero is no number of the database's.
    fn of_struct(&self, row: Vec<Value>) -> NewRow {
        let mut row = row.into_iter();
        let single = self.entry.single_key().map(|key| key.field);
        let value = |column: &SchemaColumn| {
            let field = self.entry.field(column.field);
            let value = if field.is_written() { row.next() } else { None };
            let unset = single == Some(column.field) && field.kind.is_auto() && value == Some(Value::Int(0));
            match value {
                Some(value) if !(unset || field.auto_now || field.auto_now_add) => Some(value),
                _ => initial(field, column),
            }
        };
        NewRow { values: self.entry.columns.iter().map(value).collect() }
    }

    /// The place of the column of a field that is given as the `number`th.
    fn place(&mut self, number: usize, name: &str) -> Result<usize> {
        let is_named = |column: &SchemaColumn| self.entry.field(column.field).name == name;
        if let Some(place) = self.places.get(number)
            && self.entry.columns.get(*place).is_some_and(is_named)
        {
            return Ok(*place);
        }
        let place = self.entry.columns.iter().position(is_named).ok_or_else(|| self.entry.unknown(name))?;
        let field = self.entry.columns.get(place).map(|column| self.entry.field(column.field));
        if let Some(refusal) = field.and_then(|field| self.entry.refuse_kept(field)) {
            return Err(refusal);
        }
        self.places.truncate(number);
        self.places.push(place);
        Ok(place)
    }
}

/// What a column of a new row gets when nothing is said; `None` if the database is to decide.
pub(crate) fn initial(field: &Field, column: &SchemaColumn) -> Option<Value> {
    if field.auto_now || field.auto_now_add {
        return Some(present(&field.kind));
    }
    if field.generated.is_some() || field.blind_index_of.is_some() || field.kind.is_auto() {
        return None;
    }
    match &field.default {
        Some(FieldDefault::Value(value)) => Some(value.clone()),
        Some(FieldDefault::Function(_, function)) => Some(function()),
        None if field.db_default.is_some() => None,
        None if column.null => Some(Value::Null),
        None => None,
    }
}

/// The current moment, to the microsecond, as the kind has it.
pub(crate) fn present(kind: &Kind) -> Value {
    let now = Timestamp::now();
    let below_microseconds = SignedDuration::from_nanos(i64::from(now.subsec_nanosecond() % 1_000));
    let now = now.checked_sub(below_microseconds).unwrap_or(now);
    match kind {
        Kind::Date => Value::Date(now.to_zoned(TimeZone::UTC).date()),
        Kind::Time => Value::Time(now.to_zoned(TimeZone::UTC).time()),
        _ => Value::Timestamp(now),
    }
}

/// Whether a key is that of a row not yet saved: zero, where the database numbers the rows.
pub(crate) fn is_unset<'a>(entry: &Entry, key: impl Iterator<Item = &'a Value>) -> bool {
    entry.single_key().is_some_and(|column| entry.field(column.field).kind.is_auto()) && key.eq([&Value::Int(0)])
}
