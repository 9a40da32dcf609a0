//! Arguments of the commands that train a machine or look at one.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::settings::{CouplingsSettings, LikelihoodSettings, ModelSettings, SampleSettings, TrainSettings};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum StreamSwitch {
    /// Where the rows are too large for memory
    Auto,
    /// Always
    On,
    /// Never
    Off,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TrainArgs {
    /// Binary data (.npy, .npz, .csv)
    #[arg(value_name = "DATA")]
    pub(in crate::cli) data: PathBuf,
    #[command(flatten, next_help_heading = "Model")]
    pub(in crate::cli) model: ModelSettings,
    #[command(flatten, next_help_heading = "Training")]
    pub(in crate::cli) train: TrainSettings,
    /// Plain gradient: the same as --centred=false
    #[arg(long, conflicts_with = "centred", hide = true)]
    pub(in crate::cli) not_centred: bool,
    /// Temperature of the samples in J/k_B; picks those of one from a file with several [default: what the file says]
    #[arg(long, value_name = "T")]
    pub(in crate::cli) temperature: Option<f64>,
    /// Directory for metrics.jsonl, metrics.csv and events of TensorBoard
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) log: Option<PathBuf>,
    /// Read the rows of every minibatch from disk: on, off, or auto (where an .npy file is too large for memory)
    #[arg(long, value_enum, default_value = "auto")]
    pub(in crate::cli) stream: StreamSwitch,
    /// Go on from the checkpoint beside the model file, or from its end with more updates; a training that is finished is
    /// left as it is
    #[arg(long, conflicts_with = "force")]
    pub(in crate::cli) resume: bool,
    /// Replace the model, checkpoints and log of an earlier training
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Model file
    #[arg(short, long, default_value = "model.safetensors", value_name = "FILE")]
    pub(in crate::cli) out: PathBuf,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SampleArgs {
    /// Model (.safetensors)
    #[arg(value_name = "MODEL")]
    pub(in crate::cli) model: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) settings: SampleSettings,
    /// File of the samples (.npy, .npz or .csv)
    #[arg(short, long, default_value = "samples.npy", value_name = "FILE")]
    pub(in crate::cli) out: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LikelihoodArgs {
    /// Model (.safetensors)
    #[arg(value_name = "MODEL")]
    pub(in crate::cli) model: PathBuf,
    /// Binary data (.npy, .npz, .csv); before it further models, which are compared with the first on the same rows
    #[arg(value_name = "MODEL… DATA")]
    pub(in crate::cli) others_and_data: Vec<PathBuf>,
    /// Temperature of the samples in J/k_B; picks those of one from a file with several [default: what the file says]
    #[arg(long, value_name = "T")]
    pub(in crate::cli) temperature: Option<f64>,
    #[command(flatten)]
    pub(in crate::cli) settings: LikelihoodSettings,
    /// Exit with 3 when the result warns of itself
    #[arg(long)]
    pub(in crate::cli) strict: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CouplingsArgs {
    /// Model (.safetensors)
    #[arg(value_name = "MODEL")]
    pub(in crate::cli) model: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) settings: CouplingsSettings,
    /// File with one unit (name or number) a line, among which couplings of order 3 are read
    #[arg(long = "units", value_name = "FILE", conflicts_with = "units")]
    pub(in crate::cli) units_file: Option<PathBuf>,
    /// List of couplings (.csv)
    #[arg(short, long, default_value = "couplings.csv", value_name = "FILE")]
    pub(in crate::cli) out: PathBuf,
    /// Pair matrix (.npy)
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) matrix: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    pub(in crate::cli) force: bool,
}
