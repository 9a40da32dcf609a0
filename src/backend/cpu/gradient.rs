//! Moments and updates on the CPU: shared out among threads by tiles of hidden units.

use crate::threads::prelude::*;

use super::columns::{Columns, exchange};
use super::kernels::approach::approach;
use super::kernels::gibbs_half_step::Side;
use super::kernels::mean_field::{means_of_rows, subtract_products, subtract_visible};
use super::kernels::moments::{count_ones, hidden_means, products, transpose_with_ones};
use super::kernels::update::{Gradient, sparse, transpose_tile, update_bias, update_weights};
use super::machine::{CpuStates, SHORT, over_tiles, with_workspace};
use super::params::{CpuParams, flat, flat_mut, from_tiles};
use super::sparse::Sparse;
use super::tile::{TILE, Tile};
use crate::backend::{HostMoments, Phase, UpdateRule};

/// Moments in memory, tile-major, and the scratch they are made with.
#[derive(Debug, Clone)]
pub struct CpuMoments {
    n_hidden: usize,
    /// `[tiles, n_visible + 1, 32]`; the last row is ⟨m⟩.
    products: Vec<Tile>,
    visible: Vec<f32>,
    data_hidden: Vec<Tile>,
    /// `[tiles, rows, 32]`.
    means: Vec<Tile>,
    /// The same of visible units, where they have means.
    visible_means: Vec<Tile>,
    columns: Vec<u32>,
    transposed: Vec<u32>,
    ones: Vec<u32>,
    /// Set bits of the states and of the transposed ones, where they are few.
    sparse: [Sparse; 2],
}

impl CpuMoments {
    pub(super) fn new(params: &CpuParams) -> Self {
        let tiles = params.n_hidden.div_ceil(TILE);
        Self {
            n_hidden: params.n_hidden,
            products: vec![Tile::ZERO; (params.n_visible + 1) * tiles],
            visible: vec![0.0; params.n_visible],
            data_hidden: vec![Tile::ZERO; tiles],
            means: Vec::new(),
            visible_means: Vec::new(),
            columns: Vec::new(),
            transposed: Vec::new(),
            ones: vec![0; params.n_visible],
            sparse: Default::default(),
        }
    }

