//! Device time of every kernel, by timestamps around its dispatches, where the adapter has them.
//!
//! A timestamp waits for what is before it, so that dispatches which could overlap do not: by default one batch of
//! eight is timed, and the others are taken to be like it.

use std::collections::BTreeMap;

use crate::backend::KernelTime;

use super::adapter::Selection;
use super::device::{Gpu, lock};
use super::kernel::Kernel;

/// What a device needs for timestamps between the dispatches of a pass.
pub(super) const FEATURES: wgpu::Features =
    wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES);

/// Which batches are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timed {
    /// None.
    #[default]
    Never,
    /// One of eight.
    Sampled,
    /// All.
    Always,
}

/// Batches of which one is timed.
const SAMPLED: u64 = 8;

/// Times so far, and timestamps that are still on their way.
#[derive(Debug)]
pub(super) struct Timing {
    seconds_per_tick: f64,
    timed: Timed,
    /// Batches whose timestamps wait in a buffer of the host, with the kernels in order.
    pending: Vec<(wgpu::Buffer, Vec<&'static Kernel>)>,
    /// By stem and entry point.
    times: BTreeMap<(&'static str, &'static str), Sum>,
}

/// Dispatches of a kernel, those timed, and their seconds.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    dispatches: u64,
    timed: u64,
    seconds: f64,
}

/// Timestamps of one batch while it is recorded: two a dispatch.
pub(super) struct BatchTimes {
    pub(super) queries: wgpu::QuerySet,
    pub(super) kernels: Vec<&'static Kernel>,
}

impl Timing {
    pub(super) fn new(selection: &Selection, device: &wgpu::Device, queue: &wgpu::Queue) -> Option<Self> {
        let timed = selection.timed;
        (timed != Timed::Never && device.features().contains(FEATURES)).then(|| Self {
            timed,
            seconds_per_tick: 1e-9 * f64::from(queue.get_timestamp_period()),
            pending: Vec::new(),
            times: BTreeMap::new(),
        })
    }

    /// Whether batch number `batch` is timed.
    pub(super) fn times_batch(&self, batch: u64) -> bool {
        self.timed == Timed::Always || batch.is_multiple_of(SAMPLED)
    }

    /// Counts a dispatch.
    pub(super) fn count(&mut self, kernel: &Kernel) {
        self.times.entry((kernel.stem, kernel.entry)).or_default().dispatches += 1;
    }
}

impl BatchTimes {
    /// Room for the timestamps of `dispatches` dispatches.
    pub(super) fn new(device: &wgpu::Device, dispatches: usize) -> Self {
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("times of kernels"),
            ty: wgpu::QueryType::Timestamp,
            count: 2 * dispatches as u32,
        });
        Self { queries, kernels: Vec::with_capacity(dispatches) }
    }

    /// Ends the recording: the timestamps go to a buffer of the host.
    pub(super) fn resolve(self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder) {
        let count = 2 * self.kernels.len() as u32;
        let Some(timing) = gpu.timing.as_ref().filter(|_| count > 0) else { return };
        let buffer = |usage| {
            let descriptor = wgpu::BufferDescriptor {
                label: Some("times of kernels"),
                size: 8 * u64::from(count),
                usage,
                mapped_at_creation: false,
            };
            gpu.device.create_buffer(&descriptor)
        };
        let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
        let staging = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        encoder.resolve_query_set(&self.queries, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, 8 * u64::from(count));
        lock(timing).pending.push((staging, self.kernels));
    }
}

impl Gpu {
    /// Adds up the timestamps of all batches; all of them have run.
    pub(super) fn collect_times(&self) {
        let Some(timing) = &self.timing else { return };
        let mut timing = lock(timing);
        let pending = std::mem::take(&mut timing.pending);
        for (staging, _) in &pending {
            staging.map_async(wgpu::MapMode::Read, .., |_| {});
        }
        self.wait(None);
        for (staging, kernels) in &pending {
            // A lost device has no times; its failure is reported elsewhere.
            let Ok(view) = staging.get_mapped_range(..) else { continue };
            let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&view[..]);
            for (kernel, pair) in kernels.iter().zip(ticks.chunks_exact(2)) {
                let seconds = timing.seconds_per_tick * pair[1].saturating_sub(pair[0]) as f64;
                let sum = timing.times.entry((kernel.stem, kernel.entry)).or_default();
                sum.timed += 1;
                sum.seconds += seconds;
            }
        }
    }

    /// Times of all kernels since the device was opened, as of the last wait; empty without timestamps.
    pub(super) fn times(&self) -> Vec<KernelTime> {
        let Some(timing) = &self.timing else { return Vec::new() };
        let times = lock(timing).times.clone();
        times
            .into_iter()
            .filter(|(_, sum)| sum.timed > 0)
            .map(|((stem, entry), Sum { dispatches, timed, seconds })| KernelTime {
                kernel: format!("{stem}.{entry}"),
                dispatches,
                timed,
                seconds: seconds * (dispatches as f64 / timed as f64),
            })
            .collect()
    }
}
