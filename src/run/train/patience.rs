//! When held-out rows were the most likely, and when a training stops before its last update: when they have ceased to
//! become more likely.
//!
//! (L. Prechelt, Early Stopping — But When?, 1998: the criterion UP with a number of strips.)

use crate::record::TrainMetric;

/// Metrics of a training since held-out rows were the most likely.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Patience {
    most: Option<u64>,
    best: Option<(u64, f64)>,
    waited: u64,
}

impl Patience {
    /// Stops after `most` metrics in a row that are no better than an earlier one, or never.
    pub(super) fn new(most: Option<u64>) -> Self {
        Self { most, best: None, waited: 0 }
    }

    /// Goes on with `best`, after which `waited` metrics were no better.
    pub(super) fn resume(&mut self, best: &TrainMetric, waited: u64) {
        self.best = best.held_out_log_likelihood.map(|found| (best.update, found.value));
        self.waited = waited;
    }

    /// Takes the next metric; whether it is better than all before. One that comes again after a resume counts once.
    pub(super) fn is_best(&mut self, metric: &TrainMetric) -> bool {
        let Some(found) = metric.held_out_log_likelihood else { return false };
        match self.best {
            Some((update, value)) if found.value <= value => {
                self.waited += u64::from(metric.update > update);
                false
            }
            _ => {
                (self.best, self.waited) = (Some((metric.update, found.value)), 0);
                true
            }
        }
    }

    /// Whether it can come to an end, for which the machine that is best is kept.
    pub(super) fn is_limited(&self) -> bool {
        self.most.is_some()
    }

    /// Whether to stop.
    pub(super) fn is_exhausted(&self) -> bool {
        self.most.is_some_and(|most| self.waited >= most)
    }

    /// The update after which held-out rows were the most likely, and how likely.
    pub(super) fn best(&self) -> Option<(u64, f64)> {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use super::Patience;
    use crate::record::{Estimate, TrainMetric};

    fn metric(update: u64, value: f64) -> TrainMetric {
        TrainMetric { update, held_out_log_likelihood: Some(Estimate::new(value, 0.1)), ..TrainMetric::default() }
    }

    /// Position of the metric at which a training of these held-out likelihoods stops.
    fn stops(most: u64, values: &[f64]) -> Option<usize> {
        let mut patience = Patience::new(Some(most));
        values.iter().enumerate().position(|(k, &value)| {
            patience.is_best(&metric(10 * k as u64, value));
            patience.is_exhausted()
        })
    }

    #[test]
    fn stops_after_as_many_metrics_without_gain() {
        let values = [-9.0, -8.0, -8.5, -7.0, -7.0, -7.5, -7.1, -6.0];
        assert_eq!(stops(1, &values), Some(2));
        assert_eq!(stops(2, &values), Some(5));
        assert_eq!(stops(3, &values), Some(6));
        assert_eq!(stops(4, &values), None);
    }

    #[test]
    fn goes_on_as_if_it_had_not_been_stopped() {
        let values = [-9.0, -7.0, -7.5, -7.2, -7.1, -7.3];
        for at in 1..5 {
            // Stopped after metric `at`, which is measured again; the best one was number 1.
            let mut patience = Patience::new(Some(4));
            patience.resume(&metric(10, values[1]), (at as u64).saturating_sub(2));
            for (k, &value) in values.iter().enumerate().skip(at) {
                patience.is_best(&metric(10 * k as u64, value));
                assert_eq!(patience.is_exhausted(), k == 5, "stopped after {at}, metric {k}");
            }
        }
    }
}
