//! Updates all sites of one colour of 32 replicas a word, bit-sliced.
//!
//! Maths: flip if U < P(z − 2a), U compared digit by digit: 12 digits without a branch, the rest where a lane is open.
//! Shapes: spins `[sites, words]`, bit = replica; tables as in [`crate::backend::Classes`], by degree.
//! Random: sfc32 seeded by Philox at (tile position, sweep, [`Stream::IsingFlip`], word) for 8 sites' heads, and at
//! (site, sweep, [`Stream::IsingTail`], word) for tails; the order of the colours as [`colour_order`].
//! Class: exact.
//! Source: Creutz, Jacobs, Rebbi 1979.
//!
//! Cost, counted in the code that RADV makes for navi31 (64-bit products, no spills), four neighbours:
//!
//! | | operations a word of 32 flips | a tile of 8 words | a tail, a digit of it | registers |
//! | --- | --- | --- | --- | --- |
//! | two classes (Metropolis) | 197 | 117, about 290 from limbs | 74, 18 | 48 |
//! | five classes (heat bath) | 266 | 162; in workgroup memory 62, thresholds once a dispatch | 55, 28 | 108 |
//!
//! A wave of 64 finds a lane that needs its tail once in four words of Metropolis and in 2.5 of heat bath: together 7.5
//! and 10.5 operations a flip. Bytes: spins once in and out and neighbours once, 0.375 a flip; the graph's 24 bytes a site
//! are shared by all words. A device of 7·10¹² integer operations and 5·10¹¹ bytes a second is bound by the operations, at
//! 930 and 670 flips/ns (memory: 1300). Dispatches: one a colour and sweep; small lattices (4096 sites, 16 KiB) one for
//! some hundred sweeps, 8 bytes a word in all.
//! On lavapipe, per CPU second, 4.2 (Metropolis, 8 × 8) and 4.5 times (heat bath) the flips of one invocation a site, 5.7
//! and 5.3 times at 128 × 128; chains 3.4 and 4.2. Sites with more than four neighbours take the general entry.

use std::ops::Range;

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::ising::{Entry, ReplicaSpins};
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::rng::{Stream, TILE_SITES, colour_order, key_of};

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct IsingHalfSweep {
        seed_low: u32,
        seed_high: u32,
        sweep: u32,
        sweeps: u32,
        stream: u32,
        tail_stream: u32,
        order_stream: u32,
        replicas: u32,
        words: u32,
        sites: u32,
        colour: u32,
        colours: u32,
        colours_first: u32,
        neighbours_first: u32,
        degrees_first: u32,
        words_a_group: u32,
    }
}

/// Any graph.
pub(super) static ANY: Kernel = kernel!("ising_half_sweep", "main", 64, IsingHalfSweep, [Read, Read, ReadWrite]);
/// Four neighbours everywhere and two drawn classes.
pub(super) static FOUR: Kernel =
    kernel!("ising_half_sweep", "four_neighbours", 64, IsingHalfSweep, [Read, Read, ReadWrite]);
/// The same number of neighbours everywhere, four at most, and any table of five classes.
pub(super) static FOUR_ANY: Kernel =
    kernel!("ising_half_sweep", "four_any", 64, IsingHalfSweep, [Read, Read, ReadWrite]);
/// As [`FOUR`], in workgroup memory.
pub(super) static SMALL: Kernel = kernel!("ising_half_sweep", "small", 64, IsingHalfSweep, [Read, Read, ReadWrite]);
/// As [`FOUR_ANY`], in workgroup memory.
pub(super) static SMALL_ANY: Kernel =
    kernel!("ising_half_sweep", "small_any", 64, IsingHalfSweep, [Read, Read, ReadWrite]);

/// Largest number of neighbours the kernel counts.
pub(in crate::backend::gpu) const MAX_DEGREE: usize = 15;

/// Words of spins in the workgroup memory of [`SMALL`].
const WORKGROUP_WORDS: usize = 4096;
/// Integer operations of one site of 32 replicas, about.
const WORK_A_SITE: u64 = 256;
/// Elementary operations of one dispatch of [`SMALL`]: about 10 ms of a small GPU.
const WORK_A_DISPATCH: u64 = 4_000_000_000;

