//! Flags of all commands, as typed; meaning is given to them by the commands.

mod bench;
mod machine;

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub(super) use self::bench::{BenchArgs, BenchRow, BenchWhat};
pub(super) use self::machine::{CouplingsArgs, LikelihoodArgs, SampleArgs, StreamSwitch, TrainArgs};
use crate::run::device::{Choice, DeviceRequest};

/// Trains Restricted Boltzmann Machines on any GPU or on the CPU and reads physics out of them.
#[derive(Debug, Parser)]
#[command(name = "gibbsite", version, max_term_width = 110)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Reads the command line. A negative number after an option is its value, to be refused for what it is, and never an
/// option of its own.
///
/// # Errors
/// What clap finds wrong, help and version included.
pub(super) fn parse() -> Result<Cli, clap::Error> {
    let mut command = with_negative_numbers(Cli::command());
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn with_negative_numbers(command: clap::Command) -> clap::Command {
    let with = |arg: clap::Arg| {
        let takes_value = arg.get_action().takes_values() && !arg.is_positional();
        if takes_value { arg.allow_negative_numbers(true) } else { arg }
    };
    command.mut_args(with).mut_subcommands(with_negative_numbers)
}

/// When progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressMode {
    /// A bar on a terminal, a line every few seconds elsewhere.
    Auto,
    /// A bar in any case.
    Always,
    /// Nothing.
    Never,
}

#[derive(Debug, Args)]
pub(super) struct Global {
    /// Where to compute: auto (a real GPU if there is one, else the CPU), gpu, cpu
    #[arg(long, global = true, default_value = "auto", value_name = "auto|gpu|cpu", help_heading = "Everywhere")]
    pub(super) backend: Choice,
    /// GPU by its number or part of its name, see `gibbsite devices`
    #[arg(long, global = true, value_name = "N|NAME", help_heading = "Everywhere")]
    pub(super) device: Option<String>,
    /// Seed of all random numbers [default: 1, or what the scenario says]
    #[arg(long, global = true, value_name = "N", help_heading = "Everywhere")]
    pub(super) seed: Option<u64>,
    /// Threads [default: one a core]
    #[arg(long, global = true, value_name = "N", help_heading = "Everywhere")]
    pub(super) threads: Option<usize>,
    /// Print the result as one JSON object
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(super) json: bool,
    /// When to show progress
    #[arg(long, global = true, value_enum, default_value = "auto", help_heading = "Everywhere")]
    pub(super) progress: ProgressMode,
    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    pub(super) verbose: u8,
    /// Say nothing but results, warnings and errors
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub(super) quiet: bool,
}

