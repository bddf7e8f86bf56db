//! Directed graphs: components, cycles, orders.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// A directed graph over the numbers from 0 on. Edges are numbered in the order they were added; there may be several
/// between the same two vertices, and one from a vertex to itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    edges: Vec<Edge>,
    /// The numbers of the edges that leave each vertex.
    leaving: Vec<Vec<usize>>,
}

/// An edge of a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Where it begins.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// What it costs to do without it.
    pub weight: u64,
}

impl Graph {
    /// A graph without edges.
    pub fn new(vertices: usize) -> Self {
        Graph { edges: Vec::new(), leaving: vec![Vec::new(); vertices] }
    }

    /// Adds an edge of weight 1, and gives its number. A vertex that is not there yet comes with it.
    pub fn add_edge(&mut self, from: usize, to: usize) -> usize {
        self.add_weighted_edge(from, to, 1)
    }

    /// Adds an edge, and gives its number. A vertex that is not there yet comes with it.
    pub fn add_weighted_edge(&mut self, from: usize, to: usize, weight: u64) -> usize {
        let vertices = self.leaving.len().max(from.max(to) + 1);
        self.leaving.resize(vertices, Vec::new());
        let number = self.edges.len();
        self.edges.push(Edge { from, to, weight });
        self.leaving[from].push(number);
        number
    }

    /// The number of vertices.
    pub fn vertices(&self) -> usize {
        self.leaving.len()
    }

    /// The edges, by number.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The edges that leave a vertex, by number, in the order they were added.
    pub(crate) fn leaving(&self, vertex: usize) -> &[usize] {
        self.leaving.get(vertex).map_or(&[], Vec::as_slice)
    }

    /// The strongly connected components (Tarjan 1972): the largest sets of vertices of which each can be reached from
    /// each. Every vertex is in one; the vertices of one are in order, and a component comes after all that its edges
    /// lead to.
    ///
    /// O(V + E) time and O(V) memory, without recursion.
    pub fn components(&self) -> Vec<Vec<usize>> {
        self.components_from(0)
    }

    /// The components of the graph without the vertices below `least`.
    fn components_from(&self, least: usize) -> Vec<Vec<usize>> {
        const UNSEEN: usize = usize::MAX;
        let count = self.vertices();
        let mut index = vec![UNSEEN; count];
        let mut low = vec![0; count];
        let mut on_stack = vec![false; count];
        let mut stack = Vec::new();
        let mut components = Vec::new();
        let mut next = 0;
        // A vertex, and how many of its edges have been followed.
        let mut path: Vec<(usize, usize)> = Vec::new();
        for root in least..count {
            if index[root] != UNSEEN {
                continue;
            }
            path.push((root, 0));
            while let Some((vertex, followed)) = path.last_mut() {
                let vertex = *vertex;
                if *followed == 0 {
                    index[vertex] = next;
                    low[vertex] = next;
                    next += 1;
                    stack.push(vertex);
                    on_stack[vertex] = true;
                }
                if let Some(edge) = self.leaving[vertex].get(*followed) {
                    *followed += 1;
                    let to = self.edges[*edge].to;
                    if to < least {
                        continue;
                    }
                    if index[to] == UNSEEN {
                        path.push((to, 0));
                    } else if on_stack[to] {
                        low[vertex] = low[vertex].min(index[to]);
                    }
                    continue;
                }
                path.pop();
                if let Some((parent, _)) = path.last() {
                    low[*parent] = low[*parent].min(low[vertex]);
                }
                if low[vertex] == index[vertex] {
                    let mut component = Vec::new();
                    while let Some(member) = stack.pop() {
                        on_stack[member] = false;
                        component.push(member);
                        if member == vertex {
                            break;
                        }
                    }
                    component.sort_unstable();
                    components.push(component);
                }
            }
        }
        components
    }

