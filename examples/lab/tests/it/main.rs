//! The lab's tables and queries held against Django's.

mod catalogue;
mod oracle;
mod rows;
