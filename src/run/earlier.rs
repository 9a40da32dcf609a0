//! What a run that goes on may take over from the run directory it finds.

use std::path::Path;

use crate::artifact::RunDirectory;
use crate::error::{Error, Fault, Result};
use crate::record::Record;
use crate::scenario::{self, Changes, Plan, Point};

/// Makes the directory of an earlier run that of `plan`: the same scenario, or one that makes the same machines and reads
/// other things out of them. Points of which other things are to be read are no longer done; their machines stay.
///
/// # Errors
/// [`Error::Checkpoint`] where other machines are wanted than the directory has, file errors.
pub(super) fn take_over(directory: &RunDirectory, plan: &Plan) -> Result<()> {
    let text = directory.scenario()?;
    if text == plan.resolved {
        return Ok(());
    }
    // Paths in it are absolute.
    let before = scenario::parse(&text, "scenario.ron", Path::new("."), &Changes::default());
    let before = before.ok().filter(|before| makes_the_same(before, plan)).ok_or_else(|| {
        Error::Checkpoint(
            Fault::new("the run directory was written by another scenario")
                .at(directory.path().display())
                .expected("the same source, machines, training and seed; what is read out of the machines may differ")
                .advice("choose another --out, or --force to replace it"),
        )
    })?;
    for (earlier, now) in before.points.iter().zip(&plan.points) {
        if !reads_the_same(earlier, now) {
            directory.point(&now.label)?.retain(|record| !matches!(record, Record::Done(_)))?;
        }
    }
    // Last: until here the directory is that of the earlier scenario, some points of which are to be done again.
    directory.write_scenario(&plan.resolved)
}

fn makes_the_same(before: &Plan, now: &Plan) -> bool {
    let same = |(p, q): (&Point, &Point)| {
        let trained = match (&p.train, &q.train) {
            (Some(p), Some(q)) => p.makes_the_same(q),
            (p, q) => p.is_none() && q.is_none(),
        };
        (&p.label, p.seed, &p.source, p.lattice, p.temperature)
            == (&q.label, q.seed, &q.source, q.lattice, q.temperature)
            && trained
    };
    before.name == now.name
        && before.points.len() == now.points.len()
        && before.points.iter().zip(&now.points).all(same)
}

fn reads_the_same(p: &Point, q: &Point) -> bool {
    (&p.sample, &p.likelihood, p.observe, &p.couplings) == (&q.sample, &q.likelihood, q.observe, &q.couplings)
}