    /// The cycles that pass no vertex twice, each as the numbers of its edges, from its least vertex on; the first
    /// `limit` of them, as there may be more than anybody can read: 2ⁿ in a graph of n vertices.
    ///
    /// Johnson's algorithm (1975): O((V + E)(C + 1)) for C cycles.
    pub fn cycles(&self, limit: usize) -> Vec<Vec<usize>> {
        let mut found = Vec::new();
        let mut least = 0;
        // Each turn finds a cycle at least.
        while found.len() < limit {
            let components = self.components_from(least).into_iter();
            let with_cycle = components.filter(|component| component.len() > 1 || self.has_loop(component));
            let Some(component) = with_cycle.min_by_key(|component| component.first().copied()) else { break };
            self.cycles_from(&component, limit, &mut found);
            least = component.first().map_or(self.vertices(), |start| start + 1);
        }
        found
    }

    fn has_loop(&self, component: &[usize]) -> bool {
        component.iter().any(|vertex| self.leaving[*vertex].iter().any(|edge| self.edges[*edge].to == *vertex))
    }

    /// The cycles through the first vertex of a component that stay in it.
    fn cycles_from(&self, component: &[usize], limit: usize, found: &mut Vec<Vec<usize>>) {
        let Some(start) = component.first().copied() else { return };
        let inside = |to: usize| component.binary_search(&to).is_ok();
        let mut blocked = vec![false; self.vertices()];
        // Which vertices are free again as soon as this one is.
        let mut waiting: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.vertices()];
        // Each vertex of the path: how many of its edges were followed, and whether a cycle was closed beyond it.
        let mut path = vec![(start, 0, false)];
        let mut edges: Vec<usize> = Vec::new();
        blocked[start] = true;
        while let Some((vertex, followed, closed)) = path.last_mut() {
            let vertex = *vertex;
            if let Some(edge) = self.leaving[vertex].get(*followed) {
                *followed += 1;
                let to = self.edges[*edge].to;
                if to == start {
                    *closed = true;
                    found.push(edges.iter().chain([edge]).copied().collect());
                    if found.len() >= limit {
                        return;
                    }
                } else if inside(to) && !blocked[to] {
                    blocked[to] = true;
                    edges.push(*edge);
                    path.push((to, 0, false));
                }
                continue;
            }
            let closed = *closed;
            path.pop();
            edges.pop();
            if closed {
                let mut freed = vec![vertex];
                while let Some(free) = freed.pop() {
                    if std::mem::take(&mut blocked[free]) {
                        freed.extend(std::mem::take(&mut waiting[free]));
                    }
                }
                if let Some((_, _, above)) = path.last_mut() {
                    *above = true;
                }
            } else {
                for edge in &self.leaving[vertex] {
                    let to = self.edges[*edge].to;
                    if inside(to) {
                        waiting[to].insert(vertex);
                    }
                }
            }
        }
    }

    /// All vertices, each before those that its edges lead to, and where the edges leave a choice, the least first;
    /// `None` if there is a cycle.
    ///
    /// Kahn's algorithm (1962) over a heap: O(E + V log V).
    pub fn order(&self) -> Option<Vec<usize>> {
        let order = self.order_without(&[]);
        (order.len() == self.vertices()).then_some(order)
    }

    /// As [`order`](Graph::order), but of any graph: edges of its [`feedback`](Graph::feedback) are passed over.
    pub fn order_anyway(&self) -> Vec<usize> {
        self.order().unwrap_or_else(|| self.order_without(&self.feedback()))
    }

    /// The order where some edges, named by number in order, are passed over. Vertices on and behind cycles are missing.
    fn order_without(&self, passed_over: &[usize]) -> Vec<usize> {
        let counts = |edge: usize| passed_over.binary_search(&edge).is_err();
        let mut arriving = vec![0_usize; self.vertices()];
        for (_, edge) in self.edges.iter().enumerate().filter(|(number, _)| counts(*number)) {
            arriving[edge.to] += 1;
        }
        let free = arriving.iter().enumerate().filter(|(_, edges)| **edges == 0);
        let mut free: BinaryHeap<Reverse<usize>> = free.map(|(vertex, _)| Reverse(vertex)).collect();
        let mut order = Vec::with_capacity(self.vertices());
        while let Some(Reverse(vertex)) = free.pop() {
            order.push(vertex);
            for edge in self.leaving[vertex].iter().filter(|edge| counts(**edge)) {
                let to = self.edges[*edge].to;
                arriving[to] -= 1;
                if arriving[to] == 0 {
                    free.push(Reverse(to));
                }
            }
        }
        order
    }
}
