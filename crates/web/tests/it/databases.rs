//! Several databases: what apps and routers say of them, and every command that goes to one.

use std::path::PathBuf;

use nuages_orm::introspect::Catalogue;
use nuages_orm::migrate::{Field, Index, Kind, Migration, OrderBy, Past, Populate, detect, field};
use nuages_orm::{Db, ForeignKey, ManyToMany, Model, Models, OneToOne};
use nuages_web::{App, DatabaseRouter, ModelName, Project, Result, Settings};

/// What the book is about.
#[derive(Model, Debug)]
#[model(app = "shop")]
struct Tag {
    id: i64,
    #[field(max_length = 20)]
    name: String,
}

#[derive(Model, Debug)]
#[model(app = "shop", ordering = [id])]
struct Book {
    id: i64,
    #[field(max_length = 100)]
    title: String,
    tags: ManyToMany<Tag>,
}

/// A look at a book, which is in another database.
#[derive(Model, Debug)]
#[model(app = "shop", ordering = [id])]
struct View {
    id: i64,
    book_id: i64,
    #[field(max_length = 20)]
    reader: Option<String>,
}

/// What came of a look, beside it.
#[derive(Model, Debug)]
#[model(app = "shop")]
struct Outcome {
    id: i64,
    #[field(on_delete = Cascade)]
    view: ForeignKey<View>,
}

/// Of an app that is in the other database as a whole.
#[derive(Model, Debug)]
#[model(app = "visits")]
struct Visit {
    id: i64,
    #[field(max_length = 100)]
    page: String,
}

/// Puts what grows without end into the other database.
struct Growing;

impl DatabaseRouter for Growing {
    fn db_for_write(&self, model: ModelName<'_>) -> Option<&str> {
        ["shop.View", "shop.Outcome"].contains(&model.label().as_str()).then_some("analytics")
    }
}

async fn add_book(past: Past) -> nuages_orm::Result<()> {
    past.model("Book")?.create([("title", "Clouds".into())]).await.map(drop)
}

async fn count_views(past: Past) -> nuages_orm::Result<()> {
    past.model("View")?.count().await.map(drop)
}

fn models() -> Models {
    Models::new().with::<Tag>().with::<Book>().with::<View>().with::<Outcome>().with::<Visit>()
}

/// The project, with migrations that change tables, run SQL and work on rows, on models of either database.
fn shop() -> Project {
    let mut history = detect(&models(), &[]).expect("first migrations");
    history.push(
        Migration::new("shop", "0002_more")
            .after("shop", "0001_initial")
            .after("visits", "0001_initial")
            .add_field("View", Field::new("seen", Kind::Boolean).null(true))
            .add_index("View", Index::new(vec![OrderBy::asc(field("book_id"))]).name("view_book"))
            .run_rust_both_ways("add_book", add_book, Past::nothing)
            .about("Book")
            .run_sql(["INSERT INTO shop_view (book_id, reader) VALUES (7, 'ada')"], ["DELETE FROM shop_view"])
            .about("View")
            .run_sql(["UPDATE shop_book SET title = 'Cloud'"], [])
            .populate(Populate::new("View").set("book_id", field("id")).nothing_to_undo())
            .remove_field("View", "seen"),
    );
    history.push(
        Migration::new("shop", "0003_steps")
            .after("shop", "0002_more")
            .not_atomic()
            .run_rust_both_ways("count_views", count_views, Past::nothing)
            .about("View")
            .run_sql(["UPDATE shop_view SET reader = 'eve'"], [])
            .about("View")
            .add_index_concurrently("View", Index::new(vec![OrderBy::asc(field("reader"))]).name("view_reader"))
            .populate(Populate::new("Book").set("title", "Clouds").nothing_to_undo())
            .remove_index_concurrently("View", "view_reader")
            .remove_index("View", "view_book"),
    );
    let of = |app: &str| history.iter().filter(|it| it.app == app).cloned().collect::<Vec<_>>();
    let shop = App::new("shop").model::<Tag>().model::<Book>().model::<View>().model::<Outcome>();
    let visits = App::new("visits").model::<Visit>().migrations(of("visits")).database("analytics");
    Project::new("shop").app(shop.migrations(of("shop"))).app(visits).database_router(Growing)
}

