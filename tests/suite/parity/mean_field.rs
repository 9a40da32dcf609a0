//! Class bounded: moments of mean fields within the f32 error of every sum on the way to them.

use gibbsite::internals::backend::{Backend, HostMoments, Phase};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;

use super::reference::{Bounded, Side, U, gamma, input, mean};
use super::{SIZES, assert_bounded, machine, on_both, states, wide, worst};

/// bias + Σ w m for means that are off: what they are off by goes with their weights.
fn input_of_means(bias: f32, terms: impl ExactSizeIterator<Item = (f32, Bounded)>) -> Bounded {
    let n = terms.len();
    let start = (f64::from(bias), f64::from(bias.abs()), 0.0);
    let (sum, size, error) = terms.fold(start, |(sum, size, error), (w, (m, dm))| {
        let w = f64::from(w);
        (sum + w * m, size + w.abs() * (m + dm), error + w.abs() * dm)
    });
    (sum, error + gamma(n + 1) * size)
}

/// Means of visible and hidden units of one row after so many steps.
fn field(rbm: &Rbm, v: &BitMatrix, r: usize, steps: u32) -> (Vec<Bounded>, Vec<Bounded>) {
    let (n_visible, n_hidden) = (rbm.n_visible, rbm.n_hidden);
    let weight = |j: usize, i: usize| rbm.weights[j * n_hidden + i];
    let mut hidden: Vec<Bounded> = (0..n_hidden).map(|i| mean(input(rbm, Side::Hidden, v, r, i))).collect();
    let mut visible = Vec::new();
    for _ in 0..steps {
        let y = |j: usize| input_of_means(rbm.visible_bias[j], (0..n_hidden).map(|i| (weight(j, i), hidden[i])));
        visible = (0..n_visible).map(|j| mean(y(j))).collect();
        let x = |i: usize| input_of_means(rbm.hidden_bias[i], (0..n_visible).map(|j| (weight(j, i), visible[j])));
        hidden = (0..n_hidden).map(|i| mean(x(i))).collect();
    }
    (visible, hidden)
}

/// Products, visible and hidden moments that are subtracted.
fn moments(rbm: &Rbm, v: &BitMatrix, steps: u32) -> [Vec<Bounded>; 3] {
    let rows = v.rows();
    let fields: Vec<_> = (0..rows).map(|r| field(rbm, v, r, steps)).collect();
    // Sums of `rows` terms, each a product, scaled by a rounded 1/rows: two roundings more.
    let average = |term: &dyn Fn(usize) -> Bounded| {
        let (sum, error) = (0..rows).map(term).fold((0.0, 0.0), |(s, e), (x, dx)| (s + x, e + dx));
        let scale = 1.0 / rows as f64;
        (sum * scale, (error + gamma(rows + 3) * (sum + error)) * scale)
    };
    let product = |(a, da): Bounded, (b, db): Bounded| (a * b, a * db + b * da + da * db);
    let pair = |j: usize, i: usize| average(&|r| product(fields[r].0[j], fields[r].1[i]));
    [
        (0..rbm.n_visible).flat_map(|j| (0..rbm.n_hidden).map(move |i| (j, i))).map(|(j, i)| pair(j, i)).collect(),
        (0..rbm.n_visible).map(|j| average(&|r| fields[r].0[j])).collect(),
        (0..rbm.n_hidden).map(|i| average(&|r| fields[r].1[i])).collect(),
    ]
}

/// Moments before and after; the states stay as they are.
fn run<B: Backend>(backend: &B, rbm: &Rbm, v: &BitMatrix, steps: u32) -> (HostMoments, HostMoments) {
    let params = backend.upload_params(rbm, None).unwrap();
    let rows = backend.upload_states(v).unwrap();
    let mut found = backend.new_moments(&params).unwrap();
    backend.accumulate_moments(&params, &rows, Phase::Data, &mut found);
    let before = backend.read_moments(&found).unwrap();
    backend.subtract_mean_field(&params, &rows, steps, &mut found);
    assert_eq!(backend.read_states(&rows).unwrap(), *v);
    (before, backend.read_moments(&found).unwrap())
}

/// What is left after the subtraction, which is rounded once more.
fn left(before: &[f32], subtracted: &[Bounded]) -> Vec<Bounded> {
    assert_eq!(before.len(), subtracted.len());
    let one = |(&a, &(b, db)): (&f32, &Bounded)| {
        let left = f64::from(a) - b;
        (left, db + U * (left.abs() + db))
    };
    before.iter().zip(subtracted).map(one).collect()
}

fn compare<B: Backend>(backend: &B, rbm: &Rbm, v: &BitMatrix, steps: u32) {
    let (before, after) = run(backend, rbm, v, steps);
    let [products, visible, hidden] = moments(rbm, v, steps);
    let place = |what| format!("{what} of {} rows of {} × {}, {steps} steps", v.rows(), rbm.n_visible, rbm.n_hidden);
    assert_bounded(&place("products"), &wide(&after.products), &left(&before.products, &products));
    assert_bounded(&place("visible"), &wide(&after.visible), &left(&before.visible, &visible));
    assert_bounded(&place("hidden"), &wide(&after.hidden), &left(&before.hidden, &hidden));
    assert_eq!(after.data_hidden, before.data_hidden, "those of the data stay");
}

on_both! {
    /// One step of units that are nearly decided; and three of weights so small that a step adds up no errors,
    /// Σ |w| sig' ≤ n · 2/n · ¼, so that the bounds are those of one.
    fn moments_are_within_their_bound(backend) {
        for &(chains, n_visible, n_hidden) in SIZES {
            let v = states(chains, n_visible, 2);
            compare(backend, &machine(n_visible, n_hidden, 0.5, 1), &v, 1);
            compare(backend, &machine(n_visible, n_hidden, 2.0 / n_visible.max(n_hidden) as f32, 1), &v, 3);
        }
    }
}

on_both! {
    /// More rows of more units than a device keeps the means of at a time, 64 MiB.
    fn rows_in_several_slices_give_the_same_moments(backend) {
        let (rows, n_visible) = (1030, 16_385);
        let v = BitMatrix::from_fn(rows, n_visible, |r, j| (r * 7 + j * 13) % 100 < 3);
        compare(backend, &machine(n_visible, 1, 1e-4, 1), &v, 1);
    }
}

on_both! {
    fn one_altered_weight_one_flipped_bit_and_one_step_are_noticed(backend) {
        let (rbm, v) = (machine(33, 17, 0.5, 1), BitMatrix::from_fn(40, 33, |_, _| true));
        let expected = moments(&rbm, &v, 1);
        let is_off = |rbm: &Rbm, v: &BitMatrix, steps| {
            let (before, after) = run(backend, rbm, v, steps);
            worst(&wide(&after.products), &left(&before.products, &expected[0])).0 > 1.0
                && worst(&wide(&after.visible), &left(&before.visible, &expected[1])).0 > 1.0
                && worst(&wide(&after.hidden), &left(&before.hidden, &expected[2])).0 > 1.0
        };
        assert!(!is_off(&rbm, &v, 1));
        let mut altered = rbm.clone();
        altered.weights[32 * 17 + 16] += 1e-2;
        assert!(is_off(&altered, &v, 1), "one altered weight");
        let mut flipped = v.clone();
        flipped.set(39, 32, false);
        assert!(is_off(&rbm, &flipped, 1), "one flipped bit");
        assert!(is_off(&rbm, &v, 2), "one step more");
    }
}
