// Means over chains of v, of sig(x) and of their products.
//
// Maths:  products[j, i] = ⟨v_j sig(x_i)⟩, visible[j] = ⟨v_j⟩, hidden[i] = ⟨sig(x_i)⟩, x_i = c_i + Σ_j w_ji v_j;
//         written for the data, subtracted for the model.
// Shapes: states [chains, n_visible] packed, weights [n_visible, n_hidden], products [n_visible, n_hidden],
//         sums = visible [n_visible], hidden [n_hidden], hidden of the data alone [n_hidden].
// Random: none.
// Class:  bounded, by the f32 sums over inputs and over chains and by the sigmoid.
// Source: Hinton 2010, eq. 9, with p(h | v) in both phases.
//
// A workgroup of 256 owns 16 hidden units × a tile of up to 1024 visible units in registers and walks over the chains,
// 64 at a time: it computes their sig(x) for its 16 units in workgroup memory, then adds v sig(x). With more than 1024
// visible units each tile computes x again. Invocations that a narrow tile leaves over take other chains of the 64;
// slices are added at the end in a fixed order.
//!import grid
//!import sigmoid
//!import machine
struct Parameters {
    chains: u32,
    n_visible: u32,
    n_hidden: u32,
    quads: u32,
    scale: f32,
    subtract: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> biases: array<f32>;
@group(0) @binding(3) var<storage, read> states: array<u32>;
@group(0) @binding(4) var<storage, read_write> products: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;

const CHAIN_TILE: u32 = 64u;
const HIDDEN_TILE: u32 = 16u;
const INPUT_TILE: u32 = 64u;

// Weights [input, hidden quad] of 64 inputs.
var<workgroup> tile_weights: array<vec4<f32>, 256>;
// Means [chain, hidden quad], later partial sums [slice, visible quad].
var<workgroup> exchange: array<vec4<f32>, 256>;

fn state_at(index: u32) -> u32 {
    return states[index];
}

fn four_weights(input: u32, unit: u32) -> vec4<f32> {
    return vec4<f32>(
        weight(input, unit), weight(input, unit + 1u), weight(input, unit + 2u), weight(input, unit + 3u));
}

// Adds the products of 32 inputs, whose bits are one word of the chain.
fn add_word(sum: vec4<f32>, bits: u32, first: u32, quad: u32) -> vec4<f32> {
    var x = sum;
    for (var k = 0u; k < 32u; k++) {
        x += f32((bits >> k) & 1u) * tile_weights[4u * (first + k) + quad];
    }
    return x;
}

// sig(x) of hidden units first_hidden + 4 quad .. + 4 of one chain; 0 for a chain beyond the last.
fn mean_hidden(local: u32, chain: u32, first_hidden: u32) -> vec4<f32> {
    let quad = local % 4u;
    let unit = first_hidden + 4u * quad;
    var x = vec4<f32>(0.0);
    let words = (p.n_visible + 31u) / 32u;
    for (var word = 0u; word < words; word += 2u) {
        tile_weights[local] = four_weights(32u * word + local / 4u, unit);
        workgroupBarrier();
        x = add_word(x, state_word(chain, word), 0u, quad);
        if word + 1u < words {
            x = add_word(x, state_word(chain, word + 1u), 32u, quad);
        }
        workgroupBarrier();
    }
    let c = vec4<f32>(hidden_bias(unit), hidden_bias(unit + 1u), hidden_bias(unit + 2u), hidden_bias(unit + 3u));
    return select(vec4<f32>(0.0), sigmoid(x + c), chain < p.chains);
}

// Sum over slices of `value`, for local < group: exchange holds [slice, member], slices of `group` members.
fn sum_slices(local: u32, group: u32, value: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    exchange[local] = value;
    workgroupBarrier();
    var sum = vec4<f32>(0.0);
    if local < group {
        for (var at = local; at < 256u; at += group) {
            sum += exchange[at];
        }
    }
    return p.scale * sum;
}

fn put_sum(at: u32, value: f32) {
    sums[at] = select(value, sums[at] - value, p.subtract == 1u);
}

fn put_product(local: u32, visible: u32, hidden: u32, value: vec4<f32>) {
    let sum = sum_slices(local, p.quads, value);
    if local < p.quads && visible < p.n_visible {
        for (var i = 0u; i < 4u; i++) {
            if hidden + i < p.n_hidden {
                let at = visible * p.n_hidden + hidden + i;
                products[at] = select(sum[i], products[at] - sum[i], p.subtract == 1u);
            }
        }
    }
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let hidden_tiles = (p.n_hidden + HIDDEN_TILE - 1u) / HIDDEN_TILE;
    let first_hidden = HIDDEN_TILE * (number % hidden_tiles);
    let first_visible = 4u * p.quads * (number / hidden_tiles);
    if first_visible >= p.n_visible {
        return;
    }
    let slices = 256u / p.quads;
    let slice = local / p.quads;
    let visible = first_visible + 4u * (local % p.quads);
    let word = visible / 32u;
    let shift = visible % 32u;
    let words = (p.n_visible + 31u) / 32u;

    var hidden_sum = vec4<f32>(0.0);
    var visible_sum = vec4<f32>(0.0);
    var a0 = vec4<f32>(0.0);
    var a1 = vec4<f32>(0.0);
    var a2 = vec4<f32>(0.0);
    var a3 = vec4<f32>(0.0);
    var b0 = vec4<f32>(0.0);
    var b1 = vec4<f32>(0.0);
    var b2 = vec4<f32>(0.0);
    var b3 = vec4<f32>(0.0);
    var c0 = vec4<f32>(0.0);
    var c1 = vec4<f32>(0.0);
    var c2 = vec4<f32>(0.0);
    var c3 = vec4<f32>(0.0);
    var d0 = vec4<f32>(0.0);
    var d1 = vec4<f32>(0.0);
    var d2 = vec4<f32>(0.0);
    var d3 = vec4<f32>(0.0);
    for (var first_chain = 0u; first_chain < p.chains; first_chain += CHAIN_TILE) {
        let mean = mean_hidden(local, first_chain + local / 4u, first_hidden);
        hidden_sum += mean;
        exchange[local] = mean;
        workgroupBarrier();
        let end = min(CHAIN_TILE, p.chains - first_chain);
        for (var r = slice; r < end; r += slices) {
            var nibble = 0u;
            if word < words {
                nibble = state_word(first_chain + r, word) >> shift;
            }
            let v = vec4<f32>((vec4<u32>(nibble) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u));
            let m0 = exchange[4u * r];
            let m1 = exchange[4u * r + 1u];
            let m2 = exchange[4u * r + 2u];
            let m3 = exchange[4u * r + 3u];
            visible_sum += v;
            a0 += v.x * m0;
            a1 += v.x * m1;
            a2 += v.x * m2;
            a3 += v.x * m3;
            b0 += v.y * m0;
            b1 += v.y * m1;
            b2 += v.y * m2;
            b3 += v.y * m3;
            c0 += v.z * m0;
            c1 += v.z * m1;
            c2 += v.z * m2;
            c3 += v.z * m3;
            d0 += v.w * m0;
            d1 += v.w * m1;
            d2 += v.w * m2;
            d3 += v.w * m3;
        }
        workgroupBarrier();
    }

    put_product(local, visible, first_hidden, a0);
    put_product(local, visible, first_hidden + 4u, a1);
    put_product(local, visible, first_hidden + 8u, a2);
    put_product(local, visible, first_hidden + 12u, a3);
    put_product(local, visible + 1u, first_hidden, b0);
    put_product(local, visible + 1u, first_hidden + 4u, b1);
    put_product(local, visible + 1u, first_hidden + 8u, b2);
    put_product(local, visible + 1u, first_hidden + 12u, b3);
    put_product(local, visible + 2u, first_hidden, c0);
    put_product(local, visible + 2u, first_hidden + 4u, c1);
    put_product(local, visible + 2u, first_hidden + 8u, c2);
    put_product(local, visible + 2u, first_hidden + 12u, c3);
    put_product(local, visible + 3u, first_hidden, d0);
    put_product(local, visible + 3u, first_hidden + 4u, d1);
    put_product(local, visible + 3u, first_hidden + 8u, d2);
    put_product(local, visible + 3u, first_hidden + 12u, d3);

    let visible_mean = sum_slices(local, p.quads, visible_sum);
    if first_hidden == 0u && local < p.quads {
        for (var i = 0u; i < 4u; i++) {
            if visible + i < p.n_visible {
                put_sum(visible + i, visible_mean[i]);
            }
        }
    }
    let hidden_mean = sum_slices(local, 4u, hidden_sum);
    if first_visible == 0u && local < 4u {
        for (var i = 0u; i < 4u; i++) {
            let unit = first_hidden + 4u * local + i;
            if unit < p.n_hidden {
                put_sum(p.n_visible + unit, hidden_mean[i]);
                if p.subtract == 0u {
                    sums[p.n_visible + p.n_hidden + unit] = hidden_mean[i];
                }
            }
        }
    }
}
