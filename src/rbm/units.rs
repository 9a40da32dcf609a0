//! The same machine in units 0, 1 or −1, +1 on either side.
//!
//! With v = α + β s, h = γ + δ σ (units 0, 1: α = 0, β = 1; units −1, +1: α = β = ½, alike γ and δ)
//!
//! Σ w v h + Σ b v + Σ c h = Σ W s σ + Σ B s + Σ C σ + constant, where
//! W = βδ w, B_j = β (b_j + γ Σ_i w_ji), C_i = δ (c_i + α Σ_j w_ji), constant = αγ Σ w + α Σ b + γ Σ c.
//!
//! Every state keeps its probability, and Z with E = −Σ W s σ − Σ B s − Σ C σ is e^{−constant} times that of the units 0, 1.
//! Weights change by powers of two, exactly; biases are rounded to f32.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Rbm;
use crate::error::{Error, Fault};

/// Values that a unit takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Values {
    /// 0 and 1.
    #[default]
    Binary,
    /// −1 and +1.
    Spin,
}

impl Values {
    /// Offset and scale: the unit 0, 1 is offset + scale · value.
    fn map(self) -> (f64, f64) {
        match self {
            Self::Binary => (0.0, 1.0),
            Self::Spin => (0.5, 0.5),
        }
    }
}

/// Values of the units of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// Of the visible units.
    #[serde(default)]
    pub visible: Values,
    /// Of the hidden units.
    #[serde(default)]
    pub hidden: Values,
}

impl Units {
    /// 0 and 1 on both sides, as everything in this program computes.
    pub const BINARY: Self = Self { visible: Values::Binary, hidden: Values::Binary };
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |values| if values == Values::Spin { "spin" } else { "binary" };
        match self {
            Self { visible, hidden } if visible == hidden => f.write_str(name(*visible)),
            Self { visible, hidden } => write!(f, "{},{}", name(*visible), name(*hidden)),
        }
    }
}

impl FromStr for Units {
    type Err = Error;

    /// `binary`, `spin`, or both sides: `spin,binary` are visible units ±1 and hidden units 0, 1.
    fn from_str(text: &str) -> Result<Self, Error> {
        let side = |word: &str| match word {
            "binary" => Some(Values::Binary),
            "spin" => Some(Values::Spin),
            _ => None,
        };
        let (visible, hidden) = text.split_once(',').unwrap_or((text, text));
        match (side(visible), side(hidden)) {
            (Some(visible), Some(hidden)) => Ok(Self { visible, hidden }),
            _ => Err(Error::Input(
                Fault::new(format!("units \"{text}\"")).expected("binary, spin, or visible,hidden such as spin,binary"),
            )),
        }
    }
}

impl Rbm {
    /// The parameters W, B, C for `units` of this machine with units 0, 1, and the constant by which ln Z becomes less.
    #[must_use]
    pub fn in_units(&self, units: Units) -> (Self, f64) {
        let ((alpha, beta), (gamma, delta)) = (units.visible.map(), units.hidden.map());
        let (over_hidden, over_visible) = self.sums();
        let total = |values: &[f32]| values.iter().map(|&x| f64::from(x)).sum::<f64>();
        let constant = alpha * gamma * over_hidden.iter().sum::<f64>()
            + alpha * total(&self.visible_bias)
            + gamma * total(&self.hidden_bias);
        let bias = |bias: &[f32], sums: &[f64], scale: f64, other: f64| {
            bias.iter().zip(sums).map(|(&b, sum)| (scale * (f64::from(b) + other * sum)) as f32).collect()
        };
        let scaled = Self {
            weights: self.weights.iter().map(|&w| (beta * delta) as f32 * w).collect(),
            visible_bias: bias(&self.visible_bias, &over_hidden, beta, gamma),
            hidden_bias: bias(&self.hidden_bias, &over_visible, delta, alpha),
            ..*self
        };
        (scaled, constant)
    }

