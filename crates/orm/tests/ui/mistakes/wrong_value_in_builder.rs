#[path = "../blog.rs"]
mod blog;

use blog::*;

fn main() {
    let _ = Post::builder().title(5);
    let _ = Post::builder().author(5);
}
