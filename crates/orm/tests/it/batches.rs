//! Batches in the order of the key: what they promise while rows come and go, errors happen and programs are killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use nuages_orm::batch::{self, Progress};
use nuages_orm::db::{assert_queries, capture};
use nuages_orm::expr::count;
use nuages_orm::{Date, Db, Error, ErrorKind, ForeignKey, Model, Models, OneToOne, Result, Uuid, migrate};

use crate::query::{Author, Book, shop};
use crate::support::{Place, on_each_engine};

/// Something to be worked on once.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "mill", ordering = [-weight])]
struct Sack {
    pub id: i64,
    pub weight: i64,
    #[field(default = 0)]
    pub milled: i32,
}

/// That it was, and by whom.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "mill")]
struct Note {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "notes")]
    pub sack: ForeignKey<Sack>,
    #[field(max_length = 20)]
    pub miller: String,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "mill")]
struct Letter {
    #[field(primary_key, max_length = 40)]
    pub text: String,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "mill")]
struct Token {
    #[field(primary_key)]
    pub id: Uuid,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "mill", primary_key = [tenant, day, flag])]
struct Visit {
    #[field(max_length = 20)]
    pub tenant: String,
    pub day: Date,
    pub flag: bool,
    #[field(default = 0)]
    pub seen: i32,
}

/// Known by its sack, whose own order is another.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "mill")]
struct Label {
    #[field(primary_key, on_delete = Cascade)]
    pub sack: OneToOne<Sack>,
}

fn models() -> Models {
    Models::new().with::<Sack>().with::<Note>().with::<Letter>().with::<Token>().with::<Visit>().with::<Label>()
}

async fn connect(place: &Place) -> Db {
    Db::builder(&place.url).models(models()).pool_size(6).connect().await.unwrap()
}

