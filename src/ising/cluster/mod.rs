//! Cluster updates on the CPU: Swendsen–Wang and Wolff, one replica a task; where there are few replicas, one strip of a
//! large lattice (Swendsen–Wang).
//!
//! A satisfied bond (J s_i s_j > 0) is active with probability 1 − e^{−2|J|/T}; sites joined by active bonds form
//! clusters that may be turned over whole. Both algorithms beat critical slowing down of ferromagnets, z < 0.5 instead
//! of 2.2; on frustrated graphs they are exact but useless.
//! (R. H. Swendsen and J.-S. Wang, Phys. Rev. Lett. 58, 86 (1987); U. Wolff, Phys. Rev. Lett. 62, 361 (1989).)
//!
//! Random numbers have addresses: bond b of replica r at sweep t takes word b % 4 of the block (b / 4, t, `ClusterBond`,
//! r), so results depend neither on threads nor on the order in which bonds are looked at. Probabilities are integers,
//! exact to 2⁻³².

mod labels;
mod swendsen_wang;
mod wolff;

use std::ops::Range;

use rayon::prelude::*;

use super::Model;
use super::walkers::{Measured, Walkers};
use crate::bits::BitMatrix;
use crate::error::Result;
use labels::Labels;
use wolff::Cluster;

/// Which cluster algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// All clusters, each turned over with probability ½; a sweep updates every spin.
    SwendsenWang,
    /// The cluster of a random site is turned over; a sweep is one cluster.
    Wolff,
}

/// Fewest sites of a strip: about 100 µs of work.
const STRIP_SITES: usize = 1 << 13;

/// The bonds of a graph, by number and by site.
#[derive(Debug)]
struct Bonds {
    /// The lower site first, ascending by it.
    pairs: Vec<(u32, u32)>,
    /// `around[offsets[i] .. offsets[i + 1]]`: neighbour and bond number.
    offsets: Vec<u32>,
    around: Vec<(u32, u32)>,
    /// Whether a bond is satisfied by parallel spins.
    ferromagnetic: bool,
}

impl Bonds {
    fn new(model: &Model, coupling: f64) -> Self {
        let pairs: Vec<(u32, u32)> = model.graph.bond_pairs().into_iter().map(|(a, b)| (a as u32, b as u32)).collect();
        let mut lists = vec![Vec::new(); model.graph.sites];
        for (bond, &(a, b)) in pairs.iter().enumerate() {
            lists[a as usize].push((b, bond as u32));
            lists[b as usize].push((a, bond as u32));
        }
        let mut offsets = vec![0u32];
        let mut around = Vec::with_capacity(2 * pairs.len());
        for list in lists {
            around.extend(list);
            offsets.push(around.len() as u32);
        }
        Self { pairs, offsets, around, ferromagnetic: coupling > 0.0 }
    }

    fn around(&self, site: u32) -> &[(u32, u32)] {
        &self.around[self.offsets[site as usize] as usize..self.offsets[site as usize + 1] as usize]
    }

    /// Numbers of the bonds whose lower site is one of `sites`.
    fn of_lower_sites(&self, sites: &Range<usize>) -> Range<usize> {
        let before = |site: usize| self.pairs.partition_point(|&(a, _)| (a as usize) < site);
        before(sites.start)..before(sites.end)
    }

    fn satisfied(&self, a: bool, b: bool) -> bool {
        (a == b) == self.ferromagnetic
    }

    /// Which of at most 32 bonds are satisfied, a bit each.
    fn satisfied_of(&self, spins: &[bool], pairs: &[(u32, u32)]) -> u32 {
        let bit =
            |(i, &(a, b)): (usize, &(u32, u32))| u32::from(self.satisfied(spins[a as usize], spins[b as usize])) << i;
        pairs.iter().enumerate().map(bit).fold(0, |bits, bit| bits | bit)
    }
}

/// Where the numbers of one sweep of one replica are, and with what a bond's word is compared.
#[derive(Debug, Clone, Copy)]
struct Address {
    key: [u32; 2],
    sweep: u32,
    replica: u32,
    /// 2³² (1 − e^{−2|J|/T}); a bond is active if its word is below.
    threshold: u64,
}

