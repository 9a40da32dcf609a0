//! Self-check of this build on this machine and device against exact values, in a few seconds.
//!
//! Statistical checks use fixed seeds, so that a result can be repeated; each passes within [`SIGMAS`] standard
//! deviations, which an unbiased quantity exceeds once in 16 000 times.

pub mod dynamics;
pub mod partition;
mod spins;
pub mod thorough;
pub mod traps;

use serde::Serialize;

use crate::backend::cpu::Cpu;
use crate::backend::{Acceptance, Backend, ClusterKind, ClusterRule, Phase, Rule};
use crate::bits::BitMatrix;
use crate::couplings;
use crate::error::Result;
use crate::events::{Event, Listener};
use crate::ising::{Algorithm, Settings};
use crate::lattice::Lattice;
use crate::likelihood::{AnnealSettings, anneal, base_bias, linear_ladder};
use crate::numerics::sigmoid;
use crate::observables::exact_observables;
use crate::rbm::Rbm;
use crate::record::Estimate;
use crate::rng::{philox, unit_word};
use crate::run::ising::ising;
use crate::sample;

/// Largest deviation of a statistical check.
pub const SIGMAS: f64 = 4.0;

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What is checked.
    pub name: String,
    /// What was found.
    pub found: f64,
    /// What is right.
    pub expected: f64,
    /// Largest difference allowed.
    pub tolerance: f64,
    /// Whether it holds.
    pub holds: bool,
}

impl Check {
    fn new(name: impl Into<String>, found: f64, expected: f64, tolerance: f64) -> Self {
        // Written so that a NaN fails.
        let holds = (found - expected).abs() <= tolerance;
        Self { name: name.into(), found, expected, tolerance, holds }
    }

    fn statistical(name: impl Into<String>, found: Estimate, expected: f64) -> Self {
        Self::new(name, found.value, expected, SIGMAS * found.error)
    }
}

/// Runs all checks on a backend.
///
/// # Errors
/// Device failures; a check that does not hold is no error here.
pub fn verify<B: Backend>(backend: &B, listener: &mut dyn Listener) -> Result<Vec<Check>> {
    let mut checks = vec![generator()];
    let mut tell = |done: u64, note: &str| {
        listener.event(Event::Progress { stage: "verify", done, total: 7, note: note.to_string() });
    };
    tell(1, "trajectories");
    checks.push(trajectories(backend)?);
    tell(2, "Ising observables");
    checks.extend(observables(backend)?);
    tell(3, "states of spins");
    checks.extend(spins::states(backend)?);
    tell(4, "moments and free energies");
    checks.extend(formulas(backend)?);
    tell(5, "annealed importance sampling");
    checks.push(partition_function(backend)?);
    tell(6, "samples of a known machine");
    checks.push(known_machine(backend)?);
    tell(7, "couplings");
    checks.push(known_couplings()?);
    Ok(checks)
}

/// Published known answer of Philox4x32-10 (Random123, `kat_vectors`).
fn generator() -> Check {
    let found = philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]);
    let equal = found == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1];
    Check::new("Philox known answer, blocks that differ", f64::from(u8::from(!equal)), 0.0, 0.0)
}

/// Spins of many replicas after some sweeps by Metropolis, Swendsen–Wang and Wolff.
fn spins_after<B: Backend>(backend: &B) -> Result<[BitMatrix; 3]> {
    let graph = Lattice::Square { length: 8 }.graph();
    let temperatures: Vec<f64> = (0..70).map(|r| 1.0 + 0.06 * f64::from(r)).collect();
    let acceptance = Acceptance::new(Rule::Metropolis, graph.max_degree, &temperatures)?;
    let start = BitMatrix::from_fn(70, 64, |r, i| (r * 5 + i * 3) % 7 < 3);
    let moved = |mut spins: B::Spins| {
        backend.sweep(&mut spins, 42, 0..60);
        backend.read_spins(&spins)
    };
    let clusters = |kind| backend.upload_clusters(&graph, &ClusterRule::new(kind, 1.0, &temperatures), &start);
    Ok([
        moved(backend.upload_spins(&graph, &acceptance, &start)?)?,
        moved(clusters(ClusterKind::SwendsenWang)?)?,
        moved(clusters(ClusterKind::Wolff)?)?,
    ])
}

/// The device against the CPU: equal to the last bit.
fn trajectories<B: Backend>(backend: &B) -> Result<Check> {
    let (found, expected) = (spins_after(backend)?, spins_after(&Cpu::new())?);
    let differ = |(a, b): (&BitMatrix, &BitMatrix)| -> u32 {
        a.words().iter().zip(b.words()).map(|(a, b)| (a ^ b).count_ones()).sum()
    };
    let differ: u32 = found.iter().zip(&expected).map(differ).sum();
    Ok(Check::new("Ising trajectories, spins that differ from the CPU's", f64::from(differ), 0.0, 0.0))
}

