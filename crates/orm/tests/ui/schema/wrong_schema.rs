use nuages_orm::{Json, Model};

#[derive(Model)]
#[model(app = "blog")]
pub struct Post {
    pub id: i64,
    #[field(schema = "schemas/nowhere.json")]
    pub missing: Json,
    #[field(schema = r#"{"type": "object""#)]
    pub cut: Json,
    #[field(schema = r#"{"properties": {"year": {"type": "integre"}}}"#)]
    pub misspelt: Option<Json<Vec<i32>>>,
    #[field(schema = r##"{"items": {"$ref": "#/$defs/tag"}}"##)]
    pub dangling: Json,
    #[field(schema = "{}")]
    pub text: String,
    #[field(schema_version = 2)]
    pub bare: Json,
    #[field(schema = "{}", schema_version = 2)]
    pub stuck: Json,
    #[field(schema = "{}", schema_version = 0)]
    pub nothing: Json,
    #[field(schema = "{}", schema_version = 1, upgrade = 7)]
    pub no_function: Json,
    #[field(schema = "{}", generated = |m| m.bare())]
    pub computed: Json,
}

fn main() {}
