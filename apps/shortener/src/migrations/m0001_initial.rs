//! Written by `makemigrations`.

use nuages::migrate::*;

/// What it does.
pub(super) fn migration() -> Migration {
    Migration::new("shortener", "0001_initial")
        .create_model(
            ModelDef::new("shortener", "CodeKey")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("key", Kind::Uuid))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("shortener", "Link")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("code", Kind::Char { max_length: Some(64) }).null(true).unique(true))
                .field(Field::new("url", Kind::Char { max_length: Some(2048) }))
                .field(Field::new("clicks", Kind::BigInteger).default(Value::Int(0)))
                .field(Field::new("created_at", Kind::DateTime).auto_now_add(true))
                .primary_key("id"),
        )
}
