//! What is looked at during a training, at a cadence: likelihood, free energies, chains.

use super::super::likelihood::ceiling_of;
use super::{Split, TrainPlan};
use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::events::{Event, Listener};
use crate::likelihood::{
    ARRIVALS, AnnealSettings, anneal, base_bias, exact_log_z, linear_ladder, log_likelihood, mean_log_weight,
    mean_log_weight_of, pseudo_likelihood,
};
use crate::record::{Bounds, Estimate, ExactObservables, TemperingRecord, TrainMetric};
use crate::rng::derive_seed;
use crate::sample::Exchanges;
use crate::train::{
    MomentProbe, RowSource, Settings, State, Trainer, check_floor, likelihood_bound, likelihood_floor,
    reconstruction_error, singular_values, smoothed_means,
};

/// Largest smaller side for which metrics enumerate ln Z instead of annealing.
const ENUMERATED_METRIC: usize = 14;
/// Chains and temperatures of the annealing behind a metric.
const METRIC_CHAINS: usize = 256;
const METRIC_BETAS: usize = 300;
/// Rows looked at by a metric.
pub(in crate::run) const METRIC_ROWS: usize = 10_000;
/// Rows of the pseudo-likelihood, which is computed in f64 on the host, and most terms of it.
const PSEUDO_ROWS: usize = 500;
const PSEUDO_TERMS: usize = 2_000_000_000;
/// Singular values of the weights, and the most weights for which they are computed.
const SINGULAR_VALUES: usize = 3;
const SINGULAR_WEIGHTS: usize = 1_000_000;

/// What is looked at during a training.
pub(super) struct Watch<'a> {
    train: BitMatrix,
    held_out: Option<&'a BitMatrix>,
    base: Vec<f32>,
    ceiling: Option<f64>,
    has_up: bool,
    /// Mean log-likelihood under which a training has diverged.
    floor: f64,
    /// Whether that is an error.
    keep_going: bool,
    /// Whether the chains are those of the model.
    has_chains: bool,
    moments: MomentProbe,
}

impl<'a> Watch<'a> {
    pub(super) fn new<R: RowSource>(
        split: &'a Split<R>,
        exact: Option<&ExactObservables>,
        plan: &TrainPlan,
    ) -> Result<Self> {
        let rows: Vec<u32> = (0..split.train.rows().min(METRIC_ROWS) as u32).collect();
        let train = split.train.fetch(&rows)?;
        // Of rows that are not in memory the entropy of those that are measured is a ceiling just as well.
        let ceiling = ceiling_of(split.train.in_memory().unwrap_or(&train), exact).map(|(top, _)| top);
        let means = smoothed_means(&split.train);
        Ok(Self {
            moments: MomentProbe::new(&train, derive_seed(plan.settings.seed, "moments")),
            train,
            held_out: split.held_out.as_ref(),
            base: base_bias(&means),
            ceiling,
            // Chains of CD are rows.
            has_up: (plan.settings.flip || exact.is_some()) && plan.settings.algorithm.has_chains(),
            floor: likelihood_floor(&means),
            keep_going: plan.keep_going,
            has_chains: plan.settings.algorithm.has_chains(),
        })
    }

    /// Fails where the training has diverged, told by its chains.
    pub(super) fn check<B: Backend>(
        &self,
        backend: &B,
        trainer: &Trainer<'_, B>,
        state: &State,
        settings: &Settings,
        listener: &mut dyn Listener,
    ) -> Result<()> {
        let on_train = mean_log_weight(backend, trainer.params(), &self.train)?;
        self.check_chains(backend, trainer, on_train, state, settings, listener)
    }

    fn check_chains<B: Backend>(
        &self,
        backend: &B,
        trainer: &Trainer<'_, B>,
        on_train: Estimate,
        state: &State,
        settings: &Settings,
        listener: &mut dyn Listener,
    ) -> Result<()> {
        if !self.has_chains {
            return Ok(());
        }
        let on_chains = mean_log_weight_of(backend, trainer.params(), trainer.chains())?;
        self.judge(likelihood_bound(on_train, on_chains), state, settings, listener)
    }

    fn judge(&self, found: Estimate, state: &State, settings: &Settings, listener: &mut dyn Listener) -> Result<()> {
        match check_floor(self.floor, found, state, settings) {
            Err(error) if self.keep_going => {
                listener.event(Event::Warning(format!("{error}; going on all the same")));
                Ok(())
            }
            other => other,
        }
    }

