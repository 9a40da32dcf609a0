//! One file a command.

pub(super) mod bench;
pub(super) mod check;
pub(super) mod completions;
pub(super) mod couplings;
pub(super) mod devices;
pub(super) mod explain;
pub(super) mod ising;
pub(super) mod likelihood;
pub(super) mod observe;
pub(super) mod report;
pub(super) mod run;
pub(super) mod sample;
pub(super) mod shaders;
pub(super) mod train;
pub(super) mod verify;
