//! The optimiser as it is chosen: by name, with numbers that may be left out.

use std::str::FromStr;

use crate::backend::{Descent, Penalties, Sparsity};
use crate::error::{Error, Fault};
use crate::limits::Mistake;
use crate::numerics::readable;

/// Names of [`Descent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// RMSProp with learning rates of the plain gradient.
    Auto,
    /// The gradient, with momentum where it is given.
    Sgd,
    /// Momentum that looks ahead.
    Nesterov,
    /// Adam.
    Adam,
    /// RMSProp.
    Rmsprop,
}

impl FromStr for Optimizer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Self::Auto),
            "sgd" => Ok(Self::Sgd),
            "nesterov" => Ok(Self::Nesterov),
            "adam" => Ok(Self::Adam),
            "rmsprop" => Ok(Self::Rmsprop),
            _ => Err(Error::Input(
                Fault::new(format!("optimizer \"{text}\"")).expected("auto, sgd, nesterov, adam or rmsprop"),
            )),
        }
    }
}

impl Optimizer {
    /// Whether its steps are divided by the size of the gradient.
    #[must_use]
    pub fn is_adaptive(self) -> bool {
        matches!(self, Self::Auto | Self::Adam | Self::Rmsprop)
    }

    /// η at the start, unless said. Steps of `adam` and `rmsprop` are about η whatever the gradient. 8 × 8 Ising rows at
    /// T = 2.269, 64 hidden, PCD-2, 20 000 updates: neighbour couplings of `auto` at 1.002, 0.968 and 0.982 of 1/T at 0.2, 0.5
    /// and 1, of RMSProp at 1.003 and 0.957 at 0.003 and 0.01. Rates above a half over-fit images and genes, or leave them.
    #[must_use]
    pub fn default_rate(self) -> f64 {
        match self {
            Self::Auto => 0.2,
            Self::Sgd | Self::Nesterov => 0.1,
            Self::Adam | Self::Rmsprop => 0.003,
        }
    }
}

/// Root mean square of a component of the gradient where both units are fair coins, data and model alike: the noise
/// of means over a minibatch of `batch` rows and over `chains` chains, ¼ √(1/batch + 1/chains).
///
/// Times this, a learning rate of the plain gradient is one of RMSProp. Units that are quieter than coins, as those of a
/// magnetised lattice are, then move faster than by the gradient, and one rate serves at all temperatures.
#[must_use]
pub fn coin_noise(batch: usize, chains: usize) -> f64 {
    0.25 * (1.0 / batch.max(1) as f64 + 1.0 / chains.max(1) as f64).sqrt()
}

/// What may be said about the optimiser besides the schedule, by the names that flags and scenario files share.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Choice {
    /// Its name; unless said as [`Choice::optimizer`].
    pub optimizer: Option<Optimizer>,
    /// η at the start; that of the optimiser unless said.
    pub learning_rate: Option<f64>,
    /// m of `sgd` (0 unless said; without an optimiser it is one of `sgd`) and `nesterov` (0.9), β₁ of `adam` (0.9).
    pub momentum: Option<f64>,
    /// β₂ of `adam` (0.999), `auto` and `rmsprop` (0.99).
    pub square_decay: Option<f64>,
    /// ε of `adam`, `auto` and `rmsprop`; 1e-8 unless said.
    pub epsilon: Option<f64>,
    /// L2 on the weights; 0 unless said.
    pub weight_decay: Option<f64>,
    /// L1 on the weights; 0 unless said.
    pub l1: Option<f64>,
    /// Largest norm of a hidden unit's weights; none unless said.
    pub max_norm: Option<f64>,
    /// Largest size of a component of the gradient; none unless said.
    pub clip: Option<f64>,
    /// Mean activity to which hidden units are drawn; none unless said.
    pub sparse_target: Option<f64>,
    /// How strongly, beside a target; 0.1 unless said.
    pub sparse_cost: Option<f64>,
}

/// Whether `x` is positive where it is computed with, in 32 bits: devices may take smaller numbers for 0.
pub(super) fn is_f32(x: f64) -> bool {
    x as f32 >= f32::MIN_POSITIVE
}

/// What is expected of a number, and a usual one.
type Range = (fn(f64) -> bool, &'static str, &'static str);

const BELOW_ONE: Range = (|x| (0.0..1.0).contains(&(x as f32)), "a number from 0 to below 1", "0 or 0.9 is usual");
const SQUARE_DECAY: Range = (|x| (0.0..1.0).contains(&(x as f32)), "a number from 0 to below 1", "0.999 is usual");
const EPSILON: Range = (|x| is_f32(x) && x <= 1.0, "a positive number of 32 bits, 1.2e-38 to 1", "1e-8 is usual");
const STRENGTH: Range = (|x| (0.0..=1.0).contains(&x), "a number from 0 to 1", "0.0001 is usual");
const LARGEST: Range = (|x| is_f32(x) && x <= 1e6, "a positive number, at most 1000000", "leave it out for no limit");
const ACTIVITY: Range = (|x| is_f32(x) && (x as f32) < 1.0, "a number between 0 and 1", "0.1 is usual");
const PULL: Range = (|x| is_f32(x) && x <= 10.0, "a positive number, at most 10", "0.1 is usual");

