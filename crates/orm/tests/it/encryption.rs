//! Encrypted fields: sealed on every way in, opened on every way out, and refused where they mean nothing.

use std::str::FromStr;

use futures_util::TryStreamExt;
use nuages_orm::db::capture;
use nuages_orm::encryption::{Encrypted, EncryptionKey, KeyRing};
use nuages_orm::expr::{count, max, q};
use nuages_orm::fixture::{Dump, Format, Load};
use nuages_orm::query::spec;
use nuages_orm::signal::{Draft, pre_save};
use nuages_orm::{
    BigDecimal, Choices, Date, Db, Decimal, Dialect, Duration, Error, ForeignKey, Json, ManyToMany, Model, Models,
    OneToOne, Result, Schema, Time, Timestamp, Uuid, json, migrate,
};

use crate::support::{Place, on_each_engine};

mod migrations;
mod rotation;
mod through;

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "vault")]
struct Keeper {
    id: i64,
    #[field(max_length = 40)]
    name: String,
    #[field(encrypted = bound)]
    pin: Encrypted<i32>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "vault", ordering = [id])]
struct Note {
    id: i64,
    #[field(max_length = 40, default = "")]
    title: String,
    #[field(blind_index)]
    owner: Encrypted<String>,
    body: Option<Encrypted<String>>,
    #[field(encrypted = bound, default = 0)]
    number: Encrypted<i64>,
    #[field(encrypted = bound, blind_index)]
    extra: Option<Encrypted<Json>>,
    #[field(on_delete = Cascade, related_name = "notes")]
    keeper: Option<ForeignKey<Keeper>>,
    #[field(related_name = "noted")]
    seen_by: ManyToMany<Keeper>,
}

/// A key that is no number, and given by the program.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "vault")]
struct Token {
    #[field(primary_key, max_length = 20)]
    code: String,
    #[field(encrypted = bound)]
    secret: Encrypted<String>,
}

/// Found by something else than its key.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "vault")]
struct Seat {
    id: i64,
    #[field(unique)]
    place: i32,
    #[field(encrypted = bound, blind_index)]
    guest: Encrypted<String>,
    #[field(encrypted = bound)]
    code: Encrypted<String>,
}

/// A key of two columns, of a UUID and a day.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "vault", primary_key = [device, day])]
struct Reading {
    device: Uuid,
    day: Date,
    #[field(encrypted = bound)]
    value: Encrypted<f64>,
}

/// A key that is another row's.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "vault")]
struct Profile {
    #[field(primary_key, on_delete = Cascade, related_name = "profile")]
    keeper: OneToOne<Keeper>,
    #[field(encrypted = bound)]
    address: Encrypted<String>,
}

#[derive(Choices, Debug, Clone, Copy, PartialEq)]
enum Blood {
    #[choice("0", "Zero")]
    Zero,
    #[choice("A", "A")]
    A,
}

/// One of each type.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "vault")]
struct Everything {
    id: i64,
    text: Encrypted<String>,
    bytes: Encrypted<Vec<u8>>,
    yes: Encrypted<bool>,
    small: Encrypted<i16>,
    large: Encrypted<u64>,
    float: Encrypted<f64>,
    decimal: Encrypted<Decimal>,
    wide: Encrypted<BigDecimal>,
    date: Encrypted<Date>,
    time: Encrypted<Time>,
    moment: Encrypted<Timestamp>,
    length: Encrypted<Duration>,
    uuid: Encrypted<Uuid>,
    address: Encrypted<std::net::IpAddr>,
    document: Encrypted<Json>,
    blood: Encrypted<Blood>,
    nothing: Option<Encrypted<Blood>>,
}

fn models() -> Models {
    Models::new()
        .with::<Keeper>()
        .with::<Note>()
        .with::<Token>()
        .with::<Seat>()
        .with::<Reading>()
        .with::<Profile>()
        .with::<Everything>()
}

/// Any key: the same for the same letter.
fn key(letter: char) -> EncryptionKey {
    EncryptionKey::from_str(&format!("{}=", letter.to_string().repeat(43))).unwrap()
}

/// Letters whose last bits are none beyond the 32 bytes.
fn ring(letters: &str) -> KeyRing {
    KeyRing::new(letters.chars().map(key)).unwrap()
}

async fn connect(place: &Place, letters: &str) -> Db {
    Db::builder(&place.url).models(models()).keys(ring(letters)).connect().await.unwrap()
}

async fn vault(place: &Place) -> Db {
    let db = connect(place, "A").await;
    migrate::create_tables(&db).await.unwrap();
    db
}

/// What a column of the notes holds, by the row's key.
async fn stored(db: &Db, column: &str) -> Vec<Option<String>> {
    let rows = db.raw(format!("SELECT {column} FROM vault_note ORDER BY id"), ());
    rows.fetch::<(Option<String>,)>().await.unwrap().into_iter().map(|(text,)| text).collect()
}

fn note() -> NoteBuilder<nuages_orm::model::derived::Given> {
    Note::builder().owner("Ada").body("hush").number(7).extra(Json(json!({"a": 1})))
}

fn shown(error: &Error) -> String {
    format!("{:?}: {error}", error.kind())
}

