//! The command line.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use nuages_orm::expr::length;
use nuages_orm::migrate::{Field, Kind, Migration, ModelDef, detect};
use nuages_orm::{Manager, Model, Models, QuerySet};
use nuages_web::{App, Command, ProgressBar, Project, Result, Settings, Site};

/// Runs a command on a database in memory; what it wrote.
async fn run(project: &Project, arguments: &[&str]) -> Result<String> {
    let mut out = Vec::new();
    project.run(arguments.iter().copied(), Settings::new("sqlite::memory:"), &mut out).await?;
    Ok(String::from_utf8(out).expect("commands write text"))
}

static GREETED: AtomicUsize = AtomicUsize::new(0);

/// Greet some people.
#[derive(clap::Parser)]
#[command(name = "greet")]
struct Greet {
    /// How many.
    #[arg(long, default_value_t = 1)]
    people: usize,
}

impl Command for Greet {
    async fn run(self, site: &Site) -> Result<()> {
        assert_eq!(site.name(), "site");
        GREETED.fetch_add(self.people, Ordering::SeqCst);
        Ok(())
    }
}

/// Counted, and what is.
#[derive(Model, Debug, Clone)]
#[model(app = "hall")]
struct Hall {
    id: i64,
    #[field(counts = "seats")]
    seat_count: i32,
}

#[derive(Model, Debug, Clone)]
#[model(app = "hall")]
struct Seat {
    id: i64,
    #[field(on_delete = Cascade, related_name = "seats")]
    hall: nuages_orm::ForeignKey<Hall>,
}

#[tokio::test]
async fn recount_compares_sets_right_and_installs() {
    let app = App::new("hall").model::<Hall>().model::<Seat>();
    let migrations = detect(&Models::new().with::<Hall>().with::<Seat>(), &[]).expect("migrations");
    let project = Project::new("site").app(app.migrations(migrations));
    let path = std::env::temp_dir().join(format!("nuages-recount-{}.db", std::process::id()));
    let url = format!("sqlite://{}", path.display());
    let run = async |arguments: &[&str]| {
        let mut out = Vec::new();
        let done = project.run(arguments.iter().copied(), Settings::new(url.clone()), &mut out).await;
        (done.map_err(|error| error.to_string()), String::from_utf8(out).expect("text"))
    };
    run(&["migrate"]).await.0.expect("migrated");
    let db = nuages_orm::Db::connect(&url, project.models()).await.expect("connected");
    let hall = Hall::builder().create(&db).await.expect("a hall");
    let seat = Seat::builder().hall(&hall).create(&db).await.expect("a seat");
    assert_eq!((seat.hall.key(), seat.id, hall.seat_count, hall.id), (&1, 1, 0, 1));
    assert_eq!(run(&["recount"]).await, (Ok(()), "hall.Hall.seat_count: right in 1 row\n".to_owned()));
    let triggers: Vec<(String,)> =
        db.raw("SELECT name FROM sqlite_master WHERE type = 'trigger'", ()).fetch().await.expect("names");
    for (name,) in triggers {
        db.raw(format!("DROP TRIGGER {name}"), ()).execute().await.expect("dropped");
    }
    db.raw("UPDATE hall_hall SET seat_count = 5", ()).execute().await.expect("set");
    let (done, told) = run(&["recount", "hall.Hall", "--check"]).await;
    assert!(
        told.starts_with("hall.Hall.seat_count: wrong in 1 of 1 row\n  row 1: 5 instead of 1\n  not kept: "),
        "{told}"
    );
    assert!(done.expect_err("is wrong").contains("`recount --install` makes what keeps them"));
    let (done, told) = run(&["check", "--data"]).await;
    assert!(told.contains("row 1: 5 instead of 1"), "{told}");
    assert!(done.expect_err("is wrong").contains("1 of the figures that the database keeps are wrong"));
    let (_, told) = run(&["recount", "--fix"]).await;
    assert!(told.starts_with("hall.Hall.seat_count: was wrong in 1 of 1 row, and is right now\n"), "{told}");
    let (done, told) = run(&["recount", "--install", "--check"]).await;
    assert_eq!(done, Ok(()));
    assert_eq!(told, "hall.Hall: what keeps its figures was made.\nhall.Hall.seat_count: right in 1 row\n");
    let (done, _) = run(&["recount", "hall.Hal"]).await;
    assert!(done.expect_err("is no name").contains("choices are hall.Hall.seat_count"));
    db.close().await;
    let _ = std::fs::remove_file(path);
}

#[cfg(feature = "encryption")]
mod encryption {
    use nuages_orm::Db;
    use nuages_orm::encryption::{Encrypted, EncryptionKey, KeyRing};

    use super::*;

    /// What nobody else may read.
    #[derive(Model, Debug, Clone)]
    #[model(app = "vault")]
    struct Secret {
        id: i64,
        #[field(blind_index)]
        text: Encrypted<String>,
    }

