//! Class bounded: parameters after one update, from the very moments that the device used.

use gibbsite::internals::backend::{
    Backend, Descent, HostMoments, OptimiserState, Penalties, Phase, Sparsity, UpdateRule,
};
use gibbsite::internals::rbm::Rbm;

use super::reference::{Bounded, U, gamma};
use super::{SIZES, assert_bounded, machine, on_both, states, wide, worst};

/// a + b and a − b of numbers with errors; each rounded once.
fn plus((a, da): Bounded, (b, db): Bounded) -> Bounded {
    (a + b, da + db + U * ((a + b).abs() + da + db))
}

/// In any order.
fn sum<const N: usize>(terms: [Bounded; N]) -> Bounded {
    let (value, error) = terms.iter().fold((0.0, 0.0), |(sum, error), (a, da)| (sum + a, error + da));
    let size: f64 = terms.iter().map(|(a, da)| a.abs() + da).sum();
    (value, error + gamma(N) * size)
}

fn minus(a: Bounded, (b, db): Bounded) -> Bounded {
    plus(a, (-b, db))
}

fn times((a, da): Bounded, (b, db): Bounded) -> Bounded {
    let error = da * b.abs() + db * a.abs() + da * db;
    (a * b, error + U * ((a * b).abs() + error))
}

/// a / b; WGSL allows 2.5 units in the last place.
fn over((a, da): Bounded, (b, db): Bounded) -> Bounded {
    let error = (da + (a / b).abs() * db) / (b - db);
    (a / b, error + 5.0 * U * ((a / b).abs() + error))
}

/// √a; WGSL allows what 1 / inverseSqrt(a) may be off by, 2 units and a division.
fn root((a, da): Bounded) -> Bounded {
    let error = ((a + da).sqrt() - a.sqrt()).max(a.sqrt() - (a - da).max(0.0).sqrt());
    (a.sqrt(), error + 9.0 * U * (a.sqrt() + error))
}

/// A number that the host rounds to f32 once.
fn rounded(x: f64) -> Bounded {
    (x, U * x.abs())
}

fn exact(x: f32) -> Bounded {
    (f64::from(x), 0.0)
}

fn clipped(rule: &UpdateRule, g: Bounded) -> Bounded {
    rule.penalties.clip.map_or(g, |clip| (g.0.clamp(-clip, clip), g.1 + U * clip))
}

/// Step, velocity and second moment of a parameter by the textbooks; the pull of its decay is part of the gradient of
/// formulas that are not adaptive.
fn stepped(rule: &UpdateRule, g: Bounded, pull: Bounded, [v, q]: [Bounded; 2]) -> [Bounded; 3] {
    let rate = rounded(rule.learning_rate);
    let t = (rule.update + 1) as i32;
    // v̂ / (√q̂ + ε), with the rate and both corrections.
    let adaptive = |rate: f64, v: Bounded, square_decay: f64, epsilon: f64| {
        let d = rounded(square_decay);
        let q = plus(times(d, q), times(minus((1.0, 0.0), d), times(g, g)));
        let size = plus(root(times(rounded(1.0 / (1.0 - square_decay.powi(t))), q)), rounded(epsilon));
        (over(times(rounded(rate), v), size), q)
    };
    let (step, v, q) = match rule.descent {
        Descent::Momentum { momentum } => {
            let v = sum([times(rounded(momentum), v), g, pull]);
            (times(rate, v), v, q)
        }
        Descent::Nesterov { momentum } => {
            let v = sum([times(rounded(momentum), v), g, pull]);
            (times(rate, sum([g, pull, times(rounded(momentum), v)])), v, q)
        }
        Descent::Adam { momentum, square_decay, epsilon } => {
            let m = rounded(momentum);
            let v = plus(times(m, v), times(minus((1.0, 0.0), m), g));
            let (step, q) = adaptive(rule.learning_rate / (1.0 - momentum.powi(t)), v, square_decay, epsilon);
            (step, v, q)
        }
        Descent::RmsProp { square_decay, epsilon, scale } => {
            let (step, q) = adaptive(scale * rule.learning_rate, g, square_decay, epsilon);
            (step, g, q)
        }
    };
    [step, v, q]
}

