//! Keys that are replaced by newer ones, while programs write and are killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nuages_orm::encryption::{Rotated, Rotation, Survey, Surveyed, Unopened};
use nuages_orm::{ErrorKind, Timestamp};

use super::*;

/// What is rotated though nobody sees it.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "attic")]
struct Letter {
    id: i64,
    #[field(encrypted = bound, blind_index)]
    text: Encrypted<String>,
    #[field(soft_delete)]
    deleted_at: Option<Timestamp>,
    #[field(auto_now)]
    changed: Timestamp,
}

const LETTERS: i64 = 40;

async fn open(place: &Place, letters: &str) -> Db {
    let models = models().with::<Letter>();
    Db::builder(&place.url).models(models).keys(ring(letters)).connect().await.unwrap()
}

/// Notes and letters, sealed with the key `A`.
async fn attic(place: &Place) -> Db {
    let db = open(place, "A").await;
    migrate::create_tables(&db).await.unwrap();
    for number in 0..LETTERS {
        Letter::builder().text(format!("letter {number}")).create(&db).await.unwrap();
    }
    db
}

async fn survey(db: &Db, labels: &[&str]) -> (Vec<Surveyed>, Vec<Unopened>) {
    let mut unopened = Vec::new();
    let survey = labels.iter().fold(Survey::new(), |survey, label| survey.of(*label));
    let found = survey
        .run(db, |it| {
            unopened.push(it);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    (found, unopened)
}

/// How many values of a field each key has sealed.
fn by_key(found: &[Surveyed], field: &str) -> Vec<u64> {
    let found = found.iter().find(|it| it.field == field && it.model != "vault.Everything").unwrap();
    found.by_key.iter().map(|(_, values)| *values).collect()
}

fn of<'a>(rotated: &'a [Rotated], model: &str) -> &'a Rotated {
    rotated.iter().find(|it| it.model == model).unwrap()
}

