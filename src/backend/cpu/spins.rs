//! Spins of many replicas on the CPU: blocks of 256 replicas, `[block][site]` of 8 words, bit = replica.
//!
//! A block is a simulation of its own, small enough for the first-level cache on lattices up to 32 × 32; threads take
//! whole blocks and run all sweeps of a call on each.

use std::ops::Range;

use crate::threads::prelude::*;

use super::clusters::ClusterSpins;
use super::digits::FlipAddress;
use super::kernels::ising_half_sweep::{ColourSites, ising_half_sweep};
use super::kernels::ising_sums::ising_sums;
use super::lanes::U32x8;
use super::thresholds::Thresholds;
use super::torus::TorusSpins;
use crate::backend::{Acceptance, ClusterRule, SpinSums};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::lattice::{Graph, Lattice};
use crate::rng::colour_order;

/// Replicas of a block.
const BLOCK: usize = 256;

/// Spins, thresholds and recorded sums in memory.
#[derive(Debug, Clone)]
pub struct CpuSpins {
    packed: Packed,
    record: Vec<Vec<SpinSums>>,
}

/// What a bit of a word stands for.
#[derive(Debug, Clone)]
enum Packed {
    /// A replica.
    Replicas(ReplicaSpins),
    /// A site.
    Sites(TorusSpins),
    /// Nothing: a spin is a byte, for cluster updates.
    Clusters(ClusterSpins),
}

/// Any graph, one bit a replica.
#[derive(Debug, Clone)]
struct ReplicaSpins {
    graph: Graph,
    replicas: usize,
    blocks: Vec<SpinBlock>,
}

#[derive(Debug, Clone)]
struct SpinBlock {
    spins: Vec<U32x8>,
    thresholds: Thresholds,
    valid: U32x8,
}

impl CpuSpins {
    /// Any graph, one bit a replica.
    pub(crate) fn of_graph(graph: &Graph, acceptance: &Acceptance, initial: &BitMatrix) -> Self {
        Self { packed: Packed::Replicas(ReplicaSpins::new(graph, acceptance, initial)), record: Vec::new() }
    }

    /// A square or cubic lattice, one bit a site.
    pub(crate) fn of_torus(lattice: Lattice, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self> {
        Ok(Self { packed: Packed::Sites(TorusSpins::new(lattice, acceptance, initial)?), record: Vec::new() })
    }

    /// Any graph, updated by clusters.
    pub(crate) fn of_clusters(graph: &Graph, rule: &ClusterRule, initial: &BitMatrix) -> Self {
        Self { packed: Packed::Clusters(ClusterSpins::new(graph, rule, initial)), record: Vec::new() }
    }

    pub(crate) fn sweep(&mut self, seed: u64, sweeps: &Range<u32>) {
        (0..self.parts()).for_each(|part| self.sweep_part(seed, sweeps, part));
    }

    pub(crate) fn parts(&self) -> usize {
        match &self.packed {
            Packed::Replicas(_) | Packed::Sites(_) => 1,
            Packed::Clusters(spins) => spins.parts(),
        }
    }

    pub(crate) fn sweep_part(&mut self, seed: u64, sweeps: &Range<u32>, part: usize) {
        match &mut self.packed {
            Packed::Replicas(spins) => spins.sweep(seed, sweeps),
            Packed::Sites(spins) => spins.sweep(seed, sweeps),
            Packed::Clusters(spins) => spins.sweep(seed, sweeps, part),
        }
    }

    pub(crate) fn record_sums(&mut self) {
        self.record.push(match &self.packed {
            Packed::Replicas(spins) => spins.sums(),
            Packed::Sites(spins) => spins.sums(),
            Packed::Clusters(spins) => spins.sums(),
        });
    }

    pub(crate) fn take_sums(&mut self) -> Vec<Vec<SpinSums>> {
        std::mem::take(&mut self.record)
    }

    pub(crate) fn turned(&self) -> u64 {
        match &self.packed {
            Packed::Clusters(spins) => spins.turned(),
            Packed::Replicas(_) | Packed::Sites(_) => 0,
        }
    }

    pub(crate) fn to_host(&self) -> Result<BitMatrix> {
        match &self.packed {
            Packed::Replicas(spins) => Ok(spins.to_host()),
            Packed::Sites(spins) => spins.to_host(),
            Packed::Clusters(spins) => Ok(spins.to_host()),
        }
    }
}

impl ReplicaSpins {
    fn new(graph: &Graph, acceptance: &Acceptance, initial: &BitMatrix) -> Self {
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
        Self { graph: graph.clone(), replicas, blocks }
    }

    fn to_host(&self) -> BitMatrix {
        let words = self.replicas.div_ceil(32);
        let mut by_site = BitMatrix::zeros(self.graph.sites, self.replicas);
        for (i, row) in by_site.words_mut().chunks_exact_mut(words.max(1)).enumerate() {
            for (block, row) in self.blocks.iter().zip(row.chunks_mut(BLOCK / 32)) {
                row.copy_from_slice(&block.spins[i].0[..row.len()]);
            }
        }
        by_site.transposed()
    }

    fn sweep(&mut self, seed: u64, sweeps: &Range<u32>) {
        let graph = &self.graph;
        let first = graph.first_of_colours();
        self.blocks.par_iter_mut().enumerate().for_each(|(b, block)| {
            for sweep in sweeps.clone() {
                let address = FlipAddress { seed, sweep, word: 8 * b as u32 };
                for colour in colour_order(seed, sweep, graph.colours.len()) {
                    let colour = ColourSites { sites: &graph.colours[colour], first: first[colour] };
                    ising_half_sweep(graph, colour, &block.thresholds, address, block.valid, &mut block.spins);
                }
            }
        });
    }

    fn sums(&self) -> Vec<SpinSums> {
        let mut row = vec![SpinSums::default(); self.replicas];
        row.par_chunks_mut(BLOCK)
            .zip(&self.blocks)
            .for_each(|(sums, block)| ising_sums(&self.graph, &block.spins, sums));
        row
    }
}
