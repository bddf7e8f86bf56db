//! The tables that rows are written to in bulk.

use nuages_orm::expr::now;
use nuages_orm::{Date, Db, ForeignKey, Json, Model, Models, Timestamp, Uuid, migrate};

use crate::support::Place;

#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "bulk", ordering = [id])]
pub(crate) struct Shelf {
    pub(crate) id: i64,
    #[field(max_length = 60)]
    pub(crate) label: String,
    #[field(counts = "books")]
    pub(crate) book_count: i32,
    #[field(sums = "books.pages")]
    pub(crate) pages: i64,
}

/// A model that takes part in all that a new row gets by itself.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "bulk", ordering = [id])]
pub(crate) struct Book {
    pub(crate) id: i64,
    #[field(max_length = 20, unique)]
    pub(crate) isbn: String,
    #[field(max_length = 40, default = "untitled")]
    pub(crate) title: String,
    #[field(default = 7)]
    pub(crate) pages: i32,
    #[field(default = Uuid::new_v4())]
    pub(crate) token: Uuid,
    #[field(db_default = 5)]
    pub(crate) rank: i32,
    #[field(db_default = now())]
    pub(crate) seen: Timestamp,
    #[field(auto_now_add)]
    pub(crate) made: Timestamp,
    #[field(auto_now)]
    pub(crate) changed: Timestamp,
    #[field(generated = |b| b.pages() + b.pages())]
    pub(crate) sides: i32,
    #[field(on_delete = Cascade, related_name = "books")]
    pub(crate) shelf: Option<ForeignKey<Shelf>>,
}

/// A key that the database gives, and nothing else.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "bulk", ordering = [id])]
pub(crate) struct Ticket {
    pub(crate) id: i32,
}

/// A key of two columns.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "bulk", primary_key = [device, day], ordering = [device, day])]
pub(crate) struct Reading {
    pub(crate) device: i32,
    pub(crate) day: Date,
    pub(crate) value: f64,
    #[field(max_length = 10, default = "")]
    pub(crate) note: String,
}

/// Unique among living rows alone.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "bulk", ordering = [id], unique(name = "page_path", fields = [site, path], alive))]
pub(crate) struct Page {
    pub(crate) id: i64,
    #[field(default = 1)]
    pub(crate) site: i32,
    #[field(max_length = 20)]
    pub(crate) path: String,
    #[field(max_length = 20, default = "")]
    pub(crate) body: String,
    #[field(soft_delete)]
    pub(crate) gone: Option<Timestamp>,
}

/// Unique, where it is not null.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "bulk", ordering = [id])]
pub(crate) struct Slot {
    pub(crate) id: i64,
    #[field(unique)]
    pub(crate) place: Option<i32>,
    #[field(max_length = 10, default = "")]
    pub(crate) note: String,
}

#[cfg(feature = "jsonschema")]
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "bulk", ordering = [id])]
pub(crate) struct Record {
    pub(crate) id: i64,
    #[field(max_length = 10, unique)]
    pub(crate) code: String,
    #[field(schema = r#"{"type": "object", "required": ["year"], "properties": {"year": {"type": "integer"}}}"#)]
    pub(crate) notes: Json,
}

#[cfg(not(feature = "jsonschema"))]
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "bulk", ordering = [id])]
pub(crate) struct Record {
    pub(crate) id: i64,
    #[field(max_length = 10, unique)]
    pub(crate) code: String,
    pub(crate) notes: Json,
}

pub(crate) fn models() -> Models {
    let models = Models::new().with::<Shelf>().with::<Book>().with::<Ticket>().with::<Reading>().with::<Page>();
    models.with::<Record>().with::<Slot>().with::<super::every::Everything>()
}

pub(crate) async fn library(place: &Place) -> Db {
    let db = Db::connect(&place.url, models()).await.unwrap();
    migrate::create_tables(&db).await.unwrap();
    db
}

pub(crate) fn isbn(number: usize) -> String {
    format!("978-{number:05}")
}
