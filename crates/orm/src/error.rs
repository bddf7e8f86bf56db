//! What can go wrong, in terms of what the caller can do about it.

use std::error::Error as StdError;
use std::fmt;

use crate::json_schema::Fault;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything the ORM can refuse or fail at.
///
/// Match on [`kind`](Error::kind), or ask one of the `is_…` methods; the text is for people and may change. The
/// cause, such as the driver's own error, is in [`source`](StdError::source). Values bound to a statement are never
/// part of the text.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    constraint: Option<String>,
    place: Place,
    faults: Vec<Fault>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Which row and field an error is about, as far as it is known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Place {
    model: Option<String>,
    field: Option<String>,
    key: Option<String>,
    index: Option<u64>,
}

/// What kind of failure an [`Error`] is.
///
/// The first group is refused before anything is sent to the database, the second is the database's answer, the third
/// is about reaching it.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A field, relation, lookup, annotation or model that does not exist, or not there (Django's `FieldError`).
    Field,
    /// A value that cannot be read as the field's type, such as a malformed date (Django's `ValidationError`).
    Validation,
    /// A value of the right type that makes no sense here (Django's `ValueError`).
    Value,
    /// A value or expression of the wrong type (Django's `TypeError`).
    Type,
    /// The engine cannot do this (Django's `NotSupportedError`).
    Unsupported,
    /// A setting, URL or set of models that cannot work.
    Configuration,
    /// `get` found no row (Django's `DoesNotExist`).
    NotFound,
    /// `get` found more than one row (Django's `MultipleObjectsReturned`).
    MultipleRows,
    /// Rows that refer to the one to be deleted are protected (Django's `ProtectedError`).
    Protected,
    /// Rows that refer to the one to be deleted restrict its deletion (Django's `RestrictedError`).
    Restricted,
    /// A [receiver](crate::signal) refused the write, in words for whoever asked for it.
    Refused,
    /// The row to be saved was deleted or restored since it was read.
    Stale,
    /// A migration cannot be written, read or applied.
    Migration,
    /// A fixture cannot be written, read or loaded.
    Fixture,
    /// The transaction that this `Db` stands for has ended.
    TransactionEnded,

    /// A unique constraint, unique index or primary key refused the row.
    UniqueViolation,
    /// A foreign key refused the row or its deletion.
    ForeignKeyViolation,
    /// A check constraint refused the row.
    CheckViolation,
    /// A column that may not be null was null.
    NotNullViolation,
    /// A row in the database does not fit the model: a null, an unknown choice, a number out of range.
    Decode,
    /// Transactions stood in each other's way (serialization failure or deadlock); running it again may succeed.
    Conflict,
    /// A row lock was asked for without waiting, or not had within `lock_timeout`.
    LockNotAvailable,
    /// The database refused the statement for another reason.
    Database,

    /// A statement or connection took longer than its limit.
    Timeout,
    /// The database cannot be reached, or the connection broke.
    Connection,
}

