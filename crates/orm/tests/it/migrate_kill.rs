//! Migrations whose program is killed: after each statement, and within statements that wait or take long.
//!
//! The program is this test binary itself, told by its environment what to migrate and after which statement to kill
//! itself. What it leaves must be the state before or after, and the next migrator must bring it to its end.

use std::collections::BTreeSet;
use std::env;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use nuages_orm::Db;
use nuages_orm::migrate::*;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::field::{Field as Named, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use crate::support::{Place, contents};

fn id() -> Field {
    Field::new("id", Kind::BigAuto)
}

fn text(name: &'static str) -> Field {
    Field::new(name, Kind::Char { max_length: Some(40) })
}

fn key(name: &'static str, to: &'static str) -> Field {
    Field::foreign_key(name, Reference::new(to, OnDelete::Cascade).related_name("+"))
}

fn index(name: &'static str, over: &'static str) -> Index {
    Index::new(vec![OrderBy::asc(field(over))]).name(name)
}

fn check(name: &'static str, over: &'static str) -> Check {
    ModelDef::new("shop", "X").check(name, compare(field(over), Lookup::Gte, 0)).checks.remove(0)
}

fn initial() -> Migration {
    let model = |name: &'static str| ModelDef::new("shop", name);
    Migration::new("shop", "0001_initial")
        .create_model(model("Author").field(id()).field(text("name").unique(true)).primary_key("id"))
        .create_model(
            model("Book")
                .field(id())
                .field(text("title"))
                .field(Field::new("pages", Kind::Integer).null(true))
                .field(text("code").unique(true))
                .field(text("shelf").index(true).null(true))
                .field(key("author", "shop.Author"))
                .field(Field::many_to_many(
                    "readers",
                    Reference::new("shop.Author", OnDelete::Cascade).related_name("+"),
                ))
                .primary_key("id")
                .index(index("by_pages", "pages"))
                .check("some_pages", compare(field("pages"), Lookup::Gte, 0)),
        )
        .create_model(model("Note").field(id()).field(key("book", "shop.Book")).primary_key("id"))
        .create_model(model("Old").field(id()).primary_key("id"))
        .create_model(model("Code").field(text("code")).field(Field::new("number", Kind::Integer)).primary_key("code"))
}

const ROWS: [&str; 6] = [
    "INSERT INTO shop_author (name) VALUES ('Ada'), ('Zoë')",
    "INSERT INTO shop_book (title, pages, code, author_id) VALUES ('a', NULL, '1', 1), ('b', 2, '2', 2), \
     ('c', 3, '3', 1), ('d', NULL, '4', 1), ('e', 5, '5', 2)",
    "INSERT INTO shop_book_readers (book_id, author_id) VALUES (1, 2), (2, 2)",
    "INSERT INTO shop_note (book_id) VALUES (1), (5)",
    "INSERT INTO shop_old (id) VALUES (1)",
    "INSERT INTO shop_code (code, number) VALUES ('x', 1), ('y', 2)",
];

/// Every kind of operation. Those that PostgreSQL cannot do in a transaction are there if it is not atomic.
fn everything(atomic: bool) -> Migration {
    let born = || Field::new("born", Kind::Date).null(true);
    let author = || Reference::new("shop.Author", OnDelete::Cascade).related_name("+");
    let mut migration = Migration::new("shop", "0002_everything")
        .after("shop", "0001_initial")
        .create_model(ModelDef::new("shop", "Review").field(id()).field(key("book", "shop.Book")).primary_key("id"))
        .delete_model("Old")
        .rename_model("Note", "Remark")
        .alter_table("Remark", Some("remarks"))
        .add_field("Book", Field::new("rating", Kind::SmallInteger).default(Value::Int(3)))
        .add_field("Book", Field::many_to_many("likes", author()))
        .remove_field("Book", "shelf")
        .rename_field("Book", "title", "name")
        .alter_field_filled("Book", Field::new("pages", Kind::BigInteger), Value::Int(0))
        .alter_field("Book", Field::many_to_many("readers", author().table("shop_readers")))
        .add_index("Book", index("by_name", "name"))
        .rename_index("Book", "by_pages", "by_leaves")
        .remove_index("Book", "by_leaves")
        .add_constraint("Book", Unique::new("once", ["name", "rating"]))
        .add_constraint("Book", check("rated", "rating"))
        .remove_constraint("Book", "some_pages")
        .alter_unique_together("Book", [&["name", "pages"]])
        .alter_table_comment("Book", Some("all books"))
        .alter_primary_key("Code", ["code", "number"])
        .alter_managed("Code", false)
        .separate(|tables| tables.add_field("Author", born()), |models| models.add_field("Author", born()))
        .add_constraint_not_valid("Book", check("later", "rating"))
        .validate_constraint("Book", "later")
        .run_sql(["UPDATE shop_book SET rating = rating + 1"], ["UPDATE shop_book SET rating = rating - 1"])
        .run_rust_both_ways("shout at once", shout_at_once, Past::nothing)
        .populate(more().batch(100));
    if !atomic {
        migration = migration
            .not_atomic()
            .add_index_concurrently("Book", index("by_code", "code"))
            .remove_index_concurrently("Book", "by_name");
    }
    migration
}

/// Changes rows in batches of two, each row once.
fn rows(atomic: bool) -> Migration {
    let migration = Migration::new("shop", "0002_rows")
        .after("shop", "0001_initial")
        .rename_field("Book", "title", "name")
        .add_field("Book", Field::new("rating", Kind::SmallInteger).default(Value::Int(3)))
        .populate(more())
        .run_rust_both_ways("shout", shout, whisper)
        .run_sql(
            ["UPDATE shop_book SET rating = rating * 2", "UPDATE shop_book SET rating = rating + 1"],
            ["UPDATE shop_book SET rating = rating - 1", "UPDATE shop_book SET rating = rating / 2"],
        );
    if atomic { migration } else { migration.not_atomic() }
}

fn more() -> Populate {
    Populate::new("Book")
        .set("rating", arithmetic(field("rating"), Operator::Add, value(100)))
        .back("rating", arithmetic(field("rating"), Operator::Sub, value(100)))
        .batch(2)
}

async fn shout(past: Past) -> nuages_orm::Result<()> {
    past.model("Book")?
        .batches(2, async |past, books| {
            for book in books {
                let name = format!("{}!", book.text("name")?);
                past.model("Book")?.filter("id", book.int("id")?).update([("name", name.as_str())]).await?;
            }
            Ok(())
        })
        .await
}

async fn shout_at_once(past: Past) -> nuages_orm::Result<()> {
    past.model("Book")?.update([("name", call(Function::Upper, [field("name")]))]).await?;
    Ok(())
}

async fn whisper(past: Past) -> nuages_orm::Result<()> {
    past.model("Book")?
        .batches(2, async |past, books| {
            for book in books {
                let name = book.text("name")?.replacen('!', "", 1);
                past.model("Book")?.filter("id", book.int("id")?).update([("name", name.as_str())]).await?;
            }
            Ok(())
        })
        .await
}

/// The histories that the program knows.
fn history(name: &str) -> Vec<Migration> {
    let second = match name {
        "everything" => everything(true),
        "everything by steps" => everything(false),
        "rows" => rows(true),
        "rows by steps" => rows(false),
        "an index" => Migration::new("shop", "0002_index")
            .after("shop", "0001_initial")
            .not_atomic()
            .add_index_concurrently("Book", index("by_code", "code")),
        "a column" => Migration::new("shop", "0002_column")
            .after("shop", "0001_initial")
            .add_field("Book", Field::new("rating", Kind::SmallInteger).default(Value::Int(3))),
        other => panic!("no history {other}"),
    };
    vec![initial(), second]
}

fn target(back: bool) -> Target {
    if back { Target::Migration("shop".to_owned(), "0001_initial".to_owned()) } else { Target::All }
}

const URL: &str = "NUAGES_TEST_KILL_URL";
const HISTORY: &str = "NUAGES_TEST_KILL_HISTORY";
const BACK: &str = "NUAGES_TEST_KILL_BACK";
/// The number of statements that change something after which to kill.
const AFTER: &str = "NUAGES_TEST_KILL_AFTER";

/// What the other tests start as a process of its own: it migrates, and kills itself if it is told to.
#[test]
fn the_program() {
    let Ok(url) = env::var(URL) else { return };
    let history = history(&env::var(HISTORY).unwrap());
    let target = target(env::var_os(BACK).is_some());
    let after = env::var(AFTER).map_or(i64::MAX, |after| after.parse().unwrap());
    tracing::subscriber::set_global_default(KillAfter(AtomicI64::new(after))).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let place = Place { url };
        let migrator = Migrator::new(&place.db().await, history).unwrap();
        migrator.migrate(&target, |_| {}).await.unwrap();
    });
}