    /// Bytes held.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        let tiles = [&self.products, &self.data_hidden, &self.means, &self.visible_means];
        let words = [&self.columns, &self.transposed, &self.ones];
        let tiles: usize = tiles.iter().map(|tiles| size_of_val(&tiles[..])).sum();
        let words: usize = words.iter().map(|words| size_of_val(&words[..])).sum();
        (tiles + words + size_of_val(&self.visible[..])) as u64
    }

    pub(super) fn to_host(&self) -> HostMoments {
        let (n_visible, n_hidden) = (self.visible.len(), self.n_hidden);
        let all = from_tiles(&self.products, n_visible + 1, 0..n_visible + 1, n_hidden);
        let (products, hidden) = all.split_at(n_visible * n_hidden);
        HostMoments {
            products: products.to_vec(),
            visible: self.visible.clone(),
            hidden: hidden.to_vec(),
            data_hidden: flat(&self.data_hidden)[..n_hidden].to_vec(),
        }
    }

    /// Moments of `states`: written, or subtracted from what is there.
    pub(super) fn accumulate(&mut self, params: &CpuParams, states: &CpuStates, phase: Phase) {
        let (rows, words) = (states.matrix.rows(), states.matrix.words_per_row());
        let n_visible = params.n_visible;
        let hidden = params.hidden_side();
        self.columns.resize(rows * words, 0);
        self.means.resize(rows * hidden.tiles(), Tile::ZERO);
        exchange(states.matrix.words(), words, &mut self.columns);
        let [of_rows, of_units] = &mut self.sparse;
        let columns = Columns::looked_at(&self.columns, rows, of_rows);
        transpose_with_ones(columns, n_visible, &mut self.transposed);
        count_ones(&self.transposed, n_visible, &mut self.ones);
        let (scale, accumulate) = match phase {
            Phase::Data => (1.0 / rows as f32, false),
            Phase::Model => (-1.0 / rows as f32, true),
        };
        for (visible, &ones) in self.visible.iter_mut().zip(&self.ones) {
            let mean = scale * ones as f32;
            *visible = if accumulate { *visible + mean } else { mean };
        }
        let transposed = Columns::looked_at(&self.transposed, n_visible + 1, of_units);
        let tile_means = |tile: usize, first: usize, means: &mut [Tile]| {
            with_workspace(|work| hidden_means(work, columns, first, &hidden, tile, means));
        };
        let tile_products = |first: usize, means: &[Tile], out: &mut [Tile]| {
            with_workspace(|work| products(work, transposed, first, means, scale, accumulate, out));
        };
        let tiles = self.means.chunks_exact_mut(rows).zip(self.products.chunks_exact_mut(n_visible + 1));
        let threads = crate::threads::count();
        if threads == 1 || rows * n_visible * params.n_hidden < SHORT {
            for (tile, (means, out)) in tiles.enumerate() {
                tile_means(tile, 0, means);
                tile_products(0, means, out);
            }
        } else if hidden.tiles().is_multiple_of(threads) {
            // A tile's means are still near when its products need them, and threads wait once.
            let tiles = self.means.par_chunks_exact_mut(rows).zip(self.products.par_chunks_exact_mut(n_visible + 1));
            tiles.with_min_len(hidden.tiles() / threads).enumerate().for_each(|(tile, (means, out))| {
                tile_means(tile, 0, means);
                tile_products(0, means, out);
            });
        } else {
            let none = &mut vec![(); self.means.len()];
            over_tiles(rows, (&mut self.means, none), true, |tile, first, means, _| tile_means(tile, first, means));
            let (means, none) = (&self.means, &mut vec![(); self.products.len()]);
            over_tiles(n_visible + 1, (&mut self.products, none), true, |tile, first, out, _| {
                tile_products(first, &means[tile * rows..][..rows], out);
            });
        }
        if phase == Phase::Data {
            for (hidden, products) in self.data_hidden.iter_mut().zip(self.products.chunks_exact(n_visible + 1)) {
                *hidden = products[n_visible];
            }
        }
    }
}

/// Multiply-adds of numbers, not of bits, below which a half-step is not worth a second thread; as [`SHORT`], for a product
/// without tables.
const SHORT_OF_MEANS: usize = SHORT / 4;

impl CpuMoments {
    /// Subtracts the moments of the mean field that begins at `states`.
    pub(super) fn subtract_mean_field(&mut self, params: &CpuParams, states: &CpuStates, steps: u32) {
        assert!(steps > 0, "steps of the mean field");
        let (rows, words) = (states.matrix.rows(), states.matrix.words_per_row());
        let n_visible = params.n_visible;
        let (hidden, visible) = (params.hidden_side(), params.visible_side(&[]));
        let Self { products, means, visible_means, columns, sparse, .. } = self;
        columns.resize(rows * words, 0);
        means.resize(rows * hidden.tiles(), Tile::ZERO);
        visible_means.resize(rows * visible.tiles(), Tile::ZERO);
        exchange(states.matrix.words(), words, columns);
        let columns = Columns::looked_at(columns, rows, &mut sparse[0]);
        let parallel = rows * n_visible * params.n_hidden >= SHORT_OF_MEANS;
        over_tiles(rows, (&mut *means, &mut vec![(); rows * hidden.tiles()]), parallel, |tile, first, out, _| {
            with_workspace(|work| hidden_means(work, columns, first, &hidden, tile, out));
        });
        let half_step = |side: &Side<'_>, inputs: &[Tile], out: &mut [Tile]| {
            let none = &mut vec![(); out.len()];
            over_tiles(rows, (out, none), parallel, |tile, first, out, _| {
                means_of_rows(inputs, rows, first, side, tile, out);
            });
        };
        for _ in 0..steps {
            half_step(&visible, means, visible_means);
            half_step(&hidden, visible_means, means);
        }
        let share = 1.0 / rows as f32;
        let none = &mut vec![(); products.len()];
        over_tiles(n_visible + 1, (products, none), parallel, |tile, first, out, _| {
            subtract_products(visible_means, n_visible, first, &means[tile * rows..][..rows], share, out);
        });
        for (moments, means) in self.visible.chunks_mut(TILE).zip(visible_means.chunks_exact(rows)) {
            subtract_visible(means, share, moments);
        }
    }
}

