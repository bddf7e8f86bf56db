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
use nuages_orm::model::{
    DatabaseDefault, Deferrable, Field, FieldDefault, Generated, Index, OnDelete, OrderBy, Reference, Unique,
};
use nuages_orm::query::{Function, Lookup, Node, Operator, Query, Step};
use nuages_orm::{Choice, FieldType, ForeignKey, Kind, Model, ModelDef, Value};

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

/// Every attribute that a field can have.
mod every {
    use std::net::IpAddr;

    use nuages_orm::expr::{lower, now};
    use nuages_orm::{
        BigDecimal, Choices, Date, Decimal, Duration, Email, FilePath, ForeignKey, Json, ManyToMany, Model, OneToOne,
        Slug, Time, Timestamp, Url, Uuid,
    };

    use super::blog::User;

    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "every")]
    pub(super) struct Kinds {
        pub id: i16,
        pub small: i16,
        pub int: i32,
        pub big: i64,
        pub positive_small: u16,
        pub positive: u32,
        pub positive_big: u64,
        pub boolean: bool,
        pub float: f64,
        #[field(max_digits = 12, decimal_places = 4)]
        pub decimal: Decimal,
        #[field(max_digits = 30, decimal_places = 10)]
        pub wide: Option<BigDecimal>,
        pub text: String,
        #[field(max_length = 9)]
        pub char: String,
        #[field(kind = Char)]
        pub unlimited: std::string::String,
        pub email: Email,
        #[field(max_length = 2048)]
        pub url: Url,
        pub slug: Slug,
        pub file: FilePath,
        #[field(kind = Image)]
        pub image: FilePath,
        #[field(kind = FilePath, max_length = 300)]
        pub path: FilePath,
        pub binary: Vec<u8>,
        pub date: Date,
        pub time: Time,
        pub moment: Timestamp,
        pub duration: Option<Duration>,
        pub json: Option<Json<Vec<i32>>>,
        pub uuid: Uuid,
        pub ip: IpAddr,
        pub level: Level,
        #[field(kind = PositiveSmallInteger)]
        pub small_level: Option<Level>,
    }

    #[derive(Choices, Debug, Clone, Copy, PartialEq)]
    pub(super) enum Level {
        #[choice(-1, "Low")]
        Low,
        #[choice(5, "High")]
        High,
    }

    #[derive(Model, Debug, Clone)]
    #[model(
        app = "every",
        table = "Every Option",
        comment = "a table's",
        managed = false,
        verbose_name = "option",
        ordering = [-n],
        unique_together = [(n, label), (label, owner)],
        check(name = "positive", condition = |m| m.n().gt(0) & m.note().is_not_null()),
        unique(name = "one", fields = [n], condition = |m| m.live(), include = [label], deferrable = immediate),
        unique(name = "two", expressions = |m| (lower(m.label()), m.n().desc()), nulls_distinct = false),
        index(fields = [n, -label]),
        index(name = "three", fields = [n], condition = |m| m.owner_id().eq(1), include = [label, note]),
        index(name = "four", expressions = |m| lower(m.label())),
    )]
    pub(super) struct Options {
        #[field(primary_key, kind = BigAuto, column = "ID")]
        pub number: i64,
        #[field(unique, default = 7, db_default = 5, comment = "counted", verbose_name = "how many")]
        pub n: i32,
        #[field(max_length = 5, index, collation = "nocase", column = "Weird Column", db_default = "it's")]
        pub label: String,
        #[field(index = false, default = "slug")]
        pub slug: Slug,
        pub note: Option<String>,
        #[field(auto_now)]
        pub changed: Timestamp,
        #[field(db_default = now())]
        pub made: Timestamp,
        #[field(default = Uuid::new_v4())]
        pub random: Uuid,
        #[field(default)]
        pub list: Json<Vec<i32>>,
        #[field(default = true)]
        pub live: bool,
        #[field(generated = |m| m.n() + 1)]
        pub next: i32,
        #[field(generated_virtual = |m| lower(m.note()))]
        pub small: Option<String>,
        #[field(on_delete = Set(nobody), to_field = "username", constraint = false, column = "who", related_name = "+")]
        pub owner_name: Option<ForeignKey<User, String>>,
        #[field(on_delete = SetDefault, default = 1, index = false, related_name = "owned")]
        pub owner: ForeignKey<User>,
        #[field(on_delete = Restrict)]
        pub only: OneToOne<User>,
        #[field(table = "every_other", constraint = false)]
        pub others: ManyToMany<super::blog::Post>,
        #[field(through = Between, through_fields = (option, user), related_name = "+")]
        pub users: ManyToMany<User>,
    }

    fn nobody() -> Option<String> {
        None
    }

    #[derive(Model, Debug, Clone)]
    #[model(app = "every", primary_key = [option, user])]
    pub(super) struct Between {
        #[field(on_delete = Cascade, related_name = "+")]
        pub option: ForeignKey<Options>,
        #[field(on_delete = Cascade, related_name = "+")]
        pub user: ForeignKey<User>,
        #[field(on_delete = SetNull, related_name = "+")]
        pub inviter: Option<ForeignKey<User>>,
    }

    /// `User` under another name.
    #[derive(Model, Debug, Clone)]
    #[model(app = "every", proxy_for = User)]
    pub(super) struct Proxy {
        pub id: i64,
        #[field(max_length = 150, unique)]
        pub username: String,
        #[field(on_delete = SetNull, related_name = "students")]
        pub teacher: Option<ForeignKey<User>>,
    }
}

