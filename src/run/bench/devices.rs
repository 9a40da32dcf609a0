//! The devices of this machine, as results of measurements name them.

use serde::Serialize;
use serde_json::{Value, json};

use crate::backend::cpu::{Cpu, instruction_set};
use crate::backend::gpu::adapters;
use crate::backend::{Backend, DeviceDescription};
use crate::run::device::{Choice, DeviceRequest};

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Name of the processor or adapter; of a processor with the instruction set that is used.
    pub name: String,
    /// `cpu`, `vulkan`, `metal`, `dx12`.
    pub backend: String,
    /// `cpu`, `discrete-gpu`, `integrated-gpu`, `virtual-gpu`, `software`.
    pub kind: String,
    /// Driver and version; threads and instruction set on the CPU.
    pub driver: String,
    /// What fits, by name; nothing on the CPU, whose limit is the memory.
    pub limits: Value,
    /// Whether `--backend auto` takes it; the CPU where it alone was asked for.
    pub chosen: bool,
}

impl Device {
    pub(super) fn new(description: DeviceDescription) -> Self {
        let DeviceDescription { mut name, backend, kind, driver } = description;
        if backend == "cpu" {
            name = format!("{name}, {}", instruction_set());
        }
        Self { name, backend, kind, driver, limits: json!({}), chosen: false }
    }
}

/// The CPU, and the adapters unless the CPU alone is asked for: no driver is loaded then.
pub(super) fn of(request: &DeviceRequest) -> Vec<Device> {
    let found = if request.choice == Choice::Cpu { Vec::new() } else { adapters() };
    let mut devices: Vec<Device> = found
        .into_iter()
        .map(|a| Device { limits: json!(a.limits), chosen: a.chosen, ..Device::new(a.device) })
        .collect();
    let chosen = devices.iter().all(|device| !device.chosen);
    devices.push(Device { chosen, ..Device::new(Cpu.device()) });
    devices
}
