//! The machine to train.

use serde::{Deserialize, Serialize};

use super::{About, Problem, counts, numbers};
use crate::rbm::Units;
use crate::train::limits;
use crate::train::{Start, WEIGHT_SCALE, default_anchor};

/// The machine to train.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "program", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    /// Hidden units [default: as many as visible ones, but at least 64 (of 5000 rows and more 128) and at most 160; 128 for more than 400
    /// visible units]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<u64>,
    /// Standard deviation of the initial weights [default: 0.01]
    #[cfg_attr(feature = "program", arg(long, value_name = "SIGMA"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_scale: Option<f64>,
    /// Weight of each hidden unit to a visible unit of its own at the start, 0 for none [default: 4 for lattice data, else 2]
    #[cfg_attr(feature = "program", arg(long, value_name = "W"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<f64>,
    /// Values of the units for which the model is written: 0 and 1 (binary) or -1 and +1 (spin), on both sides or as
    /// visible,hidden; rates, weight scale and anchors are those of units 0 and 1 [default: binary]
    #[cfg_attr(feature = "program", arg(long, value_name = "binary|spin|V,H"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<Units>,
}

impl ModelSettings {
    /// With every default written out, but for what an automatic training decides where this is the machine of one.
    #[must_use]
    pub fn filled(mut self, about: &About, is_automatic: bool) -> Self {
        self.weight_scale.get_or_insert(WEIGHT_SCALE);
        if !is_automatic {
            self.anchor.get_or_insert(default_anchor(about.lattice.is_some()));
        }
        self.units.get_or_insert_default();
        self
    }

    /// Everything that is wrong whatever the data are.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        counts([(self.hidden, limits::counts::HIDDEN)])
            .chain(numbers([
                (self.weight_scale, limits::numbers::WEIGHT_SCALE),
                (self.anchor, limits::numbers::ANCHOR),
            ]))
            .collect()
    }

    /// How it starts.
    #[must_use]
    pub fn start(&self, about: &About) -> Start {
        Start {
            weight_scale: self.weight_scale.unwrap_or(WEIGHT_SCALE),
            anchor: self.anchor.unwrap_or(default_anchor(about.lattice.is_some())),
        }
    }
}
