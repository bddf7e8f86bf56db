//! The handlers.

use nuages::prelude::*;
use nuages::web::axum::extract::{Form, Path, Query};
use nuages::web::axum::http::header::LOCATION;
use nuages::web::axum::http::{HeaderValue, Method, StatusCode};
use nuages::web::axum::response::{Html, IntoResponse, Redirect, Response};
use nuages::web::{Error, Json, Origin, Result};
use serde::{Deserialize, Serialize};

use crate::clicks::Clicks;
use crate::code;
use crate::make::{Maker, NewLink};
use crate::models::Link;
use crate::page::{self, Page};

/// How many links the page shows.
const LATEST: u64 = 10;

/// What a link is made from, as JSON and as a form. A misspelt `code` must not make a link with another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    url: Option<String>,
    code: Option<String>,
}

impl Wish {
    fn new_link(&self) -> NewLink<'_> {
        NewLink { url: self.url.as_deref().unwrap_or_default(), code: self.code.as_deref() }
    }
}

/// A link as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    code: String,
    short_url: String,
    url: String,
    clicks: i64,
    created_at: String,
}

impl Shown {
    pub(crate) fn new(link: Link, here: &Origin) -> Self {
        let code = link.code.unwrap_or_default();
        Shown {
            short_url: format!("{}/{code}", here.as_str()),
            code,
            url: link.url,
            clicks: link.clicks,
            created_at: link.created_at.to_string(),
        }
    }
}

/// `POST /api/links`
pub(crate) async fn create(
    db: Db,
    maker: Shared<Maker>,
    here: Origin,
    Json(wish): Json<Wish>,
) -> Result<impl IntoResponse> {
    let new = wish.new_link();
    new.check(&here).map_err(Error::Invalid)?;
    let shown = Shown::new(maker.make(&db, new).await?, &here);
    let place = format!("/api/links/{}", shown.code);
    Ok((StatusCode::CREATED, [(LOCATION, place)], Json(shown)))
}

/// `GET /api/links/{code}`
pub(crate) async fn show(clicks: Shared<Clicks>, here: Origin, Path(code): Path<String>) -> Result<Json<Shown>> {
    match find(&clicks, &code).await? {
        Some(link) => Ok(Json(Shown::new(link, &here))),
        None => Err(Error::NotFound("there is no such link".into())),
    }
}

/// `GET /{code}` and `HEAD /{code}`
pub(crate) async fn follow(
    db: Db,
    clicks: Shared<Clicks>,
    method: Method,
    Path(code): Path<String>,
) -> Result<Response> {
    if !code::is_possible(&code) {
        return nowhere();
    }
    let found = Link::objects().filter(|link| link.code().eq(code.as_str())).values(|link| (link.id(), link.url()));
    let Some((id, url)) = found.first(&db).await? else { return nowhere() };
    let place = HeaderValue::from_bytes(url.as_bytes()).map_err(Error::other)?;
    // A HEAD asks where a link leads, as previews and checkers do, and does not go there.
    if method == Method::GET {
        clicks.count(id).await?;
    }
    Ok((StatusCode::FOUND, [(LOCATION, place)]).into_response())
}

fn nowhere() -> Result<Response> {
    Ok((StatusCode::NOT_FOUND, page::not_found()?).into_response())
}

/// What the address of the page may say: the link that was just made.
#[derive(Debug, Deserialize)]
pub(crate) struct Made {
    made: Option<String>,
}

/// `GET /`
pub(crate) async fn index(
    clicks: Shared<Clicks>,
    here: Origin,
    Query(Made { made }): Query<Made>,
) -> Result<Html<String>> {
    let made = match &made {
        Some(code) => find(&clicks, code).await?,
        None => None,
    };
    let mut page = Page::new(&here, latest(&clicks).await?);
    page.made = made.map(|link| Shown::new(link, &here));
    page.render()
}

/// `POST /`: the form. After a link is made the page is shown under an address of its own, so that loading it again
/// makes no second link.
pub(crate) async fn submit(
    db: Db,
    maker: Shared<Maker>,
    clicks: Shared<Clicks>,
    here: Origin,
    Form(mut wish): Form<Wish>,
) -> Result<Response> {
    for field in [&mut wish.url, &mut wish.code] {
        *field = field.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    }
    let new = wish.new_link();
    let made = match new.check(&here) {
        Ok(()) => maker.make(&db, new).await,
        Err(refused) => Err(Error::Invalid(refused)),
    };
    let error = match made {
        Ok(link) => {
            let place = format!("/?made={}", link.code.unwrap_or_default());
            return Ok(Redirect::to(&place).into_response());
        }
        Err(error @ (Error::Invalid(_) | Error::Conflict { .. })) => error,
        Err(error) => return Err(error),
    };
    let mut page = Page::new(&here, latest(&clicks).await?);
    page.url = wish.url.unwrap_or_default();
    page.code = wish.code.unwrap_or_default();
    page.refuse(&error);
    Ok((error.status(), page.render()?).into_response())
}

async fn find(clicks: &Clicks, code: &str) -> Result<Option<Link>> {
    if !code::is_possible(code) {
        return Ok(None);
    }
    let query = Link::objects().filter(|link| link.code().eq(code));
    Ok(clicks.links(query).await?.pop())
}

async fn latest(clicks: &Clicks) -> Result<Vec<Link>> {
    clicks.links(Link::objects().limit(LATEST)).await
}
