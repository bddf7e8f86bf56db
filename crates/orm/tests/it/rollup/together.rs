//! Figures under many writers at the same time, and after each of many random steps.

use nuages_orm::db::Isolation;
use nuages_orm::migrate::create_tables;
use nuages_orm::recount::Recount;
use nuages_orm::{Db, ErrorKind, ForeignKey, Model, Models, Result, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{Author, Click, Comment, Link, Node, Post, Tag, assert_true, blog, moment};
use crate::support::{Place, on_each_engine};

/// Who writes to whom: two keys to the same table.
#[derive(Model, Debug, Clone)]
#[model(app = "mail")]
struct Person {
    pub id: i64,
    #[field(counts = "sent")]
    pub sent_count: i32,
    #[field(counts(of = "received", where = |m: Message| m.is_read().eq(false)))]
    pub unread_count: i32,
    #[field(latest = "received.at")]
    pub last: Option<Timestamp>,
}

#[derive(Model, Debug, Clone)]
#[model(app = "mail")]
struct Message {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "sent")]
    pub from: ForeignKey<Person>,
    #[field(on_delete = Cascade, related_name = "received")]
    pub to: ForeignKey<Person>,
    pub at: Timestamp,
    #[field(default = false)]
    pub is_read: bool,
}

const WRITERS: u64 = 16;
/// Few, so that writers meet.
const FEW: i64 = 8;
/// Transactions that want the same rows in another order can only wait for PostgreSQL to end one of them, which takes it a
/// second: here they meet less often.
const MORE: i64 = 80;
const ROUNDS: u64 = 25;

/// Numbers without end, the same ones for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides.unsigned_abs()).cast_signed()
    }
}

async fn one_statement(db: &Db, dice: &mut Dice, people: i64, is_sqlite: bool) -> Result<()> {
    let (from, to) = (dice.roll(people) + 1, dice.roll(people) + 1);
    let at = moment(dice.roll(1_000));
    let some = Message::objects().filter(|m| m.id().in_((0..4).map(|_| dice.roll(200)).collect::<Vec<_>>()));
    match dice.roll(7) {
        0 | 1 => Message::builder().from_id(from).to_id(to).at(at).create(db).await.map(drop),
        2 => some.update(db, |m| m.to_id().set(to)).await.map(drop),
        3 => some.update(db, |m| (m.is_read().set(true), m.at().set(at))).await.map(drop),
        4 => some.delete(db).await.map(drop),
        5 => {
            let order = if dice.roll(2) == 0 { "DESC" } else { "ASC" };
            let (now, no) =
                if is_sqlite { ("'2023-11-14 22:13:20'", "0") } else { ("'2023-11-14 22:13:20+00'", "false") };
            let sql = format!(
                "INSERT INTO mail_message (from_id, to_id, at, is_read) SELECT {from}, id, {now}, {no} FROM mail_person WHERE \
                 id <= {FEW} ORDER BY id {order}"
            );
            db.raw(sql, ()).execute().await.map(drop)
        }
        _ => {
            let sql = format!("DELETE FROM mail_message WHERE from_id = {from} AND to_id = {to}");
            db.raw(sql, ()).execute().await.map(drop)
        }
    }
}

async fn mail(place: &Place, people: i64) -> Db {
    let db = Db::connect(&place.url, Models::new().with::<Person>().with::<Message>()).await.unwrap();
    create_tables(&db).await.unwrap();
    for _ in 0..people {
        Person::builder().create(&db).await.unwrap();
    }
    db
}

async fn assert_sound(db: &Db) {
    for figure in Recount::all().check(db).await.unwrap() {
        assert!(figure.is_sound(), "{figure}");
    }
    let people = Person::objects().all(db).await.unwrap();
    let messages = Message::objects().all(db).await.unwrap();
    for person in people {
        let to: Vec<&Message> = messages.iter().filter(|message| *message.to.key() == person.id).collect();
        let sent = messages.iter().filter(|message| *message.from.key() == person.id).count();
        let unread = to.iter().filter(|message| !message.is_read).count();
        let found = (person.sent_count as usize, person.unread_count as usize, person.last);
        assert_eq!(found, (sent, unread, to.iter().map(|message| message.at).max()), "person {}", person.id);
    }
}

