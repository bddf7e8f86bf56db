//! Reads from replicas, and who must not.

use nuages_orm::migrate::detect;
use nuages_orm::{Db, Model, Models};
use nuages_web::axum::Router;
use nuages_web::axum::routing::get;
use nuages_web::{App, Project, Result, Secret, Settings};

use crate::http::{get as http_get, send};

/// Something to write.
#[derive(Model, Debug)]
#[model(app = "notes")]
struct Note {
    id: i64,
    text: String,
}

async fn count(db: Db) -> Result<String> {
    Ok(Note::objects().count(&db).await?.to_string())
}

async fn write_and_count(db: Db) -> Result<String> {
    let before = Note::objects().count(&db).await?;
    Note::builder().text("hello").create(&db).await?;
    let after = Note::objects().count(&db).await?;
    Ok(format!("{before} {after}"))
}

#[tokio::test]
async fn a_request_that_wrote_reads_what_it_wrote() {
    let folder = std::env::temp_dir().join(format!("nuages-web-{}", nuages_orm::Uuid::new_v4().simple()));
    std::fs::create_dir(&folder).expect("a folder");
    // A replica that never catches up: another file.
    let [primary, replica] = ["primary", "replica"].map(|name| format!("sqlite://{}/{name}.db", folder.display()));
    let missing = detect(&Models::new().with::<Note>(), &[]).expect("a first migration");
    let routes = Router::new().route("/", get(count).post(write_and_count));
    let project = Project::new("test").app(App::new("notes").model::<Note>().migrations(missing).routes(routes));
    for url in [&primary, &replica] {
        project.run(["migrate"], Settings::new(url), &mut Vec::new()).await.expect("tables");
    }

    let mut settings = Settings::new(&primary);
    settings.database_replica_urls = vec![Secret::new(&replica)];
    let site = project.site(settings).await.expect("both databases");
    let running = project.serve(&site, "0".parse().expect("an address")).await.expect("a free port");
    assert_eq!(send(running.address(), "POST /", &[], "").await.body, "0 1");
    assert_eq!(http_get(running.address(), "/").await.body, "0", "another request may read from the replica");
    running.stop().await;
    site.db().close().await;
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}
