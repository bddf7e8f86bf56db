use nuages_orm::Document;
use serde::{Deserialize, Serialize};

#[derive(Document, Serialize, Deserialize)]
struct Meta {
    range: i32,
    #[document(vlaue)]
    author: String,
}

#[derive(Document, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
struct Wrapped {
    text: String,
}

#[derive(Document, Serialize, Deserialize)]
struct Pair(i32, i32);

#[derive(Document, Serialize, Deserialize)]
struct Of<T> {
    inner: T,
}

fn main() {}
