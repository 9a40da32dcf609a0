//! ln Z and log-likelihoods: annealed importance sampling, enumeration where it can be done, and their ceilings.
//!
//! LL(S) = mean over S of −F(v) − ln Z, in nats a row. Forward AIS errs on one side: its estimate of Z is unbiased, so
//! ln Z comes out low in the mean and LL high. Reverse AIS from samples of the machine errs on the other: together they
//! are an interval, and Bennett's ratio of both a value in it. No model can beat the entropy of the source: ⟨LL⟩ ≤ −S, and
//! on a given set LL ≤ −(plug-in entropy). A value above its ceiling means a wrong ln Z.

mod ais;
mod bridge;
mod ceiling;
mod checks;
mod cover;
mod enumerate;
mod equilibrated;
mod exact_samples;
mod ladder;
mod modes;
mod parts;
mod reverse;
mod rows;
mod seldom;

pub use self::ais::{
    Anneal, AnnealSettings, BETAS, CHAINS, MAX_BETAS, MAX_CHAINS, anneal, anneal_to_ends, base_bias, log_z0,
};
pub use self::bridge::{bennett, bridge_rungs};
pub use self::ceiling::{distinct_rows, plug_in_entropy};
pub use self::checks::{Ceiling, Evidence, Judgement, judge, verdict};
pub use self::cover::{Annealed, cover, relaxed, spaced};
pub use self::enumerate::{Enumeration, MAX_ENUMERATED, MAX_ENUMERATED_ON_DEMAND, exact_log_z};
pub use self::equilibrated::{ARRIVALS, Effort, Equilibrated, by_temperature, by_trajectory, equilibrate};
pub use self::ladder::{Length, MOST_RUNGS, linear_ladder};
pub use self::modes::{Began, Comparison, FALSE_ALARMS, Missed, threshold, unseen};
pub use self::parts::Sided;
pub use self::reverse::{reverse_anneal, reverse_summary, reverse_weights};
pub use self::rows::{
    better, log_likelihood, log_weights, mean_log_weight, mean_log_weight_of, mean_of_rows, not_under,
    over_independent, row_by_row, worse_than_independent,
};
pub use self::seldom::seldom;

use crate::bits::BitMatrix;

/// Mean log pseudo-likelihood Σ_j ln p(v_j | rest) over `rows` rows, in nats a row, in f64 on the host.
#[must_use]
pub fn pseudo_likelihood(rbm: &crate::rbm::Rbm, data: &BitMatrix, rows: usize) -> f64 {
    use crate::numerics::softplus;
    use crate::threads::prelude::*;
    let rows = rows.min(data.rows());
    let terms: Vec<f64> = (0..rows)
        .into_par_iter()
        .map(|r| {
            let x = rbm.inputs_h_from_v(data, r);
            let hidden: f64 = x.iter().map(|&x| softplus(x)).sum();
            let one = |j: usize| {
                let sign = if data.get(r, j) { -1.0 } else { 1.0 };
                let weights = &rbm.weights[j * rbm.n_hidden..(j + 1) * rbm.n_hidden];
                let flipped: f64 = x.iter().zip(weights).map(|(x, &w)| softplus(x + sign * f64::from(w))).sum();
                // ln p(v_j | rest) = −softplus(F(v) − F(flipped)).
                -softplus(sign * f64::from(rbm.visible_bias[j]) + flipped - hidden)
            };
            (0..rbm.n_visible).map(one).sum()
        })
        .collect();
    terms.iter().sum::<f64>() / rows.max(1) as f64
}
