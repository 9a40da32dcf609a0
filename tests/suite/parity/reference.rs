//! What every backend is judged by: one chain, one spin, one unit at a time, in f64 and integers, with the error that
//! f32 arithmetic may make beside each value.
//!
//! Error model: f32 has unit roundoff u = 2⁻²⁴; a sum of n terms in any order is off by at most γ_n Σ|terms|,
//! γ_n = n u / (1 − n u) (Higham, "Accuracy and Stability of Numerical Algorithms", §4.2). WGSL allows exp an error of
//! 3 + 2|x| units in the last place (2⁻²³ relative) and a division 2.5; other operations round correctly or within 1.

use gibbsite::internals::backend::{Acceptance, Address, ClusterKind, ClusterRule, SpinSums};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::lattice::{Graph, Lattice};
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::{HEAD_DIGITS, Sfc32, Stream, TILE_SITES, chain_word, key_of, philox, unit_word};

/// Unit roundoff of f32.
pub(crate) const U: f64 = 1.0 / 16_777_216.0;

/// γ_n.
pub(crate) fn gamma(n: usize) -> f64 {
    n as f64 * U / (1.0 - n as f64 * U)
}

/// A value and the largest error of its f32 computation.
pub(crate) type Bounded = (f64, f64);

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}

/// Relative error of 1 + e^{−x}: exp's own, weighted by its share, and the rounding of the sum.
fn relative_error_of_one_plus_exp(x: f64) -> f64 {
    (1.0 - sigmoid(x)) * (3.0 + 2.0 * x.abs()) * 2.0 * U + U
}

/// sig(x) for an x with an error, from a division.
pub(crate) fn mean((x, dx): Bounded) -> Bounded {
    let p = sigmoid(x);
    // sig' changes by less than a factor e^{dx} over the interval.
    (p, p * (1.0 - p) * dx * dx.exp() + p * (relative_error_of_one_plus_exp(x) + 5.0 * U))
}

/// softplus(x) for an x with an error, from max(x, 0) + log1p(e^{−|x|}): 24 roundings cover the series of log1p.
pub(crate) fn softplus_bounded((x, dx): Bounded) -> Bounded {
    let small = (-x.abs()).exp();
    let exp_error = small / (1.0 + small) * (3.0 + 2.0 * x.abs()) * 2.0 * U;
    let value = softplus(x);
    (value, dx + exp_error + 24.0 * U * small.ln_1p() + U * value)
}

/// Probability that a unit with input `x` is on, and the margin within which a device may decide either way:
/// it draws u (1 + e^{−x}) < 1, one rounding more than 1 + e^{−x}.
pub(crate) fn probability((x, dx): Bounded) -> Bounded {
    let p = sigmoid(x);
    (p, p * (1.0 - p) * dx * dx.exp() + p * (relative_error_of_one_plus_exp(x) + U))
}

/// Which layer is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Hidden,
    Visible,
}

/// Input of unit `unit` of one side from row `r` of the other side's states: bias + Σ weights of units that are on.
pub(crate) fn input(rbm: &Rbm, side: Side, other: &BitMatrix, r: usize, unit: usize) -> Bounded {
    let bias = match side {
        Side::Hidden => rbm.hidden_bias[unit],
        Side::Visible => rbm.visible_bias[unit],
    };
    let (mut sum, mut size) = (f64::from(bias), f64::from(bias.abs()));
    for k in (0..other.cols()).filter(|&k| other.get(r, k)) {
        let w = f64::from(match side {
            Side::Hidden => rbm.weights[k * rbm.n_hidden + unit],
            Side::Visible => rbm.weights[unit * rbm.n_hidden + k],
        });
        sum += w;
        size += w.abs();
    }
    (sum, gamma(other.cols() + 1) * size)
}

/// Input between base and target: β x + (1 − β) base; three roundings and the two of β itself.
pub(crate) fn between((x, dx): Bounded, beta: f64, base: f32) -> Bounded {
    let (scaled, shift) = (beta * x, (1.0 - beta) * f64::from(base));
    (scaled + shift, beta * dx + gamma(5) * (scaled.abs() + shift.abs()))
}

/// Uniform of a unit.
pub(crate) fn unit_uniform(address: Address, stream: Stream, step: u32, chain: usize, unit: usize) -> f64 {
    let word = unit_word(address.seed, stream, step, address.first_chain + chain as u32, unit as u32);
    f64::from(word >> 8) * U
}

