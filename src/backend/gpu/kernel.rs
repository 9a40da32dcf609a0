//! What the host knows of a kernel: its text, entry point, workgroup size, parameters and bindings.
//!
//! Binding 0 of group 0 is always the uniform block of parameters, at a dynamic offset; storage buffers follow from
//! binding 1 in the order of [`Kernel::bindings`]. A test compares all of it with the shader's own text.

use super::shader::{Parts, Precision, Products, Stored, Variant};
use super::tile::{self, Tile};

/// Type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// `u32`.
    Unsigned,
    /// `f32`.
    Float,
}

/// Types that may stand in a parameter block.
pub trait Parameter {
    /// The shader's type.
    const SCALAR: Scalar;
}

impl Parameter for u32 {
    const SCALAR: Scalar = Scalar::Unsigned;
}

impl Parameter for f32 {
    const SCALAR: Scalar = Scalar::Float;
}

/// One member of a parameter block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name, the same in Rust and WGSL.
    pub name: &'static str,
    /// Its type.
    pub scalar: Scalar,
    /// Its offset in bytes.
    pub offset: usize,
}

/// How a kernel uses a storage buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only reads.
    Read,
    /// Reads and writes.
    ReadWrite,
}

/// Size of a kernel's workgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workgroup {
    /// Always as many invocations.
    Fixed(u32),
    /// As its tile says.
    Tiled,
}

/// One entry point of a shader.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// Name of the shader's file without its ending.
    pub stem: &'static str,
    /// Entry point.
    pub entry: &'static str,
    /// The shader's own text, imports unresolved.
    pub source: &'static str,
    /// Invocations in a workgroup; those of the tile where there is one.
    pub workgroup_size: Workgroup,
    /// Whether it reads weights in either precision.
    pub stored_weights: bool,
    /// Whether its sums over visible units go on from one buffer of weights to the next.
    pub carries: bool,
    /// Whether it has a variant by cooperative matrices.
    pub matrices: bool,
    /// Whether the driver may leave out its checks of indices and its clearing of workgroup memory: where the parity
    /// tests over sizes show that results with and without are the same.
    pub trusted: bool,
    /// Members of the parameter block.
    pub fields: &'static [Field],
    /// Bytes of the parameter block.
    pub parameter_bytes: usize,
    /// Storage buffers, from binding 1.
    pub bindings: &'static [Access],
}

impl Kernel {
    /// Whether its outputs are divided by a [`Tile`].
    #[must_use]
    pub fn is_tiled(&self) -> bool {
        self.workgroup_size == Workgroup::Tiled
    }

    /// Invocations in a workgroup under a tile.
    #[must_use]
    pub fn invocations(&self, tile: &Tile) -> u32 {
        match self.workgroup_size {
            Workgroup::Fixed(size) => size,
            Workgroup::Tiled => tile.invocations(),
        }
    }

    /// Every variant of its text that differs.
    pub fn variants(&self) -> impl Iterator<Item = Variant> {
        let tiles = if self.is_tiled() { &tile::ALL[..] } else { &tile::ALL[..1] };
        let precisions = if self.stored_weights { &Precision::ALL[..] } else { &Precision::ALL[..1] };
        let parts = if self.carries { &Parts::ALL[..] } else { &Parts::ALL[..1] };
        let stored = move || {
            let with = move |precision: &Precision| {
                let precision = *precision;
                parts.iter().map(move |&parts| Stored { precision, parts })
            };
            precisions.iter().flat_map(with)
        };
        let plain = tiles.iter().flat_map(move |tile| {
            stored().flat_map(move |stored| Products::ALL.map(|products| Variant { products, stored, tile }))
        });
        let matrices = if self.matrices { &tile::MATRICES[..] } else { &[] };
        let by_matrices = matrices.iter().flat_map(|tile| {
            let stored = Stored::BY_MATRICES;
            Products::ALL.map(|products| Variant { products, stored, tile })
        });
        plain.chain(by_matrices)
    }

    /// File name of a variant: stem, entry point and what distinguishes it, e.g. `update.offsets.wide.wgsl`.
    #[must_use]
    pub fn file_name(&self, variant: Variant) -> String {
        let tile = if self.is_tiled() { format!(".{}", variant.tile.name) } else { String::new() };
        let Stored { precision, parts } = variant.stored;
        let precision = if self.stored_weights { format!(".{}", precision.name()) } else { String::new() };
        let parts = if self.carries && parts == Parts::Several { ".several" } else { "" };
        format!("{}.{}{tile}{precision}{parts}.{}.wgsl", self.stem, self.entry, variant.products.name())
    }
}

/// A parameter block with the list of its fields.
pub(super) trait Parameters: bytemuck::Pod {
    /// Its fields in order.
    const FIELDS: &'static [Field];
}

/// Declares a parameter block: a `#[repr(C)]` struct of scalars and the list of its fields.
macro_rules! parameters {
    ($(#[$meta:meta])* struct $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
        #[repr(C)]
        pub(in crate::backend::gpu) struct $name {
            $(pub(in crate::backend::gpu) $field: $type),*
        }

        impl $crate::backend::gpu::kernel::Parameters for $name {
            const FIELDS: &'static [$crate::backend::gpu::kernel::Field] = &[
                $($crate::backend::gpu::kernel::Field {
                    name: stringify!($field),
                    scalar: <$type as $crate::backend::gpu::kernel::Parameter>::SCALAR,
                    offset: std::mem::offset_of!($name, $field),
                }),*
            ];
        }
    };
}

pub(super) use parameters;
