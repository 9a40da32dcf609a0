//! Recorded work, its submission and what comes back.
//!
//! Dispatches are recorded and submitted in batches, all of one batch in one pass; parameters travel in one uniform
//! buffer, at dynamic offsets, written just before the batch. At most [`IN_FLIGHT`] batches wait on the device, so the
//! queue does not grow, and a batch is kept near [`BATCH_SECONDS`] by the time that earlier ones took. None of this
//! changes a number: batches only decide where work is cut.
//!
//! Why not immediates, which WebGPU does not have: on lavapipe, 1024 dispatches of one pass with 80 bytes of parameters
//! each, medians of 40 turns, 0.33 to 0.35 µs of CPU time to record a dispatch against 0.47 to 0.51 with the ring, of
//! 5.4 µs against 5.6 to 5.9 with its execution (2026-11-24). 0.15 µs of dispatches that take 10 µs and more are not worth
//! a second way.

use std::collections::VecDeque;
use std::time::Instant;

use crate::error::{Error, Fault, Result};

use super::adapter::CPU_ADVICE;
use super::device::{Gpu, lock};
use super::kernel::{Kernel, Parameters};
use super::kernels;
use super::pipelines::Bound;
use super::timing::BatchTimes;

/// Dispatches of one batch: their parameters fill the uniform buffer.
pub(super) const BATCH: usize = 1024;
/// Bytes between the parameters of two dispatches on most devices.
pub(super) const SLOT: usize = 256;
/// Seconds that a batch should take: far below the 2 s after which some systems reset a device, far above the 0.1 ms
/// that a submission costs.
const BATCH_SECONDS: f64 = 0.05;
/// Elementary operations (multiply-adds and the like) of the first batch: about [`BATCH_SECONDS`] of a small GPU.
const FIRST_WORK: u64 = 20_000_000_000;
/// Least operations of a batch, however slow the device.
const LEAST_WORK: u64 = 1_000_000_000;
/// Bytes sent to buffers that a batch may hold.
pub(super) const MOST_SENT: u64 = 64 << 20;
/// Parameter of the kernels that can begin at any workgroup.
const FIRST_GROUP: &str = "first_group";
/// Batches on the device at a time.
const IN_FLIGHT: usize = 3;

/// What a device was given to do since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Kernels started.
    pub dispatches: u64,
    /// Batches handed to the driver.
    pub submissions: u64,
    /// Results fetched.
    pub readbacks: u64,
}

/// Work that is not yet submitted.
#[derive(Debug)]
pub(super) struct Recorder {
    uniforms: wgpu::Buffer,
    slot: usize,
    commands: Vec<Command>,
    parameters: Vec<u8>,
    dispatches: usize,
    work: u64,
    /// Bytes on their way to buffers.
    sent: u64,
    most_work: u64,
    least_work: u64,
    in_flight: VecDeque<(wgpu::SubmissionIndex, u64)>,
    last_end: Option<Instant>,
    counts: Counts,
}

#[derive(Debug)]
enum Command {
    Dispatch {
        kernel: &'static Kernel,
        pipeline: wgpu::ComputePipeline,
        group: wgpu::BindGroup,
        offset: u32,
        workgroups: [u32; 2],
    },
    Copy {
        from: wgpu::Buffer,
        /// Place of the first byte.
        first: u64,
        to: wgpu::Buffer,
        bytes: u64,
    },
}

impl Command {
    fn is_dispatch(&self) -> bool {
        matches!(self, Self::Dispatch { .. })
    }
}

/// The parameter block of a kernel within the uniform buffer.
pub(super) struct ParameterBlock {
    uniforms: wgpu::Buffer,
    bytes: u64,
}

impl ParameterBlock {
    pub(super) fn binding(&self) -> wgpu::BindingResource<'_> {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.uniforms,
            offset: 0,
            size: std::num::NonZeroU64::new(self.bytes),
        })
    }
}

impl Recorder {
    /// With a first batch of `first_work` operations.
    pub(super) fn new(device: &wgpu::Device, limits: &wgpu::Limits, first_work: Option<u64>) -> Self {
        let first_work = first_work.unwrap_or(FIRST_WORK);
        let largest = kernels::ALL.iter().map(|kernel| kernel.parameter_bytes).max().unwrap_or(0);
        let slot = largest.next_multiple_of((limits.min_uniform_buffer_offset_alignment as usize).max(16));
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("parameters"),
            size: (slot * BATCH) as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self {
            uniforms,
            slot,
            commands: Vec::new(),
            parameters: Vec::new(),
            dispatches: 0,
            work: 0,
            sent: 0,
            most_work: first_work,
            least_work: LEAST_WORK.min(first_work),
            in_flight: VecDeque::new(),
            last_end: None,
            counts: Counts::default(),
        }
    }

