//! Queries: the typed front door, the expression tree behind it, and what runs it.

mod node;
mod plan;
mod set;

pub use node::{Aggregate, AggregateFunction, Function, Lookup, Node, Operator, Part};
pub use plan::{Combinator, Lock, Query, Step};
pub use set::{QuerySet, Values};
