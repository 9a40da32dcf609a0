//! What a run writes down: one JSON object a line in `metrics.jsonl`, the same objects that `--json` prints.
//!
//! Writers are the stages, readers are the report, the checks of `expect` and other programs. Optional values are left
//! out when absent. Units: nats for likelihoods, J/k_B for temperatures, everything Ising per site.

use serde::{Deserialize, Serialize};

use crate::rbm::Units;

/// A number with its one-sigma error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Best value.
    pub value: f64,
    /// One standard deviation; 0 for exact numbers, NaN (in JSON null) where it cannot be known.
    #[serde(deserialize_with = "null_as_nan")]
    pub error: f64,
    /// Integrated autocorrelation time in sweeps or samples (½ for independent ones), where there is a time series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    /// What the error is made of, for what is said of rows by way of ln Z.
    #[serde(flatten)]
    pub parts: Option<ErrorParts>,
}

/// The two errors of a mean log-likelihood; the whole error is the root of the sum of their squares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ErrorParts {
    /// Error of ln Z, the same for all rows.
    #[serde(deserialize_with = "null_as_nan")]
    pub error_log_z: f64,
    /// Standard error of the mean over the rows, where they are a sample of what is meant.
    #[serde(deserialize_with = "null_as_nan")]
    pub error_rows: f64,
}

fn null_as_nan<'a, D: serde::Deserializer<'a>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

impl Estimate {
    /// A value with an error and no time series.
    #[must_use]
    pub fn new(value: f64, error: f64) -> Self {
        Self { value, error, tau: None, parts: None }
    }

    /// A mean over rows to which ln Z adds an error of its own.
    #[must_use]
    pub fn of_rows(value: f64, error_log_z: f64, error_rows: f64) -> Self {
        let parts = Some(ErrorParts { error_log_z, error_rows });
        Self { parts, ..Self::new(value, error_log_z.hypot(error_rows)) }
    }

    /// The part of the error that ln Z brings: all of it where nothing is said of parts.
    #[must_use]
    pub fn error_log_z(&self) -> f64 {
        self.parts.map_or(self.error, |parts| parts.error_log_z)
    }

    /// Standard errors by which the value differs from 0; None where the error is not known or 0.
    #[must_use]
    pub fn sigmas(&self) -> Option<f64> {
        (self.error > 0.0).then(|| self.value / self.error)
    }

    /// The same, with an unknown error where it is no more than rounding: values that are all alike bound the error of their
    /// mean, and do not make it 0.
    #[must_use]
    pub fn measured(self) -> Self {
        let is_rounding = self.error <= ROUNDING * self.value.abs().max(f64::MIN_POSITIVE);
        Self { error: if is_rounding { f64::NAN } else { self.error }, ..self }
    }

    /// Distance from `other` in standard deviations of both; None where an error is unknown or both numbers are exact.
    #[must_use]
    pub fn deviation(&self, other: &Self) -> Option<f64> {
        let error = self.error.hypot(other.error);
        let sigmas = (self.value - other.value) / error;
        (error > 0.0 && sigmas.is_finite()).then_some(sigmas)
    }
}

/// Errors smaller than this part of their value are rounding: no run is long enough for them.
const ROUNDING: f64 = 1e-12;

/// Observables of spin configurations, per site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observables {
    /// T in J/k_B.
    pub temperature: f64,
    /// Lattice in text form, e.g. `square:8`.
    pub lattice: String,
    /// N.
    pub sites: usize,
    /// Number of samples behind the estimates.
    pub samples: usize,
    /// e = ⟨E⟩/N.
    pub energy: Estimate,
    /// C = (N/T²)(⟨e²⟩ − ⟨e⟩²).
    pub specific_heat: Estimate,
    /// ⟨|m|⟩.
    pub magnetization: Estimate,
    /// χ = (N/T)(⟨m²⟩ − ⟨|m|⟩²).
    pub susceptibility: Estimate,
    /// U4 = 1 − ⟨m⁴⟩/(3⟨m²⟩²).
    pub binder: Estimate,
    /// P(m > 0) + ½ P(m = 0).
    pub p_up: Estimate,
    /// G(r) = ⟨s_0 s_r⟩ along an axis, r = 0, 1, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub correlation: Vec<Estimate>,
    /// Second-moment correlation length, where the lattice is periodic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_length: Option<Estimate>,
    /// Number of independent samples that carry the same information about e, at most that of the samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_samples: Option<f64>,
}

