//! Arguments of `gibbsite bench`.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(in crate::cli) struct BenchArgs {
    /// What is measured
    #[command(subcommand)]
    pub(in crate::cli) what: BenchWhat,
    /// What is measured [default: all there is]
    #[arg(long, global = true, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub(in crate::cli) rows: Vec<BenchRow>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum BenchRow {
    /// A simple loop
    Plain,
    /// The engine on the CPU
    Cpu,
    /// The engine on the GPU
    Gpu,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum BenchWhat {
    /// Ising spin updates, in flips/ns
    Ising(BenchIsingArgs),
    /// Training of machines, in updates/s
    Rbm(BenchRbmArgs),
    /// Annealed importance sampling, in runs/s
    Ais(BenchAisArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BenchIsingArgs {
    /// Cases, e.g. square1024 or cubic64 (one lattice), square8x1000 (a thousand), swendsen-wang-square256 (by clusters)
    /// [default: Metropolis, both kinds, small and large]
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub(in crate::cli) case: Vec<String>,
    /// Measured seconds of each row
    #[arg(long, default_value_t = 1.0, value_name = "S")]
    pub(in crate::cli) seconds: f64,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BenchRbmArgs {
    /// Cases, e.g. mnist784x500_b500_pcd10 (784 visible and 500 hidden units, 500 rows a minibatch, 10 Gibbs steps)
    /// [default: small and large, dense and sparse]
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub(in crate::cli) case: Vec<String>,
    /// Instead, cases that show how time grows with the number of hidden units and with the batch
    #[arg(long, conflicts_with = "case")]
    pub(in crate::cli) growth: bool,
    /// Measured seconds of each row
    #[arg(long, default_value_t = 1.0, value_name = "S")]
    pub(in crate::cli) seconds: f64,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BenchAisArgs {
    /// Cases, e.g. ais784x500_c1000_b1000 (1000 chains over 1000 steps of temperature) [default: small and large]
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub(in crate::cli) case: Vec<String>,
    /// Measured seconds of each row, unless one run takes longer
    #[arg(long, default_value_t = 1.0, value_name = "S")]
    pub(in crate::cli) seconds: f64,
}
