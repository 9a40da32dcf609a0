//! Fields, spin glasses, terms of many spins and exchange of temperatures, all against the sum over states.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::events::Silent;
use gibbsite::internals::exact::enumeration::DensityOfStates;
use gibbsite::internals::exact::interactions::{SmallSystem, enumerate};
use gibbsite::internals::ising::{Algorithm, Disorder, Interactions, Model, Scan};
use gibbsite::internals::lattice::{BondList, Lattice};
use gibbsite::internals::record::{Estimate, IsingRecord};
use gibbsite::internals::rng::Philox;
use gibbsite::internals::run::ising::{Scanned, scan};
use gibbsite::internals::stats::{self, chi_squared_survival};
use rand::{RngExt, SeedableRng};

use crate::chance::{Compared, limit, unsuspicious};
use crate::ising_exact::settings;

const SQUARE: Lattice = Lattice::Square { length: 4 };

fn terms(interactions: &Interactions) -> Vec<(Vec<usize>, f64)> {
    let sites = |t: &gibbsite::internals::ising::Term| t.sites.iter().map(|&i| i as usize).collect();
    interactions.terms.iter().map(|t| (sites(t), t.value)).collect()
}

fn truth(model: &Model, temperature: f64) -> SmallSystem {
    let interactions = model.interactions().unwrap();
    enumerate(interactions.sites, &terms(&interactions), temperature).unwrap()
}

/// Takes the values of a run beside the exact ones; returns z of the energy.
fn take(compared: &mut Compared, record: &IsingRecord, exact: &SmallSystem) -> f64 {
    let o = &record.observables;
    let place = format!("{}, {} at T = {}", record.algorithm, o.lattice, o.temperature);
    let mut z = |found: Estimate, exact: f64, what: &str| compared.take(found, exact, &format!("{place}: {what}"));
    z(o.specific_heat, exact.thermodynamics.specific_heat, "C");
    z(o.magnetization, exact.magnetization.mean_abs(), "|m|");
    z(o.susceptibility, exact.magnetization.susceptibility(o.temperature), "χ");
    z(o.binder, exact.magnetization.binder(), "U4");
    z(o.p_up, exact.magnetization.p_up(), "P(m > 0)");
    z(o.energy, exact.thermodynamics.energy, "e")
}

fn run(asked: &Scan) -> Scanned {
    scan(&Cpu::new(), asked, &mut Silent).unwrap()
}

/// Ten sites with fields and terms of two, three and four spins, all of different strength.
fn many_body() -> Interactions {
    let mut numbers = Philox::sequence(5, "many-body");
    let mut draw = |sites: usize| -> (Vec<usize>, f64) {
        let mut members: Vec<usize> = Vec::new();
        while members.len() < sites {
            let i = numbers.random_range(0..10);
            if !members.contains(&i) {
                members.push(i);
            }
        }
        (members, numbers.random_range(-1.0..1.0))
    };
    let orders = [1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4];
    Interactions::new(10, orders.map(&mut draw)).unwrap()
}

#[test]
fn enumeration_of_terms_agrees_with_the_density_of_states() {
    let model = Model::on_lattice(SQUARE, -1.0).unwrap();
    let states = DensityOfStates::new(16, &SQUARE.bonds()).unwrap();
    // The antiferromagnet at T is the ferromagnet at T with one sublattice turned over.
    let (found, expected) = (truth(&model, 1.7).thermodynamics, states.thermodynamics(1.7).unwrap());
    assert!((found.log_z - expected.log_z).abs() < 1e-10 && (found.energy - expected.energy).abs() < 1e-12);
    assert!((found.specific_heat - expected.specific_heat).abs() < 1e-10);
    let ferromagnet = truth(&Model::ferromagnet(SQUARE).unwrap(), 2.5);
    let expected = states.magnetization(2.5).unwrap();
    for (a, b) in ferromagnet.magnetization.probabilities.iter().zip(&expected.probabilities) {
        assert!((a - b).abs() < 1e-13);
    }
    // A spin alone in a field, and three spins with one product: ln Z by hand.
    let alone = enumerate(1, &[(vec![0], 0.7)], 1.4).unwrap();
    assert!((alone.thermodynamics.log_z - (2.0 * 0.5f64.cosh()).ln()).abs() < 1e-14);
    assert!((alone.thermodynamics.energy + 0.7 * 0.5f64.tanh()).abs() < 1e-14);
    let product = enumerate(3, &[(vec![0, 1, 2], -2.0)], 1.0).unwrap();
    assert!((product.thermodynamics.log_z - (8.0 * 2.0f64.cosh()).ln()).abs() < 1e-13);
    assert!(enumerate(21, &[], 1.0).is_err() && enumerate(2, &[(vec![2], 1.0)], 1.0).is_err());
    assert!(enumerate(2, &[], 0.0).is_err() && enumerate(2, &[(vec![0], f64::NAN)], 1.0).is_err());
}

