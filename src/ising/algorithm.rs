//! Update algorithms by name.

use serde::{Deserialize, Serialize};

/// How configurations follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Single-spin Metropolis, colour by colour.
    Metropolis,
    /// Single-spin heat bath, colour by colour.
    HeatBath,
    /// Swendsen–Wang: all clusters at once, of uniform couplings.
    SwendsenWang,
    /// Wolff: one cluster a sweep, of uniform couplings.
    Wolff,
}

impl Algorithm {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Metropolis, Self::HeatBath, Self::SwendsenWang, Self::Wolff];

    /// Name in flags and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Metropolis => "metropolis",
            Self::HeatBath => "heat-bath",
            Self::SwendsenWang => "swendsen-wang",
            Self::Wolff => "wolff",
        }
    }

    /// By name; underscores are taken for hyphens.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.replace('_', "-");
        Self::ALL.into_iter().find(|a| a.name() == name)
    }

    /// Whether all clusters, or one, are turned rather than single spins.
    #[must_use]
    pub fn is_cluster(self) -> bool {
        matches!(self, Self::SwendsenWang | Self::Wolff)
    }
}
