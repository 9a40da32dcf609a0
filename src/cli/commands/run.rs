//! `gibbsite run SCENARIO`.

use std::fmt::Write;

use serde_json::json;

use crate::cli::args::{Global, RunArgs};
use crate::cli::console::Console;
use crate::cli::{command_line, failed, text};
use crate::error::Result;
use crate::events::{Event, Listener};
use crate::record::{CouplingsRecord, ExpectPoints, ExpectRecord, Record};
use crate::run::scenario::{RunRequest, default_out, run as run_scenario};
use crate::scenario::{self, Changes};

/// Changes of a scenario by flags; `--seed` is `--set seed=N`.
pub(in crate::cli) fn options(sets: &[String], quick: bool, seed: Option<u64>) -> Changes {
    let mut sets = sets.to_vec();
    sets.extend(seed.map(|seed| format!("seed={seed}")));
    Changes { set: sets, quick }
}

pub(in crate::cli) fn run(args: &RunArgs, global: &Global, console: &mut Console) -> Result<()> {
    let plan = scenario::load(&args.scenario, &options(&args.sets, args.quick, global.seed))?;
    let request = RunRequest {
        out: args.out.clone().unwrap_or_else(|| default_out(&plan)),
        resume: args.resume,
        force: args.force,
        device: global.device_request(),
        command: command_line(),
    };
    let listener = console.listener();
    listener.event(Event::Info(format!("seed {}", plan.seed)));
    let finished = run_scenario(&plan, &request, listener)?;
    let mut out = String::new();
    for (label, records) in &finished.points {
        let _ = writeln!(out, "{}", if label.is_empty() { &plan.name } else { label });
        for record in records {
            point_text(&mut out, record);
        }
    }
    for expect in &finished.expect {
        let _ = writeln!(out, "{}", expect_text(expect));
    }
    let _ = writeln!(out, "report: {}", finished.report.display());
    let points: Vec<_> =
        finished.points.iter().map(|(label, records)| json!({ "point": label, "records": records })).collect();
    let result = json!({
        "run": finished.out.display().to_string(), "report": finished.report.display().to_string(), "seed": plan.seed, "points": points, "expect": finished.expect,
    });
    console.result(&result, &out)?;
    let missed = finished.expect.iter().filter(|e| !e.holds).count();
    if missed > 0 {
        return Err(failed(format!("{missed} of {} promises of the scenario do not hold", finished.expect.len())));
    }
    let warned = finished.points.iter().flat_map(|(_, records)| records).find_map(|r| match r {
        Record::Likelihood(l) => l.warnings.first(),
        _ => None,
    });
    match warned {
        Some(warning) if args.strict => Err(failed(warning.clone())),
        _ => Ok(()),
    }
}

fn expect_text(expect: &ExpectRecord) -> String {
    let found = expect.found.map_or("nothing".to_string(), |x| format!("{x:.5}"));
    let mark = if expect.holds { "✓" } else { "✗" };
    let found = match &expect.points {
        Some(ExpectPoints { all: 1, worst, .. }) => format!("found {found} at {worst}"),
        Some(ExpectPoints { hold, all, worst }) => {
            format!("holds at {hold} of {all} points, the worst {found} at {worst}")
        }
        None => format!("found {found}"),
    };
    format!("{mark} {} {}: {found}", expect.key, expect.promise)
}

fn point_text(out: &mut String, record: &Record) {
    let _ = match record {
        Record::Ising(r) => write!(out, "{}", text::observables(&r.observables, r.exact.as_ref())),
        Record::Sample(o) => write!(out, "samples of the model, {}", text::observables(o, None)),
        Record::Chains(c) => write!(out, "{}", text::chains(c)),
        Record::Likelihood(l) => write!(out, "{}", text::likelihood(l)),
        Record::States(s) => writeln!(out, "  all {} states: KL {:.6}", s.truth.len(), s.kl),
        Record::Couplings(c) => couplings_text(out, c),
        Record::Train(t) => writeln!(out, "  {} updates, {:.0} a second", t.updates, t.updates_per_second),
        Record::Kernels(k) => write!(out, "{}", text::kernels(&k.kernels)),
        Record::Done(d) => writeln!(out, "  {:.1} s", d.seconds),
        Record::Expect(e) if e.part => writeln!(out, "  {}", expect_text(e)),
        Record::Point(_) | Record::Metric(_) | Record::Expect(_) => Ok(()),
    };
}

/// Pairs printed by name.
const PRINTED: usize = 10;

/// The comparison with the truth where there is one, else the strongest pairs where units have names.
fn couplings_text(out: &mut String, couplings: &CouplingsRecord) -> std::fmt::Result {
    if let Some(t) = &couplings.truth {
        return writeln!(
            out,
            "  couplings of neighbours {:.4} ± {:.4} (1/T = {:.4}), all others {:.4} rms",
            t.neighbours.value, t.neighbours.error, t.expected, t.others_rms
        );
    }
    let named = couplings.strongest.iter().any(|pair| pair.names.iter().any(|name| name.parse::<usize>().is_err()));
    if named {
        writeln!(out, "  strongest positive pairs, {} basis", couplings.basis)?;
        for pair in couplings.strongest.iter().take(PRINTED) {
            writeln!(out, "    {:>+9.4}  {}", pair.value, pair.names.join(" – "))?;
        }
    }
    Ok(())
}
