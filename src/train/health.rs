//! Whether a training has run away, told from numbers that are at hand.
//!
//! For states v_1 … v_n of any origin ln Z ≥ ln (1/n) Σ e^{−F(v_r)}: each is one term of Z, and none is taken more than n
//! times. With the chains for states, in equilibrium or not, the mean log-likelihood of the data is therefore at most
//! −⟨F⟩_data − ln⟨e^{−F}⟩_chains. Where there are no chains ln Z of a short annealing serves, which exceeds the true one by
//! a nats with a probability below e^{−a}. A training has diverged where this bound, or an estimate of the likelihood itself, lies below the
//! floor −(Σ_j H(v_j) + n ln 2): n ln 2 nats a row worse than independent units with the data's means, at which every
//! training begins.

use super::{Settings, State};
use crate::error::{Error, Fault, Result};
use crate::numerics::readable;
use crate::rbm::Rbm;
use crate::record::Estimate;

/// Errors by which a value must lie below the floor.
const SIGMAS: f64 = 5.0;

/// Mean log-likelihood of independent units with these means, in nats a row, of rows whose means are `rows`: −Σ_j H(v_j)
/// where they are the same.
#[must_use]
pub fn independent_likelihood(means: &[f64], rows: &[f64]) -> f64 {
    means.iter().zip(rows).map(|(p, q)| q * p.ln() + (1.0 - q) * (-p).ln_1p()).sum()
}

/// The floor of a training's log-likelihood, in nats a row, from the smoothed means of its data.
#[must_use]
pub fn likelihood_floor(means: &[f64]) -> f64 {
    independent_likelihood(means, means) - means.len() as f64 * std::f64::consts::LN_2
}

/// Upper bound on the mean log-likelihood of data rows, in nats a row, from the mean of −F over them and a lower bound on
/// ln Z.
#[must_use]
pub fn likelihood_bound(on_data: Estimate, log_z: Estimate) -> Estimate {
    Estimate::new(on_data.value - log_z.value, on_data.error.hypot(log_z.error))
}

/// Fails where a log-likelihood, or a bound on it, lies below `floor`; `state` is asked for then.
///
/// # Errors
/// [`Error::Numerics`] naming the update, the largest parameter and what to lower; what `state` fails with.
pub fn check_floor(
    floor: f64,
    found: Estimate,
    state: impl FnOnce() -> Result<State>,
    settings: &Settings,
) -> Result<()> {
    // Of a single row no error is known.
    if found.value + SIGMAS * found.error.max(0.0) >= floor {
        return Ok(());
    }
    let state = state()?;
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
    use crate::numerics::{log_mean_exp, log_sum_exp};

    /// All states of `n` units.
    fn states(n: usize) -> BitMatrix {
        BitMatrix::from_fn(1 << n, n, |r, j| (r >> j) & 1 == 1)
    }

    #[test]
    fn the_bound_holds_wherever_the_chains_are() {
        let mut rbm = Rbm::zeros(3, 2);
        rbm.weights = vec![2.0, -1.0, 0.5, 1.5, -0.25, 3.0];
        rbm.visible_bias = vec![0.3, -2.0, 1.0];
        let all = states(3);
        let log_weights: Vec<f64> = (0..8).map(|r| -rbm.free_energy(&all, r)).collect();
        let log_z = log_sum_exp(&log_weights);
        // One chain, a pair of them, the same one twice, and all: a bound, and a better one than by the mean of −F.
        for (data, a, b) in (0..8).flat_map(|d| (0..64).map(move |c| (d, c / 8, c % 8))) {
            for chains in [vec![a], vec![a, b], (0..8).collect()] {
                let of_chains: Vec<f64> = chains.iter().map(|&r: &usize| log_weights[r]).collect();
                let mean = of_chains.iter().sum::<f64>() / of_chains.len() as f64;
                let on_data = Estimate::new(log_weights[data], 0.1);
                let bound = likelihood_bound(on_data, Estimate::new(log_mean_exp(&of_chains), 0.0));
                assert!(on_data.value - log_z <= bound.value && bound.error == 0.1);
                assert!(bound.value <= on_data.value - mean + 1e-12);
            }
        }
    }

    #[test]
    fn independent_units_have_minus_their_entropy_and_less_on_other_rows() {
        let entropy = 0.25f64.ln() * 0.25 + 0.75f64.ln() * 0.75 - std::f64::consts::LN_2;
        assert!((independent_likelihood(&[0.25, 0.5], &[0.25, 0.5]) - entropy).abs() < 1e-12);
        let other = 0.25f64.ln() - std::f64::consts::LN_2;
        assert!((independent_likelihood(&[0.25, 0.5], &[1.0, 0.0]) - other).abs() < 1e-12);
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
