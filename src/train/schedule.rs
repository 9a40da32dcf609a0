//! How the learning rate falls over a training.

use std::str::FromStr;

use crate::error::{Error, Fault};
use crate::numerics::readable;

/// Shape of the learning rate over the updates.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// η throughout.
    Constant,
    /// η (1 − t/T).
    Linear,
    /// ½ η (1 + cos(π t/T)): long at high rates, then gentle (Loshchilov and Hutter 2017, one cycle).
    Cosine,
    /// η up to an update, and from there on to the end as by a half of a cosine.
    Plateau {
        /// Updates at the full rate.
        until: u64,
    },
    /// η factor^⌊t/every⌋.
    Steps {
        /// Updates at one rate.
        every: u64,
        /// What the rate is multiplied by after them.
        factor: f64,
    },
}

impl Schedule {
    /// Learning rate of update `t` of `total`.
    #[must_use]
    pub fn rate(self, first: f64, t: u64, total: u64) -> f64 {
        let x = t as f64 / total.max(1) as f64;
        match self {
            Self::Constant => first,
            Self::Linear => first * (1.0 - x),
            Self::Cosine => first * 0.5 * (1.0 + (std::f64::consts::PI * x).cos()),
            Self::Plateau { until } => {
                let x = t.saturating_sub(until) as f64 / total.saturating_sub(until).max(1) as f64;
                first * 0.5 * (1.0 + (std::f64::consts::PI * x.min(1.0)).cos())
            }
            Self::Steps { every, factor } => first * factor.powf((t / every.max(1)) as f64),
        }
    }

    /// What is wrong with its numbers, if anything.
    #[must_use]
    pub fn mistake(self) -> Option<Fault> {
        match self {
            Self::Steps { every, factor } if every == 0 || !(factor > 0.0 && factor <= 1.0) => Some(
                Fault::new(format!("steps of {every} updates with the factor {}", readable(factor)))
                    .expected("at least 1 update, and a factor above 0 and at most 1")
                    .advice("the factor 0.1 is usual"),
            ),
            _ => None,
        }
    }
}

impl FromStr for Schedule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let steps = || {
            let (every, factor) = text.strip_prefix("steps:")?.split_once(':')?;
            Some(Self::Steps { every: every.parse().ok()?, factor: factor.parse().ok()? })
        };
        match text {
            "constant" => Ok(Self::Constant),
            "linear" => Ok(Self::Linear),
            "cosine" => Ok(Self::Cosine),
            _ if text.starts_with("plateau:") => {
                let until = text["plateau:".len()..].parse();
                until.map(|until| Self::Plateau { until }).map_err(|_| {
                    Error::Input(
                        Fault::new(format!("schedule \"{text}\"")).expected("plateau:UPDATES, as plateau:5000"),
                    )
                })
            }
            _ => steps().ok_or_else(|| {
                Error::Input(Fault::new(format!("schedule \"{text}\"")).expected(
                    "constant, linear, cosine, plateau:UPDATES or steps:EVERY:FACTOR, for example steps:5000:0.1",
                ))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn rates_start_at_the_given_rate_and_fall_to_zero() {
        for schedule in [Schedule::Linear, Schedule::Cosine] {
            assert!((schedule.rate(0.5, 0, 100) - 0.5).abs() < 1e-15);
            assert!((schedule.rate(0.5, 50, 100) - 0.25).abs() < 1e-15);
            assert!(schedule.rate(0.5, 100, 100).abs() < 1e-15);
        }
        assert!((Schedule::Constant.rate(0.5, 99, 100) - 0.5).abs() < 1e-15);
        let steps = Schedule::Steps { every: 40, factor: 0.5 };
        assert_eq!([0, 39, 40, 79, 80, 99].map(|t| steps.rate(0.5, t, 100)), [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]);
    }

    #[test]
    fn schedules_are_read_from_text() {
        let steps = Schedule::Steps { every: 5000, factor: 0.1 };
        assert_eq!("steps:5000:0.1".parse(), Ok(steps));
        assert_eq!("cosine".parse(), Ok(Schedule::Cosine));
        for text in ["steps", "steps:5", "steps:x:0.1", "steps:5:", "Cosine", ""] {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
        assert!(steps.mistake().is_none() && Schedule::Linear.mistake().is_none());
        for (every, factor) in [(0, 0.1), (1, 0.0), (1, 1.1), (1, f64::NAN), (1, -0.5)] {
            assert!(Schedule::Steps { every, factor }.mistake().is_some(), "{every} {factor}");
        }
    }
}
