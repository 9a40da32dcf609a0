//! Checkpoints of a training: model, optimiser, chains and counters in one .safetensors file.
//!
//! Random numbers are addresses, so the step counter is all of the generator's state. The parameters have the names that
//! they have in a model file, and [`crate::data::read_model`] reads a checkpoint as one.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::{ladder, online};
use crate::backend::OptimiserState;
use crate::bits::BitMatrix;
use crate::data::file::read_bytes;
use crate::data::tensors::{self, Tensor};
use crate::data::{CHECKPOINT_FORMAT, ModelMeta, newer};
use crate::error::{Error, Fault, Result};
use crate::rbm::Rbm;
use crate::record::TrainMetric;

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    online: Option<online::Counters>,
    /// What was measured at this update, where that is why it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metric: Option<TrainMetric>,
    /// What the file says where it is read as a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<ModelMeta>,
}

const RBM: [&str; 3] = ["weights", "visible_bias", "hidden_bias"];
const VELOCITY: [&str; 3] = ["velocity_weights", "velocity_visible_bias", "velocity_hidden_bias"];
const AVERAGE: [&str; 3] = ["average_weights", "average_visible_bias", "average_hidden_bias"];
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
    write(path, checkpoint, None, None)
}

/// The same with what was measured at its update, and with what a file of its model would say.
pub(super) fn write(
    path: &Path,
    checkpoint: &Checkpoint,
    metric: Option<&TrainMetric>,
    model: Option<&ModelMeta>,
) -> Result<()> {
    let Checkpoint { rbm, optimiser, chains, update, step, seed, fingerprint, ladder, online, average } = checkpoint;
    tensors::validate(rbm, &path.display().to_string()).map_err(Error::Numerics)?;
    let counters = Counters {
        format_version: CHECKPOINT_FORMAT,
        update: *update,
        step: *step,
        seed: *seed,
        chains: chains.rows(),
        units: chains.cols(),
        fingerprint: fingerprint.clone(),
        ladder: ladder.as_ref().map(ladder::counters),
        online: online.as_ref().map(online::counters),
        metric: metric.cloned(),
        model: model.cloned(),
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
    if let Some(online) = online {
        tensors.extend(online::tensors(online));
    }
    if let Some(average) = average {
        tensors.extend(rbm_tensors(AVERAGE, average));
    }
    tensors::write(path, &tensors, metadata)
}

/// Reads a checkpoint.
///
/// # Errors
/// [`Error::Checkpoint`] when it is truncated, damaged, of another kind or not consistent.
pub fn read_checkpoint(path: &Path) -> Result<Checkpoint> {
    Ok(read(path)?.0)
}

/// The same with what was measured at its update, where it was kept with that.
pub(super) fn read(path: &Path) -> Result<(Checkpoint, Option<TrainMetric>)> {
    let source = path.display().to_string();
    let as_checkpoint = |e| match e {
        Error::Input(fault) => Error::Checkpoint(fault),
        other => other,
    };
    let bytes = read_bytes(path).map_err(as_checkpoint)?;
    decode(&bytes, &source).map_err(Error::Checkpoint)
}

fn decode(bytes: &[u8], source: &str) -> std::result::Result<(Checkpoint, Option<TrainMetric>), Fault> {
    let file = tensors::File::decode(bytes, source)?;
    let json = file.metadata.as_deref().ok_or_else(|| {
        Fault::new("the file has no counters")
            .at(source)
            .expected(format!("a metadata key `{}`", tensors::METADATA_KEY))
    })?;
    let counters: Counters = serde_json::from_str(json)
        .map_err(|e| Fault::new(format!("cannot read the counters: {e}")).at(source).expected("a checkpoint"))?;
    if counters.format_version > CHECKPOINT_FORMAT {
        return Err(newer("checkpoint", counters.format_version, CHECKPOINT_FORMAT).at(source));
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
    let average = file.has(AVERAGE[0]).then(|| kept(AVERAGE, "running means")).transpose()?;
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
    let online = counters.online.map(|counters| online::decode(&file, &counters, shape, source)).transpose()?;
    let checkpoint = Checkpoint {
        optimiser: OptimiserState { velocity, square, visible_offset, hidden_offset },
        rbm,
        chains,
        update: counters.update,
        step: counters.step,
        seed: counters.seed,
        fingerprint: counters.fingerprint,
        ladder,
        online,
        average,
    };
    Ok((checkpoint, counters.metric))
}