/// Effective samples from which on the errors of C, χ and U4 hold what they say: with 20 to 100 of them the distributions
/// are skewed, and one standard error covers the exact value in 22 to 60 % of runs instead of 68 %.
pub const ENOUGH_SAMPLES: f64 = 400.0;

impl Observables {
    /// What to know of the errors where there are few samples.
    #[must_use]
    pub fn few_samples(&self) -> Option<String> {
        let count = self.effective_samples.unwrap_or(self.samples as f64);
        // Written so that NaN is few.
        let enough = count >= ENOUGH_SAMPLES;
        (!enough).then(|| {
            format!(
                "{count:.0} effective samples at T = {}: below {ENOUGH_SAMPLES} the errors of C, χ and U4 are often too \
                 small",
                crate::numerics::readable(self.temperature)
            )
        })
    }
}

/// Exact values beside the estimates, where they are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExactObservables {
    /// e.
    pub energy: f64,
    /// C.
    pub specific_heat: f64,
    /// ⟨|m|⟩, where it can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub magnetization: Option<f64>,
    /// χ, where it can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub susceptibility: Option<f64>,
    /// U4, where it can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binder: Option<f64>,
    /// P(m > 0) + ½ P(m = 0), where it can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_up: Option<f64>,
    /// ln Z.
    pub log_z: f64,
    /// S in nats, for the whole lattice: −S is the ceiling of the log-likelihood.
    pub entropy: f64,
}

/// Result of a Monte Carlo run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IsingRecord {
    /// Observables from all recorded sweeps.
    #[serde(flatten)]
    pub observables: Observables,
    /// Exact values of the same lattice and temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<ExactObservables>,
    /// `metropolis`, `heat-bath`, `swendsen-wang` or `wolff`.
    pub algorithm: String,
    /// Independent replicas.
    pub replicas: usize,
    /// Sweeps before the first recorded one.
    pub thermalisation: u32,
    /// Sweeps between samples.
    pub spacing: u32,
    /// Autocorrelation time of the spins themselves in sweeps, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tau_spins: Option<f64>,
    /// Warnings in words: few samples, spins that remember their starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Spin updates a nanosecond.
    pub flips_per_ns: f64,
}

/// Numbers during training, at a cadence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TrainMetric {
    /// Updates so far.
    pub update: u64,
    /// Learning rate of this update.
    pub learning_rate: f64,
    /// Mean log-likelihood of training rows by AIS or exact enumeration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_likelihood: Option<Estimate>,
    /// The same on held-out rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_log_likelihood: Option<Estimate>,
    /// Log-likelihood of training rows by chains that follow the training: annealing along the training itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online_log_likelihood: Option<Estimate>,
    /// Effective samples of these chains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online_effective_samples: Option<f64>,
    /// Mean log pseudo-likelihood of training rows, nats a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudo_likelihood: Option<f64>,
    /// Highest log-likelihood that any model can have, and where the bound comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<f64>,
    /// Mean free energy of held-out minus training rows: grows with over-fitting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_energy_gap: Option<f64>,
    /// P(m > 0) of the chains, for lattice data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_up: Option<f64>,
    /// Root mean square of the weights.
    pub weight_rms: f64,
    /// Root mean square of ⟨v h⟩ of training rows minus ⟨v h⟩ of the chains: the gradient of the log-likelihood by a
    /// weight, and the noise of as many rows and chains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_rms: Option<f64>,
    /// Mean squared error of one mean-field reconstruction of training rows, by unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconstruction_error: Option<f64>,
    /// Largest singular values of the weights, largest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub singular_values: Vec<f64>,
    /// Root mean square differences of the moments of the chains and of training rows, of orders 1, 2 and 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment_differences: Option<[f64; 3]>,
    /// Exchanges of tempered chains so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tempering: Option<TemperingRecord>,
}

