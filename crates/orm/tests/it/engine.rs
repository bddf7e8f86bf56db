//! What the engines promise when futures are dropped, tables change, servers are away and many want the same.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use nuages_orm::db::{Isolation, assert_queries};
use nuages_orm::{Db, Error, ErrorKind, Model, Models, Result};

use crate::support::{Place, on_each_engine};

/// A model of a table that the tests make by hand.
#[derive(Model, Debug, Clone)]
#[model(app = "geo")]
pub(crate) struct Point {
    id: i64,
    y: i32,
    #[field(max_length = 9)]
    label: Option<String>,
}

async fn counter(place: &Place) -> Db {
    let db = place.db().await;
    db.raw("CREATE TABLE counter (id integer PRIMARY KEY, n integer NOT NULL)", ()).execute().await.unwrap();
    db.raw("INSERT INTO counter VALUES (1, 0)", ()).execute().await.unwrap();
    db
}

async fn count(db: &Db) -> i64 {
    db.raw("SELECT n FROM counter WHERE id = 1", ()).fetch::<(i64,)>().await.unwrap()[0].0
}

async fn add(db: &Db) -> Result<u64> {
    db.raw("UPDATE counter SET n = n + 1 WHERE id = 1", ()).execute().await
}

/// Polls a future this many times, with time for others in between, and drops it; whether it had ended by then.
async fn drop_after<F: Future>(polls: u32, future: F) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    false
}

/// Numbers 0 to `count - 1` as a table.
async fn numbers(place: &Place, count: i64) -> Db {
    let db = place.db().await;
    db.raw("CREATE TABLE number (id integer PRIMARY KEY)", ()).execute().await.unwrap();
    let insert = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $1 - 1) INSERT INTO number SELECT i FROM n";
    let insert = place.sql(&insert.replace("$1", &count.to_string()));
    db.raw(insert, ()).execute().await.unwrap();
    db
}

