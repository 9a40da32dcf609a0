//! Antiparallel bonds and up spins of a square lattice with one bit a site.
//!
//! Maths: every bond joins the two colours, so the neighbours of one colour's spins are all bonds; set bits are counted.
//! Shapes: planes as in `crate::backend::square`; result: the share of a block of the even colour.
//! Random: none.
//! Class: exact.
//! Source: counting of set bits.

use crate::backend::SpinSums;
use crate::backend::cpu::square::{Neighbours, Scratch, SquareBlock};

/// The bonds of the words `me` of the even colour in `block`, and the up spins of both colours in the same words.
pub(crate) fn ising_square_sums(block: SquareBlock<'_>, scratch: &mut Scratch, me: &[u32]) -> SpinSums {
    let Neighbours { up, down, beside, side } = block.neighbours(me.len(), scratch);
    let mut sums = SpinSums::default();
    for (i, (&spin, &other)) in me.iter().zip(beside).enumerate() {
        for neighbour in [up[i], down[i], side[i], other] {
            sums.antiparallel += (spin ^ neighbour).count_ones();
        }
        sums.up += spin.count_ones() + other.count_ones();
    }
    sums
}
