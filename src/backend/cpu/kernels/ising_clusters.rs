//! One cluster update of one replica: Swendsen–Wang in strips, or one Wolff cluster.
//!
//! Maths: sites joined by active bonds are a cluster, named by its smallest site; see `crate::backend::clusters`.
//! Shapes: spins `[sites]`, bonds as in [`Bonds`].
//! Random: bond b takes word b % 4 of the Philox block (b / 4, sweep, `ClusterBond`, replica); cluster c turns by bit c % 128
//! of the block (c / 128, sweep, `ClusterFlip`, replica); the site of a Wolff cluster is ⌊N u⌋ with 64 digits of u from the
//! block (replica, sweep, `ClusterSeed`, 0).
//! Class: exact.
//! Source: Swendsen and Wang 1987; Wolff 1989; strips and their borders: Flanigan and Tamayo, Physica A 215, 461 (1995).
//!
//! A strip is a run of sites with the bonds whose lower site is among them. Strips join their own sites side by side; bonds
//! that leave a strip are joined after that, one by one (a surface against a volume), and the spins are turned side by side
//! again. A set is named by its smallest site whatever the order of its bonds, so the spins do not depend on the strips.

use crate::threads::prelude::*;

use crate::backend::cpu::bonds::{BondDraws, Bonds, draw_bonds};
use crate::backend::cpu::labels::{Labels, root_of, unite_within};
use crate::rng::{Stream, philox};

/// Words of 32 bonds drawn at a time.
const DRAWN_WORDS: usize = 64;

/// Where the numbers of one sweep of one replica are, and with what a bond's word is compared.
#[derive(Debug, Clone, Copy)]
pub(in crate::backend::cpu) struct Address {
    pub(in crate::backend::cpu) key: [u32; 2],
    pub(in crate::backend::cpu) sweep: u32,
    pub(in crate::backend::cpu) replica: u32,
    /// 2³² (1 − e^{−2|J|/T}); a bond is active if its word is below.
    pub(in crate::backend::cpu) threshold: u64,
}

/// Joins sites over active bonds and turns every cluster over with probability ½.
pub(in crate::backend::cpu) fn swendsen_wang(
    bonds: &Bonds,
    address: Address,
    strips: usize,
    labels: &mut Labels,
    spins: &mut [bool],
) {
    let size = spins.len().div_ceil(strips.max(1)).max(1);
    let parents = labels.parents();
    if strips < 2 {
        let none = join_strip(bonds, address, 0, spins, parents);
        debug_assert!(none.is_empty(), "no bond leaves the whole");
        return turn(&coins(address, spins.len()), 0, parents, spins);
    }
    let before = &*spins;
    let leaving: Vec<Vec<(u32, u32)>> = parents
        .par_chunks_mut(size)
        .enumerate()
        .map(|(k, parents)| join_strip(bonds, address, k * size, before, parents))
        .collect();
    for (a, b) in leaving.into_iter().flatten() {
        labels.unite(a, b);
    }
    let (parents, coins) = (&*labels.parents(), coins(address, spins.len()));
    spins.par_chunks_mut(size).enumerate().for_each(|(k, spins)| turn(&coins, k * size, parents, spins));
}

/// Joins the sites `first ..` of a strip, whose parents are given, and returns the active bonds that leave it.
fn join_strip(bonds: &Bonds, address: Address, first: usize, spins: &[bool], parents: &mut [u32]) -> Vec<(u32, u32)> {
    let sites = first..first + parents.len();
    for (parent, site) in parents.iter_mut().zip(sites.clone()) {
        *parent = site as u32;
    }
    let range = bonds.of_lower_sites(&sites);
    let counter = [address.sweep, Stream::ClusterBond as u32, address.replica];
    let draws = BondDraws { counter, key: address.key, threshold: address.threshold };
    let mut leaving = Vec::new();
    let mut drawn = [0; DRAWN_WORDS];
    // Whole words of 32 bonds; those of other strips in the first and last are passed over.
    let (begin, end) = (range.start / 32, range.end.div_ceil(32));
    for at in (begin..end).step_by(DRAWN_WORDS) {
        let drawn = &mut drawn[..DRAWN_WORDS.min(end - at)];
        draw_bonds(draws, at as u32, drawn);
        for (word, &drawn) in (at..).zip(&*drawn) {
            let skipped = range.start.saturating_sub(32 * word);
            let pairs = &bonds.pairs[32 * word + skipped..range.end.min(32 * word + 32)];
            let mut active = (drawn & bonds.satisfied_of(spins, pairs) << skipped) >> skipped;
            while active != 0 {
                let pair = pairs[active.trailing_zeros() as usize];
                active &= active - 1;
                if sites.contains(&(pair.1 as usize)) {
                    unite_within(parents, first as u32, pair.0, pair.1);
                } else {
                    leaving.push(pair);
                }
            }
        }
    }
    // A parent is a smaller site, so one ascending pass makes it the root.
    for k in 0..parents.len() {
        parents[k] = parents[parents[k] as usize - first];
    }
    leaving
}

