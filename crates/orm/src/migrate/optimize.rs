//! Neighbouring operations made one: a model is created with the fields that are added to it right after.
//!
//! The order that comes out is Django's (`django/db/migrations/optimizer.py`), so that tables and their columns come
//! in the order in which Django would make them.

mod reduce;

use reduce::{Reduction, reduce};

use super::operation::Operation;

/// A shorter list of operations that does the same.
///
/// What functions and SQL do is unknown: nothing moves across them.
pub(crate) fn optimize(app: &str, mut operations: Vec<Operation>) -> Vec<Operation> {
    while pass(app, &mut operations) {}
    operations
}

/// Puts together what can be, each operation with those that follow; whether there was any.
fn pass(app: &str, operations: &mut Vec<Operation>) -> bool {
    let mut changed = false;
    let mut at = 0;
    while at < operations.len() {
        if merge(app, operations, at) {
            changed = true;
        } else {
            at += 1;
        }
    }
    changed
}

/// Puts an operation together with the first later one that it can be put together with.
fn merge(app: &str, operations: &mut Vec<Operation>, at: usize) -> bool {
    let Some((first, later)) = operations.get(at..).and_then(|rest| rest.split_first()) else { return false };
    let mut first_may_move = true;
    for (between, second) in later.iter().enumerate() {
        let merged = match reduce(app, first, second) {
            Reduction::Into(merged) => merged,
            Reduction::Independent => continue,
            Reduction::Ordered => {
                first_may_move = false;
                continue;
            }
        };
        let in_between = later.get(..between).unwrap_or_default();
        let second_may_move =
            || in_between.iter().all(|other| matches!(reduce(app, other, second), Reduction::Independent));
        let place = if first_may_move {
            at + between
        } else if second_may_move() {
            at
        } else {
            return false;
        };
        operations.remove(at + 1 + between);
        operations.remove(at);
        operations.splice(place..place, merged);
        return true;
    }
    false
}

#[cfg(test)]
mod tests;
