//! Samples of a machine.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{About, Problem, Switch, counts, size, word};
use crate::error::{Error, Fault};
use crate::lattice::Lattice;
use crate::limits::{ADDRESSED, CountLimit, count};
use crate::rbm::Rbm;
use crate::sample::{CHAINS, EVERY, MAX_CHAINS, MAX_RUNGS, SAMPLES, Settings, THERMALISE, check, translations_of};

/// Replicas that exchange states with the sampled chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replicas {
    /// None.
    Off,
    /// Those at as many temperatures as the machine needs.
    Auto,
    /// Those at so many temperatures, that of the machine itself included.
    Rungs(usize),
}

impl FromStr for Replicas {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match (text, text.parse::<usize>()) {
            ("off", _) => Ok(Self::Off),
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(rungs)) if RUNGS.range.contains(&(rungs as u64)) => Ok(Self::Rungs(rungs)),
            _ => Err(Error::Input(
                Fault::new(format!("tempering `{text}`"))
                    .expected(format!("auto, off, or a number of rungs from 2 to {MAX_RUNGS}")),
            )),
        }
    }
}

/// Samples of a machine; every field has a default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "program", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct SampleSettings {
    /// Number of samples [default: 10000]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// Parallel chains [default: 1000, or as many as samples if these are fewer]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chains: Option<u64>,
    /// Gibbs steps before the first sample [default: 1000]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thermalise: Option<u64>,
    /// Gibbs steps between samples of a chain [default: 10]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Flip moves of the chains, exact for any model: on where it has a lattice unless said
    #[cfg_attr(feature = "program", arg(long, default_value = "auto", value_name = "auto|on|off"))]
    #[serde(skip_serializing_if = "Switch::is_auto")]
    pub flip: Switch,
    /// Translations of the chains around the model's lattice: on where it has one unless said
    #[cfg_attr(feature = "program", arg(long, default_value = "auto", value_name = "auto|on|off"))]
    #[serde(skip_serializing_if = "Switch::is_auto")]
    pub translations: Switch,
    /// Replicas at other temperatures that exchange with the chains: auto (as many as the model needs), a number of rungs,
    /// or off [default: off]
    #[cfg_attr(feature = "program", arg(long, value_name = "auto|R|off"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tempering: Option<Replicas>,
    /// Replicas at these machines instead, the earliest first: models or checkpoints of the training
    #[cfg_attr(
        feature = "program",
        arg(long, value_delimiter = ',', value_name = "FILE,…", conflicts_with = "tempering")
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trajectory: Vec<PathBuf>,
}

/// Which replicas exchange with the chains.
#[derive(Debug, Clone, PartialEq)]
pub enum Tempering {
    /// None.
    Off,
    /// Those at as many temperatures as the machine needs.
    Auto,
    /// Those at so many temperatures, that of the machine itself included.
    Rungs(usize),
    /// Those at these machines, the lowest first.
    Machines(Vec<Rbm>),
}

/// Samples as their stage draws them.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplePlan {
    /// Chains and steps.
    pub settings: Settings,
    /// Replicas.
    pub tempering: Tempering,
    /// Moves of the chains by translations of this lattice.
    pub translations: Option<Lattice>,
}

const MANY: CountLimit = count("samples", "samples", 2, ADDRESSED);
const PARALLEL: CountLimit = count("chains", "chains", 1, MAX_CHAINS as u64);
const BEFORE: CountLimit = count("thermalise", "Gibbs steps before the first sample", 0, 1 << 30);
const BETWEEN: CountLimit = count("every", "Gibbs steps between samples", 1, 1 << 30);
const RUNGS: CountLimit = count("tempering", "rungs", 2, MAX_RUNGS as u64);

impl SampleSettings {
    /// Files that are read.
    #[cfg(feature = "program")]
    pub(crate) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.trajectory.iter_mut()
    }

    /// With every default written out.
    #[must_use]
    pub fn filled(mut self, about: &About) -> Self {
        let samples = *self.samples.get_or_insert(SAMPLES as u64);
        self.chains.get_or_insert((CHAINS as u64).min(samples.max(1)));
        self.thermalise.get_or_insert(THERMALISE.into());
        self.every.get_or_insert(EVERY.into());
        self.flip = self.flip.or(about.lattice.is_some()).into();
        self.translations = self.translations.or(about.lattice.is_some()).into();
        if self.trajectory.is_empty() {
            self.tempering.get_or_insert(Replicas::Off);
        }
        self
    }

    /// Everything that is wrong whatever the machine is.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let rungs = if let Some(Replicas::Rungs(rungs)) = self.tempering { Some(rungs as u64) } else { None };
        let mut found: Vec<Problem> = counts([
            (self.samples, MANY),
            (self.chains, PARALLEL),
            (self.thermalise, BEFORE),
            (self.every, BETWEEN),
            (rungs, RUNGS),
        ])
        .collect();
        let samples = self.samples.unwrap_or(SAMPLES as u64);
        let chains = self.chains.unwrap_or(1);
        if chains > samples && found.is_empty() {
            found.push(Problem::new(
                "chains",
                format!("{chains} chains for {samples} samples"),
                "at most as many chains as samples",
                format!("take {samples} chains, or more samples"),
            ));
        }
        if self.tempering.is_some() && !self.trajectory.is_empty() {
            let advice = "leave out `tempering`";
            found.push(Problem::new("tempering", "both `tempering` and `trajectory`", "one of them", advice));
        }
        let every = self.every.unwrap_or(1);
        let steps = every.saturating_mul(samples.div_ceil(chains.max(1))).saturating_add(self.thermalise.unwrap_or(0));
        if steps > ADDRESSED && samples <= ADDRESSED {
            let expected = format!("at most {ADDRESSED}: steps are addressed with 32 bits");
            let advice = "take more chains or fewer samples";
            found.push(Problem::new("samples", format!("{steps} Gibbs steps"), expected, advice));
        }
        found
    }

    /// The plan, with the machines of the trajectory, and what does not go together.
    ///
    /// # Errors
    /// All problems.
    pub fn resolve(&self, about: &About, machines: Vec<Rbm>, seed: u64) -> Result<SamplePlan, Vec<Problem>> {
        let found = self.check();
        if !found.is_empty() {
            return Err(found);
        }
        let said = self.clone().filled(about);
        let settings = Settings {
            samples: size(said.samples.unwrap_or(SAMPLES as u64)),
            chains: size(said.chains.unwrap_or(CHAINS as u64)),
            thermalise: word(said.thermalise.unwrap_or(THERMALISE.into())),
            every: word(said.every.unwrap_or(EVERY.into())),
            flip: said.flip.or(false),
            seed,
        };
        if let Err(error) = check(about.n_visible.unwrap_or(1), &settings) {
            return Err(vec![Problem::from(("samples", error.into_fault()))]);
        }
        let tempering = match said.tempering {
            _ if !machines.is_empty() => Tempering::Machines(machines),
            Some(Replicas::Auto) => Tempering::Auto,
            Some(Replicas::Rungs(rungs)) => Tempering::Rungs(rungs),
            Some(Replicas::Off) | None => Tempering::Off,
        };
        let translations = translations_of(about.lattice.filter(|_| said.translations.or(false)));
        Ok(SamplePlan { settings, tempering, translations })
    }
}
