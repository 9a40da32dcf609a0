//! What must hold of every ln Z, as checks, and how far the two sides agree, in words.
//!
//! - LL of no model lies above minus the plug-in entropy of a set of rows, nor in the mean over rows that it has not seen
//!   above minus the entropy of their source.
//! - Σ p(v) over distinct rows is at most 1.
//! - The forward estimate of ln Z is low in the mean and the reverse one high: the first never lies above the second by
//!   more than their errors.
//!
//! Each is called broken at three standard errors: of results that are right, one in 700 breaks one by chance.

use super::modes::Missed;
use crate::record::{Bounds, Estimate, LikelihoodChecks};

/// Highest log-likelihood of some rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ceiling {
    /// Of these rows as they are: minus their plug-in entropy.
    OfRows(f64),
    /// In the mean over fresh rows: minus the entropy of their source.
    OfSource(f64),
}

/// Standard errors by which a bound may be missed.
const SIGMAS: f64 = 3.0;
/// Room for rounding of f32 free energies, absolute and as a part of their size: 8 units in the last place.
const ROUNDING: f64 = 1e-4;
const RELATIVE_ROUNDING: f64 = 8.0 * f32::EPSILON as f64;
/// Smallest effective sample size in which an estimate is trusted.
pub(super) const TRUSTED_SAMPLES: f64 = 30.0;

/// All numbers that the checks look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence {
    /// ln Z.
    pub log_z: Bounds,
    /// Best log-likelihood of the judged rows.
    pub log_likelihood: Option<Estimate>,
    /// Their ceiling.
    pub ceiling: Option<Ceiling>,
    /// Whether the machine may have been trained on them.
    pub maybe_trained_on: bool,
    /// ln Σ p(v) over distinct rows.
    pub log_distinct: Option<Estimate>,
    /// Of the forward weights.
    pub forward_samples: Option<f64>,
    /// Of the reverse weights.
    pub reverse_samples: Option<f64>,
    /// Whether the reverse estimate began at samples of the machine.
    pub reverse_trusted: bool,
    /// Whether reverse chains began at rows too.
    pub rows_tried: bool,
    /// Where these rows lie in modes that annealing leaves out.
    pub missed: Option<Missed>,
}

/// What follows from the evidence.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// The checks.
    pub checks: LikelihoodChecks,
    /// One for each check that fails, for each reason not to trust ln Z, and for ln Z being a sum over parts.
    pub warnings: Vec<String>,
    /// No check failed and nothing speaks against the best ln Z.
    pub trusted: bool,
    /// The same of the bridged one, beside which there may be an exact one: its error means something.
    pub bridged_trusted: bool,
}

impl Evidence {
    /// An error that holds whatever the estimates are worth: as far as the more distant side, where they are in doubt.
    fn widened(&self, error: f64, doubted: bool) -> f64 {
        let Bounds { forward: Some(low), reverse: Some(high), bridged: Some(between), exact: None } = self.log_z else {
            return error;
        };
        let off = |side: Estimate| (side.value - between.value).abs() + side.error;
        if doubted { error.hypot(off(low).max(off(high))) } else { error }
    }
}

