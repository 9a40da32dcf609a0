//! How a machine is trained.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fit::{Fit, default_hidden};
use super::{About, HeldOut, ModelSettings, Problem, Switch, counts, laid_over, numbers, size, word};
use crate::artifact::InputFile;
use crate::error::Fault;
use crate::limits::ADDRESSED;
use crate::rbm::{MAX_WEIGHTS, Units};
use crate::sample::translations_of;
use crate::train::limits::{self, CHECKPOINTS, GIBBS_STEPS, HELD_OUT, KEEP_CHECKPOINTS, METRICS, RUNGS, UPDATES};
use crate::train::{
    AVERAGE, Algorithm, Augment, BATCH, CHAINS, Choice, OFFSET_RATE, Optimizer, Schedule, Settings, Start,
    default_bias_rate, held_out_rows,
};

/// How to train; every field has a default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "program", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct TrainSettings {
    /// Where the chains of the model start in every update: at the minibatch (cd, or by means in place of draws: mean_field),
    /// where they were (pcd), exchanging with replicas at other temperatures (pt) or at earlier machines of the same training
    /// (trajectory) [default: pcd]
    #[cfg_attr(feature = "program", arg(long, value_name = "cd|mean-field|pcd|pt|trajectory"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// Rungs of the ladder of pt, or the most that trajectory may have; each has as many chains [default: 8]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rungs: Option<u64>,
    /// Gibbs steps of an update, or steps of the mean field [default: 2]
    #[cfg_attr(feature = "program", arg(long, value_name = "K"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gibbs_steps: Option<u64>,
    /// Persistent chains; cd and mean_field have as many as rows in the minibatch [default: 1000]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chains: Option<u64>,
    /// Chains that follow the training for its likelihood: a multiple of 16 from 64 on, of which 512 serve in most cases, or
    /// 0 [default: 0]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online_chains: Option<u64>,
    /// Part of each machine in the running mean of all that looks, samples and the model take, 0 for no mean; the mean looks
    /// back over a tenth of the training at first [default: 0.002 with `fit`, else 0]
    #[cfg_attr(feature = "program", arg(long, value_name = "PART"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// Let held-out rows decide what is not said: optimizer, rate, anchors, penalties, and the length of the training; not
    /// for spins on a lattice [default: false]
    #[cfg_attr(feature = "program", arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<bool>,
    /// Rows of a minibatch [default: 250, or all training rows if there are fewer]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// How the rate falls: not at all, to 0 on a straight line or a half cosine, or by a factor after every so many updates
    /// [default: cosine]
    #[cfg_attr(feature = "program", arg(long, value_name = "constant|linear|cosine|steps:EVERY:FACTOR"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Number of updates [default: 20000]
    #[cfg_attr(feature = "program", arg(long, value_name = "N", conflicts_with = "epochs"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updates: Option<u64>,
    /// Passes over the training rows, instead of updates
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// How gradients become steps; auto: rmsprop with rates of the plain gradient [default: auto, or sgd where a momentum is
    /// given]
    #[cfg_attr(feature = "program", arg(long, value_name = "auto|sgd|nesterov|adam|rmsprop"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<Optimizer>,
    /// Learning rate at the start [default: 0.2, of sgd and nesterov 0.1, of adam and rmsprop 0.003]
    #[cfg_attr(feature = "program", arg(long, visible_alias = "lr", value_name = "RATE"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Momentum; of adam the decay of its mean gradient [default: 0, of nesterov and adam 0.9]
    #[cfg_attr(feature = "program", arg(long, value_name = "M"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// Decay of the mean square gradient [default: adam 0.999, auto and rmsprop 0.99]
    #[cfg_attr(feature = "program", arg(long, value_name = "BETA2"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub square_decay: Option<f64>,
    /// Added to the root of the mean square gradient [default: 1e-8]
    #[cfg_attr(feature = "program", arg(long, value_name = "EPSILON"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// L2 on the weights [default: 0]
    #[cfg_attr(feature = "program", arg(long, value_name = "LAMBDA"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// L1 on the weights [default: 0]
    #[cfg_attr(feature = "program", arg(long, value_name = "LAMBDA"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1: Option<f64>,
    /// Largest norm of a hidden unit's weights [default: none]
    #[cfg_attr(feature = "program", arg(long, value_name = "NORM"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_norm: Option<f64>,
    /// Largest size of a component of the gradient [default: none]
    #[cfg_attr(feature = "program", arg(long, value_name = "SIZE"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// Mean activity, between 0 and 1, to which the biases of hidden units draw them [default: none]
    #[cfg_attr(feature = "program", arg(long, value_name = "P"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_target: Option<f64>,
    /// How strongly they do so [default: 0.1]
    #[cfg_attr(feature = "program", arg(long, value_name = "COST"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_cost: Option<f64>,
    /// Centred instead of plain gradient [default: true]
    #[cfg_attr(feature = "program", arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centred: Option<bool>,
    /// Factor on the learning rate of the biases [default: 0.1 with flip moves, else 1]
    #[cfg_attr(feature = "program", arg(long, value_name = "FACTOR"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias_rate: Option<f64>,
    /// Rate of the moving average of the hidden offsets [default: 0.01]
    #[cfg_attr(feature = "program", arg(long, value_name = "RATE"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset_rate: Option<f64>,
    /// Flip moves of the chains, exact for data with up-down symmetry: on for lattice data unless said
    #[cfg_attr(feature = "program", arg(long, default_value = "auto", value_name = "auto|on|off"))]
    #[serde(skip_serializing_if = "Switch::is_auto")]
    pub flip: Switch,
    /// Translations of the chains around a periodic lattice: on where the data have one unless said
    #[cfg_attr(feature = "program", arg(long, default_value = "auto", value_name = "auto|on|off"))]
    #[serde(skip_serializing_if = "Switch::is_auto")]
    pub translations: Switch,
    /// Move the rows of every minibatch by symmetries of the data, drawn at random [default: on lattice data those by which
    /// the chains are moved, else none]
    #[cfg_attr(feature = "program", arg(long, value_name = "none|flip|translations|both"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// Fraction of the rows kept out of the training, or a file of other rows to be looked at in their place [default: 0.1]
    #[cfg_attr(feature = "program", arg(long, value_name = "FRACTION|FILE"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out: Option<HeldOut>,
    /// How many times the likelihood is measured [default: 10]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<u64>,
    /// How many times a checkpoint is written, besides one every ten minutes and at INT, TERM, HUP, USR1 and USR2; the last
    /// one stays when a training by command has ended, for more updates; with 0 none does [default: 10]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<u64>,
    /// Newest checkpoints that stay, besides older ones at growing distances [default: 2]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_checkpoints: Option<u64>,
    /// Stop after this many metrics without a gain on held-out rows, and keep the machine that was best on them [default:
    /// never]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Go on when the training diverges, as long as its numbers are finite [default: false]
    #[cfg_attr(feature = "program", arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_going: Option<bool>,
}