/// Result of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainRecord {
    /// Updates done.
    pub updates: u64,
    /// Log-likelihood of training rows at the end.
    #[serde(default)]
    pub log_likelihood: Option<Estimate>,
    /// The same of rows that were not trained on.
    #[serde(default)]
    pub held_out_log_likelihood: Option<Estimate>,
    /// Pseudo-likelihood of training rows, where it was measured at the end.
    #[serde(default)]
    pub pseudo_likelihood: Option<f64>,
    /// Highest log-likelihood that any model can have on the training rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<f64>,
    /// Mean free energy of held-out minus training rows: grows with over-fitting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_energy_gap: Option<f64>,
    /// Seed of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// All settings of its updates, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<serde_json::Value>,
    /// Whole updates a second, metrics not counted.
    pub updates_per_second: f64,
    /// Seconds of training, metrics not counted.
    pub seconds: f64,
    /// What patience did, where there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stop: Option<EarlyStop>,
    /// What an automatic training found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<FitRecord>,
    /// File of the model.
    pub model: String,
}

/// What an automatic training tried and decided.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FitRecord {
    /// Rows that decided.
    pub held_out_rows: usize,
    /// What simple models say of them.
    pub baselines: Baselines,
    /// Every recipe that was tried.
    pub tried: Vec<TriedRecord>,
    /// Number of the best of them.
    pub chosen: usize,
    /// Updates of the training proper, the fall of the rate included.
    pub updates: u64,
    /// Whether the machine was trained on all rows at the end; its likelihood of held-out rows is that before.
    pub refitted: bool,
}

/// Mean log-likelihoods of held-out rows, exact, with their errors over rows.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Baselines {
    /// Independent units with the means of the training rows.
    pub independent: Option<Estimate>,
    /// The Chow–Liu tree of the training rows.
    pub tree: Option<Estimate>,
}

/// One recipe that was tried.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TriedRecord {
    /// What it is called.
    pub name: String,
    /// Updates done.
    pub updates: u64,
    /// Updates of its best machine.
    pub best_update: u64,
    /// Mean log-likelihood of held-out rows under that; none where the training ran away.
    pub held_out: Option<Estimate>,
    /// Update and held-out likelihood of every look.
    pub looks: Vec<(u64, Estimate)>,
}

/// End of a training that looked at its held-out rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyStop {
    /// Updates done.
    pub stopped_at: u64,
    /// Update whose machine made held-out rows the most likely: the one that is kept.
    pub best_update: u64,
}

/// ln Z or a log-likelihood by every method that was run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bounds {
    /// Forward AIS: ln Z from below in the mean, log-likelihood from above.
    pub forward: Option<Estimate>,
    /// Reverse AIS: the other side.
    pub reverse: Option<Estimate>,
    /// Bennett's ratio of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridged: Option<Estimate>,
    /// Enumeration of the smaller side.
    pub exact: Option<Estimate>,
}

impl Bounds {
    /// The best single estimate: exact, else bridged, else forward.
    #[must_use]
    pub fn best(&self) -> Option<Estimate> {
        self.exact.or(self.bridged).or(self.forward)
    }
}

/// Whether the chains of a sampling agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChainsRecord {
    /// Chains.
    pub chains: usize,
    /// Their samples in all.
    pub samples: usize,
    /// Largest split R̂ of free energy, units that are on, and leading directions: near 1 where chains agree.
    #[serde(default)]
    pub r_hat: Option<f64>,
    /// Independent samples that all are worth, as far as can be told: 1 to the number of samples.
    pub effective_samples: f64,
    /// What chains do not forget, where there is such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<StuckRecord>,
    /// Warnings in words.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// An observable of which chains do not leave their side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StuckRecord {
    /// What is observed, in words.
    pub observable: String,
    /// Part of the chains above a threshold between both sides, at the first and at the second look.
    pub upper: [f64; 2],
    /// Part of the chains that were on the same side at both looks.
    pub stayed: f64,
    /// The same by chance.
    pub by_chance: f64,
    /// Gibbs steps between both looks.
    pub apart: u64,
}

