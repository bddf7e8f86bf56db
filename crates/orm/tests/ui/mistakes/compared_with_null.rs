#[path = "../blog.rs"]
mod blog;

use blog::*;
use nuages_orm::Model;

fn main() {
    Post::objects().filter(|p| p.editor_id().eq(None));
}
