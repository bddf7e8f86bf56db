use nuages_orm::{Model, Slug};

#[derive(Model)]
#[model(app = "blog")]
pub struct Post {
    pub id: i64,
    #[field(max_length = 200)]
    pub title: String,
    #[field(unique, slug_from = titel)]
    pub slug: Slug,
}

#[derive(Model)]
#[model(app = "blog")]
pub struct Page {
    pub id: i64,
    #[field(slug_from = id)]
    pub slug: Slug,
    #[field(slug_from = slug, max_length = 20)]
    pub name: String,
    #[field(slug_unicode, unique)]
    pub other: Slug,
}

fn main() {}
