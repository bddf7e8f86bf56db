use nuages_orm::{Document, Json, Model};
use serde::{Deserialize, Serialize};

#[derive(Document, Serialize, Deserialize)]
struct Meta {
    author: Author,
    tags: Vec<String>,
    pages: i32,
    secret: Foreign,
}

#[derive(Document, Serialize, Deserialize)]
struct Author {
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Foreign {
    id: i32,
}

#[derive(Model)]
#[model(app = "blog")]
struct Post {
    id: i64,
    meta: Json<Meta>,
    other: Json<Foreign>,
}

fn main() {
    Post::objects().filter(|p| p.meta().autor().name().eq("x"));
    Post::objects().filter(|p| p.meta().author().name().eq(5));
    Post::objects().filter(|p| p.meta().pages().eq(None));
    Post::objects().filter(|p| p.meta().tags().at("x").eq("x"));
    Post::objects().filter(|p| p.meta().author().gt("x"));
    Post::objects().filter(|p| p.other().id().eq(5));
}
