// Applies both phases' moments to the parameters, in entry points: offsets, biases, weights, norms where they
// are limited; a last one rounds the weights to f16 for kernels that read them so.
//
// Maths:  D = data − model; λ_h ← (1 − s) λ_h + s ⟨h⟩_data; g_w = D_vh − μ D_h − D_v λ_h where centred, else D_vh.
//         Weights change by Δw, penalties included; b by r times the step of D_v, c by that of D_h, of D_h + κ (p − λ_h)
//         with a sparse target p, and where centred by −Δw λ_h and −Δwᵀ μ besides.
//         What becomes of g, by formula: src/backend/optimiser.rs.
// Shapes: weights, velocities, products [n_visible, n_hidden]; biases = b, c; sums as in moments;
//         halves [n_visible n_hidden / 2], two f16 a word; optimiser = velocity of b [n_visible], of c [n_hidden], μ [n_visible], λ_h [n_hidden],
//         second moments of b, of c, excess of each hidden unit's norm [n_hidden]; squares = second moments [n_visible, n_hidden] where the formula has them.
//         Of weights, velocities, squares, products and halves the rows of the visible units first_visible .. + rows are here;
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
    formula: u32,
    learning_rate: f32,
    momentum: f32,
    square_decay: f32,
    square_scale: f32,
    epsilon: f32,
    weight_decay: f32,
    shrink: f32,
    threshold: f32,
    clip: f32,
    max_norm: f32,
    sparse_target: f32,
    sparse_cost: f32,
    bias_rate: f32,
    centred: u32,
    offset_rate: f32,
    stage: u32,
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
@group(0) @binding(8) var<storage, read_write> squares: array<f32>;

const MOMENTUM = 0u;
const NESTEROV = 1u;
const ADAM = 2u;

var<workgroup> parts: array<f32, 64>;

fn visible_offset(j: u32) -> f32 {
    return optimiser[p.n_visible + p.n_hidden + j];
}

fn hidden_offset(i: u32) -> f32 {
    return optimiser[2u * p.n_visible + p.n_hidden + i];
}

fn clipped(g: f32) -> f32 {
    if p.clip > 0.0 {
        return clamp(g, -p.clip, p.clip);
    }
    return g;
}

// g_w without decay.
fn weight_gradient(j: u32, i: u32) -> f32 {
    let product = products[(j - p.first_visible) * p.n_hidden + i];
    if p.centred == 0u {
        return clipped(product);
    }
    return clipped((product - visible_offset(j) * sums[p.n_visible + i]) - sums[j] * hidden_offset(i));
}

// A step with what it leaves behind.
struct Moved {
    step: f32,
    velocity: f32,
    square: f32,
}

// Moves velocity v and second moment q of the parameter w (0: of no decay) along its gradient.
fn moved(gradient: f32, w: f32, v: f32, q: f32) -> Moved {
    if p.formula <= NESTEROV {
        let g = gradient - p.weight_decay * w;
        let velocity = p.momentum * v + g;
        if p.formula == MOMENTUM {
            return Moved(p.learning_rate * velocity, velocity, q);
        }
        return Moved(p.learning_rate * (g + p.momentum * velocity), velocity, q);
    }
    var velocity = gradient;
    if p.formula == ADAM {
        velocity = p.momentum * v + (1.0 - p.momentum) * gradient;
    }
    let square = p.square_decay * q + (1.0 - p.square_decay) * (gradient * gradient);
    return Moved(p.learning_rate * velocity / (sqrt(p.square_scale * square) + p.epsilon), velocity, square);
}

// The step of a weight that is here, with all that it leaves behind.
fn moved_weight(j: u32, i: u32) -> Moved {
    let at = (j - p.first_visible) * p.n_hidden + i;
    var square = 0.0;
    if p.formula >= ADAM {
        square = squares[at];
    }
    return moved(weight_gradient(j, i), weights[at], velocities[at], square);
}

// The weight after a step.
fn next_weight(now: f32, step: f32) -> f32 {
    let next = now + (step - p.shrink * now);
    if p.threshold > 0.0 {
        return sign(next) * max(abs(next) - p.threshold, 0.0);
    }
    return next;
}

// What will be added to a weight that is here.
fn change(j: u32, i: u32) -> f32 {
    let now = weights[(j - p.first_visible) * p.n_hidden + i];
    return next_weight(now, moved_weight(j, i).step) - now;
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
    let next = moved_weight(p.first_visible + at / p.n_hidden, at % p.n_hidden);
    velocities[at] = next.velocity;
    if p.formula >= ADAM {
        squares[at] = next.square;
    }
    weights[at] = next_weight(weights[at], next.step);
}

