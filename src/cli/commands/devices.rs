//! `gibbsite devices`.

use std::fmt::Write;

use serde_json::json;

use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::backend::gpu::adapters;
use crate::cli::args::Global;
use crate::cli::console::Console;
use crate::error::Result;
use crate::run::device::{DeviceRequest, Job, with_backend};

pub(in crate::cli) fn devices(global: &Global, console: &mut Console) -> Result<()> {
    let found = adapters();
    let cpu_request = DeviceRequest { choice: crate::run::device::Choice::Cpu, ..global.device_request() };
    let cpu = with_backend(&cpu_request, Describe)?;
    let gpu_chosen = found.iter().any(|a| a.chosen);
    let mut out = String::new();
    for adapter in &found {
        let mark = if adapter.chosen { "*" } else { " " };
        let _ = writeln!(out, "{mark} {adapter}\n      {}; {}", adapter.device.driver, adapter.reason);
        let l = &adapter.limits;
        let _ = writeln!(
            out,
            "      buffers up to {} MiB, bindings up to {} MiB, {} invocations a workgroup; {}",
            l.max_buffer_size >> 20,
            l.max_storage_buffer_binding_size >> 20,
            l.max_compute_invocations_per_workgroup,
            if adapter.features.is_empty() { "no optional features".into() } else { adapter.features.join(", ") }
        );
    }
    let (mark, why) = if gpu_chosen { (" ", "used with --backend cpu") } else { ("*", "no real GPU is there") };
    let _ = writeln!(out, "{mark} CPU {} ({})\n      {why}", cpu.name, cpu.driver);
    let _ = writeln!(out, "* is what --backend auto takes");
    let mut list: Vec<serde_json::Value> = found.iter().map(|a| serde_json::to_value(a).unwrap_or_default()).collect();
    list.push(json!({
        "name": cpu.name, "backend": cpu.backend, "kind": cpu.kind, "driver": cpu.driver, "limits": {},
        "chosen": !gpu_chosen, "reason": why,
    }));
    console.result(&json!({ "devices": list }), &out)
}

struct Describe;

impl Job for Describe {
    type Output = crate::backend::DeviceDescription;

    fn run<B: Backend>(self, _backend: &B) -> Result<Self::Output> {
        Ok(Cpu::new().device())
    }
}
