//! The top of the page: what was run, where and when, whether its promises hold, and the main numbers of each point.

use std::fmt::Write as _;

use super::super::html::{Cell, Table, callout, details, escape};
use super::super::model::{PointView, RunView};
use super::super::number::{column_decimals, count, decimals_for, duration, estimate, fixed, plain, significant};
use super::likelihood::{best_training, warnings};
use crate::record::{Estimate, ExpectPoints, ExpectRecord};

/// Promises that are listed openly even when all hold.
const FEW_PROMISES: usize = 8;

/// Title, one sentence about what was run, and the facts.
pub(super) fn title(run: &RunView) -> String {
    let mut out = format!("<h1>{}</h1><p class=\"lead\">{}</p>", escape(&run.title), escape(&what_was_run(run)));
    if let Some(description) = &run.description {
        let _ = write!(out, "<p>{}</p>", escape(description));
    }
    let facts = [
        ("Device", device(run)),
        ("Seed", run.seed.clone()),
        ("Version", run.version.as_ref().map(|v| format!("Gibbsite {v}"))),
        ("Started", run.started.clone()),
        ("Duration", run.seconds.map(duration)),
    ];
    let mut list = String::new();
    for (name, value) in facts {
        if let Some(value) = value {
            let _ = write!(list, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
        }
    }
    if let Some(command) = &run.command {
        let _ = write!(list, "<dt>Command</dt><dd><code>{}</code></dd>", escape(command));
    }
    if !list.is_empty() {
        let _ = write!(out, "<dl class=\"facts\">{list}</dl>");
    }
    out
}

/// Device and backend in one line, without saying the same twice.
fn device(run: &RunView) -> Option<String> {
    match (&run.device, &run.backend) {
        (Some(device), Some(backend)) if !device.to_lowercase().contains(&backend.to_lowercase()) => {
            Some(format!("{device} ({backend} backend)"))
        }
        (device, backend) => device.clone().or_else(|| backend.clone()),
    }
}

/// Lowest and highest of some values as `1.8 to 3`, or the one value.
fn span(values: &[f64]) -> Option<String> {
    let lo = values.iter().copied().min_by(f64::total_cmp)?;
    let hi = values.iter().copied().max_by(f64::total_cmp)?;
    Some(if lo == hi { plain(lo, 7) } else { format!("{} to {}", plain(lo, 7), plain(hi, 7)) })
}

/// One line such as `Ising model on square:8, T = 1.8 to 3 (3 points) · 64 visible and 64 hidden units`.
fn what_was_run(run: &RunView) -> String {
    let mut parts = Vec::new();
    let temperatures: Vec<f64> = run.points.iter().filter_map(PointView::temperature).collect();
    let mut lattices: Vec<&str> = run.points.iter().filter_map(PointView::lattice).collect();
    lattices.dedup();
    let points = match run.points.len() {
        0 | 1 => String::new(),
        n => format!(" ({n} points)"),
    };
    match (lattices.is_empty(), span(&temperatures)) {
        (false, Some(span)) => {
            parts.push(format!("Ising model on {}, T = {span}{points}", lattices.join(", ")));
        }
        (false, None) => parts.push(format!("Ising model on {}{points}", lattices.join(", "))),
        _ if run.points.len() > 1 => parts.push(format!("{} points", run.points.len())),
        _ => {}
    }
    let range = |pick: fn(&crate::record::PointRecord) -> Option<usize>| {
        let values: Vec<f64> = run.points.iter().filter_map(|p| pick(p.about()?)).map(|n| n as f64).collect::<Vec<_>>();
        let integers = |x: f64| count(x as u64);
        let (lo, hi) = (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
        Some(if lo == hi { integers(lo) } else { format!("{} to {}", integers(lo), integers(hi)) })
    };
    match (range(|p| p.n_visible), range(|p| p.n_hidden)) {
        (Some(visible), Some(hidden)) => {
            parts.push(format!("Restricted Boltzmann Machine with {visible} visible and {hidden} hidden units"));
        }
        (Some(visible), None) => parts.push(format!("{visible} units")),
        _ => {}
    }
    if let Some(rows) = range(|p| p.rows) {
        let each = if run.points.len() > 1 { " each" } else { "" };
        parts.push(format!("{rows} rows of data{each}"));
    }
    if parts.is_empty() { "A run of Gibbsite".to_string() } else { parts.join(" · ") }
}

/// Verdict, what is missing, warnings, and the main numbers.
pub(super) fn summary(run: &RunView) -> String {
    let mut out = verdict(run);
    let warnings: Vec<String> =
        run.points.iter().flat_map(|p| of_chains(p).chain(warnings(p)).map(|w| said_of(run, p, &w))).collect();
    if !warnings.is_empty() {
        out.push_str(&callout("warn", "Warnings of the run", &warnings));
    }
    if !run.notes.is_empty() {
        out.push_str(&callout("note", "Incomplete", &run.notes));
    }
    out.push_str(&glance(run));
    out
}

/// Warnings about the chains behind the samples.
fn of_chains(point: &PointView) -> impl Iterator<Item = String> {
    point.chains().into_iter().flat_map(|chains| chains.warnings.clone())
}

/// `text`, with the point in front where there are several.
fn said_of(run: &RunView, point: &PointView, text: &str) -> String {
    if run.points.len() > 1 { format!("{}: {text}", point.heading()) } else { text.to_string() }
}

/// Whether the promises hold, and which do not.
fn verdict(run: &RunView) -> String {
    let mut promises: Vec<(String, &ExpectRecord)> = run.expectations.iter().map(|e| (points_of(run, e), e)).collect();
    let mut parts = Vec::new();
    for point in &run.points {
        let (part, own): (Vec<_>, Vec<_>) = point.expectations().into_iter().partition(|e| e.part);
        promises.extend(own.into_iter().map(|e| (point.heading(), e)));
        parts.extend(part.into_iter().map(|e| (point.heading(), e)));
    }
    // Of a run that has not come to its end the verdicts on the whole may be missing.
    if promises.is_empty() {
        promises = std::mem::take(&mut parts);
    }
    if promises.is_empty() {
        return callout("note", "This scenario states no expectations.", &[]);
    }
    let failed = promises.iter().filter(|(_, e)| !e.holds).count();
    let n = promises.len();
    let (class, sentence) = match (failed, n) {
        (0, 1) => ("good", "✓ The one expectation of the scenario holds.".to_string()),
        (0, _) => ("good", format!("✓ All {n} expectations of the scenario hold.")),
        (1, _) => ("bad", format!("✗ 1 of {n} expectations of the scenario fails.")),
        _ => ("bad", format!("✗ {failed} of {n} expectations of the scenario fail.")),
    };
    let mut out = callout(class, &sentence, &[]);
    let several = promises.iter().any(|(point, _)| *point != promises[0].0) || !parts.is_empty();
    let table = |caption: &str, promises: &[(String, &ExpectRecord)], wanted: &dyn Fn(&ExpectRecord) -> bool| {
        let columns: &[&str] = if several {
            &["Point", "Quantity", "Expected", "#Found", "Verdict"]
        } else {
            &["Quantity", "Expected", "#Found", "Verdict"]
        };
        let mut table = Table::new(caption, columns);
        for (point, promise) in promises.iter().filter(|(_, e)| wanted(e)) {
            let verdict = if promise.holds {
                Cell::text("✓ holds").class("holds")
            } else {
                Cell::text("✗ fails").class("fails")
            };
            let mut cells = vec![
                Cell::heading(&promise.key),
                Cell::text(typographic(&promise.promise)),
                Cell::maybe(promise.found.map(|x| plain(x, 5))),
                verdict,
            ];
            if several {
                cells.insert(0, Cell::text(point));
            }
            table.row(cells);
        }
        table.finish()
    };
    if n <= FEW_PROMISES {
        out.push_str(&table("Expectations", &promises, &|_| true));
    } else {
        if failed > 0 {
            out.push_str(&table("Expectations that fail", &promises, &|e| !e.holds));
        }
        if failed < n {
            let summary = format!("The {} expectations that hold", n - failed);
            out.push_str(&details(&summary, &table("Expectations that hold", &promises, &|e| e.holds), false));
        }
    }
    if !parts.is_empty() {
        let missed = parts.iter().filter(|(_, e)| !e.holds).count();
        let summary = format!("Each expectation at each point: {} of {} hold", parts.len() - missed, parts.len());
        out.push_str(&details(&summary, &table("Expectations at each point", &parts, &|_| true), false));
    }
    out
}

/// How many points of its own a promise holds at, and where it went worst.
fn points_of(run: &RunView, promise: &ExpectRecord) -> String {
    let Some(ExpectPoints { hold, all, worst }) = &promise.points else { return "whole run".into() };
    let worst = run.points.iter().find(|point| point.label == *worst).map_or(worst.clone(), PointView::heading);
    if *all == 1 { worst } else { format!("{hold} of {all}, worst {worst}") }
}

/// ASCII minus signs before digits as typographic ones.
fn typographic(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let opens_number = letters.peek().is_some_and(|n| n.is_ascii_digit() || *n == '.');
        let in_word = before.is_alphanumeric();
        out.push(if c == '-' && opens_number && !in_word { '−' } else { c });
        before = c;
    }
    out
}

/// Main numbers, one row for each point.
fn glance(run: &RunView) -> String {
    type Column = (&'static str, Vec<Option<String>>);
    let estimates = |pick: &dyn Fn(&PointView) -> Option<Estimate>| -> Vec<Option<String>> {
        let values: Vec<Option<Estimate>> = run.points.iter().map(pick).collect();
        let decimals = column_decimals(values.iter().flatten().map(|e| e.error), 4);
        values.into_iter().map(|e| e.map(|e| estimate(e.value, e.error, decimals))).collect()
    };
    let numbers = |pick: &dyn Fn(&PointView) -> Option<f64>, decimals: usize| -> Vec<Option<String>> {
        run.points.iter().map(|p| pick(p).map(|x| fixed(x, decimals))).collect()
    };
    let truth = |p: &PointView| p.couplings_in("spin").and_then(|c| c.truth);
    let kl = |p: &PointView| {
        let exact = p.states().map(|s| Estimate::new(s.kl, 0.0));
        exact.or_else(|| p.likelihood().and_then(|l| l.kl))
    };
    let kls: Vec<Option<String>> = run
        .points
        .iter()
        .map(|p| {
            kl(p).map(|e| match decimals_for(e.error) {
                Some(decimals) => estimate(e.value, e.error, decimals),
                None => significant(e.value, 3),
            })
        })
        .collect();
    let columns: Vec<Column> = vec![
        ("Updates", run.points.iter().map(|p| p.training().map(|t| count(t.updates))).collect()),
        ("Log-likelihood", estimates(&best_training)),
        ("Ceiling", numbers(&|p| p.likelihood()?.ceiling, 3)),
        ("KL(q‖p)", kls),
        ("P(m > 0)", estimates(&|p| p.samples().map(|s| s.p_up))),
        ("Neighbour J", estimates(&|p| truth(p).map(|t| t.neighbours))),
        ("1/T", numbers(&|p| truth(p).map(|t| t.expected), 4)),
        ("Other J, rms", numbers(&|p| truth(p).map(|t| t.others_rms), 4)),
    ];
    let columns: Vec<&Column> = columns.iter().filter(|(_, cells)| cells.iter().any(Option::is_some)).collect();
    if columns.is_empty() {
        return String::new();
    }
    let mut headings = vec!["Point".to_string()];
    headings.extend(columns.iter().map(|(name, _)| format!("#{name}")));
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let mut table = Table::new("At a glance; likelihoods in nats a row", &headings);
    for (i, point) in run.points.iter().enumerate() {
        let cells = columns.iter().map(|(_, cells)| Cell::maybe(cells[i].clone()));
        table.row([Cell::heading(point.heading())].into_iter().chain(cells));
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_get_real_minus_signs_but_names_keep_their_hyphens() {
        assert_eq!(typographic("between -22.9 and -22.3"), "between −22.9 and −22.3");
        assert_eq!(typographic("HLA-2 at least 1e-3"), "HLA-2 at least 1e-3");
    }
}