// Where the part is kept by which the norm of a hidden unit's weights was too large.
fn excess(hidden: u32) -> u32 {
    return 3u * (p.n_visible + p.n_hidden) + hidden;
}

fn partial_sum(hidden: u32, local: u32) -> u32 {
    return excess(p.n_hidden) + 64u * hidden + local;
}

// Adds up `parts` in parts[0].
fn add_parts(local: u32) {
    workgroupBarrier();
    for (var half = 32u; half > 0u; half >>= 1u) {
        if local < half {
            parts[local] += parts[local + half];
        }
        workgroupBarrier();
    }
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
                sum += change(unit, i) * hidden_offset(i);
            }
        } else {
            // Rows come 64 at a time, so that an invocation adds the same terms in the same order as if all were here.
            let hidden = unit - p.n_visible;
            if p.first_visible > 0u {
                sum = optimiser[partial_sum(hidden, local)];
            }
            for (var row = local; row < p.rows; row += 64u) {
                let j = p.first_visible + row;
                sum += change(j, hidden) * visible_offset(j);
            }
            if !is_last {
                optimiser[partial_sum(hidden, local)] = sum;
            }
        }
    }
    parts[local] = sum;
    add_parts(local);
    if local == 0u && (is_visible || is_last) {
        let square = 2u * (p.n_visible + p.n_hidden) + unit;
        var mean = sums[unit];
        if !is_visible && p.sparse_cost > 0.0 {
            mean += p.sparse_cost * (p.sparse_target - hidden_offset(unit - p.n_visible));
        }
        let next = moved(clipped(mean), 0.0, optimiser[unit], optimiser[square]);
        optimiser[unit] = next.velocity;
        optimiser[square] = next.square;
        biases[unit] += p.bias_rate * next.step - parts[0];
    }
}

// One workgroup a hidden unit: bit 0 of `stage` adds the squares of its weights that are here to those before, bit 1 scales
// its weights that are here by the norm of all.
@compute @workgroup_size(64)
fn limit_norms(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let hidden = workgroup_number(workgroup, workgroups);
    if hidden >= p.n_hidden {
        return;
    }
    var sum = 0.0;
    if p.first_visible > 0u || p.stage == 2u {
        sum = optimiser[partial_sum(hidden, local)];
    }
    if (p.stage & 1u) != 0u {
        for (var row = local; row < p.rows; row += 64u) {
            let weight = weights[row * p.n_hidden + hidden];
            sum += weight * weight;
        }
    }
    if p.stage == 1u {
        optimiser[partial_sum(hidden, local)] = sum;
        return;
    }
    parts[local] = sum;
    add_parts(local);
    let norm = sqrt(parts[0]);
    var scale = 1.0;
    if norm > p.max_norm {
        scale = p.max_norm / norm;
    }
    for (var row = local; row < p.rows; row += 64u) {
        weights[row * p.n_hidden + hidden] *= scale;
    }
    if local == 0u {
        optimiser[excess(hidden)] = max(norm / p.max_norm - 1.0, 0.0);
    }
}

// One workgroup a unit, the visible ones that are here first: moves its bias by what `limit_norms` took from its weights,
// once all of them are limited.
@compute @workgroup_size(64)
fn limit_biases(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    if number >= p.rows + p.n_hidden {
        return;
    }
    let is_visible = number < p.rows;
    let is_last = p.first_visible + p.rows == p.n_visible;
    var along = 0.0;
    if is_visible {
        for (var i = local; i < p.n_hidden; i += 64u) {
            along += weights[number * p.n_hidden + i] * optimiser[excess(i)] * hidden_offset(i);
        }
    } else {
        // As in `change_biases`: the same terms in the same order as if all rows were here.
        let hidden = number - p.rows;
        if p.first_visible > 0u {
            along = optimiser[partial_sum(hidden, local)];
        }
        for (var row = local; row < p.rows; row += 64u) {
            let taken = weights[row * p.n_hidden + hidden] * optimiser[excess(hidden)];
            along += taken * visible_offset(p.first_visible + row);
        }
        if !is_last {
            optimiser[partial_sum(hidden, local)] = along;
        }
    }
    parts[local] = along;
    add_parts(local);
    if local == 0u && (is_visible || is_last) {
        biases[select(p.n_visible + number - p.rows, p.first_visible + number, is_visible)] += parts[0];
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
