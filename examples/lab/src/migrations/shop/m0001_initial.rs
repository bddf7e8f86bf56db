//! Written by `makemigrations`.

use nuages::migrate::*;

/// What it does.
pub(super) fn migration() -> Migration {
    Migration::new("shop", "0001_initial")
        .create_model(
            ModelDef::new("shop", "Book")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("title", Kind::Char { max_length: Some(120) }))
                .field(Field::new("isbn", Kind::Char { max_length: Some(13) }).unique(true))
                .field(Field::new("status", Kind::Char { max_length: Some(1) }).default(Value::Text("d".into())))
                .field(Field::new("price", Kind::Decimal { max_digits: 8, decimal_places: 2 }).null(true))
                .field(Field::new("pages", Kind::PositiveInteger))
                .field(Field::new("weight", Kind::Float).null(true))
                .field(Field::new("meta", Kind::Json).null(true))
                .field(Field::new("released", Kind::Date).null(true))
                .field(Field::new("updated", Kind::DateTime))
                .field(Field::new("reading_time", Kind::Duration).null(true))
                .field(Field::new("in_stock", Kind::Boolean).default(Value::Bool(true)))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("shop", "Author")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("name", Kind::Char { max_length: Some(60) }))
                .field(Field::new("email", Kind::Email { max_length: 254 }).null(true).unique(true))
                .field(Field::new("born", Kind::Integer).null(true))
                .field(Field::many_to_many("friends", Reference::new("self", OnDelete::Cascade).symmetrical(true)))
                .field(
                    Field::foreign_key("mentor", Reference::new("self", OnDelete::SetNull).related_name("pupils"))
                        .null(true),
                )
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("shop", "Contribution")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("role", Kind::Char { max_length: Some(10) }).default(Value::Text("author".into())))
                .field(Field::new("position", Kind::SmallInteger).default(Value::Int(0)))
                .field(Field::foreign_key("author", Reference::new("shop.Author", OnDelete::Cascade)))
                .field(Field::foreign_key("book", Reference::new("shop.Book", OnDelete::Cascade)))
                .primary_key("id")
                .unique_together(["book", "author", "role"]),
        )
        .add_field(
            "Book",
            Field::many_to_many(
                "authors",
                Reference::new("shop.Author", OnDelete::Cascade).related_name("books").through("shop.Contribution"),
            ),
        )
        .create_model(
            ModelDef::new("shop", "Edition")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("year", Kind::Integer))
                .field(Field::new("print_run", Kind::BigInteger).null(true))
                .field(Field::one_to_one(
                    "book",
                    Reference::new("shop.Book", OnDelete::Cascade).related_name("first_edition"),
                ))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("shop", "Publisher")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("name", Kind::Char { max_length: Some(60) }).unique(true))
                .field(Field::new("country", Kind::Char { max_length: Some(2) }).null(true))
                .field(Field::new("founded", Kind::Date).null(true))
                .field(
                    Field::foreign_key("parent", Reference::new("self", OnDelete::SetNull).related_name("imprints"))
                        .null(true),
                )
                .primary_key("id"),
        )
        .add_field(
            "Book",
            Field::foreign_key("publisher", Reference::new("shop.Publisher", OnDelete::Protect).related_name("books"))
                .null(true),
        )
        .create_model(
            ModelDef::new("shop", "Review")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("rating", Kind::SmallInteger))
                .field(Field::new("body", Kind::Text).default(Value::Text("".into())))
                .field(Field::new("created", Kind::DateTime))
                .field(Field::foreign_key(
                    "book",
                    Reference::new("shop.Book", OnDelete::Cascade).related_name("reviews"),
                ))
                .field(
                    Field::foreign_key(
                        "reviewer",
                        Reference::new("shop.Author", OnDelete::SetNull).related_name("reviews"),
                    )
                    .null(true),
                )
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("shop", "Tag")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("label", Kind::Slug { max_length: 50 }).unique(true))
                .field(
                    Field::foreign_key("parent", Reference::new("self", OnDelete::Cascade).related_name("children"))
                        .null(true),
                )
                .primary_key("id"),
        )
        .add_field(
            "Book",
            Field::many_to_many("tags", Reference::new("shop.Tag", OnDelete::Cascade).related_name("books")),
        )
        .add_index(
            "Book",
            Index::new(vec![OrderBy::asc(field("status")), OrderBy::desc(field("released"))])
                .name("shop_book_status_cc410a_idx"),
        )
}
