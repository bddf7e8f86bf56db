//! `GET /item/{id}` on Nuages: `DATABASE_URL=… nuages-http`. Prints the address it serves.

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};

use nuages::prelude::*;
use nuages::web::axum::Router;
use nuages::web::axum::extract::Path;
use nuages::web::axum::routing::get;
use nuages::web::{Address, Json, Result};

/// A row of the table that all benchmarks read.
#[derive(Model, Debug, Clone, serde::Serialize)]
#[model(app = "bench")]
struct Item {
    id: i64,
    name: String,
    price: f64,
    qty: i32,
    active: bool,
    created: Timestamp,
    note: Option<String>,
}

async fn item(db: Db, id: Path<i64>) -> Result<Json<Item>> {
    Ok(Json(Item::objects().filter(|item| item.id().eq(*id)).get(&db).await?))
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let app = App::new("bench").model::<Item>().routes(Router::new().route("/item/{id}", get(item)));
    let project = Project::new("bench").app(app);
    let site = project.site(Settings::from_env()?).await?;
    let any_port = Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let running = project.serve(&site, any_port).await?;
    println!("http://{}", running.address());
    pending().await
}
