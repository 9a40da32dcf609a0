//! Results as aligned text.

use std::borrow::Cow;
use std::fmt::Write;

use crate::ising::ExchangeReport;
use crate::numerics::readable;
use crate::observables::ReweightedPoint;
use crate::record::{
    Bounds, ChainsRecord, Estimate, ExactObservables, IsingRecord, KernelTime, LikelihoodRecord, Observables,
    RowsRecord, TemperingRecord,
};

/// Text for a terminal: names and paths in it may hold control characters, which are told and not sent.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    let acts = |c: char| {
        c.is_control() && c != '\n' && c != '\t'
            || "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}".contains(c)
    };
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let told = |c: char| if acts(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(told).collect())
}

/// `value ± error` with as many digits as the error warrants.
pub(super) fn estimate(e: Estimate) -> String {
    if e.error > 0.0 && e.error.is_finite() {
        let digits = digits(e.error);
        format!("{} ± {:.digits$}", fixed(e.value, digits), e.error)
    } else if e.error.is_nan() {
        format!("{} ± unknown", fixed(e.value, 6))
    } else {
        fixed(e.value, 6)
    }
}

/// Decimals that show two digits of an error.
fn digits(error: f64) -> usize {
    (1.0 - error.log10().floor()).clamp(0.0, 9.0) as usize
}

/// A number with so many decimals, without a sign where they are all zero.
fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| b == b'0' || b == b'.') => rest.to_string(),
        _ => text,
    }
}

/// ` +1.2 σ`: how far an estimate lies from an exact value; nothing where its error is unknown.
fn deviation(value: Estimate, exact: f64) -> String {
    value.deviation(&Estimate::new(exact, 0.0)).map_or_else(String::new, |sigmas| format!("   {sigmas:+.1} σ"))
}

/// Observables, with exact values and deviations where known.
pub(super) fn observables(o: &Observables, exact: Option<&ExactObservables>) -> String {
    let mut out = format!("{} at T = {}: {} samples\n", o.lattice, readable(o.temperature), o.samples);
    let rows = [
        ("energy e", o.energy, exact.map(|x| x.energy)),
        ("specific heat C", o.specific_heat, exact.map(|x| x.specific_heat)),
        ("magnetization |m|", o.magnetization, exact.and_then(|x| x.magnetization)),
        ("susceptibility χ", o.susceptibility, exact.and_then(|x| x.susceptibility)),
        ("Binder U4", o.binder, exact.and_then(|x| x.binder)),
        ("P(m > 0)", o.p_up, exact.and_then(|x| x.p_up)),
    ];
    for (name, value, truth) in rows {
        let _ = write!(out, "  {name:<18} {:>24}", estimate(value));
        if let Some(truth) = truth {
            let _ = write!(out, "   exact {}{}", fixed(truth, 6), deviation(value, truth));
        }
        out.push('\n');
    }
    if let Some(length) = o.correlation_length {
        let _ = writeln!(out, "  {:<18} {:>24}", "correlation ξ", estimate(length));
    }
    out
}

/// A scan over temperatures, one line each; the deviation of e from its exact value where that is known.
pub(super) fn scan(records: &[IsingRecord]) -> String {
    let first = records.first().map(|r| &r.observables);
    let mut out = first.map_or_else(String::new, |o| {
        format!("{} at {} temperatures: {} samples each\n", o.lattice, records.len(), o.samples)
    });
    head(&mut out, "   e − exact");
    for record in records {
        let o = &record.observables;
        line(&mut out, o.temperature, [o.energy, o.specific_heat, o.magnetization, o.susceptibility, o.binder]);
        if let Some(exact) = &record.exact {
            out.push_str(&deviation(o.energy, exact.energy));
        }
        out.push('\n');
    }
    out
}

/// Reweighted observables, one temperature a line.
pub(super) fn curves(points: &[ReweightedPoint]) -> String {
    let mut out = String::from("reweighted from all temperatures\n");
    head(&mut out, "   effective samples");
    for p in points {
        line(&mut out, p.temperature, [p.energy, p.specific_heat, p.magnetization, p.susceptibility, p.binder]);
        let _ = writeln!(out, "   {:.0}", p.effective_samples);
    }
    out
}

