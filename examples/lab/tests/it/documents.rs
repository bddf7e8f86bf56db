//! JSON documents written by either side and looked up by both; and JSON Schemas as Python's `jsonschema` has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use ::lab::lab::TJSON;
use nuages::orm::json_schema::JsonSchema;
use nuages::orm::query::{Node, Query, Step, spec};
use nuages::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json_;

use crate::oracle::{Database, ORACLE, python, run};
use crate::rows::migrated;

/// The documents that have a form, on the same table.
#[derive(Model, Debug, Clone)]
#[model(app = "lab", table = "lab_tjson", managed = false)]
struct Typed {
    id: i64,
    v: Json<Meta>,
    n: Option<Json>,
}

#[derive(Document, Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    main_author: Option<Author>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    scores: BTreeMap<String, f64>,
}

#[derive(Document, Debug, Clone, Serialize, Deserialize)]
struct Author {
    name: Option<String>,
    born: Option<i32>,
}

fn documents() -> Vec<Json_> {
    vec![
        json!({"mainAuthor": {"name": "Ada", "born": 1815}, "tags": ["x", "7"], "scores": {"a": 1, "7": 2.5}}),
        json!({"mainAuthor": {"name": "Émile", "born": null}, "tags": [], "scores": {"a.b": 1, "$": 2, "q\"q": 3, "it's": 4, "é": 5}}),
        json!({"mainAuthor": null, "tags": ["x"], "scores": {"-1": 9, " ": 1, "": 2, "a b": 3}}),
        json!({"mainAuthor": {"name": "123", "born": 15}}),
        json!({"tags": [["nested"], {"k": "v"}, null, true, 1.5]}),
        json!(["x", {"a": 1}, [1, 2]]),
        json!("text"),
        json!(7),
        json!(true),
        json!({}),
        json!([]),
    ]
}

fn lookups() -> Vec<(&'static str, Json_)> {
    vec![
        ("v", json!({"tags": [["nested"], {"k": "v"}, null, true, 1.5]})),
        ("v", json!("text")),
        ("v__mainAuthor__name", json!("Ada")),
        ("v__mainAuthor__name", json!("123")),
        ("v__mainAuthor__name", json!(123)),
        ("v__mainAuthor__name__icontains", json!("a")),
        ("v__mainAuthor__name__startswith", json!("1")),
        ("v__mainAuthor__name__in", json!(["Ada", "123"])),
        ("v__mainAuthor__born__gt", json!(100)),
        ("v__mainAuthor__born", json!(null)),
        ("v__mainAuthor", json!(null)),
        ("v__mainAuthor__isnull", json!(true)),
        ("v__mainAuthor__born__isnull", json!(false)),
        ("v__tags__0", json!("x")),
        ("v__tags__1", json!("7")),
        ("v__tags__1__k", json!("v")),
        ("v__tags__3", json!(true)),
        ("v__tags__4__lte", json!(2)),
        ("v__0", json!("x")),
        ("v__1__a", json!(1)),
        ("v__2__1", json!(2)),
        ("v__scores__a.b", json!(1)),
        ("v__scores__$", json!(2)),
        ("v__scores__q\"q", json!(3)),
        ("v__scores__it's", json!(4)),
        ("v__scores__é", json!(5)),
        ("v__scores__a b", json!(3)),
        ("v__scores__ ", json!(1)),
        ("v__scores__7", json!(2.5)),
        ("v__has_key", json!("tags")),
        ("v__scores__has_key", json!("7")),
        ("v__scores__has_key", json!("q\"q")),
        ("v__scores__has_key", json!("a.b")),
        ("v__scores__has_key", json!("-1")),
        ("v__has_keys", json!(["tags", "scores"])),
        ("v__has_any_keys", json!(["mainAuthor", "none"])),
        ("v__tags__contains", json!(["x"])),
        ("v__contains", json!({"mainAuthor": {"name": "Ada"}})),
        ("v__scores__contained_by", json!({"a": 1, "7": 2.5, "more": 0})),
    ]
}

