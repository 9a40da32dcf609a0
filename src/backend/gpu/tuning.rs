//! Which tile a product takes: the one that was asked for, the one that was measured fastest on this device for a
//! product of about this shape, or the likely one.
//!
//! Measuring takes a fraction of a second for each class of shapes, once: a [`TileStore`] keeps the outcome. Software
//! devices are not measured. The choice never changes a result, since every tile sums in the same order; that of cooperative
//! matrices, in a Gibbs half-step with f16 weights, may change bits within their margin.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use crate::backend::Address;
use crate::error::{Error, Fault, Result};

use super::adapter::Selection;
use super::device::{Gpu, lock};
use super::kernel::Kernel;
use super::kernels::gibbs_half_step;
use super::kernels::gibbs_steps::{self, Steps};
use super::memory::Shape;
use super::pipelines::Bound;
use super::shader::{Parts, Stored, Variant, compose};
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
    /// Whether Gibbs steps are done in one kernel, by chains, visible and hidden units: then [`tile::STEPS`].
    chosen_for_steps: Mutex<TileChoices>,
}

/// Workgroups that keep a large device busy.
const ENOUGH_GROUPS: u64 = 96;
/// Workgroups that occupy a few multiprocessors of any device.
const FEW_GROUPS: u64 = 24;
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
        let wanted: &[&'static Tile] = if crowded {
            &[&tile::SMALL, &tile::MEDIUM, &tile::LARGE, &tile::HUGE]
        } else {
            &[&tile::SMALL, &tile::MEDIUM, &tile::LARGE_AHEAD, &tile::LARGE_UNROLLED, &tile::HUGE_UNROLLED]
        };
        let texts = gibbs_half_step::HIDDEN
            .variants()
            .map(|variant: Variant| hash(&compose(gibbs_half_step::HIDDEN.source, variant)));
        let shader = texts.fold(0, |all, one| all ^ one.rotate_left(all as u32 % 64));
        Ok(Self {
            fixed: selection.tile,
            fitting: wanted.iter().copied().filter(|tile| fits(tile)).collect(),
            matrices,
            software: info.device_type == wgpu::DeviceType::Cpu,
            key: format!("{} | {} {} | {shader:016x}", info.name, info.driver, info.driver_info),
            store: None,
            chosen: Mutex::default(),
            chosen_for_half_steps: Mutex::default(),
            chosen_for_steps: Mutex::default(),
        })
    }

    /// As the store knows the choices between the fastest tile and cooperative matrices.
    fn key_for_half_steps(&self) -> String {
        format!("{} | half-steps in f16", self.key)
    }

    /// As the store knows the choices between half-steps and many steps in one kernel.
    fn key_for_steps(&self, stored: Stored) -> String {
        format!("{} | steps in {}", self.key, stored.precision.name())
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
        if let Some(tile) = self.tiles.fixed.filter(|tile| tile.is_general()) {
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

    /// Whether a product of `rows` × `columns` outputs has so few that tiles would leave most of a device idle.
    pub(super) fn takes_few(&self, rows: usize, columns: usize) -> bool {
        match self.tiles.fixed {
            Some(tile) => *tile == tile::STEPS,
            None => !self.tiles.software && tile::SMALL.groups(rows, columns) <= FEW_GROUPS,
        }
    }

    /// Whether Gibbs steps of `chains` chains of a machine of `n_visible` and `n_hidden` units are best done by one kernel,
    /// many steps a dispatch, instead of two dispatches a step: never where that was not measured, or named.
    pub(super) fn steps_in_one(&self, stored: Stored, sizes: [usize; 3]) -> bool {
        let [chains, n_visible, n_hidden] = sizes;
        if stored.parts != Parts::One || n_visible.max(n_hidden) > gibbs_steps::MOST_UNITS {
            return false;
        }
        if let Some(tile) = self.tiles.fixed {
            return *tile == tile::STEPS;
        }
        let Some(store) = &self.tiles.store else { return false };
        let class = class_of(chains, n_visible, n_hidden);
        let key = self.tiles.key_for_steps(stored);
        let mut chosen = lock(&self.tiles.chosen_for_steps);
        // Weights have one precision on a device, so that one list serves.
        if chosen.is_empty() {
            *chosen = store.load(&key);
        }
        if let Some(&tile) = chosen.get(&class) {
            return *tile == tile::STEPS;
        }
        let tile = self.fastest_steps(stored, sizes.map(|n| n.min(MOST))).unwrap_or_else(|error| {
            self.fail(error);
            &tile::SMALL
        });
        chosen.insert(class, tile);
        store.save(&key, &chosen);
        *tile == tile::STEPS
    }

    /// [`tile::STEPS`] where the one kernel is faster on a machine of these sizes, else the tile of its half-steps.
    fn fastest_steps(&self, stored: Stored, [chains, n_visible, n_hidden]: [usize; 3]) -> Result<&'static Tile> {
        let hidden_tile = self.half_step_tile(stored, chains, n_hidden, n_visible);
        let visible_tile = self.half_step_tile(stored, chains, n_visible, n_hidden);
        let room = Room::new(self, chains, n_visible, n_hidden)?;
        let steps = Steps::of(
            self,
            stored,
            [&room.weights, &room.biases, &room.from],
            [chains, n_visible, n_hidden],
            Address::new(1),
        );
        let together = self.seconds_of(|times| steps.record(self, 0..times))?;
        let (hidden, visible) = (
            room.bind(self, &gibbs_half_step::HIDDEN, stored, hidden_tile),
            room.bind(self, &gibbs_half_step::VISIBLE, stored, visible_tile),
        );
        let [to, back] = [gibbs_half_step::measured, gibbs_half_step::measured_back]
            .map(|parameters| parameters(chains, n_visible, n_hidden));
        let apart = self.seconds_of(|times| {
            for _ in 0..times {
                self.dispatch(&hidden, &to, hidden_tile.groups(chains, n_hidden), 0);
                self.dispatch(&visible, &back, visible_tile.groups(chains, n_visible), 0);
            }
        })?;
        Ok(if together < apart { &tile::STEPS } else { hidden_tile })
    }

    /// Measures `tiles` on a half-step of that shape.
    fn fastest(
        &self,
        tiles: &[&'static Tile],
        stored: Stored,
        [rows, columns, inputs]: [usize; 3],
    ) -> Result<&'static Tile> {
        let room = Room::new(self, rows, inputs, columns)?;
        let parameters = gibbs_half_step::measured(rows, inputs, columns);
        let mut best = (f64::INFINITY, tiles[0]);
        for tile in tiles.iter().copied() {
            let bound = room.bind(self, &gibbs_half_step::HIDDEN, stored, tile);
            let seconds = self.seconds_of(|times| {
                for _ in 0..times {
                    self.dispatch(&bound, &parameters, tile.groups(rows, columns), 0);
                }
            })?;
            if seconds < best.0 {
                best = (seconds, tile);
            }
        }
        Ok(best.1)
    }

    /// Seconds of each of as many repetitions of `work` as are enough to tell, the fastest of some runs.
    fn seconds_of(&self, work: impl Fn(u32)) -> Result<f64> {
        let run = |times: u32| -> Result<f64> {
            let start = Instant::now();
            work(times);
            self.wait_for_all()?;
            Ok(start.elapsed().as_secs_f64())
        };
        // The first run compiles.
        run(1)?;
        let mut times = 1;
        while times < 512 && run(times)? < ENOUGH_SECONDS {
            times *= 2;
        }
        let mut best = f64::INFINITY;
        for _ in 0..REPETITIONS {
            best = best.min(run(times)? / f64::from(times));
        }
        Ok(best)
    }
}

