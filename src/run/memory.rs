//! Whether a run's memory is there, told before anything starts.
//!
//! Counted are the stages of a machine, which are what grows with its size: buffers of the backend ([`memory`]) and
//! the copies that the stages hold beside it. The limit of the host is what the system gives this process, or
//! `GIBBSITE_MEMORY` (bytes, or with `KiB` to `TiB` behind); of a device only the largest buffer is known.

use std::fmt::Write as _;

use serde::Serialize;

use super::device::{Choice, DeviceRequest};
use super::gpu;
use crate::backend::memory::{self, Demand, MemoryPlan, Room, Use, largest_fitting};
use crate::data::memory_limit;
use crate::error::{Error, Fault, Result};
use crate::likelihood::MOST_RUNGS;
use crate::numerics::readable_bytes;
use crate::run::log_z::{TEMPERING_CHAINS, annealed_at_once};
use crate::run::train::{METRIC_ROWS, TrainPlan};
use crate::scenario::{Plan, Point};
use crate::settings::Tempering;
use crate::train::{Algorithm, FEWEST, GROUPS};

/// Memory of one stage on one backend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageMemory {
    /// Label of the point.
    pub point: String,
    /// `train`, `sample` or `likelihood`.
    pub stage: &'static str,
    /// `cpu` or `gpu`.
    pub backend: &'static str,
    /// Whether the limits are those of a usual device, because none is here or none was looked at.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub assumed: bool,
    /// Buffers of the backend.
    pub device: MemoryPlan,
    /// What the stage holds in the host's memory besides.
    pub host: MemoryPlan,
    /// Bytes of all of it.
    pub bytes: u64,
    /// What is too large, and what would fit; nothing where it fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub too_large: Option<TooLarge>,
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TooLarge {
    /// What is too large.
    pub what: String,
    /// Bytes that are asked for.
    pub bytes: u64,
    /// Bytes that there are.
    pub limit: u64,
    /// Hidden units that would fit with everything else as it is; 0 for none.
    pub hidden: usize,
    /// Chains and rows of a minibatch, at most these many of each, that would fit with everything else as it is.
    pub chains: usize,
    /// Chains that follow a training, at most these many, that would fit with everything else as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followers: Option<usize>,
    /// Threads that would fit with everything else as it is; 0 for none.
    #[serde(skip_serializing_if = "is_none")]
    pub threads: usize,
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

/// A place where stages may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Cpu { threads: usize },
    Gpu { room: Room, assumed: bool },
}

/// What a stage holds outside its backend.
#[derive(Debug, Clone, Copy, Default)]
struct Outside {
    /// Rows of data in memory, all copies, those of a backend that shares them included.
    rows: usize,
    /// Rows of samples to be written, all copies.
    samples: usize,
    /// Copies of the machine.
    machines: usize,
}

/// One stage as it is planned.
#[derive(Debug, Clone, Copy)]
struct Stage {
    name: &'static str,
    demand: Demand,
    outside: Outside,
}

fn stages(point: &Point) -> Result<Vec<Stage>> {
    let Some(n_hidden) = point.n_hidden else { return Ok(Vec::new()) };
    let rows = point.rows.unwrap_or(0);
    let machine = Demand { n_visible: point.n_visible, n_hidden, ..Demand::default() };
    let mut stages = Vec::new();
    if let Some(train) = &point.train {
        let rows = Rows { all: rows, trained: rows.saturating_sub(train.held_out_rows), streamed: false };
        stages.push(training(train, point.n_visible, rows));
    }
    if let Some(sample) = &point.sample {
        let settings = &sample.settings;
        let chains = settings.chains.min(settings.samples);
        let (rungs, others) = match &sample.tempering {
            Tempering::Off => (0, 0),
            // As many as may be found to be needed.
            Tempering::Auto => (MOST_RUNGS, 0),
            Tempering::Rungs(rungs) => (*rungs, 0),
            Tempering::Machines(machines) => (machines.len() + 1, 2 * machines.len()),
        };
        let demand = Demand { chains, rungs, flip: settings.flip, ..machine };
        let outside = Outside { rows, samples: 2 * settings.samples, machines: 2 + others };
        stages.push(Stage { name: "sample", demand, outside });
    }
    if let Some(likelihood) = &point.likelihood {
        let mut demand = Demand { annealed: annealed_at_once(likelihood.chains), energies: rows, ..machine };
        if !likelihood.enumerates(point.n_visible.min(n_hidden)) {
            // As many rungs as may be found to be needed.
            (demand.chains, demand.rungs) = (likelihood.chains.min(TEMPERING_CHAINS), MOST_RUNGS);
            demand.flip = true;
        }
        stages.push(Stage { name: "likelihood", demand, outside: Outside { rows, machines: 2, samples: 0 } });
    }
    Ok(stages)
}

