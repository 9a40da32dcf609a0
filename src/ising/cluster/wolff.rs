//! One Wolff cluster of one replica.

use super::{Address, Bonds};
use crate::rng::{Stream, philox};

/// Scratch of a cluster: its sites in the order in which they joined, and who has joined.
#[derive(Debug)]
pub(super) struct Cluster {
    sites: Vec<u32>,
    joined: Vec<bool>,
}

impl Cluster {
    /// Room for clusters of a graph.
    pub(super) fn new(sites: usize) -> Self {
        Self { sites: Vec::new(), joined: vec![false; sites] }
    }

    fn join(&mut self, site: u32) {
        self.joined[site as usize] = true;
        self.sites.push(site);
    }
}

/// Turns the cluster of a random site over and returns its size. The site is ⌊N u⌋ with 64 digits of u from the block
/// (replica, sweep, `ClusterSeed`, 0). A bond is drawn once: when it has two ends in the cluster it is not looked at.
pub(super) fn turn_one(bonds: &Bonds, address: Address, cluster: &mut Cluster, spins: &mut [bool]) -> u64 {
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
