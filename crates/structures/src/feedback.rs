//! The edges to do without so that no cycle is left: a feedback arc set.

use std::collections::BTreeSet;

use crate::graph::Graph;

/// Components up to this many vertices are answered exactly: 2¹⁶ sets of vertices, of 16 bytes each, are a megabyte.
const EXACT: usize = 16;

impl Graph {
    /// The edges, by number and in order, without which no cycle is left, of the least weight in all.
    ///
    /// The question is NP-hard. For each component of up to 16 vertices the answer is exact (over the sets of its
    /// vertices: O(2ⁿ·E)). A larger one is answered by the rule of Eades, Lin and Smyth (1993), made minimal: no edge
    /// can be taken back without closing a cycle, and the edges named have at most half of the component's weight. O(E²).
    pub fn feedback(&self) -> Vec<usize> {
        let mut edges: Vec<usize> = (0..self.edges().len()).filter(|edge| self.is_loop(*edge)).collect();
        for component in self.components().into_iter().filter(|component| component.len() > 1) {
            let inner = Inner::new(self, &component);
            let order = if component.len() <= EXACT { inner.best_order() } else { inner.good_order() };
            edges.extend(inner.backward(&order));
        }
        edges.sort_unstable();
        edges
    }

    fn is_loop(&self, edge: usize) -> bool {
        self.edges().get(edge).is_some_and(|edge| edge.from == edge.to)
    }
}

/// A component, its vertices numbered anew.
struct Inner {
    vertices: usize,
    /// From, to, weight and number in the graph; loops left out.
    edges: Vec<(usize, usize, u64, usize)>,
}

impl Inner {
    fn new(graph: &Graph, component: &[usize]) -> Inner {
        let place = |vertex: usize| component.binary_search(&vertex).ok();
        let numbers = component.iter().flat_map(|vertex| graph.leaving(*vertex));
        let edges = numbers.filter_map(|number| {
            let edge = graph.edges().get(*number)?;
            let (from, to) = (place(edge.from)?, place(edge.to)?);
            (from != to).then_some((from, to, edge.weight, *number))
        });
        Inner { vertices: component.len(), edges: edges.collect() }
    }

    /// The order of vertices whose backward edges weigh least (Held and Karp's recurrence): the best way to place a set
    /// first is the best way to place one vertex less, and that vertex after it.
    fn best_order(&self) -> Vec<usize> {
        let sets = 1_usize << self.vertices;
        let mut best: Vec<(u64, usize)> = vec![(u64::MAX, 0); sets];
        best[0] = (0, 0);
        let mut back = vec![0_u64; self.vertices];
        for set in 0..sets {
            let (cost, _) = best[set];
            // What it costs to place each vertex after this set: its edges into the set.
            back.fill(0);
            for (from, to, weight, _) in &self.edges {
                if set & (1 << to) != 0 {
                    back[*from] = back[*from].saturating_add(*weight);
                }
            }
            for (vertex, back) in back.iter().enumerate().filter(|(vertex, _)| set & (1 << vertex) == 0) {
                let cost = cost.saturating_add(*back);
                let with = &mut best[set | (1 << vertex)];
                if cost < with.0 {
                    *with = (cost, vertex);
                }
            }
        }
        let mut order = Vec::with_capacity(self.vertices);
        let mut set = sets - 1;
        while set != 0 {
            let (_, last) = best[set];
            order.push(last);
            set &= !(1 << last);
        }
        order.reverse();
        order
    }

    /// An order with few backward edges: vertices without edges left to follow go last, those that nothing leads to go
    /// first, and otherwise the one goes first that leads to most more than lead to it.
    fn good_order(&self) -> Vec<usize> {
        let mut left: BTreeSet<usize> = (0..self.vertices).collect();
        let (mut first, mut last) = (Vec::new(), Vec::new());
        let (mut out, mut into) = (vec![0_i128; self.vertices], vec![0_i128; self.vertices]);
        for (from, to, weight, _) in &self.edges {
            out[*from] += i128::from(*weight);
            into[*to] += i128::from(*weight);
        }
        while !left.is_empty() {
            let sink = left.iter().copied().find(|vertex| out[*vertex] == 0);
            let source = || left.iter().copied().find(|vertex| into[*vertex] == 0);
            let next = match sink {
                Some(sink) => sink,
                None => {
                    let greatest = || left.iter().copied().min_by_key(|vertex| into[*vertex] - out[*vertex]);
                    match source().or_else(greatest) {
                        Some(next) => next,
                        None => break,
                    }
                }
            };
            if sink.is_some() {
                last.push(next)
            } else {
                first.push(next)
            }
            left.remove(&next);
            for (from, to, weight, _) in &self.edges {
                let weight = i128::from(*weight);
                if *from == next && left.contains(to) {
                    into[*to] -= weight;
                } else if *to == next && left.contains(from) {
                    out[*from] -= weight;
                }
            }
        }
        first.extend(last.into_iter().rev());
        first
    }

    /// The edges that lead back in an order, but for those that close no cycle with what is kept; by number.
    fn backward(&self, order: &[usize]) -> Vec<usize> {
        let mut place = vec![0; self.vertices];
        for (index, vertex) in order.iter().enumerate() {
            place[*vertex] = index;
        }
        let (mut kept, mut back): (Vec<_>, Vec<_>) =
            self.edges.iter().copied().partition(|(from, to, ..)| place[*from] < place[*to]);
        // The heaviest are the first that may stay.
        back.sort_by_key(|(_, _, weight, number)| (std::cmp::Reverse(*weight), *number));
        back.retain(|edge| {
            let closes = self.reaches(&kept, edge.1, edge.0);
            if !closes {
                kept.push(*edge);
            }
            closes
        });
        back.into_iter().map(|(.., number)| number).collect()
    }

    fn reaches(&self, edges: &[(usize, usize, u64, usize)], from: usize, to: usize) -> bool {
        let mut leaving = vec![Vec::new(); self.vertices];
        for (from, to, ..) in edges {
            leaving[*from].push(*to);
        }
        let mut seen = vec![false; self.vertices];
        let mut waiting = vec![from];
        while let Some(vertex) = waiting.pop() {
            if vertex == to {
                return true;
            }
            if !std::mem::replace(&mut seen[vertex], true) {
                waiting.extend(&leaving[vertex]);
            }
        }
        false
    }
}
