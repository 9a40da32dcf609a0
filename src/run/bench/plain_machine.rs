//! A machine as one writes it first: a byte a unit, one multiplication a weight, one unit after the other.
//!
//! The measure of what packing and tables bring, and a second opinion on the numbers: the same draws at the same
//! addresses, but no code in common with the engine other than the generator.

use crate::bits::BitMatrix;
use crate::rbm::Rbm;
use crate::rng::{Stream, uniform, unit_word};

/// A machine and, one after the other, the states of its chains.
#[derive(Debug, Clone)]
pub(super) struct PlainMachine {
    pub(super) rbm: Rbm,
    seed: u64,
}

/// Rows of bytes.
pub(super) fn bytes(states: &BitMatrix) -> Vec<Vec<u8>> {
    (0..states.rows()).map(|r| (0..states.cols()).map(|j| u8::from(states.get(r, j))).collect()).collect()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Means over rows of v, sig(x) and v·sig(x).
struct Averages {
    products: Vec<f32>,
    visible: Vec<f32>,
    hidden: Vec<f32>,
}

impl PlainMachine {
    pub(super) fn new(rbm: Rbm, seed: u64) -> Self {
        Self { rbm, seed }
    }

    /// x = c + v·W, of bits or means.
    pub(super) fn inputs_h_from_v<T: Copy + Into<f32>>(&self, v: &[T]) -> Vec<f32> {
        let mut x = self.rbm.hidden_bias.clone();
        for (&v, weights) in v.iter().zip(self.rbm.weights.chunks_exact(self.rbm.n_hidden)) {
            for (x, w) in x.iter_mut().zip(weights) {
                *x += v.into() * w;
            }
        }
        x
    }

    /// y = b + W·h.
    fn inputs_v_from_h<T: Copy + Into<f32>>(&self, h: &[T]) -> Vec<f32> {
        let rows = self.rbm.weights.chunks_exact(self.rbm.n_hidden);
        let sum = |weights: &[f32]| weights.iter().zip(h).map(|(w, &h)| w * h.into()).sum::<f32>();
        self.rbm.visible_bias.iter().zip(rows).map(|(b, weights)| b + sum(weights)).collect()
    }

    fn draw(&self, inputs: &[f32], stream: Stream, step: u32, chain: usize) -> Vec<u8> {
        let number = |unit: usize| uniform(unit_word(self.seed, stream, step, chain as u32, unit as u32));
        inputs.iter().enumerate().map(|(unit, &x)| u8::from(number(unit) < sigmoid(x))).collect()
    }

    /// One Gibbs step of a chain.
    pub(super) fn gibbs_step(&self, v: &mut Vec<u8>, step: u32, chain: usize) {
        let h = self.draw(&self.inputs_h_from_v(v), Stream::SampleHidden, step, chain);
        *v = self.draw(&self.inputs_v_from_h(&h), Stream::SampleVisible, step, chain);
    }

    /// Visible means of the mean field that begins at a row.
    pub(super) fn mean_field(&self, v: &[u8], steps: u32) -> Vec<f32> {
        let means = |inputs: Vec<f32>| inputs.into_iter().map(sigmoid).collect::<Vec<f32>>();
        let first = v.iter().map(|&v| f32::from(v)).collect();
        (0..steps).fold(first, |v: Vec<f32>, _| means(self.inputs_v_from_h(&means(self.inputs_h_from_v(&v)))))
    }

    fn averages<T: Copy + Into<f32>>(&self, rows: &[Vec<T>]) -> Averages {
        let (n_visible, n_hidden) = (self.rbm.n_visible, self.rbm.n_hidden);
        let mut sums = Averages {
            products: vec![0.0; n_visible * n_hidden],
            visible: vec![0.0; n_visible],
            hidden: vec![0.0; n_hidden],
        };
        let share = 1.0 / rows.len() as f32;
        for v in rows {
            let means: Vec<f32> = self.inputs_h_from_v(v).into_iter().map(sigmoid).collect();
            for (j, &v) in v.iter().enumerate() {
                let v = share * v.into();
                sums.visible[j] += v;
                for (sum, mean) in sums.products[j * n_hidden..].iter_mut().zip(&means) {
                    *sum += v * mean;
                }
            }
            for (sum, mean) in sums.hidden.iter_mut().zip(&means) {
                *sum += share * mean;
            }
        }
        sums
    }

    /// A plain gradient step from the data's rows and the model's.
    pub(super) fn update<T: Copy + Into<f32>>(&mut self, data: &[Vec<u8>], model: &[Vec<T>], rate: f32) {
        let (plus, minus) = (self.averages(data), self.averages(model));
        let climb = |values: &mut [f32], plus: &[f32], minus: &[f32]| {
            for ((value, plus), minus) in values.iter_mut().zip(plus).zip(minus) {
                *value += rate * (plus - minus);
            }
        };
        climb(&mut self.rbm.weights, &plus.products, &minus.products);
        climb(&mut self.rbm.visible_bias, &plus.visible, &minus.visible);
        climb(&mut self.rbm.hidden_bias, &plus.hidden, &minus.hidden);
    }

    /// F(v).
    pub(super) fn free_energy(&self, v: &[u8]) -> f64 {
        let visible: f64 = v.iter().zip(&self.rbm.visible_bias).map(|(&v, &b)| f64::from(v) * f64::from(b)).sum();
        -visible - self.inputs_h_from_v(v).into_iter().map(|x| f64::from(softplus(x))).sum::<f64>()
    }

    /// The log-weight of one chain annealed over `betas`, from and to the machine's own visible biases.
    pub(super) fn anneal(&self, betas: &[f64], chain: usize) -> f64 {
        let mut v = self.draw(&self.rbm.visible_bias, Stream::ChainStart, 0, chain);
        let mut log_weight = 0.0;
        for (k, pair) in betas.windows(2).enumerate() {
            let (from, to) = (pair[0] as f32, pair[1] as f32);
            let mut x = self.inputs_h_from_v(&v);
            for x in &mut x {
                log_weight += f64::from(softplus(to * *x) - softplus(from * *x));
                *x *= to;
            }
            let step = k as u32 + 1;
            let h = self.draw(&x, Stream::SampleHidden, step, chain);
            let mut y = self.inputs_v_from_h(&h);
            for (y, b) in y.iter_mut().zip(&self.rbm.visible_bias) {
                *y = to * *y + (1.0 - to) * b;
            }
            v = self.draw(&y, Stream::SampleVisible, step, chain);
        }
        log_weight
    }
}