/// Rounds of loops of one invocation of [`SMALL`] in one dispatch. Mesa's software driver leaves loops after 65 535 rounds
/// of all loops together, silently; half of it leaves room for tails, whose number is random.
const ROUNDS_A_DISPATCH: u64 = 1 << 15;
/// Rounds for the order of the colours: one block of Philox for four sweeps, and one more where a dispatch begins.
const ROUNDS_A_ORDER: u64 = 10;
/// Rounds for one tile: 10 of Philox, its sites, and its share of tails while any of the lanes run together is open.
const ROUNDS_A_TILE: u64 = 10 + TILE_SITES as u64 + 14;

/// Records whole sweeps: every colour once, in the sweep's order.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, spins: &ReplicaSpins, seed: u64, sweeps: Range<u32>) {
    let [seed_low, seed_high] = key_of(seed);
    let parameters = IsingHalfSweep {
        seed_low,
        seed_high,
        sweep: 0,
        sweeps: 0,
        stream: Stream::IsingFlip as u32,
        tail_stream: Stream::IsingTail as u32,
        order_stream: Stream::ColourOrder as u32,
        replicas: spins.replicas as u32,
        words: spins.words as u32,
        sites: spins.sites as u32,
        colour: 0,
        colours: spins.colours.len() as u32,
        colours_first: spins.colours_first,
        neighbours_first: spins.neighbours_first,
        degrees_first: spins.degrees_first,
        words_a_group: 0,
    };
    let (kernel, small) = match spins.entry {
        Entry::Any => (&ANY, None),
        Entry::Two => (&FOUR, Some(&SMALL)),
        Entry::Five => (&FOUR_ANY, Some(&SMALL_ANY)),
    };
    let parameters = match spins.entry {
        Entry::Any => parameters,
        Entry::Two | Entry::Five => IsingHalfSweep { neighbours_first: spins.fours_first, ..parameters },
    };
    if let Some(small) = small.filter(|_| spins.sites <= WORKGROUP_WORDS) {
        record_small(gpu, small, spins, parameters, sweeps);
        return;
    }
    let bound = gpu.bind(kernel, &[&spins.graph, &spins.acceptance, &spins.spins]);
    for sweep in sweeps {
        for colour in colour_order(seed, sweep, spins.colours.len()) {
            let sites = spins.colours[colour];
            let parameters = IsingHalfSweep { sweep, colour: colour as u32, ..parameters };
            let invocations = u64::from(sites).div_ceil(TILE_SITES as u64) * spins.words as u64;
            let work = WORK_A_SITE * u64::from(sites) * spins.words as u64;
            gpu.dispatch(&bound, &parameters, invocations.div_ceil(64), work);
        }
    }
}

/// Many sweeps a dispatch, each workgroup with some words of all sites.
fn record_small(
    gpu: &Gpu,
    kernel: &'static Kernel,
    spins: &ReplicaSpins,
    parameters: IsingHalfSweep,
    sweeps: Range<u32>,
) {
    let bound = gpu.bind(kernel, &[&spins.graph, &spins.acceptance, &spins.spins]);
    // Enough words for every invocation to have a tile of a colour, if they fit; a power of two, so that an invocation
    // keeps to one word and its thresholds.
    let tiles = spins.colours.iter().map(|&sites| (sites as usize).div_ceil(TILE_SITES)).max().unwrap_or(1).max(1);
    let most = 64usize.min(WORKGROUP_WORDS / spins.sites.max(1)).max(1).ilog2();
    let words = 1usize << 64usize.div_ceil(tiles).next_power_of_two().ilog2().min(most);
    let a_sweep = WORK_A_SITE * (spins.sites * spins.words) as u64;
    let tasks = tiles.div_ceil(64 / words) as u64;
    let rounds = spins.colours.len() as u64 * (1 + tasks * ROUNDS_A_TILE) + 1 + ROUNDS_A_ORDER;
    let most = (WORK_A_DISPATCH / a_sweep.max(1)).min(ROUNDS_A_DISPATCH / rounds).max(1) as u32;
    let mut sweep = sweeps.start;
    while sweep < sweeps.end {
        let count = most.min(sweeps.end - sweep);
        let parameters = IsingHalfSweep { sweep, sweeps: count, words_a_group: words as u32, ..parameters };
        gpu.dispatch(&bound, &parameters, spins.words.div_ceil(words) as u64, a_sweep * u64::from(count));
        sweep += count;
    }
}