/// The keys of the rows for which a condition holds, and of those for which it does not.
async fn found(db: &Db, condition: Node) -> [Vec<i64>; 2] {
    let keys = async |step| {
        let query = Query::on("lab.TJSON").then(step).then(Step::OrderBy(vec![spec::order("id")]));
        let rows = spec::rows(db, &query.then(Step::Values(vec![Node::path("id")]))).await.unwrap();
        rows.into_iter().map(|row| if let [Value::Int(key)] = row[..] { key } else { panic!("{row:?}") }).collect()
    };
    [keys(Step::Filter(condition.clone())).await, keys(Step::Exclude(condition)).await]
}

async fn looked_up_by_both(place: &Database) {
    let db = &migrated(place).await;
    // Ours, then Django's.
    for document in documents() {
        TJSON::builder().v(document).create(db).await.unwrap();
    }
    let written = json!(documents()).to_string();
    let keys: Vec<i64> = serde_json::from_str(&place.django("documents.py", &["write"], &written)).unwrap();
    let read = TJSON::objects().order_by(|t| t.id()).all(db).await.unwrap();
    let (ours, django) = read.split_at(documents().len());
    assert_eq!(django.iter().map(|row| row.id).collect::<Vec<_>>(), keys);
    for (ours, django) in ours.iter().zip(django) {
        assert_eq!(ours.v, django.v);
    }

    let asked: Json_ = lookups().into_iter().map(|(lookup, value)| json!({ lookup: value })).collect();
    let answers = place.django("documents.py", &["find"], &asked.to_string());
    let answers: Vec<Option<[Vec<i64>; 2]>> = serde_json::from_str(&answers).unwrap();
    for ((lookup, value), django) in lookups().into_iter().zip(answers) {
        let value = match value {
            Json_::Null => Value::Null,
            Json_::Bool(is_null) if lookup.ends_with("__isnull") => Value::Bool(is_null),
            Json_::String(key) if lookup.ends_with("has_key") => Value::Text(key),
            value => Value::Json(value),
        };
        let ours = found(db, Node::keyword(lookup, Node::value(value.clone()))).await;
        // In Django, SQLite finds nothing under a key with a quotation mark.
        let quoted = place.url.starts_with("sqlite") && format!("{lookup:?}{value:?}").contains("q\\\"q");
        match django {
            Some(_) if quoted => assert!(!ours[0].is_empty(), "{lookup} {value:?}"),
            Some(django) => assert_eq!(ours, django, "{lookup} {value:?}"),
            // Containment, which Django has on PostgreSQL alone.
            None => assert!(place.url.starts_with("sqlite") && lookup.contains("contain"), "{lookup}"),
        }
        assert!(ours.iter().flatten().all(|key| *key > 0));
        let halves =
            |keys: &[i64]| keys.iter().map(|key| (key - 1) % documents().len() as i64).collect::<BTreeSet<_>>();
        let (mine, theirs): (Vec<i64>, Vec<i64>) = ours[0].iter().partition(|key| !keys.contains(key));
        assert_eq!(halves(&mine), halves(&theirs), "{lookup}: rows of either side are found alike");
    }

    // Typed.
    let typed = Db::connect(&place.url, Models::new().with::<Typed>()).await.unwrap();
    let keys = async |rows: QuerySet<Typed>| rows.order_by(|t| t.id()).values(|t| t.id()).all(&typed).await.unwrap();
    let pairs: Vec<(Vec<i64>, &str, Value)> = vec![
        (
            keys(Typed::objects().filter(|t| t.v().main_author().name().eq("123"))).await,
            "v__mainAuthor__name",
            Value::Text("123".into()),
        ),
        (
            keys(Typed::objects().filter(|t| t.v().main_author().born().gt(100))).await,
            "v__mainAuthor__born__gt",
            Value::Int(100),
        ),
        (keys(Typed::objects().filter(|t| t.v().tags().at(0).eq("x"))).await, "v__tags__0", Value::Text("x".into())),
        (
            keys(Typed::objects().filter(|t| t.v().scores().has_key("7"))).await,
            "v__scores__has_key",
            Value::Text("7".into()),
        ),
    ];
    for (typed, lookup, value) in pairs {
        assert_eq!(typed, found(db, Node::keyword(lookup, Node::value(value))).await[0], "{lookup}");
    }
    let member = Typed::objects().filter(|t| t.v().scores().at("7").eq(2.5)).count(&typed).await.unwrap();
    assert_eq!(member, 2, "a member of a map is one on either engine, a number or not");
    typed.close().await;
    db.close().await;
}

