//! The likelihood stage: ln Z from below and exactly, log-likelihoods, their ceiling, the divergence from the source.

use std::collections::BTreeMap;

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::likelihood::{
    Evidence, MAX_ENUMERATED, distinct_rows, exact_log_z, judge, log_likelihood, mean_log_weight, plug_in_entropy,
    verdict,
};
use crate::numerics::log_sum_exp;
use crate::rbm::Rbm;
use crate::record::{Estimate, ExactObservables, LikelihoodRecord, StatesRecord};

use super::Source;
use super::log_z::log_z;
pub use super::log_z::{Enumerate, Ladder, Reverse};

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq)]
pub struct LikelihoodPlan {
    /// AIS chains; 0 for no AIS.
    pub chains: usize,
    /// Inverse temperatures.
    pub ladder: Ladder,
    /// The estimate from above.
    pub reverse: Reverse,
    /// Earlier machines of the training, in their order: rungs of tempering in place of temperatures.
    pub trajectory: Vec<Rbm>,
    /// Enumeration.
    pub enumerate: Enumerate,
    /// Seed.
    pub seed: u64,
}

/// Highest log-likelihood any model can have: −S of the source where it is known, else −(plug-in entropy) of the rows.
#[must_use]
pub fn ceiling_of(rows: &BitMatrix, exact: Option<&ExactObservables>) -> Option<(f64, &'static str)> {
    match exact {
        Some(exact) => Some((-exact.entropy, "entropy of the Ising model")),
        None if rows.rows() > 0 => Some((-plug_in_entropy(rows), "plug-in entropy of the data")),
        None => None,
    }
}

/// Evaluates `rbm` on named sets of rows; the first set is the one judged against the ceiling, [`HELD_OUT`] the one that
/// the divergence is taken from, where it is there.
///
/// # Errors
/// [`crate::error::Error::Input`] when enumeration or exact samples are demanded and impossible, else as
/// [`crate::likelihood::anneal`].
pub fn likelihood<B: Backend>(
    backend: &B,
    plan: &LikelihoodPlan,
    rbm: &Rbm,
    base: &[f32],
    sets: &[(&str, &BitMatrix)],
    source: Option<&Source>,
    listener: &mut dyn Listener,
) -> Result<LikelihoodRecord> {
    let params = backend.upload_params(rbm, None)?;
    let found = log_z(backend, plan, rbm, &params, base, listener)?;
    let exact = source.and_then(|s| s.exact.as_ref());
    let mut evidence = Evidence {
        log_z: found.log_z,
        forward_samples: found.forward.as_ref().map(|a| a.effective_sample_size),
        reverse_samples: found.reverse.as_ref().map(|a| a.effective_sample_size),
        reverse_trusted: found.reverse_trusted,
        ..Evidence::default()
    };
    let mut by_set = BTreeMap::new();
    for (name, rows) in sets {
        let mean = mean_log_weight(backend, &params, rows)?;
        let bounds = log_likelihood(mean.value, &found.log_z);
        if evidence.log_likelihood.is_none() {
            evidence.log_likelihood = bounds.best();
            // The entropy of the source bounds the expectation; on a finite set the mean scatters about it.
            evidence.sampling_error = if exact.is_some() { mean.error } else { 0.0 };
        }
        by_set.insert((*name).to_string(), bounds);
    }
    let ceiling = sets.first().and_then(|(_, rows)| ceiling_of(rows, exact));
    evidence.ceiling = ceiling.map(|(top, _)| top);
    if let (Some((_, rows)), Some(z)) = (sets.first(), found.log_z.best()) {
        let states = backend.upload_states(&distinct_rows(rows))?;
        let log_weights: Vec<f64> = backend.read_free_energies(&params, &states)?.iter().map(|f| -f).collect();
        evidence.log_distinct = Some(Estimate::new(log_sum_exp(&log_weights) - z.value, z.error));
    }
    let (checks, warnings) = judge(&evidence);
    for warning in &warnings {
        listener.event(Event::Warning(warning.clone()));
    }
    let mut interval = found.interval;
    interval.trusted = warnings.is_empty();
    interval.verdict = verdict(&evidence, interval.trusted);
    let kl = match (source, exact, found.log_z.best()) {
        (Some(source), Some(exact), Some(z)) => {
            let unseen =
                sets.iter().find(|(name, _)| *name == HELD_OUT).map_or(&source.data.samples, |(_, rows)| *rows);
            Some(divergence(backend, &params, unseen, source, exact, z)?)
        }
        _ => None,
    };
    Ok(LikelihoodRecord {
        log_z: found.log_z,
        units: None,
        log_likelihood: by_set,
        effective_sample_size: evidence.forward_samples,
        log_weight_variance: found.forward.map(|a| a.log_weight_variance),
        ceiling: evidence.ceiling,
        ceiling_kind: ceiling.map(|(_, kind)| kind.to_string()),
        kl,
        interval,
        checks,
        warnings,
    })
}

