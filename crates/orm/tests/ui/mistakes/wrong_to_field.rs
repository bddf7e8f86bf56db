#[path = "../blog.rs"]
mod blog;

use nuages_orm::{ForeignKey, Model};

#[derive(Model)]
#[model(app = "blog")]
pub struct Comment {
    pub id: i64,
    #[field(on_delete = Cascade, to_field = "username", related_name = "+")]
    pub wrong_type: ForeignKey<blog::User, i64>,
    #[field(on_delete = Cascade, to_field = "usrname", related_name = "+")]
    pub wrong_name: ForeignKey<blog::User, String>,
}

fn main() {}
