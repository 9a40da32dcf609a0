//! The product x = v·W of bits and weights alone, in one thread: the engine's, the `gemm` crate's on the same numbers as
//! f32, and the processor's peak of multiply-adds.
//!
//! `cargo run --release --manifest-path benches/peers/product/Cargo.toml`
//!
//! GFLOP/s of CPU time, 2 · rows · n_visible · n_hidden operations a product whatever is executed; lower quartiles of
//! alternating runs. The check is the sum of all x.

use std::hint::black_box;

use gemm::{Parallelism, gemm};
use gibbsite::internals::backend::Backend;
use gibbsite::internals::backend::cpu::{Cpu, CpuInputs};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::{Stream, unit_word};

const SHAPES: [(usize, usize, usize); 4] = [(500, 784, 500), (1024, 784, 512), (2048, 1024, 1024), (500, 64, 64)];

/// CPU time of this thread in seconds.
fn now() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

fn number(k: usize) -> f32 {
    (unit_word(1, Stream::WeightStart, 0, 0, k as u32) >> 8) as f32 / 16_777_216.0 - 0.5
}

/// Multiply-adds without memory: 256 independent sums, more than any latency needs.
#[inline(always)]
fn multiply_adds(rounds: usize) -> f64 {
    let mut sums: [f32; 512] = std::array::from_fn(number);
    let (a, b) = (black_box(0.999_9f32), black_box(1e-3f32));
    let begin = now();
    for block in sums.chunks_exact_mut(256) {
        let mut part: [f32; 256] = block.try_into().expect("256 of them");
        for _ in 0..rounds {
            for x in &mut part {
                *x = x.mul_add(a, b);
            }
        }
        block.copy_from_slice(&part);
    }
    let seconds = now() - begin;
    black_box(sums);
    2.0 * 512.0 * rounds as f64 / seconds * 1e-9
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn by_avx512(rounds: usize) -> f64 {
    multiply_adds(rounds)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn by_avx2(rounds: usize) -> f64 {
    multiply_adds(rounds)
}

/// With the widest instructions there are.
fn peak(rounds: usize) -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: AVX-512 F was found.
            return unsafe { by_avx512(rounds) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: AVX2 and FMA were found.
            return unsafe { by_avx2(rounds) };
        }
    }
    multiply_adds(rounds)
}

/// Lower quartile of the times.
fn quartile(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 4]
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(|| {
        let best = (0..20).map(|_| peak(200_000)).fold(0.0, f64::max);
        println!("multiply-add peak {best:.0} GFLOP/s");
        for (rows, n_visible, n_hidden) in SHAPES {
            let mut rbm = Rbm::zeros(n_visible, n_hidden);
            rbm.weights.iter_mut().enumerate().for_each(|(k, w)| *w = number(k));
            let bits = BitMatrix::from_fn(rows, n_visible, |r, j| number(9 + r * n_visible + j) < 0.0);
            let v: Vec<f32> = (0..rows * n_visible).map(|k| f32::from(bits.get(k / n_visible, k % n_visible))).collect();
            let params = Cpu.upload_params(&rbm, None).expect("fits in memory");
            let states = Cpu.upload_states(&bits).expect("fits in memory");
            let (mut inputs, mut x) = (CpuInputs::default(), vec![0f32; rows * n_hidden]);
            let operations = (2 * rows * n_visible * n_hidden) as f64;
            let runs = (2e9 / operations).clamp(20.0, 2000.0) as usize;
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..runs {
                let begin = now();
                inputs.set(&params, &states);
                ours.push(now() - begin);
                let begin = now();
                // SAFETY: the three matrices are row-major and as large as is said.
                unsafe {
                    let (m, n, k) = (rows, n_hidden, n_visible);
                    let (c, a, b) = (x.as_mut_ptr(), v.as_ptr(), rbm.weights.as_ptr());
                    gemm(m, n, k, c, 1, n as isize, false, a, 1, k as isize, b, 1, n as isize, 0.0, 1.0, false, false, false, Parallelism::None);
                }
                theirs.push(now() - begin);
            }
            let rate = |times| operations / quartile(times) * 1e-9;
            let (ours, theirs) = (rate(ours), rate(theirs));
            let sum = |x: &[f32]| x.iter().map(|&x| f64::from(x)).sum::<f64>();
            println!(
                "{rows:>5} x {n_visible:>4} x {n_hidden:>4}  engine {ours:6.0} GFLOP/s, check {:.2}   gemm {theirs:6.0}, check {:.2}   {:.2} x gemm, {:.2} x peak",
                sum(&inputs.to_host()),
                sum(&x),
                ours / theirs,
                ours / best
            );
        }
    });
}
