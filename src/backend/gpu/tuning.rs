//! Which tile a product takes: the one that was asked for, the one that was measured fastest on this device for a
//! product of about this shape, or the likely one.
//!
//! Measuring takes a fraction of a second for each class of shapes, once: a [`TileStore`] keeps the outcome. Software
//! devices are not measured. The choice never changes a result, since every tile sums in the same order; that of cooperative
//! matrices, in a Gibbs half-step with f16 weights, may change bits within their margin.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use crate::error::{Error, Fault, Result};

use super::adapter::Selection;
use super::device::{Gpu, lock};
use super::kernels::gibbs_half_step;
use super::memory::Shape;
use super::shader::{Stored, Variant, compose};
use super::tile::{self, Tile};

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

/// Tiles that fit the device, and how one is chosen.
#[derive(Debug)]
pub(super) struct Tiles {
    fixed: Option<&'static Tile>,
    fitting: Vec<&'static Tile>,
    /// The tile of cooperative matrices that the device offers.
    matrices: Option<&'static Tile>,
    software: bool,
    /// Adapter, driver and shader, as the store knows them.
    key: String,
    store: Option<Box<dyn TileStore>>,
    chosen: Mutex<TileChoices>,
    /// The same for half-steps that could be done by cooperative matrices.
    chosen_for_half_steps: Mutex<TileChoices>,
}

/// Workgroups that keep a large device busy.
const ENOUGH_GROUPS: u64 = 96;
/// Sizes of a product that is measured are cut at this many rows, columns and inputs.
const MOST: usize = 4096;
/// Seconds of dispatches that are enough for a measurement.
const ENOUGH_SECONDS: f64 = 3e-3;
/// Repetitions, of which the fastest counts.
const REPETITIONS: usize = 3;

fn class_of(rows: usize, columns: usize, inputs: usize) -> ShapeClass {
    [rows, columns, inputs].map(|n| usize::BITS - n.leading_zeros())
}

/// FNV-1a, which names a text and protects nothing.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Tiles {
    pub(super) fn new(
        selection: &Selection,
        info: &wgpu::AdapterInfo,
        limits: &wgpu::Limits,
        matrices: Option<&'static Tile>,
    ) -> Result<Self> {
        let fits = |tile: &Tile| {
            tile.bytes() <= limits.max_compute_workgroup_storage_size
                && tile.invocations() <= limits.max_compute_invocations_per_workgroup
        };
        if let Some(tile) = selection.tile.filter(|tile| !fits(tile)) {
            return Err(Error::Device(
                Fault::new(format!("tiles of {} need {} bytes of workgroup memory", tile.name, tile.bytes()))
                    .at(&info.name)
                    .expected(format!("at most {}", limits.max_compute_workgroup_storage_size)),
            ));
        }
        if let Some(tile) = selection.tile.filter(|tile| tile.side > 0 && matrices != Some(*tile)) {
            return Err(Error::Device(
                Fault::new(format!("the device does not multiply by {}", tile.name))
                    .at(&info.name)
                    .expected("weights in f16 and a device with such cooperative matrices")
                    .advice("leave GIBBSITE_TILE empty"),
            ));
        }
        // Intel's compilers run out of registers where the operands of several inputs are held; the others gain by it.
        let crowded = info.vendor == 0x8086;
        let wanted = [
            &tile::SMALL,
            &tile::MEDIUM,
            if crowded { &tile::LARGE } else { &tile::LARGE_UNROLLED },
            if crowded { &tile::HUGE } else { &tile::HUGE_UNROLLED },
        ];
        let texts = gibbs_half_step::HIDDEN
            .variants()
            .map(|variant: Variant| hash(&compose(gibbs_half_step::HIDDEN.source, variant)));
        let shader = texts.fold(0, |all, one| all ^ one.rotate_left(all as u32 % 64));
        Ok(Self {
            fixed: selection.tile,
            fitting: wanted.into_iter().filter(|tile| fits(tile)).collect(),
            matrices,
            software: info.device_type == wgpu::DeviceType::Cpu,
            key: format!("{} | {} {} | {shader:016x}", info.name, info.driver, info.driver_info),
            store: None,
            chosen: Mutex::default(),
            chosen_for_half_steps: Mutex::default(),
        })
    }

    /// As the store knows the choices between the fastest tile and cooperative matrices.
    fn key_for_half_steps(&self) -> String {
        format!("{} | half-steps in f16", self.key)
    }

    /// The largest tile that still gives the device enough workgroups.
    fn likely(&self, rows: usize, columns: usize) -> &'static Tile {
        let busy = |tile: &&&'static Tile| tile.groups(rows, columns) >= ENOUGH_GROUPS;
        self.fitting.iter().rev().find(busy).copied().unwrap_or(self.fitting[0])
    }
}

