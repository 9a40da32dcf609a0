//! From numbers to positions, and where the ticks go.

use super::super::number::{count, decimal_exponent, fixed, scientific, superscript, usable};

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    /// Equal steps.
    #[default]
    Linear,
    /// Equal ratios.
    Log,
}

/// A map from a range of numbers to a range of positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    kind: Kind,
    range: (f64, f64),
    positions: (f64, f64),
}

/// A labelled place on an axis; minor ones have no label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    /// Where.
    pub(crate) value: f64,
    /// What is written there.
    pub(crate) label: String,
}

impl Scale {
    /// Maps `range` to `positions`; `range` comes from [`range_of`] or is ascending and usable.
    pub(crate) fn new(kind: Kind, range: (f64, f64), positions: (f64, f64)) -> Self {
        Self { kind, range, positions }
    }

    /// Position of `x`; NaN where it has none.
    pub(crate) fn at(&self, x: f64) -> f64 {
        let (lo, hi) = self.range;
        let t = match self.kind {
            Kind::Linear => (x - lo) / (hi - lo),
            Kind::Log if x > 0.0 => (x / lo).ln() / (hi / lo).ln(),
            Kind::Log => f64::NAN,
        };
        self.positions.0 + t * (self.positions.1 - self.positions.0)
    }

    /// Lowest and highest number shown.
    pub(crate) fn range(&self) -> (f64, f64) {
        self.range
    }

    /// Whether `x` lies in the range.
    pub(crate) fn holds(&self, x: f64) -> bool {
        (self.range.0..=self.range.1).contains(&x)
    }

    /// About `target` ticks with their labels.
    pub(crate) fn ticks(&self, target: usize) -> Vec<Tick> {
        match self.kind {
            Kind::Linear => linear_ticks(self.range, target),
            Kind::Log => log_ticks(self.range, target),
        }
    }
}

/// The range that shows all `values` with a margin of 5 %; `None` when there is nothing to show.
pub(crate) fn range_of(kind: Kind, values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let shown = values.into_iter().filter(|v| usable(*v) && (kind == Kind::Linear || *v > 0.0));
    let (lo, hi) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    if lo > hi {
        return None;
    }
    Some(match kind {
        Kind::Linear => {
            let size = lo.abs().max(hi.abs());
            let span = if hi - lo > 1e-9 * size { hi - lo } else { (0.1 * size).max(1e-3) };
            let middle = 0.5 * (lo + hi);
            (middle - 0.55 * span, middle + 0.55 * span)
        }
        Kind::Log => {
            let margin = (hi / lo).powf(0.05).max(1.2);
            ((lo / margin).max(1e-300), hi * margin)
        }
    })
}

/// The step of the form 1, 2, 2.5 or 5 times a power of ten that gives about `target` ticks on `span`.
fn nice_step(span: f64, target: usize) -> f64 {
    let rough = span / target.max(1) as f64;
    let power = 10f64.powi(decimal_exponent(rough));
    let choices = [1.0, 2.0, 2.5, 5.0, 10.0];
    choices.iter().map(|c| c * power).find(|step| *step >= rough * 0.999).unwrap_or(10.0 * power)
}

fn linear_ticks((lo, hi): (f64, f64), target: usize) -> Vec<Tick> {
    let step = nice_step(hi - lo, target);
    let slack = 1e-9 * (hi - lo);
    let (first, last) = (((lo - slack) / step).ceil(), ((hi + slack) / step).floor());
    if !(usable(first) && usable(last)) || last - first > 100.0 {
        return Vec::new();
    }
    let size = lo.abs().max(hi.abs());
    let step_exponent = decimal_exponent(step);
    // 2.5 needs one decimal more than its power of ten.
    let quarter = ((step / 10f64.powi(step_exponent)) - 2.5).abs() < 1e-9;
    let decimals = usize::try_from(-step_exponent + i32::from(quarter)).unwrap_or(0);
    let write = |value: f64| {
        if value == 0.0 {
            "0".to_string()
        } else if !(1e-4..1e7).contains(&size) || decimals > 8 {
            let digits = (decimal_exponent(value) - step_exponent + 1 + i32::from(quarter)).clamp(1, 8);
            scientific(value, digits as usize)
        } else if decimals == 0 && value.abs() >= 1e4 {
            format!("{}{}", if value < 0.0 { "−" } else { "" }, count(value.abs().round() as u64))
        } else {
            fixed(value, decimals)
        }
    };
    (0..=(last - first) as i64)
        .map(|i| {
            let value = (first + i as f64) * step;
            let value = if value.abs() < slack { 0.0 } else { value };
            Tick { value, label: write(value) }
        })
        .collect()
}

