//! `bulk_update`.

use nuages_orm::db::{assert_queries, capture};
use nuages_orm::signal::{Draft, Saved, post_save, pre_save};
use nuages_orm::{Date, Db, Error, ErrorKind, Json, Model, Result, json};

use super::*;
use crate::support::on_each_engine;

async fn filled(place: &crate::support::Place, rows: usize) -> Db {
    let db = library(place).await;
    let rows = (0..rows).map(|number| Book::builder().isbn(isbn(number)));
    Book::objects().bulk_create(rows).run(&db).await.unwrap();
    db
}

on_each_engine! {
    async fn each_row_gets_its_own_values(place: Place) {
        let db = &filled(&place, 1_500).await;
        let shelf = Shelf::builder().label("a").create(db).await.unwrap();
        let before = Book::objects().all(db).await.unwrap();
        let mut books = before.clone();
        for (number, book) in books.iter_mut().enumerate() {
            (book.pages, book.title) = (number as i32, format!("'{number}' \\ %"));
            book.rank = -1;
            book.shelf = (number % 2 == 0).then(|| (&shelf).into());
        }
        // Those that are named, and `auto_now`.
        let set = Book::objects().bulk_update(&books, |b| (b.pages(), b.title(), b.shelf_id()));
        assert_eq!(set.run(db).await.unwrap(), 1_500);
        let after = Book::objects().all(db).await.unwrap();
        for (number, (after, before)) in after.iter().zip(&before).enumerate() {
            let expected = Book {
                pages: number as i32,
                sides: 2 * number as i32,
                title: format!("'{number}' \\ %"),
                shelf: (number % 2 == 0).then(|| (&shelf).into()),
                changed: after.changed,
                ..before.clone()
            };
            assert_eq!(after, &expected);
            assert!(after.changed > before.changed);
        }
        let shelf = Shelf::objects().get(db).await.unwrap();
        assert_eq!(shelf.book_count, 750);
        assert_eq!(shelf.pages, after.iter().step_by(2).map(|book| i64::from(book.pages)).sum::<i64>());
    }

    async fn statements_batches_and_what_is_not_there(place: Place) {
        let db = &filled(&place, 400).await;
        let mut books = Book::objects().all(db).await.unwrap();
        books.iter_mut().for_each(|book| book.pages = 1);
        assert_queries(1, Book::objects().bulk_update(&books, |b| b.pages()).run(db)).await.unwrap();
        assert_queries(4, Book::objects().bulk_update(&books, |b| b.pages()).batch_size(100).run(db)).await.unwrap();
        let (written, sent) = capture(Book::objects().bulk_update(books[..0].iter(), |b| b.pages()).run(db)).await;
        assert_eq!((written.unwrap(), sent.len()), (0, 0));

        books[7].delete(db).await.unwrap();
        assert_eq!(Book::objects().bulk_update(&books, |b| b.pages()).run(db).await.unwrap(), 399);
        // What the query does not find stays as it is, over joins too.
        books.iter_mut().for_each(|book| book.pages = 2);
        let some = Book::objects().filter(|b| b.isbn().lt(isbn(10)));
        assert_eq!(some.bulk_update(&books, |b| b.pages()).run(db).await.unwrap(), 9);
        let none = Book::objects().filter(|b| b.shelf().label().eq("a"));
        assert_eq!(none.bulk_update(&books, |b| b.pages()).run(db).await.unwrap(), 0);
        assert_eq!(Book::objects().none().bulk_update(&books, |b| b.pages()).run(db).await.unwrap(), 0);
        assert_eq!(Book::objects().filter(|b| b.pages().eq(2)).count(db).await.unwrap(), 9);
        let sliced = Book::objects().limit(1).bulk_update(&books, |b| b.pages()).run(db).await.unwrap_err();
        assert_eq!(sliced.kind(), ErrorKind::Type);

        // The same row twice: the later wins.
        let (mut one, mut two) = (books[0].clone(), books[0].clone());
        (one.pages, two.pages) = (11, 22);
        assert_eq!(Book::objects().bulk_update([one, two], |b| b.pages()).run(db).await.unwrap(), 2);
        books[0].refresh(db).await.unwrap();
        assert_eq!(books[0].pages, 22);
    }

    async fn more_parameters_than_an_engine_takes(place: Place) {
        let db = &filled(&place, 20_000).await;
        let mut books = Book::objects().all(db).await.unwrap();
        books.iter_mut().for_each(|book| book.pages += 1);
        let all = Book::objects().bulk_update(&books, |b| (b.pages(), b.title(), b.rank()));
        assert_eq!(all.batch_size(100_000).run(db).await.unwrap(), 20_000);
        assert_eq!(Book::objects().filter(|b| b.pages().eq(8)).count(db).await.unwrap(), 20_000);
    }

    async fn keys_of_two_columns_and_marked_rows(place: Place) {
        let db = &library(&place).await;
        let day = |number| Date::constant(2024, 1, number);
        let readings = (1..=9).map(|number| Reading::builder().device(1).day(day(number)).value(0.5));
        let mut readings = Reading::objects().bulk_create(readings).returning().run(db).await.unwrap();
        for (number, reading) in readings.iter_mut().enumerate() {
            (reading.value, reading.note) = (number as f64, number.to_string());
        }
        assert_eq!(Reading::objects().bulk_update(&readings, |r| (r.value(), r.note())).run(db).await.unwrap(), 9);
        assert_eq!(Reading::objects().all(db).await.unwrap(), readings);

        let pages = ["a", "b"].map(|path| Page::builder().path(path));
        let mut pages = Page::objects().bulk_create(pages).returning().run(db).await.unwrap();
        pages[0].delete(db).await.unwrap();
        pages.iter_mut().for_each(|page| page.body = "x".to_owned());
        assert_eq!(Page::objects().bulk_update(&pages, |p| p.body()).run(db).await.unwrap(), 1);
        assert_eq!(Page::all_objects().bulk_update(&pages, |p| p.body()).run(db).await.unwrap(), 2);
    }

    async fn what_does_not_fit_is_refused_and_nothing_written(place: Place) {
        let db = &filled(&place, 10).await;
        let mut books = Book::objects().all(db).await.unwrap();
        books.iter_mut().for_each(|book| book.title = "y".to_owned());
        books[7].title = "x".repeat(41);
        let refused = Book::objects().bulk_update(&books, |b| b.title()).batch_size(2).run(db).await.unwrap_err();
        assert_eq!(refused.to_string(), "bulk.Book.title at index 7: 41 characters are too long: the field holds 40");
        books[7] = Book { id: 0, title: "new".into(), ..books[7].clone() };
        let refused = Book::objects().bulk_update(&books, |b| b.title()).run(db).await.unwrap_err();
        assert_eq!((refused.kind(), refused.index()), (ErrorKind::Value, Some(7)));
        let refused = Book::objects().bulk_update(&books, |b| b.id()).run(db).await.unwrap_err();
        assert_eq!((refused.kind(), refused.field()), (ErrorKind::Value, Some("id")));
        for field in ["sides", "label"] {
            let refused = match field {
                "sides" => Book::objects().bulk_update(&books, |b| b.sides()).run(db).await,
                _ => Book::objects().bulk_update(&books, |b| b.shelf().label()).run(db).await,
            };
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Field, "{field}");
        }
        books.truncate(2);
        books.iter_mut().for_each(|book| book.isbn = "same".to_owned());
        assert!(Book::objects().bulk_update(&books, |b| b.isbn()).run(db).await.unwrap_err().is_unique_violation());
        assert_eq!(Book::objects().filter(|b| b.title().eq("untitled")).count(db).await.unwrap(), 10);

        let mut record = Record::builder().code("a").notes(Json(json!({"year": 1}))).create(db).await.unwrap();
        record.notes = Json(json!({"year": 2}));
        Record::objects().bulk_update([&record], |r| r.notes()).run(db).await.unwrap();
        record.notes = Json(json!({"year": "x"}));
        let wrong = Record::objects().bulk_update([&record], |r| r.notes()).run(db).await;
        if cfg!(feature = "jsonschema") {
            assert_eq!(wrong.unwrap_err().faults()[0].pointer, "/year");
            record.refresh(db).await.unwrap();
            assert_eq!(record.notes.0["year"], 2);
        }
    }

    async fn receivers_are_told_with_signals_alone(place: Place) {
        let receivers = [pre_save::<Book>(tidy), post_save::<Book>(told)];
        filled(&place, 3).await.close().await;
        let db = Db::builder(&place.url).models(models()).receivers(receivers).connect().await.unwrap();
        let db = &db;
        let shelves = async || {
            let all = Shelf::objects().values(|s| s.label()).all(db).await.unwrap();
            db.raw("DELETE FROM bulk_shelf", ()).execute().await.unwrap();
            all
        };
        let mut books = Book::objects().all(db).await.unwrap();
        books.iter_mut().for_each(|book| (book.title, book.rank) = ("a".into(), 9));
        Book::objects().bulk_update(&books, |b| b.title()).run(db).await.unwrap();
        assert!(shelves().await.is_empty());
        books[1].delete(db).await.unwrap();
        let written = Book::objects().bulk_update(&books, |b| b.title()).with_signals().run(db).await.unwrap();
        assert_eq!(written, 2);
        let told = |number: usize| format!("{} title,pages,changed 77 5", isbn(number));
        assert_eq!(shelves().await, [told(0), told(2)]);
        books[2].title = "bad".to_owned();
        let refused = Book::objects().bulk_update(&books, |b| b.title()).with_signals().run(db).await.unwrap_err();
        assert_eq!((refused.is_refused(), refused.index(), shelves().await.len()), (true, Some(2), 0));
    }
}

async fn tidy(_: &Db, book: &mut Draft<Book>) -> Result<()> {
    match book.get(|b| b.title())?.as_str() {
        "bad" => Err(Error::refused("is not taken")),
        _ => book.set(|b| b.pages().set(77)),
    }
}

async fn told(db: &Db, book: Saved<'_, Book>) -> Result<()> {
    let fields = book.fields.map(|fields| fields.join(",")).unwrap_or_default();
    Shelf::builder().label(format!("{} {fields} {} {}", book.isbn, book.pages, book.rank)).create(db).await.map(drop)
}
