//! A trained machine with what is known about it.

use serde::{Deserialize, Serialize};

use crate::lattice::Lattice;
use crate::rbm::{Rbm, Units};

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
    /// Version of the format; what a file is written with follows from its units.
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

pub(super) fn is_binary(units: &Units) -> bool {
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
}
