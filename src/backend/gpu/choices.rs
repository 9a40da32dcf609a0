//! Measured choices, class of shapes by class, and where they are kept from one run of the program to the next.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::device::lock;
use super::tile::Tile;

/// Numbers of binary digits of rows, columns and inputs of a product.
pub type ShapeClass = [u32; 3];

/// The fastest tile of every class that was measured.
pub type TileChoices = BTreeMap<ShapeClass, &'static Tile>;

/// Keeps measured choices from one run of the program to the next.
pub trait TileStore: std::fmt::Debug + Send + Sync {
    /// What was measured before on the device called `key`; nothing where that cannot be read.
    fn load(&self, key: &str) -> TileChoices;

    /// Keeps all choices for the device called `key`; losing them costs time, never a result.
    fn save(&self, key: &str, choices: &TileChoices);
}

/// Choices of one kind.
#[derive(Debug)]
pub(super) struct Choices {
    /// Device and kind, as the store knows them.
    key: String,
    known: Mutex<TileChoices>,
}

impl Choices {
    /// None yet.
    pub(super) fn new(key: String) -> Self {
        Self { key, known: Mutex::default() }
    }

    /// Takes what was found before as far as it is still `usable`; the rest is measured anew.
    pub(super) fn load(&self, store: &dyn TileStore, usable: impl Fn(&'static Tile) -> bool) {
        *lock(&self.known) = store.load(&self.key).into_iter().filter(|(_, tile)| usable(tile)).collect();
    }

    /// What is known of a product of that shape, or else what `measure` finds and `store` then keeps.
    pub(super) fn of(
        &self,
        store: &dyn TileStore,
        shape: [usize; 3],
        measure: impl FnOnce() -> &'static Tile,
    ) -> &'static Tile {
        let class = class_of(shape);
        let before = lock(&self.known).get(&class).copied();
        before.unwrap_or_else(|| {
            let tile = measure();
            let mut known = lock(&self.known);
            known.insert(class, tile);
            store.save(&self.key, &known);
            tile
        })
    }
}

fn class_of(shape: [usize; 3]) -> ShapeClass {
    shape.map(|n| usize::BITS - n.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_powers_of_two() {
        assert_eq!(class_of([1, 64, 127]), [1, 7, 7]);
        assert_eq!(class_of([0, 128, 4096]), [0, 8, 13]);
    }
}
