//! Written by `makemigrations`.

use nuages::migrate::*;

/// What it does.
pub(super) fn migration() -> Migration {
    Migration::new("contenttypes", "0001_initial").create_model(
        ModelDef::new("contenttypes", "ContentType")
            .table("django_content_type")
            .field(Field::new("id", Kind::Auto))
            .field(Field::new("app_label", Kind::Char { max_length: Some(100) }))
            .field(Field::new("model", Kind::Char { max_length: Some(100) }))
            .primary_key("id")
            .unique_together(["app_label", "model"]),
    )
}
