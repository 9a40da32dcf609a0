//! Numbers of a training: what is taken where nothing is said, and what can be, once for the library and every door to it.

use super::{Algorithm, Choice, FEWEST, GROUPS, Settings, Start};
use crate::error::{Error, Fault, Result};
use crate::limits::{ADDRESSED, Mistake};
use crate::sample::MAX_RUNGS;

/// Gibbs steps of an update.
pub const GIBBS_STEPS: u32 = 2;
/// Updates of a training.
pub const UPDATES: u64 = 20_000;
/// Rungs of a ladder.
pub const RUNGS: usize = 8;
/// Fraction of the rows that is kept out.
pub const HELD_OUT: f64 = 0.1;
/// How many times the likelihood is measured.
pub const METRICS: u64 = 10;
/// How many times a checkpoint is written.
pub const CHECKPOINTS: u64 = 10;
/// Newest checkpoints that stay.
pub const KEEP_CHECKPOINTS: usize = 2;

/// Rows that are kept out where the fraction `held_out` is asked for: the nearest whole number.
#[must_use]
pub fn held_out_rows(rows: usize, held_out: f64) -> usize {
    ((rows as f64 * held_out.clamp(0.0, 1.0)).round() as usize).min(rows)
}

/// Limits of counts.
pub mod counts {
    use super::MAX_RUNGS;
    use crate::limits::{ADDRESSED, CountLimit, count};

    /// Hidden units; the weights have a limit of their own.
    pub const HIDDEN: CountLimit = count("hidden", "hidden units", 1, 1 << 28);
    /// Steps of an update.
    pub const GIBBS_STEPS: CountLimit = count("gibbs_steps", "Gibbs steps", 1, 1_000_000);
    /// Chains: all of them live in memory.
    pub const CHAINS: CountLimit = count("chains", "chains", 1, 1 << 24);
    /// Rows of a minibatch, which has as many chains in an algorithm without its own.
    pub const BATCH: CountLimit = count("batch", "rows of a minibatch", 1, 1 << 24);
    /// Updates.
    pub const UPDATES: CountLimit = count("updates", "updates", 1, ADDRESSED);
    /// Passes over the rows.
    pub const EPOCHS: CountLimit = count("epochs", "epochs", 1, ADDRESSED);
    /// Rungs of a ladder.
    pub const RUNGS: CountLimit = count("rungs", "rungs", 2, MAX_RUNGS as u64);
    /// Chains that follow the training, 0 for none.
    pub const ONLINE_CHAINS: CountLimit = count("online_chains", "chains that follow the training", 0, 1 << 20);
    /// Measurements of the likelihood.
    pub const METRICS: CountLimit = count("metrics", "metrics", 0, 1_000_000);
    /// Checkpoints.
    pub const CHECKPOINTS: CountLimit = count("checkpoints", "checkpoints", 0, 1_000_000);
    /// Checkpoints that stay.
    pub const KEEP_CHECKPOINTS: CountLimit = count("keep_checkpoints", "checkpoints that stay", 1, 10_000);
    /// Metrics without a gain.
    pub const PATIENCE: CountLimit = count("patience", "metrics without a gain", 1, 1_000_000);
}

/// Limits of numbers.
pub mod numbers {
    use crate::limits::NumberLimit;
    use crate::train::optimizer::is_f32;

    /// η.
    pub const LEARNING_RATE: NumberLimit = NumberLimit {
        key: "learning_rate",
        holds: |x| is_f32(x) && x <= 1000.0,
        expected: "a positive number, at most 1000",
        advice: "0.01 to 0.5 is usual",
    };
    /// Factor on η for the biases.
    pub const BIAS_RATE: NumberLimit = NumberLimit {
        key: "bias_rate",
        holds: |x| (0.0..=10.0).contains(&x),
        expected: "a number from 0 to 10",
        advice: "1 is usual",
    };
    /// Rate of the moving average of hidden offsets.
    pub const OFFSET_RATE: NumberLimit = NumberLimit {
        key: "offset_rate",
        holds: |x| (0.0..=1.0).contains(&x),
        expected: "a number from 0 to 1",
        advice: "0.01 is usual",
    };
    /// Part of each machine in the running mean of all.
    pub const AVERAGE: NumberLimit = NumberLimit {
        key: "average",
        holds: |x| (0.0..=1.0).contains(&x),
        expected: "a number from 0, for no mean, to 1",
        advice: "0.002 is usual",
    };
    /// Fraction of the rows kept out.
    pub const HELD_OUT: NumberLimit = NumberLimit {
        key: "held_out",
        holds: |x| (0.0..1.0).contains(&x),
        expected: "a fraction from 0 to below 1",
        advice: "0.1 is usual",
    };
    /// σ of the initial weights.
    pub const WEIGHT_SCALE: NumberLimit = NumberLimit {
        key: "weight_scale",
        holds: |x| (0.0..=10.0).contains(&x),
        expected: "a number from 0 to 10",
        advice: "0.01 is usual",
    };
    /// Weight to a visible unit of its own.
    pub const ANCHOR: NumberLimit = NumberLimit {
        key: "anchor",
        holds: |x| (0.0..=10.0).contains(&x),
        expected: "a number from 0 to 10",
        advice: "2 or 4 is usual, 0 for none",
    };
}

