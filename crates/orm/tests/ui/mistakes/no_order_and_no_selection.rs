#[path = "../blog.rs"]
mod blog;

use blog::*;
use nuages_orm::Model;

fn main() {
    Post::objects().order_by(|p| p.author());
    Post::objects().values(|p| (p.id(), "title"));
}
