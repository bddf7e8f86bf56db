//! The layers around every handler.

use std::any::Any;
use std::time::Instant;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use nuages_orm::Db;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument;

use super::problem::{Problem, Wish};
use crate::site::Site;

/// Puts the layers around an app's routes, the last one outermost.
pub(crate) fn around(routes: Router<Site>, site: &Site) -> Router {
    let settings = site.settings();
    routes
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn(database_scope))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(settings.body_limit_bytes))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, settings.request_timeout))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(observe))
        .with_state(site.clone())
}

/// A request that has written reads from the primary from then on, not from a replica that may lag behind.
async fn database_scope(request: Request, next: Next) -> Response {
    Db::scope(next.run(request)).await
}

/// The panic itself went to stderr, by the standard library's hook.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

/// Names the request in everything that is logged meanwhile, by its route, not by its address, which is the user's;
/// logs how it ended; and brings a refusal into the form that the client wishes.
async fn observe(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    let span = tracing::info_span!("request", method = %request.method(), route);
    let accept: Vec<HeaderValue> = request.headers().get_all(ACCEPT).iter().cloned().collect();
    let mut response = next.run(request).instrument(span.clone()).await;

    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let wish = Wish::of(&accept);
        match response.extensions_mut().remove::<Problem>() {
            Some(problem) => problem.put_into(&mut response, wish),
            // A bare status, by axum or tower: no such route, wrong method, too long, too late.
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