/// The checks, a warning for each that fails, and for each reason not to trust ln Z.
#[must_use]
pub fn judge(e: &Evidence) -> Judgement {
    let (mut out, doubts) = (Vec::new(), doubts(e));
    let rounding = rounding(e.log_z.best());
    let beyond = |x: f64, top: f64, error: f64| x > top + SIGMAS * error + rounding;
    let mut checks = LikelihoodChecks { log_distinct_probability: e.log_distinct, ..LikelihoodChecks::default() };
    if let (Some(found), Some(ceiling)) = (e.log_likelihood, e.ceiling) {
        // Of rows as they are nothing but ln Z is uncertain.
        let (top, error) = match ceiling {
            Ceiling::OfRows(top) => (top, found.error_log_z()),
            Ceiling::OfSource(top) => (top, found.error),
        };
        let error = e.widened(error, !doubts.is_empty());
        checks.above_ceiling = beyond(found.value, top, error);
        if checks.above_ceiling {
            let (small, known) = ("ln Z is too small; use more betas or chains", e.log_z.exact.is_some());
            let why = match (ceiling, e.maybe_trained_on) {
                (Ceiling::OfSource(_), true) if known => "the machine was trained on these rows and over-fits".into(),
                (Ceiling::OfSource(_), true) => {
                    format!("{small}; or the machine was trained on these rows and over-fits")
                }
                (Ceiling::OfSource(_), false) if known => "these rows are no fair samples of the source".into(),
                _ => small.to_string(),
            };
            out.push(format!("log-likelihood {:.4} ± {error:.4} lies above its ceiling {top:.4}: {why}", found.value));
        }
    }
    if let Some(sum) = e.log_distinct {
        checks.probability_above_one = beyond(sum.value, 0.0, e.widened(sum.error, !doubts.is_empty()));
        if checks.probability_above_one {
            out.push(format!(
                "the probabilities of the distinct rows add up to e^{:.4}, above 1: ln Z is too small; use more betas or chains",
                sum.value
            ));
        }
    }
    if let (Some(low), Some(high)) = (e.log_z.forward, e.log_z.reverse) {
        let error = low.error.hypot(high.error);
        checks.forward_above_reverse = beyond(low.value, high.value, error);
        if checks.forward_above_reverse {
            out.push(format!(
                "forward ln Z {:.4} lies above reverse {:.4} by {:.1} errors: the reverse chains have missed a part of the \
                 machine, or the errors are too small; use more chains and betas",
                low.value,
                high.value,
                (low.value - high.value) / error
            ));
        }
    }
    let off =
        |z: Estimate, exact: Estimate| (z.value - exact.value).abs() > SIGMAS * z.error.hypot(exact.error) + rounding;
    let is_off = e.log_z.bridged.zip(e.log_z.exact).is_some_and(|(z, exact)| off(z, exact));
    let mut bridged_trusted = doubts.is_empty() && !checks.forward_above_reverse && !is_off;
    if e.log_z.exact.is_none() {
        out.extend(doubts);
        bridged_trusted &= out.is_empty();
    }
    let trusted = out.is_empty();
    if let (Some(missed), Some(z)) = (e.missed, e.log_z.bridged)
        && missed.parts > 0
        && missed.gain > z.error
        && e.log_z.exact.is_none()
    {
        out.push(format!(
            "{}: ln Z is the sum over {} parts of the states, {:.4} above that of the first alone; a mode in which no row \
             lies would not be seen",
            left_out(&missed),
            missed.parts,
            missed.gain
        ));
    }
    Judgement { checks, warnings: out, trusted, bridged_trusted }
}

/// Room for the rounding of f32 sums that ln Z is made of.
fn rounding(log_z: Option<Estimate>) -> f64 {
    ROUNDING + RELATIVE_ROUNDING * log_z.map_or(0.0, |z| z.value.abs())
}

fn left_out(missed: &Missed) -> String {
    let compared = &missed.compared;
    format!(
        "{} of {} rows begin in modes that annealing from the means of the data leaves out ({} of {} samples of the machine)",
        compared.rows_beyond + compared.seldom_beyond,
        compared.rows + compared.seldom,
        compared.chains_beyond,
        compared.chains
    )
}

/// Reasons not to trust estimates.
fn doubts(e: &Evidence) -> Vec<String> {
    let mut out = Vec::new();
    for (name, samples) in [("forward", e.forward_samples), ("reverse", e.reverse_samples)] {
        if let Some(ess) = samples.filter(|&ess| ess < TRUSTED_SAMPLES) {
            out.push(format!(
                "only {ess:.1} effective samples of {name} AIS: ln Z is not to be trusted; use more betas or chains"
            ));
        }
    }
    if let Some(missed) = e.missed.filter(|missed| missed.parts == 0) {
        out.push(format!("{}: ln Z is not to be trusted; use more betas and chains", left_out(&missed)));
    }
    let (Some(low), Some(high)) = (e.log_z.forward, e.log_z.reverse) else { return out };
    let error = low.error.hypot(high.error);
    if beyond_agreement(low, high) {
        out.push(format!(
            "reverse ln Z {:.4} lies above forward {:.4} by {:.1} errors: ln Z is known to lie between them, no better; use \
             more betas",
            high.value,
            low.value,
            (high.value - low.value) / error
        ));
    }
    if !e.reverse_trusted {
        out.push(
            "the tempering chains came too seldom from the base: the reverse estimate is no upper bound; give more --betas \
             or --chains, which also give tempering more time"
                .into(),
        );
    }
    out
}

