//! Migrations forwards and back, faked, interrupted, edited, and by several programs at once.

use std::sync::atomic::{AtomicBool, Ordering};

use nuages_orm::migrate::*;
use nuages_orm::{Db, Result};

use crate::support::{Place, on_each_engine};

fn id() -> Field {
    Field::new("id", Kind::BigAuto)
}

fn text(name: &'static str) -> Field {
    Field::new(name, Kind::Char { max_length: Some(40) })
}

fn book() -> ModelDef {
    ModelDef::new("shop", "Book").field(id()).field(text("title")).primary_key("id")
}

fn initial() -> Migration {
    Migration::new("shop", "0001_initial").create_model(book())
}

fn pages() -> Migration {
    let pages = Field::new("pages", Kind::Integer).default(Value::Int(7));
    Migration::new("shop", "0002_pages").after("shop", "0001_initial").add_field("Book", pages)
}

fn at(app: &str, name: &str) -> Target {
    Target::Migration(app.to_owned(), name.to_owned())
}

async fn migrate(db: &Db, history: &[Migration], target: &Target) -> Result<usize> {
    Migrator::new(db, history.to_vec())?.migrate(target, |_| {}).await
}

async fn applied(db: &Db, history: &[Migration]) -> Vec<String> {
    let shown = Migrator::new(db, history.to_vec()).unwrap().show().await.unwrap();
    shown.into_iter().filter(|line| line.applied.is_some()).map(|line| format!("{}.{}", line.app, line.name)).collect()
}

async fn run(db: &Db, sql: &str) {
    db.raw(sql, ()).execute().await.unwrap();
}

async fn numbers(db: &Db, sql: &str) -> Vec<i64> {
    db.raw(sql, ()).fetch::<(i64,)>().await.unwrap().into_iter().map(|(number,)| number).collect()
}

async fn texts(db: &Db, sql: &str) -> Vec<String> {
    db.raw(sql, ()).fetch::<(String,)>().await.unwrap().into_iter().map(|(text,)| text).collect()
}

async fn tables(db: &Db, place: &Place) -> Vec<String> {
    let sql = place.choose(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'shop_%' ORDER BY name",
        "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE 'shop_%' ORDER BY 1",
    );
    texts(db, sql).await
}

async fn titled(db: &Db, titles: &[&str]) {
    for title in titles {
        db.raw(format!("INSERT INTO shop_book (title) VALUES ('{title}')"), ()).execute().await.unwrap();
    }
}

async fn shout(past: Past) -> Result<()> {
    assert!(past.model("Author").unwrap_err().to_string().contains("no model shop.Author at this point"));
    let books = past.model("Book")?;
    assert_eq!(books.clone().filter("title__startswith", "b").count().await?, 2);
    let update = books.clone().filter("title", "nothing").update([("titel", "x")]).await;
    assert!(update.unwrap_err().to_string().contains("titel"));
    for row in books.order_by(["-title"]).all().await? {
        let title = row.text("title")?.to_uppercase();
        let one = past.model("Book")?.filter("id", row.int("id")?);
        one.update([("title", title.as_str())]).await?;
    }
    past.model("Book")?.create([("title", Value::Text("NEW".to_owned()))]).await?;
    past.model("Book")?.filter("title", "A").delete().await?;
    Ok(())
}

async fn whisper(past: Past) -> Result<()> {
    past.model("Book")?.update([("title", call(Function::Lower, [field("title")]))]).await?;
    Ok(())
}

mod then {
    //! A model as it was.

    #[derive(nuages_orm::Model, Debug)]
    #[model(app = "shop")]
    pub(super) struct Book {
        pub(super) id: i64,
        #[field(max_length = 40)]
        pub(super) title: String,
    }

    pub(super) mod wrong {
        #[derive(nuages_orm::Model, Debug)]
        #[model(app = "shop")]
        pub(in super::super) struct Book {
            id: i64,
            #[field(max_length = 40)]
            titel: String,
        }
    }
}

async fn typed(past: Past) -> Result<()> {
    use nuages_orm::Model as _;
    use then::Book;

    let error = past.clone().with::<then::wrong::Book>().unwrap_err().to_string();
    assert!(error.contains("field `titel`") && error.contains("did you mean `title`?"), "{error}");
    let past = past.with::<Book>()?;
    let query = Book::objects().filter(|b| b.title().ne("c"));
    past.batches(query, 1, async |past, books: Vec<Book>| {
        for mut book in books {
            book.title += "!";
            book.save(past.db()).await?;
        }
        Ok(())
    })
    .await
}

