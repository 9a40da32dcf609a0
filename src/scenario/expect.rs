//! Whether a promise holds: a dotted key looked up in the records of a point.
//!
//! The key names a record (`ising`, `sample`, `train`, `likelihood`, `couplings`, `states`) and then a value in its JSON:
//! `likelihood.log_likelihood.train`, `ising.exact.energy`, `couplings.orders.2.rms`. Where several methods give a value, the
//! exact one counts, else Bennett's ratio, else forward AIS. Errors are whole ones, of ln Z and of the rows. Some values are
//! derived:
//!
//! - `sample.ratio.NAME`, `ising.ratio.NAME`: an observable divided by its exact value;
//! - `likelihood.above_ceiling`: log-likelihood of the training rows minus the ceiling;
//! - `couplings.neighbour_ratio`, `couplings.others_rms`: of the comparison with the truth, spin basis;
//! - `couplings.rank:A;B`: place of the pair among the strongest positive pairs, 1 = strongest, spin basis. The names are
//!   joined by a semicolon, as in `couplings.csv`, because names such as HLA-DRB1 contain dashes.
//!
//! `couplings.binary.…` takes the binary basis instead.

use std::fmt::Write;

use serde_json::Value;

use super::plan::Expect;
use crate::record::{CouplingsRecord, Estimate, ExpectPoints, ExpectRecord, Record};

/// Joins the names of a pair.
pub(crate) const COUPLING_SEPARATOR: char = ';';

/// The two names of a pair.
pub(crate) fn pair_of(text: &str) -> Option<(&str, &str)> {
    let (a, b) = text.split_once(COUPLING_SEPARATOR)?;
    let (a, b) = (a.trim(), b.trim());
    (!a.is_empty() && !b.is_empty() && a != b && !b.contains(COUPLING_SEPARATOR)).then_some((a, b))
}

/// Looks up a promise in the records of one of its points.
#[must_use]
pub fn evaluate(expect: &Expect, records: &[Record]) -> ExpectRecord {
    let found = find(&expect.key, records).filter(|e| e.value.is_finite());
    ExpectRecord {
        key: expect.key.clone(),
        promise: bounds(expect),
        found: found.map(|e| e.value),
        holds: beyond(expect, found) <= 0.0,
        part: false,
        points: None,
    }
}

/// By how much a value lies beyond the bounds, as wide as its error makes them; what was not found, or has an error that
/// nobody knows, lies beyond all.
fn beyond(expect: &Expect, found: Option<Estimate>) -> f64 {
    let Some(found) = found else { return f64::INFINITY };
    let slack = expect.sigmas * found.error.abs();
    if slack.is_nan() {
        return f64::INFINITY;
    }
    let under = expect.min.map_or(f64::NEG_INFINITY, |min| min - slack - found.value);
    let above = expect.max.map_or(f64::NEG_INFINITY, |max| found.value - (max + slack));
    under.max(above)
}

/// A promise as a whole, from the labels and records of the points that it is about: it holds at as many of them as it says.
#[must_use]
pub fn whole(expect: &Expect, points: &[(&str, &[Record])]) -> ExpectRecord {
    let (mut hold, mut worst) = (0, (f64::NEG_INFINITY, None, ""));
    for (label, records) in points {
        let found = find(&expect.key, records).filter(|e| e.value.is_finite());
        let by = beyond(expect, found);
        hold += usize::from(by <= 0.0);
        if by > worst.0 || worst.2.is_empty() {
            worst = (by, found.map(|e| e.value), *label);
        }
    }
    ExpectRecord {
        key: expect.key.clone(),
        promise: promise(expect),
        found: worst.1,
        holds: hold >= expect.at_least,
        part: false,
        points: Some(ExpectPoints { hold, all: points.len(), worst: worst.2.into() }),
    }
}

/// The promise in words, with the number of points at which it must hold where that is not all.
#[must_use]
pub fn promise(expect: &Expect) -> String {
    let mut words = bounds(expect);
    if expect.at_least < expect.points.len() {
        let _ = write!(words, ", at {} of {} points", expect.at_least, expect.points.len());
    }
    words
}

