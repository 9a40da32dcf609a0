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
    /// Those that serve in most cases: for data on a lattice the symmetries by which the chains are moved, else none.
    ///
    /// A lattice in a file stands for the Ising model without a field, of which every image of a state is as likely as the
    /// state. 1000 rows of `square:8` at T_c then teach as much as many more, and machines of any number of rows do not
    /// learn what tells their images apart by chance.
    #[must_use]
    pub fn usual(lattice: Option<Lattice>, flip: bool, translations: bool) -> Self {
        match (lattice.is_some() && flip, translations && translations_of(lattice).is_some()) {
            (false, false) => Self::None,
            (true, false) => Self::Flip,
            (false, true) => Self::Translations,
            (true, true) => Self::Both,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lattices_bring_the_symmetries_of_their_chains() {
        let (square, open) = (Some(Lattice::Square { length: 4 }), Some(Lattice::OpenChain { length: 4 }));
        assert_eq!(Augment::usual(square, true, true), Augment::Both);
        assert_eq!(Augment::usual(square, false, true), Augment::Translations);
        assert_eq!(Augment::usual(square, true, false), Augment::Flip);
        assert_eq!(Augment::usual(open, true, true), Augment::Flip);
        assert_eq!(Augment::usual(Some(Lattice::Honeycomb { length: 4 }), false, true), Augment::None);
        assert_eq!(Augment::usual(None, true, true), Augment::None);
    }
}
