// The models of the chapter on managers and soft delete, and a database with some rows: included by its examples.
use nuages::prelude::*;

#[derive(Model, Debug, Clone)]
#[model(app = "archive")]
pub struct Post {
    pub id: i64,
    #[field(max_length = 200, unique_alive)]
    pub title: String,
    #[field(soft_delete)]
    pub deleted_at: Option<Timestamp>,
}

#[derive(Model, Debug, Clone)]
#[model(app = "archive")]
pub struct Comment {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "comments")]
    pub post: ForeignKey<Post>,
    pub text: String,
    #[field(soft_delete)]
    pub deleted_at: Option<Timestamp>,
}

/// A post with two comments.
#[allow(dead_code)]
pub async fn archive() -> Result<(Db, Post)> {
    let db = Db::connect("sqlite::memory:", Models::new().with::<Post>().with::<Comment>()).await?;
    nuages::migrate::create_tables(&db).await?;
    let post = Post::builder().title("Nuages").create(&db).await?;
    for text in ["lovely", "too slow"] {
        Comment::builder().post(&post).text(text).create(&db).await?;
    }
    Ok((db, post))
}
