//! `gibbsite verify`.

use std::fmt::Write;

use serde_json::json;

use crate::backend::{Backend, DeviceDescription};
use crate::cli::args::Global;
use crate::cli::console::Console;
use crate::cli::failed;
use crate::error::Result;
use crate::events::Listener;
use crate::run::device::{Job, with_backend};
use crate::run::verify::{Check, verify as run_checks};

pub(in crate::cli) fn verify(global: &Global, console: &mut Console) -> Result<()> {
    let (device, checks) = with_backend(&global.device_request(), Verify { listener: console.listener() })?;
    let mut out = format!("{} ({}, {})\n", device.name, device.backend, device.driver);
    for check in &checks {
        let mark = if check.holds { "✓" } else { "✗" };
        // As many decimals as the tolerance has meaning.
        let digits = if check.tolerance > 0.0 { (1.0 - check.tolerance.log10().floor()) as usize } else { 0 };
        let _ = writeln!(
            out,
            "{mark} {:<52} {:>14.digits$}   expected {:.digits$} ± {:.digits$}",
            check.name, check.found, check.expected, check.tolerance
        );
    }
    console.result(&json!({ "device": device, "checks": checks }), &out)?;
    let missed = checks.iter().filter(|c| !c.holds).count();
    if missed > 0 {
        return Err(failed(format!("{missed} of {} checks do not hold on this device", checks.len())));
    }
    Ok(())
}

struct Verify<'a, L> {
    listener: &'a mut L,
}

impl<L: Listener + Send> Job for Verify<'_, L> {
    type Output = (DeviceDescription, Vec<Check>);

    fn run<B: Backend>(self, backend: &B) -> Result<Self::Output> {
        Ok((backend.device(), run_checks(backend, self.listener)?))
    }
}
