//! The machine's parameters, states, moments and annealing chains on the device.

use std::ops::Range;

use crate::backend::{Address, Descent, HostMoments, OptimiserState};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::rbm::Rbm;

use super::device::Gpu;
use super::kernels::gibbs_half_step::HalfStep;
use super::kernels::update;
use super::memory::Shape;
use super::shader::{Parts, Precision, Stored};

/// Partial sums of a hidden unit while its gradient is summed over several parts.
pub(super) const LANES: usize = 64;

/// Parameters and optimiser state on the device.
#[derive(Debug)]
pub struct Params {
    pub(super) n_visible: usize,
    pub(super) n_hidden: usize,
    /// Rows of consecutive visible units.
    pub(super) parts: Vec<Part>,
    /// b `[n_visible]`, c `[n_hidden]`.
    pub(super) biases: wgpu::Buffer,
    /// Velocities of b `[n_visible]` and c `[n_hidden]`, μ `[n_visible]`, λ_h `[n_hidden]`, second moments of b and c;
    /// where there are several parts, 64 partial sums of each hidden unit behind.
    pub(super) optimiser: wgpu::Buffer,
    precision: Precision,
    /// Whether there are second moments.
    pub(super) has_squares: bool,
}

/// Weights of some visible units.
#[derive(Debug)]
pub(super) struct Part {
    /// The units.
    pub(super) units: Range<usize>,
    /// `[units, n_hidden]`.
    pub(super) weights: wgpu::Buffer,
    /// `[units, n_hidden]`.
    pub(super) velocities: wgpu::Buffer,
    /// Second moments `[units, n_hidden]`, where there are any; else a few bytes that nothing reads.
    pub(super) squares: wgpu::Buffer,
    /// Weights rounded to f16, two a word, where the kernels read them so; else a few bytes that nothing reads.
    pub(super) halves: wgpu::Buffer,
    precision: Precision,
}

impl Part {
    /// The weights that kernels which form products read.
    pub(super) fn stored_weights(&self) -> &wgpu::Buffer {
        match self.precision {
            Precision::F32 => &self.weights,
            Precision::F16 | Precision::NativeF16 => &self.halves,
        }
    }
}

impl Params {
    pub(super) fn upload(gpu: &Gpu, rbm: &Rbm, optimiser: Option<&OptimiserState>) -> Result<Self> {
        rbm.validate()?;
        let (n_visible, n_hidden) = (rbm.n_visible, rbm.n_hidden);
        if n_visible == 0 || n_hidden == 0 {
            return Err(Error::Device(
                Fault::new(format!("a machine of {n_visible} × {n_hidden} units"))
                    .expected("at least one visible and one hidden unit"),
            ));
        }
        let rest;
        let optimiser = match optimiser {
            Some(state) => state,
            None => {
                rest = OptimiserState::at_rest(rbm, &Descent::PLAIN, vec![0.5; n_visible]);
                &rest
            }
        };
        optimiser.velocity.validate()?;
        optimiser.square.as_ref().map_or(Ok(()), Rbm::validate)?;
        if optimiser.visible_offset.len() != n_visible || optimiser.hidden_offset.len() != n_hidden {
            return Err(Error::Device(
                Fault::new("offsets of another machine").expected(format!("{n_visible} visible, {n_hidden} hidden")),
            ));
        }
        let (velocity, square) = (&optimiser.velocity, optimiser.square.as_ref());
        let state =
            [&velocity.visible_bias[..], &velocity.hidden_bias, &optimiser.visible_offset, &optimiser.hidden_offset];
        let mut state = state.concat();
        state.extend(square.iter().flat_map(|square| square.visible_bias.iter().chain(&square.hidden_bias)));
        state.resize(3 * (n_visible + n_hidden) + n_hidden, 0.0);
        let precision = gpu.precision();
        let division = gpu.division(n_visible, n_hidden);
        if division.buffers() > 1 {
            state.resize(state.len() + LANES * n_hidden, 0.0);
        }
        let part = |units: Range<usize>| -> Result<Part> {
            let rows = (units.len() * n_hidden).div_ceil(2);
            let halves = Shape { what: "rounded weights", unit: "pairs", rows, row_bytes: 4 };
            let of = units.start * n_hidden..units.end * n_hidden;
            Ok(Part {
                halves: if precision.is_half() { gpu.allocate(halves)? } else { gpu.nothing().clone() },
                weights: gpu.upload("weights", "weights", &rbm.weights[of.clone()])?,
                velocities: gpu.upload("velocities", "weights", &velocity.weights[of.clone()])?,
                squares: gpu.upload("second moments", "weights", square.map_or(&[0.0], |q| &q.weights[of]))?,
                units,
                precision,
            })
        };
        let params = Self {
            n_visible,
            n_hidden,
            precision,
            has_squares: square.is_some(),
            parts: division.parts().map(part).collect::<Result<_>>()?,
            biases: gpu.upload("biases", "biases", &[&rbm.visible_bias[..], &rbm.hidden_bias].concat())?,
            optimiser: gpu.upload("optimiser state", "units", &state)?,
        };
        update::round_uploaded(gpu, &params)?;
        Ok(params)
    }

