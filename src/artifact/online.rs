//! The likelihood on the way of a training, as a part of its checkpoint; numbers in f64 as their bits, so that a training
//! goes on to the same bits.

use serde::{Deserialize, Serialize};

use crate::bits::BitMatrix;
use crate::data::tensors::{File, Tensor, rbm_of, validate};
use crate::error::{Error, Fault};
use crate::train::{GROUPS, OnlineState};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Counters {
    chains: usize,
    next: u64,
    looks: u32,
    /// Bits of α.
    pace: u64,
}

const GUIDE: [&str; 3] = ["guide_weights", "guide_visible_bias", "guide_hidden_bias"];
const CHAINS: &str = "online_chains";
/// Low and high words of every log-weight and every energy, `[2, chains, 2]`.
const NUMBERS: &str = "online_numbers";

pub(super) fn counters(online: &OnlineState) -> Counters {
    let OnlineState { next, looks, pace, .. } = *online;
    Counters { chains: online.chains.rows(), next, looks, pace: pace.to_bits() }
}

pub(super) fn tensors(online: &OnlineState) -> [Tensor<'_>; 5] {
    let (guide, chains) = (&online.guide, &online.chains);
    let words: Vec<u32> = online
        .log_weights
        .iter()
        .chain(&online.energies)
        .flat_map(|x| [x.to_bits() as u32, (x.to_bits() >> 32) as u32])
        .collect();
    [
        Tensor::f32(GUIDE[0], &[guide.n_visible, guide.n_hidden], &guide.weights),
        Tensor::f32(GUIDE[1], &[guide.n_visible], &guide.visible_bias),
        Tensor::f32(GUIDE[2], &[guide.n_hidden], &guide.hidden_bias),
        Tensor::u32(CHAINS, &[chains.rows(), chains.words_per_row()], chains.words()),
        Tensor::u32(NUMBERS, &[2, chains.rows(), 2], &words).into_owned(),
    ]
}

/// Reads it back; `shape` is that of the machine, [n_visible, n_hidden].
pub(super) fn decode(
    file: &File<'_>,
    counters: &Counters,
    shape: (usize, usize),
    source: &str,
) -> Result<OnlineState, Fault> {
    let Counters { chains: n, next, looks, pace } = *counters;
    let guide = rbm_of(file, GUIDE, source)?;
    validate(&guide, source)?;
    let ((of_chains, words), (of_numbers, bits)) = (file.u32(CHAINS, source)?, file.u32(NUMBERS, source)?);
    let fits = (guide.n_visible, guide.n_hidden) == shape && of_chains == [n, shape.0.div_ceil(32)];
    if !fits || n == 0 || !n.is_multiple_of(GROUPS) || of_numbers != [2, n, 2] {
        return Err(Fault::new(format!(
            "chains of shape {of_chains:?} that follow the training, numbers {of_numbers:?}"
        ))
        .at(source)
        .expected(format!("chains of {} units in {GROUPS} groups, and a machine like that in training", shape.0)));
    }
    let chains = BitMatrix::from_words(n, shape.0, words).map_err(|e| match e {
        Error::Input(fault) => fault.at(source),
        other => Fault::new(other.to_string()).at(source),
    })?;
    let number = |pair: &[u32]| f64::from_bits(u64::from(pair[0]) | u64::from(pair[1]) << 32);
    let mut log_weights: Vec<f64> = bits.chunks_exact(2).map(number).collect();
    let energies = log_weights.split_off(n);
    Ok(OnlineState { guide, chains, log_weights, energies, pace: f64::from_bits(pace), next, looks })
}