use every::{Between, Kinds, Level, Options, Proxy};

#[test]
fn each_type_has_its_kind() {
    let kinds: Vec<(String, Kind)> =
        Kinds::definition().fields.into_iter().map(|field| (field.name.into_owned(), field.kind)).collect();
    let expected = [
        ("id", Kind::SmallAuto),
        ("small", Kind::SmallInteger),
        ("int", Kind::Integer),
        ("big", Kind::BigInteger),
        ("positive_small", Kind::PositiveSmallInteger),
        ("positive", Kind::PositiveInteger),
        ("positive_big", Kind::PositiveBigInteger),
        ("boolean", Kind::Boolean),
        ("float", Kind::Float),
        ("decimal", Kind::Decimal { max_digits: 12, decimal_places: 4 }),
        ("wide", Kind::Decimal { max_digits: 30, decimal_places: 10 }),
        ("text", Kind::Text),
        ("char", Kind::Char { max_length: Some(9) }),
        ("unlimited", Kind::Char { max_length: None }),
        ("email", Kind::Email { max_length: 254 }),
        ("url", Kind::Url { max_length: 2048 }),
        ("slug", Kind::Slug { max_length: 50 }),
        ("file", Kind::File { max_length: 100 }),
        ("image", Kind::Image { max_length: 100 }),
        ("path", Kind::FilePath { max_length: 300 }),
        ("binary", Kind::Binary),
        ("date", Kind::Date),
        ("time", Kind::Time),
        ("moment", Kind::DateTime),
        ("duration", Kind::Duration),
        ("json", Kind::Json),
        ("uuid", Kind::Uuid),
        ("ip", Kind::GenericIpAddress),
        ("level", Kind::Integer),
        ("small_level", Kind::PositiveSmallInteger),
    ];
    assert_eq!(kinds, expected.map(|(name, kind)| (name.to_owned(), kind)));
    let nullable: Vec<String> =
        Kinds::definition().fields.iter().filter(|f| f.null).map(|f| f.name.to_string()).collect();
    assert_eq!(nullable, ["wide", "duration", "json", "small_level"]);
}

