//! States in which e and |m| say nothing of the order: sublattices, glasses, and starts that the spins remember.
//!
//! Seeds are fixed. P(staggered m > 0) lies within 4 standard errors of ½ (6e-5 of correct runs fail), and χ² of single
//! states has a tail probability above 10⁻⁴.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::events::{Event, Listener, Silent};
use gibbsite::internals::exact::interactions::enumerate;
use gibbsite::internals::ising::{Algorithm, Interactions, Model, Scan};
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::rng::{ORDER_SWEEPS, Philox, colour_order};
use gibbsite::internals::run::ising::{Scanned, scan};
use gibbsite::internals::stats::chi_squared_survival;
use rand::RngExt;

use super::ising_exact::settings;

fn run(asked: &Scan) -> Scanned {
    scan(&Cpu::new(), asked, &mut Silent).unwrap()
}

/// P(m' > 0) + ½ P(m' = 0) of the staggered magnetisation m' of a square lattice.
fn staggered(samples: &BitMatrix, length: usize) -> f64 {
    let of_row = |row: usize| {
        let sign = |i: usize| if (i / length + i % length).is_multiple_of(2) { 1 } else { -1 };
        let m: i32 = (0..samples.cols()).map(|i| if samples.get(row, i) { sign(i) } else { -sign(i) }).sum();
        0.5 * f64::from(m.signum() + 1)
    };
    (0..samples.rows()).map(of_row).sum::<f64>() / samples.rows() as f64
}

/// Tail probability of χ² of the states of 16 spins or fewer.
fn p_of_states(model: &Model, temperature: f64, samples: &BitMatrix) -> f64 {
    let (chi_squared, cells) = chi_squared_of_states(model, temperature, samples);
    chi_squared_survival(chi_squared, cells)
}

/// χ² of the states of 16 spins or fewer, and its degrees of freedom; those expected under 8 times are counted together.
fn chi_squared_of_states(model: &Model, temperature: f64, samples: &BitMatrix) -> (f64, usize) {
    let interactions = model.interactions().unwrap();
    let terms: Vec<(Vec<usize>, f64)> =
        interactions.terms.iter().map(|term| (term.sites.iter().map(|&i| i as usize).collect(), term.value)).collect();
    let exact = enumerate(interactions.sites, &terms, temperature).unwrap();
    let mut counts = vec![0.0; exact.probabilities.len()];
    (0..samples.rows()).for_each(|row| counts[samples.row(row)[0] as usize] += 1.0);
    let n = samples.rows() as f64;
    let (mut sum, mut cells, mut rare, mut rare_p) = (0.0, 0, 0.0, 0.0);
    for (count, p) in counts.iter().zip(&exact.probabilities) {
        if n * p < 8.0 {
            (rare, rare_p) = (rare + count, rare_p + p);
        } else {
            sum += (count - n * p).powi(2) / (n * p);
            cells += 1;
        }
    }
    (sum + (rare - n * rare_p).powi(2) / (n * rare_p), cells)
}

/// Both orders of an antiferromagnet in a field are equally frequent, exactly: one is the other a site further. The half of
/// the replicas that start hot order as the colour that moves first would have it.
#[test]
fn both_orders_of_an_antiferromagnet_in_a_field_are_equally_frequent() {
    for (length, replicas) in [(4, 8000), (8, 2000)] {
        let model = Model::in_field(Lattice::Square { length }, -1.0, 1.0).unwrap();
        for algorithm in [Algorithm::Metropolis, Algorithm::HeatBath] {
            let mut asked = settings(model.clone(), algorithm, &[1.5], replicas);
            asked.replicas = replicas;
            let samples = run(&asked).data.samples;
            let p = staggered(&samples, length);
            let z = (p - 0.5) / (0.5 / (replicas as f64).sqrt());
            assert!(z.abs() < 4.0, "{algorithm:?}, L = {length}: P = {p}, {z:.1} σ");
            if length == 4 {
                let p = p_of_states(&model, 1.5, &samples);
                assert!(p > 1e-4, "{algorithm:?}: states, p = {p}");
            }
        }
    }
}

/// A glass of 16 spins and 42 bonds of ±1.
fn glass(number: u64) -> Model {
    let mut numbers = Philox::sequence(number, "bonds");
    let mut bonds: Vec<(Vec<usize>, f64)> = Vec::new();
    while bonds.len() < 42 {
        let (a, b) = (numbers.random_range(0..16usize), numbers.random_range(0..16usize));
        let of = |i: usize| bonds.iter().filter(|(pair, _)| pair.contains(&i)).count();
        if a < b && of(a) < 9 && of(b) < 9 && !bonds.iter().any(|(pair, _)| *pair == [a, b]) {
            bonds.push((vec![a, b], if numbers.random::<bool>() { 1.0 } else { -1.0 }));
        }
    }
    Model::general("glass", Interactions::new(16, bonds).unwrap())
}

