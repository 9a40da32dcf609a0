//! The oracle against published numbers and against itself by independent routes.
//!
//! Bounds: closed forms, enumeration and transfer matrix are sums of positive terms or carry derivatives analytically, so
//! they agree to rounding; `ROUNDING` allows 10⁴ units in the last place of numbers of order 100.

use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::exact::{chain, enumeration, machine, onsager, torus, transfer};
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::numerics::log_sum_exp;
use gibbsite::internals::observables::exact_observables;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::Philox;
use rand::RngExt;

const ROUNDING: f64 = 1e-10;

/// T, e, C, ⟨|m|⟩, χ, ln Z, S of the periodic square lattice, L = 8, as printed to five places.
const SQUARE_8: [[f64; 7]; 6] = [
    [1.8, -1.85920, 0.44026, 0.95674, 0.11637, 72.77653, 6.67154],
    [2.0, -1.74568, 0.71412, 0.91145, 0.34963, 66.34458, 10.48272],
    [2.2, -1.56804, 1.05840, 0.82171, 0.93930, 61.49945, 15.88369],
    [2.4, -1.33722, 1.18415, 0.68015, 1.61451, 57.96456, 22.30536],
    [2.6, -1.11897, 0.96144, 0.53193, 1.72205, 55.44723, 27.90333],
    [3.0, -0.84132, 0.48397, 0.34603, 1.07887, 52.26141, 34.31335],
];

fn close(found: f64, expected: f64, bound: f64, what: &str) {
    assert!((found - expected).abs() <= bound, "{what}: {found} instead of {expected}");
}

fn torus_bonds(n: usize, m: usize) -> Vec<(usize, usize)> {
    let site = |r: usize, c: usize| r % n * m + c % m;
    (0..n * m).flat_map(|i| [(i, site(i / m, i % m + 1)), (i, site(i / m + 1, i % m))]).collect()
}

#[test]
fn square_8_has_the_published_table() {
    for row in SQUARE_8 {
        let found = exact_observables(Lattice::Square { length: 8 }, row[0]).expect("L = 8 is exact");
        let values = [
            found.energy,
            found.specific_heat,
            found.magnetization.expect("⟨|m|⟩ is exact"),
            found.susceptibility.expect("χ is exact"),
            found.log_z,
            found.entropy,
        ];
        for (value, expected) in values.into_iter().zip(&row[1..]) {
            close(value, *expected, 0.500_001e-5, &format!("T = {}", row[0]));
        }
    }
}

#[test]
fn chains_of_six_have_the_published_values() {
    let open = chain::open(6, 1.0).expect("valid");
    close(open.log_z, 6.327787, 0.5e-6, "ln Z");
    close(6.0 * open.energy, -3.807971, 0.5e-6, "E");
    close(open.entropy, 2.519816, 0.5e-6, "S");
    let ring = chain::periodic(6, 1.0).expect("valid");
    close(ring.log_z, 6.939830, 0.5e-6, "ln Z");
    close(6.0 * ring.energy, -5.109789, 0.5e-6, "E");
    close(ring.entropy, 1.830041, 0.5e-6, "S");
}

#[test]
fn chains_equal_their_enumeration() {
    for sites in [3, 4, 7, 12] {
        for temperature in [0.3, 1.0, 2.5, 40.0] {
            for closed in [false, true] {
                let bonds: Vec<_> = (0..sites - usize::from(!closed)).map(|i| (i, (i + 1) % sites)).collect();
                let states = enumeration::DensityOfStates::new(sites, &bonds).expect("small");
                let found = if closed { chain::periodic } else { chain::open }(sites, temperature).expect("valid");
                same_thermodynamics(found, states.thermodynamics(temperature).expect("valid"));
                let found = chain::magnetization(sites, temperature, closed).expect("small");
                same_distribution(&found, &states.magnetization(temperature).expect("valid"));
                let p = enumeration::state_probabilities(sites, &bonds, temperature).expect("small");
                for r in 1..sites {
                    let spin = |state: usize, i: usize| 2.0 * (state >> i & 1) as f64 - 1.0;
                    let summed: f64 = p.iter().enumerate().map(|(s, p)| p * spin(s, 0) * spin(s, r)).sum();
                    let found = if closed {
                        chain::periodic_correlation(sites, temperature, r)
                    } else {
                        chain::open_correlation(temperature, r)
                    };
                    close(found.expect("valid"), summed, ROUNDING, "correlation");
                }
            }
        }
    }
}

fn same_thermodynamics(
    found: gibbsite::internals::exact::Thermodynamics,
    expected: gibbsite::internals::exact::Thermodynamics,
) {
    close(found.log_z, expected.log_z, ROUNDING, "ln Z");
    close(found.energy, expected.energy, ROUNDING, "e");
    close(found.specific_heat, expected.specific_heat, ROUNDING, "C");
    close(found.entropy, expected.entropy, ROUNDING, "S");
}

