//! Reads a run directory for its report: whatever is there is shown, whatever is missing or damaged is named.
//!
//! Points are the directory itself and each of its sub-directories that holds a `metrics.jsonl`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Fault, Result};
use crate::record::Record;

use super::model::{PairMatrix, PointView, RunView};
use super::{manifest, npy, number};

/// Name of the file of records.
const METRICS: &str = "metrics.jsonl";

/// Longest line of records that is read; 2²⁰ states in text are under it.
const MAX_LINE: u64 = 1 << 27;

/// Most text of a scenario or manifest that is shown.
const MAX_TEXT: u64 = 1 << 22;

/// Damaged lines that are named one by one.
const NAMED_LINES: usize = 3;

/// Reads `dir` as far as it can be read.
///
/// # Errors
/// [`Error::Input`] when `dir` is no directory or no record at all can be read from it.
pub fn read_run(dir: &Path) -> Result<RunView> {
    if !dir.is_dir() {
        return Err(Error::Input(
            Fault::new("there is no such run directory")
                .at(dir.display())
                .expected(format!("a directory with a {METRICS}, as `gibbsite run` writes it"))
                .advice("name the directory that was given to --out"),
        ));
    }
    let mut run = RunView { title: directory_name(dir), ..RunView::default() };
    let labels = read_manifest(dir, &mut run);
    match read_text(&dir.join("scenario.ron")) {
        Ok(text) => {
            if let Some(title) = manifest::title_in(&text) {
                run.title = title;
            }
            run.scenario_text = Some(text);
        }
        Err(why) => run.notes.push(format!("The scenario cannot be shown: scenario.ron {why}.")),
    }
    let mut points = Vec::new();
    for sub in sub_directories(dir, &labels, &mut run.notes) {
        points.extend(read_point(&sub, &directory_name(&sub), &mut run.notes));
    }
    if dir.join(METRICS).exists() {
        let label = run.title.clone();
        add_root(read_point(dir, &label, &mut run.notes), &mut points, &mut run);
    }
    if points.is_empty() && run.expectations.is_empty() {
        let mut what = "this directory holds no readable metrics".to_string();
        if let Some(note) = run.notes.iter().find(|n| n.contains(METRICS)) {
            what = format!("{what}: {note}");
        }
        return Err(Error::Input(
            Fault::new(what)
                .at(dir.display())
                .expected(format!("a {METRICS} here or in a sub-directory"))
                .advice("name a directory that `gibbsite run` wrote, or run the scenario again"),
        ));
    }
    points.sort_by(|a, b| sort_key(a).partial_cmp(&sort_key(b)).unwrap_or(std::cmp::Ordering::Equal));
    run.points = points;
    Ok(run)
}

/// Adds what the directory's own metrics hold: its points, unless a sub-directory tells them already, and promises
/// about the whole.
fn add_root(roots: Vec<PointView>, points: &mut Vec<PointView>, run: &mut RunView) {
    let known: Vec<String> = points.iter().map(|p| p.label.clone()).collect();
    for root in roots {
        let only_promises = root.records.iter().all(|r| matches!(r, Record::Expect(_)));
        if only_promises || (root.about().is_none() && !known.is_empty()) {
            run.expectations.extend(root.expectations().into_iter().cloned());
        } else if !known.contains(&root.label) {
            points.push(root);
        }
    }
}

/// Points in the order of their swept values, temperature first, then by label.
fn sort_key(point: &PointView) -> (Vec<f64>, String) {
    let mut values: Vec<f64> = point.temperature().into_iter().collect();
    if let Some(about) = point.about() {
        values.extend(about.values.values().copied().filter(|v| number::usable(*v)));
    }
    (values, point.label.clone())
}

/// Last component of a path.
fn directory_name(dir: &Path) -> String {
    let full = dir.canonicalize();
    let path = full.as_deref().unwrap_or(dir);
    path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

/// Sub-directories that hold metrics, by name; those that the manifest names, where it names any that is there.
fn sub_directories(dir: &Path, labels: &[String], notes: &mut Vec<String>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            notes.push(format!("The directory cannot be listed: {error}."));
            return Vec::new();
        }
    };
    let mut subs: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    subs.retain(|p| p.is_dir() && p.join(METRICS).is_file());
    subs.sort();
    let is_named = |p: &PathBuf| labels.contains(&directory_name(p));
    if subs.iter().any(is_named) {
        subs.retain(is_named);
        for label in labels {
            if !subs.iter().any(|p| directory_name(p) == *label) {
                notes.push(format!("{label}: this point has no {METRICS}; it has not been started or was removed."));
            }
        }
    }
    subs
}

/// Whole text of a file, or why not.
fn read_text(path: &Path) -> std::result::Result<String, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err("is missing".to_string()),
        Err(error) => return Err(format!("cannot be opened ({error})")),
    };
    let mut bytes = Vec::new();
    match file.take(MAX_TEXT + 1).read_to_end(&mut bytes) {
        Ok(n) if n as u64 > MAX_TEXT => Err(format!("is larger than {} MiB", MAX_TEXT >> 20)),
        Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => Err(format!("cannot be read ({error})")),
    }
}

