use nuages_orm::Model;

#[derive(Model)]
#[model(app = "blog", manager = "Loud", managers(objects = Loud, loud = 3, quiet), unique(name = "x", fields = [title], alive))]
pub struct Post {
    pub id: i64,
    pub title: String,
    #[field(unique_alive)]
    pub slug: String,
}

#[derive(Model)]
#[model(app = "blog")]
pub struct Comment {
    pub id: i64,
    #[field(unique, unique_alive)]
    pub title: String,
    #[field(unique_alive)]
    pub a_text_whose_name_is_much_longer_than_any_text_should_be_called: String,
    #[field(soft_delete)]
    pub is_deleted: bool,
}

fn main() {}
