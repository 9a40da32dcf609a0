//! Reads a run directory back: what the report and the checks work on.

use std::path::{Path, PathBuf};

use super::directory::{MAX_MANIFEST, RunDirectory};
use super::manifest::Manifest;
use super::names;
use crate::data::file::read_text;
use crate::data::{RealArray, read_npy};
use crate::error::{Error, Fault, Result};
use crate::record::{PointRecord, Record};

/// Longest `metrics.jsonl` that is read.
const MAX_RECORDS: u64 = 1 << 32;

/// A run as it lies on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its directory.
    pub dir: PathBuf,
    /// Who, what, when.
    pub manifest: Manifest,
    /// The resolved scenario.
    pub scenario: String,
    /// Points in the order of the sweep.
    pub points: Vec<Point>,
}

/// One point of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Directory name and title; empty without a sweep.
    pub label: String,
    /// Its directory.
    pub dir: PathBuf,
    /// All records in the order they were written.
    pub records: Vec<Record>,
}

impl Point {
    /// The record that says what the point is about, where it was written.
    #[must_use]
    pub fn about(&self) -> Option<&PointRecord> {
        self.records.iter().find_map(|r| if let Record::Point(p) = r { Some(p) } else { None })
    }

    /// Pair matrix `[n, n]` of the spin basis, where it was written.
    ///
    /// # Errors
    /// [`Error::Input`] when the file is there and damaged.
    pub fn spin_matrix(&self) -> Result<Option<RealArray>> {
        self.matrix(names::MATRIX)
    }

    /// Pair matrix `[n, n]` of the binary basis, where it was written.
    ///
    /// # Errors
    /// [`Error::Input`] when the file is there and damaged.
    pub fn binary_matrix(&self) -> Result<Option<RealArray>> {
        self.matrix(names::MATRIX_BINARY)
    }

    fn matrix(&self, name: &str) -> Result<Option<RealArray>> {
        let path = self.dir.join(name);
        if path.is_file() { read_npy(&path).map(Some) } else { Ok(None) }
    }
}

/// Reads a run: manifest, scenario and the records of every point that has been started.
///
/// # Errors
/// [`Error::Input`] when the directory holds no run, [`Error::Checkpoint`] when a file of it is damaged.
pub fn read_run(dir: &Path) -> Result<Run> {
    let (directory, manifest) = RunDirectory::open(dir)?;
    let scenario = read_text(&dir.join(names::SCENARIO), MAX_MANIFEST)?;
    let mut points = Vec::new();
    for label in &manifest.points {
        let inside = !label.contains(['/', '\\']) && label != ".." && label != ".";
        if !inside {
            return Err(Error::Checkpoint(
                Fault::new(format!("the manifest names the point \"{label}\""))
                    .at(dir.display())
                    .expected("names of directories inside the run directory"),
            ));
        }
        let dir = if label.is_empty() { directory.path().to_path_buf() } else { directory.path().join(label) };
        let file = dir.join(names::METRICS);
        if file.is_file() {
            points.push(Point { label: label.clone(), records: read_records(&file)?, dir });
        }
    }
    Ok(Run { dir: dir.to_path_buf(), manifest, scenario, points })
}

/// All records of a `metrics.jsonl`; none where there is no file. A last line without its end is left out: the run was
/// killed while it wrote.
///
/// # Errors
/// [`Error::Checkpoint`] naming the first line that cannot be read.
pub fn read_records(path: &Path) -> Result<Vec<Record>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = read_text(path, MAX_RECORDS)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(i, line)| {
            serde_json::from_str(line).map_err(|e| {
                Error::Checkpoint(
                    Fault::new(format!("cannot read a record: {e}"))
                        .at(format_args!("{}, line {}", path.display(), i + 1))
                        .expected("one record as JSON a line")
                        .advice("the file was changed or damaged: run the scenario again"),
                )
            })
        })
        .collect()
}
