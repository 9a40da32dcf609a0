//! Compiled kernels, one for each variant that is used, and their bindings to buffers.
//!
//! Both are kept: a step of a training binds the same buffers in every update. Bindings keep their buffers alive, so they
//! are let go of before anything large is allocated, and the oldest when they are many.

use std::collections::BTreeMap;

use super::device::{Gpu, lock};
use super::kernel::{Access, Kernel};
use super::shader::{Parts, Stored, Variant, compose};
use super::tile::{self, Tile};

/// What distinguishes the pipelines of one device: stem, entry point, weights, tile.
type Key = (&'static str, &'static str, Stored, &'static str);

/// Pipelines by kernel and variant.
pub(super) type Pipelines = BTreeMap<Key, Pipeline>;

/// Most bindings that are kept.
const MOST_BINDINGS: usize = 256;

/// Kernels that are bound to buffers, with the time of their last use.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    held: BTreeMap<(Key, Vec<wgpu::Buffer>), (Bound, u64)>,
    clock: u64,
    made: u64,
}

/// A compiled kernel.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::ComputePipeline,
}

/// A kernel with its buffers, ready to be dispatched any number of times.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) kernel: &'static Kernel,
    /// The division of its outputs, where it is tiled.
    pub(super) tile: &'static Tile,
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) group: wgpu::BindGroup,
}

impl Gpu {
    /// Binds `buffers` to a kernel without tiles, in the order of its bindings.
    pub(super) fn bind(&self, kernel: &'static Kernel, buffers: &[&wgpu::Buffer]) -> Bound {
        self.bind_tiled(kernel, Stored::default(), &tile::SMALL, buffers)
    }

    /// Binds `buffers` to a variant of a kernel, in the order of its bindings.
    pub(super) fn bind_tiled(
        &self,
        kernel: &'static Kernel,
        stored: Stored,
        tile: &'static Tile,
        buffers: &[&wgpu::Buffer],
    ) -> Bound {
        assert_eq!(buffers.len(), kernel.bindings.len(), "buffers of {}", kernel.stem);
        let stored = if kernel.carries { stored } else { Stored { parts: Parts::One, ..stored } };
        let key = (kernel.stem, kernel.entry, stored, tile.name);
        let mut bindings = lock(&self.bindings);
        let bindings = &mut *bindings;
        bindings.clock += 1;
        let place = (key, buffers.iter().map(|&buffer| buffer.clone()).collect());
        if let Some((bound, used)) = bindings.held.get_mut(&place) {
            *used = bindings.clock;
            return bound.clone();
        }
        if bindings.held.len() >= MOST_BINDINGS {
            let oldest = bindings.held.values().map(|(_, used)| *used).min().unwrap_or(0);
            bindings.held.retain(|_, (_, used)| *used > oldest);
        }
        let bound = self.make_group(kernel, key, Variant { products: self.products, stored, tile }, buffers);
        bindings.held.insert(place, (bound.clone(), bindings.clock));
        bindings.made += 1;
        bound
    }

    fn make_group(&self, kernel: &'static Kernel, key: Key, variant: Variant, buffers: &[&wgpu::Buffer]) -> Bound {
        let Pipeline { layout, pipeline } =
            lock(&self.pipelines).entry(key).or_insert_with(|| self.build(kernel, variant)).clone();
        let parameters = lock(&self.recorder).parameters(kernel);
        let uniform = wgpu::BindGroupEntry { binding: 0, resource: parameters.binding() };
        let storage = buffers
            .iter()
            .enumerate()
            .map(|(i, buffer)| wgpu::BindGroupEntry { binding: i as u32 + 1, resource: buffer.as_entire_binding() });
        let entries: Vec<_> = std::iter::once(uniform).chain(storage).collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.stem),
            layout: &layout,
            entries: &entries,
        });
        Bound { kernel, tile: variant.tile, pipeline, group }
    }

    /// Lets go of all bindings, and so of buffers that nothing else holds.
    pub(super) fn forget_bindings(&self) {
        lock(&self.bindings).held.clear();
    }

    /// Bindings that were made since the device was opened.
    #[must_use]
    pub fn bindings_made(&self) -> u64 {
        lock(&self.bindings).made
    }

    fn build(&self, kernel: &Kernel, variant: Variant) -> Pipeline {
        let uniform = wgpu::BindGroupLayoutEntry {
            binding: 0,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: true,
                min_binding_size: std::num::NonZeroU64::new(kernel.parameter_bytes as u64),
            },
            count: None,
        };
        let storage = kernel.bindings.iter().enumerate().map(|(i, access)| wgpu::BindGroupLayoutEntry {
            binding: i as u32 + 1,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only: *access == Access::Read },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        });
        let entries: Vec<_> = std::iter::once(uniform).chain(storage).collect();
        let label = Some(kernel.stem);
        let layout =
            self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
        let trusted = kernel.trusted && !self.checked;
        let module = self.module(kernel, variant, trusted);
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(kernel.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: !trusted,
                ..wgpu::PipelineCompilationOptions::default()
            },
            cache: self.compiled.as_ref().map(|compiled| &compiled.cache),
        });
        Pipeline { layout, pipeline }
    }

    fn module(&self, kernel: &Kernel, variant: Variant, trusted: bool) -> wgpu::ShaderModule {
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(kernel.stem),
            source: wgpu::ShaderSource::Wgsl(compose(kernel.source, variant).into()),
        };
        if trusted { trusted_module(&self.device, descriptor) } else { self.device.create_shader_module(descriptor) }
    }
}

/// A module without the checks of indices and loops that are added by default: they cost the inner loop of a product
/// 40 to 80 % more instructions.
#[expect(unsafe_code, reason = "the one place where a shader is trusted")]
fn trusted_module(device: &wgpu::Device, descriptor: wgpu::ShaderModuleDescriptor<'_>) -> wgpu::ShaderModule {
    // SAFETY: only kernels marked as trusted come here. Their indices are clamped or guarded by the sizes in their
    // parameters, which the host checked against the buffers when it made them, and their loops end with those sizes.
    // The parity tests over sizes (1, one below and above words and tiles, primes) find the same results as with the
    // checks, in buffers that hold no byte more than those sizes need.
    unsafe { device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
}
