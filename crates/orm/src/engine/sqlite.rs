//! SQLite: reader threads, and one writer thread that commits in groups.
//!
//! Each thread owns a connection. A statement goes over a channel to a thread as a closure that runs it and reads its
//! rows there; the answer comes back through a oneshot channel, so that no thread of the async runtime ever waits for
//! the disk. Readers may not write (`query_only`); in WAL mode neither kind waits for the other.

mod bind;
mod bulk;
mod calendar;
mod failure;
mod functions;
mod read;
mod stream;
mod writer;

use std::fs::DirBuilder;
use std::mem;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use smallvec::SmallVec;
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

pub(crate) use bulk::Filling;
pub(crate) use read::Cell;
pub(crate) use stream::Chunks;
pub(crate) use writer::Session;

use super::{Begin, Settings};
use crate::db::{Durability, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::row::{Row, Source};

/// Prepared statements kept by each connection.
const STATEMENTS: usize = 256;
/// Virtual machine steps between two looks at the clock: about a tenth of a millisecond.
const STEPS: i32 = 10_000;

/// A SQLite database.
pub(crate) struct Engine {
    readers: Sender<ReadJob>,
    writer: Sender<writer::Job>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    place: Arc<Place>,
    wait: Duration,
    /// Permits for threads that stream.
    streams: Arc<Semaphore>,
}

/// Statements that are brief and wait together are answered from one snapshot: at most so many.
const TOGETHER: usize = 16;

enum ReadJob {
    Run(Reading),
    /// A statement that finds one row by a unique key, which takes no time worth waiting for elsewhere.
    Brief(Reading),
    Close,
}

type Reading = Box<dyn FnOnce(&Worker) + Send>;

/// What was asked of a thread.
struct Asked<T> {
    answer: oneshot::Receiver<Result<T>>,
    /// Who is asked, for messages.
    whom: &'static str,
    waiting: Option<Waiting>,
}

/// What a connection is opened with.
struct Place {
    file: File,
    durability: Durability,
    statement_timeout: Option<Duration>,
    busy_timeout: Duration,
    create: bool,
}

enum File {
    Path(PathBuf),
    /// A database of this `Db` alone, in a folder that loses its name once all connections are open.
    ///
    /// SQLite's own databases in memory know no WAL: whoever writes would keep all others from reading until the end of
    /// the transaction. A file that nobody else can find, in memory where the system has a folder for that, does not.
    Nameless(PathBuf),
}

/// A thread's connection.
struct Worker {
    connection: Connection,
    place: Arc<Place>,
    deadline: Arc<Deadline>,
    /// Whether an upsert has come to a row that was there.
    updated: Arc<AtomicBool>,
}

/// When the running statement is to be interrupted.
struct Deadline {
    start: Instant,
    /// In microseconds since `start`; 0 for never.
    micros: AtomicU64,
    /// Becomes true when nobody waits for it any more.
    forsaken: Mutex<Option<Arc<AtomicBool>>>,
}

/// Held by who waits for a statement: dropping it says that nobody does any more.
struct Waiting(Arc<AtomicBool>);

impl Waiting {
    fn new() -> Self {
        Waiting(Arc::default())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Engine {
    /// Opens or makes the file, and starts the threads.
    pub(crate) async fn connect(url: &str, settings: &Settings) -> Result<Engine> {
        let file = File::parse(url)?;
        let place = Arc::new(Place {
            file,
            durability: settings.durability,
            statement_timeout: settings.statement_timeout,
            busy_timeout: settings.busy_timeout,
            create: settings.create,
        });
        let readers =
            settings.readers.unwrap_or_else(|| thread::available_parallelism().map_or(2, |cores| cores.get().max(2)));
        let (sender, receiver) = oneshot::channel();
        // Opening a file may wait for the disk or another program, so it is no work for a thread of the runtime.
        let opening = Arc::clone(&place);
        spawn("nuages-sqlite-open", move || drop(sender.send(start(&opening, readers))))?;
        let (readers, writer, threads) = receiver.await.map_err(|_| stopped())??;
        Ok(Engine {
            readers,
            writer,
            threads: Mutex::new(threads),
            place,
            wait: settings.pool_timeout,
            streams: Arc::new(Semaphore::new(stream::STREAMS)),
        })
    }

    /// Runs a statement outside any transaction, and reads its rows.
    pub(crate) fn fetch<T, F>(
        &self,
        statement: Statement,
        mut read: F,
    ) -> impl Future<Output = Result<Vec<T>>> + Send + use<'_, T, F>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let asked = match statement.reads {
            true => self.read(ReadJob::Run, move |worker| worker.fetch(&statement, &mut read)),
            false => self.write(alone(&statement.sql), move |worker| worker.fetch(&statement, &mut read)),
        };
        self.answer(asked)
    }

    /// Runs a statement that finds its row by a unique key, outside any transaction.
    pub(crate) fn fetch_one<T, F>(
        &self,
        statement: Statement,
        mut read: F,
    ) -> impl Future<Output = Result<Option<T>>> + Send + use<'_, T, F>
    where
        F: FnMut(&mut Row<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.answer(self.read(ReadJob::Brief, move |worker| worker.fetch_one(&statement, &mut read)))
    }

    /// Runs a statement outside any transaction; the number of rows it changed.
    pub(crate) fn execute(&self, statement: Statement) -> impl Future<Output = Result<u64>> + Send {
        self.answer(self.write(alone(&statement.sql), move |worker| worker.execute(&statement)))
    }

    /// Runs several statements without parameters, separated by semicolons.
    pub(crate) async fn script(&self, sql: String) -> Result<()> {
        self.answer(self.write(true, move |worker| worker.script(&sql))).await
    }

    /// Starts a transaction, once the writer is free.
    pub(crate) async fn begin(&self, begin: &Begin) -> Result<Session> {
        let (job, answer) = writer::Job::begin(begin);
        self.answer(self.ask_writer(job, answer)).await
    }

    fn read<T: Send + 'static>(
        &self,
        job: fn(Reading) -> ReadJob,
        work: impl FnOnce(&Worker) -> Result<T> + Send + 'static,
    ) -> Result<Asked<T>> {
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting::new();
        let forsaken = Arc::clone(&waiting.0);
        let job = job(Box::new(move |worker: &Worker| {
            if !reply.is_closed() {
                worker.deadline.watch(Some(forsaken));
                let rows = work(worker);
                worker.deadline.watch(None);
                drop(reply.send(rows));
            }
        }));
        self.readers.send(job).map_err(|_| stopped())?;
        Ok(Asked { answer, whom: "all reader threads are", waiting: Some(waiting) })
    }

    fn write<T: Send + 'static>(
        &self,
        alone: bool,
        work: impl FnMut(&Worker) -> Result<T> + Send + 'static,
    ) -> Result<Asked<T>> {
        let (job, answer) = writer::Job::write(alone, work);
        self.ask_writer(job, answer)
    }

    fn ask_writer<T>(&self, job: writer::Job, answer: oneshot::Receiver<Result<T>>) -> Result<Asked<T>> {
        self.writer.send(job).map_err(|_| stopped())?;
        Ok(Asked { answer, whom: "the writer is", waiting: None })
    }

    async fn answer<T>(&self, asked: Result<Asked<T>>) -> Result<T> {
        let Asked { answer, whom, waiting } = asked?;
        // The limit on the statement itself is kept by its thread.
        let limit = self.place.statement_timeout.map_or(self.wait, |limit| self.wait.saturating_add(limit));
        let answer = tokio::time::timeout(limit, answer).await;
        drop(waiting);
        match answer {
            Ok(answer) => answer.map_err(|_| stopped())?,
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format!(
                    "{whom} busy for more than {limit:?}: a transaction is open too long, or waits for this very \
                     statement (inside `atomic`, use the `db` that it gives)"
                ),
            )),
        }
    }

    /// Ends the threads after what they are doing, and lets SQLite refresh its statistics.
    pub(crate) async fn close(&self) {
        let threads = mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let _ = self.writer.send(writer::Job::Close);
        for _ in &threads {
            let _ = self.readers.send(ReadJob::Close);
        }
        let (done, finished) = oneshot::channel();
        let join = move || {
            for thread in threads {
                let _ = thread.join();
            }
            let _ = done.send(());
        };
        if spawn("nuages-sqlite-close", join).is_ok() {
            let _ = finished.await;
        }
    }
}

