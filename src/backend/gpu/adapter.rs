//! Which adapters there are, what they can do, and which one is taken.
//!
//! Automatic choice: discrete before integrated before virtual; among equals the first listed. A software rasteriser
//! is taken only when it is named or when [`Selection::allow_software`] is set and nothing else is there, because the
//! CPU backend is much faster than any of them.

use std::fmt;
use std::str::FromStr;

use crate::backend::DeviceDescription;
use crate::error::{Error, Fault, Result};

use super::plan::Room;
use super::shader::{Precision, Products};
use super::tile::{self, Tile};
use super::timing::{self, Timed};

/// Which adapter is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice {
    /// The best real GPU.
    #[default]
    Automatic,
    /// By its number in [`adapters`].
    Index(usize),
    /// By a part of its name, upper and lower case alike.
    Name(String),
}

impl FromStr for Choice {
    type Err = std::convert::Infallible;

    /// A whole number is an index, anything else a part of a name, nothing at all the automatic choice.
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match (text.trim(), text.trim().parse()) {
            ("" | "auto", _) => Self::Automatic,
            (_, Ok(index)) => Self::Index(index),
            (name, Err(_)) => Self::Name(name.to_string()),
        })
    }
}

/// What [`Gpu::new`](super::Gpu::new) is to open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Which adapter.
    pub choice: Choice,
    /// Whether the automatic choice may fall back to a software rasteriser.
    pub allow_software: bool,
    /// Forms 64-bit products from 16-bit limbs even where the device has 64-bit integers; results are the same.
    pub force_limbs: bool,
    /// Keeps the driver's checks of indices in every shader; results are the same, slower.
    pub checked: bool,
    /// Divides all products by this tile instead of the likely one; results are the same.
    pub tile: Option<&'static Tile>,
    /// How products read the weights; f16 is the device's own where it has one.
    pub precision: Precision,
    /// Takes f16 weights apart in the shader even where the device has f16; results are the same.
    pub force_packed: bool,
    /// Bytes of the largest buffer that a kernel may see, where it is to be less than the adapter offers: what is as
    /// large as the weights is then divided more finely; results are the same.
    pub largest: Option<u64>,
    /// Elementary operations of the first batch of commands, where not as many as usual: what is longer is divided.
    pub first_work: Option<u64>,
    /// How much of the device's time is measured, where the adapter can.
    pub timed: Timed,
}

impl Selection {
    /// The device named by number or part of a name, else the automatic choice; `allow_software` as in the field.
    #[must_use]
    pub fn new(device: Option<&str>, allow_software: bool) -> Self {
        let Ok(choice) = device.unwrap_or_default().parse();
        Self { choice, allow_software, ..Self::default() }
    }
}

/// Limits that decide what fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AdapterLimits {
    /// Bytes of the largest buffer.
    pub max_buffer_size: u64,
    /// Bytes of the largest buffer that a kernel can see.
    pub max_storage_buffer_binding_size: u64,
    /// Invocations in a workgroup.
    pub max_compute_invocations_per_workgroup: u32,
    /// Bytes of workgroup memory.
    pub max_compute_workgroup_storage_size: u32,
    /// Workgroups in one dimension of a dispatch.
    pub max_compute_workgroups_per_dimension: u32,
    /// Storage buffers of one kernel.
    pub max_storage_buffers_per_shader_stage: u32,
}

/// One adapter, as `gibbsite devices` lists it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AdapterDescription {
    /// Number for `--device`.
    pub index: usize,
    /// Name, backend, kind, driver.
    #[serde(flatten)]
    pub device: DeviceDescription,
    /// What fits.
    pub limits: AdapterLimits,
    /// Optional features that this program uses where they are there.
    pub features: Vec<String>,
    /// Whether the automatic choice takes this adapter.
    pub chosen: bool,
    /// Why, or why not.
    pub reason: String,
}

impl fmt::Display for AdapterDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({}, {})", self.index, self.device.name, self.device.backend, self.device.kind)
    }
}

/// Storage buffers that the widest kernel binds.
const STORAGE_BUFFERS: u32 = 8;
/// Invocations of the largest workgroup.
const INVOCATIONS: u32 = 256;
/// Bytes of workgroup memory that every kernel keeps to.
pub const WORKGROUP_BYTES: u32 = 16 * 1024;

/// All adapters of this machine, in the driver's order.
#[must_use]
pub fn adapters() -> Vec<AdapterDescription> {
    let found = enumerate();
    let chosen = found
        .iter()
        .enumerate()
        .filter(|(_, a)| unusable(a).is_none())
        .filter_map(|(i, a)| rank(a.get_info().device_type).map(|rank| (rank, i)));
    let chosen = chosen.min().map(|(_, index)| index);
    found
        .iter()
        .enumerate()
        .map(|(index, adapter)| {
            let reason = match (unusable(adapter), rank(adapter.get_info().device_type)) {
                (Some(fault), _) => fault,
                (None, None) => "a software rasteriser, slower than the CPU backend: only when asked for".to_string(),
                (None, Some(_)) if chosen == Some(index) => "the best GPU of this machine".to_string(),
                (None, Some(_)) => "another GPU is preferred".to_string(),
            };
            AdapterDescription {
                index,
                device: describe(adapter),
                limits: limits_of(adapter),
                features: features_of(adapter),
                chosen: chosen == Some(index),
                reason,
            }
        })
        .collect()
}

