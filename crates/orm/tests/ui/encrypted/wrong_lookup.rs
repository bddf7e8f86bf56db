use nuages_orm::Model;
use nuages_orm::encryption::Encrypted;

#[derive(Model)]
#[model(app = "vault")]
pub struct Note {
    pub id: i64,
    pub secret: Encrypted<String>,
}

fn main() {
    let _ = Note::objects().filter(|n| n.secret().contains("x"));
    let _ = Note::objects().filter(|n| n.secret().eq(7));
    let _ = Note::builder().secret(7);
}
