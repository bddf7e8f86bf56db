//! The writer thread: single statements committed in groups, and transactions that own it for a while.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use tokio::sync::oneshot;

use super::{Waiting, Worker, stopped};
use crate::db::Statement;
use crate::engine::Begin;
use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;

/// Jobs committed together at most: a bound on how long the first of them waits.
const GROUP: usize = 256;

/// Work for the writer.
pub(super) enum Job {
    Write(Box<dyn Write>),
    Begin(Opening),
    Close,
}

/// A single statement. It may run twice: again, on its own, if the group it was in could not be committed.
pub(super) trait Write: Send {
    /// Runs and keeps the answer; whether it went well.
    fn run(&mut self, worker: &Worker) -> bool;
    /// Gives the answer, or this error in its place, to who asked.
    fn reply(&mut self, refused: Option<Error>);
    /// Whether nobody waits for the answer any more.
    fn is_forsaken(&self) -> bool;
    /// Whether it must run outside any transaction.
    fn is_alone(&self) -> bool;
}

struct Single<T, W> {
    work: W,
    alone: bool,
    answer: Option<Result<T>>,
    reply: Option<oneshot::Sender<Result<T>>>,
}

impl<T: Send, W: FnMut(&Worker) -> Result<T> + Send> Write for Single<T, W> {
    fn run(&mut self, worker: &Worker) -> bool {
        let answer = catch_unwind(AssertUnwindSafe(|| (self.work)(worker))).unwrap_or_else(|_| Err(stopped()));
        self.answer.insert(answer).is_ok()
    }

    fn reply(&mut self, refused: Option<Error>) {
        let answer = refused.map(Err).or_else(|| self.answer.take());
        if let (Some(reply), Some(answer)) = (self.reply.take(), answer) {
            let _ = reply.send(answer);
        }
    }

    fn is_forsaken(&self) -> bool {
        self.reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn is_alone(&self) -> bool {
        self.alone
    }
}

/// A transaction to be started.
pub(super) struct Opening {
    begin: Begin,
    reply: oneshot::Sender<Result<Session>>,
}

impl Job {
    pub(super) fn write<T: Send + 'static>(
        alone: bool,
        work: impl FnMut(&Worker) -> Result<T> + Send + 'static,
    ) -> (Job, oneshot::Receiver<Result<T>>) {
        let (reply, answer) = oneshot::channel();
        (Job::Write(Box::new(Single { work, alone, answer: None, reply: Some(reply) })), answer)
    }

    pub(super) fn begin(begin: &Begin) -> (Job, oneshot::Receiver<Result<Session>>) {
        let (reply, answer) = oneshot::channel();
        (Job::Begin(Opening { begin: begin.clone(), reply }), answer)
    }
}

/// The writer thread's life.
pub(super) fn serve(worker: &Worker, jobs: &Receiver<Job>) {
    let mut next = jobs.recv().ok();
    while let Some(job) = next.take() {
        match job {
            Job::Close => return,
            Job::Begin(opening) => transaction(worker, opening),
            Job::Write(first) if first.is_alone() => single(worker, first),
            Job::Write(first) => {
                let mut group = vec![first];
                while group.len() < GROUP {
                    match jobs.try_recv() {
                        Ok(Job::Write(job)) if !job.is_alone() => group.push(job),
                        other => {
                            next = other.ok();
                            break;
                        }
                    }
                }
                commit_together(worker, group);
            }
        }
        if next.is_none() {
            next = jobs.recv().ok();
        }
    }
}

/// Runs one job in a transaction of its own.
fn single(worker: &Worker, mut job: Box<dyn Write>) {
    if job.is_forsaken() {
        return;
    }
    if job.is_alone() {
        job.run(worker);
        return job.reply(None);
    }
    let refused = match worker.steer("BEGIN IMMEDIATE") {
        Ok(()) if job.run(worker) => commit(worker).err(),
        Ok(()) => {
            roll_back(worker);
            None
        }
        Err(error) => Some(error),
    };
    job.reply(refused);
}