fn enumerate() -> Vec<wgpu::Adapter> {
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let descriptor = wgpu::InstanceDescriptor {
        backends,
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    };
    pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(backends))
}

/// Order of preference; None for software.
fn rank(kind: wgpu::DeviceType) -> Option<u8> {
    match kind {
        wgpu::DeviceType::DiscreteGpu => Some(0),
        wgpu::DeviceType::IntegratedGpu => Some(1),
        wgpu::DeviceType::VirtualGpu => Some(2),
        wgpu::DeviceType::Other => Some(3),
        wgpu::DeviceType::Cpu => None,
    }
}

/// Why the kernels cannot run on an adapter, if they cannot.
fn unusable(adapter: &wgpu::Adapter) -> Option<String> {
    let limits = adapter.limits();
    let needs = [
        ("invocations a workgroup", limits.max_compute_invocations_per_workgroup, INVOCATIONS),
        ("bytes of workgroup memory", limits.max_compute_workgroup_storage_size, WORKGROUP_BYTES),
        ("storage buffers a kernel", limits.max_storage_buffers_per_shader_stage, STORAGE_BUFFERS),
    ];
    needs
        .iter()
        .find(|(_, has, needed)| has < needed)
        .map(|(what, has, needed)| format!("{has} {what}, needs {needed}"))
}

pub(super) fn describe(adapter: &wgpu::Adapter) -> DeviceDescription {
    let info = adapter.get_info();
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete-gpu",
        wgpu::DeviceType::IntegratedGpu => "integrated-gpu",
        wgpu::DeviceType::VirtualGpu => "virtual-gpu",
        wgpu::DeviceType::Cpu => "software",
        wgpu::DeviceType::Other => "gpu",
    };
    DeviceDescription {
        name: info.name,
        backend: info.backend.to_str().to_string(),
        kind: kind.to_string(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_string(),
    }
}

fn limits_of(adapter: &wgpu::Adapter) -> AdapterLimits {
    let limits = adapter.limits();
    AdapterLimits {
        max_buffer_size: limits.max_buffer_size,
        max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
        max_compute_invocations_per_workgroup: limits.max_compute_invocations_per_workgroup,
        max_compute_workgroup_storage_size: limits.max_compute_workgroup_storage_size,
        max_compute_workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
        max_storage_buffers_per_shader_stage: limits.max_storage_buffers_per_shader_stage,
    }
}

fn features_of(adapter: &wgpu::Adapter) -> Vec<String> {
    let used = [
        (wgpu::Features::SHADER_INT64, "64-bit integers in shaders"),
        (wgpu::Features::SHADER_F16, "16-bit floats in shaders"),
        (timing::FEATURES, "timestamps"),
        (wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX, "cooperative matrices"),
    ];
    let has = |feature| adapter.features().contains(feature);
    used.into_iter().filter(|(feature, _)| has(*feature)).map(|(_, name)| name.to_string()).collect()
}

/// What the adapter that `selection` asks for gives room for, without opening it.
///
/// # Errors
/// [`Error::Input`] when there is no such adapter.
pub fn room(selection: &Selection) -> Result<Room> {
    let found = enumerate();
    let limits = found[pick(selection, &found)?].limits();
    let largest = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
    Ok(Room { largest: largest.min(selection.largest.unwrap_or(u64::MAX)), precision: selection.precision })
}

/// An opened adapter and what its shaders may use.
pub(super) struct Opened {
    pub(super) adapter: wgpu::Adapter,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) products: Products,
    pub(super) precision: Precision,
    /// The tile of cooperative matrices that half-steps may take.
    pub(super) matrices: Option<&'static Tile>,
}

/// The tile of cooperative matrices that an adapter can multiply: factors in f16, sums in f32, and subgroups of exactly
/// the size that the shader takes them to have.
fn matrices_of(adapter: &wgpu::Adapter) -> Option<&'static Tile> {
    use wgpu::CooperativeScalarType::{F16, F32};
    let offered = adapter.cooperative_matrix_properties();
    let info = adapter.get_info();
    let subgroups = [info.subgroup_min_size, info.subgroup_max_size];
    tile::MATRICES.into_iter().find(|tile| {
        let sides = |m: &wgpu::CooperativeMatrixProperties| [m.m_size, m.n_size, m.k_size] == [tile.side; 3];
        tile.subgroup().is_some_and(|size| subgroups == [size; 2])
            && offered.iter().any(|m| sides(m) && m.ab_type == F16 && m.cr_type == F32)
    })
}

