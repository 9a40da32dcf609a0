//! What a device can do at the most, to compare kernels with: multiply-adds, and bytes copied.
//!
//! Maths: x ← a x + b, rounds times, in 32 numbers of every invocation; to = from.
//! Shapes: sums `[invocations]`, words of 16 bytes.
//! Random: none.
//! Class: exact.
//! Source: Williams, Waterman, Patterson, CACM 52 (2009) 65.

use std::time::Instant;

use crate::backend::Peaks;
use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::memory::Shape;
use crate::error::Result;

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct Peak {
        rounds: u32,
        count: u32,
    }
}

/// Multiply-adds.
pub(super) static MULTIPLY_ADDS: Kernel =
    kernel!(trusted "peak", "multiply_adds", 64, Peak, [Read, ReadWrite, Read, ReadWrite]);
/// Copies.
pub(super) static COPY: Kernel = kernel!(trusted "peak", "copy", 64, Peak, [Read, ReadWrite, Read, ReadWrite]);

/// Invocations: many for any device.
const INVOCATIONS: usize = 1 << 17;
/// Multiply-adds of an invocation and round.
const NUMBERS: u32 = 32;
/// Bytes copied, beyond the caches of most devices.
const BYTES: usize = 1 << 26;
/// Seconds of work that are enough for a measurement.
const ENOUGH_SECONDS: f64 = 0.02;
/// Most rounds: the sums stay whole numbers below 2²⁴.
const MOST_ROUNDS: u32 = 1 << 18;

/// Measures both.
///
/// # Errors
/// Device failures.
pub(in crate::backend::gpu) fn measure(gpu: &Gpu) -> Result<Peaks> {
    let bytes = BYTES.min(usize::try_from(gpu.largest_buffer()).unwrap_or(BYTES)) / 16 * 16;
    let row = |what, rows, row_bytes| Shape { what, unit: "numbers", rows, row_bytes };
    let factors = gpu.upload("factors", "numbers", &[1.0f32, 1.0])?;
    let sums = gpu.allocate(row("sums", INVOCATIONS, 4))?;
    let source = gpu.upload("words to copy", "words", &vec![0x5a5a_5a5au32; bytes / 4])?;
    let copies = gpu.allocate(row("copies", bytes / 16, 16))?;
    let buffers = [&factors, &sums, &source, &copies];
    let (multiply, copy) = (gpu.bind(&MULTIPLY_ADDS, &buffers), gpu.bind(&COPY, &buffers));
    let timed = |work: &dyn Fn()| -> Result<f64> {
        let start = Instant::now();
        work();
        gpu.wait_for_all()?;
        Ok(start.elapsed().as_secs_f64())
    };
    let multiply = |rounds: u32| {
        let parameters = Peak { rounds, count: INVOCATIONS as u32 };
        gpu.dispatch(&multiply, &parameters, (INVOCATIONS / 64) as u64, 0);
    };
    // The first run compiles.
    timed(&|| multiply(2))?;
    let mut rounds = 16;
    while rounds < MOST_ROUNDS && timed(&|| multiply(rounds))? < ENOUGH_SECONDS {
        rounds *= 2;
    }
    let seconds = fastest(|| timed(&|| multiply(rounds)))?;
    let multiply_adds = f64::from(rounds) * f64::from(NUMBERS) * INVOCATIONS as f64;
    let found: Vec<f32> = gpu.read(&sums, INVOCATIONS)?;
    let is_right = found.iter().all(|&sum| sum == rounds as f32 * NUMBERS as f32);
    let copy = |times: usize| {
        for _ in 0..times {
            let parameters = Peak { rounds: 0, count: (bytes / 16) as u32 };
            gpu.dispatch(&copy, &parameters, (bytes / 16).div_ceil(256) as u64, 0);
        }
    };
    timed(&|| copy(1))?;
    let mut times = 1;
    while times < 1 << 12 && timed(&|| copy(times))? < ENOUGH_SECONDS {
        times *= 2;
    }
    let copy_seconds = fastest(|| timed(&|| copy(times)))?;
    let is_copied = gpu.read::<u32>(&copies, bytes / 4)?.iter().all(|&word| word == 0x5a5a_5a5a);
    Ok(Peaks {
        multiply_adds_per_second: multiply_adds / seconds,
        // Read once and written once.
        bytes_per_second: 2.0 * (bytes * times) as f64 / copy_seconds,
        is_right: is_right && is_copied,
    })
}

fn fastest(mut run: impl FnMut() -> Result<f64>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        best = best.min(run()?);
    }
    Ok(best)
}