    /// Measures the training in `state`, which `trainer` holds on the device; fails where it has diverged.
    pub(super) fn measure<B: Backend>(
        &self,
        backend: &B,
        trainer: &mut Trainer<'_, B>,
        state: &State,
        settings: &Settings,
        listener: &mut dyn Listener,
    ) -> Result<TrainMetric> {
        let gradient_rms = self.has_chains.then(|| trainer.gradient_rms(&self.train)).transpose()?;
        let trainer = &*trainer;
        let params = trainer.params();
        let rbm = &state.rbm;
        let on_train = mean_log_weight(backend, params, &self.train)?;
        self.check_chains(backend, trainer, on_train, state, settings, listener)?;
        let mut log_z = Bounds::default();
        if let Some(z) = exact_log_z(rbm, ENUMERATED_METRIC) {
            log_z.exact = Some(Estimate::new(z, 0.0));
        } else {
            let seed = derive_seed(settings.seed, &format!("metric {}", state.update));
            let anneal_settings = AnnealSettings { chains: METRIC_CHAINS, betas: linear_ladder(METRIC_BETAS), seed };
            let mut quiet = Quiet(listener);
            log_z.forward = Some(anneal(backend, rbm, params, &self.base, &anneal_settings, &mut quiet)?.log_z);
        }
        let on_held_out = self.held_out.map(|rows| mean_log_weight(backend, params, rows)).transpose()?;
        let with_rows = |mean: Estimate| log_likelihood(mean, &log_z).best();
        let log_likelihood = with_rows(on_train);
        let online = trainer.online()?;
        let along = |z: Estimate| Estimate::of_rows(on_train.value - z.value, z.error, on_train.error);
        if let Some(found) = log_likelihood {
            self.judge(found, state, settings, listener)?;
        }
        let half = rbm.n_visible as u32;
        let p_up = self.has_up.then(|| {
            let balance = |r| match (2 * state.chains.row_count(r)).cmp(&half) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
            (0..state.chains.rows()).map(balance).sum::<f64>() / state.chains.rows() as f64
        });
        let pseudo_rows = PSEUDO_ROWS.min(PSEUDO_TERMS / rbm.weights.len().max(1)).max(1);
        let squares: f64 = rbm.weights.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
        Ok(TrainMetric {
            update: state.update,
            learning_rate: settings.schedule.rate(settings.learning_rate, state.update - 1, settings.updates),
            log_likelihood,
            held_out_log_likelihood: on_held_out.and_then(with_rows),
            online_log_likelihood: online.map(|online| along(online.log_z)),
            online_effective_samples: online.map(|online| online.effective_samples),
            pseudo_likelihood: Some(pseudo_likelihood(rbm, &self.train, pseudo_rows)),
            ceiling: self.ceiling,
            // F(held out) − F(train) = −(log weight) + (log weight).
            free_energy_gap: on_held_out.map(|held_out| on_train.value - held_out.value),
            p_up,
            reconstruction_error: Some(reconstruction_error(rbm, &self.train, pseudo_rows)),
            singular_values: if rbm.weights.len() <= SINGULAR_WEIGHTS {
                singular_values(rbm, SINGULAR_VALUES)
            } else {
                Vec::new()
            },
            moment_differences: self.has_chains.then(|| self.moments.differences(&state.chains)),
            gradient_rms,
            weight_rms: (squares / rbm.weights.len().max(1) as f64).sqrt(),
            tempering: trainer.exchanges().map(|e| tempering(&e)),
        })
    }
}

/// Keeps the progress of a metric to itself, and stop requests from it: they are heard after it, where a checkpoint is kept.
struct Quiet<'a>(&'a mut dyn Listener);

impl Listener for Quiet<'_> {
    fn event(&mut self, event: Event) {
        if !matches!(event, Event::Progress { .. }) {
            self.0.event(event);
        }
    }
}

/// What exchanges did, for a record.
#[must_use]
pub fn tempering(exchanges: &Exchanges) -> TemperingRecord {
    TemperingRecord {
        rungs: exchanges.acceptance.len() + 1,
        // Nothing tried yet counts as nothing accepted.
        acceptance: exchanges.acceptance.iter().map(|a| if a.is_finite() { *a } else { 0.0 }).collect(),
        arrivals_per_chain: exchanges.arrivals_per_chain,
        equilibrated: exchanges.arrivals_per_chain >= ARRIVALS,
        log_z: None,
    }
}
