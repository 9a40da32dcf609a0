//! Reverse annealed importance sampling: from samples of the machine down to the base.
//!
//! Started from v ~ p, the same transitions taken backwards give ⟨ŵ⟩ = Z0/Z, so that ln Z = ln Z0 − ln mean e^{log w} comes
//! out high in the mean, where the forward estimate comes out low: together they are an interval. The start must be
//! samples of the machine: exact ones where one side can be enumerated; samples of chains bound nothing where the chains
//! have missed a mode. (Burda, Grosse and Salakhutdinov, AISTATS 2015.)

use super::ais::{Anneal, AnnealSettings, check, log_z0, run, summarise};
use crate::backend::{Address, Backend};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::events::Listener;
use crate::rbm::Rbm;
use crate::rng::derive_seed;

/// Anneals `start` `[chains, n_visible]`, samples of `rbm`, down the ladder of `settings`.
///
/// # Errors
/// As [`super::anneal`].
pub fn reverse_anneal<B: Backend>(
    backend: &B,
    rbm: &Rbm,
    params: &B::Params,
    base: &[f32],
    settings: &AnnealSettings,
    start: &BitMatrix,
    listener: &mut dyn Listener,
) -> Result<Anneal> {
    reverse_summary(reverse_weights(backend, params, base, settings, start, listener)?, log_z0(base, rbm.n_hidden))
}

/// ln Z from the log-weights of reverse chains and ln Z0.
///
/// # Errors
/// [`crate::Error::Numerics`] for weights that are not finite.
pub fn reverse_summary(weights: Vec<f64>, log_z0: f64) -> Result<Anneal> {
    let mut found = summarise(weights, 0.0)?;
    found.log_z.value = log_z0 - found.log_z.value;
    Ok(found)
}

/// The log-weights alone, of estimates of Z0/Z.
///
/// # Errors
/// As [`super::anneal`].
pub fn reverse_weights<B: Backend>(
    backend: &B,
    params: &B::Params,
    base: &[f32],
    settings: &AnnealSettings,
    start: &BitMatrix,
    listener: &mut dyn Listener,
) -> Result<Vec<f64>> {
    check(settings)?;
    let address = Address::new(derive_seed(settings.seed, "reverse ais"));
    let mut annealing = backend.start_annealing_at(params, base, start, address)?;
    let falling: Vec<f64> = settings.betas.iter().rev().copied().collect();
    run(backend, params, &mut annealing, &falling, listener)?;
    backend.read_log_weights(&annealing)
}