/// Runs jobs in one transaction, and answers them after the commit.
///
/// Each is a single statement, which SQLite undoes by itself if it fails. Where something of it stays all the same (`OR FAIL`,
/// or its rows were written and could not be read), all are undone and run again one by one.
fn commit_together(worker: &Worker, mut group: Vec<Box<dyn Write>>) {
    group.retain(|job| !job.is_forsaken());
    if let [_] = group.as_slice() {
        return group.into_iter().for_each(|job| single(worker, job));
    }
    let mut together = || -> Result<()> {
        worker.steer("BEGIN IMMEDIATE")?;
        for job in &mut group {
            let before = worker.connection.total_changes();
            let stays = || worker.connection.total_changes() != before || worker.connection.is_autocommit();
            if !job.run(worker) && stays() {
                return Err(Error::new(ErrorKind::Database, "a statement failed that had written something"));
            }
        }
        commit(worker)
    };
    match together() {
        Ok(()) => group.iter_mut().for_each(|job| job.reply(None)),
        // One of them made the commit fail (a deferred foreign key), ended the transaction or left something behind: only
        // that one may suffer.
        // If nobody can write at all, as another program holds the file, all are told so.
        Err(error) => {
            roll_back(worker);
            let locked = error.kind() == ErrorKind::Conflict;
            for mut job in group {
                match locked {
                    true => job.reply(Some(Error::new(ErrorKind::Conflict, error.to_string()))),
                    false => single(worker, job),
                }
            }
        }
    }
}

fn commit(worker: &Worker) -> Result<()> {
    worker.steer("COMMIT").inspect_err(|_| roll_back(worker))
}

fn roll_back(worker: &Worker) {
    // Some errors have ended the transaction already.
    if !worker.connection.is_autocommit()
        && let Err(error) = worker.steer("ROLLBACK")
    {
        tracing::error!(target: "nuages::sql", %error, "a transaction could not be rolled back");
    }
}

/// A running transaction, as its users see it: commands over a channel to the writer thread.
///
/// When the last handle is gone, so is the transaction.
pub(crate) struct Session {
    pub(super) commands: Sender<Command>,
    streams: AtomicU64,
    /// Dropped with the transaction's last handle, which interrupts a statement that still runs.
    waiting: Waiting,
}

/// What is asked of the writer thread during a transaction.
pub(super) enum Command {
    Run(Running),
    /// Reads a stream of this number; the function it is given waits, and says whether more rows are wanted.
    Stream(u64, Streaming),
    More(u64),
    Stop(u64),
    Commit(oneshot::Sender<Result<()>>),
    RollBack,
}

type Running = Box<dyn FnOnce(Result<&Worker>) + Send>;
type Streaming = Box<dyn FnOnce(Result<&Worker>, &mut dyn FnMut() -> bool) + Send>;

impl Session {
    pub(super) fn next_stream(&self) -> u64 {
        self.streams.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn fetch<T, F>(
        &self,
        statement: Statement,
        mut read: F,
    ) -> impl Future<Output = Result<Vec<T>>> + Send + use<T, F>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.run(move |worker| worker.fetch(&statement, &mut read))
    }

    pub(crate) fn execute(&self, statement: Statement) -> impl Future<Output = Result<u64>> + Send + use<> {
        self.run(move |worker| worker.execute(&statement))
    }

    pub(crate) async fn script(&self, sql: String) -> Result<()> {
        self.run(move |worker| worker.script(&sql)).await
    }

    pub(super) fn run<T, W>(&self, work: W) -> impl Future<Output = Result<T>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: FnOnce(&Worker) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let command = Command::Run(Box::new(move |worker| {
            // What was given up before it began has no effect.
            if !reply.is_closed() {
                let _ = reply.send(worker.and_then(work));
            }
        }));
        let sent = self.commands.send(command);
        async move {
            sent.map_err(|_| stopped())?;
            answer.await.map_err(|_| stopped())?
        }
    }

    /// Sends a statement that steers savepoints without waiting for it; what follows finds it done.
    pub(crate) fn steer_later(&self, sql: String) {
        let _ = self.commands.send(Command::Run(Box::new(move |worker| {
            if let Err(error) = worker.and_then(|worker| worker.script(&sql)) {
                tracing::warn!(target: "nuages::sql", %error, sql, "a savepoint could not be left");
            }
        })));
    }

    pub(crate) async fn commit(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Commit(reply)).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Ends the transaction without effect. What is sent to the writer next finds it undone.
    pub(crate) async fn roll_back(&self) -> Result<()> {
        self.commands.send(Command::RollBack).map_err(|_| stopped())
    }

    /// As [`roll_back`](Session::roll_back): after what was sent before.
    pub(crate) fn abandon(&self) {
        // A statement that still runs is for nobody.
        self.waiting.0.store(true, Ordering::Relaxed);
        let _ = self.commands.send(Command::RollBack);
    }
}

