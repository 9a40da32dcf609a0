//! Runs that outlive their device: what a lost one had finished is kept, the rest is done on the next.

use std::sync::atomic::{AtomicBool, Ordering};

use super::scenario::{Attempt, Finished, RunRequest, manifest_of};
use crate::artifact::{CheckpointStore, RunDirectory, names, read_records};
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::record::Record;
use crate::scenario::Plan;

/// Times that a run whose device failed is begun again from what it has kept.
const ATTEMPTS: usize = 3;

/// How far a run has come: points done, then updates of the newest checkpoints of those that are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Kept {
    done: usize,
    updates: u64,
}

/// Runs all points with `attempt`, which gives the run to a device that it opens. Where the device fails after something
/// was kept that was not there before, the run goes on from there; its results are the same.
///
/// # Errors
/// As [`super::scenario::run`], with what the last attempt fails with.
pub fn run_through_failures(
    plan: &Plan,
    request: &RunRequest,
    listener: &mut (dyn Listener + Send),
    mut attempt: impl FnMut(Attempt<'_>) -> Result<Finished>,
) -> Result<Finished> {
    let mut request = request.clone();
    let mut before = if request.resume { kept(plan, &request)? } else { Kept::default() };
    for _ in 1..ATTEMPTS {
        let begun = AtomicBool::new(false);
        let manifest = manifest_of(plan, &request)?;
        let this = Attempt { plan, request: &request, manifest, begun: &begun, listener: &mut *listener };
        let error = match attempt(this) {
            Err(error @ Error::Device(_)) => error,
            other => return other,
        };
        // Without progress the next attempt would fail in the same way; an earlier run's files are no progress.
        let now = if begun.load(Ordering::Relaxed) { kept(plan, &request)? } else { Kept::default() };
        if now <= before {
            return Err(error);
        }
        listener.event(Event::Warning(format!("{error}; going on from what is kept")));
        (before, request.resume, request.force) = (now, true, false);
    }
    let manifest = manifest_of(plan, &request)?;
    attempt(Attempt { plan, request: &request, manifest, begun: &AtomicBool::new(false), listener })
}

fn kept(plan: &Plan, request: &RunRequest) -> Result<Kept> {
    let Some((directory, _)) = RunDirectory::resume(&request.out)? else { return Ok(Kept::default()) };
    let mut kept = Kept::default();
    for point in &plan.points {
        // Looked at only: a run that is refused leaves no directory of a point behind.
        let place = directory.path().join(&point.label);
        if read_records(&place.join(names::METRICS))?.iter().any(|record| matches!(record, Record::Done(_))) {
            kept.done += 1;
        } else {
            let checkpoints = CheckpointStore::new(place.join(names::CHECKPOINTS), 1).list()?;
            kept.updates += checkpoints.last().map_or(0, |(update, _)| *update);
        }
    }
    Ok(kept)
}
