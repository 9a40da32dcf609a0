// Product of packed states and weights, Σ_k state(chain, k) weight(k, unit), by tiles of chains × units.
//
// The quartet g of a tile holds units 32 (g / 8) + g % 8 + {0, 8, 16, 24}, which share one Philox block. Bits are
// expanded to f32 on the way to workgroup memory, so each travels once and costs nothing in the loop. Chains and units
// beyond the last read the last one's numbers and are dropped when results are stored; inputs beyond the last have no
// bit set.
//
// What a block of inputs needs is fetched while the block before is multiplied, where the tile says so.
//
// Weights may lie in several buffers, each with the rows of some visible units. A sum over them is stored after one
// buffer and taken up again with the next, which changes no bit of it: taken_up is that, or nothing where there is one
// buffer. The importer declares state_word(chain, word) and carried(index), the sums [chains, units] so far, and imports
// stored_weights.
//!import tile_product
//!import expand
//!import taken_up
//!import product_shape
// What an invocation brings to workgroup memory of a block of inputs.
struct Fetched {
//!each column_load
    weights{column_load}: vec4<f32>,
//!end
    states: vec4<u32>,
}

// Input and quartet of a load; neighbouring invocations read neighbouring weights in both directions.
fn place_of(local: u32, load: u32, shape: Shape) -> vec2<u32> {
    if shape.inputs_neighbour {
        return vec2<u32>(local % TILE_INPUTS, local / TILE_INPUTS + load * (TILE_INVOCATIONS / TILE_INPUTS));
    }
    return vec2<u32>(local / TILE_QUARTETS + load * (TILE_INVOCATIONS / TILE_QUARTETS), local % TILE_QUARTETS);
}

// Where the weights of each load begin: what does not change from one block of inputs to the next.
struct Lanes {
//!each column_load
    at{column_load}: vec4<u32>,
//!end
}

fn lanes_of(local: u32, first_unit: u32, shape: Shape) -> Lanes {
    var lanes: Lanes;
//!each column_load
    {
        let unit = first_unit + unit_of(place_of(local, {column_load}u, shape).y);
        let units = min(vec4<u32>(unit, unit + 8u, unit + 16u, unit + 24u), vec4<u32>(shape.n_units - 1u));
        lanes.at{column_load} = select(units, units * shape.n_inputs, shape.inputs_neighbour);
    }
//!end
    return lanes;
}

fn weights_at(input: u32, lanes: vec4<u32>, shape: Shape) -> vec4<f32> {
    let row = min(input, shape.n_inputs - 1u);
    let at = lanes + select((row - shape.first_input) * shape.n_units, row, shape.inputs_neighbour);
    return vec4<f32>(stored_weight(at.x), stored_weight(at.y), stored_weight(at.z), stored_weight(at.w));
}

fn fetch(local: u32, first_input: u32, first_chain: u32, lanes: Lanes, shape: Shape) -> Fetched {
    var next: Fetched;
//!each column_load
    next.weights{column_load} =
        weights_at(first_input + place_of(local, {column_load}u, shape).x, lanes.at{column_load}, shape);
//!end
    next.states = four_words(first_chain + 4u * (local % TILE_ROW_FOURS), first_input / 32u, shape);
    return next;
}

fn put_fetched(local: u32, first_input: u32, next: Fetched, shape: Shape) {
//!each column_load
    {
        let place = place_of(local, {column_load}u, shape);
        tile_memory[column_slot(place.x, place.y)] = bitcast<vec4<u32>>(next.weights{column_load});
    }
//!end
    let four = local % TILE_ROW_FOURS;
    let first = TILE_ROW_LOADS * (local / TILE_ROW_FOURS);
    let at = first_input % 32u + first;
//!each row_load
    tile_memory[row_slot(first + {row_load}u, four)] = expand_bits(next.states, at + {row_load}u);
//!end
}

fn inner_product(local: u32, first_chain: u32, first_unit: u32, shape: Shape) -> Tile {
    var tile = taken_up(local, first_chain, first_unit, shape);
    let lanes = lanes_of(local, first_unit, shape);
    var next: Fetched;
//!each ahead
    if shape.first_input < shape.n_inputs {
        next = fetch(local, shape.first_input, first_chain, lanes, shape);
    }
//!end
    for (var first_input = shape.first_input; first_input < shape.n_inputs; first_input += TILE_INPUTS) {
//!each at_once
        next = fetch(local, first_input, first_chain, lanes, shape);
//!end
        put_fetched(local, first_input, next, shape);
        workgroupBarrier();
//!each ahead
        if first_input + TILE_INPUTS < shape.n_inputs {
            next = fetch(local, first_input + TILE_INPUTS, first_chain, lanes, shape);
        }
//!end
        multiply_block(local, &tile);
        workgroupBarrier();
    }
    return tile;
}
