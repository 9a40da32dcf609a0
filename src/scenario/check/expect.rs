//! Promises: bounds that make sense, points that exist, values that some stage will produce.

use super::super::expect::{COUPLING_SEPARATOR, pair_of};
use super::super::mistake::Mistakes;
use super::super::plan::{Expect, Point, Source};
use super::super::raw::{RawExpect, RawScenario};
use super::selected;
use crate::couplings::Basis;
use crate::ising::Quantity;
use crate::numerics::readable;
use crate::settings::nearest_name;

const OBSERVABLES: [&str; 11] = [
    "energy",
    "specific_heat",
    "magnetization",
    "susceptibility",
    "binder",
    "p_up",
    "correlation",
    "correlation_length",
    "effective_samples",
    "samples",
    "sites",
];

/// All promises; those with mistakes are left out.
pub(super) fn check(raw: &RawScenario, points: &[Point], notes: &mut Mistakes<'_>) -> Vec<Expect> {
    let mut checked = Vec::new();
    for (i, expect) in raw.expect.iter().enumerate() {
        let block = format!("expect[{i}]");
        let Some((min, max)) = bounds(expect, &block, notes) else { continue };
        if points.is_empty() {
            continue;
        }
        let chosen = expect.at.as_ref().map_or((0..points.len()).collect(), |at| selected(at, points));
        let Some(&first) = chosen.first() else {
            notes.at(
                &format!("{block}.at"),
                "no point has these values",
                "values of the sweep or of the scenario",
                "write the numbers exactly as in the sweep",
            );
            continue;
        };
        if let Some((what, expected, advice)) = no_such_key(&expect.key, max, &points[first]) {
            notes.at(&format!("{block}.key"), what, expected, advice);
        }
        let at_least = expect.in_points.map_or(chosen.len(), |n| usize::try_from(n).unwrap_or(usize::MAX));
        if at_least == 0 || at_least > chosen.len() {
            notes.at(
                &format!("{block}.in_points"),
                format!("`in_points` is {at_least}, and it is about {} points", chosen.len()),
                format!("a whole number from 1 to {}", chosen.len()),
                "leave `in_points` out for all of them",
            );
        }
        let sigmas = expect.sigmas.unwrap_or(0.0);
        checked.push(Expect { key: expect.key.clone(), min, max, sigmas, points: chosen, at_least });
    }
    checked
}

/// Smallest and largest value, or `None` when they make no sense.
fn bounds(expect: &RawExpect, block: &str, notes: &mut Mistakes<'_>) -> Option<(Option<f64>, Option<f64>)> {
    let mut bad = false;
    let numbers = [
        ("min", expect.min),
        ("max", expect.max),
        ("value", expect.value),
        ("within", expect.within),
        ("sigmas", expect.sigmas),
    ];
    for (name, x) in numbers {
        let must_not_be_negative = matches!(name, "within" | "sigmas");
        if let Some(x) = x.filter(|x| !x.is_finite() || (must_not_be_negative && *x < 0.0)) {
            let expected = if must_not_be_negative { "a finite number, not negative" } else { "a finite number" };
            notes.at(&format!("{block}.{name}"), format!("`{name}` is {}", readable(x)), expected, "");
            bad = true;
        }
    }
    let mut wrong = |name: &str, what: &str, expected: &str| {
        notes.at(&format!("{block}{name}"), what, expected, "write min: a, max: b, or value: x, within: d");
        None
    };
    match (expect.value, expect.within, expect.min, expect.max) {
        _ if bad => None,
        (Some(value), Some(within), None, None) => Some((Some(tidy(value - within)), Some(tidy(value + within)))),
        (Some(_), None, ..) => wrong(".value", "`value` without `within`", "the half-width of the interval"),
        (None, Some(_), ..) => wrong(".within", "`within` without `value`", "the middle of the interval"),
        (Some(_), Some(_), ..) => wrong(".value", "`value` beside `min` or `max`", "one way to give the bounds"),
        (None, None, None, None) => wrong("", "a promise without bounds", "`min`, `max`, or `value` and `within`"),
        (None, None, Some(min), Some(max)) if min > max => wrong(".min", "`min` is above `max`", "min at most max"),
        (None, None, min, max) => Some((min, max)),
    }
}

/// Twelve significant digits: the sum of two decimal numbers as one would write it.
fn tidy(x: f64) -> f64 {
    format!("{x:.11e}").parse().unwrap_or(x)
}