fn log_ticks((lo, hi): (f64, f64), target: usize) -> Vec<Tick> {
    let (first, last) = (lo.log10().ceil() as i32, hi.log10().floor() as i32);
    let decades = last - first + 1;
    if decades < 2 {
        let ticks = linear_ticks((lo, hi), target);
        let apart = |t: &Tick| t.value > 0.0 && t.value >= lo;
        return ticks.into_iter().filter(apart).collect();
    }
    let every = (decades as usize).div_ceil(target.max(1)) as i32;
    let power = |e: i32| Tick { value: 10f64.powi(e), label: power_of_ten(e) };
    (first..=last).filter(|e| e.rem_euclid(every) == 0).map(power).collect()
}

/// `0.01` to `1000` in plain figures, other powers as `10⁻⁴`.
fn power_of_ten(exponent: i32) -> String {
    match exponent {
        -2..=0 => fixed(10f64.powi(exponent), usize::try_from(-exponent).unwrap_or(0)),
        1..=3 => count(10u64.pow(exponent as u32)),
        _ => format!("10{}", superscript(exponent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: (f64, f64), kind: Kind) -> Vec<String> {
        Scale::new(kind, range, (0.0, 1.0)).ticks(5).into_iter().map(|t| t.label).collect()
    }

    #[test]
    fn ticks_are_round_and_well_written() {
        assert_eq!(labels((-1.9, -0.8), Kind::Linear), ["−1.75", "−1.50", "−1.25", "−1.00"]);
        assert_eq!(
            labels((0.0, 40_000.0), Kind::Linear),
            ["0", "10\u{202f}000", "20\u{202f}000", "30\u{202f}000", "40\u{202f}000"]
        );
        assert_eq!(labels((-0.1, 0.1), Kind::Linear), ["−0.10", "−0.05", "0", "0.05", "0.10"]);
        assert_eq!(labels((2e-6, 9e-6), Kind::Linear), ["2 × 10⁻⁶", "4 × 10⁻⁶", "6 × 10⁻⁶", "8 × 10⁻⁶"]);
        assert_eq!(labels((1e-5, 1.0), Kind::Log), ["10⁻⁴", "0.01", "1"]);
        assert_eq!(labels((1e-4, 0.3), Kind::Log), ["10⁻⁴", "10⁻³", "0.01", "0.1"]);
        assert_eq!(labels((0.2, 0.7), Kind::Log), ["0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]);
    }

    #[test]
    fn ranges_survive_degenerate_values() {
        assert_eq!(range_of(Kind::Linear, []), None);
        assert_eq!(range_of(Kind::Linear, [f64::NAN, f64::INFINITY]), None);
        assert_eq!(range_of(Kind::Log, [0.0, -1.0]), None);
        for values in [vec![0.0], vec![5.0, 5.0], vec![1e-300], vec![-1e149, 1e149], vec![1.0, 1.0 + 1e-16]] {
            for kind in [Kind::Linear, Kind::Log] {
                let Some((lo, hi)) = range_of(kind, values.clone()) else { continue };
                assert!(lo < hi && lo.is_finite() && hi.is_finite(), "{values:?} {kind:?}");
                for tick in Scale::new(kind, (lo, hi), (0.0, 100.0)).ticks(5) {
                    assert!(!tick.label.contains("NaN") && tick.value.is_finite());
                }
            }
        }
    }

    #[test]
    fn positions_follow_the_kind() {
        let linear = Scale::new(Kind::Linear, (0.0, 10.0), (100.0, 0.0));
        assert!((linear.at(2.5) - 75.0).abs() < 1e-12);
        let log = Scale::new(Kind::Log, (1e-4, 1.0), (0.0, 40.0));
        assert!((log.at(1e-2) - 20.0).abs() < 1e-12);
        assert!(log.at(0.0).is_nan());
    }
}
