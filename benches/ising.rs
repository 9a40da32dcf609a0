//! The Ising engine on one CPU thread, in flips: `cargo bench --bench ising`.
#![expect(clippy::unwrap_used, reason = "a bench, where a panic is the message")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gibbsite::backend::cpu::Cpu;
use gibbsite::backend::{Acceptance, Backend, Rule};
use gibbsite::bits::BitMatrix;
use gibbsite::lattice::Lattice;

/// Sweeps of one iteration.
const SWEEPS: u32 = 10;

fn ising(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut group = c.benchmark_group("flips");
    for (rule, name) in [(Rule::Metropolis, "metropolis"), (Rule::HeatBath, "heat-bath")] {
        for (length, replicas, by_site) in [(8, 1024, false), (32, 256, false), (1024, 1, true)] {
            let acceptance = Acceptance::new(rule, 4, &vec![2.269_185; replicas]).unwrap();
            let start = BitMatrix::from_fn(replicas, length * length, |r, i| (r + i) % 3 == 0);
            let mut spins = if by_site {
                Cpu.upload_torus(Lattice::Square { length }, &acceptance, &start).unwrap()
            } else {
                Cpu.upload_spins(&Lattice::Square { length }.graph(), &acceptance, &start).unwrap()
            };
            group.throughput(Throughput::Elements(u64::from(SWEEPS) * (replicas * length * length) as u64));
            let id = BenchmarkId::new(name, format!("square{length}x{replicas}"));
            let mut sweep = 0;
            group.bench_function(id, |b| {
                b.iter(|| {
                    pool.install(|| Cpu.sweep(&mut spins, 1, sweep..sweep + SWEEPS));
                    sweep += SWEEPS;
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, ising);
criterion_main!(benches);
