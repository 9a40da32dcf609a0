//! ln Z from below, from above, bridged and exactly, as far as a plan asks for it.

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::events::Listener;
use crate::likelihood::{
    Anneal, AnnealSettings, Annealed, Began, Comparison, Effort, Enumeration, Equilibrated, Length, MAX_ENUMERATED,
    MAX_ENUMERATED_ON_DEMAND, Missed, anneal_to_ends, bennett, by_temperature, by_trajectory, cover, equilibrate,
    linear_ladder, log_weights, log_z0, relaxed, reverse_summary, reverse_weights, seldom, spaced, unseen,
};
use crate::rbm::Rbm;
use crate::record::{Bounds, Estimate, IntervalRecord, RowsRecord, TemperingRecord};
use crate::settings::{Enumerate, Ladder, LikelihoodPlan, Reverse};

/// ln Z and what came with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) log_z: Bounds,
    pub(super) forward: Option<Anneal>,
    pub(super) reverse: Option<Anneal>,
    /// Without the verdict.
    pub(super) interval: IntervalRecord,
    pub(super) reverse_trusted: bool,
    /// Rows in modes that annealing from the base leaves out.
    pub(super) missed: Option<Missed>,
}

/// Units of the smaller side from which a GPU enumerates.
const WORTH_A_DEVICE: usize = 21;
/// Gibbs steps of tempering for each step of the annealing.
const TEMPERING_EFFORT: u64 = 6;
/// Most tempering chains of a rung.
pub(super) const TEMPERING_CHAINS: usize = 500;
/// Most reverse chains that begin at rows; at most half as many as chains are asked for.
const ROW_CHAINS: usize = 400;
/// Rows that more of them are taken from where a mode is missed.
const ROWS_LOOKED_AT: usize = 5000;

/// Part of the chains at rows that begin at those to which samples of the machine come most seldom, where there are more
/// rows than chains.
const SELDOM: usize = 4;

/// Reverse chains that begin at rows, where `chains` are asked for.
fn row_chains(chains: usize) -> usize {
    ROW_CHAINS.min(chains / 2)
}

/// Most chains that are annealed at once.
#[cfg(feature = "program")]
pub(super) fn annealed_at_once(chains: usize) -> usize {
    chains.max(chains.min(TEMPERING_CHAINS) + row_chains(chains))
}

