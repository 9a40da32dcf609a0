//! Sampling with tempering, and what a reader must know of the chains: exchanges, autocorrelation, effective samples.

use super::agreement::{Agreement, Chains, compare};
use super::moves::Moves;
use super::placement::place_evenly;
use super::tempering::{Exchanges, Rungs, Tempering, TemperingState};
use super::{Settings, check, initial};
use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::lattice::Lattice;
use crate::rbm::Rbm;
use crate::rng::derive_seed;
use crate::stats::{Autocorrelation, autocorrelation};

/// Samples and the behaviour of their chains.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// `[samples, n_visible]`: row t · chains + r is chain r at time t.
    pub samples: BitMatrix,
    /// Chains.
    pub chains: usize,
    /// Exchanges after thermalisation; None without rungs.
    pub exchanges: Option<Exchanges>,
    /// β of the rungs after thermalisation, where they are temperatures.
    pub betas: Vec<f64>,
    /// Of F(v), in samples of a chain.
    pub free_energy: Autocorrelation,
    /// Of the number of units that are on, in samples of a chain.
    pub ones: Autocorrelation,
    /// Whether the chains agree.
    pub agreement: Agreement,
}

/// Gibbs steps of a round, which ends with flips and exchanges.
const STEPS: u32 = 5;
/// Rounds of thermalisation between two placements of temperatures.
const ADAPT: u32 = 20;

/// Draws samples as [`super::sample`] does, on a ladder of rungs and with translations of a lattice. While the chains
/// thermalise, temperatures move to where all neighbours exchange equally often.
///
/// # Errors
/// As [`super::sample`].
pub fn sample_tempered<B: Backend>(
    backend: &B,
    rbm: &Rbm,
    settings: &Settings,
    rungs: &Rungs,
    translations: Option<Lattice>,
    start: Option<&BitMatrix>,
    listener: &mut dyn Listener,
) -> Result<Sampled> {
    let times = check(rbm.n_visible, settings)?;
    let chains = settings.chains.min(settings.samples);
    let seed = derive_seed(settings.seed, "sample");
    let moves = Moves { flip: settings.flip, translations };
    let state = TemperingState::new(rungs.count(), &initial(rbm, chains, seed, start));
    let params = backend.upload_params(rbm, None)?;
    let mut ladder = Tempering::new(backend, &params, rungs, &state, moves, seed)?;
    // Where nothing happens at the end of a round, one is as long as it may be.
    let most = if *rungs == Rungs::None && moves == Moves::NONE { u32::MAX } else { STEPS };
    let (mut rounds, mut done) = (0, 0);
    let total = u64::from(settings.thermalise) + times as u64 * u64::from(settings.every);
    let mut run = |ladder: &mut Tempering<'_, B>, count: u32, adapts: bool| -> Result<()> {
        let mut left = count;
        while left > 0 {
            if let Some(signal) = listener.stop_requested() {
                return Err(Error::Stopped(signal));
            }
            let steps = left.min(most);
            ladder.round(&params, steps)?;
            left -= steps;
            rounds += 1;
            done += u64::from(steps);
            listener.event(Event::Progress { stage: "sample", done, total, note: String::new() });
            if adapts && ladder.betas().len() > 2 && rounds % ADAPT == 0 {
                ladder.settle(&mut |_, _| {})?;
                ladder.set_betas(place_evenly(ladder.betas(), &ladder.recent()))?;
            }
        }
        ladder.settle(&mut |_, _| {})
    };
    // Whole rounds, so that a look changes nothing.
    let first_look = settings.thermalise / 4 / STEPS * STEPS;
    run(&mut ladder, first_look, true)?;
    let look = |ladder: &Tempering<'_, B>| -> Result<(BitMatrix, Vec<f64>)> {
        Ok((ladder.samples()?, backend.read_free_energies(&params, ladder.last())?))
    };
    let mut early = (first_look > 0).then(|| look(&ladder)).transpose()?;
    run(&mut ladder, settings.thermalise - first_look, true)?;
    ladder.count_anew();
    let mut samples = BitMatrix::zeros(0, rbm.n_visible);
    let (mut energies, mut ones) = (Vec::new(), Vec::new());
    for _ in 0..times {
        run(&mut ladder, settings.every, false)?;
        let (rows, energy) = look(&ladder)?;
        ones.push((0..chains).map(|r| f64::from(rows.row_count(r))).collect::<Vec<_>>());
        samples.append(&rows);
        // Without thermalisation the first samples are the first look.
        early.get_or_insert_with(|| (rows, energy.clone()));
        energies.push(energy);
    }
    let exchanges = Some(ladder.exchanges()).filter(|e| !e.acceptance.is_empty());
    let free_energy = autocorrelation(&by_chain(&energies), chains);
    let ones = autocorrelation(&by_chain(&ones), chains);
    let early = early.as_ref().map_or_else(|| Err(Error::input("no samples")), Ok)?;
    let seen = Chains {
        rbm,
        early: (&early.0, &early.1),
        samples: (&samples, &energies),
        before: if first_look > 0 { u64::from(settings.thermalise - first_look + settings.every) } else { 0 },
        every: settings.every.into(),
        in_all: total,
    };
    let agreement = compare(&seen, &free_energy, &ones);
    Ok(Sampled {
        samples: samples.slice_rows(0..settings.samples),
        chains,
        exchanges,
        betas: ladder.betas().to_vec(),
        free_energy,
        ones,
        agreement,
    })
}

/// `[times][chains]` as `[chains, times]`.
fn by_chain(series: &[Vec<f64>]) -> Vec<f64> {
    let chains = series.first().map_or(0, Vec::len);
    (0..chains).flat_map(|r| series.iter().map(move |time| time[r])).collect()
}
