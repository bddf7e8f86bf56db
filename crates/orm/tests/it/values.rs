//! Values of every kind come back from either engine as they went.

use std::net::IpAddr;

use nuages_orm::{BigDecimal, Date, Db, Decimal, Duration, ErrorKind, Json, Time, Timestamp, Uuid, Value, db::RawRow};

use crate::support::{Place, on_each_engine};

/// Stores a value in a column of this type and reads it back.
async fn round_trip<T: nuages_orm::SqlType>(db: &Db, place: &Place, column: (&str, &str), value: impl Into<Value>) -> T
where
    (T,): RawRow,
{
    let of = place.choose(column.0, column.1);
    db.raw("DROP TABLE IF EXISTS cell", ()).execute().await.unwrap();
    db.raw(format!("CREATE TABLE cell (it {of})"), ()).execute().await.unwrap();
    db.raw(place.sql("INSERT INTO cell VALUES ($1)"), (value.into(),)).execute().await.unwrap();
    let mut rows = db.raw("SELECT it FROM cell", ()).fetch::<(T,)>().await.unwrap();
    rows.remove(0).0
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

on_each_engine! {
    async fn whole_numbers_reach_their_bounds(place: Place) {
        let db = place.db().await;
        for number in [i64::MIN, -1, 0, 1, i64::MAX] {
            assert_eq!(round_trip::<i64>(&db, &place, ("bigint", "bigint"), number).await, number);
        }
        for number in [i32::MIN, i32::MAX] {
            assert_eq!(round_trip::<i32>(&db, &place, ("integer", "integer"), number).await, number);
            assert_eq!(round_trip::<i64>(&db, &place, ("integer", "integer"), number).await, i64::from(number));
        }
        for number in [i16::MIN, i16::MAX] {
            assert_eq!(round_trip::<i16>(&db, &place, ("smallint", "smallint"), number).await, number);
        }
        assert_eq!(round_trip::<i64>(&db, &place, ("decimal", "numeric(20, 2)"), 12).await, 12);
    }

    async fn a_number_too_large_for_its_column_is_refused_and_never_wrapped(place: Place) {
        let db = place.db().await;
        let check = place.choose("CHECK (it BETWEEN -32768 AND 32767)", "");
        db.raw(format!("CREATE TABLE small (it smallint {check})"), ()).execute().await.unwrap();
        let insert = db.raw(place.sql("INSERT INTO small VALUES ($1)"), (40_000,)).execute().await;
        let kind = insert.unwrap_err().kind();
        assert_eq!(kind, place.choose(ErrorKind::CheckViolation, ErrorKind::Value));
        let too_wide = round_trip::<i64>(&db, &place, ("bigint", "bigint"), 1_i64 << 40).await;
        assert_eq!(too_wide, 1 << 40);
        assert_eq!(db.raw("SELECT it FROM cell", ()).fetch::<(i32,)>().await.unwrap_err().kind(), ErrorKind::Decode);
    }

    async fn floats_texts_bytes_and_truth_values_come_back(place: Place) {
        let db = place.db().await;
        for number in [0.1, -1.5, f64::MAX, f64::MIN_POSITIVE, 1e-300, 3.0] {
            assert_eq!(round_trip::<f64>(&db, &place, ("real", "double precision"), number).await, number);
        }
        for text in ["", "Ærøskøbing 😀 \u{7f}", "it's \"quoted\" \\ %_", &"x".repeat(100_000)] {
            assert_eq!(round_trip::<String>(&db, &place, ("text", "text"), text).await, text);
            assert_eq!(round_trip::<String>(&db, &place, ("varchar", "varchar"), text).await, text);
        }
        for bytes in [vec![], vec![0, 255, 1], vec![7; 70_000]] {
            assert_eq!(round_trip::<Vec<u8>>(&db, &place, ("BLOB", "bytea"), bytes.clone()).await, bytes);
        }
        for truth in [true, false] {
            assert_eq!(round_trip::<bool>(&db, &place, ("bool", "boolean"), truth).await, truth);
        }
    }

    async fn decimals_come_back(place: Place) {
        let db = place.db().await;
        for text in ["0.00", "19.99", "-0.01", "1234567.89", "-99999999.99"] {
            let wide: BigDecimal = text.parse().unwrap();
            let back = round_trip::<BigDecimal>(&db, &place, ("decimal", "numeric(10, 2)"), wide.clone()).await;
            assert_eq!(back, wide, "{text}");
            let narrow: Decimal = text.parse().unwrap();
            assert_eq!(round_trip::<Decimal>(&db, &place, ("decimal", "numeric(10, 2)"), narrow).await, narrow);
        }
        if !place.is_sqlite() {
            for text in ["123456789012345678901234567890.1234567890", "-0.0000000001", "1e30"] {
                let wide: BigDecimal = text.parse().unwrap();
                let back = round_trip::<BigDecimal>(&db, &place, ("", "numeric(45, 10)"), wide.clone()).await;
                assert_eq!(back, wide, "{text}");
                assert_eq!(back.as_bigint_and_exponent().1, 10, "the scale is the column's");
            }
            let nan = db.raw("SELECT 'NaN'::numeric", ()).fetch::<(BigDecimal,)>().await.unwrap_err();
            assert_eq!(nan.kind(), ErrorKind::Decode);
        }
    }

    async fn dates_and_times_come_back_to_the_microsecond(place: Place) {
        let db = place.db().await;
        for text in ["0001-01-01", "1969-12-31", "2000-02-29", "9999-12-31"] {
            let day: Date = text.parse().unwrap();
            assert_eq!(round_trip::<Date>(&db, &place, ("date", "date"), day).await, day);
        }
        for text in ["00:00:00", "23:59:59.999999", "12:00:00.5", "01:02:03.000001"] {
            let time: Time = text.parse().unwrap();
            assert_eq!(round_trip::<Time>(&db, &place, ("time", "time"), time).await, time);
        }
        for text in [
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "2024-02-29T12:34:56Z",
            "2024-02-29T12:34:56.000001Z",
            "9999-12-30T21:59:59.999999Z",
        ] {
            let of = ("datetime", "timestamp with time zone");
            assert_eq!(round_trip::<Timestamp>(&db, &place, of, moment(text)).await, moment(text));
        }
        // What is finer than a microsecond is cut, before 1970 too.
        let of = ("datetime", "timestamp with time zone");
        let cut = round_trip::<Timestamp>(&db, &place, of, moment("2024-02-29T12:34:56.123456789Z")).await;
        assert_eq!(cut, moment("2024-02-29T12:34:56.123456Z"));
        let cut = round_trip::<Timestamp>(&db, &place, of, moment("1960-01-01T00:00:00.123456789Z")).await;
        assert_eq!(cut, moment("1960-01-01T00:00:00.123456Z"));
    }

    async fn durations_of_either_sign_come_back(place: Place) {
        let db = place.db().await;
        for micros in [0, 1, -1, 86_400_000_000, -86_400_000_001, i64::MAX / 2, i64::MIN / 2] {
            let length = Duration::from_micros(micros);
            assert_eq!(round_trip::<Duration>(&db, &place, ("bigint", "interval"), length).await, length, "{micros}");
        }
        if !place.is_sqlite() {
            let months = db.raw("SELECT interval '1 month'", ()).fetch::<(Duration,)>().await.unwrap_err();
            assert!(months.to_string().contains("months"), "{months}");
        }
    }

    async fn identifiers_addresses_and_documents_come_back(place: Place) {
        let db = place.db().await;
        for id in [Uuid::nil(), Uuid::max(), Uuid::new_v4()] {
            assert_eq!(round_trip::<Uuid>(&db, &place, ("char(32)", "uuid"), id).await, id);
        }
        for text in ["127.0.0.1", "255.255.255.255", "::", "2001:db8::1", "::ffff:10.0.0.1"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(round_trip::<IpAddr>(&db, &place, ("char(39)", "inet"), address).await, address);
        }
        for document in [
            serde_json::json!(null),
            serde_json::json!("é😀\"\\\n"),
            serde_json::json!([1, -2.5, 1e300, true, null, {"b": {}, "a": []}]),
            serde_json::json!(u64::MAX),
        ] {
            let back: Json = round_trip(&db, &place, ("text", "jsonb"), document.clone()).await;
            assert_eq!(back.0, document);
            let back: Json = round_trip(&db, &place, ("text", "json"), document.clone()).await;
            assert_eq!(back.0, document);
        }
    }

    async fn null_is_none_and_never_a_value(place: Place) {
        let db = place.db().await;
        let columns = [("bigint", "bigint"), ("text", "text"), ("decimal", "numeric(5, 2)"), ("bigint", "interval"), ("text", "jsonb")];
        for column in columns {
            assert_eq!(round_trip::<Option<i64>>(&db, &place, column, Value::Null).await, None);
        }
        let error = db.raw("SELECT it FROM cell", ()).fetch::<(Json,)>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(error.field(), Some("column 1"));
    }

    async fn a_value_is_not_taken_for_another_type_s(place: Place) {
        let db = place.db().await;
        db.raw("CREATE TABLE day (it date)", ()).execute().await.unwrap();
        if !place.is_sqlite() {
            let text = db.raw("INSERT INTO day VALUES ($1)", ("2024-01-01",)).execute().await.unwrap_err();
            assert_eq!(text.kind(), ErrorKind::Type, "{text}");
        }
        let list = db.raw(place.sql("INSERT INTO day VALUES ($1)"), (Value::List(vec![]),)).execute().await.unwrap_err();
        assert_eq!(list.kind(), ErrorKind::Type, "{list}");
        let few = db.raw(place.sql("SELECT $1 + $2"), (1,)).fetch::<(i64,)>().await;
        assert!(few.is_err());
    }
}

#[cfg(feature = "postgres")]
#[test]
fn postgres_arrays_and_its_own_types_are_understood() {
    crate::support::on_postgres(|place| async move {
        let db = place.db().await;
        let list = Value::List(vec![1.into(), Value::Null, 3.into()]);
        let rows: Vec<(i64,)> =
            db.raw("SELECT x FROM unnest($1::int[]) AS x WHERE x IS NOT NULL", (list,)).fetch().await.unwrap();
        assert_eq!(rows, [(1,), (3,)]);
        let texts = Value::List(vec!["a".into(), "ø".into()]);
        let rows: Vec<(i64,)> = db.raw("SELECT cardinality($1::text[])", (texts,)).fetch().await.unwrap();
        assert_eq!(rows, [(2,)]);
        let empty: Vec<(Option<i64>,)> =
            db.raw("SELECT sum(x) FROM unnest($1::int8[]) AS x", (Value::List(vec![]),)).fetch().await.unwrap();
        assert_eq!(empty, [(None,)]);
        db.raw("CREATE TYPE mood AS ENUM ('sad', 'glad')", ()).execute().await.unwrap();
        let rows: Vec<(String,)> = db.raw("SELECT $1::mood", ("glad",)).fetch().await.unwrap();
        assert_eq!(rows, [("glad".to_owned(),)]);
        let rows: Vec<(String, bool)> =
            db.raw("SELECT concat($1::text, $2::text), $3 = 1.5", (5, true, 1.5)).fetch().await.unwrap();
        assert_eq!(rows, [("5true".to_owned(), true)]);
        let infinite = db.raw("SELECT 'infinity'::timestamptz", ()).fetch::<(Timestamp,)>().await.unwrap_err();
        assert!(infinite.to_string().contains("infinite"), "{infinite}");
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite_stores_what_django_stores() {
    crate::support::on_sqlite(|place| async move {
        let db = place.db().await;
        let id = Uuid::parse_str("0123456789abcdef0123456789ABCDEF").unwrap();
        let stored = |value: Value| {
            let db = db.clone();
            async move {
                let rows: Vec<(String, String)> =
                    db.raw("SELECT typeof(?1), CAST(?1 AS text)", (value,)).fetch().await.unwrap();
                (rows[0].0.clone(), rows[0].1.clone())
            }
        };
        let text = |text: &str| ("text".to_owned(), text.to_owned());
        assert_eq!(stored(moment("2024-02-29T12:34:56Z").into()).await, text("2024-02-29 12:34:56"));
        assert_eq!(stored(moment("2024-02-29T12:34:56.5Z").into()).await, text("2024-02-29 12:34:56.500000"));
        assert_eq!(stored("12:00:00.000001".parse::<Time>().unwrap().into()).await, text("12:00:00.000001"));
        assert_eq!(stored(id.into()).await, text("0123456789abcdef0123456789abcdef"));
        assert_eq!(stored(serde_json::json!({"é": [1.0, null]}).into()).await, text(r#"{"\u00e9": [1.0, null]}"#));
        assert_eq!(stored("12.50".parse::<BigDecimal>().unwrap().into()).await, text("12.50"));
        assert_eq!(stored(Duration::from_micros(-1).into()).await, ("integer".to_owned(), "-1".to_owned()));
        assert_eq!(stored(true.into()).await, ("integer".to_owned(), "1".to_owned()));
        let found: Vec<(bool, Option<bool>)> =
            db.raw("SELECT 'abc' REGEXP '^a.c$', NULL REGEXP 'a'", ()).fetch().await.unwrap();
        assert_eq!(found, [(true, None)]);
        assert!(db.raw("SELECT 'a' REGEXP '('", ()).fetch::<(bool,)>().await.is_err());
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite_has_the_functions_that_django_registers() {
    crate::support::on_sqlite(|place| async move {
        let db = place.db().await;
        // What Django 5.2's functions answer.
        for (call, answer) in [
            ("django_date_extract('week_day', '2024-02-29')", "5"),
            ("django_date_extract('iso_week_day', '2024-03-03')", "7"),
            ("django_date_extract('week_day', '2024-03-03')", "1"),
            ("django_date_extract('week', '2021-01-03')", "53"),
            ("django_date_extract('iso_year', '2021-01-03')", "2020"),
            ("django_date_extract('quarter', '2024-12-31')", "4"),
            ("django_datetime_extract('second', '2024-02-29 12:34:56.789000', 'UTC', 'UTC')", "56"),
            ("django_datetime_extract('year', '2024-02-29T12:34:56', 'UTC', 'UTC')", "NULL"),
            ("django_datetime_extract('year', NULL, 'UTC', 'UTC')", "NULL"),
            ("django_time_extract('minute', '12:34:56.5')", "34"),
            ("django_date_trunc('week', '2024-02-29', NULL, NULL)", "2024-02-26"),
            ("django_date_trunc('quarter', '2024-05-29', NULL, NULL)", "2024-04-01"),
            ("django_datetime_trunc('minute', '2024-02-29 12:34:56.789000', 'UTC', 'UTC')", "2024-02-29 12:34:00"),
            ("django_datetime_trunc('year', '2024-02-29 12:34:56', 'UTC', 'UTC')", "2024-01-01 00:00:00"),
            ("django_time_trunc('hour', '12:34:56', NULL, NULL)", "12:00:00"),
            ("django_datetime_cast_date('2024-02-29 12:34:56', 'UTC', 'UTC')", "2024-02-29"),
            ("django_datetime_cast_time('2024-02-29 12:34:56.5', 'UTC', 'UTC')", "12:34:56.500000"),
            ("django_time_diff('12:00:00', '12:00:01.5')", "-1500000"),
            ("django_timestamp_diff('2024-03-01', '2024-02-28')", "172800000000"),
            ("django_format_dtdelta('+', '2024-02-29 23:59:59', 1500000)", "2024-03-01 00:00:00.500000"),
            ("django_format_dtdelta('-', '2024-03-01', 1)", "2024-03-01"),
            ("django_format_dtdelta('+', -1, '2024-03-01')", "2024-02-29"),
            ("django_format_dtdelta('/', 3, 2)", "1.5"),
            ("POWER(3, 4)", "81.0"),
            ("POWER(2, -1)", "0.5"),
            ("POWER(NULL, 1)", "NULL"),
        ] {
            let sql = format!("SELECT coalesce(CAST({call} AS text), 'NULL')");
            let rows: Vec<(String,)> = db.raw(sql, ()).fetch().await.unwrap();
            assert_eq!(rows[0].0, answer, "{call}");
        }
        let elsewhere =
            db.raw("SELECT django_datetime_extract('hour', '2024-02-29 12:00:00', 'Asia/Tokyo', 'UTC')", ());
        assert!(elsewhere.fetch::<(i64,)>().await.is_err());
    });
}
