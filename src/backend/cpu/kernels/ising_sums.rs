//! Antiparallel bonds and up spins of every replica, as integers.
//!
//! Maths: `Σ_<ij> [s_i ≠ s_j]` and `Σ_i [s_i = up]`, counted bit-sliced: a word of 32 replicas is added to a vertical
//! counter whose digit d holds bit d of 32 counts.
//! Shapes: spins `[sites]` of 8 words, result `[256]` pairs.
//! Class: exact.

use crate::backend::SpinSums;
use crate::backend::cpu::lanes::{U32x8, multiversion};
use crate::lattice::Graph;

/// 32-digit vertical counters of 256 replicas.
struct Counter([U32x8; 32]);

impl Counter {
    #[inline(always)]
    fn add(&mut self, word: U32x8) {
        let mut carry = word;
        for digit in &mut self.0 {
            let next = *digit & carry;
            *digit = *digit ^ carry;
            carry = next;
            if !carry.any() {
                break;
            }
        }
    }

    #[inline(always)]
    fn count(&self, lane: usize, bit: usize) -> u32 {
        self.0.iter().enumerate().map(|(d, digit)| (digit.0[lane] >> bit & 1) << d).sum()
    }
}

multiversion! {
    /// Writes the sums of replica 32·lane + bit; `sums` may be shorter than 256, the rest is padding.
    pub(crate) fn ising_sums(graph: &Graph, spins: &[U32x8], sums: &mut [SpinSums]) {
        let (mut bonds, mut up) = (Counter([U32x8::ZERO; 32]), Counter([U32x8::ZERO; 32]));
        for i in 0..graph.sites {
            up.add(spins[i]);
            for &n in graph.neighbours_of(i) {
                if n as usize > i {
                    bonds.add(spins[i] ^ spins[n as usize]);
                }
            }
        }
        for (r, sum) in sums.iter_mut().enumerate() {
            *sum = SpinSums { antiparallel: bonds.count(r / 32, r % 32), up: up.count(r / 32, r % 32) };
        }
    }
}
