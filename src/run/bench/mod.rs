//! Measurements of this machine, device beside device, each with a value that proves the work was done.
//!
//! A bench is a [`Case`]: one piece of work, known by a name, that any backend can do and that a simple program does
//! too. [`measure`] runs it as the simple loop, on the CPU with one thread and with all, and on the GPU if there is one
//! or one is asked for.

pub mod ais;
mod devices;
pub mod growth;
pub mod ising;
mod plain;
mod plain_machine;
pub mod rbm;

use std::fmt::Display;
use std::time::Instant;

use serde::Serialize;

use crate::backend::{Backend, KernelTime, Peaks};
use crate::error::{Error, Fault, Result};
use crate::numerics::readable;
use crate::run::device::{Choice, DeviceRequest, Job, with_backend};

pub use self::devices::Device;

/// Everything a bench found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bench {
    /// Measurements, case by case.
    pub rows: Vec<Row>,
    /// The devices of this machine.
    pub devices: Vec<Device>,
}

/// One measurement: a case on a device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Name of the case, e.g. `square1024`.
    pub case: String,
    /// `plain` for the simple reference, else the backend: `cpu`, `vulkan`, ….
    pub backend: String,
    /// Name of the device; on the CPU with the instruction set.
    pub device: String,
    /// Threads of the CPU; None where the device has its own.
    pub threads: Option<usize>,
    /// Seconds of the measured part.
    pub seconds: f64,
    /// CPU seconds of the measured part, all threads of the process; None where the system does not tell.
    pub cpu_seconds: Option<f64>,
    /// Work a second of the measured part, in `unit`.
    pub rate: f64,
    /// Unit of `rate`.
    pub unit: &'static str,
    /// A result of the work, e.g. the energy a site.
    pub check: f64,
    /// What `check` is when everything is right, up to its statistical error; None where it is not known.
    pub exact: Option<f64>,
    /// The work in the terms of a roofline; None for the plain loop and where it is not counted.
    #[serde(flatten)]
    pub roofline: Option<Roofline>,
    /// Device time of every kernel, where it was measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kernels: Vec<KernelTime>,
}

/// What a unit of work takes, whatever is really executed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Operations: of the formulas, where a multiplication and an addition are two, or of 32-bit words.
    pub operations: f64,
    /// Operations that an instruction does at the most: two in a multiply-add, one on words.
    pub an_instruction: f64,
    /// Bytes that move at the least: each array once for every kernel that needs it.
    pub bytes: f64,
}

/// Operations and bytes a second, beside what the device was measured to do at the most (Williams, Waterman, Patterson,
/// CACM 52 (2009) 65). Tables of sums do several multiply-adds in one addition: a share of the peak may be above 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Roofline {
    /// 10⁹ operations a second.
    pub gflops_equivalent: f64,
    /// Share of the multiply-adds that the device can do, or of as many operations on 32-bit words.
    pub share_of_peak: f64,
    /// 10⁹ bytes a second.
    pub gb_per_second: f64,
    /// Share of the bytes that the device can copy.
    pub share_of_bandwidth: f64,
}

impl Roofline {
    fn new(cost: Cost, rate: f64, peaks: &Peaks) -> Self {
        Self {
            gflops_equivalent: 1e-9 * cost.operations * rate,
            share_of_peak: cost.operations * rate / (cost.an_instruction * peaks.multiply_adds_per_second),
            gb_per_second: 1e-9 * cost.bytes * rate,
            share_of_bandwidth: cost.bytes * rate / peaks.bytes_per_second,
        }
    }
}

impl Row {
    /// Work a second of one processor, in `unit`: what is left of other programs' disturbance.
    #[must_use]
    pub fn rate_of_cpu(&self) -> Option<f64> {
        self.cpu_seconds.filter(|&cpu| cpu > 0.0).map(|cpu| self.rate * self.seconds / cpu)
    }
}

/// How long and where to measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Effort {
    /// Seconds of each row, about.
    pub seconds: f64,
    /// Seed.
    pub seed: u64,
    /// What is measured: where the GPU is left out or not there, it has no row.
    pub rows: Rows,
    /// Devices; `threads` is the most that are used.
    pub request: DeviceRequest,
}

/// Kinds of rows of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// The simple loop.
    pub plain: bool,
    /// The engine on the CPU, with one thread and with all.
    pub cpu: bool,
    /// The engine on the GPU.
    pub gpu: bool,
}

impl Rows {
    /// Everything there is.
    pub const ALL: Self = Self { plain: true, cpu: true, gpu: true };
}

/// What a case reports of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Time of one piece.
    pub span: Span,
    /// Work of one piece, in units of [`Case::UNIT`] times a second.
    pub work: f64,
    /// A result of the work.
    pub check: f64,
}

/// A piece of work that can be measured on every device.
pub trait Case: Display + Sync {
    /// Unit of the rate.
    const UNIT: &'static str;