impl Gpu {
    /// Measures tiles from now on and keeps what is found in `store`, on real devices only unless `even_software`.
    #[must_use]
    pub fn with_tiles(mut self, store: Box<dyn TileStore>, even_software: bool) -> Self {
        if !self.tiles.software || even_software {
            let known = store.load(&self.tiles.key);
            // A tile that does not fit any more, or that this vendor does not take, is measured anew.
            let usable = known.into_iter().filter(|(_, tile)| self.tiles.fitting.contains(tile)).collect();
            self.tiles.chosen = Mutex::new(usable);
            let known = store.load(&self.tiles.key_for_half_steps());
            let usable = |tile: &&Tile| self.tiles.matrices == Some(*tile) || self.tiles.fitting.contains(tile);
            self.tiles.chosen_for_half_steps = Mutex::new(known.into_iter().filter(|(_, tile)| usable(tile)).collect());
            self.tiles.store = Some(store);
        }
        self
    }

    /// The tile for a product of `rows` × `columns` outputs over `inputs` inputs.
    pub(super) fn tile(&self, rows: usize, columns: usize, inputs: usize) -> &'static Tile {
        if let Some(tile) = self.tiles.fixed.filter(|tile| tile.side == 0) {
            return tile;
        }
        let class = class_of(rows, columns, inputs);
        if let Some(&tile) = lock(&self.tiles.chosen).get(&class) {
            return tile;
        }
        let likely = self.tiles.likely(rows, columns);
        let Some(store) = &self.tiles.store else { return likely };
        let shape = [rows, columns, inputs].map(|n| n.min(MOST));
        let tile = self.fastest(&self.tiles.fitting, Stored::default(), shape).unwrap_or_else(|error| {
            self.fail(error);
            likely
        });
        let mut chosen = lock(&self.tiles.chosen);
        chosen.insert(class, tile);
        store.save(&self.tiles.key, &chosen);
        tile
    }

    /// The same for a Gibbs half-step, which cooperative matrices may do with weights in f16.
    pub(super) fn half_step_tile(&self, stored: Stored, rows: usize, columns: usize, inputs: usize) -> &'static Tile {
        let matrices = self.tiles.matrices.filter(|_| stored == Stored::BY_MATRICES);
        if let Some(tile) = matrices.filter(|_| self.tiles.fixed == matrices) {
            return tile;
        }
        let plain = self.tile(rows, columns, inputs);
        let (Some(matrices), None, Some(store)) = (matrices, self.tiles.fixed, &self.tiles.store) else { return plain };
        let class = class_of(rows, columns, inputs);
        if let Some(&tile) = lock(&self.tiles.chosen_for_half_steps).get(&class) {
            return tile;
        }
        let shape = [rows, columns, inputs].map(|n| n.min(MOST));
        let tile = self.fastest(&[plain, matrices], stored, shape).unwrap_or_else(|error| {
            self.fail(error);
            plain
        });
        let mut chosen = lock(&self.tiles.chosen_for_half_steps);
        chosen.insert(class, tile);
        store.save(&self.tiles.key_for_half_steps(), &chosen);
        tile
    }

    /// Measures `tiles` on a half-step of that shape.
    fn fastest(
        &self,
        tiles: &[&'static Tile],
        stored: Stored,
        [rows, columns, inputs]: [usize; 3],
    ) -> Result<&'static Tile> {
        // Whatever failed before belongs to those who recorded it.
        self.wait_for_all()?;
        let row = |what, rows, row_bytes| Shape { what, unit: "rows", rows, row_bytes };
        let weights = self.allocate(row("weights to measure with", inputs, 4 * columns))?;
        let biases = self.allocate(row("biases to measure with", inputs + columns, 4))?;
        let from = self.allocate(row("states to measure with", rows, 4 * inputs.div_ceil(32)))?;
        let to = self.allocate(row("states to measure with", rows, 4 * columns.div_ceil(32)))?;
        let mut best = (f64::INFINITY, tiles[0]);
        for tile in tiles.iter().copied() {
            let bound = self.bind_tiled(
                &gibbs_half_step::HIDDEN,
                stored,
                tile,
                &[&weights, &biases, &biases, &from, &to, self.nothing(), &biases],
            );
            let parameters = gibbs_half_step::measured(rows, inputs, columns);
            let run = |times: u32| -> Result<f64> {
                let start = Instant::now();
                for _ in 0..times {
                    self.dispatch(&bound, &parameters, tile.groups(rows, columns), 0);
                }
                self.wait_for_all()?;
                Ok(start.elapsed().as_secs_f64())
            };
            // The first run compiles.
            run(1)?;
            let mut times = 1;
            while times < 512 && run(times)? < ENOUGH_SECONDS {
                times *= 2;
            }
            for _ in 0..REPETITIONS {
                let seconds = run(times)? / f64::from(times);
                if seconds < best.0 {
                    best = (seconds, tile);
                }
            }
        }
        Ok(best.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_powers_of_two() {
        assert_eq!(class_of(1, 64, 127), [1, 7, 7]);
        assert_eq!(class_of(0, 128, 4096), [0, 8, 13]);
        assert_ne!(hash("a"), hash("b"));
    }
}
