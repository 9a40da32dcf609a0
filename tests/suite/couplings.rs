//! Couplings against the definition: all 2^N states of −F, expanded in both bases.

use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::couplings::{self, Basis, Coupling, Method};
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::Philox;
use rand_distr::{Distribution, StandardNormal};

/// Required of the exact methods.
const EXACT: f64 = 1e-10;

fn random_machine(n_visible: usize, n_hidden: usize, scale: f32, label: &str) -> Rbm {
    let mut numbers = Philox::sequence(1, label);
    let mut normal = |scale: f32| -> f32 {
        let x: f32 = StandardNormal.sample(&mut numbers);
        scale * x
    };
    let mut rbm = Rbm::zeros(n_visible, n_hidden);
    rbm.weights.iter_mut().for_each(|w| *w = normal(scale));
    rbm.visible_bias.iter_mut().for_each(|b| *b = normal(1.0));
    rbm.hidden_bias.iter_mut().for_each(|c| *c = normal(scale));
    rbm
}

/// −F of every state.
fn log_weights(rbm: &Rbm) -> Vec<f64> {
    let states = BitMatrix::from_fn(1 << rbm.n_visible, rbm.n_visible, |state, j| state >> j & 1 == 1);
    (0..states.rows()).map(|state| -rbm.free_energy(&states, state)).collect()
}

/// Coefficient of the units `set` by the definition of the basis.
fn by_definition(log_weights: &[f64], set: usize, basis: Basis) -> f64 {
    let sign = |count: u32| if count.is_multiple_of(2) { 1.0 } else { -1.0 };
    match basis {
        Basis::Binary => {
            let inside = log_weights.iter().enumerate().filter(|(state, _)| state & !set == 0);
            inside.map(|(state, f)| sign((set ^ state).count_ones()) * f).sum()
        }
        Basis::Spin => {
            let sum: f64 = log_weights.iter().enumerate().map(|(state, f)| sign((set & !state).count_ones()) * f).sum();
            sum / log_weights.len() as f64
        }
    }
}

/// Largest deviation from the definition, after checking that the list is complete and in order.
fn deviation(rbm: &Rbm, basis: Basis, method: Method) -> f64 {
    let found = couplings::couplings(rbm, basis, method, &[1, 2, 3], None).expect("small");
    let n = rbm.n_visible;
    assert_eq!(found.len(), n + n * (n - 1) / 2 + n * n.saturating_sub(1) * n.saturating_sub(2) / 6);
    assert!(found.is_sorted_by_key(|c| (c.units.len(), c.units.clone())));
    let weights = log_weights(rbm);
    let difference = |c: &Coupling| {
        let set = c.units.iter().fold(0, |set, j| set | 1 << j);
        (c.value - by_definition(&weights, set, basis)).abs()
    };
    found.iter().map(difference).fold(0.0, f64::max)
}

#[test]
fn exact_couplings_are_the_definition() {
    for (n_visible, n_hidden) in [(1, 1), (2, 3), (3, 1), (5, 7), (8, 4), (12, 6)] {
        for scale in [0.0, 0.01, 0.5, 4.0] {
            let rbm = random_machine(n_visible, n_hidden, scale, &format!("{n_visible} {n_hidden} {scale}"));
            for basis in [Basis::Binary, Basis::Spin] {
                let found = deviation(&rbm, basis, Method::Exact);
                assert!(found < EXACT, "{n_visible} × {n_hidden}, weights {scale}, {basis}: {found}");
            }
        }
    }
}

