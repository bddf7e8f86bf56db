//! `cargo xtask bench NAME…`: each benchmark runs the peer and Nuages in turn on this machine, in one run, and prints
//! medians and their ratio. What a ratio must reach is printed beside it.

mod batches;
mod build;
mod bulk;
mod compile;
mod counts;
mod database;
mod django;
mod driver;
mod fixtures;
mod http;
mod measure;
mod migrations;
mod rebuild;
mod stream;

use std::process::ExitCode;

const NAMES: &str = "\
driver   one row by key, 1,000 rows, inserts: against the drivers, on both engines
http     one row as JSON over HTTP: against axum and the drivers, and Django under gunicorn and uvicorn
stream   1,000,000 rows: peak memory
counts   inserts with a count that the database keeps, 16 writers: against the same without
batches  1,000,000 rows in batches of 1,000: peak memory
fixtures loading 100,000 objects: against Django
bulk     bulk_create and bulk_upsert of 10,000 rows: against the drivers and Django
build    the cost of building a query
compile  a clean debug build of an app with one model on SQLite
migrations  makemigrations --check and showmigrations, 300 models with 1,000 migrations: against Django
rebuild  a SQLite table of 1,000,000 rows made anew by a migration: against the statements by hand";

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        eprintln!("usage: cargo xtask bench NAME…\n\n{NAMES}");
        return ExitCode::FAILURE;
    }
    if let [site, arguments @ ..] = names.as_slice()
        && site == "migrations-site"
    {
        return match migrations::site(arguments).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    for name in names {
        let done = match name.as_str() {
            "driver" => driver::run().await,
            "http" => http::run().await,
            "stream" => stream::run().await,
            "counts" => counts::run().await,
            "batches" => batches::run().await,
            "fixtures" => fixtures::run().await,
            "bulk" => bulk::run().await,
            "build" => build::run(),
            "compile" => compile::run(),
            "migrations" => migrations::run(),
            "rebuild" => rebuild::run().await,
            other => Err(format!("unknown benchmark `{other}`; choices are\n{NAMES}").into()),
        };
        if let Err(error) = done {
            eprintln!("{name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
