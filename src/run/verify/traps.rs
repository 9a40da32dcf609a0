//! Machines of known ln Z on which estimates go wrong, or ought to say that they may.
//!
//! - Falling ladders of few rungs, on which inputs go far in a step: Bennett's ratio of both directions is right however few
//!   the rungs, as long as both overlap.
//! - Two modes, one of which opens on the way from the base by a transition of first order, so that chains from the base
//!   miss it. All hidden units are alike, so that ln Z is a sum over how many of them are on. With rows in both modes ln Z is
//!   right, or is not trusted; without, it is that of the mode which can be seen, and the verdict says so.
//! - Machines trained on rows about two distant templates, ln Z by enumeration.

use serde::Serialize;

use super::partition::{Effort, SIGMAS, random, trained};
use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::events::Silent;
use crate::likelihood::{Enumeration, MAX_ENUMERATED, base_bias};
use crate::numerics::{log_sum_exp, sigmoid, softplus};
use crate::rbm::Rbm;
use crate::record::{Bounds, Estimate};
use crate::rng::{Philox, derive_seed};
use crate::run::likelihood::{Enumerate, Ladder, LikelihoodPlan, Reverse, likelihood};
use crate::stats::distributions::ln_gamma;
use crate::train::{Algorithm, smoothed_means};
use rand::RngExt;

/// One machine and what was made of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trap {
    /// What it is.
    pub machine: String,
    /// What ln Z ought to come out: of the whole machine, or of the mode that can be seen.
    pub expected: f64,
    /// Estimates; a bridged one that is not to be trusted has no error.
    pub found: Bounds,
    /// Distance of the bridged one from the expected value in its errors, where it has one.
    pub sigmas: Option<f64>,
    /// Whether it calls itself trusted.
    pub trusted: bool,
    /// Warnings.
    pub warnings: usize,
    /// Right or not trusted, and with a warning where rows lie in a mode that is left out.
    pub holds: bool,
}

/// A machine of two modes whose ln Z is known: A, wide, with all hidden units off, and B, narrow, with all of them on.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoModes {
    /// The machine.
    pub rbm: Rbm,
    /// ln Σ_v p*(v, h) over all h with so many units on.
    log_weights: Vec<f64>,
}

impl TwoModes {
    /// `difference` = ln Z_B − ln Z_A; visible units have inputs 0 in A, and `field` or −`field` in B.
    #[must_use]
    pub fn new(n_visible: usize, n_hidden: usize, field: f64, difference: f64) -> Self {
        let mut rbm = Rbm::zeros(n_visible, n_hidden);
        for j in 0..n_visible {
            let sign = if j % 2 == 0 { 1.0 } else { -1.0 };
            rbm.weights[j * n_hidden..(j + 1) * n_hidden].fill((sign * field / n_hidden as f64) as f32);
        }
        let (mut low, mut high) = (-100.0, 100.0);
        while high - low > 1e-6 {
            let middle = 0.5 * (low + high);
            rbm.hidden_bias.fill(middle as f32);
            let found = Self { log_weights: log_weights(&rbm), rbm: rbm.clone() };
            let [wide, narrow] = found.log_z_of_modes();
            if narrow - wide < difference {
                low = middle;
            } else {
                high = middle;
            }
        }
        Self { log_weights: log_weights(&rbm), rbm }
    }

    /// ln Z.
    #[must_use]
    pub fn log_z(&self) -> f64 {
        log_sum_exp(&self.log_weights)
    }

    /// ln Z_A and ln Z_B, cut where half of the hidden units are on.
    #[must_use]
    pub fn log_z_of_modes(&self) -> [f64; 2] {
        let (wide, narrow) = self.log_weights.split_at(self.log_weights.len() / 2);
        [log_sum_exp(wide), log_sum_exp(narrow)]
    }

    /// Independent samples of the machine, `[count, n_visible]`.
    #[must_use]
    pub fn samples(&self, count: usize, seed: u64) -> BitMatrix {
        let (mut numbers, log_z) = (Philox::sequence(seed, "two modes"), self.log_z());
        let mut samples = BitMatrix::zeros(count, self.rbm.n_visible);
        for r in 0..count {
            let mut u = numbers.random::<f64>();
            let on = self.log_weights.iter().position(|w| {
                u -= (w - log_z).exp();
                u < 0.0
            });
            let on = on.unwrap_or(self.log_weights.len() - 1) as f64;
            for j in 0..self.rbm.n_visible {
                let y = f64::from(self.rbm.visible_bias[j]) + on * f64::from(self.rbm.weight(j, 0));
                samples.set(r, j, numbers.random::<f64>() < sigmoid(y));
            }
        }
        samples
    }
}

/// Of machines whose hidden units are alike: ln [C(m, k) e^{kc} Π_j (1 + e^{b_j + k w_j})], k of m units on.
fn log_weights(rbm: &Rbm) -> Vec<f64> {
    let m = rbm.n_hidden;
    let log_factorial = |n: usize| ln_gamma(n as f64 + 1.0);
    let of = |k: usize| {
        let visible: f64 = (0..rbm.n_visible)
            .map(|j| softplus(f64::from(rbm.visible_bias[j]) + k as f64 * f64::from(rbm.weight(j, 0))))
            .sum();
        log_factorial(m) - log_factorial(k) - log_factorial(m - k) + k as f64 * f64::from(rbm.hidden_bias[0]) + visible
    };
    (0..=m).map(of).collect()
}