/// A mill with this many sacks, numbered from 1, the heaviest last.
async fn mill(place: &Place, sacks: i64) -> Db {
    let db = connect(place).await;
    migrate::create_tables(&db).await.unwrap();
    db.atomic(async |db: &Db| {
        for weight in 1..=sacks {
            Sack::builder().weight(weight).create(db).await?;
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    db
}

/// Mills sacks: to do it twice would show.
async fn grind(db: &Db, sacks: Vec<Sack>, miller: &str) -> Result<()> {
    for sack in sacks {
        Sack::objects().filter(|s| s.id().eq(sack.id)).update(db, |s| s.milled().set(s.milled() + 1)).await?;
        Note::builder().sack(&sack).miller(miller).create(db).await?;
    }
    Ok(())
}

/// Whether each sack was milled just once, and each time noted.
async fn assert_milled_once(db: &Db, sacks: i64) {
    let milled: Vec<i32> = Sack::objects().values(|s| s.milled()).all(db).await.unwrap();
    assert_eq!(milled, vec![1; usize::try_from(sacks).unwrap()]);
    let notes = Sack::objects().values(|s| count(s.notes().id())).distinct().order_by(|_| ()).all(db).await;
    assert_eq!(notes.unwrap(), [sacks]);
    let one_each = Sack::objects().annotate(|s| count(s.notes().id())).all(db).await.unwrap();
    assert!(one_each.iter().all(|(_, notes)| *notes == 1));
}

async fn keys<M: Model>(db: &Db, rows: u64) -> Vec<Vec<M::Key>> {
    let batches = M::objects().in_batches(rows).stream(db);
    batches.map_ok(|batch| batch.iter().map(Model::key).collect()).try_collect().await.unwrap()
}

on_each_engine! {
    async fn batches_go_by_the_key_whatever_it_is_made_of(place: Place) {
        let db = mill(&place, 5).await;
        assert_eq!(keys::<Sack>(&db, 2).await, [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!(keys::<Sack>(&db, 5).await, [vec![1, 2, 3, 4, 5]], "no empty batch at the end");
        assert_eq!(keys::<Sack>(&db, 0).await.len(), 5, "one row at least");
        assert!(keys::<Letter>(&db, 2).await.is_empty());

        for id in [2, 5, 1] {
            Label::builder().sack_id(id).create(&db).await.unwrap();
        }
        assert_eq!(keys::<Label>(&db, 2).await, [vec![1, 2], vec![5]], "not in the order of the sacks");

        let words = ["Ünder", "a", "A", "b", "_", "100%", "z", "Z", "ä", ""];
        for word in words {
            Letter::builder().text(word).create(&db).await.unwrap();
        }
        let letters = keys::<Letter>(&db, 3).await;
        let sorted: Vec<String> = Letter::objects().order_by(|l| l.text()).values(|l| l.text()).all(&db).await.unwrap();
        assert_eq!(letters.concat(), sorted, "in the order that the database has");
        assert_eq!(letters.len(), 4);

        for _ in 0..7 {
            Token::builder().id(Uuid::new_v4()).create(&db).await.unwrap();
        }
        let tokens: Vec<Uuid> = Token::objects().order_by(|t| t.id()).values(|t| t.id()).all(&db).await.unwrap();
        assert_eq!(keys::<Token>(&db, 2).await.concat(), tokens);

        let mut visits = Vec::new();
        for tenant in ["a", "b", "B"] {
            for day in ["2024-02-29", "2024-01-01", "2025-01-01"] {
                for flag in [true, false] {
                    let day: Date = day.parse().unwrap();
                    visits.push(Visit::builder().tenant(tenant).day(day).flag(flag).create(&db).await.unwrap().key());
                }
            }
        }
        for rows in [1, 4, 17, 18, 19] {
            let found = keys::<Visit>(&db, rows).await.concat();
            let set: BTreeSet<String> = found.iter().map(|key| format!("{key:?}")).collect();
            assert_eq!((found.len(), set.len()), (18, 18), "each once in batches of {rows}");
        }
        let sql = Visit::objects().in_batches(4).update(&db, |v| v.seen().set(v.seen() + 1));
        let (changed, sent) = capture(sql).await;
        assert_eq!(changed.unwrap(), 18);
        let compared = sent.iter().filter(|query| query.sql.contains(r#""flag") > ("#)).count();
        assert!(compared >= 4, "an index on the key serves: {sent:?}");
        assert!(Visit::objects().all(&db).await.unwrap().iter().all(|visit| visit.seen == 1));
        assert_eq!(Visit::objects().filter(|v| v.tenant().ne("b")).in_batches(5).delete(&db).await.unwrap().total, 12);
    }

    async fn rows_that_come_and_go_meanwhile_shift_nothing(place: Place) {
        let db = mill(&place, 20).await;
        let mut met = Vec::new();
        let mut batches = pin!(Sack::objects().in_batches(4).stream(&db));
        while let Some(batch) = batches.try_next().await.unwrap() {
            met.extend(batch.iter().map(|sack| sack.id));
            let last = *met.last().unwrap();
            // What was met goes, what comes next goes, and new ones come at the end, once.
            Sack::objects().filter(|s| s.id().lte(last)).delete(&db).await.unwrap();
            Sack::objects().filter(|s| s.id().eq(last + 1)).delete(&db).await.unwrap();
            if met.len() == 4 {
                Sack::builder().weight(100).create(&db).await.unwrap();
            }
        }
        assert_eq!(met, [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19, 21]);
    }

    async fn a_batch_is_a_transaction_and_those_before_it_stay(place: Place) {
        let db = mill(&place, 10).await;
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&told);
        let sizes = Mutex::new(Vec::new());
        let work = Sack::objects().filter(|s| s.weight().gt(1)).in_batches(4);
        let work = work.on_progress(move |Progress { done, total, .. }| listener.lock().unwrap().push((done, total)));
        let outcome = work.for_each(&db, async |db, sacks| {
            assert!(db.in_transaction());
            sizes.lock().unwrap().push(sacks.len());
            grind(db, sacks, "ada").await?;
            if sizes.lock().unwrap().len() == 3 { Err(Error::new(ErrorKind::Value, "the stone broke")) } else { Ok(()) }
        });
        assert_eq!(outcome.await.unwrap_err().to_string(), "the stone broke");
        assert_eq!(*sizes.lock().unwrap(), [4, 4, 1]);
        assert_eq!(*told.lock().unwrap(), [(0, Some(9)), (4, Some(9)), (8, Some(9))]);
        assert_eq!(Note::objects().count(&db).await.unwrap(), 8);

        // Inside a transaction, each batch is a savepoint.
        let undone = db.atomic(async |db: &Db| {
            let done = Sack::objects().in_batches(3).for_each(db, async |db, sacks| grind(db, sacks, "bob").await).await?;
            assert_eq!(done, 10);
            Err::<(), _>(Error::new(ErrorKind::Value, "never mind"))
        });
        assert!(undone.await.is_err());
        assert_eq!(Note::objects().count(&db).await.unwrap(), 8);
    }

    async fn each_row_comes_once_though_a_join_finds_it_often(place: Place) {
        let db = mill(&place, 3).await;
        let sacks: Vec<Sack> = Sack::objects().order_by(|s| s.id()).all(&db).await.unwrap();
        for sack in &sacks {
            for miller in ["ada", "bob", "bob", "eve"] {
                Note::builder().sack(sack).miller(miller).create(&db).await.unwrap();
            }
        }
        let found = Sack::objects().filter(|s| s.notes().miller().in_(["ada", "bob"]));
        for rows in 1..8 {
            let met: Vec<Vec<Sack>> = found.clone().in_batches(rows).stream(&db).try_collect().await.unwrap();
            assert_eq!(met.concat(), sacks, "in batches of {rows}");
        }
        let annotated = found.clone().annotate(|s| s.notes().miller()).in_batches(10);
        let error = pin!(annotated.stream(&db)).next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "rather than losing annotations: {error}");
        let counted = Sack::objects().annotate(|s| count(s.notes().id())).in_batches(2);
        let counted: Vec<_> = counted.stream(&db).try_collect().await.unwrap();
        assert!(counted.concat().iter().all(|(_, notes)| *notes == 4));
        let prefetched = Sack::objects().prefetch(|s| s.notes()).in_batches(2);
        let prefetched: Vec<_> = assert_queries(4, prefetched.stream(&db).try_collect()).await.unwrap();
        assert!(prefetched.into_iter().flatten().all(|(_, notes): (Sack, Vec<Note>)| notes.len() == 4));
        assert_eq!(found.in_batches(2).update(&db, |s| s.milled().set(s.milled() + 1)).await.unwrap(), 3);
    }

    async fn updates_and_deletions_go_in_batches(place: Place) {
        let db = mill(&place, 10).await;
        // What the condition is about changes with the first batch that it held for.
        let light = Sack::objects().filter(|s| s.weight().lte(8)).in_batches(3);
        let changed = assert_queries(6, light.update(&db, |s| s.weight().set(s.weight() + 100))).await.unwrap();
        assert_eq!(changed, 8);
        let weights: Vec<i64> = Sack::objects().order_by(|s| s.id()).values(|s| s.weight()).all(&db).await.unwrap();
        assert_eq!(weights, [101, 102, 103, 104, 105, 106, 107, 108, 9, 10]);

        let error = Sack::objects().in_batches(3).update(&db, |s| s.id().set(s.id() + 1)).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("id")));

        Sack::objects().in_batches(4).for_each(&db, async |db, sacks| grind(db, sacks, "ada").await).await.unwrap();
        let deleted = Sack::objects().filter(|s| s.weight().gt(10)).in_batches(3).delete(&db).await.unwrap();
        assert_eq!((deleted.by_model["mill.Sack"], deleted.by_model["mill.Note"], deleted.total), (8, 8, 16));
        assert_eq!(Sack::objects().count(&db).await.unwrap(), 2);
    }

    async fn what_cannot_go_by_the_key_is_refused(place: Place) {
        let db = mill(&place, 1).await;
        let all = Sack::objects();
        for query in [
            all.clone().order_by(|s| s.weight()),
            all.clone().reverse(),
            all.clone().limit(3),
            all.clone().offset(3),
            all.clone().union(all.clone()),
        ] {
            let error = pin!(query.clone().in_batches(2).stream(&db)).next().await.unwrap().unwrap_err();
            assert_eq!((error.kind(), error.model()), (ErrorKind::Type, Some("mill.Sack")), "{error}");
            let error = query.in_batches(2).delete(&db).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Type);
        }
        assert_eq!(all.none().in_batches(2).for_each(&db, async |_, _| Ok::<_, Error>(())).await.unwrap(), 0);
    }

    async fn a_run_goes_on_where_it_stopped_and_stays_at_its_end(place: Place) {
        let db = mill(&place, 10).await;
        let run = || Sack::objects().in_batches(3).resumable("mill them all");
        let batches = AtomicUsize::new(0);
        let outcome = run().for_each(&db, async |db, sacks| {
            grind(db, sacks, "ada").await?;
            if batches.fetch_add(1, Ordering::Relaxed) == 2 { Err(Error::new(ErrorKind::Value, "the stone broke")) } else { Ok(()) }
        });
        assert!(outcome.await.is_err());
        let states = batch::runs(&db).await.unwrap();
        assert_eq!((states.len(), states[0].rows, states[0].finished), (1, 6, None));
        assert_eq!((states[0].name.as_str(), states[0].model.as_str()), ("mill them all", "mill.Sack"));

        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&told);
        let done = run()
            .on_progress(move |Progress { done, total, .. }| listener.lock().unwrap().push((done, total)))
            .for_each(&db, async |db, sacks| grind(db, sacks, "bob").await);
        assert_eq!(done.await.unwrap(), 4);
        assert_eq!(*told.lock().unwrap(), [(6, Some(10)), (9, Some(10)), (10, Some(10))]);
        assert_milled_once(&db, 10).await;
        assert!(batch::runs(&db).await.unwrap()[0].finished.is_some());

        assert_eq!(run().for_each(&db, async |_, _| Err(Error::new(ErrorKind::Value, "again"))).await.unwrap(), 0);
        assert_eq!(run().update(&db, |s| s.milled().set(9)).await.unwrap(), 0);
        assert_eq!(run().delete(&db).await.unwrap().total, 0);

        let error = Note::objects().in_batches(3).resumable("mill them all").delete(&db).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        let inside = db.atomic(async |db: &Db| run().delete(db).await).await.unwrap_err();
        assert_eq!(inside.kind(), ErrorKind::Unsupported, "{inside}");

        assert!(batch::forget(&db, "mill them all").await.unwrap());
        assert!(!batch::forget(&db, "mill them all").await.unwrap());
        assert_eq!(run().update(&db, |s| s.milled().set(2)).await.unwrap(), 10);
        assert!(batch::forget(&db, "mill them all").await.unwrap());
        assert_eq!(run().delete(&db).await.unwrap().by_model["mill.Sack"], 10);
    }

    async fn workers_share_a_run_and_do_each_row_once(place: Place) {
        const SACKS: i64 = 300;
        let db = mill(&place, SACKS).await;
        let mut workers = tokio::task::JoinSet::new();
        for miller in 0..3 {
            // With connections of its own, as another program has.
            let place = place.clone();
            workers.spawn(async move {
                let db = connect(&place).await;
                let run = Sack::objects().in_batches(7).resumable("shared");
                let miller = format!("miller {miller}");
                let done = run.for_each_concurrent(&db, 2, async |db, sacks| {
                    tokio::task::yield_now().await;
                    grind(db, sacks, &miller).await
                });
                let done = done.await;
                db.close().await;
                done.unwrap()
            });
        }
        let done: u64 = workers.join_all().await.into_iter().sum();
        assert_eq!(done, SACKS as u64);
        assert_milled_once(&db, SACKS).await;
        let state = &batch::runs(&db).await.unwrap()[0];
        assert_eq!((state.rows, state.finished.is_some()), (SACKS as u64, true));
        let left: Vec<(i64,)> = db.raw("SELECT count(*) FROM nuages_batch_ranges", ()).fetch().await.unwrap();
        assert_eq!(left, [(0,)]);
    }

    async fn an_error_of_one_worker_lets_the_others_finish_their_batch(place: Place) {
        let db = mill(&place, 60).await;
        let run = || Sack::objects().in_batches(5).resumable("shaky");
        let outcome = run().for_each_concurrent(&db, 3, async |db, sacks| {
            let broken = sacks.iter().any(|sack| sack.id == 20);
            grind(db, sacks, "ada").await?;
            if broken { Err(Error::new(ErrorKind::Value, "the stone broke")) } else { Ok(()) }
        });
        assert_eq!(outcome.await.unwrap_err().to_string(), "the stone broke");
        let milled = Sack::objects().filter(|s| s.milled().eq(1)).count(&db).await.unwrap();
        assert!(milled < 60 && milled % 5 == 0, "{milled}");
        assert_eq!(Sack::objects().filter(|s| s.id().eq(20)).get(&db).await.unwrap().milled, 0);
        let left = run().for_each_concurrent(&db, 3, async |db, sacks| grind(db, sacks, "bob").await);
        left.await.unwrap();
        assert_milled_once(&db, 60).await;
    }

    async fn a_batch_that_outlives_its_lease_is_undone_and_free(place: Place) {
        let db = mill(&place, 4).await;
        let run = || Sack::objects().in_batches(2).resumable("slow");
        let outcome = run().lease(Duration::from_millis(200)).for_each(&db, async |db, sacks| {
            if let (false, [(limit,)]) = (place.is_sqlite(), shown(db).await?.as_slice()) {
                assert_eq!(limit, "200ms", "the server watches too");
            }
            grind(db, sacks, "ada").await?;
            std::future::pending::<Result<()>>().await
        });
        let error = outcome.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert_eq!(Note::objects().count(&db).await.unwrap(), 0);
        run().for_each(&db, async |db, sacks| grind(db, sacks, "bob").await).await.unwrap();
        assert_milled_once(&db, 4).await;
    }

    async fn a_run_that_is_worked_on_cannot_be_forgotten(place: Place) {
        if place.is_sqlite() {
            // Who works has the writer to itself.
            return;
        }
        let db = mill(&place, 4).await;
        let run = Sack::objects().in_batches(2).resumable("busy");
        let done = run.for_each(&db, async |inside, sacks| {
            let error = batch::forget(&inside.outside(), "busy").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            grind(inside, sacks, "ada").await
        });
        assert_eq!(done.await.unwrap(), 4);
    }

    async fn work_can_be_spawned(place: Place) {
        let db = mill(&place, 4).await;
        let work = async move {
            let all = Sack::objects().filter(|s| s.milled().eq(0));
            all.clone().in_batches(2).for_each(&db, async |db, sacks| grind(db, sacks, "ada").await).await?;
            let again = all.in_batches(2).resumable("spawned");
            again.for_each(&db, async |db, sacks| grind(db, sacks, "bob").await).await?;
            Sack::objects().in_batches(2).update(&db, |s| s.milled().set(s.milled() + 0)).await?;
            assert_milled_once(&db, 4).await;
            Ok::<_, Error>(())
        };
        tokio::spawn(work).await.unwrap().unwrap();
    }

    async fn the_tables_of_runs_are_made_once_by_whoever_comes_first(place: Place) {
        let db = mill(&place, 0).await;
        assert!(batch::runs(&db).await.unwrap().is_empty());
        assert!(!batch::forget(&db, "none").await.unwrap());
        let mut all = tokio::task::JoinSet::new();
        for name in ["one", "two", "three", "four"] {
            let db = connect(&place).await;
            all.spawn(async move { Sack::objects().in_batches(2).resumable(name).delete(&db).await });
        }
        while let Some(done) = all.join_next().await {
            done.unwrap().unwrap();
        }
        assert_eq!(batch::runs(&db).await.unwrap().len(), 4);
        batch::create_tables(&db).await.unwrap();
    }

    async fn a_kill_in_the_middle_loses_nothing_and_repeats_nothing(place: Place) {
        const SACKS: i64 = 20;
        let db = mill(&place, SACKS).await;
        // Before the first batch is committed; with a batch done half; right after a commit; with two programs at it.
        let rounds = [&["work 1"][..], &["work 3"], &["told 2"], &["told 5"], &["work 1", "work 2"]];
        for (round, stops) in rounds.into_iter().enumerate() {
            let name = format!("round {round}");
            let mut programs = Vec::new();
            for stop in stops {
                let mut program = start_miller(&place, &name, stop);
                wait_for_stop(&mut program);
                if place.is_sqlite() {
                    // The writer is this program's: the next waits until it is gone.
                    program.kill().unwrap();
                    program.wait().unwrap();
                }
                programs.push(program);
            }
            for program in &mut programs {
                program.kill().unwrap();
                program.wait().unwrap();
            }
            let run = Sack::objects().in_batches(4).resumable(name);
            run.for_each(&db, async |db, sacks| grind(db, sacks, "heir").await).await.unwrap();
            assert_milled_once(&db, SACKS).await;
            let heirs = Note::objects().filter(|n| n.miller().eq("heir")).count(&db).await.unwrap();
            let expected = [20, 12, 12, 0];
            if let Some(expected) = expected.get(round) {
                assert_eq!(heirs, *expected, "what was committed was not done again in round {round}");
            }
            Note::objects().delete(&db).await.unwrap();
            Sack::objects().update(&db, |s| s.milled().set(0)).await.unwrap();
        }
    }

    async fn a_program_takes_over_what_a_killed_one_was_at(place: Place) {
        let db = mill(&place, 20).await;
        let mut killed = start_miller(&place, "taken over", "work 2");
        wait_for_stop(&mut killed);
        let mut heir = start_miller(&place, "taken over", "never");
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert!(heir.wait().unwrap().success());
        assert_milled_once(&db, 20).await;
    }
}

/// Reads what a program says until it has come to where it stops for good.
fn wait_for_stop(program: &mut std::process::Child) {
    let out = program.stdout.take().unwrap();
    let stopped =
        BufReader::new(out).lines().map_while(std::result::Result::ok).any(|line| line.contains("stopped here"));
    assert!(stopped, "it came to its stop");
}

/// The limit that PostgreSQL has for a silent transaction.
async fn shown(db: &Db) -> Result<Vec<(String,)>> {
    if db.dialect() == nuages_orm::Dialect::Sqlite {
        return Ok(Vec::new());
    }
    db.raw("SHOW idle_in_transaction_session_timeout", ()).writes().fetch().await
}

/// Starts this very program again, to do nothing but [`a_program_that_mills`].
fn start_miller(place: &Place, name: &str, stop: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "batches::a_program_that_mills", "--nocapture"])
        .env("NUAGES_TEST_MILL", &place.url)
        .env("NUAGES_TEST_MILL_RUN", name)
        .env("NUAGES_TEST_MILL_STOP", stop)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// No test of its own: what another one starts as a program and kills where it has stopped.
