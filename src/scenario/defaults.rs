//! Fills in what a scenario leaves out, so that the resolved file says everything.

use super::facts::Facts;
use super::raw::{
    Algorithm, Basis, Exact, RawCouplings, RawLikelihood, RawModel, RawSample, RawScenario, RawSource, RawTrain,
    Replicas, SpinRule,
};
use crate::couplings::{STRONGEST, default_orders};
use crate::train::limits::{CHECKPOINTS, GIBBS_STEPS, HELD_OUT, KEEP_CHECKPOINTS, METRICS, RUNGS, UPDATES};
use crate::train::{
    Augment, BATCH, CHAINS, Choice, OFFSET_RATE, Optimizer, Schedule, WEIGHT_SCALE, default_anchor, default_bias_rate,
    held_out_rows,
};
use crate::{likelihood, sample};

/// Writes every default that does not depend on the point of a sweep.
pub(crate) fn fill(raw: &mut RawScenario, facts: &Facts) {
    raw.seed.get_or_insert(1);
    match &mut raw.source {
        RawSource::Ising { samples, algorithm, replicas, .. } => {
            algorithm.get_or_insert(SpinRule::Metropolis);
            replicas.get_or_insert(1000.min((*samples).max(1)));
        }
        RawSource::File { path, .. } | RawSource::Model { path } => {
            if let Some(file) = &facts.file {
                *path = file.display().to_string();
            }
        }
    }
    if let Some(RawModel { weight_scale, anchor, units, .. }) = &mut raw.model {
        weight_scale.get_or_insert(WEIGHT_SCALE);
        anchor.get_or_insert(default_anchor(facts.lattice.is_some()));
        units.get_or_insert_default();
    }
    if let Some(train) = &mut raw.train {
        if raw.overrides.iter().any(|o| o.train.momentum.is_some()) {
            train.optimizer.get_or_insert(Optimizer::Sgd);
        }
        fill_train(train, facts);
    }
    if let Some(RawSample { samples, chains, thermalise, every, tempering }) = &mut raw.sample {
        let samples = *samples.get_or_insert(sample::SAMPLES as u64);
        chains.get_or_insert((sample::CHAINS as u64).min(samples.max(1)));
        thermalise.get_or_insert(sample::THERMALISE.into());
        every.get_or_insert(sample::EVERY.into());
        tempering.get_or_insert(Replicas::Off);
    }
    if let Some(RawLikelihood { chains, betas, exact }) = &mut raw.likelihood {
        chains.get_or_insert(likelihood::CHAINS as u64);
        betas.get_or_insert(likelihood::BETAS as u64);
        exact.get_or_insert(Exact::Auto);
    }
    if let Some(RawCouplings { orders, bases, strongest, units }) = &mut raw.couplings {
        let among = units.as_ref().map_or(facts.n_visible.unwrap_or(0), Vec::len);
        orders.get_or_insert_with(|| default_orders(among).into_iter().map(|order| order as u64).collect());
        bases.get_or_insert_with(|| vec![Basis::Spin]);
        strongest.get_or_insert(STRONGEST as u64);
    }
}

fn fill_train(train: &mut RawTrain, facts: &Facts) {
    train.algorithm.get_or_insert(Algorithm::Pcd);
    train.gibbs_steps.get_or_insert(GIBBS_STEPS.into());
    train.chains.get_or_insert(CHAINS as u64);
    let held_out = *train.held_out.get_or_insert(HELD_OUT);
    let rows = facts.rows.map_or(u64::MAX, |rows| (rows - held_out_rows(rows, held_out)) as u64);
    train.batch.get_or_insert((BATCH as u64).min(rows.max(1)));
    if train.epochs.is_none() {
        train.updates.get_or_insert(UPDATES);
    }
    train.schedule.get_or_insert(Schedule::Cosine);
    train.choose(train.choice().filled());
    train.centred.get_or_insert(true);
    let flip = *train.flip.get_or_insert(facts.lattice.is_some());
    let translations = *train.translations.get_or_insert(facts.lattice.is_some());
    train.augment.get_or_insert(Augment::usual(facts.lattice, flip, translations));
    train.rungs.get_or_insert(RUNGS as u64);
    train.online_chains.get_or_insert(0);
    train.bias_rate.get_or_insert(default_bias_rate(flip));
    train.offset_rate.get_or_insert(OFFSET_RATE);
    train.metrics.get_or_insert(METRICS);
    train.checkpoints.get_or_insert(CHECKPOINTS);
    train.keep_checkpoints.get_or_insert(KEEP_CHECKPOINTS as u64);
    train.keep_going.get_or_insert(false);
}

impl RawTrain {
    /// What is said about the optimiser.
    pub(crate) fn choice(&self) -> Choice {
        Choice {
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            momentum: self.momentum,
            square_decay: self.square_decay,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
            l1: self.l1,
            max_norm: self.max_norm,
            clip: self.clip,
            sparse_target: self.sparse_target,
            sparse_cost: self.sparse_cost,
        }
    }

    fn choose(&mut self, choice: Choice) {
        let Choice { optimizer, learning_rate, momentum, square_decay, epsilon, .. } = choice;
        let Choice { weight_decay, l1, max_norm, clip, sparse_target, sparse_cost, .. } = choice;
        (self.optimizer, self.learning_rate, self.momentum) = (optimizer, learning_rate, momentum);
        (self.square_decay, self.epsilon) = (square_decay, epsilon);
        (self.weight_decay, self.l1, self.max_norm, self.clip) = (weight_decay, l1, max_norm, clip);
        (self.sparse_target, self.sparse_cost) = (sparse_target, sparse_cost);
    }
}

/// What the override gives replaces the base; epochs and updates replace each other.
pub(crate) fn merge(base: &RawTrain, over: &RawTrain) -> RawTrain {
    let counts_given = over.updates.is_some() || over.epochs.is_some();
    RawTrain {
        algorithm: over.algorithm.or(base.algorithm),
        gibbs_steps: over.gibbs_steps.or(base.gibbs_steps),
        chains: over.chains.or(base.chains),
        batch: over.batch.or(base.batch),
        updates: if counts_given { over.updates } else { base.updates },
        epochs: if counts_given { over.epochs } else { base.epochs },
        learning_rate: over.learning_rate.or(base.learning_rate),
        schedule: over.schedule.or(base.schedule),
        optimizer: over.optimizer.or(base.optimizer),
        momentum: over.momentum.or(base.momentum),
        square_decay: over.square_decay.or(base.square_decay),
        epsilon: over.epsilon.or(base.epsilon),
        weight_decay: over.weight_decay.or(base.weight_decay),
        l1: over.l1.or(base.l1),
        max_norm: over.max_norm.or(base.max_norm),
        clip: over.clip.or(base.clip),
        sparse_target: over.sparse_target.or(base.sparse_target),
        sparse_cost: over.sparse_cost.or(base.sparse_cost),
        centred: over.centred.or(base.centred),
        bias_rate: over.bias_rate.or(base.bias_rate),
        offset_rate: over.offset_rate.or(base.offset_rate),
        flip: over.flip.or(base.flip),
        augment: over.augment.or(base.augment),
        translations: over.translations.or(base.translations),
        rungs: over.rungs.or(base.rungs),
        online_chains: over.online_chains.or(base.online_chains),
        held_out: over.held_out.or(base.held_out),
        metrics: over.metrics.or(base.metrics),
        checkpoints: over.checkpoints.or(base.checkpoints),
        keep_checkpoints: over.keep_checkpoints.or(base.keep_checkpoints),
        patience: over.patience.or(base.patience),
        keep_going: over.keep_going.or(base.keep_going),
    }
}
