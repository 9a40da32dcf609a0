//! Whether a training has gone on beyond what its rows can tell: held-out rows have become less likely again, and training
//! rows are likelier than they are.

use crate::record::TrainMetric;

/// Standard errors by which training rows must be likelier than held-out ones.
const SIGMAS: f64 = 3.0;

/// What to say at the end of a training, after the metric `last`; held-out rows were the most likely after the update of
/// `best`. Errors of held-out likelihoods are mostly those of the same few rows, so that a fall by one of them is one.
pub(super) fn overfitting(best: Option<(u64, f64)>, last: &TrainMetric) -> Option<String> {
    let (update, best) = best?;
    let (train, held_out) = (last.log_likelihood?, last.held_out_log_likelihood?);
    let (fall, gap) = (best - held_out.value, train.value - held_out.value);
    (fall > held_out.error && gap > SIGMAS * train.error.hypot(held_out.error)).then(|| {
        format!(
            "the machine over-fits its rows: held-out ones were the most likely at update {update}, by {fall:.1} nats more \
             than at the end, where training rows are {gap:.1} nats likelier than they are; use patience to keep the \
             machine that was best on them, or a lower learning rate, fewer updates, weight decay"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::patience::Patience;
    use super::overfitting;
    use crate::record::{Estimate, TrainMetric};

    /// What is said after these likelihoods of training and held-out rows, with errors of 0.3 and 0.4.
    fn said(values: &[(f64, f64)]) -> Option<String> {
        let metric = |(k, &(train, held_out)): (usize, &(f64, f64))| TrainMetric {
            update: 100 * (k as u64 + 1),
            log_likelihood: Some(Estimate::new(train, 0.3)),
            held_out_log_likelihood: Some(Estimate::new(held_out, 0.4)),
            ..TrainMetric::default()
        };
        let mut seen = Patience::new(None);
        let metrics: Vec<TrainMetric> = values.iter().enumerate().map(metric).collect();
        for metric in &metrics {
            seen.is_best(metric);
            assert!(!seen.is_exhausted());
        }
        overfitting(seen.best(), metrics.last()?)
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
