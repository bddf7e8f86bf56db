//! Typed ways into JSON documents: the same rows as by Django's string paths, on either engine.

use std::collections::BTreeMap;

use nuages_orm::expr::{self, count, count_rows, q, sum};
use nuages_orm::query::{Node, spec};
use nuages_orm::{Db, Document, ErrorKind, ForeignKey, Json, Model, Models, Value, json, migrate};
use serde::{Deserialize, Serialize};

use crate::support::{Place, on_each_engine};

#[derive(Document, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    main_author: Author,
    #[serde(rename = "labels")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subtitle: Option<String>,
    editor: Option<Author>,
    scores: BTreeMap<String, i64>,
    by_year: BTreeMap<u16, String>,
    parts: Vec<Chapter>,
    status: Status,
    #[serde(flatten)]
    audit: Audit,
    #[document(value, method = page_range)]
    range: (i32, i32),
    price: f64,
    free: bool,
    #[serde(skip)]
    seen: bool,
    slug: Name,
    extra: serde_json::Value,
}

#[derive(Document, Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Author {
    name: String,
    born: Option<i32>,
}

#[derive(Document, Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Chapter {
    title: String,
    pages: i64,
}

#[derive(Document, Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Audit {
    created_by: String,
}

#[derive(Document, Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Name(String);

#[derive(Document, Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Draft,
    Live,
}

#[derive(Document, Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Circle { radius: i32 },
    Point,
}

#[derive(Model, Debug, Clone)]
#[model(app = "press")]
struct House {
    id: i64,
    #[field(max_length = 20)]
    name: String,
}

#[derive(Model, Debug, Clone)]
#[model(app = "press", ordering = [id])]
struct Post {
    id: i64,
    #[field(max_length = 20)]
    title: String,
    #[field(on_delete = Cascade, related_name = "posts")]
    house: ForeignKey<House>,
    meta: Json<Meta>,
    tags: Option<Json<Vec<String>>>,
    shape: Option<Json<Shape>>,
    any: Option<Json>,
}

fn meta(author: &str, born: Option<i32>) -> Meta {
    Meta {
        main_author: Author { name: author.into(), born },
        tags: vec!["swing".into(), author.to_lowercase()],
        subtitle: None,
        editor: None,
        scores: BTreeMap::from([("ada".into(), 3)]),
        by_year: BTreeMap::from([(1937, "first".into())]),
        parts: vec![Chapter { title: "One".into(), pages: 10 }],
        status: Status::Draft,
        audit: Audit { created_by: "root".into() },
        range: (1, 9),
        price: 2.5,
        free: false,
        seen: false,
        slug: Name(author.to_lowercase()),
        extra: json!({"a": {"b": [1, "x"]}}),
    }
}

async fn press(place: &Place) -> Db {
    let models = Models::new().with::<House>().with::<Post>();
    let db = Db::connect(&place.url, models).await.unwrap();
    migrate::create_tables(&db).await.unwrap();
    let house = House::builder().name("Ultraphone").create(&db).await.unwrap();
    let django = Meta {
        tags: vec![],
        subtitle: Some("a \"quoted\" 50% title".into()),
        editor: Some(Author { name: "Hugues".into(), born: None }),
        scores: BTreeMap::from([
            ("ada".into(), 7),
            ("7".into(), 70),
            ("a.b".into(), 1),
            ("$".into(), 2),
            ("q\"q".into(), 3),
            ("it's".into(), 4),
            ("é".into(), 5),
        ]),
        parts: vec![Chapter { title: "One".into(), pages: 20 }, Chapter { title: "Two".into(), pages: 300 }],
        status: Status::Live,
        price: 10.0,
        free: true,
        ..meta("Django", Some(1910))
    };
    let stephane = meta("Stéphane", Some(1908));
    for (title, meta, tags, shape) in [
        ("a", django, Some(vec!["x".to_owned(), "7".into()]), Some(Shape::Circle { radius: 2 })),
        ("b", stephane, None, Some(Shape::Point)),
        ("c", meta("123", None), Some(vec![]), None),
    ] {
        let row = Post {
            id: 0,
            title: title.into(),
            house: ForeignKey::from(&house),
            meta: Json(meta),
            tags: tags.map(Json),
            shape: shape.map(Json),
            any: None,
        };
        row.clone().save(&db).await.unwrap();
    }
    db
}

