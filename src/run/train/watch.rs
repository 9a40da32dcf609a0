//! What is looked at during a training, at a cadence: likelihood, free energies, chains.

use super::super::likelihood::{HELD_OUT, ceiling_of};
use super::guard::Guard;
use super::{Split, TrainPlan};
use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::events::{Listener, Quiet};
use crate::likelihood::{
    ARRIVALS, AnnealSettings, anneal, base_bias, exact_log_z, linear_ladder, log_likelihood, log_weights,
    mean_log_weight, mean_of_rows, not_under, pseudo_likelihood, row_by_row, worse_than_independent,
};
use crate::record::{Bounds, Estimate, ExactObservables, TemperingRecord, TrainMetric};
use crate::rng::derive_seed;
use crate::sample::Exchanges;
use crate::train::{
    MomentProbe, RowSource, Settings, State, Trainer, independent_likelihood, reconstruction_error, singular_values,
    smoothed_means,
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
    /// Smoothed means of the training rows.
    means: Vec<f64>,
    base: Vec<f32>,
    ceiling: Option<f64>,
    has_up: bool,
    /// Whether the chains are those of the model.
    has_chains: bool,
    moments: MomentProbe,
}

/// A measurement, and what a later one of the same rows is compared by.
pub(super) struct Look {
    /// What is written down.
    pub(super) metric: TrainMetric,
    /// −F of every held-out row.
    pub(super) held_out: Vec<f64>,
    /// ln Z of the machine.
    pub(super) log_z: Estimate,
}

impl Look {
    /// Mean over held-out rows of ln p now minus what it was at an earlier look, row by row.
    pub(super) fn since(&self, earlier: &Self) -> Estimate {
        row_by_row(&self.held_out, self.log_z, &earlier.held_out, earlier.log_z)
    }
}

/// Likelihoods of a machine, and what they were made of.
struct Likelihoods {
    /// −F of held-out rows.
    held_out_rows: Vec<f64>,
    log_z: Option<Estimate>,
    /// Means of −F.
    on_train: Estimate,
    on_held_out: Option<Estimate>,
    train: Option<Estimate>,
    held_out: Option<Estimate>,
}

