// The global flip of every chain, accepted by Metropolis.
//
// Maths:  v → 1 − v where u < e^{F(v) − F(1 − v)}; x(1 − v) = 2c + Σ_j w_j − x(v), so one product serves both, and
//         F(v) − F(1 − v) = Σ_j b_j (1 − 2 v_j) + Σ_i [softplus(x_i(1 − v)) − softplus(x_i(v))].
// Shapes: states [chains, n_visible] packed, weights [n_visible, n_hidden].
// Random: word r % 4 of Philox([r / 4, step, SymmetryMove, 0], seed) with r counted from first_chain.
// Class:  margin: a chain may differ only where |u − p| is under the bound of the two free energies.
// Source: Metropolis et al. 1953, with the spin-flip symmetry of the data as proposal.
//!import grid
//!import row_sum
//!import sigmoid
//!import philox
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
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> biases: array<f32>;
@group(0) @binding(3) var<storage, read_write> states: array<u32>;

var<workgroup> accepted: array<u32, 32>;

fn state_at(index: u32) -> u32 {
    return states[index];
}

fn linear_coefficient(input: u32) -> f32 {
    if input >= p.n_visible {
        return 0.0;
    }
    return -2.0 * biases[input];
}

fn part(x: vec4<f32>, flipped_sum: vec4<f32>, exists: vec4<f32>) -> f32 {
    return total_of(exists * (softplus4(flipped_sum - x) - softplus4(x)));
}

// Two invocations a chain share Σ_j b_j as they share the linear term.
fn bias_part(local: u32) -> f32 {
    var sum = 0.0;
    for (var j = local / 32u; j < p.n_visible; j += 2u) {
        sum += biases[j];
    }
    return sum;
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
        let tile = inner_product(local, first_chain, first_unit, p.n_visible, false);
        let unit = first_owned_unit(first_unit, local % COLUMNS);
        let c = hidden_biases(unit);
        let e = hidden_exists(unit);
        let f = 2.0 * c + tile.total;
        low += vec4<f32>(
            part(tile.x0 + c, f, e), part(tile.x1 + c, f, e), part(tile.x2 + c, f, e), part(tile.x3 + c, f, e));
        high += vec4<f32>(
            part(tile.x4 + c, f, e), part(tile.x5 + c, f, e), part(tile.x6 + c, f, e), part(tile.x7 + c, f, e));
    }
    let linear = bias_part(local) + linear_part(local, first_chain, p.n_visible);
    let gain = row_sum(local, low, high, linear);
    if local < TILE_CHAINS {
        let chain = p.first_chain + first_chain + local;
        let block = philox(vec4<u32>(chain / 4u, p.step, p.stream, 0u), vec2<u32>(p.seed_low, p.seed_high));
        let word = select(select(block.x, block.y, chain % 4u == 1u), select(block.z, block.w, chain % 4u == 3u), chain % 4u >= 2u);
        accepted[local] = u32(uniform_of(word) < exp(min(gain, 0.0)));
    }
    workgroupBarrier();
    let words = (p.n_visible + 31u) / 32u;
    for (var i = local; i < TILE_CHAINS * words; i += 64u) {
        let chain = i / words;
        let word = i % words;
        if first_chain + chain < p.chains && accepted[chain] == 1u {
            let used = min(p.n_visible - 32u * word, 32u);
            states[(first_chain + chain) * words + word] ^= 0xffffffffu >> (32u - used);
        }
    }
}
