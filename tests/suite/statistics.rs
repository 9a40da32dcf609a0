//! Error bars and observables against processes whose answers are known.
//!
//! False alarms: seeds are fixed, so a test either passes always or fails always; the bounds below state how likely a
//! correct program was to fail when the seed was chosen.

use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::exact::{MagnetizationDistribution, chain, enumeration};
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::observables::{self, Series};
use gibbsite::internals::rng::Philox;
use gibbsite::internals::stats::{self, Blocks};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// x' = ρ x + √(1 − ρ²) ξ from its stationary distribution: mean 0, variance 1, τ = (1 + ρ)/(2(1 − ρ)).
pub(crate) fn autoregressive(rho: f64, replicas: usize, times: usize, label: &str) -> Vec<f64> {
    let mut numbers = Philox::sequence(7, label);
    let mut series = Vec::with_capacity(replicas * times);
    for _ in 0..replicas {
        let mut x: f64 = StandardNormal.sample(&mut numbers);
        for _ in 0..times {
            series.push(x);
            let kick: f64 = StandardNormal.sample(&mut numbers);
            x = rho * x + (1.0 - rho * rho).sqrt() * kick;
        }
    }
    series
}

pub(crate) fn exact_tau(rho: f64) -> f64 {
    0.5 * (1.0 + rho) / (1.0 - rho)
}

#[test]
fn autocorrelation_time_is_recovered() {
    // Truncation leaves out a fraction e^{−W/τ_exp} of τ, with W about 4 to 6 τ at these lengths: under 2 %; beyond it four
    // errors of τ (6e-5 a case).
    for (rho, replicas, times) in [
        (0.0, 1, 20_000),
        (0.5, 1, 50_000),
        (0.9, 1, 200_000),
        (0.9, 100, 2_000),
        (0.97, 400, 1_000),
        (-0.5, 1, 50_000),
    ] {
        let found = stats::autocorrelation(&autoregressive(rho, replicas, times, &format!("tau {rho}")), replicas);
        let tau = exact_tau(rho);
        assert!(found.converged);
        assert!((found.tau - tau).abs() < 0.02 * tau + 4.0 * found.tau_error, "ρ = {rho}: {found:?} for τ = {tau}");
        assert!(found.tau_error < 0.15 * tau, "ρ = {rho}: {found:?}");
        assert!((found.variance - 1.0).abs() < 4.0 * (4.0 * tau / found.count as f64).sqrt(), "{found:?}");
    }
}

#[test]
fn autocorrelation_function_decays_as_it_must() {
    let rho = 0.8f64;
    let found = stats::autocorrelation_function(&autoregressive(rho, 50, 4_000, "function"), 50, 20);
    assert_eq!(found.len(), 21);
    for (t, found) in found.iter().enumerate() {
        // Bartlett: the variance of ρ(t) is at most 2τ/n · 2 for this process; four of its roots.
        let bound = 4.0 * (4.0 * exact_tau(rho) / 200_000.0).sqrt();
        assert!((found - rho.powi(t as i32)).abs() < bound, "lag {t}: {found}");
    }
}

/// Fraction of 300 runs in which the 1σ interval of `estimate` (value, error) holds `truth`.
fn coverage(
    truth: f64,
    label: &str,
    estimate: impl Fn(&[f64]) -> (f64, f64),
    rho: f64,
    replicas: usize,
    times: usize,
) -> f64 {
    let inside = (0..300).filter(|run| {
        let series = autoregressive(rho, replicas, times, &format!("{label} {run}"));
        let (value, error) = estimate(&series);
        (value - truth).abs() < error
    });
    inside.count() as f64 / 300.0
}

/// 68.3 % ± 2.7 % are expected: 2.2 standard deviations to either side, 3 % of seeds.
fn assert_one_sigma(coverage: f64, what: &str) {
    assert!((0.62..0.74).contains(&coverage), "{what}: the 1σ interval holds the truth in {coverage} of all runs");
}

