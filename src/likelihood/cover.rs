//! ln Z over parts that cover the rows: where rows begin in modes that annealing from one base leaves out, each such mode
//! is annealed from the means of its own rows.
//!
//! Rows beyond the threshold of one base are the first members of the next part. Its reverse chains begin at them and at
//! other rows that lie near them, its base are the means of all these; those that lie beyond its own threshold make one
//! more part, until all rows are reached. Modes in which no row lies stay unknown.

use super::ais::{AnnealSettings, anneal_to_ends, base_bias, log_z0};
use super::ladder::Length;
use super::modes::threshold;
use super::parts::{Centre, Part, Sided, nearest, smoothed_means, sum};
use super::reverse::reverse_weights;
use crate::backend::{Address, Backend};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::events::Listener;
use crate::rbm::Rbm;
use crate::rng::derive_seed;

/// Gibbs steps that rows take before they are samples of their mode.
const RELAXING: u32 = 20;
/// Share of a part's chains that may lie beyond its own threshold.
const STRAYS: f64 = 0.05;
/// Parts, the first one included.
const MOST_PARTS: usize = 8;
/// Chains of a part, forward and reverse.
const CHAINS: usize = 400;

/// What was annealed from the first base.
#[derive(Debug, Clone, Copy)]
pub struct Annealed<'a> {
    /// Log-weights of forward chains.
    pub forward: &'a [f64],
    /// Where they ended.
    pub ends: &'a BitMatrix,
    /// Where reverse chains began: samples of the machine first, then rows.
    pub starts: &'a BitMatrix,
    /// Log-weights of reverse chains.
    pub reverse: &'a [f64],
    /// Reverse chains that began at samples of the machine.
    pub chains: usize,
}

/// Rows after a few Gibbs steps of the machine, which take them into the mode that they lie at.
///
/// # Errors
/// Device failures.
pub fn relaxed<B: Backend>(backend: &B, params: &B::Params, rows: &BitMatrix, seed: u64) -> Result<BitMatrix> {
    let mut states = backend.upload_states(rows)?;
    backend.gibbs(params, &mut states, Address::new(derive_seed(seed, "rows")), 0..RELAXING);
    backend.read_states(&states)
}

/// At most `count` of the rows of all sets, evenly spaced.
#[must_use]
pub fn spaced(sets: &[&BitMatrix], count: usize) -> Option<BitMatrix> {
    let total: usize = sets.iter().map(|rows| rows.rows()).sum();
    let count = count.min(total);
    let mut chosen = BitMatrix::zeros(0, sets.first().filter(|_| count > 0)?.cols());
    let mut before = 0;
    for rows in sets {
        let here = before..before + rows.rows();
        let places = (0..count).map(|k| k * total / count).filter(|place| here.contains(place));
        chosen.append(&rows.select_rows(&places.map(|place| place - before).collect::<Vec<_>>()));
        before = here.end;
    }
    Some(chosen)
}

/// Chains from one base.
struct Run {
    log_z0: f64,
    forward: Vec<f64>,
    ends: BitMatrix,
    starts: BitMatrix,
    reverse: Vec<f64>,
}

impl Run {
    /// What of it belongs to the `k`-th of all parts.
    fn part(&self, k: usize, centres: &[Centre]) -> Part {
        let of = |weights: &[f64], states: &BitMatrix| -> Vec<f64> {
            weights.iter().enumerate().filter(|(r, _)| nearest(centres, states, *r) == k).map(|(_, w)| *w).collect()
        };
        Part {
            log_z0: self.log_z0,
            chains: self.forward.len(),
            forward: of(&self.forward, &self.ends),
            reverse: of(&self.reverse, &self.starts),
        }
    }
}