/// Fills the header of the page from `manifest.json`; returns the labels of the run's points.
fn read_manifest(dir: &Path, run: &mut RunView) -> Vec<String> {
    let unknown = "Version, seed, device and times are unknown: manifest.json";
    match read_text(&dir.join("manifest.json")) {
        Err(why) => run.notes.push(format!("{unknown} {why}.")),
        Ok(text) => match serde_json::from_str::<Value>(&text) {
            Err(error) => run.notes.push(format!("{unknown} is damaged ({error}).")),
            Ok(value) => {
                run.manifest_text = serde_json::to_string_pretty(&value).ok();
                return manifest::fill(&value, run);
            }
        },
    }
    Vec::new()
}

/// Reads the metrics of one directory; one point, or several where it has `point` records of several labels. Records
/// before the first of these belong to it: a run that was stopped and gone on with may have metrics there.
fn read_point(dir: &Path, label: &str, notes: &mut Vec<String>) -> Vec<PointView> {
    let records = read_records(&dir.join(METRICS), label, notes);
    let mut points: Vec<PointView> = Vec::new();
    let mut at = 0;
    for record in records {
        if let Record::Point(about) = &record {
            let is_same = |p: &PointView| p.about().is_none_or(|known| known.label == about.label);
            at = points.iter().position(is_same).unwrap_or(points.len());
        }
        if at == points.len() {
            points.push(PointView { label: label.to_string(), ..PointView::default() });
        }
        let point = &mut points[at];
        if let Record::Point(about) = &record {
            if !about.label.is_empty() {
                point.label.clone_from(&about.label);
            }
            point.records.retain(|known| !matches!(known, Record::Point(_)));
        }
        point.records.push(record);
    }
    for point in &mut points {
        attach_couplings(dir, point, notes);
    }
    points
}

/// Records of a file, line by line; lines that are none are counted and the first ones named.
fn read_records(path: &Path, label: &str, notes: &mut Vec<String>) -> Vec<Record> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            notes.push(format!("{label}: {METRICS} cannot be opened ({error})."));
            return Vec::new();
        }
    };
    let mut reader = BufReader::new(file);
    let (mut records, mut damaged, mut number) = (Vec::new(), Vec::new(), 0u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                notes.push(format!("{label}: {METRICS} cannot be read after line {number} ({error})."));
                break;
            }
        }
        number += 1;
        let complete = line.ends_with(b"\n");
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Record>(text.trim()) {
            Ok(record) => records.push(record),
            Err(_) if !complete => damaged.push(format!("line {number}: it ends early, as after an interruption")),
            Err(error) => damaged.push(format!("line {number}: {error}")),
        }
    }
    if !damaged.is_empty() {
        let named = damaged.iter().take(NAMED_LINES).cloned().collect::<Vec<_>>().join("; ");
        let more = if damaged.len() > NAMED_LINES { "; …" } else { "" };
        let lines = if damaged.len() == 1 { "line was" } else { "lines were" };
        notes.push(format!("{label}: {} {lines} left out of {METRICS} ({named}{more}).", damaged.len()));
    }
    if records.is_empty() {
        notes.push(format!("{label}: {METRICS} holds no record."));
    }
    records
}

/// Reads matrices and names that the couplings' records point to.
fn attach_couplings(dir: &Path, point: &mut PointView, notes: &mut Vec<String>) {
    let files: Vec<(String, Option<String>, String)> =
        point.couplings().iter().map(|c| (c.basis.clone(), c.matrix.clone(), c.file.clone())).collect();
    for (basis, matrix, list) in files {
        if let Some(matrix) = matrix {
            match read_matrix(dir, &matrix) {
                Ok((n, values)) => {
                    point.matrices.retain(|m| m.basis != basis);
                    point.matrices.extend(PairMatrix::new(basis, n, values));
                }
                Err(why) => {
                    let heading = point.heading();
                    notes.push(format!("{heading}: the matrix of pair couplings {matrix} cannot be shown, {why}."));
                }
            }
        }
        if point.names.is_empty()
            && let Some(path) = inside(dir, &list)
        {
            point.names = read_names(&path);
        }
    }
}

/// Opens a matrix that lies in the run directory.
fn read_matrix(dir: &Path, name: &str) -> std::result::Result<(usize, Vec<f64>), String> {
    let path = inside(dir, name).ok_or("it does not lie in the run directory")?;
    let file = File::open(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "it is missing".to_string(),
        _ => format!("it cannot be opened ({error})"),
    })?;
    let mut bytes = Vec::new();
    file.take(npy::MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("it cannot be read ({error})"))?;
    npy::square_matrix(&bytes)
}

/// `name` below `dir`, refusing every path that could leave it.
fn inside(dir: &Path, name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let ordinary = |c: Component<'_>| matches!(c, Component::Normal(_) | Component::CurDir);
    (!name.is_empty() && path.components().all(ordinary)).then(|| dir.join(path))
}

/// Names of the units from the first-order rows of a coupling list; empty where it has none.
fn read_names(path: &Path) -> Vec<String> {
    let Ok(mut reader) = csv::ReaderBuilder::new().flexible(true).from_path(path) else { return Vec::new() };
    let Ok(header) = reader.headers().cloned() else { return Vec::new() };
    let column = |name: &str| header.iter().position(|h| h == name);
    let (Some(order), Some(units), Some(names)) = (column("order"), column("units"), column("names")) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for row in reader.records() {
        let Ok(row) = row else { break };
        if row.get(order) != Some("1") || row.get(units) != Some(out.len().to_string().as_str()) {
            break;
        }
        out.push(row.get(names).unwrap_or_default().to_string());
    }
    out
}
