//! The GPU backend, through wgpu and WGSL.
