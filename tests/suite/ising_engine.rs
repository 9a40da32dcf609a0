//! The Ising engine against exact energies, and the independence of its replicas.
//!
//! False alarms: seeds are fixed; the bounds state how likely a correct engine was to fail when the seed was chosen.
//! Low temperatures are the sharp ones: a weak generator or numbers shared by the replicas of a word show below T = 2.5.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Acceptance, Backend, Rule, SpinSums};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::exact::torus;
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::rng::{Sfc32, Stream};
use gibbsite::internals::stats::chi_squared_survival;

use crate::chance::limit;

const TEMPERATURES: [f64; 3] = [1.8, 2.0, 2.269_185_314_213_022];

/// e of every replica, averaged over its record.
fn mean_energies(sums: &[Vec<SpinSums>], sites: usize) -> Vec<f64> {
    let replicas = sums[0].len();
    let energy = |s: &SpinSums| 2.0 * f64::from(s.antiparallel) / sites as f64 - 2.0;
    (0..replicas).map(|r| sums.iter().map(|row| energy(&row[r])).sum::<f64>() / sums.len() as f64).collect()
}

/// (mean − exact) in standard errors, from independent replicas.
fn deviation(means: &[f64], exact: f64) -> f64 {
    let n = means.len() as f64;
    let mean = means.iter().sum::<f64>() / n;
    let variance = means.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean - exact) / (variance / n).sqrt()
}

fn exact_energy(length: usize, temperature: f64) -> f64 {
    torus::thermodynamics(length, length, temperature).unwrap().energy
}

/// Each of 6 energies within the limit of so many, and 0.1 % relative.
#[test]
fn energies_of_packed_replicas_are_exact() {
    let graph = Lattice::Square { length: 8 }.graph();
    for rule in [Rule::Metropolis, Rule::HeatBath] {
        for (k, temperature) in TEMPERATURES.into_iter().enumerate() {
            let replicas = 1024;
            let acceptance = Acceptance::new(rule, 4, &vec![temperature; replicas]).unwrap();
            let start = BitMatrix::from_fn(replicas, 64, |r, _| r % 2 == 0);
            let mut spins = Cpu.upload_spins(&graph, &acceptance, &start).unwrap();
            let seed = 100 + k as u64;
            Cpu.sweep(&mut spins, seed, 0..1000);
            for step in 0..500 {
                Cpu.sweep(&mut spins, seed, 1000 + 8 * step..1008 + 8 * step);
                Cpu.record_sums(&mut spins);
            }
            let means = mean_energies(&Cpu.read_sums(&mut spins).unwrap(), 64);
            let exact = exact_energy(8, temperature);
            let z = deviation(&means, exact);
            assert!(z.abs() < limit(6), "{rule:?} T = {temperature}: {z} σ");
            let mean = means.iter().sum::<f64>() / replicas as f64;
            assert!((mean / exact - 1.0).abs() < 1e-3, "{rule:?} T = {temperature}: {mean} for {exact}");
        }
    }
}

/// Each of 3 energies within the limit of so many, 32 lattices of 64 × 64 from the ordered state.
#[test]
fn energies_of_packed_sites_are_exact() {
    // Above T_c rather than at it, where the ordered start would be felt for L^2.2 = 8000 sweeps.
    for (k, temperature) in [1.8, 2.0, 2.4].into_iter().enumerate() {
        let replicas = 32;
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &vec![temperature; replicas]).unwrap();
        let start = BitMatrix::from_fn(replicas, 4096, |r, _| r % 2 == 0);
        let mut spins = Cpu.upload_torus(Lattice::Square { length: 64 }, &acceptance, &start).unwrap();
        let seed = 200 + k as u64;
        Cpu.sweep(&mut spins, seed, 0..1000);
        for step in 0..250 {
            Cpu.sweep(&mut spins, seed, 1000 + 8 * step..1008 + 8 * step);
            Cpu.record_sums(&mut spins);
        }
        let means = mean_energies(&Cpu.read_sums(&mut spins).unwrap(), 4096);
        let z = deviation(&means, exact_energy(64, temperature));
        assert!(z.abs() < limit(3), "T = {temperature}: {z} σ");
    }
}

/// Replicas of two words and a part of a third.
const REPLICAS: usize = 70;

/// Energies and |magnetisations| of all replicas, `[quantity][replica][time]`, far enough apart in time to be independent.
fn series_of_replicas(temperature: f64, times: usize) -> ([Vec<Vec<f64>>; 2], BitMatrix) {
    let graph = Lattice::Square { length: 8 }.graph();
    let acceptance = Acceptance::new(Rule::Metropolis, 4, &[temperature; REPLICAS]).unwrap();
    let start = BitMatrix::from_fn(REPLICAS, 64, |r, _| r % 2 == 0);
    let mut spins = Cpu.upload_spins(&graph, &acceptance, &start).unwrap();
    // τ of e and |m| is below 50 sweeps at these temperatures.
    let spacing = 200;
    Cpu.sweep(&mut spins, 31, 0..2000);
    for step in 0..times as u32 {
        Cpu.sweep(&mut spins, 31, 2000 + spacing * step..2000 + spacing * (step + 1));
        Cpu.record_sums(&mut spins);
    }
    let sums = Cpu.read_sums(&mut spins).unwrap();
    let series = |quantity: fn(&SpinSums) -> f64| -> Vec<Vec<f64>> {
        (0..REPLICAS).map(|r| sums.iter().map(|row| quantity(&row[r])).collect()).collect()
    };
    let both = [series(|s| f64::from(s.antiparallel)), series(|s| f64::from(s.up.abs_diff(32)))];
    (both, Cpu.read_spins(&spins).unwrap())
}

