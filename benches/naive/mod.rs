//! A device of its own for kernels written the first way that comes to mind, beside the engine's.

use std::time::Instant;

use gibbsite::internals::backend::gpu::shader::{Products, Variant, compose};

/// The adapter of a name, opened once more.
pub(crate) struct Naive {
    device: wgpu::Device,
    queue: wgpu::Queue,
}

impl Naive {
    /// The same adapter as the engine's.
    pub(crate) fn open(name: &str) -> Self {
        let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
        let descriptor =
            wgpu::InstanceDescriptor { backends, ..wgpu::InstanceDescriptor::new_without_display_handle() };
        let found = pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(backends));
        let adapter = found.into_iter().find(|a| a.get_info().name == name).expect("the engine's adapter");
        let wanted = wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&wanted)).expect("the device opens");
        Self { device, queue }
    }

    pub(crate) fn upload(&self, bytes: &[u8]) -> wgpu::Buffer {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes.len() as u64,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, bytes);
        buffer
    }

    /// Entry points of one text; wgpu's checks of indices stay on.
    pub(crate) fn pipelines<const N: usize>(&self, text: &str, entries: [&str; N]) -> [wgpu::ComputePipeline; N] {
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(compose(text, Variant::new(Products::Limbs)).into()),
        });
        entries.map(|entry| {
            self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: None,
                module: &module,
                entry_point: Some(entry),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            })
        })
    }

    pub(crate) fn group(&self, pipeline: &wgpu::ComputePipeline, buffers: &[(u32, &wgpu::Buffer)]) -> wgpu::BindGroup {
        let entries: Vec<_> = buffers
            .iter()
            .map(|&(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        })
    }

    /// Seconds of dispatches of the same size, one after the other, in one submission.
    pub(crate) fn seconds<'a>(
        &self,
        pipeline: &wgpu::ComputePipeline,
        groups: impl IntoIterator<Item = &'a wgpu::BindGroup>,
        workgroups: [usize; 2],
    ) -> f64 {
        let start = Instant::now();
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(pipeline);
            for group in groups {
                pass.set_bind_group(0, group, &[]);
                pass.dispatch_workgroups(workgroups[0] as u32, workgroups[1] as u32, 1);
            }
        }
        self.queue.submit([encoder.finish()]);
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device works");
        start.elapsed().as_secs_f64()
    }

    pub(crate) fn read<T: bytemuck::Pod>(&self, buffer: &wgpu::Buffer) -> Vec<T> {
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: buffer.size(),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size());
        self.queue.submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |result| result.expect("mapped"));
        self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device works");
        bytemuck::pod_collect_to_vec(&staging.get_mapped_range(..).expect("mapped")[..])
    }
}

/// Of times in turns, since machines are noisy.
pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