/// κ of a sparse target, unless said.
const SPARSE_COST: f64 = 0.1;

impl Choice {
    /// The one that is named; else `auto`, or the plain gradient where a momentum is given.
    #[must_use]
    pub fn optimizer(&self) -> Optimizer {
        self.optimizer.unwrap_or(if self.momentum.is_some() { Optimizer::Sgd } else { Optimizer::Auto })
    }

    /// Writes every default.
    #[must_use]
    pub fn filled(self) -> Self {
        let optimizer = self.optimizer();
        let momentum = match optimizer {
            Optimizer::Sgd => Some(0.0),
            Optimizer::Nesterov | Optimizer::Adam => Some(0.9),
            Optimizer::Auto | Optimizer::Rmsprop => None,
        };
        let square_decay = match optimizer {
            Optimizer::Sgd | Optimizer::Nesterov => None,
            Optimizer::Adam => Some(0.999),
            Optimizer::Auto | Optimizer::Rmsprop => Some(0.99),
        };
        let epsilon = optimizer.is_adaptive().then_some(1e-8);
        Self {
            optimizer: Some(optimizer),
            learning_rate: self.learning_rate.or(Some(optimizer.default_rate())),
            momentum: self.momentum.or(momentum),
            square_decay: self.square_decay.or(square_decay),
            epsilon: self.epsilon.or(epsilon),
            weight_decay: self.weight_decay.or(Some(0.0)),
            l1: self.l1.or(Some(0.0)),
            sparse_cost: self.sparse_cost.or(self.sparse_target.map(|_| SPARSE_COST)),
            ..self
        }
    }

