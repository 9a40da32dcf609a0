//! Checkpoints of a training: model, optimiser, chains and counters in one .safetensors file.
//!
//! Written under a temporary name, synced, renamed. Random numbers are addresses, so the step counter is all of the
//! generator's state. The newest few are kept, and older ones at exponentially growing distances.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ladder, names};
use crate::backend::OptimiserState;
use crate::bits::BitMatrix;
use crate::data::file::{cannot_read, cannot_write, read_bytes, remove_leftovers};
use crate::data::tensors::{self, Tensor};
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::rbm::Rbm;
use crate::train::LadderState;

/// Version of the format.
const FORMAT: u32 = 1;
const PREFIX: &str = "checkpoint-";
const SUFFIX: &str = ".safetensors";

/// Everything a training needs to go on as if it had never stopped.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Parameters.
    pub rbm: Rbm,
    /// Velocities and offsets.
    pub optimiser: OptimiserState,
    /// Persistent chains, `[chains, n_visible]`; no rows where the algorithm keeps none.
    pub chains: BitMatrix,
    /// Updates done.
    pub update: u64,
    /// Gibbs steps done: the random address of the next one.
    pub step: u64,
    /// Seed of the training.
    pub seed: u64,
    /// Hash of the settings and data; a training with others must not go on from here.
    pub fingerprint: String,
    /// Ladder of tempered chains.
    pub ladder: Option<LadderState>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Counters {
    format_version: u32,
    update: u64,
    step: u64,
    seed: u64,
    chains: usize,
    units: usize,
    fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ladder: Option<ladder::Counters>,
}

const RBM: [&str; 3] = ["weights", "visible_bias", "hidden_bias"];
const VELOCITY: [&str; 3] = ["velocity_weights", "velocity_visible_bias", "velocity_hidden_bias"];
const SQUARE: [&str; 3] = ["square_weights", "square_visible_bias", "square_hidden_bias"];

fn rbm_tensors<'a>(names: [&'static str; 3], rbm: &'a Rbm) -> [Tensor<'a>; 3] {
    [
        Tensor::f32(names[0], &[rbm.n_visible, rbm.n_hidden], &rbm.weights),
        Tensor::f32(names[1], &[rbm.n_visible], &rbm.visible_bias),
        Tensor::f32(names[2], &[rbm.n_hidden], &rbm.hidden_bias),
    ]
}

/// Writes a checkpoint atomically.
///
/// # Errors
/// [`Error::Numerics`] when a number is not finite, [`Error::File`] when writing fails.
pub fn write_checkpoint(path: &Path, checkpoint: &Checkpoint) -> Result<()> {
    let Checkpoint { rbm, optimiser, chains, update, step, seed, fingerprint, ladder } = checkpoint;
    tensors::validate(rbm, &path.display().to_string()).map_err(Error::Numerics)?;
    let counters = Counters {
        format_version: FORMAT,
        update: *update,
        step: *step,
        seed: *seed,
        chains: chains.rows(),
        units: chains.cols(),
        fingerprint: fingerprint.clone(),
        ladder: ladder.as_ref().map(ladder::counters),
    };
    let metadata = serde_json::to_string(&counters).map_err(|e| Error::File(Fault::new(e.to_string())))?;
    let mut tensors = Vec::from(rbm_tensors(RBM, rbm));
    tensors.extend(rbm_tensors(VELOCITY, &optimiser.velocity));
    if let Some(square) = &optimiser.square {
        tensors.extend(rbm_tensors(SQUARE, square));
    }
    tensors.push(Tensor::f32("visible_offset", &[optimiser.visible_offset.len()], &optimiser.visible_offset));
    tensors.push(Tensor::f32("hidden_offset", &[optimiser.hidden_offset.len()], &optimiser.hidden_offset));
    tensors.push(Tensor::u32("chains", &[chains.rows(), chains.words_per_row()], chains.words()));
    if let Some(ladder) = ladder {
        tensors.extend(ladder::tensors(ladder));
    }
    tensors::write(path, &tensors, metadata)
}

/// Reads a checkpoint.
///
/// # Errors
/// [`Error::Checkpoint`] when it is truncated, damaged, of another kind or not consistent.
pub fn read_checkpoint(path: &Path) -> Result<Checkpoint> {
    let source = path.display().to_string();
    let as_checkpoint = |e| match e {
        Error::Input(fault) => Error::Checkpoint(fault),
        other => other,
    };
    let bytes = read_bytes(path).map_err(as_checkpoint)?;
    decode(&bytes, &source).map_err(Error::Checkpoint)
}