/// Rows of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// All rows.
    pub all: usize,
    /// Those trained on.
    pub trained: usize,
    /// Whether those are read from disk for every minibatch.
    pub streamed: bool,
}

fn training(plan: &TrainPlan, n_visible: usize, rows: Rows) -> Stage {
    let measured = if plan.metrics > 0 { rows.trained.min(METRIC_ROWS) } else { 0 };
    let settings = &plan.settings;
    // By trajectory, as many machines as may be frozen.
    let others = if settings.algorithm == Algorithm::Trajectory { settings.rungs.saturating_sub(1) } else { 0 };
    let demand = Demand {
        n_visible,
        n_hidden: plan.n_hidden,
        rows: if rows.streamed { 0 } else { rows.trained },
        batch: settings.batch,
        chains: settings.chains,
        rungs: if settings.algorithm == Algorithm::Pt { settings.rungs } else { 0 },
        machines: others,
        followers: settings.online,
        averaged: settings.average > 0.0,
        contrastive: !settings.algorithm.has_chains(),
        mean_field: settings.algorithm == Algorithm::MeanField,
        adaptive: settings.descent.is_adaptive(),
        flip: settings.flip,
        annealed: 0,
        energies: measured,
    };
    // Rows as read, which are ordered where they are, those kept out, and those of the metrics; parameters, velocities and
    // second moments as uploaded or read, and the machines of a trajectory with the next to be frozen.
    let machines = 2
        + usize::from(demand.adaptive)
        + others
        + usize::from(others > 0)
        + 2 * usize::from(demand.followers > 0)
        + usize::from(demand.averaged);
    let kept_out = rows.all - rows.trained;
    let held = if rows.streamed { kept_out } else { rows.all + kept_out };
    Stage { name: "train", demand, outside: Outside { rows: held + measured, samples: 0, machines } }
}

impl Stage {
    fn plans(&self, place: Place) -> (MemoryPlan, MemoryPlan) {
        let device = match place {
            Place::Cpu { threads } => memory::on_cpu(&self.demand, threads),
            Place::Gpu { room, .. } => memory::on_gpu(&self.demand, &room),
        };
        let row = 4 * self.demand.n_visible.div_ceil(32);
        let parameters = self.demand.n_visible.saturating_mul(self.demand.n_hidden);
        let mut host = MemoryPlan::default();
        // Those that the CPU computes with are the rows themselves.
        let shared = if matches!(place, Place::Cpu { .. }) { self.demand.rows } else { 0 };
        host.add(Use::Data, "rows as read, kept out and measured", self.outside.rows - shared, row);
        host.add(Use::Copies, "samples to be written", self.outside.samples, row);
        host.add(Use::Copies, "energies and sums of samples", self.outside.samples, 2 * size_of::<f64>());
        host.add(Use::Copies, "the machine on the host", parameters.saturating_mul(self.outside.machines), 4);
        (device, host)
    }

    fn memory(&self, point: &str, place: Place, limit: Option<u64>) -> StageMemory {
        let (device, host) = self.plans(place);
        let bytes = device.bytes().saturating_add(host.bytes());
        let too_large = excess(&device, &host, place, limit).map(|(what, bytes, limit_of)| {
            let fits = |stage: Stage| {
                let (device, host) = stage.plans(place);
                excess(&device, &host, place, limit).is_none()
            };
            let d = self.demand;
            let with_hidden = |n_hidden| Stage { demand: Demand { n_hidden, ..d }, ..*self };
            let with_chains = |n: usize| {
                let demand =
                    Demand { chains: d.chains.min(n), batch: d.batch.min(n), annealed: d.annealed.min(n), ..d };
                Stage { demand, ..*self }
            };
            let with_followers = |groups: usize| Stage { demand: Demand { followers: GROUPS * groups, ..d }, ..*self };
            let groups = d.followers / GROUPS;
            let followers = GROUPS * largest_fitting(groups, |n| n == 0 || fits(with_followers(n)));
            let followers = if followers < FEWEST { 0 } else { followers };
            let threads = match place {
                Place::Cpu { threads } => largest_fitting(threads, |n| {
                    let (device, host) = self.plans(Place::Cpu { threads: n });
                    n == 0 || excess(&device, &host, place, limit).is_none()
                }),
                Place::Gpu { .. } => 0,
            };
            let most = d.chains.max(d.batch).max(d.annealed);
            let fitting = largest_fitting(most, |n| n == 0 || fits(with_chains(n)));
            TooLarge {
                what,
                bytes,
                limit: limit_of,
                hidden: largest_fitting(d.n_hidden, |n| n == 0 || fits(with_hidden(n))),
                chains: fitting,
                followers: (groups > 0 && fits(with_followers(followers / GROUPS))).then_some(followers),
                threads,
            }
        });
        let (backend, assumed) = match place {
            Place::Cpu { .. } => ("cpu", false),
            Place::Gpu { assumed, .. } => ("gpu", assumed),
        };
        StageMemory { point: point.to_string(), stage: self.name, backend, assumed, device, host, bytes, too_large }
    }
}

