//! `gibbsite check SCENARIO`: the resolved plan with its estimated work, memory and time.

use std::fmt::Write;

use serde_json::json;

use crate::cli::args::{CheckArgs, Global};
use crate::cli::console::Console;
use crate::error::Result;
use crate::numerics::readable_bytes;
use crate::run::memory;
use crate::scenario::{self, Plan, StageEstimate};

pub(in crate::cli) fn check(args: &CheckArgs, global: &Global, console: &mut Console) -> Result<()> {
    let plan = scenario::load(&args.scenario, &super::run::options(&args.sets, args.quick, global.seed))?;
    let stages = memory::foreseen(&plan, &global.device_request())?;
    let mut estimate = plan.estimate();
    for cost in &mut estimate {
        let counted = stages.iter().filter(|s| (&s.point, s.stage) == (&cost.point, cost.stage)).map(|s| s.bytes);
        cost.bytes = counted.max().map_or(cost.bytes, |bytes| bytes as f64);
    }
    let out = describe(&plan, &estimate) + &memory::table(&stages, &plan.name);
    let result = json!({
        "scenario": plan.name, "seed": plan.seed, "points": plan.points.len(), "estimate": estimate,
        "memory": stages, "resolved": plan.resolved,
    });
    console.result(&result, &out)?;
    memory::check(&stages)
}

fn describe(plan: &Plan, estimate: &[StageEstimate]) -> String {
    let mut out = plan.resolved.clone();
    let _ = writeln!(out, "\n{} points, seed {}; estimates, not measurements:", plan.points.len(), plan.seed);
    for stage in estimate {
        let label = if stage.point.is_empty() { plan.name.as_str() } else { stage.point.as_str() };
        let _ = writeln!(
            out,
            "  {label:<28} {:<11} {:>10} {:<11} {:>10}  about {}",
            stage.stage,
            quantity(stage.work),
            stage.unit,
            readable_bytes(stage.bytes as u64),
            duration(stage.seconds),
        );
    }
    let peak = estimate.iter().map(|s| s.bytes).fold(0.0, f64::max);
    let seconds: f64 = estimate.iter().map(|s| s.seconds).sum();
    let _ =
        writeln!(out, "  in all: {} at most, about {} on two cores", readable_bytes(peak as u64), duration(seconds));
    out
}

fn quantity(x: f64) -> String {
    if x < 1e5 { format!("{x:.0}") } else { format!("{x:.1e}") }
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "1 s".to_string(),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