#[tokio::test]
async fn documents_of_either_side_are_found_by_both_on_sqlite() {
    looked_up_by_both(&Database::sqlite("documents")).await;
}

#[tokio::test]
async fn documents_of_either_side_are_found_by_both_on_postgres() {
    let Some(place) = Database::postgres("documents") else { return };
    looked_up_by_both(&place).await;
}

/// A schema and documents, as `json_schemas.json` has them.
#[derive(Deserialize)]
struct Case {
    schema: Json_,
    documents: Vec<Json_>,
}

/// Where Python strays from the standard: a keyword, a document, and whether it is valid here. There it is the opposite.
const APART: [(&str, &str, bool); 3] =
    [("multipleOf", "4.35", true), ("multipleOf", "19.99", true), ("pattern", "\"٣٣\"", false)];

#[test]
fn schemas_mean_what_they_mean_in_python() {
    let table = fs::read_to_string(format!("{ORACLE}/json_schemas.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&table).unwrap();
    let python: Vec<Option<Vec<BTreeSet<String>>>> =
        serde_json::from_str(&run(&mut python("json_schemas.py"), &table)).unwrap();
    for (case, python) in cases.iter().zip(python) {
        let schema = JsonSchema::new(case.schema.to_string());
        for (place, document) in case.documents.iter().enumerate() {
            let here = format!("{} {document}", case.schema);
            let admitted = schema.admit(document.clone());
            let apart = |(keyword, text, _): &&(&str, &str, bool)| {
                case.schema.get(keyword).is_some()
                    && serde_json::from_str::<Json_>(text).is_ok_and(|apart| apart == *document)
            };
            if let (Some((_, _, valid)), Some(python)) = (APART.iter().find(apart), &python) {
                assert_eq!((admitted.is_ok(), python[place].is_empty()), (*valid, !valid), "{here}");
                continue;
            }
            match (admitted, &python) {
                (Ok(_), Some(python)) => assert_eq!(python[place], BTreeSet::new(), "{here}"),
                (Err(error), Some(python)) => {
                    let faults = error.faults().iter().map(|fault| format!("{} {}", fault.pointer, fault.keyword));
                    let faults: BTreeSet<_> = faults.collect();
                    // Python tells of what a schema `false` leaves over at the array or object around it, and of a name by
                    // the keyword that it violates.
                    let (told, other): (Vec<&String>, Vec<_>) = faults.iter().partition(|fault| {
                        ![" falseSchema", " propertyNames"].iter().any(|keyword| fault.ends_with(keyword))
                    });
                    let pointer = |fault: &str| fault.split(' ').next().unwrap_or_default().to_owned();
                    for fault in other {
                        let around = python[place].iter().any(|told| pointer(fault).starts_with(&pointer(told)));
                        assert!(around, "{here}: {fault}");
                    }
                    assert!(told.iter().all(|fault| python[place].contains(*fault)), "{here}");
                    if told.len() == faults.len() {
                        assert_eq!(faults, python[place], "{here}");
                    }
                }
                (outcome, None) => assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Configuration, "{here}"),
            }
        }
    }
}