/// Two databases, the first and `analytics`, of any engines; gone afterwards.
struct Pair {
    folder: PathBuf,
    server: Option<(Db, String)>,
    urls: [String; 2],
}

impl Pair {
    /// Of these engines, by whether each is PostgreSQL; `None` where there is no server.
    async fn new(postgres: [bool; 2]) -> Option<Pair> {
        let name = nuages_orm::Uuid::new_v4().simple().to_string();
        let url = std::env::var("NUAGES_TEST_POSTGRES_URL")
            .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
        let mut server = None;
        if postgres.contains(&true) {
            match Db::connect(&url, Models::new()).await {
                Ok(db) => server = Some((db, name.clone())),
                Err(error) if std::env::var_os("NUAGES_TEST_REQUIRE_SERVERS").is_some() => panic!("{error}"),
                Err(error) => {
                    eprintln!("skipped: {error}");
                    return None;
                }
            }
        }
        let folder = std::env::temp_dir().join(format!("nuages-web-{name}"));
        std::fs::create_dir(&folder).expect("a folder");
        let mut urls = Vec::new();
        for (number, is_postgres) in postgres.into_iter().enumerate() {
            urls.push(match (is_postgres, &server) {
                (true, Some((db, name))) => {
                    db.raw(format!("CREATE SCHEMA web_{name}_{number}"), ()).execute().await.expect("a schema");
                    let sign = if url.contains('?') { '&' } else { '?' };
                    format!("{url}{sign}options=-c%20search_path%3Dweb_{name}_{number}")
                }
                _ => format!("sqlite://{}/{number}.db", folder.display()),
            });
        }
        let urls = urls.try_into().expect("two of them");
        Some(Pair { folder, server, urls })
    }

    fn settings(&self) -> Settings {
        let [first, second] = &self.urls;
        Settings::from_pairs([("DATABASE_URL", first.as_str()), ("DATABASE_URL_ANALYTICS", second.as_str())])
            .expect("settings")
    }

    async fn run(&self, project: &Project, arguments: &[&str]) -> Result<String> {
        let mut out = Vec::new();
        project.run(arguments.iter().copied(), self.settings(), &mut out).await?;
        Ok(String::from_utf8(out).expect("commands write text"))
    }

    /// The tables of the project in each database.
    async fn tables(&self) -> [Vec<String>; 2] {
        let mut all = Vec::new();
        for url in &self.urls {
            let db = Db::connect(url, Models::new()).await.expect("a database");
            let catalogue = Catalogue::read(&db).await.expect("a catalogue");
            let names = ["shop_tag", "shop_book", "shop_book_tags", "shop_view", "shop_outcome", "visits_visit"];
            all.push(names.into_iter().filter(|name| catalogue.table(name).is_some()).map(str::to_owned).collect());
            db.close().await;
        }
        all.try_into().expect("two of them")
    }

    async fn drop(self) {
        if let Some((db, name)) = self.server {
            for number in 0..2 {
                let sql = format!("DROP SCHEMA IF EXISTS web_{name}_{number} CASCADE");
                db.raw(sql, ()).execute().await.expect("it goes");
            }
            db.close().await;
        }
        std::fs::remove_dir_all(&self.folder).expect("the folder goes");
    }
}

/// The body on each pair of engines.
async fn on_each_pair(body: impl AsyncFn(&Pair)) {
    let sqlite_only = [[false, false]];
    let mixed = [[false, true], [true, false], [true, true]];
    let pairs = sqlite_only.into_iter().chain(mixed.into_iter().filter(|_| cfg!(feature = "postgres")));
    for engines in pairs {
        if let Some(pair) = Pair::new(engines).await {
            body(&pair).await;
            pair.drop().await;
        }
    }
}