#[test]
fn error_bars_of_means_are_one_sigma() {
    let gamma = |replicas: usize| {
        move |series: &[f64]| {
            let found = stats::autocorrelation(series, replicas);
            (found.mean, found.error)
        }
    };
    assert_one_sigma(coverage(0.0, "one series", gamma(1), 0.9, 1, 4_000), "Γ-method, one series");
    assert_one_sigma(coverage(0.0, "pooled", gamma(20), 0.9, 20, 200), "Γ-method, 20 replicas");
    let blocked = |replicas: usize, times: usize| {
        move |series: &[f64]| {
            let blocks = Blocks::choose(replicas, times, exact_tau(0.9));
            let found = stats::jackknife(&blocks.means(&[series]), &blocks.weights(), |q| q[0]);
            (found.value, found.error)
        }
    };
    assert_one_sigma(coverage(0.0, "groups", blocked(64, 50), 0.9, 64, 50), "jackknife over replicas");
    assert_one_sigma(coverage(0.0, "bins", blocked(4, 4_000), 0.9, 4, 4_000), "jackknife over time bins");
}

#[test]
fn error_bars_of_derived_quantities_are_one_sigma() {
    // The variance of the process is 1.
    let blocked = |series: &[f64]| {
        let squares: Vec<f64> = series.iter().map(|x| x * x).collect();
        let blocks = Blocks::choose(2, 8_000, exact_tau(0.8));
        let found = stats::jackknife(&blocks.means(&[series, &squares]), &blocks.weights(), |q| q[1] - q[0] * q[0]);
        (found.value, found.error)
    };
    assert_one_sigma(coverage(1.0, "derived", blocked, 0.8, 2, 8_000), "jackknife of a variance");
}

#[test]
fn binning_reaches_the_error_of_the_gamma_method() {
    let series = autoregressive(0.8, 4, 50_000, "binning");
    let levels = stats::binning(&series, 4);
    let expected = (2.0 * exact_tau(0.8) / 200_000.0).sqrt();
    // Bins of 512 values hold 57 τ: their error is low by under 1 %; it is known to 1/√(2 · 390) = 3.6 %, four times that.
    let level = levels.iter().find(|l| l.length == 512).expect("long enough");
    assert!((level.error / expected - 1.0).abs() < 0.16, "{level:?} for {expected}");
    assert!(levels[0].error < 0.4 * expected, "single values pretend to be independent");
    let gamma = stats::autocorrelation(&series, 4);
    assert!((gamma.error / expected - 1.0).abs() < 0.05, "{gamma:?} for {expected}");
}

#[test]
fn degenerate_series_have_an_answer() {
    let still = stats::autocorrelation(&[0.3; 100], 1);
    assert_eq!((still.error, still.tau, still.converged), (0.0, 0.5, true));
    assert!(stats::autocorrelation(&[], 1).error.is_nan());
    assert!(stats::autocorrelation(&[1.0], 0).error.is_nan());
    let one = stats::autocorrelation(&[1.0, 2.0, 4.0], 3);
    assert!((one.error - (stats::variance(&[1.0, 2.0, 4.0]) / 3.0).sqrt()).abs() < 0.1 * one.error, "{one:?}");
    let alternating: Vec<f64> = (0..1000).map(|t| f64::from(t % 2)).collect();
    let found = stats::autocorrelation(&alternating, 1);
    assert!(found.tau > 0.0 && found.error >= 0.0 && found.error < 0.001, "{found:?}");
    for (replicas, times) in [(1, 2), (1, 3), (2, 1), (31, 7), (32, 1), (1000, 3), (200, 1)] {
        let blocks = Blocks::choose(replicas, times, 100.0);
        assert!(blocks.ranges.len() >= 2, "{replicas} × {times}");
        let covered: Vec<usize> = blocks.ranges.iter().flat_map(Clone::clone).collect();
        assert_eq!(covered, (0..replicas * times).collect::<Vec<_>>());
    }
}

#[test]
fn tail_probabilities_have_their_tabulated_values() {
    let close = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-9, "{found} for {expected}");
    close(stats::chi_squared_survival(3.841_458_820_694_124, 1), 0.05);
    close(stats::chi_squared_survival(18.307_038_053_275_146, 10), 0.05);
    close(stats::chi_squared_survival(2.0, 2), (-1.0f64).exp());
    close(stats::chi_squared_survival(60.0, 4), 31.0 * (-30.0f64).exp());
    close(stats::chi_squared_survival(0.5, 4), 1.25 * (-0.25f64).exp());
    assert_eq!(stats::chi_squared_survival(0.0, 3), 1.0);
    close(stats::normal_quantile(0.975), 1.959_963_984_540_054);
    close(stats::normal_cdf(-6.0), 9.865_876_450_376_98e-10);
    close(stats::normal_cdf(1.0), 0.841_344_746_068_543);
    for p in [1e-300, 1e-12, 0.2, 0.5, 0.999] {
        close(stats::normal_cdf(stats::normal_quantile(p)), p);
    }
    close(stats::distributions::ln_gamma(0.5), 0.5 * std::f64::consts::PI.ln());
    close(stats::distributions::ln_gamma(10.0), 362_880f64.ln());
}

