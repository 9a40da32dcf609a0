//! Acceptance tables of 256 replicas, arranged by the number of neighbours a site has.

use super::lanes::U32x8;
use crate::backend::Acceptance;
use crate::backend::acceptance::Classes;
use crate::lattice::Graph;

/// [`Classes`] of 256 replicas.
#[derive(Debug, Clone)]
pub(crate) struct BlockClasses {
    /// As in [`Classes`].
    pub(crate) drawn: usize,
    /// `[32, drawn]`.
    pub(crate) planes: Vec<U32x8>,
    /// `[drawn]`; empty where there are none.
    pub(crate) always: Vec<U32x8>,
}

/// Acceptance of 256 replicas, `[degree]`; entries for degrees that do not occur are empty.
#[derive(Debug, Clone)]
pub(crate) struct Thresholds {
    /// Number of neighbours of every site, where all have the same.
    pub(crate) degree: Option<usize>,
    /// `[max_degree + 1]`.
    pub(crate) classes: Vec<Option<BlockClasses>>,
}

impl Thresholds {
    /// The tables of all blocks of 256 replicas.
    pub(crate) fn of_blocks(graph: &Graph, acceptance: &Acceptance) -> Vec<Self> {
        let mut occurs = vec![false; graph.max_degree + 1];
        (0..graph.sites).for_each(|i| occurs[graph.neighbours_of(i).len()] = true);
        let degree = (occurs.iter().filter(|&&one| one).count() == 1).then_some(graph.max_degree);
        let tables: Vec<Option<Classes>> =
            occurs.iter().enumerate().map(|(z, occurs)| occurs.then(|| acceptance.classes(z))).collect();
        let words = acceptance.words();
        (0..words.div_ceil(8))
            .map(|block| {
                let classes = tables.iter().map(|table| table.as_ref().map(|t| block_classes(t, words, 8 * block)));
                Self { degree, classes: classes.collect() }
            })
            .collect()
    }
}

fn block_classes(table: &Classes, words: usize, first_word: usize) -> BlockClasses {
    let take = |row: &[u32]| {
        let mut out = U32x8::ZERO;
        let used = &row[first_word..words.min(first_word + 8)];
        out.0[..used.len()].copy_from_slice(used);
        out
    };
    let always: Vec<U32x8> = table.always.chunks_exact(words).map(take).collect();
    BlockClasses {
        drawn: table.drawn,
        planes: table.planes.chunks_exact(words).map(take).collect(),
        always: if always.iter().any(|mask| mask.any()) { always } else { Vec::new() },
    }
}
