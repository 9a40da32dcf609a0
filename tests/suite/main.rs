//! One integration binary: physics, parity, files and commands.
#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the message")]

mod couplings;
mod exact;
mod files;
mod ising_coverage;
mod ising_exact;
mod ising_general;
mod ising_reweighting;
mod ising_scan;
mod parity;
mod report;
mod scenario;
mod statistics;
mod tree;
