//! Gibbsite trains Restricted Boltzmann Machines on any GPU or on the CPU and reads physics out of them.
//!
//! A program begins with an [`Engine`]: a device with its threads. It trains on rows of 0 and 1, and draws samples of what it
//! has trained, says how likely rows are, and reads couplings out.
//!
//! ```
//! use gibbsite::settings::{CouplingsSettings, LikelihoodSettings, ModelSettings, TrainSettings};
//! use gibbsite::{BitMatrix, DataSet, Engine};
//!
//! # fn main() -> gibbsite::Result<()> {
//! // 1000 rows of 6 units. Units 0 and 1 are equal in seven rows of eight, all others are independent.
//! let rows = BitMatrix::from_fn(1000, 6, |r, j| match j {
//!     1 => (r % 2 == 1) != (r / 64 % 8 == 0),
//!     _ => r >> j & 1 == 1,
//! });
//! let data = DataSet::new(rows, "an array of my own");
//! let engine = Engine::cpu(Some(1))?;
//!
//! let model = ModelSettings { hidden: Some(4), ..Default::default() };
//! let train = TrainSettings { updates: Some(2000), ..Default::default() };
//! let trained = engine.train(&data, &model, &train, 1)?;
//!
//! // How likely the rows are, in nats; independent units would have 6 ln 2 = 4.16 nats less than certainty.
//! let found = engine.likelihood(&trained, Some(&data), &LikelihoodSettings::default(), 1)?;
//! assert!(found.log_likelihood["data"].best().unwrap().value > -4.0);
//!
//! // The coupling of 0 and 1 is the strongest: artanh(3/4) = 0.97 with spins ±1.
//! let couplings = engine.couplings(&trained, &CouplingsSettings { orders: Some(vec![2]), ..Default::default() })?;
//! let strongest = couplings.iter().max_by(|a, b| a.value.abs().total_cmp(&b.value.abs())).unwrap();
//! assert_eq!(strongest.units, [0, 1]);
//! # Ok(())
//! # }
//! ```
//!
//! Every field of the [`settings`] has a default, and says what it does, in which unit and within which limits; they are those
//! of the command line and of scenario files. [`Engine::train_watched`] hands the machine out after every update, and keeps
//! checkpoints from which a training goes on to the same bits. Samples of [`Engine::sample`], estimates in [`record`] and
//! [`Coupling`]s are plain data.
//!
//! Results depend on data, settings and seed alone: not on the number of threads, nor on whether a training was stopped on the
//! way.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | none | the engine on one thread of the CPU; builds for WebAssembly |
//! | `threads` | all cores |
//! | `gpu` | GPUs by Vulkan, Metal or DirectX 12 |
//! | `files` | [`files`]: samples in .npy, .npz and tables, models; checkpoints on disk |
//! | `program` | all of these, and the command `gibbsite` with its scenarios and reports; on by default |
//!
//! To build on the engine alone: `gibbsite = { version = "…", default-features = false, features = ["threads"] }`.

mod artifact;
mod backend;
mod baselines;
mod bits;
#[cfg(all(feature = "program", not(target_family = "wasm")))]
mod cli;
mod couplings;
mod data;
mod error;
mod events;
mod exact;
mod ising;
mod lattice;
mod likelihood;
mod limits;
mod numerics;
mod observables;
mod rbm;
pub mod record;
#[cfg(feature = "program")]
mod report;
mod rng;
mod run;
mod sample;
#[cfg(feature = "program")]
mod scenario;
pub mod settings;
mod stats;
mod threads;
mod train;

pub use artifact::CheckpointStore;
pub use bits::BitMatrix;
pub use couplings::Coupling;
pub use data::{DataSet, Model, ModelMeta, Provenance};
pub use error::{Error, Fault, Result};
pub use lattice::Lattice;
pub use rbm::{Rbm, Units, Values};
pub use run::Engine;
pub use run::device::{Choice, DeviceRequest};
pub use run::train::{EachUpdate, Step};
pub use sample::{Exchanges, Sampled};

/// Samples, models and arrays in files.
#[cfg(feature = "files")]
pub mod files {
    pub use crate::data::{
        RealArray, read, read_bonds, read_model, read_npy, write, write_model, write_npy_f64, write_table,
    };
}

/// Every module as the crate has it, for its own program, tests and benches. Nothing in here is kept from one version to the
/// next.
#[doc(hidden)]
pub mod internals {
    macro_rules! open {
        ($($(#[$when:meta])* $module:ident),* $(,)?) => {
            $(
                $(#[$when])*
                pub mod $module {
                    pub use crate::$module::*;
                }
            )*
        };
    }

    open! {
        artifact,
        backend,
        baselines,
        bits,
        #[cfg(all(feature = "program", not(target_family = "wasm")))]
        cli,
        couplings,
        data,
        error,
        events,
        exact,
        ising,
        lattice,
        likelihood,
        limits,
        numerics,
        observables,
        rbm,
        record,
        #[cfg(feature = "program")]
        report,
        rng,
        run,
        sample,
        #[cfg(feature = "program")]
        scenario,
        settings,
        stats,
        train,
    }
}
