#[path = "../blog.rs"]
mod blog;

use blog::*;

fn main() {
    Post::builder().author_id(1).created(nuages_orm::Timestamp::UNIX_EPOCH).build();
}