#[test]
fn each_attribute_reaches_the_definition() {
    let path = Node::path;
    let int = |number| Node::value(Value::Int(number));
    let user = |on_delete| Reference::new("blog.User", on_delete);
    let mut expected = ModelDef::new("every", "Options")
        .field(Field::new("number", Kind::BigAuto).column("ID"))
        .field(
            Field::new("n", Kind::Integer)
                .unique(true)
                .comment("counted")
                .verbose_name("how many")
                .default(Value::Int(7))
                .db_default(DatabaseDefault::Value(Value::Int(5))),
        )
        .field(
            Field::new("label", Kind::Char { max_length: Some(5) })
                .index(true)
                .column("Weird Column")
                .collation("nocase")
                .db_default(DatabaseDefault::Value(Value::Text("it's".into()))),
        )
        .field(Field::new("slug", Kind::Slug { max_length: 50 }).index(false).default(Value::Text("slug".into())))
        .field(Field::new("note", Kind::Text).null(true))
        .field(Field::new("changed", Kind::DateTime).auto_now(true))
        .field(
            Field::new("made", Kind::DateTime)
                .db_default(DatabaseDefault::Expression(Node::Call(Function::Now, Vec::new()))),
        )
        .field(Field::new("random", Kind::Uuid).default_from("Uuid::new_v4()", || Value::Null))
        .field(Field::new("list", Kind::Json).default_from("Default::default()", || Value::Null))
        .field(Field::new("live", Kind::Boolean).default(Value::Bool(true)))
        .field(Field::new("next", Kind::Integer).generated(Generated {
            expression: Node::Binary(Operator::Add, Box::new(path("n")), Box::new(int(1))),
            stored: true,
        }))
        .field(
            Field::new("small", Kind::Text)
                .null(true)
                .generated(Generated { expression: Node::Call(Function::Lower, vec![path("note")]), stored: false }),
        )
        .field(
            Field::foreign_key("owner", user(OnDelete::SetDefault).related_name("owned"))
                .index(false)
                .default(Value::Int(1)),
        )
        .field(Field::one_to_one("only", user(OnDelete::Restrict)))
        .field(Field::many_to_many(
            "others",
            Reference::new("blog.Post", OnDelete::Cascade).table("every_other").constraint(false),
        ))
        .field(Field::many_to_many(
            "users",
            user(OnDelete::Cascade).related_name("+").through("every.Between").through_fields("option", "user"),
        ))
        .primary_key("number")
        .table("Every Option")
        .comment("a table's")
        .verbose_name("option")
        .managed(false)
        .order_by(OrderBy::desc(path("n")))
        .unique_together(["n", "label"])
        .unique_together(["label", "owner"])
        .check(
            "positive",
            Node::And(vec![
                Node::lookup(path("n"), Lookup::Gt, int(0)),
                Node::lookup(path("note"), Lookup::IsNull, Node::value(Value::Bool(false))),
            ]),
        )
        .unique(Unique::new("one", ["n"]).condition(path("live")).include(["label"]).deferrable(Deferrable::Immediate))
        .unique(
            Unique::over(
                "two",
                vec![OrderBy::asc(Node::Call(Function::Lower, vec![path("label")])), OrderBy::desc(path("n"))],
            )
            .nulls_distinct(false),
        )
        .index(Index::new(vec![OrderBy::asc(path("n")), OrderBy::desc(path("label"))]))
        .index(
            Index::new(vec![OrderBy::asc(path("n"))])
                .name("three")
                .condition(Node::lookup(path("owner_id"), Lookup::Exact, int(1)))
                .include(["label", "note"]),
        )
        .index(Index::new(vec![OrderBy::asc(Node::Call(Function::Lower, vec![path("label")]))]).name("four"));
    let mut found = Options::definition();
    // Functions have no equality: this field is looked at apart.
    let owner_name = found.fields.remove(12);
    assert_eq!(found, expected.clone());
    expected.fields.clear();

    assert_eq!((owner_name.name.as_ref(), owner_name.column.as_deref()), ("owner_name", Some("who")));
    let reference = owner_name.relation.expect("a relation");
    assert_eq!((reference.to_field.as_deref(), reference.constraint), (Some("username"), false));
    match reference.on_delete {
        OnDelete::Set(name, function) => assert_eq!((name.as_ref(), function()), ("nobody", Value::Null)),
        other => panic!("{other:?}"),
    }
    match &Options::definition().fields[8].default {
        Some(FieldDefault::Function(_, function)) => assert_eq!(function(), Value::Json(serde_json::json!([]))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_proxy_and_a_key_of_several_fields() {
    assert_eq!(Proxy::definition().proxy_for.as_deref(), Some("blog.User"));
    assert_eq!(Between::definition().primary_key, ["option", "user"]);
    let row = Between { option: ForeignKey::new(3), user: ForeignKey::new(4), inviter: None };
    assert_eq!(row.key(), (3, 4));
    assert_eq!(row.to_values(), [Value::Int(3), Value::Int(4), Value::Null]);
}

#[test]
fn generated_columns_are_read_but_not_written() {
    let _read = |row: &Options| (row.next, row.small.clone());
    let named = |name: &str| Options::definition().fields.iter().any(|field| field.name == name);
    assert!(named("next"));
    let row = Options::builder().label("a").owner_id(1).only_id(2).build();
    let given: Vec<&str> = row.values().iter().map(|(name, _)| *name).collect();
    assert_eq!(given, ["label", "owner", "only"]);
}

#[test]
fn a_way_back_by_another_field_uses_its_value() {
    // By the name of `User.username`, hidden with `+`: what the derive would call.
    let query = nuages_orm::model::derived::referring_by(Options::objects(), &user(7), "owner_name", "username");
    let expected = Node::lookup(Node::path("owner_name"), Lookup::Exact, Node::value(Value::Text("ada".into())));
    assert_eq!(filter_of(query.into_query()), expected);
}

#[test]
fn single_ways_back_are_the_row_itself() {
    use every::UserHasOptions;

    let u = fields::<User>();
    let _: Expr<User, Option<i64>> = u.options().number();
    assert_eq!(u.options().label().into_node(), Node::path("options__label"));
    assert_eq!(
        filter_of(user(7).options().into_query()),
        Node::lookup(Node::path("only"), Lookup::Exact, Node::value(Value::Int(7)))
    );
}

crate::support::on_each_engine! {
    async fn a_row_that_does_not_fit_names_model_field_and_key(place: Place) {
        let models = nuages_orm::Models::new().with::<Small>();
        let db = nuages_orm::Db::connect(&place.url, models).await.unwrap();
        db.raw("CREATE TABLE small (id bigint, name text, level integer, price decimal)", ()).execute().await.unwrap();
        let refused = async |values: &str| {
            db.raw("DELETE FROM small", ()).execute().await.unwrap();
            db.raw(format!("INSERT INTO small VALUES {values}"), ()).execute().await.unwrap();
            db.raw("SELECT * FROM small", ()).fetch_models::<Small>().await.unwrap_err().to_string()
        };
        assert_eq!(
            refused("(7, NULL, 5, 1)").await,
            "every.Small.name of row 7: is null, but the model says that it may not be"
        );
        assert_eq!(
            refused("(8, 'a', 3, 1)").await,
            "every.Small.level of row 8: 3 is none of its choices: -1 (Low), 5 (High)"
        );
        let wide = "every.Small.price of row 9: ";
        let text = place.choose("(9, 'a', 5, 1e300)", "(9, 'a', 5, 123456789012345678901234567890.12)");
        assert!(refused(text).await.starts_with(wide));
        assert!(refused("(NULL, 'a', 5, 1)").await.starts_with("every.Small.id: is null"));
    }
}

#[derive(nuages_orm::Model, Debug)]
#[model(app = "every", table = "small")]
struct Small {
    id: i64,
    name: String,
    level: Level,
    #[field(max_digits = 5, decimal_places = 2)]
    price: nuages_orm::Decimal,
}
