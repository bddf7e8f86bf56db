//! Typed queries and writes, run on both engines.

use std::pin::pin;

use futures_util::TryStreamExt;
use nuages_orm::db::assert_queries;
use nuages_orm::expr::{cast, coalesce, concat, count, exists, lower, max, outer, q, subquery, sum, upper, when};
use nuages_orm::model::OnDelete;
use nuages_orm::query::{Lock, Part};
use nuages_orm::{
    Choices, Db, Decimal, Duration, ErrorKind, ForeignKey, Json, ManyToMany, Model, Models, OneToOne, Selection, Slug,
    Timestamp, migrate,
};
use serde_json::json;

use crate::support::{Place, on_each_engine};

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "trade")]
pub(crate) struct Author {
    pub id: i64,
    #[field(max_length = 60)]
    pub name: String,
    pub born: Option<i32>,
    #[field(on_delete = SetNull, related_name = "pupils")]
    pub mentor: Option<ForeignKey<Author>>,
    pub friends: ManyToMany<Author>,
}

#[derive(Choices, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    #[choice("d", "Draft")]
    Draft,
    #[choice("p", "Published")]
    Published,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "trade", ordering = [-pages, id], unique_together = [(title, author)])]
pub(crate) struct Book {
    pub id: i64,
    #[field(max_length = 120)]
    pub title: String,
    #[field(on_delete = Cascade, related_name = "books")]
    pub author: ForeignKey<Author>,
    #[field(max_length = 1, default = Status::Draft)]
    pub status: Status,
    #[field(max_digits = 8, decimal_places = 2)]
    pub price: Option<Decimal>,
    #[field(default = 0)]
    pub pages: u32,
    #[field(default)]
    pub meta: Json,
    pub reading: Option<Duration>,
    #[field(auto_now_add)]
    pub created: Timestamp,
    #[field(auto_now)]
    pub changed: Timestamp,
    #[field(related_name = "books")]
    pub tags: ManyToMany<Tag>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "trade")]
pub(crate) struct Tag {
    pub id: i64,
    #[field(unique)]
    pub label: Slug,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "trade", ordering = [printer])]
pub(crate) struct Edition {
    #[field(primary_key, on_delete = Cascade, related_name = "edition")]
    pub book: OneToOne<Book>,
    pub year: i32,
    #[field(on_delete = Protect, related_name = "editions")]
    pub printer: Option<ForeignKey<Printer>>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "trade", ordering = |p| (lower(p.code()).desc(), p.code()))]
pub(crate) struct Printer {
    #[field(primary_key, max_length = 8)]
    pub code: String,
    #[field(on_delete = Restrict, related_name = "printers")]
    pub owner: Option<ForeignKey<Author>>,
}

fn models() -> Models {
    Models::new().with::<Author>().with::<Book>().with::<Tag>().with::<Edition>().with::<Printer>()
}

/// Two authors, one the other's pupil; three books of the one and one of the other.
pub(crate) async fn shop(place: &Place) -> Db {
    let db = Db::connect(&place.url, models()).await.unwrap();
    migrate::create_tables(&db).await.unwrap();
    let ada = Author::builder().name("Ada").born(1815).create(&db).await.unwrap();
    let bob = Author::builder().name("Bob").mentor(&ada).create(&db).await.unwrap();
    for (author, title, pages, status) in [
        (&ada, "Nuages", 300, Status::Published),
        (&ada, "Minor Swing", 500, Status::Published),
        (&ada, "Ünder_score 100%", 20, Status::Draft),
        (&bob, "Daphné", 300, Status::Published),
    ] {
        let book = Book::builder().author(author).title(title).pages(pages).status(status);
        let book = book.price(Decimal::new(i64::from(pages) * 5, 2)).meta(json!({"pages": pages}));
        book.create(&db).await.unwrap();
    }
    db
}

async fn titles(db: &Db, books: nuages_orm::QuerySet<Book>) -> Vec<String> {
    books.values(|b| b.title()).all(db).await.unwrap()
}

