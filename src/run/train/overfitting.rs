//! Whether a training has gone on beyond what its rows can tell: held-out rows have become less likely again, and training
//! rows are likelier than they are.

use crate::record::TrainMetric;

/// Standard errors by which training rows must be likelier than held-out ones.
const SIGMAS: f64 = 3.0;

/// Held-out rows at their likeliest so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Overfitting {
    best: Option<(u64, f64)>,
}

impl Overfitting {
    /// Takes the next metric.
    pub(super) fn see(&mut self, metric: &TrainMetric) {
        if let Some(found) = metric.held_out_log_likelihood
            && self.best.is_none_or(|(_, best)| found.value > best)
        {
            self.best = Some((metric.update, found.value));
        }
    }

    /// What to say at the end, after `last`. The errors of held-out likelihoods are those of the same few rows, so that a fall by
    /// one of them is one.
    pub(super) fn warning(&self, last: &TrainMetric) -> Option<String> {
        let (update, best) = self.best?;
        let (train, held_out) = (last.log_likelihood?, last.held_out_log_likelihood?);
        let gap = train.value - held_out.value;
        let has_fallen = best - held_out.value > held_out.error;
        (has_fallen && gap > SIGMAS * train.error.hypot(held_out.error)).then(|| {
            format!(
                "the machine over-fits its rows: held-out ones were the most likely at update {update}, by {:.1} nats more \
                 than at the end, where training rows are {gap:.1} nats likelier than they are; use patience to keep the \
                 machine that was best on them, or a lower learning rate, fewer updates, weight decay",
                best - held_out.value
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Overfitting;
    use crate::record::{Estimate, TrainMetric};

    /// What is said after these likelihoods of training and held-out rows, with errors of 0.3 and 0.4.
    fn said(values: &[(f64, f64)]) -> Option<String> {
        let metric = |(k, &(train, held_out)): (usize, &(f64, f64))| TrainMetric {
            update: 100 * (k as u64 + 1),
            log_likelihood: Some(Estimate::new(train, 0.3)),
            held_out_log_likelihood: Some(Estimate::new(held_out, 0.4)),
            ..TrainMetric::default()
        };
        let mut seen = Overfitting::default();
        let metrics: Vec<TrainMetric> = values.iter().enumerate().map(metric).collect();
        metrics.iter().for_each(|m| seen.see(m));
        seen.warning(metrics.last()?)
    }

    #[test]
    fn speaks_of_a_fall_beyond_errors_alone() {
        let text = said(&[(-20.0, -20.1), (-18.0, -19.0), (-15.0, -20.5)]).unwrap();
        assert!(text.contains("update 200, by 1.5 nats") && text.contains("5.5 nats likelier"), "{text}");
        for quiet in [
            &[(-20.0, -20.1), (-18.0, -19.0), (-15.0, -18.9)][..],
            &[(-20.0, -20.1), (-18.0, -19.0), (-15.0, -19.3)],
            &[(-20.0, -20.1), (-18.0, -19.0), (-20.0, -20.5)],
            &[],
        ] {
            assert_eq!(said(quiet), None, "{quiet:?}");
        }
    }
}
