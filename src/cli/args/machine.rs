//! Arguments of the commands that train a machine or look at one.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::rbm::Units;
use crate::train::limits::{CHECKPOINTS, GIBBS_STEPS, HELD_OUT, KEEP_CHECKPOINTS, METRICS, RUNGS, UPDATES};
use crate::train::{Augment, CHAINS, Choice, Optimizer, Schedule, WEIGHT_SCALE};
use crate::{couplings, likelihood, sample};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum TrainAlgorithm {
    /// Contrastive divergence
    Cd,
    /// Contrastive divergence by means instead of draws
    MeanField,
    /// Persistent contrastive divergence
    Pcd,
    /// Persistent chains, tempered: replicas at other temperatures
    Pt,
    /// Persistent chains, tempered: replicas at earlier machines of the same training
    Trajectory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Switch {
    /// On for lattice data
    Auto,
    /// Always
    On,
    /// Never
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum StreamSwitch {
    /// Where the rows are too large for memory
    Auto,
    /// Always
    On,
    /// Never
    Off,
}

/// How gradients become steps, and what holds parameters small.
#[derive(Debug, Args)]
pub(in crate::cli) struct OptimizerArgs {
    /// How gradients become steps; auto: rmsprop with rates of the plain gradient [default: auto, or sgd where a
    /// momentum is given]
    #[arg(long, value_name = "auto|sgd|nesterov|adam|rmsprop")]
    pub(in crate::cli) optimizer: Option<Optimizer>,
    /// Learning rate at the start [default: 0.2, of sgd and nesterov 0.1, of adam and rmsprop 0.003]
    #[arg(long, value_name = "RATE")]
    pub(in crate::cli) learning_rate: Option<f64>,
    /// Momentum; of adam the decay of its mean gradient [default: 0, of nesterov and adam 0.9]
    #[arg(long, value_name = "M")]
    pub(in crate::cli) momentum: Option<f64>,
    /// Decay of the mean square gradient [default: adam 0.999, auto and rmsprop 0.99]
    #[arg(long, value_name = "BETA2")]
    pub(in crate::cli) square_decay: Option<f64>,
    /// Added to the root of the mean square gradient [default: 1e-8]
    #[arg(long, value_name = "EPSILON")]
    pub(in crate::cli) epsilon: Option<f64>,
    /// L2 on the weights [default: 0]
    #[arg(long, value_name = "LAMBDA")]
    pub(in crate::cli) weight_decay: Option<f64>,
    /// L1 on the weights [default: 0]
    #[arg(long, value_name = "LAMBDA")]
    pub(in crate::cli) l1: Option<f64>,
    /// Largest norm of a hidden unit's weights [default: none]
    #[arg(long, value_name = "NORM")]
    pub(in crate::cli) max_norm: Option<f64>,
    /// Largest size of a component of the gradient [default: none]
    #[arg(long, value_name = "SIZE")]
    pub(in crate::cli) clip: Option<f64>,
    /// Mean activity, between 0 and 1, to which the biases of hidden units draw them [default: none]
    #[arg(long, value_name = "P")]
    pub(in crate::cli) sparse_target: Option<f64>,
    /// How strongly they do so [default: 0.1]
    #[arg(long, value_name = "COST")]
    pub(in crate::cli) sparse_cost: Option<f64>,
}

impl OptimizerArgs {
    /// What they say.
    pub(in crate::cli) fn choice(&self) -> Choice {
        Choice {
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            momentum: self.momentum,
            square_decay: self.square_decay,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
            l1: self.l1,
            max_norm: self.max_norm,
            clip: self.clip,
            sparse_target: self.sparse_target,
            sparse_cost: self.sparse_cost,
        }
    }
}

/// Rows that are looked at and not trained on.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli) enum HeldOut {
    /// Part of the rows of the data.
    Fraction(f64),
    /// Those of another file.
    File(PathBuf),
}

impl std::str::FromStr for HeldOut {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::File(text.into()), Self::Fraction))
    }
}

