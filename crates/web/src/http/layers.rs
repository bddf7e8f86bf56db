//! What stands around every handler.

use std::convert::Infallible;
use std::future::{Ready, ready};
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
use futures_util::future::Either;
use nuages_orm::Db;
use nuages_orm::db::{Meter, Metered, Scoped};
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Span;

use super::problem::{Problem, Wish};
use super::slow::Slow;
use crate::site::Site;

/// Puts everything around the apps' routes: one layer, because each costs a box and a clone on every request.
pub(crate) fn around(routes: Router<Site>, site: &Site) -> Router {
    let settings = site.settings();
    let (limit, slow) = (settings.request_timeout, settings.slow_request);
    let attend = Attend { limit, slow, body: DefaultBodyLimit::max(settings.body_limit_bytes) };
    routes.fallback(async || StatusCode::NOT_FOUND).layer(attend).with_state(site.clone())
}

/// What stands around every handler.
#[derive(Clone)]
struct Attend {
    limit: Duration,
    /// From which time on a request is logged.
    slow: Option<Duration>,
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

impl<S> Service<Request> for Attended<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Answering<S::Future> {
        if !request.body().is_end_stream() {
            self.with.body.apply(&mut request);
        }
        let start = Instant::now();
        let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
        // By its route, not by its address, which is the user's.
        let span = tracing::info_span!("request", method = %request.method(), route);
        let accept = request.headers().get_all(ACCEPT).iter().cloned().collect();
        // What a panic leaves behind is dropped with the request.
        let work = match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
            Ok(work) => Either::Left(work),
            Err(_) => Either::Right(ready(Ok(panicked()))),
        };
        let (limit, late) = (self.with.limit, tokio::time::sleep(self.with.limit));
        let slow = self.with.slow.map(|limit| (limit, Meter::default()));
        let work = match &slow {
            Some((_, meter)) => Either::Left(meter.watch(Db::scope(work))),
            None => Either::Right(Db::scope(work)),
        };
        Answering { work, late, limit, slow, start, span, accept }
    }
}

type Answer = Result<Response, Infallible>;
type Work<F> = Scoped<Either<F, Ready<Answer>>>;

pin_project! {
    /// The answer to a request: 503 if it takes too long, 500 if the handler panics. A request that has written reads from
    /// the primary from then on, not from a replica that may lag behind.
    ///
    /// Written by hand, because it is made, moved into a box and dropped for each request.
    struct Answering<F> {
        #[pin]
        work: Either<Metered<Work<F>>, Work<F>>,
        #[pin]
        late: Sleep,
        limit: Duration,
        // From which time on it is logged, and what it asks of databases meanwhile.
        slow: Option<(Duration, Meter)>,
        start: Instant,
        span: Span,
        accept: Vec<HeaderValue>,
    }
}

impl<F: Future<Output = Answer>> Future for Answering<F> {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let this = self.project();
        // Names the request in everything that is logged meanwhile.
        let _entered = this.span.enter();
        let mut response = match catch_unwind(AssertUnwindSafe(|| this.work.poll(context))) {
            Ok(Poll::Ready(Ok(response))) => response,
            Err(_) => panicked(),
            Ok(Poll::Pending) if this.late.poll(context).is_ready() => {
                tracing::warn!(limit = ?this.limit, "a request took too long and is given up");
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            Ok(Poll::Pending) => return Poll::Pending,
        };
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            explain(&mut response, Wish::of(this.accept));
        }
        let elapsed = this.start.elapsed();
        tracing::debug!(target: "nuages_web::request", status = status.as_u16(), ?elapsed, "answered");
        if let Some((limit, meter)) = this.slow
            && elapsed >= *limit
        {
            tracing::warn!(target: "nuages_web::slow", "{}", Slow { status, elapsed, tally: meter.read() });
        }
        Poll::Ready(Ok(response))
    }
}

/// Brings a refusal into the form that the client wishes.
fn explain(response: &mut Response, wish: Wish) {
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem.put_into(response, wish),
        // A bare status, by axum or by `Answering`: no such route, wrong method, too long, too late.
        None if response.body().size_hint().exact() == Some(0) && !response.headers().contains_key(CONTENT_TYPE) => {
            Problem::new(response.status()).put_into(response, wish);
        }
        None => {}
    }
}

/// The panic itself went to stderr, by the standard library's hook.
fn panicked() -> Response {
    tracing::error!("a handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
