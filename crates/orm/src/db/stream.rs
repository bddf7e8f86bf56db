//! Rows that arrive in chunks, for answers that memory should not hold at once.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_core::Stream;
use futures_util::stream;

use super::capture::Watch;
use super::transaction::Level;
use super::{Db, Statement};
use crate::engine;
use crate::error::{Error, Result};
use crate::row::Row;

impl Db {
    /// Sends a query and reads its rows chunk by chunk, as they are asked for; nothing is sent before the first is.
    ///
    /// At most three chunks are held at a time: one being used, one waiting, one being read. Outside transactions all
    /// rows are of one moment; on PostgreSQL a connection is held until the stream is read or dropped. Dropping it
    /// frees all that it holds. Of `sqlite::memory:` all rows are read at once: they are in memory anyway.
    pub(crate) fn stream<T, F>(
        &self,
        statement: Statement,
        chunk: usize,
        read: F,
    ) -> impl Stream<Item = Result<T>> + Send + use<T, F>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let start = State::New { statement, chunk: chunk.max(1), read };
        stream::unfold((self.clone(), start), |(db, state)| async move {
            let mut running = match state {
                State::New { statement, chunk, read } => match Running::start(&db, statement, chunk, read).await {
                    Ok(running) => running,
                    Err(error) => return Some((Err(db.failed(error)), (db, State::Done))),
                },
                State::Running(running) => running,
                State::Done => return None,
            };
            match running.next().await {
                Ok(Some(item)) => Some((Ok(item), (db, State::Running(running)))),
                Ok(None) => None,
                Err(error) => Some((Err(db.failed(error)), (db, State::Done))),
            }
        })
    }
}

enum State<T, F> {
    New { statement: Statement, chunk: usize, read: F },
    Running(Running<T, F>),
    Done,
}

struct Running<T, F> {
    chunks: engine::Chunks<T, F>,
    waiting: VecDeque<T>,
    level: Option<Arc<Level>>,
    watch: Option<Watch>,
    rows: u64,
}

impl<T, F> Running<T, F>
where
    F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    async fn start(db: &Db, statement: Statement, chunk: usize, read: F) -> Result<Self> {
        let watch = Watch::start(&statement);
        let chunks = match &db.level {
            Some(level) => level.session()?.stream(statement, chunk, read).await,
            None => db.pool.engine(&statement).stream(statement, chunk, read).await,
        };
        match chunks {
            Ok(chunks) => {
                Ok(Running { chunks, waiting: VecDeque::new(), level: db.level.clone(), watch: Some(watch), rows: 0 })
            }
            Err(error) => {
                watch.end(Err(&error));
                Err(error)
            }
        }
    }

    async fn next(&mut self) -> Result<Option<T>> {
        if self.waiting.is_empty() {
            if let Some(level) = &self.level {
                level.session()?;
            }
            match self.chunks.next().await {
                Ok(chunk) => self.waiting = chunk.unwrap_or_default().into(),
                Err(error) => {
                    self.note(Err(&error));
                    return Err(error);
                }
            }
            self.rows += self.waiting.len() as u64;
        }
        Ok(self.waiting.pop_front())
    }
}

impl<T, F> Running<T, F> {
    fn note(&mut self, rows: Result<u64, &Error>) {
        if let Some(watch) = self.watch.take() {
            watch.end(rows);
        }
    }
}

impl<T, F> Drop for Running<T, F> {
    fn drop(&mut self) {
        self.note(Ok(self.rows));
        // A savepoint or transaction that has ended took its cursors with it.
        if self.level.as_ref().is_some_and(|level| level.session().is_ok()) {
            self.chunks.close();
        }
    }
}
