//! Migrations: from the models' past to their present.

pub(crate) mod names;
