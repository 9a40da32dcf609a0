//! Times of the RBM steps on the CPU backend; every case prints a check value that proves the work was done.
//!
//! `cargo bench --bench rbm`. Compare ratios within one run: machines are noisy.

#![expect(clippy::print_stdout, reason = "a bench prints its check values")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gibbsite::internals::backend::cpu::{Cpu, CpuInputs};
use gibbsite::internals::backend::{Address, Backend, Descent, Minibatch, Penalties, Phase, RECORDED, UpdateRule};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::{Permutation, Stream, unit_word};

/// Visible units, hidden units, chains.
const SHAPES: [(usize, usize, usize); 3] = [(64, 64, 500), (784, 500, 500), (784, 1000, 500)];

fn number(k: usize) -> f32 {
    (unit_word(1, Stream::WeightStart, 0, 0, k as u32) >> 8) as f32 / 16_777_216.0 - 0.5
}

fn machine(n_visible: usize, n_hidden: usize) -> Rbm {
    let mut rbm = Rbm::zeros(n_visible, n_hidden);
    for (k, w) in rbm.weights.iter_mut().enumerate() {
        *w = 0.2 * number(k);
    }
    rbm
}

fn states(rows: usize, units: usize) -> BitMatrix {
    BitMatrix::from_fn(rows, units, |r, j| unit_word(2, Stream::ChainStart, 0, r as u32, j as u32) & 1 == 1)
}

fn steps(c: &mut Criterion) {
    let cpu = Cpu::new();
    let mut group = c.benchmark_group("rbm");
    group.sample_size(20);
    for (n_visible, n_hidden, chains) in SHAPES {
        let name = format!("{n_visible}x{n_hidden}_b{chains}");
        let params = cpu.upload_params(&machine(n_visible, n_hidden), None).expect("fits in memory");
        let mut states = cpu.upload_states(&states(chains, n_visible)).expect("fits in memory");
        let mut moments = cpu.new_moments(&params).expect("fits in memory");
        group.throughput(Throughput::Elements((4 * n_visible * n_hidden * chains) as u64));
        let mut step = 0;
        group.bench_function(BenchmarkId::new("gibbs_step", &name), |b| {
            b.iter(|| {
                cpu.gibbs(&params, &mut states, Address::new(1), step..step + 1);
                step += 1;
            });
        });
        let ones: u64 = cpu.read_states(&states).expect("in memory").column_counts().iter().sum();
        println!("check {name}: {ones} units on after {step} steps");
        let mut inputs = CpuInputs::default();
        // A filter may leave the bench out, and its check not.
        inputs.set(&params, &states);
        group.bench_function(BenchmarkId::new("product", &name), |b| b.iter(|| inputs.set(&params, &states)));
        println!("check {name}: input {}", inputs.get(chains - 1, n_hidden - 1));
        group.bench_function(BenchmarkId::new("moments", &name), |b| {
            b.iter(|| cpu.accumulate_moments(&params, &states, Phase::Data, &mut moments));
        });
        group.bench_function(BenchmarkId::new("free_energy", &name), |b| {
            b.iter(|| black_box(cpu.read_free_energies(&params, &states).expect("in memory")));
        });
        // Operations of the three products of numbers; the one of bits is left out.
        group.throughput(Throughput::Elements((6 * n_visible * n_hidden * chains) as u64));
        let mut fields = cpu.new_moments(&params).expect("fits in memory");
        let mut times = 0;
        group.bench_function(BenchmarkId::new("mean_field", &name), |b| {
            b.iter(|| {
                cpu.subtract_mean_field(&params, &states, 1, &mut fields);
                times += 1;
            });
        });
        let sum: f32 = cpu.read_moments(&fields).expect("in memory").visible.iter().sum();
        println!("check {name}: {} units on after a step", -sum / times as f32);
    }
    group.finish();
}

