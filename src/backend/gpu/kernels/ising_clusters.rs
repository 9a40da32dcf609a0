//! Joins spins into clusters and turns clusters over, in all replicas at once.
//!
//! Maths: sites joined by active bonds are a cluster, named by its smallest site; see `crate::backend::clusters`.
//! Shapes: spins `[sites, words]`, bit = replica; bonds `[bonds, 2]`; labels `[sites, replicas]`; coins
//! `[4 ⌈sites/128⌉, replicas]`, or seed sites `[replicas]`.
//! Random: bond b at (b / 4, sweep, [`Stream::ClusterBond`], replica), cluster c at (c / 128, sweep,
//! [`Stream::ClusterFlip`], replica), seed sites at (replica, sweep, [`Stream::ClusterSeed`], 0).
//! Class: exact.
//! Source: union by atomic minima: Y. Komura, Comput. Phys. Commun. 194, 54 (2015); D. P. Playne and K. Hawick, IEEE Trans.
//! Parallel Distrib. Syst. 29, 1217 (2018); splitting of paths: J. Jaiganesh and M. Burtscher, HPDC 2018, p. 92.
//!
//! Three dispatches a sweep, none of them repeated until nothing changes: labels only fall, and whoever finds that a root
//! has been given another label meanwhile goes on with the two that are left. Small lattices (4096 sites, 16 KiB of labels,
//! coins and spins) take one dispatch for many sweeps. Wolff labels the whole lattice to turn one cluster of it.
//!
//! Cost, counted in the code that RADV makes for navi31: vector operations, 20 a spin to start, 79 for four bonds (Philox)
//! with 14 a bond and 20 a union, 60 a spin to turn, 8 a step of a path to a root; some 150 a spin of a square lattice.
//! Bytes of it: a label out, for two bonds 4 labels and 4 spins, then a label, a coin and a spin, of which caches leave
//! about 24, and 16 of the bonds' list, shared by all replicas. No registers are spilt and as many waves run as there can.
//! A device of 7·10¹² operations and 5·10¹¹ bytes a second is bound by the bytes, at 12 to 20 spins/ns, if its atomics and
//! caches keep up.

use std::ops::Range;

use crate::backend::ClusterKind;
use crate::backend::gpu::clusters::ClusterSpins;
use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, Workgroup, parameters};
use crate::rng::{Stream, key_of};

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct IsingClusters {
        seed_low: u32,
        seed_high: u32,
        sweep: u32,
        sweeps: u32,
        bond_stream: u32,
        cluster_stream: u32,
        wolff: u32,
        replicas: u32,
        words: u32,
        sites: u32,
        bonds: u32,
        satisfied: u32,
        lanes: u32,
        replicas_a_group: u32,
        first_group: u32,
    }
}

/// Every site is its own cluster; coins or seed sites.
pub(super) static START: Kernel = kernel!(
    "ising_clusters",
    "start",
    64,
    IsingClusters,
    [Read, Read, ReadWrite, ReadWrite, ReadWrite, ReadWrite, ReadWrite]
);
/// Sites of active bonds are joined.
pub(super) static JOIN: Kernel = Kernel { entry: "join", ..START };
/// Clusters turn.
pub(super) static TURN: Kernel = Kernel { entry: "turn", ..START };
/// Whole sweeps in workgroup memory.
pub(super) static SMALL: Kernel = Kernel { entry: "small", workgroup_size: Workgroup::Fixed(256), ..START };

/// Sites of the replicas of a workgroup of [`SMALL`].
const WORKGROUP_SITES: usize = 4096;
/// Invocations of such a workgroup.
const SMALL_INVOCATIONS: usize = 256;
/// Integer operations of four bonds of a replica, about, and of a spin.
const WORK_OF_FOUR: u64 = 400;
const WORK_A_SPIN: u64 = 50;
/// Elementary operations of one dispatch of [`SMALL`]: about 10 ms of a small GPU.
const WORK_A_DISPATCH: u64 = 4_000_000_000;

