//! The statements of a task in sum: what a request asked of its databases, and what it asked over and over.

use std::backtrace::Backtrace;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::capture::{Metered, metered};

/// Statements of different text that are told apart; others count in the sums alone.
const LINES: usize = 100;
/// A statement that is sent so often is said to be repeated: a relation loaded row by row (N + 1), most often.
const REPEATED: u64 = 3;
/// Places that [`TalliedStatement::code_path`] names at most.
const FRAMES: usize = 4;

/// What a task asked of its databases, in sum.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use nuages_orm::db::tally;
/// use nuages_orm::{Db, Error, Models};
///
/// let db = Db::connect("sqlite::memory:", Models::new()).await?;
/// let ((), tally) = tally(async {
///     for number in 0..5 {
///         let _: Vec<(i64,)> = db.raw("SELECT ?1", (number,)).fetch().await.unwrap();
///     }
/// })
/// .await;
/// assert_eq!(tally.statements, 5);
/// assert_eq!(tally.repeated().map(|line| (line.sql.as_str(), line.count)).collect::<Vec<_>>(), [("SELECT ?1", 5)]);
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Tally {
    /// Statements sent, but for those that steer transactions.
    pub statements: u64,
    /// Of them, those that failed.
    pub failed: u64,
    /// From sending each to its last row. Of statements that run at the same time, all of it counts.
    pub elapsed: Duration,
    /// Rows read or changed.
    pub rows: u64,
    /// Statements of the same text together, in the order in which they were first sent; one hundred at most.
    pub lines: Vec<TalliedStatement>,
}

impl Tally {
    /// The statements that were sent three times or more, as where a relation is loaded row by row: a `prefetch` or
    /// `select_related` asks once.
    pub fn repeated(&self) -> impl Iterator<Item = &TalliedStatement> {
        self.lines.iter().filter(|line| line.count >= REPEATED)
    }
}

/// Statements of the same text.
#[derive(Clone)]
#[non_exhaustive]
pub struct TalliedStatement {
    /// The SQL, without the values bound to it.
    pub sql: String,
    /// How often it was sent.
    pub count: u64,
    /// How long it took each time, in sum.
    pub elapsed: Duration,
    /// How long it took at most.
    pub longest: Duration,
    /// Rows read or changed.
    pub rows: u64,
    trace: Option<Arc<Backtrace>>,
}

impl TalliedStatement {
    /// Where in the program it was sent, the innermost place first: known of a repeated statement. Each is `file:line`, and
    /// the function if that is known; in a program without debug information (`debug = "line-tables-only"`) the function
    /// alone.
    ///
    /// Finding them takes milliseconds.
    pub fn code_path(&self) -> Vec<String> {
        let here = || std::env::current_dir().unwrap_or_default();
        self.trace.as_ref().map_or_else(Vec::new, |trace| places(&trace.to_string(), &here()))
    }
}

impl fmt::Debug for TalliedStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TalliedStatement")
            .field("sql", &self.sql)
            .field("count", &self.count)
            .field("elapsed", &self.elapsed)
            .field("longest", &self.longest)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// Runs a future and sums up the statements that it sends. Those of tasks that it spawns are not its own.
pub async fn tally<T>(future: impl Future<Output = T>) -> (T, Tally) {
    let meter = Meter::default();
    let output = meter.watch(future).await;
    (output, meter.read())
}

/// Sums up the statements of futures; it can be read while they run. Clones are the same meter.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Tally>>);

impl Meter {
    /// The future, its statements counted here.
    pub fn watch<F: Future>(&self, future: F) -> Metered<F> {
        metered(self.clone(), future)
    }

    /// What was counted so far.
    pub fn read(&self) -> Tally {
        self.tally().clone()
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, sql: &str) {
        let mut tally = self.tally();
        tally.statements += 1;
        if let Some(line) = tally.line(sql) {
            line.count += 1;
            if line.count == REPEATED {
                line.trace = Some(Arc::new(Backtrace::force_capture()));
            }
        } else if tally.lines.len() < LINES {
            let (elapsed, longest) = (Duration::ZERO, Duration::ZERO);
            tally.lines.push(TalliedStatement {
                sql: sql.to_owned(),
                count: 1,
                elapsed,
                longest,
                rows: 0,
                trace: None,
            });
        }
    }

