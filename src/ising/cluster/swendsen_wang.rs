//! One Swendsen–Wang sweep of one replica.

use super::{Address, Bonds, Labels};
use crate::rng::{Stream, philox};

/// Joins sites over active bonds and turns every cluster over with probability ½: bit c % 128 of the block
/// (c / 128, sweep, `ClusterFlip`, replica), c the smallest site of the cluster.
pub(super) fn sweep(bonds: &Bonds, address: Address, labels: &mut Labels, spins: &mut [bool]) {
    labels.separate();
    for (block, four) in bonds.pairs.chunks(4).enumerate() {
        let satisfied = four.iter().map(|&(a, b)| bonds.satisfied(spins[a as usize], spins[b as usize]));
        if !satisfied.clone().any(|s| s) {
            continue;
        }
        let counter = [block as u32, address.sweep, Stream::ClusterBond as u32, address.replica];
        let words = philox(counter, address.key);
        for ((&(a, b), satisfied), word) in four.iter().zip(satisfied).zip(words) {
            if satisfied && u64::from(word) < address.threshold {
                labels.unite(a, b);
            }
        }
    }
    let mut drawn = u32::MAX;
    let mut coins = [0; 4];
    for (site, spin) in spins.iter_mut().enumerate() {
        let root = labels.root(site as u32);
        if root / 128 != drawn {
            drawn = root / 128;
            coins = philox([drawn, address.sweep, Stream::ClusterFlip as u32, address.replica], address.key);
        }
        *spin ^= coins[(root / 32 % 4) as usize] >> (root % 32) & 1 == 1;
    }
}