on_each_engine! {
    async fn a_rotation_seals_anew_and_the_old_key_can_go(place: Place) {
        let db = attic(&place).await;
        for owner in ["Ada", "Bob"] {
            note().owner(owner).create(&db).await.unwrap();
        }
        let gone = Letter::objects().filter(|l| l.id().lte(3));
        gone.delete(&db).await.unwrap();
        Reading::builder().device(Uuid::nil()).day(Date::constant(2026, 1, 1)).value(1.5).create(&db).await.unwrap();
        let before = Letter::all_objects().order_by(|l| l.id()).all(&db).await.unwrap();

        let db = open(&place, "EA").await;
        let (found, _) = survey(&db, &[]).await;
        assert_eq!((by_key(&found, "text"), by_key(&found, "owner")), (vec![0, 40], vec![0, 2]));
        assert!(found.iter().all(|it| it.needs(ring("A").newest()) == (it.values > 0)));
        let rotated = Rotation::new().batches_of(7).run(&db).await.unwrap();
        let letters = of(&rotated, "attic.Letter");
        assert_eq!((letters.rows, letters.sealed, letters.indexed, letters.unopened), (40, 40, 40, 0));
        // Two owners, bodies, numbers and extras.
        let notes = of(&rotated, "vault.Note");
        assert_eq!((notes.rows, notes.sealed, notes.indexed), (2, 8, 4));
        assert_eq!((of(&rotated, "vault.Reading").sealed, of(&rotated, "vault.Token").rows), (1, 0));

        // The newest key alone does.
        let db = open(&place, "E").await;
        let (found, unopened) = survey(&db, &[]).await;
        assert_eq!((by_key(&found, "text"), unopened), (vec![40], vec![]));
        assert!(found.iter().all(|it| it.old_indexes == 0));
        let after = Letter::all_objects().order_by(|l| l.id()).all(&db).await.unwrap();
        assert_eq!(after, before, "nothing but the ciphertext has changed, of what is deleted too");
        assert_eq!(Letter::objects().filter(|l| l.text().eq("letter 7")).count(&db).await.unwrap(), 1);
        assert_eq!(Note::objects().filter(|n| n.owner().eq("Ada")).count(&db).await.unwrap(), 1);
        assert_eq!(Reading::objects().get(&db).await.unwrap().value.expose(), &1.5);

        // Again there is nothing to seal, and all is looked at.
        let again = Rotation::new().of("attic").run(&db).await.unwrap();
        assert_eq!((again.len(), again[0].rows, again[0].sealed, again[0].indexed), (1, 40, 0, 0));
    }

    async fn a_program_with_the_old_ring_is_found_out_and_rotated_again(place: Place) {
        let old = attic(&place).await;
        let db = open(&place, "EA").await;
        Rotation::new().run(&db).await.unwrap();
        Letter::builder().text("late").create(&old).await.unwrap();
        let (found, _) = survey(&db, &["attic.Letter"]).await;
        assert_eq!((by_key(&found, "text"), found[0].old_indexes), (vec![40, 1], 1));
        let rotated = Rotation::new().of("attic.Letter").run(&db).await.unwrap();
        assert_eq!((rotated[0].rows, rotated[0].sealed, rotated[0].indexed), (41, 1, 1));
    }

    async fn blind_indexes_of_rows_that_have_none_are_filled_in(place: Place) {
        let db = attic(&place).await;
        db.raw("UPDATE attic_letter SET text_bidx = NULL", ()).execute().await.unwrap();
        let found = || Letter::objects().filter(|l| l.text().eq("letter 7"));
        assert_eq!(found().count(&db).await.unwrap(), 0);
        let (surveyed, _) = survey(&db, &["attic"]).await;
        assert_eq!(surveyed[0].old_indexes, 40);
        let rotated = Rotation::new().of("attic").run(&db).await.unwrap();
        assert_eq!((rotated[0].sealed, rotated[0].indexed), (0, 40));
        assert_eq!(found().count(&db).await.unwrap(), 1);
    }

    async fn what_no_key_opens_stays_and_is_named(place: Place) {
        let db = attic(&place).await;
        let lost = open(&place, "I").await;
        Letter::builder().text("lost").create(&lost).await.unwrap();
        note().create(&lost).await.unwrap();
        let missing = ring("I").newest();
        drop(db);
        let db = open(&place, "EA").await;
        let stored = async || {
            let rows = db.raw("SELECT text FROM attic_letter WHERE id = 41", ()).fetch::<(String,)>().await.unwrap();
            rows.into_iter().next().unwrap().0
        };
        let before = stored().await;
        let rotated = Rotation::new().run(&db).await.unwrap();
        assert_eq!((of(&rotated, "attic.Letter").sealed, of(&rotated, "attic.Letter").unopened), (40, 1));
        assert_eq!(stored().await, before);
        let (_, unopened) = survey(&db, &[]).await;
        let letter = unopened.iter().find(|it| it.model == "attic.Letter").unwrap();
        assert_eq!((letter.field.as_str(), letter.key.as_str()), ("text", "41"));
        assert!(letter.problem.contains(&missing.to_string()), "{}", letter.problem);
        // A token does not say whose it is: the keys that were tried are named.
        let owner = unopened.iter().find(|it| it.field == "owner").unwrap();
        for id in ring("EA").ids() {
            assert!(owner.problem.contains(&id.to_string()), "{}", owner.problem);
        }
        assert!(!format!("{unopened:?}").contains("lost"));
        // With the key it goes on.
        let db = open(&place, "EAI").await;
        assert_eq!(of(&Rotation::new().run(&db).await.unwrap(), "attic.Letter").sealed, 1);
    }

    async fn what_is_wrong_is_said(place: Place) {
        let db = attic(&place).await;
        let refused = |error: Error| (error.kind(), error.to_string());
        let (kind, text) = refused(Rotation::new().of("attic.Leter").run(&db).await.unwrap_err());
        assert!(kind == ErrorKind::Field && text.contains("attic.Letter"), "{text}");
        let inside = db.atomic(async |db: &Db| Rotation::new().run(db).await.map(drop)).await.unwrap_err();
        assert_eq!(inside.kind(), ErrorKind::Unsupported);
    }

    async fn writers_beside_a_rotation_lose_nothing(place: Place) {
        attic(&place).await;
        let writer = open(&place, "EA").await;
        let writing = tokio::spawn(async move {
            for round in 0..3 {
                for id in 1..=LETTERS {
                    let letters = Letter::objects().filter(|l| l.id().eq(id));
                    letters.update(&writer, |l| l.text().set(format!("round {round} of {id}"))).await.unwrap();
                }
                Letter::builder().text(format!("new {round}")).create(&writer).await.unwrap();
            }
        });
        let db = open(&place, "EA").await;
        for _ in 0..3 {
            Rotation::new().of("attic").batches_of(3).run(&db).await.unwrap();
        }
        writing.await.unwrap();
        let db = open(&place, "E").await;
        let letters = Letter::objects().order_by(|l| l.id()).all(&db).await.unwrap();
        assert_eq!(letters.len(), 43);
        for letter in letters.iter().take(40) {
            let text = format!("round 2 of {}", letter.id);
            assert_eq!(letter.text.expose(), &text);
            assert_eq!(Letter::objects().filter(|l| l.text().eq(text)).count(&db).await.unwrap(), 1);
        }
    }

    async fn a_kill_in_the_middle_loses_nothing_and_seals_nothing_twice(place: Place) {
        attic(&place).await;
        let mut program = start_rotating(&place);
        wait_for_stop(&mut program);
        program.kill().unwrap();
        program.wait().unwrap();
        let db = open(&place, "EA").await;
        let (found, _) = survey(&db, &["attic"]).await;
        assert_eq!(by_key(&found, "text"), [8, 32], "two batches were committed");
        let rotated = Rotation::new().of("attic").batches_of(4).run(&db).await.unwrap();
        assert_eq!((rotated[0].rows, rotated[0].sealed), (32, 32), "it went on where the other stopped");
        let db = open(&place, "E").await;
        let letters = Letter::objects().order_by(|l| l.id()).all(&db).await.unwrap();
        for (number, letter) in letters.iter().enumerate() {
            assert_eq!(letter.text.expose(), &format!("letter {number}"));
        }
        assert_eq!(letters.len() as i64, LETTERS);
    }
}

/// Starts this very program again, to do nothing but [`a_program_that_rotates`].
fn start_rotating(place: &Place) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "encryption::rotation::a_program_that_rotates", "--nocapture"])
        .env("NUAGES_TEST_ROTATE", &place.url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn wait_for_stop(program: &mut Child) {
    let out = program.stdout.take().unwrap();
    let stopped =
        BufReader::new(out).lines().map_while(std::result::Result::ok).any(|line| line.contains("stopped here"));
    assert!(stopped, "it came to its stop");
}

/// No test of its own: what another one starts as a program and kills where it has stopped.
#[test]
fn a_program_that_rotates() {
    let Ok(url) = std::env::var("NUAGES_TEST_ROTATE") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = open(&Place { url }, "EA").await;
        let rotation = Rotation::new().of("attic").batches_of(4).on_progress(|model, progress| {
            assert_eq!((model, progress.total), ("attic.Letter", Some(LETTERS as u64)));
            if progress.done == 8 {
                println!("\nstopped here");
                std::thread::sleep(Duration::from_secs(600));
            }
        });
        rotation.run(&db).await.unwrap();
    });
}
