//! Whether the chains of a sampling agree, so that their samples are of the machine and not of where the chains began.
//!
//! Chains that stay in one mode each have short autocorrelation times and are all at their places as if at rest; only beside
//! one another do they tell that they never cross. They are compared in the free energy, the number of units that are on,
//! along the leading singular directions of the weights and along the directions in which the chains themselves differ the
//! most. Each is looked at a quarter of the way through thermalisation and again in the middle of the samples: chains that
//! are still on the side on which they were, more often than chance puts them there ([`TwoLooks`]), have not forgotten their
//! start, and the shares of both sides are those of the start. All looks together call one of a million samplings wrong whose
//! chains have forgotten it. Of few chains, for which that has no power, the sides are followed in time instead.

use crate::bits::BitMatrix;
use crate::rbm::{Rbm, singular};
use crate::stats::{Autocorrelation, TwoLooks, autocorrelation, split_r_hat, two_groups};

/// Leading directions of the weights, and of the states of the chains.
const SINGULAR: usize = 3;
const PRINCIPAL: usize = 2;
/// Observables in all.
const OBSERVABLES: usize = 2 + SINGULAR + PRINCIPAL;
/// Probability by which chance alone may pass for memory, over all observables.
const FALSE_ALARM: f64 = 1e-6;
/// Correlation between both looks under which the start hardly counts.
const MEMORY: f64 = 0.1;
/// The same of few chains that seem to stay where they are.
const FEW_MEMORY: f64 = 0.8;
/// Chains under which two looks have no power, and the fewest times at which few chains are followed.
const FEW_CHAINS: usize = 32;
const FEWEST_TIMES: usize = 10;
/// Values of a direction that are looked at, at most, and chains whose states give directions.
const MOST_VALUES: usize = 1 << 20;
const MOST_STATES: usize = 512;
/// R̂ where chains do not move at all.
const LARGEST_R_HAT: f64 = 1e6;

/// What a comparison of chains found.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Largest split R̂ of all observables; None where chains have fewer than four samples or nothing varies.
    pub r_hat: Option<f64>,
    /// Independent samples that the chains are worth, as far as can be told: at least 1, never more than samples.
    pub effective_samples: f64,
    /// The observable in which the chains remember the most, where they remember their start or do not mix.
    pub stuck: Option<Stuck>,
}

/// An observable whose two sides chains do not leave.
#[derive(Debug, Clone, PartialEq)]
pub struct Stuck {
    /// Its name.
    pub observable: &'static str,
    /// Chains on both sides at both looks.
    pub looks: TwoLooks,
    /// Gibbs steps between both looks.
    pub apart: u64,
}

/// The chains as they were recorded.
pub(super) struct Chains<'a> {
    /// The machine.
    pub(super) rbm: &'a Rbm,
    /// States at the first look, with their free energies.
    pub(super) early: (&'a BitMatrix, &'a [f64]),
    /// All samples, `[times · chains, n_visible]`, and free energies `[times][chains]`.
    pub(super) samples: (&'a BitMatrix, &'a [Vec<f64>]),
    /// Gibbs steps from the first look to the first sample, between samples, and of a chain in all.
    pub(super) before: u64,
    pub(super) every: u64,
    pub(super) in_all: u64,
}

impl Chains<'_> {
    fn chains(&self) -> usize {
        self.early.0.rows()
    }

    fn times(&self) -> usize {
        self.samples.1.len()
    }

    /// The time of the second look.
    fn late(&self) -> usize {
        self.times() / 2
    }

    fn late_row(&self, chain: usize) -> usize {
        self.late() * self.chains() + chain
    }

    /// Directions of unit length in the space of visible units.
    fn directions(&self) -> Vec<(&'static str, Vec<f64>)> {
        let weights = singular(&self.rbm.weights, self.rbm.n_hidden, SINGULAR);
        let weights = weights.into_iter().filter(|found| found.value > 0.0).map(|found| found.direction);
        let (units, states) = (self.rbm.n_visible, self.chains().min(MOST_STATES));
        let mut matrix = vec![0.0f32; 2 * states * units];
        for (j, row) in matrix.chunks_exact_mut(2 * states).enumerate() {
            for (chain, pair) in row.chunks_exact_mut(2).enumerate() {
                pair[0] = f32::from(u8::from(self.early.0.get(chain, j)));
                pair[1] = f32::from(u8::from(self.samples.0.get(self.late_row(chain), j)));
            }
            let mean = row.iter().sum::<f32>() / row.len() as f32;
            row.iter_mut().for_each(|x| *x -= mean);
        }
        let states = singular(&matrix, 2 * states, PRINCIPAL);
        let states = states.into_iter().filter(|found| found.value > 0.0).map(|found| found.direction);
        let named = weights.map(|d| ("a singular direction of the weights", d));
        named.chain(states.map(|d| ("a principal direction of the samples", d))).collect()
    }
}

/// An observable at the first look and at some of the times of samples, `[times][chains]`.
struct Series {
    name: &'static str,
    early: Vec<f64>,
    late: Vec<f64>,
    /// `[chain][time]`.
    by_chain: Vec<f64>,
    /// Samples from one of these times to the next.
    stride: usize,
}