/// ln Z as `plan` asks for it; some of the reverse chains begin at the rows of `sets`, where the others are tempered.
pub(super) fn log_z<B: Backend>(
    backend: &B,
    plan: &LikelihoodPlan,
    rbm: &Rbm,
    params: &B::Params,
    base: &[f32],
    sets: &[&BitMatrix],
    listener: &mut dyn Listener,
) -> Result<Found> {
    let mut found = Found::default();
    let (exact, enumeration) = enumerated(backend, plan, rbm, listener)?;
    found.log_z.exact = exact;
    if plan.chains == 0 {
        return Ok(found);
    }
    let tempers = plan.reverse == Reverse::Tempering || plan.reverse == Reverse::Auto && exact.is_none();
    let length = if tempers || matches!(plan.ladder, Ladder::Adaptive(_)) {
        Some(Length::measure(backend, params, base, plan.seed)?)
    } else {
        None
    };
    let betas = match (&plan.ladder, &length) {
        (Ladder::Adaptive(steps), Some(length)) => length.ladder(*steps),
        (ladder @ (Ladder::Linear(_) | Ladder::Adaptive(_)), _) => linear_ladder(ladder.steps()),
        (Ladder::Chosen(betas), _) => betas.clone(),
    };
    let settings = AnnealSettings { chains: plan.chains, betas, seed: plan.seed };
    let (mut forward, ends) = anneal_to_ends(backend, rbm, params, base, &settings, listener)?;
    found.log_z.forward = Some(forward.log_z);
    found.interval.low = Some(forward.log_z.value - forward.log_z.error);
    let start = match (plan.reverse, length, enumeration) {
        (Reverse::Off, ..) => None,
        (Reverse::Auto | Reverse::Tempering, Some(length), _) if tempers => {
            let chains = plan.chains.min(TEMPERING_CHAINS);
            let steps = plan.chains as u64 * settings.betas.len() as u64 * TEMPERING_EFFORT / chains as u64;
            let effort = Effort { chains, steps, seed: plan.seed };
            let rungs = match &plan.trajectory[..] {
                [] => by_temperature(base, &length),
                earlier => by_trajectory(rbm, base, earlier),
            };
            let tempered = equilibrate(backend, params, base, &rungs, effort, listener)?;
            found.interval.tempering = Some(record(&tempered, log_z0(base, rbm.n_hidden)));
            let along = if plan.trajectory.is_empty() { "" } else { " along the trajectory" };
            found.interval.reverse_start = Some(format!("tempering chains{along}"));
            found.reverse_trusted = tempered.trusted;
            Some(tempered.samples)
        }
        (_, _, Some(all)) => {
            found.interval.reverse_start = Some("exact samples".into());
            found.reverse_trusted = true;
            Some(all.samples(plan.chains, plan.seed))
        }
        (_, _, None) => return Err(too_large(rbm, MAX_ENUMERATED, "--reverse tempering works at any size")),
    };
    if let Some(mut start) = start {
        let (chains, log_z0) = (start.rows(), log_z0(base, rbm.n_hidden));
        let rows = spaced(sets, ROWS_LOOKED_AT).filter(|_| tempers);
        let mut chosen = 0;
        if let Some(rows) = &rows {
            let most = row_chains(plan.chains);
            chosen = if rows.rows() > most { most / SELDOM } else { 0 };
            if let Some(mut begin) = spaced(&[rows], most - chosen) {
                begin.append(&seldom(rows, &log_weights(backend, params, rows)?, &start, chosen));
                start.append(&relaxed(backend, params, &begin, plan.seed)?);
            }
        }
        let all = AnnealSettings { chains: start.rows(), ..settings.clone() };
        let weights = reverse_weights(backend, params, base, &all, &start, listener)?;
        let mut reverse = reverse_summary(weights[..chains].to_vec(), log_z0)?;
        found.log_z.reverse = Some(reverse.log_z);
        let bridged = bennett(&forward.log_weights, &reverse.log_weights);
        found.log_z.bridged = bridged.map(|b| Estimate::new(b.value + log_z0, b.error));
        if let Some(rows) = &rows {
            let (taken, far) = weights[chains..].split_at(weights.len() - chains - chosen);
            let began = Began { samples: &reverse.log_weights, rows: taken, seldom: far, looked_at: rows.rows() };
            let compared = Comparison::of(&forward.log_weights, &began);
            let one_path = unseen(&forward.log_weights, &began);
            let widened = |z: Estimate| Estimate { error: z.error.hypot(one_path), ..z };
            let mut parts = Vec::new();
            if compared.differs() || found.log_z.bridged.is_some_and(|z| one_path > z.error) {
                let first =
                    Annealed { forward: &forward.log_weights, ends: &ends, starts: &start, reverse: &weights, chains };
                let adaptive = matches!(plan.ladder, Ladder::Adaptive(_));
                let covered = cover(backend, rbm, params, base, first, rows, &settings, adaptive, listener)?;
                // Of both estimates the one that is known better, where the rows do not say that the first is wrong.
                let alone = found.log_z.bridged.map(widened);
                let better = |sum: Estimate| compared.differs() || alone.is_none_or(|z| sum.error < z.error);
                if let Some((each, sum)) = covered.filter(|(each, sum)| each.len() > 1 && better(sum.bridged)) {
                    let gain = alone.map_or(0.0, |alone| sum.bridged.value - alone.value);
                    found.missed = Some(Missed { compared, parts: each.len(), gain });
                    (forward.log_z, forward.effective_sample_size) = (sum.forward, sum.forward_samples);
                    (reverse.log_z, reverse.effective_sample_size) = (sum.reverse, sum.reverse_samples);
                    let [low, high, between] = [sum.forward, sum.reverse, sum.bridged].map(Some);
                    found.log_z = Bounds { forward: low, reverse: high, bridged: between, ..found.log_z };
                    parts = each.iter().map(|part| part.bridged).collect();
                } else if compared.differs() {
                    found.missed = Some(Missed { compared, parts: 0, gain: 0.0 });
                }
            }
            if parts.is_empty() {
                (forward.log_z, reverse.log_z) = (widened(forward.log_z), widened(reverse.log_z));
                let [low, high] = [forward.log_z, reverse.log_z].map(Some);
                let between = found.log_z.bridged.map(widened);
                found.log_z = Bounds { forward: low, reverse: high, bridged: between, ..found.log_z };
            }
            found.interval.rows = Some(rows_record(&compared, parts));
        }
        let high = reverse.log_z;
        let agreement = (high.value - forward.log_z.value) / high.error.hypot(forward.log_z.error);
        let both = [forward.log_z, high];
        found.interval.low = both.iter().map(|e| e.value - e.error).reduce(f64::min);
        found.interval.high = both.iter().map(|e| e.value + e.error).reduce(f64::max);
        found.interval.agreement = Some(agreement).filter(|a| a.is_finite());
        found.interval.reverse_effective_sample_size = Some(reverse.effective_sample_size);
        found.interval.reverse_log_weight_variance = Some(reverse.log_weight_variance);
        found.reverse = Some(reverse);
    }
    found.forward = Some(forward);
    Ok(found)
}

