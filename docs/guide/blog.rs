// The models of the chapter on models and queries, and a database with some rows: included by its examples.
use nuages::prelude::*;

#[derive(Model, Debug, Clone)]
#[model(app = "blog")]
pub struct Author {
    pub id: i64,
    #[field(max_length = 60)]
    pub name: String,
    pub born: Option<i32>,
    #[field(on_delete = SetNull, related_name = "pupils")]
    pub mentor: Option<ForeignKey<Author>>,
}

#[derive(Choices, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    #[choice("d", "Draft")]
    Draft,
    #[choice("p", "Published")]
    Published,
}

#[derive(Model, Debug, Clone)]
#[model(app = "blog", ordering = [-created_at, id])]
pub struct Post {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "posts")]
    pub author: ForeignKey<Author>,
    #[field(max_length = 200)]
    pub title: String,
    #[field(max_length = 1, default = Status::Draft)]
    pub status: Status,
    #[field(default = 0)]
    pub words: i32,
    #[field(auto_now_add)]
    pub created_at: Timestamp,
    #[field(related_name = "posts")]
    pub tags: ManyToMany<Tag>,
}

#[derive(Model, Debug, Clone)]
#[model(app = "blog")]
pub struct Tag {
    pub id: i64,
    #[field(unique)]
    pub label: Slug,
}

/// The tables, empty.
#[allow(dead_code)]
pub async fn blog() -> Result<Db> {
    let models = Models::new().with::<Author>().with::<Post>().with::<Tag>();
    let db = Db::connect("sqlite::memory:", models).await?;
    nuages::migrate::create_tables(&db).await?;
    Ok(db)
}

/// Two authors, three posts of one and one of the other.
#[allow(dead_code)]
pub async fn filled_blog() -> Result<Db> {
    let db = blog().await?;
    let django = Author::builder().name("Django").born(1910).create(&db).await?;
    let stephane = Author::builder().name("Stéphane").born(1908).create(&db).await?;
    for (author, title, words, status) in [
        (&django, "Nuages", 300, Status::Published),
        (&django, "Minor Swing", 500, Status::Published),
        (&django, "Swing 42", 400, Status::Draft),
        (&stephane, "Daphné", 300, Status::Published),
    ] {
        Post::builder().author(author).title(title).words(words).status(status).create(&db).await?;
    }
    Ok(db)
}
