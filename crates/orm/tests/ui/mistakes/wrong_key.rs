use nuages_orm::Model;

#[derive(Model)]
#[model(app = "blog")]
pub struct NoKey {
    pub name: String,
}

#[derive(Model)]
#[model(app = "blog")]
pub struct TwoKeys {
    #[field(primary_key)]
    pub a: i64,
    #[field(primary_key)]
    pub b: i64,
}

#[derive(Model)]
#[model(app = "blog", primary_key = [a, c])]
pub struct UnknownKey {
    pub a: i64,
    pub b: i64,
}

#[derive(Model)]
pub struct NoApp {
    pub id: i64,
}

fn main() {}
