//! Symmetries by which minibatches are moved, as they are chosen by name.

use std::str::FromStr;

use crate::error::{Error, Fault};
use crate::lattice::Lattice;
use crate::sample::{Moves, translations_of};

/// Which images of a row stand for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Augment {
    /// The row as it is.
    #[default]
    None,
    /// Itself or its flip v → 1 − v.
    Flip,
    /// Any translation around the lattice.
    Translations,
    /// Any translation, flipped or not.
    Both,
}

impl FromStr for Augment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "none" => Ok(Self::None),
            "flip" => Ok(Self::Flip),
            "translations" => Ok(Self::Translations),
            "both" => Ok(Self::Both),
            _ => Err(Error::Input(
                Fault::new(format!("augmentation \"{text}\"")).expected("none, flip, translations or both"),
            )),
        }
    }
}

impl Augment {
    /// The symmetries of data on `lattice`.
    ///
    /// # Errors
    /// For translations where there is no lattice, or one that they do not map to itself.
    pub fn moves(self, lattice: Option<Lattice>) -> Result<Moves, Fault> {
        let flip = matches!(self, Self::Flip | Self::Both);
        if !matches!(self, Self::Translations | Self::Both) {
            return Ok(Moves { flip, translations: None });
        }
        match translations_of(lattice) {
            Some(lattice) => Ok(Moves { flip, translations: Some(lattice) }),
            None => Err(Fault::new(
                lattice.map_or("the data have no lattice".into(), |l| format!("{l} has no translations")),
            )
            .at("augment")
            .expected("data on a periodic lattice that translations map to itself")
            .advice("leave translations out, or give data with their lattice")),
        }
    }
}
