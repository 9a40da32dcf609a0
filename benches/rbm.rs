//! Times of the RBM steps on the CPU backend; every case prints a check value that proves the work was done.
//!
//! `cargo bench --bench rbm`. Compare ratios within one run: machines are noisy.

#![expect(clippy::print_stdout, reason = "a bench prints its check values")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gibbsite::backend::cpu::Cpu;
use gibbsite::backend::{Address, Backend, Phase};
use gibbsite::bits::BitMatrix;
use gibbsite::rbm::Rbm;
use gibbsite::rng::{Stream, unit_word};

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
        group.bench_function(BenchmarkId::new("moments", &name), |b| {
            b.iter(|| cpu.accumulate_moments(&params, &states, Phase::Data, &mut moments));
        });
        group.bench_function(BenchmarkId::new("free_energy", &name), |b| {
            b.iter(|| black_box(cpu.read_free_energies(&params, &states).expect("in memory")));
        });
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
