//! Binary basis: A_S = [|S| = 1] b_j + Σ_i Σ_{R⊆S} (−1)^{|S|−|R|} f_i(Σ_{j∈R} w_ji).
//!
//! f_i(y) = softplus(c_i + y) is exact (Cossu et al. 2019); the truncated expansion puts a polynomial in its place.

use crate::threads::prelude::*;

use super::Coupling;
use super::selection::Selection;
use crate::error::Result;
use crate::numerics::softplus;
use crate::rbm::Rbm;

pub(super) fn exact(rbm: &Rbm, selection: &Selection) -> Result<Vec<Coupling>> {
    let biases: Vec<f64> = rbm.hidden_bias.iter().map(|&c| f64::from(c)).collect();
    interactions(rbm, selection, |i, input| softplus(biases[i] + input))
}

/// All A_S of the selection for hidden units with log-weight `f(i, input without bias)`.
pub(super) fn interactions(
    rbm: &Rbm,
    selection: &Selection,
    f: impl Fn(usize, f64) -> f64 + Sync,
) -> Result<Vec<Coupling>> {
    let evaluations: f64 = selection.orders.iter().map(|&o| selection.count_of(o) as f64 * 2f64.powi(o as i32)).sum();
    Selection::check_work(10.0 * evaluations * rbm.n_hidden as f64)?;
    let hidden = 0..rbm.n_hidden;
    let w = |at: usize, i: usize| f64::from(rbm.weight(selection.units[at], i));
    let none: Vec<f64> = hidden.clone().map(|i| f(i, 0.0)).collect();
    // [unit, hidden]: f with one unit on.
    let one: Vec<Vec<f64>> =
        (0..selection.units.len()).map(|a| hidden.clone().map(|i| f(i, w(a, i))).collect()).collect();
    let single = |a: usize| -> f64 {
        let bias = f64::from(rbm.visible_bias[selection.units[a]]);
        bias + hidden.clone().map(|i| one[a][i] - none[i]).sum::<f64>()
    };
    let two = |a: usize, b: usize, i: usize| f(i, w(a, i) + w(b, i));
    let pair = |a: usize, b: usize| -> f64 {
        hidden.clone().map(|i| (two(a, b, i) - one[a][i]) - (one[b][i] - none[i])).sum()
    };
    let triple = |a: usize, b: usize, c: usize, with_a: &[Vec<f64>]| -> f64 {
        let of_hidden = |i: usize| {
            let all = f(i, w(a, i) + w(b, i) + w(c, i));
            (all - with_a[b][i]) - (with_a[c][i] - one[a][i]) - ((two(b, c, i) - one[b][i]) - (one[c][i] - none[i]))
        };
        hidden.clone().map(of_hidden).sum()
    };
    let n = selection.units.len();
    let mut out = Vec::with_capacity(selection.count() as usize);
    for &order in &selection.orders {
        // Values in lexicographic order, one task for each first unit.
        let values: Vec<Vec<f64>> = (0..n)
            .into_par_iter()
            .map(|a| match order {
                1 => vec![single(a)],
                2 => (a + 1..n).map(|b| pair(a, b)).collect(),
                _ => {
                    let with_a: Vec<Vec<f64>> = (0..n)
                        .map(|b| if b > a { hidden.clone().map(|i| two(a, b, i)).collect() } else { Vec::new() })
                        .collect();
                    let later = (a + 1..n).flat_map(|b| (b + 1..n).map(move |c| (b, c)));
                    later.map(|(b, c)| triple(a, b, c, &with_a)).collect()
                }
            })
            .collect();
        let mut values = values.into_iter().flatten();
        out.extend(selection.list(order, |_| values.next().unwrap_or(f64::NAN)));
    }
    Ok(out)
}