on_each_engine! {
    async fn a_created_row_comes_back_as_the_database_has_it(place: Place) {
        let db = shop(&place).await;
        let book = Book::objects().filter(|b| b.title().eq("Nuages")).get(&db).await.unwrap();
        assert_eq!((book.pages, book.status, book.price), (300, Status::Published, Some(Decimal::new(1500, 2))));
        assert_eq!(book.meta.0, json!({"pages": 300}));
        assert!(book.created <= Timestamp::now() && book.created.subsec_nanosecond() % 1000 == 0);
        let found = Book::objects().filter(|b| b.created().eq(book.created)).count(&db).await.unwrap();
        assert_eq!(found, 1);
    }

    async fn a_new_row_is_refused_a_field_that_its_model_has_not(place: Place) {
        let db = shop(&place).await;
        let book = Tag::builder().label("swing").build().set("lable", "waltz".into());
        let error = book.create(&db).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Field);
        assert!(error.to_string().contains("did you mean `label`?"), "{error}");
        assert_eq!(Tag::objects().count(&db).await.unwrap(), 0);
    }

    async fn relations_are_followed_forward_backward_and_through_tables_between(place: Place) {
        let db = shop(&place).await;
        let swing = Tag::builder().label("swing").create(&db).await.unwrap();
        let waltz = Tag::builder().label("waltz").create(&db).await.unwrap();
        let mut book = Book::objects().filter(|b| b.title().eq("Nuages")).get(&db).await.unwrap();
        book.tags.add(&db, [swing.id, waltz.id, swing.id]).await.unwrap();
        assert_eq!(titles(&db, Book::objects().filter(|b| b.tags().label().eq("swing"))).await, ["Nuages"]);
        assert_eq!(titles(&db, Book::objects().exclude(|b| b.tags().label().eq("swing"))).await.len(), 3);
        let of_ada = Book::objects().filter(|b| b.author().name().eq("Ada") & b.pages().gte(300_u32));
        assert_eq!(titles(&db, of_ada).await, ["Minor Swing", "Nuages"]);
        let mentored = Book::objects().filter(|b| b.author().mentor().born().eq(1815));
        assert_eq!(titles(&db, mentored).await, ["Daphné"]);
        let with_long = Author::objects().filter(|a| a.books().pages().gt(400_u32)).all(&db).await.unwrap();
        assert_eq!(with_long.len(), 1);
        let teachers = Author::objects().filter(|a| a.pupils().books().title().starts_with("Daph"));
        assert_eq!(teachers.get(&db).await.unwrap().name, "Ada");
        let rows: Vec<(String, Option<i32>)> =
            Book::objects().order_by(|b| b.id()).values(|b| (b.title(), b.author().mentor().born())).all(&db).await.unwrap();
        assert_eq!(rows[3], ("Daphné".to_owned(), Some(1815)));
        assert_eq!(rows[0].1, None);

        assert_eq!(book.tags.load(&db).await.unwrap().len(), 2);
        book.tags.set(&db, [waltz.id]).await.unwrap();
        assert_eq!(book.tags.objects().unwrap().get(&db).await.unwrap(), waltz);
        book.tags.clear(&db).await.unwrap();
        assert!(book.tags.load(&db).await.unwrap().is_empty());
    }

    async fn symmetrical_relations_hold_both_ways(place: Place) {
        let db = shop(&place).await;
        let ada = Author::objects().filter(|a| a.name().eq("Ada")).get(&db).await.unwrap();
        let bob = Author::objects().filter(|a| a.name().eq("Bob")).get(&db).await.unwrap();
        ada.friends.add(&db, [bob.id]).await.unwrap();
        assert_eq!(bob.friends.objects().unwrap().get(&db).await.unwrap().id, ada.id);
        bob.friends.remove(&db, [ada.id]).await.unwrap();
        assert_eq!(ada.friends.objects().unwrap().count(&db).await.unwrap(), 0);
    }

    async fn related_rows_come_in_the_same_query_or_in_one_more(place: Place) {
        let db = shop(&place).await;
        let books = assert_queries(1, Book::objects().select_related(|b| b.author().mentor()).all(&db)).await.unwrap();
        for book in &books {
            let author = book.author.get().expect("loaded");
            let mentor = author.mentor.as_ref().and_then(|key| key.get());
            assert_eq!(mentor.map(|m| m.name.as_str()), (author.name == "Bob").then_some("Ada"));
        }
        let mut book = Book::objects().first(&db).await.unwrap().unwrap();
        assert!(book.author.get().is_none());
        assert_eq!(book.author.load(&db).await.unwrap().name, "Ada");
        assert!(book.author.get().is_some());

        let swing = Tag::builder().label("swing").create(&db).await.unwrap();
        book.tags.add(&db, [swing.id]).await.unwrap();
        let nested = Author::objects()
            .order_by(|a| a.id())
            .prefetch_with(|a| a.books(), Book::objects().order_by(|b| b.title()).prefetch(|b| b.tags()));
        let authors = assert_queries(3, nested.all(&db)).await.unwrap();
        let shape: Vec<String> = authors
            .iter()
            .flat_map(|(a, books)| books.iter().map(move |(b, tags)| format!("{}: {} ({})", a.name, b.title, tags.len())))
            .collect();
        assert_eq!(shape, ["Ada: Minor Swing (1)", "Ada: Nuages (0)", "Ada: Ünder_score 100% (0)", "Bob: Daphné (0)"]);
        let back: Vec<(Tag, Vec<Book>)> = Tag::objects().prefetch(|t| t.books()).all(&db).await.unwrap();
        assert_eq!(back[0].1[0].title, "Minor Swing");
    }

    async fn whole_rows_are_columns_too(place: Place) {
        let db = shop(&place).await;
        let first = Book::objects().filter(|b| b.title().eq("Nuages")).get(&db).await.unwrap();
        Edition::builder().book(&first).year(1953).create(&db).await.unwrap();
        let books: Vec<(Book, Option<Edition>)> =
            assert_queries(1, Book::objects().order_by(|b| b.id()).annotate(|b| b.edition()).all(&db)).await.unwrap();
        assert_eq!(books[0].1.as_ref().map(|edition| edition.year), Some(1953));
        assert!(books[1..].iter().all(|(_, edition)| edition.is_none()));

        #[derive(Selection, Debug)]
        struct Line {
            title: String,
            author: Author,
            of: (Option<Author>, i64),
        }
        let lines: Vec<Line> = Book::objects()
            .order_by(|b| b.id())
            .values(|b| LineColumns { title: b.title(), author: b.author(), of: (b.author().mentor(), count(b.tags().id())) })
            .all(&db)
            .await
            .unwrap();
        let bob = &lines[3];
        assert_eq!((bob.title.as_str(), bob.author.name.as_str(), bob.of.1), ("Daphné", "Bob", 0));
        assert_eq!(bob.of.0.as_ref().map(|mentor| mentor.name.as_str()), Some("Ada"));
        assert!(lines[0].of.0.is_none());
    }

    async fn a_day_moved_by_a_length_of_time_is_a_moment(place: Place) {
        let db = shop(&place).await;
        let rows: Vec<(Timestamp, Timestamp)> =
            Book::objects().values(|b| (b.created(), b.created().date().plus(Duration::from_hours(48)))).limit(1).all(&db).await.unwrap();
        let (created, moved) = rows[0];
        let midnight = created.as_second().div_euclid(86_400) * 86_400;
        assert_eq!(moved.as_second(), midnight + 48 * 3_600);
    }

    async fn the_order_of_a_relation_may_hold_expressions(place: Place) {
        let db = shop(&place).await;
        let books = Book::objects().order_by(|b| b.id()).limit(3).all(&db).await.unwrap();
        for (book, code) in books.iter().zip(["b", "C", "a"]) {
            let printer = Printer::builder().code(code).create(&db).await.unwrap();
            Edition::builder().book(book).year(1953).printer(&printer).create(&db).await.unwrap();
        }
        let codes = async |editions: nuages_orm::QuerySet<Edition>| -> Vec<Option<String>> {
            editions.values(|e| e.printer().code()).all(&db).await.unwrap()
        };
        let [a, b, c] = ["a", "b", "C"].map(|code| Some(code.to_owned()));
        assert_eq!(Printer::objects().values(|p| p.code()).all(&db).await.unwrap(), ["C", "b", "a"]);
        assert_eq!(codes(Edition::objects()).await, [c.clone(), b.clone(), a.clone()]);
        assert_eq!(codes(Edition::objects().reverse()).await, [a, b, c]);
    }

    async fn values_group_by_what_is_no_aggregate(place: Place) {
        let db = shop(&place).await;
        let rows: Vec<(String, i64)> =
            Author::objects().values(|a| (a.name(), count(a.books().id()))).order_by(|a| a.name()).all(&db).await.unwrap();
        assert_eq!(rows, [("Ada".to_owned(), 3), ("Bob".to_owned(), 1)]);
        let busy: Vec<(Author, i64)> = Author::objects()
            .annotate(|a| count(a.books().id()))
            .filter(|a| count(a.books().id()).gte(2))
            .all(&db)
            .await
            .unwrap();
        assert_eq!((busy.len(), busy[0].0.name.as_str(), busy[0].1), (1, "Ada", 3));
        let figures = Book::objects()
            .aggregate(&db, |b| (sum(b.price()), max(b.pages()), count(b.id()).filter(b.status().eq(Status::Draft))))
            .await
            .unwrap();
        assert_eq!(figures, (Some(Decimal::new(5600, 2)), Some(500), 1));
        let nothing = Book::objects().none().aggregate(&db, |b| (count(b.id()), max(b.pages()))).await.unwrap();
        assert_eq!(nothing, (0, None));
    }

    async fn functions_cases_and_subqueries_go_wherever_an_expression_goes(place: Place) {
        let db = shop(&place).await;
        let rows: Vec<(String, String, String)> = Book::objects()
            .order_by(|b| (lower(b.title()), b.id()))
            .values(|b| {
                let size = when(b.pages().gte(300_u32), "long").otherwise("short");
                (upper(b.author().name()), concat(b.title(), "!"), size)
            })
            .limit(1)
            .all(&db)
            .await
            .unwrap();
        assert_eq!(rows, [("BOB".to_owned(), "Daphné!".to_owned(), "long".to_owned())]);
        let drafting = Author::objects().filter(|_| {
            exists(Book::objects().filter(|b| {
                b.author_id().eq(outer::<Author, _>().id()) & b.status().eq(Status::Draft)
            }))
        });
        assert_eq!(drafting.get(&db).await.unwrap().name, "Ada");
        let longest: Vec<(String, Option<String>)> = Author::objects()
            .order_by(|a| a.id())
            .values(|a| {
                let own = Book::objects().filter(|b| b.author_id().eq(outer::<Author, _>().id()));
                (a.name(), subquery(own.order_by(|b| b.pages().desc()).values(|b| b.title()).limit(1)))
            })
            .all(&db)
            .await
            .unwrap();
        assert_eq!(longest[0].1.as_deref(), Some("Minor Swing"));
        let ids = Author::objects().filter(|a| a.name().eq("Bob")).values(|a| a.id());
        assert_eq!(titles(&db, Book::objects().filter(|b| b.author_id().in_query(ids))).await, ["Daphné"]);
        let born: Vec<i32> =
            Author::objects().order_by(|a| a.id()).values(|a| coalesce(a.born(), 0)).all(&db).await.unwrap();
        assert_eq!(born, [1815, 0]);
        let text: Vec<String> =
            Book::objects().order_by(|b| b.id()).values(|b| cast::<String, _, _>(b.pages())).all(&db).await.unwrap();
        assert_eq!(text[0], "300");
        let year = Timestamp::now().strftime("%Y").to_string().parse::<i32>().unwrap();
        assert_eq!(Book::objects().filter(|b| b.created().year().eq(year)).count(&db).await.unwrap(), 4);
        let days = Book::objects().order_by(|_| ()).values(|b| b.created().trunc(Part::Day)).distinct().all(&db).await.unwrap();
        assert!(days.len() <= 2);
        assert_eq!(titles(&db, Book::objects().filter(|b| b.meta().key("pages").eq(json!(500)))).await, ["Minor Swing"]);
        assert_eq!(titles(&db, Book::objects().filter(|b| b.title().contains("_score 100%"))).await, ["Ünder_score 100%"]);
    }

    async fn strings_in_django_s_notation_mix_with_typed_conditions(place: Place) {
        let db = shop(&place).await;
        let books = Book::objects().filter(|b| q("author__name__istartswith", "ad") & b.pages().gt(100_u32));
        assert_eq!(books.count(&db).await.unwrap(), 2);
        let error = Book::objects().filter(|_| q("author__nmae", "x")).count(&db).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Field);
        assert!(error.to_string().contains("did you mean `name`?"), "{error}");
        let error = Book::objects().filter(|_| q("title__icontain", "x")).count(&db).await.unwrap_err();
        assert!(error.to_string().contains("`icontains`"), "{error}");
    }

    async fn rows_are_saved_whole_or_in_part(place: Place) {
        let db = shop(&place).await;
        let mut book = Book::objects().filter(|b| b.title().eq("Nuages")).get(&db).await.unwrap();
        let before = book.changed;
        book.title = "Nuages, 1940".to_owned();
        book.pages = 7;
        book.save_fields(&db, |b| b.title()).await.unwrap();
        assert_eq!(book.pages, 300, "only the title was written, and the row read back for its `auto_now`");
        assert!(book.changed >= before);
        book.pages = 7;
        book.save(&db).await.unwrap();
        book.refresh(&db).await.unwrap();
        assert_eq!((book.title.as_str(), book.pages), ("Nuages, 1940", 7));

        let mut new = Tag { id: 0, label: "new".into() };
        new.save(&db).await.unwrap();
        assert!(new.id > 0);
        let mut placed = Printer { code: "P1".to_owned(), owner: None };
        placed.save(&db).await.unwrap();
        placed.save(&db).await.unwrap();
        assert_eq!(Printer::objects().count(&db).await.unwrap(), 1);

        new.delete(&db).await.unwrap();
        let gone = new.save_fields(&db, |t| t.label()).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
    }

    async fn values_that_do_not_fit_are_refused_by_name(place: Place) {
        let db = shop(&place).await;
        let ada = Author::objects().first(&db).await.unwrap().unwrap();
        let long = Author::builder().name("x".repeat(61)).create(&db).await.unwrap_err();
        assert_eq!((long.kind(), long.model(), long.field()), (ErrorKind::Validation, Some("trade.Author"), Some("name")));
        let many = Book::builder().author(&ada).title("t").pages(3_000_000_000_u32).create(&db).await.unwrap_err();
        assert_eq!((many.kind(), many.field()), (ErrorKind::Validation, Some("pages")));
        let wide = Book::builder().author(&ada).title("t").price(Decimal::new(1, 3)).create(&db).await.unwrap_err();
        assert_eq!((wide.kind(), wide.field()), (ErrorKind::Validation, Some("price")));
        let mut book = Book::objects().first(&db).await.unwrap().unwrap();
        book.title = "x".repeat(121);
        let error = book.save(&db).await.unwrap_err();
        assert_eq!((error.field(), error.row()), (Some("title"), Some(book.id.to_string().as_str())));
        let twice = Book::builder().author(&ada).title("Nuages").create(&db).await.unwrap_err();
        assert!(twice.is_unique_violation(), "{twice:?}");
    }

    async fn updates_compute_from_the_row_and_over_relations(place: Place) {
        let db = shop(&place).await;
        let changed = Book::objects()
            .filter(|b| b.author().name().eq("Ada"))
            .update(&db, |b| (b.pages().set(b.pages() + 1_u32), b.price().set_null()))
            .await
            .unwrap();
        assert_eq!(changed, 3);
        let rows: Vec<(u32, Option<Decimal>)> =
            Book::objects().order_by(|b| b.id()).values(|b| (b.pages(), b.price())).all(&db).await.unwrap();
        assert_eq!((rows[0], rows[3]), ((301, None), (300, Some(Decimal::new(1500, 2)))));
    }

    async fn first_last_get_and_bulk(place: Place) {
        let db = shop(&place).await;
        assert_eq!(Book::objects().first(&db).await.unwrap().unwrap().title, "Minor Swing");
        assert_eq!(Book::objects().last(&db).await.unwrap().unwrap().pages, 20);
        assert_eq!(Tag::objects().first(&db).await.unwrap(), None);
        assert!(Tag::objects().get(&db).await.unwrap_err().is_not_found());
        assert_eq!(Book::objects().get(&db).await.unwrap_err().kind(), ErrorKind::MultipleRows);
        let ids: Vec<i64> = Book::objects().values(|b| b.id()).all(&db).await.unwrap();
        let bulk = Book::objects().in_bulk(&db, &ids[..2]).await.unwrap();
        assert_eq!(bulk.len(), 2);
        assert!(Book::objects().exists(&db).await.unwrap());
        assert!(!Book::objects().filter(|b| b.id().in_(Vec::<i64>::new())).exists(&db).await.unwrap());
        let union = Book::objects().filter(|b| b.pages().eq(20_u32)).union(Book::objects().filter(|b| b.pages().eq(500_u32)));
        assert_eq!(union.all(&db).await.unwrap().len(), 2);
        let rest = Book::objects().values(|b| b.pages()).difference(Book::objects().filter(|b| b.pages().gt(100_u32)).values(|b| b.pages()));
        assert_eq!(rest.all(&db).await.unwrap(), [20]);
    }

    async fn get_or_create_makes_one_row_for_many_askers(place: Place) {
        let db = shop(&place).await;
        let ask = |db: Db| async move {
            Tag::objects().filter(|t| t.label().eq("one")).get_or_create(&db, Tag::builder().label("one")).await.unwrap()
        };
        let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(ask(db.clone()))).collect();
        let mut made = 0;
        for task in tasks {
            made += usize::from(task.await.unwrap().1);
        }
        assert_eq!((made, Tag::objects().count(&db).await.unwrap()), (1, 1));
        let (author, made) = Author::objects()
            .filter(|a| a.name().eq("Ada"))
            .update_or_create(&db, |a| a.born().set(1816), Author::builder().name("Ada"))
            .await
            .unwrap();
        assert_eq!((author.born, made), (Some(1816), false));
    }

    async fn deletion_does_what_on_delete_says(place: Place) {
        let db = shop(&place).await;
        let ada = Author::objects().filter(|a| a.name().eq("Ada")).get(&db).await.unwrap();
        let book = Book::objects().filter(|b| b.title().eq("Nuages")).get(&db).await.unwrap();
        let printer = Printer::builder().code("P1").owner(&ada).create(&db).await.unwrap();
        Edition::builder().book(&book).year(1940).printer(&printer).create(&db).await.unwrap();

        let protected = printer.delete(&db).await.unwrap_err();
        assert_eq!(protected.kind(), ErrorKind::Protected);
        assert!(protected.to_string().contains("trade.Edition.printer"), "{protected}");
        let restricted = ada.delete(&db).await.unwrap_err();
        assert_eq!(restricted.kind(), ErrorKind::Restricted);
        assert_eq!(Book::objects().count(&db).await.unwrap(), 4, "nothing is deleted then");

        Edition::objects().delete(&db).await.unwrap();
        printer.delete(&db).await.unwrap();
        let tag = Tag::builder().label("swing").create(&db).await.unwrap();
        book.tags.add(&db, [tag.id]).await.unwrap();
        let deleted = ada.delete(&db).await.unwrap();
        assert_eq!((deleted.by_model["trade.Author"], deleted.by_model["trade.Book"]), (1, 3));
        assert_eq!(deleted.by_model["trade.Book_tags"], 1);
        let bob = Author::objects().get(&db).await.unwrap();
        assert_eq!((bob.name.as_str(), bob.mentor), ("Bob", None));
        assert_eq!(Tag::objects().delete(&db).await.unwrap().total, 1);
    }

    async fn locks_need_a_transaction(place: Place) {
        let db = shop(&place).await;
        let locked = Book::objects().select_for_update_with(Lock { skip_locked: true, ..Lock::default() });
        let rows = db.atomic(async |db: &Db| locked.all(db).await).await.unwrap();
        assert_eq!(rows.len(), 4);
    }

    async fn a_query_streams_with_its_related_rows(place: Place) {
        let db = shop(&place).await;
        let mut stream = pin!(Author::objects().order_by(|a| a.id()).prefetch(|a| a.books()).stream_in_chunks(&db, 1));
        let mut seen = Vec::new();
        while let Some((author, books)) = stream.try_next().await.unwrap() {
            seen.push((author.name, books.len()));
        }
        assert_eq!(seen, [("Ada".to_owned(), 3), ("Bob".to_owned(), 1)]);
    }
}

#[test]
fn on_delete_is_part_of_the_definition() {
    let relation = Book::definition().fields.into_iter().find_map(|field| field.relation);
    assert_eq!(relation.map(|relation| relation.on_delete), Some(OnDelete::Cascade));
}