impl Likelihoods {
    fn into_look(self, metric: TrainMetric) -> Look {
        let log_z = self.log_z.unwrap_or(Estimate::new(f64::NAN, f64::NAN));
        Look { metric, held_out: self.held_out_rows, log_z }
    }
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
            means,
            ceiling,
            // Chains of CD are rows.
            has_up: (plan.settings.flip || exact.is_some()) && plan.settings.algorithm.has_chains(),
            has_chains: plan.settings.algorithm.has_chains(),
        })
    }

    /// What looks whether this training runs away.
    pub(super) fn guard(&self, plan: &TrainPlan) -> Guard {
        Guard::new(&self.train, &self.means, self.base.clone(), &plan.settings, plan.keep_going)
    }

    fn likelihoods<B: Backend>(
        &self,
        backend: &B,
        params: &B::Params,
        state: &State,
        settings: &Settings,
        listener: &mut dyn Listener,
    ) -> Result<Likelihoods> {
        let rbm = state.machine();
        let on_train = mean_log_weight(backend, params, &self.train)?;
        let held_out_rows = self.held_out.map(|rows| log_weights(backend, params, rows)).transpose()?;
        let on_held_out = held_out_rows.as_deref().map(mean_of_rows);
        let mut log_z = Bounds::default();
        if let Some(z) = exact_log_z(rbm, ENUMERATED_METRIC) {
            log_z.exact = Some(Estimate::new(z, 0.0));
        } else {
            let seed = derive_seed(settings.seed, &format!("metric {}", state.update));
            let anneal_settings = AnnealSettings { chains: METRIC_CHAINS, betas: linear_ladder(METRIC_BETAS), seed };
            let mut quiet = Quiet(listener);
            let found = anneal(backend, rbm, params, &self.base, &anneal_settings, &mut quiet)?.log_z;
            // A ln Z by which these rows would lie above their ceiling is off by more than its chains can tell.
            let least = |top: f64| on_train.value - 3.0 * on_train.error.max(0.0) - top;
            log_z.forward = Some(self.ceiling.map_or(found, |top| not_under(found, least(top))));
        }
        let with_rows = |mean: Estimate| log_likelihood(mean, &log_z).best();
        let (train, held_out) = (with_rows(on_train), on_held_out.and_then(with_rows));
        let (held_out_rows, log_z) = (held_out_rows.unwrap_or_default(), log_z.best());
        Ok(Likelihoods { held_out_rows, log_z, on_train, on_held_out, train, held_out })
    }

    fn metric(&self, found: &Likelihoods, state: &State, settings: &Settings) -> TrainMetric {
        let weights = &state.machine().weights;
        let squares: f64 = weights.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
        TrainMetric {
            update: state.update,
            learning_rate: settings.schedule.rate(
                settings.learning_rate,
                state.update.saturating_sub(1),
                settings.updates,
            ),
            log_likelihood: found.train,
            held_out_log_likelihood: found.held_out,
            ceiling: self.ceiling,
            // F(held out) − F(train) = −(log weight) + (log weight).
            free_energy_gap: found.on_held_out.map(|held_out| found.on_train.value - held_out.value),
            weight_rms: (squares / weights.len().max(1) as f64).sqrt(),
            ..TrainMetric::default()
        }
    }

    /// Measures the training in `state`, which `trainer` holds on the device; ends with an error of its own where a signal
    /// comes meanwhile.
    pub(super) fn measure<B: Backend>(
        &self,
        backend: &B,
        trainer: &mut Trainer<'_, B>,
        state: &State,
        settings: &Settings,
        listener: &mut dyn Listener,
    ) -> Result<Look> {
        let gradient_rms = self.has_chains.then(|| trainer.gradient_rms(&self.train)).transpose()?;
        let trainer = &*trainer;
        let rbm = state.machine();
        let found = self.likelihoods(backend, trainer.machine(), state, settings, listener)?;
        let online = trainer.online()?;
        let along = |z: Estimate| Estimate::of_rows(found.on_train.value - z.value, z.error, found.on_train.error);
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
        let metric = TrainMetric {
            online_log_likelihood: online.map(|online| along(online.log_z)),
            online_effective_samples: online.map(|online| online.effective_samples),
            pseudo_likelihood: Some(pseudo_likelihood(rbm, &self.train, pseudo_rows)),
            p_up,
            reconstruction_error: Some(reconstruction_error(rbm, &self.train, pseudo_rows)),
            singular_values: if rbm.weights.len() <= SINGULAR_WEIGHTS {
                singular_values(rbm, SINGULAR_VALUES)
            } else {
                Vec::new()
            },
            moment_differences: self.has_chains.then(|| self.moments.differences(&state.chains)),
            gradient_rms,
            tempering: trainer.exchanges().map(|e| tempering(&e)),
            ..self.metric(&found, state, settings)
        };
        Ok(found.into_look(metric))
    }

    /// The likelihoods of the machine in `state`, which `trainer` holds on the device, and nothing else.
    pub(super) fn look<B: Backend>(
        &self,
        backend: &B,
        trainer: &Trainer<'_, B>,
        state: &State,
        settings: &Settings,
        listener: &mut dyn Listener,
    ) -> Result<Look> {
        let found = self.likelihoods(backend, trainer.machine(), state, settings, listener)?;
        let metric = self.metric(&found, state, settings);
        Ok(found.into_look(metric))
    }

    /// A look back at a machine that was measured before.
    pub(super) fn look_again<B: Backend>(
        &self,
        backend: &B,
        state: &State,
        metric: TrainMetric,
        settings: &Settings,
        listener: &mut dyn Listener,
    ) -> Result<Look> {
        let params = backend.upload_params(state.machine(), None)?;
        Ok(self.likelihoods(backend, &params, state, settings, listener)?.into_look(metric))
    }

    /// What is to be said of a machine that independent units with the means of the training rows surpass. Its errors are
    /// those of both likelihoods apart, which are larger than that of their difference.
    pub(super) fn worse_than_independent(&self, last: &TrainMetric) -> Option<String> {
        let of = |rows: &BitMatrix| {
            let ones = rows.column_counts().into_iter();
            ones.map(|ones| ones as f64 / rows.rows().max(1) as f64).collect::<Vec<f64>>()
        };
        let sets = [
            ("train", Some(&self.train), last.log_likelihood),
            (HELD_OUT, self.held_out, last.held_out_log_likelihood),
        ];
        sets.into_iter().find_map(|(set, rows, found)| {
            let (found, independent) = (found?, independent_likelihood(&self.means, &of(rows?)));
            worse_than_independent(set, Estimate { value: found.value - independent, ..found })
        })
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