fn beyond_agreement(low: Estimate, high: Estimate) -> bool {
    high.value - low.value > SIGMAS * low.error.hypot(high.error) + ROUNDING
}

/// One sentence about ln Z: how it is known and how well.
#[must_use]
pub fn verdict(e: &Evidence, trusted: bool) -> String {
    let doubt = if trusted { "" } else { "; not to be trusted, see the warnings" };
    match (e.log_z.exact, e.log_z.forward, e.log_z.reverse) {
        (Some(exact), Some(low), _) if (low.value - exact.value).abs() > SIGMAS * low.error + rounding(Some(exact)) => {
            let off = low.value - exact.value;
            format!("ln Z is exact; forward AIS is off by {off:.4}, {:.0} of its errors", off.abs() / low.error)
        }
        (Some(_), ..) => "ln Z is exact".into(),
        (None, Some(low), Some(high)) => {
            let error = low.error.hypot(high.error);
            let words = if beyond_agreement(low, high) { "both sides disagree" } else { "both sides agree" };
            let unseen = if e.rows_tried { "" } else { "; a mode that both miss would show with rows of data alone" };
            format!("{words}: reverse − forward = {:.4} ± {error:.4}{doubt}{unseen}", high.value - low.value)
        }
        (None, Some(_), None) => {
            format!("ln Z from one side only: in the mean a lower bound, so that LL is high{doubt}")
        }
        _ => "ln Z was not computed".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::modes::Comparison;
    use super::*;

    fn sound() -> Evidence {
        Evidence {
            log_z: Bounds {
                forward: Some(Estimate::new(10.0, 0.1)),
                reverse: Some(Estimate::new(10.1, 0.1)),
                ..Bounds::default()
            },
            log_likelihood: Some(Estimate::new(-2.0, 0.1)),
            ceiling: Some(Ceiling::OfRows(-2.0)),
            log_distinct: Some(Estimate::new(0.1, 0.1)),
            forward_samples: Some(500.0),
            reverse_samples: Some(500.0),
            reverse_trusted: true,
            rows_tried: true,
            ..Evidence::default()
        }
    }

    #[test]
    fn sound_evidence_breaks_nothing() {
        let Judgement { checks, warnings, trusted, bridged_trusted } = judge(&sound());
        assert_eq!(warnings, Vec::<String>::new());
        assert!(trusted && bridged_trusted);
        assert!(!checks.above_ceiling && !checks.probability_above_one && !checks.forward_above_reverse);
        assert!(verdict(&sound(), true).contains("agree: reverse − forward = 0.1000"));
    }

    #[test]
    fn each_broken_bound_is_told_once() {
        let high = Estimate::new(-1.6, 0.1);
        let Judgement { checks, warnings, .. } = judge(&Evidence { log_likelihood: Some(high), ..sound() });
        assert!(checks.above_ceiling && warnings.len() == 1 && warnings[0].contains("ceiling"));
        // Rows scatter about the entropy of their source, by 0.2 here, but not about their own.
        let high = Some(Estimate::of_rows(-1.6, 0.1, 0.2));
        assert!(judge(&Evidence { log_likelihood: high, ..sound() }).checks.above_ceiling);
        let of_source = Evidence { log_likelihood: high, ceiling: Some(Ceiling::OfSource(-2.0)), ..sound() };
        assert!(judge(&of_source).warnings.is_empty());
        let Judgement { checks, warnings, .. } =
            judge(&Evidence { log_distinct: Some(Estimate::new(0.4, 0.1)), ..sound() });
        assert!(checks.probability_above_one && warnings.len() == 1 && warnings[0].contains("above 1"));
        let log_z = Bounds { reverse: Some(Estimate::new(9.4, 0.1)), ..sound().log_z };
        let Judgement { checks, warnings, .. } = judge(&Evidence { log_z, ..sound() });
        assert!(checks.forward_above_reverse && warnings.len() == 1 && warnings[0].contains("above reverse"));
    }

    /// Of an exact ln Z no warning says that it is wrong; free energies of 31258 nats are rounded by up to 0.0019.
    #[test]
    fn an_exact_ln_z_is_not_doubted() {
        let log_z = Bounds { exact: Some(Estimate::new(31_257.880_692, 0.0)), ..Bounds::default() };
        let log_distinct = Some(Estimate::new(0.0019, 0.0));
        assert_eq!(judge(&Evidence { log_z, log_distinct, ..Evidence::default() }).warnings, Vec::<String>::new());
        let log_likelihood = Some(Estimate::of_rows(-1.0, 0.0, 0.1));
        for (maybe_trained_on, words) in [(true, "over-fits"), (false, "no fair samples")] {
            let ceiling = Some(Ceiling::OfSource(-2.0));
            let Judgement { checks, warnings, .. } =
                judge(&Evidence { log_z, log_likelihood, ceiling, maybe_trained_on, ..Evidence::default() });
            assert!(
                checks.above_ceiling && warnings[0].contains(words) && !warnings[0].contains("ln Z"),
                "{warnings:?}"
            );
        }
    }

    #[test]
    fn each_reason_for_distrust_is_told_and_none_beside_an_exact_value() {
        let wide = Bounds { reverse: Some(Estimate::new(11.0, 0.1)), ..sound().log_z };
        let cases = [
            (Evidence { log_z: wide, ..sound() }, "no better"),
            (Evidence { forward_samples: Some(3.0), ..sound() }, "of forward AIS"),
            (Evidence { reverse_samples: Some(3.0), ..sound() }, "of reverse AIS"),
            (Evidence { reverse_trusted: false, ..sound() }, "no upper bound"),
        ];
        for (mut case, words) in cases {
            let found = judge(&case);
            assert!(found.warnings.len() == 1 && found.warnings[0].contains(words), "{found:?}");
            assert!(!found.trusted && !found.bridged_trusted);
            case.log_z.exact = Some(Estimate::new(10.0, 0.0));
            let found = judge(&case);
            assert!(found.warnings.is_empty() && found.trusted && !found.bridged_trusted, "{found:?}");
        }
    }

    #[test]
    fn a_bridged_value_far_from_an_exact_one_has_no_error() {
        let log_z = Bounds {
            bridged: Some(Estimate::new(10.05, 0.05)),
            exact: Some(Estimate::new(10.5, 0.0)),
            ..sound().log_z
        };
        let found = judge(&Evidence { log_z, ..sound() });
        assert!(found.trusted && !found.bridged_trusted && found.warnings.is_empty(), "{found:?}");
        let words = verdict(&Evidence { log_z, ..sound() }, true);
        assert!(words.contains("forward AIS is off by -0.5000, 5 of its errors"), "{words}");
    }

    #[test]
    fn rows_in_missed_modes_are_told_and_trusted_where_parts_cover_them() {
        let (rows, rows_beyond, seldom, seldom_beyond) = (180, 20, 20, 4);
        let compared = Comparison { rows, rows_beyond, chains: 500, chains_beyond: 1, p: 1e-9, seldom, seldom_beyond };
        let log_z = Bounds { bridged: Some(Estimate::new(10.05, 0.05)), ..sound().log_z };
        let told = |parts: usize, gain: f64| {
            judge(&Evidence { log_z, missed: Some(Missed { compared, parts, gain }), ..sound() })
        };
        let open = told(0, 0.0);
        assert!(!open.trusted && !open.bridged_trusted && open.warnings[0].contains("24 of 200 rows"), "{open:?}");
        let covered = told(2, 0.7);
        assert!(covered.trusted && covered.bridged_trusted && covered.warnings.len() == 1, "{covered:?}");
        assert!(covered.warnings[0].contains("2 parts of the states, 0.7000 above"), "{covered:?}");
        // Parts that add less than the error of ln Z change nothing.
        assert!(told(2, 0.01).warnings.is_empty());
    }

    /// A bound that is broken by less than the distance of the sides is no second complaint.
    #[test]
    fn doubted_estimates_break_bounds_by_more_than_their_sides_differ() {
        let log_z = Bounds {
            reverse: Some(Estimate::new(14.0, 0.1)),
            bridged: Some(Estimate::new(12.0, 0.05)),
            ..sound().log_z
        };
        let found = |value: f64| {
            let log_likelihood = Some(Estimate::new(value, 0.05));
            judge(&Evidence { log_z, log_likelihood, ..sound() }).checks.above_ceiling
        };
        assert!(!found(-1.0) && found(5.0));
    }
}
