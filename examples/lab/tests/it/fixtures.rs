//! Fixtures of either side, written and loaded by the other.

use ::lab::contrib::{ContentType, Group, Permission, User};
use ::lab::lab::*;
use nuages::orm::ErrorKind;
use nuages::orm::fixture::{Dump, Format, Load};
use nuages::prelude::*;

use crate::both_ways;
use crate::oracle::{Database, folder};
use crate::rows::{databases, migrated};

/// What both sides know, but for the view that nobody has made.
const MODELS: [&str; 4] = ["contenttypes", "auth", "lab", "--exclude=lab.Unmanaged"];

async fn dumped(db: &Db, dump: Dump) -> String {
    let mut out = Vec::new();
    let models = MODELS[..3].iter().fold(dump, |dump, label| dump.of(*label));
    models.without("lab.Unmanaged").write(db, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// Rows of every model, with relations of every kind.
async fn fill(place: &Database, db: &Db) {
    both_ways::written(place, db).await;
    TFloat::builder().v(f64::INFINITY).n(f64::NEG_INFINITY).create(db).await.unwrap();
    let target = Target::objects().get(db).await.unwrap();
    let other = Target::builder().name("other").code("o").create(db).await.unwrap();
    let related = M2MAuto::builder().create(db).await.unwrap();
    // In the order of keys: another is for the database to choose, where Django asks for none.
    related.targets.add(db, [target.id, other.id]).await.unwrap();
    related.custom.add(db, [target.id]).await.unwrap();
    related.chars.add(db, PkChar::objects().all(db).await.unwrap().into_iter().map(|row| row.code)).await.unwrap();
    let owner = M2MThrough::builder().create(db).await.unwrap();
    Membership::builder().owner(&owner).target(&target).joined(Date::constant(2020, 1, 2)).create(db).await.unwrap();
    let parent = ParentModel::builder().title("t").create(db).await.unwrap();
    ChildModel::builder().parentmodel_ptr(&parent).extra("e").create(db).await.unwrap();
    let rows = SelfRef::objects().order_by(|row| row.id()).all(db).await.unwrap();
    rows[0].friends.add(db, [rows[1].id]).await.unwrap();
    rows[1].follows.add(db, [rows[0].id, rows[1].id]).await.unwrap();
    let of = ContentType::builder().app_label("lab").model("target").create(db).await.unwrap();
    let mut permissions = Vec::new();
    for codename in ["view", "add"] {
        let permission = Permission::builder().name("Can").content_type(&of).codename(codename);
        permissions.push(permission.create(db).await.unwrap().id);
    }
    let group = Group::builder().name("g").create(db).await.unwrap();
    group.permissions.add(db, permissions).await.unwrap();
    User::objects().get(db).await.unwrap().groups.add(db, [group.id]).await.unwrap();
}

/// A second database of the same engine.
fn another(place: &Database, name: &str) -> Database {
    match place.url.starts_with("sqlite") {
        true => Database::sqlite(name),
        false => Database::postgres(name).unwrap(),
    }
}

/// The fixture of rows that were loaded from this one: what was less than a millisecond is gone.
fn cut(fixture: &str) -> String {
    fixture.replace(".000Z\"", "Z\"").replace(".000\"", "\"")
}

/// Asserts that two fixtures are the same, and shows the first object that is not.
fn assert_same(left: &str, right: &str, which: &str) {
    let objects = |text: &str| text.split("\"model\": ").map(str::to_owned).collect::<Vec<_>>();
    for (left, right) in objects(left).into_iter().zip(objects(right)) {
        assert_eq!(left, right, "{which}");
    }
    assert_eq!(left.len(), right.len(), "{which}");
}

async fn either_side_reads_the_other(place: Database) {
    let db = migrated(&place).await;
    fill(&place, &db).await;
    let natural = ["--natural-foreign", "--natural-primary"];
    let ways: [(Dump, &[&str], &str); 3] = [
        (Dump::new(), &[], "plain.json"),
        (Dump::new().format(Format::JsonLines), &["--format", "jsonl"], "lines.jsonl"),
        (
            Dump::new().natural_foreign(true).natural_primary(true).indent(2),
            &[natural[0], natural[1], "--indent", "2"],
            "natural.json",
        ),
    ];
    let plain = cut(&dumped(&db, Dump::new()).await);
    assert!(plain.contains("Infinity") && plain.contains(r#""friends": [2]"#), "{plain}");
    let engine = if place.url.starts_with("sqlite") { "sqlite" } else { "postgres" };
    for (dump, options, file) in ways {
        let ours = dumped(&db, dump.clone()).await;
        let django = place.django("manage.py", &[&["dumpdata"], &MODELS[..], options].concat(), "");
        assert_same(&ours, &django, &format!("{file}: what we write is what Django writes"));
        let path = folder("fixtures").join(format!("{engine}_{file}"));
        std::fs::write(&path, &ours).unwrap();
        let ours = cut(&ours);
        let path = path.to_str().unwrap();

        let by_us = another(&place, &format!("fixtures_{engine}_ours"));
        let by_us_db = migrated(&by_us).await;
        by_us.lab(&["loaddata", path], "");
        let by_django = another(&place, &format!("fixtures_{engine}_django"));
        let by_django_db = migrated(&by_django).await;
        by_django.django("manage.py", &["loaddata", path], "");
        let all = [(&by_us_db, "loaded by us"), (&by_django_db, "loaded by Django")];
        for (db, which) in all {
            assert_same(&dumped(db, dump.clone()).await, &ours, &format!("{file}, {which}, in the same form"));
        }
        // Natural keys are numbered anew, which shows in the keys alone.
        if !options.contains(&natural[0]) {
            for (db, which) in all {
                assert_same(&dumped(db, Dump::new()).await, &plain, &format!("{file}, {which}"));
            }
            let django = by_us.django("manage.py", &[&["dumpdata"], &MODELS[..]].concat(), "");
            assert_same(&django, &plain, &format!("{file}, loaded by us, read by Django"));
        }
        // Numbers go on after the rows that were loaded.
        let next = TInteger::builder().v(1).create(&by_us_db).await.unwrap().id;
        assert_eq!(next, TInteger::objects().count(&db).await.unwrap() + 1);
        // Once more, over what is there: nothing changes but nothing is refused.
        TInteger::objects().filter(|row| row.id().eq(next)).delete(&by_us_db).await.unwrap();
        by_us.lab(&["loaddata", path], "");
        assert_same(&dumped(&by_us_db, dump).await, &ours, &format!("{file}, loaded again"));
        by_us_db.close().await;
        by_django_db.close().await;
    }
    db.close().await;
}

#[tokio::test]
async fn fixtures_of_either_side_are_the_other_s_on_sqlite() {
    either_side_reads_the_other(Database::sqlite("fixtures")).await;
}

#[tokio::test]
async fn fixtures_of_either_side_are_the_other_s_on_postgres() {
    let Some(place) = Database::postgres("fixtures") else { return };
    either_side_reads_the_other(place).await;
}

async fn load(db: &Db, text: &str) -> nuages::orm::Result<u64> {
    let path = folder("fixtures").join(format!("bad_{}.json", Uuid::new_v4().simple()));
    std::fs::write(&path, text).unwrap();
    let loaded = Load::new().file(&path).run(db).await;
    std::fs::remove_file(&path).unwrap();
    loaded.map(|loaded| loaded.objects)
}

#[tokio::test]
async fn a_bad_fixture_is_named_and_nothing_of_it_is_loaded() {
    for (_place, db) in databases("fixtures_bad").await {
        let db = &db;
        Shelf::builder().name("here").create(db).await.unwrap();
        let good = r#"{"model": "lab.shelf", "pk": 7, "fields": {"name": "good"}}"#;
        for (bad, reason) in [
            (
                r#"{"model": "lab.shelf", "pk": 8, "fields": {"nmae": "x"}}"#,
                "lab.Shelf: unknown field `nmae`; did you mean `name`?",
            ),
            (
                r#"{"model": "lab.shelv", "pk": 8, "fields": {}}"#,
                "unknown model `lab.shelv`; did you mean `lab.shelf`?",
            ),
            (r#"{"model": "lab.shelf", "fields": {"name": null}}"#, "lab.Shelf.name: may not be null"),
            (
                r#"{"model": "lab.shelf", "fields": {"name": "abcdefghijklmnopqrstu"}}"#,
                "lab.Shelf.name: 21 characters are too long: the field holds 20",
            ),
            (r#"{"model": "lab.tinteger", "pk": 1, "fields": {}}"#, "lab.TInteger.v: is missing, and has no default"),
            (
                r#"{"model": "lab.tdate", "pk": 1, "fields": {"v": "yesterday"}}"#,
                "lab.TDate.v: DateField expects a date as YYYY-MM-DD, got text",
            ),
            (
                r#"{"model": "lab.book", "pk": 3, "fields": {"shelf": 99, "title": "t"}}"#,
                "lab.Book.shelf of row 3: refers to the lab.Shelf 99, which is neither in the fixture nor in the database",
            ),
            (
                r#"{"model": "lab.selfref", "pk": 5, "fields": {"follows": [5, 6]}}"#,
                "lab.SelfRef.follows of row 5: refers to the lab.SelfRef 6, which is neither in the fixture nor in the database",
            ),
            (
                r#"{"model": "auth.permission", "pk": 1, "fields": {"name": "n", "codename": "c", "content_type": ["a", "b"]}}"#,
                "auth.Permission.content_type: refers to a contenttypes.ContentType by its natural key [\"a\",\"b\"], which \
                 is neither in the fixture nor in the database",
            ),
            (
                r#"{"model": "auth.group", "pk": 1, "fields": {"name": "n", "permissions": [["c"]]}}"#,
                "auth.Group.permissions: the natural key of auth.Permission is of 3 values: codename, \
                 content_type__app_label, content_type__model",
            ),
            (
                r#"{"model": "lab.m2mthrough", "pk": 1, "fields": {"members": [1]}}"#,
                "lab.M2MThrough.members: is filled by objects of lab.Membership: give those instead",
            ),
            (
                r#"{"model": "lab.pkcomposite", "pk": [1], "fields": {}}"#,
                "lab.PkComposite: its key has 1 values, the model's has 2",
            ),
            (r#"{"model": "lab.shelf", "fields": {"#, "the file ends within this object"),
        ] {
            let error = load(db, &format!("[{good}, {bad}]")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Fixture);
            let text = error.to_string();
            let found = text.split_once(".json, object 2: ").unwrap_or_else(|| panic!("{text}")).1;
            assert_eq!(found, reason);
            assert_eq!(Shelf::objects().values(|shelf| shelf.name()).all(db).await.unwrap(), ["here"], "{bad}");
        }
        // Of many rows written by one statement, the one at fault.
        let row = |id: u32, unique: u32| {
            format!(r#"{{"model": "lab.uniquetogether", "pk": {id}, "fields": {{"a": {unique}, "b": "b"}}}}"#)
        };
        let rows: Vec<String> = (1..=9).map(|id| row(id, if id == 7 { 2 } else { id })).collect();
        let error = load(db, &format!("[{}]", rows.join(", "))).await.unwrap_err().to_string();
        assert!(error.contains("object 7: lab.UniqueTogether"), "{error}");
        assert_eq!(UniqueTogether::objects().count(db).await.unwrap(), 0);
        db.close().await;
    }
}

#[tokio::test]
async fn rows_are_loaded_as_they_are() {
    for (_place, db) in databases("fixtures_raw").await {
        let db = &db;
        let text = r#"[{"model": "lab.options", "pk": 3, "fields": {"uniq_int": 1, "idx_int": 2, "commented": 3, "choice": "a",
            "auto_now": "2001-02-03T04:05:06.789Z", "auto_add": "2001-02-03T04:05:06Z"}}]"#;
        assert_eq!(load(db, text).await.unwrap(), 1);
        let row = Options::objects().get(db).await.unwrap();
        assert_eq!((row.id, row.auto_now), (3, "2001-02-03T04:05:06.789Z".parse().unwrap()));
        assert_eq!((row.with_default, row.db_def_int, row.uniq_char.as_str(), row.pos_null), (7, 5, "", None));
        // The later of two counts, and what is there is changed; relations become those that are named.
        let one = SelfRef::builder().create(db).await.unwrap();
        one.follows.add(db, [one.id]).await.unwrap();
        let text = r#"[{"model": "lab.selfref", "pk": 1, "fields": {"parent": 2, "follows": [2, 3]}},
            {"model": "lab.selfref", "pk": 2, "fields": {"parent": 3}}, {"model": "lab.selfref", "pk": 2, "fields": {"parent": 1}},
            {"model": "lab.selfref", "pk": 3, "fields": {"friends": [1, 2]}}, {"model": "lab.selfref", "pk": 3, "fields": {"friends": [2]}}]"#;
        assert_eq!(load(db, text).await.unwrap(), 5);
        let dump = Dump::new().of("lab.SelfRef").format(Format::JsonLines);
        let mut out = Vec::new();
        dump.write(db, &mut out).await.unwrap();
        let lines = r#"{"model": "lab.selfref","pk": 1,"fields": {"parent": 2,"friends": [],"follows": [2,3]}}
{"model": "lab.selfref","pk": 2,"fields": {"parent": 1,"friends": [3],"follows": []}}
{"model": "lab.selfref","pk": 3,"fields": {"parent": null,"friends": [2],"follows": []}}
"#;
        assert_eq!(String::from_utf8(out).unwrap(), lines);
        let unknown = r#"[{"model": "gone.model", "pk": 1, "fields": {}}, {"model": "lab.shelf", "pk": 1, "fields": {"name": "n", "gone": 1}}]"#;
        let loaded =
            Load::new().ignore_unknown(true).reader("text", Format::Json, unknown.as_bytes()).run(db).await.unwrap();
        assert_eq!((loaded.objects, loaded.read), (1, 2));
        db.close().await;
    }
}
