//! Checkpoints of a training in progress, and what they must agree with.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::TrainPlan;
use crate::artifact::{Checkpoint, CheckpointStore};
use crate::data::ByteHash;
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::record::TrainMetric;
use crate::train::{RowSource, State};

/// Rows that are hashed at a time where they are not in memory.
const HASHED_ROWS: usize = 1 << 16;

/// Hash of what a checkpoint must agree with before a training may go on from it.
///
/// # Errors
/// When the rows cannot be read.
pub fn fingerprint(plan: &TrainPlan, data: &dyn RowSource) -> Result<String> {
    Ok(Rows::of(data)?.with(plan, plan.settings.updates))
}

/// What a fingerprint holds of the rows.
struct Rows {
    shape: [usize; 2],
    sha256: String,
}

impl Rows {
    fn of(data: &dyn RowSource) -> Result<Self> {
        let sha256 = match data.in_memory() {
            Some(rows) => ByteHash::of(bytemuck::cast_slice(rows.words())),
            None => {
                let mut hash = ByteHash::default();
                for first in (0..data.rows()).step_by(HASHED_ROWS) {
                    let numbers: Vec<u32> =
                        (first..data.rows().min(first + HASHED_ROWS)).map(|row| row as u32).collect();
                    hash.add(bytemuck::cast_slice(data.fetch(&numbers)?.words()));
                }
                hash.hex()
            }
        };
        Ok(Self { shape: [data.rows(), data.units()], sha256 })
    }

    /// The fingerprint of a training of `plan` with this number of updates.
    fn with(&self, plan: &TrainPlan, updates: u64) -> String {
        let parts = json!({ "training": plan.identity(updates), "shape": self.shape, "rows": self.sha256 });
        ByteHash::of(parts.to_string().as_bytes())
    }
}

/// Longest time between two checkpoints.
const KEEP_EVERY: Duration = Duration::from_mins(10);

/// The checkpoints of a training in progress.
pub(super) struct Keeper<'a> {
    store: &'a CheckpointStore,
    plan: &'a TrainPlan,
    rows: Rows,
    fingerprint: String,
    /// The newest one of this training, none before the first.
    newest: Cell<Option<u64>>,
    kept_at: Cell<Instant>,
}

impl<'a> Keeper<'a> {
    /// Keeps checkpoints of a training of `plan` on `data` in `store`.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub(super) fn new(store: &'a CheckpointStore, plan: &'a TrainPlan, data: &dyn RowSource) -> Result<Self> {
        let rows = Rows::of(data)?;
        Ok(Self {
            store,
            plan,
            fingerprint: rows.with(plan, plan.settings.updates),
            rows,
            newest: Cell::new(None),
            kept_at: Cell::new(Instant::now()),
        })
    }

    /// The newest good checkpoint of this training, where there is one, or the end of one that was to have fewer updates
    /// and is otherwise the same.
    ///
    /// # Errors
    /// As [`CheckpointStore::latest`].
    pub(super) fn find(&self, listener: &mut dyn Listener) -> Result<Option<Checkpoint>> {
        let settings = &self.plan.settings;
        let is_ended = |found: &Checkpoint| {
            found.update < settings.updates && found.fingerprint == self.rows.with(self.plan, found.update)
        };
        let is_ours = |found: &Checkpoint| found.fingerprint == self.fingerprint || is_ended(found);
        self.store.latest_of(is_ours, listener)
    }

    /// The state from which this training goes on, where there is one.
    ///
    /// # Errors
    /// As [`CheckpointStore::latest`].
    pub(super) fn latest(&self, listener: &mut dyn Listener) -> Result<Option<State>> {
        let settings = &self.plan.settings;
        let found = self.find(listener)?;
        if let Some(ended) = found.as_ref().filter(|found| found.fingerprint != self.fingerprint) {
            let rate = settings.schedule.rate(settings.learning_rate, ended.update, settings.updates);
            listener.event(Event::Info(format!(
                "a training of {} updates goes on to {}, at the learning rate {rate} that one of so many has there",
                ended.update, settings.updates
            )));
        }
        self.newest.set(found.as_ref().map(|c| c.update));
        Ok(found.map(state_of))
    }

    /// The state whose held-out rows were the most likely, and what was measured then.
    ///
    /// # Errors
    /// As [`CheckpointStore::best`].
    pub(super) fn best(&self) -> Result<Option<(State, TrainMetric)>> {
        Ok(self.store.best(&self.fingerprint)?.map(|(checkpoint, metric)| (state_of(checkpoint), metric)))
    }

    /// Keeps a state as the one whose held-out rows were the most likely.
    pub(super) fn keep_best(&self, state: State, metric: &TrainMetric) -> Result<()> {
        self.store.save_best(&self.checkpoint_of(state), metric)
    }

    fn checkpoint_of(&self, state: State) -> Checkpoint {
        Checkpoint {
            rbm: state.rbm,
            optimiser: state.optimiser,
            chains: state.chains,
            update: state.update,
            step: state.update * u64::from(self.plan.settings.gibbs_steps),
            seed: self.plan.settings.seed,
            fingerprint: self.fingerprint.clone(),
            ladder: state.ladder,
            online: state.online,
            average: state.average,
        }
    }

    /// Hash of settings and data.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Where the checkpoints are.
    pub(super) fn place(&self) -> &Path {
        self.store.path()
    }

    pub(super) fn is_due(&self) -> bool {
        self.kept_at.get().elapsed() >= KEEP_EVERY
    }

    pub(super) fn keep(&self, state: State) -> Result<()> {
        let checkpoint = self.checkpoint_of(state);
        match self.newest.replace(Some(checkpoint.update)) {
            Some(_) => self.store.save(&checkpoint)?,
            None => self.store.save_first(&checkpoint)?,
        };
        self.kept_at.set(Instant::now());
        Ok(())
    }

    /// Says of a training that diverged what is left of it.
    pub(super) fn with_last_good(&self, error: Error) -> Error {
        match (error, self.newest.get()) {
            (Error::Numerics(fault), Some(update)) => {
                let advice = fault.advice.clone().unwrap_or_default();
                let kept = format!("the checkpoint of update {update} in {} is good", self.store.path().display());
                Error::Numerics(fault.advice(format!("{advice}; {kept}")))
            }
            (error, _) => error,
        }
    }
}

fn state_of(c: Checkpoint) -> State {
    let Checkpoint { rbm, optimiser, chains, update, ladder, online, average, .. } = c;
    State { rbm, optimiser, chains, update, ladder, online, average }
}