/// Why no stage of this point produces the value: what, expected, advice.
fn no_such_key(key: &str, max: Option<f64>, point: &Point) -> Option<(String, String, String)> {
    let absent = |what: &str, advice: &str| Some((format!("`{key}`, but {what}"), String::new(), advice.to_string()));
    let (stage, rest) = key.split_once('.').unwrap_or((key, ""));
    let machine = point.train.is_some() || matches!(point.source, Source::Model(_));
    match stage {
        "ising" | "sample" => {
            if stage == "ising" && !matches!(point.source, Source::Ising(_)) {
                return absent("the source is not an Ising model", "remove this promise");
            }
            if stage == "sample" && !point.observe {
                return absent("the samples are not observed", "add sample: () and observe: ()");
            }
            if stage == "sample" && point.lattice.is_none() {
                return absent("the units are on no lattice", "give the source a lattice");
            }
            if let Some(observable) = rest.strip_prefix("ratio.") {
                if !matches!(point.source, Source::Ising(_)) {
                    return absent("exact values are known for an Ising source only", "remove this promise");
                }
                return unknown_name(&format!("{stage}.ratio"), observable, &Quantity::ALL.map(Quantity::name));
            }
            let mut known = OBSERVABLES.to_vec();
            known.push("ratio");
            if stage == "ising" {
                known.extend(["exact", "flips_per_ns", "thermalisation", "spacing", "replicas"]);
            }
            unknown_name(stage, rest, &known)
        }
        "train" if point.train.is_none() => absent("nothing is trained", "add train: ()"),
        "train" => {
            let known = [
                "updates",
                "log_likelihood",
                "held_out_log_likelihood",
                "pseudo_likelihood",
                "ceiling",
                "free_energy_gap",
                "updates_per_second",
                "seconds",
            ];
            unknown_name(stage, rest, &known)
        }
        "likelihood" if point.likelihood.is_none() => absent("the likelihood is not computed", "add likelihood: ()"),
        "likelihood" => {
            let known = [
                "log_likelihood",
                "over_independent",
                "log_z",
                "kl",
                "ceiling",
                "above_ceiling",
                "effective_sample_size",
                "log_weight_variance",
            ];
            unknown_name(stage, rest, &known)
        }
        "couplings" => couplings_key(key, rest, max, point),
        "states" if !point.compares_states() => absent(
            "the probabilities of all states are not compared",
            "this needs an Ising source of at most 12 sites and training",
        ),
        "states" => unknown_name(stage, rest, &["kl"]),
        _ => {
            let known: &[&str] =
                if machine { &["ising", "train", "sample", "likelihood", "couplings", "states"] } else { &["ising"] };
            Some((format!("no stage is named `{stage}`"), list(known), did_you_mean(stage, known)))
        }
    }
}

fn couplings_key(key: &str, rest: &str, max: Option<f64>, point: &Point) -> Option<(String, String, String)> {
    let Some(couplings) = &point.couplings else {
        return Some((format!("`{key}`, but no couplings are read"), String::new(), "add couplings: ()".to_string()));
    };
    let (basis, rest) = match rest.split_once('.') {
        Some(("binary", rest)) => (Basis::Binary, rest),
        Some(("spin", rest)) => (Basis::Spin, rest),
        _ => (Basis::Spin, rest),
    };
    if !couplings.bases.contains(&basis) {
        let name = if basis == Basis::Spin { "spin" } else { "binary" };
        return Some((
            format!("`{key}`, but the {name} basis is not read"),
            String::new(),
            format!("add {name} to `bases`"),
        ));
    }
    if let Some(pair) = rest.strip_prefix("rank:") {
        return rank_key(pair, max, point);
    }
    let truth = ["neighbour_ratio", "others_rms", "neighbours", "expected"];
    let name = rest.split('.').next().unwrap_or_default();
    if truth.contains(&name) && (!matches!(point.source, Source::Ising(_)) || basis == Basis::Binary) {
        let what = format!("`{key}`, but true couplings are known for an Ising source in the spin basis only");
        return Some((what, String::new(), "remove this promise".to_string()));
    }
    unknown_name("couplings", rest, &[&truth[..], &["orders", "rank:A;B"]].concat())
}

fn rank_key(pair: &str, max: Option<f64>, point: &Point) -> Option<(String, String, String)> {
    let Some((a, b)) = pair_of(pair) else {
        return Some((
            format!("`{pair}` is not a pair of units"),
            format!("two names joined by `{COUPLING_SEPARATOR}`, which no name contains"),
            "write for example couplings.rank:CD3D;CD3E".to_string(),
        ));
    };
    let numbers: Vec<String>;
    let names = match &point.names {
        Some(names) => names,
        None => {
            numbers = (0..point.n_visible).map(|j| j.to_string()).collect();
            &numbers
        }
    };
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    for name in [a, b] {
        if !known.contains(&name) {
            let advice = nearest_name(name, &known).map_or(String::new(), |n| format!("did you mean {n}?"));
            return Some((format!("no unit is named \"{name}\""), "a unit of the data".to_string(), advice));
        }
    }
    let listed = point.couplings.as_ref().map_or(0, |c| c.strongest);
    if max.is_none_or(|max| max > listed as f64) {
        return Some((
            format!("a rank beyond the {listed} strongest pairs that are listed"),
            format!("max: at most {listed}"),
            "raise `strongest` in `couplings`".to_string(),
        ));
    }
    None
}

fn unknown_name(stage: &str, rest: &str, known: &[&str]) -> Option<(String, String, String)> {
    let name = rest.split('.').next().unwrap_or_default();
    if known.contains(&name) {
        return None;
    }
    let what = if name.is_empty() { format!("`{stage}` alone") } else { format!("`{stage}` has no `{name}`") };
    let full: Vec<String> = known.iter().map(|n| format!("{stage}.{n}")).collect();
    Some((what, list(&full.iter().map(String::as_str).collect::<Vec<_>>()), did_you_mean(name, known)))
}

fn list(names: &[&str]) -> String {
    names.join(", ")
}

fn did_you_mean(name: &str, known: &[&str]) -> String {
    nearest_name(name, known).map_or(String::new(), |n| format!("did you mean `{n}`?"))
}
