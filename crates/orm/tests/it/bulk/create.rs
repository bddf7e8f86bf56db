//! `bulk_create`.

use nuages_orm::db::{assert_queries, capture};
use nuages_orm::signal::{Draft, Saved, post_save, pre_save};
use nuages_orm::{Date, Db, Error, ErrorKind, Json, Model, Result, Timestamp, json, migrate};

use super::*;
use crate::support::on_each_engine;

on_each_engine! {
    async fn rows_get_what_create_would_give_them(place: Place) {
        let db = &library(&place).await;
        let shelf = Shelf::builder().label("a").create(db).await.unwrap();
        let before = Timestamp::now();
        let rows = (0..1_234).map(|number| Book::builder().isbn(isbn(number)).shelf(&shelf));
        let written = Book::objects().bulk_create(rows).run(db).await.unwrap();
        assert_eq!(written, 1_234);
        let books = Book::objects().all(db).await.unwrap();
        assert_eq!(books.len(), 1_234);
        for (number, book) in books.iter().enumerate() {
            assert_eq!(book.isbn, isbn(number), "in the order they were given");
            assert_eq!((book.title.as_str(), book.pages, book.rank, book.sides), ("untitled", 7, 5, 14));
            assert!(book.made.as_second() >= before.as_second() && book.changed >= book.made);
        }
        assert_ne!(books[0].token, books[1].token, "a default is made for each row");
        let shelf = Shelf::objects().get(db).await.unwrap();
        assert_eq!((shelf.book_count, shelf.pages), (1_234, 7 * 1_234));
    }

    async fn returning_gives_the_rows_in_the_order_they_were_given(place: Place) {
        let db = &library(&place).await;
        // Of several kinds: with keys and without, with a default of the database's and without.
        let rows = (0..900_usize).map(|number| {
            let book = Book::builder().isbn(isbn(number)).pages(number as i32);
            let book = if number % 2 == 0 { book.id(-1 - number as i64) } else { book };
            if number % 3 == 0 { book.rank(number as i32) } else { book }
        });
        for batch in [7, 100, 5_000] {
            let rows = rows.clone();
            let books = Book::objects().bulk_create(rows).batch_size(batch).returning().run(db).await.unwrap();
            assert_eq!(books.len(), 900);
            for (number, book) in books.iter().enumerate() {
                assert_eq!((book.isbn.clone(), book.pages, book.sides), (isbn(number), number as i32, 2 * number as i32));
                assert_eq!(book.id < 0, number % 2 == 0);
                assert_eq!(book.rank, if number % 3 == 0 { number as i32 } else { 5 });
            }
            assert_eq!(Book::objects().in_bulk(db, &[books[1].id, books[2].id]).await.unwrap().len(), 2);
            assert_eq!(Book::objects().delete(db).await.unwrap().total, 900);
            // The same without asking for them.
            let rows = (0..900_usize).map(|number| {
                let book = Book::builder().isbn(isbn(number));
                if number % 2 == 0 { book.id(-1 - number as i64) } else { book }
            });
            assert_eq!(Book::objects().bulk_create(rows).batch_size(batch).run(db).await.unwrap(), 900);
            assert_eq!(Book::objects().filter(|b| b.id().lt(0)).count(db).await.unwrap(), 450);
            Book::objects().delete(db).await.unwrap();
        }
    }

    async fn rows_of_the_struct_are_new_ones(place: Place) {
        let db = &library(&place).await;
        let old = Timestamp::from_second(1).unwrap();
        let mut book = Book::builder().isbn("a").title("x").create(db).await.unwrap();
        (book.id, book.isbn, book.made, book.changed, book.rank) = (0, "b".into(), old, old, 3);
        let mut second = book.clone();
        (second.id, second.isbn, second.seen) = (50, "c".into(), old);
        let books = Book::objects().bulk_create([&book, &second]).returning().run(db).await.unwrap();
        assert_eq!((books[0].isbn.as_str(), books[1].isbn.as_str(), books[1].id), ("b", "c", 50));
        assert!(books[0].id > 0);
        assert_eq!((books[0].rank, books[0].token, books[1].seen), (3, book.token, old));
        assert!(books.iter().all(|book| book.made > old && book.changed > old));

        // By value, and one by one, with a field given beside.
        let third = Book { id: 0, isbn: "d".into(), ..book.clone() };
        assert_eq!(Book::objects().bulk_create(vec![third]).run(db).await.unwrap(), 1);
        let fourth = nuages_orm::Builder::from(&book).set("isbn", "e".into()).create(db).await.unwrap();
        assert_eq!((fourth.isbn.as_str(), fourth.title.as_str()), ("e", "x"));
        assert!(fourth.made > old);
    }

    async fn tables_of_every_kind_of_key(place: Place) {
        let db = &library(&place).await;
        let tickets = || (0..300).map(|_| Ticket::builder());
        assert_eq!(Ticket::objects().bulk_create(tickets()).run(db).await.unwrap(), 300);
        let rows = Ticket::objects().bulk_create(tickets()).returning().run(db).await.unwrap();
        assert_eq!((rows[0].id, rows[299].id), (301, 600));

        let day = |number| Date::constant(2024, 1, number);
        let readings = (1..=30).map(|number| Reading::builder().device(1).day(day(number)).value(0.5));
        assert_eq!(Reading::objects().bulk_create(readings).run(db).await.unwrap(), 30);
        let again = || [Reading::builder().device(2).day(day(1)).value(1.0), Reading::builder().device(1).day(day(3)).value(1.0)];
        let refused = Reading::objects().bulk_create(again()).run(db).await.unwrap_err();
        assert!(refused.is_unique_violation());
        assert_eq!(refused.index(), Some(1));
        assert_eq!(Reading::objects().count(db).await.unwrap(), 30);
        let refused = Reading::objects().bulk_create(again()).returning().run(db).await.unwrap_err();
        assert!(refused.is_unique_violation());

        // No rows, no statement.
        let none: [nuages_orm::Builder<Ticket>; 0] = [];
        let (written, sent) = capture(Ticket::objects().bulk_create(none).run(db)).await;
        assert_eq!((written.unwrap(), sent.len()), (0, 0));
    }

    async fn one_statement_for_a_batch_and_memory_for_no_more(place: Place) {
        let db = &library(&place).await;
        let rows = |from: usize, to: usize| (from..to).map(|number| Book::builder().isbn(isbn(number)));
        // One `COPY`, or one prepared statement.
        assert_queries(1, Book::objects().bulk_create(rows(0, 2_000)).run(db)).await.unwrap();
        assert_queries(4, Book::objects().bulk_create(rows(2_000, 2_400)).batch_size(100).run(db)).await.unwrap();
        assert_queries(4, Book::objects().bulk_create(rows(2_400, 2_800)).batch_size(100).returning().run(db)).await.unwrap();
        // Far more parameters than either engine binds to one statement.
        let all = Book::objects().bulk_create(rows(10_000, 22_000)).batch_size(12_000).returning();
        assert_eq!(all.run(db).await.unwrap().len(), 12_000);
        assert_eq!(Book::objects().bulk_create(rows(30_000, 42_000)).batch_size(12_000).run(db).await.unwrap(), 12_000);
    }

    async fn a_value_that_does_not_fit_names_model_field_and_index(place: Place) {
        let db = &library(&place).await;
        let rows = || (0..2_000_usize).map(|number| {
            Book::builder().isbn(isbn(number)).title(if number == 1_700 { "x".repeat(41) } else { "x".to_owned() })
        });
        for refused in [
            Book::objects().bulk_create(rows()).run(db).await.unwrap_err(),
            Book::objects().bulk_create(rows()).returning().run(db).await.map(drop).unwrap_err(),
        ] {
            assert_eq!((refused.kind(), refused.index()), (ErrorKind::Validation, Some(1_700)));
            let text = "bulk.Book.title at index 1700: 41 characters are too long: the field holds 40";
            assert_eq!(refused.to_string(), text);
        }
        assert_eq!(Book::objects().count(db).await.unwrap(), 0, "nothing was written");
    }

    async fn what_the_database_refuses_undoes_all(place: Place) {
        let db = &library(&place).await;
        Book::builder().isbn(isbn(1_777)).create(db).await.unwrap();
        let rows = || (0..2_000).map(|number| Book::builder().isbn(isbn(number)));
        let refused = Book::objects().bulk_create(rows()).run(db).await.unwrap_err();
        assert!(refused.is_unique_violation());
        assert_eq!((refused.model(), refused.index()), (Some("bulk.Book"), Some(1_777)));
        let refused = Book::objects().bulk_create(rows()).batch_size(30).run(db).await.unwrap_err();
        assert_eq!(refused.index(), Some(1_777));
        let refused = Book::objects().bulk_create(rows()).returning().run(db).await.unwrap_err();
        assert!(refused.is_unique_violation());
        assert_eq!(refused.index(), place.choose(Some(1_777), None));

        // A savepoint within a transaction that goes on.
        db.atomic(async |db: &Db| {
            assert!(Book::objects().bulk_create(rows()).run(db).await.unwrap_err().is_unique_violation());
            Book::objects().bulk_create((5_000..5_100).map(|number| Book::builder().isbn(isbn(number)))).run(db).await
        })
        .await
        .unwrap();
        assert_eq!(Book::objects().count(db).await.unwrap(), 101);

        // A key that refers to nothing: an error at the latest at the commit.
        let stray = Book::objects().bulk_create([Book::builder().isbn("stray").shelf_id(77)]).run(db).await;
        assert_eq!(stray.unwrap_err().kind(), ErrorKind::ForeignKeyViolation);
        assert_eq!(Book::objects().count(db).await.unwrap(), 101);
        // The connection is fit for others.
        assert_eq!(Book::objects().bulk_create([Book::builder().isbn("last")]).run(db).await.unwrap(), 1);
    }

    async fn a_call_that_is_dropped_leaves_nothing_behind(place: Place) {
        let db = &library(&place).await;
        for polls in [1, 2, 3, 4, 5, 8, 12, 20, 40] {
            let rows = (0..3_000).map(|number| Book::builder().isbn(isbn(number)));
            let mut work = Box::pin(Book::objects().bulk_create(rows).batch_size(100).run(db));
            for _ in 0..polls {
                if futures_util::FutureExt::now_or_never(work.as_mut()).is_some() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(work);
            let left = Book::objects().count(db).await.unwrap();
            assert!(left == 0 || left == 3_000, "{left} rows");
            Book::objects().delete(db).await.unwrap();
        }
        let rows = (0..10).map(|number| Book::builder().isbn(isbn(number)));
        assert_eq!(Book::objects().bulk_create(rows).run(db).await.unwrap(), 10);
    }

    async fn documents_are_checked(place: Place) {
        let db = &library(&place).await;
        let rows = [json!({"year": 1937}), json!({"year": "1937"})];
        let rows = || rows.iter().enumerate().map(|(number, notes)| Record::builder().code(number.to_string()).notes(Json(notes.clone())));
        if cfg!(feature = "jsonschema") {
            let refused = Record::objects().bulk_create(rows()).run(db).await.unwrap_err();
            assert_eq!((refused.kind(), refused.index(), refused.field()), (ErrorKind::Validation, Some(1), Some("notes")));
            assert_eq!(refused.faults()[0].pointer, "/year");
        }
        let read = Record::objects().bulk_create(rows().take(1)).returning().run(db).await.unwrap();
        assert_eq!(read[0].notes.0["year"], 1937);
    }

    async fn rows_that_are_marked_take_part_as_they_are(place: Place) {
        let db = &library(&place).await;
        let page = Page::builder().path("/").create(db).await.unwrap();
        page.delete(db).await.unwrap();
        // Unique among the living: the place is free again, once.
        assert_eq!(Page::objects().bulk_create([Page::builder().path("/")]).run(db).await.unwrap(), 1);
        assert!(Page::objects().bulk_create([Page::builder().path("/")]).run(db).await.unwrap_err().is_unique_violation());
        let dead = Page::builder().path("/").gone(Timestamp::now());
        assert_eq!(Page::objects().bulk_create([dead]).run(db).await.unwrap(), 1);
        assert_eq!((Page::objects().count(db).await.unwrap(), Page::all_objects().count(db).await.unwrap()), (1, 3));
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
        let rows = |names: &'static [&'static str]| names.iter().map(|name| Book::builder().isbn(*name));
        assert_eq!(Book::objects().bulk_create(rows(&["a", "bad"])).run(db).await.unwrap(), 2);
        assert!(shelves().await.is_empty(), "nobody is told");

        assert_eq!(Book::objects().bulk_create(rows(&["c", "d"])).with_signals().run(db).await.unwrap(), 2);
        assert_eq!(shelves().await, ["new c", "made c tidy", "new d", "made d tidy"]);
        let made = Book::objects().bulk_create(rows(&["e"])).with_signals().returning().run(db).await.unwrap();
        assert_eq!(made[0].title, "tidy", "as a receiver has set it");
        shelves().await;

        let refused = Book::objects().bulk_create(rows(&["f", "worse bad"])).with_signals().run(db).await.unwrap_err();
        assert!(refused.is_refused());
        assert_eq!(refused.to_string(), "bulk.Book.isbn at index 1: is not taken");
        assert!(shelves().await.is_empty(), "what receivers did is undone with the rows");
        assert_eq!(Book::objects().count(db).await.unwrap(), 5);
    }
}

