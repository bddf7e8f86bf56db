//! What a client hears when it does not get what it asked for.

use std::borrow::Cow;
use std::fmt::Write;

use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

type Text = Cow<'static, str>;

/// A refusal as a client reads it: a problem document (RFC 9457) or plain text, whichever its `Accept` asks for.
///
/// Beside the members of the standard, a document has `errors`: an object from each refused field to the list of what
/// is wrong with it.
///
/// ```
/// # use nuages_web::Problem;
/// # use axum::http::StatusCode;
/// let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY).field("url", "is required");
/// assert_eq!(problem.to_text(), "Unprocessable Entity\n\nurl: is required\n");
/// assert_eq!(problem.to_json()["errors"]["url"][0], "is required");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: Option<Text>,
    fields: Vec<(Text, Text)>,
}

impl Problem {
    /// A refusal with this status.
    pub fn new(status: StatusCode) -> Self {
        Problem { status, detail: None, fields: Vec::new() }
    }

    /// Adds what the client can do about it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Text>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a field and what is wrong with it.
    #[must_use]
    pub fn field(mut self, field: impl Into<Text>, message: impl Into<Text>) -> Self {
        self.fields.push((field.into(), message.into()));
        self
    }

    fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    /// Each refused field and what is wrong with it, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(field, message)| (field.as_ref(), message.as_ref()))
    }

    /// As a problem document.
    pub fn to_json(&self) -> Value {
        let mut document = Map::new();
        document.insert("title".to_owned(), json!(self.title()));
        document.insert("status".to_owned(), json!(self.status.as_u16()));
        if let Some(detail) = &self.detail {
            document.insert("detail".to_owned(), json!(detail));
        }
        if !self.fields.is_empty() {
            let mut errors = Map::new();
            for (field, message) in &self.fields {
                if let Value::Array(list) = errors.entry(field.as_ref()).or_insert_with(|| json!([])) {
                    list.push(json!(message));
                }
            }
            document.insert("errors".to_owned(), Value::Object(errors));
        }
        Value::Object(document)
    }

    /// As text: the title, and below it the detail and a line for each field.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.title());
        if self.detail.is_some() || !self.fields.is_empty() {
            text.push('\n');
        }
        if let Some(detail) = &self.detail {
            let _ = writeln!(text, "{detail}");
        }
        for (field, message) in &self.fields {
            let _ = writeln!(text, "{field}: {message}");
        }
        text
    }

    /// Puts this in place of the body, in the form that the request's headers ask for.
    pub(crate) fn put_into(&self, response: &mut Response, wish: Wish) {
        let (kind, body) = match wish {
            Wish::Text => ("text/plain; charset=utf-8", self.to_text()),
            Wish::Json => ("application/problem+json", self.to_json().to_string()),
        };
        let headers = response.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.append(VARY, HeaderValue::from_static("accept"));
        *response.body_mut() = body.into();
    }
}

/// Plain text, until the project's own layer, which knows the request, puts the wished form in its place.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_text()).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The form in which a client wishes to hear of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Json,
    Text,
}

impl Wish {
    /// Text for who accepts some text and does not like JSON better; JSON for programs, which often say nothing.
    pub(crate) fn of(accept: &[HeaderValue]) -> Self {
        let (mut json, mut text) = (None, None);
        for range in accept.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            let best = match kind.split_once('/') {
                Some(("text", _)) => &mut text,
                Some(("application", sub)) if sub == "json" || sub.ends_with("+json") => &mut json,
                _ => continue,
            };
            *best = Some(f32::max(quality, best.unwrap_or(0.0)));
        }
        match (json, text) {
            (None, Some(text)) if text > 0.0 => Wish::Text,
            (Some(json), Some(text)) if text > json => Wish::Text,
            _ => Wish::Json,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_the_one_that_accept_likes_best() {
        let table = [
            ("", Wish::Json),
            ("*/*", Wish::Json),
            ("application/json", Wish::Json),
            ("application/problem+json", Wish::Json),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Wish::Text),
            ("text/plain", Wish::Text),
            ("text/*;q=0.5, application/json", Wish::Json),
            ("application/json;q=0.5, text/plain;q=0.9", Wish::Text),
            ("text/html;q=0", Wish::Json),
            ("nonsense;;q=x", Wish::Json),
        ];
        for (accept, wish) in table {
            assert_eq!(Wish::of(&[HeaderValue::from_static(accept)]), wish, "{accept}");
        }
        assert_eq!(Wish::of(&[]), Wish::Json);
    }

    #[test]
    fn two_messages_about_one_field_stand_in_one_list() {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY).field("code", "is long").field("code", "is odd");
        assert_eq!(
            problem.to_json(),
            json!({"title": "Unprocessable Entity", "status": 422, "errors": {"code": ["is long", "is odd"]}})
        );
    }
}
