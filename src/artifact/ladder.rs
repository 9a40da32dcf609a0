//! The ladder of a training with tempered chains, as a part of its checkpoint.
//!
//! Chains of all rungs are one tensor, machines of the lower rungs three; numbers stand in the metadata, those in f64 as
//! their bits, so that a training goes on to the same bits.

use serde::{Deserialize, Serialize};

use crate::bits::BitMatrix;
use crate::data::tensors::{File, Tensor};
use crate::error::{Error, Fault};
use crate::rbm::Rbm;
use crate::sample::{Count, TemperingState};
use crate::train::LadderState;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Counters {
    rungs: usize,
    chains: usize,
    units: usize,
    machines: usize,
    /// Whether one more machine follows: the candidate.
    #[serde(default)]
    candidate: bool,
    step: u32,
    round: u64,
    rounds: u64,
    arrivals: u64,
    /// Bits of β.
    betas: Vec<u64>,
    /// By pair: tried, bits of the sum of probabilities, bits of the recent mean.
    counts: Vec<[u64; 3]>,
}

const STATES: &str = "ladder_chains";
const FRESH: &str = "ladder_fresh";
const MACHINES: [&str; 3] = ["ladder_weights", "ladder_visible_bias", "ladder_hidden_bias"];

pub(super) fn counters(ladder: &LadderState) -> Counters {
    let t = &ladder.tempering;
    Counters {
        rungs: t.states.len(),
        chains: t.fresh.cols(),
        units: t.states.first().map_or(0, BitMatrix::cols),
        machines: ladder.machines.len(),
        candidate: ladder.candidate.is_some(),
        step: t.step,
        round: t.round,
        rounds: t.rounds,
        arrivals: t.arrivals,
        betas: ladder.betas.iter().map(|b| b.to_bits()).collect(),
        counts: t.counts.iter().map(|c| [c.tried, c.probability.to_bits(), c.recent.to_bits()]).collect(),
    }
}

pub(super) fn tensors(ladder: &LadderState) -> Vec<Tensor<'_>> {
    let t = &ladder.tempering;
    let words: Vec<u32> = t.states.iter().flat_map(|s| s.words().iter().copied()).collect();
    let shape = [t.states.len(), t.fresh.cols(), t.states.first().map_or(0, BitMatrix::words_per_row)];
    let mut tensors = vec![
        Tensor::u32(STATES, &shape, &words).into_owned(),
        Tensor::u32(FRESH, &[t.fresh.rows(), t.fresh.words_per_row()], t.fresh.words()),
    ];
    let machines: Vec<&Rbm> = ladder.machines.iter().chain(&ladder.candidate).collect();
    if let Some(first) = machines.first() {
        let n = machines.len();
        let all = |of: fn(&Rbm) -> &[f32]| machines.iter().flat_map(|m| of(m).iter().copied()).collect::<Vec<_>>();
        tensors
            .push(Tensor::f32(MACHINES[0], &[n, first.n_visible, first.n_hidden], &all(|m| &m.weights)).into_owned());
        tensors.push(Tensor::f32(MACHINES[1], &[n, first.n_visible], &all(|m| &m.visible_bias)).into_owned());
        tensors.push(Tensor::f32(MACHINES[2], &[n, first.n_hidden], &all(|m| &m.hidden_bias)).into_owned());
    }
    tensors
}

/// Reads it back; `shape` is that of the machine, [n_visible, n_hidden].
pub(super) fn decode(
    file: &File<'_>,
    counters: &Counters,
    shape: (usize, usize),
    source: &str,
) -> Result<LadderState, Fault> {
    let Counters { rungs, chains, units, machines: n, .. } = *counters;
    let (n_visible, n_hidden) = shape;
    let damaged = || {
        Fault::new(format!("a ladder of {rungs} rungs with {n} machines and {} counts", counters.counts.len()))
            .at(source)
            .expected(format!("chains and machines of {n_visible} visible and {n_hidden} hidden units, a count a pair"))
    };
    let by_temperature = n == 0 && counters.betas.len() == rungs;
    let by_trajectory = counters.betas.is_empty() && n + 1 == rungs;
    if !(by_temperature || by_trajectory) || rungs < 2 || counters.counts.len() + 1 != rungs || units != n_visible {
        return Err(damaged());
    }
    let inner = |e| match e {
        Error::Input(fault) => fault.at(source),
        other => Fault::new(other.to_string()).at(source),
    };
    let (found, words) = file.u32(STATES, source)?;
    if found != [rungs, chains, units.div_ceil(32)] || chains == 0 {
        return Err(damaged());
    }
    let states = words
        .chunks(chains * units.div_ceil(32))
        .map(|words| BitMatrix::from_words(chains, units, words.to_vec()).map_err(inner))
        .collect::<Result<_, _>>()?;
    let (found, words) = file.u32(FRESH, source)?;
    if found != [rungs, chains.div_ceil(32)] {
        return Err(damaged());
    }
    let fresh = BitMatrix::from_words(rungs, chains, words).map_err(inner)?;
    let mut machines = Vec::new();
    let n = n + usize::from(counters.candidate);
    if n > 0 {
        let weights = file.f32_of(MACHINES[0], &[n, n_visible, n_hidden], source)?;
        let visible = file.f32_of(MACHINES[1], &[n, n_visible], source)?;
        let hidden = file.f32_of(MACHINES[2], &[n, n_hidden], source)?;
        for k in 0..n {
            let part = |values: &[f32], size: usize| values[k * size..(k + 1) * size].to_vec();
            let (weights, visible_bias) = (part(&weights, n_visible * n_hidden), part(&visible, n_visible));
            let rbm = Rbm { n_visible, n_hidden, weights, visible_bias, hidden_bias: part(&hidden, n_hidden) };
            rbm.validate().map_err(inner)?;
            machines.push(rbm);
        }
    }
    let candidate = if counters.candidate { machines.pop() } else { None };
    let count = |&[tried, probability, recent]: &[u64; 3]| Count {
        tried,
        probability: f64::from_bits(probability),
        recent: f64::from_bits(recent),
    };
    Ok(LadderState {
        tempering: TemperingState {
            states,
            fresh,
            step: counters.step,
            round: counters.round,
            counts: counters.counts.iter().map(count).collect(),
            rounds: counters.rounds,
            arrivals: counters.arrivals,
        },
        betas: counters.betas.iter().map(|&b| f64::from_bits(b)).collect(),
        machines,
        candidate,
    })
}
