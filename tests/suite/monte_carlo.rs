//! Ising Monte Carlo against exact values: observables of the 8 × 8 lattice and the energies of the 4 × 4 one.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Acceptance, Backend, Rule};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::events::Silent;
use gibbsite::internals::exact::enumeration::DensityOfStates;
use gibbsite::internals::ising::{Algorithm, Settings, generate};
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::observables::{exact_observables, observables};
use gibbsite::internals::record::Observables;

use crate::parity::{gpu_or_ignored, on_both, states};
use crate::small::p_value;

/// T, e, C, ⟨|m|⟩, χ of the periodic 8 × 8 lattice, by transfer matrix and Kaufman's closed form.
const SQUARE_8: [[f64; 5]; 5] = [
    [1.8, -1.85920, 0.44026, 0.95674, 0.11637],
    [2.0, -1.74568, 0.71412, 0.91145, 0.34963],
    [2.2, -1.56804, 1.05840, 0.82171, 0.93930],
    [2.4, -1.33722, 1.18415, 0.68015, 1.61451],
    [3.0, -0.84132, 0.48397, 0.34603, 1.07887],
];

fn measure<B: Backend>(backend: &B, temperature: f64, algorithm: Algorithm, samples: usize, seed: u64) -> Observables {
    let lattice = Lattice::Square { length: 8 };
    let settings =
        Settings { lattice, temperature, samples, algorithm, replicas: 1000, thermalise: None, spacing: None, seed };
    let outcome = generate(backend, &settings, &mut Silent).unwrap();
    observables(&outcome.series, lattice, temperature).unwrap()
}

/// Deviations of e, C, ⟨|m|⟩ and χ from the table in standard deviations, and the largest relative error.
fn deviations(found: &Observables, [_, e, c, m, chi]: [f64; 5]) -> ([f64; 4], f64) {
    let pairs = [(found.energy, e), (found.specific_heat, c), (found.magnetization, m), (found.susceptibility, chi)];
    let relative = pairs.map(|(x, exact)| x.error / exact.abs()).into_iter().fold(0.0, f64::max);
    (pairs.map(|(x, exact)| (x.value - exact) / x.error), relative)
}

/// 40 values at 3 σ: one in ten seeds fails by chance, so the seed is fixed; trajectories are exact on every machine.
/// That errors are honest is seen from all of them together: were they half or twice their right size, Σ z² would be
/// near 160 or 10; groups of four hang together, which is at most ten independent values, χ² between 1.5 and 31 at 10⁻³.
#[test]
fn observables_of_the_8_by_8_lattice_are_exact() {
    let mut squares = 0.0;
    for (rule, seed) in [(Algorithm::Metropolis, 1), (Algorithm::HeatBath, 2)] {
        for row in SQUARE_8 {
            // χ is a variance of nearly saturated spins at low temperatures: more samples for the same relative error.
            let samples = if row[0] < 1.9 {
                900_000
            } else if row[0] < 2.1 {
                450_000
            } else {
                140_000
            };
            let found = measure(&Cpu, row[0], rule, samples, seed);
            let (z, relative) = deviations(&found, row);
            assert!(z.iter().all(|z| z.abs() < 3.0), "{rule:?} at T = {}: {z:?} standard deviations", row[0]);
            assert!(relative < 0.01, "{rule:?} at T = {}: relative error {relative}", row[0]);
            squares += z.iter().map(|z| z * z).sum::<f64>();
        }
    }
    assert!(squares > 4.0 * 1.5 && squares < 4.0 * 31.0, "Σz² = {squares} for 40 values");
}

/// A temperature that is one per cent off must be seen.
#[test]
fn a_temperature_one_per_cent_off_is_noticed() {
    let found = measure(&Cpu, 2.222, Algorithm::Metropolis, 60_000, 1);
    let (z, _) = deviations(&found, SQUARE_8[2]);
    assert!(z[0].abs() > 5.0, "{z:?}");
}

#[test]
fn a_gpu_measures_the_same() {
    let gpu = gpu_or_ignored!();
    for row in [SQUARE_8[2], SQUARE_8[4]] {
        let (here, there) = (
            measure(&Cpu, row[0], Algorithm::Metropolis, 4000, 3),
            measure(gpu, row[0], Algorithm::Metropolis, 4000, 3),
        );
        assert_eq!(here, there, "T = {}", row[0]);
        let (z, _) = deviations(&there, row);
        assert!(z.iter().all(|z| z.abs() < 3.0), "T = {}: {z:?} standard deviations", row[0]);
    }
}

