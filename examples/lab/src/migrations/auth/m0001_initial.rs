//! Written by `makemigrations`.

use nuages::migrate::*;

/// What it does.
pub(super) fn migration() -> Migration {
    Migration::new("auth", "0001_initial")
        .after("contenttypes", "0001_initial")
        .create_model(
            ModelDef::new("auth", "Permission")
                .field(Field::new("id", Kind::Auto))
                .field(Field::new("name", Kind::Char { max_length: Some(255) }))
                .field(Field::new("codename", Kind::Char { max_length: Some(100) }))
                .field(Field::foreign_key(
                    "content_type",
                    Reference::new("contenttypes.ContentType", OnDelete::Cascade),
                ))
                .primary_key("id")
                .unique_together(["content_type", "codename"]),
        )
        .create_model(
            ModelDef::new("auth", "Group")
                .field(Field::new("id", Kind::Auto))
                .field(Field::new("name", Kind::Char { max_length: Some(150) }).unique(true))
                .field(Field::many_to_many("permissions", Reference::new("auth.Permission", OnDelete::Cascade)))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("auth", "User")
                .field(Field::new("id", Kind::Auto))
                .field(Field::new("password", Kind::Char { max_length: Some(128) }))
                .field(Field::new("last_login", Kind::DateTime).null(true))
                .field(Field::new("is_superuser", Kind::Boolean).default(Value::Bool(false)))
                .field(Field::new("username", Kind::Char { max_length: Some(150) }).unique(true))
                .field(Field::new("first_name", Kind::Char { max_length: Some(150) }))
                .field(Field::new("last_name", Kind::Char { max_length: Some(150) }))
                .field(Field::new("email", Kind::Email { max_length: 254 }))
                .field(Field::new("is_staff", Kind::Boolean).default(Value::Bool(false)))
                .field(Field::new("is_active", Kind::Boolean).default(Value::Bool(true)))
                .field(Field::new("date_joined", Kind::DateTime))
                .field(Field::many_to_many("groups", Reference::new("auth.Group", OnDelete::Cascade)))
                .field(Field::many_to_many("user_permissions", Reference::new("auth.Permission", OnDelete::Cascade)))
                .primary_key("id"),
        )
}
