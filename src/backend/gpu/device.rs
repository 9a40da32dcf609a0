//! The opened device: what it can do, how it was asked to work, and whatever fails on the way.
//!
//! Failures of the device are kept until the next read or finish returns them.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::DeviceDescription;
use crate::error::{Error, Fault, Result};

use super::adapter::{self, CPU_ADVICE, Selection};
use super::compiled::Compiled;
use super::memory;
use super::pipelines::{Bindings, Pipelines};
use super::recorder::Recorder;
use super::shader::{Precision, Products};
use super::timing::Timing;
use super::tuning::Tiles;

/// A GPU that runs the engine's steps.
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) limits: wgpu::Limits,
    pub(super) description: DeviceDescription,
    pub(super) products: Products,
    pub(super) checked: bool,
    pub(super) pipelines: Mutex<Pipelines>,
    pub(super) bindings: Mutex<Bindings>,
    pub(super) recorder: Mutex<Recorder>,
    pub(super) tiles: Tiles,
    pub(super) timing: Option<Mutex<Timing>>,
    pub(super) allocated: AtomicU64,
    /// Sums that go from one part of the weights to the next.
    pub(super) sums: Mutex<Option<wgpu::Buffer>>,
    nothing: wgpu::Buffer,
    pub(super) compiled: Option<Compiled>,
    precision: Precision,
    failure: Arc<Mutex<Failure>>,
}

/// What went wrong on the device.
#[derive(Debug, Default)]
struct Failure {
    /// What waits to be returned.
    next: Option<Fault>,
    /// Whether there ever was something.
    ever: bool,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gpu {
    /// Opens a device.
    ///
    /// # Errors
    /// [`Error::Device`] when there is no such adapter or it cannot be opened.
    pub fn new(selection: &Selection) -> Result<Self> {
        let adapter::Opened { adapter, device, queue, products, precision, matrices } = adapter::open(selection)?;
        let failure = Arc::new(Mutex::new(Failure::default()));
        let place = adapter.get_info().name;
        let (kept, name) = (Arc::clone(&failure), place.clone());
        device.on_uncaptured_error(Arc::new(move |error| keep(&kept, fault_of(&error, &name))));
        let kept = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                let what = format!("the device was lost: {message}");
                keep(&kept, Fault::new(what).at(&place).advice(CPU_ADVICE));
            }
        });
        let limits = device.limits();
        Ok(Self {
            description: adapter::describe(&adapter),
            recorder: Mutex::new(Recorder::new(&device, &limits, selection.first_work)),
            pipelines: Mutex::new(Pipelines::default()),
            bindings: Mutex::default(),
            products,
            checked: selection.checked,
            allocated: AtomicU64::new(0),
            sums: Mutex::default(),
            nothing: memory::nothing(&device),
            compiled: None,
            precision,
            tiles: Tiles::new(selection, &adapter.get_info(), &limits, matrices, precision)?,
            timing: Timing::new(selection, &device, &queue).map(Mutex::new),
            device,
            queue,
            limits,
            failure,
        })
    }

    /// How this device forms wide products in its shaders.
    #[must_use]
    pub fn products(&self) -> Products {
        self.products
    }

    /// A small buffer for bindings that a dispatch does not look at.
    pub(super) fn nothing(&self) -> &wgpu::Buffer {
        &self.nothing
    }

    /// How weights are stored for products.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Gives the device up: whatever is asked of it from now on fails as it does on a device that was lost.
    pub fn give_up(&self) {
        self.device.destroy();
        self.fail(Error::Device(
            Fault::new("the device was lost: it was given up").at(&self.description.name).advice(CPU_ADVICE),
        ));
    }

    /// Keeps a failure for the next read or finish; the first one wins.
    pub(super) fn fail(&self, error: Error) {
        let fault = match error {
            Error::Device(fault) => fault,
            other => Fault::new(other.to_string()),
        };
        keep(&self.failure, fault);
    }

    /// Whether anything failed since the device was opened.
    pub(super) fn has_failed(&self) -> bool {
        lock(&self.failure).ever
    }

    pub(super) fn check(&self) -> Result<()> {
        lock(&self.failure).next.take().map_or(Ok(()), |fault| Err(Error::Device(fault)))
    }
}

fn keep(failure: &Mutex<Failure>, fault: Fault) {
    let mut failure = lock(failure);
    failure.next.get_or_insert(fault);
    failure.ever = true;
}

fn fault_of(error: &wgpu::Error, place: &str) -> Fault {
    let (what, advice) = match error {
        wgpu::Error::OutOfMemory { .. } => (
            "the device is out of memory".to_string(),
            "use fewer chains or replicas, a smaller machine, or --backend cpu",
        ),
        wgpu::Error::Validation { description, .. } => {
            (format!("the device refused a command: {description}"), "this is a fault of gibbsite: please report it")
        }
        wgpu::Error::Internal { description, .. } => (format!("the driver failed: {description}"), CPU_ADVICE),
    };
    Fault::new(what).at(place).advice(advice)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// As in the parity tests: without an adapter the test says that it is ignored, or fails where one is required.
    fn open() -> Option<Gpu> {
        match Gpu::new(&Selection { allow_software: true, ..Selection::default() }) {
            Ok(gpu) => Some(gpu),
            Err(error) => {
                let required = std::env::var("GIBBSITE_REQUIRE_GPU").is_ok_and(|value| value == "1");
                assert!(!required, "needs a GPU (GIBBSITE_REQUIRE_GPU=1): {error}");
                let reason = error.to_string();
                let reason = reason.lines().next().unwrap_or_default();
                let test = std::thread::current().name().unwrap_or("test").to_string();
                writeln!(std::io::stderr(), "ignored: {test}: {reason}").ok();
                None
            }
        }
    }

    #[test]
    fn a_failure_is_returned_by_the_next_wait() {
        let Some(gpu) = open() else { return };
        let refused = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("too large"),
            size: gpu.limits.max_buffer_size + 4,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let error = gpu.wait_for_all().unwrap_err();
        assert!(matches!(error, Error::Device(_)) && error.to_string().contains(&gpu.description.name), "{error}");
        assert_eq!(gpu.wait_for_all(), Ok(()), "a failure is returned once");
        assert!(gpu.read::<u32>(&refused, 1).is_err(), "reading what is not there");
        gpu.fail(Error::device("first"));
        gpu.fail(Error::device("second"));
        assert_eq!(gpu.wait_for_all(), Err(Error::device("first")));
        assert_eq!(gpu.wait_for_all(), Ok(()), "the device still works");
    }

    #[test]
    fn dispatches_spread_over_two_dimensions() {
        let Some(gpu) = open() else { return };
        let most = u64::from(gpu.limits.max_compute_workgroups_per_dimension);
        assert_eq!(gpu.grid(1), Some([1, 1]));
        assert_eq!(gpu.grid(most + 1), Some([most as u32, 2]));
        assert_eq!(gpu.grid(most * most), Some([most as u32, most as u32]));
        assert_eq!(gpu.grid(most * most + 1), None);
    }
}
