//! Receivers of writes: called in the transaction of the write, on every path that says so and on no other.

use nuages_orm::fixture::{Format, Load};
use nuages_orm::migrate::{self, Migrator, Target};
use nuages_orm::signal::{
    Draft, ManyAction, ManyChange, MigrationRun, Receiver, Saved, many_changed, post_delete, post_migrate, post_save,
    pre_delete, pre_migrate, pre_save,
};
use nuages_orm::{Db, Error, ErrorKind, ForeignKey, ManyToMany, Model, Models, Result};

use crate::support::{Place, on_each_engine};

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "band", ordering = [id])]
struct Album {
    id: i64,
    #[field(max_length = 40, unique)]
    title: String,
    #[field(default = 1)]
    rank: i32,
    #[field(max_length = 20, default = "new")]
    state: String,
    #[field(related_name = "+")]
    tags: ManyToMany<Tag>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "band", ordering = [id])]
struct Track {
    id: i64,
    #[field(on_delete = Cascade, related_name = "tracks")]
    album: ForeignKey<Album>,
    #[field(max_length = 40)]
    name: String,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "band")]
struct Tag {
    id: i64,
    #[field(max_length = 40)]
    word: String,
}

/// What receivers wrote down: in the same transaction, so it is gone where the write is undone.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "band", ordering = [id])]
struct Note {
    id: i64,
    text: String,
}

async fn note(db: &Db, text: impl Into<String>) -> Result<()> {
    Note::builder().text(text.into()).create(db).await.map(drop)
}

/// Names without blanks around them; nothing called "bad"; and the state follows the rank.
async fn tidy(db: &Db, album: &mut Draft<Album>) -> Result<()> {
    let title = album.get(|a| a.title())?;
    let rank = album.get(|a| a.rank());
    note(db, format!("pre {title} new={} rank={}", album.is_new(), rank.is_ok())).await?;
    if title == "bad" {
        return Err(Error::refused("such a title is not taken").in_field("title"));
    }
    if title.trim() != title {
        album.set(|a| a.title().set(title.trim()))?;
    }
    if rank.is_ok_and(|rank| rank > 100) {
        album.set(|a| a.state().set("top"))?;
    }
    Ok(())
}

async fn saved(db: &Db, album: Saved<'_, Album>) -> Result<()> {
    let fields = album.fields.map(|fields| fields.join(","));
    note(db, format!("post {} {} created={} {fields:?}", album.id, album.title, album.created)).await
}

async fn before(db: &Db, album: &Album) -> Result<()> {
    let there = Album::objects().filter(|a| a.id().eq(album.id)).exists(db).await?;
    note(db, format!("pre-delete {} there={there}", album.title)).await?;
    if album.state == "top" { Err(Error::refused("the top stays")) } else { Ok(()) }
}

async fn after(db: &Db, album: &Album) -> Result<()> {
    let there = Album::objects().filter(|a| a.id().eq(album.id)).exists(db).await?;
    note(db, format!("post-delete {} there={there}", album.title)).await
}

async fn track_gone(db: &Db, track: &Track) -> Result<()> {
    note(db, format!("track {} gone", track.name)).await
}

async fn tagged(db: &Db, change: &ManyChange<Album, Tag>) -> Result<()> {
    note(db, format!("{:?} {} {:?}", change.action, change.owner, change.keys)).await?;
    match (change.action, change.keys.as_slice()) {
        (ManyAction::PostAdd, [_, _, _, ..]) => Err(Error::refused("three tags at once are too many")),
        _ => Ok(()),
    }
}

fn models() -> Models {
    Models::new().with::<Album>().with::<Track>().with::<Tag>().with::<Note>()
}

fn receivers() -> Vec<Receiver> {
    vec![
        pre_save::<Album>(tidy),
        post_save::<Album>(saved),
        pre_delete::<Album>(before),
        post_delete::<Album>(after),
        post_delete::<Track>(track_gone),
        many_changed::<Album, Tag>(|a| a.tags(), tagged),
    ]
}

async fn band(place: &Place) -> Db {
    let db = Db::builder(&place.url).models(models()).receivers(receivers()).connect().await.unwrap();
    migrate::create_tables(&db).await.unwrap();
    db
}

/// What was noted since the last time.
async fn notes(db: &Db) -> Vec<String> {
    let notes = Note::objects().values(|n| n.text()).all(db).await.unwrap();
    db.raw("DELETE FROM band_note", ()).execute().await.unwrap();
    notes
}

