use nuages_orm::{ForeignKey, Model, Timestamp};

#[derive(Model)]
#[model(app = "blog")]
pub struct Post {
    pub id: i64,
    #[field(soft_delete, max_length = 20)]
    pub state: String,
    #[field(soft_delete)]
    pub hidden: Option<bool>,
    #[field(soft_delete)]
    pub changed_at: Timestamp,
    #[field(soft_delete, on_delete = Cascade)]
    pub author: ForeignKey<Post>,
}

#[derive(Model)]
#[model(app = "blog")]
pub struct Comment {
    pub id: i64,
    #[field(soft_delete, default = true)]
    pub is_deleted: bool,
    #[field(soft_delete)]
    pub deleted_at: Option<Timestamp>,
}

fn main() {}
