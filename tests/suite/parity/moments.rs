//! Class bounded: means over chains within the f32 error of their sums.

use gibbsite::internals::backend::{Backend, HostMoments, Phase};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;

use super::reference::{Bounded, Side, U, gamma, input, mean};
use super::{SIZES, assert_bounded, machine, on_both, states, wide, worst};

/// Reference means of one phase: products, visible, hidden.
struct Means {
    products: Vec<Bounded>,
    visible: Vec<Bounded>,
    hidden: Vec<Bounded>,
}

fn means(rbm: &Rbm, v: &BitMatrix) -> Means {
    let (rows, n_hidden) = (v.rows(), rbm.n_hidden);
    let on: Vec<Vec<Bounded>> =
        (0..rows).map(|r| (0..n_hidden).map(|i| mean(input(rbm, Side::Hidden, v, r, i))).collect()).collect();
    // Sums of `rows` terms, scaled by a rounded 1/rows: two roundings more.
    let average = |terms: &mut dyn Iterator<Item = Bounded>| {
        let (sum, error) = terms.fold((0.0, 0.0), |(s, e), (x, dx)| (s + x, e + dx));
        let scale = 1.0 / rows as f64;
        (sum * scale, (error + gamma(rows + 2) * sum) * scale)
    };
    let product = |j: usize, i: usize| average(&mut (0..rows).filter(|&r| v.get(r, j)).map(|r| on[r][i]));
    Means {
        products: (0..rbm.n_visible)
            .flat_map(|j| (0..n_hidden).map(move |i| (j, i)))
            .map(|(j, i)| product(j, i))
            .collect(),
        visible: (0..rbm.n_visible)
            .map(|j| average(&mut (0..rows).filter(|&r| v.get(r, j)).map(|_| (1.0, 0.0))))
            .collect(),
        hidden: (0..n_hidden).map(|i| average(&mut (0..rows).map(|r| on[r][i]))).collect(),
    }
}

fn difference(data: &[Bounded], model: &[Bounded]) -> Vec<Bounded> {
    data.iter()
        .zip(model)
        .map(|((a, da), (b, db))| (a - b, da + db + U * (a - b).abs() + 2.0 * U * (da + db)))
        .collect()
}

fn run<B: Backend>(backend: &B, rbm: &Rbm, data: &BitMatrix, model: Option<&BitMatrix>) -> HostMoments {
    let params = backend.upload_params(rbm, None).unwrap();
    let mut moments = backend.new_moments(&params).unwrap();
    // Rubbish of an earlier update must not survive the data phase.
    backend.accumulate_moments(&params, &backend.upload_states(data).unwrap(), Phase::Model, &mut moments);
    backend.accumulate_moments(&params, &backend.upload_states(data).unwrap(), Phase::Data, &mut moments);
    if let Some(model) = model {
        backend.accumulate_moments(&params, &backend.upload_states(model).unwrap(), Phase::Model, &mut moments);
    }
    backend.read_moments(&moments).unwrap()
}

fn compare<B: Backend>(backend: &B, rbm: &Rbm, data: &BitMatrix, model: &BitMatrix) {
    let (of_data, of_model) = (means(rbm, data), means(rbm, model));
    let first = run(backend, rbm, data, None);
    assert_bounded("products of the data", &wide(&first.products), &of_data.products);
    assert_bounded("visible of the data", &wide(&first.visible), &of_data.visible);
    assert_bounded("hidden of the data", &wide(&first.hidden), &of_data.hidden);
    let both = run(backend, rbm, data, Some(model));
    assert_bounded("products", &wide(&both.products), &difference(&of_data.products, &of_model.products));
    assert_bounded("visible", &wide(&both.visible), &difference(&of_data.visible, &of_model.visible));
    assert_bounded("hidden", &wide(&both.hidden), &difference(&of_data.hidden, &of_model.hidden));
    assert_bounded("hidden of the data, kept", &wide(&both.data_hidden), &of_data.hidden);
}

on_both! {
    fn means_are_within_their_bound(backend) {
        for &(chains, n_visible, n_hidden) in SIZES {
            let rbm = machine(n_visible, n_hidden, 0.5, 1);
            compare(backend, &rbm, &states(chains, n_visible, 2), &states(chains + 1, n_visible, 3));
        }
    }
}

on_both! {
    fn several_visible_tiles_give_the_same_means(backend) {
        let rbm = machine(1025, 3, 0.05, 1);
        compare(backend, &rbm, &states(5, 1025, 2), &states(2, 1025, 3));
    }
}

on_both! {
    fn one_altered_weight_and_one_flipped_bit_are_noticed(backend) {
        let (rbm, v) = (machine(33, 17, 0.5, 1), BitMatrix::from_fn(40, 33, |_, _| true));
        let expected = means(&rbm, &v);
        let mut altered = rbm.clone();
        altered.weights[32 * 17 + 16] += 1e-3;
        assert!(worst(&wide(&run(backend, &altered, &v, None).products), &expected.products).0 > 1.0, "one altered weight");
        let mut flipped = v.clone();
        flipped.set(39, 32, false);
        assert!(worst(&wide(&run(backend, &rbm, &flipped, None).visible), &expected.visible).0 > 1.0, "one flipped bit");
    }
}
