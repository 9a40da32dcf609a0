//! Tables of a whole run: `results.csv`, one row a point, and `seeds.csv`, one row for points that differ by the seed alone.
//!
//! Columns are the swept values, then every number and every estimate of the records by their dotted names, such as
//! `likelihood.kl` with its error in `likelihood.kl_error`; what a point does not have is an empty cell. Lists are left out:
//! they are in the tables of the points.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::tables::{cell, write_table};
use crate::error::Result;
use crate::record::{PointRecord, Record};
use crate::stats::{mean, variance};

/// Names and values of a point in the order of its records.
type Row = Vec<(String, f64)>;

/// Writes `results.csv` of points with their records, in order.
///
/// # Errors
/// [`crate::error::Error::File`] when writing fails.
pub fn write_results_csv(path: &Path, points: &[(String, Vec<Record>)]) -> Result<()> {
    let rows: Vec<(String, Row)> = points.iter().map(|(label, records)| (label.clone(), row_of(records))).collect();
    let columns = columns(rows.iter().map(|(_, row)| row));
    let header: Vec<&str> = std::iter::once("point").chain(columns.iter().map(String::as_str)).collect();
    let lines = rows.iter().map(|(label, row)| {
        let values: BTreeMap<&str, f64> = row.iter().map(|(name, x)| (name.as_str(), *x)).collect();
        let cells = columns.iter().map(|name| cell(values.get(name.as_str()).copied()));
        std::iter::once(label.clone()).chain(cells).collect()
    });
    write_table(path, &header, lines)
}

/// Writes `seeds.csv`, where the seed is swept: of every quantity the mean over the points that differ by the seed alone,
/// their spread (standard deviation of one) and the standard error of the mean.
///
/// # Errors
/// [`crate::error::Error::File`] when writing fails.
pub fn write_seeds_csv(path: &Path, points: &[(String, Vec<Record>)]) -> Result<()> {
    let mut groups: Vec<(Row, Vec<Row>)> = Vec::new();
    for (_, records) in points {
        let row = row_of(records);
        let swept = about(records).map_or(Vec::new(), |about| {
            let others = about.values.iter().filter(|(name, _)| *name != "seed");
            others.map(|(name, x)| (name.clone(), *x)).collect::<Vec<_>>()
        });
        match groups.iter_mut().find(|(known, _)| *known == swept) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((swept, vec![row])),
        }
    }
    let swept: Vec<String> =
        groups.first().map_or(Vec::new(), |(swept, _)| swept.iter().map(|(n, _)| n.clone()).collect());
    let known = |name: &String| name == "seed" || swept.contains(name) || name.ends_with("_error");
    let all = columns(groups.iter().flat_map(|(_, rows)| rows));
    let quantities: Vec<String> = all.into_iter().filter(|name| !known(name)).collect();
    let mut header: Vec<String> = swept.clone();
    header.push("points".to_string());
    header.extend(quantities.iter().flat_map(|name| [name.clone(), format!("{name}_spread"), format!("{name}_error")]));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let lines = groups.iter().map(|(values, rows)| {
        let mut line: Vec<String> = values.iter().map(|(_, x)| x.to_string()).collect();
        line.push(rows.len().to_string());
        for name in &quantities {
            let found: Vec<f64> =
                rows.iter().filter_map(|row| row.iter().find(|(n, _)| n == name)).map(|(_, x)| *x).collect();
            let spread = variance(&found).sqrt();
            let known = |x: f64| cell(Some(x).filter(|x| x.is_finite()));
            line.extend([known(mean(&found)), known(spread), known(spread / (found.len() as f64).sqrt())]);
        }
        line
    });
    write_table(path, &header, lines)
}

