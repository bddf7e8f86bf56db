//! Many rows related at once.

use nuages_orm::db::capture;
use nuages_orm::{Db, ForeignKey, ManyToMany, Model, Models, Timestamp, Uuid, migrate};

use crate::support::on_each_engine;

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "club")]
struct Club {
    id: i64,
    #[field(through = Member, related_name = "clubs")]
    people: ManyToMany<Person>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "club")]
struct Person {
    id: i64,
}

/// What a row between gets by itself: all that a new row does.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "club", unique_together = [(club, person)])]
struct Member {
    id: i64,
    #[field(on_delete = Cascade)]
    club: ForeignKey<Club>,
    #[field(on_delete = Cascade)]
    person: ForeignKey<Person>,
    #[field(default = "guest", max_length = 10)]
    role: String,
    #[field(default = Uuid::new_v4())]
    token: Uuid,
    #[field(db_default = 3)]
    level: i32,
    #[field(auto_now_add)]
    since: Timestamp,
    #[field(auto_now)]
    changed: Timestamp,
    #[field(generated = |m| m.level() + 1)]
    next: i32,
}

on_each_engine! {
    async fn rows_between_get_their_defaults_however_many(place: Place) {
        let models = Models::new().with::<Club>().with::<Person>().with::<Member>();
        let db = &Db::connect(&place.url, models).await.unwrap();
        migrate::create_tables(db).await.unwrap();
        // More than either engine takes as parameters of one statement, of two keys each and four defaults.
        let people = Person::objects().bulk_create((0..12_000).map(|_| Person::builder())).returning().run(db).await.unwrap();
        let keys = || people.iter().map(|person| person.id);
        let club = Club::builder().create(db).await.unwrap();
        club.people.add(db, keys().take(10)).await.unwrap();
        let before = Member::objects().order_by(|m| m.id()).all(db).await.unwrap();
        let (added, sent) = capture(club.people.add(db, keys())).await;
        added.unwrap();
        assert!(sent.len() < 40, "{} statements", sent.len());
        let members = Member::objects().order_by(|m| m.id()).all(db).await.unwrap();
        assert_eq!(members.len(), 12_000);
        assert_eq!(members[..10], before, "those that were related stay as they are");
        for member in &members {
            assert_eq!((member.role.as_str(), member.level, member.next), ("guest", 3, 4));
            assert!(member.since <= member.changed);
        }
        assert_ne!(members[0].token, members[1].token);
        club.people.set(db, keys().skip(11_990)).await.unwrap();
        assert_eq!(Member::objects().count(db).await.unwrap(), 10);
    }
}