/// A training as its stage carries it out.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainPlan {
    /// Settings of the updates.
    pub settings: Settings,
    /// Hidden units.
    pub n_hidden: usize,
    /// How the machine starts.
    pub start: Start,
    /// Values of the units for which the model is written.
    pub units: Units,
    /// Rows of the data kept out of the training.
    pub held_out_rows: usize,
    /// File of other rows to be looked at in their place.
    pub held_out_file: Option<PathBuf>,
    /// That file once it is read.
    pub held_out: Option<InputFile>,
    /// How many times the likelihood is measured.
    pub metrics: u64,
    /// How many times a checkpoint is written; besides, one is every ten minutes and on a signal.
    pub checkpoints: u64,
    /// Newest checkpoints that stay.
    pub keep_checkpoints: usize,
    /// Stops after this many metrics without a gain on held-out rows, and keeps the machine that was best on them.
    pub patience: Option<u64>,
    /// Whether to go on with a warning when the training diverges, as long as its numbers are finite.
    pub keep_going: bool,
    /// Looks at growing distances in place of `metrics`, and stops where held-out rows gain no more beyond errors: the
    /// machine that was best on them is the result.
    pub settle: bool,
    /// What is decided by held-out rows before the training proper, of which everything else here tells only in general.
    pub fit: Option<Fit>,
}