/// Independent states of an enumerated distribution, `[samples, sites]`.
pub(crate) fn draw(probabilities: &[f64], sites: usize, samples: usize, label: &str) -> BitMatrix {
    let mut sums = Vec::with_capacity(probabilities.len());
    let mut sum = 0.0;
    for p in probabilities {
        sum += p;
        sums.push(sum);
    }
    let mut numbers = Philox::sequence(11, label);
    let mut state = || {
        let u: f64 = numbers.random();
        sums.partition_point(|&s| s < u * sum)
    };
    let states: Vec<usize> = (0..samples).map(|_| state()).collect();
    BitMatrix::from_fn(samples, sites, |row, j| states[row] >> j & 1 == 1)
}

fn spin(state: usize, i: usize) -> f64 {
    2.0 * (state >> i & 1) as f64 - 1.0
}

#[test]
fn observables_of_exact_samples_are_exact() {
    for (lattice, temperature, replicas) in [
        (Lattice::Square { length: 4 }, 2.3, 1),
        (Lattice::Square { length: 4 }, 3.5, 100),
        (Lattice::Chain { length: 10 }, 1.2, 4),
        (Lattice::OpenChain { length: 9 }, 0.9, 1),
    ] {
        let sites = lattice.sites();
        let p = enumeration::state_probabilities(sites, &lattice.bonds(), temperature).expect("small");
        let samples = draw(&p, sites, 40_000, &lattice.to_string());
        let found = observables::observe(&samples, lattice, temperature, replicas).expect("fits");
        let exact = observables::exact_observables(lattice, temperature).expect("small");
        let states = enumeration::DensityOfStates::new(sites, &lattice.bonds()).expect("small");
        let m: MagnetizationDistribution = states.magnetization(temperature).expect("valid");
        // 4.5 σ: 7e-6 a value, under 1e-3 for all of them.
        let check = |found: gibbsite::internals::record::Estimate, expected: f64, what: &str| {
            let z = (found.value - expected) / found.error;
            assert!(z.abs() < 4.5, "{lattice}, {what}: {found:?} for {expected}, {z} σ");
        };
        check(found.energy, exact.energy, "e");
        check(found.specific_heat, exact.specific_heat, "C");
        check(found.magnetization, exact.magnetization.expect("small"), "⟨|m|⟩");
        check(found.susceptibility, exact.susceptibility.expect("small"), "χ");
        check(found.binder, m.binder(), "U4");
        check(found.p_up, 0.5, "P(m > 0)");
        // The error of e is known beforehand: √(C T²/(N n)).
        let expected = (exact.specific_heat * temperature.powi(2) / (sites as f64 * 40_000.0)).sqrt();
        assert!((found.energy.error / expected - 1.0).abs() < 4.5 / (2.0f64 * 128.0).sqrt(), "{:?}", found.energy);
        assert!((found.energy.tau.expect("a series") - 0.5).abs() < 0.05, "independent samples");

        let mean = |f: &dyn Fn(usize) -> f64| -> f64 { p.iter().enumerate().map(|(s, p)| p * f(s)).sum() };
        let length = lattice.length();
        assert_eq!(found.correlation.len(), if lattice.is_periodic() { length / 2 + 1 } else { length });
        assert_eq!(found.correlation[0].value, 1.0);
        for (r, &g) in found.correlation.iter().enumerate().skip(1) {
            let expected = match lattice {
                Lattice::OpenChain { .. } => chain::open_correlation(temperature, r).expect("valid"),
                Lattice::Chain { .. } => chain::periodic_correlation(length, temperature, r).expect("valid"),
                _ => mean(&|s| spin(s, 0) * spin(s, r)),
            };
            check(g, expected, "G(r)");
        }
        assert_eq!(found.correlation_length.is_some(), lattice.is_periodic());
        if let Some(xi) = found.correlation_length {
            let k = 2.0 * std::f64::consts::PI / length as f64;
            let factor = |k: f64| {
                mean(&|s| {
                    let part = |f: fn(f64) -> f64| -> f64 {
                        (0..sites).map(|i| spin(s, i) * f(k * (i % length) as f64)).sum()
                    };
                    part(f64::cos).powi(2) + part(f64::sin).powi(2)
                })
            };
            check(xi, (factor(0.0) / factor(k) - 1.0).sqrt() / (2.0 * (0.5 * k).sin()), "ξ");
        }
    }
}