/// Checks drawn bits: `law(r, j)` is the probability with its margin, `uniform(r, j)` the number it is compared with.
/// Returns how many bits lay within their margin and were decided the other way.
pub(crate) fn check_draw(
    drawn: &BitMatrix,
    law: impl Fn(usize, usize) -> Bounded,
    uniform: impl Fn(usize, usize) -> f64,
) -> Result<usize, String> {
    let mut tolerated = 0;
    for r in 0..drawn.rows() {
        for j in 0..drawn.cols() {
            let ((p, margin), u) = (law(r, j), uniform(r, j));
            if drawn.get(r, j) != (u < p) {
                if (u - p).abs() > margin {
                    return Err(format!("chain {r} unit {j}: {} at u = {u}, p = {p} ± {margin}", drawn.get(r, j)));
                }
                tolerated += 1;
            }
        }
    }
    Ok(tolerated)
}

/// F(v) of a row.
pub(crate) fn free_energy(rbm: &Rbm, v: &BitMatrix, r: usize) -> Bounded {
    let (mut sum, mut size, mut error) = (0.0, 0.0, 0.0);
    for j in (0..rbm.n_visible).filter(|&j| v.get(r, j)) {
        sum -= f64::from(rbm.visible_bias[j]);
        size += f64::from(rbm.visible_bias[j].abs());
    }
    for i in 0..rbm.n_hidden {
        let (value, bound) = softplus_bounded(input(rbm, Side::Hidden, v, r, i));
        sum -= value;
        size += value;
        error += bound;
    }
    (sum, error + gamma(rbm.n_visible + rbm.n_hidden) * size)
}

/// softplus(β' x) − softplus(β x): the device takes log1p(sig(β x) (e^d − 1)), d = (β' − β) x, for small d.
pub(crate) fn softplus_step((x, dx): Bounded, now: f64, next: f64) -> Bounded {
    let at = |beta: f64| softplus_bounded((beta * x, beta * dx + 3.0 * U * (beta * x).abs()));
    let ((a, da), (b, db)) = (at(next), at(now));
    let d = (next - now) * x;
    if d.abs() > 0.5 - 1e-3 {
        return (a - b, da + db + U * (a - b).abs());
    }
    // Relative: the series, two divisions and exp at y = β x; absolute: what x and y are off changes d and sig(y).
    let y = (now * x).abs();
    let relative = (64.0 + 4.0 * y) * U * (a - b).abs();
    (a - b, relative + (next - now).abs() * dx * (1.0 + x.abs()) + d.abs() * 3.0 * U * (1.0 + y))
}

/// ln p*_{β'}(v) − ln p*_β(v) of a row of a ladder over `base`, where a device may take the difference of two softplus
/// however small it is.
pub(crate) fn exchange_gain(rbm: &Rbm, base: &[f32], v: &BitMatrix, r: usize, now: f64, next: f64) -> Bounded {
    let (mut sum, mut size, mut error) = (0.0, 0.0, 0.0);
    for j in (0..rbm.n_visible).filter(|&j| v.get(r, j)) {
        let (b, b0) = (f64::from(rbm.visible_bias[j]), f64::from(base[j]));
        sum += (next - now) * (b - b0);
        size += (next - now).abs() * (b.abs() + b0.abs());
        error += gamma(5) * (next - now).abs() * (b.abs() + b0.abs());
    }
    for i in 0..rbm.n_hidden {
        let x = input(rbm, Side::Hidden, v, r, i);
        let at = |beta: f64| softplus_bounded(between(x, beta, 0.0));
        let ((value, bound), (from, to)) = (softplus_step(x, now, next), (at(now), at(next)));
        sum += value;
        size += value.abs();
        error += bound + from.1 + to.1 + U * (from.0 + to.0);
    }
    (sum, error + gamma(rbm.n_visible + rbm.n_hidden + 8) * size)
}

/// −ln p*_β(v) of a row of a ladder over `base`: that at β = 0, and the difference to it.
pub(crate) fn tempered_energy(rbm: &Rbm, base: &[f32], v: &BitMatrix, r: usize, beta: f64) -> Bounded {
    let (gain, bound) = exchange_gain(rbm, base, v, r, beta, 0.0);
    let of_base: Vec<f64> = (0..rbm.n_visible).filter(|&j| v.get(r, j)).map(|j| f64::from(base[j])).collect();
    let (sum, size) = of_base.iter().fold((0.0, 0.0), |(sum, size), b0| (sum + b0, size + b0.abs()));
    let constant = rbm.n_hidden as f64 * std::f64::consts::LN_2;
    let rounding = gamma(rbm.n_visible + rbm.n_hidden + 8) * (2.0 * size + 2.0 * constant);
    (gain - sum - constant, bound + rounding)
}

/// Inverse temperatures from 0 to 1 of so many rungs, all of which f32 holds exactly, and a base.
pub(crate) fn ladder(rungs: usize, n_visible: usize) -> (Vec<f64>, Vec<f32>) {
    let betas = (0..rungs).map(|r| f64::from((r as f64 / (rungs - 1) as f64) as f32)).collect();
    (betas, (0..n_visible).map(|j| 0.7 - j as f32 / n_visible as f32).collect())
}