/// L = 8 near the critical temperature against the exact sum over states.
fn observables<B: Backend>(backend: &B) -> Result<Vec<Check>> {
    let (lattice, temperature) = (Lattice::Square { length: 8 }, 2.3);
    let settings = Settings {
        lattice,
        temperature,
        samples: 8192,
        algorithm: Algorithm::Metropolis,
        replicas: 512,
        thermalise: None,
        spacing: None,
        seed: 1,
    };
    let (record, _) = ising(backend, &settings, &mut crate::events::Silent)?;
    let mut checks = Vec::new();
    if let Some(exact) = record.exact {
        let o = record.observables;
        checks.push(Check::statistical("Ising 8 × 8, T = 2.3, energy", o.energy, exact.energy));
        checks.push(Check::statistical("Ising 8 × 8, T = 2.3, specific heat", o.specific_heat, exact.specific_heat));
        if let (Some(m), Some(chi)) = (exact.magnetization, exact.susceptibility) {
            checks.push(Check::statistical("Ising 8 × 8, T = 2.3, magnetization", o.magnetization, m));
            checks.push(Check::statistical("Ising 8 × 8, T = 2.3, susceptibility", o.susceptibility, chi));
        }
    }
    Ok(checks)
}

/// A machine with weights of both signs, of sizes that fill no tile.
fn machine() -> Rbm {
    let mut rbm = Rbm::zeros(37, 21);
    let number = |k: u32| f64::from(unit_word(9, crate::rng::Stream::WeightStart, 0, 0, k)) / 4_294_967_296.0 - 0.5;
    for (k, w) in rbm.weights.iter_mut().chain(&mut rbm.visible_bias).chain(&mut rbm.hidden_bias).enumerate() {
        *w = number(k as u32) as f32;
    }
    rbm
}

/// Moments and free energies against f64 on the host, from the defining formulas.
fn formulas<B: Backend>(backend: &B) -> Result<Vec<Check>> {
    let rbm = machine();
    let rows = BitMatrix::from_fn(53, rbm.n_visible, |r, j| (r * 11 + j * 7 + r * j) % 5 < 2);
    let params = backend.upload_params(&rbm, None)?;
    let states = backend.upload_states(&rows)?;
    let mut moments = backend.new_moments(&params)?;
    backend.accumulate_moments(&params, &states, Phase::Data, &mut moments);
    let found = backend.read_moments(&moments)?;
    let energies = backend.read_free_energies(&params, &states)?;
    let mut expected = vec![0.0; rbm.weights.len()];
    let mut worst_energy = 0.0f64;
    for (r, energy) in energies.iter().enumerate() {
        worst_energy = worst_energy.max((energy - rbm.free_energy(&rows, r)).abs());
        let means: Vec<f64> = rbm.inputs_h_from_v(&rows, r).into_iter().map(sigmoid).collect();
        for j in (0..rbm.n_visible).filter(|&j| rows.get(r, j)) {
            for (i, m) in means.iter().enumerate() {
                expected[j * rbm.n_hidden + i] += m / rows.rows() as f64;
            }
        }
    }
    let worst_moment = found.products.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    // f32 sums of 37 inputs, 21 terms and 53 rows, every one below 1 in size except inputs (below 20): 100 ulps of 20.
    let bound = 100.0 * 20.0 * f64::from(f32::EPSILON);
    Ok(vec![
        Check::new("moments, largest error", worst_moment, 0.0, bound),
        Check::new("free energies, largest error", worst_energy, 0.0, bound),
    ])
}

/// ln Z of the 4 × 4 Ising model written as a machine, by AIS, against the sum over states.
fn partition_function<B: Backend>(backend: &B) -> Result<Check> {
    let (lattice, temperature) = (Lattice::Square { length: 4 }, 3.0);
    let (rbm, constant) = Rbm::ising(16, &lattice.bonds(), 1.0 / temperature);
    let params = backend.upload_params(&rbm, None)?;
    let settings = AnnealSettings { chains: 2000, betas: linear_ladder(200), seed: 1 };
    let base = base_bias(&[0.5; 16]);
    let found = anneal(backend, &rbm, &params, &base, &settings, &mut crate::events::Silent)?;
    let exact = exact_observables(lattice, temperature).map_or(f64::NAN, |x| x.log_z);
    Ok(Check::statistical("ln Z of the 4 × 4 Ising model by AIS", found.log_z, exact + constant))
}

/// Gibbs samples of the same machine: the energy of the Ising model.
fn known_machine<B: Backend>(backend: &B) -> Result<Check> {
    let (lattice, temperature) = (Lattice::Square { length: 4 }, 3.0);
    let (rbm, _) = Rbm::ising(16, &lattice.bonds(), 1.0 / temperature);
    let settings = sample::Settings { samples: 20_000, chains: 500, thermalise: 200, every: 20, flip: true, seed: 1 };
    let samples = sample::sample(backend, &rbm, &settings, None, &mut crate::events::Silent)?;
    let found = crate::run::observe::observe(&samples, lattice, temperature, settings.chains)?;
    let exact = exact_observables(lattice, temperature).map_or(f64::NAN, |x| x.energy);
    Ok(Check::statistical("energy of Gibbs samples of that model", found.energy, exact))
}

/// Its couplings: K on the bonds.
fn known_couplings() -> Result<Check> {
    let (lattice, k) = (Lattice::Square { length: 4 }, 0.4);
    let (rbm, _) = Rbm::ising(16, &lattice.bonds(), k);
    let found = couplings::compare_with_ising(&couplings::spin(&rbm, &[2], None)?, &lattice.bonds(), 1.0 / k)?;
    // Weights are f32: relative 6e-8 each.
    Ok(Check::new("coupling of neighbours, K = 0.4", found.neighbours.value, k, 1e-6))
}
