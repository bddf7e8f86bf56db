//! Encrypted fields of the rows between two models.

use super::*;

#[derive(Model, Debug, Clone)]
#[model(app = "club")]
struct Club {
    id: i64,
    #[field(through = Membership, related_name = "clubs")]
    members: ManyToMany<Keeper>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "club", ordering = [id])]
struct Membership {
    id: i64,
    #[field(on_delete = Cascade, related_name = "memberships")]
    club: ForeignKey<Club>,
    #[field(on_delete = Cascade, related_name = "memberships")]
    keeper: ForeignKey<Keeper>,
    #[field(encrypted = bound, default = "new")]
    remark: Encrypted<String>,
    #[field(blind_index)]
    badge: Option<Encrypted<String>>,
}

on_each_engine! {
    async fn rows_between_two_models_are_sealed_too(place: Place) {
        let models = models().with::<Club>().with::<Membership>();
        let db = &Db::builder(&place.url).models(models).keys(ring("A")).connect().await.unwrap();
        migrate::create_tables(db).await.unwrap();
        let club = Club::builder().create(db).await.unwrap();
        let [ada, bob] = ["Ada", "Bob"].map(|name| Keeper::builder().name(name).pin(1));
        let (ada, bob) = (ada.create(db).await.unwrap(), bob.create(db).await.unwrap());
        Membership::builder().club(&club).keeper(&ada).create(db).await.unwrap();
        Membership::builder().club(&club).keeper(&bob).remark("hush").badge("7").create(db).await.unwrap();
        let stored: Vec<(String, Option<String>)> =
            db.raw("SELECT remark, badge FROM club_membership ORDER BY id", ()).fetch().await.unwrap();
        assert!(stored.iter().all(|(remark, _)| remark.starts_with("nuages1.")), "{stored:?}");
        assert!(stored[1].1.as_ref().unwrap().starts_with("gAAAA"));
        let remarks = Membership::objects().values(|m| (m.id(), m.remark())).all(db).await.unwrap();
        assert_eq!(remarks, [(1, "new".into()), (2, "hush".into())]);
        // Found over it, and opened beside its key.
        let found = Club::objects().filter(|c| c.memberships().badge().eq("7")).count(db).await.unwrap();
        assert_eq!(found, 1);
        let opened = Keeper::objects().filter(|k| k.memberships().badge().eq("7"));
        let opened = opened.values(|k| (k.memberships().id(), k.memberships().remark())).all(db).await.unwrap();
        assert_eq!(opened, [(Some(2), Some("hush".into()))]);
        // What is set for all is sealed for each.
        Membership::objects().update(db, |m| m.remark().set("same")).await.unwrap();
        let remarks = Membership::objects().values(|m| m.remark()).all(db).await;
        assert!(remarks.is_err(), "what is bound is opened beside its key alone");
        let rows = Membership::objects().all(db).await.unwrap();
        assert!(rows.iter().all(|row| row.remark.expose() == "same"));
        club.members.remove(db, [ada.id]).await.unwrap();
        assert_eq!(Membership::objects().get(db).await.unwrap().badge, Some("7".into()));
        db.close().await;
    }
}