    pub(super) fn parameters(&self, kernel: &Kernel) -> ParameterBlock {
        ParameterBlock { uniforms: self.uniforms.clone(), bytes: kernel.parameter_bytes as u64 }
    }

    /// Learns from a batch of `work` operations that ended now and had company until then.
    fn pace(&mut self, work: u64) {
        let now = Instant::now();
        if let Some(last) = self.last_end.replace(now) {
            let seconds = (now - last).as_secs_f64().max(1e-6);
            let fitting = work as f64 * BATCH_SECONDS / seconds;
            // At most doubled, so that one odd measurement does little.
            let most = (2.0 * self.most_work as f64).min(fitting.max(self.most_work as f64 / 2.0));
            self.most_work = (most as u64).max(self.least_work);
        }
    }
}

impl Gpu {
    /// What this device was given to do since it was opened.
    #[must_use]
    pub fn counts(&self) -> Counts {
        lock(&self.recorder).counts
    }

    /// Records one dispatch of `workgroups` workgroups, about `work` elementary operations; as several where it would
    /// take longer than a batch should and the kernel can begin at any workgroup.
    pub(super) fn dispatch<P: Parameters>(&self, bound: &Bound, parameters: &P, workgroups: u64, work: u64) {
        debug_assert_eq!(size_of::<P>(), bound.kernel.parameter_bytes, "parameters of {}", bound.kernel.stem);
        if workgroups == 0 {
            return;
        }
        let mut recorder = lock(&self.recorder);
        let at = bound.kernel.fields.iter().find(|field| field.name == FIRST_GROUP).map(|field| field.offset);
        let most = u64::from(self.limits.max_compute_workgroups_per_dimension);
        let pieces = if at.is_some() { work.div_ceil(recorder.most_work).clamp(1, workgroups) } else { 1 };
        // The grid of a piece has no workgroup too many: its neighbour would do the same work again.
        let piece = match workgroups.div_ceil(pieces) {
            all if pieces == 1 => all,
            few if few <= most => few,
            many => many / most * most,
        };
        let mut bytes = bytemuck::bytes_of(parameters).to_vec();
        for first in (0..workgroups).step_by(usize::try_from(piece).unwrap_or(usize::MAX)) {
            let count = piece.min(workgroups - first);
            if let Some(at) = at {
                bytes[at..at + 4].copy_from_slice(&(first as u32).to_ne_bytes());
            }
            let Some(grid) = self.grid(count) else {
                let what = format!("{} needs {workgroups} workgroups", bound.kernel.stem);
                let fault = Fault::new(what).at(&self.description.name).expected(format!("at most {}", most * most));
                return self.fail(Error::Device(fault.advice(CPU_ADVICE)));
            };
            let share = (u128::from(work) * u128::from(count) / u128::from(workgroups)) as u64;
            self.record(&mut recorder, bound, &bytes, grid, share);
        }
    }

    fn record(&self, recorder: &mut Recorder, bound: &Bound, parameters: &[u8], workgroups: [u32; 2], work: u64) {
        let offset = recorder.dispatches * recorder.slot;
        recorder.parameters.resize(offset, 0);
        recorder.parameters.extend_from_slice(parameters);
        recorder.commands.push(Command::Dispatch {
            kernel: bound.kernel,
            pipeline: bound.pipeline.clone(),
            group: bound.group.clone(),
            offset: offset as u32,
            workgroups,
        });
        recorder.dispatches += 1;
        recorder.counts.dispatches += 1;
        recorder.work = recorder.work.saturating_add(work);
        if recorder.dispatches == BATCH || recorder.work >= recorder.most_work {
            self.submit(recorder);
        }
    }

