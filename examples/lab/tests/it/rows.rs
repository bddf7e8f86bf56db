//! Every model of the lab written and read through its struct, on both engines.

use ::lab::contrib::{Group, User};
use ::lab::lab::{OneToOne, *};
use ::lab::migrations::{auth, contenttypes, lab, shop};
use nuages::migrate::{self, Migrator};
use nuages::orm::ErrorKind;
use nuages::prelude::*;

use crate::oracle::Database;

/// The database with the lab's tables in it.
pub(crate) async fn migrated(place: &Database) -> Db {
    let models = ::lab::contrib_models().and(::lab::lab_models()).and(::lab::shop_models());
    let history = [contenttypes::all(), auth::all(), lab::all(), shop::all()].concat();
    let db = Db::connect(&place.url, models).await.unwrap();
    Migrator::new(&db, history).unwrap().migrate(&migrate::Target::All, |_| {}).await.unwrap();
    db
}

/// A migrated database of each engine that is there.
pub(crate) async fn databases(name: &str) -> Vec<(Database, Db)> {
    let mut databases = Vec::new();
    for place in [Some(Database::sqlite(name)), Database::postgres(name)].into_iter().flatten() {
        let db = migrated(&place).await;
        databases.push((place, db));
    }
    databases
}

/// Writes a row with `v` and perhaps `n`, and asserts that it is read as it was written.
macro_rules! round_trip {
    ($db:expr, $($model:ident: $([$v:expr $(, $n:expr)?])+;)*) => {$($(
        let written = $model::builder().v($v)$(.n($n))?.create($db).await.unwrap();
        assert_eq!(written.v, $v, "{} as written", $model::LABEL);
        let read = $model::objects().filter(|m| m.id().eq(written.id)).get($db).await.unwrap();
        assert_eq!(read, written, "{} as read", $model::LABEL);
        assert_eq!($model::objects().filter(|m| m.v().eq($v) & m.id().eq(written.id)).count($db).await.unwrap(), 1);
    )+)*};
}

