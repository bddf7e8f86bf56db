//! Encrypted fields in migrations: columns of text, and rows that are sealed by operations on them.

use nuages_orm::encryption::Encrypted;
use nuages_orm::migrate::*;
use nuages_orm::{Db, Model, Result};

use super::ring;
use crate::support::{Place, on_each_engine};

/// A note as it was before its text was encrypted, and after.
fn before() -> ModelDef {
    ModelDef::new("past", "Note")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("text", Kind::Text))
        .primary_key("id")
}

fn encrypted(name: &'static str, sealing: Sealing) -> Field {
    Field::new(name, Kind::Encrypted { sealing, holds: &Kind::Text }).null(true)
}

/// The note of the migration that moves what it holds.
#[derive(Model)]
#[model(app = "past")]
struct Note {
    id: i64,
    text: String,
    #[field(blind_index)]
    token: Option<Encrypted<String>>,
    bound: Option<Encrypted<String>>,
}

mod unindexed {
    use super::*;

    #[derive(Model)]
    #[model(app = "past")]
    pub(super) struct Note {
        id: i64,
        token: Option<Encrypted<String>>,
    }
}

async fn seal(past: Past) -> Result<()> {
    let past = past.with::<Note>()?;
    past.batches(Note::objects(), 2, async |past: Past, notes: Vec<Note>| {
        for mut note in notes {
            note.token = Some(note.text.clone().into());
            note.bound = Some(note.text.clone().into());
            note.save_fields(past.db(), |n| (n.token(), n.bound())).await?;
        }
        Ok(())
    })
    .await
}

async fn open(past: Past) -> Result<()> {
    let past = past.with::<Note>()?;
    past.batches(Note::objects(), 2, async |past: Past, notes: Vec<Note>| {
        for mut note in notes {
            note.text = note.bound.take().map(Encrypted::into_exposed).unwrap_or_default();
            note.save_fields(past.db(), |n| n.text()).await?;
        }
        Ok(())
    })
    .await
}

fn history() -> Vec<Migration> {
    vec![
        Migration::new("past", "0001_initial").create_model(before()),
        Migration::new("past", "0002_sealed")
            .after("past", "0001_initial")
            .not_atomic()
            .add_field("Note", encrypted("token", Sealing::Fernet).sealed_for("past_note.token"))
            .add_field("Note", Field::blind_index("token_bidx", "token"))
            .add_field("Note", encrypted("bound", Sealing::Bound).sealed_for("past_note.bound"))
            .run_rust_both_ways("seal", seal, open),
    ]
}

async fn connect(place: &Place) -> Db {
    Db::builder(&place.url).keys(ring("A")).connect().await.unwrap()
}

async fn migrate(db: &Db, history: Vec<Migration>, target: &str) -> Result<()> {
    let target = Target::Migration("past".to_owned(), target.to_owned());
    Migrator::new(db, history)?.migrate(&target, |_| {}).await.map(drop)
}

