//! Single-spin updates of one colour of a graph, 256 replicas at a time.
//!
//! Maths: flip if U < P(z − 2a), a = antiparallel neighbours, U compared with the thresholds digit by digit from the
//! top until no replica is undecided; at most 32 digits, exact to 2⁻³² in P.
//! Shapes: spins `[sites]` of 8 words, bit = replica; digits `[2 · max_degree + 1, 32]` and always
//! `[2 · max_degree + 1]` of 8 words.
//! Random: digit d of site i, replica word w is output d of the sfc32 stream at (site, sweep, `IsingFlip`, word).
//! Class: exact.
//! Source: Creutz 1979 (heat bath); multispin coding after Zorn, Herrmann and Rebbi 1981.

use crate::backend::cpu::lanes::{U32x8, multiversion, philox};
use crate::lattice::Graph;
use crate::rng::Stream;

/// Acceptance of 256 replicas.
#[derive(Debug, Clone)]
pub(crate) struct Thresholds {
    /// Degree of the table.
    pub(crate) max_degree: usize,
    /// `[row, 32]`.
    pub(crate) digits: Vec<[U32x8; 32]>,
    /// `[row]`.
    pub(crate) always: Vec<U32x8>,
    /// Rows in which every replica flips without a draw.
    pub(crate) certain: Vec<bool>,
}

/// Where the numbers of this half-sweep are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlipAddress {
    /// Philox key.
    pub(crate) key: [u32; 2],
    /// Sweep.
    pub(crate) sweep: u32,
    /// Number of the first of the eight words.
    pub(crate) word: u32,
}

/// A field value met at a site: the replicas that have it, and its row in the table.
#[derive(Debug, Clone, Copy)]
struct Class {
    replicas: U32x8,
    row: usize,
}

multiversion! {
    /// Updates the sites of one colour in place; `valid` masks replicas that exist.
    pub(crate) fn ising_half_sweep(
        graph: &Graph,
        colour: &[u32],
        thresholds: &Thresholds,
        address: FlipAddress,
        valid: U32x8,
        spins: &mut [U32x8],
    ) {
        for &site in colour {
            let spin = spins[site as usize];
            let neighbours = graph.neighbours_of(site as usize);
            // Bit-sliced count of antiparallel neighbours, up to 15.
            let mut count = [U32x8::ZERO; 4];
            for &n in neighbours {
                let mut carry = spin ^ spins[n as usize];
                for digit in &mut count {
                    let next = *digit & carry;
                    *digit = *digit ^ carry;
                    carry = next;
                }
            }
            let z = neighbours.len();
            let mut always = U32x8::ZERO;
            let mut classes = [Class { replicas: U32x8::ZERO, row: 0 }; MAX_CLASSES];
            let mut drawn = 0;
            for a in 0..=z {
                let mut replicas = valid;
                for (d, digit) in count.iter().enumerate() {
                    replicas = replicas & if a >> d & 1 == 1 { *digit } else { !*digit };
                }
                let row = thresholds.max_degree + z - 2 * a;
                always = always | replicas & thresholds.always[row];
                if !thresholds.certain[row] {
                    classes[drawn] = Class { replicas, row };
                    drawn += 1;
                }
            }
            let address = (address, site);
            let less = match drawn {
                0 => U32x8::ZERO,
                1 => decide::<1>(&classes, thresholds, address, valid & !always),
                2 => decide::<2>(&classes, thresholds, address, valid & !always),
                3 => decide::<3>(&classes, thresholds, address, valid & !always),
                4 => decide::<4>(&classes, thresholds, address, valid & !always),
                5 => decide::<5>(&classes, thresholds, address, valid & !always),
                _ => decide::<MAX_CLASSES>(&classes, thresholds, address, valid & !always),
            };
            spins[site as usize] = spin ^ (always | less);
        }
    }
}

/// Most neighbours a site may have on this backend, plus one.
pub(crate) const MAX_CLASSES: usize = 16;

/// Replicas among `open` with U < P, from the first `K` classes.
#[inline(always)]
fn decide<const K: usize>(
    classes: &[Class; MAX_CLASSES],
    thresholds: &Thresholds,
    (address, site): (FlipAddress, u32),
    open: U32x8,
) -> U32x8 {
    let mut less = U32x8::ZERO;
    let mut open = open;
    if !open.any() {
        return less;
    }
    let counter = [
        U32x8::splat(site),
        U32x8::splat(address.sweep),
        U32x8::splat(Stream::IsingFlip as u32),
        U32x8::count_from(address.word),
    ];
    let [mut a, mut b, mut c, mut n] = philox(counter, address.key);
    for d in 0..32 {
        let random = a + b + n;
        n = n + U32x8::splat(1);
        a = b ^ b.map(|x| x >> 9);
        b = c + c.map(|x| x << 3);
        c = c.map(|x| x.rotate_left(21)) + random;
        let mut digit = U32x8::ZERO;
        for class in &classes[..K] {
            digit = digit | class.replicas & thresholds.digits[class.row][d];
        }
        less = less | open & !random & digit;
        open = open & !(random ^ digit);
        if d >= 7 && !open.any() {
            break;
        }
    }
    less
}
