//! What the crate promises, over random inputs and against the plainest answer there is.

mod graph;
