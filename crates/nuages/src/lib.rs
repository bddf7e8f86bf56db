//! Django's batteries, in Rust: models, typed queries and migrations on SQLite and PostgreSQL, and a site around them.
//! Alone, or on the tables of the Django you already run.
//!
//! # Map
//!
//! | where | what |
//! | --- | --- |
//! | [`prelude`] | what most files need |
//! | [`orm`] | models, fields, queries, transactions |
//! | [`migrate`] | what files of migrations are written with |
//! | [`web`] | projects, apps, settings, commands, and what handlers take and give; `axum` itself is in there too |
//!
//! This crate holds no code of its own. Features: `sqlite` (on unless turned off) and `postgres`.

extern crate self as nuages;

pub use nuages_orm as orm;
pub use nuages_orm::migrate;
pub use nuages_web as web;

pub mod prelude {
    //! What a file with models, queries or an app uses: `use nuages::prelude::*;`.

    pub use nuages_orm::expr::{
        abs, avg, cast, coalesce, concat, count, count_rows, exists, greatest, least, length, lower, max, min, now,
        nullif, outer, q, round, subquery, substr, sum, upper, value, when,
    };
    pub use nuages_orm::{
        BigDecimal, Choices, Date, Db, Decimal, Duration, Email, Error, ErrorKind, FieldType, FilePath, ForeignKey,
        Json, ManyToMany, Model, Models, OneToOne, QuerySet, Result, Slug, Time, Timestamp, Url, Uuid, Value, json,
    };
    pub use nuages_web::{App, Command, Project, Service, Settings, Shared, Site};
}
