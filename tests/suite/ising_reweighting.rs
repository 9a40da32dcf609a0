//! Multi-histogram reweighting against exact values, and the critical temperature from it.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::events::Silent;
use gibbsite::internals::exact::{enumeration, onsager, torus, transfer};
use gibbsite::internals::ising::{Algorithm, Model};
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::observables::{MultiHistogram, Series, energy_histogram};
use gibbsite::internals::record::Estimate;
use gibbsite::internals::run::ising::{Scanned, scan};

use crate::chance::Compared;
use crate::ising_exact::settings;

fn scanned(length: usize, algorithm: Algorithm, temperatures: &[f64], samples: usize) -> Scanned {
    let model = Model::ferromagnet(Lattice::Square { length }).unwrap();
    scan(&Cpu::new(), &settings(model, algorithm, temperatures, samples), &mut Silent).unwrap()
}

fn combined(found: &Scanned) -> MultiHistogram {
    let runs: Vec<(f64, &Series)> =
        found.records.iter().map(|r| r.observables.temperature).zip(&found.series).collect();
    MultiHistogram::new(&runs).unwrap()
}

#[test]
fn curves_between_the_runs_are_exact() {
    let mut compared = Compared::default();
    for (length, temperatures) in [(4, &[1.5, 2.2, 3.2][..]), (8, &[1.8, 2.1, 2.4, 2.8][..])] {
        let found = scanned(length, Algorithm::Metropolis, temperatures, 8000);
        let combined = combined(&found);
        for t in [1.85, 2.0, 2.269_185, 2.35, 2.6, 2.75] {
            let p = combined.at(t).unwrap();
            let exact = torus::thermodynamics(length, length, t).unwrap();
            let m = transfer::square(length, t).unwrap().magnetization;
            let mut agrees = |found: Estimate, exact: f64, what: &str| {
                compared.take(found, exact, &format!("{what} at L = {length}, T = {t}"));
            };
            agrees(p.energy, exact.energy, "e");
            agrees(p.specific_heat, exact.specific_heat, "C");
            agrees(p.magnetization, m.mean_abs(), "|m|");
            agrees(p.susceptibility, m.susceptibility(t), "χ");
            agrees(p.binder, m.binder(), "U4");
            assert!(p.effective_samples > 1000.0 && p.energy.error < 0.01, "{p:?}");
        }
        // ln Z between the runs: d ln Z/dβ = −E, so its error is below Δβ times the largest error of E on the way.
        let exact = |t: f64| torus::thermodynamics(length, length, t).unwrap().log_z;
        let sites = (length * length) as f64;
        for (d, &t) in combined.log_z_differences().iter().zip(temperatures) {
            let worst = found.records.iter().map(|r| r.observables.energy.error).fold(0.0, f64::max) * sites;
            let bound = 3.5 * worst * (1.0 / temperatures[0] - 1.0 / t);
            assert!((d - (exact(t) - exact(temperatures[0]))).abs() <= bound, "{d} at T = {t}");
        }
    }
    compared.hold();
}

#[test]
fn one_run_reweighted_to_itself_is_itself() {
    let found = scanned(4, Algorithm::HeatBath, &[2.5], 2000);
    let (o, p) = (&found.records[0].observables, combined(&found).at(2.5).unwrap());
    for (a, b) in [
        (o.energy, p.energy),
        (o.specific_heat, p.specific_heat),
        (o.magnetization, p.magnetization),
        (o.susceptibility, p.susceptibility),
        (o.binder, p.binder),
    ] {
        assert!((a.value - b.value).abs() < 1e-9, "{a:?} and {b:?}");
        // Other blocks: 128 against 32, so errors of errors of 6 and 13 %; four of both together.
        assert!((a.error / b.error - 1.0).abs() < 0.6, "{a:?} and {b:?}");
    }
    // Every sample counts the same there: n/(2τ) are left.
    assert!((p.effective_samples / o.effective_samples.unwrap() - 1.0).abs() < 1e-9, "{}", p.effective_samples);
}

#[test]
fn histograms_count_every_sample_and_follow_the_density_of_states() {
    let found = scanned(4, Algorithm::HeatBath, &[3.0], 20_000);
    let histogram = energy_histogram(&found.series[0]);
    assert_eq!(histogram.iter().map(|h| h.1).sum::<u64>(), 20_000);
    let bonds = Lattice::Square { length: 4 }.bonds();
    let p = enumeration::DensityOfStates::new(16, &bonds).unwrap().energy_distribution(3.0).unwrap();
    let (mut chi_squared, mut levels) = (0.0, 0);
    for (antiparallel, p) in p.iter().enumerate().filter(|(_, p)| 20_000.0 * *p > 20.0) {
        let energy = (2.0 * antiparallel as f64 - 32.0) / 16.0;
        let count = histogram.iter().find(|h| h.0 == energy).map_or(0, |h| h.1);
        chi_squared += (count as f64 - 20_000.0 * p).powi(2) / (20_000.0 * p);
        levels += 1;
    }
    // Samples two autocorrelation times apart are nearly independent: 1.1 is room for what is left.
    let tail = gibbsite::internals::stats::chi_squared_survival(chi_squared / 1.1, levels - 1);
    assert!(tail > 0.001, "χ² = {chi_squared} at {levels} levels");
}

#[test]
fn binder_ratios_cross_at_the_critical_temperature() {
    let temperatures = [2.22, 2.27, 2.32];
    let sizes: Vec<MultiHistogram> = [(8, 20_000), (16, 20_000), (32, 8000)]
        .iter()
        .map(|&(length, samples)| combined(&scanned(length, Algorithm::SwendsenWang, &temperatures, samples)))
        .collect();
    for (small, large) in [(0, 1), (1, 2), (0, 2)] {
        let crossing = sizes[small].binder_crossing(&sizes[large], 2.23, 2.31).unwrap();
        let relative = crossing.value / onsager::CRITICAL_TEMPERATURE - 1.0;
        assert!(relative.abs() < 0.003, "sizes {small} and {large}: {crossing:?}, off by {relative:.4}");
        assert!(crossing.error < 0.003 * crossing.value, "{crossing:?}");
    }
    assert!(sizes[0].binder_crossing(&sizes[1], 2.30, 2.31).is_err());
}

#[test]
fn what_cannot_be_reweighted_is_refused() {
    let found = scanned(8, Algorithm::Metropolis, &[1.5, 4.0], 400);
    let runs: Vec<(f64, &Series)> = [1.5, 4.0].into_iter().zip(&found.series).collect();
    let error = MultiHistogram::new(&runs).unwrap_err().to_string();
    assert!(error.contains("overlap"), "{error}");
    assert!(MultiHistogram::new(&[]).is_err());
    assert!(MultiHistogram::new(&[runs[0], runs[0]]).is_err());
    assert!(MultiHistogram::new(&[(f64::NAN, runs[0].1)]).is_err());
    let alone = MultiHistogram::new(&runs[1..]).unwrap();
    assert!(alone.at(4.2).is_ok() && alone.at(f64::NAN).is_err());
    assert_eq!(alone.at(1.0).unwrap_err().exit_code(), 2);
}
