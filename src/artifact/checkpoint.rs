//! A training in progress.

use super::CheckpointStore;
use crate::backend::OptimiserState;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::events::Silent;
use crate::rbm::Rbm;
use crate::train::{LadderState, OnlineState};

/// Everything a training needs to go on as if it had never stopped.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Parameters.
    pub rbm: Rbm,
    /// Velocities and offsets.
    pub optimiser: OptimiserState,
    /// Persistent chains, `[chains, n_visible]`; no rows where the algorithm keeps none.
    pub chains: BitMatrix,
    /// Updates done.
    pub update: u64,
    /// Gibbs steps done: the random address of the next one.
    pub step: u64,
    /// Seed of the training.
    pub seed: u64,
    /// Hash of the settings and data; a training with others must not go on from here.
    pub fingerprint: String,
    /// Ladder of tempered chains.
    pub ladder: Option<LadderState>,
    /// ln Z on the way.
    pub online: Option<OnlineState>,
    /// Running mean of the parameters.
    pub average: Option<Rbm>,
}

impl CheckpointStore {
    /// Takes over the newest and the best checkpoint of another training of the same `fingerprint`, where there is none here.
    ///
    /// # Errors
    /// As [`Self::latest_of`] and [`Self::save`].
    pub(crate) fn begin_from(&self, other: &Self, fingerprint: &str) -> Result<()> {
        let is_ours = |checkpoint: &Checkpoint| checkpoint.fingerprint == fingerprint;
        if self.latest_of(is_ours, &mut Silent)?.is_some() {
            return Ok(());
        }
        if let Some((best, metric)) = other.best(fingerprint)? {
            self.save_best(&best, &metric)?;
        }
        // Last, for it is what tells that all is there.
        match other.latest_of(is_ours, &mut Silent)? {
            Some(newest) => self.save_first(&newest).map(|_| ()),
            None => Ok(()),
        }
    }
}
