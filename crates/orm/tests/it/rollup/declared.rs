//! Figures as they are declared: what the derive makes of them, and what is refused.

use nuages_orm::migrate::{Field, Kind, Node, OnDelete, Reference, Rollup, Value, keyword};
use nuages_orm::{Dialect, Model, ModelDef, Models, Schema};

use super::{Comment, Post};

#[test]
fn the_derive_says_what_was_written() {
    let definition = Post::definition();
    let field = |name: &str| definition.fields.iter().find(|field| field.name == name).unwrap().clone();
    let count = Field::new("comment_count", Kind::Integer).rollup(Rollup::count("comments"));
    assert_eq!(field("comment_count"), count);
    assert_eq!(count.default, Field::new("x", Kind::Integer).default(Value::Int(0)).default);
    let public = keyword("is_public", true);
    let only = match &field("paid").rollup.unwrap().condition {
        Some(Node::Lookup { left, right, .. }) => (left.clone(), right.clone()),
        other => panic!("{other:?}"),
    };
    assert!(matches!(public, Node::Lookup { left, right, .. } if (left.clone(), right.clone()) == only));
    assert_eq!(
        field("latest"),
        Field::new("latest", Kind::DateTime).null(true).rollup(Rollup::latest("comments", "at"))
    );
    // What the database keeps is none of the values that a row is written with.
    let written = definition.fields.iter().filter(|field| field.is_written()).count();
    assert_eq!(written, 3);
    assert!(Comment::definition().fields.iter().all(|field| field.rollup.is_none()));
}

/// The problems of a post with this field, whose comments and tags are counted.
fn problems(field: Field) -> String {
    let key = |name: &'static str, to: &'static str, back: &'static str| {
        Field::foreign_key(name, Reference::new(to, OnDelete::Cascade).related_name(back))
    };
    let id = || Field::new("id", Kind::BigAuto);
    let post = ModelDef::new("blog", "Post")
        .field(id())
        .field(key("author", "blog.Author", "posts"))
        .field(Field::many_to_many("tags", Reference::new("blog.Tag", OnDelete::Cascade).related_name("posts")))
        .field(field)
        .primary_key("id");
    let comment = ModelDef::new("blog", "Comment")
        .field(id())
        .field(key("post", "blog.Post", "comments"))
        .field(Field::new("text", Kind::Text))
        .field(Field::new("score", Kind::Float))
        .field(Field::new("price", Kind::Decimal { max_digits: 6, decimal_places: 2 }))
        .field(Field::new("points", Kind::BigInteger))
        .field(Field::new("at", Kind::DateTime))
        .primary_key("id");
    let author = ModelDef::new("blog", "Author").field(id()).primary_key("id");
    let tag = ModelDef::new("blog", "Tag").field(id()).primary_key("id");
    let models = [post, comment, author, tag].into_iter().fold(Models::new(), Models::with_definition);
    match Schema::new(&models, Dialect::Sqlite) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

fn int() -> Field {
    Field::new("n", Kind::Integer)
}

