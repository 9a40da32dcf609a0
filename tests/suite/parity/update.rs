//! Class bounded: parameters after one update, from the very moments that the device used.

use gibbsite::backend::{Backend, HostMoments, OptimiserState, Phase, UpdateRule};
use gibbsite::rbm::Rbm;

use super::reference::{Bounded, U, gamma};
use super::{SIZES, assert_bounded, machine, on_both, states, wide, worst};

/// All numbers after an update, in the order weights, b, c, velocities likewise, λ_h.
fn expected(rbm: &Rbm, old: &OptimiserState, moments: &HostMoments, rule: &UpdateRule) -> Vec<Bounded> {
    let w = |x: f32| f64::from(x);
    let (n_visible, n_hidden) = (rbm.n_visible, rbm.n_hidden);
    let rate = w(rule.offset_rate);
    let offset: Vec<Bounded> = (0..n_hidden)
        .map(|i| {
            let (a, b) = ((1.0 - rate) * w(old.hidden_offset[i]), rate * w(moments.data_hidden[i]));
            (a + b, gamma(5) * (a.abs() + b.abs() + rate * w(old.hidden_offset[i]).abs()))
        })
        .collect();
    let gradient = |j: usize, i: usize| -> Bounded {
        let product = w(moments.products[j * n_hidden + i]);
        if !rule.centred {
            return (product, 0.0);
        }
        let first = w(old.visible_offset[j]) * w(moments.hidden[i]);
        let second = w(moments.visible[j]) * offset[i].0;
        let error = gamma(5) * (product.abs() + first.abs() + second.abs()) + w(moments.visible[j]).abs() * offset[i].1;
        (product - first - second, error)
    };
    // velocity ← m velocity + g − decay w, parameter += η velocity: four roundings each at most.
    let apply = |parameter: f32, velocity: f32, (g, dg): Bounded, decay: f32| -> [Bounded; 2] {
        let (kept, pulled) = (w(rule.momentum) * w(velocity), w(decay) * w(parameter));
        let velocity = kept + g - pulled;
        let error = dg + gamma(5) * (kept.abs() + g.abs() + pulled.abs());
        let step = w(rule.learning_rate) * velocity;
        let result = w(parameter) + step;
        [(result, w(rule.learning_rate) * error + 2.0 * U * (step.abs() + result.abs())), (velocity, error)]
    };
    let bias_gradient = |mean: f32, terms: Vec<(Bounded, Bounded)>| -> Bounded {
        let scaled = w(rule.bias_rate) * w(mean);
        let (mut sum, mut size, mut error) = (0.0, scaled.abs(), 0.0);
        for ((g, dg), (o, d)) in terms.into_iter().filter(|_| rule.centred) {
            sum += g * o;
            size += (g * o).abs();
            error += dg * o.abs() + g.abs() * d;
        }
        (scaled - sum, error + gamma(n_visible.max(n_hidden) + 4) * size)
    };
    let (mut parameters, mut velocities) = (Vec::new(), Vec::new());
    let mut push = |[parameter, velocity]: [Bounded; 2]| {
        parameters.push(parameter);
        velocities.push(velocity);
    };
    for at in 0..n_visible * n_hidden {
        let g = gradient(at / n_hidden, at % n_hidden);
        push(apply(rbm.weights[at], old.velocity.weights[at], g, rule.weight_decay));
    }
    for j in 0..n_visible {
        let g = bias_gradient(moments.visible[j], (0..n_hidden).map(|i| (gradient(j, i), offset[i])).collect());
        push(apply(rbm.visible_bias[j], old.velocity.visible_bias[j], g, 0.0));
    }
    for i in 0..n_hidden {
        let terms = (0..n_visible).map(|j| (gradient(j, i), (w(old.visible_offset[j]), 0.0))).collect();
        push(apply(rbm.hidden_bias[i], old.velocity.hidden_bias[i], bias_gradient(moments.hidden[i], terms), 0.0));
    }
    parameters.append(&mut velocities);
    parameters.extend(offset);
    parameters
}