    #[tokio::test]
    async fn keys_are_rotated_counted_and_missed() {
        let migrations = detect(&Models::new().with::<Secret>(), &[]).expect("migrations");
        let project = Project::new("site").app(App::new("vault").model::<Secret>().migrations(migrations));
        let path = std::env::temp_dir().join(format!("nuages-rotate-{}.db", std::process::id()));
        let url = format!("sqlite://{}", path.display());
        let run = async |keys: &[&EncryptionKey], arguments: &[&str]| {
            let mut settings = Settings::new(url.clone());
            settings.encryption_keys = KeyRing::new(keys.iter().map(|key| (*key).clone())).ok();
            let mut out = Vec::new();
            let done = project.run(arguments.iter().copied(), settings, &mut out).await;
            (done.map_err(|error| error.to_string()), String::from_utf8(out).expect("text"))
        };
        let [old, new, other] = [(); 3].map(|()| EncryptionKey::generate().expect("random"));
        let open = async |key: &EncryptionKey| {
            let ring = KeyRing::new([key.clone()]).expect("a ring");
            Db::builder(&url).models(project.models()).keys(ring).connect().await.expect("connected")
        };
        run(&[&old], &["migrate"]).await.0.expect("migrated");
        let db = open(&old).await;
        for text in ["one", "two"] {
            let secret = Secret::builder().text(text).create(&db).await.expect("a secret");
            assert!(secret.id > 0 && secret.text.expose() == text);
        }
        let (done, told) = run(&[&new, &old], &["rotate_keys", "--check"]).await;
        assert_eq!(done, Err(format!("older keys {} are still needed: `rotate_keys` encrypts anew", old.id())));
        let missing = ", 2 blind indexes missing or of an older key";
        assert_eq!(told, format!("vault.Secret.text: 2 values, 0 by {}, 2 by {}{missing}\n", new.id(), old.id()));
        let (done, told) = run(&[&new, &old], &["rotate_keys", "vault.Secret", "--batch", "1"]).await;
        assert_eq!(done, Ok(()));
        assert_eq!(
            told,
            format!(
                "vault.Secret: 2 rows, 2 values encrypted anew, 2 blind indexes filled in.\n\
                 vault.Secret.text: 2 values, 2 by {}, 0 by {}\n\
                 Older keys {}: nothing here needs them: once no program seals with them, take them out of \
                 ENCRYPTION_KEYS.\n",
                new.id(),
                old.id(),
                old.id()
            )
        );
        let (done, told) = run(&[&new, &old], &["rotate_keys", "--check"]).await;
        assert!(done.is_ok(), "{told}");
        // What no key opens is named, by row, field and keys.
        let lost = open(&other).await;
        Secret::builder().text("lost").create(&lost).await.expect("a secret");
        let row = format!("vault.Secret 3: text is opened by none of the keys {}, {}", new.id(), old.id());
        for command in [&["rotate_keys"][..], &["check", "--data"], &["check", "--data", "vault"]] {
            let (done, told) = run(&[&new, &old], command).await;
            let error = done.expect_err("a key is missing");
            assert!(error.starts_with("1 ") && error.contains("ENCRYPTION_KEYS"), "{error}");
            assert!(told.contains(&row) && !told.contains("lost"), "{told}");
        }
        let (done, _) = run(&[], &["rotate_keys"]).await;
        assert!(done.expect_err("no keys").contains("is encrypted, but there are no keys: set ENCRYPTION_KEYS"));
        let (done, _) = run(&[&new], &["rotate_keys", "vault.Sekret"]).await;
        assert!(done.expect_err("no model").contains("vault.Secret"));
        // Before it is deployed.
        let (_, told) = run(&[], &["check", "--deploy"]).await;
        assert!(told.contains("Warning: vault.Secret.text is encrypted, but ENCRYPTION_KEYS is not set"), "{told}");
        let by_hand: EncryptionKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".parse().expect("a key");
        let (_, told) = run(&[&by_hand], &["check", "--deploy"]).await;
        let warning = format!("but the key {} looks made by hand, for development", by_hand.id());
        assert!(told.contains(&warning), "{told}");
        let (_, told) = run(&[&new], &["check", "--deploy"]).await;
        assert!(!told.contains("Warning"), "{told}");
        let _ = std::fs::remove_file(path);
    }
}

#[tokio::test]
async fn an_app_brings_commands_with_arguments() {
    let project = Project::new("site").app(App::new("hello").command::<Greet>());
    run(&project, &["greet", "--people", "3"]).await.expect("it runs");
    assert_eq!(GREETED.load(Ordering::SeqCst), 3);
    let help = run(&project, &["--help"]).await.expect_err("help is no command").to_string();
    assert!(help.contains("greet") && help.contains("Greet some people"), "{help}");
    let error = run(&project, &["greet", "--poeple", "3"]).await.expect_err("there is no such argument").to_string();
    assert!(error.contains("--people"), "{error}");
    let error = run(&project, &["gret"]).await.expect_err("there is no such command").to_string();
    assert!(error.contains("greet"), "{error}");
}

/// A name that the project has.
#[derive(clap::Parser)]
#[command(name = "runserver")]
struct Runserver;