/// A weight after a step and after all penalties but the largest norm, and what is kept.
fn moved(rule: &UpdateRule, g: Bounded, [w, v, q]: [f32; 3]) -> [Bounded; 3] {
    let (w, penalties, adaptive) = (exact(w), rule.penalties, rule.descent.is_adaptive());
    let pull = if adaptive { (0.0, 0.0) } else { times(rounded(-penalties.weight_decay), w) };
    let [step, v, q] = stepped(rule, g, pull, [exact(v), exact(q)]);
    let beside = if adaptive { rule.learning_rate * penalties.weight_decay } else { 0.0 };
    let (mut new, mut error) = plus(w, minus(step, times(rounded(beside), w)));
    if penalties.l1 > 0.0 {
        let threshold = rule.learning_rate * penalties.l1;
        new = new.signum() * (new.abs() - threshold).max(0.0);
        error += 2.0 * U * (new.abs() + threshold);
    }
    [(new, error), v, q]
}

/// A bias and what is kept for it; `changes` are those of the unit's weights, each with the other unit's offset.
fn moved_bias(
    rule: &UpdateRule,
    mean: Bounded,
    changes: impl Iterator<Item = (Bounded, Bounded)>,
    [b, v, q]: [f32; 3],
) -> [Bounded; 3] {
    let terms: Vec<Bounded> = changes.filter(|_| rule.centred).map(|(change, offset)| times(change, offset)).collect();
    let size: f64 = terms.iter().map(|(x, dx)| x.abs() + dx).sum();
    let error = terms.iter().map(|(_, dx)| dx).sum::<f64>() + gamma(terms.len() + 1) * size;
    let along = (terms.iter().map(|(x, _)| x).sum(), error);
    let [step, v, q] = stepped(rule, clipped(rule, mean), (0.0, 0.0), [exact(v), exact(q)]);
    let (new, error) = plus(exact(b), minus(times(exact(rule.bias_rate), step), along));
    // Once more where norms are limited in a pass of its own.
    [(new, error + U * new.abs()), v, q]
}

/// Weights of every hidden unit, scaled down to the largest norm.
fn limited(weights: &mut [Bounded], n_hidden: usize, largest: f64) {
    let rows = weights.len() / n_hidden;
    for i in 0..n_hidden {
        let column = || (0..rows).map(|j| j * n_hidden + i);
        let (mut sum, mut error) = (0.0, 0.0);
        for (w, dw) in column().map(|at| weights[at]) {
            sum += w * w;
            error += 2.0 * w.abs() * dw + dw * dw;
        }
        let norm = root((sum, error + gamma(rows + 1) * sum));
        if norm.0 + norm.1 < largest {
            continue;
        }
        // At the limit itself either may be right: both are within the norm's error of each other.
        let scale = over(rounded(largest), norm);
        let scale = (scale.0.min(1.0), scale.1);
        column().for_each(|at| weights[at] = times(weights[at], scale));
    }
}

