//! One integration binary: physics, parity, files and commands.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the message")]

mod cli;
mod couplings;
mod exact;
mod files;
mod gradient;
mod ising_coverage;
mod ising_dynamics;
mod ising_engine;
mod ising_exact;
mod ising_general;
mod ising_reweighting;
mod ising_scan;
mod ising_thorough;
mod ising_torus;
mod likelihood;
mod likelihood_bounds;
mod likelihood_rows;
mod memory;
mod monte_carlo;
mod online;
mod parity;
mod poison;
mod report;
mod resume;
mod sample_coverage;
mod scenario;
mod scenarios_run;
mod small;
mod stationarity;
mod statistics;
mod steps;
mod streaming;
mod tempering;
mod training;
mod tree;
