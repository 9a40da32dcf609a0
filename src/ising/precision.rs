//! How precisely a run must know an observable, and how much work that takes.
//!
//! An error falls as 1/√n, so a run of n sampling times with error σ needs n (σ/σ₀)² of them to reach σ₀. The run goes on
//! in rounds until the estimated error itself is small enough. That estimate fluctuates by 1/√(2B), 6 % with 128 jackknife
//! blocks and 13 % with 32, and a run stops more readily where it is low: simulated for independent Gaussian values, the
//! squared deviations of such runs are 1.02 and 1.09 squared errors in the mean. Runs whose errors matter that much take
//! 128 replicas or more.

use std::str::FromStr;

use crate::error::{Error, Fault, Result};
use crate::record::{Estimate, ExactObservables, Observables};

/// An observable whose error can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// e.
    Energy,
    /// C.
    SpecificHeat,
    /// ⟨|m|⟩.
    Magnetization,
    /// χ.
    Susceptibility,
    /// U4.
    Binder,
}

impl Quantity {
    /// All of them, in the order of results.
    pub const ALL: [Self; 5] =
        [Self::Energy, Self::SpecificHeat, Self::Magnetization, Self::Susceptibility, Self::Binder];

    /// Name, as the key of the result.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::SpecificHeat => "specific_heat",
            Self::Magnetization => "magnetization",
            Self::Susceptibility => "susceptibility",
            Self::Binder => "binder",
        }
    }

    /// Its exact value, where it is known.
    #[must_use]
    pub fn exact(self, exact: &ExactObservables) -> Option<f64> {
        match self {
            Self::Energy => Some(exact.energy),
            Self::SpecificHeat => Some(exact.specific_heat),
            Self::Magnetization => exact.magnetization,
            Self::Susceptibility => exact.susceptibility,
            Self::Binder => exact.binder,
        }
    }

    /// Its estimate.
    #[must_use]
    pub fn of(self, observables: &Observables) -> Estimate {
        match self {
            Self::Energy => observables.energy,
            Self::SpecificHeat => observables.specific_heat,
            Self::Magnetization => observables.magnetization,
            Self::Susceptibility => observables.susceptibility,
            Self::Binder => observables.binder,
        }
    }
}

/// A largest error: one standard deviation, absolute, per site.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Precision {
    /// Of what.
    pub quantity: Quantity,
    /// Largest one-sigma error.
    pub error: f64,
}

impl Precision {
    /// Factor by which a run must grow to reach this: 1 or less where it is reached. NaN errors count as reached, since
    /// nothing is known of them.
    #[must_use]
    pub fn growth(&self, observables: &Observables) -> f64 {
        let error = self.quantity.of(observables).error;
        if error.is_finite() { (error / self.error).powi(2) } else { 1.0 }
    }

    /// Checks the number.
    ///
    /// # Errors
    /// [`Error::Input`] unless it is positive and finite.
    pub fn validate(&self) -> Result<()> {
        if self.error.is_finite() && self.error > 0.0 {
            return Ok(());
        }
        Err(wrong(format!("precision {} of the {}", self.error, self.quantity.name())))
    }
}

fn wrong(what: String) -> Error {
    let names: Vec<&str> = Quantity::ALL.iter().map(|q| q.name()).collect();
    Error::Input(
        Fault::new(what)
            .at("--precision")
            .expected(format!("QUANTITY:ERROR with a positive one-sigma error and a quantity of {}", names.join(", ")))
            .advice("write for example energy:1e-4"),
    )
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unreadable = || wrong(format!("\"{text}\""));
        let (name, number) = text.trim().split_once(':').ok_or_else(unreadable)?;
        let name = name.replace('-', "_");
        let quantity = Quantity::ALL.into_iter().find(|q| q.name() == name).ok_or_else(unreadable)?;
        let precision = Self { quantity, error: number.parse().map_err(|_| unreadable())? };
        precision.validate()?;
        Ok(precision)
    }
}