/// Kills the process when so many statements have changed something.
struct KillAfter(AtomicI64);

impl Subscriber for KillAfter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !metadata.is_span() && metadata.target() == "nuages::sql"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut changes = Changes(false);
        event.record(&mut changes);
        if changes.0 && self.0.fetch_sub(1, Ordering::SeqCst) == 1 {
            kill(std::process::id());
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Whether a statement changes something.
struct Changes(bool);

impl Visit for Changes {
    fn record_debug(&mut self, _: &Named, _: &dyn std::fmt::Debug) {}

    fn record_str(&mut self, field: &Named, sql: &str) {
        self.0 |= field.name() == "sql" && !["SELECT", "SET", "PRAGMA"].iter().any(|word| sql.starts_with(word));
    }
}

fn kill(process: u32) {
    let killed = Command::new("kill").args(["-9", &process.to_string()]).status().unwrap();
    assert!(killed.success());
}

/// The program on a database.
fn program(place: &Place, history: &str, back: bool, after: Option<usize>) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "migrate_kill::the_program", "--quiet", "--nocapture"]);
    command.stdout(Stdio::null()).env(URL, &place.url).env(HISTORY, history);
    if back {
        command.env(BACK, "1");
    }
    if let Some(after) = after {
        command.env(AFTER, after.to_string());
    }
    command
}

