// Samples one side of the machine from the other; one shader serves both directions.
//
// Maths:  z = β (bias + Σ_k state_k weight_k) + (1 − β) base; unit = [u < sig(z)].
// Shapes: inputs [chains, n_inputs] packed, outputs [chains, n_outputs] packed, weights [n_visible, n_hidden].
// Random: unit j of chain r at ([8 (j / 32) + j % 8, step, stream, first_chain + r], seed), word (j / 8) % 4.
// Class:  margin: a bit may differ only where |u − p| is under the bound of the f32 sum and of exp.
// Source: Smolensky 1986; Hinton, "A practical guide to training restricted Boltzmann machines", 2010.
//!import grid
//!import draw
struct Parameters {
    seed_low: u32,
    seed_high: u32,
    step: u32,
    stream: u32,
    first_chain: u32,
    chains: u32,
    n_inputs: u32,
    n_outputs: u32,
    input_stride: u32,
    output_stride: u32,
    bias_first: u32,
    beta: f32,
    base_share: f32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> biases: array<f32>;
@group(0) @binding(3) var<storage, read> base: array<f32>;
@group(0) @binding(4) var<storage, read> inputs: array<u32>;
@group(0) @binding(5) var<storage, read_write> outputs: array<u32>;

fn state_word(chain: u32, word: u32) -> u32 {
    if chain >= p.chains {
        return 0u;
    }
    return inputs[chain * ((p.n_inputs + 31u) / 32u) + word];
}

fn weight(input: u32, unit: u32) -> f32 {
    if input >= p.n_inputs || unit >= p.n_outputs {
        return 0.0;
    }
    return weights[input * p.input_stride + unit * p.output_stride];
}

fn draw_block(counter: u32, chain: u32) -> vec4<u32> {
    return philox(vec4<u32>(counter, p.step, p.stream, p.first_chain + chain), vec2<u32>(p.seed_low, p.seed_high));
}

fn store_word(chain: u32, word: u32, bits: u32) {
    outputs[chain * ((p.n_outputs + 31u) / 32u) + word] = bits;
}

// (bias, base) of a unit.
fn biases_of(unit: u32) -> vec2<f32> {
    if unit >= p.n_outputs {
        return vec2<f32>(0.0);
    }
    if p.base_share == 0.0 {
        return vec2<f32>(biases[p.bias_first + unit], 0.0);
    }
    return vec2<f32>(biases[p.bias_first + unit], base[unit]);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let unit_tiles = (p.n_outputs + TILE_UNITS - 1u) / TILE_UNITS;
    let first_chain = TILE_CHAINS * (number / unit_tiles);
    let first_unit = TILE_UNITS * (number % unit_tiles);
    if first_chain >= p.chains {
        return;
    }
    var tile = inner_product(local, first_chain, first_unit, p.n_inputs, p.input_stride == 1u);
    let unit = first_owned_unit(first_unit, local % COLUMNS);
    let one = biases_of(unit);
    let two = biases_of(unit + 8u);
    let three = biases_of(unit + 16u);
    let four = biases_of(unit + 24u);
    let bias = vec4<f32>(one.x, two.x, three.x, four.x);
    let shift = p.base_share * vec4<f32>(one.y, two.y, three.y, four.y);
    tile.x0 = p.beta * (tile.x0 + bias) + shift;
    tile.x1 = p.beta * (tile.x1 + bias) + shift;
    tile.x2 = p.beta * (tile.x2 + bias) + shift;
    tile.x3 = p.beta * (tile.x3 + bias) + shift;
    tile.x4 = p.beta * (tile.x4 + bias) + shift;
    tile.x5 = p.beta * (tile.x5 + bias) + shift;
    tile.x6 = p.beta * (tile.x6 + bias) + shift;
    tile.x7 = p.beta * (tile.x7 + bias) + shift;
    draw_tile(tile, local, first_chain, first_unit, p.n_outputs, p.chains);
}