/// All numbers after an update: of weights, b, c each, parameters, velocities, second moments; then λ_h.
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
            return clipped(rule, (product, 0.0));
        }
        let first = w(old.visible_offset[j]) * w(moments.hidden[i]);
        let second = w(moments.visible[j]) * offset[i].0;
        let error = gamma(5) * (product.abs() + first.abs() + second.abs()) + w(moments.visible[j]).abs() * offset[i].1;
        clipped(rule, (product - first - second, error))
    };
    let square = old.square.as_ref();
    let kept = |part: fn(&Rbm) -> &Vec<f32>, at: usize| {
        [part(rbm)[at], part(&old.velocity)[at], square.map_or(0.0, |q| part(q)[at])]
    };
    let mut weights: Vec<[Bounded; 3]> = (0..rbm.weights.len())
        .map(|at| moved(rule, gradient(at / n_hidden, at % n_hidden), kept(|m| &m.weights, at)))
        .collect();
    let mut last: Vec<Bounded> = weights.iter().map(|[weight, ..]| *weight).collect();
    if let Some(largest) = rule.penalties.max_norm {
        limited(&mut last, n_hidden, largest);
    }
    // Of a weight that is scaled: once by the step, and by its excess over the norm, of two roundings and a quotient.
    let changes: Vec<Bounded> = (0..last.len())
        .map(|at| {
            let ((new, error), (unscaled, _)) = (last[at], weights[at][0]);
            let (change, rounding) = minus((new, error), exact(rbm.weights[at]));
            (change, rounding + weights[at][0].1 + 12.0 * U * (unscaled - new).abs())
        })
        .collect();
    weights.iter_mut().zip(last).for_each(|(weight, last)| weight[0] = last);
    let visible = (0..n_visible).map(|j| {
        let changes = (0..n_hidden).map(|i| (changes[j * n_hidden + i], offset[i]));
        moved_bias(rule, exact(moments.visible[j]), changes, kept(|m| &m.visible_bias, j))
    });
    let hidden = (0..n_hidden).map(|i| {
        let changes = (0..n_visible).map(|j| (changes[j * n_hidden + i], exact(old.visible_offset[j])));
        let pull = rule
            .penalties
            .sparsity
            .map_or((0.0, 0.0), |Sparsity { target, cost }| times(rounded(cost), minus(rounded(target), offset[i])));
        moved_bias(rule, plus(exact(moments.hidden[i]), pull), changes, kept(|m| &m.hidden_bias, i))
    });
    let mut parts = Vec::new();
    for moved in [weights, visible.collect(), hidden.collect()] {
        let numbers = |k: usize| moved.iter().map(|numbers| numbers[k]).collect::<Vec<Bounded>>();
        parts.extend([numbers(0), numbers(1)]);
        parts.extend(square.map(|_| numbers(2)));
    }
    parts.into_iter().flatten().chain(offset).collect()
}

fn flat(rbm: &Rbm, state: &OptimiserState) -> Vec<f64> {
    let machines = || [rbm, &state.velocity].into_iter().chain(&state.square);
    let parts: [fn(&Rbm) -> &Vec<f32>; 3] = [|m| &m.weights, |m| &m.visible_bias, |m| &m.hidden_bias];
    let parts = parts.into_iter().flat_map(|part| machines().map(part));
    parts.chain([&state.hidden_offset]).flat_map(|part| wide(part)).collect()
}

fn at_motion(rbm: &Rbm, descent: &Descent) -> OptimiserState {
    let offset = |n: usize| (0..n).map(|j| 0.1 + 0.8 * j as f32 / n as f32).collect();
    let velocity = machine(rbm.n_visible, rbm.n_hidden, 0.2, 77);
    let square = descent.is_adaptive().then(|| {
        let mut square = machine(rbm.n_visible, rbm.n_hidden, 0.3, 78);
        let Rbm { weights, visible_bias, hidden_bias, .. } = &mut square;
        [weights, visible_bias, hidden_bias].into_iter().flatten().for_each(|x| *x *= *x);
        square
    });
    let (visible_offset, hidden_offset) = (offset(rbm.n_visible), offset(rbm.n_hidden));
    OptimiserState { velocity, square, visible_offset, hidden_offset }
}

const SPARSE: Sparsity = Sparsity { target: 0.55, cost: 0.2 };

