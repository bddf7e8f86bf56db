//! Many rows by one statement that is prepared once and run for each.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::Sender;
use tokio::sync::oneshot;

use super::writer::{Command, Session};
use super::{Worker, bind, failure, stopped};
use crate::db::{Done, Fill, Rows, UpsertEach};
use crate::error::Result;
use crate::row::{Row, Source};

/// Rows being inserted piece by piece: the writer works on one while the next is made.
pub(crate) struct Filling {
    commands: Sender<Command>,
    sql: Arc<str>,
    /// Rows of the pieces before the one that is running.
    sent: u64,
    changed: u64,
    running: Option<oneshot::Receiver<Result<u64>>>,
}

impl Session {
    pub(crate) fn fill(&self, fill: &Fill) -> Filling {
        let commands = self.commands.clone();
        Filling { commands, sql: fill.insert.as_str().into(), sent: 0, changed: 0, running: None }
    }

    pub(crate) async fn fetch_each<T, F>(&self, sql: String, rows: Rows, mut read: F) -> Result<Vec<T>>
    where
        F: FnMut(usize, &mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.run(move |worker| {
            let mut found = Vec::with_capacity(rows.count);
            worker.run_each(&sql, &rows, 0, |place, row| {
                found.push(read(place, row)?);
                Ok(())
            })?;
            Ok(found)
        })
        .await
    }
}

impl Filling {
    pub(crate) async fn send(&mut self, rows: Rows) -> Result<()> {
        self.settle().await?;
        let (reply, answer) = oneshot::channel();
        let (sql, before) = (Arc::clone(&self.sql), self.sent);
        self.sent += rows.count as u64;
        let command = Command::Run(Box::new(move |worker| {
            // What was given up before it began has no effect.
            if !reply.is_closed() {
                let _ = reply.send(worker.and_then(|worker| worker.run_each(&sql, &rows, before, |_, _| Ok(()))));
            }
        }));
        self.commands.send(command).map_err(|_| stopped())?;
        self.running = Some(answer);
        Ok(())
    }

    pub(crate) async fn finish(&mut self) -> Result<u64> {
        self.settle().await?;
        Ok(self.changed)
    }

    /// Waits for the piece that is running.
    async fn settle(&mut self) -> Result<()> {
        if let Some(running) = self.running.take() {
            self.changed += running.await.map_err(|_| stopped())??;
        }
        Ok(())
    }
}

impl Worker {
    /// Runs a statement for each row, passes what it answers to `visit` with the row's place, and says how many rows it
    /// changed. The limit of time is that of all of them. An error has the row's index, counted from `before`.
    fn run_each(
        &self,
        sql: &str,
        rows: &Rows,
        before: u64,
        mut visit: impl FnMut(usize, &mut Row<'_>) -> Result<()>,
    ) -> Result<u64> {
        let driver = |error| failure::of(&error);
        let mut prepared = self.connection.prepare_cached(sql).map_err(driver)?;
        let _limit = self.limit();
        let mut changed = 0;
        for (place, values) in rows.iter().enumerate() {
            let mut run = || {
                bind::bind(&mut prepared, values)?;
                let total = self.connection.total_changes();
                let mut answers = prepared.raw_query();
                while let Some(row) = answers.next().map_err(driver)? {
                    visit(place, &mut Row::new(Source::Sqlite(row)))?;
                }
                drop(answers);
                // `changes` keeps its figure over a statement that changed nothing.
                changed += if self.connection.total_changes() == total { 0 } else { self.connection.changes() };
                Ok(())
            };
            run().map_err(|error: crate::Error| error.at_index(before + place as u64))?;
        }
        Ok(changed)
    }
}

impl Session {
    /// Runs an upsert for each row, and says what became of each; `read` is called with the row that it, or else `there`,
    /// answers with.
    pub(crate) async fn upsert_each<T, F>(&self, upsert: UpsertEach, mut read: F) -> Result<Vec<(Done, Option<T>)>>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.run(move |worker| worker.upsert_each(&upsert, &mut read)).await
    }
}

impl Worker {
    fn upsert_each<T>(
        &self,
        upsert: &UpsertEach,
        read: &mut impl FnMut(&mut Row<'_>) -> Result<T>,
    ) -> Result<Vec<(Done, Option<T>)>> {
        let driver = |error| failure::of(&error);
        let prepare = |sql: &str| self.connection.prepare_cached(sql).map_err(driver);
        let mut prepared = prepare(&upsert.sql)?;
        let mut there = match &upsert.there {
            Some((sql, places)) => Some((prepare(sql)?, places)),
            None => None,
        };
        let _limit = self.limit();
        let mut found = Vec::with_capacity(upsert.rows.count);
        for (place, values) in upsert.rows.iter().enumerate() {
            let mut run = || {
                bind::bind(&mut prepared, values)?;
                self.updated.store(false, Ordering::Relaxed);
                let total = self.connection.total_changes();
                let mut row = None;
                let mut answers = prepared.raw_query();
                while let Some(answer) = answers.next().map_err(driver)? {
                    row = Some(read(&mut Row::new(Source::Sqlite(answer)))?);
                }
                drop(answers);
                let done = match (self.connection.total_changes() == total, self.updated.load(Ordering::Relaxed)) {
                    (true, _) => Done::Unchanged,
                    (false, true) => Done::Updated,
                    (false, false) => Done::Inserted,
                };
                if let (Done::Unchanged, Some((there, places))) = (done, &mut there) {
                    let values: Vec<_> = places.iter().filter_map(|place| values.get(*place).cloned()).collect();
                    bind::bind(there, &values)?;
                    let mut answers = there.raw_query();
                    if let Some(answer) = answers.next().map_err(driver)? {
                        row = Some(read(&mut Row::new(Source::Sqlite(answer)))?);
                    }
                }
                Ok((done, row))
            };
            found.push(run().map_err(|error: crate::Error| error.at_index(place as u64))?);
        }
        Ok(found)
    }
}
