//! The fused Gibbs step on a GPU against the kernel that everyone writes first: one invocation an output.
//!
//! `cargo bench --bench gpu [-- TILE]`, on the first adapter that is there, a software one too. Both draw the same bits
//! from the same random addresses; the table ends with how many differ (only those within rounding of their
//! threshold). Turns alternate and medians are compared, since machines are noisy.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]

mod naive;

use std::time::Instant;

use gibbsite::internals::backend::gpu::{Choice, Gpu, Selection, tile};
use gibbsite::internals::backend::{Address, Backend};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::{Stream, key_of, unit_word};
use naive::{Naive, median};

const N_VISIBLE: usize = 784;
const N_HIDDEN: usize = 512;
const CHAINS: usize = 1024;
const TURNS: usize = 5;

/// Entry points `from_words` (packed states) and `from_numbers` (a state a number), both with one invocation an output.
const NAIVE: &str = "
//!import philox
//!import sigmoid
struct Parameters { seed_low: u32, seed_high: u32, chains: u32, n_visible: u32, n_hidden: u32 }
@group(0) @binding(0) var<storage, read> p: Parameters;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> biases: array<f32>;
@group(0) @binding(3) var<storage, read> words: array<u32>;
@group(0) @binding(4) var<storage, read> numbers: array<f32>;
@group(0) @binding(5) var<storage, read_write> hidden: array<u32>;

fn draw(chain: u32, unit: u32, sum: f32) {
    let counter = vec4<u32>(8u * (unit / 32u) + unit % 8u, 0u, STREAM, chain);
    let block = philox(counter, vec2<u32>(p.seed_low, p.seed_high));
    let x = sum + biases[p.n_visible + unit];
    hidden[chain * p.n_hidden + unit] = u32(uniform_of(block[(unit / 8u) % 4u]) * (1.0 + exp_negative(x)) < 1.0);
}

@compute @workgroup_size(64)
fn from_words(@builtin(global_invocation_id) id: vec3<u32>) {
    let unit = id.x;
    let chain = id.y;
    if unit >= p.n_hidden { return; }
    var sum = 0.0;
    for (var k = 0u; k < p.n_visible; k++) {
        let word = words[chain * ((p.n_visible + 31u) / 32u) + k / 32u];
        sum += f32((word >> (k % 32u)) & 1u) * weights[k * p.n_hidden + unit];
    }
    draw(chain, unit, sum);
}

@compute @workgroup_size(64)
fn from_numbers(@builtin(global_invocation_id) id: vec3<u32>) {
    let unit = id.x;
    let chain = id.y;
    if unit >= p.n_hidden { return; }
    var sum = 0.0;
    for (var k = 0u; k < p.n_visible; k++) {
        sum += numbers[chain * p.n_visible + k] * weights[k * p.n_hidden + unit];
    }
    draw(chain, unit, sum);
}
";

fn number(k: usize) -> f32 {
    (unit_word(1, Stream::WeightStart, 0, 0, k as u32) >> 8) as f32 / 16_777_216.0 - 0.5
}

/// The kernels with their buffers.
struct Steps {
    naive: Naive,
    pipelines: [wgpu::ComputePipeline; 2],
    groups: [wgpu::BindGroup; 2],
    hidden: wgpu::Buffer,
}

impl Steps {
    fn new(naive: Naive, rbm: &Rbm, v: &BitMatrix, seed: u64) -> Self {
        let [low, high] = key_of(seed);
        let parameters = [low, high, CHAINS as u32, N_VISIBLE as u32, N_HIDDEN as u32];
        let numbers: Vec<f32> =
            (0..CHAINS * N_VISIBLE).map(|at| f32::from(u8::from(v.get(at / N_VISIBLE, at % N_VISIBLE)))).collect();
        let biases = [&rbm.visible_bias[..], &rbm.hidden_bias].concat();
        let parameters = naive.upload(bytemuck::cast_slice(&parameters));
        let weights = naive.upload(bytemuck::cast_slice(&rbm.weights));
        let biases = naive.upload(bytemuck::cast_slice(&biases));
        let states = [naive.upload(bytemuck::cast_slice(v.words())), naive.upload(bytemuck::cast_slice(&numbers))];
        let hidden = naive.upload(&vec![0; 4 * CHAINS * N_HIDDEN]);
        let stream = format!("const STREAM: u32 = {}u;\n{NAIVE}", Stream::SampleHidden as u32);
        let pipelines = naive.pipelines(&stream, ["from_words", "from_numbers"]);
        let groups = [0, 1].map(|which| {
            let states = (3 + which as u32, &states[which]);
            naive.group(&pipelines[which], &[(0, &parameters), (1, &weights), (2, &biases), states, (5, &hidden)])
        });
        Self { naive, pipelines, groups, hidden }
    }

