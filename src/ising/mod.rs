//! Ising Monte Carlo: thermalised, decorrelated configurations of many independent replicas, at many temperatures at once.
//!
//! Replicas of all temperatures of a [`Scan`] lie side by side and take every sweep together. At each temperature half of
//! them start hot (random spins), half cold (all up and all down by turns). A pilot run doubles until both halves agree in
//! e and ⟨|m|⟩ over its second half (a difference within 3 σ, or what has the same false alarm rate for all temperatures
//! together) and that half is as long as 20 autocorrelation times; all of it is thrown away. Samples are then taken every
//! 2 τ_int sweeps, the largest of e's and |m|'s at all temperatures. With fields off, up and down are equally frequent by
//! construction of the starts, also where a replica's sign lives longer than the run. Where a [`Precision`] is asked for,
//! the measurement goes on at the same spacing, without keeping configurations, until it is reached.
//!
//! | algorithm | where | a sweep is |
//! | --- | --- | --- |
//! | Metropolis, heat bath | any backend | every spin once, colour by colour |
//! | Swendsen–Wang | CPU | all clusters once |
//! | Wolff | CPU | one cluster |

mod algorithm;
mod cluster;
mod engine;
mod model;
mod pilot;
mod precision;
mod settings;
mod temperatures;
mod walkers;

pub use self::algorithm::Algorithm;
pub use self::engine::{Outcome, generate, scan};
pub use self::model::Model;
pub use self::precision::{Precision, Quantity};
pub use self::settings::{Scan, Settings};
pub use self::temperatures::{MAX_TEMPERATURES, check_temperatures, parse_temperatures};