    /// The part with the last visible units, with which sums over all of them end.
    pub(super) fn last(&self) -> &Part {
        &self.parts[self.parts.len() - 1]
    }

    /// How [`Part::stored_weights`] are stored.
    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// The same, and in how many buffers.
    pub(super) fn stored(&self) -> Stored {
        let parts = if self.parts.len() > 1 { Parts::Several } else { Parts::One };
        Stored { precision: self.precision, parts }
    }

    pub(super) fn read(&self, gpu: &Gpu) -> Result<(Rbm, OptimiserState)> {
        let (n_visible, n_hidden) = (self.n_visible, self.n_hidden);
        let mut weights = Vec::with_capacity(n_visible * n_hidden);
        let mut velocities = Vec::with_capacity(n_visible * n_hidden);
        let mut squares = Vec::with_capacity(if self.has_squares { n_visible * n_hidden } else { 0 });
        for part in &self.parts {
            gpu.read_into(&part.weights, part.units.len() * n_hidden, &mut weights)?;
            gpu.read_into(&part.velocities, part.units.len() * n_hidden, &mut velocities)?;
            if self.has_squares {
                gpu.read_into(&part.squares, part.units.len() * n_hidden, &mut squares)?;
            }
        }
        let [visible_bias, hidden_bias] =
            split(&gpu.read::<f32>(&self.biases, n_visible + n_hidden)?, [n_visible, n_hidden]);
        let [visible_velocity, hidden_velocity, visible_offset, hidden_offset, visible_square, hidden_square] = split(
            &gpu.read::<f32>(&self.optimiser, 3 * (n_visible + n_hidden))?,
            [n_visible, n_hidden, n_visible, n_hidden, n_visible, n_hidden],
        );
        let machine =
            |weights, visible_bias, hidden_bias| Rbm { n_visible, n_hidden, weights, visible_bias, hidden_bias };
        let state = OptimiserState {
            velocity: machine(velocities, visible_velocity, hidden_velocity),
            square: self.has_squares.then(|| machine(squares, visible_square, hidden_square)),
            visible_offset,
            hidden_offset,
        };
        Ok((machine(weights, visible_bias, hidden_bias), state))
    }
}

/// Consecutive parts of the given lengths.
fn split<const N: usize>(values: &[f32], lengths: [usize; N]) -> [Vec<f32>; N] {
    let mut rest = values;
    lengths.map(|length| {
        let (part, tail) = rest.split_at(length);
        rest = tail;
        part.to_vec()
    })
}

/// Packed binary states `[rows, cols]` on the device.
#[derive(Debug)]
pub struct States {
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// `[rows, words]`.
    pub(super) words: wgpu::Buffer,
    /// Hidden states of a Gibbs step with their number of units, kept between steps.
    hidden: Option<(usize, wgpu::Buffer)>,
    /// Parts of the gains of flips or exchanges with their number a chain, likewise.
    gains: Option<(usize, wgpu::Buffer)>,
}

impl States {
    pub(super) fn upload(gpu: &Gpu, states: &BitMatrix) -> Result<Self> {
        let words = gpu.allocate(Shape {
            what: "packed states",
            unit: "rows",
            rows: states.rows(),
            row_bytes: 4 * states.words_per_row(),
        })?;
        if !states.words().is_empty() {
            gpu.queue.write_buffer(&words, 0, bytemuck::cast_slice(states.words()));
        }
        Ok(Self { rows: states.rows(), cols: states.cols(), words, hidden: None, gains: None })
    }

