//! What handlers may ask for beside what axum has.

use std::any::type_name;
use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use nuages_orm::Db;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::site::Site;

/// The site's database.
impl FromRequestParts<Site> for Db {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, site: &Site) -> Result<Self, Self::Rejection> {
        Ok(site.db().clone())
    }
}

/// The running [`Service`](crate::Service) of type `T`, as its app started it.
///
/// Refused with 500, and a line in the log, if no app of the project has such a service.
#[derive(Debug)]
pub struct Shared<T>(pub Arc<T>);

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + Sync + 'static> FromRequestParts<Site> for Shared<T> {
    type Rejection = Error;

    async fn from_request_parts(_: &mut Parts, site: &Site) -> Result<Self, Error> {
        site.service().map(Shared).ok_or_else(|| {
            Error::Command(format!("no app runs the service {}; add `.service::<…>()` to one", type_name::<T>()))
        })
    }
}

/// Where the client found the site: scheme and host, such as `https://example.org`.
///
/// That is the setting `SITE_URL`, or else `http://` and the request's `Host`. Refused with 400 if neither says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Scheme and host, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and, if it is not the scheme's own, port.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or(&self.0, |(_, authority)| authority)
    }
}

impl FromRequestParts<Site> for Origin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Error> {
        if let Some(url) = &site.settings().site_url {
            return Ok(Origin(url.clone()));
        }
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| parts.uri.authority().map(Authority::as_str));
        match host.filter(|host| !host.contains('@')).and_then(|host| host.parse::<Authority>().ok()) {
            Some(authority) => Ok(Origin(format!("http://{}", authority.as_str().to_ascii_lowercase()))),
            None => Err(Error::Request {
                status: StatusCode::BAD_REQUEST,
                message: "the request has no valid Host header".to_owned(),
            }),
        }
    }
}

/// A JSON document: as an argument the request's, as an answer the response's.
///
/// As axum's own, but a refusal is an [`Error`] that names the field: 415 if the content type is not JSON, 413 if the
/// body is longer than `DATA_UPLOAD_MAX_MEMORY_SIZE`, 400 if it is no JSON, 422 if a field is missing or of the wrong
/// type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        if !is_json(request.headers()) {
            return Err(Error::Request {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                message: "the body must be JSON, sent with `Content-Type: application/json`".to_owned(),
            });
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|refusal| Error::Request { status: refusal.status(), message: refusal.body_text() })?;
        let not_json = |error: serde_json::Error| Error::Request {
            status: StatusCode::BAD_REQUEST,
            message: format!("the body is not JSON: {error}"),
        };
        let mut reader = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let field = error.path().to_string();
            let inner = error.into_inner();
            if !inner.is_data() {
                return not_json(inner);
            }
            // What follows ` at line` is a place in the body, which the field says better.
            let message = inner.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
            match (missing, field.as_str()) {
                (Some(name), ".") => Error::invalid(name.to_owned(), "is required"),
                (Some(name), _) => Error::invalid(format!("{field}.{name}"), "is required"),
                (None, ".") => Error::invalid("body", message.to_owned()),
                (None, _) => Error::invalid(field, message.to_owned()),
            }
        })?;
        reader.end().map_err(not_json)?;
        Ok(Json(value))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.strip_prefix("application/").is_some_and(|sub| sub == "json" || sub.ends_with("+json"))
}
