//! Queries as trees, run on both engines: what no typed method or generated spec reaches.

use nuages_orm::model::OrderBy;
use nuages_orm::query::{
    Aggregate, AggregateFunction, Combinator, Function, Lookup, Node, Operator, Part, Query, Step, spec,
};
use nuages_orm::{Date, Db, ErrorKind, Kind, Model, Models, Result, Time, Timestamp, Value, migrate};
use serde_json::json;

use crate::query::shop;
use crate::support::on_each_engine;

/// A seat of a hall, known by both its numbers.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "trade", primary_key = [row, place])]
struct Seat {
    pub row: i32,
    pub place: i32,
    #[field(max_length = 20)]
    pub taken_by: String,
}

fn books() -> Query {
    Query::on("trade.Book").then(Step::OrderBy(vec![OrderBy::asc(Node::path("id"))]))
}

fn text(text: &str) -> Node {
    Node::value(Value::Text(text.to_owned()))
}

fn int(number: i64) -> Node {
    Node::value(Value::Int(number))
}

/// The first column of each row.
async fn column(db: &Db, query: Query) -> Result<Vec<Value>> {
    Ok(spec::rows(db, &query).await?.into_iter().filter_map(|row| row.into_iter().next()).collect())
}

/// An expression of no row in particular.
async fn one(db: &Db, node: Node) -> Value {
    let query = books().then(Step::Values(vec![node.clone()])).then(Step::Slice { offset: 0, limit: Some(1) });
    let mut values = column(db, query).await.unwrap_or_else(|error| panic!("{node:?}: {error:?}"));
    values.pop().expect("there are books")
}

async fn titles(db: &Db, condition: Node) -> Vec<String> {
    let query = books().then(Step::Filter(condition.clone())).then(Step::Values(vec![Node::path("title")]));
    let found = column(db, query).await.unwrap_or_else(|error| panic!("{condition:?}: {error:?}"));
    found.into_iter().map(|value| if let Value::Text(text) = value { text } else { panic!("{value:?}") }).collect()
}

async fn refused(db: &Db, query: Query) -> ErrorKind {
    column(db, query).await.expect_err("refused").kind()
}