/// Serves one transaction from its beginning to its end.
fn transaction(worker: &Worker, Opening { begin, reply }: Opening) {
    if reply.is_closed() {
        return;
    }
    let set = |pragma: &str, on: bool| {
        let sql = format!("PRAGMA {pragma} = {}", if on { "ON" } else { "OFF" });
        worker.connection.execute_batch(&sql).map_err(|error| super::failure::of(&error))
    };
    let started = || -> Result<()> {
        if !begin.foreign_keys {
            set("foreign_keys", false)?;
        }
        worker.steer(if begin.read_only { "BEGIN" } else { "BEGIN IMMEDIATE" })?;
        if begin.read_only {
            set("query_only", true)?;
        }
        Ok(())
    };
    match started() {
        Ok(()) => {
            let (commands, receiver) = unbounded();
            let mut desk =
                Desk { worker, commands: &receiver, ending: None, asked: None, open: Vec::new(), stopped: Vec::new() };
            let waiting = Waiting::new();
            worker.deadline.watch(Some(Arc::clone(&waiting.0)));
            if reply.send(Ok(Session { commands, streams: AtomicU64::new(0), waiting })).is_ok() {
                desk.follow(None);
            }
            worker.deadline.watch(None);
            if let Some(Command::Commit(reply)) = desk.ending.take() {
                let _ = reply.send(desk.running().and_then(commit));
            }
            roll_back(worker);
        }
        Err(error) => {
            roll_back(worker);
            let _ = reply.send(Err(error));
        }
    }
    for (pragma, on, changed) in [("query_only", false, begin.read_only), ("foreign_keys", true, !begin.foreign_keys)] {
        if changed && let Err(error) = set(pragma, on) {
            tracing::error!(target: "nuages::sql", %error, pragma, "a pragma could not be set back");
        }
    }
}

/// What the users of a transaction ask of it.
struct Desk<'a> {
    worker: &'a Worker,
    commands: &'a Receiver<Command>,
    /// The command that ends the transaction, once it has come: what is being streamed stops first.
    ending: Option<Command>,
    /// A stream further out that was asked for rows: those further in must come to their end first.
    asked: Option<u64>,
    /// The streams being read, the outermost first.
    open: Vec<u64>,
    /// Those of them that nobody reads any more.
    stopped: Vec<u64>,
}

impl<'a> Desk<'a> {
    /// Does what is asked: for the stream of this number, until it is asked for more (true) or no more (false); without
    /// one, until the transaction ends.
    fn follow(&mut self, stream: Option<u64>) -> bool {
        loop {
            if self.ending.is_some() || stream.is_some_and(|number| self.stopped.contains(&number)) {
                return false;
            }
            if self.asked.is_some() {
                if self.asked == stream {
                    self.asked = None;
                }
                // An inner stream reads all that is left, so that the outer one can go on.
                return stream.is_some();
            }
            let Ok(command) = self.commands.recv() else {
                return false;
            };
            match command {
                Command::Run(work) => {
                    let worker = self.running();
                    let _ = catch_unwind(AssertUnwindSafe(|| work(worker)));
                }
                Command::Stream(number, work) => {
                    let worker = self.running();
                    self.open.push(number);
                    let _ = catch_unwind(AssertUnwindSafe(|| work(worker, &mut || self.follow(Some(number)))));
                    self.open.retain(|open| *open != number);
                    self.stopped.retain(|stopped| *stopped != number);
                    // It may have ended before it was asked for what it did not have.
                    self.asked.take_if(|asked| *asked == number);
                }
                Command::More(number) if self.open.contains(&number) => self.asked = Some(number),
                Command::Stop(number) if self.open.contains(&number) => self.stopped.push(number),
                // Of a stream that has come to its end.
                Command::More(_) | Command::Stop(_) => {}
                ending @ (Command::Commit(_) | Command::RollBack) => self.ending = Some(ending),
            }
        }
    }

    /// The worker, unless SQLite has ended the transaction by itself, as it does when the disk is full, say.
    fn running(&self) -> Result<&'a Worker> {
        match self.worker.connection.is_autocommit() {
            true => Err(Error::new(ErrorKind::TransactionEnded, "SQLite has rolled the transaction back")),
            false => Ok(self.worker),
        }
    }
}
