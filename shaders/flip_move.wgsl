// The global flip of every chain, accepted by Metropolis.
//
// Maths:  v → 1 − v where u < e^{F(v) − F(1 − v)}; x(1 − v) = 2c + Σ_j w_j − x(v), so one product serves both, and
//         F(v) − F(1 − v) = Σ_j b_j (1 − 2 v_j) + Σ_i [softplus(x_i(1 − v)) − softplus(x_i(v))]. Chains of a ladder
//         (rung_chains > 0) have β x for x and β b + (1 − β) b0 for b.
// Shapes: states [chains, n_visible] packed, weights [n_visible, n_hidden].
// Random: word r % 4 of Philox([r / 4, step, SymmetryMove, 0], seed) with r counted from first_chain.
// Class:  margin: a chain may differ only where |u − p| is under the bound of the two free energies.
// Source: Metropolis et al. 1953, with the spin-flip symmetry of the data as proposal.
//!import grid_part
//!import row_sum
//!import sigmoid
//!import philox
//!import machine
//!import rungs
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
    rung_chains: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(3) var<storage, read_write> states: array<u32>;
@group(0) @binding(4) var<storage, read_write> gains: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<storage, read> base: array<f32>;
@group(0) @binding(7) var<storage, read> betas: array<f32>;

fn carried(index: u32) -> f32 {
    return sums[index];
}

fn state_at(index: u32) -> u32 {
    return states[index];
}

// β of four chains.
fn linear_scales(chain: u32) -> vec4<f32> {
    if p.rung_chains == 0u {
        return vec4<f32>(1.0);
    }
    return betas_of(chain, p.chains);
}

// With the first word's units goes Σ_j b_j (1 − 2 v_j); Σ_j b_j is added by the decision.
fn linear_coefficients(input: u32, beta: vec4<f32>) -> vec4<f32> {
    if p.rung_chains == 0u {
        return vec4<f32>(-2.0 * biases[input]);
    }
    return -2.0 * (beta * biases[input] + (1.0 - beta) * base[input]);
}

fn store_sum(chain: u32, word: u32, gain: f32) {
    gains[word * p.chains + chain] = gain;
}

fn part_of(x: vec4<f32>, flipped_sum: vec4<f32>, exists: vec4<f32>, beta: f32) -> f32 {
    return total_of(exists * (softplus4(beta * (flipped_sum - x)) - softplus4(beta * x)));
}

fn carried_total(unit: u32) -> f32 {
    return sums[p.chains * p.n_hidden + min(unit, p.n_hidden - 1u)];
}

fn carried_totals(unit: u32) -> vec4<f32> {
    return vec4<f32>(carried_total(unit), carried_total(unit + 8u), carried_total(unit + 16u), carried_total(unit + 24u));
}

// Σ_j w_ji over the visible units whose weights are here, added to those before, behind the sums of all chains: where
// the weights lie in several buffers.
@compute @workgroup_size(64)
fn add_totals(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let unit = 64u * workgroup_number(workgroup, workgroups) + local;
    if unit >= p.n_hidden {
        return;
    }
    let at = p.chains * p.n_hidden + unit;
    var total = 0.0;
    if p.first_input > 0u {
        total = sums[at];
    }
    for (var row = 0u; row < p.n_visible - p.first_input; row++) {
        total += stored_weight(row * p.n_hidden + unit);
    }
    sums[at] = total;
}

// One part of F(v) − F(1 − v) for the 32 hidden units of each word.
@compute @workgroup_size(TILE_INVOCATIONS)
fn gain_of_units(
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
    var tile = taken_up(local, first_chain, first_unit, shape);
//!each quad
    var total{quad} = vec4<f32>(0.0);
//!end
    let lanes = lanes_of(local, first_unit, shape);
    for (var first_input = shape.first_input; first_input < shape.n_inputs; first_input += TILE_INPUTS) {
        put_fetched(local, first_input, fetch(local, first_input, first_chain, lanes, shape), shape);
        workgroupBarrier();
        multiply_block(local, &tile);
        // The product with a state of ones.
        let inputs = min(shape.n_inputs - first_input, TILE_INPUTS);
        for (var k = 0u; k < inputs; k++) {
//!each quad
            total{quad} += bitcast<vec4<f32>>(tile_memory[column_slot(k, owned_quartet(local, {quad}u))]);
//!end
        }
        workgroupBarrier();
    }
//!each four
    let beta{four} = linear_scales(first_chain + 4u * owned_rows(local, {four}u));
//!end
//!each quad
    {
        let unit = first_unit + unit_of(owned_quartet(local, {quad}u));
        let c = hidden_biases(unit);
        let e = hidden_exists(unit);
        let f = 2.0 * c + select(total{quad}, carried_totals(unit), p.first_input > 0u);
//!each four
        {
            let x = plus(tile.x{four}_{quad}, c);
            let part = vec4<f32>(
                part_of(x.a, f, e, beta{four}.x), part_of(x.b, f, e, beta{four}.y),
                part_of(x.c, f, e, beta{four}.z), part_of(x.d, f, e, beta{four}.w));
            leave_part(local, {four}u, {quad}u, part, first_chain, first_unit, shape);
        }
//!end
    }
//!end
    sum_parts(local, first_chain, first_unit, shape);
}

fn decision(chain: u32) -> u32 {
    var gain = 0.0;
    for (var i = 0u; i < 64u; i++) {
        gain += bitcast<f32>(tile_memory[i].x);
    }
    if p.rung_chains > 0u {
        var of_base = 0.0;
        for (var i = 0u; i < 64u; i++) {
            of_base += bitcast<f32>(tile_memory[i].z);
        }
        let beta = beta_of(chain);
        gain = beta * gain + (1.0 - beta) * of_base;
    }
    for (var word = 0u; word < (p.n_hidden + 31u) / 32u; word++) {
        gain += gains[word * p.chains + chain];
    }
    let number = p.first_chain + chain;
    let block = philox(vec4<u32>(number / 4u, p.step, p.stream, 0u), vec2<u32>(p.seed_low, p.seed_high));
    let low = select(block.x, block.y, number % 4u == 1u);
    let high = select(block.z, block.w, number % 4u == 3u);
    return u32(uniform_of(select(low, high, number % 4u >= 2u)) < exp(min(gain, 0.0)));
}

// Decides for 64 chains and turns the accepted ones.
@compute @workgroup_size(64)
fn decide(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first_chain = 64u * workgroup_number(workgroup, workgroups);
    if first_chain >= p.chains {
        return;
    }
    var part = 0.0;
    for (var j = local; j < p.n_visible; j += 64u) {
        part += biases[j];
    }
    tile_memory[local].x = bitcast<u32>(part);
    if p.rung_chains > 0u {
        var of_base = 0.0;
        for (var j = local; j < p.n_visible; j += 64u) {
            of_base += base[j];
        }
        tile_memory[local].z = bitcast<u32>(of_base);
    }
    workgroupBarrier();
    tile_memory[local].y = decision(min(first_chain + local, p.chains - 1u));
    workgroupBarrier();
    let words = (p.n_visible + 31u) / 32u;
    let end = words * min(p.chains - first_chain, 64u);
    for (var i = local; i < end; i += 64u) {
        if tile_memory[i / words].y == 1u {
            let used = min(p.n_visible - 32u * (i % words), 32u);
            states[first_chain * words + i] ^= 0xffffffffu >> (32u - used);
        }
    }
}