    /// Takes note of how a statement went that has begun.
    pub(super) fn end(&self, sql: &str, elapsed: Duration, rows: Option<u64>) {
        let mut tally = self.tally();
        tally.elapsed += elapsed;
        match rows {
            Some(rows) => tally.rows += rows,
            None => tally.failed += 1,
        }
        if let Some(line) = tally.line(sql) {
            line.elapsed += elapsed;
            line.longest = line.longest.max(elapsed);
            line.rows += rows.unwrap_or(0);
        }
    }
}

impl Tally {
    fn line(&mut self, sql: &str) -> Option<&mut TalliedStatement> {
        self.lines.iter_mut().find(|line| line.sql == sql)
    }
}

/// Where in the program a trace was taken: its frames that are neither ours nor a library's, the innermost first.
///
/// A frame of which the file is known is told by that; of another, the crate that its name begins with must do.
fn places(trace: &str, here: &Path) -> Vec<String> {
    const OTHERS: [&str; 14] = [
        "nuages_orm",
        "nuages_web",
        "core",
        "alloc",
        "std",
        "tokio",
        "futures_util",
        "axum",
        "axum_core",
        "hyper",
        "hyper_util",
        "tower",
        "tracing",
        "pin_project_lite",
    ];
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ours = [ours.join("src"), ours.with_file_name("web").join("src")];
    let mut found: Vec<String> = Vec::new();
    let mut lines = trace.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        // `12: path::to::function`, and then perhaps `at file:line:column`.
        let Some((_, name)) = line.split_once(": ").filter(|(number, _)| number.parse::<u32>().is_ok()) else {
            continue;
        };
        // An asynchronous function is a closure in itself.
        let mut name = name;
        while let Some(outer) = name.strip_suffix("::{{closure}}") {
            name = outer;
        }
        let named = name.contains("::") && !name.starts_with(['<', '{', '_']);
        let place = match lines.next_if(|next| next.starts_with("at ")) {
            Some(place) => {
                let place = place.trim_start_matches("at ");
                let file = here.join(place.trim_start_matches("./"));
                let elsewhere = place.starts_with("/rustc/") || place.contains("/.cargo/");
                if elsewhere || ours.iter().any(|folder| file.starts_with(folder)) {
                    continue;
                }
                // Without the column.
                let place = place.rsplit_once(':').map_or(place, |(line, _)| line);
                if named { format!("{place} ({name})") } else { place.to_owned() }
            }
            None if named && !OTHERS.contains(&name.split("::").next().unwrap_or_default()) => name.to_owned(),
            None => continue,
        };
        if found.last() != Some(&place) {
            found.push(place);
        }
        if found.len() == FRAMES {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_path_leaves_out_what_is_not_the_programs() {
        let ours = env!("CARGO_MANIFEST_DIR");
        let trace = format!(
            "   0: std::backtrace::Backtrace::create\n\
             \x20            at /rustc/59807616e/library/std/src/backtrace.rs:331:13\n\
             \x20  1: {{async_fn#0}}<(i64)>\n\
             \x20            at {ours}/src/db.rs:10:5\n\
             \x20  2: blog::views::titles::{{{{closure}}}}\n\
             \x20            at ./src/views.rs:7:41\n\
             \x20  3: blog::views::titles::{{{{closure}}}}::{{{{closure}}}}\n\
             \x20            at ./src/views.rs:7:12\n\
             \x20  4: {{closure#0}}\n\
             \x20            at ./src/urls.rs:3:12\n\
             \x20  5: <F as axum::handler::Handler<(M,T1),S>>::call::{{{{closure}}}}\n\
             \x20            at /home/ada/.cargo/registry/src/axum-0.8.9/src/handler/mod.rs:239:38\n\
             \x20  6: blog::serve\n\
             \x20  7: tokio::runtime::runtime::Runtime::block_on\n\
             \x20  8: main\n"
        );
        let places = places(&trace, Path::new("/home/ada/blog"));
        assert_eq!(places, ["./src/views.rs:7 (blog::views::titles)", "./src/urls.rs:3", "blog::serve"]);
    }
}
