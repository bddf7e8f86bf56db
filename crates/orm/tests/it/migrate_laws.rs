//! What holds of migrations between any two states of the models.

use nuages_orm::introspect::{self, Catalogue, Options};
use nuages_orm::migrate::*;
use nuages_orm::{Db, Models};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::support::{Place, on_each_engine};

const NAMES: [&str; 3] = ["A", "B", "C"];

/// Which parts a model has, as bits of a number; `None` if it is not there.
type Bits = Option<u32>;

fn text(name: &'static str, length: u32) -> Field {
    Field::new(name, Kind::Char { max_length: Some(length) })
}

/// The bits of the parts; those after them say which fields are altered.
const PARTS: u32 = 19;

/// A field of each sort.
fn fields(model: usize) -> Vec<Field> {
    let key = |name: &'static str, to: usize| {
        Field::foreign_key(name, Reference::new(label(to), OnDelete::Cascade).related_name("+")).null(true)
    };
    let many = Reference::new(label((model + 1) % 3), OnDelete::Cascade).related_name("+");
    vec![
        Field::new("n", Kind::Integer).null(true),
        Field::new("d", Kind::SmallInteger).default(Value::Int(7)),
        text("s", 9).index(true).default(Value::Text("it's".into())),
        text("u", 5).null(true).unique(true).comment("once"),
        Field::new("t", Kind::Text).null(true).unique(true),
        Field::new("p", Kind::PositiveInteger).db_default(DatabaseDefault::Value(Value::Int(5))),
        Field::new("j", Kind::Json).null(true),
        Field::new("g", Kind::BigInteger).generated(Generated::stored(arithmetic(field("d"), Operator::Mul, value(2)))),
        Field::new("w", Kind::DateTime).auto_now_add(true),
        key("next", (model + 1) % 3),
        key("own", model),
        Field::one_to_one("pair", Reference::new(label((model + 2) % 3), OnDelete::Cascade).related_name("+"))
            .null(true),
        Field::many_to_many("many", many),
    ]
}

/// The same field, altered in type, null, default, index, column or what it refers to.
fn altered(field: Field, model: usize) -> Field {
    let to = |to: usize| Reference::new(label(to % 3), OnDelete::Cascade).related_name("+");
    match field.name.as_ref() {
        "n" => Field::new("n", Kind::BigInteger).null(true).index(true).column("nn"),
        "d" => field.db_default(DatabaseDefault::Value(Value::Int(3))).comment("seven"),
        "s" => Field::new("s", Kind::Text).default(Value::Text("it's".into())),
        "u" => text("u", 8).null(true).index(true),
        "t" => text("t", 30).default(Value::Text("none".into())).unique(true),
        "p" => Field::new("p", Kind::SmallInteger).null(true),
        "j" => Field::new("j", Kind::Text).null(true),
        "w" => Field::new("w", Kind::Date).auto_now_add(true).unique(true),
        "next" => field.column("nxt").index(false),
        "own" => Field::one_to_one("own", to(model)).null(true),
        "pair" => Field::foreign_key("pair", to(model + 2).constraint(false)).null(true),
        "many" => {
            Field::many_to_many("many", to(model + 1).table(format!("law_between_{}", NAMES[model].to_lowercase())))
        }
        _ => field,
    }
}

fn label(model: usize) -> String {
    format!("law.{}", NAMES[model])
}

