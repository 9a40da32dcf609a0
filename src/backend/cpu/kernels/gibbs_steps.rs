//! Gibbs steps of a block of chains, one after the other.
//!
//! Maths: `h_i` ~ sig(β (`c_i` + Σ_j `w_ji` `v_j`)), `v_j` ~ sig(β (`b_j` + Σ_i `w_ji` `h_i`) + (1 − β) `base_j`), as many times as there are
//! steps.
//! Shapes: v `[words, chains]` and h `[words, chains]`, packed.
//! Random: as [`super::gibbs_half_step`], at each step.
//! Class: margin.
//! Source: as [`super::gibbs_half_step`].

use std::ops::Range;

use crate::backend::cpu::columns::Columns;
use crate::backend::cpu::sparse::Sparse;

/// One block of chains: what is drawn, and where rare bits are listed.
pub(crate) struct Block<'a> {
    /// Number of chains.
    pub(crate) rows: usize,
    /// Visible units.
    pub(crate) v: &'a mut [u32],
    /// Hidden units.
    pub(crate) h: &'a mut [u32],
    /// Lists of set bits.
    pub(crate) sparse: &'a mut Sparse,
}

/// Draws h with `hidden(inputs, step, outputs)`, then v with `visible`, at every step.
pub(crate) fn gibbs_steps(
    block: Block<'_>,
    steps: Range<u32>,
    hidden: impl Fn(Columns<'_>, u32, &mut [u32]),
    visible: impl Fn(Columns<'_>, u32, &mut [u32]),
) {
    let Block { rows, v, h, sparse } = block;
    for step in steps {
        hidden(Columns::looked_at(v, rows, sparse), step, h);
        // About half of the hidden units are on in most machines.
        visible(Columns::looked_at_if_few(h, rows, sparse), step, v);
    }
}