/// Leave to use what wgpu calls experimental.
#[expect(unsafe_code, reason = "wgpu asks for consent")]
fn experimental(wanted: bool) -> wgpu::ExperimentalFeatures {
    if !wanted {
        return wgpu::ExperimentalFeatures::disabled();
    }
    // SAFETY: only cooperative matrices are asked for. They load, multiply and store within arrays of workgroup memory of
    // constant size at constant strides, in uniform control flow, which the validation of every shader's text and the
    // parity test of this variant confirm; and no one gets them without asking for weights in f16.
    unsafe { wgpu::ExperimentalFeatures::enabled() }
}

/// Opens the adapter that `selection` asks for.
pub(super) fn open(selection: &Selection) -> Result<Opened> {
    let mut found = enumerate();
    let index = pick(selection, &found)?;
    let adapter = found.swap_remove(index);
    let name = adapter.get_info().name;
    if let Some(fault) = unusable(&adapter) {
        return Err(Error::Input(Fault::new(format!("the device has only {fault}")).at(name).advice(CPU_ADVICE)));
    }
    let wide = wgpu::Features::SHADER_INT64;
    let products = match selection.force_limbs || !adapter.features().contains(wide) {
        true => Products::Limbs,
        false => Products::Wide,
    };
    let mut required_features = if products == Products::Wide { wide } else { wgpu::Features::empty() };
    required_features |= adapter.features() & wgpu::Features::PIPELINE_CACHE;
    let native = wgpu::Features::SHADER_F16;
    let precision = match selection.precision {
        Precision::F32 => Precision::F32,
        _ if adapter.features().contains(native) && !selection.force_packed => Precision::NativeF16,
        _ => Precision::F16,
    };
    if precision == Precision::NativeF16 {
        required_features |= native;
    }
    let matrices = matrices_of(&adapter).filter(|_| precision == Precision::NativeF16);
    if matrices.is_some() {
        required_features |= wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
    }
    if selection.timed != Timed::Never && adapter.features().contains(timing::FEATURES) {
        required_features |= timing::FEATURES;
    }
    let mut required_limits = adapter.limits();
    let binding = &mut required_limits.max_storage_buffer_binding_size;
    *binding = selection.largest.map_or(*binding, |largest| largest.min(*binding));
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("gibbsite"),
        required_features,
        required_limits,
        experimental_features: experimental(matrices.is_some()),
        ..wgpu::DeviceDescriptor::default()
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).map_err(|error| {
        Error::Device(Fault::new(format!("the device cannot be opened: {error}")).at(&name).advice(CPU_ADVICE))
    })?;
    Ok(Opened { adapter, device, queue, products, precision, matrices })
}

pub(super) const CPU_ADVICE: &str = "update the driver, choose another device (gibbsite devices), or use --backend cpu";

fn pick(selection: &Selection, found: &[wgpu::Adapter]) -> Result<usize> {
    let list = || {
        let lines = found.iter().enumerate().map(|(i, a)| format!("{i} {}", a.get_info().name));
        lines.collect::<Vec<_>>().join(", ")
    };
    if found.is_empty() {
        return Err(Error::Input(
            Fault::new("no GPU adapter was found")
                .expected("a Vulkan, Metal or DirectX 12 driver")
                .advice("install the GPU's driver (on Debian mesa-vulkan-drivers), or use --backend cpu"),
        ));
    }
    match &selection.choice {
        Choice::Index(index) if *index < found.len() => Ok(*index),
        Choice::Index(index) => Err(Error::Input(
            Fault::new(format!("there is no device {index}"))
                .expected(format!("one of {}", list()))
                .advice("gibbsite devices lists them"),
        )),
        Choice::Name(part) => {
            let part = part.to_lowercase();
            found.iter().position(|a| a.get_info().name.to_lowercase().contains(&part)).ok_or_else(|| {
                Error::Input(
                    Fault::new(format!("no device is called \"{part}\""))
                        .expected(format!("part of the name of one of {}", list()))
                        .advice("gibbsite devices lists them"),
                )
            })
        }
        Choice::Automatic => {
            let usable = || found.iter().enumerate().filter(|(_, a)| unusable(a).is_none());
            let best = usable().filter_map(|(i, a)| rank(a.get_info().device_type).map(|rank| (rank, i))).min();
            let software = usable().find(|_| selection.allow_software).map(|(i, _)| i);
            best.map(|(_, i)| i).or(software).ok_or_else(|| {
                Error::Input(
                    Fault::new(format!("only software devices were found: {}", list()))
                        .expected("a discrete or integrated GPU")
                        .advice("use --backend cpu, which is faster, or name the device with --device"),
                )
            })
        }
    }
}
