//! The opened device: pipelines, recorded work, submission, and whatever fails on the way.
//!
//! Dispatches are recorded and submitted in batches, all of one batch in one pass; parameters travel in one uniform
//! buffer, at dynamic offsets, written just before the batch. At most [`IN_FLIGHT`] batches wait on the device, so the
//! queue does not grow. Failures of the device are kept until the next read or finish returns them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::DeviceDescription;
use crate::error::{Error, Fault, Result};

use super::adapter::{self, CPU_ADVICE, Selection};
use super::kernel::{Access, Kernel, Parameters};
use super::shader::{Products, compose};

/// Dispatches of one batch: their parameters fill the uniform buffer.
const BATCH: usize = 256;
/// Elementary operations (multiply-adds and the like) after which a batch is submitted early: about 50 ms of a small
/// GPU, far below the 2 s after which some systems reset a device.
const BATCH_WORK: u64 = 20_000_000_000;
/// Batches on the device at a time.
const IN_FLIGHT: usize = 3;

/// A GPU that runs the engine's steps.
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) limits: wgpu::Limits,
    pub(super) description: DeviceDescription,
    products: Products,
    uniforms: wgpu::Buffer,
    slot: usize,
    pipelines: Mutex<BTreeMap<(&'static str, &'static str), Pipeline>>,
    recorder: Mutex<Recorder>,
    failure: Arc<Mutex<Option<Fault>>>,
}

#[derive(Debug, Clone)]
struct Pipeline {
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::ComputePipeline,
}

#[derive(Debug, Default)]
struct Recorder {
    commands: Vec<Command>,
    parameters: Vec<u8>,
    dispatches: usize,
    work: u64,
    in_flight: VecDeque<wgpu::SubmissionIndex>,
}

#[derive(Debug)]
enum Command {
    Dispatch { pipeline: wgpu::ComputePipeline, group: wgpu::BindGroup, offset: u32, workgroups: [u32; 2] },
    Copy { from: wgpu::Buffer, to: wgpu::Buffer, bytes: u64 },
}