/// Buffers of a machine and its states to measure with.
struct Room {
    weights: wgpu::Buffer,
    biases: wgpu::Buffer,
    from: wgpu::Buffer,
    to: wgpu::Buffer,
}

impl Room {
    fn new(gpu: &Gpu, chains: usize, n_visible: usize, n_hidden: usize) -> Result<Self> {
        // Whatever failed before belongs to those who recorded it.
        gpu.wait_for_all()?;
        let row = |what, rows, row_bytes| Shape { what, unit: "rows", rows, row_bytes };
        Ok(Self {
            weights: gpu.allocate(row("weights to measure with", n_visible, 4 * n_hidden))?,
            biases: gpu.allocate(row("biases to measure with", n_visible + n_hidden, 4))?,
            from: gpu.allocate(row("states to measure with", chains, 4 * n_visible.div_ceil(32)))?,
            to: gpu.allocate(row("states to measure with", chains, 4 * n_hidden.div_ceil(32)))?,
        })
    }

    /// A half-step from one side, or back from the other.
    fn bind(&self, gpu: &Gpu, kernel: &'static Kernel, stored: Stored, tile: &'static Tile) -> Bound {
        let back = kernel.entry == gibbs_half_step::VISIBLE.entry;
        let (from, to) = if back { (&self.to, &self.from) } else { (&self.from, &self.to) };
        let Self { weights, biases, .. } = self;
        gpu.bind_tiled(kernel, stored, tile, &[weights, biases, biases, from, to, gpu.nothing(), biases])
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
