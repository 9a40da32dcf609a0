//! The one place that picks a backend and a number of threads.

use std::str::FromStr;

use crate::backend::Backend;
use crate::backend::gpu::shader::Precision;
use crate::backend::gpu::tile::{self, Tile};
use crate::backend::gpu::{self, Gpu, Selection, Timed};
use crate::backend::memory::Room;
use crate::data::cache_directory;
use crate::error::{Error, Fault, Result};
use crate::numerics::bytes_of;
use crate::run::compiled::CompiledFile;
use crate::run::engine::Engine;
use crate::run::tiles::TileFile;

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

/// The threads that are asked for.
pub(super) fn threads(request: &DeviceRequest) -> Result<rayon::ThreadPool> {
    request.check()?;
    let mut builder = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = request.threads {
        builder = builder.num_threads(threads);
    }
    builder.build().map_err(|e| Error::device(format!("cannot start threads: {e}")))
}

/// The GPU that is asked for; none where the CPU is to compute.
pub(super) fn gpu(request: &DeviceRequest) -> Result<Option<Gpu>> {
    if request.choice == Choice::Cpu {
        return Ok(None);
    }
    let selection = selection(request)?;
    match request.choice {
        Choice::Gpu => open(&selection).map(Some),
        _ if request.device.is_some() => open(&selection).map(Some),
        _ => Ok(open(&selection).ok()),
    }
}

/// What the device that `request` may lead to gives room for; it is not opened.
///
/// # Errors
/// [`Error::Input`] where there is no such device.
pub fn room(request: &DeviceRequest) -> Result<Room> {
    gpu::room(&selection(request)?)
}

fn selection(request: &DeviceRequest) -> Result<Selection> {
    let choice = match request.device.as_deref().map(str::parse::<gpu::Choice>) {
        Some(Ok(choice)) => choice,
        Some(Err(never)) => match never {},
        None => gpu::Choice::Automatic,
    };
    settings(Selection { choice, allow_software: request.choice == Choice::Gpu, ..Selection::default() })
}

/// Adds what the environment says of GPUs, which never changes more of a result than the rounding of its weights:
/// `GIBBSITE_TILE` (a tile's name, or `likely` for no measurement), `GIBBSITE_WEIGHTS` (`f32` or `f16`),
/// `GIBBSITE_BINDING` (bytes of the largest buffer that a kernel may see), `GIBBSITE_SHADER_CHECKS=1`,
/// `GIBBSITE_TIMESTAMPS` (`1`: of all dispatches, `0`: of none, else of a part).
fn settings(selection: Selection) -> Result<Selection> {
    let value = |name: &str| std::env::var(name).unwrap_or_default();
    let refused = |name: &str, found: &str, expected: String| {
        Error::Input(Fault::new(format!("\"{found}\"")).at(name).expected(expected))
    };
    let tile = match value("GIBBSITE_TILE").as_str() {
        "" | "likely" => None,
        name => Some(Tile::named(name).ok_or_else(|| {
            let names: Vec<&str> =
                tile::ALL.iter().chain(&tile::MATRICES).chain([&&tile::STEPS]).map(|tile| tile.name).collect();
            refused("GIBBSITE_TILE", name, format!("likely or one of {}", names.join(", ")))
        })?),
    };
    let precision = match value("GIBBSITE_WEIGHTS").as_str() {
        "" | "f32" => Precision::F32,
        "f16" => Precision::F16,
        name => return Err(refused("GIBBSITE_WEIGHTS", name, "f32 or f16".to_string())),
    };
    let largest = match value("GIBBSITE_BINDING").as_str() {
        "" => None,
        text => Some(
            bytes_of(text)
                .filter(|bytes| *bytes >= 1 << 16)
                .ok_or_else(|| refused("GIBBSITE_BINDING", text, "at least 65536 bytes, e.g. 128MiB".to_string()))?,
        ),
    };
    let checked = match value("GIBBSITE_SHADER_CHECKS").as_str() {
        "" | "0" => false,
        "1" => true,
        text => return Err(refused("GIBBSITE_SHADER_CHECKS", text, "1 for checks, 0 for none".to_string())),
    };
    let timed = match value("GIBBSITE_TIMESTAMPS").as_str() {
        "" => Timed::Sampled,
        "0" => Timed::Never,
        "1" => Timed::Always,
        text => return Err(refused("GIBBSITE_TIMESTAMPS", text, "0 for none or 1 for all dispatches".to_string())),
    };
    Ok(Selection { tile, precision, largest, checked, timed, ..selection })
}

/// Opens a GPU that measures its tiles and keeps them, and what its driver compiles, in the cache directory, where there
/// is one.
fn open(selection: &Selection) -> Result<Gpu> {
    let gpu = Gpu::new(selection)?;
    let likely = std::env::var("GIBBSITE_TILE").is_ok_and(|name| name == "likely");
    Ok(match cache_directory().filter(|_| !likely) {
        Some(directory) => gpu
            .with_compiled(Box::new(CompiledFile { directory: directory.clone() }))
            .with_tiles(Box::new(TileFile { directory }), false),
        None => gpu,
    })
}

/// Every shader in every variant, as it is handed to the driver.
#[must_use]
pub fn shaders() -> Vec<gpu::ShaderText> {
    gpu::shader_texts()
}
