//! `bulk_upsert`.

use nuages_orm::db::{assert_queries, capture};
use nuages_orm::query::{UpsertCounts, Upserted};
use nuages_orm::signal::{Draft, Saved, post_save, pre_save};
use nuages_orm::{Builder, Date, Db, Error, ErrorKind, Json, Model, Result, Timestamp, json, migrate};

use super::*;
use crate::support::on_each_engine;

fn counts(inserted: u64, updated: u64, unchanged: u64) -> UpsertCounts {
    let mut counts = UpsertCounts::default();
    (counts.inserted, counts.updated, counts.unchanged) = (inserted, updated, unchanged);
    counts
}

/// `i`, `u` or `-` for each row.
fn outcomes<M>(rows: &[Upserted<M>]) -> String {
    let letter = |row: &Upserted<M>| match row {
        Upserted::Inserted(_) => 'i',
        Upserted::Updated(_) => 'u',
        Upserted::Unchanged(_) => '-',
    };
    rows.iter().map(letter).collect()
}

fn books(numbers: impl IntoIterator<Item = usize>, pages: i32) -> Vec<Builder<Book>> {
    numbers.into_iter().map(|number| Book::builder().isbn(isbn(number)).title("new").pages(pages).build()).collect()
}

on_each_engine! {
    async fn rows_are_inserted_or_updated(place: Place) {
        let db = &library(&place).await;
        let shelf = Shelf::builder().label("a").create(db).await.unwrap();
        let rows = (0..1_000).step_by(2).map(|number| Book::builder().isbn(isbn(number)).shelf(&shelf).rank(1));
        let before = Book::objects().bulk_create(rows).returning().run(db).await.unwrap();
        let upsert = Book::objects().bulk_upsert(books(0..1_000, 9)).unique_by(|b| b.isbn()).update(|b| b.pages());
        assert_eq!(upsert.run(db).await.unwrap(), counts(500, 500, 0));
        let after = Book::objects().order_by(|b| b.isbn()).all(db).await.unwrap();
        assert_eq!(after.len(), 1_000);
        for (number, book) in after.iter().enumerate() {
            assert_eq!((book.pages, book.sides), (9, 18));
            if number % 2 == 0 {
                // What is named, and `auto_now`.
                let was = before[number / 2].clone();
                assert!(book.changed > was.changed);
                assert_eq!(book, &Book { pages: 9, sides: 18, changed: book.changed, ..was });
            } else {
                assert_eq!((book.title.as_str(), book.rank, book.shelf.is_none()), ("new", 5, true));
            }
        }
        let shelf = Shelf::objects().get(db).await.unwrap();
        assert_eq!((shelf.book_count, shelf.pages), (500, 4_500));
    }

    async fn each_row_comes_back_with_what_became_of_it(place: Place) {
        let db = &library(&place).await;
        let made = Book::objects().bulk_create(books([1, 3, 4], 7)).returning().run(db).await.unwrap();
        Book::objects().filter(|b| b.isbn().eq(isbn(4))).update(db, |b| b.rank().set(100)).await.unwrap();

        let all = Book::objects().bulk_upsert(books(0..6, 8)).unique_by(|b| b.isbn()).update(|b| b.pages());
        let rows = all.returning().run(db).await.unwrap();
        assert_eq!(outcomes(&rows), "iuiuui");
        assert_eq!((rows[1].row().id, rows[3].row().id, rows[1].row().pages), (made[0].id, made[1].id, 8));
        assert!(rows[0].is_inserted() && rows[1].is_updated());

        // Those alone for which a condition holds; the others as they are.
        let some = Book::objects().bulk_upsert(books(2..8, 9)).unique_by(|b| b.isbn()).update(|b| b.pages());
        let rows = some.only_where(|b| b.rank().lt(50) & b.title().ne("it's")).returning().run(db).await.unwrap();
        assert_eq!(outcomes(&rows), "uu-uii");
        assert_eq!((rows[2].row().id, rows[2].row().pages, rows[3].row().pages), (made[2].id, 8, 9));
        assert_eq!(rows.iter().map(|row| row.row().isbn.clone()).collect::<Vec<_>>(), (2..8).map(isbn).collect::<Vec<_>>());
        let some = Book::objects().bulk_upsert(books(2..9, 10)).unique_by(|b| b.isbn()).update(|b| b.pages());
        assert_eq!(some.only_where(|b| b.rank().lt(50)).run(db).await.unwrap(), counts(1, 5, 1));
        let never = Book::objects().bulk_upsert(books(8..10, 10)).unique_by(|b| b.isbn()).update(|b| b.pages());
        assert_eq!(never.only_where(|b| b.rank().in_(Vec::<i32>::new())).run(db).await.unwrap(), counts(1, 0, 1));

        // None of those that are there.
        let ignore = || Book::objects().bulk_upsert(books(8..12, 11)).unique_by(|b| b.isbn()).ignore();
        let rows = ignore().returning().run(db).await.unwrap();
        assert_eq!(outcomes(&rows), "--ii");
        assert_eq!((rows[0].row().pages, rows[2].row().pages), (10, 11));
        assert_eq!(ignore().run(db).await.unwrap(), counts(0, 0, 4));
    }

    async fn the_same_row_twice_is_written_twice(place: Place) {
        let db = &library(&place).await;
        let twice = || [1, 2, 1, 3, 1].into_iter().zip(1..).map(|(number, pages)| books([number], pages).remove(0));
        for batch in [1, 2, 100] {
            let upsert = Book::objects().bulk_upsert(twice()).unique_by(|b| b.isbn()).update(|b| b.pages());
            let rows = upsert.batch_size(batch).returning().run(db).await.unwrap();
            assert_eq!(outcomes(&rows), "iiuiu");
            assert_eq!(Book::objects().filter(|b| b.isbn().eq(isbn(1))).get(db).await.unwrap().pages, 5, "the later wins");
            Book::objects().delete(db).await.unwrap();
            let upsert = Book::objects().bulk_upsert(twice()).unique_by(|b| b.isbn()).ignore();
            assert_eq!(upsert.batch_size(batch).run(db).await.unwrap(), counts(3, 0, 2));
            assert_eq!(Book::objects().filter(|b| b.isbn().eq(isbn(1))).get(db).await.unwrap().pages, 1);
            Book::objects().delete(db).await.unwrap();
        }
        // Of several kinds, in their order all the same.
        let kinds = (0..200_usize).map(|number| {
            let row = Book::builder().isbn(isbn(number % 50)).pages(number as i32);
            if number % 3 == 0 { row.rank(number as i32) } else { row }
        });
        let upsert = Book::objects().bulk_upsert(kinds).unique_by(|b| b.isbn()).update(|b| b.pages());
        assert_eq!(upsert.run(db).await.unwrap(), counts(50, 150, 0));
        assert_eq!(Book::objects().filter(|b| b.pages().gte(150)).count(db).await.unwrap(), 50);
    }

    async fn by_every_kind_of_constraint(place: Place) {
        let db = &library(&place).await;
        // The primary key, of two columns.
        let day = Date::constant(2024, 1, 1);
        let readings = |value: f64| (0..9).map(move |device| Reading::builder().device(device % 6).day(day).value(value));
        let upsert = Reading::objects().bulk_upsert(readings(1.0)).update(|r| (r.value(), r.note()));
        assert_eq!(upsert.run(db).await.unwrap(), counts(6, 3, 0));
        let upsert = Reading::objects().bulk_upsert(readings(2.0)).unique_by(|r| (r.day(), r.device())).ignore();
        assert_eq!(outcomes(&upsert.returning().run(db).await.unwrap()), "---------");
        // One that the database numbers: rows without it are new.
        let tickets = (0..6).map(|number| if number < 3 { Ticket::builder().id(number + 1) } else { Ticket::builder() });
        Ticket::objects().bulk_create([Ticket::builder()]).run(db).await.unwrap();
        let tickets: Vec<_> = tickets.collect();
        let rows = Ticket::objects().bulk_upsert(tickets).ignore();
        let refused = rows.returning().run(db).await;
        // PostgreSQL goes on numbering where it was, as ever.
        if place.is_sqlite() {
            assert_eq!(outcomes(&refused.unwrap()), "-iiiii");
        }

        // Unique among the living.
        let page = |path: &'static str, body: &'static str| Page::builder().path(path).body(body);
        Page::builder().path("a").create(db).await.unwrap().delete(db).await.unwrap();
        let pages = || [page("a", "1"), page("b", "2")];
        let upsert = || Page::objects().bulk_upsert(pages()).unique_by(|p| (p.site(), p.path())).update(|p| p.body());
        assert_eq!(outcomes(&upsert().returning().run(db).await.unwrap()), "ii");
        assert_eq!(outcomes(&upsert().returning().run(db).await.unwrap()), "uu");
        assert_eq!(upsert().run(db).await.unwrap(), counts(0, 2, 0));
        let ignore = Page::objects().bulk_upsert(pages()).unique_by(|p| (p.path(), p.site())).ignore();
        let rows = ignore.returning().run(db).await.unwrap();
        assert_eq!(outcomes(&rows), "--");
        assert!(rows.iter().all(|row| row.row().gone.is_none()));
        assert_eq!((Page::objects().count(db).await.unwrap(), Page::all_objects().count(db).await.unwrap()), (2, 3));
        // Deleted ones are no others' like.
        let dead = || [page("a", "x").gone(Timestamp::now()), page("a", "y").gone(Timestamp::now())];
        let ignore = Page::objects().bulk_upsert(dead()).unique_by(|p| (p.path(), p.site())).ignore();
        assert_eq!(outcomes(&ignore.returning().run(db).await.unwrap()), "ii");

        let wrong = Page::objects().bulk_upsert(pages()).unique_by(|p| p.path()).ignore().run(db).await.unwrap_err();
        let text = "bulk.Page: no constraint keeps (path) unique at once, so no row is found by it: choices are (id), (site, path)";
        assert_eq!((wrong.kind(), wrong.to_string().as_str()), (ErrorKind::Field, text));
    }

    async fn nulls_are_never_the_same(place: Place) {
        let db = &library(&place).await;
        let slots = || [Some(1), None, Some(2), None].map(|place| Slot::builder().place(place));
        for (ignore, expected) in [(true, "iiii"), (true, "-i-i"), (false, "uiui")] {
            let upsert = Slot::objects().bulk_upsert(slots()).unique_by(|s| s.place());
            let upsert = if ignore { upsert.ignore() } else { upsert.update(|s| s.note()) };
            assert_eq!(outcomes(&upsert.returning().run(db).await.unwrap()), expected);
        }
        let upsert = Slot::objects().bulk_upsert(slots()).unique_by(|s| s.place()).ignore();
        assert_eq!(upsert.run(db).await.unwrap(), counts(2, 0, 2));
        assert_eq!(Slot::objects().count(db).await.unwrap(), 10);
    }

    async fn what_cannot_be_written_is_refused_and_undone(place: Place) {
        let db = &library(&place).await;
        let kept = Book::builder().isbn("kept").id(70_000).create(db).await.unwrap();
        let upsert = |rows: Vec<Builder<Book>>| Book::objects().bulk_upsert(rows).unique_by(|b| b.isbn()).update(|b| b.title());
        let mut rows = books(0..20, 1);
        rows[13] = Book::builder().isbn("x").title("x".repeat(41)).build();
        let refused = upsert(rows).batch_size(3).run(db).await.unwrap_err();
        assert_eq!(refused.to_string(), "bulk.Book.title at index 13: 41 characters are too long: the field holds 40");
        // Another constraint than the one that was named.
        let mut rows = books(0..20, 1);
        rows[13] = Book::builder().isbn("other").id(kept.id).build();
        let refused = upsert(rows).run(db).await.unwrap_err();
        assert!(refused.is_unique_violation());
        assert_eq!(refused.index(), place.choose(Some(13), None));
        let refused = Book::objects().bulk_upsert(books([1], 1)).unique_by(|b| b.isbn()).update(|b| b.id()).run(db).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Value);
        let refused = Book::objects().bulk_upsert(books([1], 1)).unique_by(|b| b.isbn()).update(|b| b.sides()).run(db).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Field);
        let joined = Book::objects().bulk_upsert(books([1], 1)).unique_by(|b| b.isbn()).update(|b| b.pages());
        let refused = joined.only_where(|b| b.shelf().label().eq("a")).run(db).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        assert_eq!(Book::objects().count(db).await.unwrap(), 1);
        let (none, sent) = capture(upsert(Vec::new()).run(db)).await;
        assert_eq!((none.unwrap(), sent.len()), (counts(0, 0, 0), 0));

        let records = |year: serde_json::Value| [Record::builder().code("a").notes(Json(json!({ "year": year })))];
        let upsert = |year| Record::objects().bulk_upsert(records(year)).unique_by(|r| r.code()).update(|r| r.notes());
        assert_eq!(upsert(json!(1)).run(db).await.unwrap(), counts(1, 0, 0));
        assert_eq!(upsert(json!(2)).run(db).await.unwrap(), counts(0, 1, 0));
        if cfg!(feature = "jsonschema") {
            assert_eq!(upsert(json!("x")).run(db).await.unwrap_err().faults()[0].pointer, "/year");
        }
        assert_eq!(Record::objects().get(db).await.unwrap().notes.0["year"], 2);
    }

    async fn one_statement_for_a_batch(place: Place) {
        let db = &library(&place).await;
        let upsert = |rows: Vec<Builder<Book>>| Book::objects().bulk_upsert(rows).unique_by(|b| b.isbn()).update(|b| b.pages());
        assert_queries(1, upsert(books(0..400, 1)).run(db)).await.unwrap();
        assert_queries(1, upsert(books(0..400, 2)).returning().run(db)).await.unwrap();
        assert_queries(1, upsert(books(0..400, 2)).only_where(|b| b.rank().gt(9)).returning().run(db)).await.unwrap();
        assert_queries(4, upsert(books(0..400, 3)).batch_size(100).run(db)).await.unwrap();
        let all = upsert(books(0..12_000, 4)).batch_size(12_000);
        assert_eq!(all.run(db).await.unwrap(), counts(11_600, 400, 0));
        assert_eq!(upsert(books(0..12_000, 4)).batch_size(12_000).returning().run(db).await.unwrap().len(), 12_000);
    }

    async fn many_at_once_make_each_row_once(place: Place) {
        let db = &library(&place).await;
        let mut tasks = Vec::new();
        for number in 0..8_i32 {
            let db = db.clone();
            tasks.push(tokio::spawn(async move {
                // In one order, so that none waits for another that waits for it.
                let upsert = Book::objects().bulk_upsert(books(0..300, number)).unique_by(|b| b.isbn());
                match number % 4 {
                    0 => upsert.update(|b| b.pages()).batch_size(40).run(&db).await,
                    1 => upsert.ignore().batch_size(40).run(&db).await,
                    other => {
                        let upsert = if other == 2 { upsert.update(|b| b.pages()) } else { upsert.ignore() };
                        let rows = upsert.batch_size(40).returning().run(&db).await?;
                        assert!(rows.iter().enumerate().all(|(at, row)| row.row().isbn == isbn(at)));
                        let outcomes = outcomes(&rows);
                        let of = |letter| outcomes.matches(letter).count() as u64;
                        Ok(counts(of('i'), of('u'), of('-')))
                    }
                }
            }));
        }
        let mut sum = counts(0, 0, 0);
        for task in tasks {
            let counts = task.await.unwrap().unwrap();
            (sum.inserted, sum.updated, sum.unchanged) =
                (sum.inserted + counts.inserted, sum.updated + counts.updated, sum.unchanged + counts.unchanged);
        }
        assert_eq!(sum.inserted, 300, "each row was new to one of them");
        assert_eq!(sum.inserted + sum.updated + sum.unchanged, 8 * 300);
        assert_eq!(Book::objects().count(db).await.unwrap(), 300);
    }

    async fn a_row_that_another_makes_meanwhile_is_found(place: Place) {
        let db = &library(&place).await;
        let (made, release) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
        let first = db.atomic(async |db: &Db| {
            let book = Book::builder().isbn(isbn(1)).pages(77).create(db).await?;
            made.notify_one();
            release.notified().await;
            Ok::<_, Error>(book)
        });
        let second = async {
            made.notified().await;
            let upsert = Book::objects().bulk_upsert(books(0..3, 1)).unique_by(|b| b.isbn()).ignore().returning();
            let rows = upsert.run(db);
            let release = async {
                if !place.is_sqlite() {
                    let waits = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
                                 WHERE NOT l.granted AND a.query LIKE '%bulk_book%' AND l.locktype = 'transactionid'";
                    while db.raw(waits, ()).fetch::<(i64,)>().await.unwrap() == [(0,)] {
                        tokio::task::yield_now().await;
                    }
                }
                release.notify_one();
            };
            tokio::join!(rows, release).0
        };
        let (first, second) = tokio::join!(first, second);
        let rows = second.unwrap();
        assert_eq!(outcomes(&rows), "i-i");
        assert_eq!(rows[1].row(), &first.unwrap());
    }

    async fn receivers_are_told_with_signals_alone(place: Place) {
        let receivers = [pre_save::<Book>(tidy), post_save::<Book>(told)];
        let db = Db::builder(&place.url).models(models()).receivers(receivers).connect().await.unwrap();
        let db = &db;
        migrate::create_tables(db).await.unwrap();
        let shelves = async || {
            let all = Shelf::objects().values(|s| s.label()).all(db).await.unwrap();
            db.raw("DELETE FROM bulk_shelf", ()).execute().await.unwrap();
            all
        };
        let upsert = |rows: Vec<Builder<Book>>| Book::objects().bulk_upsert(rows).unique_by(|b| b.isbn()).update(|b| b.pages());
        upsert(books([1], 1)).run(db).await.unwrap();
        assert!(shelves().await.is_empty());
        assert_eq!(upsert(books([1, 2], 1)).with_signals().run(db).await.unwrap(), counts(1, 1, 0));
        let told = [format!("{} created=false pages,changed 77", isbn(1)), format!("{} created=true  77", isbn(2))];
        assert_eq!(shelves().await, told);
        let ignore = Book::objects().bulk_upsert(books([1, 3], 1)).unique_by(|b| b.isbn()).ignore().with_signals();
        assert_eq!(outcomes(&ignore.returning().run(db).await.unwrap()), "-i");
        assert_eq!(shelves().await, [format!("{} created=true  77", isbn(3))], "nothing was saved of the first");
        let mut rows = books([4, 5], 1);
        rows[1] = Book::builder().isbn("bad").build();
        let refused = upsert(rows).with_signals().run(db).await.unwrap_err();
        assert_eq!((refused.is_refused(), refused.index(), shelves().await.len()), (true, Some(1), 0));
        assert_eq!(Book::objects().count(db).await.unwrap(), 3);
    }
}

async fn tidy(_: &Db, book: &mut Draft<Book>) -> Result<()> {
    match book.get(|b| b.isbn())?.as_str() {
        "bad" => Err(Error::refused("is not taken")),
        _ => book.set(|b| b.pages().set(77)),
    }
}

async fn told(db: &Db, book: Saved<'_, Book>) -> Result<()> {
    let fields = book.fields.map(|fields| fields.join(",")).unwrap_or_default();
    let label = format!("{} created={} {fields} {}", book.isbn, book.created, book.pages);
    Shelf::builder().label(label).create(db).await.map(drop)
}
