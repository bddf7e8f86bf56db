#[path = "../blog.rs"]
mod blog;

use blog::*;
use nuages_orm::{Db, Result};

async fn publish(db: &Db, ada: &User) -> Result<Post> {
    Post::builder().author(ada).created(nuages_orm::Timestamp::UNIX_EPOCH).create(db).await
}

fn main() {
    let _ = publish;
}
