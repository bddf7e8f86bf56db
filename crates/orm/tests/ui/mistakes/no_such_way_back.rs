#[path = "../blog.rs"]
mod blog;

use blog::*;
use nuages_orm::Model;

fn main() {
    User::objects().filter(|u| u.comments().title().eq("Nuages"));
}
