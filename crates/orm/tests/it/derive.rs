//! What `#[derive(Model)]` and `#[derive(Choices)]` make of a struct.

mod blog {
    use nuages_orm::{Choices, ForeignKey, Json, ManyToMany, Model, Slug, Timestamp};

    /// Somebody who writes.
    #[derive(Model, Debug, Clone)]
    #[model(app = "blog")]
    pub struct User {
        pub id: i64,
        #[field(max_length = 150, unique)]
        pub username: String,
        pub bio: Option<String>,
        #[field(on_delete = SetNull, related_name = "students")]
        pub teacher: Option<ForeignKey<Self>>,
        pub friends: ManyToMany<User>,
        #[field(symmetrical = false, related_name = "followers")]
        pub follows: ManyToMany<User>,
    }

    /// How far a post is.
    #[derive(Choices, Debug, Clone, Copy, PartialEq)]
    pub enum Status {
        #[choice("d", "Draft")]
        Draft,
        #[choice("p", "Published")]
        Published,
    }

    /// A post in somebody's feed.
    #[derive(Model, Debug, Clone)]
    #[model(app = "blog", ordering = [-created_at, author.username, id])]
    pub struct Post {
        pub id: i64,
        #[field(on_delete = Cascade, related_name = "posts")]
        pub author: ForeignKey<User>,
        #[field(on_delete = SetNull)]
        pub editor: Option<ForeignKey<User>>,
        #[field(max_length = 200)]
        pub title: String,
        #[field(unique)]
        pub slug: Slug,
        #[field(default = Status::Draft)]
        pub status: Status,
        #[field(default)]
        pub meta: Json,
        #[field(default = 0)]
        pub comment_count: i32,
        #[field(auto_now_add)]
        pub created_at: Timestamp,
        #[field(related_name = "liked_posts")]
        pub likes: ManyToMany<User>,
    }
}

use blog::{
    Post, Status, User, UserHasFollowers, UserHasLikedPosts, UserHasPost, UserHasPostSet, UserHasPosts, UserHasStudents,
};
use nuages_orm::expr::{Expr, Path, Required, count};
use nuages_orm::model::{Field, OnDelete, OrderBy, Reference};
use nuages_orm::query::{Lookup, Node, Query, Step};
use nuages_orm::{Choice, FieldType, Kind, Model, ModelDef, Value};

fn fields<M: Model>() -> M::Fields<M, Required> {
    Path::root().into()
}

fn filter_of(query: Query) -> Node {
    match query.steps.into_iter().next() {
        Some(Step::Filter(node)) => node,
        other => panic!("no filter but {other:?}"),
    }
}

#[test]
fn a_struct_becomes_the_definition_it_says() {
    let key = |field, related: &str| {
        Field::foreign_key(field, Reference::new("blog.User", OnDelete::Cascade).related_name(related.to_owned()))
    };
    let expected = ModelDef::new("blog", "Post")
        .field(Field::new("id", Kind::BigAuto))
        .field(key("author", "posts"))
        .field(Field::foreign_key("editor", Reference::new("blog.User", OnDelete::SetNull)).null(true))
        .field(Field::new("title", Kind::Char { max_length: Some(200) }))
        .field(Field::new("slug", Kind::Slug { max_length: 50 }).unique(true))
        .field(
            Field::new("status", Kind::Char { max_length: Some(1) })
                .choices(&[Choice::text("d", "Draft"), Choice::text("p", "Published")])
                .default(Value::Text("d".into())),
        )
        .field(Field::new("meta", Kind::Json).default_from("Default::default()", || Value::Null))
        .field(Field::new("comment_count", Kind::Integer).default(Value::Int(0)))
        .field(Field::new("created_at", Kind::DateTime).auto_now_add(true))
        .field(Field::many_to_many("likes", Reference::new("blog.User", OnDelete::Cascade).related_name("liked_posts")))
        .primary_key("id")
        .order_by(OrderBy::desc(Node::path("created_at")))
        .order_by(OrderBy::asc(Node::path("author__username")))
        .order_by(OrderBy::asc(Node::path("id")));
    assert_eq!(Post::definition(), expected);
    assert_eq!(Post::LABEL, "blog.Post");
}

