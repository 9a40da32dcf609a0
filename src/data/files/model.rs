//! A trained machine as a file: .safetensors with `weights` `[n_visible, n_hidden]`, `visible_bias`, `hidden_bias`
//! (f32) and one metadata key `gibbsite` with JSON.
//!
//! The parameters in the file are those for the units that the metadata name ([`crate::rbm::Units`]); in memory they are those for
//! units 0, 1.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;

use super::file::read_bytes;
use super::tensors::{self, Tensor};
use crate::data::model::is_binary;
use crate::data::names::check_names;
use crate::data::{Model, ModelMeta, Provenance};
use crate::error::{Error, Fault, Result};
use crate::lattice::Lattice;

/// Newest version of the metadata that this program reads: that of machines with units ±1, which earlier programs would
/// take for others. Machines with units 0, 1 are written as version 1.
pub const MODEL_FORMAT: u32 = 2;

/// Newest version of checkpoints that this program reads, and the one that it writes.
pub const CHECKPOINT_FORMAT: u32 = 1;

/// A file that a newer program has written in a form of its own.
pub(crate) fn newer(what: &str, found: u32, known: u32) -> Fault {
    Fault::new(format!("{what} format {found}, written by a newer version of the program"))
        .expected(format!("format {known} or earlier"))
        .advice("use that version, or a newer one")
}

fn validate(model: &Model, source: &str) -> std::result::Result<(), Fault> {
    tensors::validate(&model.rbm, source)?;
    let meta = &model.meta;
    let lengths = [
        ("names", meta.names.as_ref().map(Vec::len)),
        ("data means", meta.data_means.as_ref().map(Vec::len)),
        ("lattice sites", meta.lattice.map(Lattice::sites)),
    ];
    for (what, found) in lengths {
        if let Some(found) = found.filter(|&n| n != model.rbm.n_visible) {
            return Err(Fault::new(format!("{found} {what} for {} visible units", model.rbm.n_visible))
                .at(source)
                .expected(format!("{} {what}", model.rbm.n_visible)));
        }
    }
    if let Some(names) = &meta.names {
        check_names(names, source)?;
    }
    if let Some(mean) = meta.data_means.iter().flatten().find(|m| !(0.0..=1.0).contains(*m)) {
        return Err(Fault::new(format!("data mean {mean}")).at(source).expected("numbers from 0 to 1"));
    }
    if let Some(t) = meta.temperature.filter(|t| !(t.is_finite() && *t > 0.0)) {
        return Err(Fault::new(format!("temperature {t}")).at(source).expected("a positive finite number"));
    }
    Ok(())
}

/// What the metadata of a checkpoint of a training say of the model in it; no model file has these keys.
#[derive(Deserialize)]
struct OfCheckpoint {
    format_version: u32,
    update: u64,
    seed: u64,
    #[serde(rename = "step")]
    _step: u64,
    #[serde(rename = "chains")]
    _chains: usize,
    #[serde(default)]
    model: Option<ModelMeta>,
}

/// Reads a model, or a checkpoint of a training as one. A file without the key `gibbsite` gives a model without names.
///
/// # Errors
/// [`Error::Input`] for a missing, truncated or foreign file, missing tensors, wrong shapes, or numbers that are not
/// finite.
pub fn read_model(path: &Path) -> Result<Model> {
    let bytes = read_bytes(path)?;
    decode(&bytes, &path.display().to_string()).map_err(Error::Input)
}

fn decode(bytes: &[u8], source: &str) -> std::result::Result<Model, Fault> {
    let file = tensors::File::decode(bytes, source)?;
    let rbm = tensors::rbm_of(&file, ["weights", "visible_bias", "hidden_bias"], source)?;
    let nothing = || ModelMeta { provenance: Provenance::default(), ..ModelMeta::default() };
    let of_checkpoint = file.metadata.as_ref().and_then(|json| serde_json::from_str::<OfCheckpoint>(json).ok());
    let is_checkpoint = of_checkpoint.is_some();
    let meta = match (&file.metadata, of_checkpoint) {
        (None, _) => nothing(),
        (_, Some(OfCheckpoint { format_version, update, seed, model, .. })) => {
            if format_version > CHECKPOINT_FORMAT {
                return Err(newer("checkpoint", format_version, CHECKPOINT_FORMAT).at(source));
            }
            let mut meta = model.unwrap_or_else(nothing);
            (meta.provenance.updates, meta.provenance.seed) = (Some(update), Some(seed));
            meta
        }
        (Some(json), _) => {
            let meta: ModelMeta = serde_json::from_str(json).map_err(|e| {
                Fault::new(format!("cannot read the metadata: {e}"))
                    .at(format_args!("{source}, metadata key `{}`", tensors::METADATA_KEY))
                    .expected("JSON as this program writes it")
            })?;
            if meta.format_version > MODEL_FORMAT {
                return Err(newer("model", meta.format_version, MODEL_FORMAT).at(source));
            }
            meta
        }
    };
    let stored = Model { rbm, meta };
    validate(&stored, source)?;
    let Model { rbm, meta } = stored;
    // The parameters of a checkpoint are those for units 0, 1 whatever the model's are to be.
    let rbm = if is_checkpoint || is_binary(&meta.units) { rbm } else { rbm.from_units(meta.units) };
    Ok(Model { rbm, meta })
}

/// Writes a model atomically.
///
/// # Errors
/// [`Error::Input`] when the directory is not there, [`Error::Numerics`] when a parameter is not finite or a length is
/// wrong, [`Error::File`] when writing fails.
pub fn write_model(path: &Path, model: &Model) -> Result<()> {
    validate(model, &path.display().to_string()).map_err(Error::Numerics)?;
    let units = model.meta.units;
    let rbm = if is_binary(&units) { Cow::Borrowed(&model.rbm) } else { Cow::Owned(model.rbm.in_units(units).0) };
    let meta = ModelMeta { format_version: if is_binary(&units) { 1 } else { 2 }, ..model.meta.clone() };
    let meta = serde_json::to_string(&meta).map_err(|e| Error::File(Fault::new(e.to_string())))?;
    let tensors = [
        Tensor::f32("weights", &[rbm.n_visible, rbm.n_hidden], &rbm.weights),
        Tensor::f32("visible_bias", &[rbm.n_visible], &rbm.visible_bias),
        Tensor::f32("hidden_bias", &[rbm.n_hidden], &rbm.hidden_bias),
    ];
    tensors::write(path, &tensors, meta)
}