fn models(state: &[Bits; 3]) -> Models {
    let mut models = Models::new();
    for (model, bits) in state.iter().enumerate() {
        let Some(bits) = bits else { continue };
        // What tells the models apart, so that none looks like another renamed.
        let mark = Field::new(["mark_a", "mark_b", "mark_c"][model], Kind::Boolean).null(true);
        // What the database computes cannot be altered: its bit is that of the key.
        let key = if bits & (1 << (PARTS + 7)) != 0 { Kind::Auto } else { Kind::BigAuto };
        let mut definition =
            ModelDef::new("law", NAMES[model]).field(Field::new("id", key)).field(mark).primary_key("id");
        let mut has = Vec::new();
        for (bit, field) in fields(model).into_iter().enumerate() {
            let target =
                |label: &str| NAMES.iter().position(|name| label.ends_with(name)).is_some_and(|to| state[to].is_some());
            let can = field.relation.as_ref().is_none_or(|relation| target(&relation.to));
            if bits & (1 << bit) != 0 && can && (field.name != "g" || has.contains(&"d")) {
                has.push(["n", "d", "s", "u", "t", "p", "j", "g", "w", "next", "own", "pair", "many"][bit]);
                let is_altered = bits & (1 << (PARTS + bit as u32)) != 0;
                definition = definition.field(if is_altered { altered(field, model) } else { field });
            }
        }
        let wants = |bit: u32, names: &[&str]| bits & (1 << bit) != 0 && names.iter().all(|name| has.contains(name));
        let names = |what: &str| format!("law_{}_{what}", NAMES[model].to_lowercase());
        if wants(13, &["s", "n"]) {
            definition = definition.unique_together(["s", "n"]);
        }
        if wants(14, &["n", "d"]) {
            definition = definition.unique(Unique::new(names("plain"), ["n", "d"]));
        }
        if wants(15, &["u", "d"]) {
            let positive = compare(field("d"), Lookup::Gt, 0);
            definition = definition.unique(Unique::new(names("partial"), ["u"]).condition(positive));
        }
        if wants(16, &["d"]) {
            definition = definition.check(names("check"), compare(field("d"), Lookup::Gte, 0));
        }
        if wants(17, &["s", "next"]) {
            let steps = vec![OrderBy::desc(field("s")), OrderBy::asc(field("next")).nulls_first()];
            definition = definition.index(Index::new(steps).name(names("index")));
        }
        if wants(18, &["s"]) {
            let lower = OrderBy::asc(call(Function::Lower, [field("s")]));
            definition = definition.index(Index::new(vec![lower]).name(names("lower")));
        }
        models = models.with_definition(definition);
    }
    models
}

/// Says that nothing was renamed: models that come and go here share their fields.
struct NothingRenamed;

impl Questioner for NothingRenamed {
    fn renamed_model(&mut self, _: &RenamedModel<'_>) -> nuages_orm::Result<Option<bool>> {
        Ok(Some(false))
    }

    fn renamed_field(&mut self, _: &RenamedField<'_>) -> nuages_orm::Result<Option<bool>> {
        Ok(Some(false))
    }

    fn fill(&mut self, _: &Fill<'_>) -> nuages_orm::Result<Option<Filling>> {
        Ok(None)
    }

    fn replaced(&mut self, _: &Replaced<'_>) -> nuages_orm::Result<Option<bool>> {
        Ok(Some(true))
    }
}

/// Everything that the database knows of the tables, without the order of columns; where `named` is false, without the
/// names that constraints and indexes got from their table and column, which they keep when those are renamed.
async fn snapshot(db: &Db, place: &Place, named: bool) -> Vec<String> {
    let sql = place.choose(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'".to_owned(),
        format!(
            "WITH options AS (SELECT {named} AS named, '^law_[abc]_(plain|partial|check|index|lower)$' AS given) \
             SELECT concat_ws(' ', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
             a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)) \
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 \
             AND NOT a.attisdropped \
             UNION ALL SELECT concat_ws(' ', conrelid::regclass, CASE WHEN named OR conname ~ given THEN conname END, \
             pg_get_constraintdef(oid)) FROM pg_constraint, options \
             WHERE connamespace = current_schema()::regnamespace \
             UNION ALL SELECT CASE WHEN named OR indexname ~ given THEN indexdef \
             ELSE regexp_replace(indexdef, 'INDEX \\S+ ON', 'INDEX ON') END FROM pg_indexes, options \
             WHERE schemaname = current_schema() \
             UNION ALL SELECT sequencename FROM pg_sequences, options \
             WHERE schemaname = current_schema() AND named"
        ),
    );
    let rows: Vec<(String,)> = db.raw(sql, ()).fetch().await.unwrap();
    let mut lines: Vec<String> = rows
        .into_iter()
        .map(|(line,)| {
            // The last part of a table ends in a bracket more, whichever it is.
            let mut line = line.replace(')', "");
            if place.is_sqlite() && !named {
                // SQLite has one size of numbers; keys say which was meant when their table was made.
                for key in ["next_id", "nxt", "own_id", "pair_id", "a_id", "b_id", "c_id"] {
                    line = line.replace(&format!("\"{key}\" bigint"), &format!("\"{key}\" integer"));
                }
            }
            let mut parts: Vec<&str> = line.split(", ").collect();
            if line.starts_with("CREATE TABLE") {
                parts.sort_unstable();
            }
            parts.join("\n")
        })
        .collect();
    lines.sort();
    lines
}