on_each_engine! {
    async fn many_writers_of_single_statements_never_fail(place: Place) {
        let db = mail(&place, FEW).await;
        let tasks: Vec<_> = (0..WRITERS).map(|writer| {
            let (db, is_sqlite) = (db.clone(), place.is_sqlite());
            tokio::spawn(async move {
                let mut dice = Dice(writer);
                for _ in 0..ROUNDS {
                    one_statement(&db, &mut dice, FEW, is_sqlite).await.unwrap();
                }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_sound(&db).await;
    }

    async fn many_transactions_agree_in_the_end(place: Place) {
        let db = mail(&place, MORE).await;
        let tasks: Vec<_> = (0..WRITERS).map(|writer| {
            let (db, is_sqlite) = (db.clone(), place.is_sqlite());
            tokio::spawn(async move {
                for round in 0..ROUNDS / 8 {
                    let level = match (writer + round) % 3 {
                        0 => Isolation::ReadCommitted,
                        1 => Isolation::RepeatableRead,
                        _ => Isolation::Serializable,
                    };
                    let outcome: Result<()> = db.transaction().isolation(level).retries(200).run(async |db: &Db| {
                        let mut dice = Dice(writer * 1_000 + round);
                        for _ in 0..2 {
                            one_statement(db, &mut dice, MORE, is_sqlite).await?;
                        }
                        let undone = db.atomic(async |db: &Db| {
                            one_statement(db, &mut dice, MORE, is_sqlite).await?;
                            Err::<(), _>(nuages_orm::Error::new(ErrorKind::Validation, "undone"))
                        }).await;
                        match undone {
                            Err(error) if error.kind() == ErrorKind::Validation => Ok(()),
                            other => other,
                        }
                    }).await;
                    outcome.unwrap();
                    if writer % 5 == 0 {
                        // A cascade over both keys.
                        let gone = db.transaction().retries(200).run(async |db: &Db| {
                            let person = Person::builder().create(db).await?;
                            Message::builder().from(&person).to_id(1).at(moment(1)).create(db).await?;
                            Message::builder().from_id(2).to(&person).at(moment(1)).create(db).await?;
                            person.delete(db).await.map(drop)
                        });
                        let gone: Result<()> = gone.await;
                        gone.unwrap();
                    }
                }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_sound(&db).await;
    }

    async fn a_recount_sees_no_drift_while_others_write(place: Place) {
        let db = mail(&place, FEW).await;
        let writers: Vec<_> = (0..4).map(|writer| {
            let (db, is_sqlite) = (db.clone(), place.is_sqlite());
            tokio::spawn(async move {
                let mut dice = Dice(writer);
                for _ in 0..3 * ROUNDS {
                    one_statement(&db, &mut dice, FEW, is_sqlite).await.unwrap();
                }
            })
        }).collect();
        while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
            for figure in Recount::all().fix(&db).await.unwrap() {
                assert_eq!(figure.wrong, 0, "{figure}");
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_sound(&db).await;
    }
}

/// A random step.
#[derive(Debug, Clone)]
enum Random {
    Comment { post: i64, author: i64, public: bool, score: i32, at: Option<i64> },
    Move { nth: i64, post: i64 },
    Change { nth: i64, public: bool, score: i32, at: Option<i64> },
    Delete { nth: i64 },
    MoveAll { from: i64, to: i64 },
    DeletePost { nth: i64 },
    Post { author: i64 },
    DeleteAuthor { nth: i64 },
    Tag { post: i64, tag: i64 },
    Untag { post: i64, tag: i64 },
    Plant { parent: i64 },
    Replant { nth: i64, parent: i64 },
    Fell { nth: i64 },
    Click { link: i64 },
    Recode { link: i64 },
    Undone(Box<Random>),
}

fn random() -> impl Strategy<Value = Random> {
    let few = || 0..6_i64;
    let at = || proptest::option::of(0..20_i64);
    let one = prop_oneof![
        4 => (few(), few(), any::<bool>(), -3..4_i32, at()).prop_map(|(post, author, public, score, at)| {
            Random::Comment { post, author, public, score, at }
        }),
        2 => (few(), few()).prop_map(|(nth, post)| Random::Move { nth, post }),
        2 => (few(), any::<bool>(), -3..4_i32, at())
            .prop_map(|(nth, public, score, at)| Random::Change { nth, public, score, at }),
        2 => few().prop_map(|nth| Random::Delete { nth }),
        1 => (few(), few()).prop_map(|(from, to)| Random::MoveAll { from, to }),
        1 => few().prop_map(|nth| Random::DeletePost { nth }),
        2 => few().prop_map(|author| Random::Post { author }),
        1 => few().prop_map(|nth| Random::DeleteAuthor { nth }),
        2 => (few(), few()).prop_map(|(post, tag)| Random::Tag { post, tag }),
        1 => (few(), few()).prop_map(|(post, tag)| Random::Untag { post, tag }),
        2 => few().prop_map(|parent| Random::Plant { parent }),
        2 => (few(), few()).prop_map(|(nth, parent)| Random::Replant { nth, parent }),
        1 => few().prop_map(|nth| Random::Fell { nth }),
        2 => few().prop_map(|link| Random::Click { link }),
        1 => few().prop_map(|link| Random::Recode { link }),
    ];
    one.prop_flat_map(|one| prop_oneof![5 => Just(one.clone()), 1 => Just(Random::Undone(Box::new(one)))])
}

/// The row of a number, in order of keys, if there are any.
macro_rules! nth {
    ($db:expr, $model:ident, $nth:expr) => {{
        let all = $model::objects().order_by(|m| m.id()).all($db).await?;
        let place = usize::try_from($nth).unwrap_or(0).checked_rem(all.len());
        match place.and_then(|place| all.into_iter().nth(place)) {
            Some(row) => row,
            None => return Ok(()),
        }
    }};
}

async fn take(db: &Db, step: &Random) -> Result<()> {
    match step {
        Random::Comment { post, author, public, score, at } => {
            let (post, author) = (nth!(db, Post, *post), nth!(db, Author, *author));
            let new = Comment::builder().post(&post).author(&author).is_public(*public).score(*score);
            new.at(at.map(moment)).create(db).await.map(drop)
        }
        Random::Move { nth, post } => {
            let mut comment = nth!(db, Comment, *nth);
            comment.post = (&nth!(db, Post, *post)).into();
            comment.save(db).await
        }
        Random::Change { nth, public, score, at } => {
            let mut comment = nth!(db, Comment, *nth);
            (comment.is_public, comment.score, comment.at) = (*public, *score, at.map(moment));
            comment.save(db).await
        }
        Random::Delete { nth } => nth!(db, Comment, *nth).delete(db).await.map(drop),
        Random::MoveAll { from, to } => {
            let (from, to) = (nth!(db, Post, *from), nth!(db, Post, *to));
            let all = Comment::objects().filter(|c| c.post_id().eq(from.id));
            all.update(db, |c| (c.post_id().set(to.id), c.score().set(c.score() + 1))).await.map(drop)
        }
        Random::DeletePost { nth } => nth!(db, Post, *nth).delete(db).await.map(drop),
        Random::Post { author } => {
            Post::builder().author(&nth!(db, Author, *author)).title("x").create(db).await.map(drop)
        }
        Random::DeleteAuthor { nth } => {
            nth!(db, Author, *nth).delete(db).await?;
            Author::builder().name("again").create(db).await.map(drop)
        }
        Random::Tag { post, tag } => nth!(db, Post, *post).tags.add(db, [nth!(db, Tag, *tag).id]).await.map(drop),
        Random::Untag { post, tag } => nth!(db, Post, *post).tags.remove(db, [nth!(db, Tag, *tag).id]).await.map(drop),
        Random::Plant { parent } => Node::builder().parent(&nth!(db, Node, *parent)).create(db).await.map(drop),
        Random::Replant { nth, parent } => {
            let mut node = nth!(db, Node, *nth);
            node.parent = Some((&nth!(db, Node, *parent)).into());
            node.save(db).await
        }
        Random::Fell { nth } => {
            let node = nth!(db, Node, *nth);
            Node::objects().filter(|n| n.parent_id().eq(node.id)).update(db, |n| n.parent_id().set_null()).await?;
            node.delete(db).await?;
            Node::builder().create(db).await.map(drop)
        }
        Random::Click { link } => Click::builder().link_id(nth!(db, Link, *link).code).create(db).await.map(drop),
        Random::Recode { link } => {
            // The clicks of the code lose their link, and get it back.
            let link = nth!(db, Link, *link);
            Click::objects().filter(|c| c.link_id().eq(&link.code)).delete(db).await?;
            let code = format!("{}x", &link.code[..link.code.len().min(4)]);
            let clash = Link::objects().filter(|l| l.code().eq(&code)).exists(db).await?;
            if !clash {
                Link::objects().filter(|l| l.id().eq(link.id)).update(db, |l| l.code().set(code)).await?;
            }
            Ok(())
        }
        Random::Undone(step) => {
            let undone = db.atomic(async |db: &Db| {
                Box::pin(take(db, step)).await?;
                Err::<(), _>(nuages_orm::Error::new(ErrorKind::Validation, "undone"))
            });
            match undone.await {
                Err(error) if error.kind() == ErrorKind::Validation => Ok(()),
                other => other,
            }
        }
    }
}

on_each_engine! {
    async fn figures_are_right_after_each_of_many_random_steps(place: Place) {
        let db = &blog(&place).await;
        for name in ["a", "b", "c"] {
            Author::builder().name(name).create(db).await.unwrap();
            Tag::builder().label(name).create(db).await.unwrap();
            Link::builder().code(name).create(db).await.unwrap();
            Node::builder().create(db).await.unwrap();
        }
        let mut runner = TestRunner::deterministic();
        for number in 0..150 {
            let step = random().new_tree(&mut runner).unwrap().current();
            if let Err(error) = take(db, &step).await {
                panic!("{step:?}: {error}");
            }
            assert_true(db, &format!("step {number}, {step:?}")).await;
        }
        assert!(Comment::objects().count(db).await.unwrap() > 0);
    }
}
