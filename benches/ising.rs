//! The Ising engine's kernels on one CPU thread, in flips: `cargo bench --bench ising`; every case prints a check value.

#![expect(clippy::print_stdout, reason = "a bench prints its check values")]
#![expect(clippy::unwrap_used, reason = "a bench, where a panic is the message")]

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Acceptance, Backend, ClusterKind, ClusterRule, FlipTables, Rule};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::ising::{Disorder, Model};
use gibbsite::internals::lattice::Lattice;

/// Sweeps of one iteration.
const SWEEPS: u32 = 10;
/// Temperature: the critical one of square lattices.
const TEMPERATURE: f64 = 2.269_185;

type Spins = <Cpu as Backend>::Spins;

fn start(replicas: usize, lattice: Lattice) -> BitMatrix {
    BitMatrix::from_fn(replicas, lattice.sites(), |r, i| (r + i) % 3 == 0)
}

/// Sweeps and sums of `spins` spins, on one thread.
fn sweeps(group: &mut BenchmarkGroup<'_, WallTime>, what: &str, name: &str, count: usize, mut spins: Spins) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    group.throughput(Throughput::Elements(u64::from(SWEEPS) * count as u64));
    let mut sweep = 0;
    group.bench_function(BenchmarkId::new(what, name), |b| {
        b.iter(|| {
            pool.install(|| Cpu.sweep(&mut spins, 1, sweep..sweep + SWEEPS));
            sweep += SWEEPS;
        });
    });
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(BenchmarkId::new(format!("{what}, sums"), name), |b| {
        b.iter(|| {
            pool.install(|| Cpu.record_sums(&mut spins));
            Cpu.read_sums(&mut spins).unwrap()
        });
    });
    Cpu.record_sums(&mut spins);
    let up: u64 = Cpu.read_sums(&mut spins).unwrap()[0].iter().map(|sums| u64::from(sums.up)).sum();
    println!("check {what} {name}: {up} of {count} spins are up after {sweep} sweeps");
}

fn single_spins(c: &mut Criterion) {
    let mut group = c.benchmark_group("flips");
    let square = |length| Lattice::Square { length };
    for (rule, name) in [(Rule::Metropolis, "metropolis"), (Rule::HeatBath, "heat-bath")] {
        for (length, replicas) in [(8, 1024), (32, 256)] {
            let acceptance = Acceptance::new(rule, 4, &vec![TEMPERATURE; replicas]).unwrap();
            let lattice = square(length);
            let spins = Cpu.upload_spins(&lattice.graph(), &acceptance, &start(replicas, lattice)).unwrap();
            sweeps(&mut group, name, &format!("square{length}x{replicas}"), replicas * lattice.sites(), spins);
        }
        for (lattice, title) in [(square(1024), "square1024"), (Lattice::Cubic { length: 64 }, "cubic64")] {
            let acceptance = Acceptance::new(rule, 2 * lattice.dimensions(), &[TEMPERATURE]).unwrap();
            let spins = Cpu.upload_torus(lattice, &acceptance, &start(1, lattice)).unwrap();
            sweeps(&mut group, name, title, lattice.sites(), spins);
        }
    }
    group.finish();
}

fn clusters(c: &mut Criterion) {
    let mut group = c.benchmark_group("cluster updates");
    for (kind, name) in [(ClusterKind::SwendsenWang, "swendsen-wang"), (ClusterKind::Wolff, "wolff")] {
        for (length, replicas) in [(32, 16), (256, 1)] {
            let lattice = Lattice::Square { length };
            let rule = ClusterRule::new(kind, 1.0, &vec![TEMPERATURE; replicas]);
            let spins = Cpu.upload_clusters(&lattice.graph(), &rule, &start(replicas, lattice)).unwrap();
            sweeps(&mut group, name, &format!("square{length}x{replicas}"), replicas * lattice.sites(), spins);
        }
    }
    group.finish();
}

/// Spins of any energy, by tables: a glass of real couplings.
fn tables(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut group = c.benchmark_group("flips by tables");
    let (lattice, replicas) = (Lattice::Square { length: 16 }, 256);
    let model = Model::spin_glass(lattice, Disorder::Gaussian, 1.0, 0.1, 2).unwrap();
    let interactions = model.interactions().unwrap();
    let terms = interactions.terms.iter().map(|term| (&term.sites[..], term.value));
    let tables = FlipTables::new(&model.graph.colours, terms, Rule::Metropolis, &[TEMPERATURE]).unwrap();
    let mut spins = Cpu.upload_table_spins(&tables, &vec![0; replicas], &start(replicas, lattice)).unwrap();
    group.throughput(Throughput::Elements(u64::from(SWEEPS) * (replicas * lattice.sites()) as u64));
    let mut sweep = 0;
    group.bench_function("gaussian glass, square16x256", |b| {
        b.iter(|| {
            pool.install(|| Cpu.sweep_by_tables(&mut spins, 1, sweep..sweep + SWEEPS));
            sweep += SWEEPS;
        });
    });
    let up: u64 = Cpu.read_table_spins(&spins).unwrap().column_counts().iter().sum();
    println!("check: {up} of {} spins are up after {sweep} sweeps", replicas * lattice.sites());
    group.finish();
}

criterion_group!(benches, single_spins, clusters, tables);
criterion_main!(benches);
