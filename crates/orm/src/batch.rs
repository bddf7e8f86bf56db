//! Work on many rows, a batch at a time, in bounded memory.
//!
//! Batches go by the primary key: each is the rows whose keys come after the last one of the batch before. Rows that are
//! inserted, changed or deleted meanwhile do not shift it: a row that is there all the time is met once, whatever happens
//! around it. One that is inserted before the place that was reached is not met, one after it is.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use nuages_orm::{Db, Model, Models, migrate};
//!
//! #[derive(Model, Debug, Clone)]
//! #[model(app = "shop")]
//! pub struct Book {
//!     pub id: i64,
//!     #[field(max_length = 80)]
//!     pub title: String,
//!     #[field(max_length = 80, default)]
//!     pub slug: String,
//! }
//!
//! let db = Db::connect("sqlite::memory:", Models::new().with::<Book>()).await?;
//! migrate::create_tables(&db).await?;
//! for title in ["Nuages", "Minor Swing", "Daphné"] {
//!     Book::builder().title(title).create(&db).await?;
//! }
//!
//! let done = Book::objects()
//!     .filter(|b| b.slug().eq(""))
//!     .in_batches(1_000)
//!     .for_each(&db, async |db, books| {
//!         // What is done by this `db` is committed for the batch as a whole.
//!         for mut book in books {
//!             book.slug = book.title.to_lowercase().replace(' ', "-");
//!             book.save_fields(db, |b| b.slug()).await?;
//!         }
//!         Ok::<_, nuages_orm::Error>(())
//!     })
//!     .await?;
//! assert_eq!(done, 3);
//! # Ok::<(), nuages_orm::Error>(())
//! # }).unwrap();
//! ```
//!
//! A [`Run`] has a name, keeps in the database where it got to, goes on there after a kill, and can be shared by tasks and
//! programs.

mod batches;
mod cursor;
pub(crate) mod keyset;
#[cfg(feature = "encryption")]
mod pages;
mod records;
mod run;

#[cfg(feature = "encryption")]
pub(crate) use cursor::Done;
pub(crate) use cursor::count;
#[cfg(feature = "encryption")]
pub(crate) use pages::{Work, pages};

use std::sync::{Arc, Mutex, PoisonError};

pub use batches::Batches;
pub use records::{RunState, create_tables, forget, runs};
pub use run::Run;

/// How far work on many rows has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Rows done: of a [`Run`], by everybody who takes part, before a kill too.
    pub done: u64,
    /// Rows that there were to do when it began; `None` if counting them took too long.
    pub total: Option<u64>,
}

/// Who is told of the progress.
pub(crate) type Listener = Box<dyn FnMut(Progress) + Send>;

/// What is told of the progress, by several workers perhaps.
#[derive(Clone, Default)]
struct Told(Option<Arc<Mutex<(Progress, Listener)>>>);

impl Told {
    fn to(listener: Listener) -> Self {
        Told(Some(Arc::new(Mutex::new((Progress { done: 0, total: None }, listener)))))
    }

    /// Whether anybody wants to know.
    fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        if let Some(told) = &self.0 {
            let (progress, listener) = &mut *told.lock().unwrap_or_else(PoisonError::into_inner);
            change(progress);
            listener(*progress);
        }
    }
}
