//! `gibbsite verify`.

use std::fmt::Write;

use serde_json::json;

use crate::backend::{Backend, DeviceDescription};
use crate::cli::args::{Global, VerifyArgs};
use crate::cli::console::Console;
use crate::cli::{failed, text};
use crate::error::Result;
use crate::events::Listener;
use crate::record::Estimate;
use crate::run::device::{Job, with_backend};
use crate::run::verify::partition::{Effort, Table, compare};
use crate::run::verify::thorough::{Accuracy, SIGMAS, Table as IsingTable, thorough};
use crate::run::verify::{Check, verify as run_checks};

pub(in crate::cli) fn verify(args: &VerifyArgs, global: &Global, console: &mut Console) -> Result<()> {
    if args.thorough {
        return all_of_ising(args.relative_error, global, console);
    }
    if args.likelihood {
        return partition_functions(global, console);
    }
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

fn all_of_ising(relative_error: f64, global: &Global, console: &mut Console) -> Result<()> {
    let accuracy = Accuracy { relative_error, seed: global.seed() };
    let job = Thorough { accuracy, listener: console.listener() };
    let (device, table) = with_backend(&global.device_request(), job)?;
    let mut out = format!("{} ({}, {})\n", device.name, device.backend, device.driver);
    let _ = writeln!(
        out,
        "  {:<16} {:>8} {:>8} {:>9} {:>7} {:>8} {:>14}",
        "quantity", "compared", "exact", "χ²", "p", "worst", "relative error"
    );
    for s in &table.summaries {
        let mark = if s.holds { "✓" } else { "✗" };
        let _ = writeln!(
            out,
            "{mark} {:<16} {:>8} {:>8} {:>9.1} {:>7.3} {:>6.2} σ {:>12.2} %",
            s.quantity,
            s.compared,
            s.exact,
            s.chi_squared,
            s.p,
            s.worst,
            100.0 * s.relative_error
        );
    }
    for e in &table.exponents {
        let mark = if e.holds { "✓" } else { "✗" };
        let (z, [least, most]) = (e.dynamics.exponent, e.expected);
        let _ = writeln!(
            out,
            "{mark} dynamic exponent of {}, L = {:?}: {:.2} ± {:.2}, expected {least} to {most}",
            e.dynamics.algorithm, e.dynamics.lengths, z.value, z.error
        );
    }
    for v in table.values.iter().filter(|v| v.sigmas.is_some_and(|z| z.abs() > SIGMAS)) {
        let _ = writeln!(
            out,
            "✗ {} of square:{} at T = {}, {}: {} ± {}, {:+.1} σ",
            v.quantity,
            v.length,
            v.temperature,
            v.algorithm,
            v.found.value,
            v.found.error,
            v.sigmas.unwrap_or(f64::NAN)
        );
    }
    let all = json!({
        "device": device, "summaries": table.summaries, "exponents": table.exponents, "values": table.values
    });
    console.result(&all, &out)?;
    let missed =
        table.summaries.iter().filter(|s| !s.holds).count() + table.exponents.iter().filter(|e| !e.holds).count();
    match missed {
        0 => Ok(()),
        _ => Err(failed(format!("{missed} of these are not as they should be"))),
    }
}

/// Chains and ladders of the table of partition functions.
const CHAINS: usize = 1000;
const BETAS: [usize; 2] = [100, 1000];

fn partition_functions(global: &Global, console: &mut Console) -> Result<()> {
    let effort = Effort { chains: CHAINS, betas: BETAS, seed: global.seed() };
    let table = with_backend(&global.device_request(), Partition { effort, listener: console.listener() })?;
    let mut out = String::from(
        "| machine | units | exact ln Z | forward | reverse | bridged | Var ln w | interval, short → long |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for r in &table.rows {
        let cell = |e: Option<Estimate>, z: f64| {
            e.map_or_else(|| "–".into(), |e| format!("{} ({z:+.1} σ)", text::estimate(e)))
        };
        let (forward, reverse) = (cell(r.found.forward, r.sigmas[0]), cell(r.found.reverse, r.sigmas[1]));
        let bridged = cell(r.found.bridged, r.sigmas[2]);
        let mark = if r.reverse_start.starts_with("tempering") { "*" } else { "" };
        let _ = writeln!(
            out,
            "| {} | {} × {} | {:.4} | {forward} | {reverse}{mark} | {bridged} | {:.3} | {:.4} → {:.4} |",
            r.machine, r.n_visible, r.n_hidden, r.exact, r.log_weight_variance, r.widths[0], r.widths[1]
        );
    }
    let _ = writeln!(
        out,
        "\n{} of {} forward and reverse estimates within 3 of their errors ({} chains, {} betas); intervals are {:.2} times \
         as wide as with {}. * from tempering chains, else from exact samples.",
        table.within,
        2 * table.rows.len(),
        table.chains,
        table.betas[1],
        table.shrinking,
        table.betas[0]
    );
    out.push_str("\n| trap | expected ln Z | forward | reverse | bridged | trusted | warnings | |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for t in &table.traps {
        let cell = |e: Option<Estimate>| e.map_or_else(|| "–".into(), text::estimate);
        let (forward, reverse) = (cell(t.found.forward), cell(t.found.reverse));
        let bridged = match (t.found.bridged, t.sigmas) {
            (Some(z), Some(off)) => format!("{} ({off:+.1} σ)", text::estimate(z)),
            (Some(z), None) => format!("{:.2}", z.value),
            _ => "–".into(),
        };
        let (trusted, mark) = (if t.trusted { "yes" } else { "no" }, if t.holds { "✓" } else { "✗" });
        let _ = writeln!(
            out,
            "| {} | {:.4} | {forward} | {reverse} | {bridged} | {trusted} | {} | {mark} |",
            t.machine, t.expected, t.warnings
        );
    }
    console.result(&table, &out)?;
    if table.holds { Ok(()) } else { Err(failed("too many estimates of ln Z lie off their exact values")) }
}

struct Partition<'a, L> {
    effort: Effort,
    listener: &'a mut L,
}

impl<L: Listener + Send> Job for Partition<'_, L> {
    type Output = Table;

    fn run<B: Backend>(self, backend: &B) -> Result<Table> {
        compare(backend, self.effort, self.listener)
    }
}

struct Thorough<'a, L> {
    accuracy: Accuracy,
    listener: &'a mut L,
}

impl<L: Listener + Send> Job for Thorough<'_, L> {
    type Output = (DeviceDescription, IsingTable);

    fn run<B: Backend>(self, backend: &B) -> Result<Self::Output> {
        Ok((backend.device(), thorough(backend, self.accuracy, self.listener)?))
    }
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
