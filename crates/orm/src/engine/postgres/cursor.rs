//! Server-side cursors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;

use super::connection::Connection;
use super::{Begin, Engine, Session, Slot, ended};
use crate::db::Statement;
use crate::error::Result;
use crate::row::Row;

/// A query being read chunk by chunk.
pub(crate) struct Chunks<F> {
    holder: Holder,
    name: String,
    chunk: usize,
    read: F,
    done: bool,
}

/// Whose connection it is.
enum Holder {
    /// The cursor's alone, in a transaction of its own.
    Own(Session),
    /// That of a running transaction.
    Shared(Slot),
}

impl Holder {
    fn connection(&self) -> Result<Arc<Connection>> {
        match self {
            Holder::Own(session) => session.connection(),
            Holder::Shared(slot) => super::held(slot).ok_or_else(ended),
        }
    }
}

impl Engine {
    /// Opens a cursor on a connection of its own.
    pub(crate) async fn stream<F>(&self, statement: Statement, chunk: usize, read: F) -> Result<Chunks<F>> {
        let session = self.begin(&Begin { isolation: None, read_only: true, foreign_keys: true }).await?;
        Chunks::open(Holder::Own(session), statement, chunk, read).await
    }
}

impl Session {
    /// Opens a cursor in the transaction.
    pub(crate) async fn stream<F>(&self, statement: Statement, chunk: usize, read: F) -> Result<Chunks<F>> {
        Chunks::open(Holder::Shared(Arc::clone(&self.connection)), statement, chunk, read).await
    }
}

impl<F> Chunks<F> {
    async fn open(holder: Holder, statement: Statement, chunk: usize, read: F) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("nuages_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let sql = format!("DECLARE {name} NO SCROLL CURSOR FOR {}", statement.sql);
        let connection = holder.connection()?;
        let declare = connection.prepare_once(&sql).await?;
        connection.run(&declare, &statement.params).await?;
        Ok(Chunks { holder, name, chunk, read, done: false })
    }

    pub(crate) async fn next<T>(&mut self) -> Result<Option<Vec<T>>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T>,
    {
        if self.done {
            return Ok(None);
        }
        let connection = self.holder.connection()?;
        let fetch = format!("FETCH {} FROM {}", self.chunk, self.name);
        let rows = connection.fetch_once(&fetch, &mut self.read).await?;
        self.done = rows.len() < self.chunk;
        if self.done
            && let Holder::Own(session) = &self.holder
        {
            session.commit().await?;
        }
        Ok((!rows.is_empty()).then_some(rows))
    }

    /// Closes the cursor of a transaction that goes on.
    pub(crate) fn close(&self) {
        // A transaction of its own is rolled back when dropped.
        if let Holder::Shared(_) = &self.holder
            && let Ok(connection) = self.holder.connection()
        {
            let _ = connection.send(&format!("CLOSE {}", self.name)).now_or_never();
        }
    }
}