/// Uniform of a chain.
pub(crate) fn chain_uniform(address: Address, stream: Stream, step: u32, chain: usize) -> f64 {
    f64::from(chain_word(address.seed, stream, step, address.first_chain + chain as u32) >> 8) * U
}

/// Threshold of replica `r` in local field `field`, put together from its digits; None where it always flips.
fn threshold(acceptance: &Acceptance, field: i64, r: usize) -> Option<u32> {
    let row = (field + acceptance.max_degree as i64) as usize;
    let (words, word, bit) = (acceptance.words(), r / 32, r % 32);
    if acceptance.always[row * words + word] >> bit & 1 == 1 {
        return None;
    }
    let digit = |d: usize| acceptance.digits[(row * 32 + d) * words + word] >> bit & 1;
    Some((0..32).fold(0, |value, d| value << 1 | digit(d)))
}

/// Digits of the uniforms of 32 lanes, most significant first: the head from place `k` of a tile's stream, where the
/// least significant digit comes first, the tail from a stream of its own.
pub(crate) fn uniform_digits(mut tile: Sfc32, k: usize, mut tail: Sfc32) -> Vec<u32> {
    for _ in 0..k * HEAD_DIGITS {
        tile.next_digit();
    }
    let mut digits: Vec<u32> = (0..HEAD_DIGITS).map(|_| tile.next_digit()).collect();
    digits.reverse();
    digits.extend((HEAD_DIGITS..32).map(|_| tail.next_digit()));
    digits
}

/// Colours of a sweep by the definition: of turn t = sweep / 64, the upper half of word t % 4 of the block
/// (t / 4, 0, `ColourOrder`, 0) as a fraction of 2¹⁶ says which is first, the last bit whether their numbers rise or fall
/// from there.
pub(crate) fn order_of_colours(seed: u64, sweep: u32, colours: usize) -> Vec<usize> {
    let turn = sweep / 64;
    let block = philox([turn / 4, 0, Stream::ColourOrder as u32, 0], key_of(seed));
    let word = block[turn as usize % 4];
    let first = (f64::from(word >> 16) / 65_536.0 * colours as f64) as usize;
    let mut order: Vec<usize> = (0..colours).map(|k| (first + k) % colours).collect();
    if word % 2 == 1 {
        order[1..].reverse();
    }
    order
}

/// One sweep of one replica after the other; U of a site is put together from all its 32 digits.
pub(crate) fn sweep(graph: &Graph, acceptance: &Acceptance, spins: &mut BitMatrix, seed: u64, sweep: u32) {
    for number in order_of_colours(seed, sweep, graph.colours.len()) {
        let colour = &graph.colours[number];
        let first: usize = graph.colours[..number].iter().map(Vec::len).sum();
        for (at, &site) in colour.iter().enumerate() {
            let position = (first + at - at % TILE_SITES) as u32;
            let digits: Vec<Vec<u32>> = (0..acceptance.words() as u32)
                .map(|word| {
                    let tile = Sfc32::at(seed, Stream::IsingFlip, sweep, position, word);
                    let tail = Sfc32::at(seed, Stream::IsingTail, sweep, site, word);
                    uniform_digits(tile, at % TILE_SITES, tail)
                })
                .collect();
            for r in 0..spins.rows() {
                let site = site as usize;
                let own = spins.get(r, site);
                let neighbours = graph.neighbours_of(site);
                let different = neighbours.iter().filter(|&&n| spins.get(r, n as usize) != own).count();
                let uniform = digits[r / 32].iter().fold(0u32, |value, digit| value << 1 | (digit >> (r % 32) & 1));
                let field = neighbours.len() as i64 - 2 * different as i64;
                if threshold(acceptance, field, r).is_none_or(|limit| uniform < limit) {
                    spins.set(r, site, !own);
                }
            }
        }
    }
}

