use nuages_orm::Choices;

#[derive(Choices)]
pub enum Status {
    #[choice("d", "Draft")]
    Draft,
    #[choice(1, "Published")]
    Published,
    Gone,
    #[choice("d", "Twice")]
    Twice,
}

fn main() {}
