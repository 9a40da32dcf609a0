//! Free energy of every row.
//!
//! Maths: F(v) = −Σ_j b_j v_j − Σ_i softplus(c_i + Σ_j w_ji v_j), in nats.
//! Shapes: states `[chains, n_visible]` packed, energies `[chains]`.
//! Random: none.
//! Class: bounded.
//! Source: Hinton 2010, eq. 25.

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::{Params, States};

use super::{chain_tiles, kernel, product_work};

parameters! {
    /// Parameter block of the shader.
    struct FreeEnergy {
        chains: u32,
        n_visible: u32,
        n_hidden: u32,
    }
}

/// The kernel.
pub(super) static KERNEL: Kernel = kernel!("free_energy", "main", 64, FreeEnergy, [Read, Read, Read, ReadWrite]);

/// Records F of every row into `energies`.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, params: &Params, states: &States, energies: &wgpu::Buffer) {
    let parameters =
        FreeEnergy { chains: states.rows as u32, n_visible: params.n_visible as u32, n_hidden: params.n_hidden as u32 };
    let bound = gpu.bind(&KERNEL, &[&params.weights, &params.biases, &states.words, energies]);
    let work = product_work(states.rows, params.n_visible, params.n_hidden);
    gpu.dispatch(&bound, &parameters, chain_tiles(states.rows), work);
}