/// Rounds of loops of one invocation of [`SMALL`] in one dispatch. Mesa's software driver leaves loops after 65 535 rounds
/// of all loops together, silently; three quarters of them are left to paths to roots, whose length is random.
const ROUNDS_A_DISPATCH: usize = 1 << 14;
/// Rounds for four bonds: 10 of Philox, the bonds, two short paths of each; and for a spin: coins and a path.
const ROUNDS_OF_FOUR: usize = 10 + 4 * 5;
const ROUNDS_A_SPIN: usize = 1 + 10 + 4;

/// Whether the labels of a replica fit workgroup memory.
pub(in crate::backend::gpu) fn is_small(sites: usize) -> bool {
    sites <= WORKGROUP_SITES
}

/// Records whole sweeps.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, spins: &ClusterSpins, seed: u64, sweeps: Range<u32>) {
    let [seed_low, seed_high] = key_of(seed);
    let wolff = spins.kind == ClusterKind::Wolff;
    let parameters = IsingClusters {
        seed_low,
        seed_high,
        sweep: sweeps.start,
        sweeps: 0,
        bond_stream: Stream::ClusterBond as u32,
        cluster_stream: if wolff { Stream::ClusterSeed } else { Stream::ClusterFlip } as u32,
        wolff: u32::from(wolff),
        replicas: spins.replicas as u32,
        words: spins.words() as u32,
        sites: spins.sites as u32,
        bonds: spins.bonds as u32,
        satisfied: u32::from(!spins.ferromagnetic),
        lanes: spins.replicas.next_power_of_two().min(32) as u32,
        replicas_a_group: 0,
        first_group: 0,
    };
    if is_small(spins.sites) {
        return record_small(gpu, spins, parameters, sweeps);
    }
    let [start, join, turn] = [&START, &JOIN, &TURN].map(|kernel| gpu.bind(kernel, &spins.bound()));
    let (sites, replicas, fours) = (spins.sites as u64, spins.replicas as u64, spins.bonds.div_ceil(4) as u64);
    let places = sites * u64::from(parameters.words) * u64::from(parameters.lanes);
    for sweep in sweeps {
        let parameters = IsingClusters { sweep, ..parameters };
        gpu.dispatch(&start, &parameters, (sites * replicas).div_ceil(64), WORK_A_SPIN * sites * replicas);
        gpu.dispatch(&join, &parameters, (fours * replicas).div_ceil(64), WORK_OF_FOUR * fours * replicas);
        gpu.dispatch(&turn, &parameters, places.div_ceil(64), WORK_A_SPIN * places);
    }
}

/// Many sweeps a dispatch, each workgroup with some replicas.
fn record_small(gpu: &Gpu, spins: &ClusterSpins, parameters: IsingClusters, sweeps: Range<u32>) {
    let bound = gpu.bind(&SMALL, &spins.bound());
    let (sites, fours) = (spins.sites.max(1), spins.bonds.div_ceil(4));
    // Enough replicas for every invocation to have bonds, if they fit.
    let replicas = SMALL_INVOCATIONS.div_ceil(fours.max(1)).min(WORKGROUP_SITES / sites).max(1);
    let of = |count: usize| (count * replicas).div_ceil(SMALL_INVOCATIONS);
    let rounds = ROUNDS_OF_FOUR * of(fours) + ROUNDS_A_SPIN * of(sites);
    let a_sweep = (WORK_OF_FOUR * fours as u64 + WORK_A_SPIN * sites as u64) * spins.replicas as u64;
    let most = (WORK_A_DISPATCH / a_sweep.max(1)).min((ROUNDS_A_DISPATCH / rounds) as u64).max(1) as u32;
    let mut sweep = sweeps.start;
    while sweep < sweeps.end {
        let count = most.min(sweeps.end - sweep);
        let parameters = IsingClusters { sweep, sweeps: count, replicas_a_group: replicas as u32, ..parameters };
        gpu.dispatch(&bound, &parameters, spins.replicas.div_ceil(replicas) as u64, a_sweep * u64::from(count));
        sweep += count;
    }
}