impl Error {
    /// An error of this kind, with a message in lower case that says what failed, what was allowed and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            constraint: None,
            place: Place::default(),
            faults: Vec::new(),
            source: None,
        }))
    }

    /// What a [receiver](crate::signal) answers to refuse a write; the message is for whoever asked for it.
    pub fn refused(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Refused, message)
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Names the constraint, index or column that the database named.
    #[must_use]
    pub fn with_constraint(mut self, name: impl Into<String>) -> Self {
        self.0.constraint = Some(name.into());
        self
    }

    /// Says what is wrong with a document.
    pub(crate) fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.0.faults = faults;
        self
    }

    /// Names the model, as `app.Model`, unless one is named already.
    #[must_use]
    pub fn in_model(mut self, label: impl Into<String>) -> Self {
        self.0.place.model.get_or_insert_with(|| label.into());
        self
    }

    /// Names the field, unless one is named already.
    #[must_use]
    pub fn in_field(mut self, name: impl Into<String>) -> Self {
        self.0.place.field.get_or_insert_with(|| name.into());
        self
    }

    /// Names the row's primary key, unless one is named already.
    #[must_use]
    pub fn in_row(mut self, key: impl fmt::Display) -> Self {
        self.0.place.key.get_or_insert_with(|| key.to_string());
        self
    }

    /// Says which of the rows of a bulk operation it is about, counted from 0, in place of what was said before.
    pub(crate) fn at_index(mut self, index: u64) -> Self {
        self.0.place.index = Some(index);
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What is wrong, without where.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The constraint, index or column that the database named.
    pub fn constraint(&self) -> Option<&str> {
        self.0.constraint.as_deref()
    }

    /// The model the error is about, as `app.Model`.
    pub fn model(&self) -> Option<&str> {
        self.0.place.model.as_deref()
    }

    /// The field the error is about.
    pub fn field(&self) -> Option<&str> {
        self.0.place.field.as_deref()
    }

    /// The primary key of the row the error is about, as text.
    pub fn row(&self) -> Option<&str> {
        self.0.place.key.as_deref()
    }

    /// Which of the rows given to a bulk operation the error is about, counted from 0; `None` where only the database knows,
    /// as it checked many at once.
    pub fn index(&self) -> Option<u64> {
        self.0.place.index
    }

    /// What is wrong with a document that does not fit its field's JSON Schema, each with its place; empty for all other
    /// errors. At most [`MAX_FAULTS`](crate::json_schema::MAX_FAULTS).
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }

    /// Whether `get` found nothing.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Whether the row to be saved was deleted or restored since it was read.
    pub fn is_stale(&self) -> bool {
        self.kind() == ErrorKind::Stale
    }

    /// Whether a unique constraint, unique index or primary key refused the row.
    pub fn is_unique_violation(&self) -> bool {
        self.kind() == ErrorKind::UniqueViolation
    }

    /// Whether any constraint refused the row.
    pub fn is_constraint_violation(&self) -> bool {
        use ErrorKind::*;
        matches!(self.kind(), UniqueViolation | ForeignKeyViolation | CheckViolation | NotNullViolation)
    }

    /// Whether a receiver refused the write.
    pub fn is_refused(&self) -> bool {
        self.kind() == ErrorKind::Refused
    }

    /// Whether running the whole transaction again may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind(), ErrorKind::Conflict)
    }

    /// Whether the database could not be reached or did not answer in time.
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind(), ErrorKind::Connection | ErrorKind::Timeout)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.0.place;
        match (&place.model, &place.field) {
            (Some(model), Some(field)) => write!(f, "{model}.{field}")?,
            (Some(only), None) | (None, Some(only)) => write!(f, "{only}")?,
            (None, None) => return f.write_str(&self.0.message),
        }
        if let Some(key) = &place.key {
            write!(f, " of row {key}")?;
        }
        if let Some(index) = place.index {
            write!(f, " at index {index}")?;
        }
        write!(f, ": {}", self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        if let Some(source) = &self.0.source {
            write!(f, " (caused by: {source})")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// The nearest of `choices` to `name`, for "did you mean": at most a third of its letters differ, rounded up.
pub(crate) fn nearest<'a>(name: &str, choices: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().div_ceil(3);
    choices
        .into_iter()
        .map(|choice| (edit_distance(name, choice), choice))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, choice)| choice)
}

/// Letters to add, drop or change to turn `a` into `b`.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(0);
            let here = (diagonal + usize::from(x != *y)).min(left + 1).min(above + 1);
            diagonal = above;
            left = here;
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = here;
            }
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_model_field_and_row_once() {
        let error = Error::new(ErrorKind::Decode, "is null, but the model says it may not be")
            .in_row(7)
            .in_field("title")
            .in_model("blog.Post")
            .in_field("other");
        assert_eq!(error.to_string(), "blog.Post.title of row 7: is null, but the model says it may not be");
    }

    #[test]
    fn nearest_suggests_a_slip_and_not_a_stranger() {
        assert_eq!(nearest("titel", ["id", "title", "author"]), Some("title"));
        assert_eq!(nearest("zzzz", ["id", "title"]), None);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }
}
