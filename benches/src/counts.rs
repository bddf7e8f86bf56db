//! A count that the database keeps: inserts by many writers over many parents, against the same inserts without it.

use nuages::migrate::create_tables;
use nuages::prelude::*;

use crate::database::Database;
use crate::driver::in_turn;
use crate::measure::report;
use raw_driver::Error;

const WRITERS: usize = 16;
const PARENTS: u64 = 1_000;

/// A parent whose children nobody counts.
#[derive(Model, Debug, Clone)]
#[model(app = "bench")]
struct Shelf {
    pub id: i64,
}

#[derive(Model, Debug, Clone)]
#[model(app = "bench")]
struct Book {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "books")]
    pub shelf: ForeignKey<Shelf>,
    pub title: String,
}

/// A parent whose children are counted.
#[derive(Model, Debug, Clone)]
#[model(app = "bench")]
struct Counted {
    pub id: i64,
    #[field(counts = "notes")]
    #[expect(dead_code, reason = "queries read it")]
    pub note_count: i32,
}

#[derive(Model, Debug, Clone)]
#[model(app = "bench")]
struct Note {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "notes")]
    pub counted: ForeignKey<Counted>,
    pub title: String,
}

/// A parent for each number, spread so that writers meet at times.
fn parent(number: u64) -> i64 {
    (number.wrapping_mul(7_919) % PARENTS + 1).cast_signed()
}

pub(crate) async fn run() -> Result<(), Error> {
    for database in Database::both(1).await? {
        let models = Models::new().with::<Shelf>().with::<Book>().with::<Counted>().with::<Note>();
        let db = Db::connect(&database.url(), models).await?;
        create_tables(&db).await?;
        db.atomic(async |db: &Db| {
            for _ in 0..PARENTS {
                Shelf::builder().create(db).await?;
                Counted::builder().create(db).await?;
            }
            Ok::<_, nuages::prelude::Error>(())
        })
        .await?;
        let (without, with) = in_turn(
            WRITERS,
            (db.clone(), |db: Db, number| async move {
                Book::builder().shelf_id(parent(number)).title("a title").create(&db).await?;
                Ok(())
            }),
            (db.clone(), |db: Db, number| async move {
                Note::builder().counted_id(parent(number)).title("a title").create(&db).await?;
                Ok(())
            }),
        )
        .await?;
        // By the key too, or all that have the same count would be one group.
        let wrong = Counted::objects().values(|c| (c.id(), c.note_count(), count(c.notes().id())));
        let wrong = wrong.all(&db).await?.into_iter().filter(|(_, kept, counted)| i64::from(*kept) != *counted).count();
        if wrong > 0 {
            return Err(format!("{}: {wrong} counts are wrong", database.engine()).into());
        }
        let what = format!("{}, inserts with a kept count, {WRITERS} writers", database.engine());
        report(&what, "/s", ("without", without), with, "0.5");
        db.close().await;
    }
    Ok(())
}