impl std::fmt::Display for HeldOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fraction(fraction) => write!(f, "{fraction}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl HeldOut {
    /// Part of the rows of the data that are kept out.
    pub(in crate::cli) fn fraction(&self) -> f64 {
        if let Self::Fraction(fraction) = self { *fraction } else { 0.0 }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TrainArgs {
    /// Binary data (.npy, .npz, .csv)
    #[arg(value_name = "DATA")]
    pub(in crate::cli) data: PathBuf,
    /// Hidden units
    #[arg(long, value_name = "N")]
    pub(in crate::cli) hidden: usize,
    /// Where the chains of the model start in every update
    #[arg(long, value_enum, default_value = "pcd")]
    pub(in crate::cli) algorithm: TrainAlgorithm,
    /// Rungs of the ladder of pt, or the most that trajectory may have; each has --chains chains
    #[arg(long, default_value_t = RUNGS, value_name = "N")]
    pub(in crate::cli) rungs: usize,
    /// Gibbs steps of an update, or steps of mean-field
    #[arg(long, default_value_t = GIBBS_STEPS, value_name = "K")]
    pub(in crate::cli) gibbs_steps: u32,
    /// Persistent chains
    #[arg(long, default_value_t = CHAINS, value_name = "N")]
    pub(in crate::cli) chains: usize,
    /// Chains that follow the training for its likelihood: a multiple of 16 from 64 on, of which 512 serve in most cases,
    /// or 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(in crate::cli) online_chains: usize,
    /// Rows of a minibatch [default: 250, or all rows if there are fewer]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) batch: Option<usize>,
    /// How the rate falls: not at all, to 0 on a straight line or a half cosine, or by FACTOR after every EVERY updates
    #[arg(long, default_value = "cosine", value_name = "constant|linear|cosine|steps:EVERY:FACTOR")]
    pub(in crate::cli) schedule: Schedule,
    /// Number of updates
    #[arg(long, default_value_t = UPDATES, value_name = "N", conflicts_with = "epochs")]
    pub(in crate::cli) updates: u64,
    /// Passes over the training rows, instead of updates
    #[arg(long, value_name = "N")]
    pub(in crate::cli) epochs: Option<u64>,
    #[command(flatten)]
    pub(in crate::cli) optimizer: OptimizerArgs,
    /// Plain instead of centred gradient
    #[arg(long)]
    pub(in crate::cli) not_centred: bool,
    /// Factor on the learning rate of the biases [default: 0.1 with flip moves, else 1]
    #[arg(long, value_name = "FACTOR")]
    pub(in crate::cli) bias_rate: Option<f64>,
    /// Flip moves of the chains, exact for data with up-down symmetry
    #[arg(long, value_enum, default_value = "auto")]
    pub(in crate::cli) flip: Switch,
    /// Translations of the chains around a periodic lattice
    #[arg(long, value_enum, default_value = "auto")]
    pub(in crate::cli) translations: Switch,
    /// Move the rows of every minibatch by symmetries of the data, drawn at random [default: on lattice data those by which
    /// the chains are moved, else none]
    #[arg(long, value_name = "none|flip|translations|both")]
    pub(in crate::cli) augment: Option<Augment>,
    /// Fraction of the rows kept out of the training, or a file of other rows to be looked at in their place
    #[arg(long, default_value_t = HeldOut::Fraction(HELD_OUT), value_name = "FRACTION|FILE")]
    pub(in crate::cli) held_out: HeldOut,
    /// Temperature of the samples in J/k_B; picks those of one from a file with several [default: what the file says]
    #[arg(long, value_name = "T")]
    pub(in crate::cli) temperature: Option<f64>,
    /// Values of the units for which the model is written: 0 and 1 (binary) or -1 and +1 (spin), on both sides or as
    /// visible,hidden; rates, weight scale and anchors are those of units 0 and 1
    #[arg(long, default_value = "binary", value_name = "binary|spin|V,H")]
    pub(in crate::cli) units: Units,
    /// Standard deviation of the initial weights
    #[arg(long, default_value_t = WEIGHT_SCALE, value_name = "SIGMA")]
    pub(in crate::cli) weight_scale: f64,
    /// Weight of each hidden unit to a visible unit of its own at the start, 0 for none [default: 4 for lattice data, else 2]
    #[arg(long, value_name = "W")]
    pub(in crate::cli) anchor: Option<f64>,
    /// How many times the likelihood is measured
    #[arg(long, default_value_t = METRICS, value_name = "N")]
    pub(in crate::cli) metrics: u64,
    /// How many times a checkpoint is written, besides one every ten minutes and at INT, TERM, HUP, USR1 and USR2; the last
    /// one stays when the training has ended, for more updates; with 0 none does
    #[arg(long, default_value_t = CHECKPOINTS, value_name = "N")]
    pub(in crate::cli) checkpoints: u64,
    /// Newest checkpoints that stay, besides older ones at growing distances
    #[arg(long, default_value_t = KEEP_CHECKPOINTS, value_name = "N")]
    pub(in crate::cli) keep_checkpoints: usize,
    /// Stop after this many metrics without a gain on held-out rows, and keep the machine that was best on them
    #[arg(long, value_name = "N")]
    pub(in crate::cli) patience: Option<u64>,
    /// Directory for metrics.jsonl, metrics.csv and events of TensorBoard
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) log: Option<PathBuf>,
    /// Go on when the training diverges, as long as its numbers are finite
    #[arg(long)]
    pub(in crate::cli) keep_going: bool,
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
    /// Number of samples
    #[arg(long, default_value_t = sample::SAMPLES, value_name = "N")]
    pub(in crate::cli) samples: usize,
    /// Parallel chains
    #[arg(long, default_value_t = sample::CHAINS, value_name = "N")]
    pub(in crate::cli) chains: usize,
    /// Gibbs steps before the first sample
    #[arg(long, default_value_t = sample::THERMALISE, value_name = "N")]
    pub(in crate::cli) thermalise: u32,
    /// Gibbs steps between samples of a chain
    #[arg(long, default_value_t = sample::EVERY, value_name = "N")]
    pub(in crate::cli) every: u32,
    /// Flip moves of the chains, exact for any model
    #[arg(long, value_enum, default_value = "auto")]
    pub(in crate::cli) flip: Switch,
    /// Translations of the chains around the model's lattice
    #[arg(long, value_enum, default_value = "auto")]
    pub(in crate::cli) translations: Switch,
    /// Replicas at other temperatures that exchange with the chains: auto (as many as the model needs), a number of rungs,
    /// or off
    #[arg(long, default_value = "off", value_name = "auto|R|off")]
    pub(in crate::cli) tempering: String,
    /// Replicas at these machines instead, the earliest first: models or checkpoints of the training
    #[arg(long, value_delimiter = ',', value_name = "FILE,…", conflicts_with = "tempering")]
    pub(in crate::cli) trajectory: Vec<PathBuf>,
    /// File of the samples (.npy, .npz or .csv)
    #[arg(short, long, default_value = "samples.npy", value_name = "FILE")]
    pub(in crate::cli) out: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

/// Where reverse AIS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReverseName {
    /// At exact samples where ln Z is enumerated, else at tempering chains
    Auto,
    /// At exact samples
    Exact,
    /// At tempering chains
    Tempering,
    /// No reverse AIS
    Off,
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
    /// AIS chains
    #[arg(long, default_value_t = likelihood::CHAINS, value_name = "N")]
    pub(in crate::cli) chains: usize,
    /// Inverse temperatures
    #[arg(long, default_value_t = likelihood::BETAS, value_name = "N")]
    pub(in crate::cli) betas: usize,
    /// Where they lie: adaptive (steps of equal thermodynamic length, measured on the model), linear, or the values
    /// themselves, from 0 to 1
    #[arg(long, default_value = "adaptive", value_name = "adaptive|linear|B,B,…")]
    pub(in crate::cli) ladder: String,
    /// The estimate from above: from exact samples where ln Z is enumerated, else from tempering chains
    #[arg(long, value_enum, default_value = "auto")]
    pub(in crate::cli) reverse: ReverseName,
    /// Temper along these machines instead of temperatures, the earliest first: models or checkpoints of the training
    #[arg(long, value_delimiter = ',', value_name = "FILE,…")]
    pub(in crate::cli) trajectory: Vec<PathBuf>,
    /// Insist on the exact ln Z (smaller side of at most 30 units; up to 25 it is computed without being asked)
    #[arg(long)]
    pub(in crate::cli) exact: bool,
    /// Exit with 3 when the result warns of itself
    #[arg(long)]
    pub(in crate::cli) strict: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum BasisName {
    /// s = ±1: true couplings of a generalised Ising model
    Spin,
    /// v = 0, 1: log-odds interactions with all other units at 0
    Binary,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CouplingsArgs {
    /// Model (.safetensors)
    #[arg(value_name = "MODEL")]
    pub(in crate::cli) model: PathBuf,
    /// Basis
    #[arg(long, value_enum, default_value = "spin")]
    pub(in crate::cli) basis: BasisName,
    /// Orders, 1 to 3 [default: all, without 3 where there would be too many]
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub(in crate::cli) orders: Option<Vec<usize>>,
    /// exact, gaussian or cumulant:K; all but exact are approximations
    #[arg(long, default_value = "exact", value_name = "METHOD")]
    pub(in crate::cli) method: String,
    /// File with one unit (name or number) a line, among which couplings of order 3 are read
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) units: Option<PathBuf>,
    /// Strongest positive pairs that are listed
    #[arg(long, default_value_t = couplings::STRONGEST, value_name = "N")]
    pub(in crate::cli) strongest: usize,
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
