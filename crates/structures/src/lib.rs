//! Data structures that the other crates share, on the standard library alone: directed graphs, their components, cycles
//! and orders.
//!
//! ```
//! use nuages_structures::Graph;
//!
//! // A book has an author, an author a favourite book.
//! let mut graph = Graph::new(2);
//! let author = graph.add_edge(0, 1);
//! let favourite = graph.add_edge(1, 0);
//! assert_eq!(graph.components(), [[0, 1]]);
//! assert_eq!(graph.cycles(10), [[author, favourite]]);
//! assert_eq!(graph.feedback().len(), 1);
//! ```

mod feedback;
mod graph;

pub use graph::{Edge, Graph};