#[tokio::test]
async fn every_kind_of_column_is_read_as_it_was_written() {
    for (_place, db) in databases("rows_kinds").await {
        let db = &db;
        let text = String::from("Ærø % _ ' \" \\ 雲");
        round_trip! { db,
            TBigInteger: [i64::MIN] [i64::MAX, 7];
            TBinary: [vec![0, 255, 39]] [Vec::<u8>::new(), vec![1]];
            TBoolean: [true] [false, true];
            TChar: [text.clone()] [String::new(), "n"];
            TCharUnlimited: [text.repeat(100)];
            TDate: [Date::constant(1, 1, 1)] [Date::constant(9999, 12, 31), Date::constant(2024, 2, 29)];
            TDateTime: [Timestamp::constant(0, 1_000)] [Timestamp::constant(1_709_251_199, 999_999_000), Timestamp::UNIX_EPOCH];
            TDecimal: ["-12345678.9012".parse::<Decimal>().unwrap(), "0.5000000000".parse::<BigDecimal>().unwrap()];
            TDuration: [Duration::from_micros(-1)] [Duration::from_hours(24 * 400), Duration::ZERO];
            TEmail: [Email::from("ada@example.org")];
            TFile: [FilePath::from("up/a.txt")];
            TFilePath: [FilePath::from("/tmp/x")];
            TFloat: [-1.5e300] [0.1, f64::MIN_POSITIVE];
            TIP: ["10.0.0.1".parse::<std::net::IpAddr>().unwrap()] ["2001:db8::1".parse::<std::net::IpAddr>().unwrap()];
            TImage: [FilePath::from("img/a.png")];
            TInteger: [i32::MIN] [i32::MAX, 0];
            TPositiveBig: [0] [i64::MAX as u64];
            TPositive: [0] [i32::MAX as u32];
            TPositiveSmall: [0] [i16::MAX as u16];
            TSlug: [Slug::from("a-slug")];
            TSmall: [i16::MIN] [i16::MAX];
            TText: [text.clone(), text.clone()];
            TTime: [Time::MIN] [Time::constant(23, 59, 59, 999_999_000), Time::midnight()];
            TURL: [Url::from("https://example.org/?q=ä")];
            TUUID: [Uuid::from_u128(1)] [Uuid::max(), Uuid::nil()];
        }
        let document = json!({"a": [1, 2.5, null, "ä"], "b": {"c": true}});
        let row = TJSON::builder().v(document.clone()).create(db).await.unwrap();
        assert_eq!((row.v.0.clone(), &row.n), (document, &None));
        let row = TJSON::builder().v(json!([])).n(json!(null)).create(db).await.unwrap();
        assert_eq!(row.n, Some(Json(json!(null))), "JSON's null is not SQL's");

        let mut row = TGenerated::builder().a(2).b(3).create(db).await.unwrap();
        assert_eq!(row.total, 5);
        row.a = 10;
        row.save(db).await.unwrap();
        assert_eq!(row.total, 13);
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_it_is_sent() {
    for (_place, db) in databases("rows_bounds").await {
        let db = &db;
        let long = TChar::builder().v("x".repeat(41)).create(db).await.unwrap_err();
        assert!(long.to_string().starts_with("lab.TChar.v"), "{long}");
        let digits = TDecimal::builder().v(Decimal::new(1_000_000_000, 0)).create(db).await.unwrap_err();
        assert!(digits.to_string().starts_with("lab.TDecimal.v"), "{digits}");
        let wide = TPositive::builder().v(u32::MAX).create(db).await.unwrap_err();
        assert!(wide.to_string().starts_with("lab.TPositive.v"), "{wide}");
        assert_eq!(TChar::objects().count(db).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn every_kind_of_key_finds_its_row() {
    for (_place, db) in databases("rows_keys").await {
        let db = &db;
        let auto = PkAuto::builder().create(db).await.unwrap();
        let big = PkBig::builder().create(db).await.unwrap();
        let small = PkSmall::builder().create(db).await.unwrap();
        assert_eq!((auto.id, big.id, small.id), (1, 1, 1));
        let uuid = PkUuid::builder().create(db).await.unwrap();
        assert_eq!(uuid.id.get_version_num(), 4);
        let char = PkChar::builder().code("ä'b").create(db).await.unwrap();
        assert_eq!(PkChar::objects().filter(|m| m.code().eq("ä'b")).get(db).await.unwrap(), char);
        let mut both = PkComposite::builder().tenant(1).number(2).note("x").create(db).await.unwrap();
        assert_eq!(both.key(), (1, 2));
        both.note = "y".into();
        both.save(db).await.unwrap();
        PkComposite::builder().tenant(1).number(3).note("z").create(db).await.unwrap();
        let notes = PkComposite::objects().order_by(|m| m.number()).values(|m| m.note()).all(db).await.unwrap();
        assert_eq!(notes, ["y", "z"]);
        both.delete(db).await.unwrap();
        assert_eq!(PkComposite::objects().count(db).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn every_option_of_a_column_does_what_it_says() {
    for (_place, db) in databases("rows_options").await {
        let db = &db;
        let before = Timestamp::now();
        let new = || {
            Options::builder()
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
        };
        let mut row = new().create(db).await.unwrap();
        assert_eq!((row.with_default, row.db_def_int, row.db_def_str.as_str()), (7, 5, "it's 5%"));
        assert!(row.auto_now >= before - Duration::from_millis(1) && row.auto_add >= row.auto_now);
        assert!(row.db_def_now >= before - Duration::from_secs(60));
        assert_eq!((row.choice.label(), row.pos_null), ("B", None));
        let added = row.auto_add;
        row.choice = Letter::A;
        row.save(db).await.unwrap();
        assert_eq!(row.auto_add, added);
        assert!(row.auto_now > added);
        let again = new().create(db).await.unwrap_err();
        assert!(again.is_unique_violation(), "{again:?}");
        assert_eq!(Options::objects().filter(|m| m.choice().eq(Letter::A)).count(db).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn relations_go_both_ways() {
    for (_place, db) in databases("rows_relations").await {
        let db = &db;
        let one = Target::builder().name("one").code("1").create(db).await.unwrap();
        let two = Target::builder().name("two").code("2").create(db).await.unwrap();

        // A key of its own, as a key to the other row, and back.
        let single = OneToOne::builder().target(&one).create(db).await.unwrap();
        let child = OneToOnePk::builder().target(&two).create(db).await.unwrap();
        assert_eq!(child.key(), two.id);
        assert_eq!(one.onetoone().get(db).await.unwrap(), single);
        let found = Target::objects().filter(|t| t.onetoonepk().target_id().eq(two.id)).get(db).await.unwrap();
        assert_eq!(found, two);

        // Django's inheritance: a parent's row and the child's, with one key.
        let parent = ParentModel::builder().title("p").create(db).await.unwrap();
        let child = ChildModel::builder().parentmodel_ptr(&parent).extra("e").create(db).await.unwrap();
        let read = ChildModel::objects().select_related(|c| c.parentmodel_ptr()).get(db).await.unwrap();
        assert_eq!((read.parentmodel_ptr.get(), read.key()), (Some(&parent), child.key()));
        assert_eq!(parent.childmodel().get(db).await.unwrap().extra, "e");

        // Through automatic tables, with keys of every kind.
        let m2m = M2MAuto::builder().create(db).await.unwrap();
        let uuid = PkUuid::builder().create(db).await.unwrap();
        let char = PkChar::builder().code("c").create(db).await.unwrap();
        m2m.targets.add(db, [one.id, two.id]).await.unwrap();
        m2m.uuids.add(db, [uuid.id]).await.unwrap();
        m2m.chars.add(db, [char.code.clone()]).await.unwrap();
        m2m.custom.set(db, [two.id]).await.unwrap();
        m2m.targets.remove(db, [two.id]).await.unwrap();
        assert_eq!(one.m2mauto_set().count(db).await.unwrap(), 1);
        assert_eq!(two.m2mauto_set().count(db).await.unwrap(), 0);
        let found = M2MAuto::objects()
            .filter(|m| m.targets().name().eq("one") & m.uuids().id().eq(uuid.id) & m.chars().code().eq("c"))
            .filter(|m| m.custom().code().eq("2"))
            .get(db)
            .await
            .unwrap();
        assert_eq!(found.id, m2m.id);

        // Through a model.
        let owner = M2MThrough::builder().create(db).await.unwrap();
        let joined = Date::constant(2024, 5, 1);
        Membership::builder().owner(&owner).target(&one).joined(joined).create(db).await.unwrap();
        let names =
            M2MThrough::objects().values(|m| (m.members().name(), m.membership().joined())).all(db).await.unwrap();
        assert_eq!(names, [(Some("one".to_owned()), Some(joined))]);
        assert_eq!(one.m2mthrough_set().get(db).await.unwrap().id, owner.id);
        assert_eq!(owner.membership_set().count(db).await.unwrap(), 1);

        // To itself: symmetrical, and one way.
        let root = SelfRef::builder().create(db).await.unwrap();
        let leaf = SelfRef::builder().parent(&root).create(db).await.unwrap();
        root.friends.add(db, [leaf.id]).await.unwrap();
        root.follows.add(db, [leaf.id]).await.unwrap();
        let friends = SelfRef::objects().filter(|s| s.friends().id().eq(root.id)).get(db).await.unwrap();
        assert_eq!(friends.id, leaf.id);
        assert_eq!(leaf.followers().get(db).await.unwrap().id, root.id);
        assert_eq!(root.followers().count(db).await.unwrap(), 0);
        assert_eq!(root.selfref_set().get(db).await.unwrap().parent, Some(ForeignKey::new(root.id)));
        let above = SelfRef::objects().filter(|s| s.parent().parent_id().is_null() & s.parent_id().is_not_null());
        assert_eq!(above.get(db).await.unwrap().id, leaf.id);
    }
}

#[tokio::test]
async fn every_option_of_a_key_works() {
    for (_place, db) in databases("rows_key_options").await {
        let db = &db;
        let target = Target::builder().name("t").code("code").create(db).await.unwrap();
        let uuid = PkUuid::builder().create(db).await.unwrap();
        let char = PkChar::builder().code("c").create(db).await.unwrap();
        let small = PkSmall::builder().create(db).await.unwrap();
        let user = User::builder()
            .password("!")
            .username("ada")
            .first_name("Ada")
            .last_name("L")
            .email("ada@example.org")
            .create(db)
            .await
            .unwrap();
        let group = Group::builder().name("g").create(db).await.unwrap();
        user.groups.add(db, [group.id]).await.unwrap();
        let mut row = FkOptions::builder()
            .by_code_id("code")
            .no_constraint_id(99)
            .no_index(&target)
            .unique_fk(&target)
            .named(&target)
            .to_uuid(&uuid)
            .to_char(&char)
            .to_small(&small)
            .to_user(&user)
            .create(db)
            .await
            .unwrap();
        assert_eq!(row.by_code.load(db).await.unwrap(), &target);
        assert_eq!(row.to_user.load(db).await.unwrap().username, "ada");
        assert!(row.no_constraint.load(db).await.unwrap_err().is_not_found());
        let read = FkOptions::objects()
            .filter(|f| f.by_code().name().eq("t") & f.named_id().eq(target.id) & f.to_user().groups().name().eq("g"))
            .select_related(|f| f.by_code())
            .get(db)
            .await
            .unwrap();
        assert_eq!(read.by_code.get(), Some(&target));
        assert_eq!(user.fkoptions_set().count(db).await.unwrap(), 1);
        assert_eq!(uuid.fkoptions_set().count(db).await.unwrap(), 1);

        let proxy = ProxyTarget::objects().filter(|t| t.code().eq("code")).get(db).await.unwrap();
        assert_eq!((proxy.id, proxy.name), (target.id, "t".to_owned()));
    }
}

#[tokio::test]
async fn deleting_does_what_each_key_says() {
    for (_place, db) in databases("rows_deletion").await {
        let db = &db;
        // `set_default` falls back on the target with the key 1.
        let fallback = Target::builder().name("fallback").code("0").create(db).await.unwrap();
        assert_eq!(fallback.id, 1);
        let mut codes = 0..;
        let mut target = async || {
            let code = format!("t{}", codes.next().unwrap());
            Target::builder().name("t").code(code).create(db).await.unwrap()
        };
        let each = [
            target().await,
            target().await,
            target().await,
            target().await,
            target().await,
            target().await,
            target().await,
        ];
        let [cascade, protect, restrict, set_null, set_default, set_value, do_nothing] = &each;
        let mut row = FkEach::builder()
            .cascade(cascade)
            .protect(protect)
            .restrict(restrict)
            .set_null(set_null)
            .set_default(set_default)
            .set_value(set_value)
            .do_nothing(do_nothing)
            .create(db)
            .await
            .unwrap();
        assert_eq!(protect.delete(db).await.unwrap_err().kind(), ErrorKind::Protected);
        assert_eq!(restrict.delete(db).await.unwrap_err().kind(), ErrorKind::Restricted);
        assert_eq!(do_nothing.delete(db).await.unwrap_err().kind(), ErrorKind::ForeignKeyViolation);
        for target in [set_null, set_default, set_value] {
            target.delete(db).await.unwrap();
        }
        row.refresh(db).await.unwrap();
        assert_eq!((&row.set_null, &row.set_value, row.set_default.key()), (&None, &None, &fallback.id));
        cascade.delete(db).await.unwrap();
        assert_eq!(FkEach::objects().count(db).await.unwrap(), 0);
        restrict.delete(db).await.unwrap();
    }
}