#[test]
fn fields_glasses_and_many_body_terms_agree_with_the_sum_over_states() {
    let glass = |disorder, field, seed| Model::spin_glass(SQUARE, disorder, 1.0, field, seed).unwrap();
    let list = BondList::parse("0 1 1.5\n1 2 -0.5\n2 3 1\n3 4 0.25\n4 0 -1\n1 3 0.75", "here").unwrap();
    let (mut zs, mut compared) = (Vec::new(), Compared::default());
    for model in [
        Model::in_field(SQUARE, 1.0, 0.15).unwrap(),
        // Fields in which both signs of m are frequent: an error estimated from a handful of events is none.
        Model::in_field(SQUARE, 1.0, -0.1).unwrap(),
        Model::in_field(SQUARE, -1.0, 1.3).unwrap(),
        Model::in_field(Lattice::Triangular { length: 3 }, -1.0, 0.5).unwrap(),
        glass(Disorder::PlusMinus, 0.0, 1),
        glass(Disorder::PlusMinus, 0.3, 2),
        glass(Disorder::Gaussian, 0.0, 3),
        glass(Disorder::Gaussian, -0.2, 4),
        Model::on_graph("six bonds", &list, 1.0, 0.1).unwrap(),
        Model::general("many-body", many_body()),
    ] {
        for algorithm in [Algorithm::Metropolis, Algorithm::HeatBath] {
            // Below, the state against the field outlives every pilot, which says so.
            let found = run(&settings(model.clone(), algorithm, &[1.8, 2.4, 3.5], 4000));
            for record in &found.records {
                let exact = truth(&model, record.observables.temperature);
                assert_eq!(record.exact.as_ref().map(|x| x.energy), Some(exact.thermodynamics.energy));
                zs.push(take(&mut compared, record, &exact));
            }
        }
    }
    compared.hold();
    unsuspicious(&zs);
}

/// A box of `extents` sites with open ends; with `closed`, every bond of a direction of two sites is there twice, as on a
/// torus.
fn cuboid(extents: [usize; 3], closed: bool) -> Vec<(usize, usize)> {
    let steps = [1, extents[0], extents[0] * extents[1]];
    let mut bonds = Vec::new();
    for site in 0..extents.iter().product() {
        for (step, extent) in steps.into_iter().zip(extents) {
            if site / step % extent + 1 < extent {
                bonds.extend(std::iter::repeat_n((site, site + step), if closed { 2 } else { 1 }));
            }
        }
    }
    bonds
}

/// Three dimensions and triangles: a torus of 2 × 2 × 2 sites with its double bonds, an open box of 2 × 3 × 3, and
/// triangular lattices of both signs (the antiferromagnet is frustrated).
#[test]
fn cubes_and_triangles_agree_with_the_sum_over_states() {
    let graph = |name: &str, sites, bonds: &[(usize, usize)]| {
        let list = BondList { sites, bonds: bonds.to_vec(), couplings: vec![1.0; bonds.len()] };
        Model::on_graph(name, &list, 1.0, 0.0).unwrap()
    };
    let torus = cuboid([2, 2, 2], true);
    assert_eq!(torus.len(), 24);
    // Twice the bonds are twice the coupling.
    let once = enumerate(8, &cuboid([2, 2, 2], false).iter().map(|&(a, b)| (vec![a, b], 2.0)).collect::<Vec<_>>(), 5.0);
    let (mut zs, mut compared) = (Vec::new(), Compared::default());
    for (model, temperatures) in [
        (graph("2 × 2 × 2", 8, &torus), [3.5, 5.0, 8.0]),
        (graph("2 × 3 × 3", 18, &cuboid([2, 3, 3], false)), [2.0, 3.0, 5.0]),
        (Model::on_lattice(Lattice::Triangular { length: 3 }, -1.0).unwrap(), [0.8, 1.6, 4.0]),
        (Model::on_lattice(Lattice::Triangular { length: 4 }, -1.0).unwrap(), [0.8, 1.6, 4.0]),
        (Model::on_lattice(Lattice::Triangular { length: 4 }, 1.0).unwrap(), [2.5, 3.6, 6.0]),
    ] {
        // Clusters of a frustrated lattice are exact too, but take long to show it.
        let frustrated = model.uniform_coupling().is_some_and(|j| j < 0.0);
        for algorithm in Algorithm::ALL.into_iter().filter(|a| !(frustrated && a.is_cluster())) {
            let found = run(&settings(model.clone(), algorithm, &temperatures, 4000));
            for record in &found.records {
                zs.push(take(&mut compared, record, &truth(&model, record.observables.temperature)));
            }
        }
        if model.name == "2 × 2 × 2" {
            let doubled = truth(&model, 5.0).thermodynamics;
            assert!((doubled.energy - once.as_ref().unwrap().thermodynamics.energy).abs() < 1e-12);
        }
    }
    compared.hold();
    unsuspicious(&zs);
}