#[tokio::test]
async fn each_database_gets_the_tables_that_are_in_it_and_the_whole_history() {
    on_each_pair(async |pair| {
        let project = shop();
        let plan = pair.run(&project, &["migrate", "--plan", "--database", "analytics"]).await.expect("a plan");
        assert!(plan.contains("shop.0001_initial"), "{plan}");
        let done = "Applying visits.0001_initial … done\nApplying shop.0001_initial … done\n\
                    Applying shop.0002_more … done\nApplying shop.0003_steps … done\n";
        for database in ["default", "analytics"] {
            let told = pair.run(&project, &["migrate", "--database", database]).await.expect("it runs");
            let mut lines: Vec<&str> = told.lines().collect();
            let mut expected: Vec<&str> = done.lines().collect();
            lines.sort_unstable();
            expected.sort_unstable();
            assert_eq!(lines, expected);
            let again = pair.run(&project, &["migrate", "--check", "--database", database]).await.expect("complete");
            assert_eq!(again, "The tables are up to date.\n");
            let shown = pair.run(&project, &["showmigrations", "--database", database]).await.expect("it shows");
            assert_eq!(shown, "shop\n [X] 0001_initial\n [X] 0002_more\n [X] 0003_steps\nvisits\n [X] 0001_initial\n");
        }
        let [first, second] = pair.tables().await;
        assert_eq!(first, ["shop_tag", "shop_book", "shop_book_tags"]);
        assert_eq!(second, ["shop_view", "shop_outcome", "visits_visit"]);

        let site = project.site(pair.settings()).await.expect("a site");
        let analytics = site.db_named("analytics").expect("it is there");
        let views = View::objects().all(site.db_for_read::<View>().expect("a database")).await.expect("rows");
        let seen: Vec<_> = views.iter().map(|view| (view.id, view.book_id, view.reader.as_deref())).collect();
        assert_eq!(seen, [(1, 1, Some("eve"))], "SQL and rows of the other database were worked on there");
        let books = Book::objects().all(site.db()).await.expect("rows");
        assert_eq!(books.iter().map(|book| book.title.as_str()).collect::<Vec<_>>(), ["Clouds"]);
        Visit::builder().page("/").create(site.db_for_write::<Visit>().expect("a database")).await.expect("a row");
        assert_eq!(Visit::objects().count(analytics).await.expect("a number"), 1);
        Outcome::builder().view(&views[0]).create(analytics).await.expect("a row");
        assert_eq!(View::objects().delete(analytics).await.expect("deleted").total, 2, "and what refers to it");
        let error = View::objects().count(site.db()).await.expect_err("it is not there").to_string();
        assert_eq!(error, "model shop.View is in the database `analytics`, and this is another one");
        let error = Book::objects().count(analytics).await.expect_err("it is not there").to_string();
        assert_eq!(error, "model shop.Book is in the database `default`, and this is another one");
        analytics.close().await;
        site.db().close().await;

        for (database, left) in [("analytics", [3, 0]), ("default", [0, 0])] {
            pair.run(&project, &["migrate", "shop", "zero", "--database", database]).await.expect("it goes back");
            pair.run(&project, &["migrate", "visits", "zero", "--database", database]).await.expect("it goes back");
            assert_eq!(pair.tables().await.map(|tables| tables.len()), left, "{database}");
        }
    })
    .await;
}