fn same_distribution(
    found: &gibbsite::internals::exact::MagnetizationDistribution,
    expected: &gibbsite::internals::exact::MagnetizationDistribution,
) {
    assert_eq!(found.sites(), expected.sites());
    for (found, expected) in found.probabilities.iter().zip(&expected.probabilities) {
        close(*found, *expected, ROUNDING, "P(M)");
    }
}

#[test]
fn torus_equals_its_enumeration() {
    for (n, m) in [(2, 3), (3, 3), (3, 4), (4, 3), (4, 4), (5, 4)] {
        let states = enumeration::DensityOfStates::new(n * m, &torus_bonds(n, m)).expect("small");
        for temperature in [0.5, 1.7, onsager::CRITICAL_TEMPERATURE, 2.6, 30.0] {
            let found = torus::thermodynamics(n, m, temperature).expect("valid");
            same_thermodynamics(found, states.thermodynamics(temperature).expect("valid"));
        }
    }
}

#[test]
fn density_of_states_counts_every_state() {
    let states = enumeration::DensityOfStates::new(16, &torus_bonds(4, 4)).expect("small");
    let by_energy = states.by_energy();
    assert_eq!(by_energy.iter().sum::<u64>(), 1 << 16);
    // Two ground states; 16 single flips of each; then 2 × 32 neighbouring pairs at six unequal bonds.
    assert_eq!([by_energy[0], by_energy[4], by_energy[6]], [2, 32, 64]);
    assert_eq!(by_energy[32], 2, "both checkerboards");
}

#[test]
fn transfer_matrix_equals_enumeration_and_kaufman() {
    let states = enumeration::DensityOfStates::new(16, &torus_bonds(4, 4)).expect("small");
    for temperature in [0.05, 1.8, 2.3, 5.0] {
        let found = transfer::square(4, temperature).expect("small");
        close(found.log_z, states.thermodynamics(temperature).expect("valid").log_z, ROUNDING, "ln Z");
        same_distribution(&found.magnetization, &states.magnetization(temperature).expect("valid"));
    }
    for length in [2, 3, 5, 6, 8] {
        for temperature in [1.0, 2.2, 3.7] {
            let found = transfer::square(length, temperature).expect("small");
            let closed = torus::thermodynamics(length, length, temperature).expect("valid");
            close(found.log_z, closed.log_z, ROUNDING, "ln Z");
        }
    }
}

#[test]
fn large_torus_meets_the_infinite_lattice() {
    for temperature in [1.5, 3.5] {
        // Corrections fall as e^{−L/ξ} with ξ < 2 at these temperatures: e^{−64} for L = 128.
        let found = torus::thermodynamics(128, 128, temperature).expect("valid");
        close(found.energy, onsager::energy(temperature).expect("valid"), ROUNDING, "e");
        close(found.specific_heat, onsager::specific_heat(temperature).expect("valid"), 1e-8, "C");
    }
    for temperature in [1e-3, 0.039, 0.041, 1e4] {
        let found = torus::thermodynamics(64, 64, temperature).expect("valid");
        assert!(found.log_z.is_finite() && found.specific_heat > -ROUNDING, "T = {temperature}: {found:?}");
    }
}

#[test]
fn infinite_lattice_has_its_known_points() {
    let critical = onsager::CRITICAL_TEMPERATURE;
    close(critical, 2.0 / (1.0 + 2f64.sqrt()).ln(), 1e-15, "T_c");
    // e has a slope that diverges as ln|T − T_c|: a rounding error of 1e-16 in T is worth less than 1e-13.
    close(onsager::energy(critical).expect("valid"), -2f64.sqrt(), 1e-13, "e(T_c)");
    let s = (2.0f64 / 2.0).sinh();
    close(onsager::magnetization(2.0).expect("valid"), (1.0 - s.powi(-4)).powf(0.125), 1e-15, "m");
    close(onsager::magnetization(2.0).expect("valid"), 0.911_319_377_877, 1e-12, "m(2)");
    assert_eq!(onsager::magnetization(2.3).expect("valid"), 0.0);
}

#[test]
fn impossible_requests_are_refused_with_words() {
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(chain::periodic(6, temperature).is_err());
        assert!(torus::thermodynamics(8, 8, temperature).is_err());
        assert!(transfer::square(8, temperature).is_err());
        assert!(exact_observables(Lattice::Square { length: 8 }, temperature).is_none());
    }
    assert!(transfer::square(40, 2.0).is_err());
    assert!(chain::magnetization(1 << 20, 1.0, true).is_err());
    assert!(enumeration::DensityOfStates::new(40, &[]).is_err());
    assert!(enumeration::DensityOfStates::new(4, &[(0, 4)]).is_err());
}

fn random_machine(n_visible: usize, n_hidden: usize, scale: f32, label: &str) -> Rbm {
    let mut numbers = Philox::sequence(1, label);
    let mut draw = || scale * (numbers.random::<f32>() - 0.5);
    let mut rbm = Rbm::zeros(n_visible, n_hidden);
    rbm.weights.iter_mut().for_each(|w| *w = draw());
    rbm.visible_bias.iter_mut().for_each(|b| *b = draw());
    rbm.hidden_bias.iter_mut().for_each(|c| *c = draw());
    rbm
}