/// A kernel with its buffers, ready to be dispatched any number of times.
#[derive(Debug)]
pub(super) struct Bound {
    kernel: &'static Kernel,
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gpu {
    /// Opens a device.
    ///
    /// # Errors
    /// [`Error::Device`] when there is no such adapter or it cannot be opened.
    pub fn new(selection: &Selection) -> Result<Self> {
        let (adapter, device, queue, products) = adapter::open(selection)?;
        let failure = Arc::new(Mutex::new(None));
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
        let slot = (limits.min_uniform_buffer_offset_alignment as usize).max(64);
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("parameters"),
            size: (slot * BATCH) as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Ok(Self {
            description: adapter::describe(&adapter),
            device,
            queue,
            limits,
            products,
            uniforms,
            slot,
            pipelines: Mutex::default(),
            recorder: Mutex::default(),
            failure,
        })
    }

    /// How this device forms wide products in its shaders.
    #[must_use]
    pub fn products(&self) -> Products {
        self.products
    }

    /// Keeps a failure for the next read or finish; the first one wins.
    pub(super) fn fail(&self, error: Error) {
        let fault = match error {
            Error::Device(fault) => fault,
            other => Fault::new(other.to_string()),
        };
        keep(&self.failure, fault);
    }

    fn check(&self) -> Result<()> {
        lock(&self.failure).take().map_or(Ok(()), |fault| Err(Error::Device(fault)))
    }

    fn pipeline(&self, kernel: &'static Kernel) -> Pipeline {
        let mut pipelines = lock(&self.pipelines);
        pipelines.entry((kernel.stem, kernel.entry)).or_insert_with(|| self.build(kernel)).clone()
    }

    fn build(&self, kernel: &Kernel) -> Pipeline {
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
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(compose(kernel.source, self.products).into()),
        });
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
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        Pipeline { layout, pipeline }
    }

    /// Binds `buffers` to a kernel, in the order of its bindings.
    pub(super) fn bind(&self, kernel: &'static Kernel, buffers: &[&wgpu::Buffer]) -> Bound {
        assert_eq!(buffers.len(), kernel.bindings.len(), "buffers of {}", kernel.stem);
        let Pipeline { layout, pipeline } = self.pipeline(kernel);
        let uniform = wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &self.uniforms,
                offset: 0,
                size: std::num::NonZeroU64::new(kernel.parameter_bytes as u64),
            }),
        };
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
        Bound { kernel, pipeline, group }
    }

    /// Records one dispatch of `workgroups` workgroups, about `work` elementary operations.
    pub(super) fn dispatch<P: Parameters>(&self, bound: &Bound, parameters: &P, workgroups: u64, work: u64) {
        debug_assert_eq!(size_of::<P>(), bound.kernel.parameter_bytes, "parameters of {}", bound.kernel.stem);
        if workgroups == 0 {
            return;
        }
        let Some(workgroups) = self.grid(workgroups) else {
            let what = format!("{} needs {workgroups} workgroups", bound.kernel.stem);
            let most = u64::from(self.limits.max_compute_workgroups_per_dimension).pow(2);
            return self.fail(Error::Device(
                Fault::new(what).at(&self.description.name).expected(format!("at most {most}")).advice(CPU_ADVICE),
            ));
        };
        let mut recorder = lock(&self.recorder);
        let offset = recorder.dispatches * self.slot;
        recorder.parameters.resize(offset, 0);
        recorder.parameters.extend_from_slice(bytemuck::bytes_of(parameters));
        recorder.commands.push(Command::Dispatch {
            pipeline: bound.pipeline.clone(),
            group: bound.group.clone(),
            offset: offset as u32,
            workgroups,
        });
        recorder.dispatches += 1;
        recorder.work = recorder.work.saturating_add(work);
        if recorder.dispatches == BATCH || recorder.work > BATCH_WORK {
            self.submit(&mut recorder);
        }
    }

    /// Extents of a dispatch of at least `workgroups` workgroups; None beyond the device's limit.
    fn grid(&self, workgroups: u64) -> Option<[u32; 2]> {
        let most = u64::from(self.limits.max_compute_workgroups_per_dimension);
        let columns = workgroups.min(most);
        let rows = workgroups.div_ceil(columns);
        (rows <= most).then_some([columns as u32, rows as u32])
    }

    /// Hands everything recorded to the device, and waits while too many batches are under way.
    fn submit(&self, recorder: &mut Recorder) {
        if recorder.commands.is_empty() {
            return;
        }
        self.queue.write_buffer(&self.uniforms, 0, &recorder.parameters);
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let commands = std::mem::take(&mut recorder.commands);
        for run in commands.chunk_by(|a, b| a.is_dispatch() && b.is_dispatch()) {
            if let [Command::Copy { from, to, bytes }] = run {
                encoder.copy_buffer_to_buffer(from, 0, to, 0, *bytes);
                continue;
            }
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for command in run {
                if let Command::Dispatch { pipeline, group, offset, workgroups: [x, y] } = command {
                    pass.set_pipeline(pipeline);
                    pass.set_bind_group(0, group, &[*offset]);
                    pass.dispatch_workgroups(*x, *y, 1);
                }
            }
        }
        recorder.in_flight.push_back(self.queue.submit([encoder.finish()]));
        recorder.parameters.clear();
        recorder.dispatches = 0;
        recorder.work = 0;
        while recorder.in_flight.len() > IN_FLIGHT {
            let oldest = recorder.in_flight.pop_front();
            self.wait(oldest);
        }
    }

    fn wait(&self, submission_index: Option<wgpu::SubmissionIndex>) {
        if let Err(error) = self.device.poll(wgpu::PollType::Wait { submission_index, timeout: None }) {
            let what = format!("waiting for the device failed: {error}");
            self.fail(Error::Device(Fault::new(what).at(&self.description.name).advice(CPU_ADVICE)));
        }
    }

    /// Submits what is recorded and waits for all of it.
    pub(super) fn wait_for_all(&self) -> Result<()> {
        let mut recorder = lock(&self.recorder);
        self.submit(&mut recorder);
        recorder.in_flight.clear();
        drop(recorder);
        self.wait(None);
        self.check()
    }

    /// The first `count` values of a buffer, after everything recorded before.
    pub(super) fn read<T: bytemuck::Pod>(&self, buffer: &wgpu::Buffer, count: usize) -> Result<Vec<T>> {
        if count == 0 {
            self.wait_for_all()?;
            return Ok(Vec::new());
        }
        let bytes = (count * size_of::<T>()) as u64;
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        lock(&self.recorder).commands.push(Command::Copy { from: buffer.clone(), to: staging.clone(), bytes });
        {
            let mut recorder = lock(&self.recorder);
            self.submit(&mut recorder);
        }
        let (sender, receiver) = std::sync::mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only when the read was given up.
            let _ = sender.send(result);
        });
        self.wait(None);
        self.check()?;
        let refused = |error: String| {
            let what = format!("reading from the device failed: {error}");
            Error::Device(Fault::new(what).at(&self.description.name).advice(CPU_ADVICE))
        };
        let mapped = receiver.recv().map_err(|error| refused(error.to_string()))?;
        mapped.map_err(|error| refused(error.to_string()))?;
        let view = staging.get_mapped_range(..).map_err(|error| refused(error.to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&view[..]))
    }
}

impl Command {
    fn is_dispatch(&self) -> bool {
        matches!(self, Self::Dispatch { .. })
    }
}

fn keep(failure: &Mutex<Option<Fault>>, fault: Fault) {
    lock(failure).get_or_insert(fault);
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
