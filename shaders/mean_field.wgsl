// Half-steps and moments of mean-field contrastive divergence: units hold their means, so that products are of numbers.
//
// Maths:  m_v = sig(b + m_h Wᵀ), m_h = sig(c + m_v W); products[j, i] −= ⟨m_v m_h⟩, visible[j] −= ⟨m_v⟩,
//         hidden[i] −= ⟨m_h⟩, means over chains.
// Shapes: means of hidden units [chains, n_hidden]; weights and products [n_visible, n_hidden] and visible_means
//         [chains, n_visible], of which the visible units first_visible .. end_visible are here; sums = visible [n_visible],
//         hidden [n_hidden].
// Random: none.
// Class:  bounded, by the f32 sums over inputs and over chains and by the sigmoid.
// Source: Welling and Hinton, "A new learning algorithm for mean field Boltzmann machines", ICANN 2002.
//
// The same tiles as the products of bits, with means in place of expanded bits. Sums over visible units whose weights lie
// in several buffers are kept where the means come in the end. In `multiply` chains are the inputs; a visible unit that is
// always on and a hidden one of mean 1, beyond the last of each side, give the means of the other side, and end_visible
// includes the unit that is always on.
//!import grid_part
//!import input_loop
//!import chain_product
//!import stored_weights
//!import sigmoid
struct Parameters {
    chains: u32,
    first_visible: u32,
    end_visible: u32,
    n_visible: u32,
    n_hidden: u32,
    scale: f32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(2) var<storage, read> biases: array<f32>;
@group(0) @binding(3) var<storage, read_write> visible_means: array<f32>;
@group(0) @binding(4) var<storage, read_write> means: array<f32>;
@group(0) @binding(5) var<storage, read_write> products: array<f32>;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;

fn carried(index: u32) -> f32 {
    return means[index];
}

// The mean of a visible unit that is here; units beyond the last have that of the last.
fn visible_at(chain: u32, unit: u32) -> f32 {
    let end = min(p.end_visible, p.n_visible);
    return visible_means[chain * (end - p.first_visible) + min(unit, end - 1u) - p.first_visible];
}

// The mean of an input in one chain; none beyond the last.
fn input_at(chain: u32, input: u32, shape: Shape) -> f32 {
    let row = min(chain, shape.chains - 1u);
    var mean = 0.0;
    if shape.inputs_neighbour {
        mean = means[row * p.n_hidden + min(input, p.n_hidden - 1u)];
    } else {
        mean = visible_at(row, input);
    }
    return select(0.0, mean, input < shape.n_inputs);
}

fn inputs_at(chain: u32, input: u32, shape: Shape) -> vec4<f32> {
    return vec4<f32>(
        input_at(chain, input, shape), input_at(chain + 1u, input, shape),
        input_at(chain + 2u, input, shape), input_at(chain + 3u, input, shape));
}

// What an invocation brings to workgroup memory of a block of inputs.
struct Fetched {
//!each column_load
    weights{column_load}: vec4<f32>,
//!end
//!each row_load
    means{row_load}: vec4<f32>,
//!end
}

fn fetch(local: u32, first_input: u32, first_chain: u32, lanes: Lanes, shape: Shape) -> Fetched {
    var next: Fetched;
//!each column_load
    next.weights{column_load} =
        weights_at(first_input + place_of(local, {column_load}u, shape).x, lanes.at{column_load}, shape);
//!end
    // Neighbouring invocations read neighbouring means.
    let input = first_input + local % TILE_INPUTS;
    let four = local / TILE_INPUTS;
//!each row_load
    next.means{row_load} =
        inputs_at(first_chain + 4u * (four + {row_load}u * (TILE_INVOCATIONS / TILE_INPUTS)), input, shape);
//!end
    return next;
}

fn put_fetched(local: u32, first_input: u32, next: Fetched, shape: Shape) {
//!each column_load
    {
        let place = place_of(local, {column_load}u, shape);
        tile_memory[column_slot(place.x, place.y)] = bitcast<vec4<u32>>(next.weights{column_load});
    }
//!end
    let four = local / TILE_INPUTS;
//!each row_load
    tile_memory[row_slot(local % TILE_INPUTS, four + {row_load}u * (TILE_INVOCATIONS / TILE_INPUTS))] =
        bitcast<vec4<u32>>(next.means{row_load});
//!end
}

fn visible_bias(unit: u32) -> f32 {
    return biases[min(p.first_visible + unit, p.end_visible - 1u)];
}

fn store_visible(chain: u32, unit: u32, mean: f32) {
    let units = p.end_visible - p.first_visible;
    if chain < p.chains && unit < units {
        visible_means[chain * units + unit] = mean;
    }
}

fn store_visible_four(chain: u32, unit: u32, x: vec4<f32>) {
    let mean = sigmoid(x);
    store_visible(chain, unit, mean.x);
    store_visible(chain, unit + 8u, mean.y);
    store_visible(chain, unit + 16u, mean.z);
    store_visible(chain, unit + 24u, mean.w);
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn visible_from_hidden(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let units = p.end_visible - p.first_visible;
    let origin = tile_origin(workgroup_number(workgroup, workgroups), units);
    let first_chain = origin.x;
    let first_unit = origin.y;
    if first_chain >= p.chains {
        return;
    }
    let tile = inner_product(local, first_chain, first_unit, Shape(p.chains, 0u, p.n_hidden, units, true));
//!each quad
    {
        let unit = first_unit + unit_of(owned_quartet(local, {quad}u));
        let b = vec4<f32>(visible_bias(unit), visible_bias(unit + 8u), visible_bias(unit + 16u), visible_bias(unit + 24u));
//!each four
        {
            let chain = first_chain + 4u * owned_rows(local, {four}u);
            let y = plus(tile.x{four}_{quad}, b);
            store_visible_four(chain, unit, y.a);
            store_visible_four(chain + 1u, unit, y.b);
            store_visible_four(chain + 2u, unit, y.c);
            store_visible_four(chain + 3u, unit, y.d);
        }
//!end
    }
//!end
}

fn hidden_bias(unit: u32) -> f32 {
    return biases[p.n_visible + min(unit, p.n_hidden - 1u)];
}

fn store_hidden(chain: u32, unit: u32, value: f32) {
    if chain < p.chains && unit < p.n_hidden {
        means[chain * p.n_hidden + unit] = value;
    }
}

// The means, or the sums of inputs so far where the weights of more visible units are in buffers to come.
fn store_hidden_four(chain: u32, unit: u32, sum: vec4<f32>, c: vec4<f32>) {
    var values = sum;
    if p.end_visible == p.n_visible {
        values = sigmoid(sum + c);
    }
    store_hidden(chain, unit, values.x);
    store_hidden(chain, unit + 8u, values.y);
    store_hidden(chain, unit + 16u, values.z);
    store_hidden(chain, unit + 24u, values.w);
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn hidden_from_visible(
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
    let shape = Shape(p.chains, p.first_visible, p.end_visible, p.n_hidden, false);
    let tile = inner_product(local, first_chain, first_unit, shape);
//!each quad
    {
        let unit = first_unit + unit_of(owned_quartet(local, {quad}u));
        let c = vec4<f32>(hidden_bias(unit), hidden_bias(unit + 8u), hidden_bias(unit + 16u), hidden_bias(unit + 24u));
//!each four
        {
            let chain = first_chain + 4u * owned_rows(local, {four}u);
            store_hidden_four(chain, unit, tile.x{four}_{quad}.a, c);
            store_hidden_four(chain + 1u, unit, tile.x{four}_{quad}.b, c);
            store_hidden_four(chain + 2u, unit, tile.x{four}_{quad}.c, c);
            store_hidden_four(chain + 3u, unit, tile.x{four}_{quad}.d, c);
        }
//!end
    }
//!end
}

fn visible_mean(chain: u32, unit: u32) -> f32 {
    return select(visible_at(chain, unit), 1.0, unit == p.n_visible);
}

// Four neighbouring visible units, zero for a chain beyond the last.
alias VisibleFour = vec4<f32>;

fn four_visible(chain: u32, unit: u32) -> VisibleFour {
    let row = min(chain, p.chains - 1u);
    let means = vec4<f32>(
        visible_mean(row, unit), visible_mean(row, unit + 1u), visible_mean(row, unit + 2u), visible_mean(row, unit + 3u));
    return select(vec4<f32>(0.0), means, chain < p.chains);
}

fn visible_values(four: VisibleFour) -> vec4<u32> {
    return bitcast<vec4<u32>>(four);
}

fn put_product(at: u32, sum: f32) {
    products[at] -= sum;
}

fn put_sum(at: u32, sum: f32) {
    sums[at] -= sum;
}