    /// As simply as one writes it first, on one thread for about `seconds`; None where there is no such program.
    ///
    /// # Errors
    /// Whatever the work can fail with.
    fn plain(&self, seconds: f64, seed: u64) -> Result<Option<Measured>>;

    /// On a backend, for about `seconds`; the device is waited for inside the measured pieces.
    ///
    /// # Errors
    /// Device failures.
    fn on<B: Backend>(&self, backend: &B, seconds: f64, seed: u64) -> Result<Measured>;

    /// What one unit of work takes, where it is counted.
    fn cost(&self) -> Option<Cost> {
        None
    }

    /// What `check` should be, where it is known.
    fn exact(&self) -> Option<f64> {
        None
    }
}

/// Measures all cases.
///
/// # Errors
/// [`Error::Input`] for a time that is not positive or above an hour, device failures.
pub fn measure<C: Case>(cases: &[C], effort: &Effort) -> Result<Bench> {
    let Effort { seconds, seed, rows: wanted, ref request } = *effort;
    if !(seconds > 0.0 && seconds <= 3600.0) {
        return Err(Error::Input(
            Fault::new(format!("{} seconds", readable(seconds))).at("--seconds").expected("0 to 3600"),
        ));
    }
    let devices = devices::of(request);
    let all = request.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    let gpu = match request.choice {
        _ if !wanted.gpu => false,
        Choice::Cpu => false,
        Choice::Gpu => true,
        Choice::Auto => request.device.is_some() || devices.iter().any(|d| d.backend != "cpu" && d.chosen),
    };
    let mut rows = Vec::new();
    for case in cases {
        let row = |backend: &str, device: &str, threads, found: Measured, peaks: Option<Peaks>, kernels| Row {
            case: case.to_string(),
            backend: backend.to_string(),
            device: device.to_string(),
            threads,
            seconds: found.span.seconds,
            cpu_seconds: found.span.cpu_seconds,
            rate: found.work / found.span.seconds,
            unit: C::UNIT,
            check: found.check,
            exact: case.exact(),
            roofline: case
                .cost()
                .zip(peaks)
                .map(|(cost, peaks)| Roofline::new(cost, found.work / found.span.seconds, &peaks)),
            kernels,
        };
        if wanted.plain
            && let Some(found) = case.plain(seconds, seed)?
        {
            rows.push(row("plain", "one simple loop", Some(1), found, None, Vec::new()));
        }
        let threads = if all > 1 { vec![1, all] } else { vec![1] };
        for threads in threads.into_iter().filter(|_| wanted.cpu) {
            let request = DeviceRequest { choice: Choice::Cpu, device: None, threads: Some(threads) };
            let Found { device, found, peaks, kernels } = with_backend(&request, OnBackend { case, seconds, seed })?;
            rows.push(row(&device.backend, &device.name, Some(threads), found, peaks, kernels));
        }
        if gpu {
            let Found { device, found, peaks, kernels } = with_backend(request, OnBackend { case, seconds, seed })?;
            rows.push(row(&device.backend, &device.name, None, found, peaks, kernels));
        }
    }
    if rows.is_empty() && !cases.is_empty() {
        return Err(Error::Input(
            Fault::new("there is nothing to measure")
                .at("--rows")
                .expected("a row that this machine, --backend and the case have")
                .advice("gibbsite devices lists the GPUs; name more rows"),
        ));
    }
    Ok(Bench { rows, devices })
}

/// A case on whatever backend is picked.
struct OnBackend<'a, C> {
    case: &'a C,
    seconds: f64,
    seed: u64,
}

/// What a case came to on a backend.
struct Found {
    device: Device,
    found: Measured,
    /// What the device can do, where the case counts its work.
    peaks: Option<Peaks>,
    kernels: Vec<KernelTime>,
}

impl<C: Case> Job for OnBackend<'_, C> {
    type Output = Found;

    fn run<B: Backend>(self, backend: &B) -> Result<Self::Output> {
        let device = Device::new(backend.device());
        let found = self.case.on(backend, self.seconds, self.seed)?;
        let kernels = backend.kernel_times();
        let peaks = self.case.cost().map(|_| backend.measure_peaks()).transpose()?;
        Ok(Found { device, found, peaks, kernels })
    }
}

/// Wall and CPU time of one piece of work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Wall time.
    pub seconds: f64,
    /// CPU time of all threads of the process, where the system tells.
    pub cpu_seconds: Option<f64>,
}

/// Pieces that a measurement is cut into; the median by time is reported, which a disturbed moment does not move.
pub const PIECES: usize = 5;

/// Times `work(i)` for pieces i = 0 .. [`PIECES`] and gives the median.
///
/// # Errors
/// Those of `work`.
pub fn median(mut work: impl FnMut(usize) -> Result<()>) -> Result<Span> {
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
