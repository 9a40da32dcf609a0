//! Lattices with one bit a site against exact energies, and against the layout with one bit a replica.
//!
//! False alarms: seeds are fixed; the bounds state how likely a correct engine was to fail when the seed was chosen.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Acceptance, Backend, Rule, SpinSums};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::exact::torus;
use gibbsite::internals::lattice::Lattice;

/// Energies a site of every replica, averaged over `times` measurements `spacing` sweeps apart, after `wait` sweeps; half
/// of the replicas start up, half down.
struct Run {
    lattice: Lattice,
    rule: Rule,
    temperature: f64,
    replicas: usize,
    by_site: bool,
    sweeps: [u32; 3],
}

impl Run {
    fn energies(&self, seed: u64) -> Vec<f64> {
        let Self { lattice, replicas, sweeps: [wait, times, spacing], .. } = *self;
        let sites = lattice.sites();
        let acceptance =
            Acceptance::new(self.rule, 2 * lattice.dimensions(), &vec![self.temperature; replicas]).unwrap();
        let start = BitMatrix::from_fn(replicas, sites, |r, _| r % 2 == 0);
        let mut spins = if self.by_site {
            Cpu.upload_torus(lattice, &acceptance, &start).unwrap()
        } else {
            Cpu.upload_spins(&lattice.graph(), &acceptance, &start).unwrap()
        };
        Cpu.sweep(&mut spins, seed, 0..wait);
        for step in 0..times {
            Cpu.sweep(&mut spins, seed, wait + spacing * step..wait + spacing * (step + 1));
            Cpu.record_sums(&mut spins);
        }
        let sums = Cpu.read_sums(&mut spins).unwrap();
        let energy = |s: &SpinSums| 2.0 * f64::from(s.antiparallel) / sites as f64 - lattice.dimensions() as f64;
        (0..replicas).map(|r| sums.iter().map(|row| energy(&row[r])).sum::<f64>() / f64::from(times)).collect()
    }
}

/// Mean and its squared error, from independent replicas.
fn estimate(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, variance / n)
}

fn deviation(values: &[f64], exact: f64) -> f64 {
    let (mean, squared_error) = estimate(values);
    (mean - exact) / squared_error.sqrt()
}

/// Each of 8 energies within 4 standard errors (5e-4 for all): squares whose rows fill one word or two in part.
#[test]
fn energies_of_squares_of_any_even_extent_are_exact() {
    for (length, temperature, replicas, sweeps) in [
        (4, 2.0, 400, [500, 400, 5]),
        (10, 2.2, 300, [1000, 300, 10]),
        (34, 2.4, 60, [1000, 200, 8]),
        (100, 1.8, 24, [1000, 200, 8]),
        (100, 2.4, 24, [1000, 200, 8]),
        (100, 3.0, 24, [500, 200, 4]),
        (130, 2.5, 16, [1000, 100, 8]),
        (130, 2.0, 16, [1000, 100, 8]),
    ] {
        let rule = if length == 4 { Rule::MetropolisWithCoin } else { Rule::Metropolis };
        let run = Run { lattice: Lattice::Square { length }, rule, temperature, replicas, by_site: true, sweeps };
        let exact = torus::thermodynamics(length, length, temperature).unwrap().energy;
        let z = deviation(&run.energies(7), exact);
        assert!(z.abs() < 4.0, "L = {length}, T = {temperature}: {z} σ");
    }
}

/// States of a layer of 4 × 4 sites, site 4 y + x as bit.
const LAYER_STATES: usize = 1 << 16;

