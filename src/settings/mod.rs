//! Settings of the stages, as they are said: the blocks of a scenario and the flags of a command are these same types.
//!
//! ```text
//! said (some fields) ─filled→ said (all fields) ─check→ problems
//!                                               └resolve→ plan of the stage, with the numbers that its engine takes
//! ```
//!
//! A field stands here once, with its unit, its default and what it does; help, documents, limits and the scenario's syntax
//! follow from it. What is not said is `None`, so that one block can be laid over another.

mod couplings;
mod fit;
mod likelihood;
mod machine;
mod names;
mod sample;
mod train;
mod values;

pub use self::couplings::{CouplingsPlan, CouplingsSettings, UnitName};
pub use self::fit::{Candidate, Fit, default_hidden};
pub use self::likelihood::{Enumerate, Ladder, LadderChoice, LikelihoodPlan, LikelihoodSettings, Reverse};
pub use self::machine::ModelSettings;
pub(crate) use self::names::nearest_name;
pub use self::sample::{Replicas, SamplePlan, SampleSettings, Tempering};
pub use self::train::{TrainPlan, TrainSettings};
pub use self::values::{HeldOut, Switch};
pub use crate::train::{Algorithm, Augment, Optimizer, Schedule};

pub use crate::couplings::{Basis, Method};
use crate::error::{Error, Fault};
use crate::lattice::Lattice;
use crate::limits::{CountLimit, Mistake, NumberLimit};

/// What is known about the data or the machine that a stage works on, as far as defaults and limits depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct About {
    /// Rows of data.
    pub rows: Option<usize>,
    /// Visible units.
    pub n_visible: Option<usize>,
    /// Lattice of the visible units, where they are spins.
    pub lattice: Option<Lattice>,
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field, e.g. `learning_rate`, or a part of it, e.g. `orders[1]`.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What it may be.
    pub expected: String,
    /// What helps; may be empty.
    pub advice: String,
}

impl Problem {
    /// A problem of the field `path`.
    pub(crate) fn new(
        path: impl Into<String>,
        what: impl Into<String>,
        expected: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), what: what.into(), expected: expected.into(), advice: advice.into() }
    }
}

/// Problems as one error, each at the place that `place` gives its path, if any.
pub(crate) fn refused(problems: Vec<Problem>, place: impl Fn(&str) -> Option<String>) -> Error {
    let mut faults = problems.into_iter().map(|Problem { path, what, expected, advice }| Fault {
        what,
        place: place(&path),
        expected: Some(expected).filter(|text| !text.is_empty()),
        advice: Some(advice).filter(|text| !text.is_empty()),
    });
    let first = faults.next().unwrap_or_else(|| Fault::new("the plan is empty"));
    let rest: String = faults.map(|fault| format!("\n{fault}")).collect();
    Error::Input(if rest.is_empty() { first } else { Fault::new(format!("{first}{rest}")) })
}

impl From<Mistake> for Problem {
    fn from((key, Fault { what, expected, advice, .. }): Mistake) -> Self {
        Self::new(key, what, expected.unwrap_or_default(), advice.unwrap_or_default())
    }
}

/// Problems of counts that are said and outside of their limits.
fn counts<const N: usize>(given: [(Option<u64>, CountLimit); N]) -> impl Iterator<Item = Problem> {
    given.into_iter().filter_map(|(n, limit)| limit.mistake(n?)).map(Problem::from)
}

/// Problems of numbers that are said and outside of their limits.
fn numbers<const N: usize>(given: [(Option<f64>, NumberLimit); N]) -> impl Iterator<Item = Problem> {
    given.into_iter().filter_map(|(x, limit)| limit.mistake(x?)).map(Problem::from)
}

/// A count that was checked, in the width of the engine; beyond that its largest value, which every limit refuses.
fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// As [`size`], 32 bits.
fn word(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Lays what `over` says over `base`.
fn laid_over<T: serde::Serialize + serde::de::DeserializeOwned + Clone>(base: &T, over: &T) -> T {
    let (Ok(serde_json::Value::Object(mut fields)), Ok(serde_json::Value::Object(more))) =
        (serde_json::to_value(base), serde_json::to_value(over))
    else {
        return base.clone();
    };
    fields.extend(more);
    serde_json::from_value(fields.into()).unwrap_or_else(|_| base.clone())
}
