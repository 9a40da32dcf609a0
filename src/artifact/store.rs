//! The checkpoints of one training: a directory of files, each written under a temporary name, synced and renamed.
//!
//! The newest few are kept, older ones at exponentially growing distances, and apart from these the one whose held-out rows
//! were the most likely, of a training that looks at that.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::checkpoint::Checkpoint;
use super::checkpoint_file::{read, read_checkpoint, write};
use super::names;
use crate::data::file::{cannot_read, cannot_write};
use crate::data::temporary::remove_leftovers;
use crate::data::{ModelMeta, make_directory};
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::record::TrainMetric;

const PREFIX: &str = "checkpoint-";
/// Begins the name of a directory of one of several trainings.
const PART: &str = "part-";
const SUFFIX: &str = ".safetensors";
/// The one whose held-out rows were the most likely.
const BEST: &str = "best.safetensors";

/// Whether a file name is one that [`CheckpointStore`] gives.
pub(crate) fn is_checkpoint_name(name: &str) -> bool {
    name == BEST || update_of(name).is_some()
}

fn update_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    if digits.len() == 12 { digits.parse().ok() } else { None }
}

/// The checkpoints of one training.
#[derive(Debug, Clone)]
pub struct CheckpointStore {
    path: PathBuf,
    keep: usize,
    about: Option<ModelMeta>,
    first: Option<PathBuf>,
    /// The newest and the best one, where none goes to disk.
    in_memory: Option<Arc<Mutex<InMemory>>>,
}

#[derive(Debug, Default)]
struct InMemory {
    newest: Option<Checkpoint>,
    best: Option<Best>,
    parts: BTreeMap<String, Arc<Mutex<InMemory>>>,
}

/// A checkpoint and what was measured then.
type Best = (Checkpoint, TrainMetric);

impl CheckpointStore {
    /// Checkpoints in directory `path`, made when the first one is saved, of which the `keep` newest ones stay.
    #[must_use]
    pub fn new(path: PathBuf, keep: usize) -> Self {
        Self { path, keep: keep.max(1), about: None, first: None, in_memory: None }
    }

    /// No directory: nothing is written, and only the newest checkpoint and the one whose held-out rows were the most
    /// likely are kept, in memory.
    #[must_use]
    pub fn nowhere() -> Self {
        Self { in_memory: Some(Arc::default()), ..Self::new(PathBuf::new(), 1) }
    }

    /// Checkpoints beside the model file that their training is to write, in a directory named after it.
    ///
    /// # Errors
    /// [`Error::Input`] where something else has the name.
    pub fn beside(model: &Path, keep: usize) -> Result<Self> {
        let mut name = model.file_name().unwrap_or_default().to_os_string();
        name.push(".checkpoints");
        let path = model.with_file_name(name);
        if path.exists() && !path.is_dir() {
            return Err(Error::Input(
                Fault::new("this is no directory")
                    .at(path.display())
                    .expected("a directory for checkpoints, or nothing"),
            ));
        }
        Ok(Self::new(path, keep))
    }

    /// The same in another directory.
    #[must_use]
    pub fn at(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }

    /// The same whose checkpoints say what a model file would: names of the units, lattice, means of the data.
    #[must_use]
    pub fn about(self, about: ModelMeta) -> Self {
        Self { about: Some(about), ..self }
    }

    /// The same that syncs a growing file before every checkpoint, so that no power cut takes lines of it which a training
    /// that goes on from the checkpoint does not write again.
    #[must_use]
    pub fn after(self, file: PathBuf) -> Self {
        Self { first: Some(file), ..self }
    }

    fn memory(&self) -> Option<MutexGuard<'_, InMemory>> {
        self.in_memory.as_ref().map(|memory| memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checkpoints of one of several trainings that together are this one, in a directory inside.
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        let in_memory = self.memory().map(|mut memory| memory.parts.entry(name.to_string()).or_default().clone());
        Self { path: self.path.join(format!("{PART}{name}")), in_memory, ..self.clone() }
    }