/// `count` rows about two templates, all units of the first or of the second half on, with 5 % of the bits turned.
#[must_use]
pub fn clusters(n_visible: usize, count: usize, first: f64, seed: u64) -> BitMatrix {
    let mut numbers = Philox::sequence(seed, "clusters");
    let mut rows = BitMatrix::zeros(count, n_visible);
    for r in 0..count {
        let in_first = numbers.random::<f64>() < first;
        for j in 0..n_visible {
            let template = (2 * j < n_visible) == in_first;
            rows.set(r, j, template != (numbers.random::<f64>() < 0.05));
        }
    }
    rows
}

/// What is expected of an estimate.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// The right ln Z, or no trust in it.
    Right,
    /// The same, and a warning.
    Warned,
    /// That of the mode which can be seen, and a word about others.
    Half,
}

/// Estimates ln Z of all of them.
///
/// # Errors
/// Device failures.
pub(super) fn traps<B: Backend>(backend: &B, effort: Effort) -> Result<Vec<Trap>> {
    let mut all = Vec::new();
    let machine = random(16, 10, 1.5, effort.seed);
    if let Some(exact) = Enumeration::new(&machine, MAX_ENUMERATED, &mut Silent)? {
        for rungs in [3, 5, 9] {
            let name = format!("ladders of {rungs} rungs, random 16 × 10, ±1.5");
            let how = (Ladder::Linear(rungs - 1), Reverse::Exact, Wanted::Right);
            let base = machine.visible_bias.clone();
            all.push(trap(backend, effort, &name, &machine, &base, exact.log_z().value, how, None)?);
        }
    }
    let ladder = || Ladder::Adaptive(effort.betas[1] / 2);
    for difference in [5.0, 0.0, -2.0] {
        let modes = TwoModes::new(100, 30, 10.0, difference);
        let rows = modes.samples(2000, effort.seed);
        let name = format!("two modes, ln Z apart by {difference}");
        let how = (ladder(), Reverse::Tempering, Wanted::Warned);
        let base = base_bias(&smoothed_means(&rows));
        let with = format!("{name}, rows in both");
        all.push(trap(backend, effort, &with, &modes.rbm, &base, modes.log_z(), how, Some(&rows))?);
        let how = (ladder(), Reverse::Tempering, Wanted::Half);
        let [wide, _] = modes.log_z_of_modes();
        let without = format!("{name}, no rows");
        all.push(trap(backend, effort, &without, &modes.rbm, &modes.rbm.visible_bias, wide, how, None)?);
    }
    for first in [0.5, 0.75] {
        let rows = clusters(64, 2000, first, effort.seed);
        let rbm = trained(backend, &rows, Algorithm::Pcd, false, effort.seed)?;
        if let Some(exact) = Enumeration::new(&rbm, MAX_ENUMERATED, &mut Silent)? {
            let name = format!("two clusters, {first} of the rows in one");
            let how = (ladder(), Reverse::Tempering, Wanted::Right);
            let base = base_bias(&smoothed_means(&rows));
            all.push(trap(backend, effort, &name, &rbm, &base, exact.log_z().value, how, Some(&rows))?);
        }
    }
    Ok(all)
}

#[expect(clippy::too_many_arguments, reason = "a machine and what is known about it")]
fn trap<B: Backend>(
    backend: &B,
    effort: Effort,
    name: &str,
    rbm: &Rbm,
    base: &[f32],
    expected: f64,
    (ladder, reverse, wanted): (Ladder, Reverse, Wanted),
    rows: Option<&BitMatrix>,
) -> Result<Trap> {
    let plan = LikelihoodPlan {
        chains: effort.chains,
        ladder,
        reverse,
        trajectory: Vec::new(),
        enumerate: Enumerate::Never,
        seed: derive_seed(effort.seed, name),
    };
    let sets: Vec<(&str, &BitMatrix)> = rows.iter().map(|rows| ("rows", *rows)).collect();
    let found = likelihood(backend, &plan, rbm, base, &sets, None, &mut Silent)?;
    let trusted = found.interval.trusted;
    let off = |z: Estimate| (z.error.is_finite()).then(|| (z.value - expected) / z.error);
    let sigmas = found.log_z.bridged.and_then(off);
    let right = sigmas.is_some_and(|z| z.abs() <= SIGMAS);
    let holds = match wanted {
        Wanted::Right => right || !trusted,
        Wanted::Warned => right || !trusted && !found.warnings.is_empty(),
        Wanted::Half => !trusted || right && found.interval.verdict.contains("rows"),
    };
    Ok(Trap {
        machine: name.into(),
        expected,
        found: found.log_z,
        sigmas,
        trusted,
        warnings: found.warnings.len(),
        holds,
    })
}
