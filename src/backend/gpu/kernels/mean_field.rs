//! Half-steps and moments of mean-field contrastive divergence: units hold their means, so that products are of numbers.
//!
//! Maths: `m_v` = sig(b + `m_h` Wᵀ), `m_h` = sig(c + `m_v` W); ⟨`m_v` `m_h`⟩, ⟨`m_v`⟩, ⟨`m_h`⟩ are subtracted.
//! Shapes: means `[chains, n_visible]` and `[chains, n_hidden]`, products `[n_visible, n_hidden]`.
//! Random: none.
//! Class: bounded.
//! Source: Welling and Hinton, "A new learning algorithm for mean field Boltzmann machines", ICANN 2002.
//!
//! A slice of chains begins with the hidden means of its rows, which [`super::moments`] makes, and goes through all steps
//! and the product of its moments before the next.

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::{Moments, Params, States};
use crate::error::Result;

use super::moments::{HiddenMeans, MEANS_BYTES};
use super::{kernel, product_work};

parameters! {
    /// Parameter block of the shader.
    struct MeanField {
        chains: u32,
        first_visible: u32,
        end_visible: u32,
        n_visible: u32,
        n_hidden: u32,
        scale: f32,
        first_group: u32,
    }
}

/// Means of visible units from those of hidden ones.
pub(super) static VISIBLE: Kernel = kernel!(tiled "mean_field", "visible_from_hidden", MeanField, [Read, Read, ReadWrite, ReadWrite, ReadWrite, ReadWrite]);
/// Means of hidden units from those of visible ones, part of the weights by part.
pub(super) static HIDDEN: Kernel = kernel!(summing "mean_field", "hidden_from_visible", MeanField, [Read, Read, ReadWrite, ReadWrite, ReadWrite, ReadWrite]);
/// The product of both.
pub(super) static MULTIPLY: Kernel =
    kernel!(tiled "mean_field", "multiply", MeanField, [Read, Read, ReadWrite, ReadWrite, ReadWrite, ReadWrite]);

/// Chains whose means are kept at a time; slices are subtracted in order, so that results do not depend on the device.
pub(in crate::backend::gpu) fn slice(chains: usize, n_visible: usize, n_hidden: usize) -> usize {
    (MEANS_BYTES / (4 * n_hidden.max(n_visible)).max(1)).clamp(1, chains.max(1))
}

/// Records all steps and the moments.
///
/// # Errors
/// When there is no room for a slice of means.
pub(in crate::backend::gpu) fn record(
    gpu: &Gpu,
    params: &Params,
    states: &States,
    steps: u32,
    moments: &mut Moments,
) -> Result<()> {
    let (n_visible, n_hidden) = (params.n_visible, params.n_hidden);
    let slice = slice(states.rows, n_visible, n_hidden);
    let hidden_means = moments.means(gpu, slice)?;
    let visible_means = moments.visible_means(gpu, slice)?;
    let first_means = HiddenMeans::new(gpu, params, states, moments, &hidden_means, slice)?;
    let parts: Vec<_> = params
        .parts
        .iter()
        .zip(moments.products.iter().zip(&visible_means))
        .map(|(part, ((units, products), visible_means))| {
            let bind = |kernel, rows, columns, inputs| {
                let weights = part.stored_weights();
                let buffers = [weights, &params.biases, visible_means, &hidden_means, products, &moments.sums];
                gpu.bind_tiled(kernel, params.stored(), gpu.tile(rows, columns, inputs), &buffers)
            };
            // Beyond the last unit is one that is always on.
            let end = units.end + usize::from(units.end == n_visible);
            let visible = bind(&VISIBLE, slice, units.len(), n_hidden);
            let hidden = bind(&HIDDEN, slice, n_hidden, units.len());
            let multiply = bind(&MULTIPLY, end - units.start, n_hidden + 1, slice);
            (units, end, visible, hidden, multiply)
        })
        .collect();
    let scale = (1.0 / states.rows as f64) as f32;
    for first_row in (0..states.rows).step_by(slice) {
        let rows = slice.min(states.rows - first_row);
        let parameters = |first: usize, end: usize| MeanField {
            chains: rows as u32,
            first_visible: first as u32,
            end_visible: end as u32,
            n_visible: n_visible as u32,
            n_hidden: n_hidden as u32,
            scale,
            first_group: 0,
        };
        first_means.record(gpu, first_row, rows);
        for _ in 0..steps {
            for (units, _, visible, ..) in &parts {
                let groups = visible.tile.groups(rows, units.len());
                let work = product_work(rows, units.len(), n_hidden);
                gpu.dispatch(visible, &parameters(units.start, units.end), groups, work);
            }
            for (units, _, _, hidden, _) in &parts {
                let groups = hidden.tile.groups(rows, n_hidden);
                let work = product_work(rows, units.len(), n_hidden);
                gpu.dispatch(hidden, &parameters(units.start, units.end), groups, work);
            }
        }
        for (units, end, _, _, multiply) in &parts {
            let groups = multiply.tile.groups(end - units.start, n_hidden + 1);
            let work = product_work(rows, end - units.start, n_hidden);
            gpu.dispatch(multiply, &parameters(units.start, *end), groups, work);
        }
    }
    Ok(())
}