/// What is beyond a limit: its name, its bytes and the limit.
fn excess(device: &MemoryPlan, host: &MemoryPlan, place: Place, limit: Option<u64>) -> Option<(String, u64, u64)> {
    let on_host = match place {
        Place::Cpu { .. } => device.bytes().saturating_add(host.bytes()),
        Place::Gpu { room, .. } => {
            if let Some(part) = device.largest().filter(|part| part.largest > room.largest) {
                return Some((format!("a buffer of {}", part.what), part.largest, room.largest));
            }
            host.bytes()
        }
    };
    limit.filter(|&limit| on_host > limit).map(|limit| ("the memory of the host".to_string(), on_host, limit))
}

impl TooLarge {
    fn fault(&self, stage: &StageMemory) -> Fault {
        let mut fitting = Vec::new();
        if self.hidden > 0 {
            fitting.push(format!("{} hidden units", self.hidden));
        }
        if self.chains > 0 {
            fitting.push(format!("{} chains and rows of a minibatch", self.chains));
        }
        match self.followers {
            Some(0) => fitting.push("no chains that follow the training".to_string()),
            Some(chains) => fitting.push(format!("{chains} chains that follow the training")),
            None => {}
        }
        if self.threads > 0 {
            fitting.push(format!("{} threads", self.threads));
        }
        let advice = match fitting.is_empty() {
            true => "use fewer visible units, another --backend, or a machine with more memory".to_string(),
            false => format!("with everything else as it is, {} would fit", fitting.join(", or ")),
        };
        let place =
            if stage.point.is_empty() { stage.stage.to_string() } else { format!("{}, {}", stage.point, stage.stage) };
        Fault::new(format!("{} is too small: {} are needed", self.what, readable_bytes(self.bytes)))
            .at(format!("{place}, --backend {}", stage.backend))
            .expected(format!("at most {}", readable_bytes(self.limit)))
            .advice(advice)
    }
}

fn cpu(request: &DeviceRequest) -> Place {
    Place::Cpu { threads: request.threads.unwrap_or_else(crate::threads::count) }
}

/// Places that a request may lead to: the one it names, or both.
fn places(request: &DeviceRequest) -> Result<Vec<Place>> {
    request.check()?;
    let cpu = cpu(request);
    Ok(match request.choice {
        Choice::Cpu => vec![cpu],
        Choice::Gpu => vec![Place::Gpu { room: gpu::room(request)?, assumed: false }],
        Choice::Auto => match gpu::room(request) {
            Ok(room) => vec![Place::Gpu { room, assumed: false }, cpu],
            Err(_) => vec![Place::Gpu { room: Room::default(), assumed: true }, cpu],
        },
    })
}

/// Memory of every stage of a machine, point by point, on every backend that the request may lead to.
///
/// # Errors
/// [`Error::Input`] when a GPU is asked for that is not there, and for an unreadable limit.
pub fn of_plan(plan: &Plan, request: &DeviceRequest) -> Result<Vec<StageMemory>> {
    of_places(plan, &places(request)?)
}

/// The same without a look at any device unless the request names one: where the choice is free, a usual GPU is assumed.
///
/// # Errors
/// As [`of_plan`].
pub fn foreseen(plan: &Plan, request: &DeviceRequest) -> Result<Vec<StageMemory>> {
    if request.choice != Choice::Auto || request.device.is_some() {
        return of_plan(plan, request);
    }
    of_places(plan, &[Place::Gpu { room: Room::default(), assumed: true }, cpu(request)])
}

fn of_places(plan: &Plan, places: &[Place]) -> Result<Vec<StageMemory>> {
    let limit = memory_limit()?;
    let mut found = Vec::new();
    for point in &plan.points {
        for stage in stages(point)? {
            found.extend(places.iter().map(|&place| stage.memory(&point.label, place, limit)));
        }
    }
    Ok(found)
}

/// Memory of a training on rows of `n_visible` units.
///
/// # Errors
/// As [`of_plan`].
pub fn of_training(
    plan: &TrainPlan,
    n_visible: usize,
    rows: Rows,
    request: &DeviceRequest,
) -> Result<Vec<StageMemory>> {
    let (stage, limit) = (training(plan, n_visible, rows), memory_limit()?);
    Ok(places(request)?.into_iter().map(|place| stage.memory("", place, limit)).collect())
}