#[tokio::test]
async fn sql_and_functions_go_where_their_model_is() {
    on_each_pair(async |pair| {
        let project = shop();
        let first = pair.run(&project, &["sqlmigrate", "shop", "0002"]).await.expect("SQL");
        assert!(first.contains("UPDATE shop_book") && !first.contains("shop_view"), "{first}");
        let second = pair.run(&project, &["sqlmigrate", "shop", "0002", "--database", "analytics"]).await.expect("SQL");
        assert!(second.contains("INSERT INTO shop_view") && !second.contains("shop_book"), "{second}");

        async fn elsewhere(past: Past) -> nuages_orm::Result<()> {
            past.model("View")?.count().await.map(drop)
        }
        let lost = Migration::new("shop", "0004_lost").after("shop", "0003_steps").run_rust("elsewhere", elsewhere);
        let lost = Project::new("shop")
            .app(
                App::new("shop")
                    .models(models())
                    .migrations(project.migrations().into_iter().filter(|it| it.app == "shop").chain([lost]).collect()),
            )
            .app(
                App::new("visits")
                    .database("analytics")
                    .migrations(project.migrations().into_iter().filter(|it| it.app == "visits").collect()),
            )
            .database_router(Growing);
        let error = pair.run(&lost, &["migrate"]).await.expect_err("it asks for what is not there").to_string();
        assert!(
            error.contains("the table of shop.View is in another database") && error.contains(".about("),
            "{error}"
        );
    })
    .await;
}

#[tokio::test]
async fn fixtures_and_models_for_tables_are_of_a_database_by_its_name() {
    on_each_pair(async |pair| {
        let project = shop();
        for database in ["default", "analytics"] {
            pair.run(&project, &["migrate", "--database", database]).await.expect("it runs");
        }
        let dumped = pair.run(&project, &["dumpdata", "--database", "analytics"]).await.expect("a fixture");
        assert!(dumped.contains("\"shop.view\"") && !dumped.contains("shop.book"), "{dumped}");
        let dumped = pair.run(&project, &["dumpdata", "shop"]).await.expect("a fixture");
        assert!(dumped.contains("\"shop.book\"") && !dumped.contains("shop.view"), "{dumped}");
        let error = pair.run(&project, &["dumpdata", "visits"]).await.expect_err("elsewhere").to_string();
        assert_eq!(error, "visits is in the database `analytics`, and this is another one");
        let excluded = pair.run(&project, &["dumpdata", "--exclude", "visits"]).await.expect("a fixture");
        assert_eq!(excluded, dumped);

        let both = pair.folder.join("both.json");
        let rows = r#"[{"model": "shop.book", "pk": 5, "fields": {"title": "Rain", "tags": []}},
                       {"model": "shop.view", "pk": 6, "fields": {"book_id": 5, "reader": null}}]"#;
        std::fs::write(&both, rows).expect("a file");
        let both = both.display().to_string();
        for (database, model) in [("default", "shop.Book"), ("analytics", "shop.View")] {
            let before = pair.run(&project, &["query", model, "--count"]).await.expect("a number");
            let told = pair.run(&project, &["loaddata", &both, "--database", database]).await.expect("it loads");
            assert_eq!(told, "Loaded 1 objects from 1 fixture, 1 left out.\n");
            let after = pair.run(&project, &["query", model, "--count"]).await.expect("a number");
            assert_eq!((before.as_str(), after.as_str()), ("1\n", "2\n"), "{model}");
        }
        let error = pair.run(&project, &["query", "shop.View", "--database", "default"]).await.expect_err("elsewhere");
        assert!(error.to_string().contains("is in the database `analytics`"), "{error}");

        let printed = pair.run(&project, &["inspectdb", "--database", "analytics"]).await.expect("models");
        assert!(printed.contains("struct View") && !printed.contains("struct Book"), "{printed}");
        let [first, _] = &pair.urls;
        let by_url = pair.run(&project, &["inspectdb", "--database", first]).await.expect("models");
        assert!(by_url.contains("struct Book") && !by_url.contains("struct View"), "{by_url}");
        assert_eq!(by_url, pair.run(&project, &["inspectdb"]).await.expect("models"));
        for command in ["inspectdb", "dumpdata", "migrate", "batches"] {
            let error = pair.run(&project, &[command, "--database", "other"]).await.expect_err("no such database");
            assert_eq!(
                error.to_string(),
                "there is no database `other`: choices are default, analytics; set DATABASE_URL_OTHER for another"
            );
        }
    })
    .await;
}