/// How ln Z was bounded from both sides, and whether to believe it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct IntervalRecord {
    /// Lower end: below both estimates by their errors; of the forward one alone where there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end: above both estimates by their errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Reverse minus forward over the error of that: between −3 and 3 both agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<f64>,
    /// What the reverse estimate began at: `exact samples` or `tempering chains`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverse_start: Option<String>,
    /// (Σw)²/Σw² of the reverse weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverse_effective_sample_size: Option<f64>,
    /// Variance of the reverse log-weights, nats².
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverse_log_weight_variance: Option<f64>,
    /// The chains behind the reverse estimate, where they were tempered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tempering: Option<TemperingRecord>,
    /// Reverse chains that began at rows of data, beside those that began at samples of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowsRecord>,
    /// No check failed and nothing speaks against ln Z.
    pub trusted: bool,
    /// The same in a sentence.
    pub verdict: String,
}

/// Reverse annealing from rows of data compared with that from samples of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowsRecord {
    /// Chains that began at rows.
    pub rows: usize,
    /// Of these, chains that began where forward chains come too seldom.
    pub rows_beyond: usize,
    /// Chains that began at samples of the machine.
    pub chains: usize,
    /// The same of these.
    pub chains_beyond: usize,
    /// Probability that chance puts so many more of the rows there.
    pub p: f64,
    /// Chains that began at those rows to which samples of the machine come most seldom.
    #[serde(default)]
    pub seldom: usize,
    /// The same of these.
    #[serde(default)]
    pub seldom_beyond: usize,
    /// ln Z of the parts of the states that ln Z is the sum over; none where one annealing reaches all rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Estimate>,
}

/// What tempering did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemperingRecord {
    /// Rungs, base and machine included.
    pub rungs: usize,
    /// Accepted part of exchanges between neighbouring rungs, from the base up.
    pub acceptance: Vec<f64>,
    /// Ways from the base to the machine a chain.
    pub arrivals_per_chain: f64,
    /// Whether that is enough to have forgotten the start.
    pub equilibrated: bool,
    /// ln Z by Bennett's ratio between neighbouring rungs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_z: Option<Estimate>,
}

/// Bounds that hold whatever the machine: true where one is broken.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LikelihoodChecks {
    /// The log-likelihood lies above its ceiling.
    pub above_ceiling: bool,
    /// The probabilities of the distinct rows add up to more than 1.
    pub probability_above_one: bool,
    /// The forward estimate of ln Z lies above the reverse one.
    pub forward_above_reverse: bool,
    /// ln Σ p(v) over the distinct rows that were judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_distinct_probability: Option<Estimate>,
}