/// What undoes migrations that were applied to the models of `before`, as a migration of its own.
fn undone(migrations: &[Migration], before: &[Migration]) -> Migration {
    let mut state = State::new();
    for operation in before.iter().flat_map(|migration| &migration.operations) {
        state.apply("law", operation).unwrap();
    }
    let mut steps = Vec::new();
    for operation in migrations.iter().flat_map(|migration| &migration.operations) {
        steps.push(operation.undo("law", &state).unwrap());
        state.apply("law", operation).unwrap();
    }
    let last = migrations.last().or(before.last()).unwrap().name.clone();
    let back = Migration::new("law", "9999_back").after("law", last);
    steps.into_iter().rev().flatten().fold(back, Migration::operation)
}

async fn rows(db: &Db, model: usize) -> Vec<(i64,)> {
    db.raw(format!("SELECT id FROM law_{}", NAMES[model].to_lowercase()), ()).fetch().await.unwrap()
}

async fn migrate(db: &Db, history: &[Migration]) {
    let migrator = Migrator::new(db, history.to_vec()).unwrap();
    migrator.migrate(&Target::All, |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
}

/// A database without tables.
async fn empty(place: &Place) -> Db {
    if place.is_sqlite() {
        return Db::connect("sqlite::memory:", Models::new()).await.unwrap();
    }
    let db = place.db().await;
    let names: Vec<(String,)> = db.raw("SELECT current_schema()::text", ()).fetch().await.unwrap();
    let schema = &names[0].0;
    db.raw(format!("DROP SCHEMA {schema} CASCADE"), ()).execute().await.unwrap();
    db.raw(format!("CREATE SCHEMA {schema}"), ()).execute().await.unwrap();
    db
}

on_each_engine! {
    async fn two_steps_lead_where_one_does_and_back_and_squashed_and_keep_rows(place: Place) {
        let model = || proptest::option::weighted(0.8, 0u32..=u32::MAX);
        let states = [model(), model(), model()];
        let mut runner = TestRunner::deterministic();
        for round in 0..if place.is_sqlite() { 60 } else { 14 } {
            let (mut before, mut after) = (states.clone(), states.clone()).new_tree(&mut runner).unwrap().current();
            // Every other time nothing is altered but only added and removed, so that names too must be the same.
            let named = round % 2 == 1;
            for bits in before.iter_mut().chain(&mut after).flatten().filter(|_| named) {
                *bits &= (1 << PARTS) - 1;
            }
            let first = detect(&models(&before), &[]).unwrap_or_else(|error| panic!("{error}"));
            let second = detect_with(&models(&after), &first, &mut NothingRenamed);
            let second = second.unwrap_or_else(|error| panic!("{error}\n{before:?} {after:?}"));
            let history = [first.clone(), second.clone()].concat();
            assert_eq!(detect(&models(&after), &history).unwrap(), []);

            let db = empty(&place).await;
            migrate(&db, &first).await;
            let at_first = snapshot(&db, &place, named).await;
            for (model, bits) in before.iter().enumerate().filter_map(|(model, bits)| Some((model, (*bits)?))) {
                let required =
                    [("d", 1, "1"), ("s", 2, "'x'"), ("t", 4, "'y'"), ("w", 8, "'2026-11-22 12:00:00'")];
                let given: Vec<_> = required.iter().filter(|(_, bit, _)| bits & (1 << bit) != 0).collect();
                let columns: String = given.iter().map(|(name, ..)| format!(", {name}")).collect();
                let values: String = given.iter().map(|(.., value)| format!(", {value}")).collect();
                let table = NAMES[model].to_lowercase();
                db.raw(format!("INSERT INTO law_{table} (id{columns}) VALUES (41{values})"), ()).execute().await.unwrap();
            }
            migrate(&db, &history).await;
            let kept = || (0..3).filter(|model| before[*model].is_some() && after[*model].is_some());
            for model in kept() {
                assert_eq!(rows(&db, model).await, [(41,)]);
            }
            let by_steps = snapshot(&db, &place, named).await;
            if !first.is_empty() {
                migrate(&db, &[history.clone(), vec![undone(&second, &first)]].concat()).await;
                assert_eq!(at_first, snapshot(&db, &place, named).await, "back: {before:?} {after:?}");
                for model in kept() {
                    assert_eq!(rows(&db, model).await, [(41,)]);
                }
            }
            db.close().await;

            let db = empty(&place).await;
            migrate(&db, &detect(&models(&after), &[]).unwrap()).await;
            // Only the table of records, where there is nothing to make.
            if after.iter().any(Option::is_some) {
                assert_eq!(by_steps, snapshot(&db, &place, named).await, "{before:?} {after:?}");
            }
            db.close().await;

            // Squashed is the same as one after the other.
            let Some(last) = history.last() else { continue };
            let mut squashed = Squash::new("law", last.name.to_string()).run(&history).unwrap().migration;
            squashed.replaces.clear();
            let db = empty(&place).await;
            migrate(&db, &[squashed]).await;
            if after.iter().any(Option::is_some) {
                assert_eq!(by_steps, snapshot(&db, &place, named).await, "squashed: {before:?} {after:?}");
            }
            db.close().await;
        }
    }

    async fn models_found_for_the_tables_would_make_them(place: Place) {
        let model = || proptest::option::weighted(0.8, 0u32..1 << PARTS);
        let states = [model(), model(), model()];
        let mut runner = TestRunner::deterministic();
        for _ in 0..if place.is_sqlite() { 60 } else { 10 } {
            let state = states.new_tree(&mut runner).unwrap().current();
            let db = empty(&place).await;
            migrate(&db, &detect(&models(&state), &[]).unwrap()).await;
            let catalogue = Catalogue::read(&db).await.unwrap();
            let options = Options { app: Some("law".to_owned()), apps: ["law".to_owned()].into(), ..Options::default() };
            let found = introspect::models(&catalogue, &options).unwrap();
            let remarks: Vec<&String> = found.models.iter().flat_map(|model| &model.remarks).collect();
            assert_eq!(remarks, [""; 0], "{state:?}");
            let expected: Vec<String> = models(&state).labels().collect();
            let labels: Vec<String> = found.definitions().labels().collect();
            assert_eq!(labels, expected, "{state:?}");
            found.source().unwrap();
            // Made anew by the models that were found, they are the same, but for what the program alone knows.
            let before = snapshot(&db, &place, true).await;
            db.close().await;
            if state.iter().any(Option::is_some) {
                let db = empty(&place).await;
                migrate(&db, &detect(&found.definitions(), &[]).unwrap()).await;
                assert_eq!(before, snapshot(&db, &place, true).await, "{state:?}");
                db.close().await;
            }
        }
    }
}