on_each_engine! {
    async fn a_transaction_dropped_at_any_point_leaves_nothing(place: Place) {
        let db = counter(&place).await;
        let mut done = 0;
        for polls in 0.. {
            let work = db.atomic(async |db| {
                add(db).await?;
                db.atomic(async |db| add(db).await).await?;
                add(db).await
            });
            let ended = drop_after(polls, work).await;
            // The commit may have been sent when the future was dropped: all of it counts, or nothing.
            done = count(&db).await;
            assert!(done % 3 == 0, "{polls} polls: {done}");
            if ended {
                break;
            }
        }
        assert!(done >= 3);
        add(&db).await.unwrap();
        assert_eq!(count(&db).await, done + 1);
    }

    async fn a_savepoint_dropped_at_any_point_leaves_the_transaction_whole(place: Place) {
        let db = counter(&place).await;
        let left = db
            .atomic(async |db| {
                add(db).await?;
                let mut done = 1;
                for polls in 0.. {
                    let ended = drop_after(polls, db.atomic(async |db| {
                        add(db).await?;
                        add(db).await
                    }))
                    .await;
                    let now = count(db).await;
                    assert!(now == done || now == done + 2, "{polls} polls: {now} after {done}");
                    done = now;
                    if ended {
                        break;
                    }
                }
                Ok::<_, Error>(done)
            })
            .await
            .unwrap();
        assert_eq!(count(&db).await, left);
    }

    async fn a_panic_undoes_the_transaction(place: Place) {
        let db = counter(&place).await;
        let of_task = db.clone();
        let task = tokio::spawn(async move {
            let outcome: Result<()> = of_task.atomic(async |db| { add(db).await?; panic!("on purpose") }).await;
            outcome
        });
        assert!(task.await.unwrap_err().is_panic());
        add(&db).await.unwrap();
        assert_eq!(count(&db).await, 1);
    }

    async fn an_atomic_future_can_be_spawned_and_work_that_waited_runs_though_nobody_waits(place: Place) {
        let db = counter(&place).await;
        let outside = db.outside();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let of_task = db.clone();
        tokio::spawn(async move {
            of_task
                .atomic(async |db| {
                    add(db).await?;
                    db.on_commit(async move {
                        add(&outside).await.unwrap();
                        let _ = sender.send(());
                    })
                    .await
                })
                .await
        })
        .await
        .unwrap()
        .unwrap();
        receiver.await.unwrap();
        assert_eq!(count(&db).await, 2);
    }

    async fn writers_side_by_side_lose_nothing(place: Place) {
        let db = counter(&place).await;
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let db = db.clone();
                let sql = place.sql("INSERT INTO counter VALUES ($1, 0)");
                tokio::spawn(async move {
                    add(&db).await.unwrap();
                    // Every tenth is refused, which is nobody else's concern.
                    let insert = db.raw(sql, (if n % 10 == 0 { 1 } else { n + 10 },)).execute().await;
                    assert_eq!(insert.is_err(), n % 10 == 0);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(count(&db).await, 200);
        let rows = db.raw("SELECT count(*) FROM counter", ()).fetch::<(i64,)>().await.unwrap();
        assert_eq!(rows, [(181,)]);
    }

    async fn readers_do_not_wait_for_a_transaction_that_writes(place: Place) {
        let db = counter(&place).await;
        db.atomic(async |inner| {
            add(inner).await?;
            // Many more than there are connections or threads to hold.
            for _ in 0..40 {
                assert_eq!(count(&db).await, 0);
            }
            assert_eq!(count(inner).await, 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        assert_eq!(count(&db).await, 1);
    }

    async fn a_read_only_transaction_writes_nothing(place: Place) {
        let db = counter(&place).await;
        let refused = db.transaction().read_only().isolation(Isolation::Serializable).run(async |db| add(db).await).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Database);
        add(&db).await.unwrap();
        assert_eq!(count(&db).await, 1);
        let nested = db.atomic(async |db| db.transaction().read_only().run(async |db| add(db).await).await).await;
        assert_eq!(nested.unwrap_err().kind(), ErrorKind::Unsupported);
    }

    async fn a_conflict_is_tried_again_as_often_as_asked(place: Place) {
        let db = counter(&place).await;
        let runs = AtomicU32::new(0);
        let outcome = db
            .transaction()
            .retries(2)
            .run(async |db| {
                let run = runs.fetch_add(1, Ordering::Relaxed) + 1;
                add(db).await?;
                // What SQLite never says by itself within one process.
                if run < 3 { db.raw(place.choose("SELECT abs(-9223372036854775808)", "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$"), ()).execute().await } else { Ok(0) }
            })
            .await;
        let runs = runs.into_inner();
        if place.is_sqlite() {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Database);
            assert_eq!(runs, 1, "what is no conflict is not tried again");
        } else {
            outcome.unwrap();
            assert_eq!((runs, count(&db).await), (3, 1));
        }
    }

    async fn prepared_statements_survive_changes_of_their_tables(place: Place) {
        let db = counter(&place).await;
        let all = || db.raw("SELECT * FROM counter ORDER BY id", ());
        for _ in 0..20 {
            assert_eq!(all().fetch::<(i64, i64)>().await.unwrap(), [(1, 0)]);
        }
        db.raw("ALTER TABLE counter ADD COLUMN note text DEFAULT 'x'", ()).execute().await.unwrap();
        for _ in 0..20 {
            assert_eq!(all().fetch::<(i64, i64, String)>().await.unwrap(), [(1, 0, "x".to_owned())]);
        }
        let retried = db.transaction().retries(1).run(async |db| all_in(db).await).await;
        assert_eq!(retried.unwrap(), 3);
        db.raw("ALTER TABLE counter DROP COLUMN note", ()).execute().await.unwrap();
        // A connection that knows the old shape is told within the transaction, and the second try is right.
        for _ in 0..5 {
            let retried = db.transaction().retries(1).run(async |db| all_in(db).await).await;
            assert_eq!(retried.unwrap(), 2);
        }
    }

    async fn a_statement_that_takes_too_long_is_stopped(place: Place) {
        let db = Db::builder(&place.url).statement_timeout(Some(Duration::from_millis(50))).connect().await.unwrap();
        let forever = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT count(*) FROM n";
        let outside = db.raw(format!("SELECT * FROM ({forever}) t"), ()).fetch::<(i64,)>().await.unwrap_err();
        assert_eq!(outside.kind(), ErrorKind::Timeout, "{outside}");
        let inside = db.atomic(async |db| db.raw(forever, ()).fetch::<(i64,)>().await).await.unwrap_err();
        assert_eq!(inside.kind(), ErrorKind::Timeout, "{inside}");
        assert_eq!(db.raw("SELECT 1", ()).fetch::<(i64,)>().await.unwrap(), [(1,)]);
    }

    async fn a_stream_gives_every_row_once_in_order(place: Place) {
        let db = numbers(&place, 1000).await;
        for chunk in [1, 7, 100, 1000, 5000] {
            let rows: Vec<_> = db.raw("SELECT id FROM number ORDER BY id", ()).stream::<(i64,)>(chunk).try_collect().await.unwrap();
            assert!(rows.iter().map(|(id,)| *id).eq(0..1000), "{chunk}");
        }
        let none: Vec<_> = db.raw("SELECT id FROM number WHERE id < 0", ()).stream::<(i64,)>(10).try_collect().await.unwrap();
        assert!(none.is_empty());
        let error = pin!(db.raw("SELECT nonsense", ()).stream::<(i64,)>(10)).next().await;
        assert_eq!(error.unwrap().unwrap_err().kind(), ErrorKind::Database);
        let params = db.raw(place.sql("SELECT id FROM number WHERE id >= $1 ORDER BY id"), (990,)).stream::<(i64,)>(3);
        assert_eq!(params.try_fold(0, async |sum, (id,)| Ok(sum + id)).await.unwrap(), (990..1000).sum::<i64>());
    }

    async fn streams_dropped_early_free_what_they_hold(place: Place) {
        numbers(&place, 1000).await;
        let db = Db::builder(&place.url).pool_size(2).pool_timeout(Duration::from_secs(5)).connect().await.unwrap();
        for _ in 0..100 {
            let mut stream = pin!(db.raw("SELECT id FROM number ORDER BY id", ()).stream::<(i64,)>(10));
            assert_eq!(stream.next().await.unwrap().unwrap(), (0,));
        }
        assert_eq!(db.raw("SELECT count(*) FROM number", ()).fetch::<(i64,)>().await.unwrap(), [(1000,)]);
    }

    async fn a_transaction_may_do_other_things_while_it_streams(place: Place) {
        let db = numbers(&place, 100).await;
        db.raw("CREATE TABLE copy (id integer PRIMARY KEY)", ()).execute().await.unwrap();
        db.atomic(async |db| {
            let mut outer = pin!(db.raw("SELECT id FROM number ORDER BY id", ()).stream::<(i64,)>(8));
            let mut inner = pin!(db.raw("SELECT id FROM number ORDER BY id", ()).stream::<(i64,)>(3));
            while let Some((id,)) = outer.try_next().await? {
                assert_eq!(inner.try_next().await?, Some((id,)));
                db.raw(place.sql("INSERT INTO copy VALUES ($1)"), (id,)).execute().await?;
            }
            assert_eq!(inner.try_next().await?, None);
            // One that is left in the middle is no burden to what follows.
            let mut left = Box::pin(db.raw("SELECT id FROM number", ()).stream::<(i64,)>(3));
            left.try_next().await?;
            let undone: Result<()> = db.atomic(async |db| {
                let mut lost = Box::pin(db.raw("SELECT id FROM number", ()).stream::<(i64,)>(3));
                lost.try_next().await?;
                drop(left);
                db.raw("DELETE FROM copy", ()).execute().await?;
                std::mem::forget(lost);
                Err(Error::new(ErrorKind::Value, "no"))
            }).await;
            assert!(undone.is_err());
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        assert_eq!(db.raw("SELECT count(*) FROM copy", ()).fetch::<(i64,)>().await.unwrap(), [(100,)]);
    }

    async fn replicas_answer_reads_until_one_has_written(place: Place) {
        // The replica's rows differ, which shows who answered.
        let other = place.another().await;
        let primary = counter(&place).await;
        counter(&other).await.raw("UPDATE counter SET n = 100", ()).execute().await.unwrap();
        drop(primary);
        let db = Db::builder(&place.url).replica(&other.url).connect().await.unwrap();
        assert_eq!(count(&db).await, 100);
        assert_eq!(db.atomic(async |db| Ok::<_, Error>(count(db).await)).await.unwrap(), 0);
        Db::scope(async {
            assert_eq!(count(&db).await, 100);
            add(&db).await.unwrap();
            assert_eq!(count(&db).await, 1);
        })
        .await;
        assert_eq!(count(&db).await, 100);
        other.drop().await;
    }

    async fn models_are_read_from_hand_written_sql_by_name(place: Place) {
        let db = Db::connect(&place.url, Models::new().with::<Point>()).await.unwrap();
        db.raw("CREATE TABLE geo_point (label varchar(9), y integer, id integer)", ()).execute().await.unwrap();
        db.raw("INSERT INTO geo_point VALUES ('a', 2, 7), (NULL, 3, 8)", ()).execute().await.unwrap();
        let points: Vec<Point> = db.raw("SELECT 1 AS other, * FROM geo_point ORDER BY id", ()).fetch_models().await.unwrap();
        assert_eq!((points[0].id, points[0].y, points[0].label.as_deref()), (7, 2, Some("a")));
        assert_eq!(points[1].label, None);
        let error = db.raw("SELECT id, y FROM geo_point", ()).fetch_models::<Point>().await.unwrap_err();
        assert_eq!((error.kind(), error.model()), (ErrorKind::Field, Some("geo.Point")));
        assert!(error.to_string().contains("`label`"), "{error}");
        let error = db.raw("SELECT id, NULL AS y, label FROM geo_point", ()).fetch_models::<Point>().await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Decode, Some("y")));
    }

    async fn statements_are_counted_and_listed_when_the_count_is_wrong(place: Place) {
        let db = counter(&place).await;
        assert_queries(2, async { count(&db).await; count(&db).await }).await;
        let wrong = tokio::spawn(async move { assert_queries(1, async { count(&db).await; count(&db).await }).await });
        let panic = wrong.await.unwrap_err().into_panic();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("expected 1 statements") && text.contains("SELECT n FROM counter"), "{text}");
    }

    async fn a_closed_database_refuses_statements(place: Place) {
        let db = counter(&place).await;
        db.close().await;
        let error = db.raw("SELECT 1", ()).fetch::<(i64,)>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection);
        assert!(add(&db).await.is_err());
    }
}

/// How many columns the counter has.
async fn all_in(db: &Db) -> Result<usize> {
    match db.raw("SELECT * FROM counter ORDER BY id", ()).fetch::<(i64, i64, String)>().await {
        Ok(_) => Ok(3),
        Err(error) if error.kind() == ErrorKind::Decode => Ok(2),
        Err(error) => Err(error),
    }
}

#[test]
fn urls_that_make_no_sense_are_refused_with_what_would() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for url in [
            "",
            "mysql://x",
            "nonsense",
            #[cfg(feature = "sqlite")]
            "sqlite:",
            #[cfg(feature = "sqlite")]
            "sqlite://",
        ] {
            let error = Db::connect(url, Models::new()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{url}: {error}");
        }
    });
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use nuages_orm::db::Durability;

    use super::*;
    use crate::support::on_sqlite;

    #[test]
    fn a_file_without_a_folder_is_named() {
        on_sqlite(|_| async {
            let error = Db::connect("sqlite://no/such/folder/site.db", Models::new()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connection);
            let text = error.to_string();
            assert!(text.contains("no/such/folder/site.db") && text.contains("does not exist"), "{text}");
        });
    }

    #[test]
    fn a_deferred_foreign_key_fails_its_own_statement_and_no_other() {
        on_sqlite(|place| async move {
            let db = place.db().await;
            db.raw("CREATE TABLE parent (id integer PRIMARY KEY)", ()).execute().await.unwrap();
            let child = "CREATE TABLE child (id integer PRIMARY KEY, \
                         parent_id integer NOT NULL REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)";
            db.raw(child, ()).execute().await.unwrap();
            db.raw("INSERT INTO parent VALUES (1)", ()).execute().await.unwrap();
            // The writer is held while the statements queue up, so that they are one group.
            let gate = db.transaction().run(async |_| {
                let tasks: Vec<_> = (0..50)
                    .map(|n| {
                        let db = db.clone();
                        tokio::spawn(async move {
                            let parent = if n == 25 { 99 } else { 1 };
                            db.raw("INSERT INTO child VALUES (?1, ?2)", (n, parent)).execute().await
                        })
                    })
                    .collect();
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok::<_, Error>(tasks)
            });
            for (n, task) in gate.await.unwrap().into_iter().enumerate() {
                match task.await.unwrap() {
                    Ok(1) if n != 25 => {}
                    Err(error) if n == 25 => assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation),
                    other => panic!("{n}: {other:?}"),
                }
            }
            let rows = db.raw("SELECT count(*) FROM child", ()).fetch::<(i64,)>().await.unwrap();
            assert_eq!(rows, [(49,)]);
        });
    }

    /// What fails within a group of writes leaves nothing behind, however it fails, and the others stay.
    #[test]
    fn a_write_that_fails_in_a_group_is_undone_alone() {
        on_sqlite(|place| async move {
            let db = place.db().await;
            db.raw("CREATE TABLE item (id integer PRIMARY KEY, n integer NOT NULL UNIQUE)", ())
                .execute()
                .await
                .unwrap();
            let gate = db.transaction().run(async |_| {
                let tasks: Vec<_> = (0..40)
                    .map(|n| {
                        let db = db.clone();
                        tokio::spawn(async move {
                            match n {
                                // Refused whole, though one of its rows would fit.
                                10 => db.raw("INSERT INTO item (n) VALUES (1010), (1000), (1000)", ()).execute().await,
                                // Would keep the rows before the one that fails.
                                20 => {
                                    db.raw("INSERT OR FAIL INTO item (n) VALUES (1020), (1000), (1000)", ())
                                        .execute()
                                        .await
                                }
                                // Ends the transaction.
                                30 => {
                                    db.raw("INSERT OR ROLLBACK INTO item (n) VALUES (1030), (1000), (1000)", ())
                                        .execute()
                                        .await
                                }
                                // Is written, and cannot be read.
                                35 => {
                                    let text = db.raw("INSERT INTO item (n) VALUES (1035) RETURNING 'text'", ());
                                    text.fetch::<(i64,)>().await.map(|_| 1)
                                }
                                _ => db.raw("INSERT INTO item (n) VALUES (?1)", (n,)).execute().await,
                            }
                        })
                    })
                    .collect();
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok::<_, Error>(tasks)
            });
            for (n, task) in gate.await.unwrap().into_iter().enumerate() {
                let failed = [10, 20, 30, 35].contains(&n);
                assert_eq!(task.await.unwrap().is_err(), failed, "{n}");
            }
            let (count, most) = db.raw("SELECT count(*), max(n) FROM item", ()).fetch::<(i64, i64)>().await.unwrap()[0];
            assert_eq!((count, most), (36, 39));
        });
    }

    #[test]
    fn a_database_in_memory_is_shared_by_the_threads_of_one_db_alone() {
        on_sqlite(|_| async {
            let place = Place { url: "sqlite::memory:".to_owned() };
            let db = counter(&place).await;
            let tasks: Vec<_> = (0..50)
                .map(|_| {
                    let db = db.clone();
                    tokio::spawn(async move {
                        add(&db).await.unwrap();
                        count(&db).await
                    })
                })
                .collect();
            for task in tasks {
                assert!(task.await.unwrap() >= 1);
            }
            db.atomic(async |inner| {
                add(inner).await?;
                assert_eq!((count(&db).await, count(inner).await), (50, 51));
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
            // A stream that is still open does not keep others from writing.
            let mut stream = pin!(db.raw("SELECT id FROM counter", ()).stream::<(i64,)>(1));
            stream.next().await.unwrap().unwrap();
            add(&db).await.unwrap();
            let other = place.db().await;
            assert!(other.raw("SELECT n FROM counter", ()).fetch::<(i64,)>().await.is_err());
        });
    }

    #[test]
    fn a_write_around_the_transaction_it_is_in_is_told_what_is_wrong() {
        on_sqlite(|place| async move {
            counter(&place).await.close().await;
            let db = Db::builder(&place.url)
                .pool_timeout(Duration::from_millis(50))
                .statement_timeout(Some(Duration::from_millis(50)))
                .connect()
                .await
                .unwrap();
            let error = db.atomic(async |_| add(&db).await).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout);
            assert!(error.to_string().contains("inside `atomic`"), "{error}");
            add(&db).await.unwrap();
            assert_eq!(count(&db).await, 1, "what was given up has no effect");
        });
    }

    #[test]
    fn connections_keep_foreign_keys_and_commit_as_durably_as_asked() {
        on_sqlite(|place| async move {
            let pragma = async |db: &Db, name: &str| -> i64 {
                db.raw(format!("PRAGMA {name}"), ()).fetch::<(i64,)>().await.unwrap()[0].0
            };
            let db = place.db().await;
            assert_eq!((pragma(&db, "foreign_keys").await, pragma(&db, "synchronous").await), (1, 1));
            let mode: Vec<(String,)> = db.raw("SELECT * FROM pragma_journal_mode", ()).fetch().await.unwrap();
            assert_eq!(mode, [("wal".to_owned(),)]);
            let durable = Db::builder(&place.url).durability(Durability::Full).connect().await.unwrap();
            assert_eq!(pragma(&durable, "synchronous").await, 2);
        });
    }

    #[test]
    fn a_statement_whose_future_was_dropped_does_not_hold_its_thread() {
        on_sqlite(|place| async move {
            counter(&place).await.close().await;
            let db = Db::builder(&place.url).readers(1).connect().await.unwrap();
            let forever = "SELECT count(*) FROM (WITH RECURSIVE n(i) AS \
                           (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000000) SELECT i FROM n)";
            let soon = Duration::from_millis(50);
            let read = db.raw(forever, ()).fetch::<(i64,)>();
            assert!(tokio::time::timeout(soon, read).await.is_err());
            let inside = db.atomic(async |db| {
                add(db).await?;
                db.raw(forever, ()).fetch::<(i64,)>().await
            });
            assert!(tokio::time::timeout(soon, inside).await.is_err());
            // The one reader and the writer would be busy for minutes.
            let after = async {
                add(&db).await.unwrap();
                count(&db).await
            };
            assert_eq!(tokio::time::timeout(Duration::from_secs(20), after).await.unwrap(), 1);
        });
    }

    #[test]
    fn constraints_are_named_with_table_and_column() {
        on_sqlite(|place| async move {
            let db = place.db().await;
            db.raw("CREATE TABLE t (a integer NOT NULL UNIQUE, b integer CONSTRAINT b_small CHECK (b < 5))", ())
                .execute()
                .await
                .unwrap();
            let insert = |a: Option<i64>, b: i64| db.raw("INSERT INTO t VALUES (?1, ?2)", (a, b)).execute();
            insert(Some(1), 1).await.unwrap();
            let of = |error: Error| (error.kind(), error.constraint().unwrap_or_default().to_owned());
            assert_eq!(of(insert(Some(1), 1).await.unwrap_err()), (ErrorKind::UniqueViolation, "t.a".to_owned()));
            assert_eq!(of(insert(None, 1).await.unwrap_err()), (ErrorKind::NotNullViolation, "t.a".to_owned()));
            assert_eq!(of(insert(Some(2), 9).await.unwrap_err()), (ErrorKind::CheckViolation, "b_small".to_owned()));
        });
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::*;
    use crate::support::{on_postgres, with_parameter};

    #[test]
    fn a_server_that_is_away_is_named_without_the_password() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let error = Db::connect("postgres://me:hunter2@127.0.0.1:1/site", Models::new()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connection);
            let text = format!("{error} {error:?}");
            assert!(text.contains("127.0.0.1:1") && !text.contains("hunter2"), "{text}");
            let wrong = Db::connect("postgres://me@127.0.0.1:1/site?sslmode=maybe", Models::new()).await.unwrap_err();
            assert!(wrong.to_string().contains("verify-full"), "{wrong}");
        });
    }

    #[test]
    fn connections_are_encrypted_when_asked() {
        on_postgres(|place| async move {
            let ssl: Vec<(String,)> = place.db().await.raw("SHOW ssl", ()).fetch().await.unwrap();
            let encrypted = |mode: &str| {
                let url = with_parameter(&place.url, &format!("sslmode={mode}"));
                async move {
                    let db = Db::connect(&url, Models::new()).await?;
                    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
                    db.raw(sql, ()).fetch::<(bool,)>().await.map(|rows| rows[0].0)
                }
            };
            if ssl[0].0 == "off" {
                eprintln!("skipped: the server has no TLS");
                assert!(encrypted("require").await.is_err());
                return;
            }
            assert!(!encrypted("disable").await.unwrap());
            assert!(encrypted("prefer").await.unwrap());
            assert!(encrypted("require").await.unwrap());
            // Its certificate is its own, which nobody has signed whom the system trusts.
            assert_eq!(encrypted("verify-full").await.unwrap_err().kind(), ErrorKind::Connection);
            let file: Vec<(String,)> = place.db().await.raw("SHOW ssl_cert_file", ()).fetch().await.unwrap();
            if std::fs::File::open(&file[0].0).is_ok() {
                // Trusted by name, it is enough for `verify-ca`, but it is not an address's.
                assert!(encrypted(&format!("verify-ca&sslrootcert={}", file[0].0)).await.unwrap());
                assert!(encrypted(&format!("verify-full&sslrootcert={}", file[0].0)).await.is_err());
            }
            assert_eq!(
                encrypted("verify-ca&sslrootcert=/no/such/file").await.unwrap_err().kind(),
                ErrorKind::Configuration
            );
        });
    }

    #[test]
    fn a_connection_that_breaks_fails_its_transaction_and_nobody_after() {
        on_postgres(|place| async move {
            let db = Db::builder(&place.url).pool_size(1).connect().await.unwrap();
            let other = counter(&place).await;
            let broken = db
                .atomic(async |db| {
                    add(db).await?;
                    let pid = db.raw("SELECT pg_backend_pid()", ()).fetch::<(i64,)>().await?[0].0;
                    other.raw("SELECT pg_terminate_backend($1)", (pid,)).fetch::<(bool,)>().await?;
                    add(db).await
                })
                .await;
            assert!(broken.unwrap_err().is_unavailable());
            assert_eq!(count(&db).await, 0);
        });
    }

    #[test]
    fn sessions_are_in_utc_and_named() {
        on_postgres(|place| async move {
            let db = Db::builder(&place.url).application_name("shop").connect().await.unwrap();
            let sql = "SELECT current_setting('TimeZone'), current_setting('application_name')";
            let rows: Vec<(String, String)> = db.raw(sql, ()).fetch().await.unwrap();
            assert_eq!(rows, [("UTC".to_owned(), "shop".to_owned())]);
        });
    }

    #[test]
    fn a_statement_whose_future_was_dropped_is_cancelled_before_the_connection_is_used_again() {
        on_postgres(|place| async move {
            let db = Db::builder(&place.url).pool_size(1).connect().await.unwrap();
            for inside in [false, true] {
                let sleep = async |db: &Db| db.raw("SELECT pg_sleep(60)", ()).fetch::<(Option<String>,)>().await;
                let work = async { if inside { db.atomic(sleep).await } else { sleep(&db).await } };
                assert!(tokio::time::timeout(Duration::from_millis(100), work).await.is_err());
                // The only connection there is would be busy for a minute.
                let rows =
                    tokio::time::timeout(Duration::from_secs(20), db.raw("SELECT 1", ()).fetch::<(i64,)>()).await;
                assert_eq!(rows.unwrap().unwrap(), [(1,)]);
            }
        });
    }

    #[test]
    fn a_transaction_whose_error_was_passed_over_is_not_committed_in_silence() {
        on_postgres(|place| async move {
            let db = counter(&place).await;
            let outcome = db
                .atomic(async |db| {
                    add(db).await?;
                    let _ = db.raw("SELECT 1 / 0", ()).fetch::<(i64,)>().await;
                    Ok::<_, Error>(())
                })
                .await;
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Database);
            assert_eq!(count(&db).await, 0);
            // Nor one whose statement was given up.
            let outcome = db
                .atomic(async |db| {
                    add(db).await?;
                    let fails = db.raw("SELECT 1 / (SELECT 0 FROM pg_sleep(0.05))", ()).fetch::<(i64,)>();
                    let _ = tokio::time::timeout(Duration::from_millis(10), fails).await;
                    Ok::<_, Error>(())
                })
                .await;
            assert!(outcome.is_err());
            assert_eq!(count(&db).await, 0);
        });
    }

    #[test]
    fn serializable_transactions_that_conflict_are_run_again() {
        on_postgres(|place| async move {
            let db = counter(&place).await;
            let tasks: Vec<_> = (0..8)
                .map(|_| {
                    let db = db.clone();
                    tokio::spawn(async move {
                        db.transaction()
                            .isolation(Isolation::Serializable)
                            .retries(50)
                            .run(async |db| {
                                let now = count_or_error(db).await?;
                                db.raw("UPDATE counter SET n = $1 WHERE id = 1", (now + 1,)).execute().await
                            })
                            .await
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            assert_eq!(count(&db).await, 8);
        });
    }

    async fn count_or_error(db: &Db) -> Result<i64> {
        Ok(db.raw("SELECT n FROM counter WHERE id = 1", ()).fetch::<(i64,)>().await?[0].0)
    }

    #[test]
    fn statements_side_by_side_on_one_transaction_are_answered_each_with_its_own() {
        on_postgres(|place| async move {
            let db = place.db().await;
            db.atomic(async |db| {
                let queries = (0..50_i64).map(|n| db.raw("SELECT $1::int8", (n,)).fetch::<(i64,)>());
                let answers = futures_util::future::try_join_all(queries).await?;
                assert!(answers.iter().map(|rows| rows[0].0).eq(0..50));
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        });
    }

    #[test]
    fn constraints_are_named_and_values_are_not() {
        on_postgres(|place| async move {
            let db = place.db().await;
            db.raw("CREATE TABLE t (a text CONSTRAINT only_one UNIQUE)", ()).execute().await.unwrap();
            let insert = || db.raw("INSERT INTO t VALUES ($1)", ("secret",)).execute();
            insert().await.unwrap();
            let error = insert().await.unwrap_err();
            assert_eq!((error.kind(), error.constraint()), (ErrorKind::UniqueViolation, Some("only_one")));
            assert!(!format!("{error} {error:?}").contains("secret"));
            let error = db.raw("SELECT $1::text::integer", ("secret",)).fetch::<(i64,)>().await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        });
    }
}
