//! The run directory: made once, never overwritten unless asked, and then only what a run wrote.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::manifest::Manifest;
use super::names;
use super::point::PointDirectory;
use super::store::is_checkpoint_name;
use crate::data::file::{cannot_write, read_text};
use crate::data::temporary::remove_leftovers;
use crate::data::{Claim, is_claim, make_directory, write_bytes};
use crate::error::{Error, Fault, Result};

/// Longest manifest that is read.
pub(crate) const MAX_MANIFEST: u64 = 1 << 24;

/// A directory that holds one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Claims the directory, made if need be, for as long as a run works in it.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] where another process works in it, [`Error::Input`] where it is none, [`Error::File`] when the
    /// system refuses.
    pub fn claim(path: &Path) -> Result<Claim> {
        if fs::symlink_metadata(path).is_ok() && !path.is_dir() {
            return Err(not_a_directory(path));
        }
        Claim::of_directory(path)
    }

    /// Makes the directory, parents too, and writes the manifest and the resolved scenario.
    ///
    /// With `force` an earlier run in it is removed: its known files and its points, nothing else; files of others stay.
    ///
    /// # Errors
    /// [`Error::Input`] when something is there already and `force` is not given, or when it is not a run directory;
    /// then nothing is changed. [`Error::File`] when writing fails.
    pub fn create(path: &Path, force: bool, manifest: &Manifest, scenario: &str) -> Result<Self> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot_write(path, &error)),
            Ok(_) => {
                if !entries(path).map_err(|_| not_a_directory(path))?.is_empty() {
                    if !force {
                        return Err(exists(path));
                    }
                    remove_run(path)?;
                }
            }
        }
        make_directory(path)?;
        let directory = Self { path: path.to_path_buf() };
        // The manifest makes it a run: it comes last, so that a run has its scenario whenever it is killed.
        directory.write_scenario(scenario)?;
        directory.write_manifest(manifest)?;
        Ok(directory)
    }

    /// Opens the directory of an earlier run to go on with it, and removes what a killed one left; `None` where nothing is
    /// there, or where the run was killed before it had begun.
    ///
    /// # Errors
    /// [`Error::Input`] when somebody's other files are there, [`Error::Checkpoint`] when its manifest cannot be read.
    pub fn resume(path: &Path) -> Result<Option<(Self, Manifest)>> {
        const OURS: [&str; 2] = [names::SCENARIO, names::MANIFEST];
        remove_leftovers(path, |name| OURS.contains(&name));
        let entries = entries(path).unwrap_or_default();
        if entries == [names::SCENARIO] {
            remove_file(&path.join(names::SCENARIO))?;
        } else if !entries.is_empty() || path.is_file() {
            return Self::open(path).map(Some);
        }
        Ok(None)
    }

    /// Opens the directory of an earlier run.
    ///
    /// # Errors
    /// [`Error::Input`] when there is none, [`Error::Checkpoint`] when its manifest cannot be read.
    pub fn open(path: &Path) -> Result<(Self, Manifest)> {
        let file = path.join(names::MANIFEST);
        if !file.is_file() {
            return Err(not_a_run(path, "there is no run in this directory"));
        }
        let manifest = Manifest::parse(&read_text(&file, MAX_MANIFEST)?, &file)?;
        Ok((Self { path: path.to_path_buf() }, manifest))
    }

    /// When something of the run was last written, as far as its manifest and the records of its points tell.
    #[must_use]
    pub fn last_change(&self, manifest: &Manifest) -> Option<SystemTime> {
        let records = manifest.points.iter().map(|label| self.path.join(label).join(names::METRICS));
        let files = records.chain([self.path.join(names::MANIFEST)]);
        files.filter_map(|file| fs::metadata(file).and_then(|about| about.modified()).ok()).max()
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the manifest.
    ///
    /// # Errors
    /// [`Error::File`] when writing fails.
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        manifest.write(&self.path.join(names::MANIFEST))
    }

    /// Replaces the resolved scenario.
    ///
    /// # Errors
    /// [`Error::File`] when writing fails.
    pub fn write_scenario(&self, text: &str) -> Result<()> {
        write_bytes(&self.path.join(names::SCENARIO), text.as_bytes())
    }

    /// The resolved scenario of the run.
    ///
    /// # Errors
    /// [`Error::Input`] when it is missing.
    pub fn scenario(&self) -> Result<String> {
        read_text(&self.path.join(names::SCENARIO), MAX_MANIFEST)
    }

    /// The directory of a point, made if need be; the empty label is the run directory itself.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be made.
    pub fn point(&self, label: &str) -> Result<PointDirectory> {
        let path = if label.is_empty() { self.path.clone() } else { self.path.join(label) };
        make_directory(&path)?;
        remove_leftovers(&path, |name| names::OF_POINT.contains(&name));
        Ok(PointDirectory::new(path))
    }
}