    fn seconds(&self, which: usize) -> f64 {
        self.naive.seconds(&self.pipelines[which], [&self.groups[which]], [N_HIDDEN.div_ceil(64), CHAINS])
    }

    fn hidden(&self) -> Vec<u32> {
        self.naive.read(&self.hidden)
    }
}

fn main() {
    let wanted = std::env::args().skip(1).find_map(|argument| tile::Tile::named(&argument));
    let open =
        |tile| Gpu::new(&Selection { choice: Choice::Automatic, allow_software: true, tile, ..Default::default() });
    let gpu = open(wanted).expect("a GPU");
    let name = gpu.device().name;
    println!("{name}, {N_VISIBLE} × {N_HIDDEN}, {CHAINS} chains, h from v");
    let mut rbm = Rbm::zeros(N_VISIBLE, N_HIDDEN);
    rbm.weights.iter_mut().enumerate().for_each(|(k, w)| *w = 0.2 * number(k));
    let v =
        BitMatrix::from_fn(CHAINS, N_VISIBLE, |r, j| unit_word(2, Stream::ChainStart, 0, r as u32, j as u32) & 1 == 1);
    let naive = Steps::new(Naive::open(&name), &rbm, &v, 7);
    let tiles: Vec<_> = tile::ALL.into_iter().filter(|t| wanted.is_none_or(|w| w == *t)).collect();
    let engines: Vec<_> = tiles.into_iter().filter_map(|t| open(Some(t)).ok().map(|gpu| (t, gpu))).collect();
    let held: Vec<_> = engines
        .iter()
        .map(|(_, gpu)| (gpu.upload_params(&rbm, None).expect("room"), gpu.upload_states(&v).expect("room")))
        .collect();
    let mut times = vec![Vec::new(); engines.len() + 2];
    let mut drawn = None;
    // The first turn compiles.
    for turn in 0..=TURNS {
        for which in [0, 1] {
            let seconds = naive.seconds(which);
            if turn > 0 {
                times[which].push(seconds);
            }
        }
        for (i, ((_, gpu), (params, states))) in engines.iter().zip(&held).enumerate() {
            let start = Instant::now();
            drawn = Some(gpu.read_hidden(params, states, Address::new(7), 0).expect("the device works"));
            if turn > 0 {
                times[i + 2].push(start.elapsed().as_secs_f64());
            }
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    let best_naive = medians[0].min(medians[1]);
    let work = 2.0 * (CHAINS * N_VISIBLE * N_HIDDEN) as f64;
    let row = |name: &str, seconds: f64| {
        let rate = work / seconds / 1e9;
        println!("{name:>22} {:9.2} ms {rate:8.2} GFLOP/s-equivalent {:6.2} ×", seconds * 1e3, best_naive / seconds);
    };
    row("naive, packed states", medians[0]);
    row("naive, f32 states", medians[1]);
    for ((tile, _), seconds) in engines.iter().zip(&medians[2..]) {
        row(&format!("fused, tile {}", tile.name), *seconds);
    }
    let (naive, fused) = (naive.hidden(), drawn.expect("at least one tile"));
    let differ = (0..CHAINS * N_HIDDEN).filter(|&i| (naive[i] == 1) != fused.get(i / N_HIDDEN, i % N_HIDDEN)).count();
    let ones = naive.iter().sum::<u32>();
    println!("check: {ones} of {} units on, {differ} drawn otherwise by the fused kernel", CHAINS * N_HIDDEN);
    assert!(differ < 4, "the kernels must agree but for rounding");
}
