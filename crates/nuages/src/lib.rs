//! Django's batteries, in Rust: models, typed queries and migrations on SQLite and PostgreSQL, and a site around them.
//! Alone, or on the tables of the Django you already run.
//!
//! # A site in one file
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use nuages::prelude::*;
//! use nuages::web::axum::{Router, extract::Path, routing::get};
//! use nuages::web::{Error, Json, Result};
//!
//! /// Something one would like to read.
//! #[derive(Model, Debug, Clone)]
//! #[model(app = "shelf", ordering = [title])]
//! struct Book {
//!     id: i64,
//!     #[field(max_length = 200)]
//!     title: String,
//!     #[field(default = 0)]
//!     pages: i32,
//! }
//!
//! /// `GET /books/{id}/pages`: the number alone, 404 where there is no such book.
//! async fn pages(db: Db, Path(id): Path<i64>) -> Result<Json<i32>> {
//!     let book = Book::objects().filter(|book| book.id().eq(id)).first(&db).await?;
//!     book.map(|book| Json(book.pages)).ok_or(Error::NotFound("there is no such book".into()))
//! }
//!
//! fn main() -> ExitCode {
//!     let shelf = App::new("shelf")
//!         .model::<Book>()
//!         .migrations_in(concat!(env!("CARGO_MANIFEST_DIR"), "/src/migrations"))
//!         .routes(Router::new().route("/books/{id}/pages", get(pages)));
//!     Project::new("site").app(shelf).main()
//! }
//! ```
//!
//! `site makemigrations` writes the first migration to `src/migrations`; with `mod migrations;` and
//! `.migrations(migrations::all())` beside the rest, `site migrate` makes the table, `site runserver` serves, and
//! `site query shelf.Book --filter title__icontains=cloud` asks.
//!
//! # Map
//!
//! | where | what |
//! | --- | --- |
//! | [`prelude`] | what most files need |
//! | [`orm`] | models, fields, queries, transactions |
//! | [`batch`] | work on many rows in bounded memory, resumed after a kill, shared |
//! | [`migrate`] | what files of migrations are written with |
//! | [`signal`] | being told of writes, migrations and requests |
//! | [`web`] | projects, apps, settings, commands, and what handlers take and give; `axum` itself is in there too |
//!
//! This crate holds no code of its own. Features: `sqlite` (on unless turned off), `postgres`, and
//! `encryption` for encrypted fields.

extern crate self as nuages;

pub use nuages_orm as orm;
pub use nuages_orm::{batch, migrate};
pub use nuages_web as web;

pub mod signal {
    //! Being told of writes, migrations and requests: see the chapter on signals.

    pub use nuages_orm::signal::{
        Draft, ManyAction, ManyChange, MigrationRun, Receive, Receiver, Saved, many_changed, post_delete, post_migrate,
        post_save, pre_delete, pre_migrate, pre_save,
    };
    pub use nuages_web::signal::{Finished, Started, request_finished, request_started};
}

pub mod prelude {
    //! What a file with models, queries or an app uses: `use nuages::prelude::*;`.

    #[cfg(feature = "encryption")]
    pub use nuages_orm::encryption::Encrypted;
    pub use nuages_orm::expr::{
        abs, avg, cast, coalesce, concat, count, count_rows, exists, greatest, least, length, lower, max, min, now,
        nullif, outer, q, round, subquery, substr, sum, upper, value, when,
    };
    pub use nuages_orm::{
        BigDecimal, Choices, Date, Db, Decimal, Document, Duration, Email, Error, ErrorKind, FieldType, FilePath,
        ForeignKey, Json, Manager, ManyToMany, Model, Models, OneToOne, QuerySet, Result, Selection, Slug, SoftDelete,
        Time, Timestamp, Url, Uuid, Value, json,
    };
    pub use nuages_web::{
        App, Command, DatabaseRouter, ModelName, ProgressBar, Project, Service, Settings, Shared, Site,
    };
}

/// What is written elsewhere: its code is compiled and run with the tests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../README.md")]
    struct Readme;

    #[doc = include_str!("../../../docs/guide/models-and-queries.md")]
    struct ModelsAndQueries;

    #[doc = include_str!("../../../docs/guide/fixtures.md")]
    struct Fixtures;

    #[doc = include_str!("../../../docs/guide/migrations.md")]
    struct Migrations;

    #[doc = include_str!("../../../docs/guide/managers-and-soft-delete.md")]
    struct ManagersAndSoftDelete;

    #[doc = include_str!("../../../docs/guide/adopting.md")]
    struct Adopting;

    #[doc = include_str!("../../../docs/guide/signals.md")]
    struct Signals;

    #[doc = include_str!("../../../docs/guide/batches.md")]
    struct Batches;

    #[doc = include_str!("../../../docs/guide/bulk.md")]
    struct Bulk;

    #[doc = include_str!("../../../docs/guide/counts.md")]
    struct Counts;

    #[doc = include_str!("../../../docs/guide/slugs.md")]
    struct Slugs;

    #[doc = include_str!("../../../docs/guide/slow-requests.md")]
    struct SlowRequests;

    #[cfg(feature = "jsonschema")]
    #[doc = include_str!("../../../docs/guide/json.md")]
    struct JsonDocuments;

    #[cfg(feature = "encryption")]
    #[doc = include_str!("../../../docs/guide/encrypted-fields.md")]
    struct EncryptedFields;
}
