//! Spins of many replicas on the CPU: blocks of 256 replicas, `[block][site]` of 8 words, bit = replica.
//!
//! A block is a simulation of its own, small enough for the first-level cache on lattices up to 32 × 32; threads take
//! whole blocks and run all sweeps of a call on each.

use super::lanes::U32x8;
use super::thresholds::Thresholds;
use crate::backend::{Acceptance, SpinSums};
use crate::bits::BitMatrix;
use crate::lattice::Graph;

/// Replicas of a block.
pub(crate) const BLOCK: usize = 256;

/// Spins, thresholds and recorded sums in memory.
#[derive(Debug, Clone)]
pub struct CpuSpins {
    pub(crate) graph: Graph,
    pub(crate) replicas: usize,
    pub(crate) blocks: Vec<SpinBlock>,
    pub(crate) record: Vec<Vec<SpinSums>>,
}

#[derive(Debug, Clone)]
pub(crate) struct SpinBlock {
    pub(crate) spins: Vec<U32x8>,
    pub(crate) thresholds: Thresholds,
    pub(crate) valid: U32x8,
}

impl CpuSpins {
    pub(crate) fn new(graph: &Graph, acceptance: &Acceptance, initial: &BitMatrix) -> Self {
        let replicas = initial.rows();
        let blocks = Thresholds::of_blocks(graph, acceptance)
            .into_iter()
            .enumerate()
            .map(|(b, thresholds)| {
                let mut spins = vec![U32x8::ZERO; graph.sites];
                let mut valid = U32x8::ZERO;
                for r in b * BLOCK..replicas.min((b + 1) * BLOCK) {
                    let (lane, bit) = (r % BLOCK / 32, r % 32);
                    valid.0[lane] |= 1 << bit;
                    for (i, site) in spins.iter_mut().enumerate() {
                        site.0[lane] |= u32::from(initial.get(r, i)) << bit;
                    }
                }
                SpinBlock { spins, thresholds, valid }
            })
            .collect();
        Self { graph: graph.clone(), replicas, blocks, record: Vec::new() }
    }

    pub(crate) fn to_host(&self) -> BitMatrix {
        BitMatrix::from_fn(self.replicas, self.graph.sites, |r, i| {
            self.blocks[r / BLOCK].spins[i].0[r % BLOCK / 32] >> (r % 32) & 1 == 1
        })
    }
}
