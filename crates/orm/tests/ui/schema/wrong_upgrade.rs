use nuages_orm::{Json, Model};

#[derive(Model)]
#[model(app = "blog")]
pub struct Post {
    pub id: i64,
    #[field(schema = "{}", schema_version = 2, upgrade = newer)]
    pub meta: Json,
}

fn newer(document: String) -> String {
    document
}

fn main() {}