/// A multiple of [`GROUPS`] from [`FEWEST`] on, or none.
pub(crate) fn check_online(chains: u64) -> Option<Mistake> {
    let whole = chains == 0 || (chains >= FEWEST as u64 && chains.is_multiple_of(GROUPS as u64));
    let fault = || {
        Fault::new(format!("{chains} chains that follow the training"))
            .expected(format!("a multiple of {GROUPS} from {FEWEST} on, or 0 for none"))
            .advice("512 is usual")
    };
    counts::ONLINE_CHAINS.mistake(chains).or_else(|| (!whole).then(|| ("online_chains", fault())))
}

/// Checks the start of a machine.
///
/// # Errors
/// [`Error::Input`] naming the number that cannot be.
pub fn check_start(start: &Start) -> Result<()> {
    let mistakes = [numbers::WEIGHT_SCALE.mistake(start.weight_scale), numbers::ANCHOR.mistake(start.anchor)];
    match mistakes.into_iter().flatten().next() {
        Some((key, mistake)) => Err(Error::Input(mistake.at(format!("train, {key}")))),
        None => Ok(()),
    }
}

/// Everything that is wrong with settings whatever the data are.
#[must_use]
pub fn mistakes(settings: &Settings) -> Vec<Mistake> {
    let chains = if settings.algorithm.has_chains() { settings.chains as u64 } else { 1 };
    let tempered = matches!(settings.algorithm, Algorithm::Pt | Algorithm::Trajectory);
    let mut found: Vec<Mistake> = [
        counts::GIBBS_STEPS.mistake(settings.gibbs_steps.into()),
        counts::CHAINS.mistake(chains),
        counts::BATCH.mistake(settings.batch as u64),
        // A training of no updates is the machine at its start.
        counts::UPDATES.mistake(settings.updates.max(1)),
        numbers::LEARNING_RATE.mistake(settings.learning_rate),
        numbers::BIAS_RATE.mistake(settings.bias_rate),
        numbers::OFFSET_RATE.mistake(settings.offset_rate),
        numbers::AVERAGE.mistake(settings.average),
        counts::RUNGS.mistake(settings.rungs as u64).filter(|_| tempered),
        check_online(settings.online as u64),
        settings.schedule.mistake().map(|fault| ("schedule", fault)),
    ]
    .into_iter()
    .flatten()
    .collect();
    found.extend(Choice::of(settings.learning_rate, settings.descent, settings.penalties).mistakes());
    let steps = settings.updates.checked_mul(settings.gibbs_steps.into());
    if found.is_empty() && steps.is_none_or(|n| n > ADDRESSED) {
        let what = format!("{} updates of {} Gibbs steps", settings.updates, settings.gibbs_steps);
        let expected = format!("at most {ADDRESSED} steps in all: they are addressed with 32 bits");
        found.push(("updates", Fault::new(what).expected(expected).advice("take fewer updates or steps")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_out_rows_are_the_nearest_number() {
        let cases =
            [(106, 0.1, 11), (104, 0.1, 10), (105, 0.1, 11), (10, 0.04, 0), (10, 0.05, 1), (3, 0.5, 2), (1, 0.4, 0)];
        for (rows, fraction, expected) in cases {
            assert_eq!(held_out_rows(rows, fraction), expected, "{fraction} of {rows}");
        }
        assert_eq!((held_out_rows(7, f64::NAN), held_out_rows(7, 1.0), held_out_rows(7, 5.0)), (0, 7, 7));
    }
}
