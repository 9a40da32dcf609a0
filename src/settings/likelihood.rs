//! ln Z and log-likelihoods of a machine.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Problem, counts, size};
use crate::error::{Error, Fault};
use crate::likelihood::{BETAS, CHAINS, MAX_BETAS, MAX_CHAINS, MAX_ENUMERATED, MAX_ENUMERATED_ON_DEMAND};
use crate::limits::{CountLimit, count};
use crate::rbm::Rbm;

/// When ln Z is enumerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enumerate {
    /// Where the smaller side has at most [`MAX_ENUMERATED`] units.
    Auto,
    /// Always; an error beyond [`MAX_ENUMERATED_ON_DEMAND`].
    Always,
    /// Never.
    Never,
}

impl FromStr for Enumerate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(Error::Input(Fault::new(format!("\"{text}\"")).expected("auto, always or never"))),
        }
    }
}

/// How inverse temperatures are placed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LadderChoice {
    /// In steps of equal thermodynamic length, measured on the machine.
    Adaptive,
    /// In equal steps.
    Linear,
    /// Here.
    At(Vec<f64>),
}

impl LadderChoice {
    fn problem(&self) -> Option<Fault> {
        let Self::At(betas) = self else { return None };
        let ends = betas.first() == Some(&0.0) && betas.last() == Some(&1.0);
        (!ends || !betas.windows(2).all(|pair| pair[0] < pair[1])).then(|| {
            let values: Vec<String> = betas.iter().map(ToString::to_string).collect();
            Fault::new(format!("ladder `{}`", values.join(",")))
                .expected("adaptive, linear, or inverse temperatures that rise from 0 to 1, such as 0,0.2,0.5,1")
        })
    }
}

impl FromStr for LadderChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "adaptive" => Ok(Self::Adaptive),
            "linear" => Ok(Self::Linear),
            _ => {
                let betas: Option<Vec<f64>> = text.split(',').map(|beta| beta.trim().parse().ok()).collect();
                let chosen = betas.map(Self::At).filter(|chosen| chosen.problem().is_none());
                chosen.ok_or_else(|| {
                    Error::Input(Fault::new(format!("ladder `{text}`")).expected(
                        "adaptive, linear, or inverse temperatures that rise from 0 to 1, such as 0,0.2,0.5,1",
                    ))
                })
            }
        }
    }
}

/// Where the estimate from above begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reverse {
    /// At exact samples where ln Z is enumerated, else at tempering chains.
    Auto,
    /// At exact samples; an error where there are none.
    Exact,
    /// At tempering chains.
    Tempering,
    /// There is none.
    Off,
}

impl FromStr for Reverse {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Self::Auto),
            "exact" => Ok(Self::Exact),
            "tempering" => Ok(Self::Tempering),
            "off" => Ok(Self::Off),
            _ => Err(Error::Input(Fault::new(format!("\"{text}\"")).expected("auto, exact, tempering or off"))),
        }
    }
}

/// Annealed importance sampling; every field has a default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "program", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct LikelihoodSettings {
    /// AIS chains [default: 1000]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chains: Option<u64>,
    /// Inverse temperatures [default: 1000]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub betas: Option<u64>,
    /// Where they lie: adaptive (steps of equal thermodynamic length, measured on the model), linear, or the values
    /// themselves, from 0 to 1 [default: adaptive]
    #[cfg_attr(feature = "program", arg(long, value_name = "adaptive|linear|B,B,…"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ladder: Option<LadderChoice>,
    /// The estimate from above: from exact samples where ln Z is enumerated, else from tempering chains [default: auto]
    #[cfg_attr(feature = "program", arg(long, value_name = "auto|exact|tempering|off"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverse: Option<Reverse>,
    /// Temper along these machines instead of temperatures, the earliest first: models or checkpoints of the training
    #[cfg_attr(feature = "program", arg(long, value_delimiter = ',', value_name = "FILE,…"))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trajectory: Vec<PathBuf>,
    /// The exact ln Z by enumeration of the smaller side: up to 25 units (auto), up to 30 or an error (always), or never
    /// [default: auto]
    #[cfg_attr(
        feature = "program",
        arg(long, value_name = "auto|always|never", num_args = 0..=1, require_equals = true, default_missing_value = "always")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<Enumerate>,
}

