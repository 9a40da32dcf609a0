//! What an automatic training tries, where nothing is said.
//!
//! No one recipe is the best for all data: steps that are divided by the size of the gradient move rare units as fast as
//! common ones, which topics and species need; the plain gradient with an L1 penalty finds the few true ties of sites in a
//! sequence; few rows of many units want small steps from small weights. Each is tried for a while, and held-out rows
//! decide. What is said is the same in all of them.

use super::{About, HeldOut, ModelSettings, Problem, TrainPlan, TrainSettings, laid_over};
use crate::train::limits::HELD_OUT;
use crate::train::{AVERAGE, Algorithm, Optimizer, Schedule, held_out_rows};

/// An automatic training: settings that are tried, and how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Trainings of which the best on held-out rows goes on, at constant rates and until they settle.
    pub candidates: Vec<Candidate>,
    /// Updates of each of them while it is tried.
    pub tried: u64,
}

/// A training that may turn out the best.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What it is called where it is told of.
    pub name: &'static str,
    /// Its plan, with the most updates that it may take.
    pub plan: TrainPlan,
}

/// Most updates of an automatic training.
const MOST_UPDATES: u64 = 20_000;
/// Part of them for each candidate while it is tried: of many units an update takes long, and few are needed.
const TRIED: u64 = 10;
const TRIED_WIDE: u64 = 20;
/// Chains: the running mean does what more of them would.
const CHAINS: u64 = 250;
/// Units from which on a hidden unit has no anchor: there are fewer hidden units than that.
const WIDE: usize = 400;

/// Rows from which on they tell more than few hidden units can hold.
const MANY_ROWS: usize = 5000;

/// Hidden units unless said: as many as visible ones, within what pays, and 128 where there are many of these, or of rows.
#[must_use]
pub fn default_hidden(about: &About) -> u64 {
    let units = about.n_visible.unwrap_or(0);
    let least = if about.rows.is_some_and(|rows| rows >= MANY_ROWS) { 128 } else { 64 };
    if units <= WIDE { units.clamp(least, 160) as u64 } else { 128 }
}

/// What one candidate says of settings that are not said.
struct Recipe {
    name: &'static str,
    optimizer: Optimizer,
    rate: f64,
    /// L1 times √rows.
    l1: f64,
    anchor: f64,
    /// Whether it is only for many units, of which few rows tell little.
    wide: bool,
}

impl Recipe {
    fn settings(&self, rows: usize) -> (ModelSettings, TrainSettings) {
        let train = TrainSettings {
            optimizer: Some(self.optimizer),
            learning_rate: Some(self.rate),
            chains: Some(CHAINS),
            average: Some(AVERAGE),
            l1: (self.l1 > 0.0).then(|| self.l1 / (rows.max(1) as f64).sqrt()),
            ..TrainSettings::default()
        };
        (ModelSettings { anchor: Some(self.anchor), ..ModelSettings::default() }, train)
    }
}

const RECIPES: [Recipe; 4] = [
    Recipe { name: "even steps", optimizer: Optimizer::Auto, rate: 0.1, l1: 0.0, anchor: 2.0, wide: false },
    Recipe { name: "plain gradient, L1", optimizer: Optimizer::Sgd, rate: 0.2, l1: 0.1, anchor: 2.0, wide: false },
    Recipe {
        name: "small even steps, no anchors",
        optimizer: Optimizer::Auto,
        rate: 0.05,
        l1: 0.0,
        anchor: 0.0,
        wide: true,
    },
    Recipe {
        name: "small plain steps, no anchors",
        optimizer: Optimizer::Sgd,
        rate: 0.05,
        l1: 0.0,
        anchor: 0.0,
        wide: true,
    },
];

impl TrainSettings {
    /// Whether a training on these data decides by held-out rows what is not said: the length of it at least. Only where that
    /// is asked for; not where the
    /// length is said, or how the rate falls, and not for spins on a lattice, whose defaults are set for couplings and which
    /// have as many rows as are wanted.
    #[must_use]
    pub fn is_automatic(&self, about: &About) -> bool {
        let is_said =
            self.updates.or(self.epochs).or(self.patience).or(self.metrics).is_some() || self.schedule.is_some();
        let has_held_out = self.held_out.as_ref().is_some_and(|rows| rows.file().is_some()) || {
            let fraction = self.held_out.as_ref().map_or(HELD_OUT, HeldOut::fraction);
            held_out_rows(about.rows.unwrap_or(usize::MAX), fraction) > 0
        };
        let has_chains = self.algorithm.is_none_or(Algorithm::has_chains);
        self.fit.unwrap_or(false) && !is_said && has_held_out && has_chains && about.lattice.is_none()
    }

    /// The candidates of an automatic training.
    pub(super) fn recipes(&self, model: &ModelSettings, about: &About, seed: u64) -> Result<Fit, Vec<Problem>> {
        let (rows, units) = (about.rows.unwrap_or(0), about.n_visible.unwrap_or(0));
        let most = ((40.0 * (rows as f64 * units as f64).sqrt()) as u64).clamp(1000, MOST_UPDATES);
        let mut candidates: Vec<Candidate> = Vec::new();
        for recipe in RECIPES.iter().filter(|recipe| !recipe.wide || units > WIDE) {
            let (machine, train) = recipe.settings(rows);
            let mut said = laid_over(&train, self);
            // A rate, or what belongs to one optimiser alone, is not tried with another.
            if self.optimizer.is_some_and(|optimizer| optimizer != recipe.optimizer) {
                said.learning_rate = self.learning_rate;
            }
            (said.updates, said.schedule) = (Some(most), Some(Schedule::Constant));
            if !said.check().is_empty() {
                continue;
            }
            let mut plan = said.resolve_plain(&laid_over(&machine, model), about, seed)?;
            (plan.settle, plan.checkpoints) = (true, 1);
            if candidates.iter().all(|other| !other.plan.makes_the_same(&plan)) {
                candidates.push(Candidate { name: recipe.name, plan });
            }
        }
        // Where what is said goes with none of the recipes alone, it is a recipe of its own.
        if candidates.is_empty() {
            let said = TrainSettings { updates: Some(most), schedule: Some(Schedule::Constant), ..self.clone() };
            let plan = TrainPlan { settle: true, checkpoints: 1, ..said.resolve_plain(model, about, seed)? };
            candidates.push(Candidate { name: "as said", plan });
        }
        let tried = most / if units > WIDE { TRIED_WIDE } else { TRIED };
        Ok(Fit { candidates, tried: tried.max(400) })
    }
}
