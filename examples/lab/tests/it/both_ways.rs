//! Rows written by the lab and read by Django, and the other way round, on the same database.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ::lab::contrib::User;
use ::lab::lab::{OneToOne, *};
use nuages::orm::Db;
use nuages::prelude::*;

use crate::oracle::Database;
use crate::rows::migrated;

/// The rows of each model in the order they were written, as `rows.py` prints them.
pub(crate) type Rows = BTreeMap<String, Vec<Vec<Option<String>>>>;

/// A value as `rows.py` prints it.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{:016x}", value.to_bits()),
        Value::Decimal(value) => value.to_plain_string(),
        Value::Text(value) => value.clone(),
        Value::Bytes(value) => value.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::Date(value) => value.to_string(),
        Value::Time(value) => value.duration_since(Time::midnight()).as_micros().to_string(),
        Value::Timestamp(value) => value.as_microsecond().to_string(),
        Value::Duration(value) => value.as_micros().to_string(),
        Value::Uuid(value) => value.to_string(),
        Value::Ip(value) => value.to_string(),
        Value::Json(value) if value.is_null() => return None,
        Value::Json(value) => sorted(value).to_string(),
        other => panic!("{other:?}"),
    })
}

/// The document with its keys in order.
fn sorted(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(object) => {
            let ordered: BTreeMap<&String, serde_json::Value> = object.iter().map(|(k, v)| (k, sorted(v))).collect();
            json!(ordered)
        }
        serde_json::Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn texts<M: Model>(row: &M) -> Vec<Option<String>> {
    row.to_values().iter().map(text).collect()
}

fn note<M: Model>(rows: &mut Rows, row: &M) {
    let name = M::LABEL.split_once('.').unwrap().1;
    rows.entry(name.to_owned()).or_default().push(texts(row));
}

/// Writes rows of models with `v` and perhaps `n`.
macro_rules! write {
    ($db:expr, $rows:expr, $($model:ident: $([$v:expr $(, $n:expr)?])+;)*) => {$($(
        note(&mut $rows, &$model::builder().v($v)$(.n($n))?.create($db).await.unwrap());
    )+)*};
}

/// Reads them again, with the copies that Django has written: those come after, and are equal but for the key. Each is
/// found by its value.
macro_rules! read {
    ($db:expr, $rows:expr, $($model:ident)*) => {$({
        let name = stringify!($model);
        let written = &$rows[name];
        let found = $model::objects().order_by(|m| m.id()).all($db).await.unwrap();
        assert_eq!(found.len(), 2 * written.len(), "{name}");
        let (ours, django) = found.split_at(written.len());
        for ((ours, django), written) in ours.iter().zip(django).zip(written) {
            assert_eq!(texts(ours), *written, "{name}, written by us and read by us");
            assert_eq!(texts(django)[1..], written[1..], "{name}, written by Django and read by us");
            let found = $model::objects().filter(|m| m.v().eq(&django.v)).values(|m| m.id()).all($db).await.unwrap();
            assert!(found.contains(&ours.id) && found.contains(&django.id), "{name} by {:?}", django.v);
        }
    })*};
}

/// Writes rows of every model that says something.
pub(crate) async fn written(place: &Database, db: &Db) -> Rows {
    let mut rows = Rows::new();
    let ugly = "Ærø % _ ' \" \\ \n雲 🎸";
    // SQLite keeps fifteen significant digits of a decimal, on either side.
    let is_sqlite = place.url.starts_with("sqlite");
    let wide = if is_sqlite { "-12345.0123456789" } else { "-12345678901234567890.0123456789" };
    let wide: BigDecimal = wide.parse().unwrap();
    write! { db, rows,
        TBigInteger: [i64::MIN] [i64::MAX, 0] [-1, i64::MIN];
        TBinary: [vec![0, 255, 39]] [Vec::<u8>::new(), vec![1]];
        TBoolean: [true] [false, true] [true, false];
        TChar: [ugly] ["", "n"] ["x".repeat(40), ""];
        TCharUnlimited: [ugly.repeat(100)];
        TDate: [Date::constant(1, 1, 1)] [Date::constant(9999, 12, 31), Date::constant(2024, 2, 29)];
        TDateTime: [Timestamp::constant(0, 1_000)] [Timestamp::constant(1_709_251_199, 999_999_000), Timestamp::UNIX_EPOCH]
            ["0001-01-01T00:00:00Z".parse::<Timestamp>().unwrap()]
            ["1969-12-31T23:59:59.999999Z".parse::<Timestamp>().unwrap()]
            ["9999-12-30T21:59:59.999999Z".parse::<Timestamp>().unwrap()];
        TDecimal: ["-12345678.9012".parse::<Decimal>().unwrap(), "0.5000000000".parse::<BigDecimal>().unwrap()]
            [Decimal::ZERO.trunc_with_scale(4), wide] ["99999999.9999".parse::<Decimal>().unwrap()];
        TDuration: [Duration::from_micros(-1)] [Duration::from_hours(24 * 400), Duration::ZERO]
            [-Duration::from_hours(30), Duration::from_micros(86_400_000_001)];
        TEmail: ["ada@example.org"];
        TFile: ["up/ä.txt"];
        TFilePath: ["/tmp/x"];
        TFloat: [-1.5e300] [0.1, f64::MIN_POSITIVE] [1.0 / 3.0, f64::MAX] [-0.5, 1e15] [3.0];
        TIP: ["10.0.0.1".parse::<IpAddr>().unwrap()] ["2001:db8::1".parse::<IpAddr>().unwrap(), "::1".parse::<IpAddr>().unwrap()];
        TImage: ["img/a.png"];
        TInteger: [i32::MIN] [i32::MAX, 0];
        TJSON: [json!({"b": [1, 2.5, null, "ä", true], "a": {"c": ugly}})] [json!([]), json!(1)] [json!("text"), json!({"": -1.5})];
        TPositiveBig: [0] [i64::MAX as u64];
        TPositive: [0] [i32::MAX as u32];
        TPositiveSmall: [0] [i16::MAX as u16];
        TSlug: ["a-slug_1"];
        TSmall: [i16::MIN] [i16::MAX];
        TText: [ugly] ["", ugly.repeat(1000)];
        TTime: [Time::MIN] [Time::constant(23, 59, 59, 999_999_000), Time::midnight()] [Time::constant(12, 0, 0, 1_000)];
        TURL: ["https://example.org/?q=ä"];
        TUUID: [Uuid::from_u128(1)] [Uuid::max(), Uuid::nil()];
    }
    others(db, &mut rows).await;
    rows
}

async fn both_ways(place: &Database) {
    let db = &migrated(place).await;
    let rows = written(place, db).await;

    let django = place.django("rows.py", &["copy"], "");
    let django: Rows = serde_json::from_str(&django).unwrap();
    for (model, written) in &rows {
        assert_eq!(django.get(model), Some(written), "{model}, written by us and read by Django");
    }
    assert_eq!(django.keys().collect::<Vec<_>>(), rows.keys().collect::<Vec<_>>());
    read! { db, rows,
        TBigInteger TBinary TBoolean TChar TCharUnlimited TDate TDateTime TDecimal TDuration TEmail TFile TFilePath TFloat
        TIP TImage TInteger TJSON TPositiveBig TPositive TPositiveSmall TSlug TSmall TText TTime TURL TUUID
    }
    db.close().await;
}

/// Rows of models whose keys, options and relations matter.
async fn others(db: &Db, rows: &mut Rows) {
    let uuid = PkUuid::builder().create(db).await.unwrap();
    let char = PkChar::builder().code("ä").create(db).await.unwrap();
    let small = PkSmall::builder().create(db).await.unwrap();
    note(rows, &uuid);
    note(rows, &char);
    note(rows, &small);
    note(rows, &PkComposite::builder().tenant(-1).number(2).note("x").create(db).await.unwrap());
    note(rows, &TGenerated::builder().a(2).b(3).create(db).await.unwrap());
    let options = Options::builder()
        .uniq_int(1)
        .uniq_char("c")
        .uniq_text("t")
        .idx_int(1)
        .idx_char("c")
        .idx_text("t")
        .slug_noidx("s")
        .renamed("r")
        .choice(Letter::B)
        .commented(1)
        .pos_null(7);
    note(rows, &options.create(db).await.unwrap());
    let target = Target::builder().name("t").code("code").create(db).await.unwrap();
    note(rows, &target);
    note(rows, &OneToOne::builder().target(&target).create(db).await.unwrap());
    note(rows, &OneToOnePk::builder().target(&target).create(db).await.unwrap());
    let user = User::builder().password("!").username("ada").first_name("").last_name("").email("").create(db);
    let options = FkOptions::builder()
        .by_code_id("code")
        .no_constraint_id(99)
        .no_index(&target)
        .unique_fk(&target)
        .named(&target)
        .to_uuid(&uuid)
        .to_char(&char)
        .to_small(&small)
        .to_user(&user.await.unwrap());
    note(rows, &options.create(db).await.unwrap());
    let root = SelfRef::builder().create(db).await.unwrap();
    note(rows, &root);
    note(rows, &SelfRef::builder().parent(&root).create(db).await.unwrap());
}

#[tokio::test]
async fn rows_of_either_side_are_the_other_s_on_sqlite() {
    both_ways(&Database::sqlite("both_ways")).await;
}

#[tokio::test]
async fn rows_of_either_side_are_the_other_s_on_postgres() {
    let Some(place) = Database::postgres("both_ways") else { return };
    both_ways(&place).await;
}
