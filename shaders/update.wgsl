// Applies both phases' moments to the parameters, in three entry points: offsets, biases, weights; a
// fourth rounds the weights to f16 for kernels that read them so.
//
// Maths:  D = data − model; λ_h ← (1 − s) λ_h + s ⟨h⟩_data. Centred: g_w = D_vh − μ D_h − D_v λ_h,
//         g_b = r D_v − g_w λ_h, g_c = r D_h − g_wᵀ μ; not centred: g = D, with r on the biases.
//         velocity ← m velocity + g − (weights only) decay w; parameter += η velocity.
// Shapes: weights, velocities, products [n_visible, n_hidden]; biases = b, c; sums as in moments;
//         halves [n_visible n_hidden / 2], two f16 a word; optimiser = velocity of b [n_visible], of c [n_hidden], μ [n_visible], λ_h [n_hidden].
//         Of weights, velocities, products and halves the rows of the visible units first_visible .. + rows are here;
//         where these are not all, 64 partial sums of each hidden unit follow in optimiser.
// Random: none.
// Class:  bounded, by the f32 sums over one side for the biases and by a few roundings for the weights.
// Source: Melchior, Fischer, Wiskott, JMLR 17 (2016) 99, enhanced gradient with offsets μ and λ.
//!import grid_part
struct Parameters {
    n_visible: u32,
    n_hidden: u32,
    first_visible: u32,
    rows: u32,
    learning_rate: f32,
    bias_rate: f32,
    momentum: f32,
    weight_decay: f32,
    centred: u32,
    offset_rate: f32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> biases: array<f32>;
@group(0) @binding(3) var<storage, read_write> velocities: array<f32>;
@group(0) @binding(4) var<storage, read_write> optimiser: array<f32>;
@group(0) @binding(5) var<storage, read> products: array<f32>;
@group(0) @binding(6) var<storage, read> sums: array<f32>;
@group(0) @binding(7) var<storage, read_write> halves: array<u32>;

var<workgroup> parts: array<f32, 64>;

fn visible_offset(j: u32) -> f32 {
    return optimiser[p.n_visible + p.n_hidden + j];
}

fn hidden_offset(i: u32) -> f32 {
    return optimiser[2u * p.n_visible + p.n_hidden + i];
}

// g_w without decay.
fn weight_gradient(j: u32, i: u32) -> f32 {
    let product = products[(j - p.first_visible) * p.n_hidden + i];
    if p.centred == 0u {
        return product;
    }
    return (product - visible_offset(j) * sums[p.n_visible + i]) - sums[j] * hidden_offset(i);
}

@compute @workgroup_size(64)
fn offsets(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = 64u * workgroup_number(workgroup, workgroups) + local;
    if i >= p.n_hidden {
        return;
    }
    let at = 2u * p.n_visible + p.n_hidden + i;
    optimiser[at] = (1.0 - p.offset_rate) * optimiser[at] + p.offset_rate * sums[p.n_visible + p.n_hidden + i];
}

@compute @workgroup_size(64)
fn change_weights(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = 64u * workgroup_number(workgroup, workgroups) + local;
    if at >= p.rows * p.n_hidden {
        return;
    }
    let gradient = weight_gradient(p.first_visible + at / p.n_hidden, at % p.n_hidden) - p.weight_decay * weights[at];
    let velocity = p.momentum * velocities[at] + gradient;
    velocities[at] = velocity;
    weights[at] += p.learning_rate * velocity;
}

fn partial_sum(hidden: u32, local: u32) -> u32 {
    return 2u * (p.n_visible + p.n_hidden) + 64u * hidden + local;
}

// One workgroup a unit, the visible ones that are here first: its invocations share the sum over the other side.
@compute @workgroup_size(64)
fn change_biases(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    if number >= p.rows + p.n_hidden {
        return;
    }
    let is_visible = number < p.rows;
    let unit = select(p.n_visible + number - p.rows, p.first_visible + number, is_visible);
    let is_last = p.first_visible + p.rows == p.n_visible;
    var sum = 0.0;
    if p.centred == 1u {
        if is_visible {
            for (var i = local; i < p.n_hidden; i += 64u) {
                sum += weight_gradient(unit, i) * hidden_offset(i);
            }
        } else {
            // Rows come 64 at a time, so that an invocation adds the same terms in the same order as if all were here.
            let hidden = unit - p.n_visible;
            if p.first_visible > 0u {
                sum = optimiser[partial_sum(hidden, local)];
            }
            for (var row = local; row < p.rows; row += 64u) {
                let j = p.first_visible + row;
                sum += weight_gradient(j, hidden) * visible_offset(j);
            }
            if !is_last {
                optimiser[partial_sum(hidden, local)] = sum;
            }
        }
    }
    parts[local] = sum;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half >>= 1u) {
        if local < half {
            parts[local] += parts[local + half];
        }
        workgroupBarrier();
    }
    if local == 0u && (is_visible || is_last) {
        let gradient = p.bias_rate * sums[unit] - parts[0];
        let velocity = p.momentum * optimiser[unit] + gradient;
        optimiser[unit] = velocity;
        biases[unit] += p.learning_rate * velocity;
    }
}

// The nearest f16, ties to even, in integers: the rounding of pack2x16float is left to the driver.
fn half_of(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    let sign = (bits >> 16u) & 0x8000u;
    let size = bits & 0x7fffffffu;
    // Beyond 65520 and for NaN; weights are checked to be finite before they get here.
    if size >= 0x477ff000u {
        return sign | 0x7c00u | select(0u, 0x200u, size > 0x7f800000u);
    }
    // Multiples of 2^-24 below 2^-14: the unit in the last place of ½.
    if size < 0x38800000u {
        return sign | (bitcast<u32>(abs(x) + 0.5) - 0x3f000000u);
    }
    return sign | ((size + 0xfffu + ((size >> 13u) & 1u) - 0x38000000u) >> 13u);
}

@compute @workgroup_size(64)
fn round_weights(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = 2u * (64u * workgroup_number(workgroup, workgroups) + local);
    let end = p.rows * p.n_hidden;
    if at >= end {
        return;
    }
    var pair = half_of(weights[at]);
    if at + 1u < end {
        pair |= half_of(weights[at + 1u]) << 16u;
    }
    halves[at / 2u] = pair;
}