/// That every stage fits some backend that the request may lead to.
///
/// # Errors
/// [`Error::Input`] that names the first stage which does not, and what would fit.
pub fn check(stages: &[StageMemory]) -> Result<()> {
    let known: Vec<&StageMemory> = stages.iter().filter(|stage| !stage.assumed).collect();
    for group in known.chunk_by(|a, b| (&a.point, a.stage) == (&b.point, b.stage)) {
        let faults: Vec<Fault> =
            group.iter().filter_map(|stage| stage.too_large.as_ref().map(|large| large.fault(stage))).collect();
        if faults.len() == group.len()
            && let Some(fault) = faults.into_iter().next_back()
        {
            return Err(Error::Input(fault));
        }
    }
    Ok(())
}

/// As [`check`]; where the choice is left to this program and a stage does not fit the GPU that is here, the CPU.
///
/// # Errors
/// As [`check`].
pub fn settle(request: &DeviceRequest, stages: &[StageMemory]) -> Result<DeviceRequest> {
    check(stages)?;
    let is_free = request.choice == Choice::Auto && request.device.is_none();
    let fits = |stage: &StageMemory| stage.backend == "cpu" || stage.assumed || stage.too_large.is_none();
    let choice = if is_free && !stages.iter().all(fits) { Choice::Cpu } else { request.choice };
    Ok(DeviceRequest { choice, ..request.clone() })
}

/// A table of the stages' memory, one line a stage and backend, columns by purpose.
#[must_use]
pub fn table(stages: &[StageMemory], name: &str) -> String {
    let mut out = String::new();
    let purposes = Use::ALL;
    let _ = write!(out, "  {:<28} {:<11} {:<7}", "memory", "", "");
    for purpose in purposes {
        let _ = write!(out, " {:>10}", purpose.name());
    }
    let _ = writeln!(out, " {:>10}", "in all");
    for stage in stages {
        let label = if stage.point.is_empty() { name } else { &stage.point };
        let backend = format!("{}{}", stage.backend, if stage.assumed { "*" } else { "" });
        let _ = write!(out, "  {label:<28} {:<11} {backend:<7}", stage.stage);
        for purpose in purposes {
            let bytes = stage.device.bytes_of(purpose) + stage.host.bytes_of(purpose);
            let text = if bytes == 0 { "-".to_string() } else { readable_bytes(bytes) };
            let _ = write!(out, " {text:>10}");
        }
        let _ = write!(out, " {:>10}", readable_bytes(stage.bytes));
        let _ = writeln!(out, "{}", if stage.too_large.is_some() { "  too large" } else { "" });
    }
    if stages.iter().any(|stage| stage.assumed) {
        let largest = readable_bytes(Room::default().largest);
        let _ =
            writeln!(out, "  * a GPU with buffers up to {largest} is assumed; --backend gpu asks the one that is here");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_is_too_small_is_passed_over_unless_it_was_asked_for() {
        let demand = Demand { n_visible: 1000, n_hidden: 100, chains: 5000, ..Demand::default() };
        let stage = Stage { name: "sample", demand, outside: Outside::default() };
        let cpu = Place::Cpu { threads: 1 };
        // 5000 chains of 1000 units are 640 KB in one buffer.
        let gpu = |largest, assumed| Place::Gpu { room: Room { largest, ..Room::default() }, assumed };
        let stages = |places: &[Place], limit| -> Vec<StageMemory> {
            places.iter().map(|&place| stage.memory("", place, limit)).collect()
        };
        let auto = DeviceRequest::default();
        let choice =
            |request: &DeviceRequest, places: &[Place]| settle(request, &stages(places, None)).map(|r| r.choice);
        assert_eq!(choice(&auto, &[gpu(1 << 20, false), cpu]), Ok(Choice::Auto));
        assert_eq!(choice(&auto, &[gpu(600_000, false), cpu]), Ok(Choice::Cpu));
        assert_eq!(choice(&auto, &[gpu(600_000, true), cpu]), Ok(Choice::Auto));
        let asked = DeviceRequest { choice: Choice::Gpu, ..DeviceRequest::default() };
        let error = choice(&asked, &[gpu(600_000, false)]).unwrap_err().to_string();
        assert!(error.contains("a buffer of chains") && error.contains("4687 chains"), "{error}");
        // No memory anywhere: not even one chain would fit, nor one hidden unit.
        let error = settle(&auto, &stages(&[gpu(1 << 20, true), cpu], Some(1000))).unwrap_err().to_string();
        assert!(error.contains("1000 B") && error.contains("machine with more memory"), "{error}");
    }
}
