//! Scenarios: RON files that say what to compute, and the immutable plans made of them.
//!
//! ```text
//! text ─set→ text ─read→ RawScenario ─defaults, quick→ RawScenario ─check→ Plan
//! ```
//!
//! All mistakes of a file are shown at once, each with its line, a caret under the text, what was expected and what to
//! write instead. The resolved scenario, with every default written out, reads back to the same plan.

mod check;
mod defaults;
mod estimate;
mod expect;
mod facts;
mod mistake;
mod plan;
mod position;
mod quick;
mod raw;
mod set;
mod syntax;

use std::path::Path;

use crate::data::file::read_text;
use crate::error::{Error, Result};

pub use estimate::{ASSUMED_SWEEPS, ISING_RATE, MEANS_RATE, PRODUCT_RATE, StageEstimate, TERM_RATE};
pub use expect::{evaluate, promise, whole};
pub use facts::Facts;
pub use plan::{Expect, IsingPlan, MAX_STATES_UNITS, Plan, Point, Source, SpinRule};
pub use raw::{RawAt, RawExpect, RawObserve, RawOverride, RawScenario, RawSource, RawSweep};

use crate::settings::{Problem, refused};
use mistake::{Mistake, Mistakes};
use position::Index;

/// Longest scenario file that is read.
const MAX_SCENARIO: u64 = 1 << 20;

/// What the command line adds to a scenario file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// `KEY=VALUE`, in order.
    pub set: Vec<String>,
    /// Smaller numbers, no promises.
    pub quick: bool,
}

/// Reads a scenario file and makes its plan; paths in it are relative to its directory.
///
/// # Errors
/// [`Error::Input`] for a missing file or a bad `--set`, [`Error::Scenario`] with every mistake in the file.
pub fn load(path: &Path, changes: &Changes) -> Result<Plan> {
    let text = read_text(path, MAX_SCENARIO)?;
    let base = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    parse(&text, &path.display().to_string(), base, changes)
}

/// Makes the plan of a scenario text. `name` stands for the file in messages, `base` is the directory of its paths.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, name: &str, base: &Path, changes: &Changes) -> Result<Plan> {
    let wrong = |text: &str, mistakes: Vec<Mistake>| Error::Scenario(mistake::render(name, text, mistakes));
    let mut text = text.to_string();
    if !changes.set.is_empty() {
        let reading = syntax::read(&text, &Index::new(&text));
        if !reading.mistakes.is_empty() {
            return Err(wrong(&text, reading.mistakes));
        }
        text = set::apply(&text, &changes.set)?;
    }
    let index = Index::new(&text);
    let reading = syntax::read(&text, &index);
    let Some(raw) = reading.value else { return Err(wrong(&text, reading.mistakes)) };
    let outcome = settle(raw, None, base, changes.quick, Mistakes::new(&text, &index));
    match outcome {
        Ok(plan) if reading.mistakes.is_empty() => Ok(plan),
        Ok(_) => Err(wrong(&text, reading.mistakes)),
        Err(more) => {
            // What was taken out of the text to read on may be missed by the checks: that is no second mistake.
            let within = |inner: &str, outer: &str| {
                inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            let taken_out = |m: &Mistake| reading.mistakes.iter().any(|r| within(&r.path, &m.path));
            let more = more.into_iter().filter(|m| !taken_out(m));
            Err(wrong(&text, reading.mistakes.iter().cloned().chain(more).collect()))
        }
    }
}

/// Makes the plan of a scenario that was put together by a program, for example from flags; `facts` are those of its
/// source, which is not looked at again.
///
/// # Errors
/// [`Error::Input`] with every mistake, each named by the flag that is called like its field.
pub fn plan_of(raw: RawScenario, facts: Facts) -> Result<Plan> {
    let index = Index::default();
    settle(raw, Some(facts), Path::new("."), false, Mistakes::new("", &index)).map_err(|mistakes| {
        let problem = |m: Mistake| Problem::new(m.path, m.what, m.expected, m.advice);
        by_flags(mistakes.into_iter().map(problem).collect())
    })
}

/// What a scenario of one stage, put together by a program, makes of that stage.
///
/// # Errors
/// As [`plan_of`]; [`Error::Input`] where the scenario does not have the stage.
pub fn stage_of<T>(raw: RawScenario, facts: Facts, stage: impl FnOnce(Point) -> Option<T>) -> Result<T> {
    let point = plan_of(raw, facts)?.points.into_iter().next();
    point.and_then(stage).ok_or_else(|| Error::input("the plan is empty"))
}

/// Problems of settings as an error that names each by the flag that is called like its field.
#[must_use]
pub fn by_flags(problems: Vec<Problem>) -> Error {
    // A file is named in the message itself.
    refused(problems, |path| (path != "source.path").then(|| flag_of(path)))
}

/// Flags are named like the fields.
fn flag_of(path: &str) -> String {
    let name = path.rsplit('.').next().unwrap_or_default();
    format!("--{}", name.split('[').next().unwrap_or_default().replace('_', "-"))
}

/// Defaults, `--quick`, checks.
fn settle(
    mut raw: RawScenario,
    known: Option<Facts>,
    base: &Path,
    quick: bool,
    mut notes: Mistakes<'_>,
) -> std::result::Result<Plan, Vec<Mistake>> {
    defaults::settle_paths(&mut raw, base);
    let mut facts = known.unwrap_or_else(|| facts::gather(&raw, &mut notes));
    facts.read_earlier_machines(&raw, &mut notes);
    defaults::fill(&mut raw, &facts);
    if quick {
        quick::scale(&mut raw, &mut facts.rows);
    }
    let resolved = resolved(&raw);
    match check::check(&raw, &facts, resolved, &mut notes) {
        Some(plan) => Ok(plan),
        None => Err(notes.into_vec()),
    }
}

/// The scenario as RON.
fn resolved(raw: &RawScenario) -> String {
    let look = ron::ser::PrettyConfig::new().depth_limit(2).compact_arrays(true).new_line("\n");
    // Plain numbers, texts and lists always serialise.
    syntax::dialect().to_string_pretty(raw, look).map_or(String::new(), |text| text + "\n")
}