    pub(super) fn read(&self, gpu: &Gpu) -> Result<BitMatrix> {
        let words = gpu.read(&self.words, self.rows * self.cols.div_ceil(32))?;
        BitMatrix::from_words(self.rows, self.cols, words)
    }

    /// Room for packed hidden states of as many rows.
    pub(super) fn hidden(&mut self, gpu: &Gpu, n_hidden: usize) -> Result<wgpu::Buffer> {
        match &self.hidden {
            Some((units, buffer)) if *units == n_hidden => Ok(buffer.clone()),
            _ => {
                let buffer = hidden_room(gpu, self.rows, n_hidden)?;
                self.hidden = Some((n_hidden, buffer.clone()));
                Ok(buffer)
            }
        }
    }
}

impl States {
    /// Room for `[parts, rows]` parts of the gains of a move.
    pub(super) fn gains(&mut self, gpu: &Gpu, parts: usize) -> Result<wgpu::Buffer> {
        match &self.gains {
            Some((number, buffer)) if *number == parts => Ok(buffer.clone()),
            _ => {
                let buffer = gains_room(gpu, self.rows, parts)?;
                self.gains = Some((parts, buffer.clone()));
                Ok(buffer)
            }
        }
    }
}

/// Room for packed hidden states `[rows, n_hidden]`.
pub(super) fn hidden_room(gpu: &Gpu, rows: usize, n_hidden: usize) -> Result<wgpu::Buffer> {
    gpu.allocate(Shape { what: "packed hidden states", unit: "chains", rows, row_bytes: 4 * n_hidden.div_ceil(32) })
}

/// Room for `[parts, rows]` parts of the gains of a move.
pub(super) fn gains_room(gpu: &Gpu, rows: usize, parts: usize) -> Result<wgpu::Buffer> {
    gpu.allocate(Shape { what: "gains of moves", unit: "chains", rows, row_bytes: 4 * parts })
}

/// Accumulated moments on the device.
#[derive(Debug)]
pub struct Moments {
    n_visible: usize,
    n_hidden: usize,
    /// `[units, n_hidden]` for the visible units of each part of the parameters.
    pub(super) products: Vec<(Range<usize>, wgpu::Buffer)>,
    /// Visible `[n_visible]`, hidden `[n_hidden]`, hidden of the data alone `[n_hidden]`.
    pub(super) sums: wgpu::Buffer,
    /// sig(x) of a slice of chains with their number, while a phase is accumulated.
    means: Option<(usize, wgpu::Buffer)>,
    /// The same of the visible units of each part, where they have means.
    visible_means: Option<(usize, Vec<wgpu::Buffer>)>,
}

impl Moments {
    pub(super) fn new(gpu: &Gpu, params: &Params) -> Result<Self> {
        let (n_visible, n_hidden) = (params.n_visible, params.n_hidden);
        let row = |what, rows| Shape { what, unit: "numbers", rows, row_bytes: 4 };
        let products = |part: &Part| {
            let units = part.units.clone();
            Ok((units.clone(), gpu.allocate(row("moments", units.len() * n_hidden))?))
        };
        Ok(Self {
            n_visible,
            n_hidden,
            products: params.parts.iter().map(products).collect::<Result<_>>()?,
            sums: gpu.allocate(row("means", n_visible + 2 * n_hidden))?,
            means: None,
            visible_means: None,
        })
    }

    /// Room for sig(x) of `chains` chains.
    pub(super) fn means(&mut self, gpu: &Gpu, chains: usize) -> Result<wgpu::Buffer> {
        match &self.means {
            Some((held, buffer)) if *held >= chains => Ok(buffer.clone()),
            _ => {
                let row_bytes = 4 * self.n_hidden;
                let shape = Shape { what: "means of hidden units", unit: "chains", rows: chains, row_bytes };
                let buffer = gpu.allocate(shape)?;
                self.means = Some((chains, buffer.clone()));
                Ok(buffer)
            }
        }
    }

