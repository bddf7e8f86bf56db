use nuages_orm::{ForeignKey, Model, Timestamp};

#[derive(Model)]
#[model(app = "blog")]
pub struct Post {
    pub id: i64,
    #[field(counts = "comments", max_length = 20)]
    pub comment_count: String,
    #[field(counts = "comments.stars")]
    pub star_count: i32,
    #[field(sums = "comments")]
    pub stars: i64,
    #[field(latest = "comments.at")]
    pub last: Timestamp,
    #[field(counts = "comments", default = 0)]
    pub twice: i32,
    #[field(counts(off = "comments"))]
    pub nothing: i32,
}

#[derive(Model)]
#[model(app = "blog")]
pub struct Comment {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "comments", counts = "posts")]
    pub post: ForeignKey<Post>,
    pub at: Timestamp,
}

fn main() {}