on_each_engine! {
    async fn every_type_is_read_as_it_was_written(place: Place) {
        let db = &vault(&place).await;
        let made = Everything::builder()
            .text("héllo\n\"")
            .bytes(vec![0, 255, 7])
            .yes(true)
            .small(-5_i16)
            .large(u64::MAX >> 1)
            .float(0.1 + 0.2)
            .decimal(Decimal::new(-1250, 2))
            .wide(BigDecimal::from_str("123456789012345678901234567890.50").unwrap())
            .date(Date::constant(2026, 11, 22))
            .time(Time::constant(13, 5, 0, 1_000))
            .moment(Timestamp::from_str("2026-11-22T13:05:00.000001Z").unwrap())
            .length(Duration::from_micros(-1))
            .uuid(Uuid::from_u128(7))
            .address("2001:db8::1".parse::<std::net::IpAddr>().unwrap())
            .document(Json(json!({"a": [1, "é", null]})))
            .blood(Blood::A)
            .create(db)
            .await
            .unwrap();
        assert_eq!(made.large.expose(), &(u64::MAX >> 1));
        assert_eq!(made.wide.expose().to_string(), "123456789012345678901234567890.50");
        let read = Everything::objects().get(db).await.unwrap();
        assert_eq!(read, made);
        assert_eq!(read.blood.expose(), &Blood::A);
        assert_eq!(read.nothing, None);
        db.close().await;
    }

    async fn rows_written_in_bulk_are_sealed_each_for_itself(place: Place) {
        let db = &vault(&place).await;
        let rows = || (0..450_usize).map(|number| {
            let new = Note::builder().owner(format!("owner {number}")).number(number as i64).body("hush");
            // With keys of their own, and where nothing is bound to the row.
            let new = if number % 3 == 0 { new.id(-1 - number as i64) } else { new };
            if number % 2 == 0 { new.extra(Json(json!(number))) } else { new }
        });
        let (written, sent) = capture(Note::objects().bulk_create(rows()).run(db)).await;
        assert_eq!(written.unwrap(), 450);
        let said = format!("{sent:?} {:?}", sent.iter().map(|query| &query.params).collect::<Vec<_>>());
        assert!(!said.contains("hush") && !said.contains("owner 1"), "{said}");
        let again = (0..450_usize).filter(|number| number % 3 != 0).map(|number| {
            let new = Note::builder().owner(format!("owner {number}")).number(number as i64);
            if number % 2 == 0 { new.extra(Json(json!(number))) } else { new }
        });
        let read = Note::objects().bulk_create(again).returning().run(db).await.unwrap();
        assert_eq!(read.len(), 300);
        let notes = Note::objects().order_by(|n| n.id()).all(db).await.unwrap();
        assert_eq!(notes.len(), 750);
        for note in notes.iter().chain(&read) {
            let number = *note.number.expose();
            assert_eq!(note.owner.expose(), &format!("owner {number}"));
            assert_eq!(note.extra.as_ref().map(|extra| extra.expose().0.clone()), (number % 2 == 0).then(|| json!(number)));
        }
        assert!(read.windows(2).all(|pair| pair[0].number.expose() < pair[1].number.expose()));
        for (column, start) in [("owner", "gAAAA"), ("body", "gAAAA"), ("number", "nuages1."), ("extra", "nuages1.")] {
            assert!(stored(db, column).await.into_iter().flatten().all(|text| text.starts_with(start)), "{column}");
        }
        // By their blind indexes.
        assert_eq!(Note::objects().filter(|n| n.owner().eq("owner 7")).count(db).await.unwrap(), 2);
        assert_eq!(Note::objects().filter(|n| n.extra().eq(Json(json!(4)))).count(db).await.unwrap(), 2);

        // Each for its key again.
        let mut notes = notes;
        for note in &mut notes {
            note.owner = Encrypted::new(format!("new {}", note.id));
            note.number = Encrypted::new(note.id);
            note.body = None;
        }
        let update = Note::objects().bulk_update(&notes, |n| (n.owner(), n.number(), n.body())).run(db);
        let (written, sent) = capture(update).await;
        assert_eq!(written.unwrap(), 750);
        assert!(!format!("{:?}", sent.iter().map(|query| &query.params).collect::<Vec<_>>()).contains("new "));
        for note in Note::objects().all(db).await.unwrap() {
            assert_eq!((note.owner.expose(), note.number.expose()), (&format!("new {}", note.id), &note.id));
        }
        assert_eq!(Note::objects().filter(|n| n.owner().eq(format!("new {}", notes[5].id))).count(db).await.unwrap(), 1);
        assert_eq!(stored(db, "body").await, vec![None; 750]);

        // Where a row is there, for its key and not for that of the new one.
        let seats = |from: i64| (from..from + 3).map(move |number| {
            Seat::builder().id(1_000 + number).place(number as i32).guest(format!("guest {number}")).code(format!("code {from}"))
        });
        let first = Seat::objects().bulk_create((0..2).map(|number| Seat::builder().place(number).guest("old").code("old")));
        let first = first.returning().run(db).await.unwrap();
        let upsert = Seat::objects().bulk_upsert(seats(1)).unique_by(|s| s.place()).update(|s| s.guest());
        let rows = upsert.returning().run(db).await.unwrap();
        assert_eq!(rows.iter().map(nuages_orm::query::Upserted::is_inserted).collect::<Vec<_>>(), [false, true, true]);
        let seat = rows[0].row();
        assert_eq!((seat.id, seat.guest.expose().as_str(), seat.code.expose().as_str()), (first[1].id, "guest 1", "old"));
        let counts = Seat::objects().bulk_upsert(seats(2)).unique_by(|s| s.place()).update(|s| (s.guest(), s.code())).run(db);
        let counts = counts.await.unwrap();
        assert_eq!((counts.inserted, counts.updated), (1, 2));
        let seats = Seat::objects().order_by(|s| s.place()).all(db).await.unwrap();
        let codes: Vec<&str> = seats.iter().map(|seat| seat.code.expose().as_str()).collect();
        assert_eq!(codes, ["old", "old", "code 2", "code 2", "code 2"]);
        assert_eq!(Seat::objects().filter(|s| s.guest().eq("guest 3")).get(db).await.unwrap().place, 3);

        // Keys that are given, of one column and of two.
        let tokens = (0..3).map(|number| Token::builder().code(number.to_string()).secret(format!("s{number}")));
        Token::objects().bulk_create(tokens).run(db).await.unwrap();
        assert_eq!(Token::objects().filter(|t| t.code().eq("2")).get(db).await.unwrap().secret.expose(), "s2");
        let day = Date::constant(2026, 11, 22);
        let reading = Reading::builder().device(Uuid::from_u128(1)).day(day).value(0.5);
        assert_eq!(Reading::objects().bulk_create([reading]).returning().run(db).await.unwrap()[0].value.expose(), &0.5);
    }

    async fn each_way_of_writing_seals(place: Place) {
        let db = &vault(&place).await;
        // One by one, with a key that the database gives, and with one that is given.
        let (made, sent) = capture(note().create(db)).await;
        let mut made = made.unwrap();
        let given = Note::builder().owner("Bob").create(db).await.unwrap();
        assert_eq!((made.number.expose(), given.number.expose()), (&7, &0));
        let written = format!("{sent:?} {:?}", sent.iter().map(|query| &query.params).collect::<Vec<_>>());
        assert!(!written.contains("Ada") && !written.contains("hush"), "{written}");
        for (column, start) in [("owner", "gAAAA"), ("body", "gAAAA"), ("number", "nuages1."), ("extra", "nuages1.")] {
            for text in stored(db, column).await.into_iter().flatten() {
                assert!(text.starts_with(start), "{column}: {text}");
            }
        }
        assert_eq!(stored(db, "body").await[1], None);
        // Saving, of a row that is there and of a new one.
        made.body = Some("louder".into());
        made.number = 8.into();
        made.save(db).await.unwrap();
        let mut fresh = Note { id: 0, number: 9.into(), ..made.clone() };
        fresh.save(db).await.unwrap();
        assert!(fresh.id > given.id);
        fresh.extra = None;
        fresh.number = 10.into();
        fresh.save_fields(db, |n| (n.extra(), n.number())).await.unwrap();
        let numbers = |notes: Vec<Note>| notes.iter().map(|note| *note.number.expose()).collect::<Vec<_>>();
        let all = Note::objects().all(db).await.unwrap();
        assert_eq!(all[0].body, Some("louder".into()));
        assert_eq!(all[2].extra, None);
        assert_eq!(numbers(all), [8, 0, 10]);
        // Many at once: a token for all, what is bound for each.
        let changed = Note::objects()
            .filter(|n| n.owner().eq("Ada"))
            .update(db, |n| (n.number().set(11), n.body().set("same"), n.title().set("t"), n.extra().set_null()))
            .await
            .unwrap();
        assert_eq!(changed, 2);
        let all = Note::objects().all(db).await.unwrap();
        assert_eq!((all[0].title.as_str(), &all[0].body, &all[0].extra), ("t", &Some("same".into()), &None));
        assert_eq!(numbers(all), [11, 0, 11]);
        let sealed = stored(db, "number").await;
        assert_ne!(sealed[0], sealed[2]);
        // Or made if need be.
        let find = || Note::objects().filter(|n| n.owner().eq("Eve"));
        let (eve, fresh) = find().get_or_create(db, Note::builder().owner("Eve").number(1)).await.unwrap();
        assert!(fresh);
        let (again, fresh) =
            find().update_or_create(db, |n| n.number().set(2), Note::builder().owner("Eve")).await.unwrap();
        assert_eq!((again.id, fresh, again.number.expose()), (eve.id, false, &2));
        db.close().await;
    }

    async fn rows_are_bound_to_keys_of_any_kind(place: Place) {
        let db = &vault(&place).await;
        let (_, sent) = capture(Token::builder().code("a b").secret("x").create(db)).await;
        assert_eq!(sent.len(), 1, "the key is given, so one statement does: {sent:?}");
        assert_eq!(Token::objects().get(db).await.unwrap().secret.expose(), "x");
        let device = Uuid::from_u128(5);
        for day in 1..=3 {
            let day = Date::constant(2026, 1, day);
            Reading::builder().device(device).day(day).value(f64::from(day.day())).create(db).await.unwrap();
        }
        let readings = || Reading::objects().order_by(|r| r.day().asc());
        let values = |all: Vec<Reading>| all.iter().map(|reading| *reading.value.expose()).collect::<Vec<_>>();
        assert_eq!(values(readings().all(db).await.unwrap()), [1.0, 2.0, 3.0]);
        let later = Reading::objects().filter(|r| r.day().gt(Date::constant(2026, 1, 1)));
        assert_eq!(later.update(db, |r| r.value().set(9.0)).await.unwrap(), 2);
        assert_eq!(values(readings().all(db).await.unwrap()), [1.0, 9.0, 9.0]);
        let ada = Keeper::builder().name("Ada").pin(1234).create(db).await.unwrap();
        Profile::builder().keeper(&ada).address("here").create(db).await.unwrap();
        assert_eq!(Profile::objects().get(db).await.unwrap().address.expose(), "here");
        // What rows are bound to stays as it is.
        let error = Token::objects().update(db, |t| t.code().set("b")).await.unwrap_err();
        assert_eq!(
            shown(&error),
            "Unsupported: vault.Token.code: is what `secret` of the row is sealed with, so it stays as it is"
        );
        db.close().await;
    }

    async fn each_way_of_reading_opens(place: Place) {
        let db = &vault(&place).await;
        let ada = Keeper::builder().name("Ada").pin(1234).create(db).await.unwrap();
        let made = note().keeper(&ada).create(db).await.unwrap();
        made.seen_by.add(db, [ada.id]).await.unwrap();
        Note::builder().owner("Bob").create(db).await.unwrap();
        let first = || Note::objects().filter(|n| n.id().eq(made.id));
        assert_eq!(first().get(db).await.unwrap(), made);
        assert_eq!(Note::objects().first(db).await.unwrap().unwrap(), made);
        let streamed: Vec<Note> = Note::objects().stream_in_chunks(db, 1).try_collect().await.unwrap();
        assert_eq!(streamed[0], made);
        let mut again = Note { body: None, ..made.clone() };
        again.refresh(db).await.unwrap();
        assert_eq!(again, made);
        // Over relations.
        let with_keeper = Note::objects().select_related(|n| n.keeper()).all(db).await.unwrap();
        assert_eq!(with_keeper[0].keeper.as_ref().unwrap().get().unwrap().pin.expose(), &1234);
        assert_eq!(with_keeper[1].keeper, None);
        let annotated = Note::objects().annotate(|n| n.keeper()).all(db).await.unwrap();
        assert_eq!(annotated[0].1.as_ref().unwrap().pin.expose(), &1234);
        assert_eq!((annotated[0].0.number.expose(), annotated[1].1.as_ref()), (&7, None));
        let prefetched = Keeper::objects().prefetch(|k| k.notes()).all(db).await.unwrap();
        assert_eq!(prefetched[0].1, std::slice::from_ref(&made));
        assert_eq!(made.seen_by.objects().unwrap().get(db).await.unwrap(), ada);
        let bulk = Note::objects().in_bulk(db, &[made.id]).await.unwrap();
        assert_eq!(bulk[&made.id], made);
        // Some columns.
        let owners = Note::objects().values(|n| n.owner()).all(db).await.unwrap();
        assert_eq!(owners[1].expose(), "Bob");
        let bodies: Vec<(i64, Option<Encrypted<String>>, Encrypted<i64>)> =
            Note::objects().values(|n| (n.id(), n.body(), n.number())).all(db).await.unwrap();
        assert_eq!(bodies[0], (made.id, Some("hush".into()), 7.into()));
        let pins = Note::objects().values(|n| (n.keeper_id(), n.keeper().pin())).order_by(|n| n.id().asc()).all(db).await;
        assert_eq!(pins.unwrap()[0], (Some(ada.id), Some(1234.into())));
        // Columns in any order, by hand.
        let rows = db.raw("SELECT keeper_id, extra, extra_bidx, owner_bidx, number, body, owner, title, id FROM vault_note ORDER BY id", ());
        assert_eq!(rows.fetch_models::<Note>().await.unwrap()[0], made);
        // Distinct, grouped and united, where the key tells rows apart.
        assert_eq!(Note::objects().distinct().all(db).await.unwrap().len(), 2);
        assert_eq!(Note::objects().distinct().count(db).await.unwrap(), 2);
        assert_eq!(Note::objects().limit(1).count(db).await.unwrap(), 1);
        let counted = Note::objects().annotate(|n| count(n.seen_by().id())).order_by(|n| n.id().asc());
        let counted = counted.all(db).await.unwrap();
        assert_eq!((counted[0].0.number.expose(), counted[0].1, counted[1].1), (&7, 1, 0));
        let both = first().union(Note::objects().filter(|n| n.owner().eq("Bob")));
        assert_eq!(both.all(db).await.unwrap().len(), 2);
        db.close().await;
    }

    async fn what_ciphertext_cannot_tell_is_refused(place: Place) {
        let db = &vault(&place).await;
        note().create(db).await.unwrap();
        let encrypted = "is encrypted: the database cannot compute with it, order or group by it, or tell whether two are \
                         alike; select it as it is";
        let field = |name: &str| format!("Field: vault.Note.{name}: {encrypted}");
        let refused = async |outcome: Result<String>, expected: &str| {
            assert_eq!(shown(&outcome.expect_err("refused")), expected);
        };
        let texts = |rows: Vec<Note>| format!("{rows:?}");
        let ordered = Note::objects().order_by(|n| n.owner().asc());
        refused(ordered.all(db).await.map(texts), &field("owner")).await;
        refused(Note::objects().filter(|n| q("title__iexact", "x") & n.owner().gt("x")).all(db).await.map(texts),
            "Field: vault.Note.owner: is encrypted, so there is no lookup `gt`: it has `isnull`, and `exact` and `in` through \
             its blind index").await;
        for (lookup, name) in [("body", "exact"), ("body__icontains", "icontains"), ("body__year", "year")] {
            let found = Note::objects().filter(|_| q(lookup, "x")).all(db).await.map(texts);
            refused(found, &format!("Field: vault.Note.body: is encrypted, so there is no lookup `{name}`: it has `isnull` \
                alone; for `exact` and `in`, add `#[field(blind_index)]`")).await;
        }
        let equal = Note::objects().filter(|n| n.body().eq(n.owner())).all(db).await.map(texts);
        assert!(shown(&equal.unwrap_err()).contains("no lookup `exact`"));
        let equal = Note::objects().filter(|n| n.owner().eq(n.body())).all(db).await.map(texts);
        assert!(shown(&equal.unwrap_err()).contains("is compared with values alone"));
        let alike = Note::objects().values(|n| n.owner()).distinct().all(db).await.map(|rows| format!("{rows:?}"));
        refused(alike, &field("owner")).await;
        let grouped = Note::objects().values(|n| (n.owner(), count(n.id()))).all(db).await.map(|rows| format!("{rows:?}"));
        refused(grouped, &field("owner")).await;
        let greatest = Note::objects().aggregate(db, |n| max(n.owner())).await.map(|row| format!("{row:?}"));
        refused(greatest, &field("owner")).await;
        let counted = Note::objects().aggregate(db, |n| count(n.body())).await.map(|row| format!("{row:?}"));
        refused(counted, &field("body")).await;
        let united = Note::objects().values(|n| n.owner()).union(Note::objects().values(|n| n.owner()));
        refused(united.all(db).await.map(|rows| format!("{rows:?}")), &field("owner")).await;
        let mixed = Note::objects().values(|n| (n.id(), n.owner()));
        let mixed = mixed.union_all(Profile::objects().values(|p| (p.keeper_id(), p.address())));
        let text = "Field: vault.Note.owner: is encrypted, and in another part of the union stands what is not, or is \
                    another field's";
        refused(mixed.all(db).await.map(|rows| format!("{rows:?}")), text).await;
        // What is bound to a row is opened beside its key.
        let alone = Note::objects().values(|n| n.number()).all(db).await.map(|rows| format!("{rows:?}"));
        refused(alone, "Unsupported: vault.Note.number: is bound to its row, and only opened beside the row's key: select \
            `id` too, or fetch the model").await;
        // What is set is sealed by the program, so no expression will do.
        let set = Note::objects().update(db, |n| n.body().set(n.owner())).await.map(|rows| rows.to_string());
        refused(set, "Type: vault.Note.body: can only be set to a value: the database cannot encrypt what an expression \
            gives").await;
        // Without its model, a column is what it is.
        let raw = db.raw("SELECT body FROM vault_note", ()).fetch::<(Encrypted<String>,)>().await;
        assert_eq!(shown(&raw.unwrap_err()), "Type: column 1: cannot be opened, since nothing says which field it is of: \
            fetch the model, or read it as a `String` for the ciphertext");
        db.close().await;
    }

    async fn a_missing_or_wrong_key_is_named_and_nothing_is_shown(place: Place) {
        let db = &vault(&place).await;
        let keeper = Keeper::builder().name("Ada").pin(1234).create(db).await.unwrap();
        note().keeper(&keeper).create(db).await.unwrap();
        let without = Db::connect(&place.url, models()).await.unwrap_err();
        assert_eq!(
            shown(&without),
            "Configuration: vault.Keeper.pin: is encrypted, but there are no keys: set ENCRYPTION_KEYS, or give them with \
             `Db::builder(url).keys(ring)`"
        );
        let other = &connect(&place, "E").await;
        let (old, new) = (key('A').id(), key('E').id());
        let error = Note::objects().get(other).await.unwrap_err();
        assert_eq!(
            shown(&error),
            format!(
                "Decode: vault.Note.owner of row 1: is opened by none of the keys {new}: it was sealed with another one, or \
                 altered"
            )
        );
        let error = Keeper::objects().get(other).await.unwrap_err();
        let text = format!("was sealed with the key {old}, which is not among the keys {new}");
        assert_eq!(shown(&error), format!("Decode: vault.Keeper.pin of row 1: {text}"));
        assert_eq!((error.model(), error.field(), error.row()), (Some("vault.Keeper"), Some("pin"), Some("1")));
        let error = Note::objects().select_related(|n| n.keeper()).values(|n| (n.keeper().id(), n.keeper().pin()));
        let error = error.all(other).await.unwrap_err();
        assert_eq!(shown(&error), format!("Decode: vault.Keeper.pin of row 1: {text}"));
        // With both keys, all is well; and a row that is saved is the newest key's.
        let both = &connect(&place, "EA").await;
        let mut note = Note::objects().get(both).await.unwrap();
        assert_eq!(note.owner.expose(), "Ada");
        note.save(both).await.unwrap();
        assert_eq!(Note::objects().get(other).await.unwrap(), note);
        for db in [db, other, both] {
            db.close().await;
        }
    }

    async fn what_was_altered_or_moved_is_refused(place: Place) {
        let db = &vault(&place).await;
        for number in [1, 2] {
            Note::builder().owner("Ada").body("hush").number(number).extra(Json(json!(number))).create(db).await.unwrap();
        }
        let set = async |column: &str, id: i64, to: &str| {
            let sql = format!("UPDATE vault_note SET {column} = {to} WHERE id = {id}");
            db.raw(sql, ()).execute().await.unwrap();
        };
        let id = key('A').id();
        let read = async |expected: &str| {
            let error = Note::objects().filter(|n| n.id().eq(2)).get(db).await.unwrap_err();
            assert_eq!(shown(&error), format!("Decode: vault.Note.{expected}"));
        };
        let misplaced = format!("was sealed with the key {id}, but for another place, or it was altered");
        let before = stored(db, "number").await[1].clone().unwrap();
        // To another row, to another column, to another table.
        set("number", 2, "(SELECT number FROM vault_note WHERE id = 1)").await;
        read(&format!("number of row 2: {misplaced}")).await;
        set("number", 2, "(SELECT extra FROM vault_note WHERE id = 2)").await;
        read(&format!("number of row 2: {misplaced}")).await;
        Keeper::builder().name("x").pin(1).create(db).await.unwrap();
        Keeper::builder().name("y").pin(2).create(db).await.unwrap();
        set("number", 2, "(SELECT pin FROM vault_keeper WHERE id = 2)").await;
        read(&format!("number of row 2: {misplaced}")).await;
        // Altered, cut, in clear, empty, of the other sort.
        for (bad, text) in [
            (before.replace("nuages1.", "nuages2."), "is not sealed for its place: such texts begin with `nuages1.`"),
            (before[..30].to_owned(), "is not sealed for its place: such texts begin with `nuages1.`"),
            (format!("{}AAAA", &before[..before.len() - 4]), misplaced.as_str()),
            (stored(db, "body").await[1].clone().unwrap(), "is not sealed for its place: such texts begin with `nuages1.`"),
            ("7".to_owned(), "is not sealed for its place: such texts begin with `nuages1.`"),
            (String::new(), "is not sealed for its place: such texts begin with `nuages1.`"),
        ] {
            set("number", 2, &format!("'{bad}'")).await;
            read(&format!("number of row 2: {text}")).await;
        }
        set("number", 2, &format!("'{before}'")).await;
        let token = stored(db, "body").await[1].clone().unwrap();
        for bad in ["hush", "", &token[..40], &token.replace("gAAAA", "gBAAA"), before.as_str()] {
            set("body", 2, &format!("'{bad}'")).await;
            let error = Note::objects().filter(|n| n.id().eq(2)).get(db).await.unwrap_err();
            assert!(shown(&error).starts_with("Decode: vault.Note.body of row 2: is "), "{error}");
        }
        // A token is for no place: the mode for that is the other.
        set("body", 2, "(SELECT owner FROM vault_note WHERE id = 1)").await;
        let note = Note::objects().filter(|n| n.id().eq(2)).get(db).await.unwrap();
        assert_eq!(note.body.unwrap().expose(), "Ada");
        db.close().await;
    }

    async fn a_blind_index_finds_equal_values(place: Place) {
        let db = &vault(&place).await;
        let ada = Keeper::builder().name("Ada").pin(1).create(db).await.unwrap();
        for (owner, extra) in [("Ada", Some(json!(1))), ("ada", None), ("Ada", Some(json!({"b": [1]})))] {
            Note::builder().owner(owner).extra(extra.map(Json)).keeper(&ada).create(db).await.unwrap();
        }
        let ids = async |db: &Db, found: nuages_orm::QuerySet<Note>| -> Vec<i64> {
            found.values(|n| n.id()).order_by(|n| n.id().asc()).all(db).await.unwrap()
        };
        let notes = Note::objects;
        assert_eq!(ids(db, notes().filter(|n| n.owner().eq("Ada"))).await, [1, 3]);
        assert_eq!(ids(db, notes().filter(|n| n.owner().eq(Encrypted::new("ada".to_owned())))).await, [2]);
        assert_eq!(ids(db, notes().filter(|n| n.owner().ne("Ada"))).await, [2]);
        assert_eq!(ids(db, notes().exclude(|n| n.owner().in_(["ada", "x"]))).await, [1, 3]);
        assert_eq!(ids(db, notes().filter(|n| n.owner().in_(Vec::<String>::new()))).await, [0_i64; 0]);
        assert_eq!(ids(db, notes().filter(|n| n.extra().eq(Json(json!({"b": [1]}))))).await, [3]);
        assert_eq!(ids(db, notes().filter(|n| n.extra().ne(Json(json!(1))))).await, [2, 3]);
        assert_eq!(ids(db, notes().filter(|n| n.extra().is_null())).await, [2]);
        assert_eq!(ids(db, notes().filter(|n| n.body().is_not_null())).await, [0_i64; 0]);
        // By Django's names, and over relations.
        for (lookup, value, expected) in [
            ("owner", json!("Ada"), vec![1, 3]),
            ("owner__exact", json!("ada"), vec![2]),
            ("owner__in", json!(["Ada", "ada"]), vec![1, 2, 3]),
            ("owner__isnull", json!(true), vec![]),
            ("extra", json!(1), vec![1]),
            ("extra", json!(null), vec![2]),
        ] {
            let asked = json!({"model": "vault.Note", "filter": {lookup: value}, "values": ["id"], "order_by": ["id"]});
            let rows: Vec<Vec<i64>> = serde_json::from_value(spec::answer(db, &asked).await).unwrap();
            assert_eq!(rows.concat(), expected, "{asked}");
        }
        let keepers = Keeper::objects().filter(|k| k.notes().owner().eq("ada"));
        assert_eq!(keepers.count(db).await.unwrap(), 1);
        let keepers = Keeper::objects().exclude(|k| k.notes().owner().eq("ada"));
        assert_eq!(keepers.count(db).await.unwrap(), 0);
        // Two columns of the same value have nothing in common, and equal values of one column have.
        let digests: Vec<(Vec<u8>, Option<Vec<u8>>)> =
            db.raw("SELECT owner_bidx, extra_bidx FROM vault_note ORDER BY id", ()).fetch().await.unwrap();
        assert_eq!(digests[0].0, digests[2].0);
        assert!(digests[0].0 != digests[1].0 && digests[0].0.len() == 32 && digests[1].1.is_none());
        // After a new key, under the old one and the new one.
        let both = &connect(&place, "EA").await;
        Note::builder().owner("Ada").create(both).await.unwrap();
        assert_eq!(ids(both, notes().filter(|n| n.owner().eq("Ada"))).await, [1, 3, 4]);
        assert_eq!(ids(both, notes().filter(|n| n.owner().ne("Ada"))).await, [2]);
        assert_eq!(ids(db, notes().filter(|n| n.owner().eq("Ada"))).await, [1, 3]);
        db.close().await;
        both.close().await;
    }

    async fn each_way_of_writing_keeps_the_blind_index(place: Place) {
        let db = &vault(&place).await;
        let found = async |owner: &str| Note::objects().filter(|n| n.owner().eq(owner)).count(db).await.unwrap();
        let mut note = Note::builder().owner("a").create(db).await.unwrap();
        assert_eq!(found("a").await, 1);
        note.owner = "b".into();
        note.save(db).await.unwrap();
        assert_eq!((found("a").await, found("b").await), (0, 1));
        note.owner = "c".into();
        note.save_fields(db, |n| n.owner()).await.unwrap();
        assert_eq!((found("b").await, found("c").await), (0, 1));
        Note::objects().update(db, |n| (n.owner().set("d"), n.extra().set(Json(json!(5))))).await.unwrap();
        assert_eq!((found("c").await, found("d").await), (0, 1));
        assert_eq!(Note::objects().filter(|n| n.extra().eq(Json(json!(5)))).count(db).await.unwrap(), 1);
        Note::objects().update(db, |n| n.extra().set_null()).await.unwrap();
        let digests: Vec<(Option<Vec<u8>>,)> = db.raw("SELECT extra_bidx FROM vault_note", ()).fetch().await.unwrap();
        assert_eq!(digests, [(None,)]);
        let mut copy = Note { id: 0, owner: "e".into(), ..note.clone() };
        copy.save(db).await.unwrap();
        assert_eq!(found("e").await, 1);
        // Nobody else sets it.
        let spec = json!({"model": "vault.Note", "values": ["owner", "number", "extra"]});
        let shown_row = json!(["<encrypted>", "<encrypted>", null]);
        let error = spec::answer(db, &spec).await;
        assert_eq!(error, json!({"error": "DatabaseError"}), "bound, without the key");
        let spec = json!({"model": "vault.Note", "values": ["owner", "number", "extra", "id"], "limit": 1});
        let answer = spec::answer(db, &spec).await;
        assert_eq!(answer[0].as_array().unwrap()[..3], shown_row.as_array().unwrap()[..]);
        db.close().await;
    }

    async fn fixtures_hold_ciphertext_and_nothing_else(place: Place) {
        let db = &vault(&place).await;
        let keeper = Keeper::builder().name("Ada").pin(1234).create(db).await.unwrap();
        let made = note().keeper(&keeper).create(db).await.unwrap();
        let dump = async |natural: bool| {
            let mut out = Vec::new();
            Dump::new().format(Format::JsonLines).natural_primary(natural).write(db, &mut out).await.unwrap();
            String::from_utf8(out).unwrap()
        };
        let text = dump(false).await;
        assert!(text.contains("\"owner\": \"gAAAA") && text.contains("\"owner_bidx\": \"") && !text.contains("hush"), "{text}");
        let load = async |db: &Db, text: &str| {
            Load::new().reader("vault", Format::JsonLines, text.as_bytes()).run(db).await.map(|loaded| loaded.objects)
        };
        // Into another database, under the same keys or with the old one beside the new.
        let other_place = place.another().await;
        let other = &connect(&other_place, "EA").await;
        migrate::create_tables(other).await.unwrap();
        assert_eq!(load(other, &text).await.unwrap(), 2);
        assert_eq!(Note::objects().filter(|n| n.owner().eq("Ada")).get(other).await.unwrap(), made);
        // The index is that of the newest key, whatever the file says.
        let newest = &connect(&other_place, "E").await;
        assert_eq!(Note::objects().filter(|n| n.owner().eq("Ada")).count(newest).await.unwrap(), 1);
        // What nobody could read is not loaded.
        let bad = text.replace("\"owner\": \"gAAAA", "\"owner\": \"hAAAA");
        let error = load(other, &bad).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "vault, object 2: vault.Note.owner: plaintext is given as `Encrypted::new(…)`, other text must be ciphertext; \
             this is not a Fernet token"
        );
        let moved = text.replace("\"pk\": 1,\"fields\": {\"name\"", "\"pk\": 2,\"fields\": {\"name\"");
        assert!(moved != text, "{text}");
        let error = load(other, &moved).await.unwrap_err();
        assert!(error.to_string().contains("vault.Keeper.pin: ") && error.to_string().contains("another place"), "{error}");
        let keyless = r#"{"model": "vault.keeper", "fields": {"name": "x", "pin": "PIN"}}"#;
        let pin: Vec<(String,)> = db.raw("SELECT pin FROM vault_keeper", ()).fetch().await.unwrap();
        let error = load(other, &keyless.replace("PIN", &pin[0].0)).await.unwrap_err();
        assert!(error.to_string().contains("can only be written to one whose key is given"), "{error}");
        let plain = r#"{"model": "vault.note", "pk": 9, "fields": {"owner": "in clear"}}"#;
        let error = load(other, plain).await.unwrap_err();
        assert!(error.to_string().contains("must be ciphertext") && !error.to_string().contains("in clear"), "{error}");
        // A default is sealed like any other value.
        let defaults = format!(
            r#"{{"model": "vault.note", "pk": 9, "fields": {{"owner": {:?}}}}}"#,
            stored(db, "owner").await[0].clone().unwrap()
        );
        assert_eq!(load(other, &defaults).await.unwrap(), 1);
        assert_eq!(Note::objects().filter(|n| n.id().eq(9)).get(other).await.unwrap().number.expose(), &0);
        for db in [db, other, newest] {
            db.close().await;
        }
        other_place.drop().await;
    }

    async fn two_rings_live_side_by_side(place: Place) {
        let one = &vault(&place).await;
        let other_place = place.another().await;
        let two = &connect(&other_place, "E").await;
        migrate::create_tables(two).await.unwrap();
        note().create(one).await.unwrap();
        note().create(two).await.unwrap();
        for db in [one, two] {
            assert_eq!(Note::objects().filter(|n| n.owner().eq("Ada")).get(db).await.unwrap().number.expose(), &7);
        }
        one.close().await;
        two.close().await;
        other_place.drop().await;
    }

    async fn receivers_see_what_is_to_be_encrypted_and_change_it(place: Place) {
        async fn shout(_: &Db, note: &mut Draft<Note>) -> Result<()> {
            let (owner, extra) = note.get(|n| (n.owner(), n.extra()))?;
            assert!(extra.is_none() || extra == Some(Json(json!({"a": 1})).into()));
            note.set(|n| n.owner().set(owner.expose().to_uppercase()))
        }
        let db = Db::builder(&place.url).models(models()).keys(ring("A")).receivers([pre_save::<Note>(shout)]);
        let db = &db.connect().await.unwrap();
        migrate::create_tables(db).await.unwrap();
        let mut made = note().create(db).await.unwrap();
        assert_eq!((made.owner.expose().as_str(), made.number.expose()), ("ADA", &7));
        made.owner = "bob".into();
        made.save(db).await.unwrap();
        assert_eq!(Note::objects().filter(|n| n.owner().eq("BOB")).get(db).await.unwrap(), made);
        made.owner = "eve".into();
        made.save_fields(db, |n| n.owner()).await.unwrap();
        assert_eq!(made.owner.expose(), "EVE");
        let all = Note::objects().with_signals();
        all.update(db, |n| (n.owner().set("dan"), n.number().set(3))).await.unwrap();
        let read = Note::objects().filter(|n| n.owner().eq("DAN")).get(db).await.unwrap();
        assert_eq!(read.number.expose(), &3);
        db.close().await;
    }

    async fn nothing_is_left_of_a_row_that_could_not_be_sealed_whole(place: Place) {
        let db = &vault(&place).await;
        // The key is known only after the insert; then the row is refused.
        let failed = db
            .atomic(async |db: &Db| {
                note().create(db).await?;
                Err::<(), Error>(Error::new(nuages_orm::ErrorKind::Value, "changed my mind"))
            })
            .await;
        assert!(failed.is_err());
        assert_eq!(Note::objects().count(db).await.unwrap(), 0);
        let (made, sent) = capture(note().create(db)).await;
        made.unwrap();
        assert_eq!(sent.len(), 2, "{sent:?}");
        assert!(sent[0].sql.starts_with("INSERT") && sent[1].sql.starts_with("UPDATE"), "{sent:?}");
        db.close().await;
    }
}

