//! The one place that picks a backend and a number of threads.

use std::str::FromStr;

use crate::backend::Backend;
use crate::error::{Error, Fault, Result};
use crate::run::engine::Engine;

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

/// Most threads of the CPU.
const MAX_THREADS: usize = 1024;

impl DeviceRequest {
    /// Checks numbers.
    ///
    /// # Errors
    /// [`Error::Input`] for a number of threads that cannot be.
    pub fn check(&self) -> Result<()> {
        match self.threads {
            Some(threads) if !(1..=MAX_THREADS).contains(&threads) => Err(Error::Input(
                Fault::new(format!("{threads} threads")).at("--threads").expected(format!("1 to {MAX_THREADS}")),
            )),
            _ => Ok(()),
        }
    }
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
/// [`Error::Input`] when the device asked for is not there or a setting of it cannot be, else what the job returns.
pub fn with_backend<J: Job>(request: &DeviceRequest, job: J) -> Result<J::Output> {
    Engine::open(request)?.run(job)
}

/// The GPU that is asked for: there is none in a library without the feature `gpu`.
#[cfg(not(feature = "gpu"))]
pub(super) fn gpu(request: &DeviceRequest) -> Result<Option<std::convert::Infallible>> {
    if request.choice == Choice::Gpu || request.device.is_some() {
        let fault = Fault::new("this build computes on the CPU alone").expected("the CPU, or a free choice");
        return Err(Error::Input(fault.advice("build with the feature `gpu`")));
    }
    Ok(None)
}