/// Result of a likelihood evaluation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LikelihoodRecord {
    /// ln Z of the machine in its units.
    pub log_z: Bounds,
    /// These units, where they are not 0 and 1 on both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Units>,
    /// Mean log-likelihood in nats a row by data set (`train`, `held_out`, `data`), with the errors of ln Z and of the rows.
    pub log_likelihood: std::collections::BTreeMap<String, Bounds>,
    /// The same minus that of independent units with the means of the training rows, row by row.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub over_independent: std::collections::BTreeMap<String, Estimate>,
    /// (Σw)²/Σw² of the AIS weights.
    #[serde(default)]
    pub effective_sample_size: Option<f64>,
    /// Variance of the AIS log-weights, nats².
    #[serde(default)]
    pub log_weight_variance: Option<f64>,
    /// Highest log-likelihood that any model can have on these data.
    #[serde(default)]
    pub ceiling: Option<f64>,
    /// Where the ceiling comes from: `entropy of the Ising model` or `plug-in entropy of the data`.
    #[serde(default)]
    pub ceiling_kind: Option<String>,
    /// KL(q‖p) in nats from an Ising model q of known ln Z: the mean of ln q − ln p over held-out rows, or over all rows
    /// where none were held out.
    #[serde(default)]
    pub kl: Option<Estimate>,
    /// Both sides of ln Z.
    #[serde(default)]
    pub interval: IntervalRecord,
    /// Bounds that must hold.
    #[serde(default)]
    pub checks: LikelihoodChecks,
    /// Warnings in words: a likelihood above its ceiling, few effective samples, …
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl LikelihoodRecord {
    /// [`LikelihoodRecord::ceiling_kind`] of a source of known entropy: a bound on the expectation, about which the mean of a
    /// finite set of rows scatters, and which rows that a machine knows by heart exceed.
    pub const ENTROPY_OF_SOURCE: &str = "entropy of the Ising model";
    /// [`LikelihoodRecord::ceiling_kind`] of a set of rows: a bound on that set as it is, whatever the machine.
    pub const ENTROPY_OF_ROWS: &str = "plug-in entropy of the data";

    /// The best log-likelihood of a set minus the ceiling, with the error that counts: that of the rows only where the
    /// ceiling is not about these very rows.
    #[must_use]
    pub fn above_ceiling(&self, set: &str) -> Option<Estimate> {
        let best = self.log_likelihood.get(set)?.best()?;
        let of_source = self.ceiling_kind.as_deref() == Some(Self::ENTROPY_OF_SOURCE);
        let error = if of_source { best.error } else { best.error_log_z() };
        Some(Estimate::new(best.value - self.ceiling?, error))
    }

    /// Takes the errors from all that rests on the bridged ln Z: they are not known where it is not to be trusted.
    pub(crate) fn drop_bridged_errors(&mut self) {
        let unknown = |z: &mut Estimate| {
            *z = match z.parts {
                Some(parts) => Estimate::of_rows(z.value, f64::NAN, parts.error_rows),
                None => Estimate::new(z.value, f64::NAN),
            };
        };
        let is_best = self.log_z.exact.is_none() && self.log_z.bridged.is_some();
        let bounds = std::iter::once(&mut self.log_z).chain(self.log_likelihood.values_mut());
        bounds.filter_map(|bounds| bounds.bridged.as_mut()).for_each(unknown);
        if is_best {
            let others = self.kl.iter_mut().chain(&mut self.checks.log_distinct_probability);
            others.chain(self.over_independent.values_mut()).for_each(unknown);
        }
    }

    /// The same for a machine in `units`, whose ln Z is less by `constant` ([`crate::rbm::Rbm::in_units`]) than that of units
    /// 0 and 1; likelihoods do not change.
    #[must_use]
    pub fn in_units(mut self, units: Units, constant: f64) -> Self {
        if units == Units::BINARY {
            return self;
        }
        self.units = Some(units);
        let Bounds { forward, reverse, bridged, exact } = &mut self.log_z;
        let rungs = self.interval.tempering.as_mut().and_then(|t| t.log_z.as_mut());
        let parts = self.interval.rows.iter_mut().flat_map(|rows| &mut rows.parts);
        let estimates =
            [forward, reverse, bridged, exact].into_iter().filter_map(Option::as_mut).chain(rungs).chain(parts);
        estimates.for_each(|z| z.value -= constant);
        [&mut self.interval.low, &mut self.interval.high].into_iter().flatten().for_each(|z| *z -= constant);
        self
    }
}

/// A model beside another on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparedRecord {
    /// File of this model.
    pub model: String,
    /// Mean over the rows of ln p minus that of the first model, row by row, in nats a row.
    pub over_first: Estimate,
    /// Which is better, in a sentence.
    pub verdict: String,
    /// This model by itself.
    #[serde(flatten)]
    pub likelihood: LikelihoodRecord,
}

/// Count and size of the couplings of one order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OrderSummary {
    /// Number of couplings.
    pub count: usize,
    /// Root mean square.
    pub rms: f64,
}

/// One coupling with its units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedCoupling {
    /// Indices of the units, ascending.
    pub units: Vec<usize>,
    /// Their names.
    pub names: Vec<String>,
    /// Value.
    pub value: f64,
}

/// How the pair couplings compare with those of the Ising model that made the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CouplingTruth {
    /// 1/T.
    pub expected: f64,
    /// Mean over bonds of the lattice, with the spread over bonds as its error.
    pub neighbours: Estimate,
    /// Mean over bonds divided by 1/T.
    pub neighbour_ratio: f64,
    /// Root mean square of all other pairs.
    pub others_rms: f64,
}

