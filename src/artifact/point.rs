//! One point of a run: its records, appended line by line, and its files.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::directory::remove_file;
use super::names;
use super::read::read_records;
use super::store::CheckpointStore;
use super::tables::{write_metrics_csv, write_observables_csv};
use super::tensorboard::{tensorboard_header, tensorboard_record};
use crate::data::Claim;
use crate::data::file::{cannot_write, sync_directory, write_atomic};
use crate::data::temporary::remove_leftovers;
use crate::error::{Error, Fault, Result};
use crate::record::{Record, TrainMetric};

/// The directory of one point.
#[derive(Debug)]
pub struct PointDirectory {
    path: PathBuf,
    records: Option<File>,
    events: Option<File>,
    claim: Option<Claim>,
}

impl PointDirectory {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, records: None, events: None, claim: None }
    }

    /// A directory for the records of one training, made if need be and claimed, with those that are there if it
    /// `goes_on`.
    ///
    /// # Errors
    /// [`Error::Input`] where there are records already of another training, unless they are to be replaced;
    /// [`Error::Checkpoint`] where another process writes them, [`Error::File`] when it cannot be made.
    pub fn open(path: &Path, goes_on: bool, replace: bool) -> Result<Self> {
        let mut place = Self::new(path.to_path_buf());
        if !goes_on && !replace && place.file(names::METRICS).exists() {
            return Err(Error::Input(
                Fault::new(format!("there is a {} already", names::METRICS))
                    .at(path.display())
                    .expected("a directory without one, or a training that goes on")
                    .advice("choose another directory, go on with the training, or replace them"),
            ));
        }
        place.claim = Some(Claim::of_directory(path)?);
        remove_leftovers(path, |name| names::OF_POINT.contains(&name));
        if !goes_on {
            for name in [names::METRICS, names::METRICS_TABLE, names::EVENTS] {
                remove_file(&place.file(name))?;
            }
        }
        Ok(place)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of a file in it; see [`names`].
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The checkpoints of this point, of which `keep` newest ones stay.
    #[must_use]
    pub fn checkpoints(&self, keep: usize) -> CheckpointStore {
        CheckpointStore::new(self.file(names::CHECKPOINTS), keep).after(self.file(names::METRICS))
    }

    /// Appends a record to `metrics.jsonl`, one write a line.
    ///
    /// # Errors
    /// [`Error::File`] when writing fails.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        let path = self.file(names::METRICS);
        let line = line_of(record)?;
        if self.records.is_none() {
            if ends_within_a_line(&path) {
                self.retain(|_| true)?;
            }
            let is_new = !path.exists();
            let file = File::options().create(true).append(true).open(&path).map_err(|e| cannot_write(&path, &e))?;
            self.records = Some(file);
            if is_new {
                sync_directory(&path);
            }
        }
        if let Some(file) = &mut self.records {
            file.write_all(line.as_bytes()).map_err(|e| cannot_write(&path, &e))?;
        }
        if let Record::Metric(metric) = record { self.append_event(metric) } else { Ok(()) }
    }

    /// Appends to the file for TensorBoard, which reads it while it grows.
    fn append_event(&mut self, metric: &TrainMetric) -> Result<()> {
        let path = self.file(names::EVENTS);
        let file = match self.events.take() {
            Some(file) => file,
            None => self.begin_events(&path)?,
        };
        (&file).write_all(&tensorboard_record(metric, seconds_since_1970())).map_err(|e| cannot_write(&path, &e))?;
        self.events = Some(file);
        Ok(())
    }

    /// Writes the file for TensorBoard anew with all metrics but the last, which is to come: it may end within a record,
    /// or hold some that were taken back.
    fn begin_events(&self, path: &Path) -> Result<File> {
        let mut records = self.records()?;
        records.pop();
        let now = seconds_since_1970();
        write_atomic(path, |w| {
            w.write_all(&tensorboard_header(now))?;
            records.iter().try_for_each(|r| match r {
                Record::Metric(metric) => w.write_all(&tensorboard_record(metric, now)),
                _ => Ok(()),
            })
        })?;
        File::options().append(true).open(path).map_err(|e| cannot_write(path, &e))
    }

    /// All records so far; a last line cut off by a crash is left out.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when a line before the last cannot be read.
    pub fn records(&self) -> Result<Vec<Record>> {
        read_records(&self.file(names::METRICS))
    }

    /// Keeps only the records for which `keep` holds, before a run goes on from a checkpoint.
    ///
    /// # Errors
    /// As [`Self::records`], and [`Error::File`] when writing fails.
    pub fn retain(&mut self, keep: impl Fn(&Record) -> bool) -> Result<()> {
        let kept: Vec<Record> = self.records()?.into_iter().filter(keep).collect();
        self.rewrite(&kept)
    }

    /// Makes `about` the first record, before those for which `keep` holds.
    ///
    /// # Errors
    /// As [`Self::retain`].
    pub fn begin(&mut self, about: &Record, keep: impl Fn(&Record) -> bool) -> Result<()> {
        let kept = self.records()?.into_iter().filter(keep);
        let all: Vec<Record> = [about.clone()].into_iter().chain(kept).collect();
        self.rewrite(&all)
    }

    fn rewrite(&mut self, records: &[Record]) -> Result<()> {
        let kept = records.iter().map(line_of).collect::<Result<Vec<_>>>()?;
        (self.records, self.events) = (None, None);
        write_atomic(&self.file(names::METRICS), |w| kept.iter().try_for_each(|line| w.write_all(line.as_bytes())))
    }

    /// Syncs the records and writes `metrics.csv` and `observables.csv` from them.
    ///
    /// # Errors
    /// [`Error::File`] when writing fails.
    pub fn finish(&mut self) -> Result<()> {
        if let Some(file) = self.records.take() {
            file.sync_all().map_err(|e| cannot_write(&self.file(names::METRICS), &e))?;
        }
        let records = self.records()?;
        if records.iter().any(|r| matches!(r, Record::Metric(_))) {
            write_metrics_csv(&self.file(names::METRICS_TABLE), &records)?;
        }
        if records.iter().any(|r| matches!(r, Record::Ising(_) | Record::Sample(_))) {
            write_observables_csv(&self.file(names::OBSERVABLES), &records)?;
        }
        Ok(())
    }
}

/// Whether a crash cut off the last line; appending to it would join two records.
fn ends_within_a_line(path: &Path) -> bool {
    let last_byte = || {
        let mut file = File::open(path).ok()?;
        file.seek(SeekFrom::End(-1)).ok()?;
        let mut byte = [0u8];
        file.read_exact(&mut byte).ok()?;
        Some(byte[0])
    };
    last_byte().is_some_and(|byte| byte != b'\n')
}

/// The time that TensorBoard shows beside every number.
fn seconds_since_1970() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn line_of(record: &Record) -> Result<String> {
    let json = serde_json::to_string(record).map_err(|e| Error::File(Fault::new(e.to_string())))?;
    Ok(json + "\n")
}