impl Global {
    pub(super) fn device_request(&self) -> DeviceRequest {
        DeviceRequest { choice: self.backend, device: self.device.clone(), threads: self.threads }
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a whole scenario: data, training, likelihood, couplings, report
    Run(RunArgs),
    /// Check a scenario and print its plan with estimated work, memory and time; touches no device
    Check(CheckArgs),
    /// Ising Monte Carlo: observables with error bars, and a data set
    Ising(IsingArgs),
    /// Train an RBM on binary data
    Train(Box<TrainArgs>),
    /// Draw samples from a trained model
    Sample(SampleArgs),
    /// ln Z and log-likelihood of a model, by annealed importance sampling and exactly where it can be done
    Likelihood(LikelihoodArgs),
    /// Couplings of a model, in the spin or the binary basis
    Couplings(CouplingsArgs),
    /// Observables of spin configurations in a file
    Observe(ObserveArgs),
    /// Write report.html of a run directory from its files
    Report(ReportArgs),
    /// Check this build on this machine against exact values
    Verify(VerifyArgs),
    /// Measure this machine: devices side by side with a plain loop, a check value in every row
    Bench(BenchArgs),
    /// Say what a setting does, with its default: of a block, a key, or all of them
    Explain(ExplainArgs),
    /// List devices and say which one would be used and why
    Devices,
    /// Write every shader exactly as it is handed to the driver, one file each
    Shaders(ShadersArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Scenario file
    #[arg(value_name = "SCENARIO.ron")]
    pub(super) scenario: PathBuf,
    /// Run directory [default: runs/NAME]
    #[arg(short, long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Go on in a run directory that was left unfinished
    #[arg(long, conflicts_with = "force")]
    pub(super) resume: bool,
    /// Replace a run directory that is there
    #[arg(long)]
    pub(super) force: bool,
    /// A small version of the same run, to see that everything works; promises of the scenario are not checked
    #[arg(long)]
    pub(super) quick: bool,
    /// Set a value of the scenario, e.g. --set train.updates=5000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) sets: Vec<String>,
    /// Exit with 3 when a likelihood warns of itself
    #[arg(long)]
    pub(super) strict: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Scenario file
    #[arg(value_name = "SCENARIO.ron")]
    pub(super) scenario: PathBuf,
    /// The small version of the run
    #[arg(long)]
    pub(super) quick: bool,
    /// Set a value of the scenario, e.g. --set train.updates=5000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) sets: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// E.g. train, learning_rate or train.learning_rate [default: all settings]
    #[arg(value_name = "KEY")]
    pub(super) key: Option<String>,
    /// As tables of Markdown
    #[arg(long)]
    pub(super) markdown: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Run every Ising algorithm at many sizes and temperatures until the errors are small, and compare with exact values
    #[arg(long)]
    pub(super) thorough: bool,
    /// Largest error of that, as a part of each value; a third of it takes about ten times as long
    #[arg(long, default_value_t = 0.003, value_name = "X", requires = "thorough")]
    pub(super) relative_error: f64,
    /// Estimate ln Z of 32 machines of which it is known, and print the table (Markdown)
    #[arg(long, conflicts_with = "thorough")]
    pub(super) likelihood: bool,
}

#[derive(Debug, Args)]
pub(super) struct IsingArgs {
    /// chain:L, square:L, triangular:L, honeycomb:L, cubic:L, with all sides as in square:4x6, with open ends as in
    /// open-square:8; graph:FILE with one bond `site site` or `site site coupling` a line; terms:FILE with `value site …`, one to four sites, a line
    #[arg(long, value_name = "KIND:L|graph:FILE|terms:FILE")]
    pub(super) lattice: String,
    /// Temperatures in J/k_B: 2.2, or 1.8,2.0,2.2, or first:last:step
    #[arg(long, value_name = "T|T,T,…|FIRST:LAST:STEP", allow_hyphen_values = true)]
    pub(super) temperature: String,
    /// Coupling J of every bond: 1 for a ferromagnet, -1 for an antiferromagnet; scale of those of a file or spin glass
    #[arg(long, default_value_t = 1.0, value_name = "J", allow_negative_numbers = true)]
    pub(super) coupling: f64,
    /// Couplings of a lattice: uniform, or a spin glass of pm (+J or -J) or gaussian ones
    #[arg(long, default_value = "uniform", value_name = "uniform|pm|gaussian")]
    pub(super) couplings: String,
    /// Field h on every site
    #[arg(long, default_value_t = 0.0, value_name = "H", allow_negative_numbers = true)]
    pub(super) field: f64,
    /// Seed of a spin glass's couplings
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) disorder_seed: u64,
    /// Exchange temperatures between replicas after every N sweeps
    #[arg(long, value_name = "N")]
    pub(super) exchange: Option<u32>,
    /// Place K temperatures from the first to the last of the two given, so that exchanges are accepted equally often
    /// between all neighbours; they are fixed before anything is measured, and printed
    #[arg(long, value_name = "K", requires = "exchange")]
    pub(super) ladder: Option<usize>,
    /// Number of samples at each temperature
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(super) samples: usize,
    /// metropolis, heat-bath, swendsen-wang or wolff; the last two turn clusters, of one coupling and no field
    #[arg(long, default_value = "metropolis", value_name = "NAME")]
    pub(super) algorithm: String,
    /// Largest one-sigma errors, absolute and per site, e.g. energy:1e-4 (also specific_heat, magnetization,
    /// susceptibility, binder): the run goes on until they are reached at every temperature
    #[arg(long, value_delimiter = ',', value_name = "QUANTITY:ERROR")]
    pub(super) precision: Vec<String>,
    /// Independent replicas at each temperature
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub(super) replicas: usize,
    /// Sweeps between samples [default: twice the measured autocorrelation time of e, |m| and the spins, the longest of
    /// all temperatures]
    #[arg(long, value_name = "N")]
    pub(super) every: Option<u32>,
    /// Write the samples (.npz, .npy or .csv)
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Also observables at these temperatures, by multi-histogram reweighting of all runs
    #[arg(long, value_name = "T,…|FIRST:LAST:STEP", allow_hyphen_values = true)]
    pub(super) reweight: Option<String>,
    /// Write the reweighted observables (.csv)
    #[arg(long, value_name = "FILE", requires = "reweight")]
    pub(super) curves: Option<PathBuf>,
    /// Write the energy histograms (.csv)
    #[arg(long, value_name = "FILE")]
    pub(super) histogram: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(super) struct ObserveArgs {
    /// Spin configurations (.npy, .npz, .csv)
    #[arg(value_name = "SAMPLES")]
    pub(super) samples: PathBuf,
    /// chain:L, square:L, square:4x6, open-square:L, triangular:L, honeycomb:L or cubic:L [default: what the file says]
    #[arg(long, value_name = "KIND:L")]
    pub(super) lattice: Option<String>,
    /// Temperature in J/k_B [default: what the file says]; picks samples from a file with several
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(super) temperature: Option<f64>,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Run directory
    #[arg(value_name = "RUN_DIR")]
    pub(super) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ShadersArgs {
    /// Directory, made where it is missing
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}