fn record(tempered: &Equilibrated, log_z0: f64) -> TemperingRecord {
    TemperingRecord {
        rungs: tempered.rungs,
        acceptance: tempered.exchanges.acceptance.clone(),
        arrivals_per_chain: tempered.arrivals_per_chain,
        equilibrated: tempered.trusted,
        log_z: tempered.log_ratio.map(|ratio| Estimate::new(log_z0 + ratio.value, ratio.error)),
    }
}

fn rows_record(compared: &Comparison, parts: Vec<Estimate>) -> RowsRecord {
    let Comparison { rows, rows_beyond, chains, chains_beyond, p, seldom, seldom_beyond } = *compared;
    RowsRecord { rows, rows_beyond, chains, chains_beyond, p, seldom, seldom_beyond, parts }
}

/// ln Z by enumeration, and the states it is the sum of.
fn enumerated<'a, B: Backend>(
    backend: &B,
    plan: &LikelihoodPlan,
    rbm: &'a Rbm,
    listener: &mut dyn Listener,
) -> Result<(Option<Estimate>, Option<Enumeration<'a>>)> {
    let limit = match plan.enumerate {
        Enumerate::Auto => MAX_ENUMERATED,
        Enumerate::Always => MAX_ENUMERATED_ON_DEMAND,
        // Exact samples need the weights of all states, whether ln Z itself is wanted or not.
        Enumerate::Never if plan.reverse == Reverse::Exact => MAX_ENUMERATED,
        Enumerate::Never => 0,
    };
    let smaller = rbm.n_visible.min(rbm.n_hidden);
    let all = if smaller >= WORTH_A_DEVICE && backend.device().kind.ends_with("gpu") {
        Enumeration::on_device(backend, rbm, limit, listener)?
    } else {
        Enumeration::new(rbm, limit, listener)?
    };
    if plan.enumerate == Enumerate::Always && all.is_none() {
        return Err(too_large(rbm, MAX_ENUMERATED_ON_DEMAND, "leave --exact out: AIS works at any size"));
    }
    Ok((all.as_ref().filter(|_| plan.enumerate != Enumerate::Never).map(Enumeration::log_z), all))
}

fn too_large(rbm: &Rbm, limit: usize, advice: &str) -> Error {
    Error::Input(
        Fault::new(format!("states of {} visible and {} hidden units", rbm.n_visible, rbm.n_hidden))
            .at("likelihood")
            .expected(format!("at most {limit} units on the smaller side"))
            .advice(advice),
    )
}
