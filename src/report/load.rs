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
use super::{npy, number};

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
    read_manifest(dir, &mut run);
    match read_text(&dir.join("scenario.ron")) {
        Ok(text) => run.scenario_text = Some(text),
        Err(why) => run.notes.push(format!("The scenario cannot be shown: scenario.ron {why}.")),
    }
    let mut points = Vec::new();
    for sub in sub_directories(dir, &mut run.notes) {
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
        if root.records.iter().all(|r| matches!(r, Record::Expect(_))) {
            run.expectations.extend(root.expectations().into_iter().cloned());
        } else if root.about().is_none() && !known.is_empty() {
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

/// Sub-directories that hold metrics, by name.
fn sub_directories(dir: &Path, notes: &mut Vec<String>) -> Vec<PathBuf> {
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

/// Fills the header of the page from `manifest.json`.
fn read_manifest(dir: &Path, run: &mut RunView) {
    let text = match read_text(&dir.join("manifest.json")) {
        Ok(text) => text,
        Err(why) => {
            return run.notes.push(format!("Version, seed, device and times are unknown: manifest.json {why}."));
        }
    };
    let manifest: Value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(error) => {
            let note = format!("Version, seed, device and times are unknown: manifest.json is damaged ({error}).");
            return run.notes.push(note);
        }
    };
    run.manifest_text = serde_json::to_string_pretty(&manifest).ok();
    let word = |keys: &[&str]| keys.iter().find_map(|key| words(manifest.get(key)?));
    let seconds_of = |keys: &[&str]| keys.iter().find_map(|key| manifest.get(key)?.as_f64());
    if let Some(title) = word(&["title"]).or_else(|| word(&["name", "scenario"])) {
        run.title = title;
    }
    run.description = word(&["description"]);
    run.name = word(&["name", "scenario"]);
    run.seed = word(&["seed"]);
    run.command = word(&["command", "command_line"]);
    run.device = word(&["device"]);
    run.backend = word(&["backend"]);
    let commit = word(&["commit"]).map(|c| c.chars().take(12).collect::<String>());
    run.version = match (word(&["version"]), commit) {
        (Some(version), Some(commit)) => Some(format!("{version} ({commit})")),
        (version, commit) => version.or(commit),
    };
    let times = manifest.get("times").cloned().unwrap_or(Value::Null);
    let time = |keys: &[&str]| keys.iter().find_map(|key| manifest.get(key).or_else(|| times.get(key)).cloned());
    let started = time(&["started", "start", "started_at", "started_unix"]);
    let finished = time(&["finished", "end", "finished_at", "finished_unix"]);
    run.seconds = seconds_of(&["seconds", "duration", "wall_seconds"])
        .or_else(|| time(&["seconds", "duration"])?.as_f64())
        .or_else(|| Some(finished.as_ref()?.as_f64()? - started.as_ref()?.as_f64()?))
        .filter(|s| *s >= 0.0);
    run.started = started.and_then(|s| s.as_f64().and_then(number::date).or_else(|| words(&s)));
}

/// A value of the manifest as text: lists are joined by spaces, objects by their values.
fn words(value: &Value) -> Option<String> {
    let joined = |parts: Vec<String>, glue: &str| (!parts.is_empty()).then(|| parts.join(glue));
    match value {
        Value::Null => None,
        Value::String(text) => (!text.trim().is_empty()).then(|| text.clone()),
        Value::Array(items) => joined(items.iter().filter_map(words).collect(), " "),
        Value::Object(map) => map.get("name").and_then(words).or_else(|| {
            let simple = map.iter().filter(|(_, v)| v.is_string() || v.is_number() || v.is_boolean());
            joined(simple.filter_map(|(k, v)| Some(format!("{k}: {}", words(v)?))).collect(), ", ")
        }),
        other => Some(other.to_string()),
    }
}

/// Reads the metrics of one directory; one point, or several where it has several `point` records.
fn read_point(dir: &Path, label: &str, notes: &mut Vec<String>) -> Vec<PointView> {
    let records = read_records(&dir.join(METRICS), label, notes);
    let mut points: Vec<PointView> = Vec::new();
    for record in records {
        if matches!(record, Record::Point(_)) || points.is_empty() {
            points.push(PointView { label: label.to_string(), ..PointView::default() });
        }
        if let Some(point) = points.last_mut() {
            if let Record::Point(about) = &record
                && !about.label.is_empty()
            {
                point.label.clone_from(&about.label);
            }
            point.records.push(record);
        }
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