fn decode(bytes: &[u8], source: &str) -> std::result::Result<Checkpoint, Fault> {
    let file = tensors::File::decode(bytes, source)?;
    let json = file.metadata.as_deref().ok_or_else(|| {
        Fault::new("the file has no counters")
            .at(source)
            .expected(format!("a metadata key `{}`", tensors::METADATA_KEY))
    })?;
    let counters: Counters = serde_json::from_str(json)
        .map_err(|e| Fault::new(format!("cannot read the counters: {e}")).at(source).expected("a checkpoint"))?;
    if counters.format_version != FORMAT {
        return Err(Fault::new(format!("checkpoint format {}", counters.format_version))
            .at(source)
            .expected(format!("format {FORMAT}"))
            .advice("go on with the version of the program that wrote it"));
    }
    let rbm = tensors::rbm_of(&file, RBM, source)?;
    tensors::validate(&rbm, source)?;
    let kept = |names, what| {
        let kept = tensors::rbm_of(&file, names, source)?;
        tensors::validate(&kept, source)?;
        if (kept.n_visible, kept.n_hidden) != (rbm.n_visible, rbm.n_hidden) {
            return Err(Fault::new(format!("{what} and weights differ in shape")).at(source));
        }
        Ok(kept)
    };
    let velocity = kept(VELOCITY, "velocities")?;
    let square = file.has(SQUARE[0]).then(|| kept(SQUARE, "second moments")).transpose()?;
    let visible_offset = file.f32_of("visible_offset", &[rbm.n_visible], source)?;
    let hidden_offset = file.f32_of("hidden_offset", &[rbm.n_hidden], source)?;
    let (shape, words) = file.u32("chains", source)?;
    if shape != [counters.chains, counters.units.div_ceil(32)] || counters.units != rbm.n_visible {
        return Err(Fault::new(format!("chains of shape {shape:?}"))
            .at(source)
            .expected(format!("{} chains of {} units", counters.chains, rbm.n_visible)));
    }
    let chains = BitMatrix::from_words(counters.chains, counters.units, words).map_err(|e| match e {
        Error::Input(fault) => fault.at(source),
        other => Fault::new(other.to_string()).at(source),
    })?;
    let shape = (rbm.n_visible, rbm.n_hidden);
    let ladder = counters.ladder.map(|counters| ladder::decode(&file, &counters, shape, source)).transpose()?;
    Ok(Checkpoint {
        optimiser: OptimiserState { velocity, square, visible_offset, hidden_offset },
        rbm,
        chains,
        update: counters.update,
        step: counters.step,
        seed: counters.seed,
        fingerprint: counters.fingerprint,
        ladder,
    })
}

/// Whether a file name is one that [`CheckpointStore`] gives.
pub(crate) fn is_checkpoint_name(name: &str) -> bool {
    update_of(name).is_some()
}

fn update_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    if digits.len() == 12 { digits.parse().ok() } else { None }
}

/// The checkpoints of one training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointStore {
    path: PathBuf,
    keep: usize,
}

impl CheckpointStore {
    /// Checkpoints in directory `path`, made when the first one is saved, of which the `keep` newest ones stay.
    #[must_use]
    pub fn new(path: PathBuf, keep: usize) -> Self {
        Self { path, keep: keep.max(1) }
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

    fn write(&self, checkpoint: &Checkpoint) -> Result<PathBuf> {
        fs::create_dir_all(&self.path).map_err(|e| cannot_write(&self.path, &e))?;
        let path = self.path.join(format!("{PREFIX}{:012}{SUFFIX}", checkpoint.update));
        write_checkpoint(&path, checkpoint)?;
        Ok(path)
    }

    fn remove_all_but(&self, stays: impl Fn(u64) -> bool) -> Result<()> {
        for (_, path) in self.list()?.into_iter().filter(|(update, _)| !stays(*update)) {
            fs::remove_file(&path).map_err(|e| cannot_write(&path, &e))?;
        }
        Ok(())
    }

    /// Removes what a writer left that was killed, before a training begins or goes on.
    pub fn tidy(&self) {
        remove_leftovers(&self.path, is_checkpoint_name);
    }

    /// Removes all checkpoints, and their directory when nothing else is in it.
    ///
    /// # Errors
    /// [`Error::File`] when a checkpoint cannot be removed.
    pub fn remove(&self) -> Result<()> {
        self.remove_all_but(|_| false)?;
        // A directory that holds somebody's other files stays.
        let _ = fs::remove_dir(&self.path);
        Ok(())
    }

    /// The newest good checkpoint, `None` where there is none at all. Damaged newer ones are skipped with a warning.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when there are checkpoints and none can be used, or when the newest good one belongs to
    /// other settings than `fingerprint`.
    pub fn latest(&self, fingerprint: &str, listener: &mut dyn Listener) -> Result<Option<Checkpoint>> {
        let mut first_error = None;
        for (_, path) in self.list()?.into_iter().rev() {
            match read_checkpoint(&path) {
                Ok(checkpoint) if checkpoint.fingerprint == fingerprint => return Ok(Some(checkpoint)),
                Ok(_) => {
                    return Err(Error::Checkpoint(
                        Fault::new("this checkpoint was made with other settings or data, or by another version")
                            .at(path.display())
                            .expected("the settings and the program that the run was started with")
                            .advice("run the unchanged scenario to go on, or start anew in another directory"),
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