impl Command for Runserver {
    async fn run(self, _: &Site) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn check_tells_every_problem() {
    let project = Project::new("site")
        .app(App::new("a").command::<Greet>().command::<Runserver>())
        .app(App::new("a"))
        .app(App::new("b").command::<Greet>());
    let error = run(&project, &["check"]).await.expect_err("much is wrong").to_string();
    let problems: Vec<&str> = error.lines().collect();
    assert_eq!(
        problems,
        [
            "a: two apps have this label; rename one",
            "a: command `runserver` is one of the project itself already; rename it",
            "b: command `greet` is one of app a already; rename it",
        ]
    );
    assert_eq!(run(&Project::new("site"), &["check"]).await.expect("nothing is wrong"), "No problems found.\n");
}

/// A book, for tests of what needs a table.
#[derive(Model, Debug)]
#[model(app = "shelf", ordering = [id])]
struct Book {
    id: i64,
    #[field(max_length = 100)]
    title: String,
    pages: Option<i32>,
    #[field(default = false)]
    lent: bool,
}

/// A database file of its own, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("nuages-web-{}", nuages_orm::Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).expect("a folder");
        Folder(folder)
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.0.join("test.db").display())
    }

    async fn run(&self, project: &Project, arguments: &[&str]) -> Result<String> {
        let mut out = Vec::new();
        project.run(arguments.iter().copied(), Settings::new(self.url()), &mut out).await?;
        Ok(String::from_utf8(out).expect("commands write text"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the folder goes");
    }
}

fn shelf() -> App {
    App::new("shelf").model::<Book>()
}

/// The project, its migrations written.
fn library() -> Project {
    let missing = detect(&Models::new().with::<Book>(), &[]).expect("a first migration");
    Project::new("library").app(shelf().migrations(missing))
}

#[tokio::test]
async fn makemigrations_writes_what_is_missing_and_migrate_applies_it() {
    let folder = Folder::new();
    let home = folder.0.join("migrations");
    let project = Project::new("library").app(shelf().migrations_in(&home));

    let error = folder.run(&project, &["makemigrations", "--check"]).await.expect_err("one is missing").to_string();
    assert_eq!(
        error,
        "migrations are missing; run makemigrations to write them:\nshelf.0001_initial\n    + Create model Book"
    );
    assert!(folder.run(&project, &["makemigrations", "--dry-run"]).await.expect("shown").contains("create_model"));
    assert!(!home.exists(), "nothing was written");
    let error = folder.run(&project, &["makemigrations", "shlef"]).await.expect_err("no such app").to_string();
    assert_eq!(error, "unknown app `shlef`: choices are shelf");

    let told = folder.run(&project, &["makemigrations"]).await.expect("written");
    assert!(told.contains("shelf.0001_initial") && told.contains("m0001_initial.rs"), "{told}");
    let source = std::fs::read_to_string(home.join("m0001_initial.rs")).expect("a file");
    assert!(source.contains("Migration::new(\"shelf\", \"0001_initial\")"), "{source}");

    let project = library();
    assert_eq!(folder.run(&project, &["makemigrations"]).await.expect("none"), "The migrations are complete.\n");
    assert_eq!(folder.run(&project, &["showmigrations"]).await.expect("shown"), "shelf\n [ ] 0001_initial\n");
    assert!(folder.run(&project, &["sqlmigrate", "shelf", "0001"]).await.expect("SQL").contains("CREATE TABLE"));
    let applied = folder.run(&project, &["migrate"]).await.expect("applied");
    assert_eq!(applied, "Applying shelf.0001_initial … done\n");
    assert_eq!(folder.run(&project, &["migrate"]).await.expect("none"), "The tables are up to date.\n");
    assert_eq!(folder.run(&project, &["showmigrations"]).await.expect("shown"), "shelf\n [X] 0001_initial\n");
}

/// A project whose books have had other fields, with a folder for what is missing.
fn with_history(folder: &Folder, fields: impl IntoIterator<Item = Field>) -> (Project, PathBuf) {
    let home = folder.0.join("migrations");
    let book = ModelDef::new("shelf", "Book").field(Field::new("id", Kind::BigAuto)).primary_key("id");
    let book = fields.into_iter().fold(book, ModelDef::field);
    let past = detect(&Models::new().with_definition(book), &[]).expect("a first migration");
    (Project::new("library").app(shelf().migrations(past).migrations_in(&home)), home)
}

fn text(name: &'static str) -> Field {
    Field::new(name, Kind::Char { max_length: Some(100) })
}

#[tokio::test]
async fn makemigrations_takes_answers_as_options_and_says_which_it_needs() {
    let folder = Folder::new();
    let pages = Field::new("pages", Kind::Integer).null(true);
    let lent = Field::new("lent", Kind::Boolean).default(false.into());
    let (project, home) = with_history(&folder, [text("name"), pages, lent]);
    let missing =
        folder.run(&project, &["makemigrations", "--no-input"]).await.expect_err("it must be asked").to_string();
    assert!(missing.contains("is it renamed? say --rename shelf.Book.name=title, or --no-rename"), "{missing}");
    let wrong = ["makemigrations", "--rename", "shelf.Book.name=title", "--fill", "shelf.Book.titel=x"];
    let error = folder.run(&project, &wrong).await.expect_err("nobody asked that").to_string();
    assert!(error.starts_with("--fill shelf.Book.titel=x answers nothing that is asked"), "{error}");
    assert!(!home.exists(), "nothing was written");
    let rename = ["makemigrations", "--rename", "shelf.Book.name=title", "--name", "better"];
    let error =
        folder.run(&project, &[&rename[..3], &["--check"]].concat()).await.expect_err("one is missing").to_string();
    assert!(error.ends_with("shelf.0002_rename_name_book_title\n    ~ Rename field name on Book to title"), "{error}");
    let shown = folder.run(&project, &[&rename[..], &["--dry-run"]].concat()).await.expect("shown");
    assert!(shown.contains("// ~ Rename field name on Book to title\n"), "{shown}");
    assert!(shown.contains(".rename_field(\"Book\", \"name\", \"title\")"), "{shown}");
    let told = folder.run(&project, &rename).await.expect("written");
    assert!(told.contains("shelf.0002_better: ") && told.contains("    ~ Rename field name on Book"), "{told}");
    assert!(home.join("m0002_better.rs").exists());
    let error = folder.run(&project, &["makemigrations", "--name", "so so"]).await.expect_err("no name").to_string();
    assert!(error.contains("use letters, digits and underscores"), "{error}");
}

#[tokio::test]
async fn makemigrations_writes_empty_ones_and_joins_branches() {
    let folder = Folder::new();
    let (project, home) = with_history(&folder, [text("title")]);
    folder.run(&project, &["makemigrations", "--empty", "shelf", "-n", "by_hand"]).await.expect("written");
    let source = std::fs::read_to_string(home.join("m0002_by_hand.rs")).expect("a file");
    assert!(source.contains(r#"Migration::new("shelf", "0002_by_hand").after("shelf", "0001_initial")"#), "{source}");
    folder.run(&project, &["makemigrations", "--empty"]).await.expect_err("an app must be named");

    let history = project.migrations();
    let branch = |name: &'static str, field: &'static str| {
        Migration::new("shelf", name).after("shelf", "0001_initial").add_field("Book", text(field).null(true))
    };
    let forked = |a: Migration, b: Migration| {
        let migrations = [history.clone(), vec![a, b]].concat();
        Project::new("library").app(shelf().migrations(migrations).migrations_in(&home))
    };
    let project = forked(branch("0002_a", "a"), branch("0002_b", "b"));
    let error = folder.run(&project, &["makemigrations"]).await.expect_err("two come last").to_string();
    assert_eq!(error, "0002_a and 0002_b all come last in shelf; run makemigrations --merge to join them");
    let told = folder.run(&project, &["makemigrations", "--merge"]).await.expect("written");
    assert!(told.starts_with("shelf.0003_merge_0002_a_0002_b: "), "{told}");
    let project = forked(branch("0002_a", "a"), branch("0002_b", "a"));
    let error = folder.run(&project, &["makemigrations", "--merge"]).await.expect_err("they clash").to_string();
    assert!(error.contains("both change field a of Book"), "{error}");
}

#[tokio::test]
async fn squashmigrations_writes_one_that_stands_for_many() {
    let folder = Folder::new();
    let (project, home) = with_history(&folder, [text("name")]);
    let second =
        Migration::new("shelf", "0002_title").after("shelf", "0001_initial").rename_field("Book", "name", "title");
    let history = [project.migrations(), vec![second]].concat();
    let project = Project::new("library").app(shelf().migrations(history).migrations_in(&home));
    let told = folder.run(&project, &["squashmigrations", "shelf", "0002"]).await.expect("written");
    assert!(told.starts_with("shelf.0001_squashed_0002_title: "), "{told}");
    assert!(told.contains("It stands for 2 migrations, with 1 operations in place of 2.\n"), "{told}");
    let source = std::fs::read_to_string(home.join("m0001_squashed_0002_title.rs")).expect("a file");
    assert!(source.contains(".replaces(\"shelf\", \"0001_initial\")"), "{source}");
    assert!(source.contains("create_model") && source.contains("\"title\""), "{source}");
    let arguments =
        ["squashmigrations", "shelf", "0001", "0002", "--squashed-name", "all", "--no-optimize", "--dry-run"];
    let shown = folder.run(&project, &arguments).await.expect("shown");
    assert!(shown.contains("0001_all") && shown.contains("rename_field"), "{shown}");
    let error = folder.run(&project, &["squashmigrations", "shelf", "0009"]).await.expect_err("not there").to_string();
    assert!(error.contains("0009"), "{error}");
}

#[tokio::test]
async fn migrate_goes_back_shows_its_plan_and_records_alone() {
    let folder = Folder::new();
    let project = library();
    let ask = async |arguments: &[&str]| folder.run(&project, arguments).await;
    let told = async |arguments: &[&str]| ask(arguments).await.expect("it runs");
    assert_eq!(told(&["migrate", "--plan"]).await, "shelf.0001_initial\n    Create model Book\n");
    let error = ask(&["migrate", "--check"]).await.expect_err("one is missing").to_string();
    assert_eq!(error, "not applied: shelf.0001_initial; run migrate");
    told(&["migrate", "shelf", "0001"]).await;
    assert_eq!(told(&["migrate", "--check"]).await, "The tables are up to date.\n");
    assert_eq!(told(&["migrate", "--plan"]).await, "Nothing to be done: the tables are up to date.\n");
    let plan = told(&["migrate", "shelf", "zero", "--plan"]).await;
    assert_eq!(plan, "shelf.0001_initial (undone)\n    Undo Create model Book\n");
    assert!(told(&["sqlmigrate", "shelf", "0001", "--backwards"]).await.contains("DROP TABLE \"shelf_book\""));
    assert_eq!(told(&["migrate", "shelf", "zero"]).await, "Undoing shelf.0001_initial … done\n");
    assert_eq!(told(&["migrate", "--fake"]).await, "shelf.0001_initial: recorded only\n");
    assert_eq!(told(&["showmigrations", "--plan", "shelf"]).await, "[X]  shelf.0001_initial\n");
    assert_eq!(told(&["migrate", "shelf", "--prune"]).await, "Nothing to forget.\n");
    let error = ask(&["migrate", "shelf", "0009"]).await.expect_err("no such migration").to_string();
    assert_eq!(error, "shelf has no migration `0009`; choices are 0001_initial");
    let error = ask(&["migrate", "--database", "other"]).await.expect_err("no such database").to_string();
    assert_eq!(error, "there is no database `other`: choices are default; set DATABASE_URL_OTHER for another");
}

/// A row of another database.
#[derive(Model, Debug)]
#[model(app = "visits")]
struct Visit {
    id: i64,
    #[field(max_length = 100)]
    page: String,
}

#[tokio::test]
async fn an_app_can_have_a_database_of_its_own() {
    let folder = Folder::new();
    let visits = Models::new().with::<Visit>();
    let missing = detect(&visits, &[]).expect("a first migration");
    let visits = App::new("visits").model::<Visit>().migrations(missing).database("analytics");
    let project = library().app(visits);
    let other = format!("sqlite://{}", folder.0.join("other.db").display());
    let settings = || {
        let url = folder.url();
        Settings::from_pairs([("DATABASE_URL", url.as_str()), ("DATABASE_URL_ANALYTICS", other.as_str())])
            .expect("settings")
    };
    let told = async |arguments: &[&str]| {
        let mut out = Vec::new();
        project.run(arguments.iter().copied(), settings(), &mut out).await.expect("it runs");
        String::from_utf8(out).expect("text")
    };
    let error = folder.run(&project, &["migrate"]).await.expect_err("the setting is missing").to_string();
    assert_eq!(error, "app visits is in the database `analytics`: set DATABASE_URL_ANALYTICS");

    let both = "Applying shelf.0001_initial … done\nApplying visits.0001_initial … done\n";
    assert_eq!(told(&["migrate"]).await, both);
    let shown = told(&["showmigrations", "--database", "analytics"]).await;
    assert_eq!(shown, "shelf\n [ ] 0001_initial\nvisits\n [ ] 0001_initial\n");
    assert_eq!(told(&["migrate", "--database", "analytics"]).await, both);

    let site = project.site(settings()).await.expect("a site");
    let analytics = site.db_named("analytics").expect("it is there");
    Visit::builder().page("/").create(analytics).await.expect("a row");
    assert_eq!(Visit::objects().count(analytics).await.expect("a number"), 1);
    let error = Visit::objects().count(site.db()).await.expect_err("it is not there").to_string();
    assert!(error.contains("visits.Visit"), "{error}");
    assert_eq!(Book::objects().count(site.db_named("default").expect("the first")).await.expect("a number"), 0);
    site.db().close().await;
    analytics.close().await;
}

#[tokio::test]
async fn an_app_without_a_folder_is_told_how_to_get_one() {
    let folder = Folder::new();
    let error = folder.run(&Project::new("library").app(shelf()), &["makemigrations"]).await.expect_err("no folder");
    assert!(error.to_string().contains(".migrations_in(concat!(env!(\"CARGO_MANIFEST_DIR\")"), "{error}");
}

#[tokio::test]
async fn query_shows_rows_in_every_form() {
    let folder = Folder::new();
    let project = library();
    folder.run(&project, &["migrate"]).await.expect("tables");
    let db = nuages_orm::Db::connect(&folder.url(), project.models()).await.expect("a database");
    for (title, pages, lent) in [("Ada", Some(120), true), ("Gustave", None, false), ("Émile, or", Some(7), false)] {
        Book::builder().title(title).pages(pages).lent(lent).create(&db).await.expect("a book");
    }
    db.close().await;
    let ask = async |arguments: &[&str]| {
        let arguments = [&["query", "shelf.Book"], arguments].concat();
        folder.run(&project, &arguments).await.unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    };

    assert_eq!(
        ask(&["--filter", "pages__isnull=false", "--order-by", "-pages"]).await,
        "id  title      pages  lent\n──  ─────────  ─────  ─────\n 1  Ada          120  true\n 3  Émile, or      7  \
         false\n(2 rows)\n"
    );
    assert_eq!(
        ask(&["--values", "title,pages", "--exclude", "lent=true", "--csv"]).await,
        "title,pages\r\nGustave,\r\n\"Émile, or\",7\r\n"
    );
    assert_eq!(
        ask(&["--values", "title", "--limit", "1", "--offset", "1", "--json"]).await,
        "[{\"title\":\"Gustave\"}]\n"
    );
    assert_eq!(ask(&["--filter", "id__in=1,2", "--filter", "title:=\"Ada\"", "--count"]).await, "1\n");
    assert_eq!(ask(&["--filter", "id__in=", "--count"]).await, "0\n");
    assert_eq!(ask(&["--filter", "pages=null", "--count"]).await, "1\n");
    assert_eq!(ask(&["--filter", "id=F(pages)", "--count"]).await, "0\n");
    assert_eq!(
        ask(&["--values", "lent", "--annotate", "n=count:id", "--filter", "n__gt=1", "--json"]).await,
        "[{\"lent\":false,\"n\":2}]\n"
    );
    assert_eq!(
        ask(&["--values", "title,n", "--annotate", "n=count:id", "--order-by", "title", "--limit", "1", "--json"])
            .await,
        "[{\"title\":\"Ada\",\"n\":1}]\n"
    );
    let sql = ask(&["--filter", "title=Ada", "--sql"]).await;
    assert!(sql.contains("\"shelf_book\".\"title\" = ?1") && sql.ends_with("-- 1: \"Ada\"\n"), "{sql}");
    assert!(ask(&["--filter", "id=1", "--explain"]).await.contains("shelf_book"));
}

#[tokio::test]
async fn query_says_what_is_wrong_and_what_would_be_right() {
    let folder = Folder::new();
    let project = library();
    let error = folder.run(&project, &["query", "shelf.Book"]).await.expect_err("no file").to_string();
    assert!(error.ends_with("test.db`: it does not exist; `migrate` makes it"), "{error}");
    assert!(!folder.0.join("test.db").exists());
    folder.run(&project, &["migrate"]).await.expect("tables");
    for (arguments, says) in [
        (vec!["shelf.Book", "--filter", "pages=many"], "shelf.Book.pages: IntegerField expects a number, got text"),
        (vec!["shelf.Bok"], "did you mean `shelf.Book`?"),
        (vec!["shelf.Book", "--filter", "titel=x"], "did you mean `title`?"),
        (vec!["shelf.Book", "--filter", "title__icontain=x"], "did you mean `icontains`?"),
        (vec!["shelf.Book", "--filter", "title"], "`title`: write LOOKUP=VALUE, such as id__gt=10"),
        (vec!["shelf.Book", "--filter", "title:=x"], "`title:=x`: no JSON"),
        (vec!["shelf.Book", "--annotate", "n=cuont:id"], "FIGURE is count, sum, avg, min or max"),
        (vec!["shelf.Book", "--json", "--csv"], "cannot be used with"),
        (vec!["shelf.Book", "--spec", "-"], "cannot be used with"),
        (vec![], "required"),
        (vec!["--spec", "/nowhere/specs.json"], "--spec /nowhere/specs.json: "),
    ] {
        let arguments = [vec!["query"], arguments].concat();
        let error = folder.run(&project, &arguments).await.expect_err("refused").to_string();
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
}

#[tokio::test]
async fn specs_are_answered_in_order_and_refused_ones_among_them() {
    let folder = Folder::new();
    let project = library();
    folder.run(&project, &["migrate"]).await.expect("tables");
    let file = folder.0.join("specs.json");
    let specs = r#"[{"model": "shelf.Book", "count": true}, {"model": "shelf.Book", "filter": {"no": 1}},
        {"model": "shelf.Book", "values": ["title"]}, {"model": "shelf.Book", "exists_only": true}]"#;
    std::fs::write(&file, specs).expect("written");
    let told = folder.run(&project, &["query", "--spec", &file.display().to_string()]).await.expect("answers");
    let answers: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(answers, serde_json::json!([0, {"error": "FieldError"}, [], false]));
}

/// A card in the catalogue, hidden once it is crossed out.
#[derive(Model, Debug)]
#[model(app = "cards", ordering = [id], managers(short = Short))]
struct Card {
    id: i64,
    #[field(max_length = 100)]
    text: String,
    #[field(soft_delete)]
    is_crossed_out: bool,
}

struct Short;

impl Manager<Card> for Short {
    fn query(cards: QuerySet<Card>) -> QuerySet<Card> {
        cards.filter(|card| length(card.text()).lt(4))
    }
}

#[tokio::test]
async fn what_managers_hide_is_shown_and_written_when_asked_for() {
    let folder = Folder::new();
    let missing = detect(&Models::new().with::<Card>(), &[]).expect("a first migration");
    let project = Project::new("library").app(App::new("cards").model::<Card>().migrations(missing));
    folder.run(&project, &["migrate"]).await.expect("tables");
    let db = nuages_orm::Db::connect(&folder.url(), project.models()).await.expect("a database");
    for text in ["Ada", "Gustave", "Or"] {
        Card::builder().text(text).create(&db).await.expect("a card");
    }
    Card::objects().filter(|card| card.text().eq("Or")).delete(&db).await.expect("crossed out");
    db.close().await;
    let ask = async |arguments: &[&str]| {
        let arguments = [&["query", "cards.Card", "--values", "text", "--json"], arguments].concat();
        folder.run(&project, &arguments).await.map(|text| text.split_whitespace().collect::<String>())
    };
    assert_eq!(ask(&[]).await.expect("rows"), r#"[{"text":"Ada"},{"text":"Gustave"}]"#);
    assert_eq!(ask(&["--all"]).await.expect("rows"), r#"[{"text":"Ada"},{"text":"Gustave"},{"text":"Or"}]"#);
    assert_eq!(ask(&["--manager", "short"]).await.expect("rows"), r#"[{"text":"Ada"}]"#);
    let error = ask(&["--manager", "shrt"]).await.expect_err("no such manager").to_string();
    assert!(error.contains("unknown manager `shrt`: choices are objects, short; did you mean `short`?"), "{error}");
    assert!(ask(&["--manager", "short", "--all"]).await.is_err());

    let dump = async |arguments: &[&str]| {
        let arguments = [&["dumpdata", "--format", "jsonl"], arguments].concat();
        folder.run(&project, &arguments).await.expect("written").lines().count()
    };
    assert_eq!((dump(&[]).await, dump(&["-a"]).await, dump(&["--all"]).await), (2, 3, 3));
}

#[tokio::test]
async fn rows_are_written_to_files_and_loaded_from_them() {
    let folder = Folder::new();
    let project = Project::new("library").app(
        shelf().migrations(detect(&Models::new().with::<Book>(), &[]).expect("a migration")).fixtures_in(&folder.0),
    );
    folder.run(&project, &["migrate"]).await.expect("tables");
    let books = folder.0.join("books.json");
    let text = r#"[{"model": "shelf.book", "pk": 1, "fields": {"title": "Ada", "pages": 120, "lent": true}}, {"model": "shelf.book", "pk": 2, "fields": {"title": "Or", "pages": null, "lent": false}}]"#;
    std::fs::write(&books, text).expect("written");
    let told = folder.run(&project, &["loaddata", "books"]).await.expect("loaded");
    assert_eq!(told, "Loaded 2 objects from 1 fixture.\n");
    assert_eq!(folder.run(&project, &["dumpdata"]).await.expect("written"), text);
    assert_eq!(
        folder.run(&project, &["dumpdata", "shelf.book", "--pks", "2", "--format", "jsonl"]).await.expect("one"),
        "{\"model\": \"shelf.book\",\"pk\": 2,\"fields\": {\"title\": \"Or\",\"pages\": null,\"lent\": false}}\n"
    );
    assert_eq!(folder.run(&project, &["dumpdata", "-e", "shelf", "--indent", "2"]).await.expect("none"), "[\n]\n");

    let out = folder.0.join("out.jsonl").display().to_string();
    let told = folder.run(&project, &["dumpdata", "--format", "jsonl", "-o", &out]).await.expect("written");
    assert_eq!(told, format!("2 objects in {out}.\n"));
    assert_eq!(
        std::fs::read_dir(&folder.0)
            .expect("a folder")
            .filter(|entry| { entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().contains("out")) })
            .count(),
        1,
        "nothing else is left"
    );
    let told = folder.run(&project, &["loaddata", &out, "--exclude", "shelf.Book"]).await.expect("loaded");
    assert_eq!(told, "Loaded 0 objects from 1 fixture, 2 left out.\n");

    for (arguments, says) in [
        (vec!["dumpdata", "shelv"], "unknown app or model `shelv`; did you mean `shelf`?"),
        (vec!["dumpdata", "shelf", "--pks", "1"], "name it as `app.Model`"),
        (vec!["dumpdata", "-o", "/nowhere/x.json"], "/nowhere/x.json cannot be written"),
        (vec!["loaddata", "bocks"], "no fixture `bocks`: there is no such file, and not in "),
        (vec!["loaddata", "books", "--app", "shlef"], "unknown app `shlef`: choices are shelf"),
        (vec!["loaddata", "-"], "- needs --format json or --format jsonl"),
        (vec!["loaddata"], "required"),
    ] {
        let error = folder.run(&project, &arguments).await.expect_err("refused").to_string();
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
    let bad = folder.0.join("bad.json").display().to_string();
    std::fs::write(&bad, text.replace("title", "titel")).expect("written");
    let error = folder.run(&project, &["loaddata", &bad]).await.expect_err("refused").to_string();
    assert_eq!(error, format!("{bad}, object 1: shelf.Book: unknown field `titel`; did you mean `title`?"));
}

/// Lend all books, in batches that go on where they stopped.
#[derive(clap::Parser)]
#[command(name = "lend")]
struct Lend;

impl Command for Lend {
    async fn run(self, site: &Site) -> Result<()> {
        let run = Book::objects().in_batches(2).resumable("lend them all");
        let run = run.on_progress(ProgressBar::new("Lending").listener());
        run.update(site.db(), |b| b.lent().set(true)).await?;
        Ok(())
    }
}

#[tokio::test]
async fn runs_in_batches_are_shown_and_forgotten() {
    let folder = Folder::new();
    let missing = detect(&Models::new().with::<Book>(), &[]).expect("a first migration");
    let project = Project::new("library").app(shelf().migrations(missing).command::<Lend>());
    folder.run(&project, &["migrate"]).await.expect("migrated");
    let none = folder.run(&project, &["batches"]).await.expect("none yet");
    assert!(none.ends_with("(0 rows)\n"), "{none}");

    let rows = r#"[{"model": "shelf.book", "pk": 1, "fields": {"title": "Nuages", "lent": false}}]"#;
    std::fs::write(folder.0.join("one.json"), rows).expect("written");
    folder.run(&project, &["loaddata", folder.0.join("one.json").to_str().expect("a path")]).await.expect("loaded");
    folder.run(&project, &["lend"]).await.expect("lent");
    let shown = folder.run(&project, &["batches"]).await.expect("shown");
    assert!(shown.contains("lend them all  shelf.Book     1  20") && shown.ends_with("(1 row)\n"), "{shown}");

    let error = folder.run(&project, &["batches", "--forget", "lend"]).await.expect_err("there is none").to_string();
    assert_eq!(error, "there is no run `lend`; `batches` shows those that are");
    folder.run(&project, &["batches", "--forget", "lend them all"]).await.expect("forgotten");
    assert!(folder.run(&project, &["batches"]).await.expect("none again").ends_with("(0 rows)\n"));
}

#[tokio::test]
async fn check_shows_foreign_keys_in_a_circle() {
    use nuages_orm::Kind;
    use nuages_orm::model::{Field, ModelDef, OnDelete, Reference};

    let model = |name: &'static str, key: &'static str, to: &'static str| {
        let reference = Reference::new(to, OnDelete::Cascade).related_name("+");
        let start = ModelDef::new("shop", name).field(Field::new("id", Kind::BigAuto)).primary_key("id");
        start.field(Field::foreign_key(key, reference))
    };
    let models = Models::new()
        .with_definition(model("A", "b", "shop.B"))
        .with_definition(model("B", "a", "shop.A").field(Field::new("n", Kind::Integer)));
    let project = Project::new("site").app(App::new("shop").models(models));
    assert_eq!(
        run(&project, &["check"]).await.expect("nothing is wrong"),
        "Foreign keys in a circle:\n  shop.A.b → shop.B.a → shop.A  (none may be null: its rows can only be written \
         together, in one transaction)\nNo circle is left without shop.B.a: to be added once the tables are there.\n\
         No problems found.\n"
    );
}

#[derive(Model)]
#[model(app = "shelf")]
struct Record {
    id: i64,
    #[field(schema = r#"{"properties": {"year": {"minimum": 1877}}, "additionalProperties": {"type": "string"}}"#)]
    notes: nuages_orm::Json,
}

#[tokio::test]
async fn check_data_lists_documents_that_could_not_be_written() {
    let folder = Folder::new();
    let project = Project::new("site").app(App::new("shelf").model::<Record>());
    let db = nuages_orm::Db::connect(&folder.url(), Models::new().with::<Record>()).await.expect("a file");
    nuages_orm::migrate::create_tables(&db).await.expect("tables");
    for year in [1937, 1940] {
        Record::builder().notes(nuages_orm::json!({ "year": year })).create(&db).await.expect("it fits");
    }
    let ask = async |arguments: &[&str]| {
        let mut out = Vec::new();
        let outcome = project.run(arguments.iter().copied(), Settings::new(folder.url()), &mut out).await;
        (String::from_utf8(out).expect("text"), outcome.map_err(|error| error.to_string()))
    };
    let (out, outcome) = ask(&["check", "--data"]).await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(out, "2 documents fit the JSON Schemas of their fields.\nNo problems found.\n");

    let bad = r#"UPDATE shelf_record SET notes = '{"year": 7, "a\u001b[31m": 1}' WHERE id = 2"#;
    db.raw(bad, ()).execute().await.expect("raw SQL is not checked");
    for arguments in [&["check", "--data"][..], &["check", "--data", "shelf.Record"], &["check", "--data", "shelf"]] {
        let (out, outcome) = ask(arguments).await;
        assert_eq!(
            out,
            "shelf.Record 2: notes/year: value is less than the minimum of 1877 (minimum)\n\
             shelf.Record 2: notes/a\\u{1b}[31m: value is not of type \"string\" (type)\n"
        );
        let error = outcome.expect_err("there is one");
        assert!(error.starts_with("1 of 2 documents do not fit the JSON Schemas of their fields"), "{error}");
    }
    for (label, says) in [("shelf.Recrod", "did you mean `shelf.Record`?"), ("shop", "unknown app or model `shop`")] {
        let error = ask(&["check", "--data", label]).await.1.expect_err("there is none");
        assert!(error.contains(says), "{error}");
    }
    db.close().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_one_sentence_without_its_password() {
    let mut out = Vec::new();
    for url in ["sqlite:///nowhere/site.db", "postgres://ada:hunter2@127.0.0.1:1/site"] {
        if url.starts_with("postgres") && !cfg!(feature = "postgres") {
            continue;
        }
        for command in ["migrate", "runserver", "showmigrations"] {
            let error =
                library().run([command], Settings::new(url), &mut out).await.expect_err("no database").to_string();
            assert_eq!(error.lines().count(), 1, "{error}");
            assert!(
                !error.contains("hunter2")
                    && error.contains(if url.contains("127") { "127.0.0.1:1" } else { "/nowhere" })
            );
        }
    }
    assert_eq!(out, b"");
}