/// Energies of 32 replicas in a simulation as many fast codes write it: every site draws one number for all replicas of a
/// word, which their acceptances share. `[replica][time]`.
fn series_with_shared_numbers(temperature: f64, times: usize) -> Vec<Vec<f64>> {
    let accept = [4.0, 8.0].map(|cost: f64| (4_294_967_296.0 * (-cost / temperature).exp()) as u32);
    let mut numbers = Sfc32::at(5, Stream::Sequence, 0, 0, 0);
    let mut spins: Vec<[bool; 64]> = (0..32).map(|_| std::array::from_fn(|_| numbers.next_digit() & 1 == 1)).collect();
    let around = |i: usize| [i / 8 * 8 + (i + 1) % 8, i / 8 * 8 + (i + 7) % 8, (i + 8) % 64, (i + 56) % 64];
    let unequal = |s: &[bool; 64], i: usize| around(i).into_iter().filter(|&n| s[n] != s[i]).count();
    let mut series = vec![Vec::new(); 32];
    for step in 0..20 * times {
        for colour in 0..2 {
            for i in (0..64).filter(|i| (i / 8 + i % 8) % 2 == colour) {
                let u = numbers.next_digit();
                for s in &mut spins {
                    let a = unequal(s, i);
                    s[i] ^= a >= 2 || u < accept[1 - a];
                }
            }
        }
        if step % 20 == 19 {
            let energy = |s: &[bool; 64]| (0..64).map(|i| unequal(s, i)).sum::<usize>() as f64;
            series.iter_mut().zip(&spins).for_each(|(of_replica, s)| of_replica.push(energy(s)));
        }
    }
    series
}

/// n Σ ρ² over all pairs, χ² with as many degrees of freedom as pairs if the series are independent; the number of pairs;
/// and the largest √n |ρ|, of a normal distribution then.
fn pair_statistic(series: &[Vec<f64>]) -> (f64, usize, f64) {
    let standard: Vec<Vec<f64>> = series
        .iter()
        .map(|x| {
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            let norm = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>().sqrt();
            x.iter().map(|x| (x - mean) / norm).collect()
        })
        .collect();
    let (mut sum, mut pairs, mut largest) = (0.0, 0, 0.0f64);
    for (i, a) in standard.iter().enumerate() {
        for b in &standard[..i] {
            let rho: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
            let z = (a.len() as f64).sqrt() * rho.abs();
            sum += z * z;
            pairs += 1;
            largest = largest.max(z);
        }
    }
    (sum, pairs, largest)
}

/// Whether the series look independent: χ² within 1e-4 at either end, and no pair beyond 6 standard errors (5e-6 for 2415
/// pairs): six such questions of each temperature.
fn independent(series: &[Vec<f64>]) -> Result<(), String> {
    let (statistic, pairs, largest) = pair_statistic(series);
    let p = chi_squared_survival(statistic, pairs);
    let found = format!("χ² = {statistic} for {pairs} pairs, p = {p}, largest {largest} σ");
    if (1e-4..1.0 - 1e-4).contains(&p) && largest < 6.0 { Ok(()) } else { Err(found) }
}

/// Replicas of one word and of neighbouring words, at the same and at neighbouring times: none may know of another. Chains
/// that share their numbers must not pass.
#[test]
fn replicas_are_independent_where_shared_numbers_are_noticed() {
    for temperature in TEMPERATURES {
        let (quantities, last) = series_of_replicas(temperature, 1000);
        for (series, name) in quantities.iter().zip(["energy", "|m|"]) {
            independent(series).unwrap_or_else(|found| panic!("T = {temperature}, {name}: {found}"));
            // One replica late against the others: streams of neighbouring sweeps.
            let moved: Vec<Vec<f64>> =
                series.iter().enumerate().map(|(r, x)| x[r % 2..x.len() - 1 + r % 2].to_vec()).collect();
            independent(&moved).unwrap_or_else(|found| panic!("T = {temperature}, {name}, late: {found}"));
        }
        let distinct = (0..REPLICAS).filter(|&r| (0..r).all(|other| last.row(other) != last.row(r))).count();
        // Ground states may repeat at low temperatures; chains that share numbers fall together into one or two.
        assert!(distinct > REPLICAS / 2, "T = {temperature}: {distinct} chains differ");

        let mut pair = quantities[0].clone();
        pair[REPLICAS - 1] = pair[0].clone();
        assert!(independent(&pair).is_err(), "two equal replicas of different words must be noticed");
        assert!(independent(&series_with_shared_numbers(temperature, 300)).is_err(), "T = {temperature}");
    }
}

/// The same for lattices with one bit a site.
#[test]
fn lattices_packed_by_site_are_independent() {
    for temperature in TEMPERATURES {
        let (replicas, start) = (24, BitMatrix::from_fn(24, 4096, |r, _| r % 2 == 0));
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &vec![temperature; replicas]).unwrap();
        let mut spins = Cpu.upload_torus(Lattice::Square { length: 64 }, &acceptance, &start).unwrap();
        Cpu.sweep(&mut spins, 41, 0..2000);
        // Differences of successive energies forget the slow part at T_c, which takes more sweeps than can be run.
        for step in 0..601 {
            Cpu.sweep(&mut spins, 41, 2000 + 20 * step..2020 + 20 * step);
            Cpu.record_sums(&mut spins);
        }
        let sums = Cpu.read_sums(&mut spins).unwrap();
        let steps = |r: usize| -> Vec<f64> {
            let energy = |t: usize| f64::from(sums[t][r].antiparallel);
            (0..300).map(|t| energy(2 * t + 1) - energy(2 * t)).collect()
        };
        let series: Vec<Vec<f64>> = (0..replicas).map(steps).collect();
        independent(&series).unwrap_or_else(|found| panic!("T = {temperature}: {found}"));
    }
}
