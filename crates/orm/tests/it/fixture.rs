//! Fixtures with natural keys, objects that wait for one another, and bad set-ups.

use nuages_orm::fixture::{Dump, Format, Load};
use nuages_orm::{Db, ErrorKind, ForeignKey, ManyToMany, Model, Models, Result, migrate};

use crate::support::{Place, on_each_engine};

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "zoo", natural_key = [name])]
struct Keeper {
    id: i64,
    #[field(max_length = 20, unique)]
    name: String,
    #[field(on_delete = SetNull, related_name = "+")]
    favourite: Option<ForeignKey<Animal>>,
    #[field(max_length = 20)]
    note: String,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "zoo", natural_key = [keeper, name], unique_together = [(keeper, name)])]
struct Animal {
    id: i64,
    #[field(on_delete = Cascade, related_name = "animals")]
    keeper: ForeignKey<Keeper>,
    #[field(max_length = 20)]
    name: String,
    #[field(related_name = "+")]
    eats: ManyToMany<Animal>,
}

async fn zoo(place: &Place) -> Db {
    let db = Db::connect(&place.url, Models::new().with::<Keeper>().with::<Animal>()).await.unwrap();
    let history = migrate::detect(&Models::new().with::<Keeper>().with::<Animal>(), &[]).unwrap();
    let migrator = migrate::Migrator::new(&db, history).unwrap();
    migrator.migrate(&migrate::Target::All, |_| {}).await.unwrap();
    db
}

async fn load(db: &Db, text: &str) -> Result<u64> {
    Load::new().reader("zoo", Format::JsonLines, text.as_bytes()).run(db).await.map(|loaded| loaded.objects)
}

async fn dump(db: &Db, dump: Dump) -> String {
    let mut out = Vec::new();
    dump.format(Format::JsonLines).write(db, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// Each refers to the next, the first to the last, and all to what comes later.
const CIRCLE: &str = r#"{"model": "zoo.animal","fields": {"keeper": ["ada"],"name": "cat","eats": [["ada","mouse"],["ada","cat"]]}}
{"model": "zoo.animal","fields": {"keeper": ["ada"],"name": "mouse","eats": []}}
{"model": "zoo.keeper","fields": {"name": "ada","favourite": ["ada","cat"],"note": ""}}
"#;

on_each_engine! {
    async fn objects_may_wait_for_one_another(place: Place) {
        let db = &zoo(&place).await;
        assert_eq!(load(db, CIRCLE).await.unwrap(), 3);
        let cat = Animal::objects().filter(|animal| animal.name().eq("cat")).get(db).await.unwrap();
        let ada = Keeper::objects().get(db).await.unwrap();
        assert_eq!((ada.favourite.as_ref().map(|cat| *cat.key()), *cat.keeper.key()), (Some(cat.id), ada.id));
        assert_eq!(cat.eats.objects().unwrap().count(db).await.unwrap(), 2);
        // Written by natural keys and loaded again, nothing is new: the rows are found by them.
        let natural = Dump::new().natural_foreign(true).natural_primary(true);
        let first = dump(db, natural.clone()).await;
        assert_eq!(load(db, &first.replace("\"note\": \"\"", "\"note\": \"changed\"")).await.unwrap(), 3);
        assert_eq!(Keeper::objects().get(db).await.unwrap(), Keeper { note: "changed".into(), ..ada });
        assert_eq!(Animal::objects().count(db).await.unwrap(), 2);
        assert_eq!(dump(db, natural).await.replace("changed", ""), first);
        // With keys of its own, a row is the one with that key.
        let keys = dump(db, Dump::new().of("zoo.Keeper").keys([ada_key(db).await])).await;
        assert!(keys.starts_with("{\"model\": \"zoo.keeper\",\"pk\": ") && keys.lines().count() == 1, "{keys}");
        db.close().await;
    }

    async fn what_never_comes_is_named(place: Place) {
        let db = &zoo(&place).await;
        let without_ada = CIRCLE.lines().take(2).collect::<Vec<_>>().join("\n");
        let error = load(db, &without_ada).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Fixture);
        assert_eq!(
            error.to_string(),
            "zoo, object 1: zoo.Animal.keeper: refers to a zoo.Keeper by its natural key [\"ada\"], which is neither in the \
             fixture nor in the database"
        );
        assert_eq!(Animal::objects().count(db).await.unwrap(), 0);
        db.close().await;
    }

    async fn many_rows_are_written_by_few_statements(place: Place) {
        let db = &zoo(&place).await;
        let line = |id: u32| format!("{{\"model\": \"zoo.keeper\", \"pk\": {id}, \"fields\": {{\"name\": \"k{id}\"}}}}\n");
        let text: String = (1..=2_345).map(line).collect();
        let (loaded, queries) = nuages_orm::db::capture(load(db, &text)).await;
        assert_eq!(loaded.unwrap(), 2_345);
        let inserts = queries.iter().filter(|query| query.sql.starts_with("INSERT")).count();
        assert_eq!(inserts, 5, "of 500 rows each");
        assert_eq!(Keeper::objects().count(db).await.unwrap(), 2_345);
        assert_eq!(dump(db, Dump::new().of("zoo.Keeper")).await.lines().count(), 2_345);
        // The row at fault is found among those of one statement.
        let bad = text.replace("\"k700\"", "\"k699\"");
        let error = load(db, &bad.replace("\"pk\": ", "\"pk\": 1000")).await.unwrap_err();
        assert!(error.to_string().starts_with("zoo, object 1: zoo.Keeper"), "{error}");
        Keeper::objects().delete(db).await.unwrap();
        let error = load(db, &bad).await.unwrap_err();
        assert!(error.to_string().starts_with("zoo, object 700: zoo.Keeper"), "{error}");
        assert_eq!(Keeper::objects().count(db).await.unwrap(), 0);
        db.close().await;
    }
}

async fn ada_key(db: &Db) -> String {
    Keeper::objects().get(db).await.unwrap().id.to_string()
}

#[test]
fn natural_keys_that_cannot_work_are_named_at_start() {
    #[derive(Model)]
    #[model(app = "zoo", natural_key = [name])]
    struct Cage {
        id: i64,
        name: String,
    }
    #[derive(Model)]
    #[model(app = "zoo", natural_key = [right])]
    struct Left {
        id: i64,
        #[field(on_delete = Cascade, related_name = "+")]
        right: nuages_orm::OneToOne<Right>,
    }
    #[derive(Model)]
    #[model(app = "zoo", natural_key = [left])]
    struct Right {
        id: i64,
        #[field(on_delete = Cascade, related_name = "+")]
        left: nuages_orm::OneToOne<Left>,
    }
    let models = Models::new().with::<Cage>().with::<Left>().with::<Right>();
    for dialect in [nuages_orm::Dialect::Sqlite, nuages_orm::Dialect::Postgres] {
        assert_eq!(
            nuages_orm::Schema::new(&models, dialect).unwrap_err().to_string(),
            "zoo.Cage: nothing keeps its natural key unique; mark `name` with `#[field(unique)]`\n\
             zoo.Left, zoo.Right: their natural keys are made of one another without end; leave a relation out"
        );
    }
}
