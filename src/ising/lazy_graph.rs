//! The graph of a model, made when something first asks for it: neighbour lists take some fifty bytes a site, and large
//! square and cubic lattices are updated without them.

use std::ops::Deref;
use std::sync::OnceLock;

use crate::lattice::{Graph, Lattice};

/// A graph that may not have been made yet; it is used as a [`Graph`].
#[derive(Debug, Clone)]
pub struct LazyGraph {
    /// Number of sites; known without the graph.
    pub sites: usize,
    /// The lattice that stands for the graph; None for a graph of its own, which is there from the start.
    lattice: Option<Lattice>,
    made: OnceLock<Graph>,
}

impl From<Graph> for LazyGraph {
    fn from(graph: Graph) -> Self {
        Self { sites: graph.sites, lattice: None, made: OnceLock::from(graph) }
    }
}

impl From<Lattice> for LazyGraph {
    /// Of a valid lattice.
    fn from(lattice: Lattice) -> Self {
        Self { sites: lattice.sites(), lattice: Some(lattice), made: OnceLock::new() }
    }
}

impl Deref for LazyGraph {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        self.made.get_or_init(|| match self.lattice {
            Some(lattice) => lattice.graph(),
            None => Graph::new(self.sites, &[], 1, |_| 0),
        })
    }
}

impl PartialEq for LazyGraph {
    fn eq(&self, other: &Self) -> bool {
        match (self.lattice, other.lattice) {
            (Some(a), Some(b)) => a == b,
            _ => **self == **other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lattice_is_only_made_into_a_graph_when_it_is_asked_for() {
        let lattice = Lattice::Square { length: 8 };
        let lazy = LazyGraph::from(lattice);
        assert_eq!(lazy.sites, 64);
        assert!(lazy == LazyGraph::from(lattice) && lazy.made.get().is_none());
        assert_eq!(lazy.bonds(), 128);
        assert!(lazy.made.get().is_some() && lazy == LazyGraph::from(lattice.graph()));
        assert!(lazy != LazyGraph::from(Lattice::Square { length: 10 }));
    }
}