/// ln Z of the 4 × 4 × 4 torus at inverse temperature K, J = 1: Tr T⁴ = Σ_s |T² e_s|² with the symmetric transfer matrix
/// T = D V D, D² = exp(K Σ bonds of a layer), V = ⊗ [[e^K, e^−K], [e^−K, e^K]], over one state s of each class under the
/// symmetries of a layer, times its size.
fn log_partition_of_cube(k: f64) -> f64 {
    let place = |x: usize, y: usize| 4 * (y % 4) + x % 4;
    let bonds = |s: usize| -> i32 {
        let differ = |a: usize, b: usize| (s >> a ^ s >> b) & 1;
        let pairs = (0..16).map(|i| {
            let (x, y) = (i % 4, i / 4);
            differ(i, place(x + 1, y)) + differ(i, place(x, y + 1))
        });
        32 - 2 * pairs.sum::<usize>() as i32
    };
    let half: Vec<f64> = (0..LAYER_STATES).map(|s| (0.5 * k * f64::from(bonds(s) - 32)).exp()).collect();
    // In units of e^K a bond between layers, as `half` is in those of 32 satisfied bonds.
    let broken = (-2.0 * k).exp();
    let transfer = |vector: &mut Vec<f64>| {
        vector.iter_mut().zip(&half).for_each(|(v, d)| *v *= d);
        for bit in 0..16 {
            for pair in vector.chunks_exact_mut(2 << bit) {
                let (down, up) = pair.split_at_mut(1 << bit);
                for (a, b) in down.iter_mut().zip(up) {
                    (*a, *b) = (*a + broken * *b, *b + broken * *a);
                }
            }
        }
        vector.iter_mut().zip(&half).for_each(|(v, d)| *v *= d);
    };
    let moved = |s: usize, to: &dyn Fn(usize, usize) -> usize| {
        (0..16).filter(|&i| s >> i & 1 == 1).fold(0, |moved, i| moved | 1 << to(i % 4, i / 4))
    };
    let mut seen = vec![false; LAYER_STATES];
    let mut trace = 0.0;
    for s in 0..LAYER_STATES {
        if seen[s] {
            continue;
        }
        // The class of s: closed under steps in both directions, a turn, a reflection and a flip of all spins.
        let (mut class, mut next) = (vec![s], 0);
        seen[s] = true;
        while next < class.len() {
            let now = class[next];
            next += 1;
            for image in [
                moved(now, &|x, y| place(x + 1, y)),
                moved(now, &|x, y| place(y, 4 - x)),
                moved(now, &|x, y| place(4 - x, y)),
                LAYER_STATES - 1 - now,
            ] {
                if !seen[image] {
                    seen[image] = true;
                    class.push(image);
                }
            }
        }
        let mut vector = vec![0.0; LAYER_STATES];
        vector[s] = 1.0;
        transfer(&mut vector);
        transfer(&mut vector);
        trace += class.len() as f64 * vector.iter().map(|v| v * v).sum::<f64>();
    }
    trace.ln() + 192.0 * k
}

/// Each of 6 energies within 4 standard errors (4e-4 for all), at, above and below the critical temperature 4.51.
#[test]
fn energies_of_the_smallest_cube_are_exact() {
    let lattice = Lattice::Cubic { length: 4 };
    // e^{192 K} has two states, the next have an energy of 12 more: ln Z = 192 K + ln 2 + 64 e^{−12 K} at large K.
    let low: f64 = log_partition_of_cube(1.5) - 192.0 * 1.5 - 2f64.ln();
    assert!((low - 64.0 * (-18f64).exp()).abs() < 1e-8, "{low}");
    for temperature in [4.51, 6.0, 3.6] {
        let (k, h) = (1.0 / temperature, 1e-4);
        // Off by h²/6 of the third derivative, a thousand a site at the most: 2e-6, where errors are some 1e-3.
        let slope = (log_partition_of_cube(k + h) - log_partition_of_cube(k - h)) / (2.0 * h);
        for rule in [Rule::Metropolis, Rule::HeatBath] {
            let run = Run { lattice, rule, temperature, replicas: 500, by_site: true, sweeps: [300, 300, 5] };
            let z = deviation(&run.energies(3), -slope / 64.0);
            assert!(z.abs() < 4.0, "{rule:?}, T = {temperature}: {z} σ for {}", -slope / 64.0);
        }
    }
}

/// Both layouts draw other numbers for the same model: each of 6 differences within 4 standard errors (4e-4 for all).
#[test]
fn both_layouts_agree() {
    for (lattice, rule, temperature) in [
        (Lattice::Square { length: 62 }, Rule::HeatBath, 2.5),
        (Lattice::Square { length: 66 }, Rule::MetropolisWithCoin, 2.0),
        (Lattice::Cubic { length: 10 }, Rule::Metropolis, 4.7),
        (Lattice::Cubic { length: 10 }, Rule::HeatBath, 4.0),
        (Lattice::Cubic { length: 16 }, Rule::MetropolisWithCoin, 5.0),
        (Lattice::Cubic { length: 34 }, Rule::Metropolis, 5.0),
    ] {
        let replicas = if lattice.sites() > 10_000 { 16 } else { 64 };
        let run = |by_site| {
            let run = Run { lattice, rule, temperature, replicas, by_site, sweeps: [500, 100, 5] };
            estimate(&run.energies(11))
        };
        let ((a, da), (b, db)) = (run(true), run(false));
        let z = (a - b) / (da + db).sqrt();
        assert!(z.abs() < 4.0, "{lattice}, {rule:?}, T = {temperature}: {a} and {b}, {z} σ");
    }
}
