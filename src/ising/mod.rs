//! Ising Monte Carlo: thermalised, decorrelated configurations of many independent replicas, at many temperatures at once.
//!
//! Replicas of all temperatures of a [`Scan`] lie side by side and take every sweep together. At each temperature half of
//! them start hot (random spins), half cold (all up and all down by turns). A pilot run doubles until both halves agree in
//! e and ⟨|m|⟩ over its second half (a difference within 3 σ, or what has the same false alarm rate for all temperatures
//! together) and that half is as long as 20 autocorrelation times; all of it is thrown away. Samples are then taken every
//! 2 τ_int sweeps, the largest of e's and |m|'s at all temperatures, of disordered models as far apart as the slowest thing
//! that moves is remembered. With fields off, up and down are equally frequent by
//! construction of the starts, also where a replica's sign lives longer than the run. Where a [`Precision`] is asked for,
//! the measurement goes on at the same spacing, without keeping configurations, until it is reached.
//!
//! | algorithm | where | a sweep is |
//! | --- | --- | --- |
//! | Metropolis, heat bath | any backend, any model | every spin once, colour by colour |
//! | Swendsen–Wang | any backend, uniform couplings | all clusters once |
//! | Wolff | the same; on a GPU as much work as all clusters | one cluster |
//!
//! Metropolis accepts every move that costs nothing, and the sites of a colour move together: states in which every spin
//! has as many parallel as antiparallel neighbours then only follow one another in a cycle, and no other state leads to
//! them (36 of the 65 536 states of the 4 × 4 torus, and all states of a ring with as many walls going left as right).
//! Small lattices, chains and graphs from files therefore toss a coin for such moves ([`Model::metropolis`]).
//!
//! Models with fields, different couplings or terms of more than two spins ([`Interactions`]), and runs with exchange of
//! temperatures between replicas, use single-spin updates by tables.

mod algorithm;
mod engine;
mod general;
mod interactions;
mod lasting;
mod lazy_graph;
mod memory;
mod model;
mod overlaps;
mod pace;
mod pilot;
mod precision;
mod settings;
mod symmetry;
mod temperatures;
mod walkers;

pub use self::algorithm::Algorithm;
pub use self::engine::{Outcome, ScanOutcome, generate, scan};
pub use self::general::{Adaptation, ExchangeReport, MAX_RUNGS};
pub use self::interactions::{Disorder, Interactions, MAX_ORDER, MAX_TERMS_OF_SITE, MAX_VALUE, Term};
pub use self::lazy_graph::LazyGraph;
pub use self::memory::Memory;
pub use self::model::{Couplings, Model};
pub use self::pilot::Failure;
pub use self::precision::{Precision, Quantity};
pub use self::settings::{Scan, Settings};
pub use self::temperatures::{MAX_TEMPERATURES, check_temperatures, parse_temperatures};