/// Weights below which an update is not worth a second thread: some 50 µs of work.
const FEW: usize = 1 << 17;

/// Moves the parameters.
pub(super) fn update(params: &mut CpuParams, moments: &CpuMoments, rule: &UpdateRule) {
    let (n_visible, n_hidden) = (params.n_visible, params.n_hidden);
    assert!(params.depth > 1 || !rule.descent.is_adaptive(), "second moments were uploaded");
    let c = &rule.coefficients();
    // Padding beyond the last unit must stay zero here: g_w λ sums over it.
    let offsets = flat_mut(&mut params.hidden_offset);
    for (offset, &mean) in offsets.iter_mut().zip(flat(&moments.data_hidden)).take(n_hidden) {
        *offset += rule.offset_rate * (mean - *offset);
    }
    let (hidden_offset, visible_offset) = (&params.hidden_offset, &params.visible_offset);
    // A task moves a tile's weights; short ones are not worth handing over.
    let at_once = FEW / (TILE * n_visible) + 1;
    params
        .weights
        .par_chunks_exact_mut(n_visible)
        .zip(params.kept.par_chunks_exact_mut(params.depth * n_visible))
        .zip(params.along.par_chunks_exact_mut(n_visible))
        .zip(params.hidden_gradient.par_iter_mut())
        .with_min_len(at_once)
        .enumerate()
        .for_each(|(tile, (((weights, kept), along), hidden))| {
            let gradient = Gradient {
                products: &moments.products[tile * (n_visible + 1)..][..n_visible + 1],
                visible: &moments.visible,
                hidden_offset: if rule.centred { hidden_offset[tile] } else { Tile::ZERO },
                visible_offset,
                centred: rule.centred,
                units: (n_hidden - tile * TILE).min(TILE),
            };
            update_weights(&gradient, c, weights, kept, along, hidden);
        });
    let (first, others) = params.along.split_at_mut(n_visible);
    if rule.centred {
        for tile in others.chunks_exact(n_visible) {
            for (sum, &along) in first.iter_mut().zip(tile) {
                *sum += along;
            }
        }
    } else {
        first.fill(0.0);
    }
    let visible = moments.visible.iter().zip(first).map(|(&d, along)| (d, *along));
    let bias = &mut flat_mut(&mut params.visible_bias)[..n_visible];
    update_bias(c, rule.bias_rate, visible, bias, &mut params.visible_kept);
    let means = moments.products.chunks_exact(n_visible + 1).flat_map(|tile| tile[n_visible].0);
    let driven = means.zip(flat(&params.hidden_offset)).map(|(d, &offset)| sparse(c, d, offset));
    let hidden = driven.zip(flat(&params.hidden_gradient).iter().copied());
    let bias = &mut flat_mut(&mut params.hidden_bias)[..n_hidden];
    update_bias(c, rule.bias_rate, hidden, bias, &mut params.hidden_kept);
    let weights = &params.weights;
    params
        .transposed
        .par_chunks_exact_mut(n_hidden)
        .with_min_len(FEW / (TILE * n_hidden) + 1)
        .enumerate()
        .for_each(|(tile, out)| transpose_tile(weights, n_visible, tile, out));
}

/// Moves all parameters a part of their way towards those of another machine.
pub(super) fn approach_machine(params: &mut CpuParams, towards: &CpuParams, part: f32) {
    let shape = |params: &CpuParams| (params.n_visible, params.n_hidden);
    assert_eq!(shape(params), shape(towards), "machines of one shape");
    let both = [(&mut params.weights, &towards.weights), (&mut params.transposed, &towards.transposed)];
    for (weights, towards) in both {
        let pairs = weights.par_chunks_mut(FEW / TILE).zip(towards.par_chunks(FEW / TILE));
        pairs.for_each(|(weights, towards)| approach(weights, towards, part));
    }
    approach(&mut params.visible_bias, &towards.visible_bias, part);
    approach(&mut params.hidden_bias, &towards.hidden_bias, part);
}