/// Result of reading couplings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CouplingsRecord {
    /// `spin` or `binary`.
    pub basis: String,
    /// `exact`, `gaussian` or `cumulant:K`.
    pub method: String,
    /// By order.
    pub orders: std::collections::BTreeMap<String, OrderSummary>,
    /// File of the list.
    pub file: String,
    /// File of the pair matrix `[n, n]` f64, where written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix: Option<String>,
    /// Strongest positive pairs, strongest first.
    pub strongest: Vec<NamedCoupling>,
    /// Comparison with the truth, for Ising data in the spin basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<CouplingTruth>,
}

/// Learned against true probability of every state, where they can be enumerated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatesRecord {
    /// Number of visible units.
    pub units: usize,
    /// p of the source, by state number (bit j = unit j).
    pub truth: Vec<f64>,
    /// p of the model, by state number.
    pub learned: Vec<f64>,
    /// KL(q‖p) in nats.
    pub kl: f64,
}

/// One promise of a scenario and what became of it: at a point, or in a run of several points as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpectRecord {
    /// Dotted key of the value, e.g. `likelihood.kl`.
    pub key: String,
    /// The promise in words, e.g. `between -22.9 and -22.3`.
    pub promise: String,
    /// What was found; of a promise as a whole the worst.
    pub found: Option<f64>,
    /// Whether it holds.
    pub holds: bool,
    /// The record is of one point of a run of several: whether the promise is kept says the one of it as a whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub part: bool,
    /// Of a promise as a whole: the points that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<ExpectPoints>,
}

/// How a promise went at the points that it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpectPoints {
    /// Points at which it holds.
    pub hold: usize,
    /// All of them.
    pub all: usize,
    /// The point at which it went worst.
    pub worst: String,
}

/// Device time of a kernel over all its dispatches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelTime {
    /// Name and entry point, e.g. `moments.multiply`.
    pub kernel: String,
    /// How often it was started.
    pub dispatches: u64,
    /// How many of these were timed.
    pub timed: u64,
    /// Seconds of all dispatches, from the mean of those timed.
    pub seconds: f64,
}

/// Where the device's time went during a point, as far as its clock could be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelsRecord {
    /// By kernel, by name.
    pub kernels: Vec<KernelTime>,
}

impl KernelsRecord {
    /// Times since `before`, an earlier reading of the same clock.
    #[must_use]
    pub fn since(now: &[KernelTime], before: &[KernelTime]) -> Self {
        let since = |time: &KernelTime| {
            let earlier = before.iter().find(|earlier| earlier.kernel == time.kernel);
            KernelTime {
                dispatches: time.dispatches - earlier.map_or(0, |e| e.dispatches),
                timed: time.timed - earlier.map_or(0, |e| e.timed),
                seconds: time.seconds - earlier.map_or(0.0, |e| e.seconds),
                ..time.clone()
            }
        };
        Self { kernels: now.iter().map(since).filter(|time| time.dispatches > 0).collect() }
    }
}

/// A point came to its end; last line before its promises.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DoneRecord {
    /// Seconds of all its stages.
    pub seconds: f64,
}

/// What a point of a sweep is about; first line of its metrics.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PointRecord {
    /// Directory name and title, e.g. `temperature=1.8`.
    pub label: String,
    /// Values of the swept keys.
    pub values: std::collections::BTreeMap<String, f64>,
    /// Lattice, for Ising sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lattice: Option<String>,
    /// Temperature, for Ising sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Rows of data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Visible units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_visible: Option<usize>,
    /// Hidden units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_hidden: Option<usize>,
}

/// One line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// What this point is about.
    Point(PointRecord),
    /// Monte Carlo.
    Ising(IsingRecord),
    /// During training.
    Metric(TrainMetric),
    /// Training done.
    Train(TrainRecord),
    /// Observables of samples of the trained model.
    Sample(Observables),
    /// Whether the chains of these samples agree.
    Chains(ChainsRecord),
    /// Likelihood.
    Likelihood(LikelihoodRecord),
    /// Couplings in one basis.
    Couplings(CouplingsRecord),
    /// All state probabilities.
    States(StatesRecord),
    /// Device time of every kernel.
    Kernels(KernelsRecord),
    /// All stages done.
    Done(DoneRecord),
    /// One promise of the scenario.
    Expect(ExpectRecord),
}
