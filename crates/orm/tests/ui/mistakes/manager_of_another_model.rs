use nuages_orm::{Manager, Model, QuerySet};

#[derive(Model)]
#[model(app = "blog", manager = Loud, managers(quiet = Quiet))]
pub struct Post {
    pub id: i64,
    pub title: String,
}

#[derive(Model)]
#[model(app = "blog")]
pub struct Comment {
    pub id: i64,
    pub title: String,
}

/// Of another model.
pub struct Loud;

impl Manager<Comment> for Loud {
    fn query(comments: QuerySet<Comment>) -> QuerySet<Comment> {
        comments.filter(|c| c.title().icontains("!"))
    }
}

pub struct Quiet;

fn main() {}