on_each_engine! {
    async fn every_part_of_a_moment_is_extracted_and_truncated(place: Place) {
        let db = shop(&place).await;
        let moment: Timestamp = "2021-01-03T13:14:15.678901Z".parse().unwrap();
        let moment = || Node::Value(Value::Timestamp(moment), Some(Kind::DateTime));
        let date = || Node::Value(Value::Date(Date::constant(2021, 1, 3)), Some(Kind::Date));
        let time = || Node::Value(Value::Time(Time::constant(13, 14, 15, 678_901_000)), Some(Kind::Time));
        for (part, number, start) in [
            (Part::Year, 2021, Some("2021-01-01T00:00:00Z")),
            (Part::IsoYear, 2020, None),
            (Part::Quarter, 1, Some("2021-01-01T00:00:00Z")),
            (Part::Month, 1, Some("2021-01-01T00:00:00Z")),
            (Part::Week, 53, Some("2020-12-28T00:00:00Z")),
            (Part::Day, 3, Some("2021-01-03T00:00:00Z")),
            (Part::WeekDay, 1, None),
            (Part::IsoWeekDay, 7, None),
            (Part::Hour, 13, Some("2021-01-03T13:00:00Z")),
            (Part::Minute, 14, Some("2021-01-03T13:14:00Z")),
            (Part::Second, 15, Some("2021-01-03T13:14:15Z")),
        ] {
            let extract = |node| Node::Call(Function::Extract(part), vec![node]);
            let trunc = |node| Node::Call(Function::Trunc(part), vec![node]);
            assert_eq!(one(&db, extract(moment())).await, Value::Int(number), "{part:?}");
            let clock = matches!(part, Part::Hour | Part::Minute | Part::Second);
            if clock {
                assert_eq!(one(&db, extract(time())).await, Value::Int(number), "{part:?} of a time");
            } else {
                assert_eq!(one(&db, extract(date())).await, Value::Int(number), "{part:?} of a date");
            }
            let Some(start) = start else { continue };
            let start: Timestamp = start.parse().unwrap();
            assert_eq!(one(&db, trunc(moment())).await, Value::Timestamp(start), "{part:?}");
            let start = nuages_orm::jiff::tz::Offset::UTC.to_datetime(start);
            if clock {
                assert_eq!(one(&db, trunc(time())).await, Value::Time(start.time()), "{part:?} of a time");
            } else {
                assert_eq!(one(&db, trunc(date())).await, Value::Date(start.date()), "{part:?} of a date");
            }
        }
        let call = |function, node| Node::Call(function, vec![node]);
        assert_eq!(one(&db, call(Function::Date, moment())).await, Value::Date(Date::constant(2021, 1, 3)));
        let clock = Time::constant(13, 14, 15, 678_901_000);
        assert_eq!(one(&db, call(Function::Time, moment())).await, Value::Time(clock));
        let hour_of_date = Query::on("trade.Book").then(Step::Values(vec![call(Function::Extract(Part::Hour), date())]));
        assert_eq!(refused(&db, hour_of_date).await, ErrorKind::Value);
    }

    async fn values_are_turned_into_every_kind(place: Place) {
        let db = shop(&place).await;
        let cast = |node, kind| Node::Cast(Box::new(node), kind);
        assert_eq!(one(&db, cast(text("12"), Kind::Integer)).await, Value::Int(12));
        assert_eq!(one(&db, cast(text("12"), Kind::BigInteger)).await, Value::Int(12));
        assert_eq!(one(&db, cast(int(3), Kind::Float)).await, Value::Float(3.0));
        assert_eq!(one(&db, cast(int(3), Kind::Text)).await, Value::Text("3".into()));
        assert_eq!(one(&db, cast(text("2021-01-03"), Kind::Date)).await, Value::Date(Date::constant(2021, 1, 3)));
        assert_eq!(one(&db, cast(text("13:14:15"), Kind::Time)).await, Value::Time(Time::constant(13, 14, 15, 0)));
        let moment = "2021-01-03T13:14:15Z".parse().unwrap();
        assert_eq!(one(&db, cast(text("2021-01-03 13:14:15"), Kind::DateTime)).await, Value::Timestamp(moment));
        let decimal = Kind::Decimal { max_digits: 8, decimal_places: 2 };
        assert_eq!(one(&db, cast(text("1.5"), decimal.clone())).await, Value::Decimal(
            if place.is_sqlite() { "1.5" } else { "1.50" }.parse().unwrap()
        ));
        let substr = Node::Call(Function::Substr, vec![text("nuages"), int(2), int(3)]);
        assert_eq!(one(&db, substr).await, Value::Text("uag".into()));
        let power = Node::Binary(Operator::Pow, Box::new(Node::path("pages")), Box::new(int(2)));
        assert_eq!(one(&db, power).await, Value::Int(90_000));
        let long = Node::Binary(Operator::Add, Box::new(Node::path("pages")), Box::new(int(5_000_000_000)));
        assert_eq!(one(&db, long).await, Value::Int(5_000_000_300));
    }

    async fn unions_are_ordered_sliced_and_nested(place: Place) {
        let db = shop(&place).await;
        let of = |pages: i64| {
            Query::on("trade.Book")
                .then(Step::Filter(Node::keyword("pages", int(pages))))
                .then(Step::Values(vec![Node::path("title"), Node::path("pages")]))
        };
        let union = |all| {
            of(300).then(Step::Combine { combinator: Combinator::Union, others: vec![of(20), of(300)], all })
        };
        let ordered = |query: Query| query.then(Step::OrderBy(vec![OrderBy::desc(Node::path("title"))]));
        let found = column(&db, ordered(union(false))).await.unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(column(&db, ordered(union(true))).await.unwrap().len(), 5);
        let sliced = ordered(union(false)).then(Step::Slice { offset: 1, limit: Some(1) });
        assert_eq!(column(&db, sliced).await.unwrap(), [found[1].clone()]);
        let nested = of(500).then(Step::Combine { combinator: Combinator::Union, others: vec![union(false)], all: false });
        assert_eq!(column(&db, nested.clone()).await.unwrap().len(), 4);
        assert_eq!(spec::answer(&db, &json!({"model": "trade.Book", "count": true})).await, json!(4));
        let intersection = nested.then(Step::Combine { combinator: Combinator::Intersection, others: vec![of(20)], all: false });
        assert_eq!(column(&db, intersection).await.unwrap().len(), 1);
        let nothing = Query::on("trade.Book").then(Step::Nothing).then(Step::Values(vec![Node::path("title"), Node::path("pages")]));
        let with_nothing = of(20).then(Step::Combine { combinator: Combinator::Difference, others: vec![nothing], all: false });
        assert_eq!(column(&db, with_nothing).await.unwrap().len(), 1);
        let filtered = union(false).then(Step::Filter(Node::keyword("pages", int(1))));
        assert_eq!(refused(&db, filtered).await, ErrorKind::Unsupported);
    }

    async fn keys_of_documents_are_looked_up(place: Place) {
        let db = shop(&place).await;
        let key = |name: &str| Node::keyword("meta__has_key", text(name));
        assert_eq!(titles(&db, key("pages")).await.len(), 4);
        assert_eq!(titles(&db, key("nothing").negate()).await.len(), 4);
        let several = |lookup: &str| Node::keyword(lookup, Node::List(vec![text("pages"), text("x")]));
        assert_eq!(titles(&db, several("meta__has_keys")).await.len(), 0);
        assert_eq!(titles(&db, several("meta__has_any_keys")).await.len(), 4);
        assert_eq!(titles(&db, Node::keyword("meta__pages", int(500))).await, ["Minor Swing"]);
        assert_eq!(titles(&db, Node::keyword("meta__pages__in", Node::List(vec![int(20), int(500)]))).await.len(), 2);
        assert_eq!(titles(&db, Node::keyword("meta__pages__gt", int(299))).await.len(), 3);
        assert_eq!(titles(&db, Node::keyword("meta__x__isnull", Node::value(Value::Bool(true)))).await.len(), 4);
        let contains = Node::keyword("meta__contains", Node::value(Value::Json(json!({"pages": 20}))));
        let contained = Node::keyword("meta__contained_by", Node::value(Value::Json(json!({"pages": 20, "x": 1}))));
        for condition in [contains, contained] {
            assert_eq!(titles(&db, condition).await.len(), 1);
        }
    }

    async fn a_list_may_be_longer_than_a_statement_has_parameters(place: Place) {
        let db = shop(&place).await;
        let many = |range: std::ops::Range<i64>| Node::List(range.map(int).collect());
        assert_eq!(titles(&db, Node::keyword("pages__in", many(0..40_000))).await.len(), 4);
        assert_eq!(titles(&db, Node::keyword("pages__in", many(21..40_000)).negate()).await, ["Ünder_score 100%"]);
        let words = Node::List((0..40_000).map(|n| text(&format!("it's {n}"))).chain([text("Nuages")]).collect());
        assert_eq!(titles(&db, Node::keyword("title__in", words)).await, ["Nuages"]);
    }

    async fn nulls_go_where_they_are_told(place: Place) {
        let db = shop(&place).await;
        for (descending, first) in [(false, true), (false, false), (true, true), (true, false)] {
            let step = OrderBy { expression: Node::path("born"), descending, nulls_first: Some(first) };
            let query = Query::on("trade.Author").then(Step::OrderBy(vec![step]));
            let found = column(&db, query.clone().then(Step::Values(vec![Node::path("born")]))).await.unwrap();
            assert_eq!(found[usize::from(!first)], Value::Null);
            let reversed = query.then(Step::Reverse).then(Step::Values(vec![Node::path("born")]));
            assert_eq!(column(&db, reversed).await.unwrap()[usize::from(first)], Value::Null);
        }
    }

    async fn an_aggregate_groups_wherever_it_stands(place: Place) {
        let db = shop(&place).await;
        let count = || {
            Node::Aggregate(Box::new(Aggregate {
                function: AggregateFunction::Count,
                argument: Some(Node::path("books")),
                distinct: false,
                filter: None,
            }))
        };
        let authors = Query::on("trade.Author").then(Step::Filter(Node::lookup(count(), Lookup::Gt, int(1))));
        let by_count = vec![OrderBy::desc(count()), OrderBy::asc(Node::path("id"))];
        let names = column(&db, authors.then(Step::Values(vec![Node::path("name")]))).await.unwrap();
        assert_eq!(names, [Value::Text("Ada".into())]);
        let ordered = Query::on("trade.Author").then(Step::OrderBy(by_count)).then(Step::Values(vec![Node::path("name")]));
        assert_eq!(column(&db, ordered).await.unwrap().len(), 2);
    }

    async fn queries_inside_queries_refer_to_those_around_them(place: Place) {
        let db = shop(&place).await;
        // Authors with a book that is longer than each of its author's pupils' books.
        let outer = |names: &str| match Node::path(names) {
            Node::Path(names) => Node::Outer(names),
            other => other,
        };
        let longer = Query::on("trade.Book")
            .then(Step::Filter(Node::keyword("author__mentor", outer("author"))))
            .then(Step::Filter(Node::keyword("pages__gte", outer("pages"))));
        let long = Query::on("trade.Book")
            .then(Step::Filter(Node::keyword("author", outer("id"))))
            .then(Step::Filter(Node::Exists(Box::new(longer)).negate()));
        let authors = Query::on("trade.Author")
            .then(Step::Filter(Node::Exists(Box::new(long))))
            .then(Step::OrderBy(vec![OrderBy::asc(Node::path("name"))]))
            .then(Step::Values(vec![Node::path("name")]));
        assert_eq!(column(&db, authors).await.unwrap(), [Value::Text("Ada".into()), Value::Text("Bob".into())]);
        let long = Query::on("trade.Book").then(Step::Filter(Node::keyword("pages__gt", int(400))));
        let by_rows = Node::lookup(Node::path("books"), Lookup::In, Node::Subquery(Box::new(long)));
        let authors = Query::on("trade.Author").then(Step::Filter(by_rows)).then(Step::Values(vec![Node::path("name")]));
        assert_eq!(column(&db, authors).await.unwrap(), [Value::Text("Ada".into())]);
        let alone = Query::on("trade.Book").then(Step::Filter(Node::keyword("author", outer("id"))));
        assert_eq!(refused(&db, alone).await, ErrorKind::Value);
    }

    async fn a_key_of_several_columns_is_compared_as_one(place: Place) {
        let db = Db::connect(&place.url, Models::new().with::<Seat>()).await.unwrap();
        migrate::create_tables(&db).await.unwrap();
        for (row, place, name) in [(1, 1, "Ada"), (1, 2, "Bob"), (2, 1, "Cy")] {
            Seat::builder().row(row).place(place).taken_by(name).create(&db).await.unwrap();
        }
        let key = |row, place| Node::List(vec![int(row), int(place)]);
        let names = async |condition| {
            let query = Query::on("trade.Seat")
                .then(Step::Filter(condition))
                .then(Step::OrderBy(vec![OrderBy::asc(Node::path("taken_by"))]))
                .then(Step::Values(vec![Node::path("taken_by")]));
            column(&db, query).await.map(|found| found.len())
        };
        assert_eq!(names(Node::keyword("pk", key(1, 2))).await.unwrap(), 1);
        assert_eq!(names(Node::keyword("pk", key(1, 2)).negate()).await.unwrap(), 2);
        assert_eq!(names(Node::keyword("pk__in", Node::List(vec![key(1, 2), key(2, 1)]))).await.unwrap(), 2);
        assert_eq!(names(Node::keyword("pk__in", Node::List(vec![]))).await.unwrap(), 0);
        assert_eq!(names(Node::keyword("pk", Node::List(vec![int(1)]))).await.unwrap_err().kind(), ErrorKind::Value);
        for (lookup, rows) in [("gt", 1), ("gte", 2), ("lt", 1), ("lte", 2)] {
            let found = names(Node::keyword(&format!("pk__{lookup}"), key(1, 2))).await.unwrap();
            assert_eq!(found, rows, "{lookup}: from the first column to the last");
            let others = names(Node::keyword(&format!("pk__{lookup}"), key(1, 2)).negate()).await.unwrap();
            assert_eq!(others, 3 - rows);
        }
        let either = Node::keyword("pk__lt", key(1, 2)).or(Node::keyword("taken_by", text("Cy")));
        assert_eq!(names(either).await.unwrap(), 2);
        for (keyword, value, kind) in [
            ("pk__gt", Node::List(vec![int(1)]), ErrorKind::Value),
            ("pk__gt", int(1), ErrorKind::Type),
            ("pk__gt", key(1, 2).and(key(1, 2)), ErrorKind::Type),
            ("pk__contains", key(1, 2), ErrorKind::Field),
        ] {
            assert_eq!(names(Node::keyword(keyword, value)).await.unwrap_err().kind(), kind, "{keyword}");
        }
        if !place.is_sqlite() {
            let beyond = names(Node::keyword("pk__gt", key(1, i64::MAX))).await.unwrap_err();
            assert_eq!((beyond.kind(), beyond.field()), (ErrorKind::Value, Some("place")));
        }
        assert_eq!(Seat::objects().count(&db).await.unwrap(), 3);
        assert_eq!(Seat::objects().limit(2).count(&db).await.unwrap(), 2);
    }

    async fn whatever_django_refuses_is_refused_for_the_same_reason(place: Place) {
        let db = shop(&place).await;
        let book = || Query::on("trade.Book");
        let null = || Node::value(Value::Null);
        let filter = |keyword: &str, value| book().then(Step::Filter(Node::keyword(keyword, value)));
        for (query, kind) in [
            (filter("pages", text("many")), ErrorKind::Value),
            (filter("pages__gt", null()), ErrorKind::Value),
            (filter("pages__in", int(3)), ErrorKind::Type),
            (filter("pages__isnull", int(1)), ErrorKind::Value),
            (filter("created__date", text("yesterday")), ErrorKind::Validation),
            (filter("author__icontains", text("a")), ErrorKind::Field),
            (filter("title__lower", text("a")), ErrorKind::Field),
            (filter("created__year", int(0)), ErrorKind::Value),
            (filter("nothing", int(0)), ErrorKind::Field),
            (book().then(Step::OrderBy(vec![OrderBy::asc(Node::path("nothing"))])), ErrorKind::Field),
            (book().then(Step::Values(vec![Node::path("author__nothing")])), ErrorKind::Field),
            (book().then(Step::Annotate(vec![("pages".into(), int(1))])), ErrorKind::Value),
            (book().then(Step::Filter(Node::Call(Function::Lower, vec![Node::path("title")]))), ErrorKind::Type),
            (
                book().then(Step::Slice { offset: 0, limit: Some(1) }).then(Step::Filter(Node::keyword("pages", int(1)))),
                ErrorKind::Type,
            ),
            (
                book().then(Step::Annotate(vec![(
                    "x".into(),
                    Node::Binary(Operator::Add, Box::new(Node::path("title")), Box::new(Node::path("pages"))),
                )])),
                ErrorKind::Field,
            ),
        ] {
            assert_eq!(refused(&db, query.clone()).await, kind, "{query:?}");
        }
    }
}
