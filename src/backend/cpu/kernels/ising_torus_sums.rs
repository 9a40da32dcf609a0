//! Antiparallel bonds and up spins of a square or cubic lattice with one bit a site.
//!
//! Maths: every bond joins the two colours, so the neighbours of one colour's spins are all bonds; set bits are counted.
//! Shapes: planes as in `crate::backend::torus`, idle bits zero; result: the share of a block of the even colour.
//! Random: none.
//! Class: exact.
//! Source: counting of set bits.

use crate::backend::SpinSums;
use crate::backend::cpu::neighbours::{Scratch, TorusBlock};

/// The bonds of the words `me` of the even colour in `block`, and the up spins of both colours in the same words.
pub(crate) fn ising_torus_sums(block: TorusBlock<'_>, scratch: &mut Scratch, me: &[u32]) -> SpinSums {
    match block.torus.dimensions {
        2 => sums::<4>(block, scratch, me),
        _ => sums::<6>(block, scratch, me),
    }
}

fn sums<const N: usize>(block: TorusBlock<'_>, scratch: &mut Scratch, me: &[u32]) -> SpinSums {
    let neighbours = block.neighbours::<N>(me.len(), scratch);
    let mut sums = SpinSums::default();
    for (i, &spin) in me.iter().enumerate() {
        sums.antiparallel += neighbours.iter().map(|words| (spin ^ words[i]).count_ones()).sum::<u32>();
        sums.up += spin.count_ones() + neighbours[0][i].count_ones();
    }
    sums
}
