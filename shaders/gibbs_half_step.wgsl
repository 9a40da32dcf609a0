// Samples one side of the machine from the other; one shader serves both directions.
//
// Maths:  z = β (bias + Σ_k state_k weight_k) + (1 − β) base; unit = [u < sig(z)]; β is the same for all chains, or that
//         of the chain's rung.
// Shapes: inputs [chains, n_inputs] packed, outputs [chains, n_outputs] packed, weights [n_visible, n_hidden], of which
//         the rows of some visible units are here: inputs first_input .. n_inputs, or outputs from first_output on.
// Random: unit j of chain r at ([8 (j / 32) + j % 8, step, stream, first_chain + r], seed), word (j / 8) % 4.
// Class:  margin: a bit may differ only where |u − p| is under the bound of the f32 sum and of exp.
// Source: Smolensky 1986; Hinton, "A practical guide to training restricted Boltzmann machines", 2010.
//!import grid_part
//!import draw
//!import stored_weights
//!import rungs
struct Parameters {
    seed_low: u32,
    seed_high: u32,
    step: u32,
    stream: u32,
    first_chain: u32,
    chains: u32,
    first_row: u32,
    input_words: u32,
    first_input: u32,
    n_inputs: u32,
    output_words: u32,
    first_output: u32,
    n_outputs: u32,
    bias_first: u32,
    beta: f32,
    base_share: f32,
    rung_chains: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(2) var<storage, read> biases: array<f32>;
@group(0) @binding(3) var<storage, read> base: array<f32>;
@group(0) @binding(4) var<storage, read> inputs: array<u32>;
@group(0) @binding(5) var<storage, read_write> outputs: array<u32>;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
@group(0) @binding(7) var<storage, read> betas: array<f32>;

fn state_word(chain: u32, word: u32) -> u32 {
    return inputs[(p.first_row + chain) * p.input_words + word];
}

fn carried(index: u32) -> f32 {
    return sums[index];
}

fn draw_block(counter: u32, chain: u32) -> vec4<u32> {
    let address = p.first_output / 4u + counter;
    return philox(vec4<u32>(address, p.step, p.stream, p.first_chain + chain), vec2<u32>(p.seed_low, p.seed_high));
}

fn store_word(chain: u32, word: u32, bits: u32) {
    outputs[chain * p.output_words + p.first_output / 32u + word] = bits;
}

fn bias_of(unit: u32) -> f32 {
    return biases[p.bias_first + min(unit, p.n_outputs - 1u)];
}

fn biases_of(unit: u32) -> vec4<f32> {
    return vec4<f32>(bias_of(unit), bias_of(unit + 8u), bias_of(unit + 16u), bias_of(unit + 24u));
}

fn base_of(unit: u32) -> f32 {
    return base[p.first_output + min(unit, p.n_outputs - 1u)];
}

fn bases_of(unit: u32) -> vec4<f32> {
    return vec4<f32>(base_of(unit), base_of(unit + 8u), base_of(unit + 16u), base_of(unit + 24u));
}

// (1 − β) base.
fn shift_of(unit: u32) -> vec4<f32> {
    if p.base_share == 0.0 {
        return vec4<f32>(0.0);
    }
    return p.base_share * bases_of(unit);
}

fn input_of(sum: Four, bias: vec4<f32>, shift: vec4<f32>) -> Four {
    return Four(
        p.beta * (sum.a + bias) + shift, p.beta * (sum.b + bias) + shift,
        p.beta * (sum.c + bias) + shift, p.beta * (sum.d + bias) + shift);
}

fn half_step(number: u32, local: u32, inputs_neighbour: bool) {
    let origin = tile_origin(number, p.n_outputs);
    let first_chain = origin.x;
    let first_unit = origin.y;
    if first_chain >= p.chains {
        return;
    }
    let shape = Shape(p.chains, p.first_input, p.n_inputs, p.n_outputs, inputs_neighbour);
    var tile = inner_product(local, first_chain, first_unit, shape);
//!each quad
    {
        let unit = first_unit + unit_of(owned_quartet(local, {quad}u));
        let bias = biases_of(unit);
        let shift = shift_of(unit);
//!each four
        tile.x{four}_{quad} = input_of(tile.x{four}_{quad}, bias, shift);
//!end
    }
//!end
    draw_tile(tile, local, first_chain, first_unit, shape);
}

// Four chains at temperatures of their own.
fn tempered_input_of(sum: Four, bias: vec4<f32>, base: vec4<f32>, beta: vec4<f32>) -> Four {
    return Four(
        beta.x * (sum.a + bias) + (1.0 - beta.x) * base, beta.y * (sum.b + bias) + (1.0 - beta.y) * base,
        beta.z * (sum.c + bias) + (1.0 - beta.z) * base, beta.w * (sum.d + bias) + (1.0 - beta.w) * base);
}

// The half-step of a ladder; only visible units have a base.
fn tempered_half_step(number: u32, local: u32, inputs_neighbour: bool) {
    let origin = tile_origin(number, p.n_outputs);
    let first_chain = origin.x;
    let first_unit = origin.y;
    if first_chain >= p.chains {
        return;
    }
    let shape = Shape(p.chains, p.first_input, p.n_inputs, p.n_outputs, inputs_neighbour);
    var tile = inner_product(local, first_chain, first_unit, shape);
//!each four
    let beta{four} = betas_of(first_chain + 4u * owned_rows(local, {four}u), p.chains);
//!end
//!each quad
    {
        let unit = first_unit + unit_of(owned_quartet(local, {quad}u));
        let bias = biases_of(unit);
        var base = vec4<f32>(0.0);
        if inputs_neighbour {
            base = bases_of(unit);
        }
//!each four
        tile.x{four}_{quad} = tempered_input_of(tile.x{four}_{quad}, bias, base, beta{four});
//!end
    }
//!end
    draw_tile(tile, local, first_chain, first_unit, shape);
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn hidden_from_visible(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    half_step(workgroup_number(workgroup, workgroups), local, false);
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn visible_from_hidden(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    half_step(workgroup_number(workgroup, workgroups), local, true);
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn tempered_hidden_from_visible(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    tempered_half_step(workgroup_number(workgroup, workgroups), local, false);
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn tempered_visible_from_hidden(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    tempered_half_step(workgroup_number(workgroup, workgroups), local, true);
}

fn carry(sum: vec4<f32>, chain: u32, unit: u32) {
    let at = chain * p.n_outputs + unit;
    if chain < p.chains && unit < p.n_outputs {
        sums[at] = sum.x;
        if unit + 8u < p.n_outputs {
            sums[at + 8u] = sum.y;
        }
        if unit + 16u < p.n_outputs {
            sums[at + 16u] = sum.z;
        }
        if unit + 24u < p.n_outputs {
            sums[at + 24u] = sum.w;
        }
    }
}

// Σ_j w_ji v_j over the inputs up to the last whose weights are here, for a kernel that goes on with the next.
@compute @workgroup_size(TILE_INVOCATIONS)
fn carry_inputs(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let origin = tile_origin(workgroup_number(workgroup, workgroups), p.n_outputs);
    let first_chain = origin.x;
    let first_unit = origin.y;
    if first_chain >= p.chains {
        return;
    }
    let shape = Shape(p.chains, p.first_input, p.n_inputs, p.n_outputs, false);
    let tile = inner_product(local, first_chain, first_unit, shape);
//!each quad
    {
        let unit = first_unit + unit_of(owned_quartet(local, {quad}u));
//!each four
        {
            let chain = first_chain + 4u * owned_rows(local, {four}u);
            carry(tile.x{four}_{quad}.a, chain, unit);
            carry(tile.x{four}_{quad}.b, chain + 1u, unit);
            carry(tile.x{four}_{quad}.c, chain + 2u, unit);
            carry(tile.x{four}_{quad}.d, chain + 3u, unit);
        }
//!end
    }
//!end
}
