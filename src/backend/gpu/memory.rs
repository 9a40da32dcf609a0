//! Buffers on the device: every size is checked before it is asked for.

use std::sync::atomic::Ordering;

use crate::error::{Error, Fault, Result};

use super::device::{Gpu, lock};
use super::division::Division;
use super::machine::Params;

/// What a buffer holds, for its check and its error message: `rows` rows of `row_bytes` bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    /// Name of the contents, e.g. `weights`.
    pub(super) what: &'a str,
    /// Name of a row in the plural, e.g. `chains`.
    pub(super) unit: &'a str,
    /// Number of rows.
    pub(super) rows: usize,
    /// Bytes of a row.
    pub(super) row_bytes: usize,
}

/// Bytes of a buffer before which bindings of others are let go of.
const LARGE: u64 = 1 << 20;

/// Bytes that are taken for contents of `bytes` bytes.
pub(super) fn allocated(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(16).unwrap_or(u64::MAX).max(16)
}

/// A buffer that nothing reads or writes.
pub(super) fn nothing(device: &wgpu::Device) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("nothing"),
        size: 16,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: false,
    })
}

impl Gpu {
    /// Bytes of all storage buffers that were made since the device was opened.
    #[must_use]
    pub fn allocated_bytes(&self) -> u64 {
        self.allocated.load(Ordering::Relaxed)
    }

    /// Bytes of the largest buffer that a kernel can use.
    pub(super) fn largest_buffer(&self) -> u64 {
        self.limits.max_buffer_size.min(self.limits.max_storage_buffer_binding_size)
    }

    /// How the rows of a machine's visible units are divided among buffers.
    pub(super) fn division(&self, n_visible: usize, n_hidden: usize) -> Division {
        Division::new(n_visible, 4 * n_hidden, self.largest_buffer())
    }

    /// Room for the sums [rows, n_hidden] that go from one part of the weights to the next, one row more where there
    /// are sums over all units beside; what nothing reads where there is one part only. Steps follow one another, so
    /// that all share it.
    ///
    /// # Errors
    /// As [`Gpu::allocate`].
    pub(super) fn sums(&self, params: &Params, rows: usize) -> Result<wgpu::Buffer> {
        if params.parts.len() == 1 {
            return Ok(self.nothing().clone());
        }
        let bytes = rows * params.n_hidden * 4;
        let mut held = lock(&self.sums);
        match &*held {
            Some(buffer) if buffer.size() >= bytes as u64 => Ok(buffer.clone()),
            _ => {
                let row_bytes = 4 * params.n_hidden;
                let buffer = self.allocate(Shape { what: "sums of inputs", unit: "chains", rows, row_bytes })?;
                Ok(held.insert(buffer).clone())
            }
        }
    }

    /// A storage buffer full of zeros.
    ///
    /// # Errors
    /// [`Error::Device`] naming what would fit, or when the device has no memory left.
    pub(super) fn allocate(&self, shape: Shape<'_>) -> Result<wgpu::Buffer> {
        let bytes = (shape.rows as u64).checked_mul(shape.row_bytes as u64);
        let largest = self.largest_buffer();
        let Some(bytes) = bytes.filter(|&bytes| bytes <= largest) else {
            let fit = largest / (shape.row_bytes as u64).max(1);
            return Err(Error::Device(
                Fault::new(format!("{} of {} {} do not fit", shape.what, shape.rows, shape.unit))
                    .at(&self.description.name)
                    .expected(format!(
                        "at most {fit} {} ({} bytes each, {largest} in all)",
                        shape.unit, shape.row_bytes
                    ))
                    .advice("use fewer at a time, another device, or --backend cpu"),
            ));
        };
        if bytes >= LARGE {
            self.forget_bindings();
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(shape.what),
            size: allocated(bytes),
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        match pollster::block_on(scope.pop()) {
            None => {
                self.allocated.fetch_add(allocated(bytes), Ordering::Relaxed);
                Ok(buffer)
            }
            Some(_) => Err(Error::Device(
                Fault::new(format!("no memory left for {} ({bytes} bytes)", shape.what))
                    .at(&self.description.name)
                    .advice("use fewer chains or replicas, a smaller machine, or --backend cpu"),
            )),
        }
    }

    /// A storage buffer with the given contents, one value a row.
    ///
    /// # Errors
    /// As [`Gpu::allocate`].
    pub(super) fn upload<T: bytemuck::Pod>(&self, what: &str, unit: &str, values: &[T]) -> Result<wgpu::Buffer> {
        let buffer = self.allocate(Shape { what, unit, rows: values.len(), row_bytes: size_of::<T>() })?;
        if !values.is_empty() {
            self.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(values));
        }
        Ok(buffer)
    }
}
