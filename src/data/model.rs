//! A trained machine as a file: .safetensors with `weights` `[n_visible, n_hidden]`, `visible_bias`, `hidden_bias`
//! (f32) and one metadata key `gibbsite` with JSON.
//!
//! The parameters in the file are those for the units that the metadata name ([`Units`]); in memory they are those for
//! units 0, 1.

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::file::read_bytes;
use super::names::check_names;
use super::tensors::{self, Tensor};
use crate::error::{Error, Fault, Result};
use crate::lattice::Lattice;
use crate::rbm::{Rbm, Units};

/// Newest version of the metadata that this program reads: that of machines with units ±1, which earlier programs would
/// take for others. Machines with units 0, 1 are written as version 1.
pub const MODEL_FORMAT: u32 = 2;

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the program.
    #[serde(default)]
    pub version: String,
    /// Seed of the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What the training data were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// SHA-256 of the file of training data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_sha256: Option<String>,
    /// The file of the rows that were looked at and not trained on, where they are not of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<String>,
    /// SHA-256 of that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_sha256: Option<String>,
    /// Updates done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<u64>,
    /// Hash of settings and data, as checkpoints of the training have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Settings of the training, as in a scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<serde_json::Value>,
}

/// Everything in a model file besides the parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelMeta {
    /// At most [`MODEL_FORMAT`]; what a file is written with follows from its units.
    pub format_version: u32,
    /// Values of the units for which the file's parameters are.
    #[serde(default, skip_serializing_if = "is_binary")]
    pub units: Units,
    /// Names of the visible units, `[n_visible]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// Lattice of the visible units in text form.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "lattice_text")]
    pub lattice: Option<Lattice>,
    /// T of the training data in J/k_B.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// ⟨v⟩ of the training data in units 0, 1, `[n_visible]`: the base of annealed importance sampling when no data are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_means: Option<Vec<f64>>,
    /// Where the model comes from.
    #[serde(default)]
    pub provenance: Provenance,
}

impl Default for ModelMeta {
    fn default() -> Self {
        Self {
            format_version: 1,
            units: Units::BINARY,
            names: None,
            lattice: None,
            temperature: None,
            data_means: None,
            provenance: Provenance { version: env!("CARGO_PKG_VERSION").to_string(), ..Provenance::default() },
        }
    }
}

fn is_binary(units: &Units) -> bool {
    *units == Units::BINARY
}

mod lattice_text {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::lattice::Lattice;

    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(lattice: &Option<Lattice>, serializer: S) -> Result<S::Ok, S::Error> {
        match lattice {
            Some(lattice) => serializer.collect_str(lattice),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Lattice>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|t| t.parse().map_err(|_| serde::de::Error::custom(format!("unknown lattice \"{t}\"")))).transpose()
    }
}

/// A machine with its metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Parameters.
    pub rbm: Rbm,
    /// Everything else.
    pub meta: ModelMeta,
}

impl Model {
    /// Names of the visible units: those of the file, else their numbers from 0.
    #[must_use]
    pub fn unit_names(&self) -> Vec<String> {
        self.meta.names.clone().unwrap_or_else(|| (0..self.rbm.n_visible).map(|j| j.to_string()).collect())
    }

    fn validate(&self, source: &str) -> std::result::Result<(), Fault> {
        tensors::validate(&self.rbm, source)?;
        let meta = &self.meta;
        let lengths = [
            ("names", meta.names.as_ref().map(Vec::len)),
            ("data means", meta.data_means.as_ref().map(Vec::len)),
            ("lattice sites", meta.lattice.map(Lattice::sites)),
        ];
        for (what, found) in lengths {
            if let Some(found) = found.filter(|&n| n != self.rbm.n_visible) {
                return Err(Fault::new(format!("{found} {what} for {} visible units", self.rbm.n_visible))
                    .at(source)
                    .expected(format!("{} {what}", self.rbm.n_visible)));
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
}

/// What the metadata of a checkpoint of a training say of the model in it; no model file has these keys.
#[derive(Deserialize)]
struct OfCheckpoint {
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
        (_, Some(OfCheckpoint { update, seed, model, .. })) => {
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
                return Err(Fault::new(format!("model format {}", meta.format_version))
                    .at(source)
                    .expected(format!("format {MODEL_FORMAT} or earlier"))
                    .advice("use a newer version of the program"));
            }
            meta
        }
    };
    let stored = Model { rbm, meta };
    stored.validate(source)?;
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
    model.validate(&path.display().to_string()).map_err(Error::Numerics)?;
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
