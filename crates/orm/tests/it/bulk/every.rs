//! Every type of field: in bulk as one by one.

use std::net::IpAddr;

use nuages_orm::{
    BigDecimal, Choices, Date, Decimal, Duration, Email, FilePath, Json, Model, Slug, Time, Timestamp, Url, Uuid, json,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::library;
use crate::support::on_each_engine;

#[derive(Choices, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letter {
    #[choice("a", "A")]
    A,
    #[choice("b", "B")]
    B,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "bulk", ordering = [id])]
pub(crate) struct Everything {
    id: i64,
    small: Option<i16>,
    int: Option<i32>,
    big: Option<i64>,
    positive_small: Option<u16>,
    positive: Option<u32>,
    positive_big: Option<u64>,
    boolean: Option<bool>,
    float: Option<f64>,
    #[field(max_digits = 12, decimal_places = 4)]
    decimal: Option<Decimal>,
    #[field(max_digits = 30, decimal_places = 10)]
    wide: Option<BigDecimal>,
    text: Option<String>,
    #[field(max_length = 9)]
    char: Option<String>,
    bytes: Option<Vec<u8>>,
    date: Option<Date>,
    time: Option<Time>,
    moment: Option<Timestamp>,
    length: Option<Duration>,
    uuid: Option<Uuid>,
    address: Option<IpAddr>,
    document: Option<Json>,
    email: Option<Email>,
    url: Option<Url>,
    slug: Option<Slug>,
    file: Option<FilePath>,
    letter: Option<Letter>,
    #[field(db_default = 5)]
    by_database: i32,
    #[field(default = "d", max_length = 5)]
    by_program: String,
}

const COLUMNS: [&str; 27] = [
    "small",
    "int",
    "big",
    "positive_small",
    "positive",
    "positive_big",
    "boolean",
    "float",
    "decimal",
    "wide",
    "text",
    "char",
    "bytes",
    "date",
    "time",
    "moment",
    "length",
    "uuid",
    "address",
    "document",
    "email",
    "url",
    "slug",
    "file",
    "letter",
    "by_database",
    "by_program",
];

/// Any row; `by_database` is what says whether it is given.
fn any_row() -> impl Strategy<Value = Everything> {
    let some = || proptest::option::weighted(0.8, any::<()>());
    let letters = "[a-zæ雲'\"\\\\%\n]{0,9}";
    let numbers = (any::<i16>(), any::<i32>(), any::<i64>(), 0..=32_767_u16, 0..=i32::MAX as u32, 0..=i64::MAX as u64);
    let points = (
        any::<bool>(),
        -1e300..1e300_f64,
        -999_999_999_999_i64..=999_999_999_999,
        "-?[1-9][0-9]{0,19}(\\.[0-9]{0,10})?",
    );
    let texts = ("(?s).{0,60}", letters, proptest::collection::vec(any::<u8>(), 0..40), "[a-z]{1,9}");
    let times = (
        -719_162..2_900_000_i32,
        0..86_400_000_000_i64,
        -62_135_596_800_000_000..253_370_764_800_000_000_i64,
        any::<i64>(),
    );
    let others = (any::<u128>(), any::<IpAddr>(), any::<bool>(), proptest::option::of(any::<i32>()), any::<u8>());
    let given = proptest::collection::vec(some(), 25);
    (numbers, points, texts, times, others, given).prop_map(|(numbers, points, texts, times, others, given)| {
        let mut given = given.into_iter();
        let mut is = || given.next().flatten().is_some();
        let text = texts.0.replace('\0', "");
        let word = texts.3;
        Everything {
            id: 0,
            small: is().then_some(numbers.0),
            int: is().then_some(numbers.1),
            big: is().then_some(numbers.2),
            positive_small: is().then_some(numbers.3),
            positive: is().then_some(numbers.4),
            positive_big: is().then_some(numbers.5),
            boolean: is().then_some(points.0),
            float: is().then_some(points.1),
            decimal: is().then(|| Decimal::new(points.2, 4)),
            wide: is().then(|| points.3.trim_end_matches('.').parse().unwrap()),
            text: is().then(|| text.clone()),
            char: is().then_some(texts.1),
            bytes: is().then_some(texts.2),
            date: is()
                .then(|| Date::constant(1970, 1, 1).checked_add(nuages_orm::jiff::Span::new().days(times.0)).unwrap()),
            time: is().then(|| Time::midnight().wrapping_add(nuages_orm::jiff::Span::new().microseconds(times.1))),
            moment: is().then(|| Timestamp::from_microsecond(times.2).unwrap()),
            length: is().then(|| Duration::from_micros(times.3 / 2)),
            uuid: is().then(|| Uuid::from_u128(others.0)),
            address: is().then_some(others.1),
            document: is()
                .then(|| Json(json!({"t": text.replace(char::is_control, ""), "n": others.3, "l": [1, null, true]}))),
            email: is().then(|| Email::from(format!("{word}@example.org").as_str())),
            url: is().then(|| Url::from(format!("https://example.org/{word}").as_str())),
            slug: is().then(|| Slug::from(word.as_str())),
            file: is().then(|| FilePath::from(format!("up/{word}").as_str())),
            letter: is().then_some(if others.2 { Letter::A } else { Letter::B }),
            by_database: others.3.unwrap_or(5),
            by_program: word.chars().take(5).collect(),
        }
    })
}

