//! Samples of a machine too large to enumerate, from chains that are tempered until they forget where they began.
//!
//! The lowest rung is the base, drawn anew each round, so that a chain that comes from it to the machine brings a state that
//! owes nothing to the start: chains count as equilibrated once each has come three times in the mean. Rungs in between are
//! temperatures at equal thermodynamic lengths, about one standard deviation of the log-weights apart, where half of the
//! exchanges are accepted ([`by_temperature`]), or earlier machines of the training ([`by_trajectory`]). The rungs passed on
//! the way give ln Z once more, by Bennett's ratio between neighbours.

use super::bridge::bridge_rungs;
use super::ladder::Length;
use crate::backend::{Backend, Exchanged};
use crate::bits::BitMatrix;
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::rbm::Rbm;
use crate::record::Estimate;
use crate::rng::derive_seed;
use crate::sample::{Exchanges, Hear, Moves, Rungs, Tempering, TemperingState, tempered};

/// Samples from tempering and what is known about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Equilibrated {
    /// `[chains, n_visible]`; rows are independent of each other.
    pub samples: BitMatrix,
    /// Rungs, base and machine included.
    pub rungs: usize,
    /// Exchanges of the measured rounds.
    pub exchanges: Exchanges,
    /// Ways from the base to the machine a chain, thermalisation included.
    pub arrivals_per_chain: f64,
    /// Whether chains came often enough from the base.
    pub trusted: bool,
    /// ln Z − ln Z0 by bridging between the rungs.
    pub log_ratio: Option<Estimate>,
}

/// How much tempering may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Chains of every rung.
    pub chains: usize,
    /// Gibbs steps of all rungs together, of all chains at once.
    pub steps: u64,
    /// Seed.
    pub seed: u64,
}

/// Gibbs steps between exchanges.
const STEPS: u32 = 5;
/// Ways from the base to the machine, a chain in the mean, before anything is measured.
pub const ARRIVALS: f64 = 3.0;
/// Rounds that are made whatever they cost, if so many are needed.
const LEAST_ROUNDS: u64 = 100;
/// Rounds of which log-weights are kept, for each of both sets of pairs.
const BRIDGED: usize = 40;

/// Temperatures from the base to the machine itself.
#[must_use]
pub fn by_temperature(base: &[f32], length: &Length) -> Rungs {
    Rungs::Temperatures { betas: length.ladder(length.rungs() - 1), base: base.to_vec() }
}

/// The base of `rbm` and earlier machines in their order.
#[must_use]
pub fn by_trajectory(rbm: &Rbm, base: &[f32], earlier: &[Rbm]) -> Rungs {
    let first = tempered(rbm, base, 0.0);
    Rungs::Machines(std::iter::once(first).chain(earlier.iter().cloned()).collect())
}

/// Tempers chains of the machine of `params`, which has as many visible units as `base`, on a ladder over that base until those of the last one are equilibrated and as long again, or until the
/// effort is spent.
///
/// # Errors
/// [`Error::Input`] for machines of different visible units, [`Error::Stopped`] on a signal, device failures.
pub fn equilibrate<B: Backend>(
    backend: &B,
    params: &B::Params,
    base: &[f32],
    rungs: &Rungs,
    effort: Effort,
    listener: &mut dyn Listener,
) -> Result<Equilibrated> {
    let start = BitMatrix::zeros(effort.chains, base.len());
    let moves = Moves { flip: true, translations: None };
    let state = TemperingState::new(rungs.count(), &start);
    let seed = derive_seed(effort.seed, "equilibrate");
    let mut chains = Tempering::new(backend, params, rungs, &state, moves, seed)?;
    let rungs = rungs.count();
    chains.climb(params, 2 * STEPS)?;
    let most = (effort.steps / (rungs as u64 * u64::from(STEPS))).max(LEAST_ROUNDS.min(20 * rungs as u64));
    let mut run = |chains: &mut Tempering<'_, B>, done: u64, before: f64, hear: Hear<'_>| -> Result<f64> {
        if let Some(signal) = listener.stop_requested() {
            return Err(Error::Stopped(signal));
        }
        chains.round(params, STEPS)?;
        chains.settle(hear)?;
        let arrivals = before + chains.exchanges().arrivals_per_chain;
        let note = format!("{rungs} rungs, {arrivals:.1} ways from the base a chain");
        listener.event(Event::Progress { stage: "tempering", done, total: most, note });
        Ok(arrivals)
    };
    let (mut rounds, mut thermal) = (0, 0.0);
    while rounds < most / 2 && thermal < ARRIVALS {
        rounds += 1;
        thermal = run(&mut chains, rounds, 0.0, &mut |_, _| {})?;
    }
    chains.count_anew();
    let mut pairs = vec![(Vec::new(), Vec::new()); rungs.saturating_sub(1)];
    let mut keep = |a: usize, exchanged: &[Exchanged]| {
        let (up, down): &mut (Vec<f64>, Vec<f64>) = &mut pairs[a];
        if up.len() < BRIDGED * exchanged.len() {
            up.extend(exchanged.iter().map(|exchanged| exchanged.up));
            down.extend(exchanged.iter().map(|exchanged| exchanged.down));
        }
    };
    for round in rounds + 1..=most.min((2 * rounds).max(rounds + 20)) {
        run(&mut chains, round, thermal, &mut keep)?;
    }
    let exchanges = chains.exchanges();
    Ok(Equilibrated {
        samples: chains.samples()?,
        rungs,
        arrivals_per_chain: thermal + exchanges.arrivals_per_chain,
        trusted: thermal >= ARRIVALS,
        log_ratio: bridge_rungs(&pairs, effort.chains),
        exchanges,
    })
}
