//! Samples of a trained machine from parallel Gibbs chains.

mod agreement;
mod moves;
mod placement;
mod sampling;
mod tempering;

pub use self::agreement::{Agreement, Stuck};
pub use self::moves::{Moves, TRANSLATE_EVERY, translate, translations_of};
pub use self::placement::place_evenly;
pub use self::sampling::{Sampled, sample_tempered};
pub(crate) use self::tempering::independent;
pub use self::tempering::{Count, Exchanges, FORGET, Hear, MAX_RUNGS, Rungs, Tempering, TemperingState, tempered};
use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::events::Listener;
use crate::rbm::Rbm;

/// Samples, where nothing is said.
pub const SAMPLES: usize = 10_000;
/// Chains, where nothing is said.
pub const CHAINS: usize = 1000;
/// Gibbs steps before the first sample, where nothing is said.
pub const THERMALISE: u32 = 1000;
/// Gibbs steps between samples of a chain, where nothing is said.
pub const EVERY: u32 = 10;

/// Settings of a sampling run.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Number of samples.
    pub samples: usize,
    /// Parallel chains.
    pub chains: usize,
    /// Gibbs steps before the first sample.
    pub thermalise: u32,
    /// Gibbs steps between samples of one chain.
    pub every: u32,
    /// A global flip move after each block of steps, for machines of symmetric data.
    pub flip: bool,
    /// Seed.
    pub seed: u64,
}

/// Draws samples `[samples, n_visible]`, ordered by time, then chain: row t · chains + r is chain r at time t.
///
/// Chains start at `start`, row by row and again from the top, or far apart: from independent units with the visible biases,
/// every second of the first ones from visible units under hidden ones drawn by fair coins. Chains of a machine with several
/// modes that all began alike would all stay in one, and agree.
///
/// # Errors
/// [`Error::Input`] for zero counts, [`Error::Stopped`] on a signal, device failures.
pub fn sample<B: Backend>(
    backend: &B,
    rbm: &Rbm,
    settings: &Settings,
    start: Option<&BitMatrix>,
    listener: &mut dyn Listener,
) -> Result<BitMatrix> {
    Ok(sample_tempered(backend, rbm, settings, &Rungs::None, None, start, listener)?.samples)
}

/// Chains at the start: rows of `start`, again from the top where there are few, or states far apart.
fn initial(rbm: &Rbm, chains: usize, seed: u64, start: Option<&BitMatrix>) -> BitMatrix {
    if let Some(rows) = start {
        return rows.select_rows(&(0..chains).map(|r| r % rows.rows()).collect::<Vec<_>>());
    }
    let mut states = independent(rbm, seed, 0, chains);
    let coins = Rbm::zeros(rbm.n_hidden, 1);
    let hidden = independent(&coins, seed, 1, (chains / 2).min(MOST_DISPERSED));
    let mut under = Rbm { weights: Vec::new(), ..rbm.clone() };
    for k in 0..hidden.rows() {
        let input = |(j, weights): (usize, &[f32])| {
            let on = weights.iter().enumerate().filter(|(i, _)| hidden.get(k, *i)).map(|(_, w)| w);
            rbm.visible_bias[j] + on.sum::<f32>()
        };
        under.visible_bias = rbm.weights.chunks_exact(rbm.n_hidden).enumerate().map(input).collect();
        let row = independent(&under, seed, 2 + k as u32, 1);
        (0..rbm.n_visible).for_each(|j| states.set(2 * k + 1, j, row.get(0, j)));
    }
    states
}

/// Chains that start under hidden units of their own, at most.
const MOST_DISPERSED: usize = 1024;

/// Checks settings before anything is allocated; returns how many times every chain is read.
///
/// # Errors
/// [`Error::Input`] for zero counts and for more than there are addresses or memory.
pub fn check(n_visible: usize, settings: &Settings) -> Result<usize> {
    let times = settings.samples.div_ceil(settings.chains.max(1));
    let steps = (times as u64).saturating_mul(settings.every.into()).saturating_add(settings.thermalise.into());
    let bits = (settings.samples as u64).checked_mul(n_visible as u64);
    if settings.samples == 0
        || settings.chains == 0
        || settings.every == 0
        || steps > u64::from(u32::MAX)
        || bits.is_none_or(|n| n > MAX_BITS)
        || settings.chains.min(settings.samples) > MAX_CHAINS
    {
        return Err(Error::Input(
            Fault::new(format!(
                "{} samples from {} chains, one every {} steps",
                settings.samples, settings.chains, settings.every
            ))
            .at("sample")
            .expected(format!(
                "at least one of each, at most {MAX_CHAINS} chains and 2^36 bits of samples, and fewer than 2^32 Gibbs \
                 steps of a chain"
            )),
        ));
    }
    Ok(times)
}

/// Most chains, all of which live in memory.
pub const MAX_CHAINS: usize = 1 << 24;
/// Most samples times units: 8 GiB packed.
pub const MAX_BITS: u64 = 1 << 36;
