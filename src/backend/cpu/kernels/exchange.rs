//! Exchanges of states between neighbouring temperatures of a ladder, Metropolis moves that leave all of its rungs' p_β
//! invariant.
//!
//! Maths: ln p*_{β'}(v) − ln p*_β(v) = (β' − β)(b − b0)·v + Σ_i [softplus(β' x_i) − softplus(β x_i)] for the state of either
//! rung, β its own and β' the other's; both, up and down, are added, and the states change places where u < e^{up + down}.
//! Shapes: rows `[words, replicas]` packed, hidden part of the gains `[replicas]` of a tile; states `[chains, words]` of
//! each of two rungs.
//! Random: (pair, round, `Exchange`, chain).
//! Class: margin for the states, bounded for the gains.
//! Source: Swendsen and Wang, Phys. Rev. Lett. 57, 2607 (1986); Desjardins et al., AISTATS 2010.

use super::gibbs_half_step::Side;
use crate::backend::cpu::columns::Columns;
use crate::backend::cpu::functions::softplus_step;
use crate::backend::cpu::product::{Finish, Workspace};
use crate::backend::cpu::tile::{Instructions, Tile, kernel};
use crate::backend::{Address, Exchanged};
use crate::rng::{Stream, uniform, unit_word};

/// Σ_i [softplus(β' x_i) − softplus(β x_i)] of one tile for every row.
struct Gains<'a> {
    betas: &'a [[f32; 2]],
    units: usize,
    gains: &'a mut [f32],
}

impl Finish for Gains<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        let ([own, other], mut terms) = (self.betas[row], sums);
        for term in &mut terms.0 {
            *term = softplus_step::<S>(own * *term, other * *term).0;
        }
        terms.keep(self.units);
        self.gains[row] = S::sum(&terms);
    }
}

kernel! {
    /// Writes Σ_i [softplus(β' x_i) − softplus(β x_i)] over the hidden units of a tile, for the rows `first ..`, as many as
    /// `gains` has; `betas` begin with β and β' of row 0.
    pub(crate) fn exchange_gains<S>(
        work: &mut Workspace,
        rows: Columns<'_>,
        first: usize,
        hidden: &Side<'_>,
        tile: usize,
        betas: &[[f32; 2]],
        gains: &mut [f32],
    ) {
        let (bias, units, count) = (hidden.bias[tile], hidden.units_of(tile), gains.len());
        let betas = &betas[first..][..count];
        work.product::<S>(hidden.tile(tile), rows, first, count, bias, Gains { betas, units, gains });
    }
}

/// Decides about the chains of pair `pair` in round `round`, whose rungs' states are `low` and `high`, both
/// `[chains, words]`; appends what became of them to `record`.
pub(crate) fn exchange(
    [low, high]: [&mut [u32]; 2],
    [up, down]: [&[f64]; 2],
    pair: usize,
    round: u32,
    address: Address,
    record: &mut Vec<Exchanged>,
) {
    let words = low.len() / up.len();
    let states = low.chunks_exact_mut(words).zip(high.chunks_exact_mut(words));
    for (k, ((low, high), (&up, &down))) in states.zip(up.iter().zip(down)).enumerate() {
        let chain = address.first_chain.wrapping_add(k as u32);
        let u = uniform(unit_word(address.seed, Stream::Exchange, round, chain, pair as u32));
        let exchanged = Exchanged::decide(up, down, u);
        if exchanged.accepted {
            low.swap_with_slice(high);
        }
        record.push(exchanged);
    }
}