    /// All parts that there are.
    fn parts(&self) -> Vec<Self> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| Some(self.part(name.strip_prefix(PART)?))).collect()
    }

    /// Whether there is a checkpoint to go on from, of this training or of a part of it.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub fn holds_any(&self) -> Result<bool> {
        let mut all = std::iter::once(self.clone()).chain(self.parts());
        all.try_fold(false, |found, store| Ok(found || !store.list()?.is_empty()))
    }

    /// Removes the checkpoints of all parts.
    ///
    /// # Errors
    /// As [`Self::remove`].
    pub fn remove_parts(&self) -> Result<()> {
        if let Some(mut memory) = self.memory() {
            memory.parts.clear();
            return Ok(());
        }
        self.parts().iter().try_for_each(Self::remove)?;
        // Where nothing but parts was in the directory, it has served.
        let _ = fs::remove_dir(&self.path);
        Ok(())
    }

    /// Their directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Files by number of updates, oldest first; none where there is no directory.
    ///
    /// # Errors
    /// [`Error::Input`] when the directory cannot be read.
    pub fn list(&self) -> Result<Vec<(u64, PathBuf)>> {
        if self.in_memory.is_some() {
            return Ok(Vec::new());
        }
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|e| cannot_read(&self.path, &e))?,
        };
        let mut found: Vec<(u64, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| Some((update_of(&entry.file_name().to_string_lossy())?, entry.path())))
            .collect();
        found.sort();
        Ok(found)
    }

    /// Writes a checkpoint and removes those that are no longer to be kept.
    ///
    /// # Errors
    /// [`Error::Numerics`] when a number is not finite, [`Error::File`] when writing fails.
    pub fn save(&self, checkpoint: &Checkpoint) -> Result<PathBuf> {
        let path = self.write(checkpoint)?;
        let updates: Vec<u64> = self.list()?.iter().map(|(u, _)| *u).collect();
        let kept = kept(&updates, self.keep);
        self.remove_all_but(|update| kept.contains(&update))?;
        Ok(path)
    }

    /// Writes the first checkpoint of a training and removes those of any other: from now on this one goes on.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn save_first(&self, checkpoint: &Checkpoint) -> Result<PathBuf> {
        let path = self.write(checkpoint)?;
        self.remove_all_but(|update| update == checkpoint.update)?;
        Ok(path)
    }

    /// Writes the checkpoint whose held-out rows were the most likely so far, with what was measured.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn save_best(&self, checkpoint: &Checkpoint, metric: &TrainMetric) -> Result<()> {
        if let Some(mut memory) = self.memory() {
            memory.best = Some((checkpoint.clone(), metric.clone()));
            return Ok(());
        }
        self.make()?;
        write(&self.path.join(BEST), checkpoint, Some(metric), self.about.as_ref())
    }

    /// What [`Self::save_best`] wrote last for the training with this fingerprint.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is damaged.
    pub fn best(&self, fingerprint: &str) -> Result<Option<(Checkpoint, TrainMetric)>> {
        if let Some(memory) = self.memory() {
            return Ok(memory.best.clone().filter(|(checkpoint, _)| checkpoint.fingerprint == fingerprint));
        }
        let path = self.path.join(BEST);
        if !path.exists() {
            return Ok(None);
        }
        let (checkpoint, metric) = read(&path)?;
        Ok(metric.filter(|_| checkpoint.fingerprint == fingerprint).map(|metric| (checkpoint, metric)))
    }

    /// Makes the directory and syncs what is to be on disk before a checkpoint in it.
    fn make(&self) -> Result<()> {
        if let Some(first) = &self.first
            && let Ok(file) = fs::File::options().append(true).open(first)
        {
            file.sync_all().map_err(|e| cannot_write(first, &e))?;
        }
        make_directory(&self.path).map(|_| ())
    }

    fn write(&self, checkpoint: &Checkpoint) -> Result<PathBuf> {
        if let Some(mut memory) = self.memory() {
            memory.newest = Some(checkpoint.clone());
            return Ok(PathBuf::new());
        }
        self.make()?;
        let path = self.path.join(format!("{PREFIX}{:012}{SUFFIX}", checkpoint.update));
        write(&path, checkpoint, None, self.about.as_ref())?;
        Ok(path)
    }

    /// Removes all checkpoints but the newest, that of the best held-out rows too: of a training that is finished.
    ///
    /// # Errors
    /// [`Error::File`] when a checkpoint cannot be removed.
    pub fn keep_last(&self) -> Result<()> {
        let last = self.list()?.last().map(|(update, _)| *update);
        self.remove_all_but(|update| Some(update) == last)?;
        self.remove_best()
    }

    fn remove_all_but(&self, stays: impl Fn(u64) -> bool) -> Result<()> {
        for (_, path) in self.list()?.into_iter().filter(|(update, _)| !stays(*update)) {
            fs::remove_file(&path).map_err(|e| cannot_write(&path, &e))?;
        }
        Ok(())
    }

    /// Removes what a writer left that was killed, before a training begins or goes on.
    pub fn tidy(&self) {
        if self.in_memory.is_some() {
            return;
        }
        remove_leftovers(&self.path, is_checkpoint_name);
    }

    /// Removes all checkpoints, and their directory when nothing else is in it.
    ///
    /// # Errors
    /// [`Error::File`] when a checkpoint cannot be removed.
    pub fn remove(&self) -> Result<()> {
        if self.in_memory.is_some() {
            return Ok(());
        }
        self.remove_all_but(|_| false)?;
        self.remove_best()?;
        // A directory that holds somebody's other files stays.
        let _ = fs::remove_dir(&self.path);
        Ok(())
    }

    fn remove_best(&self) -> Result<()> {
        if self.in_memory.is_some() {
            return Ok(());
        }
        let best = self.path.join(BEST);
        match fs::remove_file(&best) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cannot_write(&best, &error)),
            _ => Ok(()),
        }
    }

    /// The newest good checkpoint, `None` where there is none at all. Damaged newer ones are skipped with a warning.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when there are checkpoints and none can be used, or when the newest good one belongs to
    /// other settings than `fingerprint`.
    pub fn latest(&self, fingerprint: &str, listener: &mut dyn Listener) -> Result<Option<Checkpoint>> {
        self.latest_of(|checkpoint| checkpoint.fingerprint == fingerprint, listener)
    }

    /// The same, where the newest good one must be one of which `is_ours` holds.
    ///
    /// # Errors
    /// As [`Self::latest`].
    pub fn latest_of(
        &self,
        is_ours: impl Fn(&Checkpoint) -> bool,
        listener: &mut dyn Listener,
    ) -> Result<Option<Checkpoint>> {
        if let Some(memory) = self.memory() {
            return Ok(memory.newest.clone().filter(is_ours));
        }
        let mut first_error = None;
        for (_, path) in self.list()?.into_iter().rev() {
            match read_checkpoint(&path) {
                Ok(checkpoint) if is_ours(&checkpoint) => return Ok(Some(checkpoint)),
                Ok(_) => {
                    return Err(Error::Checkpoint(
                        Fault::new("this checkpoint was made with other settings or data, or by another version")
                            .at(path.display())
                            .expected("the settings and the program that the run was started with")
                            .advice("go on with the settings and data as they were, or begin anew under another name"),
                    ));
                }
                Err(error) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    listener
                        .event(Event::Warning(format!("skipped the damaged {}/{name}: {error}", names::CHECKPOINTS)));
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(None), Err)
    }
}

