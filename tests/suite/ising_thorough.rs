//! The thorough check of the Ising engine, on a part of its sizes and temperatures.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::events::Silent;
use gibbsite::internals::ising::Algorithm;
use gibbsite::internals::run::verify::thorough::{Accuracy, Cell, summaries_of, values_of};

/// Every algorithm below, near and above T_c. The seeds are fixed; of others, one in fifty would fail here: 5 quantities of
/// at most 32 values each beyond 3.5 σ (4.7e-4 each), and 5 χ² at 1e-3 a side.
#[test]
fn every_algorithm_agrees_with_exact_values_and_a_wrong_one_would_not() {
    let cells: Vec<Cell> = [(4, 1.9), (4, 3.0), (8, 2.269_185), (8, 2.7), (16, 3.0)]
        .map(|(length, temperature)| Cell { length, temperature, algorithms: Algorithm::ALL.to_vec() })
        .into();
    let values = values_of(&Cpu::new(), &cells, Accuracy { relative_error: 0.02, seed: 1 }, &mut Silent).unwrap();
    assert_eq!(values.len(), 5 * 4 * 5);
    for summary in summaries_of(&values) {
        assert!(summary.holds && summary.compared == 20 && summary.exact >= 16, "{summary:?}");
        // Sizes that no formula gives are those of a short run, good to a few hundredths.
        assert!(summary.relative_error <= 0.021, "{summary:?}");
    }

    // One algorithm wrong by 5 %, and errors stated three times too large.
    let mut shifted = values.clone();
    for v in shifted.iter_mut().filter(|v| v.algorithm == "wolff") {
        v.sigmas = v.exact.map(|exact| (1.05 * v.found.value - exact) / v.found.error);
    }
    let mut timid = values;
    timid.iter_mut().for_each(|v| v.sigmas = v.sigmas.map(|z| z / 4.0));
    for wrong in [shifted, timid] {
        assert!(summaries_of(&wrong).iter().filter(|s| !s.holds).count() >= 4, "{:?}", summaries_of(&wrong));
    }
}
