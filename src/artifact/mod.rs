//! What a run leaves behind: the run directory, its manifest and tables, and the checkpoints of a training.
//!
//! ```text
//! runs/quickstart/
//!   scenario.ron       the scenario as it was run, every default written out
//!   manifest.json      version, seed, command, device, hashes of the input, times
//!   temperature=1.8/   one directory a point of the sweep; without a sweep its files lie beside the manifest
//!     metrics.jsonl    one record a line
//!     metrics.csv  observables.csv  couplings.csv  samples.npz  model.safetensors
//!     checkpoints/
//! ```
//!
//! Writers are the stages of a run; [`read_run`] reads it all back for the report.

mod checkpoint;
#[cfg(feature = "files")]
mod checkpoint_file;
#[cfg(feature = "files")]
mod directory;
#[cfg(not(feature = "files"))]
mod in_memory;
mod input;
#[cfg(feature = "files")]
mod ladder;
#[cfg(feature = "files")]
mod manifest;
#[cfg(feature = "files")]
mod online;
#[cfg(feature = "files")]
mod point;
#[cfg(feature = "files")]
mod read;
#[cfg(feature = "files")]
mod results;
#[cfg(feature = "files")]
mod store;
#[cfg(feature = "files")]
mod tables;
#[cfg(feature = "files")]
mod tensorboard;

pub use checkpoint::Checkpoint;
#[cfg(not(feature = "files"))]
pub use in_memory::CheckpointStore;
pub use input::InputFile;
#[cfg(feature = "files")]
pub use {
    checkpoint_file::{read_checkpoint, write_checkpoint},
    directory::RunDirectory,
    manifest::{Manifest, Part, timestamp},
    point::PointDirectory,
    read::{Point, Run, read_records, read_run},
    results::{write_results_csv, write_seeds_csv},
    store::CheckpointStore,
    tables::{CouplingRow, write_couplings_csv, write_metrics_csv, write_observables_csv},
    tensorboard::{tensorboard_header, tensorboard_record},
};

/// Names of the files in a run directory and its points; nothing else is ever written there.
#[cfg(feature = "files")]
pub mod names {
    /// The resolved scenario.
    pub const SCENARIO: &str = "scenario.ron";
    /// [`super::Manifest`].
    pub const MANIFEST: &str = "manifest.json";
    /// One [`crate::record::Record`] a line.
    pub const METRICS: &str = "metrics.jsonl";
    /// Flat table of the training metrics.
    pub const METRICS_TABLE: &str = "metrics.csv";
    /// Training metrics for TensorBoard, which looks for names with `tfevents` in them.
    pub const EVENTS: &str = "events.out.tfevents.gibbsite";
    /// Observables of source and model beside exact values.
    pub const OBSERVABLES: &str = "observables.csv";
    /// Couplings of the spin basis.
    pub const COUPLINGS: &str = "couplings.csv";
    /// Couplings of the binary basis.
    pub const COUPLINGS_BINARY: &str = "couplings-binary.csv";
    /// Pair matrix `[n, n]` f64 of the spin basis.
    pub const MATRIX: &str = "couplings.npy";
    /// Pair matrix `[n, n]` f64 of the binary basis.
    pub const MATRIX_BINARY: &str = "couplings-binary.npy";
    /// Samples of the source.
    pub const DATA: &str = "data.npz";
    /// Samples of the model.
    pub const SAMPLES: &str = "samples.npz";
    /// The trained model.
    pub const MODEL: &str = "model.safetensors";
    /// One row a point.
    pub const RESULTS: &str = "results.csv";
    /// One row for points that differ by the seed alone.
    pub const SEEDS: &str = "seeds.csv";
    /// The report.
    pub const REPORT: &str = "report.html";
    /// Directory of the checkpoints.
    pub const CHECKPOINTS: &str = "checkpoints";

    /// Files of a point.
    pub(crate) const OF_POINT: [&str; 12] = [
        METRICS,
        METRICS_TABLE,
        EVENTS,
        OBSERVABLES,
        COUPLINGS,
        COUPLINGS_BINARY,
        MATRIX,
        MATRIX_BINARY,
        DATA,
        SAMPLES,
        MODEL,
        REPORT,
    ];
}
