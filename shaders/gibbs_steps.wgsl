// Gibbs steps of a block of chains, many in one dispatch: for machines so small that a kernel takes longer to start than
// to work.
//
// Maths:  h_i ~ sig(c_i + Σ_j w_ji v_j), v_j ~ sig(b_j + Σ_i w_ji h_i), `steps` times.
// Shapes: states [chains, n_visible] packed, weights [n_visible, n_hidden], at most 32 MOST_WORDS units a side.
// Random: as gibbs_half_step, at first_step, first_step + 1, …
// Class:  margin; the bits of as many half-steps by gibbs_half_step, since every sum is in the same order.
// Source: as gibbs_half_step.
//
// Chains know nothing of one another. A workgroup keeps the states of its own in workgroup memory, draws all hidden units
// from them, 64 at a time, then all visible units, and stores v when it is done. An invocation has one chain and the four
// units of one Philox block: so few that even some hundred chains occupy many multiprocessors.
//!import grid_part
//!import draw_units
//!import expand
//!import quartet
//!import stored_weights
struct Parameters {
    seed_low: u32,
    seed_high: u32,
    first_step: u32,
    steps: u32,
    hidden_stream: u32,
    visible_stream: u32,
    first_chain: u32,
    chains: u32,
    n_visible: u32,
    n_hidden: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(2) var<storage, read> biases: array<f32>;
@group(0) @binding(3) var<storage, read_write> states: array<u32>;

const INVOCATIONS: u32 = 256u;
const CHAINS: u32 = 16u;
const QUARTETS: u32 = INVOCATIONS / CHAINS;
const UNITS: u32 = 4u * QUARTETS;
// Inputs whose weights are in workgroup memory at a time: those of one word.
const INPUTS: u32 = 32u;
const MOST_WORDS: u32 = 32u;
const SIDE: u32 = MOST_WORDS * CHAINS;

// Words of v, then of h: [words, chains] each.
var<workgroup> kept: array<u32, 2u * SIDE>;
var<workgroup> block: array<vec4<f32>, INPUTS * QUARTETS>;
var<workgroup> drawn: array<u32, INVOCATIONS>;

// A half-step: where its words are read and written in `kept`, and whose numbers it takes.
struct Side {
    read: u32,
    write: u32,
    n_inputs: u32,
    n_units: u32,
    first_bias: u32,
    stream: u32,
    // Whether neighbouring inputs, not neighbouring units, are neighbours in memory; a constant of the call.
    inputs_neighbour: bool,
}

fn units_of(unit: u32, side: Side) -> vec4<u32> {
    return min(vec4<u32>(unit, unit + 8u, unit + 16u, unit + 24u), vec4<u32>(side.n_units - 1u));
}

fn weights_of(input: u32, unit: u32, side: Side) -> vec4<f32> {
    let row = min(input, side.n_inputs - 1u);
    let units = units_of(unit, side);
    let at = select(row * side.n_units + units, units * side.n_inputs + row, side.inputs_neighbour);
    return vec4<f32>(stored_weight(at.x), stored_weight(at.y), stored_weight(at.z), stored_weight(at.w));
}

// Two quartets of weights an invocation; neighbouring invocations read neighbouring weights in both directions.
fn fill(local: u32, first_input: u32, first_unit: u32, side: Side) {
    for (var half = 0u; half < 2u; half++) {
        var input = local / QUARTETS + half * INPUTS / 2u;
        var quartet = local % QUARTETS;
        if side.inputs_neighbour {
            input = local % INPUTS;
            quartet = local / INPUTS + half * QUARTETS / 2u;
        }
        block[input * QUARTETS + quartet] = weights_of(first_input + input, first_unit + unit_of(quartet), side);
    }
}

// The quartet's weights of input k where its bit is set; inputs beyond the last have no bit.
fn share(word: u32, k: u32, quartet: u32) -> vec4<f32> {
    return expand_bit(word, k) * block[k * QUARTETS + quartet];
}

fn half_step(local: u32, first_chain: u32, step: u32, side: Side) {
    let chain = local / QUARTETS;
    let quartet = local % QUARTETS;
    for (var first_unit = 0u; first_unit < side.n_units; first_unit += UNITS) {
        var sum = vec4<f32>(0.0);
        for (var first_input = 0u; first_input < side.n_inputs; first_input += INPUTS) {
            fill(local, first_input, first_unit, side);
            workgroupBarrier();
            let word = kept[side.read + first_input / 32u * CHAINS + chain];
            for (var k = 0u; k < INPUTS; k += 8u) {
                sum += share(word, k, quartet);
                sum += share(word, k + 1u, quartet);
                sum += share(word, k + 2u, quartet);
                sum += share(word, k + 3u, quartet);
                sum += share(word, k + 4u, quartet);
                sum += share(word, k + 5u, quartet);
                sum += share(word, k + 6u, quartet);
                sum += share(word, k + 7u, quartet);
            }
            workgroupBarrier();
        }
        let units = side.first_bias + units_of(first_unit + unit_of(quartet), side);
        let bias = vec4<f32>(biases[units.x], biases[units.y], biases[units.z], biases[units.w]);
        let counter = 8u * (first_unit / 32u + quartet / 8u) + quartet % 8u;
        let address = vec4<u32>(counter, step, side.stream, p.first_chain + first_chain + chain);
        let words = philox(address, vec2<u32>(p.seed_low, p.seed_high));
        drawn[local] = drawn_units(sum + bias, words, quartet % 8u);
        workgroupBarrier();
        // One word of a chain an invocation.
        let first = first_unit + 32u * (local / CHAINS);
        if local < UNITS / 32u * CHAINS && first < side.n_units {
            var bits = 0u;
            for (var i = 0u; i < 8u; i++) {
                bits |= drawn[local % CHAINS * QUARTETS + 8u * (local / CHAINS) + i];
            }
            bits &= 0xffffffffu >> (32u - min(side.n_units - first, 32u));
            kept[side.write + first / 32u * CHAINS + local % CHAINS] = bits;
        }
        workgroupBarrier();
    }
}

@compute @workgroup_size(INVOCATIONS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first_chain = CHAINS * workgroup_number(workgroup, workgroups);
    if first_chain >= p.chains {
        return;
    }
    // Chains beyond the last are drawn like the last and not stored.
    let words = (p.n_visible + 31u) / 32u;
    for (var at = local; at < words * CHAINS; at += INVOCATIONS) {
        kept[at] = states[min(first_chain + at % CHAINS, p.chains - 1u) * words + at / CHAINS];
    }
    workgroupBarrier();
    for (var k = 0u; k < p.steps; k++) {
        let step = p.first_step + k;
        half_step(local, first_chain, step,
            Side(0u, SIDE, p.n_visible, p.n_hidden, p.n_visible, p.hidden_stream, false));
        half_step(local, first_chain, step,
            Side(SIDE, 0u, p.n_hidden, p.n_visible, 0u, p.visible_stream, true));
    }
    for (var at = local; at < words * CHAINS; at += INVOCATIONS) {
        let chain = first_chain + at % CHAINS;
        if chain < p.chains {
            states[chain * words + at / CHAINS] = kept[at];
        }
    }
}