#[test]
fn hops_go_forward_and_null_spreads() {
    let p = fields::<Post>();
    let _: Expr<Post, String> = p.author().username();
    let _: Expr<Post, Option<String>> = p.author().bio();
    let _: Expr<Post, Option<String>> = p.editor().username();
    let _: Expr<Post, Option<String>> = p.author().teacher().username();
    let _: Expr<Post, i64> = p.author_id();
    let _: Expr<Post, Option<i64>> = p.editor_id();
    let _: Expr<Post, Option<i64>> = p.author().teacher().teacher_id();
    assert_eq!(p.author().teacher().username().into_node(), Node::path("author__teacher__username"));
    assert_eq!(p.editor_id().into_node(), Node::path("editor_id"));
}

#[test]
fn hops_go_back_and_over_many() {
    let p = fields::<Post>();
    let u = fields::<User>();
    let _: Expr<Post, Option<String>> = p.likes().username();
    let _: Expr<User, Option<String>> = u.posts().title();
    let _: Expr<User, i64> = count(u.liked_posts().id());
    assert_eq!(p.likes().follows().username().into_node(), Node::path("likes__follows__username"));
    assert_eq!(u.posts().likes().id().into_node(), Node::path("posts__likes__id"));
    assert_eq!(u.liked_posts().title().into_node(), Node::path("liked_posts__title"));
    assert_eq!(u.post().title().into_node(), Node::path("post__title"));
    assert_eq!(u.students().followers().posts().slug().into_node(), Node::path("students__followers__posts__slug"));
}

#[test]
fn a_row_knows_the_query_for_the_rows_that_refer_to_it() {
    let ada = user(7);
    let of = |field| Node::lookup(Node::path(field), Lookup::Exact, Node::value(Value::Int(7)));
    assert_eq!(filter_of(ada.posts().into_query()), of("author"));
    assert_eq!(filter_of(ada.post_set().into_query()), of("editor"));
    assert_eq!(filter_of(ada.liked_posts().into_query()), of("likes"));
    assert_eq!(filter_of(ada.students().into_query()), of("teacher"));
    assert_eq!(filter_of(ada.followers().into_query()), of("follows"));
    assert_eq!(ada.posts().into_query().model, "blog.Post");
}

fn user(id: i64) -> User {
    User {
        id,
        username: "ada".into(),
        bio: None,
        teacher: None,
        friends: nuages_orm::ManyToMany::default(),
        follows: nuages_orm::ManyToMany::default(),
    }
}

#[test]
fn a_builder_keeps_what_was_given() {
    let ada = user(7);
    let row = Post::builder().title("draft").slug("nuages").author(&ada).title("Nuages").editor(Some(&ada)).build();
    assert_eq!(
        row.values(),
        [
            ("title", Value::Text("Nuages".into())),
            ("slug", Value::Text("nuages".into())),
            ("author", Value::Int(7)),
            ("editor", Value::Int(7)),
        ]
    );
    let row = Post::builder()
        .author_id(3)
        .editor_id(None)
        .title(String::from("x"))
        .slug("x")
        .status(Status::Published)
        .meta(serde_json::json!({"a": 1}))
        .comment_count(4)
        .build();
    assert_eq!(row.values()[5], ("meta", Value::Json(serde_json::json!({"a": 1}))));
    assert_eq!(row.values()[1], ("editor", Value::Null));
}

#[test]
fn choices_have_labels() {
    assert_eq!(Status::Published.label(), "Published");
    assert_eq!(Status::Published.to_value(), Value::Text("p".into()));
}
