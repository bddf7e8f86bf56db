//! What the ORM promises, a file for each part of it.

mod derive;
