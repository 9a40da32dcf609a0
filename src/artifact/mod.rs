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
mod directory;
mod ladder;
mod manifest;
mod online;
mod point;
mod read;
mod results;
mod store;
mod tables;
mod tensorboard;

pub use checkpoint::{Checkpoint, read_checkpoint, write_checkpoint};
pub use directory::RunDirectory;
pub use manifest::{InputFile, Manifest, Part, timestamp};
pub use point::PointDirectory;
pub use read::{Point, Run, read_records, read_run};
pub use results::{write_results_csv, write_seeds_csv};
pub use store::CheckpointStore;
pub use tables::{CouplingRow, write_couplings_csv, write_metrics_csv, write_observables_csv};
pub use tensorboard::{tensorboard_header, tensorboard_record};

/// Names of the files in a run directory and its points; nothing else is ever written there.
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
