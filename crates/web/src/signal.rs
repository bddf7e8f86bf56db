//! Being told of requests (Django's `request_started` and `request_finished`).
//!
//! ```
//! use nuages_web::signal::{Finished, Started, request_finished, request_started};
//! use nuages_web::{App, Error, Result, Site};
//!
//! async fn keep_out(_: &Site, request: &Started) -> Result<()> {
//!     match request.uri.path().starts_with("/internal/") {
//!         true => Err(Error::NotFound("there is no such page".into())),
//!         false => Ok(()),
//!     }
//! }
//!
//! async fn note(_: &Site, request: &Finished) -> Result<()> {
//!     println!("{} {} {:?}", request.started.method, request.status, request.elapsed);
//!     Ok(())
//! }
//!
//! App::new("watch").receiver(request_started(keep_out)).receiver(request_finished(note));
//! ```
//!
//! Of writes to the database, [`nuages_orm::signal`] tells. A site without receivers of requests pays nothing for them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use nuages_orm::signal::Receiver;

use crate::error::Result;
use crate::site::Site;

/// A request that found its route, before its handler is called.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Started {
    /// The method.
    pub method: Method,
    /// The path and query, as they were sent.
    pub uri: Uri,
    /// The route, such as `/posts/{id}`.
    pub route: Option<String>,
}

/// A request that was answered; its body may still be on its way.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finished {
    /// What was asked.
    pub started: Started,
    /// What it was answered with.
    pub status: StatusCode,
    /// From its arrival at the router to the answer's head.
    pub elapsed: Duration,
}

/// An async function of the site and an event `E`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not receive `{E}`",
    note = "a receiver of requests is an `async fn(&Site, …) -> Result<()>` whose future is `Send`, with `&Started` or `&Finished` as second parameter"
)]
pub trait Receive<'a, E: 'a>: Send + Sync {
    /// The function's future.
    type Answer: Future<Output = Result<()>> + Send + 'a;

    /// Calls it.
    fn receive(&self, site: &'a Site, event: E) -> Self::Answer;
}

impl<'a, E: 'a, F, A> Receive<'a, E> for F
where
    F: Fn(&'a Site, E) -> A + Send + Sync,
    A: Future<Output = Result<()>> + Send + 'a,
{
    type Answer = A;

    fn receive(&self, site: &'a Site, event: E) -> A {
        self(site, event)
    }
}

type Call<E> = Arc<dyn for<'a> Fn(&'a Site, &'a E) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// A function and the part of a request that it waits for, to be given to [`App::receiver`](crate::App::receiver).
#[derive(Clone)]
pub struct RequestReceiver(When);

#[derive(Clone)]
enum When {
    Started(Call<Started>),
    Finished(Call<Finished>),
}

impl fmt::Debug for RequestReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            When::Started(_) => "request_started(…)",
            When::Finished(_) => "request_finished(…)",
        })
    }
}

/// Before the handler of a request is called. An error is the answer in its place; receivers after it are not called.
pub fn request_started(receiver: impl for<'a> Receive<'a, &'a Started> + 'static) -> RequestReceiver {
    RequestReceiver(When::Started(Arc::new(move |site, event| receiver.receive(site, event).boxed())))
}

/// After a request was answered, by its handler or by a receiver that refused it; the client waits for it. An error is
/// logged, and the answer stays what it is.
pub fn request_finished(receiver: impl for<'a> Receive<'a, &'a Finished> + 'static) -> RequestReceiver {
    RequestReceiver(When::Finished(Arc::new(move |site, event| receiver.receive(site, event).boxed())))
}

/// A receiver of writes, migrations or requests.
#[derive(Debug)]
pub struct AnyReceiver(pub(crate) Kind);

#[derive(Debug)]
pub(crate) enum Kind {
    Orm(Receiver),
    Request(RequestReceiver),
}

impl From<Receiver> for AnyReceiver {
    fn from(receiver: Receiver) -> Self {
        AnyReceiver(Kind::Orm(receiver))
    }
}

impl From<RequestReceiver> for AnyReceiver {
    fn from(receiver: RequestReceiver) -> Self {
        AnyReceiver(Kind::Request(receiver))
    }
}

/// Puts the receivers around the routes, if there are any.
pub(crate) fn around(routes: Router<Site>, receivers: Vec<RequestReceiver>, site: &Site) -> Router<Site> {
    if receivers.is_empty() {
        return routes;
    }
    let (receivers, site): (Arc<[RequestReceiver]>, Site) = (receivers.into(), site.clone());
    routes.layer(from_fn(move |request, next| send(Arc::clone(&receivers), site.clone(), request, next)))
}

async fn send(receivers: Arc<[RequestReceiver]>, site: Site, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let started = Started {
        method: request.method().clone(),
        uri: request.uri().clone(),
        route: request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()),
    };
    let response = match tell(&receivers, &site, &started).await {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let finished = Finished { started, status: response.status(), elapsed: start.elapsed() };
    for RequestReceiver(when) in receivers.iter() {
        if let When::Finished(call) = when
            && let Err(error) = call(&site, &finished).await
        {
            tracing::error!(error = error.chain(), "a receiver of request_finished failed");
        }
    }
    response
}

async fn tell(receivers: &[RequestReceiver], site: &Site, started: &Started) -> Result<()> {
    for RequestReceiver(when) in receivers {
        if let When::Started(call) = when {
            call(site, started).await?;
        }
    }
    Ok(())
}
