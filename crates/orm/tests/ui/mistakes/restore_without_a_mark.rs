use nuages_orm::{Db, Model, Result, SoftDelete};

#[derive(Model)]
#[model(app = "blog")]
pub struct Post {
    pub id: i64,
    pub title: String,
}

async fn undo(db: &Db, mut post: Post) -> Result<()> {
    post.restore(db).await?;
    Post::objects().restore(db).await?;
    Ok(())
}

fn main() {}