/// Heat bath on a 4 × 4 × 4 torus, one spin after the other, written without any of the engine: neighbours by coordinates,
/// a generator of its own. Means of e and |m| with errors from 100 independent chains.
fn plain_cube(temperature: f64) -> [Estimate; 2] {
    let mut numbers = rand::rngs::SmallRng::seed_from_u64(temperature.to_bits());
    let at = |x: usize, y: usize, z: usize| (x % 4) + 4 * (y % 4) + 16 * (z % 4);
    let mut means = [Vec::new(), Vec::new()];
    for chain in 0..100 {
        let mut s = [if chain % 2 == 0 { 1.0 } else { -1.0 }; 64];
        let (mut e, mut m) = (0.0, 0.0);
        for sweep in 0..2200 {
            let mut energy = 0.0;
            for (x, y, z) in (0..64).map(|i| (i % 4, i / 4 % 4, i / 16)) {
                let around = s[at(x + 1, y, z)] + s[at(x + 3, y, z)] + s[at(x, y + 1, z)] + s[at(x, y + 3, z)];
                let around: f64 = around + s[at(x, y, z + 1)] + s[at(x, y, z + 3)];
                let up = 1.0 / (1.0 + (-2.0 * around / temperature).exp());
                s[at(x, y, z)] = if numbers.random::<f64>() < up { 1.0 } else { -1.0 };
            }
            for (x, y, z) in (0..64).map(|i| (i % 4, i / 4 % 4, i / 16)) {
                energy -= s[at(x, y, z)] * (s[at(x + 1, y, z)] + s[at(x, y + 1, z)] + s[at(x, y, z + 1)]);
            }
            if sweep >= 200 {
                e += energy / 64.0 / 2000.0;
                m += s.iter().sum::<f64>().abs() / 64.0 / 2000.0;
            }
        }
        means[0].push(e);
        means[1].push(m);
    }
    means.map(|x| Estimate::new(stats::mean(&x), (stats::variance(&x) / 100.0).sqrt()))
}

/// Above, at and below the critical temperature 4.51 of the simple cubic lattice.
#[test]
fn a_cubic_lattice_agrees_with_a_plain_loop() {
    for temperature in [3.8, 4.5, 6.0] {
        let plain = plain_cube(temperature);
        for algorithm in Algorithm::ALL {
            let model = Model::ferromagnet(Lattice::Cubic { length: 4 }).unwrap();
            let o = run(&settings(model, algorithm, &[temperature], 6000)).records.swap_remove(0).observables;
            for (found, plain) in [(o.energy, plain[0]), (o.magnetization, plain[1])] {
                let z = (found.value - plain.value) / found.error.hypot(plain.error);
                assert!(z.abs() < limit(24), "{algorithm:?} at T = {temperature}: {found:?} for {plain:?}");
            }
        }
    }
}

#[test]
fn states_have_their_probabilities() {
    let model = Model::general("many-body", many_body());
    let mut asked = settings(model.clone(), Algorithm::HeatBath, &[1.5], 40_000);
    // Heat bath forgets within a few sweeps here; 20 apart, samples are independent.
    (asked.spacing, asked.replicas) = (Some(20), 4000);
    let samples = run(&asked).data.samples;
    let mut counts = vec![0u64; 1 << 10];
    for row in 0..samples.rows() {
        counts[samples.row(row)[0] as usize] += 1;
    }
    let exact = truth(&model, 1.5);
    let (mut chi_squared, mut cells, mut rare, mut rare_p) = (0.0, 0, 0u64, 0.0);
    for (count, p) in counts.iter().zip(&exact.probabilities) {
        if 40_000.0 * p < 5.0 {
            (rare, rare_p) = (rare + count, rare_p + p);
        } else {
            chi_squared += (*count as f64 - 40_000.0 * p).powi(2) / (40_000.0 * p);
            cells += 1;
        }
    }
    chi_squared += (rare as f64 - 40_000.0 * rare_p).powi(2) / (40_000.0 * rare_p);
    let p = chi_squared_survival(chi_squared, cells);
    assert!(p > 0.001, "χ² = {chi_squared:.1} of {cells} cells, p = {p}");
}

