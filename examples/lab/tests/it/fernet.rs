//! Encrypted fields and Python's `cryptography`: each reads what the other wrote.

use nuages::orm::encryption::{Encrypted, EncryptionKey, KeyRing, Rotation};
use nuages::orm::migrate;
use nuages::prelude::*;
use serde::Deserialize;

use crate::oracle::{Database, python, run};

/// Kept encrypted, and found by its owner.
#[derive(Model, Debug)]
#[model(app = "vault")]
struct Note {
    id: i64,
    #[field(blind_index)]
    owner: Encrypted<String>,
    number: Encrypted<i64>,
    body: Option<Encrypted<Json>>,
}

/// What `fernet.py` answers.
#[derive(Deserialize)]
struct Answer {
    opened: Vec<Option<String>>,
    sealed: Vec<String>,
    rotated: Vec<Option<String>>,
    digests: Vec<String>,
}

fn ask(keys: &[&EncryptionKey], tokens: &[String], texts: &[&str]) -> Answer {
    let keys: Vec<String> = keys.iter().map(|key| key.expose().to_string()).collect();
    let asked = json!({
        "keys": keys,
        "open": tokens,
        "seal": texts,
        "digest": {"place": "vault_note.owner", "texts": texts},
    });
    serde_json::from_str(&run(&mut python("fernet.py"), &asked.to_string())).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn both_ways(place: &Database) {
    let [old, new] = [EncryptionKey::generate().unwrap(), EncryptionKey::generate().unwrap()];
    let open = async |ring: [&EncryptionKey; 2]| {
        let ring = KeyRing::new(ring.map(Clone::clone)).unwrap();
        Db::builder(&place.url).models(Models::new().with::<Note>()).keys(ring).connect().await.unwrap()
    };
    let db = open([&old, &new]).await;
    migrate::create_tables(&db).await.unwrap();
    let texts = ["Ada", "", "Ærø 雲 🎸 \"'\\\n", &"x".repeat(5_000)];
    for (number, owner) in (0..).zip(texts) {
        Note::builder().owner(owner).number(number).body(Json(json!({"n": number}))).create(&db).await.unwrap();
    }

    // Ours, opened there, with the keys in either order, and with one alone.
    let stored = async |column: &str| -> Vec<String> {
        let rows = db.raw(format!("SELECT {column} FROM vault_note ORDER BY id"), ()).fetch::<(String,)>();
        rows.await.unwrap().into_iter().map(|(text,)| text).collect()
    };
    let owners = stored("owner").await;
    let plain: Vec<Option<String>> = texts.iter().map(|text| Some((*text).to_owned())).collect();
    for keys in [&[&old, &new][..], &[&new, &old], &[&old]] {
        assert_eq!(ask(keys, &owners, &[]).opened, plain);
    }
    assert_eq!(ask(&[&new], &owners, &[]).opened, [const { None }; 4]);
    let numbers = ["0", "1", "2", "3"].map(|number| Some(number.to_owned()));
    assert_eq!(ask(&[&old], &stored("number").await, &[]).opened, numbers);
    let documents: Vec<Option<String>> = ask(&[&old], &stored("body").await, &[]).opened;
    let documents: Vec<_> =
        documents.iter().flatten().map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap()).collect();
    assert_eq!(documents, [json!({"n": 0}), json!({"n": 1}), json!({"n": 2}), json!({"n": 3})]);

    // Theirs, opened here: new tokens, and ours that `MultiFernet.rotate` has sealed anew.
    let theirs = ask(&[&new, &old], &owners, &texts);
    for tokens in [theirs.sealed.clone(), theirs.rotated.into_iter().flatten().collect()] {
        for (id, token) in (1_i64..).zip(tokens) {
            let sql = if place.url.starts_with("sqlite") { "?1 WHERE id = ?2" } else { "$1 WHERE id = $2" };
            let set = db.raw(format!("UPDATE vault_note SET owner = {sql}"), (token, id));
            assert_eq!(set.execute().await.unwrap(), 1);
        }
        let read = Note::objects().order_by(|n| n.id()).values(|n| n.owner()).all(&db).await.unwrap();
        assert_eq!(read.iter().map(|owner| owner.expose().as_str()).collect::<Vec<_>>(), texts);
    }

    // The blind index, of this program and of Python.
    let digests: Vec<(Vec<u8>,)> = db.raw("SELECT owner_bidx FROM vault_note ORDER BY id", ()).fetch().await.unwrap();
    let digests: Vec<String> = digests.iter().map(|(digest,)| hex(digest)).collect();
    assert_eq!(digests, ask(&[&old, &new], &[], &texts).digests);

    // After a rotation the old key is needed by nobody.
    let db = open([&new, &old]).await;
    let rotated = Rotation::new().run(&db).await.unwrap();
    assert_eq!((rotated[0].sealed, rotated[0].indexed, rotated[0].unopened), (8, 4, 0));
    let owners: Vec<(String,)> = db.raw("SELECT owner FROM vault_note ORDER BY id", ()).fetch().await.unwrap();
    let owners: Vec<String> = owners.into_iter().map(|(text,)| text).collect();
    assert_eq!(ask(&[&new], &owners, &[]).opened, plain);
    db.close().await;
}

#[tokio::test]
async fn tokens_of_either_side_are_opened_by_both_on_sqlite() {
    both_ways(&Database::sqlite("fernet")).await;
}

#[tokio::test]
async fn tokens_of_either_side_are_opened_by_both_on_postgres() {
    let Some(place) = Database::postgres("fernet") else { return };
    both_ways(&place).await;
}