impl TrainPlan {
    /// A training with these settings of a machine with so many hidden units, everything else as where nothing is said and
    /// nothing kept out.
    #[must_use]
    pub fn new(settings: Settings, n_hidden: usize, start: Start) -> Self {
        Self {
            settings,
            n_hidden,
            start,
            units: Units::default(),
            held_out_rows: 0,
            held_out_file: None,
            held_out: None,
            metrics: METRICS,
            checkpoints: CHECKPOINTS,
            keep_checkpoints: KEEP_CHECKPOINTS,
            patience: None,
            keep_going: false,
            settle: false,
            fit: None,
        }
    }

    /// What decides the parameters besides the rows, as a training of so many updates: all that a checkpoint of it depends
    /// on. How often it is measured and kept does not matter. What is as where nothing is said is left out, so that settings
    /// which come to be later do not change the identity of trainings that had none of them.
    #[must_use]
    pub fn identity(&self, updates: u64) -> Value {
        // How long a training may take that ends when it settles decides nothing.
        let updates = if self.settle { 0 } else { updates };
        let settings = Settings { updates, ..self.settings.clone() };
        let mut identity = json!({
            "settings": differences(&json!(settings), &json!(Settings::default())),
            "n_hidden": self.n_hidden,
            "start": self.start,
            // Rows that patience looks at are part of it.
            "held_out": self.held_out.as_ref().map(|file| &file.sha256),
        });
        if let Some(fit) = &self.fit {
            let candidates = fit.candidates.iter().map(|one| one.plan.identity(one.plan.settings.updates));
            identity["fit"] = json!({ "tried": fit.tried, "candidates": candidates.collect::<Vec<Value>>() });
        }
        identity
    }

    /// Whether it makes the machine that `other` makes of the same rows. Patience decides by its measurements.
    #[must_use]
    pub fn makes_the_same(&self, other: &Self) -> bool {
        let watched = |plan: &Self| plan.patience.map(|patience| (patience, plan.metrics));
        let of_rows = |plan: &Self| (plan.held_out_rows, plan.held_out_file.clone(), plan.units, watched(plan));
        let identity = |plan: &Self| plan.identity(plan.settings.updates);
        identity(self) == identity(other) && of_rows(self) == of_rows(other)
    }
}

/// What of `value` is not as in `default`, with its keys in order.
fn differences(value: &Value, default: &Value) -> Value {
    let (Value::Object(fields), Value::Object(others)) = (value, default) else { return value.clone() };
    let differs = fields.iter().filter(|(key, value)| others.get(*key) != Some(value));
    let none = Value::Null;
    differs.map(|(key, value)| (key.clone(), differences(value, others.get(key).unwrap_or(&none)))).collect()
}