/// Adds 100 to each seat, and fails where it comes to the place that only the second try has made fit for it.
async fn seats(past: Past) -> Result<()> {
    past.model("Seat")?
        .batches(4, async |past, rows| {
            for row in rows {
                if (row.text("row")?, row.int("place")?, row.int("taken")?) == ("b", 2, 1) {
                    return Err(nuages_orm::Error::new(nuages_orm::ErrorKind::Value, "stumbled"));
                }
                let seat = past.model("Seat")?.filter("row", row.text("row")?).filter("place", row.int("place")?);
                seat.update([("taken", row.int("taken")? + 100)]).await?;
            }
            Ok(())
        })
        .await
}

static FAIL_ONCE: AtomicBool = AtomicBool::new(true);

async fn stumble(past: Past) -> Result<()> {
    past.model("Book")?
        .batches(2, async |past, rows| {
            for row in &rows {
                let to = format!("{}+", row.text("title")?);
                past.model("Book")?.filter("id", row.int("id")?).update([("title", to.as_str())]).await?;
            }
            if rows.iter().any(|row| row.text("title").is_ok_and(|title| title == "c"))
                && past.db().dialect() == nuages_orm::Dialect::Sqlite
                && FAIL_ONCE.swap(false, Ordering::SeqCst)
            {
                return Err(nuages_orm::Error::new(nuages_orm::ErrorKind::Value, "stumbled"));
            }
            Ok(())
        })
        .await
}