/// The row without what is to be decided by the database, in every third.
fn builder(row: &Everything) -> nuages_orm::Builder<Everything> {
    let new = Everything::builder()
        .small(row.small)
        .int(row.int)
        .big(row.big)
        .positive_small(row.positive_small)
        .positive(row.positive)
        .positive_big(row.positive_big)
        .boolean(row.boolean)
        .float(row.float)
        .decimal(row.decimal)
        .wide(row.wide.clone())
        .text(row.text.clone())
        .char(row.char.clone())
        .bytes(row.bytes.clone())
        .date(row.date)
        .time(row.time)
        .moment(row.moment)
        .length(row.length)
        .uuid(row.uuid)
        .address(row.address)
        .document(row.document.clone())
        .email(row.email.clone())
        .url(row.url.clone())
        .slug(row.slug.clone())
        .file(row.file.clone())
        .letter(row.letter);
    let new = if row.by_database == 5 { new } else { new.by_database(row.by_database) };
    new.by_program(row.by_program.clone()).build()
}

on_each_engine! {
    async fn bulk_create_writes_what_create_writes(place: Place) {
        let db = &library(&place).await;
        let mut runner = TestRunner::deterministic();
        let rows: Vec<Everything> = (0..120).map(|_| any_row().new_tree(&mut runner).unwrap().current()).collect();
        assert!(rows.iter().any(|row| row.by_database == 5) && rows.iter().any(|row| row.by_database != 5));
        let mut single = Vec::new();
        for row in &rows {
            single.push(builder(row).create(db).await.unwrap());
        }
        let all = Everything::objects();
        let count = rows.len() as i64;
        let number = |(at, row): (usize, &Everything)| builder(row).set("id", (10 * count + at as i64).into());
        assert_eq!(all.bulk_create(rows.iter().enumerate().map(number)).run(db).await.unwrap(), 120);
        let numbered = |(at, row): (usize, &Everything)| Everything { id: 20 * count + at as i64, ..row.clone() };
        assert_eq!(all.bulk_create(rows.iter().enumerate().map(numbered)).batch_size(7).run(db).await.unwrap(), 120);
        let number = |(at, row): (usize, &Everything)| builder(row).set("id", (30 * count + at as i64).into());
        let read = all.bulk_create(rows.iter().enumerate().map(number)).batch_size(50).returning().run(db).await.unwrap();
        for (read, single) in read.iter().zip(&single) {
            assert_eq!(&Everything { id: single.id, ..read.clone() }, single);
        }
        // To the bit, as the database has them.
        for path in [10, 20, 30] {
            for column in COLUMNS {
                let same = place.choose(
                    format!("a.\"{column}\" IS b.\"{column}\" AND typeof(a.\"{column}\") = typeof(b.\"{column}\")"),
                    format!("a.\"{column}\" IS NOT DISTINCT FROM b.\"{column}\""),
                );
                let sql = format!(
                    "SELECT count(*) FROM bulk_everything a JOIN bulk_everything b ON b.id = {path} * {count} + a.id - {} \
                     WHERE a.id < 1000 AND {same}",
                    single[0].id
                );
                let same: Vec<(i64,)> = db.raw(sql, ()).fetch().await.unwrap();
                assert_eq!(same, [(count,)], "{column} by way {path}");
            }
        }
    }
}
