//! The one place that picks a backend and a number of threads.

use std::str::FromStr;

use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::backend::gpu::{self, Gpu, Selection};
use crate::error::{Error, Fault, Result};

/// Which kind of device was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// A real GPU if there is one, else the CPU; never a software rasteriser.
    #[default]
    Auto,
    /// A GPU, a software one if there is no other.
    Gpu,
    /// The CPU.
    Cpu,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "gpu" => Ok(Self::Gpu),
            "cpu" => Ok(Self::Cpu),
            _ => Err("expected auto, gpu or cpu".into()),
        }
    }
}

/// What the user asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceRequest {
    /// Kind.
    pub choice: Choice,
    /// Adapter by number or part of its name.
    pub device: Option<String>,
    /// Threads of the CPU; None: one a core.
    pub threads: Option<usize>,
}

/// Work that runs on whatever backend is picked.
pub trait Job: Send {
    /// What it gives back.
    type Output: Send;

    /// Does the work.
    ///
    /// # Errors
    /// Whatever the work can fail with.
    fn run<B: Backend>(self, backend: &B) -> Result<Self::Output>;
}

/// Picks a backend and runs `job` inside a thread pool of its own.
///
/// # Errors
/// [`Error::Device`] when the device asked for is not there, else what the job returns.
pub fn with_backend<J: Job>(request: &DeviceRequest, job: J) -> Result<J::Output> {
    let mut builder = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = request.threads {
        if threads == 0 || threads > 1024 {
            return Err(Error::Input(Fault::new(format!("{threads} threads")).at("--threads").expected("1 to 1024")));
        }
        builder = builder.num_threads(threads);
    }
    let pool = builder.build().map_err(|e| Error::device(format!("cannot start threads: {e}")))?;
    pool.install(|| {
        let choice = match request.device.as_deref().map(str::parse::<gpu::Choice>) {
            Some(Ok(choice)) => choice,
            Some(Err(never)) => match never {},
            None => gpu::Choice::Automatic,
        };
        let selection = Selection { choice, allow_software: request.choice == Choice::Gpu, ..Selection::default() };
        match request.choice {
            Choice::Cpu => job.run(&Cpu::new()),
            Choice::Gpu => job.run(&Gpu::new(&selection)?),
            Choice::Auto if request.device.is_some() => job.run(&Gpu::new(&selection)?),
            Choice::Auto => match Gpu::new(&selection) {
                Ok(gpu) => job.run(&gpu),
                Err(_) => job.run(&Cpu::new()),
            },
        }
    })
}

/// Every shader in every variant, as it is handed to the driver.
#[must_use]
pub fn shaders() -> Vec<gpu::ShaderText> {
    gpu::shader_texts()
}