/// Every formula, centred and with every penalty, and without either.
fn rules() -> Vec<UpdateRule> {
    let full = UpdateRule {
        learning_rate: 0.3,
        descent: Descent::Momentum { momentum: 0.5 },
        penalties: Penalties {
            weight_decay: 0.01,
            l1: 0.2,
            max_norm: Some(1.1),
            clip: Some(0.1),
            sparsity: Some(SPARSE),
        },
        update: 6,
        bias_rate: 0.25,
        centred: true,
        offset_rate: 0.1,
    };
    let descents = [
        full.descent,
        Descent::Nesterov { momentum: 0.8 },
        Descent::Adam { momentum: 0.9, square_decay: 0.99, epsilon: 0.01 },
        Descent::RmsProp { square_decay: 0.9, epsilon: 0.05, scale: 0.3 },
    ];
    let with = |rule: UpdateRule| descents.map(|descent| UpdateRule { descent, ..rule });
    let bare = UpdateRule { penalties: Penalties::default(), update: 0, ..full };
    let uncentred = UpdateRule { offset_rate: 0.1, ..UpdateRule::plain(0.1) };
    with(full).into_iter().chain(with(bare)).chain([uncentred]).collect()
}

/// Runs one update; returns the numbers after it and what they should be.
fn run<B: Backend>(backend: &B, rbm: &Rbm, rule: &UpdateRule, chains: usize) -> (Vec<f64>, Vec<Bounded>) {
    let old = at_motion(rbm, &rule.descent);
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
            for rule in &rules() {
                let (found, expected) = run(backend, &machine(n_visible, n_hidden, 0.5, 1), rule, chains);
                assert_bounded(&format!("{n_visible} × {n_hidden}, {rule:?}"), &found, &expected);
            }
        }
    }
}

on_both! {
    fn what_is_uploaded_is_read_back(backend) {
        let rbm = machine(33, 17, 0.5, 1);
        for rule in &rules()[1..3] {
            let state = at_motion(&rbm, &rule.descent);
            let params = backend.upload_params(&rbm, Some(&state)).unwrap();
            assert!(backend.read_params(&params).unwrap() == (rbm.clone(), state), "with an optimiser");
        }
        let resting = backend.upload_params(&rbm, None).unwrap();
        let at_rest = OptimiserState::at_rest(&rbm, &Descent::PLAIN, vec![0.5; 33]);
        assert!(backend.read_params(&resting).unwrap() == (rbm.clone(), at_rest), "without");
    }
}

on_both! {
    /// One percent more or less of any number, another formula and a missing offset are noticed.
    fn other_numbers_are_noticed(backend) {
        let rbm = machine(33, 17, 0.5, 1);
        for rule in &rules()[..4] {
            let (_, expected) = run(backend, &rbm, rule, 40);
            let with = |penalties: Penalties| UpdateRule { penalties, ..*rule };
            let p = rule.penalties;
            let mut altered = vec![
                UpdateRule { learning_rate: 0.303, ..*rule },
                UpdateRule { bias_rate: 0.2525, ..*rule },
                UpdateRule { offset_rate: 0.101, ..*rule },
                UpdateRule { centred: false, ..*rule },
                with(Penalties { weight_decay: 0.0101, ..p }),
                with(Penalties { l1: 0.202, ..p }),
                with(Penalties { max_norm: Some(1.111), ..p }),
                with(Penalties { max_norm: None, ..p }),
                with(Penalties { clip: Some(0.101), ..p }),
                with(Penalties { clip: None, ..p }),
                with(Penalties { sparsity: Some(Sparsity { target: 0.5555, ..SPARSE }), ..p }),
                with(Penalties { sparsity: Some(Sparsity { cost: 0.202, ..SPARSE }), ..p }),
                with(Penalties { sparsity: None, ..p }),
            ];
            if rule.descent.is_adaptive() {
                altered.push(UpdateRule { update: 7, ..*rule });
            }
            altered.extend(rules()[..4].iter().filter(|r| r.descent.is_adaptive() == rule.descent.is_adaptive() && r != &rule));
            for other in &altered {
                let (found, _) = run(backend, &rbm, other, 40);
                assert!(worst(&found, &expected).0 > 1.0, "{rule:?} taken for {other:?}");
            }
        }
    }
}