on_each_engine! {
    async fn migrations_are_undone_in_the_opposite_order(place: Place) {
        let db = place.db().await;
        let other = Migration::new("other", "0001_initial").after("shop", "0002_pages").create_model(
            ModelDef::new("other", "Note")
                .field(id())
                .field(Field::foreign_key("book", Reference::new("shop.Book", OnDelete::Cascade)))
                .primary_key("id"),
        );
        let history = [initial(), pages(), other];
        assert_eq!(migrate(&db, &history, &Target::All).await.unwrap(), 3);
        titled(&db, &[]).await;
        run(&db, "INSERT INTO shop_book (title, pages) VALUES ('Notes', 1)").await;
        let migrator = Migrator::new(&db, history.to_vec()).unwrap();
        let plan = migrator.plan(&at("shop", "0001")).await.unwrap();
        let plan: Vec<_> = plan.iter().map(|step| (step.migration.label(), step.backwards)).collect();
        assert_eq!(plan, [("other.0001_initial".to_owned(), true), ("shop.0002_pages".to_owned(), true)]);
        let mut seen = Vec::new();
        let count = migrator.migrate(&at("shop", "0001"), |progress| seen.push(format!("{progress:?}"))).await.unwrap();
        assert_eq!((count, seen.len()), (2, 4));
        assert!(seen[0].starts_with("Undoing") && seen[1].starts_with("Undone"), "{seen:?}");
        assert_eq!(applied(&db, &history).await, ["shop.0001_initial"]);
        assert_eq!(texts(&db, "SELECT title FROM shop_book").await, ["Notes"]);
        titled(&db, &["More"]).await;
        assert_eq!(migrate(&db, &history, &Target::Zero("shop".into())).await.unwrap(), 1);
        assert_eq!(tables(&db, &place).await, Vec::<String>::new());
        assert_eq!(numbers(&db, "SELECT count(*) FROM nuages_migrations").await, [0]);
        assert_eq!(migrate(&db, &history, &Target::All).await.unwrap(), 3);
    }

    async fn what_cannot_be_undone_is_said_before_anything_is(place: Place) {
        let db = place.db().await;
        let sql = Migration::new("shop", "0003_sql").after("shop", "0002_pages")
            .run_sql_one_way(["UPDATE shop_book SET title = 'x'"]);
        let last = Migration::new("shop", "0004_more").after("shop", "0003_sql").add_field("Book", text("more").null(true));
        let history = [initial(), pages(), sql, last];
        migrate(&db, &history, &Target::All).await.unwrap();
        let error = migrate(&db, &history, &at("shop", "0001")).await.unwrap_err().to_string();
        assert_eq!(
            error,
            "shop.0003_sql: Raw SQL operation does not say how it is undone, so nothing was: say how in the second list \
             of `run_sql`: `[]` if there is nothing to undo"
        );
        assert_eq!(applied(&db, &history).await.len(), 4);
    }

    async fn sql_means_what_it_is_said_to_mean_both_ways(place: Place) {
        let db = place.db().await;
        let sql = Migration::new("shop", "0002_sql").after("shop", "0001_initial")
            .run_sql(["ALTER TABLE shop_book ADD COLUMN pages integer"], ["ALTER TABLE shop_book DROP COLUMN pages"])
            .meaning(|models| models.add_field("Book", Field::new("pages", Kind::Integer).null(true)));
        let last = Migration::new("shop", "0003_rename").after("shop", "0002_sql").rename_field("Book", "pages", "leaves");
        let history = [initial(), sql, last];
        migrate(&db, &history, &Target::All).await.unwrap();
        run(&db, "INSERT INTO shop_book (title, leaves) VALUES ('Notes', 3)").await;
        migrate(&db, &history, &at("shop", "0001")).await.unwrap();
        assert_eq!(texts(&db, "SELECT title FROM shop_book").await, ["Notes"]);
        titled(&db, &["without pages"]).await;
    }

    async fn functions_work_on_the_models_as_they_were(place: Place) {
        let db = place.db().await;
        let data = Migration::new("shop", "0002_shout").after("shop", "0001_initial")
            .run_rust_both_ways("shout", shout, whisper);
        let typed = Migration::new("shop", "0003_typed").after("shop", "0002_shout")
            .run_rust_both_ways("typed", typed, Past::nothing)
            .add_field("Book", text("subtitle").default(Value::Text(String::new())));
        let history = [initial(), data, typed];
        migrate(&db, &history[..1], &Target::All).await.unwrap();
        titled(&db, &["a", "b", "bc"]).await;
        migrate(&db, &history[..2], &Target::All).await.unwrap();
        assert_eq!(texts(&db, "SELECT title FROM shop_book ORDER BY id").await, ["B", "BC", "NEW"]);
        migrate(&db, &history, &Target::All).await.unwrap();
        assert_eq!(texts(&db, "SELECT title FROM shop_book ORDER BY id").await, ["B!", "BC!", "NEW!"]);
        migrate(&db, &history, &at("shop", "0001")).await.unwrap();
        assert_eq!(texts(&db, "SELECT title FROM shop_book ORDER BY id").await, ["b!", "bc!", "new!"]);
    }

    async fn rows_are_populated_in_batches(place: Place) {
        let db = place.db().await;
        for atomic in [true, false] {
            let populate = Populate::new("Book")
                .set("slug", call(Function::Lower, [field("title")]))
                .only(not(compare(field("title"), Lookup::Exact, "B")))
                .back("slug", "back")
                .batch(2);
            let mut data = Migration::new("shop", "0002_slug").after("shop", "0001_initial")
                .add_field("Book", text("slug").default(Value::Text(String::new())))
                .populate(populate);
            data.atomic = atomic;
            let history = [initial(), data];
            migrate(&db, &history[..1], &Target::All).await.unwrap();
            titled(&db, &["A", "B", "C", "D", "E"]).await;
            let migrator = Migrator::new(&db, history.to_vec()).unwrap();
            let mut rows = Vec::new();
            migrator
                .migrate(&Target::All, |progress| {
                    if let Progress::Rows { done, total, .. } = progress {
                        rows.push((done, total));
                    }
                })
                .await
                .unwrap();
            assert_eq!(rows, [(2, Some(4)), (4, Some(4)), (4, Some(4))]);
            assert_eq!(texts(&db, "SELECT slug FROM shop_book ORDER BY id").await, ["a", "", "c", "d", "e"]);
            migrate(&db, &history, &at("shop", "0001")).await.unwrap();
            migrate(&db, &history, &Target::Zero("shop".into())).await.unwrap();
        }
    }

    async fn batches_of_a_migration_go_by_a_key_of_several_columns(place: Place) {
        let db = place.db().await;
        let seat = ModelDef::new("shop", "Seat")
            .field(text("row"))
            .field(Field::new("place", Kind::Integer))
            .field(Field::new("taken", Kind::Integer).default(Value::Int(0)))
            .primary_key("row")
            .primary_key("place");
        let taken = arithmetic(field("taken"), Operator::Add, value(1));
        let data = Migration::new("shop", "0002_taken").after("shop", "0001_initial").not_atomic();
        let data = data.populate(Populate::new("Seat").set("taken", taken).batch(2)).run_rust("seats", seats);
        let history = [Migration::new("shop", "0001_initial").create_model(seat), data];
        migrate(&db, &history[..1], &Target::All).await.unwrap();
        for row in ["a", "b"] {
            for place in 1..=3 {
                run(&db, &format!("INSERT INTO shop_seat (\"row\", place, taken) VALUES ('{row}', {place}, 0)")).await;
            }
        }
        // The first time, the function fails at its second batch.
        assert!(migrate(&db, &history, &Target::All).await.is_err());
        run(&db, "UPDATE shop_seat SET taken = 11 WHERE taken = 1 AND place = 2 AND \"row\" = 'b'").await;
        migrate(&db, &history, &Target::All).await.unwrap();
        let taken = numbers(&db, "SELECT CAST(taken AS bigint) FROM shop_seat ORDER BY \"row\", place").await;
        assert_eq!(taken, [101, 101, 101, 101, 111, 101]);
    }

    async fn what_is_not_atomic_goes_on_where_it_stopped(place: Place) {
        let db = place.db().await;
        let broken = place.choose("SELECT no_such()", "SELECT 1/0");
        let steps = |last: &'static str| {
            Migration::new("shop", "0002_steps").after("shop", "0001_initial").not_atomic()
                .add_field("Book", text("more").null(true))
                .run_rust_both_ways("stumble", stumble, Past::nothing)
                .run_sql([last], [])
        };
        let history = [initial(), steps(broken)];
        migrate(&db, &history[..1], &Target::All).await.unwrap();
        titled(&db, &["a", "b", "c", "d", "e"]).await;
        if place.is_sqlite() {
            let error = migrate(&db, &history, &Target::All).await.unwrap_err().to_string();
            assert!(error.contains("Run Rust function stumble failed: stumbled"), "{error}");
            assert!(error.contains("what was applied before stays so (Add field more to Book)"), "{error}");
            assert_eq!(texts(&db, "SELECT title FROM shop_book ORDER BY id").await, ["a+", "b+", "c", "d", "e"]);
        }
        let error = migrate(&db, &history, &Target::All).await.unwrap_err().to_string();
        assert!(error.contains("Raw SQL operation failed") && error.contains("goes on with this operation"), "{error}");
        // Each row once, though it took two runs.
        assert_eq!(texts(&db, "SELECT title FROM shop_book ORDER BY id").await, ["a+", "b+", "c+", "d+", "e+"]);
        assert_eq!(applied(&db, &history).await, ["shop.0001_initial"]);
        let edited = [initial(), steps("SELECT 1")];
        let error = migrate(&db, &edited, &Target::All).await.unwrap_err().to_string();
        assert!(error.contains("was edited after 2 of its operations were applied"), "{error}");
        if !place.is_sqlite() {
            return;
        }
        // The cause can also be removed from outside.
        run(&db, "UPDATE nuages_migrations SET done = 3 WHERE name = '0002_steps'").await;
        migrate(&db, &history, &Target::All).await.unwrap();
        assert_eq!(applied(&db, &history).await.len(), 2);
    }

    async fn an_edited_migration_is_named_and_can_be_accepted(place: Place) {
        let db = place.db().await;
        let history = [initial(), pages()];
        migrate(&db, &history, &Target::All).await.unwrap();
        let edited = [initial(), Migration::new("shop", "0002_pages").after("shop", "0001_initial")
            .add_field("Book", Field::new("pages", Kind::Integer).default(Value::Int(8)))];
        for target in [Target::All, at("shop", "0001")] {
            let error = migrate(&db, &edited, &target).await.unwrap_err().to_string();
            assert!(error.starts_with("shop.0002_pages was edited after being applied"), "{error}");
            assert!(error.contains("--accept-edited"), "{error}");
        }
        let migrator = Migrator::new(&db, edited.to_vec()).unwrap().accept_edited(true);
        assert_eq!(migrator.migrate(&Target::All, |_| {}).await.unwrap(), 0);
        assert_eq!(migrate(&db, &edited, &Target::All).await.unwrap(), 0);
        // Django records without a digest.
        run(&db, "DELETE FROM nuages_migrations").await;
        assert_eq!(migrate(&db, &history, &Target::All).await.unwrap(), 0);
    }

    async fn faking_records_and_runs_nothing(place: Place) {
        let db = place.db().await;
        let history = [initial(), pages()];
        let fake = Migrator::new(&db, history.to_vec()).unwrap().fake(true);
        assert_eq!(fake.migrate(&Target::All, |_| {}).await.unwrap(), 2);
        assert_eq!((tables(&db, &place).await.len(), applied(&db, &history).await.len()), (0, 2));
        assert_eq!(fake.migrate(&Target::Zero("shop".into()), |_| {}).await.unwrap(), 2);
        assert_eq!(applied(&db, &history).await.len(), 0);
        // The record of a table that is not there.
        fake.migrate(&at("shop", "0001"), |_| {}).await.unwrap();
        let error = migrate(&db, &history, &Target::All).await.unwrap_err().to_string();
        assert!(
            error.contains("shop.0002_pages: Add field pages to Book (table shop_book) failed")
                && error.contains("not as the migrations before this one left them"),
            "{error}"
        );
    }

    async fn a_first_migration_is_adopted_if_all_that_it_makes_is_there(place: Place) {
        let db = place.db().await;
        let author = ModelDef::new("shop", "Author").field(id()).primary_key("id");
        let first = initial().create_model(author).add_field("Author", text("name"));
        let history = [first, pages()];
        run(&db, "CREATE TABLE shop_book (id bigint PRIMARY KEY, title varchar(40))").await;
        let adopt = async || {
            let migrator = Migrator::new(&db, history.to_vec()).unwrap().fake_initial(true);
            let mut faked = Vec::new();
            migrator
                .migrate(&Target::All, |progress| {
                    if let Progress::Faked(migration) = progress {
                        faked.push(migration.label());
                    }
                })
                .await
                .map(|_| faked)
        };
        let error = adopt().await.unwrap_err().to_string();
        assert!(error.contains("already exists") && error.contains("--fake-initial"), "{error}");
        run(&db, "CREATE TABLE shop_author (id bigint PRIMARY KEY)").await;
        adopt().await.unwrap_err();
        run(&db, "ALTER TABLE shop_author ADD COLUMN name text").await;
        assert_eq!(adopt().await.unwrap(), ["shop.0001_initial"]);
        assert_eq!(applied(&db, &history).await.len(), 2);
    }

    async fn squashed_migrations_are_recorded_with_what_they_stand_for(place: Place) {
        let db = place.db().await;
        let more = Migration::new("shop", "0003_more").after("shop", "0002_pages").add_field("Book", text("more").null(true));
        let squashed = Migration::new("shop", "0001_squashed_0002_pages")
            .create_model(book())
            .add_field("Book", Field::new("pages", Kind::Integer).default(Value::Int(7)))
            .replaces("shop", "0001_initial")
            .replaces("shop", "0002_pages");
        let old = [initial(), pages()];
        let history = [initial(), pages(), more, squashed];
        // In part: the others go on.
        migrate(&db, &old[..1], &Target::All).await.unwrap();
        let plan = Migrator::new(&db, history.to_vec()).unwrap().plan(&Target::All).await.unwrap();
        let plan: Vec<_> = plan.iter().map(|step| step.migration.name.to_string()).collect();
        assert_eq!(plan, ["0002_pages", "0003_more"]);
        migrate(&db, &old, &Target::All).await.unwrap();
        let shown = Migrator::new(&db, history.to_vec()).unwrap().show().await.unwrap();
        assert_eq!((shown[0].squashed, shown[0].unrecorded, shown[0].applied.is_some()), (2, true, true));
        assert_eq!(migrate(&db, &history, &Target::All).await.unwrap(), 1);
        let names = "SELECT name FROM django_migrations WHERE app = 'shop' ORDER BY name";
        let all = ["0001_initial", "0001_squashed_0002_pages", "0002_pages", "0003_more"];
        assert_eq!(texts(&db, names).await, all);
        // Back and forth by the squashed one alone.
        migrate(&db, &history, &Target::Zero("shop".into())).await.unwrap();
        assert_eq!(texts(&db, names).await, Vec::<String>::new());
        assert_eq!(migrate(&db, &history, &Target::All).await.unwrap(), 2);
        assert_eq!(texts(&db, names).await, all);
        // The files may go, and then their records.
        let left = [history[2].clone(), history[3].clone()];
        assert_eq!(migrate(&db, &left, &Target::All).await.unwrap(), 0);
        let error = Migrator::new(&db, left.to_vec()).unwrap().prune("shop").await.unwrap_err().to_string();
        assert!(error.contains("still says that it stands for 0001_initial"), "{error}");
        let mut plain = left.clone();
        plain[0].dependencies = vec![("shop".into(), "0001_squashed_0002_pages".into())];
        plain[1].replaces.clear();
        let pruned = Migrator::new(&db, plain.to_vec()).unwrap().prune("shop").await.unwrap();
        assert_eq!(pruned, ["0001_initial", "0002_pages"]);
        assert_eq!(migrate(&db, &plain, &Target::All).await.unwrap(), 0);
    }

    async fn migrators_at_once_do_each_thing_once(place: Place) {
        let db = place.db().await;
        let data = Migration::new("shop", "0003_data").after("shop", "0002_pages").not_atomic()
            .add_field("Book", text("more").null(true))
            .run_sql(["INSERT INTO shop_book (title, pages) VALUES ('once', 1)"], []);
        let history = [initial(), pages(), data];
        let runs = (0..4).map(|_| {
            let (place, history) = (place.clone(), history.to_vec());
            tokio::spawn(async move {
                let db = place.db().await;
                let count = migrate(&db, &history, &Target::All).await.unwrap_or_else(|error| panic!("{error}"));
                db.close().await;
                count
            })
        });
        let mut sum = 0;
        for run in runs.collect::<Vec<_>>() {
            sum += run.await.unwrap();
        }
        assert_eq!(sum, 3);
        assert_eq!(texts(&db, "SELECT title FROM shop_book").await, ["once"]);
    }
}