    /// The machine with units 0, 1 whose parameters for `units` these are.
    #[must_use]
    pub fn from_units(&self, units: Units) -> Self {
        let ((alpha, beta), (gamma, delta)) = (units.visible.map(), units.hidden.map());
        let weights: Vec<f32> = self.weights.iter().map(|&w| w / (beta * delta) as f32).collect();
        let mut binary = Self { weights, visible_bias: Vec::new(), hidden_bias: Vec::new(), ..*self };
        let (over_hidden, over_visible) = binary.sums();
        let bias = |bias: &[f32], sums: &[f64], scale: f64, other: f64| {
            bias.iter().zip(sums).map(|(&b, sum)| (f64::from(b) / scale - other * sum) as f32).collect()
        };
        binary.visible_bias = bias(&self.visible_bias, &over_hidden, beta, gamma);
        binary.hidden_bias = bias(&self.hidden_bias, &over_visible, delta, alpha);
        binary
    }

    /// Σ_i w_ji `[n_visible]` and Σ_j w_ji `[n_hidden]`.
    fn sums(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut over_hidden, mut over_visible) = (vec![0.0; self.n_visible], vec![0.0; self.n_hidden]);
        for (row, sum) in self.weights.chunks_exact(self.n_hidden.max(1)).zip(&mut over_hidden) {
            for (&w, column) in row.iter().zip(&mut over_visible) {
                *sum += f64::from(w);
                *column += f64::from(w);
            }
        }
        (over_hidden, over_visible)
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::rng::Philox;

    fn machine() -> Rbm {
        let mut rng = Philox::sequence(5, "units");
        let mut rbm = Rbm::zeros(4, 3);
        for x in rbm.weights.iter_mut().chain(&mut rbm.visible_bias).chain(&mut rbm.hidden_bias) {
            *x = (2.0 * rng.random::<f64>() - 1.0) as f32;
        }
        rbm
    }

    const ALL: [&str; 4] = ["binary", "spin", "spin,binary", "binary,spin"];

    /// −E of a joint state, bit j of `v` and i of `h` choosing the upper of the two values.
    fn log_weight(rbm: &Rbm, units: Units, v: usize, h: usize) -> f64 {
        let value = |values, bits: usize, k: usize| match (values, bits >> k & 1) {
            (_, 1) => 1.0,
            (Values::Spin, _) => -1.0,
            (Values::Binary, _) => 0.0,
        };
        let mut sum = 0.0;
        for j in 0..4 {
            sum += f64::from(rbm.visible_bias[j]) * value(units.visible, v, j);
            for i in 0..3 {
                sum += f64::from(rbm.weight(j, i)) * value(units.visible, v, j) * value(units.hidden, h, i);
            }
        }
        sum + (0..3).map(|i| f64::from(rbm.hidden_bias[i]) * value(units.hidden, h, i)).sum::<f64>()
    }

    #[test]
    fn every_state_keeps_its_energy_up_to_the_constant() {
        let rbm = machine();
        for units in ALL.map(|text| text.parse::<Units>().unwrap()) {
            let (scaled, constant) = rbm.in_units(units);
            for state in 0..128 {
                let (v, h) = (state & 15, state >> 4);
                let difference = log_weight(&rbm, Units::BINARY, v, h) - log_weight(&scaled, units, v, h);
                // Seven biases below 4, each rounded to f32.
                assert!((difference - constant).abs() < 7.0 * 4.0 * 2f64.powi(-24), "{units}: {difference} {constant}");
            }
            let back = scaled.from_units(units);
            assert_eq!(back.weights, rbm.weights, "{units}");
            let biases = |m: &Rbm| [m.visible_bias.clone(), m.hidden_bias.clone()].concat();
            for (a, b) in biases(&back).into_iter().zip(biases(&rbm)) {
                assert!((a - b).abs() < 8.0 * f32::EPSILON, "{units}: {a} {b}");
            }
        }
        assert!(rbm.in_units(Units::BINARY) == (rbm, 0.0));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ALL {
            assert_eq!(text.parse::<Units>().unwrap().to_string(), text);
        }
        for text in ["", "spins", "spin,", "spin,spin,spin", "Binary"] {
            assert!(text.parse::<Units>().is_err(), "{text}");
        }
    }
}
