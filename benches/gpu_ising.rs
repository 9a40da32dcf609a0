//! Packed Metropolis sweeps on a GPU against the kernels that everyone writes first: one invocation a site of a colour.
//!
//! `cargo bench --bench gpu_ising [-- CASE…]`, on the first adapter that is there, a software one too. Their spins are
//! integers ±1; one draws a block of Philox for a site, as a generator that passes the tests, the other hashes the site's
//! number once, which is about the least that anyone draws with. T = 3, from the ordered state; every row has its energy
//! a site beside the exact one. Turns alternate and medians are compared.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]

mod naive;

use std::time::Instant;

use gibbsite::internals::backend::gpu::{Choice, Gpu, Selection};
use gibbsite::internals::backend::{Acceptance, Backend, Rule};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::exact::torus;
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::rng::key_of;
use naive::{Naive, median};

const TEMPERATURE: f64 = 3.0;
const SEED: u64 = 7;
const TURNS: u32 = 5;
/// Sweeps before anything is timed: some ten times what this temperature forgets in.
const WARM_UP: u32 = 100;
/// Seconds that a turn is meant to take.
const TURN: f64 = 0.3;

const ENTRIES: [&str; 2] = ["philox_a_site", "hash_a_site"];
const NAIVE: &str = "
//!import philox
struct Parameters { seed_low: u32, seed_high: u32, length: u32, replicas: u32, sweep: u32, colour: u32 }
@group(0) @binding(0) var<storage, read> p: Parameters;
@group(0) @binding(1) var<storage, read> acceptance: array<f32>;
@group(0) @binding(2) var<storage, read_write> spins: array<i32>;

// Site of an invocation, and its replica.
fn site_of(id: vec3<u32>) -> vec2<u32> {
    let index = 64u * (id.x + 32768u * id.y) + id.z;
    let half = p.length / 2u;
    let rest = index % (half * p.length);
    let y = rest / half;
    return vec2<u32>(y * p.length + 2u * (rest % half) + (y + p.colour) % 2u, index / (half * p.length));
}

fn update(site: u32, replica: u32, uniform: f32) {
    let y = site / p.length;
    let x = site % p.length;
    let first = replica * p.length * p.length;
    let row = first + y * p.length;
    let sum = spins[row + select(x + 1u, 0u, x + 1u == p.length)]
        + spins[row + select(x, p.length, x == 0u) - 1u]
        + spins[first + select(y + 1u, 0u, y + 1u == p.length) * p.length + x]
        + spins[first + (select(y, p.length, y == 0u) - 1u) * p.length + x];
    let spin = spins[row + x];
    if uniform < acceptance[u32(spin * sum + 4) / 2u] {
        spins[row + x] = -spin;
    }
}

@compute @workgroup_size(64)
fn philox_a_site(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let at = site_of(vec3<u32>(workgroup.xy, local));
    if at.y >= p.replicas { return; }
    let random = philox(vec4<u32>(at.x, p.sweep, 0u, at.y), vec2<u32>(p.seed_low, p.seed_high));
    update(at.x, at.y, uniform_of(random.x));
}

@compute @workgroup_size(64)
fn hash_a_site(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let at = site_of(vec3<u32>(workgroup.xy, local));
    if at.y >= p.replicas { return; }
    // Two rounds of O'Neill's permuted congruential generator, the second for the site.
    let first = permuted(p.sweep * 2u + p.colour + p.seed_low);
    update(at.x, at.y, uniform_of(permuted(at.y * p.length * p.length + at.x + first)));
}

fn permuted(input: u32) -> u32 {
    let state = input * 747796405u + 2891336453u;
    let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
    return (word >> 22u) ^ word;
}
";

/// A case and its name as in `gibbsite bench ising`.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    length: usize,
    /// One lattice with one bit a site, or many with one bit a replica.
    replicas: Option<usize>,
}

impl Case {
    fn replicas(self) -> usize {
        self.replicas.unwrap_or(1)
    }

    fn spins(self) -> usize {
        self.length * self.length * self.replicas()
    }
}

const CASES: [Case; 4] = [
    Case { name: "square8x1000", length: 8, replicas: Some(1000) },
    Case { name: "square32x1000", length: 32, replicas: Some(1000) },
    Case { name: "square1024", length: 1024, replicas: None },
    Case { name: "square4096", length: 4096, replicas: None },
];
const DEFAULT: [&str; 3] = ["square8x1000", "square32x1000", "square1024"];

/// One way to sweep a case.
trait Way {
    /// Seconds of so many sweeps.
    fn sweep(&mut self, count: u32) -> f64;
    /// A site, of the spins as they are.
    fn energy(&mut self) -> f64;
}

/// Sweeps that a turn should have, when `count` took `seconds`.
fn sweeps_of_a_turn(count: u32, seconds: f64) -> u32 {
    (TURN * f64::from(count) / seconds).clamp(4.0, 2000.0) as u32
}

struct NaiveSpins<'a> {
    naive: &'a Naive,
    case: Case,
    pipeline: &'a wgpu::ComputePipeline,
    acceptance: &'a wgpu::Buffer,
    spins: wgpu::Buffer,
    sweep: u32,
}

