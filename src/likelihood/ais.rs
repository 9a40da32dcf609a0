//! Forward annealed importance sampling in its joint form.
//!
//! Base: w = 0, biases b0 from the data, c0 = 0, ln Z0 = Σ_j softplus(b0_j) + n_h ln 2.
//! log p*_β(v) = (1 − β) b0·v + β b·v + Σ_i softplus(β x_i(v)); the transition at β draws h_i ~ sig(β x_i), then
//! v_j ~ sig(β y_j + (1 − β) b0_j), both at the same β, which leaves p_β invariant. ⟨ŵ⟩ = Z/Z0 for any number of
//! temperatures, and ln Z = ln Z0 + ln mean e^{log w}: the mean of exponentials, never of logarithms.
//! (Neal 2001; Salakhutdinov and Murray, ICML 2008. The variant with h drawn at β = 1 and weight βF is not AIS.)

use crate::backend::{Address, Backend};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::numerics::{log_sum_exp, logit, softplus};
use crate::rbm::Rbm;
use crate::record::Estimate;
use crate::rng::derive_seed;
use crate::stats::variance;

/// Settings of an AIS run.
#[derive(Debug, Clone, PartialEq)]
pub struct AnnealSettings {
    /// Independent chains.
    pub chains: usize,
    /// β_0 = 0 < … < β_K = 1.
    pub betas: Vec<f64>,
    /// Seed.
    pub seed: u64,
}

/// Result of an AIS run.
#[derive(Debug, Clone, PartialEq)]
pub struct Anneal {
    /// ln Z with its jackknife error over chains.
    pub log_z: Estimate,
    /// (Σ w)² / Σ w².
    pub effective_sample_size: f64,
    /// Variance of the log-weights, nats².
    pub log_weight_variance: f64,
    /// log w of every chain.
    pub log_weights: Vec<f64>,
}

/// b0: log-odds of the data's means, which must lie strictly between 0 and 1.
#[must_use]
pub fn base_bias(means: &[f64]) -> Vec<f32> {
    means.iter().map(|&m| logit(m.clamp(1e-6, 1.0 - 1e-6)) as f32).collect()
}

/// Chains, where nothing is said.
pub const CHAINS: usize = 1000;
/// Inverse temperatures, where nothing is said.
pub const BETAS: usize = 1000;
/// Most chains, all of which live in memory.
pub const MAX_CHAINS: usize = 1 << 24;
/// Most inverse temperatures.
pub const MAX_BETAS: usize = 1 << 24;

/// Runs forward AIS for `rbm`, already uploaded as `params`.
///
/// # Errors
/// [`Error::Input`] for a ladder that does not rise from 0 to 1, [`Error::Stopped`] on a signal, device failures.
pub fn anneal<B: Backend>(
    backend: &B,
    rbm: &Rbm,
    params: &B::Params,
    base: &[f32],
    settings: &AnnealSettings,
    listener: &mut dyn Listener,
) -> Result<Anneal> {
    Ok(annealed(backend, rbm, params, base, settings, listener)?.0)
}

/// The same with the states in which the chains end, `[chains, n_visible]`.
///
/// # Errors
/// As [`anneal`].
pub fn anneal_to_ends<B: Backend>(
    backend: &B,
    rbm: &Rbm,
    params: &B::Params,
    base: &[f32],
    settings: &AnnealSettings,
    listener: &mut dyn Listener,
) -> Result<(Anneal, BitMatrix)> {
    let (found, annealing) = annealed(backend, rbm, params, base, settings, listener)?;
    Ok((found, backend.read_annealed(&annealing)?))
}

/// The estimate, and the chains that stay on the device.
fn annealed<B: Backend>(
    backend: &B,
    rbm: &Rbm,
    params: &B::Params,
    base: &[f32],
    settings: &AnnealSettings,
    listener: &mut dyn Listener,
) -> Result<(Anneal, B::Annealing)> {
    check(settings)?;
    let address = Address::new(derive_seed(settings.seed, "ais"));
    let mut annealing = backend.start_annealing(params, base, settings.chains, address)?;
    run(backend, params, &mut annealing, &settings.betas, listener)?;
    let found = summarise(backend.read_log_weights(&annealing)?, log_z0(base, rbm.n_hidden))?;
    Ok((found, annealing))
}

/// ln Z0 of the base of a machine with `n_hidden` hidden units.
#[must_use]
pub fn log_z0(base: &[f32], n_hidden: usize) -> f64 {
    base.iter().map(|&b| softplus(f64::from(b))).sum::<f64>() + n_hidden as f64 * std::f64::consts::LN_2
}

pub(super) fn check(settings: &AnnealSettings) -> Result<()> {
    let betas = &settings.betas;
    let rises = betas.windows(2).all(|pair| pair[0] < pair[1]);
    if betas.len() >= 2
        && rises
        && betas[0] == 0.0
        && betas[betas.len() - 1] == 1.0
        && (2..=MAX_CHAINS).contains(&settings.chains)
    {
        return Ok(());
    }
    Err(Error::Input(
        Fault::new(format!("{} chains over {} inverse temperatures", settings.chains, betas.len()))
            .at("likelihood")
            .expected(format!("2 to {MAX_CHAINS} chains and a ladder that rises from 0 to 1")),
    ))
}