/// Opens the connections and starts their threads, the writer first: it makes the file and sets its journal.
fn start(place: &Arc<Place>, readers: usize) -> Result<Started> {
    let mut threads = Vec::with_capacity(readers + 1);
    place.file.make_folder()?;
    let writer = Worker::open(place, Purpose::Writing)?;
    let (read_jobs, receiver) = unbounded();
    for _ in 0..readers.max(1) {
        let reader = Worker::open(place, Purpose::Reading)?;
        let jobs: Receiver<ReadJob> = receiver.clone();
        threads.push(spawn("nuages-sqlite-reader", move || serve(&reader, &jobs))?);
    }
    place.file.lose_name();
    let (write_jobs, receiver) = unbounded();
    threads.push(spawn("nuages-sqlite-writer", move || writer::serve(&writer, &receiver))?);
    Ok((read_jobs, write_jobs, threads))
}

/// A reader thread's life.
fn serve(reader: &Worker, jobs: &Receiver<ReadJob>) {
    let mut next = jobs.recv().ok();
    while let Some(job) = next.take() {
        match job {
            ReadJob::Close => return,
            ReadJob::Run(job) => reader.run(job),
            ReadJob::Brief(first) => {
                let mut together = SmallVec::<[Reading; TOGETHER]>::new();
                together.push(first);
                while together.len() < TOGETHER {
                    match jobs.try_recv() {
                        Ok(ReadJob::Brief(job)) => together.push(job),
                        other => {
                            next = other.ok();
                            break;
                        }
                    }
                }
                reader.run_together(together);
            }
        }
        if next.is_none() {
            next = jobs.recv().ok();
        }
    }
}

