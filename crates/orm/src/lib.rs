//! Models, typed queries and migrations.