#[test]
fn counts_and_configurations_make_the_same_series() {
    let lattice = Lattice::Square { length: 4 };
    let samples = BitMatrix::from_fn(6, 16, |row, j| (row * 7 + j * j) % 3 == 0);
    let series = Series::from_samples(&samples, lattice, 2).expect("fits");
    assert_eq!((series.replicas, series.times, series.sites), (2, 3, 16));
    for (at, (&e, &m)) in series.energy.iter().zip(&series.magnetization).enumerate() {
        let row = at % 3 * 2 + at / 3;
        let s = |i: usize| if samples.get(row, i) { 1.0 } else { -1.0 };
        assert_eq!(e, -lattice.bonds().iter().map(|&(a, b)| s(a) * s(b)).sum::<f64>() / 16.0);
        assert_eq!(m, (0..16).map(s).sum::<f64>() / 16.0);
    }
    assert_eq!(series.window(1..3).energy, [1, 2, 4, 5].map(|at| series.energy[at]));
    assert_eq!(series.replicas(1..2).magnetization, series.magnetization[3..]);
    assert!(Series::from_samples(&samples, lattice, 4).is_err());
    assert!(Series::from_samples(&samples, Lattice::Square { length: 8 }, 1).is_err());
    assert!(observables::observables(&series, lattice, -1.0).is_err());
    assert!(observables::observables(&series.window(0..1).replicas(0..1), lattice, 1.0).is_err());
}

#[test]
fn frozen_configurations_have_no_errors() {
    let lattice = Lattice::Square { length: 4 };
    let up = BitMatrix::from_fn(40, 16, |_, _| true);
    let found = observables::observe(&up, lattice, 0.1, 4).expect("fits");
    assert!(found.energy.value == -2.0 && found.energy.error.is_nan());
    assert_eq!((found.specific_heat.value, found.susceptibility.value, found.p_up.value), (0.0, 0.0, 1.0));
    assert!((found.binder.value - 2.0 / 3.0).abs() < 1e-15);
    assert!(found.correlation_length.is_none());
    // G(0) = 1 whatever the spins are; that the others are is only what was seen.
    assert_eq!((found.correlation[0].value, found.correlation[0].error), (1.0, 0.0));
    assert!(found.correlation[1..].iter().all(|g| g.value == 1.0 && g.error.is_nan()));
}

/// A series with energy and magnetisation from autoregressive processes, the latter around `level`.
fn two_processes(replicas: usize, times: usize, level: f64, label: &str) -> Series {
    let energy = autoregressive(0.9, replicas, times, &format!("{label} e"));
    let magnetization = autoregressive(0.8, replicas, times, &format!("{label} m"));
    Series {
        sites: 64,
        replicas,
        times,
        energy,
        magnetization: magnetization.iter().map(|m| level + 0.1 * m).collect(),
    }
}

#[test]
fn pilot_finds_times_and_disagreement() {
    let hot = two_processes(64, 500, 0.8, "hot");
    let found = observables::pilot(&hot);
    assert!(found.converged());
    assert!((found.energy.tau - exact_tau(0.9)).abs() < 0.05 * exact_tau(0.9) + 4.0 * found.energy.tau_error);
    assert!(
        (found.magnetization.tau - exact_tau(0.8)).abs() < 0.05 * exact_tau(0.8) + 4.0 * found.magnetization.tau_error
    );
    assert_eq!(found.tau(), found.energy.tau);
    // z of two groups: 4 σ is 1.3e-4 for the two of them.
    let cold = two_processes(64, 500, 0.8, "cold");
    assert!(observables::agreement(&hot, &cold, 100..500).expect("fits").within(4.0));
    let few = [hot.replicas(0..3), cold.replicas(0..3)];
    assert!(observables::agreement(&few[0], &few[1], 100..500).expect("fits").within(4.0));
    let far = two_processes(64, 500, 0.75, "far");
    let z = observables::agreement(&hot, &far, 100..500).expect("fits");
    assert!(z.magnetization > 10.0 && !z.within(4.0), "{z:?}");
    assert!(observables::agreement(&hot, &cold, 500..500).is_err());
}

