//! Settings that a training refuses, before anything is made of them.

use super::limits::mistakes;
use super::{RowSource, Settings};
use crate::error::{Error, Fault, Result};
use crate::rbm::MAX_WEIGHTS;

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
    if settings.translations.is_some_and(|lattice| lattice.sites() != data.units()) {
        let what = format!("translations over {} units", data.units());
        return fault(what, "as many units as the lattice has sites".into(), "give the lattice of the data, or none");
    }
    match mistakes(settings).into_iter().next() {
        Some((key, mistake)) => Err(Error::Input(mistake.at(format!("train, {key}")))),
        None => Ok(()),
    }
}