/// Name of the set of rows that the machine was not trained on.
pub const HELD_OUT: &str = "held_out";

/// Rows used for the divergence.
const DIVERGENCE_ROWS: usize = 20_000;

/// KL(q‖p) = mean over samples of ln q(v) − ln p(v), q the Ising model: the two logarithms fluctuate together, so this
/// has a far smaller error than −S − LL. Rows that the machine was trained on would give too little: it knows their
/// chance fluctuations.
fn divergence<B: Backend>(
    backend: &B,
    params: &B::Params,
    unseen: &BitMatrix,
    source: &Source,
    exact: &ExactObservables,
    log_z: Estimate,
) -> Result<Estimate> {
    let (Some(lattice), Some(temperature)) = (source.data.lattice, source.data.temperature) else {
        return Err(Error::input("exact observables without lattice and temperature"));
    };
    let rows = unseen.slice_rows(0..unseen.rows().min(DIVERGENCE_ROWS));
    let states = backend.upload_states(&rows)?;
    let energies = backend.read_free_energies(params, &states)?;
    let bonds = lattice.bonds();
    let terms: Vec<f64> = energies
        .iter()
        .enumerate()
        .map(|(r, f)| {
            let unequal = bonds.iter().filter(|&&(a, b)| rows.get(r, a) != rows.get(r, b)).count() as f64;
            let log_q = (bonds.len() as f64 - 2.0 * unequal) / temperature - exact.log_z;
            log_q + f + log_z.value
        })
        .collect();
    let n = terms.len() as f64;
    let mean = terms.iter().sum::<f64>() / n;
    let variance = terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    Ok(Estimate::new(mean, (variance / n).sqrt().hypot(log_z.error)))
}

/// Most visible units for which all probabilities are listed.
pub const MAX_LISTED: usize = 12;

/// p of every state from model and source, where there are at most [`MAX_LISTED`] visible units and ln Z is known.
///
/// # Errors
/// Device failures.
pub fn states<B: Backend>(backend: &B, rbm: &Rbm, source: &Source) -> Result<Option<StatesRecord>> {
    let n = rbm.n_visible;
    let (Some(lattice), Some(temperature), Some(exact)) = (source.data.lattice, source.data.temperature, &source.exact)
    else {
        return Ok(None);
    };
    let Some(log_z) = exact_log_z(rbm, MAX_ENUMERATED).filter(|_| n <= MAX_LISTED) else {
        return Ok(None);
    };
    let all = BitMatrix::from_fn(1 << n, n, |state, j| state >> j & 1 == 1);
    let params = backend.upload_params(rbm, None)?;
    let energies = backend.read_free_energies(&params, &backend.upload_states(&all)?)?;
    let learned: Vec<f64> = energies.iter().map(|f| (-f - log_z).exp()).collect();
    let bonds = lattice.bonds();
    let truth: Vec<f64> = (0..1usize << n)
        .map(|state| {
            let unequal = bonds.iter().filter(|&&(a, b)| (state >> a ^ state >> b) & 1 == 1).count() as f64;
            ((bonds.len() as f64 - 2.0 * unequal) / temperature - exact.log_z).exp()
        })
        .collect();
    let kl = truth.iter().zip(&learned).map(|(q, p)| q * (q / p).ln()).sum();
    Ok(Some(StatesRecord { units: n, truth, learned, kl }))
}