    /// Everything that is wrong.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let optimizer = self.optimizer();
        let has_momentum = !matches!(optimizer, Optimizer::Auto | Optimizer::Rmsprop);
        let adaptive = optimizer.is_adaptive();
        let all = [
            ("momentum", self.momentum, has_momentum, BELOW_ONE),
            ("square_decay", self.square_decay, adaptive, SQUARE_DECAY),
            ("epsilon", self.epsilon, adaptive, EPSILON),
            ("weight_decay", self.weight_decay, true, STRENGTH),
            ("l1", self.l1, true, STRENGTH),
            ("max_norm", self.max_norm, true, LARGEST),
            ("clip", self.clip, true, LARGEST),
            ("sparse_target", self.sparse_target, true, ACTIVITY),
            ("sparse_cost", self.sparse_cost, self.sparse_target.is_some(), PULL),
        ];
        let wrong = |(key, value, has, (holds, expected, advice)): (&'static str, Option<f64>, bool, Range)| {
            let value = value?;
            let name = key.replace('_', " ");
            if !has {
                let (lacks, advice) = match key {
                    "sparse_cost" => ("without a sparse target", "leave it out, or give a sparse target"),
                    _ => ("with an optimizer that has none", "leave it out, or take another optimizer"),
                };
                return Some((
                    key,
                    Fault::new(format!("{name} {} {lacks}", readable(value))).expected("nothing").advice(advice),
                ));
            }
            (!holds(value))
                .then(|| (key, Fault::new(format!("{name} {}", readable(value))).expected(expected).advice(advice)))
        };
        all.into_iter().filter_map(wrong).collect()
    }

    /// What it stands for besides the learning rate, with every default where nothing is said, in a training of `batch`
    /// rows a minibatch and `chains` chains (CD: as many).
    #[must_use]
    pub fn resolve(self, batch: usize, chains: usize) -> (Descent, Penalties) {
        let filled = self.filled();
        let momentum = filled.momentum.unwrap_or(0.0);
        let (square_decay, epsilon) = (filled.square_decay.unwrap_or(0.0), filled.epsilon.unwrap_or(1.0));
        let descent = match filled.optimizer() {
            Optimizer::Sgd => Descent::Momentum { momentum },
            Optimizer::Nesterov => Descent::Nesterov { momentum },
            Optimizer::Adam => Descent::Adam { momentum, square_decay, epsilon },
            Optimizer::Auto => Descent::RmsProp { square_decay, epsilon, scale: coin_noise(batch, chains) },
            Optimizer::Rmsprop => Descent::RmsProp { square_decay, epsilon, scale: 1.0 },
        };
        let Self { weight_decay, l1, max_norm, clip, sparse_target, sparse_cost, .. } = filled;
        let sparsity = sparse_target.zip(sparse_cost).map(|(target, cost)| Sparsity { target, cost });
        let (weight_decay, l1) = (weight_decay.unwrap_or(0.0), l1.unwrap_or(0.0));
        let penalties = Penalties { weight_decay, l1, max_norm, clip, sparsity };
        (descent, penalties)
    }

    /// The choice that stands for a rule and its learning rate.
    #[must_use]
    pub fn of(learning_rate: f64, descent: Descent, penalties: Penalties) -> Self {
        let (optimizer, momentum, square) = match descent {
            Descent::Momentum { momentum } => (Optimizer::Sgd, Some(momentum), None),
            Descent::Nesterov { momentum } => (Optimizer::Nesterov, Some(momentum), None),
            Descent::Adam { momentum, square_decay, epsilon } => {
                (Optimizer::Adam, Some(momentum), Some((square_decay, epsilon)))
            }
            Descent::RmsProp { square_decay, epsilon, scale } => {
                let optimizer = if scale < 1.0 { Optimizer::Auto } else { Optimizer::Rmsprop };
                (optimizer, None, Some((square_decay, epsilon)))
            }
        };
        let Penalties { weight_decay, l1, max_norm, clip, sparsity } = penalties;
        Self {
            optimizer: Some(optimizer),
            learning_rate: Some(learning_rate),
            momentum,
            square_decay: square.map(|(decay, _)| decay),
            epsilon: square.map(|(_, epsilon)| epsilon),
            weight_decay: Some(weight_decay),
            l1: Some(l1),
            max_norm,
            clip,
            sparse_target: sparsity.map(|s| s.target),
            sparse_cost: sparsity.map(|s| s.cost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_filled_in() {
        let choice = |optimizer| Choice { optimizer: Some(optimizer), ..Choice::default() };
        // Means over 100 rows and 25 chains of products of coins, of standard deviation 1/4 each.
        let (epsilon, scale) = (1e-8, 0.25 * 0.05_f64.sqrt());
        let plain = Choice { learning_rate: Some(0.5), ..Choice::default() };
        let all = [
            (Choice::default(), Descent::RmsProp { square_decay: 0.99, epsilon, scale }),
            (plain, Descent::RmsProp { square_decay: 0.99, epsilon, scale }),
            (choice(Optimizer::Sgd), Descent::PLAIN),
            (Choice { momentum: Some(0.5), ..Choice::default() }, Descent::Momentum { momentum: 0.5 }),
            (choice(Optimizer::Nesterov), Descent::Nesterov { momentum: 0.9 }),
            (choice(Optimizer::Adam), Descent::Adam { momentum: 0.9, square_decay: 0.999, epsilon }),
            (choice(Optimizer::Rmsprop), Descent::RmsProp { square_decay: 0.99, epsilon, scale: 1.0 }),
        ];
        for (choice, descent) in all {
            let (found, penalties) = choice.resolve(100, 25);
            assert_eq!((found, penalties), (descent, Penalties::default()));
            assert_eq!(Choice::of(choice.filled().learning_rate.unwrap(), found, penalties), choice.filled());
            assert!(choice.mistakes().is_empty() && choice.filled().mistakes().is_empty());
        }
    }

    #[test]
    fn numbers_that_cannot_be_are_named() {
        for bad in [-0.1, f64::NAN, f64::INFINITY, 1e7] {
            let choice = Choice {
                optimizer: Some(Optimizer::Adam),
                learning_rate: None,
                momentum: Some(bad),
                square_decay: Some(bad),
                epsilon: Some(bad),
                weight_decay: Some(bad),
                l1: Some(bad),
                max_norm: Some(bad),
                clip: Some(bad),
                sparse_target: Some(bad),
                sparse_cost: Some(bad),
            };
            let keys: Vec<&str> = choice.mistakes().iter().map(|(key, _)| *key).collect();
            let all = [
                "momentum",
                "square_decay",
                "epsilon",
                "weight_decay",
                "l1",
                "max_norm",
                "clip",
                "sparse_target",
                "sparse_cost",
            ];
            assert_eq!(keys, all, "{bad}");
        }
        let one = Choice { momentum: Some(1.0), max_norm: Some(0.0), epsilon: Some(0.1), ..Choice::default() };
        let keys: Vec<&str> = one.mistakes().iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["momentum", "epsilon", "max_norm"]);
    }

    #[test]
    fn a_sparse_cost_needs_a_target() {
        let alone = Choice { sparse_cost: Some(0.2), ..Choice::default() };
        let mistakes = alone.mistakes();
        assert!(mistakes.len() == 1 && mistakes[0].1.to_string().contains("without a sparse target"), "{mistakes:?}");
        assert_eq!(alone.resolve(100, 25).1.sparsity, None);
        let both = Choice { sparse_target: Some(0.1), ..alone };
        let target = Choice { sparse_cost: None, ..both };
        for (choice, cost) in [(both, 0.2), (target, SPARSE_COST)] {
            assert!(choice.mistakes().is_empty() && choice.filled().mistakes().is_empty());
            let (descent, penalties) = choice.resolve(100, 25);
            assert_eq!(penalties.sparsity, Some(Sparsity { target: 0.1, cost }));
            assert_eq!(Choice::of(choice.filled().learning_rate.unwrap(), descent, penalties), choice.filled());
        }
    }
}
