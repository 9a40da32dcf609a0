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
// from them tile by tile, then all visible units, and stores v when it is done.
//!import grid_part
//!import draw
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

const MOST_WORDS: u32 = 32u;
const SIDE: u32 = MOST_WORDS * TILE_ROWS;

// Words of v, then of h: [words, rows of the tile] each.
var<workgroup> kept: array<u32, 2u * SIDE>;

// First word in `kept` of the side that is read and of the side that is drawn, and where the draw's numbers are.
var<private> read_side: u32;
var<private> drawn_side: u32;
var<private> step: u32;
var<private> stream: u32;

fn state_word(chain: u32, word: u32) -> u32 {
    return kept[read_side + word * TILE_ROWS + chain % TILE_ROWS];
}

fn store_word(chain: u32, word: u32, bits: u32) {
    kept[drawn_side + word * TILE_ROWS + chain % TILE_ROWS] = bits;
}

fn draw_block(counter: u32, chain: u32) -> vec4<u32> {
    return philox(vec4<u32>(counter, step, stream, p.first_chain + chain), vec2<u32>(p.seed_low, p.seed_high));
}

fn biases_of(first: u32, unit: u32, shape: Shape) -> vec4<f32> {
    let last = shape.n_units - 1u;
    return vec4<f32>(
        biases[first + min(unit, last)], biases[first + min(unit + 8u, last)],
        biases[first + min(unit + 16u, last)], biases[first + min(unit + 24u, last)]);
}

// Draws one side of all chains of the workgroup; its biases begin at first_bias.
fn half_step(local: u32, first_chain: u32, first_bias: u32, shape: Shape) {
    for (var first_unit = 0u; first_unit < shape.n_units; first_unit += TILE_COLUMNS) {
        var tile = inner_product(local, first_chain, first_unit, shape);
//!each quad
        {
            let bias = biases_of(first_bias, first_unit + unit_of(owned_quartet(local, {quad}u)), shape);
//!each four
            tile.x{four}_{quad} = plus(tile.x{four}_{quad}, bias);
//!end
        }
//!end
        draw_tile(tile, local, first_chain, first_unit, shape);
    }
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first_chain = TILE_ROWS * workgroup_number(workgroup, workgroups);
    if first_chain >= p.chains {
        return;
    }
    let words = (p.n_visible + 31u) / 32u;
    for (var at = local; at < words * TILE_ROWS; at += TILE_INVOCATIONS) {
        let chain = min(first_chain + at % TILE_ROWS, p.chains - 1u);
        kept[at] = states[chain * words + at / TILE_ROWS];
    }
    workgroupBarrier();
    for (var k = 0u; k < p.steps; k++) {
        step = p.first_step + k;
        read_side = 0u;
        drawn_side = SIDE;
        stream = p.hidden_stream;
        half_step(local, first_chain, p.n_visible, Shape(p.chains, 0u, p.n_visible, p.n_hidden, false));
        read_side = SIDE;
        drawn_side = 0u;
        stream = p.visible_stream;
        half_step(local, first_chain, 0u, Shape(p.chains, 0u, p.n_hidden, p.n_visible, true));
    }
    for (var at = local; at < words * TILE_ROWS; at += TILE_INVOCATIONS) {
        let chain = first_chain + at % TILE_ROWS;
        if chain < p.chains {
            states[chain * words + at / TILE_ROWS] = kept[at];
        }
    }
}
