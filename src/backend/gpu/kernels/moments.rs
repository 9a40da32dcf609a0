//! Means over chains of v, of sig(x) and of their products.
//!
//! Maths: ⟨v_j sig(x_i)⟩, ⟨v_j⟩, ⟨sig(x_i)⟩; written for the data, subtracted for the model.
//! Shapes: states `[chains, n_visible]` packed, products `[n_visible, n_hidden]`.
//! Random: none.
//! Class: bounded.
//! Source: Hinton 2010, eq. 9, with p(h | v) in both phases.
//!
//! Two products: sig(x) of a slice of chains, then vᵀ·sig(x), with one more unit on each side for the means alone.

use crate::backend::Phase;
use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::{Moments, Params, States};
use crate::backend::gpu::pipelines::Bound;
use crate::backend::gpu::tile;
use crate::error::Result;

use super::gibbs_half_step::Carried;
use super::{kernel, product_work};

parameters! {
    /// Parameter block of the shader.
    struct AccumulateMoments {
        first_row: u32,
        chains: u32,
        first_input: u32,
        first_visible: u32,
        end_visible: u32,
        n_visible: u32,
        n_hidden: u32,
        scale: f32,
        keep: u32,
        first_group: u32,
    }
}

/// sig(x) of a slice of chains.
pub(super) static MEANS: Kernel = kernel!(summing "moments", "mean_hidden", AccumulateMoments, [Read, Read, Read, ReadWrite, ReadWrite, ReadWrite, Read]);
/// Their product with the visible units.
pub(super) static MULTIPLY: Kernel =
    kernel!(tiled "moments", "multiply", AccumulateMoments, [Read, Read, Read, ReadWrite, ReadWrite, ReadWrite, Read]);

/// The same of few visible and hidden units.
pub(super) static MULTIPLY_FEW: Kernel = kernel!(trusted "moments", "multiply_few", 256, AccumulateMoments, [Read, Read, Read, ReadWrite, ReadWrite, ReadWrite, Read]);

/// Visible and hidden units of a workgroup of [`MULTIPLY_FEW`].
const FEW: usize = 32;

/// Bytes of sig(x) that are kept at a time; slices are added in order, so that results do not depend on the device.
pub(super) const MEANS_BYTES: usize = 64 << 20;

/// Chains whose sig(x) is kept at a time.
pub(in crate::backend::gpu) fn slice(chains: usize, n_hidden: usize) -> usize {
    (MEANS_BYTES / (4 * n_hidden).max(1)).clamp(1, chains.max(1))
}

/// sig(x) of a slice of chains, bound to its buffers.
#[derive(Debug)]
pub(super) struct HiddenMeans {
    carried: Carried,
    bound: Bound,
    n_visible: usize,
    n_hidden: usize,
    /// Visible units whose weights are in the last buffer.
    last_units: usize,
}

impl HiddenMeans {
    /// Of up to `slice` rows of `states`, to `means`.
    ///
    /// # Errors
    /// When there is no room for the sums that go from one part of the weights to the next.
    pub(super) fn new(
        gpu: &Gpu,
        params: &Params,
        states: &States,
        moments: &Moments,
        means: &wgpu::Buffer,
        slice: usize,
    ) -> Result<Self> {
        let carried = Carried::new(gpu, params, slice, &states.words)?;
        let (weights, products) = (params.last().stored_weights(), &moments.products[0].1);
        let buffers = [weights, &params.biases, &states.words, means, products, &moments.sums, &carried.sums];
        let tile = gpu.tile(slice, params.n_hidden, params.n_visible);
        let bound = gpu.bind_tiled(&MEANS, params.stored(), tile, &buffers);
        let (n_visible, n_hidden) = (params.n_visible, params.n_hidden);
        Ok(Self { carried, bound, n_visible, n_hidden, last_units: n_visible - params.last().units.start })
    }

    /// Parameters that all kernels here share for `rows` rows from `first_row` on.
    fn parameters(&self, first_row: usize, rows: usize) -> AccumulateMoments {
        AccumulateMoments {
            first_row: first_row as u32,
            chains: rows as u32,
            first_input: self.carried.first_input,
            n_visible: self.n_visible as u32,
            n_hidden: self.n_hidden as u32,
            ..bytemuck::Zeroable::zeroed()
        }
    }

    /// Records the means of `rows` rows from `first_row` on.
    pub(super) fn record(&self, gpu: &Gpu, first_row: usize, rows: usize) {
        self.carried.record(gpu, first_row, rows);
        let work = product_work(rows, self.last_units, self.n_hidden);
        let groups = self.bound.tile.groups(rows, self.n_hidden);
        gpu.dispatch(&self.bound, &self.parameters(first_row, rows), groups, work);
    }
}

/// Records one phase.
///
/// # Errors
/// When there is no room for a slice of sig(x).
pub(in crate::backend::gpu) fn record(
    gpu: &Gpu,
    params: &Params,
    states: &States,
    phase: Phase,
    moments: &mut Moments,
) -> Result<()> {
    let (n_visible, n_hidden) = (params.n_visible, params.n_hidden);
    let slice = slice(states.rows, n_hidden);
    let means = moments.means(gpu, slice)?;
    let hidden_means = HiddenMeans::new(gpu, params, states, moments, &means, slice)?;
    let (weights, sums) = (params.last().stored_weights(), &hidden_means.carried.sums);
    let bind = |kernel, tile, products| {
        let buffers = [weights, &params.biases, &states.words, &means, products, &moments.sums, sums];
        gpu.bind_tiled(kernel, params.stored(), tile, &buffers)
    };
    let multiply: Vec<_> = moments
        .products
        .iter()
        .map(|(units, products)| {
            // Beyond the last unit is one that is always on.
            let end = units.end + usize::from(units.end == n_visible);
            let (rows, columns) = (end - units.start, n_hidden + 1);
            if gpu.takes_few(rows, columns) {
                let groups = rows.div_ceil(FEW) * columns.div_ceil(FEW);
                return (units.start, end, bind(&MULTIPLY_FEW, &tile::SMALL, products), groups as u64);
            }
            let tile = gpu.tile(rows, columns, slice);
            (units.start, end, bind(&MULTIPLY, tile, products), tile.groups(rows, columns))
        })
        .collect();
    let scale = (1.0 / states.rows as f64) as f32;
    for first_row in (0..states.rows).step_by(slice) {
        let rows = slice.min(states.rows - first_row);
        hidden_means.record(gpu, first_row, rows);
        let parameters = AccumulateMoments {
            scale: if phase == Phase::Data { scale } else { -scale },
            keep: u32::from(phase == Phase::Model || first_row > 0),
            ..hidden_means.parameters(first_row, rows)
        };
        for (first, end, bound, groups) in &multiply {
            let parameters = AccumulateMoments { first_visible: *first as u32, end_visible: *end as u32, ..parameters };
            gpu.dispatch(bound, &parameters, *groups, product_work(rows, end - first, n_hidden));
        }
    }
    Ok(())
}
