//! One file a kernel, of the same name as its shader and its parity test.

pub(crate) mod ais_step;
pub(crate) mod approach;
pub(crate) mod exchange;
pub(crate) mod flip_move;
pub(crate) mod free_energy;
pub(crate) mod gather;
pub(crate) mod gibbs_half_step;
pub(crate) mod gibbs_steps;
pub(crate) mod ising_clusters;
pub(crate) mod ising_half_sweep;
pub(crate) mod ising_sums;
pub(crate) mod ising_table_half_sweep;
pub(crate) mod ising_torus_half_sweep;
pub(crate) mod ising_torus_sums;
pub(crate) mod mean_field;
pub(crate) mod moments;
pub(crate) mod peak;
pub(crate) mod update;
