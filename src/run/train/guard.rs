//! Whether a training runs away, looked at in a rhythm of its own: what ends a training must not depend on how often it is
//! measured.

use std::cell::Cell;

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::events::{Event, Listener, Silent};
use crate::likelihood::{AnnealSettings, anneal, linear_ladder, mean_log_weight};
use crate::numerics::log_mean_exp;
use crate::record::{Estimate, TrainMetric};
use crate::rng::derive_seed;
use crate::train::{Algorithm, Settings, State, Trainer, check_floor, likelihood_bound, likelihood_floor};

/// Rows that are looked at.
const LOOKED_ROWS: usize = 1000;
/// Annealing of machines whose training has no chains of their own.
const LOOK_CHAINS: usize = 64;
const LOOK_BETAS: usize = 100;
/// Updates between looks at least, for which a device is not stopped, and in units of what a look costs.
const LEAST: u64 = 500;
const COSTS: u64 = 100;

/// What looks at a training.
pub(super) struct Guard {
    rows: BitMatrix,
    base: Vec<f32>,
    /// Mean log-likelihood under which a training has diverged.
    floor: f64,
    every: u64,
    /// Whether that is no error.
    keep_going: bool,
    has_told: Cell<bool>,
}

impl Guard {
    /// For a training on rows of these smoothed means, of which `rows` are some.
    pub(super) fn new(rows: &BitMatrix, means: &[f64], base: Vec<f32>, settings: &Settings, keep_going: bool) -> Self {
        let rows = rows.slice_rows(0..rows.rows().min(LOOKED_ROWS));
        let every = LEAST.max((COSTS * look_cost(settings, rows.rows())).div_ceil(update_cost(settings)));
        Self { rows, base, floor: likelihood_floor(means), every, keep_going, has_told: Cell::new(false) }
    }

    /// The first update after `now` after which to look.
    pub(super) fn next(&self, now: u64) -> u64 {
        (now / self.every + 1) * self.every
    }

    /// Fails where the training has diverged.
    pub(super) fn look<B: Backend>(
        &self,
        backend: &B,
        trainer: &Trainer<'_, B>,
        settings: &Settings,
        listener: &mut dyn Listener,
    ) -> Result<()> {
        let on_rows = mean_log_weight(backend, trainer.params(), &self.rows)?;
        let log_z = if settings.algorithm.has_chains() {
            let energies = backend.read_free_energies(trainer.params(), trainer.chains())?;
            Estimate::new(log_mean_exp(&energies.iter().map(|f| -f).collect::<Vec<f64>>()), 0.0)
        } else {
            let state = trainer.state()?;
            let seed = derive_seed(settings.seed, &format!("look {}", state.update));
            let short = AnnealSettings { chains: LOOK_CHAINS, betas: linear_ladder(LOOK_BETAS), seed };
            // Short, and to be looked at before the checkpoint that a signal asks for: signals are not heard here.
            anneal(backend, &state.rbm, trainer.params(), &self.base, &short, &mut Silent)?.log_z
        };
        self.judge(likelihood_bound(on_rows, log_z), || trainer.state(), settings, listener)
    }

    /// Fails where the likelihood of a machine that is to be the result is one of a training that has diverged.
    pub(super) fn judge_last(
        &self,
        last: &TrainMetric,
        state: &State,
        settings: &Settings,
        listener: &mut dyn Listener,
    ) -> Result<()> {
        last.log_likelihood.map_or(Ok(()), |found| self.judge(found, || Ok(state.clone()), settings, listener))
    }

    fn judge(
        &self,
        found: Estimate,
        state: impl Fn() -> Result<State>,
        settings: &Settings,
        listener: &mut dyn Listener,
    ) -> Result<()> {
        match check_floor(self.floor, found, state, settings) {
            Err(error) if self.keep_going && found.value.is_finite() => {
                if !self.has_told.replace(true) {
                    listener.event(Event::Warning(format!("{error}; going on all the same")));
                }
                Ok(())
            }
            other => other,
        }
    }
}

/// States that go through the weights in a look.
fn look_cost(settings: &Settings, rows: usize) -> u64 {
    let states = if settings.algorithm.has_chains() { settings.chains } else { 2 * LOOK_CHAINS * LOOK_BETAS };
    (rows + states) as u64
}

/// States that go through the weights in an update: rows for hidden means and moments, chains for these and in both
/// directions of each step.
fn update_cost(settings: &Settings) -> u64 {
    let chains = match settings.algorithm {
        Algorithm::Cd | Algorithm::MeanField => settings.batch,
        Algorithm::Pcd => settings.chains,
        Algorithm::Pt | Algorithm::Trajectory => settings.chains.saturating_mul(settings.rungs),
    };
    let steps = u64::from(settings.gibbs_steps).saturating_add(1).saturating_mul(2 * chains as u64);
    steps.saturating_add(2 * settings.batch as u64).max(1)
}
