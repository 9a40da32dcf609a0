//! Antiparallel bonds and up spins of a square lattice with one bit a site.
//!
//! Maths: every bond joins the two colours, so the neighbours of one colour's spins are all bonds; set bits are counted.
//! Shapes: planes as in `crate::backend::square`; result: the share of a block of the even colour.
//! Random: none.
//! Class: exact.
//! Source: counting of set bits.

use crate::backend::SpinSums;
use crate::backend::cpu::square::SquareBlock;

/// The bonds of the words `me` of the even colour in `block`, and the up spins of both colours in the same words.
pub(crate) fn ising_square_sums(block: SquareBlock<'_>, me: &[u32]) -> SpinSums {
    let neighbours = block.neighbours(me.len());
    let beside = &block.other[block.first..block.first + me.len()];
    let mut sums = SpinSums::default();
    for (i, (&spin, &other)) in me.iter().zip(beside).enumerate() {
        for neighbour in [neighbours.up[i], neighbours.down[i], neighbours.side[i], other] {
            sums.antiparallel += (spin ^ neighbour).count_ones();
        }
        sums.up += spin.count_ones() + other.count_ones();
    }
    sums
}