#[test]
fn what_cannot_be_kept_is_refused_with_the_choices() {
    let decimal = |places| Field::new("n", Kind::Decimal { max_digits: 9, decimal_places: places });
    let moment = || Field::new("n", Kind::DateTime);
    let cases = [
        (int().rollup(Rollup::count("comments")), ""),
        (int().rollup(Rollup::count("tags")), ""),
        (decimal(2).rollup(Rollup::sum("comments", "price")), ""),
        (decimal(0).rollup(Rollup::sum("comments", "points")), ""),
        (moment().null(true).rollup(Rollup::earliest("comments", "at")), ""),
        (
            int().rollup(Rollup::count("coments")),
            "counts `coments`, but `coments` is no relation to several rows: choices are comments, tags; did you mean \
             `comments`?",
        ),
        (
            int().rollup(Rollup::count("author")),
            "counts `author`, but `author` is no relation to several rows: choices are comments, tags",
        ),
        (
            Field::new("n", Kind::Text).rollup(Rollup::count("comments")),
            "counts `comments`, but a count is a whole number that is never null",
        ),
        (
            int().null(true).rollup(Rollup::count("comments")),
            "counts `comments`, but a count is a whole number that is never null",
        ),
        (
            int().rollup(Rollup::sum("comments", "prize")),
            "sums `comments.prize`, but blog.Comment has no column `prize`: choices are id, post, text, score, price, \
             points, at; did you mean `price`?",
        ),
        (
            int().rollup(Rollup::sum("comments", "text")),
            "sums `comments.text`, but blog.Comment.text is a TextField; sums are of whole numbers, decimals and durations",
        ),
        (
            Field::new("n", Kind::Float).rollup(Rollup::sum("comments", "score")),
            "sums `comments.score`, but blog.Comment.score is a FloatField, whose sum depends on the order of the rows, so \
             it cannot be kept; make it a decimal",
        ),
        (
            int().rollup(Rollup::sum("comments", "price")),
            "sums `comments.price`, but its own IntegerField does not hold a DecimalField with 2 decimal places, which \
             blog.Comment.price is",
        ),
        (
            decimal(1).rollup(Rollup::sum("comments", "price")),
            "sums `comments.price`, but its own DecimalField does not hold a DecimalField with 2 decimal places, which \
             blog.Comment.price is",
        ),
        (
            int().null(true).rollup(Rollup::sum("comments", "points")),
            "sums `comments.points`, but a sum is never null: of no rows it is 0",
        ),
        (
            moment().rollup(Rollup::latest("comments", "at")),
            "holds the latest `comments.at`, but where there are no rows it is null: make its type an `Option`",
        ),
        (
            Field::new("n", Kind::Date).null(true).rollup(Rollup::latest("comments", "at")),
            "holds the latest `comments.at`, but its own DateField does not hold a DateTimeField, which blog.Comment.at is",
        ),
        (
            int().null(true).rollup(Rollup::latest("comments", "points")),
            "holds the latest `comments.points`, but its own IntegerField does not hold a BigIntegerField, which \
             blog.Comment.points is",
        ),
        (
            int().rollup(Rollup::sum("tags", "tag")),
            "sums `tags.tag`, but blog.Post_tags.tag is a key; sums are of whole numbers, decimals and durations",
        ),
        (
            int().rollup(Rollup::count("comments").only(keyword("is_public", true))),
            "counts `comments`, but its condition on blog.Comment: unknown field `is_public` of blog.Comment: choices are \
             at, id, pk, points, post, post_id, price, score, text",
        ),
        (
            int().rollup(Rollup::count("comments").only(keyword("post__author", 1))),
            "counts `comments`, but its condition on blog.Comment: ",
        ),
        (
            int().unique(true).rollup(Rollup::count("comments")),
            "counts `comments`, so it can be neither key nor unique nor set otherwise",
        ),
    ];
    for (field, expected) in cases {
        let expected = if expected.is_empty() { String::new() } else { format!("blog.Post.n: {expected}") };
        let found = problems(field);
        match expected.ends_with(": ") {
            true => assert!(found.starts_with(&expected), "{found}"),
            false => assert_eq!(found, expected),
        }
    }
    let now = nuages_orm::migrate::call(nuages_orm::migrate::Function::Now, []);
    let past = nuages_orm::migrate::compare(nuages_orm::migrate::field("at"), nuages_orm::migrate::Lookup::Lt, now);
    let found = problems(int().rollup(Rollup::count("comments").only(past)));
    assert!(
        found.contains("a condition on the present time changes its answer without any row being written"),
        "{found}"
    );
}

#[test]
fn figures_in_a_circle_are_refused() {
    let key = |back: &'static str| Reference::new("self", OnDelete::Cascade).related_name(back);
    let node = ModelDef::new("tree", "Node")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::foreign_key("parent", key("children")).null(true))
        .field(Field::new("size", Kind::Integer).rollup(Rollup::sum("children", "weight")))
        .field(Field::new("weight", Kind::Integer).generated(nuages_orm::migrate::Generated::stored(
            nuages_orm::migrate::arithmetic(
                nuages_orm::migrate::field("size"),
                nuages_orm::migrate::Operator::Add,
                nuages_orm::migrate::value(1),
            ),
        )))
        .primary_key("id");
    let error = Schema::new(&Models::new().with_definition(node), Dialect::Postgres).unwrap_err().to_string();
    assert_eq!(error, "tree.Node.size, tree.Node.weight: are kept by means of one another without end; leave one out");
}
