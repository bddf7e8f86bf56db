//! The lab's tables and queries held against Django's.

mod alterations;
mod both_ways;
mod catalogue;
mod counts;
mod differential;
mod documents;
mod fernet;
mod fixtures;
mod inspect;
mod oracle;
mod rows;
mod slugs;