    /// Room for the means of the visible units of `chains` chains, divided like the products.
    pub(super) fn visible_means(&mut self, gpu: &Gpu, chains: usize) -> Result<Vec<wgpu::Buffer>> {
        match &self.visible_means {
            Some((held, buffers)) if *held >= chains => Ok(buffers.clone()),
            _ => {
                let room = |(units, _): &(Range<usize>, wgpu::Buffer)| {
                    let row_bytes = 4 * units.len();
                    gpu.allocate(Shape { what: "means of visible units", unit: "chains", rows: chains, row_bytes })
                };
                let buffers = self.products.iter().map(room).collect::<Result<Vec<_>>>()?;
                self.visible_means = Some((chains, buffers.clone()));
                Ok(buffers)
            }
        }
    }

    pub(super) fn read(&self, gpu: &Gpu) -> Result<HostMoments> {
        let (n_visible, n_hidden) = (self.n_visible, self.n_hidden);
        let mut products = Vec::with_capacity(n_visible * n_hidden);
        for (units, part) in &self.products {
            gpu.read_into(part, units.len() * n_hidden, &mut products)?;
        }
        let sums = gpu.read::<f32>(&self.sums, n_visible + 2 * n_hidden)?;
        let [visible, hidden, data_hidden] = split(&sums, [n_visible, n_hidden, n_hidden]);
        Ok(HostMoments { products, visible, hidden, data_hidden })
    }
}

/// Chains and log-weights of annealed importance sampling on the device.
#[derive(Debug)]
pub struct Annealing {
    pub(super) chains: usize,
    pub(super) address: Address,
    /// b0 `[n_visible]`.
    pub(super) base: wgpu::Buffer,
    /// `[chains, n_visible]` packed.
    pub(super) v: wgpu::Buffer,
    /// `[chains, n_hidden]` packed.
    pub(super) h: wgpu::Buffer,
    /// `[words of hidden units, chains, 2]`: value and its rounding error.
    pub(super) log_weights: wgpu::Buffer,
    words: usize,
    n_visible: usize,
}

impl Annealing {
    /// From the base.
    pub(super) fn start(gpu: &Gpu, params: &Params, base: &[f32], chains: usize, address: Address) -> Result<Self> {
        let annealing = Self::room(gpu, params, base, chains, address)?;
        let Self { base, v, h, .. } = &annealing;
        HalfStep::visible(gpu, params, None, chains, address, h, v, Some(base)).record_start(gpu);
        Ok(annealing)
    }

    /// From chains that are given, `[chains, n_visible]`.
    pub(super) fn start_at(
        gpu: &Gpu,
        params: &Params,
        base: &[f32],
        start: &BitMatrix,
        address: Address,
    ) -> Result<Self> {
        let annealing = Self::room(gpu, params, base, start.rows(), address)?;
        if !start.words().is_empty() {
            gpu.queue.write_buffer(&annealing.v, 0, bytemuck::cast_slice(start.words()));
        }
        Ok(annealing)
    }

    fn room(gpu: &Gpu, params: &Params, base: &[f32], chains: usize, address: Address) -> Result<Self> {
        if base.len() != params.n_visible {
            return Err(Error::Device(
                Fault::new(format!("{} base biases", base.len())).expected(format!("{}", params.n_visible)),
            ));
        }
        let rows = |what, row_bytes| Shape { what, unit: "chains", rows: chains, row_bytes };
        let words = params.n_hidden.div_ceil(32);
        Ok(Self {
            words,
            n_visible: params.n_visible,
            chains,
            address,
            base: gpu.upload("base biases", "units", base)?,
            v: gpu.allocate(rows("annealing chains", 4 * params.n_visible.div_ceil(32)))?,
            h: hidden_room(gpu, chains, params.n_hidden)?,
            log_weights: gpu.allocate(rows("log-weights", 8 * words))?,
        })
    }

    pub(super) fn read_chains(&self, gpu: &Gpu) -> Result<BitMatrix> {
        let words = gpu.read(&self.v, self.chains * self.n_visible.div_ceil(32))?;
        BitMatrix::from_words(self.chains, self.n_visible, words)
    }

    pub(super) fn read_log_weights(&self, gpu: &Gpu) -> Result<Vec<f64>> {
        let pairs = gpu.read::<[f32; 2]>(&self.log_weights, self.words * self.chains)?;
        let log_weight = |chain: usize| {
            let parts = pairs[chain..].iter().step_by(self.chains);
            parts.map(|[sum, error]| f64::from(*sum) + f64::from(*error)).sum()
        };
        Ok((0..self.chains).map(log_weight).collect())
    }
}
