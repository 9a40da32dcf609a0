//! Values that several stages share.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Fault};

/// On, off, or as the data have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub enum Switch {
    /// As the data have it.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Switch {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }

    /// Whether it is on, where `auto` is what the data say.
    #[must_use]
    pub fn or(self, auto: bool) -> bool {
        match self {
            Self::Auto => auto,
            Self::On => true,
            Self::Off => false,
        }
    }
}

impl From<bool> for Switch {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

impl From<Switch> for bool {
    fn from(switch: Switch) -> Self {
        switch.or(false)
    }
}

impl FromStr for Switch {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Self::Auto),
            "on" | "true" => Ok(Self::On),
            "off" | "false" => Ok(Self::Off),
            _ => Err(Error::Input(Fault::new(format!("\"{text}\"")).expected("auto, on or off"))),
        }
    }
}

/// Rows that are looked at and not trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a fraction from 0 to below 1, or the name of a file of other rows")]
pub enum HeldOut {
    /// Part of the rows of the data.
    Fraction(f64),
    /// Those of another file.
    File(PathBuf),
}

impl FromStr for HeldOut {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::File(text.into()), Self::Fraction))
    }
}

impl fmt::Display for HeldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fraction(fraction) => write!(f, "{fraction}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl HeldOut {
    /// Part of the rows of the data that are kept out.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        if let Self::Fraction(fraction) = self { *fraction } else { 0.0 }
    }

    /// The file of other rows.
    #[must_use]
    pub fn file(&self) -> Option<&PathBuf> {
        if let Self::File(path) = self { Some(path) } else { None }
    }
}
