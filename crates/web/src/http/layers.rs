//! What stands around every handler.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use nuages_orm::Db;
use tracing::Instrument;

use super::problem::{Problem, Wish};
use crate::site::Site;

/// Puts everything around the apps' routes: one layer, because each costs a box and a clone on every request.
pub(crate) fn around(routes: Router<Site>, site: &Site) -> Router {
    let limit = site.settings().request_timeout;
    routes
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(DefaultBodyLimit::max(site.settings().body_limit_bytes))
        .layer(from_fn(move |request, next| attend(limit, request, next)))
        .with_state(site.clone())
}

/// Names the request in everything that is logged meanwhile, by its route, not by its address, which is the user's;
/// logs how it ended; and brings a refusal into the form that the client wishes.
async fn attend(limit: Duration, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    let span = tracing::info_span!("request", method = %request.method(), route);
    let accept: Vec<HeaderValue> = request.headers().get_all(ACCEPT).iter().cloned().collect();
    let mut response = answer(limit, request, next).instrument(span.clone()).await;

    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let wish = Wish::of(&accept);
        match response.extensions_mut().remove::<Problem>() {
            Some(problem) => problem.put_into(&mut response, wish),
            // A bare status, by axum or by `answer`: no such route, wrong method, too long, too late.
            None if response.body().size_hint().exact() == Some(0)
                && !response.headers().contains_key(CONTENT_TYPE) =>
            {
                Problem::new(status).put_into(&mut response, wish);
            }
            None => {}
        }
    }
    tracing::debug!(target: "nuages_web::request", parent: &span, status = status.as_u16(), elapsed = ?start.elapsed(), "answered");
    response
}

/// The handler's answer: 503 if it takes too long, 500 if it panics. A request that has written reads from the primary
/// from then on, not from a replica that may lag behind.
async fn answer(limit: Duration, request: Request, next: Next) -> Response {
    // What a panic leaves behind is dropped with the request.
    let work = Db::scope(AssertUnwindSafe(next.run(request)).catch_unwind());
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            // The panic itself went to stderr, by the standard library's hook.
            tracing::error!("a handler panicked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => {
            tracing::warn!(?limit, "a request took too long and is given up");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