#[test]
fn a_program_that_mills() {
    let Ok(url) = std::env::var("NUAGES_TEST_MILL") else { return };
    let name = std::env::var("NUAGES_TEST_MILL_RUN").unwrap();
    let stop = std::env::var("NUAGES_TEST_MILL_STOP").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = connect(&Place { url }).await;
        let (mut told, worked) = (0, AtomicUsize::new(0));
        let (told_stop, work_stop) = (stop.clone(), stop);
        let run = Sack::objects().in_batches(4).resumable(name);
        let run = run.on_progress(move |_| {
            if format!("told {told}") == told_stop {
                println!("\nstopped here");
                std::thread::sleep(Duration::from_secs(600));
            }
            told += 1;
        });
        let work = run.for_each(&db, async |db, mut sacks| {
            if format!("work {}", worked.fetch_add(1, Ordering::Relaxed) + 1) == work_stop {
                sacks.truncate(2);
                grind(db, sacks, "killed").await?;
                println!("\nstopped here");
                std::future::pending::<()>().await;
                return Ok(());
            }
            grind(db, sacks, "killed").await
        });
        work.await.unwrap();
    });
}

/// Uses of the shop's models that the mill has none of.
mod shop_rows {
    use super::*;

    on_each_engine! {
        async fn related_rows_come_with_each_batch(place: Place) {
            let db = shop(&place).await;
            let books = Book::objects().select_related(|b| b.author()).in_batches(3);
            let books: Vec<Vec<Book>> = assert_queries(2, books.stream(&db).try_collect()).await.unwrap();
            assert!(books.iter().flatten().all(|book| book.author.get().is_some()));
            // Pupils lose their mentor by `on_delete`, in the batch of the mentor.
            let deleted = Author::objects().in_batches(1).delete(&db).await.unwrap();
            assert_eq!((deleted.by_model["trade.Author"], deleted.by_model["trade.Book"]), (2, 4));
        }
    }
}