#[test]
fn vanishing_cosines_lose_nothing() {
    // Nodes stand at t = (n + ½) 2π/(|θ| + Σ|w'| + 20): with w' = 2 the cosine of w' t vanishes at node n where
    // |θ| + Σ|w'| + 20 = 4 w' (n + ½). Two, three and six units vanish together, alone and beside others.
    for (large, small, node) in [(2, 0, 4), (2, 3, 4), (3, 2, 5), (6, 0, 4), (6, 4, 6)] {
        let n = large + small;
        let mut rbm = Rbm::zeros(n, 1);
        rbm.weights[..large].fill(8.0);
        rbm.weights[large..].fill(1.0);
        let reach = 2.0 * large as f32 + 0.25 * small as f32;
        let field = 8.0 * (node as f32 + 0.5) - 20.0 - reach;
        assert!(field >= 0.0, "the node exists");
        let step = 2.0 * std::f64::consts::PI / f64::from(field + reach + 20.0);
        let cosine = (2.0 * (f64::from(node) + 0.5) * step).cos();
        assert!(cosine.abs() < 1e-15, "the cosine vanishes: {cosine}");
        rbm.hidden_bias[0] = 2.0 * (field - reach);
        // Also where all couplings are large, not only far outside the reach of the weights.
        for shift in [0.0, -2.0 * field] {
            rbm.hidden_bias[0] += shift;
            let found = deviation(&rbm, Basis::Spin, Method::Exact);
            assert!(found < EXACT, "{large} + {small} units: {found}");
        }
    }
}

#[test]
fn ising_machines_have_the_ising_couplings() {
    for lattice in [Lattice::Square { length: 4 }, Lattice::Chain { length: 10 }, Lattice::Square { length: 8 }] {
        for temperature in [0.6, 1.8, 3.0] {
            let bonds = lattice.bonds();
            let (rbm, _) = Rbm::ising(lattice.sites(), &bonds, 1.0 / temperature);
            let found = couplings::spin(&rbm, &[1, 2], None).expect("small");
            // Weights are f32: |δw| ≤ 2⁻²⁵ w for w = 2 arcosh e^{2K} ≤ 8, and each coupling changes by less than δw times
            // the four bonds of a site.
            let bound = 4.0 * 8.0 / 2f64.powi(25);
            let matrix = couplings::pair_matrix(&found, lattice.sites());
            let mut expected = vec![0.0; matrix.len()];
            for (a, b) in bonds.iter().copied() {
                expected[a * lattice.sites() + b] = 1.0 / temperature;
                expected[b * lattice.sites() + a] = 1.0 / temperature;
            }
            for (found, expected) in matrix.iter().zip(&expected) {
                assert!((found - expected).abs() < bound, "{lattice} at {temperature}: {found} for {expected}");
            }
            assert!(found.iter().filter(|c| c.units.len() == 1).all(|c| c.value.abs() < bound));
            let truth = couplings::compare_with_ising(&found, &bonds, temperature).expect("complete");
            assert!((truth.neighbour_ratio - 1.0).abs() < bound * temperature);
            assert!(truth.neighbours.error < bound && truth.others_rms < bound);
        }
    }
}

#[test]
fn a_choice_of_units_gives_the_same_numbers() {
    let rbm = random_machine(9, 5, 2.0, "choice");
    for basis in [Basis::Binary, Basis::Spin] {
        for method in [Method::Exact, Method::Gaussian, Method::Cumulant(3)] {
            if (basis, method) == (Basis::Binary, Method::Gaussian) {
                continue;
            }
            let all = couplings::couplings(&rbm, basis, method, &[1, 2, 3], None).expect("small");
            let some = couplings::couplings(&rbm, basis, method, &[3, 1, 2, 3], Some(&[7, 0, 3, 8, 3])).expect("small");
            assert_eq!(some.len(), 4 + 6 + 4);
            for coupling in &some {
                let same = all.iter().find(|c| c.units == coupling.units).expect("in the full list");
                assert!((same.value - coupling.value).abs() < 1e-12, "{basis} {method} {:?}", coupling.units);
            }
        }
    }
}

