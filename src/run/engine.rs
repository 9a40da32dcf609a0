//! The way in for programs: a device with its threads, cheap to clone, that trains, samples, evaluates and reads out.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::couplings::couplings_of;
#[cfg(not(feature = "gpu"))]
use super::device::gpu;
use super::device::{self, DeviceRequest, Job};
#[cfg(feature = "gpu")]
use super::gpu::gpu;
use super::likelihood::likelihood;
use super::model::{base_of, model_of};
use super::train::{EachUpdate, Split, TrainInputs, split, train};
use super::{Source, sample};
use crate::artifact::CheckpointStore;
use crate::backend::cpu::Cpu;
#[cfg(feature = "gpu")]
use crate::backend::gpu::Gpu;
use crate::backend::{Backend, DeviceDescription};
use crate::bits::BitMatrix;
use crate::couplings::Coupling;
use crate::data::{DataSet, Model};
use crate::error::{Error, Result};
use crate::events::Silent;
use crate::rbm::Rbm;
use crate::record::LikelihoodRecord;
use crate::sample::Sampled;
use crate::settings::{
    About, CouplingsSettings, LikelihoodSettings, ModelSettings, Problem, SampleSettings, TrainSettings, refused,
};
use crate::threads::Pool;

/// A device with its threads.
#[derive(Debug, Clone)]
pub struct Engine {
    device: Arc<Device>,
    threads: Arc<Pool>,
}

#[derive(Debug)]
enum Device {
    Cpu(Cpu),
    #[cfg(feature = "gpu")]
    Gpu(Box<Gpu>),
}

impl Engine {
    /// The CPU with so many threads, or one a core.
    ///
    /// # Errors
    /// [`Error::Input`] for a number of threads that cannot be.
    pub fn cpu(threads: Option<usize>) -> Result<Self> {
        Self::open(&DeviceRequest { choice: device::Choice::Cpu, threads, device: None })
    }

    /// The device that is asked for; by default a real GPU where there is one, else the CPU.
    ///
    /// # Errors
    /// [`Error::Input`] where it is not there.
    pub fn open(request: &DeviceRequest) -> Result<Self> {
        request.check()?;
        let threads = Arc::new(Pool::new(request.threads)?);
        let device = match threads.install(|| gpu(request))? {
            #[cfg(feature = "gpu")]
            Some(gpu) => Device::Gpu(Box::new(gpu)),
            #[cfg(not(feature = "gpu"))]
            Some(never) => match never {},
            None => Device::Cpu(Cpu::new()),
        };
        Ok(Self { device: Arc::new(device), threads })
    }

    /// Name, driver and kind of the device.
    #[must_use]
    pub fn device(&self) -> DeviceDescription {
        match &*self.device {
            Device::Cpu(cpu) => cpu.device(),
            #[cfg(feature = "gpu")]
            Device::Gpu(gpu) => gpu.device(),
        }
    }

    /// Does work that is written for any backend.
    ///
    /// # Errors
    /// What the work fails with.
    #[doc(hidden)]
    pub fn run<J: Job>(&self, job: J) -> Result<J::Output> {
        self.threads.install(|| match &*self.device {
            Device::Cpu(cpu) => job.run(cpu),
            #[cfg(feature = "gpu")]
            Device::Gpu(gpu) => job.run(&**gpu),
        })
    }

    /// Trains a machine on data, of which a part is kept out as `train.held_out` says.
    ///
    /// # Errors
    /// [`Error::Input`] with every setting that cannot be; [`Error::Numerics`] when the training diverges.
    pub fn train(&self, data: &DataSet, model: &ModelSettings, train: &TrainSettings, seed: u64) -> Result<Model> {
        self.train_watched(data, model, train, seed, &CheckpointStore::nowhere(), &|_| Ok(ControlFlow::Continue(())))
    }

    /// The same with checkpoints, from the newest of which it goes on where there is one, and with `each` called after every
    /// update: to look at the machine, or to end the training by [`ControlFlow::Break`].
    ///
    /// # Errors
    /// As [`Self::train`]; [`Error::Checkpoint`] where checkpoints are of another training; what `each` returns.
    pub fn train_watched(
        &self,
        data: &DataSet,
        model: &ModelSettings,
        train: &TrainSettings,
        seed: u64,
        checkpoints: &CheckpointStore,
        each: &EachUpdate<'_>,
    ) -> Result<Model> {
        let about =
            About { rows: Some(data.samples.rows()), n_visible: Some(data.samples.cols()), lattice: data.lattice };
        let wrong = model.check();
        if !wrong.is_empty() {
            return Err(by_fields(wrong));
        }
        let mut plan = train.resolve(model, &about, seed).map_err(by_fields)?;
        let mut rows = split(data.samples.clone(), plan.held_out_rows, seed);
        if let Some(file) = &plan.held_out_file {
            let others = read_rows(file)?.at_temperature(data.temperature)?;
            plan.held_out = Some(rows.look_at(others, data)?);
        }
        self.run(Train { data, plan: &plan, rows: &rows, checkpoints, each })
    }

