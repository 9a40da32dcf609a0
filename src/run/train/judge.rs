//! How likely held-out rows are under a machine, closely enough to choose between machines, and whether that is known.
//!
//! ln Z comes from annealing from independent units. Where a machine has modes that this does not come to, ln Z is too small
//! and the machine looks too good. Rows tell: annealed down from them and from where the chains ended, weights of rows in
//! such modes lie beyond those of the chains ([`Comparison`]).

use super::Split;
use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::events::{Listener, Quiet};
use crate::likelihood::{
    AnnealSettings, Began, Comparison, anneal_to_ends, base_bias, exact_log_z, linear_ladder, log_weights,
    mean_of_rows, relaxed, reverse_weights, row_by_row, spaced,
};
use crate::rbm::Rbm;
use crate::record::Estimate;
use crate::rng::derive_seed;
use crate::train::{RowSource, smoothed_means};

/// Largest smaller side for which ln Z is enumerated.
const ENUMERATED: usize = 16;
/// Chains and temperatures of the annealing.
const CHAINS: usize = 256;
const BETAS: usize = 1000;
/// Rows that are annealed down, and as many ends of chains.
const DOWN: usize = 128;

/// What held-out rows say of machines.
pub(super) struct Judge<'a> {
    held_out: Option<&'a BitMatrix>,
    /// Training rows that are annealed down.
    rows: BitMatrix,
    base: Vec<f32>,
}

/// What they say of one.
#[derive(Clone)]
pub(super) struct Verdict {
    rows: Vec<f64>,
    log_z: Estimate,
    /// Mean log-likelihood, with the error over rows.
    pub(super) held_out: Estimate,
    /// Whether rows lie in modes of the machine that annealing does not come to.
    pub(super) misses_modes: bool,
}

impl Verdict {
    /// Mean over the rows of ln p minus that under another machine.
    pub(super) fn over(&self, other: &Self) -> Estimate {
        row_by_row(&self.rows, self.log_z, &other.rows, other.log_z)
    }
}

impl<'a> Judge<'a> {
    pub(super) fn new<R: RowSource>(split: &'a Split<R>) -> Result<Self> {
        let total = split.train.rows();
        let chosen: Vec<u32> = (0..DOWN.min(total)).map(|k| (k * total / DOWN.min(total)) as u32).collect();
        let base = base_bias(&smoothed_means(&split.train));
        Ok(Self { held_out: split.held_out.as_ref(), rows: split.train.fetch(&chosen)?, base })
    }

    /// How likely the rows are under `rbm`.
    pub(super) fn verdict<B: Backend>(
        &self,
        backend: &B,
        rbm: &Rbm,
        seed: u64,
        listener: &mut dyn Listener,
    ) -> Result<Verdict> {
        let params = backend.upload_params(rbm, None)?;
        let (log_z, misses_modes) = match exact_log_z(rbm, ENUMERATED) {
            Some(exact) => (Estimate::new(exact, 0.0), false),
            None => {
                let seed = derive_seed(seed, "verdict");
                let up = AnnealSettings { chains: CHAINS, betas: linear_ladder(BETAS), seed };
                let listener = &mut Quiet(listener);
                let (forward, ends) = anneal_to_ends(backend, rbm, &params, &self.base, &up, listener)?;
                let mut start = spaced(&[&ends], DOWN).unwrap_or_else(|| ends.clone());
                let chains = start.rows();
                start.append(&relaxed(backend, &params, &self.rows, seed)?);
                let down = AnnealSettings { chains: start.rows(), ..up };
                let weights = reverse_weights(backend, &params, &self.base, &down, &start, listener)?;
                let (of_chains, of_rows) = weights.split_at(chains);
                let began = Began { samples: of_chains, rows: of_rows, seldom: &[], looked_at: of_rows.len() };
                (forward.log_z, Comparison::of(&forward.log_weights, &began).differs())
            }
        };
        let rows = self.held_out.map(|rows| log_weights(backend, &params, rows)).transpose()?.unwrap_or_default();
        let mean = mean_of_rows(&rows);
        let held_out = Estimate::of_rows(mean.value - log_z.value, log_z.error, mean.error);
        Ok(Verdict { rows, log_z, held_out, misses_modes })
    }
}
