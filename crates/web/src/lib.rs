//! The web half of Nuages: what a site is made of, how it is set up, run and asked.
//!
//! A [`Project`] lists its [`App`]s; its [`main`](Project::main) is the whole program: the command line of Django's
//! `manage.py`, with `runserver` on axum. Handlers are plain axum handlers whose state is the [`Site`], so that the
//! routes of apps from different crates stand side by side; the database, the services of an app and the site's own
//! address are arguments like any other.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use axum::Router;
//! use axum::extract::Path;
//! use axum::routing::get;
//! use nuages_web::{App, Error, Project, Result};
//!
//! async fn square(Path(number): Path<i64>) -> Result<String> {
//!     let square = number.checked_mul(number);
//!     square.map(|square| square.to_string()).ok_or_else(|| Error::invalid("number", "is too large"))
//! }
//!
//! fn main() -> ExitCode {
//!     let numbers = App::new("numbers").routes(Router::new().route("/squares/{number}", get(square)));
//!     Project::new("site").app(numbers).main()
//! }
//! ```
//!
//! | where | what |
//! | --- | --- |
//! | [`Project`], [`App`], [`Service`], [`Command`] | what a site is made of |
//! | [`Settings`], [`Secret`] | what differs from place to place |
//! | [`Site`] | a project at work: the state of every handler |
//! | [`DatabaseRouter`] | which database each model is in |
//! | [`Shared`], [`Origin`], [`Json`] | arguments of handlers, beside axum's own and [`Db`](nuages_orm::Db) |
//! | [`Error`], [`Problem`] | what a client hears when it does not get what it asked for |
//! | [`signal`] | being told of requests |
//! | [`ProgressBar`] | how far a command is |
//! | [`Running`], [`Address`] | a site that is being served |
//!
//! Unlike Django, nothing is global: two projects can run in one process, each with its own settings and database.

extern crate self as nuages_web;

mod app;
mod command;
mod error;
mod http;
mod project;
mod routing;
mod settings;
pub mod signal;
mod site;

pub use app::{App, Command, Service};
pub use axum;
pub use command::ProgressBar;
pub use error::{Error, Invalid, Result};
pub use http::{Address, Json, Origin, Problem, Running, Shared};
pub use project::Project;
pub use routing::{DatabaseRouter, ModelName};
pub use settings::{Secret, Settings};
pub use site::Site;