type Started = (Sender<ReadJob>, Sender<writer::Job>, Vec<JoinHandle<()>>);

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| Error::new(ErrorKind::Connection, "no thread can be started for SQLite").with_source(error))
}

/// The error for a thread that is no more.
fn stopped() -> Error {
    Error::new(ErrorKind::Connection, "the database was closed, or the reading of a row panicked")
}

/// The error for a statement beyond its limit.
fn interrupted() -> Error {
    Error::new(ErrorKind::Timeout, "the statement took longer than the statement timeout")
}

/// Whether a statement can only run outside transactions, and so alone.
fn alone(sql: &str) -> bool {
    let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    ["PRAGMA", "VACUUM", "ATTACH", "DETACH"].iter().any(|alone| word.eq_ignore_ascii_case(alone))
}

impl File {
    /// `sqlite://relative/path.db`, `sqlite:///absolute/path.db` or `sqlite::memory:`.
    fn parse(url: &str) -> Result<File> {
        let rest = url.strip_prefix("sqlite:").unwrap_or(url);
        if rest == ":memory:" || rest == "//:memory:" {
            let memory = PathBuf::from("/dev/shm");
            let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
            return Ok(File::Nameless(folder.join(format!("nuages-{}", Uuid::new_v4().simple()))));
        }
        match rest.strip_prefix("//") {
            Some(path) if !path.is_empty() => Ok(File::Path(path.into())),
            _ => Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "`{url}` is no address of a SQLite database: expected `sqlite://relative/path.db`, \
                     `sqlite:///absolute/path.db` or `sqlite::memory:`"
                ),
            )),
        }
    }

    /// Makes the folder of a nameless file, readable for nobody else.
    fn make_folder(&self) -> Result<()> {
        let File::Nameless(folder) = self else {
            return Ok(());
        };
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|error| {
            let text = format!("no folder for a database in memory can be made as `{}`", folder.display());
            Error::new(ErrorKind::Connection, text).with_source(error)
        })
    }

    /// Removes the folder of a nameless file. Who has opened it keeps it, on Unix; elsewhere this succeeds only after
    /// the last has closed it.
    fn lose_name(&self) {
        if let File::Nameless(folder) = self {
            let _ = std::fs::remove_dir_all(folder);
        }
    }

    fn path(&self) -> PathBuf {
        match self {
            File::Path(path) => path.clone(),
            File::Nameless(folder) => folder.join("memory.db"),
        }
    }

    fn unusable(&self, error: &rusqlite::Error) -> Error {
        let path = self.path();
        let reason = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
                format!("its folder `{}` does not exist: make it first", folder.display())
            }
            _ if !path.exists() => "it does not exist; `migrate` makes it".to_owned(),
            _ => failure::of(error).to_string(),
        };
        Error::new(ErrorKind::Connection, format!("cannot open the SQLite file `{}`: {reason}", path.display()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.file.lose_name();
    }
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Writing,
    Reading,
    /// Reading more than memory may hold.
    Streaming,
}

impl Worker {
    fn open(place: &Arc<Place>, purpose: Purpose) -> Result<Worker> {
        let start = Instant::now();
        loop {
            match Worker::try_open(place, purpose) {
                // SQLite does not wait by itself where two programs give a new file its journal at once.
                Err(rusqlite::Error::SqliteFailure(failure, _))
                    if failure.code == ErrorCode::DatabaseBusy && start.elapsed() < place.busy_timeout =>
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
                outcome => return outcome.map_err(|error| place.file.unusable(&error)),
            }
        }
    }