#[test]
fn gaussian_form_is_right_for_many_weak_weights_only() {
    // Replacing Π cos by a Gaussian is wrong by a fourth cumulant, Σ w'⁴/12 = O(1/N): doubling N halves it.
    let error = |n: usize| -> f64 {
        let mut rbm = Rbm::zeros(n, 1);
        rbm.weights.fill(4.0 / (n as f32).sqrt());
        rbm.hidden_bias[0] = -0.5 * 4.0 * (n as f32).sqrt() + 0.6;
        let of = |method| couplings::couplings(&rbm, Basis::Spin, method, &[2], Some(&[0, 1])).expect("small")[0].value;
        (of(Method::Gaussian) - of(Method::Exact)).abs() / of(Method::Exact).abs()
    };
    let (small, large) = (error(40), error(640));
    assert!(small < 0.05, "{small}");
    assert!(
        (10.0..24.0).contains(&(small / large)),
        "sixteen times as many units, one sixteenth the error: {small} {large}"
    );

    let bonds = Lattice::Square { length: 4 }.bonds();
    let (rbm, _) = Rbm::ising(16, &bonds, 0.5);
    assert!(deviation_of_pairs(&rbm, Method::Gaussian) < EXACT, "two weights a unit: nothing is left to average");
    let strong = random_machine(10, 3, 4.0, "strong");
    assert!(deviation_of_pairs(&strong, Method::Gaussian) > 1e-2, "strong weights are no Gaussian");
}

fn deviation_of_pairs(rbm: &Rbm, method: Method) -> f64 {
    let exact = couplings::spin(rbm, &[2], None).expect("small");
    let other = couplings::couplings(rbm, Basis::Spin, method, &[2], None).expect("small");
    exact.iter().zip(&other).map(|(a, b)| (a.value - b.value).abs()).fold(0.0, f64::max)
}

#[test]
fn cumulant_series_converges_inside_its_radius_only() {
    for basis in [Basis::Binary, Basis::Spin] {
        // |y| ≤ 6 · 0.2 everywhere, π away from the poles: the remainder falls by at least 1.2/π a power.
        let mut weak = random_machine(6, 3, 1.0, "weak");
        weak.weights.iter_mut().for_each(|w| *w = w.clamp(-0.2, 0.2));
        let errors: Vec<f64> = [2, 6, 16].map(|k| deviation(&weak, basis, Method::Cumulant(k))).to_vec();
        assert!(errors[1] < 0.1 * errors[0], "{basis}: {errors:?}");
        // Sixteen terms: 3 units · 8 signs · (1.2/π)^17 · 2.
        assert!(errors[2] < 48.0 * (1.2 / std::f64::consts::PI).powi(17), "{basis}: {errors:?}");

        let mut strong = weak.clone();
        strong.weights.fill(8.0);
        strong.hidden_bias.fill(if basis == Basis::Spin { -24.0 } else { 0.0 });
        let errors: Vec<f64> = [4, 8, 16].map(|k| deviation(&strong, basis, Method::Cumulant(k))).to_vec();
        assert!(errors[2] > errors[1] && errors[1] > errors[0], "{basis} must diverge: {errors:?}");
    }
}

#[test]
fn absurd_requests_are_refused_before_any_work() {
    let large = Rbm::zeros(2000, 4);
    for basis in [Basis::Binary, Basis::Spin] {
        let text = couplings::couplings(&large, basis, Method::Exact, &[3], None).expect_err("too many").to_string();
        assert!(text.contains("1331334000 couplings") && text.contains("choose some of the units"), "{text}");
        assert!(couplings::couplings(&large, basis, Method::Exact, &[3], Some(&[1, 5, 7])).is_ok());
    }
    let mut wild = Rbm::zeros(8, 2);
    wild.weights.fill(1e30);
    let text = couplings::spin(&wild, &[2], None).expect_err("endless").to_string();
    assert!(text.contains("operations"), "{text}");
    assert!(couplings::binary(&wild, &[2], None).is_ok(), "a closed form has no such limit");
    assert!(couplings::spin(&wild, &[4], None).is_err());
    assert!(couplings::spin(&wild, &[0], None).is_err());
    assert!(couplings::spin(&wild, &[1], Some(&[8])).is_err());
    assert!(couplings::spin(&wild, &[1], Some(&[])).is_err());
    wild.weights[3] = f32::NAN;
    assert!(couplings::binary(&wild, &[2], None).is_err());
    for text in ["cumulant:0", "cumulant:99", "cumulant:", "exactly"] {
        assert!(text.parse::<Method>().is_err(), "{text}");
    }
    for text in ["exact", "gaussian", "cumulant:4"] {
        assert_eq!(text.parse::<Method>().expect("known").to_string(), text);
    }
}

