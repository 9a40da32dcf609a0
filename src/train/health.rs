//! Whether a training has run away, told from numbers that are at hand.
//!
//! For any distribution q of visible states ln Z ≥ −⟨F⟩_q + S(q) ≥ −⟨F⟩_q (Gibbs' inequality). With the chains as q, in
//! equilibrium or not, the mean log-likelihood of the data is therefore at most ⟨F⟩_chains − ⟨F⟩_data. A training has
//! diverged where this bound, or an estimate of the likelihood itself, lies below the floor −(Σ_j H(v_j) + n ln 2): n ln 2
//! nats a row worse than independent units with the data's means, at which every training begins.

use super::{Settings, State};
use crate::error::{Error, Fault, Result};
use crate::numerics::readable;
use crate::rbm::Rbm;
use crate::record::Estimate;

/// Errors by which a value must lie below the floor.
const SIGMAS: f64 = 5.0;

/// The floor of a training's log-likelihood, in nats a row, from the smoothed means of its data.
#[must_use]
pub fn likelihood_floor(means: &[f64]) -> f64 {
    -means.iter().map(|&p| -(p * p.ln() + (1.0 - p) * (-p).ln_1p()) + std::f64::consts::LN_2).sum::<f64>()
}

/// Upper bound ⟨F⟩_chains − ⟨F⟩_data on the mean log-likelihood of data rows, in nats a row, from both means of −F.
#[must_use]
pub fn likelihood_bound(on_data: Estimate, on_chains: Estimate) -> Estimate {
    Estimate::new(on_data.value - on_chains.value, on_data.error.hypot(on_chains.error))
}

/// Fails where a log-likelihood, or a bound on it, lies below `floor`.
///
/// # Errors
/// [`Error::Numerics`] naming the update, the largest parameter and what to lower.
pub fn check_floor(floor: f64, found: Estimate, state: &State, settings: &Settings) -> Result<()> {
    // Of a single row no error is known.
    if found.value + SIGMAS * found.error.max(0.0) >= floor {
        return Ok(());
    }
    let what = format!(
        "the training has diverged: the mean log-likelihood of its data is at most {:.1} nats a row; {}",
        found.value,
        largest(&state.rbm)
    );
    let expected = format!("at least {floor:.1}, which units without weights pass by far");
    Err(Error::Numerics(advise(Fault::new(what).expected(expected), state.update, settings.learning_rate)))
}

/// The machine, where all its parameters are finite.
///
/// # Errors
/// [`Error::Numerics`] naming the update and the parameter.
pub(super) fn finite(rbm: Rbm, update: u64, learning_rate: f64) -> Result<Rbm> {
    let bad = parameters(&rbm).find(|(_, x)| !x.is_finite());
    match bad {
        None => Ok(rbm),
        Some((at, x)) => {
            let what = format!("the training has diverged: {} is {x}", name(&rbm, at));
            Err(Error::Numerics(advise(Fault::new(what).expected("finite numbers"), update, learning_rate)))
        }
    }
}

fn advise(fault: Fault, update: u64, learning_rate: f64) -> Fault {
    let lower = readable(learning_rate / 4.0);
    fault.at(format!("training, update {update}")).advice(format!(
        "lower learning_rate ({} now, {lower} for example) or momentum, use schedule: cosine, centred: true and a weight decay, or more \
         gibbs_steps where the chains do not follow",
        readable(learning_rate)
    ))
}

/// All parameters in the order weights, visible biases, hidden biases, with their positions in it.
fn parameters(rbm: &Rbm) -> impl Iterator<Item = (usize, f32)> {
    rbm.weights.iter().chain(&rbm.visible_bias).chain(&rbm.hidden_bias).copied().enumerate()
}

/// What the parameter at a position is called.
fn name(rbm: &Rbm, at: usize) -> String {
    let weights = rbm.weights.len();
    match at {
        _ if at < weights => {
            format!("the weight of visible unit {} and hidden unit {}", at / rbm.n_hidden, at % rbm.n_hidden)
        }
        _ if at < weights + rbm.n_visible => format!("the bias of visible unit {}", at - weights),
        _ => format!("the bias of hidden unit {}", at - weights - rbm.n_visible),
    }
}

fn largest(rbm: &Rbm) -> String {
    let largest = parameters(rbm).max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    largest.map_or(String::new(), |(at, x)| format!("its largest parameter, {}, is {x:.3}", name(rbm, at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::BitMatrix;
    use crate::numerics::log_sum_exp;

    /// All states of `n` units.
    fn states(n: usize) -> BitMatrix {
        BitMatrix::from_fn(1 << n, n, |r, j| (r >> j) & 1 == 1)
    }

    #[test]
    fn the_bound_holds_wherever_the_chains_are_and_is_tight_on_the_mode() {
        let mut rbm = Rbm::zeros(3, 2);
        rbm.weights = vec![2.0, -1.0, 0.5, 1.5, -0.25, 3.0];
        rbm.visible_bias = vec![0.3, -2.0, 1.0];
        let all = states(3);
        let log_weights: Vec<f64> = (0..8).map(|r| -rbm.free_energy(&all, r)).collect();
        let log_z = log_sum_exp(&log_weights);
        for (data, chains) in (0..8).flat_map(|d| (0..8).map(move |c| (d, c))) {
            let (on_data, on_chains) = (log_weights[data], log_weights[chains]);
            let bound = likelihood_bound(Estimate::new(on_data, 0.1), Estimate::new(on_chains, 0.0));
            assert!(on_data - log_z <= bound.value && bound.error == 0.1);
        }
    }

    #[test]
    fn the_floor_is_twice_uniform_for_balanced_units() {
        let ln2 = std::f64::consts::LN_2;
        assert!((likelihood_floor(&[0.5; 7]) + 14.0 * ln2).abs() < 1e-12);
        assert!((likelihood_floor(&[1e-9; 7]) + 7.0 * ln2).abs() < 1e-6);
    }

    #[test]
    fn parameters_are_named() {
        let mut rbm = Rbm::zeros(3, 2);
        rbm.weights[3] = f32::NAN;
        let message = finite(rbm.clone(), 9, 1.0).unwrap_err().to_string();
        assert!(
            message.contains("visible unit 1 and hidden unit 1 is NaN") && message.contains("update 9"),
            "{message}"
        );
        rbm.weights[3] = -4.0;
        rbm.hidden_bias[1] = 3.0;
        assert_eq!(finite(rbm.clone(), 9, 1.0), Ok(rbm.clone()));
        assert!(largest(&rbm).contains("visible unit 1 and hidden unit 1, is -4"), "{}", largest(&rbm));
        rbm.hidden_bias[1] = 5.0;
        assert!(largest(&rbm).contains("bias of hidden unit 1, is 5"), "{}", largest(&rbm));
    }
}