    fn try_open(place: &Arc<Place>, purpose: Purpose) -> rusqlite::Result<Worker> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // One without a name is always made.
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, place.create || matches!(place.file, File::Nameless(_)));
        let mut connection = Connection::open_with_flags(place.file.path(), flags)?;
        connection.busy_timeout(place.busy_timeout)?;
        let pragma = |name: &str, value: &str| connection.pragma_update(None, name, value);
        pragma("foreign_keys", "ON")?;
        pragma("cache_size", "-16000")?;
        pragma("temp_store", "MEMORY")?;
        if purpose != Purpose::Streaming {
            pragma("mmap_size", "134217728")?; // 128 MiB
        }
        pragma("journal_mode", "WAL")?;
        pragma("journal_size_limit", "67108864")?; // 64 MiB
        let synchronous = match (&place.file, place.durability) {
            (File::Nameless(_), _) => "OFF",
            (File::Path(_), Durability::Normal) => "NORMAL",
            (File::Path(_), Durability::Full) => "FULL",
        };
        pragma("synchronous", synchronous)?;
        if purpose != Purpose::Writing {
            pragma("query_only", "ON")?;
        }
        // The first look opens the journal's files too.
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let updated = Arc::default();
        functions::register(&connection, &updated)?;
        let deadline =
            Arc::new(Deadline { start: Instant::now(), micros: AtomicU64::new(0), forsaken: Mutex::new(None) });
        let watched = Arc::clone(&deadline);
        connection.progress_handler(STEPS, Some(move || watched.has_passed()))?;
        Ok(Worker { connection, place: Arc::clone(place), deadline, updated })
    }

    /// A panic is the reading code's: its statement goes unanswered, the thread goes on.
    fn run(&self, job: Reading) {
        let _ = catch_unwind(AssertUnwindSafe(|| job(self)));
    }

    /// Runs jobs that were all sent before the first begins, in one transaction, so that the file is locked once: each
    /// sees all that was committed before it was sent.
    fn run_together(&self, jobs: SmallVec<[Reading; TOGETHER]>) {
        let transaction = jobs.len() > 1 && self.steer("BEGIN").is_ok();
        for job in jobs {
            self.run(job);
        }
        // The next job must not see the same snapshot again.
        if transaction && let Err(error) = self.steer("COMMIT").or_else(|_| self.steer("ROLLBACK")) {
            tracing::error!(target: "nuages::sql", %error, "a transaction that only read could not be ended");
        }
    }

    /// The first row of a statement, if it has one.
    fn fetch_one<T>(
        &self,
        statement: &Statement,
        read: &mut impl FnMut(&mut Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.each(statement, |row| {
            found = Some(read(row)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// All rows of a statement.
    fn fetch<T>(&self, statement: &Statement, read: &mut impl FnMut(&mut Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.each(statement, |row| {
            found.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Runs a statement to its end; the number of rows it changed.
    fn execute(&self, statement: &Statement) -> Result<u64> {
        let before = self.connection.total_changes();
        self.each(statement, |_| Ok(ControlFlow::Continue(())))?;
        // `changes` keeps its figure over statements that cannot change rows, such as `CREATE TABLE`.
        Ok(if self.connection.total_changes() == before { 0 } else { self.connection.changes() })
    }

    /// Passes each row to `visit`, until it has enough.
    fn each(
        &self,
        statement: &Statement,
        mut visit: impl FnMut(&mut Row<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let driver = |error| failure::of(&error);
        let mut prepared = self.connection.prepare_cached(&statement.sql).map_err(driver)?;
        bind::bind(&mut prepared, &statement.params)?;
        let _limit = self.limit();
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(driver)? {
            if visit(&mut Row::new(Source::Sqlite(row)))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Runs statements that steer transactions or change tables. They take the time they take: a migration that is
    /// cut off in the middle of a large table would have to begin again.
    fn script(&self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(|error| failure::of(&error))
    }

    /// A statement that steers transactions: no parameters, no rows, kept prepared.
    fn steer(&self, sql: &str) -> Result<()> {
        let mut prepared = self.connection.prepare_cached(sql).map_err(|error| failure::of(&error))?;
        prepared.raw_execute().map(drop).map_err(|error| failure::of(&error))
    }

    /// Sets the clock for a statement until the guard is dropped.
    fn limit(&self) -> Option<Limit<'_>> {
        self.place.statement_timeout.map(|timeout| {
            let end = self.deadline.start.elapsed().saturating_add(timeout).as_micros();
            self.deadline.micros.store(u64::try_from(end).unwrap_or(u64::MAX), Ordering::Relaxed);
            Limit(&self.deadline)
        })
    }
}

impl Deadline {
    fn has_passed(&self) -> bool {
        let micros = self.micros.load(Ordering::Relaxed);
        let late = micros != 0 && self.start.elapsed().as_micros() >= u128::from(micros);
        late || self.forsaken().as_ref().is_some_and(|forsaken| forsaken.load(Ordering::Relaxed))
    }

    fn watch(&self, forsaken: Option<Arc<AtomicBool>>) {
        *self.forsaken() = forsaken;
    }

    fn forsaken(&self) -> MutexGuard<'_, Option<Arc<AtomicBool>>> {
        self.forsaken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Limit<'a>(&'a Deadline);

impl Drop for Limit<'_> {
    fn drop(&mut self) {
        self.0.micros.store(0, Ordering::Relaxed);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Cheap unless the statistics are stale; a failure costs nothing but them.
        let _ = self.connection.execute_batch("PRAGMA optimize");
    }
}