/// Acceptance of exchanges and round trips, and how the temperatures were found where they were not given.
pub(super) fn exchange(report: &ExchangeReport) -> String {
    let mut out = String::new();
    if let Some(found) = &report.adaptation {
        let temperatures: Vec<String> = report.temperatures.iter().map(|&t| readable(t)).collect();
        let _ = writeln!(
            out,
            "  temperatures placed in {} rounds, {} sweeps, before the run: {}",
            found.rounds,
            found.sweeps,
            temperatures.join(",")
        );
    }
    let accepted: Vec<String> = report.acceptance.iter().map(|a| format!("{a:.3}")).collect();
    let _ = writeln!(
        out,
        "  exchanges every {} sweeps, accepted between neighbouring temperatures: {}; they differ by {:.3}",
        report.every,
        accepted.join(" "),
        report.spread
    );
    let _ = writeln!(out, "  {} round trips, {:.2e} a replica and sweep", report.round_trips, report.round_trip_rate);
    out
}

fn head(out: &mut String, last: &str) {
    let names = ["specific heat C", "magnetization |m|", "susceptibility χ", "Binder U4"].map(|n| format!(" {n:>20}"));
    let _ = writeln!(out, "  {:>9} {:>22}{}{last}", "T", "energy e", names.concat());
}

fn line(out: &mut String, temperature: f64, [energy, rest @ ..]: [Estimate; 5]) {
    let rest = rest.map(|e| format!(" {:>20}", estimate(e)));
    let _ = write!(out, "  {:>9} {:>22}{}", readable(temperature), estimate(energy), rest.concat());
}

/// How chains agree, in a line.
pub(super) fn chains(record: &ChainsRecord) -> String {
    let r_hat = record.r_hat.map_or("unknown".into(), |r_hat| format!("{r_hat:.3}"));
    let more = if record.stuck.is_some() { ": they do not mix, see the warning" } else { "" };
    let effective = record.effective_samples;
    format!("  {:<14} R̂ {r_hat} at most, {effective:.0} effective samples in all that is observed{more}\n", "chains")
}

/// ln Z and log-likelihoods.
pub(super) fn likelihood(record: &LikelihoodRecord) -> String {
    let mut out = String::new();
    let name = record.units.map_or("ln Z".into(), |units| format!("ln Z, units {units}"));
    bounds(&mut out, &name, &record.log_z);
    for (name, values) in &record.log_likelihood {
        bounds(&mut out, &format!("log-likelihood of {name}"), values);
        if let Some(over) = record.over_independent.get(name) {
            let _ = writeln!(out, "  {:<28} {}", "  above independent units", of_rows(*over));
        }
        let interval = (&record.interval.low, &record.interval.high, record.log_z.bridged);
        if let (Some(Estimate { value, error, .. }), (Some(low), Some(high), Some(z))) = (values.bridged, interval)
            && error.is_nan()
        {
            let of = |bound: f64| value + z.value - bound;
            let _ = writeln!(out, "  {:<28} {:.4} … {:.4}", "  between", of(*high), of(*low));
        }
    }
    if let (Some(top), Some(kind)) = (record.ceiling, &record.ceiling_kind) {
        let _ = writeln!(out, "  {:<28} {top:.4} ({kind})", "ceiling");
    }
    if let Some(kl) = record.kl {
        let _ = writeln!(out, "  {:<28} {}", "divergence KL", of_rows(kl));
    }
    let interval = &record.interval;
    if let (Some(low), Some(high)) = (interval.low, interval.high) {
        let _ = writeln!(out, "  {:<28} {low:.4} … {high:.4}", "interval of ln Z");
    }
    let forward = ("forward", record.effective_sample_size, record.log_weight_variance);
    let reverse = ("reverse", interval.reverse_effective_sample_size, interval.reverse_log_weight_variance);
    for (name, ess, variance) in [forward, reverse] {
        if let (Some(ess), Some(variance)) = (ess, variance) {
            let label = format!("effective {name} samples");
            let _ = writeln!(out, "  {label:<28} {ess:.1}, variance of log-weights {variance:.3}");
        }
    }
    if let Some(start) = &interval.reverse_start {
        let _ = writeln!(out, "  {:<28} {start}", "reverse AIS began at");
    }
    if let Some(tempering) = &interval.tempering {
        tempered(&mut out, tempering);
    }
    if let Some(rows) = &interval.rows {
        let RowsRecord { rows, rows_beyond, chains, chains_beyond, seldom, seldom_beyond, parts, .. } = rows;
        let mut counts = format!("{rows_beyond} of {rows} rows, {chains_beyond} of {chains} samples of the machine");
        if *seldom > 0 {
            let _ = write!(counts, ", {seldom_beyond} of {seldom} rows far from these");
        }
        let _ = writeln!(out, "  {:<28} {counts}", "where annealing comes seldom");
        if !parts.is_empty() {
            let parts: Vec<String> = parts.iter().map(|part| estimate(*part)).collect();
            let _ = writeln!(out, "  {:<28} {}", "ln Z of the parts", parts.join("; "));
        }
    }
    if let Some(sum) = record.checks.log_distinct_probability {
        let _ = writeln!(out, "  {:<28} e^{} ≤ 1", "Σ p over distinct rows", estimate(sum));
    }
    if !interval.verdict.is_empty() {
        let _ = writeln!(out, "  {:<28} {}", "verdict", interval.verdict);
    }
    out
}

