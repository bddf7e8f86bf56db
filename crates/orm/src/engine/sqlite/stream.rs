//! Queries read chunk by chunk.
//!
//! Outside transactions each has a thread and a connection of its own, so that a slow reader holds up nobody else.
//! Inside one, the writer thread reads on when asked, and does what else the transaction asks in between.

use std::sync::Arc;

use crossbeam_channel::Sender;
use tokio::sync::mpsc;

use super::writer::{Command, Session};
use super::{Engine, File, Purpose, ReadJob, Worker, bind, failure, spawn, stopped};
use crate::db::Statement;
use crate::error::{Error, ErrorKind, Result};
use crate::row::{Row, Source};

/// Streams open at a time: each is a thread and a connection.
pub(super) const STREAMS: usize = 64;

/// A query being read chunk by chunk.
pub(crate) struct Chunks<T> {
    rows: mpsc::UnboundedReceiver<Result<Vec<T>>>,
    /// Asks for the next chunk, unless nobody has to be asked.
    demand: Option<Demand>,
    first: bool,
}

/// Where to ask for a chunk.
enum Demand {
    Thread(std::sync::mpsc::Sender<()>),
    Session(Sender<Command>, u64),
}

impl<T: Send + 'static> Chunks<T> {
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<T>>> {
        // The first chunk comes unasked.
        if !std::mem::take(&mut self.first) {
            match &self.demand {
                Some(Demand::Thread(thread)) => drop(thread.send(())),
                Some(Demand::Session(session, number)) => drop(session.send(Command::More(*number))),
                None => {}
            }
        }
        self.rows.recv().await.transpose()
    }
}

impl<T> Chunks<T> {
    pub(crate) fn close(&self) {
        if let Some(Demand::Session(session, number)) = &self.demand {
            let _ = session.send(Command::Stop(*number));
        }
    }
}

impl Engine {
    /// Starts a thread that reads the rows; in memory, reads them all.
    pub(crate) async fn stream<T, F>(&self, statement: Statement, chunk: usize, mut read: F) -> Result<Chunks<T>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (sender, rows) = mpsc::unbounded_channel();
        if matches!(self.place.file, File::Nameless(_)) {
            // No other connection can be opened.
            let job = ReadJob::Run(Box::new(move |worker: &Worker| {
                worker.stream(&statement, chunk, &mut read, &sender, &mut || true);
            }));
            self.readers.send(job).map_err(|_| stopped())?;
            return Ok(Chunks { rows, demand: None, first: true });
        }
        let permit = tokio::time::timeout(self.wait, Arc::clone(&self.streams).acquire_owned());
        let permit = permit.await.map_err(|_| {
            Error::new(
                ErrorKind::Timeout,
                format!("{STREAMS} streams are open already, and none was read to its end within {:?}", self.wait),
            )
        })?;
        let (demand, asked) = std::sync::mpsc::channel();
        let place = Arc::clone(&self.place);
        spawn("nuages-sqlite-stream", move || {
            let _permit = permit;
            match Worker::open(&place, Purpose::Streaming) {
                Ok(worker) => worker.stream(&statement, chunk, &mut read, &sender, &mut || asked.recv().is_ok()),
                Err(error) => drop(sender.send(Err(error))),
            }
        })?;
        Ok(Chunks { rows, demand: Some(Demand::Thread(demand)), first: true })
    }
}

impl Session {
    /// Reads rows on the transaction's connection.
    pub(crate) async fn stream<T, F>(&self, statement: Statement, chunk: usize, mut read: F) -> Result<Chunks<T>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (sender, rows) = mpsc::unbounded_channel();
        let number = self.next_stream();
        let work = move |worker: Result<&Worker>, more: &mut dyn FnMut() -> bool| match worker {
            Ok(worker) => worker.stream(&statement, chunk, &mut read, &sender, more),
            Err(error) => drop(sender.send(Err(error))),
        };
        self.commands.send(Command::Stream(number, Box::new(work))).map_err(|_| stopped())?;
        Ok(Chunks { rows, demand: Some(Demand::Session(self.commands.clone(), number)), first: true })
    }
}

impl Worker {
    /// Sends chunk after chunk as long as `more` says so.
    fn stream<T>(
        &self,
        statement: &Statement,
        chunk: usize,
        read: &mut impl FnMut(&mut Row<'_>) -> Result<T>,
        sender: &mpsc::UnboundedSender<Result<Vec<T>>>,
        more: &mut dyn FnMut() -> bool,
    ) {
        if let Err(error) = self.try_stream(statement, chunk, read, sender, more) {
            let _ = sender.send(Err(error));
        }
    }

    fn try_stream<T>(
        &self,
        statement: &Statement,
        chunk: usize,
        read: &mut impl FnMut(&mut Row<'_>) -> Result<T>,
        sender: &mpsc::UnboundedSender<Result<Vec<T>>>,
        more: &mut dyn FnMut() -> bool,
    ) -> Result<()> {
        let driver = |error| failure::of(&error);
        let mut prepared = self.connection.prepare_cached(&statement.sql).map_err(driver)?;
        bind::bind(&mut prepared, &statement.params)?;
        let mut rows = prepared.raw_query();
        loop {
            let mut found = Vec::with_capacity(chunk.min(1024));
            // The clock runs for each chunk, not while somebody looks at one.
            let limit = self.limit();
            while found.len() < chunk
                && let Some(row) = rows.next().map_err(driver)?
            {
                found.push(read(&mut Row::new(Source::Sqlite(row)))?);
            }
            drop(limit);
            let full = found.len() == chunk;
            if !found.is_empty() && sender.send(Ok(found)).is_err() {
                return Ok(());
            }
            if !full || !more() {
                return Ok(());
            }
        }
    }
}
