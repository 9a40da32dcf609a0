//! Kernel against reference, from equal states: one file a stem, each with the class its kernel names.
//!
//! Both backends are judged by [`reference`], which is plain f64 and integers. A machine without a Vulkan, Metal or
//! DirectX driver cannot run the GPU's half: each such test writes a line `ignored: …` with the reason and the number
//! of tests ignored so far, past the harness's capture, and with `GIBBSITE_REQUIRE_GPU=1` it fails instead.

mod ais_step;
mod approach;
mod counts;
mod device;
mod exchange;
mod flip_move;
mod free_energy;
mod gather;
mod gibbs_half_step;
mod gibbs_steps;
mod ising_clusters;
mod ising_half_sweep;
mod ising_sums;
mod ising_table_half_sweep;
mod ising_torus_half_sweep;
mod ising_torus_sums;
mod mean_field;
mod moments;
mod peak;
mod reference;
mod shards;
mod update;
mod variants;

use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use gibbsite::internals::backend::gpu::{Gpu, Selection};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::Philox;
use rand::Rng as _;

static IGNORED: AtomicUsize = AtomicUsize::new(0);

/// The one device of all tests, or None after reporting that `test` is ignored.
pub(crate) fn gpu(test: &str) -> Option<&'static Gpu> {
    static GPU: OnceLock<Result<Gpu, String>> = OnceLock::new();
    let opened = GPU.get_or_init(|| {
        let selection = Selection { allow_software: true, ..Selection::default() };
        Gpu::new(&selection).map_err(|error| error.to_string())
    });
    match opened {
        Ok(gpu) => Some(gpu),
        Err(reason) => {
            let required = std::env::var("GIBBSITE_REQUIRE_GPU").is_ok_and(|value| value == "1");
            assert!(!required, "{test} needs a GPU (GIBBSITE_REQUIRE_GPU=1): {reason}");
            let count = IGNORED.fetch_add(1, Ordering::Relaxed) + 1;
            let reason = reason.lines().next().unwrap_or_default();
            writeln!(std::io::stderr(), "ignored: {test}: {reason} ({count} ignored so far)").ok();
            None
        }
    }
}

/// The shared device, or an early return that reports the test as ignored.
macro_rules! gpu_or_ignored {
    () => {{
        let name = std::thread::current().name().unwrap_or("test").to_string();
        let Some(gpu) = $crate::parity::gpu(&name) else { return };
        gpu
    }};
}
pub(crate) use gpu_or_ignored;

/// Makes two tests, `NAME::cpu` and `NAME::gpu`, of one body over any backend.
macro_rules! on_both {
    ($(#[$meta:meta])* fn $name:ident($backend:ident) $body:block) => {
        $(#[$meta])*
        mod $name {
            use super::*;

            fn body<B: Backend>($backend: &B) $body

            #[test]
            fn cpu() {
                body(&gibbsite::internals::backend::cpu::Cpu);
            }

            #[test]
            fn gpu() {
                body($crate::parity::gpu_or_ignored!());
            }
        }
    };
}
pub(crate) use on_both;

/// A machine with weights uniform in ±`scale` and biases in ±1.
pub(crate) fn machine(n_visible: usize, n_hidden: usize, scale: f32, seed: u64) -> Rbm {
    let mut rng = Philox::sequence(seed, "test machine");
    let mut uniform = |scale: f32| scale * (rng.next_u32() as f32 / 2f32.powi(31) - 1.0);
    let mut rbm = Rbm::zeros(n_visible, n_hidden);
    rbm.weights.iter_mut().for_each(|w| *w = uniform(scale));
    rbm.visible_bias.iter_mut().for_each(|b| *b = uniform(1.0));
    rbm.hidden_bias.iter_mut().for_each(|c| *c = uniform(1.0));
    rbm
}

/// Random states `[rows, cols]`, half of the bits set.
pub(crate) fn states(rows: usize, cols: usize, seed: u64) -> BitMatrix {
    let mut rng = Philox::sequence(seed, "test states");
    BitMatrix::from_fn(rows, cols, |_, _| rng.next_u32() >> 31 == 1)
}

/// (chains, n_visible, n_hidden): one, primes, one below and one above words and tiles, non-square.
pub(crate) const SIZES: &[(usize, usize, usize)] =
    &[(1, 1, 1), (3, 7, 13), (31, 33, 64), (33, 31, 65), (64, 64, 63), (65, 130, 17), (97, 63, 131)];

/// (rungs, chains, n_visible, n_hidden) of ladders, likewise.
pub(crate) const LADDERS: &[(usize, usize, usize, usize)] =
    &[(2, 1, 1, 1), (5, 3, 31, 33), (2, 33, 32, 65), (5, 33, 63, 31), (5, 1, 65, 63), (3, 33, 33, 32)];

/// Largest |found − expected| / bound with its index; a bound of zero asks for equality.
pub(crate) fn worst(found: &[f64], expected: &[(f64, f64)]) -> (f64, usize) {
    assert_eq!(found.len(), expected.len(), "number of values");
    let mut worst = (0.0f64, 0);
    for (i, (x, (value, bound))) in found.iter().zip(expected).enumerate() {
        let ratio = if x == value { 0.0 } else { (x - value).abs() / bound };
        // A NaN must not pass: it is worse than anything.
        if ratio.is_nan() || ratio > worst.0 {
            worst = (if ratio.is_nan() { f64::INFINITY } else { ratio }, i);
        }
    }
    worst
}

/// Fails unless every value lies within its bound.
pub(crate) fn assert_bounded(what: &str, found: &[f64], expected: &[(f64, f64)]) {
    let (ratio, i) = worst(found, expected);
    assert!(ratio <= 1.0, "{what}[{i}]: found {}, expected {:?}, {ratio} bounds off", found[i], expected[i]);
}

/// f32 values as f64.
pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}