#[test]
fn summaries_count_and_rank() {
    let list = |units: &[usize], value: f64| Coupling { units: units.to_vec(), value };
    let couplings = [list(&[0], 3.0), list(&[1], 4.0), list(&[0, 1], -2.0), list(&[0, 2], 0.5), list(&[1, 2], 1.5)];
    let orders = couplings::summarise(&couplings);
    assert_eq!(orders["1"].count, 2);
    assert!((orders["1"].rms - 12.5f64.sqrt()).abs() < 1e-15);
    assert_eq!(orders["2"].count, 3);
    let names = ["CD3D".to_string(), "CD3E".to_string()];
    let strongest = couplings::strongest_pairs(&couplings, &names, 5);
    assert_eq!(strongest.len(), 2);
    assert_eq!(strongest[0].names, ["CD3E", "2"]);
    assert_eq!(couplings::pair_matrix(&couplings, 3), [0.0, -2.0, 0.5, -2.0, 0.0, 1.5, 0.5, 1.5, 0.0]);
}

#[test]
fn a_machine_of_64_units_with_large_weights_takes_under_a_second() {
    let rbm = random_machine(64, 64, 4.0, "speed");
    let start = std::time::Instant::now();
    let pairs = couplings::spin(&rbm, &[1, 2], None).expect("fits");
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(pairs.len(), 64 + 2016);
    assert!(pairs.iter().all(|c| c.value.is_finite()));
    assert!(seconds < 5.0, "{seconds} s: promised under one second, five allow for a busy machine");
}

#[test]
fn gaussian_form_is_the_average_over_a_gaussian() {
    // Directly: 2^{−|S|} Σ_s Π s ⟨ln 2cosh(θ + Σ_S w' s + x)⟩ over x ~ N(0, Σ_{j∉S} w'²), on a fine grid: the integrand is
    // analytic in a strip of half-width π/2, so that a step of 0.02 is exact to rounding; ±12 σ leave out e^{−72}.
    for strongest in [1.0f32, 10.0, 40.0] {
        let mut rbm = Rbm::zeros(4, 1);
        rbm.weights.copy_from_slice(&[3.0, -2.0, strongest, 1.5]);
        rbm.hidden_bias[0] = 0.7 - 0.5 * rbm.weights.iter().sum::<f32>();
        let w: Vec<f64> = rbm.weights.iter().map(|&w| 0.25 * f64::from(w)).collect();
        let theta = 0.5 * f64::from(rbm.hidden_bias[0]) + w.iter().sum::<f64>();
        let found = couplings::couplings(&rbm, Basis::Spin, Method::Gaussian, &[1, 2, 3], None).expect("small");
        for coupling in &found {
            let inside = &coupling.units;
            let sigma = (0..4).filter(|j| !inside.contains(j)).map(|j| w[j] * w[j]).sum::<f64>().sqrt();
            let steps = (24.0 * sigma / 0.02).ceil() as i32;
            let mut sum = 0.0;
            for at in 0..=steps {
                let z = 24.0 * f64::from(at) / f64::from(steps) - 12.0;
                let mut projected = 0.0;
                for signs in 0..1usize << inside.len() {
                    let s = |p: usize| if signs >> p & 1 == 1 { 1.0 } else { -1.0 };
                    let x = theta + sigma * z + inside.iter().enumerate().map(|(p, &j)| s(p) * w[j]).sum::<f64>();
                    let log_2cosh = x.abs() + (-2.0 * x.abs()).exp().ln_1p();
                    projected += (0..inside.len()).map(s).product::<f64>() * log_2cosh;
                }
                let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
                sum += projected / 2f64.powi(inside.len() as i32) * density * 24.0 / f64::from(steps);
            }
            let linear = if inside.len() == 1 { w[inside[0]] } else { 0.0 };
            let difference = (coupling.value - linear - sum).abs();
            assert!(difference < EXACT, "weight {strongest}, {inside:?}: {difference}");
        }
    }
}
