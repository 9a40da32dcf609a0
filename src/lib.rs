//! Gibbsite trains Restricted Boltzmann Machines on any GPU or on the CPU and reads physics out of them.
//!
//! A program begins with an [`Engine`], which trains on rows of its own, samples, evaluates and reads couplings out; the
//! [`settings`] are those of the command line.
//!
//! From a physical system or a data file to a trained machine, its likelihood and its couplings:
//! a [`scenario`] becomes an immutable plan, [`run`] carries it out stage by stage on a [`backend`], stages write
//! [`record`]s into a run directory ([`artifact`]), and [`report`] reads that directory only. Nothing flows back.
//!
//! Layers, lower never sees higher:
//!
//! | layer | modules |
//! | --- | --- |
//! | L6 | `cli`, the program: feature `program` |
//! | L5 | [`run`] (the one place that picks a backend), [`report`] |
//! | L4 | [`scenario`], [`settings`], [`data`], [`artifact`] |
//! | L3 | [`ising`], [`train`], [`sample`], [`likelihood`] |
//! | L2 | [`backend`] |
//! | L1 | [`lattice`], [`rbm`], [`record`], [`stats`], [`observables`], [`couplings`], and [`exact`], which stands alone |
//! | L0 | [`error`], [`events`], [`numerics`], [`limits`], [`rng`], [`bits`] |

pub mod artifact;
pub mod backend;
pub mod bits;
#[cfg(all(feature = "program", not(target_family = "wasm")))]
pub mod cli;
pub mod couplings;
pub mod data;
pub mod error;
pub mod events;
pub mod exact;
pub mod ising;
pub mod lattice;
pub mod likelihood;
pub mod limits;
pub mod numerics;
pub mod observables;
pub mod rbm;
pub mod record;
pub mod report;
pub mod rng;
pub mod run;
pub mod sample;
pub mod scenario;
pub mod settings;
pub mod stats;
pub mod train;

pub use error::{Error, Result};
pub use run::Engine;