async fn wait(mut command: Command) -> ExitStatus {
    tokio::task::spawn_blocking(move || command.status().unwrap()).await.unwrap()
}

fn was_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    assert!(status.success() || status.signal() == Some(9), "{status}");
    !status.success()
}

async fn migrate(db: &Db, history: &[Migration], back: bool) {
    let migrator = Migrator::new(db, history.to_vec()).unwrap();
    migrator.migrate(&target(back), |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
}

/// The tables of the first migration, with rows; for the way back with all of the history.
async fn prepare(place: &Place, history: &[Migration], back: bool) {
    let db = place.db().await;
    migrate(&db, &history[..1], false).await;
    for sql in ROWS {
        db.raw(sql, ()).execute().await.unwrap();
    }
    if back {
        migrate(&db, history, false).await;
    }
    db.close().await;
}

/// What is there without a kill.
async fn undisturbed(place: &Place, history: &[Migration], back: bool) -> Vec<String> {
    let place = place.another().await;
    prepare(&place, history, back).await;
    let db = place.db().await;
    migrate(&db, history, back).await;
    let found = contents(&db, &place).await;
    db.close().await;
    place.drop().await;
    found
}

/// The states between the operations of the second migration: that before the first, and that after each.
async fn states(place: &Place, history: &[Migration]) -> BTreeSet<Vec<String>> {
    let mut states = BTreeSet::new();
    for count in 0..=history[1].operations.len() {
        let mut part = history[1].clone();
        part.operations.truncate(count);
        states.insert(undisturbed(place, &[history[0].clone(), part], false).await);
    }
    states
}

/// Kills the program after each of its statements, on a fresh database each time, until it comes to its end: what is
/// there then passes `look`, and the next migrator comes to the end that it would have had.
///
/// On PostgreSQL after every other, which is once for each operation at least, and on the way back after every fifth.
async fn kill_everywhere(place: &Place, name: &str, back: bool, look: impl Fn(&[String])) {
    let history = history(name);
    let end = undisturbed(place, &history, back).await;
    for after in (1..).step_by(if back { 5 } else { place.choose(1, 2) }) {
        let place = place.another().await;
        prepare(&place, &history, back).await;
        let killed = was_killed(wait(program(&place, name, back, Some(after))).await);
        let db = place.db().await;
        look(&contents(&db, &place).await);
        migrate(&db, &history, back).await;
        assert_eq!(contents(&db, &place).await, end, "{name}, back: {back}, killed after statement {after}");
        let applied = Migrator::new(&db, history.clone()).unwrap().show().await.unwrap();
        let applied: Vec<bool> = applied.iter().map(|line| line.applied.is_some()).collect();
        assert_eq!(applied, [true, !back]);
        db.close().await;
        place.drop().await;
        if !killed {
            assert!(after > 10, "the program has hardly begun");
            return;
        }
    }
}

/// Each as a test on a SQLite file, and one on a PostgreSQL database of its own.
macro_rules! on_each_engine_alone {
    ($(async fn $name:ident($place:ident: Place) $body:block)*) => {$(
        async fn $name($place: Place) $body

        mod $name {
            #[cfg(feature = "sqlite")]
            #[test]
            fn sqlite() {
                crate::support::on_sqlite(super::$name);
            }

            #[cfg(feature = "postgres")]
            #[test]
            fn postgres() {
                crate::support::on_postgres_database(super::$name);
            }
        }
    )*};
}

/// Something that holds the update of the third book up, until it is released.
enum Brake {
    /// On SQLite, a trigger that inserts rows without end.
    Endless,
    /// On PostgreSQL, a trigger that waits for a lock, which a transaction has.
    Lock(oneshot::Sender<()>, JoinHandle<()>),
}

impl Brake {
    async fn put(db: &Db, place: &Place) -> Brake {
        let run = async |sql: &str| {
            db.raw(sql, ()).execute().await.unwrap();
        };
        if place.is_sqlite() {
            run("CREATE TABLE brake AS SELECT 1000000000 AS rows").await;
            run("CREATE TABLE junk (bytes)").await;
            run("CREATE VIEW numbers AS WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number) \
                 SELECT n FROM number LIMIT (SELECT rows FROM brake)")
            .await;
            run("CREATE TRIGGER brake AFTER UPDATE ON shop_book WHEN new.id = 3 BEGIN INSERT INTO junk SELECT \
                 zeroblob(10000) FROM numbers; END")
            .await;
            return Brake::Endless;
        }
        run("CREATE FUNCTION brake() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN IF new.id = 3 THEN PERFORM pg_advisory_xact_lock_shared(42); END IF; RETURN new; END'")
        .await;
        run("CREATE TRIGGER brake BEFORE UPDATE ON shop_book FOR EACH ROW EXECUTE FUNCTION brake()").await;
        let (release, task) = hold(db, "SELECT pg_advisory_xact_lock(42)").await;
        Brake::Lock(release, task)
    }

    /// Waits until the update is held up.
    async fn wait(&self, db: &Db, place: &Place) {
        match self {
            Brake::Endless => wait_for_pages(place, 4_000_000).await,
            Brake::Lock(..) => {
                wait_for(db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").await
            }
        }
    }

    async fn release(self, db: &Db) {
        match self {
            Brake::Endless => {
                db.raw("UPDATE brake SET rows = 0", ()).execute().await.unwrap();
            }
            Brake::Lock(release, task) => {
                release.send(()).unwrap();
                task.await.unwrap();
            }
        }
    }
}

/// Runs a statement in a transaction that stays open until it is released.
async fn hold(db: &Db, sql: &'static str) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let ((release, released), (held, holds)) = (oneshot::channel::<()>(), oneshot::channel());
    let db = db.clone();
    let task = tokio::spawn(async move {
        db.atomic(async |db: &Db| {
            db.raw(sql, ()).writes().execute().await?;
            held.send(()).unwrap();
            released.await.unwrap();
            Ok::<_, nuages_orm::Error>(())
        })
        .await
        .unwrap();
    });
    holds.await.unwrap();
    (release, task)
}

/// Waits until the server counts something.
async fn wait_for(db: &Db, count: &str) {
    while db.raw(count, ()).writes().fetch::<(i64,)>().await.unwrap() == [(0,)] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until so many bytes were written into the journal of a SQLite file, before anything was committed.
async fn wait_for_pages(place: &Place, bytes: u64) {
    let journal = format!("{}-wal", place.url.trim_start_matches("sqlite://"));
    while std::fs::metadata(&journal).map_or(0, |file| file.len()) < bytes {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The rows of books, without what holds them up.
async fn books(db: &Db, place: &Place) -> Vec<String> {
    contents(db, place).await.into_iter().filter(|line| line.starts_with("shop_book: ")).collect()
}

/// The ratings in the books' order, as text.
async fn ratings(db: &Db) -> String {
    let rows = db.raw("SELECT CAST(rating AS bigint) FROM shop_book ORDER BY id", ()).fetch::<(i64,)>().await.unwrap();
    rows.iter().map(|(rating,)| rating.to_string()).collect::<Vec<_>>().join(" ")
}

/// Starts the program, kills it at the moment that comes after `wait`, and sees it end.
async fn kill_when(place: &Place, name: &str, wait: impl Future<Output = ()>) {
    let mut program = program(place, name, false, None).spawn().unwrap();
    wait.await;
    program.kill().unwrap();
    assert!(was_killed(program.wait().unwrap()));
}

#[cfg(feature = "postgres")]
#[test]
fn a_kill_while_it_waits_for_a_table_leaves_nothing() {
    crate::support::on_postgres_database(async |place: Place| {
        let (name, db) = ("a column", place.db().await);
        prepare(&place, &history(name), false).await;
        let start = contents(&db, &place).await;
        let (release, task) = hold(&db, "LOCK TABLE shop_book IN ACCESS SHARE MODE").await;
        let waits = "SELECT count(*) FROM pg_locks WHERE relation = 'shop_book'::regclass AND NOT granted";
        kill_when(&place, name, wait_for(&db, waits)).await;
        release.send(()).unwrap();
        task.await.unwrap();
        // The server may be about to take the lock for who is gone.
        wait_for(&db, "SELECT 1 - count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'").await;
        assert_eq!(contents(&db, &place).await, start);
        migrate(&db, &history(name), false).await;
        assert_eq!(ratings(&db).await, "3 3 3 3 3");
    });
}

#[cfg(feature = "postgres")]
#[test]
fn what_the_server_still_does_for_a_program_that_was_killed_is_waited_for() {
    crate::support::on_postgres_database(async |place: Place| {
        let (name, db) = ("an index", place.db().await);
        prepare(&place, &history(name), false).await;
        let (release, task) = hold(&db, "UPDATE shop_book SET pages = 9 WHERE id = 1").await;
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND \
                     wait_event_type = 'Lock' AND datname = current_database()";
        kill_when(&place, name, wait_for(&db, waits)).await;
        // The server goes on making the index, whoever asked for it. The next migrator must not meddle with it.
        let (next, migrated) = (place.clone(), history(name));
        let next = tokio::spawn(async move { migrate(&next.db().await, &migrated, false).await });
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT' AND state = 'idle in transaction' AND \
                     datname = current_database()";
        wait_for(&db, waits).await;
        release.send(()).unwrap();
        task.await.unwrap();
        next.await.unwrap();
        assert_eq!(contents(&db, &place).await.iter().filter(|line| line.contains("by_code")).count(), 1);
        wait_for(&db, "SELECT count(*) FROM pg_index WHERE indexrelid = 'by_code'::regclass AND indisvalid").await;
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn a_kill_while_a_table_is_made_anew_leaves_it_as_it_was() {
    crate::support::on_sqlite(async |place: Place| {
        let name = "a column";
        prepare(&place, &history(name), false).await;
        let db = place.db().await;
        let many = "WITH RECURSIVE number (n) AS (SELECT 6 UNION ALL SELECT n + 1 FROM number LIMIT 60000) INSERT INTO \
                    shop_book (title, code, author_id) SELECT hex(zeroblob(200)), n, 1 FROM number";
        db.raw(many, ()).execute().await.unwrap();
        let start = contents(&db, &place).await;
        db.close().await;
        kill_when(&place, name, wait_for_pages(&place, 1_000_000)).await;
        let db = place.db().await;
        assert!(contents(&db, &place).await == start);
        migrate(&db, &history(name), false).await;
        let threes: Vec<(i64,)> = db.raw("SELECT count(*) FROM shop_book WHERE rating = 3", ()).fetch().await.unwrap();
        assert_eq!(threes, [(60_005,)]);
    });
}

on_each_engine_alone! {
    async fn a_kill_within_a_batch_loses_that_batch_alone(place: Place) {
        for name in ["rows", "rows by steps"] {
            let place = place.another().await;
            let history = history(name);
            prepare(&place, &history, false).await;
            let db = place.db().await;
            let brake = Brake::put(&db, &place).await;
            let start = books(&db, &place).await;
            kill_when(&place, name, brake.wait(&db, &place)).await;
            brake.release(&db).await;
            if history[1].atomic {
                assert_eq!(books(&db, &place).await, start);
            } else {
                assert_eq!(ratings(&db).await, "103 103 3 3 3");
            }
            migrate(&db, &history, false).await;
            assert_eq!(ratings(&db).await, "207 207 207 207 207");
            db.close().await;
            place.drop().await;
        }
    }

    async fn a_kill_leaves_all_of_an_atomic_migration_or_nothing(place: Place) {
        let name = "everything";
        let history = history(name);
        for back in [false, true] {
            let mut part = history[1].clone();
            part.operations.clear();
            let start = match back {
                false => undisturbed(&place, &[history[0].clone(), part], false).await,
                true => undisturbed(&place, &history, false).await,
            };
            let end = undisturbed(&place, &history, back).await;
            kill_everywhere(&place, name, back, |found| assert!(found == start || found == end, "{found:#?}")).await;
        }
    }

    async fn a_kill_leaves_operations_done_or_not_begun(place: Place) {
        let name = "everything by steps";
        let states = states(&place, &history(name)).await;
        kill_everywhere(&place, name, false, |found| assert!(states.contains(found), "{found:#?}")).await;
        kill_everywhere(&place, name, true, |_| {}).await;
    }

    async fn a_kill_leaves_batches_done_or_not_begun_and_no_row_is_done_twice(place: Place) {
        let name = "rows by steps";
        kill_everywhere(&place, name, false, |found| {
            let books: Vec<&String> = found.iter().filter(|line| line.starts_with("shop_book: ")).collect();
            assert_eq!(books.len(), 5);
            let count = |sign: &str| books.iter().filter(|line| line.contains(sign)).count();
            let rating = |number: u32| {
                let rating = format!("\"rating\":{}{number}", if place.is_sqlite() { "" } else { " " });
                count(&format!("{rating},")) + count(&format!("{rating}}}"))
            };
            // Batches of two, two and one, one operation after the other.
            let (populated, shouted) = (rating(103), count("!\""));
            match (rating(3) + populated == 5, rating(206) + rating(207)) {
                (true, 0) => {
                    assert!([0, 2, 4, 5].contains(&populated) && [0, 2, 4, 5].contains(&shouted), "{books:#?}");
                    assert!(populated == 5 || shouted == 0, "{books:#?}");
                }
                (false, 5) => assert!(shouted == 5 && [0, 5].contains(&rating(206)), "{books:#?}"),
                (false, 0) => assert_eq!(count("rating"), 0, "{books:#?}"),
                _ => panic!("{books:#?}"),
            }
        })
        .await;
        kill_everywhere(&place, name, true, |_| {}).await;
    }
}
