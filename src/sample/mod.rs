//! Samples of a trained machine from parallel Gibbs chains.

mod moves;
mod placement;
mod sampling;
mod tempering;

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
/// Chains start at `start`, row by row and again from the top, or from independent units with the visible biases.
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

/// Chains at the start: rows of `start`, again from the top where there are few, or independent units.
fn initial(rbm: &Rbm, chains: usize, seed: u64, start: Option<&BitMatrix>) -> BitMatrix {
    match start {
        Some(rows) => rows.select_rows(&(0..chains).map(|r| r % rows.rows()).collect::<Vec<_>>()),
        None => independent(rbm, seed, 0, chains),
    }
}

/// Checks settings before anything is allocated; returns how many times every chain is read.
fn check(rbm: &Rbm, settings: &Settings) -> Result<usize> {
    let times = settings.samples.div_ceil(settings.chains.max(1));
    let steps = (times as u64).saturating_mul(settings.every.into()).saturating_add(settings.thermalise.into());
    let bits = (settings.samples as u64).checked_mul(rbm.n_visible as u64);
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
const MAX_CHAINS: usize = 1 << 24;
/// Most samples times units: 8 GiB packed.
const MAX_BITS: u64 = 1 << 36;