/// Names in a directory, without its claim.
fn entries(path: &Path) -> io::Result<Vec<OsString>> {
    let mut names: Vec<OsString> = fs::read_dir(path)?.flatten().map(|entry| entry.file_name()).collect();
    names.retain(|name| !is_claim(&name.to_string_lossy()));
    Ok(names)
}

fn not_a_directory(path: &Path) -> Error {
    Error::Input(
        Fault::new("this is not a directory")
            .at(path.display())
            .expected("a new or empty directory")
            .advice("give another directory with --out"),
    )
}

fn exists(path: &Path) -> Error {
    Error::Input(
        Fault::new("this directory is not empty, and a run never overwrites another")
            .at(path.display())
            .expected("a new or empty directory")
            .advice(
                "give another one with --out, go on with the run in it with --resume, or replace that run with --force",
            ),
    )
}

fn not_a_run(path: &Path, what: &str) -> Error {
    Error::Input(
        Fault::new(what)
            .at(path.display())
            .expected(format!("a directory with the {} of a run", names::MANIFEST))
            .advice("give the directory of a run"),
    )
}

/// Removes the run in a directory: the files it may have written and its points. The manifest goes last, so that an
/// interrupted removal still looks like a run directory.
fn remove_run(path: &Path) -> Result<()> {
    let manifest = path.join(names::MANIFEST);
    let known =
        manifest.is_file() && read_text(&manifest, MAX_MANIFEST).is_ok_and(|t| Manifest::parse(&t, &manifest).is_ok());
    if !known {
        return Err(not_a_run(path, "this directory is not empty and holds no run, so --force leaves it alone"));
    }
    remove_point(path)?;
    let entries = fs::read_dir(path).map_err(|e| cannot_write(path, &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| cannot_write(path, &e))?;
        let is_point = entry.file_name().to_string_lossy().contains('=')
            && entry.file_type().is_ok_and(|t| t.is_dir())
            && entry.path().join(names::METRICS).is_file();
        if is_point {
            remove_point(&entry.path())?;
            remove_directory_if_empty(&entry.path());
        }
    }
    remove_file(&path.join(names::SCENARIO))?;
    remove_file(&manifest)
}

fn remove_point(path: &Path) -> Result<()> {
    let checkpoints = path.join(names::CHECKPOINTS);
    if fs::symlink_metadata(&checkpoints).is_ok_and(|m| m.is_dir()) {
        for entry in fs::read_dir(&checkpoints).map_err(|e| cannot_write(&checkpoints, &e))?.flatten() {
            if is_checkpoint_name(&entry.file_name().to_string_lossy()) {
                remove_file(&entry.path())?;
            }
        }
        remove_directory_if_empty(&checkpoints);
    }
    // The records go last: they are what marks a directory as a point.
    names::OF_POINT.iter().rev().try_for_each(|name| remove_file(&path.join(name)))
}

/// Removes a file or link; one that is not there is fine.
pub(super) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot_write(path, &error)),
        _ => Ok(()),
    }
}

/// A directory with files of others stays.
fn remove_directory_if_empty(path: &Path) {
    let _ = fs::remove_dir(path);
}