impl TrainSettings {
    /// Files that are read.
    #[cfg(feature = "program")]
    pub(crate) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let held_out = self.held_out.as_mut();
        held_out.and_then(|rows| if let HeldOut::File(path) = rows { Some(path) } else { None }).into_iter()
    }

    /// With every default written out, but for what an automatic training decides.
    #[must_use]
    pub fn filled(mut self, about: &About) -> Self {
        let is_automatic = self.is_automatic(about);
        self.algorithm.get_or_insert(Algorithm::Pcd);
        self.rungs.get_or_insert(RUNGS as u64);
        self.gibbs_steps.get_or_insert(GIBBS_STEPS.into());
        self.chains.get_or_insert(CHAINS as u64);
        self.online_chains.get_or_insert(0);
        self.average.get_or_insert(if is_automatic { AVERAGE } else { 0.0 });
        self.fit.get_or_insert(false);
        let held_out = self.held_out.get_or_insert(HeldOut::Fraction(HELD_OUT)).fraction();
        let rows = about.rows.map_or(u64::MAX, |rows| (rows - held_out_rows(rows, held_out)) as u64);
        self.batch.get_or_insert((BATCH as u64).min(rows.max(1)));
        if !is_automatic {
            self.schedule.get_or_insert(Schedule::Cosine);
            if self.epochs.is_none() {
                self.updates.get_or_insert(UPDATES);
            }
            let choice = self.choice().filled();
            self.choose(choice);
            self.metrics.get_or_insert(METRICS);
        }
        self.centred.get_or_insert(true);
        let flip = self.flip.or(about.lattice.is_some());
        let translations = self.translations.or(about.lattice.is_some());
        (self.flip, self.translations) = (flip.into(), translations.into());
        self.augment.get_or_insert(Augment::usual(about.lattice, flip, translations));
        self.bias_rate.get_or_insert(default_bias_rate(flip));
        self.offset_rate.get_or_insert(OFFSET_RATE);
        self.checkpoints.get_or_insert(CHECKPOINTS);
        self.keep_checkpoints.get_or_insert(KEEP_CHECKPOINTS as u64);
        self.keep_going.get_or_insert(false);
        self
    }

    /// With what `over` says in place of what is said here; epochs and updates replace each other.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        let mut base = self.clone();
        if over.updates.or(over.epochs).is_some() {
            (base.updates, base.epochs) = (None, None);
        }
        laid_over(&base, over)
    }

    /// What is said about the optimiser.
    #[must_use]
    pub fn choice(&self) -> Choice {
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

    /// Everything that is wrong whatever the data are.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        use limits::{counts as of_counts, numbers as of_numbers};
        let fraction = self.held_out.as_ref().map(HeldOut::fraction);
        let mut found: Vec<Problem> = counts([
            (self.gibbs_steps, of_counts::GIBBS_STEPS),
            (self.chains, of_counts::CHAINS),
            (self.batch, of_counts::BATCH),
            (self.updates, of_counts::UPDATES),
            (self.epochs, of_counts::EPOCHS),
            (self.rungs, of_counts::RUNGS),
            (self.metrics, of_counts::METRICS),
            (self.checkpoints, of_counts::CHECKPOINTS),
            (self.keep_checkpoints, of_counts::KEEP_CHECKPOINTS),
            (self.patience, of_counts::PATIENCE),
        ])
        .chain(numbers([
            (self.learning_rate, of_numbers::LEARNING_RATE),
            (self.bias_rate, of_numbers::BIAS_RATE),
            (self.offset_rate, of_numbers::OFFSET_RATE),
            (self.average, of_numbers::AVERAGE),
            (fraction, of_numbers::HELD_OUT),
        ]))
        .collect();
        let schedule = self.schedule.and_then(Schedule::mistake).map(|fault| ("schedule", fault));
        let online = self.online_chains.and_then(limits::check_online);
        found.extend(self.choice().mistakes().into_iter().chain(schedule).chain(online).map(Problem::from));
        if self.updates.is_some() && self.epochs.is_some() {
            found.push(Problem::new("epochs", "both `updates` and `epochs`", "one of them", "remove one"));
        }
        if self.patience.is_some() && (self.held_out == Some(HeldOut::Fraction(0.0)) || self.metrics == Some(0)) {
            let what = "`patience` without held-out rows or without metrics";
            let expected = "rows and metrics that tell when to stop";
            found.push(Problem::new(
                "patience",
                what,
                expected,
                "keep a tenth out and take 20 metrics, or leave out `patience`",
            ));
        }
        found
    }

    /// The plan for `model`, both with every default written out, and what does not go together. `seed` is that of the
    /// training.
    ///
    /// # Errors
    /// All problems; those of the machine are under `model`.
    pub fn resolve(&self, model: &ModelSettings, about: &About, seed: u64) -> Result<TrainPlan, Vec<Problem>> {
        if !self.is_automatic(about) {
            return self.resolve_plain(model, about, seed);
        }
        let wrong = self.check();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let fit = self.recipes(model, about, seed)?;
        // Everything that is the same for all of them, and the most that any of them takes, is that of the first.
        let first = fit.candidates[0].plan.clone();
        Ok(TrainPlan { settle: false, fit: Some(fit), ..first })
    }

    /// The plan of a training of which everything is said or as where nothing is said.
    pub(super) fn resolve_plain(
        &self,
        model: &ModelSettings,
        about: &About,
        seed: u64,
    ) -> Result<TrainPlan, Vec<Problem>> {
        let mut found = self.check();
        if !found.is_empty() {
            return Err(found);
        }
        let said = self.clone().filled(about);
        let rows = about.rows.unwrap_or(0);
        let held_out = said.held_out.as_ref().map_or(0.0, HeldOut::fraction);
        let held_out_rows = held_out_rows(rows, held_out);
        let training = rows - held_out_rows;
        let batch = said.batch.unwrap_or(1);
        if training == 0 {
            let what = format!("`held_out` leaves none of {rows} rows");
            found.push(Problem::new("held_out", what, "at least one row to train on", "write a smaller fraction"));
        } else if batch > training as u64 {
            found.push(Problem::new(
                "batch",
                format!("a minibatch of {batch} rows, but there are {training} training rows"),
                format!("a whole number from 1 to {training}"),
                format!("{} is usual", training.min(BATCH)),
            ));
        }
        if said.patience.is_some() && held_out_rows == 0 && held_out > 0.0 {
            let expected = "rows that are not trained on, to be looked at";
            let what = format!("`held_out` keeps none of {rows} rows out");
            let advice = "write a larger fraction, or leave out `patience`";
            found.push(Problem::new("patience", what, expected, advice));
        }
        let per_epoch = (training as u64 / batch.max(1)).max(1);
        let updates = said.updates.unwrap_or_else(|| said.epochs.unwrap_or(1).saturating_mul(per_epoch));
        let gibbs_steps = said.gibbs_steps.unwrap_or(1);
        let steps = updates.saturating_mul(gibbs_steps);
        if steps > ADDRESSED {
            found.push(Problem::new(
                if said.updates.is_some() { "updates" } else { "epochs" },
                format!("{updates} updates of {gibbs_steps} Gibbs steps are {steps} steps"),
                format!("at most {ADDRESSED} steps: they are addressed with 32 bits"),
                "take fewer updates",
            ));
        }
        let n_visible = about.n_visible.unwrap_or(0);
        let n_hidden = size(model.hidden.unwrap_or_else(|| default_hidden(about)));
        if n_hidden.checked_mul(n_visible).is_none_or(|n| n > MAX_WEIGHTS) {
            found.push(Problem::new(
                "model.hidden",
                format!("{n_visible} visible times {n_hidden} hidden units are too many weights"),
                format!("at most {MAX_WEIGHTS} weights"),
                "take fewer hidden units",
            ));
        }
        let augment = said.augment.unwrap_or_default().moves(about.lattice).unwrap_or_else(|fault: Fault| {
            found.push(("augment", fault).into());
            crate::sample::Moves::NONE
        });
        let algorithm = said.algorithm.unwrap_or(Algorithm::Pcd);
        let chains = size(if algorithm.has_chains() { said.chains.unwrap_or(0) } else { batch });
        let (descent, penalties) = said.choice().resolve(size(batch), chains);
        let (flip, translations) = (said.flip.or(false), said.translations.or(false));
        let settings = Settings {
            algorithm,
            gibbs_steps: word(gibbs_steps),
            chains,
            batch: size(batch),
            updates,
            learning_rate: said.learning_rate.unwrap_or(0.0),
            schedule: said.schedule.unwrap_or(Schedule::Cosine),
            descent,
            penalties,
            centred: said.centred.unwrap_or(true),
            bias_rate: said.bias_rate.unwrap_or(default_bias_rate(flip)),
            offset_rate: said.offset_rate.unwrap_or(OFFSET_RATE),
            flip,
            translations: translations_of(about.lattice.filter(|_| translations)),
            augment,
            rungs: size(said.rungs.unwrap_or(0)),
            online: size(said.online_chains.unwrap_or(0)),
            average: said.average.unwrap_or(0.0),
            seed,
        };
        if found.is_empty() {
            found.extend(limits::mistakes(&settings).into_iter().map(Problem::from));
        }
        if !found.is_empty() {
            return Err(found);
        }
        Ok(TrainPlan {
            settings,
            n_hidden,
            start: model.start(about),
            units: model.units.unwrap_or_default(),
            held_out_rows,
            held_out_file: said.held_out.as_ref().and_then(HeldOut::file).cloned(),
            held_out: None,
            metrics: said.metrics.unwrap_or(METRICS),
            checkpoints: said.checkpoints.unwrap_or(CHECKPOINTS),
            keep_checkpoints: size(said.keep_checkpoints.unwrap_or(KEEP_CHECKPOINTS as u64)),
            patience: said.patience,
            keep_going: said.keep_going.unwrap_or(false),
            settle: false,
            fit: None,
        })
    }
}
