//! The models of Django's own apps that `lab` points at (Django 5.2, `django/contrib/contenttypes/models.py`,
//! `django/contrib/auth/models.py`).

#![expect(missing_docs, reason = "the fields are those of the Django models, described there")]

use nuages::prelude::*;

/// A model, as a row.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "contenttypes", table = "django_content_type", unique_together = [(app_label, model)],
    natural_key = [app_label, model])]
pub struct ContentType {
    pub id: i32,
    #[field(max_length = 100)]
    pub app_label: String,
    #[field(max_length = 100, verbose_name = "python model class name")]
    pub model: String,
}

/// Something that a user may be allowed to do to a model.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(
    app = "auth",
    ordering = [content_type.app_label, content_type.model, codename],
    unique_together = [(content_type, codename)],
    natural_key = [codename, content_type],
)]
pub struct Permission {
    pub id: i32,
    #[field(max_length = 255)]
    pub name: String,
    #[field(on_delete = Cascade)]
    pub content_type: ForeignKey<ContentType>,
    #[field(max_length = 100)]
    pub codename: String,
}

/// Users with the same permissions.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "auth", natural_key = [name])]
pub struct Group {
    pub id: i32,
    #[field(max_length = 150, unique)]
    pub name: String,
    pub permissions: ManyToMany<Permission>,
}

/// Somebody who can log in.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "auth", natural_key = [username])]
pub struct User {
    pub id: i32,
    #[field(max_length = 128)]
    pub password: String,
    pub last_login: Option<Timestamp>,
    #[field(default = false)]
    pub is_superuser: bool,
    #[field(max_length = 150, unique)]
    pub username: String,
    #[field(max_length = 150)]
    pub first_name: String,
    #[field(max_length = 150)]
    pub last_name: String,
    pub email: Email,
    #[field(default = false)]
    pub is_staff: bool,
    #[field(default = true)]
    pub is_active: bool,
    #[field(default = Timestamp::now())]
    pub date_joined: Timestamp,
    pub groups: ManyToMany<Group>,
    pub user_permissions: ManyToMany<Permission>,
}
