//! Lattices as people write them: `square:8`, `square:4x6`, `open-square:4x6`.

use std::fmt;
use std::str::FromStr;

use super::{Grid, Kind, Lattice};
use crate::error::{Error, Fault};

const NAMES: [(&str, Kind); 5] = [
    ("chain", Kind::Chain),
    ("square", Kind::Square),
    ("triangular", Kind::Triangular),
    ("honeycomb", Kind::Honeycomb),
    ("cubic", Kind::Cubic),
];

impl serde::Serialize for Lattice {
    fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl fmt::Display for Lattice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grid = Grid::from(*self);
        let name = NAMES.iter().find(|(_, kind)| *kind == grid.kind).map_or("", |(name, _)| name);
        write!(f, "{}{name}:{}", if grid.open { "open-" } else { "" }, grid.extents[2 - (grid.kind.dimensions() - 1)])?;
        match grid.sides() {
            [first, rest @ ..] if rest.iter().any(|side| side != first) => {
                rest.iter().try_for_each(|side| write!(f, "x{side}"))
            }
            _ => Ok(()),
        }
    }
}

impl FromStr for Lattice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::Input(
                Fault::new(format!("unknown lattice \"{text}\""))
                    .expected(
                        "chain:L, square:L, triangular:L, honeycomb:L or cubic:L with a whole number L, or one for each \
                         side as in square:4x6; with open- before it where it ends at its sides, as in open-chain:6",
                    )
                    .advice("write for example square:8"),
            )
        };
        let (name, sides) = text.split_once(':').ok_or_else(wrong)?;
        let (open, name) = name.strip_prefix("open-").map_or((false, name), |name| (true, name));
        let &(_, kind) = NAMES.iter().find(|(known, _)| *known == name).ok_or_else(wrong)?;
        let sides: Vec<usize> =
            sides.split(['x', '×']).map(|side| side.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
        let mut extents = [1; 3];
        let used = &mut extents[3 - kind.dimensions()..];
        match sides[..] {
            [side] => used.fill(side),
            _ if sides.len() == used.len() => used.copy_from_slice(&sides),
            _ => return Err(wrong()),
        }
        Self::from(Grid { kind, extents, open }).validate()
    }
}
