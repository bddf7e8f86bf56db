use nuages_orm::{Json, Model};

#[derive(Model)]
#[model(app = "blog")]
pub struct Post {
    pub id: i64,
    #[field(schema = r#"{"type": "object"}"#)]
    pub meta: Json,
}

fn main() {}