/// Which of the updates (ascending) to keep: the `newest` last ones, and among the older ones the oldest of every
/// range of ages [2^k, 2^(k+1)) counted in checkpoints, so that their number grows with the logarithm of the age.
///
/// Ages are distances from the newest in units of the smallest distance between two neighbours.
fn kept(updates: &[u64], newest: usize) -> Vec<u64> {
    let Some((&last, older)) = updates.split_last() else { return Vec::new() };
    let unit = updates.windows(2).map(|w| w[1] - w[0]).min().unwrap_or(1).max(1);
    let recent = &updates[updates.len().saturating_sub(newest)..];
    let mut keep = recent.to_vec();
    let mut range = None;
    for &update in older.iter().filter(|u| !recent.contains(u)) {
        let of_update = ((last - update) / unit).max(1).ilog2();
        if range != Some(of_update) {
            keep.push(update);
            range = Some(of_update);
        }
    }
    keep.sort_unstable();
    keep
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn keeps_the_newest_and_logarithmically_many_older_ones() {
        let mut updates: Vec<u64> = Vec::new();
        for update in (100..=100_000).step_by(100) {
            updates.push(update);
            updates = kept(&updates, 3);
            let mut newest: Vec<u64> = (0..3).map(|k| update.saturating_sub(100 * k)).filter(|&u| u > 0).collect();
            newest.reverse();
            assert!(updates.ends_with(&newest), "{updates:?} after {update}");
            // Three newest and at most one for each power of two up to 1000 checkpoints.
            assert!(updates.len() <= 3 + 10, "{updates:?} after {update}");
        }
        let oldest_age = 100_000 - updates[0];
        assert!(oldest_age >= 25_000, "oldest kept is only {oldest_age} updates old");
    }
}