#[test]
fn what_is_to_be_encrypted_is_never_shown() {
    let builder = note().build();
    let query = Note::objects().filter(|n| n.owner().eq("Ada"));
    let made = Note::objects().filter(|n| n.extra().in_([Json(json!("hush"))]));
    let text = format!("{builder:?} {query:?} {made:?} {:?} {:?}", Encrypted::new("hush"), ring("A"));
    assert!(!text.contains("Ada") && !text.contains("hush") && !text.contains("AAAA"), "{text}");
    assert!(text.contains("Plaintext(…)") && text.contains("Encrypted(…)"), "{text}");
}

#[test]
fn models_that_ask_of_ciphertext_what_it_cannot_do_are_refused_at_start() {
    use nuages_orm::migrate::*;
    let secret = || Field::new("secret", Kind::Encrypted { sealing: Sealing::Fernet, holds: &Kind::Text });
    let model = |field: Field| {
        ModelDef::new("vault", "Bad").field(Field::new("id", Kind::BigAuto)).field(field).primary_key("id")
    };
    let problem = |model: ModelDef| {
        let models = Models::new().with_definition(model);
        Schema::new(&models, Dialect::Sqlite).unwrap_err().to_string()
    };
    for (bad, what) in [
        (model(secret().unique(true)), "is unique"),
        (model(secret().index(true)), "has an index"),
        (model(secret()).index(Index::new(vec![OrderBy::asc(Node::path("secret"))])), "has an index"),
        (model(secret()).unique(Unique::new("u", ["secret", "id"])), "is in a unique constraint"),
        (model(secret()).unique_together(["id", "secret"]), "is in `unique_together`"),
        (model(secret()).order_by(OrderBy::desc(Node::path("secret"))), "is in the ordering"),
        (model(secret().db_default(DatabaseDefault::Value(Value::Text("x".into())))), "has a default in the database"),
        (ModelDef::new("vault", "Bad").field(secret()).primary_key("secret"), "is the primary key, or part of it"),
    ] {
        assert_eq!(
            problem(bad),
            format!(
                "vault.Bad.secret: {what}, but what is stored is ciphertext, of which no two are alike; take that away, and \
                 for finding equal values add `#[field(blind_index)]`"
            )
        );
    }
    assert_eq!(
        problem(model(Field::blind_index("x_bidx", "id"))),
        "vault.Bad.x_bidx: is the blind index of `id`, which is no encrypted field of the model"
    );
}