on_each_engine! {
    async fn a_migration_seals_what_stood_in_clear_and_opens_it_on_the_way_back(place: Place) {
        let db = &connect(&place).await;
        migrate(db, history(), "0001_initial").await.unwrap();
        for text in ["one", "two", "three"] {
            db.raw(place.sql("INSERT INTO past_note (text) VALUES ($1)"), (text,)).execute().await.unwrap();
        }
        migrate(db, history(), "0002_sealed").await.unwrap();
        let rows: Vec<(String, String, Vec<u8>)> =
            db.raw("SELECT token, bound, token_bidx FROM past_note ORDER BY id", ()).fetch().await.unwrap();
        assert!(rows.iter().all(|row| row.0.starts_with("gAAAA") && row.1.starts_with("nuages1.") && row.2.len() == 32));
        db.raw("UPDATE past_note SET text = ''", ()).execute().await.unwrap();
        migrate(db, history(), "0001_initial").await.unwrap();
        let rows: Vec<(String,)> = db.raw("SELECT text FROM past_note ORDER BY id", ()).fetch().await.unwrap();
        assert_eq!(rows, [("one".into(),), ("two".into(),), ("three".into(),)]);
        db.close().await;
    }

    async fn rows_without_types_hold_ciphertext_and_take_it(place: Place) {
        async fn work(past: Past) -> Result<()> {
            let error = past.clone().with::<unindexed::Note>().unwrap_err();
            assert_eq!(
                error.to_string(),
                "past.Note.token has a blind index at this point: add `blind_index` to it in the struct"
            );
            let notes = past.model("Note")?;
            let given = || Encrypted::new("hush".to_owned());
            let made = notes.create([("text", "x".into()), ("token", given().into()), ("bound", given().into())]).await?;
            assert!(made.text("token")?.starts_with("gAAAA"));
            let moved = notes.create([("text", "y".into()), ("token", made.value("token")?.clone())]).await?;
            assert_eq!(moved.text("token")?, made.text("token")?);
            assert_eq!(notes.clone().filter("token", "hush").count().await?, 2);
            assert_eq!(notes.clone().filter("token", given()).update([("token", given()), ("bound", given())]).await?, 2);
            assert_eq!(notes.clone().filter("bound__isnull", false).count().await?, 2);
            // In clear, it would be stored for all to read; computed, the database would have to seal it.
            let clear = notes.update([("token", "hush")]).await.unwrap_err();
            assert_eq!(
                clear.to_string(),
                "past.Note.token: plaintext is given as `Encrypted::new(…)`, other text must be ciphertext; this is not a \
                 Fernet token"
            );
            let clear = notes.create([("text", "z".into()), ("token", "hush".into())]).await.unwrap_err();
            assert!(clear.to_string().starts_with("past.Note.token: plaintext is given as"), "{clear}");
            let plain = notes.create([("text", given().into())]).await.unwrap_err();
            assert_eq!(plain.to_string(), "past.Note.text: is not encrypted, so it takes no `Encrypted` value");
            let computed = notes.update([("token", field("text"))]).await.unwrap_err();
            assert!(computed.to_string().contains("can only be set to a value"), "{computed}");
            let copied = notes.update([("text", field("token"))]).await.unwrap_err();
            assert!(copied.to_string().contains("is encrypted"), "{copied}");
            let digest = notes.create([("text", "z".into()), ("token_bidx", Value::Null)]).await.unwrap_err();
            assert_eq!(
                digest.to_string(),
                "past.Note.token_bidx: is the blind index of `token`, which the ORM keeps, and cannot be set; leave it out"
            );
            let digest = notes.update([("token_bidx", Value::Null), ("token", Value::Null)]).await.unwrap_err();
            assert!(digest.to_string().contains("which the ORM keeps"), "{digest}");
            Ok(())
        }
        let db = &connect(&place).await;
        let mut history = history();
        history.push(Migration::new("past", "0003").after("past", "0002_sealed").run_rust("work", work));
        migrate(db, history, "0003").await.unwrap();
        db.close().await;
    }

    async fn populate_takes_values_and_nothing_computed(place: Place) {
        let db = &connect(&place).await;
        let with = |populate: Populate| {
            let mut history = history();
            let last = Migration::new("past", "0003").after("past", "0002_sealed");
            history.push(last.populate(populate.nothing_to_undo()));
            history
        };
        migrate(db, history(), "0002_sealed").await.unwrap();
        for text in ["one", "two"] {
            db.raw(place.sql("INSERT INTO past_note (text) VALUES ($1)"), (text,)).execute().await.unwrap();
        }
        let copy = Populate::new("Note").set("token", field("text"));
        let error = migrate(db, with(copy), "0003").await.unwrap_err();
        assert!(format!("{error:?}").contains("can only be set to a value"), "{error:?}");
        let same = || Encrypted::new("same".to_owned());
        let set = Populate::new("Note").set("token", same()).set("bound", same()).batch(1);
        migrate(db, with(set), "0003").await.unwrap();
        let rows: Vec<(String,)> = db.raw("SELECT bound FROM past_note", ()).fetch().await.unwrap();
        assert!(rows.len() == 2 && rows[0] != rows[1] && rows[0].0.starts_with("nuages1."), "{rows:?}");
        db.close().await;
    }

    async fn models_and_migrations_make_the_same_tables(place: Place) {
        let models = super::models();
        let found = detect(&models, &[]).unwrap();
        let db = Db::builder(&place.url).models(models.clone()).keys(ring("A")).connect().await.unwrap();
        Migrator::new(&db, found.clone()).unwrap().migrate(&Target::All, |_| {}).await.unwrap();
        assert_eq!(detect(&models, &found).unwrap(), []);
        super::note().create(&db).await.unwrap();
        let types = place.choose(
            "SELECT lower(type) FROM pragma_table_info('vault_note') WHERE name IN ('owner', 'number', 'owner_bidx') ORDER BY name",
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'vault_note'::regclass AND attname IN \
             ('owner', 'number', 'owner_bidx') ORDER BY attname",
        );
        let types: Vec<(String,)> = db.raw(types, ()).fetch().await.unwrap();
        let types: Vec<&str> = types.iter().map(|row| row.0.as_str()).collect();
        assert_eq!(types, ["text", "text", place.choose("blob", "bytea")]);
        db.close().await;
    }
}
