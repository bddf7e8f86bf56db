//! Components, cycles, orders and feedback of random graphs.

use std::collections::{BTreeSet, HashSet};

use nuages_structures::Graph;
use proptest::prelude::*;

/// A graph of up to `vertices` vertices and `edges` edges.
fn graphs(vertices: usize, edges: usize) -> impl Strategy<Value = Graph> {
    (1..=vertices).prop_flat_map(move |count| {
        prop::collection::vec((0..count, 0..count, 1_u64..4), 0..=edges).prop_map(move |edges| {
            let mut graph = Graph::new(count);
            for (from, to, weight) in edges {
                graph.add_weighted_edge(from, to, weight);
            }
            graph
        })
    })
}

/// Which vertices can be reached from each, by Warshall's rule; each reaches itself.
fn reach(graph: &Graph) -> Vec<Vec<bool>> {
    let count = graph.vertices();
    let mut reach = vec![vec![false; count]; count];
    for edge in graph.edges() {
        reach[edge.from][edge.to] = true;
    }
    for middle in 0..count {
        reach[middle][middle] = true;
        for from in 0..count {
            for to in 0..count {
                reach[from][to] |= reach[from][middle] && reach[middle][to];
            }
        }
    }
    reach
}

fn without(graph: &Graph, removed: &[usize]) -> Graph {
    let mut rest = Graph::new(graph.vertices());
    for (number, edge) in graph.edges().iter().enumerate() {
        if !removed.contains(&number) {
            rest.add_weighted_edge(edge.from, edge.to, edge.weight);
        }
    }
    rest
}

fn weight(graph: &Graph, edges: &[usize]) -> u64 {
    edges.iter().map(|edge| graph.edges()[*edge].weight).sum()
}

/// Every cycle, by following every edge from every vertex.
fn all_cycles(graph: &Graph) -> HashSet<Vec<usize>> {
    fn follow(
        graph: &Graph,
        start: usize,
        path: &mut Vec<usize>,
        seen: &mut Vec<usize>,
        found: &mut HashSet<Vec<usize>>,
    ) {
        let here = *seen.last().unwrap();
        for (number, edge) in graph.edges().iter().enumerate().filter(|(_, edge)| edge.from == here) {
            path.push(number);
            if edge.to == start {
                found.insert(path.clone());
            } else if edge.to > start && !seen.contains(&edge.to) {
                seen.push(edge.to);
                follow(graph, start, path, seen, found);
                seen.pop();
            }
            path.pop();
        }
    }
    let mut found = HashSet::new();
    for start in 0..graph.vertices() {
        follow(graph, start, &mut Vec::new(), &mut vec![start], &mut found);
    }
    found
}

proptest! {
    #[test]
    fn two_vertices_are_of_one_component_if_each_reaches_the_other(graph in graphs(9, 16)) {
        let components = graph.components();
        let mut all: Vec<usize> = components.concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..graph.vertices()).collect::<Vec<_>>());
        let reach = reach(&graph);
        let of = |vertex: usize| components.iter().position(|component| component.contains(&vertex)).unwrap();
        for (a, from_a) in reach.iter().enumerate() {
            for (b, from_b) in reach.iter().enumerate() {
                prop_assert_eq!(of(a) == of(b), from_a[b] && from_b[a]);
                prop_assert!(!from_a[b] || of(b) <= of(a), "what is reached comes first");
            }
        }
    }

    #[test]
    fn cycles_are_those_that_following_every_edge_finds(graph in graphs(6, 10)) {
        let found = graph.cycles(usize::MAX);
        let set: HashSet<Vec<usize>> = found.iter().cloned().collect();
        prop_assert_eq!(set.len(), found.len(), "none twice");
        prop_assert_eq!(&set, &all_cycles(&graph));
        prop_assert_eq!(graph.cycles(2), &found[..found.len().min(2)]);
    }

    #[test]
    fn without_its_feedback_a_graph_has_no_cycle_and_none_weighs_less(graph in graphs(6, 9)) {
        let feedback = graph.feedback();
        prop_assert!(without(&graph, &feedback).order().is_some());
        let count = graph.edges().len();
        let least = (0..1_usize << count)
            .map(|set| (0..count).filter(|edge| set & (1 << edge) != 0).collect::<Vec<_>>())
            .filter(|edges| without(&graph, edges).order().is_some())
            .map(|edges| weight(&graph, &edges))
            .min();
        prop_assert_eq!(Some(weight(&graph, &feedback)), least);
    }

    #[test]
    fn the_feedback_of_a_large_graph_can_spare_no_edge(graph in graphs(40, 120)) {
        let feedback = graph.feedback();
        prop_assert!(without(&graph, &feedback).order().is_some());
        for spared in 0..feedback.len() {
            let mut fewer = feedback.clone();
            fewer.remove(spared);
            prop_assert!(without(&graph, &fewer).order().is_none());
        }
    }

    #[test]
    fn an_order_follows_every_edge_and_takes_the_least_that_is_free(graph in graphs(8, 10)) {
        let has_cycle = !all_cycles(&graph).is_empty();
        prop_assert_eq!(graph.order().is_none(), has_cycle);
        if let Some(order) = graph.order() {
            let mut left: BTreeSet<usize> = (0..graph.vertices()).collect();
            for vertex in order {
                let free = |vertex: &&usize| {
                    !graph.edges().iter().any(|edge| edge.to == **vertex && left.contains(&edge.from))
                };
                prop_assert_eq!(left.iter().find(free), Some(&vertex));
                left.remove(&vertex);
            }
            prop_assert!(left.is_empty());
        }
        let mut anyway = graph.order_anyway();
        anyway.sort_unstable();
        prop_assert_eq!(anyway, (0..graph.vertices()).collect::<Vec<_>>());
    }
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    const LENGTH: usize = 1_000_000;
    let mut chain = Graph::new(LENGTH);
    for vertex in 1..LENGTH {
        chain.add_edge(vertex - 1, vertex);
    }
    assert_eq!(chain.components().len(), LENGTH);
    assert_eq!(chain.order().map(|order| order.len()), Some(LENGTH));
    chain.add_edge(LENGTH - 1, 0);
    assert_eq!(chain.components().len(), 1);
    assert_eq!(chain.cycles(5).len(), 1);
}

#[test]
fn the_light_edge_of_a_cycle_is_the_one_to_do_without() {
    let mut graph = Graph::new(3);
    graph.add_weighted_edge(0, 1, 3);
    let light = graph.add_weighted_edge(1, 2, 2);
    graph.add_weighted_edge(2, 0, 3);
    assert_eq!(graph.feedback(), [light]);
    assert_eq!(graph.order_anyway(), [2, 0, 1]);
}
