//! Documents that must fit a JSON Schema, on every way that they are written; and those of older versions.

use std::error::Error as StdError;

use futures_util::TryStreamExt as _;
use nuages_orm::expr::{coalesce, q, subquery};
use nuages_orm::fixture::{Dump, Format, Load};
use nuages_orm::json_schema::{Audit, JsonSchema, MAX_FAULTS, Unfit};
use nuages_orm::migrate::{
    Field, Kind, Migration, Migrator, ModelDef, Operation, Populate, Target, compare, field, keyword,
};
use nuages_orm::query::{Lookup, spec};
use nuages_orm::{Db, Error, ErrorKind, ForeignKey, Json, Model, Models, Result, Value, json, migrate};
use serde::{Deserialize, Serialize};

use crate::support::{Place, on_each_engine};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Notes {
    year: i32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

impl Notes {
    fn new(year: i32, tags: &[&str]) -> Json<Notes> {
        Json(Notes { year, tags: tags.iter().map(|tag| (*tag).to_owned()).collect() })
    }
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "shelf")]
struct Record {
    id: i64,
    #[field(max_length = 40, unique)]
    title: String,
    #[field(schema = "tests/schemas/notes.json")]
    notes: Json<Notes>,
    #[field(schema = r#"{"type": ["array", "null"], "maxItems": 2}"#)]
    extra: Option<Json>,
}

/// What a sleeve says of its art, today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Art {
    artists: Vec<String>,
    colours: u8,
}

impl Art {
    fn new(artist: &str, colours: u8) -> Json<Art> {
        Json(Art { artists: vec![artist.to_owned()], colours })
    }
}

/// First there was the artist's name alone, then an object with it, and now there may be several.
fn newer_art(from: u32, document: serde_json::Value) -> Result<serde_json::Value, Box<dyn StdError + Send + Sync>> {
    Ok(match from {
        1 => json!({"artist": document.as_str().ok_or("expected a name")?, "colours": 4}),
        _ => json!({"artists": [document["artist"]], "colours": document["colours"]}),
    })
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "shelf")]
struct Sleeve {
    id: i64,
    #[field(on_delete = Cascade, related_name = "sleeves")]
    record: ForeignKey<Record>,
    #[field(
        schema = r#"{
            "type": "object",
            "properties": {
                "v": {"type": "integer"},
                "artists": {"type": "array", "minItems": 1},
                "colours": {"type": "integer", "maximum": 8}
            },
            "required": ["v", "artists"],
            "additionalProperties": false
        }"#,
        schema_version = 3,
        version_key = "v",
        upgrade = newer_art
    )]
    art: Json<Art>,
}

fn models() -> Models {
    Models::new().with::<Record>().with::<Sleeve>()
}

async fn shelf(place: &Place) -> Db {
    let db = Db::connect(&place.url, models()).await.unwrap();
    migrate::create_tables(&db).await.unwrap();
    db
}

/// Writes a document past the ORM.
async fn put(db: &Db, place: &Place, table: &str, column: &str, id: i64, document: serde_json::Value) {
    let sql = place.sql(&format!("UPDATE {table} SET {column} = $1 WHERE id = $2"));
    let value = Value::Json(document);
    assert_eq!(db.raw(sql, (value, id)).execute().await.unwrap(), 1);
}

/// The text of a document as the database has it, as a document.
async fn stored(db: &Db, table: &str, column: &str) -> Vec<serde_json::Value> {
    let rows = db.raw(format!("SELECT {column} FROM {table} ORDER BY id"), ()).fetch::<(Json,)>().await.unwrap();
    rows.into_iter().map(|(document,)| document.0).collect()
}

/// The pointers and keywords of what an error says is wrong, once it is sure that it is a refusal of that field.
fn refusal<T: std::fmt::Debug>(result: Result<T>, model: &str, field: &str) -> Vec<(String, String)> {
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind(), error.model(), error.field()),
        (ErrorKind::Validation, Some(model), Some(field)),
        "{error}"
    );
    error.faults().iter().map(|fault| (fault.pointer.clone(), fault.keyword.clone())).collect()
}

