//! `GET /item/{id}` on axum and a driver, without Nuages: `raw-axum sqlite PATH` or `raw-axum postgres URL`. Prints the
//! address it serves.

use std::path::Path;

use axum::extract::{self, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use raw_driver::{Error, Item, Postgres, Sqlite};

async fn from_sqlite(db: State<Sqlite>, id: extract::Path<i64>) -> Result<Json<Item>, StatusCode> {
    db.get(*id).await.map(Json).map_err(|_| StatusCode::NOT_FOUND)
}

async fn from_postgres(db: State<Postgres>, id: extract::Path<i64>) -> Result<Json<Item>, StatusCode> {
    db.get(*id).await.map(Json).map_err(|_| StatusCode::NOT_FOUND)
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let router = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["sqlite", path] => {
            Router::new().route("/item/{id}", get(from_sqlite)).with_state(Sqlite::open(Path::new(path))?)
        }
        ["postgres", url] => Router::new().route("/item/{id}", get(from_postgres)).with_state(Postgres::connect(url)?),
        _ => return Err("usage: raw-axum sqlite PATH | postgres URL".into()),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}