#[cfg(feature = "postgres")]
#[test]
fn indexes_are_made_concurrently_and_locks_waited_for() {
    // An index made concurrently waits for all transactions of its database, those of other tests too.
    crate::support::on_postgres_database(concurrently);
}

#[cfg(feature = "postgres")]
async fn concurrently(place: Place) {
    let db = place.db().await;
    let index = Index::new(vec![OrderBy::asc(field("title"))]).name("book_title");
    let concurrent = Migration::new("shop", "0002_index")
        .after("shop", "0001_initial")
        .not_atomic()
        .add_index_concurrently("Book", index);
    let history = [initial(), concurrent];
    migrate(&db, &history[..1], &Target::All).await.unwrap();
    // What is left where the program was killed in between.
    titled(&db, &["a", "a"]).await;
    let failed = db.raw("CREATE UNIQUE INDEX CONCURRENTLY book_title ON shop_book (title)", ()).execute().await;
    failed.unwrap_err();
    let note = "INSERT INTO nuages_migrations (app, name, digest, done) VALUES ('shop', '0002_index', '0:', 0)";
    run(&db, note).await;
    migrate(&db, &history, &Target::All).await.unwrap();
    let valid =
        "SELECT count(*) FROM pg_index WHERE indexrelid = 'book_title'::regclass AND indisvalid AND NOT indisunique";
    assert_eq!(numbers(&db, valid).await, [1]);
    migrate(&db, &history, &at("shop", "0001")).await.unwrap();

    // Somebody holds the table: a few tries, and nothing is left.
    let patience = LockPatience { timeout: std::time::Duration::from_millis(20), retries: 2 };
    let history = [initial(), pages()];
    let holder = place.db().await;
    holder
        .atomic(async |holder: &Db| {
            run(holder, "LOCK TABLE shop_book IN ACCESS SHARE MODE").await;
            let migrator = Migrator::new(&db, history.to_vec()).unwrap().lock_patience(patience);
            let mut attempts = Vec::new();
            let tried = migrator
                .migrate(&Target::All, |progress| {
                    if let Progress::Again { attempt, .. } = progress {
                        attempts.push(attempt);
                    }
                })
                .await;
            let error = tried.unwrap_err().to_string();
            assert!(error.contains("other transactions held its tables each time it was tried"), "{error}");
            assert_eq!(attempts, [1, 2]);
            Ok::<_, nuages_orm::Error>(())
        })
        .await
        .unwrap();
    assert_eq!(migrate(&db, &history, &Target::All).await.unwrap(), 1);
}
