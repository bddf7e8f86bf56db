//! Who has written, and so must not be answered by a replica that does not know it yet.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;

use super::Db;

tokio::task_local! {
    static HAS_WRITTEN: Cell<bool>;
}

impl Db {
    /// Runs a future, such as the answer to one request, so that it reads what it wrote: after its first statement that
    /// may write, all it reads comes from the primary.
    ///
    /// Outside any scope, statements that read may go to a replica always. Tasks that the future spawns are outside it.
    pub fn scope<F: Future>(future: F) -> Scoped<F> {
        Scoped { inner: HAS_WRITTEN.scope(Cell::new(false), future) }
    }
}

pin_project! {
    /// A future that reads what it wrote: see [`Db::scope`].
    #[derive(Debug)]
    pub struct Scoped<F> {
        #[pin]
        inner: TaskLocalFuture<Cell<bool>, F>,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(context)
    }
}

/// Takes note that this task has written.
pub(super) fn note_write() {
    let _ = HAS_WRITTEN.try_with(|written| written.set(true));
}

/// Whether this task has written, in a scope.
pub(super) fn has_written() -> bool {
    HAS_WRITTEN.try_with(Cell::get).unwrap_or(false)
}

/// The future as part of this task's scope, though another task runs it.
pub(super) async fn inherit<T>(written: bool, future: impl Future<Output = T>) -> T {
    HAS_WRITTEN.scope(Cell::new(written), future).await
}