fn flat(rbm: &Rbm, state: &OptimiserState) -> Vec<f64> {
    let v = &state.velocity;
    let parts = [&rbm.weights, &rbm.visible_bias, &rbm.hidden_bias, &v.weights, &v.visible_bias, &v.hidden_bias];
    parts.into_iter().chain([&state.hidden_offset]).flat_map(|part| wide(part)).collect()
}

fn at_motion(rbm: &Rbm) -> OptimiserState {
    let offset = |n: usize| (0..n).map(|j| 0.1 + 0.8 * j as f32 / n as f32).collect();
    let velocity = machine(rbm.n_visible, rbm.n_hidden, 0.2, 77);
    OptimiserState { velocity, visible_offset: offset(rbm.n_visible), hidden_offset: offset(rbm.n_hidden) }
}

const RULES: [UpdateRule; 2] = [
    UpdateRule {
        learning_rate: 0.3,
        bias_rate: 0.25,
        momentum: 0.5,
        weight_decay: 0.01,
        centred: true,
        offset_rate: 0.1,
    },
    UpdateRule {
        learning_rate: 0.1,
        bias_rate: 1.0,
        momentum: 0.0,
        weight_decay: 0.0,
        centred: false,
        offset_rate: 0.1,
    },
];

/// Runs one update; returns the numbers after it and what they should be.
fn run<B: Backend>(backend: &B, rbm: &Rbm, rule: &UpdateRule, chains: usize) -> (Vec<f64>, Vec<Bounded>) {
    let old = at_motion(rbm);
    let mut params = backend.upload_params(rbm, Some(&old)).unwrap();
    let mut moments = backend.new_moments(&params).unwrap();
    for (phase, seed) in [(Phase::Data, 2), (Phase::Model, 3)] {
        let states = backend.upload_states(&states(chains, rbm.n_visible, seed)).unwrap();
        backend.accumulate_moments(&params, &states, phase, &mut moments);
    }
    let used = backend.read_moments(&moments).unwrap();
    backend.update(&mut params, &moments, rule);
    let (new, state) = backend.read_params(&params).unwrap();
    assert_eq!(state.visible_offset, old.visible_offset, "μ is fixed");
    (flat(&new, &state), expected(rbm, &old, &used, rule))
}

on_both! {
    fn updates_are_within_their_bound(backend) {
        for &(chains, n_visible, n_hidden) in SIZES {
            for rule in &RULES {
                let (found, expected) = run(backend, &machine(n_visible, n_hidden, 0.5, 1), rule, chains);
                assert_bounded("parameters", &found, &expected);
            }
        }
    }
}

on_both! {
    fn what_is_uploaded_is_read_back(backend) {
        let rbm = machine(33, 17, 0.5, 1);
        let state = at_motion(&rbm);
        let params = backend.upload_params(&rbm, Some(&state)).unwrap();
        assert!(backend.read_params(&params).unwrap() == (rbm.clone(), state), "with an optimiser");
        let resting = backend.upload_params(&rbm, None).unwrap();
        assert!(backend.read_params(&resting).unwrap() == (rbm.clone(), OptimiserState::at_rest(&rbm, vec![0.5; 33])), "without");
    }
}

on_both! {
    fn another_rate_and_a_missing_offset_are_noticed(backend) {
        let rbm = machine(33, 17, 0.5, 1);
        let (_, expected) = run(backend, &rbm, &RULES[0], 40);
        let altered =
            [UpdateRule { offset_rate: 0.11, ..RULES[0] }, UpdateRule { weight_decay: 0.0101, ..RULES[0] }, RULES[1]];
        for rule in altered {
            let (found, _) = run(backend, &rbm, &rule, 40);
            assert!(worst(&found, &expected).0 > 1.0, "{rule:?}");
        }
    }
}