#[test]
fn exchanges_leave_every_temperature_exact_and_travel() {
    let model = Model::spin_glass(SQUARE, Disorder::Gaussian, 1.0, 0.1, 7).unwrap();
    // In no order: the ladder sorts for itself.
    let temperatures = [0.7, 2.0, 0.5, 1.4, 1.0];
    let mut asked = settings(model.clone(), Algorithm::Metropolis, &temperatures, 20_000);
    (asked.exchange, asked.replicas) = (Some(1), 1000);
    let found = run(&asked);
    let mut compared = Compared::default();
    for record in &found.records {
        take(&mut compared, record, &truth(&model, record.observables.temperature));
    }
    compared.hold();
    let report = found.exchange.unwrap();
    assert_eq!(report.temperatures, [0.5, 0.7, 1.0, 1.4, 2.0]);
    assert!(report.round_trips > 1000, "{report:?}");
    // In equilibrium neighbours are independent, so the accepted part is a double sum over states.
    let interactions = model.interactions().unwrap();
    let terms = terms(&interactions);
    let spin = |state: usize, i: usize| if state >> i & 1 == 1 { 1.0 } else { -1.0 };
    let energies: Vec<f64> = (0..1 << 16)
        .map(|s| -terms.iter().map(|(m, j)| j * m.iter().map(|&i| spin(s, i)).product::<f64>()).sum::<f64>())
        .collect();
    for (pair, accepted) in report.temperatures.windows(2).zip(&report.acceptance) {
        // Energies in 400 bins: the mean over a bin of width 0.1 is good to 1e-3 in the acceptance.
        let binned = |t: f64| {
            let mut p = vec![0.0; 800];
            let exact = truth(&model, t);
            energies.iter().zip(&exact.probabilities).for_each(|(e, q)| p[((e + 40.0) * 10.0) as usize] += q);
            p
        };
        let (low, high) = (binned(pair[0]), binned(pair[1]));
        let gap = 1.0 / pair[0] - 1.0 / pair[1];
        let mut expected = 0.0;
        for (a, p) in low.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            for (b, q) in high.iter().enumerate().filter(|(_, q)| **q > 0.0) {
                expected += p * q * (gap * 0.1 * (a as f64 - b as f64)).exp().min(1.0);
            }
        }
        // The pilot starts out of equilibrium and counts too: a hundredth of the run; more than 10⁵ tries otherwise.
        assert!((accepted - expected).abs() < 0.015, "{pair:?}: {accepted} for {expected}");
    }
}

/// Across T_c, ten temperatures in equal steps against ten that are placed: acceptances differ by less than a third as
/// much, and replicas travel more often.
#[test]
fn a_placed_ladder_is_accepted_equally_often() {
    let model = Model::ferromagnet(Lattice::Square { length: 16 }).unwrap();
    let report = |temperatures: &[f64], ladder| {
        let mut asked = settings(model.clone(), Algorithm::Metropolis, temperatures, 8000);
        (asked.exchange, asked.ladder, asked.replicas) = (Some(2), ladder, 80);
        (asked.thermalise, asked.spacing) = (Some(400), Some(20));
        let found = run(&asked);
        let temperatures: Vec<f64> = found.records.iter().map(|r| r.observables.temperature).collect();
        assert_eq!(found.data.temperatures.as_ref().unwrap()[8000], temperatures[1]);
        let report = found.exchange.unwrap();
        assert_eq!(report.temperatures, temperatures);
        report
    };
    let linear: Vec<f64> = (0..10).map(|k| 1.5 + 0.2 * f64::from(k)).collect();
    let (given, placed) = (report(&linear, None), report(&[1.5, 3.3], Some(10)));
    assert_eq!((placed.temperatures[0], placed.temperatures[9], placed.temperatures.len()), (1.5, 3.3, 10));
    // 80 ladders try each pair 600 times: the error of an acceptance is below 0.004 with τ of a few exchanges, and the
    // difference of the extremes of nine below 0.02 beside what the rounds left.
    assert!(placed.spread < 0.04 && placed.spread < given.spread / 3.0, "{} and {}", placed.spread, given.spread);
    assert!(placed.round_trips > given.round_trips && given.adaptation.is_none(), "{placed:?}, {given:?}");
    let rate = placed.round_trips as f64 / (800.0 * 2400.0);
    assert!((placed.round_trip_rate / rate - 1.0).abs() < 0.01, "{placed:?}");
    let adaptation = placed.adaptation.unwrap();
    assert!(adaptation.spread <= 0.02 && adaptation.rounds >= 4, "{adaptation:?}");
}

