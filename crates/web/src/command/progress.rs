//! How far a command is, drawn on the terminal.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use nuages_orm::batch::Progress;

/// The signs of a full bar.
const WIDTH: u64 = 30;
/// How long a picture stays before the next.
const PAUSE: Duration = Duration::from_millis(100);

/// A bar that shows how far a command is with many rows: one line on stderr, drawn over as it grows. Where stderr is no
/// terminal, nothing is drawn.
///
/// ```
/// # async fn example(db: nuages_orm::Db) -> nuages_orm::Result<()> {
/// # use nuages_orm::Model;
/// # #[derive(Model, Debug, Clone)]
/// # #[model(app = "shop")]
/// # pub struct Book {
/// #     pub id: i64,
/// #     pub pages: i32,
/// # }
/// use nuages_web::ProgressBar;
///
/// Book::objects()
///     .in_batches(1_000)
///     .on_progress(ProgressBar::new("Counting pages").listener())
///     .update(&db, |b| b.pages().set(b.pages() + 1))
///     .await?;
/// # Ok(())
/// # }
/// ```
pub struct ProgressBar {
    what: String,
    /// Where it is drawn, if anywhere.
    out: Option<Box<dyn Write + Send>>,
    /// When it was drawn last; `None` while its line is empty.
    drawn: Option<Instant>,
}

impl ProgressBar {
    /// A bar after these words, on stderr.
    pub fn new(what: impl Into<String>) -> Self {
        let stderr = std::io::stderr();
        let out = stderr.is_terminal().then(|| Box::new(stderr) as Box<dyn Write + Send>);
        ProgressBar { what: what.into(), out, drawn: None }
    }

    /// Draws this many rows of all, if that is known. At the end of them the line is ended too.
    pub fn show(&mut self, done: u64, total: Option<u64>) {
        let Some(out) = &mut self.out else { return };
        let complete = total.is_some_and(|total| done >= total);
        if !complete && self.drawn.is_some_and(|drawn| drawn.elapsed() < PAUSE) {
            return;
        }
        // A terminal that is gone sees nothing, and that is all.
        let _ = write!(out, "\r{}: {}\x1b[K", self.what, bar(done, total)).and_then(|()| out.flush());
        self.drawn = Some(Instant::now());
        if complete {
            self.end();
        }
    }

    /// The bar as what [`on_progress`](nuages_orm::batch::Batches::on_progress) takes.
    pub fn listener(mut self) -> impl FnMut(Progress) + Send + 'static {
        move |progress| self.show(progress.done, progress.total)
    }

    fn end(&mut self) {
        if let (Some(out), Some(_)) = (&mut self.out, self.drawn.take()) {
            let _ = writeln!(out).and_then(|()| out.flush());
        }
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for ProgressBar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressBar").field("what", &self.what).finish_non_exhaustive()
    }
}

/// Rows done as a bar, and in figures.
fn bar(done: u64, total: Option<u64>) -> String {
    let Some(total) = total.filter(|total| *total > 0) else { return format!("{done} rows") };
    let filled = u128::from(done.min(total)) * u128::from(WIDTH) / u128::from(total);
    let signs: String = (0..WIDTH).map(|place| if u128::from(place) < filled { '█' } else { '░' }).collect();
    format!("{signs} {done} of {total} rows")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn drawn(steps: &[(u64, Option<u64>)]) -> String {
        let screen = Screen::default();
        let mut bar = ProgressBar { what: "Milling".to_owned(), out: Some(Box::new(screen.clone())), drawn: None };
        for (done, total) in steps {
            bar.show(*done, *total);
            bar.drawn = bar.drawn.and_then(|drawn| drawn.checked_sub(PAUSE));
        }
        drop(bar);
        String::from_utf8(screen.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_bar_grows_on_its_line_and_ends_it_once() {
        let none = "░".repeat(30);
        let half = format!("{}{}", "█".repeat(15), "░".repeat(15));
        let full = "█".repeat(30);
        assert_eq!(
            drawn(&[(0, Some(9)), (5, Some(10)), (10, Some(10))]),
            format!(
                "\rMilling: {none} 0 of 9 rows\x1b[K\rMilling: {half} 5 of 10 rows\x1b[K\rMilling: {full} 10 of 10 rows\x1b[K\n"
            )
        );
        assert_eq!(drawn(&[(7, None)]), "\rMilling: 7 rows\x1b[K\n", "dropped in the middle, it leaves a clean line");
        assert_eq!(drawn(&[(0, Some(0))]), "\rMilling: 0 rows\x1b[K\n");
        assert_eq!(drawn(&[]), "");
        assert!(bar(u64::MAX, Some(u64::MAX)).starts_with(&full));
    }
}