/// Takes all steps of a ladder, rising or falling.
pub(super) fn run<B: Backend>(
    backend: &B,
    params: &B::Params,
    annealing: &mut B::Annealing,
    betas: &[f64],
    listener: &mut dyn Listener,
) -> Result<()> {
    let total = betas.len() as u32 - 1;
    let stride = (total / 20).max(1);
    let mut step = 0;
    while step < total {
        if let Some(signal) = listener.stop_requested() {
            return Err(Error::Stopped(signal));
        }
        let next = total.min(step + stride);
        backend.anneal(params, annealing, betas, step..next);
        backend.finish()?;
        step = next;
        let note = format!("β = {:.3}", betas[step as usize]);
        listener.event(Event::Progress { stage: "likelihood", done: step.into(), total: total.into(), note });
    }
    Ok(())
}

/// ln Z from log-weights: error by the delete-one jackknife of ln mean e^{log w}.
pub(super) fn summarise(weights: Vec<f64>, log_z0: f64) -> Result<Anneal> {
    if let Some(bad) = weights.iter().find(|w| !w.is_finite()) {
        return Err(Error::Numerics(
            Fault::new(format!("an AIS log-weight is {bad}"))
                .at("likelihood")
                .advice("the model's parameters are too large for f32: train with a lower learning_rate"),
        ));
    }
    let (log_mean, effective_sample_size) = log_mean(&weights, weights.len());
    Ok(Anneal {
        log_z: Estimate::new(log_z0 + log_mean.value, log_mean.error),
        effective_sample_size,
        log_weight_variance: variance(&weights),
        log_weights: weights,
    })
}

/// ln mean e^{log w} over `chains` chains with its delete-one jackknife error, and (Σ w)² / Σ w²; chains without a
/// log-weight have weight 0.
pub(super) fn log_mean(weights: &[f64], chains: usize) -> (Estimate, f64) {
    let n = chains as f64;
    let log_sum = log_sum_exp(weights);
    let squares: Vec<f64> = weights.iter().map(|w| 2.0 * w).collect();
    // ln of the sum without chain i: log_sum + ln(1 − share_i), of the heaviest from the others, as its share may round to 1.
    let top = weights.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
    let mut left_out: Vec<f64> = weights.iter().map(|w| (-(w - log_sum).exp()).ln_1p()).collect();
    let others: Vec<f64> = weights.iter().enumerate().filter(|(i, _)| *i != top).map(|(_, w)| *w).collect();
    left_out[top] = log_sum_exp(&others) - log_sum;
    let centre = left_out.iter().sum::<f64>() / n;
    let spread =
        left_out.iter().map(|x| (x - centre).powi(2)).sum::<f64>() + (chains - weights.len()) as f64 * centre * centre;
    let error = ((n - 1.0) / n * spread).sqrt();
    (Estimate::new(log_sum - n.ln(), error), (2.0 * log_sum - log_sum_exp(&squares)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_have_no_error_and_full_sample_size() {
        let result = summarise(vec![1.5; 40], 2.0).unwrap();
        assert!((result.log_z.value - 3.5).abs() < 1e-12 && result.log_z.error < 1e-9);
        assert!((result.effective_sample_size - 40.0).abs() < 1e-9);
    }

    /// Weights 1, 2 and 5: by hand.
    #[test]
    fn three_weights_have_their_mean_and_its_jackknife() {
        let result = summarise([1.0f64, 2.0, 5.0].map(f64::ln).to_vec(), 0.5).unwrap();
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        close(result.log_z.value, 0.5 + (8.0f64 / 3.0).ln());
        // Means without one weight: 7/2, 3, 3/2.
        let left = [3.5f64, 3.0, 1.5].map(f64::ln);
        let centre = left.iter().sum::<f64>() / 3.0;
        close(result.log_z.error, (2.0 / 3.0 * left.iter().map(|x| (x - centre).powi(2)).sum::<f64>()).sqrt());
        close(result.effective_sample_size, 64.0 / 30.0);
        let logs = [0.0, 2.0f64.ln(), 5.0f64.ln()];
        let mean = logs.iter().sum::<f64>() / 3.0;
        close(result.log_weight_variance, logs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2.0);
        assert!(summarise(vec![0.0, f64::INFINITY], 0.0).is_err());
    }

    #[test]
    fn chains_without_a_log_weight_count_as_zeros() {
        let weights = [0.3, 1.1, -0.4];
        let padded: Vec<f64> = weights.iter().copied().chain([-700.0; 5]).collect();
        let (few, many) = (log_mean(&weights, 8), log_mean(&padded, 8));
        assert!((few.0.value - many.0.value).abs() < 1e-12 && (few.0.error - many.0.error).abs() < 1e-12);
        assert!((few.1 - many.1).abs() < 1e-12);
    }

    #[test]
    fn one_heavy_chain_shows_in_error_and_sample_size() {
        let mut weights = vec![0.0; 100];
        weights[3] = 30.0;
        let result = summarise(weights.clone(), 0.0).unwrap();
        assert!(result.effective_sample_size < 1.01 && result.log_z.error > 1.0);
        // So heavy that the others are lost in rounding: without it the sum falls to that of 99 ones.
        weights[3] = 500.0;
        let expected = 500.0 - 99f64.ln();
        assert!((summarise(weights, 0.0).unwrap().log_z.error / (expected * 0.99) - 1.0).abs() < 1e-9);
    }
}
