//! Transactions, savepoints, what waits for the commit, and what is left after a future was dropped.

use std::sync::{Arc, Mutex};

use nuages_orm::db::{Meter, capture, tally};
use nuages_orm::{Db, Error, ErrorKind, Result};

use crate::support::{Place, on_each_engine};

async fn with_table(place: &Place) -> Db {
    let db = place.db().await;
    db.raw("CREATE TABLE item (id integer PRIMARY KEY, name varchar(20) NOT NULL)", ()).execute().await.unwrap();
    db
}

async fn insert(db: &Db, place: &Place, id: i64) -> Result<u64> {
    db.raw(place.sql("INSERT INTO item (id, name) VALUES ($1, $2)"), (id, format!("item {id}"))).execute().await
}

async fn ids(db: &Db) -> Vec<i64> {
    db.raw("SELECT id FROM item ORDER BY id", ()).fetch::<(i64,)>().await.unwrap().into_iter().map(|(id,)| id).collect()
}

on_each_engine! {
    async fn statements_outside_transactions_are_committed_one_by_one(place: Place) {
        let db = with_table(&place).await;
        assert_eq!(insert(&db, &place, 1).await.unwrap(), 1);
        assert_eq!(insert(&db, &place, 1).await.unwrap_err().kind(), ErrorKind::UniqueViolation);
        assert_eq!(insert(&db, &place, 2).await.unwrap(), 1);
        assert_eq!(ids(&db).await, [1, 2]);
        assert_eq!(db.raw("UPDATE item SET name = 'x' WHERE id > 5", ()).execute().await.unwrap(), 0);
        assert_eq!(db.raw("DELETE FROM item", ()).execute().await.unwrap(), 2);
    }

    async fn a_transaction_commits_what_is_ok_and_undoes_what_is_not(place: Place) {
        let db = with_table(&place).await;
        let made = db.atomic(async |db| { insert(db, &place, 1).await?; Ok::<_, Error>(7) }).await.unwrap();
        assert_eq!(made, 7);
        let refused = db
            .atomic(async |db| {
                insert(db, &place, 2).await?;
                assert_eq!(ids(db).await, [1, 2]);
                Err::<(), _>(Error::new(ErrorKind::Value, "no"))
            })
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Value);
        assert_eq!(ids(&db).await, [1]);
    }

    async fn a_savepoint_is_undone_alone(place: Place) {
        let db = with_table(&place).await;
        db.atomic(async |db| {
            insert(db, &place, 1).await?;
            let inner = db.atomic(async |db| {
                insert(db, &place, 2).await?;
                insert(db, &place, 1).await
            });
            assert!(inner.await.unwrap_err().is_unique_violation());
            db.atomic(async |db| insert(db, &place, 3).await).await
        })
        .await
        .unwrap();
        assert_eq!(ids(&db).await, [1, 3]);
    }

    async fn a_transaction_that_has_ended_is_of_no_more_use(place: Place) {
        let db = with_table(&place).await;
        let kept = db.atomic(async |db| Ok::<_, Error>(db.clone())).await.unwrap();
        assert_eq!(insert(&kept, &place, 1).await.unwrap_err().kind(), ErrorKind::TransactionEnded);
        assert_eq!(insert(&kept.outside(), &place, 1).await.unwrap(), 1);
    }

    async fn work_waits_for_the_outermost_commit_in_order(place: Place) {
        let db = with_table(&place).await;
        let done = Arc::new(Mutex::new(Vec::new()));
        let note = |text: &'static str| { let done = Arc::clone(&done); async move { done.lock().unwrap().push(text) } };
        db.on_commit(note("at once")).await.unwrap();
        db.atomic(async |db| {
            db.on_commit(note("first")).await?;
            db.atomic(async |db| db.on_commit(note("second")).await).await?;
            let _ = db.atomic(async |db| { db.on_commit(note("never")).await?; Err::<(), _>(Error::new(ErrorKind::Value, "no")) }).await;
            db.on_commit(note("third")).await?;
            assert_eq!(*done.lock().unwrap(), ["at once"]);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        assert_eq!(*done.lock().unwrap(), ["at once", "first", "second", "third"]);
    }

    async fn a_tally_sums_up_statements_and_says_what_is_repeated(place: Place) {
        let db = with_table(&place).await;
        let (_, sum) = tally(async {
            for id in 1..=4 {
                insert(&db, &place, id).await.unwrap();
            }
            insert(&db, &place, 4).await.unwrap_err();
            ids(&db).await;
            db.atomic(async |db| ids(db).await.len().try_into().map_err(|_| Error::new(ErrorKind::Value, "no"))).await
                as Result<i64>
        })
        .await;
        assert_eq!((sum.statements, sum.failed, sum.rows), (7, 1, 4 + 4 + 4));
        assert_eq!(sum.lines.iter().map(|line| (line.count, line.rows)).collect::<Vec<_>>(), [(5, 4), (2, 8)]);
        assert!(sum.lines.iter().all(|line| line.longest <= line.elapsed && line.elapsed <= sum.elapsed));
        let repeated: Vec<_> = sum.repeated().collect();
        let [inserts] = repeated.as_slice() else { panic!("{repeated:?}") };
        assert!(inserts.sql.starts_with("INSERT INTO item"));
        let path = inserts.code_path().join("\n");
        assert!(path.contains("tests/it/db.rs:"), "{path}");
        assert!(sum.lines[1].code_path().is_empty());
    }

    async fn a_meter_is_read_while_it_counts_and_holds_a_bounded_number_of_texts(place: Place) {
        let db = place.db().await;
        let meter = Meter::default();
        let (_, kept) = capture(meter.watch(async {
            for number in 0..150 {
                db.raw(format!("SELECT {number}"), ()).fetch::<(i32,)>().await.unwrap();
                assert_eq!(meter.read().statements, number + 1);
            }
        }))
        .await;
        let sum = meter.read();
        assert_eq!((sum.statements, sum.rows, sum.lines.len(), kept.len()), (150, 150, 100, 150));
    }

    async fn captured_statements_have_text_parameters_and_rows(place: Place) {
        let db = with_table(&place).await;
        let (_, queries) = capture(async {
            insert(&db, &place, 1).await.unwrap();
            ids(&db).await
        })
        .await;
        assert_eq!(queries.len(), 2);
        assert_eq!(queries[0].params.len(), 2);
        assert_eq!(queries[1].rows, Some(1));
        assert!(!format!("{queries:?}").contains("item 1"));
    }
}
