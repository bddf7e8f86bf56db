//! What can go wrong in a handler or a command, and the one place that says what a client hears of it.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nuages_orm::ErrorKind;

use crate::http::problem::Problem;

/// A result of this crate, of a handler or of a command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything a handler can answer in place of what was asked, and everything a command can fail at.
///
/// As a response, each becomes a status and a [`Problem`](crate::Problem): the client hears what it did wrong, and of
/// everything else nothing but that it went wrong. The cause of a 500 or 503 is logged once, here. An ORM error becomes
///
/// | [`ErrorKind`] | status |
/// | --- | --- |
/// | `NotFound` | 404 |
/// | `Validation`, with its field, and the faults of a document that does not fit its JSON Schema | 422 |
/// | `Refused`, with its text | 422 |
/// | `UniqueViolation` | 409 |
/// | `Connection`, `Timeout` | 503 |
/// | every other | 500 |
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such thing: 404. The text is for the client.
    #[error("{0}")]
    NotFound(Cow<'static, str>),
    /// What was sent cannot be taken: 422, with each field and what is wrong with it.
    #[error("{0}")]
    Invalid(Invalid),
    /// What was sent would stand in the way of what is there: 409, with the field.
    #[error("{field}: {message}")]
    Conflict {
        /// The field whose value is taken.
        field: Cow<'static, str>,
        /// What is wrong with it, for the client.
        message: Cow<'static, str>,
    },
    /// The request cannot be understood: this status of the 400s. The text is for the client.
    #[error("{message}")]
    Request {
        /// A status from 400 to 499.
        status: StatusCode,
        /// What is wrong with it, for the client.
        message: String,
    },
    /// The ORM refused or failed.
    #[error(transparent)]
    Orm(#[from] nuages_orm::Error),
    /// Settings that cannot be read, each in a sentence.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// Something is wrong with how the project or a command was put together; the text is for the one at the terminal.
    #[error("{0}")]
    Command(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; is another server running there?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// Anything else: 500.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Something else that went wrong, of which the client hears nothing.
    pub fn other(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Error::Other(source.into())
    }

    /// A value that cannot be taken, of one field. The text is for the client.
    pub fn invalid(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Error::Invalid(Invalid::default().and(field, message))
    }

    /// The status that a client gets.
    pub fn status(&self) -> StatusCode {
        match self {
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::Conflict { .. } => StatusCode::CONFLICT,
            Error::Request { status, .. } => *status,
            Error::Orm(error) => match error.kind() {
                ErrorKind::NotFound => StatusCode::NOT_FOUND,
                ErrorKind::Validation | ErrorKind::Refused => StatusCode::UNPROCESSABLE_ENTITY,
                ErrorKind::UniqueViolation | ErrorKind::Stale => StatusCode::CONFLICT,
                _ if error.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What a client hears.
    pub fn problem(&self) -> Problem {
        let problem = Problem::new(self.status());
        match self {
            Error::NotFound(message) => problem.detail(message.clone()),
            Error::Request { message, .. } => problem.detail(message.clone()),
            Error::Conflict { field, message } => problem.field(field.clone(), message.clone()),
            Error::Invalid(Invalid(fields)) => {
                fields.iter().fold(problem, |problem, (field, message)| problem.field(field.clone(), message.clone()))
            }
            Error::Orm(error) => match (error.kind(), error.field()) {
                (ErrorKind::Refused, Some(field)) => problem.field(field.to_owned(), error.message().to_owned()),
                (ErrorKind::Refused, None) => problem.detail(error.message().to_owned()),
                (ErrorKind::Validation, Some(field)) if error.faults().is_empty() => {
                    problem.field(field.to_owned(), "is not a valid value")
                }
                (ErrorKind::Validation, Some(field)) => {
                    let faults = error.faults().iter();
                    faults.fold(problem, |problem, fault| problem.field(field.to_owned(), fault.to_string()))
                }
                (ErrorKind::UniqueViolation, Some(field)) => problem.field(field.to_owned(), "is taken"),
                _ => problem,
            },
            _ => problem,
        }
    }

    /// The error and its causes in one line, for the log and the terminal.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let more = error.to_string();
            if !text.contains(&more) {
                text.push_str(": ");
                text.push_str(&more);
            }
            cause = error.source();
        }
        text
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if self.status().is_server_error() {
            tracing::error!(error = self.chain(), "request failed");
        }
        self.problem().into_response()
    }
}

/// Fields and what is wrong with each, for the client.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Invalid(Vec<(Cow<'static, str>, Cow<'static, str>)>);

impl Invalid {
    /// Adds a field and what is wrong with it.
    #[must_use]
    pub fn and(mut self, field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.push((field.into(), message.into()));
        self
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each field and what is wrong with it, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, message)| (field.as_ref(), message.as_ref()))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (field, message)) in self.iter().enumerate() {
            write!(f, "{}{field} {message}", if index > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_orm_has_one_status() {
        use ErrorKind::*;
        let table = [
            (NotFound, 404),
            (Validation, 422),
            (Refused, 422),
            (UniqueViolation, 409),
            (Stale, 409),
            (Connection, 503),
            (Timeout, 503),
            (Field, 500),
            (Decode, 500),
            (Conflict, 500),
            (Database, 500),
        ];
        for (kind, status) in table {
            let error = Error::from(nuages_orm::Error::new(kind, "no"));
            assert_eq!(error.status().as_u16(), status, "{kind:?}");
        }
    }

    #[test]
    fn a_client_hears_nothing_of_what_went_wrong_inside() {
        let secret = "relation shop_book does not exist";
        for error in [
            Error::from(nuages_orm::Error::new(ErrorKind::Database, secret)),
            Error::from(nuages_orm::Error::new(ErrorKind::Connection, secret)),
            Error::from(nuages_orm::Error::new(ErrorKind::UniqueViolation, secret)),
            Error::other(secret),
            Error::Command(secret.to_owned()),
        ] {
            assert!(!format!("{:?}", error.problem()).contains("relation"));
        }
    }
}
