//! `gibbsite bench`.

use std::fmt::Write;
use std::str::FromStr;

use crate::cli::args::{BenchArgs, BenchRow, BenchWhat, Global};
use crate::cli::console::Console;
use crate::cli::text;
use crate::error::{Error, Result};
use crate::run::bench::ais::{self, Annealing};
use crate::run::bench::growth;
use crate::run::bench::ising::{self, Ising};
use crate::run::bench::rbm::{self, Training};
use crate::run::bench::{Bench, Case, Effort, Row, Rows, measure};

pub(in crate::cli) fn bench(args: &BenchArgs, global: &Global, console: &mut Console) -> Result<()> {
    let has = |row| args.rows.is_empty() || args.rows.contains(&row);
    let rows = Rows { plain: has(BenchRow::Plain), cpu: has(BenchRow::Cpu), gpu: has(BenchRow::Gpu) };
    let effort = |seconds| Effort { seconds, seed: global.seed(), rows, request: global.device_request() };
    let found = match &args.what {
        BenchWhat::Ising(args) => named::<Ising>(&args.case, &ising::DEFAULT_CASES, &effort(args.seconds)),
        BenchWhat::Rbm(args) => {
            if args.growth {
                return growth(&Effort { rows: Rows { plain: false, ..rows }, ..effort(args.seconds) }, console);
            }
            named::<Training>(&args.case, &rbm::DEFAULT_CASES, &effort(args.seconds))
        }
        BenchWhat::Ais(args) => named::<Annealing>(&args.case, &ais::DEFAULT_CASES, &effort(args.seconds)),
    }?;
    console.result(&found, &(table(&found) + &roofline(&found)))
}

/// How time grows, series by series.
fn growth(effort: &Effort, console: &mut Console) -> Result<()> {
    let found = growth::measured(effort)?;
    let mut text = String::new();
    for line in &found {
        let _ = writeln!(
            text,
            "{:<8} {} threads, {}: a + b n with a = {:.3} ms, b = {:.3} µs",
            line.backend,
            line.threads.map_or("-".to_string(), |n| n.to_string()),
            line.along,
            1e3 * line.fixed,
            1e6 * line.each
        );
        for point in &line.points {
            let _ = writeln!(
                text,
                "  {:<26} n {:>6} {:>11.3} ms {:>11.3} ms of CPU   {:+.1} % of the line",
                point.case,
                point.n,
                1e3 * point.seconds,
                1e3 * point.cpu_seconds.unwrap_or(f64::NAN),
                100.0 * (point.ratio - 1.0)
            );
        }
    }
    console.result(&found, &text)
}

/// Measures the cases named, or the usual ones.
fn named<C: Case + FromStr<Err = Error>>(names: &[String], usual: &[&str], effort: &Effort) -> Result<Bench> {
    let cases: Vec<C> = if names.is_empty() {
        usual.iter().map(|name| name.parse()).collect::<Result<_>>()?
    } else {
        names.iter().map(|name| name.parse()).collect::<Result<_>>()?
    };
    measure(&cases, effort)
}

/// Operations and bytes a second of every row that counts them, with their shares of what the device can do.
fn roofline(found: &Bench) -> String {
    let mut out = String::new();
    for row in &found.rows {
        let Some(r) = row.roofline else { continue };
        if out.is_empty() {
            let _ = writeln!(
                out,
                "\n{:<24} {:<8} {:>7} {:>16} {:>8} {:>10} {:>10}  (of the formulas or on words; least bytes)",
                "case", "backend", "threads", "10⁹ operations/s", "of peak", "GB/s", "of copies"
            );
        }
        let _ = writeln!(
            out,
            "{:<24} {:<8} {:>7} {:>16} {:>8} {:>10} {:>10}",
            row.case,
            row.backend,
            row.threads.map_or("-".to_string(), |n| n.to_string()),
            significant(r.gflops_equivalent),
            format!("{:.2}", r.share_of_peak),
            significant(r.gb_per_second),
            format!("{:.2}", r.share_of_bandwidth),
        );
    }
    for row in found.rows.iter().filter(|row| !row.kernels.is_empty()) {
        let _ = writeln!(out, "\n{} on {}", row.case, row.device);
        out.push_str(&text::kernels(&row.kernels));
    }
    out
}

/// One line a row, cases apart; rates also by CPU second and as multiples of the case's first row.
fn table(found: &Bench) -> String {
    let mut out = String::new();
    let unit = found.rows.first().map_or("", |row| row.unit);
    let _ = writeln!(
        out,
        "{:<24} {:<8} {:>7} {:>10} {:>10} {:>8} {:>9} {:>9} {:>11} {:>11}  device",
        "case", "backend", "threads", unit, "one CPU", "speed-up", "seconds", "CPU s", "check", "exact"
    );
    let mut first: Option<&Row> = None;
    for row in &found.rows {
        let new_case = first.is_none_or(|first| first.case != row.case);
        if new_case && first.is_some() {
            out.push('\n');
        }
        let reference = if new_case { row } else { first.unwrap_or(row) };
        first = Some(reference);
        let number = |x: Option<f64>, digits: usize| x.map_or("-".to_string(), |x| format!("{x:.digits$}"));
        let _ = writeln!(
            out,
            "{:<24} {:<8} {:>7} {:>10} {:>10} {:>8} {:>9.3} {:>9} {:>11} {:>11}  {}",
            if new_case { &row.case } else { "" },
            row.backend,
            row.threads.map_or("-".to_string(), |n| n.to_string()),
            significant(row.rate),
            row.rate_of_cpu().map_or("-".to_string(), significant),
            format!("{:.1} ×", row.rate / reference.rate),
            row.seconds,
            number(row.cpu_seconds, 3),
            number(Some(row.check), 5),
            number(row.exact, 5),
            row.device
        );
    }
    out
}

/// Three or more digits that mean something, without an exponent.
fn significant(x: f64) -> String {
    let digits = (2 - x.abs().max(1e-9).log10().floor() as i32).clamp(0, 6) as usize;
    format!("{x:.digits$}")
}
