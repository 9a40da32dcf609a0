//! When a training at a constant rate has come as far as its rows can tell: when twice as many updates gain nothing on
//! held-out rows beyond the error of the difference.
//!
//! Two looks are compared row by row: the scatter of the rows themselves, which is most of the error of each likelihood,
//! is in both. What is left is the scatter of the differences and the errors of both ln Z. Without it the best of many
//! looks is the one with the luckiest ln Z.

use super::watch::Look;

/// Updates before which nothing is over: hidden units that start from small weights need some hundred to leave them.
const LEAST: u64 = 400;
/// A look counts for nothing new until this many times as many updates as the best one.
const PATIENT: u64 = 2;

/// The best look so far.
#[derive(Default)]
pub(super) struct Settle {
    best: Option<Look>,
}

impl Settle {
    /// Goes on with the best look of before.
    pub(super) fn resume(&mut self, best: Look) {
        self.best = Some(best);
    }

    /// Takes the next look; whether it is better than the best one beyond the error of the difference. One that comes
    /// again after a resume is not.
    pub(super) fn take(&mut self, look: Look) -> bool {
        let is_better = self.best.as_ref().is_none_or(|best| {
            let gain = look.since(best);
            look.metric.update > best.metric.update
                && gain.value > 0.0
                && (gain.value > gain.error || gain.error.is_nan())
        });
        if is_better {
            self.best = Some(look);
        }
        is_better
    }

    /// Whether nothing has been gained for as long as the best machine took.
    pub(super) fn is_over(&self, update: u64) -> bool {
        self.best.as_ref().is_some_and(|best| update >= LEAST.max(PATIENT * best.metric.update))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Estimate, TrainMetric};

    /// A look after `update` updates at four rows, whose likelihoods are these.
    fn look(update: u64, rows: [f64; 4], error: f64) -> Look {
        let metric = TrainMetric { update, ..TrainMetric::default() };
        Look { metric, held_out: rows.to_vec(), log_z: Estimate::new(0.0, error) }
    }

    #[test]
    fn a_gain_within_its_error_is_none() {
        let first = [-20.0, -3.0, -9.0, -14.0];
        let by = |gain: [f64; 4]| std::array::from_fn(|r| first[r] + gain[r]);
        // Rows that differ by nats gain alike: a tenth is seen where both ln Z are known to a thousandth.
        for (gain, error, better) in [
            ([0.1; 4], 0.001, true),
            ([0.1; 4], 0.2, false),
            ([0.9, -0.7, 0.8, -0.6], 0.001, false),
            ([0.9, 0.7, 0.8, 0.6], 0.001, true),
            ([-0.1; 4], 0.001, false),
        ] {
            let mut settle = Settle::default();
            assert!(settle.take(look(100, first, error)));
            assert_eq!(settle.take(look(141, by(gain), error)), better, "{gain:?} ± {error}");
        }
    }

    #[test]
    fn it_is_over_when_as_many_updates_again_gained_nothing() {
        let mut settle = Settle::default();
        assert!(!settle.is_over(10_000));
        settle.take(look(10, [-9.0; 4], 0.1));
        assert_eq!([399, 400].map(|update| settle.is_over(update)), [false, true]);
        settle.take(look(320, [-8.0; 4], 0.1));
        assert_eq!([639, 640].map(|update| settle.is_over(update)), [false, true]);
        // After a resume the same look comes again.
        assert!(!settle.take(look(320, [-8.0; 4], 0.1)));
    }
}