    /// Draws samples of a machine.
    ///
    /// # Errors
    /// [`Error::Input`] with every setting that cannot be.
    pub fn sample(&self, model: &Model, settings: &SampleSettings, seed: u64) -> Result<Sampled> {
        let machines = machines(&settings.trajectory)?;
        let plan = settings.resolve(&about(model), machines, seed).map_err(by_fields)?;
        self.run(Sample { model, plan: &plan })
    }

    /// ln Z of a machine, and its log-likelihood on rows where these are given.
    ///
    /// # Errors
    /// [`Error::Input`] with every setting that cannot be, or for rows of other units.
    pub fn likelihood(
        &self,
        model: &Model,
        rows: Option<&DataSet>,
        settings: &LikelihoodSettings,
        seed: u64,
    ) -> Result<LikelihoodRecord> {
        let smaller = model.rbm.n_visible.min(model.rbm.n_hidden);
        let machines = machines(&settings.trajectory)?;
        let plan = settings.resolve(Some(smaller), machines, seed).map_err(by_fields)?;
        let source = rows.map(|rows| model.arrange(rows.clone(), &mut Silent)).transpose()?.map(Source::from_data);
        self.run(Likelihood { model, source: source.as_ref(), plan: &plan })
    }

    /// Couplings of a machine in the first basis of the settings, orders ascending, units in lexicographic order.
    ///
    /// # Errors
    /// [`Error::Input`] with every setting that cannot be.
    pub fn couplings(&self, model: &Model, settings: &CouplingsSettings) -> Result<Vec<Coupling>> {
        let names = model.unit_names();
        let plan = settings.resolve(&about(model), Some(model.rbm.n_hidden), Some(&names)).map_err(by_fields)?;
        self.threads.install(|| couplings_of(&plan, plan.bases[0], &model.rbm))
    }
}

fn about(model: &Model) -> About {
    About { rows: None, n_visible: Some(model.rbm.n_visible), lattice: model.meta.lattice }
}

fn machines(paths: &[PathBuf]) -> Result<Vec<Rbm>> {
    paths.iter().map(|path| read_machine(path)).collect()
}

#[cfg(feature = "files")]
fn read_machine(path: &Path) -> Result<Rbm> {
    crate::data::read_model(path).map(|model| model.rbm)
}

#[cfg(feature = "files")]
fn read_rows(path: &Path) -> Result<DataSet> {
    crate::data::read(path)
}

#[cfg(not(feature = "files"))]
fn read_machine(path: &Path) -> Result<Rbm> {
    Err(no_files(path))
}

#[cfg(not(feature = "files"))]
fn read_rows(path: &Path) -> Result<DataSet> {
    Err(no_files(path))
}

#[cfg(not(feature = "files"))]
fn no_files(path: &Path) -> Error {
    let fault = crate::error::Fault::new("this build reads no files").at(path.display());
    Error::Input(fault.advice("build with the feature `files`"))
}

/// Problems of settings as an error that names each by its field.
fn by_fields(problems: Vec<Problem>) -> Error {
    refused(problems, |path| Some(path.to_string()))
}

struct Train<'a> {
    data: &'a DataSet,
    plan: &'a crate::settings::TrainPlan,
    rows: &'a Split,
    checkpoints: &'a CheckpointStore,
    each: &'a EachUpdate<'a>,
}

impl Job for Train<'_> {
    type Output = Model;

    fn run<B: Backend>(self, backend: &B) -> Result<Model> {
        let Self { data, plan, rows, checkpoints, each } = self;
        let source = Source::from_data(DataSet { samples: BitMatrix::zeros(0, 0), ..data.clone() });
        let exact = source.exact.as_ref();
        let inputs = TrainInputs { plan, split: rows, exact, checkpoints, resume: true, each: Some(each), start: None };
        let trained = train(backend, inputs, &mut Silent, &mut |_| Ok(()))?;
        Ok(model_of(&trained.rbm, data, &rows.train, &trained.plan, trained.updates, &[]))
    }
}

struct Sample<'a> {
    model: &'a Model,
    plan: &'a sample::SamplePlan,
}

impl Job for Sample<'_> {
    type Output = Sampled;

    fn run<B: Backend>(self, backend: &B) -> Result<Sampled> {
        sample::sample(backend, self.plan, &self.model.rbm, &base_of(self.model), None, &mut Silent)
    }
}

struct Likelihood<'a> {
    model: &'a Model,
    source: Option<&'a Source>,
    plan: &'a super::likelihood::LikelihoodPlan,
}

impl Job for Likelihood<'_> {
    type Output = LikelihoodRecord;

    fn run<B: Backend>(self, backend: &B) -> Result<LikelihoodRecord> {
        let Self { model, source, plan } = self;
        let sets: Vec<(&str, &BitMatrix)> = source.iter().map(|source| ("data", &source.data.samples)).collect();
        let found = likelihood(backend, plan, &model.rbm, &base_of(model), &sets, source, &mut Silent)?;
        Ok(found.in_units(model.meta.units, model.rbm.in_units(model.meta.units).1))
    }
}
