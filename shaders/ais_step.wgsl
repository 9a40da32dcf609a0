// One rung of annealed importance sampling seen from the visible side: log-weights, then hidden units.
//
// Maths:  log w += log p*_{β'}(v) − log p*_β(v)
//               = (β' − β) Σ_j (b_j − b0_j) v_j + Σ_i [softplus(β' x_i) − softplus(β x_i)];   h_i ~ sig(β' x_i).
//         One product x serves both; log w is kept as an unevaluated sum of two f32 (Knuth's two-sum).
// Shapes: states [chains, n_visible] packed, hidden [chains, n_hidden] packed, log_weights [chains, 2].
// Random: as gibbs_half_step, stream SampleHidden, step k + 1.
// Class:  margin for h, bounded for log w.
// Source: Neal, Statistics and Computing 11 (2001) 125; Salakhutdinov and Murray, ICML 2008.
//!import grid
//!import draw
//!import row_sum
//!import machine
struct Parameters {
    seed_low: u32,
    seed_high: u32,
    step: u32,
    stream: u32,
    first_chain: u32,
    chains: u32,
    n_visible: u32,
    n_hidden: u32,
    beta_now: f32,
    beta_next: f32,
    beta_step: f32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> biases: array<f32>;
@group(0) @binding(3) var<storage, read> base: array<f32>;
@group(0) @binding(4) var<storage, read> states: array<u32>;
@group(0) @binding(5) var<storage, read_write> hidden: array<u32>;
@group(0) @binding(6) var<storage, read_write> log_weights: array<vec2<f32>>;

fn state_at(index: u32) -> u32 {
    return states[index];
}

fn linear_coefficient(input: u32) -> f32 {
    if input >= p.n_visible {
        return 0.0;
    }
    return p.beta_step * (biases[input] - base[input]);
}

fn draw_block(counter: u32, chain: u32) -> vec4<u32> {
    return philox(vec4<u32>(counter, p.step, p.stream, p.first_chain + chain), vec2<u32>(p.seed_low, p.seed_high));
}

fn store_word(chain: u32, word: u32, bits: u32) {
    hidden[chain * ((p.n_hidden + 31u) / 32u) + word] = bits;
}

fn part(x: vec4<f32>, exists: vec4<f32>) -> f32 {
    let now = p.beta_now * x;
    let step = p.beta_step * x;
    return total_of(exists * vec4<f32>(
        softplus_step(now.x, step.x), softplus_step(now.y, step.y),
        softplus_step(now.z, step.z), softplus_step(now.w, step.w)));
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first_chain = TILE_CHAINS * workgroup_number(workgroup, workgroups);
    if first_chain >= p.chains {
        return;
    }
    var low = vec4<f32>(0.0);
    var high = vec4<f32>(0.0);
    for (var first_unit = 0u; first_unit < p.n_hidden; first_unit += TILE_UNITS) {
        var tile = inner_product(local, first_chain, first_unit, p.n_visible, false);
        let unit = first_owned_unit(first_unit, local % COLUMNS);
        let c = hidden_biases(unit);
        let e = hidden_exists(unit);
        tile.x0 += c;
        tile.x1 += c;
        tile.x2 += c;
        tile.x3 += c;
        tile.x4 += c;
        tile.x5 += c;
        tile.x6 += c;
        tile.x7 += c;
        low += vec4<f32>(part(tile.x0, e), part(tile.x1, e), part(tile.x2, e), part(tile.x3, e));
        high += vec4<f32>(part(tile.x4, e), part(tile.x5, e), part(tile.x6, e), part(tile.x7, e));
        tile.x0 *= p.beta_next;
        tile.x1 *= p.beta_next;
        tile.x2 *= p.beta_next;
        tile.x3 *= p.beta_next;
        tile.x4 *= p.beta_next;
        tile.x5 *= p.beta_next;
        tile.x6 *= p.beta_next;
        tile.x7 *= p.beta_next;
        draw_tile(tile, local, first_chain, first_unit, p.n_hidden, p.chains);
    }
    let gain = row_sum(local, low, high, linear_part(local, first_chain, p.n_visible));
    let chain = first_chain + local;
    if local < TILE_CHAINS && chain < p.chains {
        let old = log_weights[chain];
        let sum = old.x + gain;
        let taken = sum - old.x;
        let error = (old.x - (sum - taken)) + (gain - taken);
        log_weights[chain] = vec2<f32>(sum, old.y + error);
    }
}
