//! The Monte Carlo stage: samples, observables, exact values beside them.

use super::Source;
use crate::backend::Backend;
use crate::data::DataSet;
use crate::error::Result;
use crate::events::Listener;
use crate::ising::{Outcome, Settings, generate, rule_name};
use crate::observables::{correlations, exact_observables, observables};
use crate::record::IsingRecord;

/// Runs the Monte Carlo and measures on the recorded sums and on the configurations.
///
/// # Errors
/// As [`generate`].
pub fn ising<B: Backend>(
    backend: &B,
    settings: &Settings,
    listener: &mut dyn Listener,
) -> Result<(IsingRecord, Source)> {
    let outcome = generate(backend, settings, listener)?;
    let (lattice, temperature) = (settings.lattice, settings.temperature);
    let mut observed = observables(&outcome.series, lattice, temperature)?;
    // G(r) from whole sampling times, so that replicas stay aligned.
    let whole = outcome.samples.rows() / outcome.replicas * outcome.replicas;
    if whole > 0 {
        let found = correlations(&outcome.samples.slice_rows(0..whole), lattice, outcome.replicas, 0.5)?;
        observed.correlation = found.along_axis;
        observed.correlation_length = found.length;
    }
    let exact = exact_observables(lattice, temperature);
    let record = IsingRecord {
        observables: observed,
        exact: exact.clone(),
        algorithm: rule_name(settings.rule).to_string(),
        replicas: outcome.replicas,
        thermalisation: outcome.thermalisation,
        spacing: outcome.spacing,
        flips_per_ns: outcome.flips_per_ns,
    };
    let data = data_set(outcome, settings);
    Ok((record, Source { data, exact }))
}

fn data_set(outcome: Outcome, settings: &Settings) -> DataSet {
    let rows = outcome.samples.rows();
    let mut data = DataSet::new(
        outcome.samples,
        format!("{} at T = {}, {}", settings.lattice, settings.temperature, rule_name(settings.rule)),
    );
    data.lattice = Some(settings.lattice);
    data.temperature = Some(settings.temperature);
    data.sweeps = Some((0..rows).map(|row| outcome.sweeps[row / outcome.replicas]).collect());
    data.replicas = Some((0..rows).map(|row| (row % outcome.replicas) as u32).collect());
    data.seed = Some(settings.seed);
    data
}
