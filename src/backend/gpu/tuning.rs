//! Which tile a product takes: the one that was asked for, the one that was measured fastest on this device for a
//! product of about this shape, or the likely one.
//!
//! Measuring takes a fraction of a second for each class of shapes, once: a [`TileStore`] keeps the outcome. Software
//! devices are not measured. The choice never changes a result, since every tile sums in the same order; that of cooperative
//! matrices, in a Gibbs half-step with f16 weights, may change bits within their margin.

use std::time::Instant;

use crate::backend::Address;
use crate::error::{Error, Fault, Result};

use super::adapter::Selection;
use super::choices::{Choices, TileStore};
use super::device::Gpu;
use super::kernel::Kernel;
use super::kernels::gibbs_half_step;
use super::kernels::gibbs_steps::{self, Steps};
use super::memory::Shape;
use super::pipelines::Bound;
use super::shader::{Parts, Precision, Stored, Variant, compose};
use super::tile::{self, Tile};

/// Tiles that fit the device, and how one is chosen.
#[derive(Debug)]
pub(super) struct Tiles {
    fixed: Option<&'static Tile>,
    fitting: Vec<&'static Tile>,
    /// The tile of cooperative matrices that the device offers.
    matrices: Option<&'static Tile>,
    software: bool,
    store: Option<Box<dyn TileStore>>,
    chosen: Choices,
    /// The same for half-steps that could be done by cooperative matrices.
    chosen_for_half_steps: Choices,
    /// Whether Gibbs steps are done in one kernel, by chains, visible and hidden units: then [`tile::STEPS`].
    chosen_for_steps: Choices,
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
        precision: Precision,
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
        // Other shaders are measured anew.
        let shaders = [&gibbs_half_step::HIDDEN, &gibbs_steps::KERNEL]
            .into_iter()
            .flat_map(|kernel| kernel.variants().map(|variant: Variant| hash(&compose(kernel.source, variant))));
        let shader = shaders.fold(0, |all, one| all ^ one.rotate_left(all as u32 % 64));
        let key = format!("{} | {} {} | {shader:016x}", info.name, info.driver, info.driver_info);
        Ok(Self {
            fixed: selection.tile,
            fitting: wanted.iter().copied().filter(|tile| fits(tile)).collect(),
            matrices,
            software: info.device_type == wgpu::DeviceType::Cpu,
            store: None,
            chosen_for_half_steps: Choices::new(format!("{key} | half-steps in f16")),
            chosen_for_steps: Choices::new(format!("{key} | steps in {}", precision.name())),
            chosen: Choices::new(key),
        })
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
            let tiles = &self.tiles;
            // This vendor's compilers may not take a tile that is known.
            tiles.chosen.load(&*store, |tile| tiles.fitting.contains(&tile));
            let by_matrices = |tile| tiles.matrices == Some(tile);
            tiles.chosen_for_half_steps.load(&*store, |tile| by_matrices(tile) || tiles.fitting.contains(&tile));
            tiles.chosen_for_steps.load(&*store, |_| true);
            self.tiles.store = Some(store);
        }
        self
    }

    /// The tile for a product of `rows` × `columns` outputs over `inputs` inputs.
    pub(super) fn tile(&self, rows: usize, columns: usize, inputs: usize) -> &'static Tile {
        if let Some(tile) = self.tiles.fixed.filter(|tile| tile.is_general()) {
            return tile;
        }
        let likely = self.tiles.likely(rows, columns);
        let Some(store) = &self.tiles.store else { return likely };
        let shape = [rows, columns, inputs];
        self.tiles
            .chosen
            .of(&**store, shape, || self.found(self.fastest(&self.tiles.fitting, Stored::default(), shape), likely))
    }

    /// What was measured; a failure is kept for the next read, and costs no more than the choice.
    fn found(&self, measured: Result<&'static Tile>, likely: &'static Tile) -> &'static Tile {
        measured.unwrap_or_else(|error| {
            self.fail(error);
            likely
        })
    }

    /// The same for a Gibbs half-step, which cooperative matrices may do with weights in f16.
    pub(super) fn half_step_tile(&self, stored: Stored, rows: usize, columns: usize, inputs: usize) -> &'static Tile {
        let matrices = self.tiles.matrices.filter(|_| stored == Stored::BY_MATRICES);
        if let Some(tile) = matrices.filter(|_| self.tiles.fixed == matrices) {
            return tile;
        }
        let plain = self.tile(rows, columns, inputs);
        let (Some(matrices), None, Some(store)) = (matrices, self.tiles.fixed, &self.tiles.store) else { return plain };
        let shape = [rows, columns, inputs];
        let choices = &self.tiles.chosen_for_half_steps;
        choices.of(&**store, shape, || self.found(self.fastest(&[plain, matrices], stored, shape), plain))
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
        let [_, n_visible, n_hidden] = sizes;
        if stored.parts != Parts::One || n_visible.max(n_hidden) > gibbs_steps::MOST_UNITS {
            return false;
        }
        if let Some(tile) = self.tiles.fixed {
            return *tile == tile::STEPS;
        }
        let Some(store) = &self.tiles.store else { return false };
        let choices = &self.tiles.chosen_for_steps;
        let tile = choices.of(&**store, sizes, || self.found(self.fastest_steps(stored, sizes), &tile::SMALL));
        *tile == tile::STEPS
    }

    /// [`tile::STEPS`] where the one kernel is faster on a machine of these sizes, else the tile of its half-steps.
    fn fastest_steps(&self, stored: Stored, sizes: [usize; 3]) -> Result<&'static Tile> {
        let [chains, n_visible, n_hidden] = sizes.map(|n| n.min(MOST));
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
    fn fastest(&self, tiles: &[&'static Tile], stored: Stored, shape: [usize; 3]) -> Result<&'static Tile> {
        let [rows, columns, inputs] = shape.map(|n| n.min(MOST));
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