#[test]
fn times_of_derived_quantities_are_those_of_their_projections() {
    // For a Gaussian process the projection of a variance is the Hermite polynomial He₂ and that of U4 is He₄, whose
    // autocorrelations decay as ρ² and ρ⁴ (Mehler). Bounds are four standard deviations of τ, which over twelve seeds were
    // 1.4 %, 1.7 % and 4.3 % (He₄ has heavy tails).
    let lattice = Lattice::Square { length: 8 };
    let rho = 0.9f64;
    let series = Series {
        sites: 64,
        replicas: 64,
        times: 8_000,
        energy: autoregressive(rho, 64, 8_000, "projected e"),
        magnetization: autoregressive(rho, 64, 8_000, "projected m").iter().map(|m| 0.1 * m).collect(),
    };
    let found = observables::observables(&series, lattice, 2.0).expect("fits");
    for (estimate, power, bound) in [(found.energy, 1, 0.06), (found.specific_heat, 2, 0.07), (found.binder, 4, 0.18)] {
        let tau = exact_tau(rho.powi(power));
        let found = estimate.tau.expect("a series");
        assert!((found / tau - 1.0).abs() < bound, "ρ^{power}: {found} for {tau}");
    }
    // ⟨m⁴⟩ = 3⟨m²⟩² for a Gaussian.
    assert!(found.binder.value.abs() < 4.5 * found.binder.error, "{:?}", found.binder);
}

#[test]
fn errors_of_correlations_come_from_replicas() {
    // Each replica stays in its own state: 64 independent values, however often each is seen.
    let (replicas, times, lattice) = (64, 10, Lattice::Chain { length: 8 });
    let mut numbers = Philox::sequence(5, "replicas");
    let states: Vec<u8> = (0..replicas).map(|_| numbers.random()).collect();
    let samples = BitMatrix::from_fn(replicas * times, 8, |row, j| states[row % replicas] >> j & 1 == 1);
    let found = observables::correlations(&samples, lattice, replicas, 100.0).expect("fits");
    for r in 1..=4 {
        let of_state = |&s: &u8| (0..8).map(|i| spin(s as usize, i) * spin(s as usize, (i + r) % 8)).sum::<f64>() / 8.0;
        let values: Vec<f64> = states.iter().map(of_state).collect();
        let g = found.along_axis[r];
        assert!((g.value - stats::mean(&values)).abs() < 1e-12, "{g:?}");
        assert!((g.error - (stats::variance(&values) / 64.0).sqrt()).abs() < 1e-12, "{g:?}");
    }
}

#[test]
fn a_slow_sign_has_its_own_error() {
    // One long run whose magnetisation changes sign every 2000 steps or so, with quick |m|: P(m > 0) has an exponential
    // autocorrelation time of 1000 steps, so its error is √(2 · 1000 · ¼/n), known to a third from its few blocks.
    let mut numbers = Philox::sequence(3, "sign");
    let mut sign = 1.0;
    let magnetization: Vec<f64> = (0..200_000)
        .map(|_| {
            if numbers.random::<f64>() < 1.0 / 2_000.0 {
                sign = -sign;
            }
            sign * (0.7 + 0.1 * numbers.random::<f64>())
        })
        .collect();
    let energy = magnetization.iter().map(|m| -2.0 * m * m).collect();
    let series = Series { sites: 64, replicas: 1, times: magnetization.len(), energy, magnetization };
    let found = observables::observables(&series, Lattice::Square { length: 8 }, 1.8).expect("fits");
    let expected = (2.0 * 1_000.0 * 0.25 / 200_000.0f64).sqrt();
    assert!((0.5..2.0).contains(&(found.p_up.error / expected)), "{:?} for an error of {expected}", found.p_up);
    assert!((found.p_up.value - 0.5).abs() < 4.0 * expected, "{:?}", found.p_up);
    assert!(found.magnetization.tau.expect("a series") < 0.6, "{:?}", found.magnetization);
}
