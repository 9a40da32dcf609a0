//! The GPU that is asked for, with what the environment says of GPUs.

use super::device::{Choice, DeviceRequest};
use crate::backend::gpu::shader::Precision;
use crate::backend::gpu::tile::{self, Tile};
use crate::backend::gpu::{self, Gpu, Selection, Timed};
use crate::backend::memory::Room;
use crate::error::{Error, Fault, Result};
use crate::numerics::bytes_of;

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

/// Opens a GPU.
#[cfg(not(feature = "files"))]
fn open(selection: &Selection) -> Result<Gpu> {
    Gpu::new(selection)
}

/// Opens a GPU that measures its tiles and keeps them, and what its driver compiles, in the cache directory, where there
/// is one.
#[cfg(feature = "files")]
fn open(selection: &Selection) -> Result<Gpu> {
    use super::compiled::CompiledFile;
    use super::tiles::TileFile;
    let gpu = Gpu::new(selection)?;
    let likely = std::env::var("GIBBSITE_TILE").is_ok_and(|name| name == "likely");
    Ok(match crate::data::cache_directory().filter(|_| !likely) {
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