/// One sweep of a square or cubic lattice with one bit a site: the same rule on the lattice's own graph, with the
/// addresses of that layout, in which the sites of one colour of a row fill whole words.
pub(crate) fn torus_sweep(lattice: Lattice, acceptance: &Acceptance, spins: &mut BitMatrix, seed: u64, sweep: u32) {
    let graph = lattice.graph();
    let length = lattice.length();
    let per_row = length.div_ceil(64);
    let words = lattice.sites() / length * per_row;
    for colour in order_of_colours(seed, sweep, 2) {
        for r in 0..spins.rows() {
            for f in 0..words {
                let (block, lane, k) = (f / 256, f % 32, f % 256 / 32);
                let position = (colour * words + 256 * block + lane) as u32;
                let tile = Sfc32::at(seed, Stream::TorusFlip, sweep, position, r as u32);
                let tail = Sfc32::at(seed, Stream::TorusTail, sweep, (colour * words + f) as u32, r as u32);
                let digits = uniform_digits(tile, k, tail);
                let row = f / per_row;
                let (y, z) = (row % length, row / length);
                for bit in 0..32 {
                    let column = 2 * (32 * (f % per_row) + bit) + (y + z + colour) % 2;
                    if column >= length {
                        continue;
                    }
                    let site = row * length + column;
                    let own = spins.get(r, site);
                    let neighbours = graph.neighbours_of(site);
                    let different = neighbours.iter().filter(|&&n| spins.get(r, n as usize) != own).count();
                    let uniform = digits.iter().fold(0u32, |value, digit| value << 1 | (digit >> bit & 1));
                    let field = neighbours.len() as i64 - 2 * different as i64;
                    if threshold(acceptance, field, r).is_none_or(|limit| uniform < limit) {
                        spins.set(r, site, !own);
                    }
                }
            }
        }
    }
}

/// One cluster update of one replica after the other, from the definition: sites reached over active bonds are a cluster.
/// Returns the spins that were turned.
pub(crate) fn cluster_sweep(graph: &Graph, rule: &ClusterRule, spins: &mut BitMatrix, seed: u64, sweep: u32) -> u64 {
    let (bonds, sites) = (graph.bond_pairs(), graph.sites);
    let block = |number: u32, stream: Stream, last: u32| philox([number, sweep, stream as u32, last], key_of(seed));
    let mut turned = 0;
    for r in 0..spins.rows() {
        let mut joined = vec![Vec::new(); sites];
        for (b, &(i, j)) in bonds.iter().enumerate() {
            let word = block(b as u32 / 4, Stream::ClusterBond, r as u32)[b % 4];
            let parallel = spins.get(r, i) == spins.get(r, j);
            if parallel == rule.ferromagnetic && u64::from(word) < rule.thresholds[r] {
                joined[i].push(j);
                joined[j].push(i);
            }
        }
        let [first, second, ..] = block(r as u32, Stream::ClusterSeed, 0);
        let digits = u128::from(first) << 32 | u128::from(second);
        let seed_site = ((digits * sites as u128) >> 64) as usize;
        let mut seen = vec![false; sites];
        for smallest in 0..sites {
            let mut cluster = Vec::new();
            let mut waiting = vec![smallest];
            while let Some(site) = waiting.pop() {
                if !std::mem::replace(&mut seen[site], true) {
                    cluster.push(site);
                    waiting.extend(&joined[site]);
                }
            }
            let coins = block(smallest as u32 / 128, Stream::ClusterFlip, r as u32);
            let turns = match rule.kind {
                ClusterKind::SwendsenWang => coins[smallest % 128 / 32] >> (smallest % 32) & 1 == 1,
                ClusterKind::Wolff => cluster.contains(&seed_site),
            };
            if turns {
                turned += cluster.len() as u64;
                cluster.iter().for_each(|&site| spins.set(r, site, !spins.get(r, site)));
            }
        }
    }
    turned
}

/// Sums of every replica.
pub(crate) fn sums(graph: &Graph, spins: &BitMatrix) -> Vec<SpinSums> {
    let of_replica = |r: usize| {
        let mut sums = SpinSums::default();
        for i in 0..graph.sites {
            sums.up += u32::from(spins.get(r, i));
            let different = graph.neighbours_of(i).iter().filter(|&&n| spins.get(r, n as usize) != spins.get(r, i));
            sums.antiparallel += different.count() as u32;
        }
        // Each bond was seen from both ends.
        sums.antiparallel /= 2;
        sums
    };
    (0..spins.rows()).map(of_replica).collect()
}

#[test]
fn a_threshold_is_put_together_as_the_table_meant_it() {
    use gibbsite::internals::backend::Rule;
    let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.0, 3.0]).unwrap();
    let exact = |x: f64| (4_294_967_296.0 * x).round() as u32;
    assert_eq!(threshold(&acceptance, 4, 0), Some(exact((-4.0f64).exp())));
    assert_eq!(threshold(&acceptance, 2, 1), Some(exact((-4.0f64 / 3.0).exp())));
    assert_eq!(threshold(&acceptance, 0, 0), None);
}

#[test]
fn a_draw_outside_its_margin_is_refused() {
    let drawn = BitMatrix::from_fn(1, 1, |_, _| true);
    assert_eq!(check_draw(&drawn, |_, _| (0.5, 1e-6), |_, _| 0.4), Ok(0));
    assert_eq!(check_draw(&drawn, |_, _| (0.5, 1e-6), |_, _| 0.5 + 1e-7), Ok(1));
    assert!(check_draw(&drawn, |_, _| (0.5, 1e-6), |_, _| 0.5 + 1e-5).is_err());
}
