//! Measurements of this machine, device beside device, each with a value that proves the work was done.

pub mod ising;
mod plain;

use std::time::Instant;

use serde::Serialize;

use crate::error::Result;

/// One measurement: a case on a device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Name of the case, e.g. `square1024`.
    pub case: String,
    /// `plain` for the simple reference, else the backend: `cpu`, `vulkan`, ….
    pub backend: String,
    /// Name of the device.
    pub device: String,
    /// Threads of the CPU; 0 where the device has its own.
    pub threads: usize,
    /// Seconds of the measured part.
    pub seconds: f64,
    /// CPU seconds of the measured part, all threads of the process; None where the system does not tell.
    pub cpu_seconds: Option<f64>,
    /// Work a second of the measured part, in `unit`.
    pub rate: f64,
    /// Unit of `rate`.
    pub unit: &'static str,
    /// A result of the work: here the energy a site.
    pub check: f64,
    /// What `check` is when everything is right, up to its statistical error; None where it is not known.
    pub exact: Option<f64>,
}

/// Wall and CPU time of one piece of work.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    seconds: f64,
    cpu_seconds: Option<f64>,
}

/// Pieces that a measurement is cut into; the median by time is reported, which a disturbed moment does not move.
const PIECES: usize = 5;

/// Times `work(i)` for pieces i = 0 .. [`PIECES`] and gives the median.
fn median(mut work: impl FnMut(usize) -> Result<()>) -> Result<Span> {
    let mut spans = Vec::with_capacity(PIECES);
    for piece in 0..PIECES {
        let (start, cpu) = (Instant::now(), process_seconds());
        work(piece)?;
        let cpu_seconds = process_seconds().zip(cpu).map(|(end, begin)| end - begin);
        spans.push(Span { seconds: start.elapsed().as_secs_f64(), cpu_seconds });
    }
    let key = |span: &Span| span.cpu_seconds.unwrap_or(span.seconds);
    spans.sort_by(|a, b| key(a).total_cmp(&key(b)));
    Ok(spans[PIECES / 2])
}

/// CPU time of all threads of this process, in seconds.
#[cfg(unix)]
fn process_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64)
}

#[cfg(not(unix))]
fn process_seconds() -> Option<f64> {
    None
}
