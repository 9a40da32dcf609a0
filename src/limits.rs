//! Ranges of settings, and what is said of a number outside.

use std::ops::RangeInclusive;

use crate::error::Fault;
use crate::numerics::readable;

/// A setting that cannot be: its key, as in a scenario, and what is wrong with it.
pub type Mistake = (&'static str, Fault);

/// Whole numbers that a setting may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountLimit {
    /// The setting, as in a scenario.
    pub key: &'static str,
    /// What is counted.
    pub things: &'static str,
    /// What it may be.
    pub range: RangeInclusive<u64>,
}

/// Numbers that a setting may have; all of them are finite.
#[derive(Debug, Clone, Copy)]
pub struct NumberLimit {
    /// The setting, as in a scenario.
    pub key: &'static str,
    /// Whether a finite number will do.
    pub holds: fn(f64) -> bool,
    /// What will.
    pub expected: &'static str,
    /// A usual one.
    pub advice: &'static str,
}

/// A limit of the count `key`.
pub(crate) const fn count(key: &'static str, things: &'static str, low: u64, high: u64) -> CountLimit {
    CountLimit { key, things, range: low..=high }
}

/// Largest number of steps or rows that is addressed with 32 bits.
pub(crate) const ADDRESSED: u64 = u32::MAX as u64;

impl CountLimit {
    /// What is expected, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        format!("a whole number from {} to {}", self.range.start(), self.range.end())
    }

    /// What helps a count that is outside.
    #[must_use]
    pub fn advice(&self, n: u64) -> String {
        let (low, high) = (self.range.start(), self.range.end());
        if n < *low { format!("write {low} or more") } else { format!("write {high} or less") }
    }

    /// What is wrong with `n`, if anything.
    #[must_use]
    pub fn mistake(&self, n: u64) -> Option<Mistake> {
        let fault = || Fault::new(format!("{n} {}", self.things)).expected(self.expected()).advice(self.advice(n));
        (!self.range.contains(&n)).then(|| (self.key, fault()))
    }
}

impl NumberLimit {
    /// Whether `x` is a number that will do.
    #[must_use]
    pub fn allows(&self, x: f64) -> bool {
        x.is_finite() && (self.holds)(x)
    }

    /// What is wrong with `x`, if anything.
    #[must_use]
    pub fn mistake(&self, x: f64) -> Option<Mistake> {
        let name = self.key.replace('_', " ");
        let fault = || Fault::new(format!("{name} {}", readable(x))).expected(self.expected).advice(self.advice);
        (!self.allows(x)).then(|| (self.key, fault()))
    }
}
