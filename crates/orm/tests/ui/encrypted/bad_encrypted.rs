use nuages_orm::encryption::Encrypted;
use nuages_orm::{Email, Model};

#[derive(Model)]
#[model(app = "vault")]
pub struct Note {
    pub id: i64,
    #[field(max_length = 20)]
    pub short: Encrypted<String>,
    #[field(unique, index)]
    pub alone: Encrypted<Email>,
    #[field(encrypted = sealed)]
    pub how: Encrypted<String>,
    #[field(encrypted = bound, blind_index)]
    pub clear: String,
    #[field(sealed_for = "a.b")]
    pub token: Encrypted<String>,
    #[field(db_default = "x", collation = "C")]
    pub given: Encrypted<String>,
    pub nothing: Encrypted<Option<String>>,
    #[field(blind_index)]
    pub found: Encrypted<String>,
    pub found_bidx: i32,
    #[field(on_delete = Cascade, encrypted = bound)]
    pub other: nuages_orm::ForeignKey<Note>,
}

fn main() {}