    /// Extents of a dispatch of at least `workgroups` workgroups; None beyond the device's limit.
    pub(super) fn grid(&self, workgroups: u64) -> Option<[u32; 2]> {
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
        self.queue.write_buffer(&recorder.uniforms, 0, &recorder.parameters);
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let commands = std::mem::take(&mut recorder.commands);
        let mut times = self.timing.as_ref().and_then(|timing| {
            let mut timing = lock(timing);
            for command in &commands {
                if let Command::Dispatch { kernel, .. } = command {
                    timing.count(kernel);
                }
            }
            let batch = recorder.counts.submissions;
            timing.times_batch(batch).then(|| BatchTimes::new(&self.device, recorder.dispatches.max(1)))
        });
        for run in commands.chunk_by(|a, b| a.is_dispatch() && b.is_dispatch()) {
            if let [Command::Copy { from, first, to, bytes }] = run {
                encoder.copy_buffer_to_buffer(from, *first, to, 0, *bytes);
                continue;
            }
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for command in run {
                let Command::Dispatch { kernel, pipeline, group, offset, workgroups: [x, y] } = command else {
                    continue;
                };
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, group, &[*offset]);
                let Some(times) = &mut times else {
                    pass.dispatch_workgroups(*x, *y, 1);
                    continue;
                };
                let first = 2 * times.kernels.len() as u32;
                pass.write_timestamp(&times.queries, first);
                pass.dispatch_workgroups(*x, *y, 1);
                pass.write_timestamp(&times.queries, first + 1);
                times.kernels.push(kernel);
            }
        }
        if let Some(times) = times {
            times.resolve(self, &mut encoder);
        }
        recorder.in_flight.push_back((self.queue.submit([encoder.finish()]), recorder.work));
        recorder.counts.submissions += 1;
        recorder.parameters.clear();
        recorder.dispatches = 0;
        recorder.work = 0;
        recorder.sent = 0;
        while recorder.in_flight.len() > IN_FLIGHT {
            if let Some((oldest, work)) = recorder.in_flight.pop_front() {
                self.wait(Some(oldest));
                recorder.pace(work);
            }
        }
    }

    pub(super) fn wait(&self, submission_index: Option<wgpu::SubmissionIndex>) {
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
        recorder.last_end = None;
        drop(recorder);
        self.wait(None);
        self.collect_times();
        self.check()
    }

    /// Records a copy of `bytes` bytes from byte `first` on to the beginning of another buffer.
    pub(super) fn copy(&self, from: &wgpu::Buffer, first: u64, to: &wgpu::Buffer, bytes: u64) {
        if bytes > 0 {
            lock(&self.recorder).commands.push(Command::Copy { from: from.clone(), first, to: to.clone(), bytes });
        }
    }

    /// Records that a buffer begins with `values` from here on.
    ///
    /// # Errors
    /// When there is no memory left to send them from.
    pub(super) fn write<T: bytemuck::Pod>(&self, buffer: &wgpu::Buffer, values: &[T]) -> Result<()> {
        let bytes = size_of_val(values) as u64;
        if bytes == 0 {
            return Ok(());
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let from = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("rows on their way"),
            size: bytes,
            usage: wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: true,
        });
        let refused = |error: String| {
            let what = format!("sending {bytes} bytes to the device failed: {error}");
            // A device that was lost refuses whatever is sent.
            let lost = self.check().err();
            lost.unwrap_or_else(|| Error::Device(Fault::new(what).at(&self.description.name).advice(CPU_ADVICE)))
        };
        if let Some(error) = pollster::block_on(scope.pop()) {
            return Err(refused(error.to_string()));
        }
        let mut view = from.get_mapped_range_mut(..).map_err(|error| refused(error.to_string()))?;
        view.copy_from_slice(bytemuck::cast_slice(values));
        drop(view);
        from.unmap();
        let mut recorder = lock(&self.recorder);
        recorder.commands.push(Command::Copy { from, first: 0, to: buffer.clone(), bytes });
        recorder.sent += bytes;
        if recorder.sent > MOST_SENT {
            self.submit(&mut recorder);
        }
        Ok(())
    }

    /// The first `count` values of a buffer, after everything recorded before.
    pub(super) fn read<T: bytemuck::Pod>(&self, buffer: &wgpu::Buffer, count: usize) -> Result<Vec<T>> {
        let mut values = Vec::with_capacity(count);
        self.read_into(buffer, count, &mut values)?;
        Ok(values)
    }

    /// The same, appended to `values`.
    pub(super) fn read_into<T: bytemuck::Pod>(
        &self,
        buffer: &wgpu::Buffer,
        count: usize,
        values: &mut Vec<T>,
    ) -> Result<()> {
        if count == 0 {
            return self.wait_for_all();
        }
        let bytes = (count * size_of::<T>()) as u64;
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        {
            let mut recorder = lock(&self.recorder);
            recorder.commands.push(Command::Copy { from: buffer.clone(), first: 0, to: staging.clone(), bytes });
            recorder.counts.readbacks += 1;
            self.submit(&mut recorder);
        }
        let (sender, receiver) = std::sync::mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only when the read was given up.
            let _ = sender.send(result);
        });
        self.wait_for_all()?;
        let refused = |error: String| {
            let what = format!("reading from the device failed: {error}");
            Error::Device(Fault::new(what).at(&self.description.name).advice(CPU_ADVICE))
        };
        let mapped = receiver.recv().map_err(|error| refused(error.to_string()))?;
        mapped.map_err(|error| refused(error.to_string()))?;
        let view = staging.get_mapped_range(..).map_err(|error| refused(error.to_string()))?;
        // Bytes of a mapping lie on no boundary that is promised: words are taken out one by one where they must be.
        match bytemuck::try_cast_slice(&view[..]) {
            Ok(words) => values.extend_from_slice(words),
            Err(_) => values.extend_from_slice(&bytemuck::pod_collect_to_vec::<u8, T>(&view[..])),
        }
        Ok(())
    }
}