/// AIS, flips, updates, minibatches and samples of hidden units at the usual size.
fn others(c: &mut Criterion) {
    let cpu = Cpu::new();
    let mut group = c.benchmark_group("rbm 784x500_b500");
    group.sample_size(20);
    let mut params = cpu.upload_params(&machine(784, 500), None).expect("fits in memory");
    let mut chains = cpu.upload_states(&states(500, 784)).expect("fits in memory");
    let mut moments = cpu.new_moments(&params).expect("fits in memory");
    let betas: Vec<f64> = (0..=100_000).map(|k| f64::from(k) / 100_000.0).collect();
    let mut annealing = cpu.start_annealing(&params, &[0.0; 784], 500, Address::new(2)).expect("fits in memory");
    let (mut k, mut step) = (0, 0);
    group.bench_function("ais_step", |b| {
        b.iter(|| {
            cpu.anneal(&params, &mut annealing, &betas, k % 100_000..k % 100_000 + 1);
            k += 1;
        });
    });
    println!("check: log-weight {}", cpu.read_log_weights(&annealing).expect("in memory")[0]);
    group.bench_function("flip_move", |b| {
        b.iter(|| {
            cpu.flip_move(&params, &mut chains, Address::new(3), step);
            step += 1;
        });
    });
    let data = cpu.upload_states(&states(10_000, 784)).expect("fits in memory");
    let mut batch = cpu.upload_states(&states(500, 784)).expect("fits in memory");
    let mut minibatch = Minibatch { permutation: Permutation::new(1, 0, 10_000), first: 0, count: 500 };
    group.bench_function("gather", |b| {
        b.iter(|| {
            cpu.gather(&data, &minibatch, &mut batch);
            minibatch.first = (minibatch.first + 500) % 10_000;
        });
    });
    let ones: u64 = cpu.read_states(&batch).expect("in memory").column_counts().iter().sum();
    println!("check: {ones} units of the minibatch are on");
    group.bench_function("read_hidden", |b| b.iter(|| cpu.read_hidden(&params, &chains, Address::new(4), 0)));
    cpu.accumulate_moments(&params, &chains, Phase::Data, &mut moments);
    cpu.accumulate_moments(&params, &chains, Phase::Model, &mut moments);
    let rule = UpdateRule {
        descent: Descent::Momentum { momentum: 0.5 },
        penalties: Penalties { weight_decay: 1e-4, ..Penalties::default() },
        centred: true,
        offset_rate: 0.1,
        ..UpdateRule::plain(1e-3)
    };
    group.bench_function("update", |b| b.iter(|| cpu.update(&mut params, &moments, &rule)));
    println!("check: weight {}", cpu.read_params(&params).expect("in memory").0.weights[0]);
    group.finish();
}

/// Replicas of one machine at sixteen temperatures: a Gibbs step of all, and exchanges between neighbours.
fn tempering(c: &mut Criterion) {
    let cpu = Cpu::new();
    let mut group = c.benchmark_group("rbm 784x500, 16 rungs of 32 chains");
    group.sample_size(20);
    let params = cpu.upload_params(&machine(784, 500), None).expect("fits in memory");
    let betas: Vec<f64> = (0..16).map(|k| f64::from(k) / 15.0).collect();
    let mut temperatures = cpu.upload_temperatures(&params, &[0.0; 784], &betas, 32).expect("fits in memory");
    let mut replicas = cpu.upload_states(&states(16 * 32, 784)).expect("fits in memory");
    let (mut step, mut round) = (0, 0);
    group.bench_function("temper", |b| {
        b.iter(|| {
            cpu.temper(&params, &temperatures, &mut replicas, Address::new(5), step..step + 1);
            step += 1;
        });
    });
    group.bench_function("exchange", |b| {
        b.iter(|| {
            cpu.exchange(&params, &mut temperatures, &mut replicas, Address::new(5), round);
            round += 1;
            if (round as usize).is_multiple_of(RECORDED) {
                black_box(cpu.read_exchanges(&mut temperatures).expect("in memory"));
            }
        });
    });
    let ones: u64 = cpu.read_states(&replicas).expect("in memory").column_counts().iter().sum();
    println!("check: {ones} units of the replicas are on after {step} steps and {round} exchanges");
    group.finish();
}

/// Free energies of sparse states: tables cost the same at any density, set bits do not.
fn densities(c: &mut Criterion) {
    let cpu = Cpu::new();
    let mut group = c.benchmark_group("rbm free_energy 20000x200_b500");
    group.sample_size(20);
    let params = cpu.upload_params(&machine(20_000, 200), None).expect("fits in memory");
    for thousandths in [2, 5, 10, 15, 17, 50, 500] {
        let bits = BitMatrix::from_fn(500, 20_000, |r, j| {
            unit_word(2, Stream::ChainStart, 0, r as u32, j as u32) % 1000 < thousandths
        });
        let rows = cpu.upload_states(&bits).expect("fits in memory");
        group.bench_function(
            BenchmarkId::from_parameter(format!("density {:.3}", f64::from(thousandths) / 1e3)),
            |b| {
                b.iter(|| black_box(cpu.read_free_energies(&params, &rows).expect("in memory")));
            },
        );
    }
    group.finish();
}

/// Gibbs steps of few chains, which tables are too much for; of the larger machine, weights come from memory.
fn few(c: &mut Criterion) {
    let cpu = Cpu::new();
    for (n_visible, n_hidden) in [(784, 500), (20_000, 200)] {
        let mut group = c.benchmark_group(format!("rbm {n_visible}x{n_hidden}, few chains"));
        group.sample_size(20);
        let params = cpu.upload_params(&machine(n_visible, n_hidden), None).expect("fits in memory");
        for chains in [1, 4, 8, 16, 32, 64] {
            let mut v = cpu.upload_states(&states(chains, n_visible)).expect("fits in memory");
            let mut step = 0;
            group.bench_function(BenchmarkId::new("gibbs_step", chains), |b| {
                b.iter(|| {
                    cpu.gibbs(&params, &mut v, Address::new(1), step..step + 1);
                    step += 1;
                });
            });
            let ones: u64 = cpu.read_states(&v).expect("in memory").column_counts().iter().sum();
            println!("check {chains}: {ones} units on after {step} steps");
        }
        group.finish();
    }
}

criterion_group!(benches, steps, others, tempering, few, densities);
criterion_main!(benches);