/// The coin of every site, were it the smallest of its cluster: 32 a word.
fn coins(address: Address, sites: usize) -> Vec<u32> {
    let block = |block| philox([block, address.sweep, Stream::ClusterFlip as u32, address.replica], address.key);
    (0..sites.div_ceil(128) as u32).flat_map(block).collect()
}

/// Turns over the sites `first ..` whose clusters have drawn so.
fn turn(coins: &[u32], first: usize, parents: &[u32], spins: &mut [bool]) {
    for (site, spin) in (first as u32..).zip(spins) {
        let root = root_of(parents, site);
        *spin ^= coins[(root / 32) as usize] >> (root % 32) & 1 == 1;
    }
}

/// Scratch of a cluster: its sites in the order in which they joined, and who has joined.
#[derive(Debug, Clone)]
pub(in crate::backend::cpu) struct Cluster {
    sites: Vec<u32>,
    joined: Vec<bool>,
}

impl Cluster {
    /// Room for clusters of a graph.
    pub(in crate::backend::cpu) fn new(sites: usize) -> Self {
        Self { sites: Vec::new(), joined: vec![false; sites] }
    }

    fn join(&mut self, site: u32) {
        self.joined[site as usize] = true;
        self.sites.push(site);
    }
}

/// Turns the cluster of a random site over and returns its size. A bond is drawn once: when it has two ends in the cluster
/// it is not looked at.
pub(in crate::backend::cpu) fn wolff(
    bonds: &Bonds,
    address: Address,
    cluster: &mut Cluster,
    spins: &mut [bool],
) -> u64 {
    let words = philox([address.replica, address.sweep, Stream::ClusterSeed as u32, 0], address.key);
    let u = u64::from(words[0]) << 32 | u64::from(words[1]);
    cluster.join(((u128::from(u) * spins.len() as u128) >> 64) as u32);
    let mut next = 0;
    while let Some(&site) = cluster.sites.get(next) {
        next += 1;
        for &(neighbour, bond) in bonds.around(site) {
            if cluster.joined[neighbour as usize] || !bonds.satisfied(spins[site as usize], spins[neighbour as usize]) {
                continue;
            }
            let counter = [bond / 4, address.sweep, Stream::ClusterBond as u32, address.replica];
            if u64::from(philox(counter, address.key)[(bond % 4) as usize]) < address.threshold {
                cluster.join(neighbour);
            }
        }
    }
    for site in cluster.sites.drain(..) {
        spins[site as usize] = !spins[site as usize];
        cluster.joined[site as usize] = false;
    }
    next as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::Lattice;

    /// Strips of one site, of parts of rows and of many rows; bonds that leave them in every direction.
    #[test]
    fn strips_leave_no_trace() {
        for lattice in [
            Lattice::Square { length: 12 },
            Lattice::Triangular { length: 7 },
            Lattice::Cubic { length: 4 },
            Lattice::Chain { length: 30 },
        ] {
            let (bonds, sites) = (Bonds::new(&lattice.graph(), true, false), lattice.sites());
            let run = |strips: usize| {
                let mut spins: Vec<bool> = (0..sites).map(|i| i * i % 7 < 4).collect();
                let mut labels = Labels::new(sites);
                for sweep in 0..20 {
                    let address = Address { key: [1, 2], sweep, replica: 3, threshold: 2_400_000_000 };
                    swendsen_wang(&bonds, address, strips, &mut labels, &mut spins);
                }
                spins
            };
            let whole = run(1);
            for strips in [2, 3, 7, sites - 1, sites, 2 * sites] {
                assert_eq!(run(strips), whole, "{lattice} in {strips} strips");
            }
        }
    }
}
