#[path = "../blog.rs"]
mod blog;

use blog::*;
use nuages_orm::Model;

fn main() {
    Post::objects().filter(|p| p.stars().icontains("5"));
}