/// ln Z of every part and over all, or None where rows remain that no base comes to. `rows` are those to begin at,
/// `settings` those of the annealing from the first base, `base`; with `adaptive` each part has a ladder of its own.
///
/// # Errors
/// [`crate::Error::Stopped`] on a signal, device failures.
#[expect(clippy::too_many_arguments, reason = "a machine on its device, and what was annealed on it")]
pub fn cover<B: Backend>(
    backend: &B,
    rbm: &Rbm,
    params: &B::Params,
    base: &[f32],
    first: Annealed<'_>,
    rows: &BitMatrix,
    settings: &AnnealSettings,
    adaptive: bool,
    listener: &mut dyn Listener,
) -> Result<Option<(Vec<Sided>, Sided)>> {
    let (beyond, within) = split(first.forward, first.reverse);
    let samples: Vec<usize> = within.into_iter().filter(|&r| r < first.chains).collect();
    if samples.is_empty() {
        return Ok(None);
    }
    let mut pool = first.starts.select_rows(&beyond);
    let mut centres = vec![Centre::of(&first.starts.select_rows(&samples))];
    let mut runs = vec![Run {
        log_z0: log_z0(base, rbm.n_hidden),
        forward: first.forward.to_vec(),
        ends: first.ends.clone(),
        starts: first.starts.slice_rows(0..first.chains),
        reverse: first.reverse[..first.chains].to_vec(),
    }];
    while pool.rows() > 0 {
        let k = runs.len();
        if k == MOST_PARTS {
            return Ok(None);
        }
        let seed = derive_seed(settings.seed, &format!("part {k}"));
        centres.push(Centre::of(&pool));
        let starts = starts(backend, params, &pool, rows, &centres, seed)?;
        let base = base_bias(&smoothed_means(&starts));
        let betas = if adaptive {
            Length::measure(backend, params, &base, seed)?.ladder(settings.betas.len() - 1)
        } else {
            settings.betas.clone()
        };
        let settings = AnnealSettings { chains: settings.chains.min(CHAINS), betas, seed };
        let (forward, ends) = anneal_to_ends(backend, rbm, params, &base, &settings, listener)?;
        let settings = AnnealSettings { chains: starts.rows(), ..settings };
        let reverse = reverse_weights(backend, params, &base, &settings, &starts, listener)?;
        let (beyond, within) = split(&forward.log_weights, &reverse);
        if within.is_empty() {
            return Ok(None);
        }
        let strays = beyond.len() as f64 > STRAYS * starts.rows() as f64;
        centres[k] = Centre::of(&starts.select_rows(&within));
        pool = starts.select_rows(if strays { &beyond } else { &[] });
        runs.push(Run { log_z0: log_z0(&base, rbm.n_hidden), forward: forward.log_weights, ends, starts, reverse });
    }
    let parts = runs.iter().enumerate().map(|(k, run)| run.part(k, &centres).estimate());
    let parts: Option<Vec<Sided>> = parts.collect();
    Ok(parts.map(|parts| {
        let all = sum(&parts);
        (parts, all)
    }))
}

/// Reverse chains beyond the threshold of the forward ones, and the others.
fn split(forward: &[f64], reverse: &[f64]) -> (Vec<usize>, Vec<usize>) {
    let threshold = threshold(forward);
    (0..reverse.len()).partition(|&r| -reverse[r] > threshold)
}

/// The pool, and rows that lie nearest to its centre, the last one.
fn starts<B: Backend>(
    backend: &B,
    params: &B::Params,
    pool: &BitMatrix,
    rows: &BitMatrix,
    centres: &[Centre],
    seed: u64,
) -> Result<BitMatrix> {
    let last = centres.len() - 1;
    let mut starts = pool.slice_rows(0..pool.rows().min(CHAINS));
    let near: Vec<usize> =
        (0..rows.rows()).filter(|&r| nearest(centres, rows, r) == last).take(CHAINS - starts.rows()).collect();
    if !near.is_empty() {
        starts.append(&relaxed(backend, params, &rows.select_rows(&near), seed)?);
    }
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_evenly_from_all_sets() {
        let rows = |first: usize, count: usize| BitMatrix::from_fn(count, 8, |r, j| (first + r) >> j & 1 == 1);
        let sets = [&rows(0, 60), &rows(60, 0), &rows(60, 40)];
        assert_eq!(spaced(&sets, 10), Some(BitMatrix::from_fn(10, 8, |r, j| (10 * r) >> j & 1 == 1)));
        assert_eq!(spaced(&sets, 1000), Some(rows(0, 100)));
        assert_eq!((spaced(&[], 5), spaced(&[&rows(0, 0)], 5)), (None, None));
    }
}
