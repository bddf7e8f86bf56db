//! The models of the mistakes, without a mistake.

use nuages_orm::{ForeignKey, ManyToMany, Model, Timestamp};

#[derive(Model)]
#[model(app = "blog")]
pub struct User {
    pub id: i64,
    #[field(max_length = 150, unique)]
    pub username: String,
}

#[derive(Model)]
#[model(app = "blog", ordering = [-created])]
pub struct Post {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "posts")]
    pub author: ForeignKey<User>,
    #[field(on_delete = SetNull, related_name = "edited")]
    pub editor: Option<ForeignKey<User>>,
    #[field(max_length = 200)]
    pub title: String,
    #[field(default = 0)]
    pub stars: i32,
    pub created: Timestamp,
    #[field(related_name = "liked")]
    pub likes: ManyToMany<User>,
}

#[allow(dead_code)]
fn main() {
    let _ = Post::objects().filter(|p| p.author().username().eq("ada") & p.stars().gt(3));
    let _ = Post::builder().author_id(1).title("Nuages").created(Timestamp::UNIX_EPOCH).build();
}