fn state_rows(n: usize) -> BitMatrix {
    BitMatrix::from_fn(1 << n, n, |state, j| state >> j & 1 == 1)
}

#[test]
fn machine_equals_the_sum_over_both_layers() {
    let (n_visible, n_hidden) = (6, 5);
    let rbm = random_machine(n_visible, n_hidden, 6.0, "machine");
    let oracle = machine::Machine::new(&rbm.weights, &rbm.visible_bias, &rbm.hidden_bias).expect("small");
    let joint = |v: usize, h: usize| {
        let mut energy = 0.0;
        for j in (0..n_visible).filter(|j| v >> j & 1 == 1) {
            energy -= f64::from(rbm.visible_bias[j]);
            energy -= (0..n_hidden).filter(|i| h >> i & 1 == 1).map(|i| f64::from(rbm.weight(j, i))).sum::<f64>();
        }
        energy -= (0..n_hidden).filter(|i| h >> i & 1 == 1).map(|i| f64::from(rbm.hidden_bias[i])).sum::<f64>();
        -energy
    };
    let rows = state_rows(n_visible);
    let weights: Vec<f64> = (0..1 << n_visible)
        .map(|v| log_sum_exp(&(0..1 << n_hidden).map(|h| joint(v, h)).collect::<Vec<_>>()))
        .collect();
    close(oracle.log_partition(), log_sum_exp(&weights), ROUNDING, "ln Z");
    for (v, (found, expected)) in oracle.log_weights().iter().zip(&weights).enumerate() {
        close(*found, *expected, ROUNDING, "ln p*");
        close(-rbm.free_energy(&rows, v), *expected, ROUNDING, "−F");
    }
}

#[test]
fn gradient_is_the_slope_of_the_log_likelihood() {
    let rbm = random_machine(5, 4, 3.0, "gradient");
    let mut q: Vec<f64> = (0..32).map(|state| f64::from(state * state % 11) + 0.5).collect();
    let total: f64 = q.iter().sum();
    q.iter_mut().for_each(|q| *q /= total);
    let likelihood = |rbm: &Rbm| -> f64 {
        let p =
            machine::Machine::new(&rbm.weights, &rbm.visible_bias, &rbm.hidden_bias).expect("small").probabilities();
        q.iter().zip(&p).map(|(q, p)| q * p.ln()).sum()
    };
    let oracle = machine::Machine::new(&rbm.weights, &rbm.visible_bias, &rbm.hidden_bias).expect("small");
    let gradient = oracle.gradient(&q).expect("fits");
    // Central differences over a step that f32 holds exactly enough: third derivatives are below 1 here, so the error is
    // at most h²/6, and the step actually taken is measured.
    let bound = 1e-5;
    let check = |change: &dyn Fn(&mut Rbm) -> &mut f32, slope: f64| {
        let (mut up, mut down) = (rbm.clone(), rbm.clone());
        *change(&mut up) += 4e-3;
        *change(&mut down) -= 4e-3;
        let step = f64::from(*change(&mut up)) - f64::from(*change(&mut down));
        close(slope, (likelihood(&up) - likelihood(&down)) / step, bound, "gradient");
    };
    for at in 0..20 {
        check(&|r| &mut r.weights[at], gradient.weights[at]);
    }
    for j in 0..5 {
        check(&|r| &mut r.visible_bias[j], gradient.visible_bias[j]);
    }
    for i in 0..4 {
        check(&|r| &mut r.hidden_bias[i], gradient.hidden_bias[i]);
    }
}

#[test]
fn ising_machine_is_the_ising_model() {
    let graphs = [
        (4, vec![(0, 1), (1, 2), (2, 3), (3, 0)]),
        (6, vec![(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]),
        (6, vec![(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)]),
        (12, torus_bonds(3, 4)),
    ];
    for (sites, bonds) in graphs {
        for temperature in [0.8, 1.8, 3.0] {
            let (rbm, constant) = Rbm::ising(sites, &bonds, 1.0 / temperature);
            let oracle = machine::Machine::new(&rbm.weights, &rbm.visible_bias, &rbm.hidden_bias).expect("small");
            // Weights are f32: a relative error of 2⁻²⁴ in w ≤ 8 moves a bond's term by at most 5e-7.
            let bound = 5e-7 * bonds.len() as f64;
            let ising = enumeration::DensityOfStates::new(sites, &bonds).expect("small");
            let log_z = ising.thermodynamics(temperature).expect("valid").log_z;
            close(oracle.log_partition() - constant, log_z, bound, "ln Z");
            let truth = enumeration::state_probabilities(sites, &bonds, temperature).expect("small");
            for (found, expected) in oracle.probabilities().iter().zip(&truth) {
                close(found.ln(), expected.ln(), 2.0 * bound, "ln p");
            }
            assert!(machine::kl_divergence(&truth, &oracle.probabilities()).expect("equal lengths") < bound * bound);
        }
    }
}