#[derive(Debug)]
struct Replica {
    spins: Vec<bool>,
    threshold: u64,
    labels: Labels,
    cluster: Cluster,
    updates: u64,
}

/// Replicas updated by clusters.
#[derive(Debug)]
pub(super) struct Clusters<'a> {
    model: &'a Model,
    coupling: f64,
    kind: Kind,
    bonds: Bonds,
    key: [u32; 2],
    replicas: Vec<Replica>,
    record: Vec<Vec<Measured>>,
}

impl<'a> Clusters<'a> {
    /// Starts from `initial` `[replicas, sites]`; replica r has temperature r.
    pub(super) fn new(
        model: &'a Model,
        coupling: f64,
        kind: Kind,
        temperatures: &[f64],
        initial: &BitMatrix,
        seed: u64,
    ) -> Self {
        let sites = model.graph.sites;
        let replicas = temperatures
            .iter()
            .enumerate()
            .map(|(r, t)| Replica {
                spins: (0..sites).map(|i| initial.get(r, i)).collect(),
                // −expm1 keeps small probabilities exact.
                threshold: (-(-2.0 * coupling.abs() / t).exp_m1() * 4_294_967_296.0).round() as u64,
                labels: Labels::new(if kind == Kind::SwendsenWang { sites } else { 0 }),
                cluster: Cluster::new(if kind == Kind::Wolff { sites } else { 0 }),
                updates: 0,
            })
            .collect();
        let bonds = Bonds::new(model, coupling);
        Self { model, coupling, kind, bonds, key: crate::rng::key_of(seed), replicas, record: Vec::new() }
    }

    /// Strips of a lattice: one where the replicas alone keep all threads busy. Results do not depend on it.
    fn strips(&self) -> usize {
        let tasks = 4 * rayon::current_num_threads();
        match rayon::current_num_threads() {
            1 => 1,
            _ => tasks.div_ceil(self.replicas.len().max(1)).min(self.model.graph.sites / STRIP_SITES).max(1),
        }
    }
}

impl Walkers for Clusters<'_> {
    fn sweep(&mut self, sweeps: Range<u32>) {
        let (bonds, kind, key, strips) = (&self.bonds, self.kind, self.key, self.strips());
        self.replicas.par_iter_mut().enumerate().for_each(|(r, replica)| {
            for sweep in sweeps.clone() {
                let address = Address { key, sweep, replica: r as u32, threshold: replica.threshold };
                replica.updates += match kind {
                    Kind::SwendsenWang => {
                        swendsen_wang::sweep(bonds, address, strips, &mut replica.labels, &mut replica.spins);
                        replica.spins.len() as u64
                    }
                    Kind::Wolff => wolff::turn_one(bonds, address, &mut replica.cluster, &mut replica.spins),
                };
            }
        });
    }

    fn record(&mut self) {
        let (coupling, pairs) = (self.coupling, &self.bonds.pairs);
        let measured = |replica: &Replica| {
            let spins = &replica.spins;
            let unequal =
                |pairs: &[(u32, u32)]| pairs.iter().filter(|&&(a, b)| spins[a as usize] != spins[b as usize]).count();
            let antiparallel: usize = pairs.par_chunks(8 * STRIP_SITES).map(unequal).sum();
            let up: usize = spins.par_chunks(8 * STRIP_SITES).map(|s| s.iter().filter(|&&s| s).count()).sum();
            let energy = coupling * (2.0 * antiparallel as f64 - pairs.len() as f64);
            Measured { energy, up: up as u32 }
        };
        self.record.push(self.replicas.par_iter().map(measured).collect());
    }

    fn take_record(&mut self) -> Result<Vec<Vec<Measured>>> {
        Ok(std::mem::take(&mut self.record))
    }

    fn spins(&self) -> Result<BitMatrix> {
        Ok(BitMatrix::from_fn(self.replicas.len(), self.model.graph.sites, |r, i| self.replicas[r].spins[i]))
    }

    fn finish(&self) -> Result<()> {
        Ok(())
    }

    fn updates(&self) -> f64 {
        self.replicas.iter().map(|r| r.updates as f64).sum()
    }
}