impl Way for NaiveSpins<'_> {
    fn sweep(&mut self, count: u32) -> f64 {
        let [low, high] = key_of(SEED);
        let (length, replicas) = (self.case.length, self.case.replicas());
        let groups: Vec<_> = (self.sweep..self.sweep + count)
            .flat_map(|sweep| [(sweep, 0), (sweep, 1)])
            .map(|(sweep, colour)| {
                let parameters = [low, high, length as u32, replicas as u32, sweep, colour];
                let parameters = self.naive.upload(bytemuck::cast_slice(&parameters));
                self.naive.group(self.pipeline, &[(0, &parameters), (1, self.acceptance), (2, &self.spins)])
            })
            .collect();
        self.sweep += count;
        let workgroups = (self.case.spins() / 2).div_ceil(64);
        self.naive.seconds(self.pipeline, &groups, [workgroups.min(32768), workgroups.div_ceil(32768)])
    }

    fn energy(&mut self) -> f64 {
        let (spins, length): (Vec<i32>, usize) = (self.naive.read(&self.spins), self.case.length);
        let bonds = |at: usize| {
            let (first, y, x) = (at - at % (length * length), at / length % length, at % length);
            spins[at] * (spins[first + y * length + (x + 1) % length] + spins[first + (y + 1) % length * length + x])
        };
        -(0..spins.len()).map(|at| f64::from(bonds(at))).sum::<f64>() / spins.len() as f64
    }
}

struct Packed<'a> {
    gpu: &'a Gpu,
    case: Case,
    spins: <Gpu as Backend>::Spins,
    sweep: u32,
}

impl<'a> Packed<'a> {
    fn new(gpu: &'a Gpu, case: Case) -> Self {
        let lattice = Lattice::Square { length: case.length };
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &vec![TEMPERATURE; case.replicas()]).expect("a table");
        let start = BitMatrix::from_fn(case.replicas(), lattice.sites(), |_, _| true);
        let spins = match case.replicas {
            None => gpu.upload_torus(lattice, &acceptance, &start),
            Some(_) => gpu.upload_spins(&lattice.graph(), &acceptance, &start),
        };
        Self { gpu, case, spins: spins.expect("room"), sweep: 0 }
    }
}

impl Way for Packed<'_> {
    fn sweep(&mut self, count: u32) -> f64 {
        let start = Instant::now();
        self.gpu.sweep(&mut self.spins, SEED, self.sweep..self.sweep + count);
        self.gpu.finish().expect("the device works");
        self.sweep += count;
        start.elapsed().as_secs_f64()
    }

    fn energy(&mut self) -> f64 {
        self.gpu.record_sums(&mut self.spins);
        let sums = self.gpu.read_sums(&mut self.spins).expect("the device works");
        let antiparallel: u64 = sums.iter().flatten().map(|sums| u64::from(sums.antiparallel)).sum();
        2.0 * antiparallel as f64 / self.case.spins() as f64 - 2.0
    }
}

fn compare(gpu: &Gpu, naive: &Naive, case: Case) {
    let exact = torus::thermodynamics(case.length, case.length, TEMPERATURE).expect("a torus");
    println!("{}, exact energy {:.5}", case.name, exact.energy);
    let pipelines = naive.pipelines(NAIVE, ENTRIES);
    // P(flip) by spin × sum of neighbours: −4, −2, … 4.
    let acceptance: [f32; 5] = [-4, -2, 0, 2, 4].map(|a| (-2.0 * f64::from(a) / TEMPERATURE).exp().min(1.0) as f32);
    let acceptance = naive.upload(bytemuck::cast_slice(&acceptance));
    let [philox, hash] = pipelines.each_ref().map(|pipeline| {
        let spins = naive.upload(bytemuck::cast_slice(&vec![1i32; case.spins()]));
        NaiveSpins { naive, case, pipeline, acceptance: &acceptance, spins, sweep: 0 }
    });
    let mut ways: [(&str, Box<dyn Way>); 3] = [
        ("Philox a site", Box::new(philox)),
        ("hash a site", Box::new(hash)),
        ("packed", Box::new(Packed::new(gpu, case))),
    ];
    // The first sweep compiles.
    let counts = ways.each_mut().map(|(_, way)| {
        way.sweep(1);
        sweeps_of_a_turn(WARM_UP, way.sweep(WARM_UP))
    });
    let (mut times, mut energies) = ([const { Vec::new() }; 3], [0.0; 3]);
    for _ in 0..TURNS {
        for (i, (_, way)) in ways.iter_mut().enumerate() {
            times[i].push(way.sweep(counts[i]) / f64::from(counts[i]));
            energies[i] += way.energy() / f64::from(TURNS);
        }
    }
    let seconds = times.map(median);
    // Energies within five standard deviations, were the turns all of one and the same state.
    let error = TEMPERATURE * (exact.specific_heat / case.spins() as f64).sqrt();
    for (i, (name, _)) in ways.iter().enumerate() {
        let (rate, times) = (1e-9 * case.spins() as f64 / seconds[i], seconds[0] / seconds[i]);
        println!(
            "{name:>16} {:5} sweeps a turn {rate:10.4} flips/ns {times:7.2} × energy {:.5}",
            counts[i], energies[i]
        );
        assert!((energies[i] - exact.energy).abs() < 5.0 * error, "{name}: exact {}", exact.energy);
    }
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let cases = CASES.into_iter().filter(|case| match &wanted[..] {
        [] => DEFAULT.contains(&case.name),
        names => names.iter().any(|name| name == case.name),
    });
    let selection = Selection { choice: Choice::Automatic, allow_software: true, ..Default::default() };
    let gpu = Gpu::new(&selection).expect("a GPU");
    let name = gpu.device().name;
    println!("{name}, Metropolis at T = {TEMPERATURE}");
    let naive = Naive::open(&name);
    cases.for_each(|case| compare(&gpu, &naive, case));
}
