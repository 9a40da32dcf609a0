//! Replicas updated by clusters on the CPU, one byte a spin: one replica a task; where there are few replicas, one strip of
//! a large lattice (Swendsen–Wang).

use std::ops::Range;

use crate::threads::prelude::*;

use super::bonds::Bonds;
use super::kernels::ising_clusters::{Address, Cluster, swendsen_wang, wolff};
use super::labels::Labels;
use crate::backend::{ClusterKind, ClusterRule, SpinSums};
use crate::bits::BitMatrix;
use crate::lattice::Graph;
use crate::rng::key_of;

/// Fewest sites of a strip: about 100 µs of work.
const STRIP_SITES: usize = 1 << 13;

/// Sites that a thread updates before it may be stopped: a tenth of a second.
const PART_SITES: usize = 1 << 22;

/// Replicas of one graph, each with its scratch.
#[derive(Debug, Clone)]
pub(super) struct ClusterSpins {
    bonds: Bonds,
    sites: usize,
    replicas: Vec<Replica>,
}

#[derive(Debug, Clone)]
struct Replica {
    spins: Vec<bool>,
    threshold: u64,
    scratch: Scratch,
    /// Spins that Wolff clusters have turned.
    turned: u64,
}

#[derive(Debug, Clone)]
enum Scratch {
    SwendsenWang(Labels),
    Wolff(Cluster),
}

impl ClusterSpins {
    /// Spins `[replicas, sites]`, as many as the rule has thresholds.
    pub(super) fn new(graph: &Graph, rule: &ClusterRule, initial: &BitMatrix) -> Self {
        let sites = graph.sites;
        let replica = |(r, &threshold): (usize, &u64)| Replica {
            spins: (0..sites).map(|i| initial.get(r, i)).collect(),
            threshold,
            scratch: match rule.kind {
                ClusterKind::SwendsenWang => Scratch::SwendsenWang(Labels::new(sites)),
                ClusterKind::Wolff => Scratch::Wolff(Cluster::new(sites)),
            },
            turned: 0,
        };
        let bonds = Bonds::new(graph, rule.ferromagnetic, rule.kind == ClusterKind::Wolff);
        Self { bonds, sites, replicas: rule.thresholds.iter().enumerate().map(replica).collect() }
    }

    /// Strips of a lattice: one where the replicas alone keep all threads busy. Results do not depend on it.
    fn strips(&self) -> usize {
        let tasks = 4 * crate::threads::count();
        match crate::threads::count() {
            1 => 1,
            _ => tasks.div_ceil(self.replicas.len().max(1)).min(self.sites / STRIP_SITES).max(1),
        }
    }

    /// Replicas of a part: at least one for each thread.
    fn part(&self) -> usize {
        let threads = crate::threads::count();
        threads * (PART_SITES / self.sites.max(1)).max(1)
    }

    pub(super) fn parts(&self) -> usize {
        self.replicas.len().div_ceil(self.part())
    }

    pub(super) fn sweep(&mut self, seed: u64, sweeps: &Range<u32>, part: usize) {
        let (key, strips, first) = (key_of(seed), self.strips(), part * self.part());
        let end = (first + self.part()).min(self.replicas.len());
        let bonds = &self.bonds;
        self.replicas[first..end].par_iter_mut().enumerate().for_each(|(r, replica)| {
            for sweep in sweeps.clone() {
                let address = Address { key, sweep, replica: (first + r) as u32, threshold: replica.threshold };
                match &mut replica.scratch {
                    Scratch::SwendsenWang(labels) => {
                        swendsen_wang(bonds, address, strips, labels, &mut replica.spins);
                    }
                    Scratch::Wolff(cluster) => replica.turned += wolff(bonds, address, cluster, &mut replica.spins),
                }
            }
        });
    }

    pub(super) fn sums(&self) -> Vec<SpinSums> {
        let pairs = &self.bonds.pairs;
        let sums = |replica: &Replica| {
            let spins = &replica.spins;
            let unequal =
                |pairs: &[(u32, u32)]| pairs.iter().filter(|&&(a, b)| spins[a as usize] != spins[b as usize]).count();
            let antiparallel: usize = pairs.par_chunks(8 * STRIP_SITES).map(unequal).sum();
            let up: usize = spins.par_chunks(8 * STRIP_SITES).map(|s| s.iter().filter(|&&s| s).count()).sum();
            SpinSums { antiparallel: antiparallel as u32, up: up as u32 }
        };
        self.replicas.par_iter().map(sums).collect()
    }

    pub(super) fn turned(&self) -> u64 {
        self.replicas.iter().map(|replica| replica.turned).sum()
    }

    /// `[replicas, sites]`.
    pub(super) fn to_host(&self) -> BitMatrix {
        BitMatrix::from_fn(self.replicas.len(), self.sites, |r, i| self.replicas[r].spins[i])
    }
}
