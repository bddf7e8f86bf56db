#[path = "../blog.rs"]
mod blog;

use blog::*;
use nuages_orm::Model;

fn main() {
    // A field of the model around, without `outer`.
    User::objects().filter(|u| nuages_orm::expr::exists(Post::objects().filter(|p| p.author_id().eq(u.id()))));
}