async fn album(db: &Db, title: &str) -> Album {
    Album::builder().title(title).create(db).await.unwrap()
}

on_each_engine! {
    async fn create_tells_before_and_after(place: Place) {
        let db = &band(&place).await;
        let row = Album::builder().title(" Nuages ").rank(200).create(db).await.unwrap();
        assert_eq!((row.title.as_str(), row.state.as_str()), ("Nuages", "top"));
        let expected = ["pre  Nuages  new=true rank=true".to_owned(), format!("post {} Nuages created=true None", row.id)];
        assert_eq!(notes(db).await, expected);
    }

    async fn what_a_receiver_refuses_is_undone_with_all_that_receivers_did(place: Place) {
        let db = &band(&place).await;
        let refused = Album::builder().title("bad").create(db).await.unwrap_err();
        assert!(refused.is_refused());
        assert_eq!(refused.to_string(), "band.Album.title: such a title is not taken");
        assert_eq!((Album::objects().count(db).await.unwrap(), notes(db).await.len()), (0, 0));

        // Within a transaction that goes on, the refused part alone.
        db.atomic(async |db: &Db| {
            album(db, "kept").await;
            let refused = Album::builder().title("bad").create(db).await.unwrap_err();
            assert!(refused.is_refused());
            Ok::<(), Error>(())
        })
        .await
        .unwrap();
        assert_eq!(notes(db).await.len(), 2);

        // A constraint that fails after `pre_save` undoes what that did.
        let taken = Album::builder().title("kept").create(db).await.unwrap_err();
        assert!(taken.is_unique_violation());
        assert_eq!(notes(db).await.len(), 0);
    }

    async fn save_tells_whether_the_row_was_made(place: Place) {
        let db = &band(&place).await;
        let mut row = album(db, "a").await;
        notes(db).await;
        row.title = " b ".to_owned();
        row.save(db).await.unwrap();
        assert_eq!(row.title, "b", "what a receiver set is in the struct");
        assert_eq!(notes(db).await, ["pre  b  new=false rank=true".to_owned(), format!("post {} b created=false None", row.id)]);

        row.title = "bad".to_owned();
        row.rank = 7;
        assert!(row.save(db).await.unwrap_err().is_refused());
        assert_eq!(Album::objects().values(|a| (a.title(), a.rank())).all(db).await.unwrap(), [("b".to_owned(), 1)]);

        let mut new = Album { id: 0, title: "c".to_owned(), ..row.clone() };
        new.save(db).await.unwrap();
        let mut with_key = Album { id: 77, title: "d".to_owned(), ..row.clone() };
        with_key.save(db).await.unwrap();
        let expected = [
            "pre c new=true rank=true".to_owned(),
            format!("post {} c created=true None", new.id),
            "pre d new=false rank=true".to_owned(),
            "post 77 d created=true None".to_owned(),
        ];
        assert_eq!(notes(db).await, expected);
    }

    async fn save_fields_names_them_and_a_receiver_may_add_to_them(place: Place) {
        let db = &band(&place).await;
        let mut row = album(db, "a").await;
        notes(db).await;
        row.rank = 101;
        row.title = "not saved".to_owned();
        row.save_fields(db, |a| a.rank()).await.unwrap();
        assert_eq!((row.title.as_str(), row.state.as_str()), ("a", "top"), "the row was read again");
        let expected = ["pre not saved new=false rank=true".to_owned(), format!("post {} a created=false Some(\"rank,state\")", row.id)];
        assert_eq!(notes(db).await, expected);
    }

    async fn get_or_create_and_update_or_create_tell_of_what_they_write(place: Place) {
        let db = &band(&place).await;
        let mine = Album::objects().filter(|a| a.title().eq("a"));
        mine.get_or_create(db, Album::builder().title("a")).await.unwrap();
        assert_eq!(notes(db).await.len(), 2);
        mine.get_or_create(db, Album::builder().title("a")).await.unwrap();
        assert_eq!(notes(db).await.len(), 0);
        let (row, made) = mine.update_or_create(db, |a| a.rank().set(500), Album::builder().title("a")).await.unwrap();
        assert_eq!((row.rank, row.state.as_str(), made), (500, "top", false));
        assert_eq!(notes(db).await.len(), 2);
    }

    async fn update_of_a_query_tells_nobody_unless_asked(place: Place) {
        let db = &band(&place).await;
        for title in ["a", "b", "c"] {
            album(db, title).await;
        }
        notes(db).await;
        let some = Album::objects().filter(|a| a.title().ne("c"));
        assert_eq!(some.update(db, |a| a.rank().set(200)).await.unwrap(), 2);
        assert_eq!(notes(db).await.len(), 0);
        assert_eq!(Album::objects().filter(|a| a.state().eq("top")).count(db).await.unwrap(), 0);

        let told = some.clone().with_signals().update(db, |a| a.rank().set(300)).await.unwrap();
        assert_eq!((told, notes(db).await.len()), (2, 4));
        assert_eq!(Album::objects().filter(|a| a.state().eq("top")).count(db).await.unwrap(), 2);

        // What the database computes is not known before.
        some.clone().with_signals().update(db, |a| a.rank().set(a.rank() + 1)).await.unwrap();
        let noted = notes(db).await;
        assert_eq!(noted[0], "pre a new=false rank=false");
        assert!(noted[1].ends_with("a created=false Some(\"rank\")"), "{noted:?}");
        assert_eq!(Album::objects().values(|a| a.rank()).all(db).await.unwrap(), [301, 301, 1]);

        let refused = Album::objects().with_signals().update(db, |a| a.title().set("bad")).await.unwrap_err();
        assert!(refused.is_refused());
        assert_eq!(notes(db).await.len(), 0);
    }

    async fn deletion_tells_of_each_row_and_of_those_that_go_with_it(place: Place) {
        let db = &band(&place).await;
        let (a, b) = (album(db, "a").await, album(db, "b").await);
        for name in ["one", "two"] {
            Track::builder().album(&a).name(name).create(db).await.unwrap();
        }
        notes(db).await;
        let deleted = a.delete(db).await.unwrap();
        assert_eq!(deleted.total, 3);
        let mut noted = notes(db).await;
        assert_eq!(noted.remove(0), "pre-delete a there=true");
        assert_eq!(noted.pop().unwrap(), "post-delete a there=false");
        noted.sort();
        assert_eq!(noted, ["track one gone", "track two gone"]);

        Album::objects().filter(|x| x.id().eq(b.id)).delete(db).await.unwrap();
        assert_eq!(notes(db).await.len(), 2);
    }

    async fn a_deletion_that_is_refused_deletes_nothing(place: Place) {
        let db = &band(&place).await;
        album(db, "a").await;
        let top = Album::builder().title("top").rank(200).create(db).await.unwrap();
        Track::builder().album(&top).name("one").create(db).await.unwrap();
        notes(db).await;
        assert!(Album::objects().delete(db).await.unwrap_err().is_refused());
        assert_eq!((Album::objects().count(db).await.unwrap(), Track::objects().count(db).await.unwrap()), (2, 1));
        assert_eq!(notes(db).await.len(), 0);
    }

    async fn many_to_many_changes_tell_of_the_keys_that_change(place: Place) {
        let db = &band(&place).await;
        let row = album(db, "a").await;
        let mut keys = Vec::new();
        for word in ["x", "y", "z", "w"] {
            keys.push(Tag::builder().word(word).create(db).await.unwrap().id);
        }
        notes(db).await;
        let [x, y, z, w] = keys[..] else { unreachable!() };
        let id = row.id;
        row.tags.add(db, [x, y]).await.unwrap();
        row.tags.add(db, [y]).await.unwrap();
        assert_eq!(notes(db).await, [format!("PreAdd {id} [{x}, {y}]"), format!("PostAdd {id} [{x}, {y}]")]);
        row.tags.set(db, [y, z]).await.unwrap();
        let expected =
            ["PreRemove", "PostRemove"].map(|action| format!("{action} {id} [{x}]")).into_iter().chain(["PreAdd", "PostAdd"].map(|action| format!("{action} {id} [{z}]")));
        assert_eq!(notes(db).await, expected.collect::<Vec<_>>());
        row.tags.remove(db, [x, y]).await.unwrap();
        assert_eq!(notes(db).await, [format!("PreRemove {id} [{y}]"), format!("PostRemove {id} [{y}]")]);
        row.tags.clear(db).await.unwrap();
        assert_eq!(notes(db).await, [format!("PreClear {id} []"), format!("PostClear {id} []")]);

        let refused = row.tags.add(db, [x, y, z, w]).await.unwrap_err();
        assert!(refused.is_refused());
        assert_eq!((row.tags.objects().unwrap().count(db).await.unwrap(), notes(db).await.len()), (0, 0));
    }

    async fn raw_statements_and_fixtures_tell_nobody(place: Place) {
        let db = &band(&place).await;
        db.raw("INSERT INTO band_album (title, \"rank\", state) VALUES (' raw ', 1, 'new')", ()).execute().await.unwrap();
        let line = r#"{"model": "band.album", "pk": 40, "fields": {"title": "bad", "rank": 3, "state": "old", "tags": []}}"#;
        Load::new().reader("band", Format::JsonLines, line.as_bytes()).run(db).await.unwrap();
        assert_eq!(notes(db).await.len(), 0);
        assert_eq!(Album::objects().values(|a| a.title()).all(db).await.unwrap(), [" raw ", "bad"]);
    }

    async fn migrate_tells_before_and_after(place: Place) {
        async fn early(db: &Db, run: &MigrationRun) -> Result<()> {
            assert_eq!(run.migrations.len(), 1);
            db.raw("SELECT 1 FROM band_note", ()).execute().await.expect_err("there is no table yet");
            Ok(())
        }
        async fn late(db: &Db, run: &MigrationRun) -> Result<()> {
            note(db, format!("{:?} backwards={} faked={}", run.migrations, run.backwards, run.faked)).await
        }
        let history = migrate::detect(&models(), &[]).unwrap();
        let builder = Db::builder(&place.url).models(models());
        let db = builder.receivers([pre_migrate(early), post_migrate(late)]).connect().await.unwrap();
        let migrator = Migrator::new(&db, history.clone()).unwrap();
        migrator.migrate(&Target::All, |_| {}).await.unwrap();
        assert_eq!(notes(&db).await, ["[(\"band\", \"0001_initial\")] backwards=false faked=false"]);
        let later = Db::builder(&place.url).models(models()).receivers([post_migrate(late)]).connect().await.unwrap();
        Migrator::new(&later, history).unwrap().migrate(&Target::All, |_| {}).await.unwrap();
        assert_eq!(notes(&db).await, ["[] backwards=false faked=false"]);
    }

    async fn a_receiver_of_a_model_that_is_not_there_is_refused_at_once(place: Place) {
        let few = Db::builder(&place.url).models(Models::new().with::<Note>()).receivers(receivers());
        let error = few.connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("a receiver waits for band.Album"), "{error}");
    }

    async fn work_put_off_by_a_receiver_runs_for_committed_writes_alone(place: Place) {
        async fn later(db: &Db, row: Saved<'_, Album>) -> Result<()> {
            let (outside, title) = (db.outside(), row.title.clone());
            db.on_commit(async move { note(&outside, format!("committed {title}")).await.unwrap() }).await
        }
        let builder = Db::builder(&place.url).models(models()).receivers([post_save::<Album>(later)]);
        let db = &builder.connect().await.unwrap();
        migrate::create_tables(db).await.unwrap();
        let undone: Result<()> = db
            .atomic(async |db: &Db| {
                album(db, "undone").await;
                Err(Error::refused("no"))
            })
            .await;
        undone.unwrap_err();
        album(db, "done").await;
        assert_eq!(notes(db).await, ["committed done"]);
    }

    async fn a_draft_refuses_what_cannot_be_set(place: Place) {
        async fn wrong(_: &Db, album: &mut Draft<Album>) -> Result<()> {
            let unknown = album.get(|a| a.id()).unwrap_err();
            assert_eq!(unknown.to_string(), "band.Album.id: is decided by the database, and not known before the write");
            let elsewhere = album.get(|a| a.tags().word()).unwrap_err();
            assert_eq!(elsewhere.kind(), ErrorKind::Field);
            let computed = album.set(|a| a.rank().set(a.rank() + 1)).unwrap_err();
            assert_eq!(computed.kind(), ErrorKind::Type);
            assert!(album.writes(|a| a.title())?);
            Ok(())
        }
        let builder = Db::builder(&place.url).models(models()).receivers([pre_save::<Album>(wrong)]);
        let db = &builder.connect().await.unwrap();
        migrate::create_tables(db).await.unwrap();
        album(db, "a").await;
    }
}
