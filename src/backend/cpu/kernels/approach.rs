//! A machine moves a part of its way towards another.
//!
//! Maths: x ← x + a (y − x) for every parameter x, y that of the other machine.
//! Shapes: any, the same for both.
//! Class: bounded.

use crate::backend::cpu::tile::{TILE, Tile, kernel};

kernel! {
    /// Moves `tiles` the part `part` of their way `towards` others.
    pub(crate) fn approach<S>(tiles: &mut [Tile], towards: &[Tile], part: f32) {
        for (tile, towards) in tiles.iter_mut().zip(towards) {
            for k in 0..TILE {
                tile.0[k] += part * (towards.0[k] - tile.0[k]);
            }
        }
    }
}
