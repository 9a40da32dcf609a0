//! Small machines whose every state can be listed, and counts of states against their probabilities.

use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::exact::machine::Machine;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::stats::chi_squared_survival;

use crate::parity::machine;

/// Six visible and five hidden units, inputs of a few units in size: far from saturation and far from independence.
pub(crate) fn small_machine() -> Rbm {
    machine(6, 5, 1.6, 4)
}

/// The machine as the oracle sees it.
pub(crate) fn oracle(rbm: &Rbm) -> Machine<'_> {
    Machine::new(&rbm.weights, &rbm.visible_bias, &rbm.hidden_bias).unwrap()
}

/// How often each state occurs, `[2^units]`; bit j of a state's number is unit j.
pub(crate) fn counts(rows: &BitMatrix) -> Vec<u64> {
    let mut counts = vec![0; 1 << rows.cols()];
    for r in 0..rows.rows() {
        let state = (0..rows.cols()).filter(|&j| rows.get(r, j)).map(|j| 1usize << j).sum::<usize>();
        counts[state] += 1;
    }
    counts
}

/// P(χ² at least as large as found) for independent draws; states are pooled, rarest first, until each cell expects
/// at least ten.
pub(crate) fn p_value(counts: &[u64], probabilities: &[f64]) -> f64 {
    assert_eq!(counts.len(), probabilities.len(), "number of states");
    let total = counts.iter().sum::<u64>() as f64;
    let mut cells: Vec<(f64, f64)> = counts.iter().zip(probabilities).map(|(&c, p)| (p * total, c as f64)).collect();
    cells.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut pooled, mut open) = (Vec::<(f64, f64)>::new(), (0.0, 0.0));
    for (expected, found) in cells {
        open = (open.0 + expected, open.1 + found);
        if open.0 >= 10.0 {
            pooled.push(open);
            open = (0.0, 0.0);
        }
    }
    match pooled.last_mut() {
        Some(last) => *last = (last.0 + open.0, last.1 + open.1),
        None => pooled.push(open),
    }
    let chi_squared = pooled.iter().map(|(e, f)| (f - e).powi(2) / e).sum();
    chi_squared_survival(chi_squared, pooled.len() - 1)
}