fn fault(pointer: &str, keyword: &str) -> Vec<(String, String)> {
    vec![(pointer.to_owned(), keyword.to_owned())]
}

async fn audit(db: &Db, labels: &[&str]) -> (Vec<Unfit>, u64) {
    let mut found = Vec::new();
    let audit = labels.iter().fold(Audit::new(), |audit, label| audit.of(*label));
    let audited = audit
        .run(db, |unfit| {
            found.push(unfit);
            Ok::<(), Error>(())
        })
        .await
        .unwrap();
    assert_eq!(audited.unfit, found.len() as u64);
    (found, audited.documents)
}

on_each_engine! {
    async fn every_way_of_writing_checks_the_document(place: Place) {
        let db = shelf(&place).await;
        let old = || Notes::new(1850, &["a", "much too long"]);
        let wrong = [fault("/year", "minimum"), fault("/tags/1", "maxLength")].concat();
        let new = |title: &str, notes| Record::builder().title(title).notes(notes);

        // New rows.
        assert_eq!(refusal(new("a", old()).create(&db).await, "shelf.Record", "notes"), wrong);
        let with_extra = new("a", Notes::new(1937, &[])).extra(json!([1, 2, 3])).create(&db).await;
        assert_eq!(refusal(with_extra, "shelf.Record", "extra"), fault("", "maxItems"));
        let mut unsaved = Record { id: 0, title: "a".into(), notes: old(), extra: None };
        assert_eq!(refusal(unsaved.save(&db).await, "shelf.Record", "notes"), wrong);
        let none = Record::objects().filter(|r| r.title().eq("a"));
        assert_eq!(refusal(none.get_or_create(&db, new("a", old())).await, "shelf.Record", "notes"), wrong);
        let made = none.update_or_create(&db, |r| r.title().set("b"), new("a", old())).await;
        assert_eq!(refusal(made, "shelf.Record", "notes"), wrong);
        assert_eq!(Record::objects().count(&db).await.unwrap(), 0);

        // Rows that are there.
        let mut row = new("Nuages", Notes::new(1940, &["swing"])).create(&db).await.unwrap();
        row.notes = old();
        assert_eq!(refusal(row.save(&db).await, "shelf.Record", "notes"), wrong);
        assert_eq!(refusal(row.save_fields(&db, |r| r.notes()).await, "shelf.Record", "notes"), wrong);
        let all = Record::objects();
        assert_eq!(refusal(all.update(&db, |r| r.notes().set(old())).await, "shelf.Record", "notes"), wrong);
        let updated = all.update_or_create(&db, |r| r.extra().set(Json(json!({}))), new("x", Notes::new(1940, &[]))).await;
        assert_eq!(refusal(updated, "shelf.Record", "extra"), fault("", "type"));
        // Within a transaction, what was refused leaves the rest as it is.
        db.atomic(async |db: &Db| {
            assert!(Record::objects().update(db, |r| r.notes().set(old())).await.is_err());
            Record::objects().update(db, |r| r.notes().set(Notes::new(1941, &[]))).await
        })
        .await
        .unwrap();
        assert_eq!(Record::objects().get(&db).await.unwrap().notes, Notes::new(1941, &[]));
        // SQL's null is no document; JSON's is one.
        for extra in [None, Some(Json(json!(null))), Some(Json(json!([1])))] {
            let row = Record { extra: extra.clone(), ..Record::objects().get(&db).await.unwrap() };
            row.clone().save(&db).await.unwrap();
            assert_eq!(Record::objects().get(&db).await.unwrap().extra, extra);
        }
        Record::objects().update(&db, |r| r.extra().set_null()).await.unwrap();
        assert_eq!(Record::objects().filter(|r| r.extra().is_null()).count(&db).await.unwrap(), 1);
    }

    async fn what_the_database_would_compute_is_refused(place: Place) {
        let db = shelf(&place).await;
        Record::builder().title("a").notes(Notes::new(1940, &[])).create(&db).await.unwrap();
        let computed = Record::objects().update(&db, |r| r.extra().set(coalesce(r.extra(), Json(json!([]))))).await;
        let error = computed.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("extra")));
        assert_eq!(
            error.to_string(),
            "shelf.Record.extra: has a JSON Schema, by which what the database computes cannot be checked: set it to a \
             value, or save the rows one by one"
        );
        let copied = Record::objects().update(&db, |r| r.notes().set(r.notes())).await;
        assert_eq!(copied.unwrap_err().kind(), ErrorKind::Unsupported);
    }

    async fn a_document_with_many_faults_names_some(place: Place) {
        let db = shelf(&place).await;
        let tags: Vec<&str> = std::iter::repeat_n("much too long", 500).collect();
        let error = Record::builder().title("a").notes(Notes::new(1940, &tags)).create(&db).await.unwrap_err();
        assert_eq!(error.faults().len(), MAX_FAULTS);
        assert!(error.to_string().ends_with("; and more than 17"), "{error}");
        assert!(!format!("{error:?}").contains("much too long"), "{error:?}");
    }

    async fn raw_sql_writes_what_it_is_told_and_the_audit_finds_it(place: Place) {
        let db = shelf(&place).await;
        for title in ["a", "b", "c"] {
            Record::builder().title(title).notes(Notes::new(1940, &[])).extra(json!([])).create(&db).await.unwrap();
        }
        put(&db, &place, "shelf_record", "notes", 2, json!({"year": 7, "tags": ["x"]})).await;
        put(&db, &place, "shelf_record", "extra", 3, json!([1, 2, 3])).await;
        // Readable…
        let mut row = Record::objects().filter(|r| r.id().eq(2)).get(&db).await.unwrap();
        assert_eq!(row.notes, Notes::new(7, &["x"]));
        // … but not writable, though its other fields are,
        row.title = "B".into();
        assert_eq!(refusal(row.save(&db).await, "shelf.Record", "notes"), fault("/year", "minimum"));
        row.save_fields(&db, |r| r.title()).await.unwrap();
        // and found.
        let (found, documents) = audit(&db, &[]).await;
        assert_eq!(documents, 6);
        let found: Vec<_> = found.iter().map(|it| (it.model.as_str(), it.key.as_str(), it.field.as_str(), it.faults[0].pointer.as_str(), it.faults[0].keyword.as_str())).collect();
        assert_eq!(found, [("shelf.Record", "2", "notes", "/year", "minimum"), ("shelf.Record", "3", "extra", "", "maxItems")]);
        // Until it is fixed.
        row.notes.year = 1950;
        row.save(&db).await.unwrap();
        Record::objects().filter(|r| r.id().eq(3)).update(&db, |r| r.extra().set_null()).await.unwrap();
        assert_eq!(audit(&db, &["shelf"]).await, (Vec::new(), 5));
    }

    async fn an_audit_reads_any_number_of_rows(place: Place) {
        let db = shelf(&place).await;
        for part in 0..5 {
            let line = |id: i64| format!("{{\"model\": \"shelf.record\", \"pk\": {id}, \"fields\": {{\"title\": \"{id}\", \"notes\": {{\"year\": 1900}}}}}}\n");
            let text: String = (part * 300 + 1..=part * 300 + 300).map(line).collect();
            Load::new().reader("rows", Format::JsonLines, text.as_bytes()).run(&db).await.unwrap();
        }
        for id in [1, 777, 1500] {
            put(&db, &place, "shelf_record", "notes", id, json!([])).await;
        }
        let (found, documents) = audit(&db, &["shelf.Record"]).await;
        assert_eq!((documents, found.iter().map(|it| it.key.as_str()).collect::<Vec<_>>()), (1500, vec!["1", "777", "1500"]));
        for (label, says) in [("shelf.Recrod", "did you mean `shelf.Record`?"), ("nothing", "unknown app or model `nothing`")] {
            let error = Audit::new().of(label).run(&db, |_| Ok::<(), Error>(())).await.unwrap_err();
            assert!(error.kind() == ErrorKind::Field && error.to_string().contains(says), "{error}");
        }
    }

    async fn fixtures_are_checked_and_brought_up_to_date(place: Place) {
        let db = shelf(&place).await;
        let load = async |text: &str| Load::new().reader("rows", Format::JsonLines, text.as_bytes()).run(&db).await;
        let error = load(r#"{"model": "shelf.record", "pk": 1, "fields": {"title": "a", "notes": {"year": "x"}}}"#).await.unwrap_err();
        assert_eq!((error.kind(), error.faults()[0].pointer.as_str()), (ErrorKind::Fixture, "/year"));
        assert!(error.to_string().starts_with("rows, object 1: shelf.Record.notes: does not fit its JSON Schema"), "{error}");
        let rows = r#"{"model": "shelf.record", "pk": 1, "fields": {"title": "a", "notes": {"year": 1940}}}
{"model": "shelf.sleeve", "pk": 1, "fields": {"record": 1, "art": "Ada"}}
{"model": "shelf.sleeve", "pk": 2, "fields": {"record": 1, "art": {"v": 2, "artist": "Bob", "colours": 1}}}
{"model": "shelf.sleeve", "pk": 3, "fields": {"record": 1, "art": {"artists": ["Eve"], "v": 3}}}
"#;
        load(rows).await.unwrap();
        let now = [json!({"artists": ["Ada"], "colours": 4, "v": 3}), json!({"artists": ["Bob"], "colours": 1, "v": 3}), json!({"artists": ["Eve"], "v": 3})];
        assert_eq!(stored(&db, "shelf_sleeve", "art").await, now);
        // What is written out is what is stored.
        put(&db, &place, "shelf_sleeve", "art", 2, json!("Bob")).await;
        let mut out = Vec::new();
        Dump::new().of("shelf.Sleeve").format(Format::JsonLines).write(&db, &mut out).await.unwrap();
        assert!(String::from_utf8(out).unwrap().contains(r#""art": "Bob""#));
        let error = load(r#"{"model": "shelf.sleeve", "pk": 4, "fields": {"record": 1, "art": {"v": 4}}}"#).await.unwrap_err();
        assert!(error.to_string().contains("is of version 4, and this program knows versions up to 3"), "{error}");
    }

    async fn older_documents_are_read_as_today_s_on_every_way(place: Place) {
        let db = shelf(&place).await;
        let record = Record::builder().title("a").notes(Notes::new(1940, &[])).create(&db).await.unwrap();
        // What is created comes back as it was given, and is stored with its version.
        for colours in [1, 2, 3] {
            let made = Sleeve::builder().record(&record).art(Art::new("Ada", colours)).create(&db).await.unwrap();
            assert_eq!(made.art, Art::new("Ada", colours));
        }
        assert_eq!(stored(&db, "shelf_sleeve", "art").await[0], json!({"artists": ["Ada"], "colours": 1, "v": 3}));
        put(&db, &place, "shelf_sleeve", "art", 1, json!("Bob")).await;
        put(&db, &place, "shelf_sleeve", "art", 2, json!({"v": 2, "artist": "Eve", "colours": 6})).await;
        let now = [Art::new("Bob", 4), Art::new("Eve", 6), Art::new("Ada", 3)];
        let all = || Sleeve::objects().order_by(|s| s.id());

        let art = |rows: Vec<Sleeve>| rows.into_iter().map(|row| row.art).collect::<Vec<_>>();
        assert_eq!(art(all().all(&db).await.unwrap()), now);
        assert_eq!(art(all().stream_in_chunks(&db, 2).try_collect().await.unwrap()), now);
        assert_eq!(art(all().select_related(|s| s.record()).all(&db).await.unwrap()), now);
        assert_eq!(Sleeve::objects().filter(|s| s.id().eq(1)).get(&db).await.unwrap().art, now[0]);
        let (rows, queries) = nuages_orm::db::capture(Record::objects().prefetch(|r| r.sleeves()).all(&db)).await;
        assert_eq!((art(rows.unwrap().pop().unwrap().1), queries.len()), (now.to_vec(), 2));
        // As a column among others,
        assert_eq!(all().values(|s| (s.id(), s.art())).all(&db).await.unwrap(), [(1, now[0].clone()), (2, now[1].clone()), (3, now[2].clone())]);
        assert_eq!(all().values(|s| s).all(&db).await.unwrap().len(), 3);
        let annotated = all().annotate(|s| s.art()).all(&db).await.unwrap();
        assert!(annotated.iter().all(|(row, art)| row.art == *art));
        let over = Record::objects().values(|r| r.sleeves().art()).all(&db).await.unwrap();
        assert_eq!(over.into_iter().flatten().filter(|art| now.contains(art)).count(), 3);
        let either = all().values(|s| coalesce(s.art(), s.art())).all(&db).await.unwrap();
        assert_eq!(either, now);
        let first = Sleeve::objects().order_by(|s| s.id()).values(|s| s.art()).limit(1);
        let found = Record::objects().values(|_| subquery(first)).all(&db).await.unwrap();
        assert_eq!(found, [Some(now[0].clone())]);
        let both = all().values(|s| s.art()).union_all(all().values(|s| s.art())).all(&db).await.unwrap();
        assert_eq!(both.len(), 6);
        // by raw SQL as the model, but not as a plain column,
        let rows = db.raw("SELECT art, record_id, id FROM shelf_sleeve ORDER BY id", ()).fetch_models::<Sleeve>().await.unwrap();
        assert_eq!(art(rows), now);
        assert_eq!(stored(&db, "shelf_sleeve", "art").await[0], json!("Bob"));
        // and in a transaction.
        let mut row = db.atomic(async |db: &Db| Sleeve::objects().filter(|s| s.id().eq(2)).get(db).await).await.unwrap();
        row.refresh(&db).await.unwrap();
        assert_eq!(row.art, now[1]);
        // Saving brings it up to date.
        row.save(&db).await.unwrap();
        assert_eq!(stored(&db, "shelf_sleeve", "art").await[1], json!({"artists": ["Eve"], "colours": 6, "v": 3}));
        assert_eq!(row.art, now[1]);
        // Without types, rows are what is stored.
        let plain = spec::answer(&db, &json!({"model": "shelf.Sleeve", "values": ["art"], "order_by": ["id"], "limit": 1})).await;
        assert_eq!(plain, json!([["Bob"]]));
    }

    async fn a_document_is_found_by_what_it_is_without_its_version(place: Place) {
        let db = shelf(&place).await;
        let record = Record::builder().title("a").notes(Notes::new(1940, &[])).create(&db).await.unwrap();
        Sleeve::builder().record(&record).art(Art::new("Ada", 1)).create(&db).await.unwrap();
        assert_eq!(Sleeve::objects().filter(|s| s.art().eq(Art::new("Ada", 1))).count(&db).await.unwrap(), 1);
        assert_eq!(Sleeve::objects().filter(|s| s.art().in_([Art::new("Eve", 1), Art::new("Ada", 1)])).count(&db).await.unwrap(), 1);
        assert_eq!(Record::objects().filter(|r| r.sleeves().art().eq(Art::new("Ada", 1))).count(&db).await.unwrap(), 1);
        assert_eq!(Sleeve::objects().filter(|_| q("art__v", 3_i64)).count(&db).await.unwrap(), 1);
        let old = json!({"v": 2, "artist": "Eve", "colours": 6});
        put(&db, &place, "shelf_sleeve", "art", 1, old.clone()).await;
        let found = spec::answer(&db, &json!({"model": "shelf.Sleeve", "filter": {"art": old}, "count": true})).await;
        assert_eq!(found, json!(1), "an older document that says so is looked for as it is");
    }

    async fn what_cannot_be_read_names_row_and_field(place: Place) {
        let db = shelf(&place).await;
        let record = Record::builder().title("a").notes(Notes::new(1940, &[])).create(&db).await.unwrap();
        let mut row = Sleeve::builder().record(&record).art(Art::new("Ada", 1)).create(&db).await.unwrap();
        for (document, says) in [
            (json!({"v": 4}), "is of version 4, and this program knows versions up to 3: run one that is as new as the data"),
            (json!(7), "cannot be brought from version 1 to 2"),
            (json!({"v": "x"}), "has a `v` that is no version: expected a number from 1 to 3"),
        ] {
            put(&db, &place, "shelf_sleeve", "art", row.id, document).await;
            let error = Sleeve::objects().all(&db).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert_eq!(error.to_string(), format!("shelf.Sleeve.art of row {}: {says}", row.id));
            let (found, _) = audit(&db, &["shelf.Sleeve"]).await;
            assert_eq!((found[0].field.as_str(), found[0].faults[0].keyword.as_str()), ("art", "schema_version"));
        }
        row.art.colours = 9;
        assert_eq!(refusal(row.save(&db).await, "shelf.Sleeve", "art"), fault("/colours", "maximum"));
    }

    async fn a_migration_s_past_checks_by_the_schema_of_its_time(place: Place) {
        let db = Db::connect(&place.url, Models::new()).await.unwrap();
        let title = || Field::new("title", Kind::Text).default(Value::Text(String::new()));
        let notes = |schema: &'static str| Field::new("notes", Kind::Json).schema(JsonSchema::new(schema));
        let versioned = || notes(r#"{"required": ["year"]}"#).schema(JsonSchema::new(r#"{"required": ["year"]}"#).version(2, "v"));
        let book = ModelDef::new("shop", "Book").field(Field::new("id", Kind::BigAuto)).field(title()).primary_key("id");
        async fn row(past: migrate::Past) -> Result<()> {
            past.model("Book")?.create([]).await.map(drop)
        }
        async fn fill(past: migrate::Past) -> Result<()> {
            let books = past.model("Book")?;
            let wrong = books.create([("notes", Value::Json(json!({})))]).await;
            assert_eq!(refusal(wrong, "shop.Book", "notes"), fault("", "required"));
            let text = books.create([("notes", Value::Text("x".into()))]).await;
            assert_eq!(refusal(text, "shop.Book", "notes"), fault("", "type"));
            let row = books.create([("notes", Value::Json(json!({"year": 1940})))]).await?;
            assert_eq!(row.value("notes")?, &Value::Json(json!({"year": 1940})));
            assert_eq!(refusal(books.update([("notes", Value::Json(json!([])))]).await, "shop.Book", "notes"), fault("", "type"));
            assert_eq!(books.update([("notes", Value::Json(json!({"year": 1941})))]).await?, 2);
            Ok(())
        }
        async fn newer(past: migrate::Past) -> Result<()> {
            let books = past.model("Book")?;
            // As it is stored: the functions that upgrade are the program's.
            let rows = books.clone().order_by(["id"]).all().await?;
            assert_eq!(rows[0].value("notes")?, &Value::Json(json!({"year": 1941})));
            books.clone().filter("id", rows[0].int("id")?).update([("notes", Value::Json(json!({"year": 1942})))]).await?;
            let old = Value::Json(json!({"year": 1, "v": 1}));
            books.filter("id", rows[1].int("id")?).update([("notes", old)]).await?;
            Ok(())
        }
        let history = vec![
            Migration::new("shop", "0001_initial").create_model(book),
            Migration::new("shop", "0002_rows").after("shop", "0001_initial").run_rust("row", row),
            Migration::new("shop", "0003_notes").after("shop", "0002_rows")
                .add_field_filled("Book", notes(r#"{"type": "object", "required": ["year"]}"#), Value::Json(json!({"year": 1939}))),
            Migration::new("shop", "0004_fill").after("shop", "0003_notes")
                .run_rust("fill", fill),
            Migration::new("shop", "0005_version").after("shop", "0004_fill").alter_field("Book", versioned()),
            Migration::new("shop", "0006_newer").after("shop", "0005_version")
                .run_rust("newer", newer),
        ];
        Migrator::new(&db, history.clone()).unwrap().migrate(&Target::All, |_| {}).await.unwrap();
        assert_eq!(stored(&db, "shop_book", "notes").await, [json!({"year": 1942, "v": 2}), json!({"year": 1, "v": 1})]);
        // A change of the schema alone changes nothing in the database.
        let sql = Migrator::new(&db, history.clone()).unwrap().sql("shop", "0005_version").unwrap();
        assert!(!sql.contains("TABLE"), "{sql}");
        for (name, bad) in [
            ("fill", Migration::new("shop", "0007_bad").after("shop", "0006_newer").add_field_filled("Book", Field::new("more", Kind::Json).schema(JsonSchema::new(r#"{"type": "array"}"#)), Value::Json(json!({})))),
            ("expression", Migration::new("shop", "0007_bad").after("shop", "0006_newer").populate(Populate::new("Book").set("notes", field("notes")).nothing_to_undo())),
            ("value", Migration::new("shop", "0007_bad").after("shop", "0006_newer").populate(Populate::new("Book").set("notes", Value::Json(json!({}))).only(compare(field("id"), Lookup::Gte, 0)).nothing_to_undo())),
        ] {
            let mut history = history.clone();
            history.push(bad);
            let error = Migrator::new(&db, history).unwrap().migrate(&Target::All, |_| {}).await.unwrap_err();
                        assert!(error.to_string().contains("JSON Schema"), "{name}: {error}");
        }
        db.close().await;
    }
}

#[test]
fn what_cannot_work_is_said_at_start() {
    let schema = |text: &'static str| Field::new("notes", Kind::Json).schema(JsonSchema::new(text));
    let notes = |text| schema(text).default(Value::Json(json!({})));
    let cases = [
        (Field::new("notes", Kind::Text).schema(JsonSchema::new("{}")), "has a JSON Schema, and is a TextField"),
        (schema("{"), "its schema is no JSON: EOF while parsing an object at line 1 column 1"),
        (
            notes(r#"{"required": ["year"]}"#),
            "its default does not fit its JSON Schema: \"year\" is a required property",
        ),
        (
            schema("{}")
                .schema(JsonSchema::new("{}").version(2, "v"))
                .db_default(migrate::DatabaseDefault::Value(Value::Json(json!({})))),
            "its default of the database must say its version, as `\"v\": 2`",
        ),
        (
            schema("{}").db_default(migrate::DatabaseDefault::Expression(keyword("x", 1))),
            "has a JSON Schema, and a default computed by the database, where nothing checks it",
        ),
    ];
    for (field, says) in cases {
        let model = ModelDef::new("shop", "Book").field(Field::new("id", Kind::BigAuto)).field(field).primary_key("id");
        let error =
            nuages_orm::Schema::new(&Models::new().with_definition(model), nuages_orm::Dialect::Sqlite).unwrap_err();
        assert_eq!(error.to_string(), format!("shop.Book.notes: {says}"));
    }
}

#[test]
fn a_migration_carries_the_schema_and_sees_only_a_change_of_meaning() {
    let history = migrate::detect(&models(), &[]).unwrap();
    let source = history[0].source().unwrap();
    for part in [
        "\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n",
        r##".schema(JsonSchema::new(r#"{"type":["array","null"],"maxItems":2}"#))"##,
        ".version(3, \"v\")",
    ] {
        assert!(source.contains(part), "{part} in {source}");
    }
    assert_eq!(migrate::detect(&models(), &history).unwrap(), []);
    let changed = |text: &'static str| {
        let mut models = Models::new();
        for definition in self::models().definitions() {
            let mut definition = (**definition).clone();
            for field in &mut definition.fields {
                if field.name == "extra" {
                    field.schema = Some(JsonSchema::new(text));
                }
            }
            models = models.with_definition(definition);
        }
        migrate::detect(&models, &history).unwrap()
    };
    assert_eq!(changed("{\"maxItems\": 2,\n \"type\": [\"array\", \"null\"]}"), []);
    let more = changed(r#"{"type": ["array", "null"], "maxItems": 3}"#);
    let [migration] = more.as_slice() else { panic!("{more:?}") };
    assert!(matches!(migration.operations.as_slice(), [Operation::AlterField { .. }]), "{migration:?}");
    // Put together, the last word is kept.
    let all: Vec<Migration> = history.iter().chain(&more).cloned().collect();
    let squashed = migrate::Squash::new("shelf", &*migration.name).run(&all).unwrap().source().unwrap();
    assert!(squashed.contains("\"maxItems\":3") && !squashed.contains("\"maxItems\":2"), "{squashed}");
}

#[test]
fn an_error_of_a_schema_is_data() {
    let schema = JsonSchema::new(r#"{"properties": {"a/b": {"type": "string"}}}"#);
    let error: Error = schema.admit(json!({"a/b": 1})).unwrap_err();
    assert_eq!(error.faults()[0].pointer, "/a~1b");
    assert_eq!(error.to_string(), "does not fit its JSON Schema: at /a~1b, value is not of type \"string\"");
}
