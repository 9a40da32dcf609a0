//! Replicas of a machine at several temperatures: rows of one block of states, so that tables of weights serve all of
//! them, since β scales an input only after it was summed.

use super::{
    BiasTables, Columns, CpuParams, CpuStates, SHORT, Scratch, Sparse, Tile, add_tiles, exchange as columns_of, flat,
    nothing, over_tiles, tiles, with_workspace,
};
use crate::backend::cpu::kernels::exchange::{exchange, exchange_gains};
use crate::backend::{Address, Exchanged, RECORDED, pairs};
use crate::error::{Error, Fault, Result};

/// Temperatures of a ladder and the record of its exchanges.
#[derive(Debug, Clone)]
pub struct CpuTemperatures {
    chains: usize,
    /// Of every row, `[rungs · chains]`.
    betas: Vec<f32>,
    base: Vec<Tile>,
    record: Vec<Exchanged>,
    /// β and β' of the rows that exchange.
    both: Vec<[f32; 2]>,
}

impl CpuTemperatures {
    /// Chains of a rung.
    pub(super) fn chains(&self) -> usize {
        self.chains
    }

    /// Of every row.
    pub(super) fn betas(&self) -> &[f32] {
        &self.betas
    }

    /// b0.
    pub(super) fn base(&self) -> &[Tile] {
        &self.base
    }

    /// Bias of visible unit `j` at rung `rung`, where that of the machine is `bias`.
    pub(super) fn bias(&self, rung: usize, j: usize, bias: f64) -> f64 {
        let (beta, base) = (f64::from(self.betas[rung * self.chains]), f64::from(flat(&self.base)[j]));
        beta * bias + (1.0 - beta) * base
    }

    /// Gives every rung its temperature.
    pub(in crate::backend::cpu) fn set(&mut self, betas: &[f64]) {
        assert_eq!(betas.len() * self.chains, self.betas.len(), "temperatures of the ladder");
        for (rows, &beta) in self.betas.chunks_mut(self.chains).zip(betas) {
            rows.fill(beta as f32);
        }
    }

    /// Takes the record.
    pub(in crate::backend::cpu) fn take(&mut self) -> Vec<Exchanged> {
        let taken = self.record.clone();
        self.record.clear();
        taken
    }

    /// Bytes held.
    #[cfg(test)]
    pub(in crate::backend::cpu) fn bytes(&self) -> u64 {
        let record = self.record.capacity() * size_of::<Exchanged>();
        let all = size_of_val(&self.betas[..]) + size_of_val(&self.base[..]) + size_of_val(&self.both[..]);
        (record + all) as u64
    }
}

/// A ladder of `betas` with `chains` chains a rung.
pub(in crate::backend::cpu) fn temperatures(
    params: &CpuParams,
    base: &[f32],
    betas: &[f64],
    chains: usize,
) -> Result<CpuTemperatures> {
    if betas.is_empty() || chains == 0 || base.len() != params.n_visible {
        return Err(Error::Input(
            Fault::new(format!("{} rungs of {chains} chains over a base of {} units", betas.len(), base.len()))
                .at("tempering")
                .expected(format!("at least one of each, and {} units", params.n_visible)),
        ));
    }
    let rows = betas.len() * chains;
    let mut all = CpuTemperatures {
        chains,
        betas: vec![0.0; rows],
        base: tiles(base),
        record: Vec::with_capacity(RECORDED * (betas.len() / 2) * chains),
        both: Vec::with_capacity(rows),
    };
    all.set(betas);
    Ok(all)
}

/// Writes ln p*_{β'}(v) − ln p*_β(v) of packed rows `[rows, words]` to the sums of `scratch`; `run` rows on end have the
/// same pair of temperatures in `both`.
fn gains(params: &CpuParams, base: &[Tile], packed: &[u32], both: &[[f32; 2]], run: usize, scratch: &mut Scratch) {
    let (n, hidden) = (both.len(), params.hidden_side());
    scratch.visible.resize(packed.len(), 0);
    scratch.terms.resize(n * hidden.tiles(), 0.0);
    columns_of(packed, packed.len() / n, &mut scratch.visible);
    if scratch.sparse.is_empty() {
        scratch.sparse.push(Sparse::default());
    }
    let rows = Columns::looked_at(&scratch.visible, n, &mut scratch.sparse[0]);
    let parallel = n * params.n_visible * params.n_hidden >= SHORT;
    over_tiles(n, (&mut scratch.terms, &mut nothing(n * hidden.tiles())), parallel, |tile, first, gains, _| {
        with_workspace(|work| exchange_gains(work, rows, first, &hidden, tile, both, gains));
    });
    let biases = flat(&params.visible_bias).iter().zip(flat(base)).take(params.n_visible);
    scratch.bias.set(biases.map(|(b, b0)| f64::from(b - b0)));
    scratch.sums.clear();
    scratch.sums.resize(n, 0.0);
    for (k, sums) in scratch.sums.chunks_mut(run).enumerate() {
        let [own, other] = both[k * run].map(f64::from);
        scratch.bias.add(rows, k * run, other - own, sums);
    }
    add_tiles(&scratch.terms, 1.0, &mut scratch.sums);
}

/// Exchanges of round `round`.
pub(in crate::backend::cpu) fn exchange_rows(
    params: &CpuParams,
    temperatures: &mut CpuTemperatures,
    replicas: &mut CpuStates,
    address: Address,
    round: u32,
) {
    let CpuTemperatures { chains, betas, base, record, both } = temperatures;
    let (chains, rungs) = (*chains, betas.len() / *chains);
    let beta = |rung: usize| betas[rung * chains];
    both.clear();
    for pair in pairs(rungs, round.into()) {
        both.extend(std::iter::repeat_n([beta(pair), beta(pair + 1)], chains));
        both.extend(std::iter::repeat_n([beta(pair + 1), beta(pair)], chains));
    }
    if both.is_empty() {
        return;
    }
    let CpuStates { matrix, scratch } = replicas;
    let (words, first) = (matrix.words_per_row(), round as usize % 2 * chains);
    // The rungs that take part follow one another.
    let rows = &mut matrix.words_mut()[first * words..][..both.len() * words];
    gains(params, base, rows, both, chains, scratch);
    let sums = scratch.sums.chunks_exact(2 * chains);
    for ((pair, rows), sums) in pairs(rungs, round.into()).zip(rows.chunks_exact_mut(2 * chains * words)).zip(sums) {
        exchange(rows.split_at_mut(chains * words).into(), sums.split_at(chains).into(), pair, round, address, record);
    }
}

/// −ln p*_β of every row.
pub(in crate::backend::cpu) fn energies_at(
    params: &CpuParams,
    temperatures: &CpuTemperatures,
    replicas: &CpuStates,
) -> Vec<f64> {
    let mut scratch = Scratch::default();
    let both: Vec<[f32; 2]> = temperatures.betas.iter().map(|&beta| [beta, 0.0]).collect();
    gains(params, &temperatures.base, replicas.matrix.words(), &both, temperatures.chains, &mut scratch);
    let mut base = BiasTables::default();
    base.set(flat(&temperatures.base)[..params.n_visible].iter().map(|&b| f64::from(b)));
    let constant = params.n_hidden as f64 * std::f64::consts::LN_2;
    scratch.sums.iter_mut().for_each(|sum| *sum -= constant);
    base.add(Columns::new(&scratch.visible, both.len()), 0, -1.0, &mut scratch.sums);
    scratch.sums
}
