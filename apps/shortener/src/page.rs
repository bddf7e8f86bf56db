//! The pages.

use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{Environment, context};
use nuages::web::axum::response::Html;
use nuages::web::{Error, Origin, Result};
use serde::Serialize;

use crate::models::Link;
use crate::views::Shown;

/// The templates, escaped as HTML after their names.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    for (name, source) in [
        ("base.html", include_str!("../templates/base.html")),
        ("index.html", include_str!("../templates/index.html")),
        ("not_found.html", include_str!("../templates/not_found.html")),
    ] {
        // They are compiled in, and the tests render each of them.
        if let Err(error) = templates.add_template(name, source) {
            tracing::error!(%error, "template cannot be read");
        }
    }
    templates
});

/// What the page with the form shows.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Page {
    /// Host and port of short links.
    here: String,
    latest: Vec<Shown>,
    /// The link that was just made.
    pub(crate) made: Option<Shown>,
    /// What stands in the form.
    pub(crate) url: String,
    pub(crate) code: String,
    /// What is wrong with it.
    url_error: String,
    code_error: String,
}

impl Page {
    pub(crate) fn new(here: &Origin, latest: Vec<Link>) -> Self {
        let latest = latest.into_iter().map(|link| Shown::new(link, here)).collect();
        Page { here: here.authority().to_owned(), latest, ..Page::default() }
    }

    /// Says beside each field what is wrong with it.
    pub(crate) fn refuse(&mut self, error: &Error) {
        for (field, message) in error.problem().fields() {
            match field {
                "code" => self.code_error = message.to_owned(),
                _ => self.url_error = message.to_owned(),
            }
        }
    }

    pub(crate) fn render(&self) -> Result<Html<String>> {
        let page = TEMPLATES.get_template("index.html").and_then(|template| template.render(Serde(self)));
        page.map(Html).map_err(Error::other)
    }
}

/// The page for a link that there is not.
pub(crate) fn not_found() -> Result<Html<String>> {
    let page = TEMPLATES.get_template("not_found.html").and_then(|template| template.render(context! {}));
    page.map(Html).map_err(Error::other)
}
