//! What the driver compiled, kept from one run of the program to the next where the adapter can give it out.

use super::device::{Gpu, lock};

/// Keeps compiled pipelines from one run of the program to the next.
pub trait CompiledStore: std::fmt::Debug + Send + Sync {
    /// What was saved before for the driver called `key`, unchanged; nothing where it cannot be read.
    fn load(&self, key: &str) -> Option<Vec<u8>>;

    /// Keeps `data` for the driver called `key`; losing it costs time, never a result.
    fn save(&self, key: &str, data: &[u8]);
}

/// The driver's cache and where it is kept.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) cache: wgpu::PipelineCache,
    store: Box<dyn CompiledStore>,
    key: String,
}

impl Gpu {
    /// Takes compiled pipelines from `store` and puts those that are compiled by this device there when it is closed;
    /// nothing where the adapter has no such cache.
    #[must_use]
    pub fn with_compiled(mut self, store: Box<dyn CompiledStore>) -> Self {
        let info = self.device.adapter_info();
        let has_cache = self.device.features().contains(wgpu::Features::PIPELINE_CACHE);
        let Some(name) = wgpu::util::pipeline_cache_key(&info).filter(|_| has_cache) else { return self };
        let key = format!("{name} {}", self.description.driver);
        let data = store.load(&key);
        self.compiled = Some(Compiled { cache: cache_of(&self.device, data.as_deref()), store, key });
        self
    }

    /// Saves the cache where something was added to it.
    fn save_compiled(&self) {
        let Some(Compiled { cache, store, key }) = &self.compiled else { return };
        // What a lost device compiled may be anything.
        if !lock(&self.pipelines).is_empty()
            && !self.has_failed()
            && let Some(data) = cache.get_data()
        {
            store.save(key, &data);
        }
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        self.save_compiled();
    }
}

/// A cache that begins with `data`.
#[expect(unsafe_code, reason = "the one place where a driver is given what an earlier run compiled")]
fn cache_of(device: &wgpu::Device, data: Option<&[u8]>) -> wgpu::PipelineCache {
    let descriptor = wgpu::PipelineCacheDescriptor { label: Some("compiled kernels"), data, fallback: true };
    // SAFETY: the data are what `get_data` gave for this adapter and driver: they are kept by name of both and come back
    // unchanged, which stores promise and the program's own checks by their hash; wgpu compares its header too. A test
    // gives a store other bytes and finds that they do not come back.
    unsafe { device.create_pipeline_cache(&descriptor) }
}
