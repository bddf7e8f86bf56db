//! A blog whose figures are kept, and what they should be.

use std::collections::BTreeMap;

use nuages_orm::migrate::create_tables;
use nuages_orm::{Db, Decimal, Duration, ForeignKey, ManyToMany, Model, Models, Timestamp};

use crate::support::Place;

#[derive(Model, Debug, Clone)]
#[model(app = "blog")]
pub(crate) struct Author {
    pub id: i64,
    #[field(max_length = 40)]
    pub name: String,
    #[field(counts = "comments")]
    pub comment_count: i64,
    #[field(sums = "posts.comment_count")]
    pub received: i64,
}

#[derive(Model, Debug, Clone)]
#[model(app = "blog")]
pub(crate) struct Post {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "posts")]
    pub author: ForeignKey<Author>,
    #[field(max_length = 40)]
    pub title: String,
    #[field(counts = "comments")]
    pub comment_count: i32,
    #[field(counts(of = "comments", where = |c: Comment| c.is_public().eq(true) & c.score().gte(0)))]
    pub public_count: u32,
    #[field(sums = "comments.score")]
    pub score: i64,
    #[field(sums(of = "comments.price", where = |c: Comment| c.is_public().eq(true)), max_digits = 12, decimal_places = 2)]
    pub paid: Decimal,
    #[field(sums = "comments.took")]
    pub took: Duration,
    #[field(latest = "comments.at")]
    pub latest: Option<Timestamp>,
    #[field(earliest(of = "comments.at", where = |c: Comment| c.is_public().eq(true)))]
    pub earliest: Option<Timestamp>,
    #[field(related_name = "posts")]
    pub tags: ManyToMany<Tag>,
    #[field(counts = "tags")]
    pub tag_count: i16,
}

#[derive(Model, Debug, Clone)]
#[model(app = "blog")]
pub(crate) struct Comment {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "comments")]
    pub post: ForeignKey<Post>,
    #[field(on_delete = SetNull, related_name = "comments")]
    pub author: Option<ForeignKey<Author>>,
    #[field(default = true)]
    pub is_public: bool,
    #[field(default = 1)]
    pub score: i32,
    #[field(max_digits = 8, decimal_places = 2)]
    pub price: Option<Decimal>,
    #[field(default = Duration::from_secs(1))]
    pub took: Duration,
    pub at: Option<Timestamp>,
}

#[derive(Model, Debug, Clone)]
#[model(app = "blog")]
pub(crate) struct Tag {
    pub id: i64,
    #[field(max_length = 20, unique)]
    pub label: String,
    #[field(counts = "posts")]
    pub post_count: i32,
}

/// A tree.
#[derive(Model, Debug, Clone)]
#[model(app = "blog")]
pub(crate) struct Node {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "children")]
    pub parent: Option<ForeignKey<Node>>,
    #[field(counts = "children")]
    pub child_count: i32,
}

/// Referred to by another column than its key.
#[derive(Model, Debug, Clone)]
#[model(app = "blog")]
pub(crate) struct Link {
    pub id: i64,
    #[field(max_length = 10, unique)]
    pub code: String,
    #[field(counts = "clicks")]
    pub click_count: i64,
}

#[derive(Model, Debug, Clone)]
#[model(app = "blog")]
pub(crate) struct Click {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "clicks", to_field = "code")]
    pub link: ForeignKey<Link, String>,
}

pub(crate) fn models() -> Models {
    let blog = Models::new().with::<Author>().with::<Post>().with::<Comment>().with::<Tag>();
    blog.with::<Node>().with::<Link>().with::<Click>()
}

pub(crate) async fn blog(place: &Place) -> Db {
    let db = Db::connect(&place.url, models()).await.unwrap();
    create_tables(&db).await.unwrap();
    db
}

/// A moment, so many seconds after the first.
pub(crate) fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// Reads all rows and counts them; panics, with the step, if a figure is not what it should be.
pub(crate) async fn assert_true(db: &Db, step: &str) {
    let comments = Comment::objects().all(db).await.unwrap();
    let posts = Post::objects().all(db).await.unwrap();
    for post in &posts {
        let of: Vec<&Comment> = comments.iter().filter(|comment| *comment.post.key() == post.id).collect();
        let public = || of.iter().filter(|comment| comment.is_public);
        let expected = (
            i32::try_from(of.len()).unwrap(),
            u32::try_from(public().filter(|comment| comment.score >= 0).count()).unwrap(),
            of.iter().map(|comment| i64::from(comment.score)).sum::<i64>(),
            public().filter_map(|comment| comment.price).sum::<Decimal>(),
            of.iter().fold(Duration::ZERO, |sum, comment| sum + comment.took),
            of.iter().filter_map(|comment| comment.at).max(),
            public().filter_map(|comment| comment.at).min(),
            i16::try_from(Tag::objects().filter(|t| t.posts().id().eq(post.id)).count(db).await.unwrap()).unwrap(),
        );
        let found = (
            post.comment_count,
            post.public_count,
            post.score,
            post.paid,
            post.took,
            post.latest,
            post.earliest,
            post.tag_count,
        );
        assert_eq!(found, expected, "post {} after {step}", post.id);
    }
    for author in Author::objects().all(db).await.unwrap() {
        let of = |comment: &&Comment| comment.author.as_ref().is_some_and(|key| *key.key() == author.id);
        let own = posts.iter().filter(|post| *post.author.key() == author.id);
        let expected = (comments.iter().filter(of).count() as i64, own.map(|post| i64::from(post.comment_count)).sum());
        assert_eq!((author.comment_count, author.received), expected, "author {} after {step}", author.id);
    }
    for tag in Tag::objects().all(db).await.unwrap() {
        let found = Post::objects().filter(|p| p.tags().id().eq(tag.id)).count(db).await.unwrap();
        assert_eq!(i64::from(tag.post_count), found, "tag {} after {step}", tag.id);
    }
    let nodes = Node::objects().all(db).await.unwrap();
    let mut children: BTreeMap<i64, i32> = BTreeMap::new();
    for parent in nodes.iter().filter_map(|node| node.parent.as_ref()) {
        *children.entry(*parent.key()).or_default() += 1;
    }
    for node in &nodes {
        let expected = children.get(&node.id).copied().unwrap_or(0);
        assert_eq!(node.child_count, expected, "node {} after {step}", node.id);
    }
    let clicks = Click::objects().all(db).await.unwrap();
    for link in Link::objects().all(db).await.unwrap() {
        let expected = clicks.iter().filter(|click| *click.link.key() == link.code).count() as i64;
        assert_eq!(link.click_count, expected, "link {} after {step}", link.code);
    }
}
