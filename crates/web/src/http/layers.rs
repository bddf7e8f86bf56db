//! What stands around every handler.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use nuages_orm::Db;
use tower_layer::Layer;
use tower_service::Service;
use tracing::{Instrument, Span};

use super::problem::{Problem, Wish};
use crate::site::Site;

/// Puts everything around the apps' routes: one layer, because each costs a box and a clone on every request.
pub(crate) fn around(routes: Router<Site>, site: &Site) -> Router {
    let settings = site.settings();
    let attend = Attend { limit: settings.request_timeout, body: DefaultBodyLimit::max(settings.body_limit_bytes) };
    routes.fallback(async || StatusCode::NOT_FOUND).layer(attend).with_state(site.clone())
}

/// What stands around every handler.
#[derive(Clone)]
struct Attend {
    limit: Duration,
    body: DefaultBodyLimit,
}

/// A handler with all that stands around it.
#[derive(Clone)]
struct Attended<S> {
    inner: S,
    with: Attend,
}

impl<S> Layer<S> for Attend {
    type Service = Attended<S>;

    fn layer(&self, inner: S) -> Attended<S> {
        Attended { inner, with: self.clone() }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl<S> Service<Request> for Attended<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Answering {
        self.with.body.apply(&mut request);
        let start = Instant::now();
        let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
        let span = tracing::info_span!("request", method = %request.method(), route);
        let accept: Vec<HeaderValue> = request.headers().get_all(ACCEPT).iter().cloned().collect();
        // What a panic leaves behind is dropped with the request.
        match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
            Ok(work) => Box::pin(attend(self.with.limit, work, start, span, accept)),
            Err(_) => {
                let work = std::future::ready(Ok(panicked()));
                Box::pin(attend(self.with.limit, work, start, span, accept))
            }
        }
    }
}

/// Names the request in everything that is logged meanwhile, by its route, not by its address, which is the user's;
/// logs how it ended; and brings a refusal into the form that the client wishes.
async fn attend(
    limit: Duration,
    work: impl Future<Output = Result<Response, Infallible>>,
    start: Instant,
    span: Span,
    accept: Vec<HeaderValue>,
) -> Result<Response, Infallible> {
    let mut response = answer(limit, work).instrument(span.clone()).await;

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
    Ok(response)
}

/// The handler's answer: 503 if it takes too long, 500 if it panics. A request that has written reads from the primary
/// from then on, not from a replica that may lag behind.
async fn answer(limit: Duration, work: impl Future<Output = Result<Response, Infallible>>) -> Response {
    let work = Db::scope(AssertUnwindSafe(work).catch_unwind());
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Err(_)) => panicked(),
        Err(_) => {
            tracing::warn!(?limit, "a request took too long and is given up");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// The panic itself went to stderr, by the standard library's hook.
fn panicked() -> Response {
    tracing::error!("a handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