/// Number of replicas at each energy level after `sweeps` sweeps.
fn energies<B: Backend>(backend: &B, rule: Rule, temperature: f64, replicas: usize, sweeps: u32) -> Vec<u64> {
    let graph = Lattice::Square { length: 4 }.graph();
    let acceptance = Acceptance::new(rule, 4, &vec![temperature; replicas]).unwrap();
    let mut spins = backend.upload_spins(&graph, &acceptance, &states(replicas, 16, 1)).unwrap();
    backend.sweep(&mut spins, 17, 0..sweeps);
    backend.record_sums(&mut spins);
    let mut counts = vec![0; graph.bonds() + 1];
    for sums in &backend.read_sums(&mut spins).unwrap()[0] {
        counts[sums.antiparallel as usize] += 1;
    }
    counts
}

on_both! {
    /// Replicas are independent, so the histogram over them is multinomial: each of six checks fails by chance once in
    /// 10⁴ seeds. 200 sweeps are many autocorrelation times of four by four spins at and above the critical temperature.
    fn energies_of_the_4_by_4_lattice_follow_the_density_of_states(backend) {
        let bonds = Lattice::Square { length: 4 }.bonds();
        let density = DensityOfStates::new(16, &bonds).unwrap();
        for rule in [Rule::MetropolisWithCoin, Rule::HeatBath] {
            for temperature in [2.269_185, 3.0, 5.0] {
                let counts = energies(backend, rule, temperature, 20_000, 200);
                let p = p_value(&counts, &density.energy_distribution(temperature).unwrap());
                assert!(p > 1e-4, "{rule:?} at T = {temperature}: p = {p:e}");
            }
            let counts = energies(backend, rule, 3.0, 20_000, 200);
            let other = p_value(&counts, &density.energy_distribution(3.06).unwrap());
            assert!(other < 1e-6, "{rule:?}: two per cent of temperature must show, p = {other:e}");
        }
    }
}

/// Chains too, ends open or closed: E of 40 000 independent replicas against the closed form, 4 σ once in 16 000 seeds.
#[test]
fn chains_have_their_exact_energy() {
    for (lattice, seed) in [(Lattice::Chain { length: 8 }, 1), (Lattice::OpenChain { length: 7 }, 2)] {
        let temperature = 1.5;
        let settings = Settings {
            lattice,
            temperature,
            samples: 40_000,
            algorithm: Algorithm::Metropolis,
            replicas: 1000,
            thermalise: None,
            spacing: None,
            seed,
        };
        let outcome = generate(&Cpu, &settings, &mut Silent).unwrap();
        let found = observables(&outcome.series, lattice, temperature).unwrap().energy;
        let exact = exact_observables(lattice, temperature).unwrap().energy;
        assert!((found.value - exact).abs() < 4.0 * found.error, "{lattice}: {found:?}, exact {exact}");
    }
}

fn after(lattice: Lattice, rule: Rule, start: &BitMatrix, sweeps: u32) -> BitMatrix {
    let graph = lattice.graph();
    let acceptance = Acceptance::new(rule, graph.max_degree, &vec![2.0; start.rows()]).unwrap();
    let mut spins = Cpu.upload_spins(&graph, &acceptance, start).unwrap();
    Cpu.sweep(&mut spins, 1, 0..sweeps);
    Cpu.read_spins(&spins).unwrap()
}

/// On a ring, checkerboard Metropolis keeps the difference of right- and left-moving domain walls: they are
/// made and lost in pairs. A coin for free moves ends that.
#[test]
fn a_coin_for_free_moves_makes_rings_ergodic() {
    let lattice = Lattice::Chain { length: 8 };
    let movers = |spins: &BitMatrix| -> Vec<i32> {
        let wall = |r: usize, i: usize| i32::from(spins.get(r, i) != spins.get(r, (i + 1) % 8));
        (0..64).map(|r| (0..8).map(|i| if i % 2 == 0 { wall(r, i) } else { -wall(r, i) }).sum()).collect()
    };
    let start = states(64, 8, 3);
    let end = after(lattice, Rule::Metropolis, &start, 500);
    assert!(end != start && movers(&end) == movers(&start), "the conserved difference");
    assert_ne!(movers(&after(lattice, Rule::MetropolisWithCoin, &start, 500)), movers(&start));
}

/// Diagonal stripes, two wide, on the 4 × 4 torus: every move is free, so Metropolis only lets the stripes walk.
#[test]
fn a_coin_for_free_moves_ends_the_walk_of_stripes() {
    let lattice = Lattice::Square { length: 4 };
    let stripes = BitMatrix::from_fn(64, 16, |_, i| (i / 4 + i % 4) % 4 < 2);
    let walls = |spins: &BitMatrix| -> Vec<usize> {
        let count = |r: usize| lattice.bonds().iter().filter(|&&(a, b)| spins.get(r, a) != spins.get(r, b)).count();
        (0..64).map(count).collect()
    };
    assert_eq!(walls(&stripes), [16; 64]);
    assert_eq!(walls(&after(lattice, Rule::Metropolis, &stripes, 500)), [16; 64]);
    let free = walls(&after(lattice, Rule::MetropolisWithCoin, &stripes, 500));
    assert!(free.iter().filter(|&&n| n == 16).count() < 16, "{free:?}");
}
