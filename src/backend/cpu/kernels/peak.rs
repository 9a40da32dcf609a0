//! What a processor can do at the most, to compare kernels with: multiply-adds, and bytes copied.
//!
//! Maths: x ← a x + b, rounds times, in the numbers of a few tiles; to = from.
//! Shapes: tiles `[3, 32]`.
//! Class: exact: whole numbers below 2²⁴, and copies.
//! Source: Williams, Waterman, Patterson, "Roofline", CACM 52 (2009) 65.

use std::hint::black_box;
use std::time::Instant;

use crate::threads::prelude::*;

use crate::backend::Peaks;
use crate::backend::cpu::tile::{TILE, Tile, kernel};

/// Tiles of a thread: enough that no multiply-add waits for one before it, few enough for the registers.
const TILES: usize = 3;
/// Rounds of one timing.
const ROUNDS: u32 = 1 << 20;
/// Bytes copied in all, beyond the caches.
const BYTES: usize = 1 << 27;

kernel! {
    /// Multiplies by `a` and adds `b`, `rounds` times.
    fn multiply_adds<S>(numbers: &mut [Tile; TILES], a: f32, b: f32, rounds: u32) {
        let mut x = *numbers;
        for _ in 0..rounds {
            for tile in &mut x {
                for k in 0..TILE {
                    tile.0[k] = S::mul_add(tile.0[k], a, b);
                }
            }
        }
        *numbers = x;
    }
}

/// Measures both with all threads of the current pool.
pub(crate) fn measure() -> Peaks {
    let threads = crate::threads::count();
    let (mut seconds, mut is_right) = (f64::INFINITY, true);
    for _ in 0..3 {
        let mut numbers = vec![[Tile::ZERO; TILES]; threads];
        let start = Instant::now();
        numbers.par_iter_mut().for_each(|numbers| multiply_adds(numbers, black_box(1.0), black_box(1.0), ROUNDS));
        seconds = seconds.min(start.elapsed().as_secs_f64());
        is_right &= numbers.iter().flatten().all(|tile| tile.0.iter().all(|&x| x == ROUNDS as f32));
    }
    let from = vec![0x5a5a_5a5au32; BYTES / 8];
    let mut to = vec![0u32; BYTES / 8];
    let mut copy_seconds = f64::INFINITY;
    for _ in 0..4 {
        let start = Instant::now();
        let size = from.len().div_ceil(threads).max(1);
        to.par_chunks_mut(size).zip(from.par_chunks(size)).for_each(|(to, from)| to.copy_from_slice(from));
        copy_seconds = copy_seconds.min(start.elapsed().as_secs_f64());
        black_box(&mut to);
    }
    is_right &= to == from;
    Peaks {
        multiply_adds_per_second: (threads * TILES * TILE) as f64 * f64::from(ROUNDS) / seconds,
        // Half of it is read and half written.
        bytes_per_second: BYTES as f64 / copy_seconds,
        is_right,
    }
}