fn tempered(out: &mut String, tempering: &TemperingRecord) {
    let least = tempering.acceptance.iter().copied().fold(1.0, f64::min);
    let _ = writeln!(
        out,
        "  {:<28} {} rungs, exchanges accepted {least:.2} at least, {:.1} ways from the base a chain{}",
        "tempering",
        tempering.rungs,
        tempering.arrivals_per_chain,
        if tempering.equilibrated { "" } else { ": not equilibrated" }
    );
    if let Some(log_z) = tempering.log_z {
        let _ = writeln!(out, "  {:<28} {} (bridged along the rungs)", "ln Z", estimate(log_z));
    }
}

fn bounds(out: &mut String, name: &str, values: &Bounds) {
    let all = [
        ("exact", values.exact),
        ("forward AIS", values.forward),
        ("reverse AIS", values.reverse),
        ("bridged", values.bridged),
    ];
    for (method, value) in all {
        let Some(value) = value else { continue };
        if value.error.is_nan() {
            let _ = writeln!(out, "  {name:<28} {:.2} ({method}, error not known)", value.value);
        } else {
            let _ = writeln!(out, "  {name:<28} {} ({method}{})", estimate(value), parts(value));
        }
    }
}

/// What the error of an estimate is made of, where it comes from rows and from ln Z: `; rows ± 0.85, ln Z ± 0.021`.
fn parts(e: Estimate) -> String {
    let part = |name: &str, error: f64| match error {
        0.0 => String::new(),
        _ if error.is_nan() => format!(", {name} ± unknown"),
        _ => format!(", {name} ± {error:.0$}", digits(error)),
    };
    let parts = e.parts.map_or(String::new(), |p| part("rows", p.error_rows) + &part("ln Z", p.error_log_z));
    parts.replacen(',', ";", 1)
}

/// An estimate over rows with its parts.
pub(super) fn of_rows(e: Estimate) -> String {
    match parts(e).strip_prefix("; ") {
        Some(parts) => format!("{} ({parts})", estimate(e)),
        None => estimate(e),
    }
}

/// Accepted parts of exchanges between neighbours, from the lowest pair up.
pub(super) fn accepted(acceptance: &[f64]) -> String {
    acceptance.iter().map(|a| format!("{a:.2}")).collect::<Vec<_>>().join(" ")
}

/// Device time of every kernel, one line each; nothing where it was not measured.
pub(super) fn kernels(times: &[KernelTime]) -> String {
    let mut out = String::new();
    for time in times {
        let KernelTime { kernel, dispatches, seconds, .. } = time;
        let _ = writeln!(out, "  {kernel:<40} {dispatches:>9} × {seconds:>9.3} s on the device");
    }
    out
}