async fn tidy(db: &Db, book: &mut Draft<Book>) -> Result<()> {
    let isbn = book.get(|b| b.isbn())?;
    Shelf::builder().label(format!("new {isbn}")).create(db).await?;
    if isbn.ends_with("bad") {
        return Err(Error::refused("is not taken").in_field("isbn"));
    }
    book.set(|b| b.title().set("tidy"))
}

async fn told(db: &Db, book: Saved<'_, Book>) -> Result<()> {
    assert!(book.created);
    Shelf::builder().label(format!("made {} {}", book.isbn, book.title)).create(db).await.map(drop)
}

#[cfg(feature = "postgres")]
mod where_copy_does_not_go {
    use super::*;
    use crate::support::on_postgres;

    /// A view takes rows by `INSERT`, and so does a table with rules.
    #[test]
    fn rows_go_by_insert() {
        on_postgres(async |place| {
            let db = &library(&place).await;
            for sql in [
                "ALTER TABLE bulk_book RENAME TO books",
                "CREATE VIEW bulk_book AS SELECT * FROM books",
                "ALTER VIEW bulk_book ALTER rank SET DEFAULT 9",
                "CREATE RULE twice AS ON INSERT TO bulk_ticket DO ALSO INSERT INTO bulk_shelf (label, book_count, pages) \
                 VALUES ('ticket', 0, 0)",
            ] {
                db.raw(sql, ()).execute().await.unwrap();
            }
            let rows = (0..2_500).map(|number| Book::builder().isbn(isbn(number)).rank(1));
            assert_eq!(Book::objects().bulk_create(rows).run(db).await.unwrap(), 2_500);
            let rows = [Book::builder().isbn("a"), Book::builder().isbn("b").rank(2)];
            assert_eq!(Book::objects().bulk_create(rows).run(db).await.unwrap(), 2);
            let ranks: Vec<(i32,)> =
                db.raw("SELECT rank FROM books WHERE isbn IN ('a', 'b') ORDER BY isbn", ()).fetch().await.unwrap();
            assert_eq!(ranks, [(9,), (2,)]);
        });
    }
}