#[test]
fn temperatures_of_a_placed_ladder_have_exact_values() {
    let mut asked =
        settings(Model::ferromagnet(Lattice::Square { length: 8 }).unwrap(), Algorithm::HeatBath, &[], 4000);
    // In any order: the ladder ascends.
    (asked.temperatures, asked.exchange, asked.ladder) = (vec![3.2, 1.7], Some(1), Some(6));
    let found = run(&asked);
    assert_eq!(found.records.len(), 6);
    assert!(found.records.iter().all(|r| r.exact.is_some()));
    unsuspicious(&crate::ising_exact::compare(&found.records));
}

#[test]
fn exchanges_need_no_particular_threads_and_serve_uniform_models() {
    let mut asked = settings(Model::ferromagnet(SQUARE).unwrap(), Algorithm::HeatBath, &[1.8, 2.3, 3.0], 600);
    (asked.exchange, asked.replicas) = (Some(3), 50);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&asked))
    };
    let (one, three) = (with(1), with(3));
    assert_eq!((&one.data.samples, &one.exchange), (&three.data.samples, &three.exchange));
    crate::ising_exact::compare(&one.records);
}

#[test]
fn what_makes_no_model_is_refused() {
    let bad = |terms: Vec<(Vec<usize>, f64)>| Interactions::new(20, terms).unwrap_err().exit_code();
    assert_eq!(bad(vec![(vec![], 1.0)]), 2);
    assert_eq!(bad(vec![(vec![0, 0], 1.0)]), 2);
    assert_eq!(bad(vec![(vec![0, 20], 1.0)]), 2);
    assert_eq!(bad(vec![(vec![0, 1, 2, 3, 4], 1.0)]), 2);
    assert_eq!(bad(vec![(vec![0], f64::INFINITY)]), 2);
    assert_eq!(bad((1..14).map(|i| (vec![0, i], 1.0)).collect()), 2);
    assert!(Interactions::new(0, []).is_err());
    assert_eq!(Interactions::parse("1 0 # field\n-0.5 0 1\n\n2,1,2,3", "here").unwrap().terms.len(), 3);
    for wrong in ["1", "x 0", "1 0 x", "1 0 1 2 3 4", "nan 0", "1 0 0", "", "1 -1"] {
        assert!(Interactions::parse(wrong, "here").is_err(), "{wrong}");
    }
    let refused = |algorithm, exchange, temperatures: &[f64]| {
        let model = Model::in_field(SQUARE, 1.0, 0.5).unwrap();
        let mut asked = settings(model, algorithm, temperatures, 100);
        asked.exchange = exchange;
        scan(&Cpu::new(), &asked, &mut Silent).unwrap_err().exit_code()
    };
    assert_eq!(refused(Algorithm::Wolff, None, &[2.0]), 2);
    assert_eq!(refused(Algorithm::SwendsenWang, Some(1), &[2.0, 3.0]), 2);
    assert_eq!(refused(Algorithm::Metropolis, Some(1), &[2.0]), 2);
    assert_eq!(refused(Algorithm::Metropolis, Some(0), &[2.0, 3.0]), 2);
    let ladder = |rungs, exchange, temperatures: &[f64], algorithm| {
        let mut asked = settings(Model::ferromagnet(SQUARE).unwrap(), algorithm, temperatures, 100);
        (asked.ladder, asked.exchange) = (Some(rungs), exchange);
        let error = asked.validate().unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    let metropolis = Algorithm::Metropolis;
    assert!(ladder(4, None, &[2.0, 3.0], metropolis).contains("exchange"));
    assert!(ladder(4, Some(1), &[2.0, 2.5, 3.0], metropolis).contains("two temperatures"));
    assert!(ladder(1, Some(1), &[2.0, 3.0], metropolis).contains("a ladder of 1 "));
    assert!(ladder(usize::MAX, Some(1), &[2.0, 3.0], metropolis).contains("a ladder of"));
    assert!(ladder(4, Some(u32::MAX), &[2.0, 3.0], metropolis).contains("sweeps"));
    assert!(ladder(4, Some(1), &[2.0, 3.0], Algorithm::Wolff).contains("cluster"));
}