on_both! {
    /// The L1 step stops at zero, and no norm is left above the largest one by more than its rounding.
    fn penalties_do_what_they_are_for(backend) {
        let rbm = machine(65, 33, 0.1, 1);
        let penalties = Penalties { l1: 0.3, max_norm: Some(0.2), ..Penalties::default() };
        let (found, _) = run(backend, &rbm, &UpdateRule { penalties, ..UpdateRule::plain(0.1) }, 40);
        let weights = &found[..65 * 33];
        assert!(weights.iter().filter(|&&w| w == 0.0).count() > 65 * 33 / 10, "a third of ±0.1 is within 0.03");
        let norm = |i: usize| weights.iter().skip(i).step_by(33).map(|w| w * w).sum::<f64>().sqrt();
        let largest = (0..33).map(norm).fold(0.0, f64::max);
        assert!(largest <= 0.2 * (1.0 + gamma(80)) && largest > 0.19, "{largest}");
    }
}

on_both! {
    /// Without a gradient weights shrink, and at the offsets the inputs of all units stay what they were: c + Wᵀμ and
    /// b + Wλ, in f64, for every formula and every penalty on weights. Each input is of n + 1 numbers, all rounded a few
    /// times, and the sum that moves its bias of n terms.
    fn what_holds_weights_small_moves_no_input_at_the_offsets(backend) {
        let rbm = machine(65, 33, 0.5, 1);
        let small = Penalties { weight_decay: 0.02, ..Penalties::default() };
        let penalties = [small, Penalties { l1: 0.03, ..Penalties::default() }, Penalties { max_norm: Some(1.5), ..small }];
        for (rule, penalties) in rules()[..4].iter().flat_map(|rule| penalties.map(|p| (rule, p))) {
            let rule = UpdateRule { penalties, offset_rate: 0.0, ..*rule };
            let (visible_offset, hidden_offset) = {
                let state = at_motion(&rbm, &rule.descent);
                (state.visible_offset, state.hidden_offset)
            };
            let mut state = OptimiserState::at_rest(&rbm, &rule.descent, visible_offset.clone());
            state.hidden_offset.clone_from(&hidden_offset);
            let mut params = backend.upload_params(&rbm, Some(&state)).unwrap();
            let mut moments = backend.new_moments(&params).unwrap();
            let rows = backend.upload_states(&states(40, 65, 2)).unwrap();
            for phase in [Phase::Data, Phase::Model] {
                backend.accumulate_moments(&params, &rows, phase, &mut moments);
            }
            backend.update(&mut params, &moments, &rule);
            let new = backend.read_params(&params).unwrap().0;
            let squares = |rbm: &Rbm| wide(&rbm.weights).iter().map(|w| w * w).sum::<f64>();
            assert!(squares(&new) < 0.99 * squares(&rbm), "{rule:?}: weights are as they were");
            // The input of a unit at the offsets of the other side, and the sizes of its terms.
            let input = |rbm: &Rbm, j: Option<usize>, i: Option<usize>| {
                let terms: Vec<f64> = match (j, i) {
                    (Some(j), _) => (0..33).map(|i| f64::from(rbm.weights[j * 33 + i] * hidden_offset[i])).collect(),
                    (_, Some(i)) => (0..65).map(|j| f64::from(rbm.weights[j * 33 + i] * visible_offset[j])).collect(),
                    _ => Vec::new(),
                };
                let bias = j.map_or_else(|| rbm.hidden_bias[i.unwrap_or(0)], |j| rbm.visible_bias[j]);
                let size = terms.iter().map(|x| x.abs()).sum::<f64>() + f64::from(bias.abs());
                (f64::from(bias) + terms.iter().sum::<f64>(), size)
            };
            let units = (0..65).map(|j| (Some(j), None)).chain((0..33).map(|i| (None, Some(i))));
            for (j, i) in units {
                let ((before, size), (after, _)) = (input(&rbm, j, i), input(&new, j, i));
                assert!((before - after).abs() < gamma(80) * size, "{rule:?}, {j:?} {i:?}: {after}, before {before}");
            }
        }
    }
}
