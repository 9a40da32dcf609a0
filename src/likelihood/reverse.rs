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
    check(settings)?;
    let address = Address::new(derive_seed(settings.seed, "reverse ais"));
    let mut annealing = backend.start_annealing_at(params, base, start, address)?;
    let falling: Vec<f64> = settings.betas.iter().rev().copied().collect();
    run(backend, params, &mut annealing, &falling, listener)?;
    let weights = backend.read_log_weights(&annealing)?;
    let mut found = summarise(weights, 0.0)?;
    found.log_z.value = log_z0(base, rbm.n_hidden) - found.log_z.value;
    Ok(found)
}
