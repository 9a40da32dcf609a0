// One rung of annealed importance sampling seen from the visible side: log-weights, then hidden units.
//
// Maths:  log w += log p*_{β'}(v) − log p*_β(v)
//               = (β' − β) Σ_j (b_j − b0_j) v_j + Σ_i [softplus(β' x_i) − softplus(β x_i)];   h_i ~ sig(β' x_i).
//         One product x serves both; log w is kept as an unevaluated sum of two f32 (Knuth's two-sum).
// Shapes: states [chains, n_visible] packed, hidden [chains, n_hidden] packed, log_weights [words, chains, 2], one sum for the
//         32 hidden units of each word, the linear term with the first; the host adds them in f64.
// Random: as gibbs_half_step, stream SampleHidden, step k + 1.
// Class:  margin for h, bounded for log w.
// Source: Neal, Statistics and Computing 11 (2001) 125; Salakhutdinov and Murray, ICML 2008.
//!import grid_part
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
    first_input: u32,
    n_visible: u32,
    n_hidden: u32,
    beta_now: f32,
    beta_next: f32,
    beta_step: f32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(3) var<storage, read> base: array<f32>;
@group(0) @binding(4) var<storage, read> states: array<u32>;
@group(0) @binding(5) var<storage, read_write> hidden: array<u32>;
@group(0) @binding(6) var<storage, read_write> log_weights: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read> sums: array<f32>;

fn carried(index: u32) -> f32 {
    return sums[index];
}

fn state_at(index: u32) -> u32 {
    return states[index];
}

fn linear_scales(chain: u32) -> vec4<f32> {
    return vec4<f32>(1.0);
}

fn linear_coefficients(input: u32, scales: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(p.beta_step * (biases[input] - base[input]));
}

fn draw_block(counter: u32, chain: u32) -> vec4<u32> {
    return philox(vec4<u32>(counter, p.step, p.stream, p.first_chain + chain), vec2<u32>(p.seed_low, p.seed_high));
}

fn store_word(chain: u32, word: u32, bits: u32) {
    hidden[chain * ((p.n_hidden + 31u) / 32u) + word] = bits;
}

fn store_sum(chain: u32, word: u32, gain: f32) {
    let at = word * p.chains + chain;
    let old = log_weights[at];
    let sum = old.x + gain;
    let taken = sum - old.x;
    let error = (old.x - (sum - taken)) + (gain - taken);
    log_weights[at] = vec2<f32>(sum, old.y + error);
}

fn part_of(x: vec4<f32>, exists: vec4<f32>) -> f32 {
    let now = p.beta_now * x;
    let step = p.beta_step * x;
    return total_of(exists * vec4<f32>(
        softplus_step(now.x, step.x), softplus_step(now.y, step.y),
        softplus_step(now.z, step.z), softplus_step(now.w, step.w)));
}

fn next_input(x: Four) -> Four {
    return Four(p.beta_next * x.a, p.beta_next * x.b, p.beta_next * x.c, p.beta_next * x.d);
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let origin = tile_origin(workgroup_number(workgroup, workgroups), p.n_hidden);
    let first_chain = origin.x;
    let first_unit = origin.y;
    if first_chain >= p.chains {
        return;
    }
    let shape = shape_of_machine();
    var tile = inner_product(local, first_chain, first_unit, shape);
//!each quad
    {
        let unit = first_unit + unit_of(owned_quartet(local, {quad}u));
        let c = hidden_biases(unit);
        let e = hidden_exists(unit);
//!each four
        {
            let x = plus(tile.x{four}_{quad}, c);
            let part = vec4<f32>(part_of(x.a, e), part_of(x.b, e), part_of(x.c, e), part_of(x.d, e));
            leave_part(local, {four}u, {quad}u, part, first_chain, first_unit, shape);
            tile.x{four}_{quad} = next_input(x);
        }
//!end
    }
//!end
    sum_parts(local, first_chain, first_unit, shape);
    workgroupBarrier();
    draw_tile(tile, local, first_chain, first_unit, shape);
}