/// Inverse temperatures of annealing.
#[derive(Debug, Clone, PartialEq)]
pub enum Ladder {
    /// So many equal steps.
    Linear(usize),
    /// So many steps of equal thermodynamic length, measured on the machine.
    Adaptive(usize),
    /// As given, from 0 to 1.
    Chosen(Vec<f64>),
}

impl Ladder {
    /// Steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        match self {
            Self::Linear(steps) | Self::Adaptive(steps) => *steps,
            Self::Chosen(betas) => betas.len().saturating_sub(1),
        }
    }
}

/// A likelihood as its stage estimates it.
#[derive(Debug, Clone, PartialEq)]
pub struct LikelihoodPlan {
    /// AIS chains; 0 for no AIS.
    pub chains: usize,
    /// Inverse temperatures.
    pub ladder: Ladder,
    /// The estimate from above.
    pub reverse: Reverse,
    /// Earlier machines of the training, in their order: rungs of tempering in place of temperatures.
    pub trajectory: Vec<Rbm>,
    /// Enumeration.
    pub enumerate: Enumerate,
    /// Seed.
    pub seed: u64,
}

impl LikelihoodPlan {
    /// Whether ln Z of a machine is enumerated whose smaller side has so many units.
    #[must_use]
    pub fn enumerates(&self, smaller: usize) -> bool {
        match self.enumerate {
            Enumerate::Auto => smaller <= MAX_ENUMERATED,
            Enumerate::Always => true,
            Enumerate::Never => false,
        }
    }
}

const PARALLEL: CountLimit = count("chains", "chains", 2, MAX_CHAINS as u64);
const RUNGS: CountLimit = count("betas", "inverse temperatures", 2, MAX_BETAS as u64);

impl LikelihoodSettings {
    /// Files that are read.
    #[cfg(feature = "program")]
    pub(crate) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.trajectory.iter_mut()
    }

    /// With every default written out.
    #[must_use]
    pub fn filled(mut self) -> Self {
        self.chains.get_or_insert(CHAINS as u64);
        if !matches!(self.ladder, Some(LadderChoice::At(_))) {
            self.betas.get_or_insert(BETAS as u64);
        }
        self.ladder.get_or_insert(LadderChoice::Adaptive);
        let tempers = if self.trajectory.is_empty() { Reverse::Auto } else { Reverse::Tempering };
        self.reverse.get_or_insert(tempers);
        self.exact.get_or_insert(Enumerate::Auto);
        self
    }

    /// Everything that is wrong whatever the machine is.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let mut found: Vec<Problem> = counts([(self.chains, PARALLEL), (self.betas, RUNGS)]).collect();
        let ladder = self.ladder.as_ref().and_then(LadderChoice::problem).map(|fault| ("ladder", fault));
        found.extend(ladder.map(Problem::from));
        found
    }

    /// The plan, with the machines of the trajectory, for a machine whose smaller side has so many units.
    ///
    /// # Errors
    /// All problems.
    pub fn resolve(
        &self,
        smaller: Option<usize>,
        machines: Vec<Rbm>,
        seed: u64,
    ) -> Result<LikelihoodPlan, Vec<Problem>> {
        let found = self.check();
        if !found.is_empty() {
            return Err(found);
        }
        let said = self.clone().filled();
        let enumerate = said.exact.unwrap_or(Enumerate::Auto);
        if let Some(units) = smaller.filter(|&n| enumerate == Enumerate::Always && n > MAX_ENUMERATED_ON_DEMAND) {
            return Err(vec![Problem::new(
                "exact",
                format!("ln Z of {units} or more visible and hidden units cannot be enumerated"),
                format!("at most {MAX_ENUMERATED_ON_DEMAND} units on the smaller side"),
                "leave out `exact`",
            )]);
        }
        let steps = size(said.betas.unwrap_or(BETAS as u64)).saturating_sub(1);
        Ok(LikelihoodPlan {
            chains: size(said.chains.unwrap_or(CHAINS as u64)),
            ladder: match said.ladder.unwrap_or(LadderChoice::Adaptive) {
                LadderChoice::Adaptive => Ladder::Adaptive(steps),
                LadderChoice::Linear => Ladder::Linear(steps),
                LadderChoice::At(betas) => Ladder::Chosen(betas),
            },
            reverse: said.reverse.unwrap_or(Reverse::Auto),
            trajectory: machines,
            enumerate,
            seed,
        })
    }
}
