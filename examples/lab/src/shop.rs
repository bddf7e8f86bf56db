//! A small book trade: enough relations for queries to go wrong in every known way.

#![expect(missing_docs, reason = "the fields are those of the Django models, described there")]

use nuages::prelude::*;

/// Somebody who brings out books; an imprint has a parent.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "shop")]
pub struct Publisher {
    pub id: i64,
    #[field(max_length = 60, unique)]
    pub name: String,
    #[field(max_length = 2)]
    pub country: Option<String>,
    pub founded: Option<Date>,
    #[field(on_delete = SetNull, related_name = "imprints")]
    pub parent: Option<ForeignKey<Self>>,
}

/// Somebody who writes, translates or reviews.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "shop")]
pub struct Author {
    pub id: i64,
    #[field(max_length = 60)]
    pub name: String,
    #[field(unique)]
    pub email: Option<Email>,
    pub born: Option<i32>,
    #[field(on_delete = SetNull, related_name = "pupils")]
    pub mentor: Option<ForeignKey<Self>>,
    pub friends: ManyToMany<Self>,
}

/// What a book is about; tags form trees.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "shop")]
pub struct Tag {
    pub id: i64,
    #[field(unique)]
    pub label: Slug,
    #[field(on_delete = Cascade, related_name = "children")]
    pub parent: Option<ForeignKey<Self>>,
}

/// How far a book is.
#[derive(Choices, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    #[choice("d", "Draft")]
    Draft,
    #[choice("p", "Published")]
    Published,
    #[choice("o", "Out of print")]
    Out,
}

/// A book.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "shop", ordering = [-released, title, id], index(fields = [status, -released]))]
pub struct Book {
    pub id: i64,
    #[field(max_length = 120)]
    pub title: String,
    #[field(max_length = 13, unique)]
    pub isbn: String,
    #[field(on_delete = Protect, related_name = "books")]
    pub publisher: Option<ForeignKey<Publisher>>,
    #[field(through = Contribution, related_name = "books")]
    pub authors: ManyToMany<Author>,
    #[field(related_name = "books")]
    pub tags: ManyToMany<Tag>,
    #[field(default = Status::Draft)]
    pub status: Status,
    #[field(max_digits = 8, decimal_places = 2)]
    pub price: Option<Decimal>,
    pub pages: u32,
    pub weight: Option<f64>,
    #[field(default = json!({}))]
    pub meta: Option<Json>,
    pub released: Option<Date>,
    pub updated: Timestamp,
    pub reading_time: Option<Duration>,
    #[field(default = true)]
    pub in_stock: bool,
}

/// What an author did for a book.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "shop", unique_together = [(book, author, role)])]
pub struct Contribution {
    pub id: i64,
    #[field(on_delete = Cascade)]
    pub book: ForeignKey<Book>,
    #[field(on_delete = Cascade)]
    pub author: ForeignKey<Author>,
    #[field(max_length = 10, default = "author")]
    pub role: String,
    #[field(default = 0)]
    pub position: i16,
}

/// What somebody thinks of a book.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "shop")]
pub struct Review {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "reviews")]
    pub book: ForeignKey<Book>,
    #[field(on_delete = SetNull, related_name = "reviews")]
    pub reviewer: Option<ForeignKey<Author>>,
    pub rating: i16,
    #[field(default = "")]
    pub body: String,
    pub created: Timestamp,
}

/// A book's first edition.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "shop")]
pub struct Edition {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "first_edition")]
    pub book: OneToOne<Book>,
    pub year: i32,
    pub print_run: Option<i64>,
}
