//! Receivers of an app: of writes to its own and other apps' models, and of requests.

use nuages_orm::signal::{Draft, post_save};
use nuages_orm::signal::{Saved, pre_save};
use nuages_orm::{Db, Error as OrmError, Model, Result as OrmResult, migrate};
use nuages_web::axum::Router;
use nuages_web::axum::extract::Path;
use nuages_web::axum::routing::{get, post};
use nuages_web::signal::{Finished, Started, request_finished, request_started};
use nuages_web::{App, Error, Project, Result, Running, Settings, Site};

use crate::http::{self, send};

#[derive(Model, Debug)]
#[model(app = "shop")]
struct Order {
    id: i64,
    #[field(max_length = 20)]
    customer: String,
}

#[derive(Model, Debug)]
#[model(app = "ledger", ordering = [id])]
struct Line {
    id: i64,
    text: String,
}

async fn line(db: &Db, text: String) -> OrmResult<()> {
    Line::builder().text(text).create(db).await.map(drop)
}

async fn refuse(_: &Db, order: &mut Draft<Order>) -> OrmResult<()> {
    match order.get(|o| o.customer())?.as_str() {
        "mallory" => Err(OrmError::refused("orders nothing here").in_field("customer")),
        "trudy" => Err(OrmError::refused("the shop is closed")),
        _ => Ok(()),
    }
}

async fn book(db: &Db, order: Saved<'_, Order>) -> OrmResult<()> {
    line(db, format!("order of {}", order.customer)).await
}

async fn keep_out(_: &Site, request: &Started) -> Result<()> {
    match request.uri.path() {
        "/orders/secret" => Err(Error::NotFound("there is no such page".into())),
        _ => Ok(()),
    }
}

async fn note(site: &Site, request: &Finished) -> Result<()> {
    let route = request.started.route.as_deref().unwrap_or("-");
    line(site.db(), format!("{} {route} {}", request.started.method, request.status.as_u16())).await?;
    Err(Error::Command("an error here is logged, and changes nothing".to_owned()))
}

async fn order(db: Db, Path(customer): Path<String>) -> Result<String> {
    Ok(Order::builder().customer(customer).create(&db).await?.customer)
}

async fn lines(db: Db) -> Result<String> {
    Ok(Line::objects().values(|l| l.text()).all(&db).await?.join("\n"))
}

fn project() -> Project {
    let routes = Router::new().route("/orders/{customer}", post(order)).route("/lines", get(lines));
    let shop = App::new("shop").model::<Order>().routes(routes).receiver(pre_save::<Order>(refuse));
    let ledger = App::new("ledger").model::<Line>().receiver(post_save::<Order>(book));
    Project::new("test").app(shop).app(ledger.receiver(request_started(keep_out)).receiver(request_finished(note)))
}

async fn running() -> Running {
    let project = project();
    let site = project.site(Settings::new("sqlite::memory:")).await.expect("a database in memory");
    migrate::create_tables(site.db()).await.expect("tables");
    project.serve(&site, "0".parse().expect("an address")).await.expect("a free port")
}

#[tokio::test]
async fn an_app_hears_of_another_apps_models_and_of_requests() {
    let site = running().await;
    let address = site.address();
    assert_eq!(send(address, "POST /orders/ada", &[], "").await.body, "ada");
    let refused = send(address, "POST /orders/mallory", &[("accept", "application/json")], "").await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["errors"]["customer"], serde_json::json!(["orders nothing here"]), "{refused:?}");
    let closed = send(address, "POST /orders/trudy", &[("accept", "application/json")], "").await;
    assert_eq!((closed.status, closed.json()["detail"].as_str()), (422, Some("the shop is closed")));
    assert_eq!(send(address, "POST /orders/secret", &[], "").await.status, 404);
    assert_eq!(http::get(address, "/nowhere").await.status, 404);

    let lines = http::get(address, "/lines").await.body;
    let expected = [
        "order of ada",
        "POST /orders/{customer} 200",
        "POST /orders/{customer} 422",
        "POST /orders/{customer} 422",
        "POST /orders/{customer} 404",
    ];
    assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    site.stop().await;
}

#[test]
fn check_names_a_receiver_of_a_model_that_no_app_brings() {
    let ledger = App::new("ledger").model::<Line>().receiver(post_save::<Order>(book));
    let error = Project::new("test").app(ledger).check().unwrap_err();
    assert_eq!(error.to_string(), "ledger: a receiver waits for shop.Order, which no app brings");
}