/// Compares the chains; `free_energy` and `ones` are autocorrelations of all samples.
pub(super) fn compare(chains: &Chains<'_>, free_energy: &Autocorrelation, ones: &Autocorrelation) -> Agreement {
    let samples = (chains.chains() * chains.times()) as f64;
    let mut found = Agreement { r_hat: None, effective_samples: samples, stuck: None };
    for known in [free_energy, ones] {
        found.effective_samples = found.effective_samples.min(known.effective_samples());
    }
    let count = |rows: &BitMatrix, r: usize| f64::from(rows.row_count(r));
    let energy = series(chains, "the free energy", &|early, time, chain| {
        if early { chains.early.1[chain] } else { chains.samples.1[time][chain] }
    });
    let ones = series(chains, "the number of units that are on", &|early, time, chain| {
        if early { count(chains.early.0, chain) } else { count(chains.samples.0, time * chains.chains() + chain) }
    });
    let mut remembered = 0.0;
    let directions = chains.directions();
    let along = directions.iter().map(|(name, direction)| {
        let project = |rows: &BitMatrix, r: usize| -> f64 {
            direction.iter().enumerate().filter(|(j, _)| rows.get(r, *j)).map(|(_, u)| u).sum()
        };
        series(chains, name, &|early, time, chain| {
            if early {
                project(chains.early.0, chain)
            } else {
                project(chains.samples.0, time * chains.chains() + chain)
            }
        })
    });
    for observable in [energy, ones].into_iter().chain(along) {
        take(chains, &observable, &mut found, &mut remembered);
    }
    found.effective_samples = found.effective_samples.clamp(1.0, samples);
    found
}

fn series(chains: &Chains<'_>, name: &'static str, value: &dyn Fn(bool, usize, usize) -> f64) -> Series {
    let stride = (chains.chains() * chains.times()).div_ceil(MOST_VALUES).max(1);
    let each = || 0..chains.chains();
    let times = || (0..chains.times()).step_by(stride);
    Series {
        name,
        early: each().map(|chain| value(true, 0, chain)).collect(),
        late: each().map(|chain| value(false, chains.late(), chain)).collect(),
        by_chain: each().flat_map(|chain| times().map(move |time| value(false, time, chain))).collect(),
        stride,
    }
}

/// Takes an observable into account; `remembered` is the largest correlation of those that are stuck.
fn take(chains: &Chains<'_>, observable: &Series, found: &mut Agreement, remembered: &mut f64) {
    let n = chains.chains();
    if let Some(r_hat) = split_r_hat(&observable.by_chain, n) {
        found.r_hat = Some(found.r_hat.unwrap_or(0.0).max(r_hat.min(LARGEST_R_HAT)));
    }
    if observable.stride == 1 {
        let own = autocorrelation(&observable.by_chain, n).effective_samples();
        found.effective_samples = found.effective_samples.min(own);
    }
    let threshold = two_groups(&[&observable.early[..], &observable.late[..]].concat());
    let looks = TwoLooks::count(&observable.early, &observable.late, threshold);
    let apart = chains.before + chains.late() as u64 * chains.every;
    let correlation = looks.correlation();
    let worth = if apart > 0 && correlation > MEMORY && looks.p_value() < FALSE_ALARM / OBSERVABLES as f64 {
        // Memory that decays as e^{−t/τ} leaves t/2τ independent states of a chain of t steps.
        n as f64 * chains.in_all as f64 / apart as f64 * -correlation.min(1.0).ln() / 2.0
    } else if let Some(worth) = followed(observable, threshold, n).filter(|_| correlation > FEW_MEMORY) {
        worth
    } else {
        return;
    };
    found.effective_samples = found.effective_samples.min(worth);
    if found.stuck.is_none() || correlation > *remembered {
        *remembered = correlation;
        found.stuck = Some(Stuck { observable: observable.name, looks, apart });
    }
}

/// Of few chains that were followed for long, the independent samples that their crossings of the threshold are worth, where
/// each chain is worth about one.
fn followed(observable: &Series, threshold: f64, n: usize) -> Option<f64> {
    let times = observable.by_chain.len() / n;
    if !(2..FEW_CHAINS).contains(&n) || times < FEWEST_TIMES {
        return None;
    }
    let sides: Vec<f64> = observable.by_chain.iter().map(|&x| f64::from(u8::from(x > threshold))).collect();
    let upper = sides.iter().sum::<f64>() / sides.len() as f64;
    if upper == 0.0 || upper == 1.0 || autocorrelation(&sides, n).effective_samples() > 1.5 * n as f64 {
        return None;
    }
    // A process between two states with shares p and 1 − p crosses 2 p (1 − p) times in one relaxation time.
    let crossings =
        sides.chunks_exact(times).flat_map(|chain| chain.windows(2)).filter(|pair| pair[0] != pair[1]).count();
    Some(crossings as f64 / (4.0 * upper * (1.0 - upper)))
}
