//! Settings that a training refuses, before anything is made of them.

use super::{Algorithm, Choice, FEWEST, GROUPS, RowSource, Settings};
use crate::error::{Error, Fault, Result};
use crate::rbm::MAX_WEIGHTS;
use crate::sample::MAX_RUNGS;

/// Most chains: one is a 32-bit random address, and all of them live in memory.
const MAX_CHAINS: usize = 1 << 24;

/// Checks settings against data before anything is made of them.
///
/// # Errors
/// [`Error::Input`] naming the setting that does not fit.
pub fn check(settings: &Settings, data: &dyn RowSource, n_hidden: usize) -> Result<()> {
    let fault = |what: String, expected: String, advice: &str| {
        Err(Error::Input(Fault::new(what).at("train").expected(expected).advice(advice)))
    };
    if data.rows() == 0 || data.units() == 0 || data.rows() > u32::MAX as usize {
        return fault(
            format!("{} rows of {} units", data.rows(), data.units()),
            "at least 1 of each, and fewer than 2^32 rows".into(),
            "train on other data",
        );
    }
    if n_hidden == 0 || data.units().checked_mul(n_hidden).is_none_or(|n| n > MAX_WEIGHTS) {
        return fault(
            format!("{} visible and {n_hidden} hidden units", data.units()),
            format!("at least 1 hidden unit, and at most {MAX_WEIGHTS} weights"),
            "use fewer hidden units",
        );
    }
    if settings.batch == 0 || settings.batch > data.rows() {
        return fault(
            format!("a minibatch of {} rows from {} training rows", settings.batch, data.rows()),
            format!("between 1 and {} rows", data.rows()),
            "set batch accordingly, or give more data",
        );
    }
    let steps = settings.updates.checked_mul(u64::from(settings.gibbs_steps));
    if settings.gibbs_steps == 0 || steps.is_none_or(|n| n > u64::from(u32::MAX)) {
        return fault(
            format!("{} updates of {} Gibbs steps", settings.updates, settings.gibbs_steps),
            "at least 1 step an update and fewer than 2^32 in all: steps are 32-bit random addresses".into(),
            "use fewer updates or steps, or another seed for a continued training",
        );
    }
    let tempered = matches!(settings.algorithm, Algorithm::Pt | Algorithm::Trajectory);
    if tempered && !(2..=MAX_RUNGS).contains(&settings.rungs) {
        return fault(format!("{} rungs", settings.rungs), format!("2 to {MAX_RUNGS}"), "set rungs, for example 8");
    }
    if settings.online != 0 && (settings.online < FEWEST || !settings.online.is_multiple_of(GROUPS)) {
        return fault(
            format!("{} chains that follow the training", settings.online),
            format!("a multiple of {GROUPS} from {FEWEST} on, or 0 for none"),
            "512 is usual",
        );
    }
    if settings.translations.is_some_and(|lattice| lattice.sites() != data.units()) {
        let what = format!("translations over {} units", data.units());
        return fault(what, "as many units as the lattice has sites".into(), "give the lattice of the data, or none");
    }
    let mistakes = Choice::of(settings.learning_rate, settings.descent, settings.penalties).mistakes();
    let mistake = settings.schedule.mistake().map(|fault| ("schedule", fault)).into_iter().chain(mistakes).next();
    if let Some((key, mistake)) = mistake {
        return Err(Error::Input(mistake.at(format!("train, {key}"))));
    }
    if settings.chains == 0 || settings.chains > MAX_CHAINS {
        return fault(
            format!("{} chains", settings.chains),
            format!("1 to {MAX_CHAINS}"),
            "set chains, for example 500",
        );
    }
    Ok(())
}