/// The titles of the posts for which a typed condition holds, once it is sure that Django's notation finds the same, with
/// and without `not`.
macro_rules! titles {
    ($db:expr, $typed:expr, $keyword:expr, $value:expr) => {{
        let titles = async |posts: nuages_orm::QuerySet<Post>| -> String {
            posts.values(|p| p.title()).all($db).await.unwrap().concat()
        };
        let found = titles(Post::objects().filter($typed)).await;
        assert_eq!(found, titles(Post::objects().filter(|_| q($keyword, $value))).await, "{}", $keyword);
        assert_eq!(
            titles(Post::objects().exclude($typed)).await,
            titles(Post::objects().exclude(|_| q($keyword, $value))).await,
            "not {}",
            $keyword
        );
        found
    }};
}

on_each_engine! {
    async fn a_typed_way_means_what_django_s_path_means(place: Place) {
        let db = &press(&place).await;
        assert_eq!(titles!(db, |p| p.meta().main_author().name().eq("Django"), "meta__mainAuthor__name", "Django"), "a");
        assert_eq!(titles!(db, |p| p.meta().main_author().name().eq("123"), "meta__mainAuthor__name", "123"), "c");
        assert_eq!(titles!(db, |p| p.meta().main_author().name().ne("Django"), "meta__mainAuthor__name__in", ["Stéphane", "123"].map(String::from)), "bc");
        assert_eq!(titles!(db, |p| p.meta().main_author().name().in_(["Django", "123"]), "meta__mainAuthor__name__in", ["Django", "123"].map(String::from)), "ac");
        assert_eq!(titles!(db, |p| p.meta().main_author().born().gt(1908), "meta__mainAuthor__born__gt", 1908), place.choose("ac", "a"));
        assert_eq!(titles!(db, |p| p.meta().main_author().born().lte(1910), "meta__mainAuthor__born__lte", 1910), place.choose("ab", "abc"));
        assert_eq!(titles!(db, |p| p.meta().main_author().born().is_json_null(), "meta__mainAuthor__born", Node::value(Value::Null)), "c");
        assert_eq!(titles!(db, |p| p.meta().subtitle().is_null(), "meta__subtitle__isnull", true), "bc");
        assert_eq!(titles!(db, |p| p.meta().subtitle().is_not_null(), "meta__subtitle__isnull", false), "a");
        assert_eq!(titles!(db, |p| p.meta().editor().name().eq("Hugues"), "meta__editor__name", "Hugues"), "a");
        assert_eq!(titles!(db, |p| p.meta().tags().at(0).eq("swing"), "meta__labels__0", "swing"), "bc");
        assert_eq!(titles!(db, |p| p.meta().tags().at(1).icontains("TÉ"), "meta__labels__1__icontains", "TÉ"), place.choose("", "b"));
        assert_eq!(titles!(db, |p| p.meta().tags().at(1).istarts_with("1"), "meta__labels__1__istartswith", "1"), "c");
        assert_eq!(titles!(db, |p| p.meta().subtitle().ends_with("title"), "meta__subtitle__endswith", "title"), "a");
        assert_eq!(titles!(db, |p| p.meta().subtitle().regex("^a .q"), "meta__subtitle__regex", "^a .q"), "a");
        assert_eq!(titles!(db, |p| p.meta().scores().at("ada").gte(7), "meta__scores__ada__gte", 7), "a");
        assert_eq!(titles!(db, |p| p.meta().parts().at(1).pages().eq(300), "meta__parts__1__pages", 300), "a");
        assert_eq!(titles!(db, |p| p.meta().status().eq(Status::Live), "meta__status", "live"), "a");
        assert_eq!(titles!(db, |p| p.meta().audit().created_by().eq("root"), "meta__created_by", "root"), "abc");
        assert_eq!(titles!(db, |p| p.meta().page_range().index(1).eq(json!(9)), "meta__range__1", 9), "abc");
        assert_eq!(titles!(db, |p| p.meta().price().lt(3.0), "meta__price__lt", 3.0), "bc");
        assert_eq!(titles!(db, |p| p.meta().price().eq(10.0), "meta__price", 10), "a");
        assert_eq!(titles!(db, |p| p.meta().free().eq(true), "meta__free", true), "a");
        assert_eq!(titles!(db, |p| p.meta().slug().eq(Name("123".into())), "meta__slug", "123"), "c");
        assert_eq!(titles!(db, |p| p.meta().extra().key("a").key("b").index(1).eq(json!("x")), "meta__extra__a__b__1", "x"), "abc");
        assert_eq!(titles!(db, |p| p.meta().main_author().eq(Author { name: "Django".into(), born: Some(1910) }), "meta__mainAuthor", Json(json!({"name": "Django", "born": 1910}))), "a");
        assert_eq!(titles!(db, |p| p.meta().has_key("subtitle"), "meta__has_key", "subtitle"), "a");
        assert_eq!(titles!(db, |p| p.meta().has_keys(["subtitle", "slug"]), "meta__has_keys", ["subtitle", "slug"].map(String::from)), "a");
        assert_eq!(titles!(db, |p| p.meta().has_any_keys(["subtitle", "slug"]), "meta__has_any_keys", ["subtitle", "slug"].map(String::from)), "abc");
        assert_eq!(titles!(db, |p| p.meta().scores().has_key("7"), "meta__scores__has_key", "7"), "a");
        assert_eq!(titles!(db, |p| p.meta().scores().has_any_keys(["7", "x"]), "meta__scores__has_any_keys", ["7", "x"].map(String::from)), "a");
        assert_eq!(titles!(db, |p| p.meta().contains_json(json!({"free": true})), "meta__contains", Json(json!({"free": true}))), "a");
        assert_eq!(titles!(db, |p| p.meta().main_author().contained_by(json!({"name": "123", "born": null, "x": 1})), "meta__mainAuthor__contained_by", Json(json!({"name": "123", "born": null, "x": 1}))), "c");
        // Fields that are lists, enums or anything.
        assert_eq!(titles!(db, |p| p.tags().at(1).eq("7"), "tags__1", "7"), "a");
        assert_eq!(titles!(db, |p| p.tags().at(0).is_null(), "tags__0__isnull", true), "bc");
        assert_eq!(titles!(db, |p| p.shape().key("Circle").key("radius").eq(json!(2)), "shape__Circle__radius", 2), "a");
        assert_eq!(titles!(db, |p| p.any().key("x").is_null(), "any__x__isnull", true), "abc");
    }

    async fn what_django_s_paths_do_not_say(place: Place) {
        let db = &press(&place).await;
        let titles = async |posts: nuages_orm::QuerySet<Post>| posts.values(|p| p.title()).all(db).await.unwrap().concat();
        assert_eq!(titles(Post::objects().filter(|p| p.meta().tags().contains("swing"))).await, "bc");
        assert_eq!(titles(Post::objects().exclude(|p| p.meta().tags().contains("swing"))).await, "a");
        assert_eq!(titles(Post::objects().filter(|p| p.tags().contains("7"))).await, "a");
        let chapter = Chapter { title: "Two".into(), pages: 300 };
        assert_eq!(titles(Post::objects().filter(|p| p.meta().parts().contains(&chapter))).await, "a");
        assert_eq!(titles(Post::objects().filter(|p| p.meta().parts().len().eq(2))).await, "a");
        assert_eq!(titles(Post::objects().filter(|p| p.tags().len().eq(0))).await, "c");
        assert_eq!(titles(Post::objects().filter(|p| p.tags().len().is_null())).await, "b");
        assert_eq!(titles(Post::objects().filter(|p| p.meta().parts().at(-1).title().eq("Two"))).await, "a");
        assert_eq!(titles(Post::objects().filter(|_| q("meta__parts__-1__title", "Two"))).await, "a");
        assert_eq!(titles(Post::objects().filter(|p| p.tags().at(-1).eq("7"))).await, "a");
        assert_eq!(titles(Post::objects().filter(|p| p.meta().subtitle().contains("50%"))).await, "a");
        assert_eq!(titles(Post::objects().filter(|p| p.meta().subtitle().contains("5.%"))).await, "");
        assert_eq!(titles(Post::objects().exclude(|p| p.meta().main_author().name().contains("j"))).await, "bc");
        assert_eq!(titles(Post::objects().filter(|p| p.meta().main_author().born().is_none())).await, "c");
        assert_eq!(titles(Post::objects().filter(|p| p.meta().subtitle().is_some())).await, "a");
        assert_eq!(titles(Post::objects().filter(|p| p.meta().slug().eq(p.meta().slug()))).await, "abc");
        // A key with the name of a lookup is one, where Django's last word is always the lookup.
        assert_eq!(titles(Post::objects().filter(|p| p.meta().page_range().eq(json!([1, 9])))).await, "abc");
        // Over relations,
        let houses = House::objects().filter(|h| h.posts().meta().main_author().name().eq("Django"));
        assert_eq!(houses.count(db).await.unwrap(), 1);
        let none = House::objects().exclude(|h| h.posts().meta().main_author().name().eq("Django"));
        assert_eq!(none.count(db).await.unwrap(), 0);
        // and in a subquery.
        let outer = House::objects().filter(|_| {
            expr::exists(Post::objects().filter(|p| {
                p.house_id().eq(expr::outer::<House, Post>().id()) & p.meta().free().eq(true)
            }))
        });
        assert_eq!(outer.count(db).await.unwrap(), 1);
    }

    async fn keys_that_look_like_something_else(place: Place) {
        let db = &press(&place).await;
        for (key, value) in [("7", 70), ("a.b", 1), ("$", 2), ("q\"q", 3), ("it's", 4), ("é", 5)] {
            let typed = Post::objects().filter(|p| p.meta().scores().at(key).eq(value));
            assert_eq!(typed.count(db).await.unwrap(), 1, "{key}");
            let read = Post::objects().values(|p| p.meta().scores().at(key)).first(db).await.unwrap();
            assert_eq!(read, Some(Some(value)), "{key}");
            let has = Post::objects().filter(|p| p.meta().scores().has_key(key));
            assert_eq!(has.count(db).await.unwrap(), 1, "{key}");
            // A number within quotes is a member in Django's notation too.
            let name = if key == "7" { "\"7\"" } else { key };
            let found = Post::objects().filter(|_| q(&format!("meta__scores__{name}"), value));
            assert_eq!(found.count(db).await.unwrap(), 1, "{key}");
        }
        let year = Post::objects().filter(|p| p.meta().by_year().at(&1937).eq("first"));
        assert_eq!(year.count(db).await.unwrap(), 3);
        // As in Django, a bare number is an array's place; PostgreSQL looks for a member of that name too.
        let bare = Post::objects().filter(|_| q("meta__scores__7", 70));
        assert_eq!(bare.count(db).await.unwrap(), place.choose(0, 1));
    }

    async fn members_are_columns_and_orders(place: Place) {
        let db = &press(&place).await;
        let rows = Post::objects().values(|p| (p.title(), p.meta().main_author().name(), p.meta().main_author().born(), p.meta().subtitle()));
        let born = |year| Some(year);
        assert_eq!(rows.all(db).await.unwrap(), [
            ("a".into(), Some("Django".into()), born(1910), Some("a \"quoted\" 50% title".into())),
            ("b".into(), Some("Stéphane".into()), born(1908), None),
            // A text that looks like a number stays one; JSON's null is no number.
            ("c".into(), Some("123".into()), None, None),
        ]);
        let authors = Post::objects().values(|p| (p.meta().main_author(), p.meta().editor(), p.meta().tags(), p.tags().at(1), p.meta().status()));
        assert_eq!(authors.first(db).await.unwrap(), Some((
            Some(Author { name: "Django".into(), born: Some(1910) }),
            Some(Author { name: "Hugues".into(), born: None }),
            Some(vec![]),
            Some("7".to_owned()),
            Some(Status::Live),
        )));
        let annotated = Post::objects().annotate(|p| (p.meta().scores().at("ada"), p.meta().tags().len())).all(db).await.unwrap();
        assert_eq!(annotated.into_iter().map(|(row, (score, tags))| (row.title, score, tags)).collect::<Vec<_>>(), [
            ("a".into(), Some(7), Some(0)), ("b".into(), Some(3), Some(2)), ("c".into(), Some(3), Some(2)),
        ]);
        let ordered = async |posts: nuages_orm::QuerySet<Post>| posts.values(|p| p.title()).all(db).await.unwrap().concat();
        assert_eq!(ordered(Post::objects().order_by(|p| p.meta().main_author().name())).await, "cab");
        assert_eq!(ordered(Post::objects().order_by(|p| (p.meta().price().desc(), p.meta().slug().desc()))).await, "abc");
        assert_eq!(ordered(Post::objects().order_by(|p| p.meta().parts().at(1).pages().asc().nulls_last())).await, "abc");
        // Groups,
        let groups = Post::objects().order_by(|_| ()).values(|p| (p.meta().status(), count_rows())).all(db).await.unwrap();
        let mut groups: Vec<_> = groups.into_iter().map(|(status, posts)| (status == Some(Status::Live), posts)).collect();
        groups.sort_unstable();
        assert_eq!(groups, [(false, 2), (true, 1)]);
        // figures,
        let figures = Post::objects().aggregate(db, |p| (sum(p.meta().price().value()), sum(p.meta().parts().at(0).pages().value()), count(p.meta().subtitle().json()))).await.unwrap();
        assert_eq!(figures, (Some(15.0), Some(40), 1));
        // and functions of columns.
        let lower = Post::objects().values(|p| expr::lower(p.meta().main_author().name().value())).first(db).await.unwrap();
        assert_eq!(lower, Some(Some("django".to_owned())));
        let free = Post::objects().filter(|p| p.meta().free().value().eq(true));
        assert_eq!(free.count(db).await.unwrap(), 1);
        let missing = Post::objects().values(|p| (p.meta().subtitle().value(), p.meta().main_author().born().value())).all(db).await.unwrap();
        assert_eq!(missing[2], (None, None));
    }

    async fn a_member_of_another_form_is_an_error_that_says_so(place: Place) {
        let db = press(&place).await;
        let sql = place.choose(
            "UPDATE press_post SET meta = json_set(meta, '$.mainAuthor.name', 5)",
            "UPDATE press_post SET meta = jsonb_set(meta, '{mainAuthor,name}', '5')",
        );
        db.raw(sql, ()).execute().await.unwrap();
        let error = Post::objects().values(|p| p.meta().main_author().name()).all(&db).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains("expected a string"), "{error}");
        // In a comparison it is another value.
        assert_eq!(Post::objects().filter(|p| p.meta().main_author().name().eq("5")).count(&db).await.unwrap(), 0);
    }

    async fn containment_in_a_spec_is_answered_on_either_engine(place: Place) {
        let db = press(&place).await;
        let found = spec::answer(&db, &json!({"model": "press.Post", "filter": {"meta__labels__contains": ["swing"]}, "count": true})).await;
        assert_eq!(found, json!(2));
    }
}