/// What it asks of a single value, in words.
fn bounds(expect: &Expect) -> String {
    let mut words = match (expect.min, expect.max) {
        (Some(min), Some(max)) => format!("between {min} and {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "any number".to_string(),
    };
    if expect.sigmas > 0.0 {
        let _ = write!(words, ", give or take {} standard deviations", expect.sigmas);
    }
    words
}

/// The value of a key with its error.
fn find(key: &str, records: &[Record]) -> Option<Estimate> {
    let (stage, rest) = key.split_once('.')?;
    let last = |wanted: fn(&Record) -> bool| records.iter().rev().find(|r| wanted(r));
    let record = match stage {
        "ising" => last(|r| matches!(r, Record::Ising(_))),
        "sample" => last(|r| matches!(r, Record::Sample(_))),
        "train" => last(|r| matches!(r, Record::Train(_))),
        "states" => last(|r| matches!(r, Record::States(_))),
        "likelihood" => last(|r| matches!(r, Record::Likelihood(_))),
        "couplings" => return find_coupling(rest, records),
        _ => None,
    }?;
    if let (Record::Likelihood(likelihood), "above_ceiling") = (record, rest) {
        return likelihood.above_ceiling("train").or_else(|| likelihood.above_ceiling("data"));
    }
    if let Some(observable) = rest.strip_prefix("ratio.") {
        return ratio(record, observable, records);
    }
    walk(&serde_json::to_value(record).ok()?, rest)
}

/// An observable of a record as a part of its exact value, which the record of the Ising model holds.
fn ratio(record: &Record, observable: &str, records: &[Record]) -> Option<Estimate> {
    let found = walk(&serde_json::to_value(record).ok()?, observable)?;
    let exact = find(&format!("ising.exact.{observable}"), records)?;
    Some(Estimate::new(found.value / exact.value, found.error / exact.value.abs()))
}

fn find_coupling(key: &str, records: &[Record]) -> Option<Estimate> {
    let (basis, key) = match key.split_once('.') {
        Some((basis @ ("spin" | "binary"), rest)) => (basis, rest),
        _ => ("spin", key),
    };
    let of_basis = |r: &&Record| matches!(r, Record::Couplings(c) if c.basis == basis);
    let record = records.iter().rev().find(of_basis)?;
    let Record::Couplings(couplings) = record else { return None };
    if let Some(pair) = key.strip_prefix("rank:") {
        return rank(couplings, pair);
    }
    let json = serde_json::to_value(record).ok()?;
    json.get("truth").and_then(|truth| walk(truth, key)).or_else(|| walk(&json, key))
}

fn rank(couplings: &CouplingsRecord, pair: &str) -> Option<Estimate> {
    let (a, b) = pair_of(pair)?;
    let is_pair = |names: &[String]| matches!(names, [x, y] if (x == a && y == b) || (x == b && y == a));
    let place = couplings.strongest.iter().position(|c| is_pair(&c.names))?;
    Some(Estimate::new((place + 1) as f64, 0.0))
}

/// Follows a dotted key; at its end a number, an estimate, or the best of several methods.
fn walk(json: &Value, key: &str) -> Option<Estimate> {
    let mut at = json;
    for name in key.split('.') {
        at = match at {
            Value::Object(map) => map.get(name)?,
            Value::Array(list) => list.get(name.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    number(at)
}

fn number(json: &Value) -> Option<Estimate> {
    match json {
        Value::Number(n) => Some(Estimate::new(n.as_f64()?, 0.0)),
        Value::Object(map) => {
            if let Some(value) = map.get("value").and_then(Value::as_f64) {
                return Some(Estimate::new(value, map.get("error").and_then(Value::as_f64).unwrap_or(0.0)));
            }
            let method = |name: &str| map.get(name).filter(|v| !v.is_null()).and_then(number);
            method("exact").or_else(|| method("bridged")).or_else(|| method("forward"))
        }
        _ => None,
    }
}
