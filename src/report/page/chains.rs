//! Whether the chains behind the samples of the machine agree.

use super::super::html::{Cell, Table};
use super::super::model::{PointView, RunView};
use super::super::number::{count, fixed};
use crate::record::{ChainsRecord, StuckRecord};

/// The section; empty where nothing was sampled.
pub(super) fn section(run: &RunView) -> String {
    let points: Vec<(&PointView, &ChainsRecord)> = run.points.iter().filter_map(|p| Some((p, p.chains()?))).collect();
    if points.is_empty() {
        return String::new();
    }
    let columns = ["Point", "#Samples", "#Chains", "#R̂", "#Effective samples", "Modes"];
    let mut table = Table::new("Chains of the machine's samples", &columns);
    for (point, chains) in points {
        let left = |stuck: &StuckRecord| {
            format!(
                "not left by {} % of the chains, by chance {} %",
                fixed(100.0 * stuck.stayed, 1),
                fixed(100.0 * stuck.by_chance, 1)
            )
        };
        table.row([
            Cell::heading(point.heading()),
            Cell::number(count(chains.samples as u64)),
            Cell::number(count(chains.chains as u64)),
            Cell::maybe(chains.r_hat.map(|r_hat| fixed(r_hat, 3))),
            Cell::number(fixed(chains.effective_samples, 0)),
            Cell::text(chains.stuck.as_ref().map_or("left by all".into(), left)),
        ]);
    }
    table.finish()
        + "<p>R̂ compares the variance between halves of chains with that within: near 1 where they agree; many short chains \
           may be sound at more. Effective samples are the independent ones that all are worth in the worst of the observables \
           looked at: free energy, units that are on, leading directions of weights and samples. Chains that do not leave the \
           mode where they began tell the shares of modes at the start, not those of the machine.</p>\n"
}
