use nuages_orm::{ForeignKey, Model};

#[derive(Model)]
#[model(app = "blog")]
pub struct Comment {
    pub id: i64,
    #[field(on_delete = SetNull)]
    pub parent: ForeignKey<Comment>,
}

fn main() {}
