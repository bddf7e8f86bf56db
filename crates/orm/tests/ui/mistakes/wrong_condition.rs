use nuages_orm::Model;

#[derive(Model)]
#[model(
    app = "blog",
    check(name = "a", condition = |m| m.stars()),
    check(name = "b", condition = |m| m.star().gte(1)),
    index(fields = [starz]),
    unique(fields = [stars]),
)]
pub struct Post {
    pub id: i64,
    #[field(default = "none")]
    pub stars: i32,
}

fn main() {}