/// Names of all columns, in the order in which the points bring them.
fn columns<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in rows.flatten() {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn about(records: &[Record]) -> Option<&PointRecord> {
    records.iter().find_map(|r| if let Record::Point(about) = r { Some(about) } else { None })
}

fn row_of(records: &[Record]) -> Row {
    let mut row: Row =
        about(records).map_or(Vec::new(), |about| about.values.iter().map(|(name, x)| (name.clone(), *x)).collect());
    for record in records {
        let name = match record {
            Record::Ising(_) => "ising".to_string(),
            Record::Train(_) => "train".to_string(),
            Record::Sample(_) => "sample".to_string(),
            Record::Chains(_) => "chains".to_string(),
            Record::Likelihood(_) => "likelihood".to_string(),
            Record::Couplings(couplings) if couplings.basis == "spin" => "couplings".to_string(),
            Record::Couplings(couplings) => format!("couplings.{}", couplings.basis),
            Record::States(_) => "states".to_string(),
            _ => continue,
        };
        if let Ok(json) = serde_json::to_value(record) {
            flatten(&name, &json, &mut row);
        }
    }
    row
}

/// Numbers and estimates of an object by their dotted names. Settings, times and what only repeats them are left out.
fn flatten(name: &str, json: &Value, row: &mut Row) {
    const LEFT_OUT: [&str; 5] = ["settings", "seconds", "updates_per_second", "flips_per_ns", "seed"];
    match json {
        Value::Number(n) => row.extend(n.as_f64().map(|x| (name.to_string(), x))),
        Value::Object(fields) => {
            if let Some(value) = fields.get("value").and_then(Value::as_f64) {
                row.push((name.to_string(), value));
                row.extend(fields.get("error").and_then(Value::as_f64).map(|error| (format!("{name}_error"), error)));
                return;
            }
            let kept = fields.iter().filter(|(key, _)| !LEFT_OUT.contains(&key.as_str()));
            kept.for_each(|(key, value)| flatten(&format!("{name}.{key}"), value, row));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Estimate, StatesRecord};
    use serde_json::json;

    #[test]
    fn estimates_are_a_value_and_its_error() {
        let mut row = Vec::new();
        let json = json!({ "kl": Estimate::new(0.25, 0.5), "n": 3, "list": [1, 2], "unknown": Estimate::new(1.0, f64::NAN),
            "seconds": 7.0, "of": { "order": 2.0 } });
        flatten("x", &json, &mut row);
        let expected = [("x.kl", 0.25), ("x.kl_error", 0.5), ("x.n", 3.0), ("x.of.order", 2.0), ("x.unknown", 1.0)];
        assert_eq!(row, expected.map(|(name, x)| (name.to_string(), x)));
    }

    /// Two seeds at each of two temperatures; the mean, its spread and its error by hand.
    #[test]
    fn points_that_differ_by_the_seed_are_one_row() {
        let point = |temperature: f64, seed: f64, kl: f64| {
            let values = [("temperature".to_string(), temperature), ("seed".to_string(), seed)].into();
            let about = PointRecord {
                label: format!("temperature={temperature},seed={seed}"),
                values,
                lattice: None,
                temperature: Some(temperature),
                rows: None,
                n_visible: None,
                n_hidden: None,
            };
            let states = StatesRecord { units: 1, truth: vec![0.5; 2], learned: vec![0.5; 2], kl };
            (about.label.clone(), vec![Record::Point(about), Record::States(states)])
        };
        let points = [point(1.0, 1.0, 0.1), point(1.0, 2.0, 0.3), point(2.0, 1.0, 0.5), point(2.0, 2.0, 0.5)];
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let read = |name: &str| {
            let mut reader = csv::Reader::from_path(directory.path().join(name)).unwrap_or_else(|e| panic!("{e}"));
            let header: Vec<String> = reader.headers().into_iter().flatten().map(str::to_string).collect();
            let rows = reader
                .records()
                .flatten()
                .map(|row| header.iter().cloned().zip(row.iter().map(str::to_string)).collect());
            rows.collect::<Vec<BTreeMap<String, String>>>()
        };
        write_results_csv(&directory.path().join("results.csv"), &points).unwrap_or_else(|error| panic!("{error}"));
        write_seeds_csv(&directory.path().join("seeds.csv"), &points).unwrap_or_else(|error| panic!("{error}"));
        let results = read("results.csv");
        assert_eq!(results.len(), 4);
        assert_eq!((results[1]["point"].as_str(), results[1]["seed"].as_str()), ("temperature=1,seed=2", "2"));
        assert_eq!(results[1]["states.kl"], "0.3");
        let seeds = read("seeds.csv");
        assert_eq!((seeds.len(), seeds[0]["points"].as_str(), seeds[1]["temperature"].as_str()), (2, "2", "2"));
        let number = |row: usize, name: &str| seeds[row][name].parse::<f64>().unwrap_or(f64::NAN);
        assert!((number(0, "states.kl") - 0.2).abs() < 1e-12 && (number(0, "states.kl_error") - 0.1).abs() < 1e-12);
        assert!((number(0, "states.kl_spread") - 0.02f64.sqrt()).abs() < 1e-12);
        assert_eq!((number(1, "states.kl"), number(1, "states.kl_spread")), (0.5, 0.0));
    }
}
