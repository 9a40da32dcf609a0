//! The likelihood stage: ln Z from below and exactly, log-likelihoods, their ceiling, the divergence from the source.

use std::collections::BTreeMap;

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::likelihood::{
    Ceiling, Evidence, Judgement, MAX_ENUMERATED, distinct_rows, exact_log_z, judge, log_likelihood, log_weights,
    mean_of_rows, over_independent, plug_in_entropy, verdict, worse_than_independent,
};
use crate::numerics::log_sum_exp;
use crate::rbm::Rbm;
use crate::record::{Estimate, ExactObservables, LikelihoodRecord, StatesRecord};

use super::Source;
use super::log_z::log_z;
pub use crate::settings::{Enumerate, Ladder, LikelihoodPlan, Reverse};

/// Highest log-likelihood: −S of the source where it is known, which is a bound in the mean over fresh rows, else −(plug-in
/// entropy) of the rows, which is one on these.
#[must_use]
pub fn ceiling_of(rows: &BitMatrix, exact: Option<&ExactObservables>) -> Option<(f64, &'static str)> {
    match exact {
        Some(exact) => Some((-exact.entropy, LikelihoodRecord::ENTROPY_OF_SOURCE)),
        None if rows.rows() > 0 => Some((-plug_in_entropy(rows), LikelihoodRecord::ENTROPY_OF_ROWS)),
        None => None,
    }
}

/// Evaluates `rbm` on named sets of rows. The first set is judged against its plug-in entropy; [`HELD_OUT`], where it is
/// there, against the entropy of the source, and the divergence is taken from it.
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
    let rows: Vec<&BitMatrix> = sets.iter().map(|(_, rows)| *rows).collect();
    let found = log_z(backend, plan, rbm, &params, base, &rows, listener)?;
    let exact = source.and_then(|s| s.exact.as_ref());
    let mut evidence = Evidence {
        log_z: found.log_z,
        forward_samples: found.forward.as_ref().map(|a| a.effective_sample_size),
        reverse_samples: found.reverse.as_ref().map(|a| a.effective_sample_size),
        reverse_trusted: found.reverse_trusted,
        rows_tried: found.interval.rows.is_some(),
        missed: found.missed,
        ..Evidence::default()
    };
    let ceiling = sets.first().and_then(|(_, rows)| ceiling_of(rows, exact));
    evidence.ceiling =
        ceiling.map(|(top, _)| if exact.is_some() { Ceiling::OfSource(top) } else { Ceiling::OfRows(top) });
    // Of what a machine was trained on it knows the chance fluctuations.
    let fresh = sets.iter().position(|(name, _)| *name == HELD_OUT).filter(|_| exact.is_some());
    evidence.maybe_trained_on = fresh.is_none();
    let (mut by_set, mut over_independents, mut worse) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for (index, (name, rows)) in sets.iter().enumerate() {
        let log_weights = log_weights(backend, &params, rows)?;
        let bounds = log_likelihood(mean_of_rows(&log_weights), &found.log_z);
        if index == fresh.unwrap_or(0) {
            evidence.log_likelihood = bounds.best();
        }
        if let Some(z) = found.log_z.best() {
            let over = over_independent(&log_weights, z, base, rows);
            worse.extend(worse_than_independent(name, over));
            over_independents.insert((*name).to_string(), over);
        }
        by_set.insert((*name).to_string(), bounds);
    }
    if let (Some((_, rows)), Some(z)) = (sets.first(), found.log_z.best()) {
        let log_weights = log_weights(backend, &params, &distinct_rows(rows))?;
        evidence.log_distinct = Some(Estimate::new(log_sum_exp(&log_weights) - z.value, z.error));
    }
    let Judgement { checks, mut warnings, trusted, bridged_trusted } = judge(&evidence);
    let mut interval = found.interval;
    interval.trusted = trusted;
    interval.verdict = verdict(&evidence, interval.trusted);
    warnings.append(&mut worse);
    for warning in &warnings {
        listener.event(Event::Warning(warning.clone()));
    }
    let kl = match (source, exact, found.log_z.best()) {
        (Some(source), Some(exact), Some(z)) => {
            let unseen =
                sets.iter().find(|(name, _)| *name == HELD_OUT).map_or(&source.data.samples, |(_, rows)| *rows);
            Some(divergence(backend, &params, unseen, source, exact, z)?)
        }
        _ => None,
    };
    let mut record = LikelihoodRecord {
        log_z: found.log_z,
        units: None,
        log_likelihood: by_set,
        over_independent: over_independents,
        effective_sample_size: evidence.forward_samples,
        log_weight_variance: found.forward.map(|a| a.log_weight_variance),
        ceiling: ceiling.map(|(top, _)| top),
        ceiling_kind: ceiling.map(|(_, kind)| kind.to_string()),
        kl,
        interval,
        checks,
        warnings,
    };
    if !bridged_trusted {
        record.drop_bridged_errors();
    }
    Ok(record)
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
    let found = mean_of_rows(&terms);
    Ok(Estimate::of_rows(found.value, log_z.error, found.error))
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