/// Samples that follow one another are as good as independent ones: 20 of each of 800 replicas of six glasses, at the
/// spacing that the program chooses. χ² of all states together has a tail probability above 10⁻³, of one glass above 10⁻⁵.
#[test]
fn states_of_a_glass_have_their_probabilities() {
    for algorithm in [Algorithm::HeatBath, Algorithm::Metropolis] {
        let (mut sum, mut all) = (0.0, 0);
        for number in 3..9 {
            let model = glass(number);
            let mut asked = settings(model.clone(), algorithm, &[0.7], 16_000);
            asked.replicas = 800;
            let found = run(&asked);
            assert!(found.records[0].tau_spins.unwrap() > 0.5, "the memory of the spins is measured");
            let (chi_squared, cells) = chi_squared_of_states(&model, 0.7, &found.data.samples);
            let p = chi_squared_survival(chi_squared, cells);
            assert!(p > 1e-5, "{algorithm:?}, glass {number}: χ² = {chi_squared:.1} of {cells}, p = {p}");
            (sum, all) = (sum + chi_squared, all + cells);
        }
        let p = chi_squared_survival(sum, all);
        assert!(p > 1e-3, "{algorithm:?}: χ² = {sum:.1} of {all}, p = {p}");
    }
}

/// Successive Wolff clusters of an ordered state turn its sign: samples an even number apart would have it again.
#[test]
fn states_after_wolff_clusters_have_their_probabilities() {
    let model = Model::on_lattice(Lattice::Square { length: 4 }, -1.0).unwrap();
    let mut asked = settings(model.clone(), Algorithm::Wolff, &[1.5], 20_000);
    asked.replicas = 1000;
    let p = p_of_states(&model, 1.5, &run(&asked).data.samples);
    assert!(p > 1e-4, "p = {p}");
}

/// Keeps warnings.
#[derive(Default)]
struct Warnings(Vec<String>);

impl Listener for Warnings {
    fn event(&mut self, event: Event) {
        if let Event::Warning(text) = event {
            self.0.push(text);
        }
    }
}

/// An antiferromagnet in a field that is no named lattice, so that its symmetry is not known: cold starts, up and down by
/// turns, and hot ones come to either order at once, and none leaves it.
#[test]
fn spins_that_remember_their_starts_are_told() {
    let bonds = Lattice::Square { length: 4 }.bonds();
    let model = Model::general("a graph", Interactions::pairs(16, &bonds, &[-1.0; 32], 1.0).unwrap());
    let mut asked = settings(model, Algorithm::HeatBath, &[0.8], 400);
    asked.replicas = 100;
    let mut warnings = Warnings::default();
    let found = scan(&Cpu::new(), &asked, &mut warnings).unwrap();
    assert!(warnings.0.iter().any(|text| text.contains("spins") && text.contains("T = 0.8")), "{:?}", warnings.0);
    assert!(found.records[0].warnings.iter().any(|text| text.contains("spins")), "{:?}", found.records[0].warnings);
    // At high temperature nothing is remembered, and nothing said.
    asked.temperatures = vec![3.0];
    let mut warnings = Warnings::default();
    scan(&Cpu::new(), &asked, &mut warnings).unwrap();
    assert!(warnings.0.is_empty(), "{:?}", warnings.0);
}

/// Every colour comes first equally often, and all come once; within 5 standard deviations.
#[test]
fn colours_come_in_random_order() {
    for colours in [1, 2, 3, 5] {
        let mut first = vec![0u32; colours];
        let mut rising = 0u32;
        for turn in 0..6000 {
            let order: Vec<usize> = colour_order(7, turn * ORDER_SWEEPS, colours).collect();
            assert_eq!(order, colour_order(7, turn * ORDER_SWEEPS + ORDER_SWEEPS - 1, colours).collect::<Vec<_>>());
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..colours).collect::<Vec<_>>());
            first[order[0]] += 1;
            rising += u32::from(colours > 2 && order[1] == (order[0] + 1) % colours);
        }
        let expected = 6000.0 / colours as f64;
        let far = |count: u32, expected: f64| (f64::from(count) - expected).abs() > 5.0 * expected.sqrt();
        assert!(!first.iter().any(|&count| far(count, expected)), "{colours}: {first:?}");
        assert!(colours < 3 || !far(rising, 3000.0), "{colours}: {rising}");
    }
}
