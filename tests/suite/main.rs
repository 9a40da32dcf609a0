//! One integration binary: physics, parity, files and commands.

mod couplings;
mod exact;
mod files;
mod parity;
mod report;
mod scenario;
mod statistics;
mod tree;
