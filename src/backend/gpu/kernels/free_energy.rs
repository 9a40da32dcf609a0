//! Free energy of every row.
//!
//! Maths: F(v) = −Σ_j b_j v_j − Σ_i softplus(c_i + Σ_j w_ji v_j), in nats.
//! Shapes: states `[chains, n_visible]` packed, energies `[words, chains]`, one part for the 32 hidden units
//! of each word, added on the host in f64.
//! Random: none.
//! Class: bounded.
//! Source: Hinton 2010, eq. 25.

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::{Params, States};
use crate::backend::gpu::memory::Shape;
use crate::error::Result;

use super::gibbs_half_step::Carried;
use super::{kernel, product_work};

parameters! {
    /// Parameter block of the shader.
    struct FreeEnergy {
        first_row: u32,
        chains: u32,
        first_input: u32,
        n_visible: u32,
        n_hidden: u32,
        first_group: u32,
    }
}

/// The kernel.
pub(super) static KERNEL: Kernel =
    kernel!(summing "free_energy", "main", FreeEnergy, [Read, Read, Read, ReadWrite, Read]);

/// Bytes of parts that are read back at a time.
const PARTS_BYTES: usize = 64 << 20;

/// Rows whose parts are read back at a time.
pub(in crate::backend::gpu) fn rows_at_a_time(rows: usize, n_hidden: usize, parts: usize) -> usize {
    // Sums that go from one part of the weights to the next are for single units.
    let units = if parts > 1 { n_hidden } else { n_hidden.div_ceil(32) };
    (PARTS_BYTES / (4 * units).max(1)).clamp(1, rows.max(1))
}

/// F of every row.
///
/// # Errors
/// Device failures.
pub(in crate::backend::gpu) fn read(gpu: &Gpu, params: &Params, states: &States) -> Result<Vec<f64>> {
    let words = params.n_hidden.div_ceil(32);
    let rows_at_a_time = rows_at_a_time(states.rows, params.n_hidden, params.parts.len());
    let shape = Shape { what: "free energies", unit: "rows", rows: rows_at_a_time, row_bytes: 4 * words };
    let parts = gpu.allocate(shape)?;
    let tile = gpu.tile(rows_at_a_time, params.n_hidden, params.n_visible);
    let carried = Carried::new(gpu, params, rows_at_a_time, &states.words)?;
    let buffers = [params.last().stored_weights(), &params.biases, &states.words, &parts, &carried.sums];
    let bound = gpu.bind_tiled(&KERNEL, params.stored(), tile, &buffers);
    let mut energies = Vec::with_capacity(states.rows);
    for first_row in (0..states.rows).step_by(rows_at_a_time) {
        let rows = rows_at_a_time.min(states.rows - first_row);
        let parameters = FreeEnergy {
            first_row: first_row as u32,
            chains: rows as u32,
            first_input: carried.first_input,
            n_visible: params.n_visible as u32,
            n_hidden: params.n_hidden as u32,
            first_group: 0,
        };
        let work = product_work(rows, params.n_visible, params.n_hidden);
        carried.record(gpu, first_row, rows);
        gpu.dispatch(&bound, &parameters, tile.groups(rows, params.n_hidden), work);
        let values = gpu.read::<f32>(&parts, words * rows)?;
        energies.extend((0..rows).map(|r| values[r..].iter().step_by(rows).map(|&part| f64::from(part)).sum::<f64>()));
    }
    Ok(energies)
}
