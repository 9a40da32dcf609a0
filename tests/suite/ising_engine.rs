//! The Ising engine against exact energies, and the independence of its replicas.
//!
//! False alarms: seeds are fixed; the bounds state how likely a correct engine was to fail when the seed was chosen.
//! Low temperatures are the sharp ones: a weak generator or numbers shared by the replicas of a word show below T = 2.5.

use gibbsite::backend::cpu::Cpu;
use gibbsite::backend::{Acceptance, Backend, Rule, SpinSums};
use gibbsite::bits::BitMatrix;
use gibbsite::exact::torus;
use gibbsite::lattice::Lattice;
use gibbsite::stats::chi_squared_survival;

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

/// Each of 6 energies within 4 standard errors (4e-4 for all), and 0.1 % relative.
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
            assert!(z.abs() < 4.0, "{rule:?} T = {temperature}: {z} σ");
            let mean = means.iter().sum::<f64>() / replicas as f64;
            assert!((mean / exact - 1.0).abs() < 1e-3, "{rule:?} T = {temperature}: {mean} for {exact}");
        }
    }
}

/// Each of 3 energies within 4 standard errors (2e-4 for all), 32 lattices of 64 × 64 from the ordered state.
#[test]
fn energies_of_packed_sites_are_exact() {
    // Above T_c rather than at it, where the ordered start would be felt for L^2.2 = 8000 sweeps.
    for (k, temperature) in [1.8, 2.0, 2.4].into_iter().enumerate() {
        let replicas = 32;
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &vec![temperature; replicas]).unwrap();
        let start = BitMatrix::from_fn(replicas, 4096, |r, _| r % 2 == 0);
        let mut spins = Cpu.upload_square(64, &acceptance, &start).unwrap();
        let seed = 200 + k as u64;
        Cpu.sweep(&mut spins, seed, 0..1000);
        for step in 0..250 {
            Cpu.sweep(&mut spins, seed, 1000 + 8 * step..1008 + 8 * step);
            Cpu.record_sums(&mut spins);
        }
        let means = mean_energies(&Cpu.read_sums(&mut spins).unwrap(), 4096);
        let z = deviation(&means, exact_energy(64, temperature));
        assert!(z.abs() < 4.0, "T = {temperature}: {z} σ");
    }
}

/// Energies of the 32 replicas of a word, `[replica][time]`, far enough apart in time to be independent.
fn energies_of_a_word(temperature: f64, times: usize) -> (Vec<Vec<f64>>, BitMatrix) {
    let graph = Lattice::Square { length: 8 }.graph();
    let acceptance = Acceptance::new(Rule::Metropolis, 4, &[temperature; 32]).unwrap();
    let start = BitMatrix::from_fn(32, 64, |r, _| r % 2 == 0);
    let mut spins = Cpu.upload_spins(&graph, &acceptance, &start).unwrap();
    // τ of the energy is below 20 sweeps at these temperatures.
    let spacing = 100;
    Cpu.sweep(&mut spins, 31, 0..2000);
    for step in 0..times as u32 {
        Cpu.sweep(&mut spins, 31, 2000 + spacing * step..2000 + spacing * (step + 1));
        Cpu.record_sums(&mut spins);
    }
    let sums = Cpu.read_sums(&mut spins).unwrap();
    let series = (0..32).map(|r| sums.iter().map(|row| f64::from(row[r].antiparallel)).collect()).collect();
    (series, Cpu.read_spins(&spins).unwrap())
}

/// n Σ ρ² over all pairs: χ² with as many degrees of freedom as pairs, if the series are independent.
fn pair_statistic(series: &[Vec<f64>]) -> (f64, usize) {
    let standard: Vec<Vec<f64>> = series
        .iter()
        .map(|x| {
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            let norm = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>().sqrt();
            x.iter().map(|x| (x - mean) / norm).collect()
        })
        .collect();
    let (mut sum, mut pairs) = (0.0, 0);
    for (i, a) in standard.iter().enumerate() {
        for b in &standard[..i] {
            let rho: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
            sum += a.len() as f64 * rho * rho;
            pairs += 1;
        }
    }
    (sum, pairs)
}

/// Three tests at 1e-4 a side.
#[test]
fn replicas_of_a_word_are_independent() {
    for temperature in TEMPERATURES {
        let (series, last) = energies_of_a_word(temperature, 1000);
        let (statistic, pairs) = pair_statistic(&series);
        let p = chi_squared_survival(statistic, pairs);
        assert!((1e-4..1.0 - 1e-4).contains(&p), "T = {temperature}: χ² = {statistic} for {pairs} pairs, p = {p}");
        let distinct = (0..32).filter(|&r| (0..r).all(|other| last.row(other) != last.row(r))).count();
        // Ground states may repeat at low temperatures; chains that share numbers fall together into one or two.
        assert!(distinct > 16, "T = {temperature}: {distinct} of 32 chains differ");
        let mut shared = series;
        for r in 1..4 {
            shared[r] = shared[0].clone();
        }
        let (statistic, pairs) = pair_statistic(&shared);
        assert!(chi_squared_survival(statistic, pairs) < 1e-4, "four equal replicas must be noticed");
    }
}