/// A look at a book that refers to it, across.
#[derive(Model, Debug)]
#[model(app = "far")]
struct Glance {
    id: i64,
    #[field(on_delete = Cascade)]
    book: ForeignKey<Book>,
    tags: ManyToMany<Tag>,
    #[field(on_delete = Cascade)]
    view: Option<OneToOne<View>>,
}

#[test]
fn relations_across_databases_are_refused_with_both_names() {
    let project = shop().app(App::new("far").model::<Glance>().database("analytics"));
    let error = project.check().expect_err("no database can do that").to_string();
    let line = |field: &str, to: &str| {
        format!(
            "far.Glance.{field}: {to} is in the database `default`, but far.Glance in `analytics`, and no database can join \
             or check keys across; keep both models in one database, or the key of the other row as a plain field"
        )
    };
    assert_eq!(error, [line("book", "shop.Book"), line("tags", "shop.Tag")].join("\n"));

    /// Keeps apart what could be related.
    struct Apart;
    impl DatabaseRouter for Apart {
        fn allow_relation(&self, from: ModelName<'_>, to: ModelName<'_>) -> Option<bool> {
            (from.name == "Outcome" && to.name == "View").then_some(false)
        }
    }
    let error = shop().database_router(Apart).check().expect_err("a router refuses it").to_string();
    assert_eq!(
        error,
        "shop.Outcome.view: a router allows no relation from shop.Outcome to shop.View; keep the key of the other row as a \
         plain field"
    );
}

#[tokio::test]
async fn a_database_without_a_setting_is_named_with_who_wants_it() {
    let error = shop().site(Settings::new("sqlite::memory:")).await.expect_err("a setting is missing").to_string();
    assert_eq!(error, "app visits is in the database `analytics`: set DATABASE_URL_ANALYTICS");
    let routed = Project::new("shop").app(App::new("shop").models(models())).database_router(Growing);
    let error = routed.site(Settings::new("sqlite::memory:")).await.expect_err("a setting is missing").to_string();
    assert_eq!(
        error,
        "a router puts shop.View, shop.Outcome into the database `analytics`: set DATABASE_URL_ANALYTICS"
    );
}

/// A table that a router wants in two databases, as it is read from another one than it is written to.
struct Copied;

impl DatabaseRouter for Copied {
    fn db_for_read(&self, model: ModelName<'_>) -> Option<&str> {
        (model.app == "visits").then_some("analytics")
    }

    fn allow_migrate(&self, database: &str, app: &str, model: Option<&str>) -> Option<bool> {
        (database == "analytics" && app == "shop").then_some(model == Some("Tag"))
    }
}

#[tokio::test]
async fn reads_and_writes_can_go_to_different_databases_and_tables_be_in_both() {
    on_each_pair(async |pair| {
        let visits = Models::new().with::<Visit>().with::<Tag>();
        let history = detect(&visits, &[]).expect("first migrations");
        let of = |app: &str| history.iter().filter(|it| it.app == app).cloned().collect::<Vec<_>>();
        let project = Project::new("shop")
            .app(App::new("visits").model::<Visit>().migrations(of("visits")))
            .app(App::new("shop").model::<Tag>().migrations(of("shop")))
            .database_router(Copied);
        for database in ["default", "analytics"] {
            pair.run(&project, &["migrate", "--database", database]).await.expect("it runs");
        }
        assert_eq!(pair.tables().await, [["shop_tag", "visits_visit"], ["shop_tag", "visits_visit"]]);
        let site = project.site(pair.settings()).await.expect("a site");
        let write = site.db_for_write::<Visit>().expect("a database");
        Visit::builder().page("/").create(write).await.expect("a row");
        let read = site.db_for_read::<Visit>().expect("a database");
        assert_eq!(Visit::objects().count(write).await.expect("a number"), 1);
        assert_eq!(Visit::objects().count(read).await.expect("a number"), 0);
        site.db().close().await;
        site.db_named("analytics").expect("it is there").close().await;
    })
    .await;
}
