// Product of packed states and weights, Σ_k state(chain, k) weight(k, unit), by tiles of chains × units.
//
// The quartet g of a tile holds units 32 (g / 8) + g % 8 + {0, 8, 16, 24}, which share one Philox block. Bits are
// expanded to f32 on the way to workgroup memory, so each travels once and costs nothing in the loop. Chains and units
// beyond the last read the last one's numbers and are dropped when results are stored; inputs beyond the last have no
// bit set.
//
// Weights may lie in several buffers, each with the rows of some visible units. A sum over them is stored after one
// buffer and taken up again with the next, which changes no bit of it: taken_up is that, or nothing where there is one
// buffer. The importer declares state_word(chain, word) and carried(index), the sums [chains, units] so far, and imports
// stored_weights.
//!import tile_product
//!import expand
//!import taken_up
//!import product_shape
fn fill_quartet(k: u32, quartet: u32, first_input: u32, first_unit: u32, shape: Shape) {
    let input = min(first_input + k, shape.n_inputs - 1u);
    let unit = first_unit + unit_of(quartet);
    let last = shape.n_units - 1u;
    tile_memory[column_slot(k, quartet)] = bitcast<vec4<u32>>(vec4<f32>(
        weight_at(input, min(unit, last), shape), weight_at(input, min(unit + 8u, last), shape),
        weight_at(input, min(unit + 16u, last), shape), weight_at(input, min(unit + 24u, last), shape)));
}

// Neighbouring invocations read neighbouring weights in both directions.
fn fill_weights(local: u32, first_input: u32, first_unit: u32, shape: Shape) {
    if shape.inputs_neighbour {
//!each column_load
        fill_quartet(local % TILE_INPUTS, local / TILE_INPUTS + {column_load}u * (TILE_INVOCATIONS / TILE_INPUTS),
            first_input, first_unit, shape);
//!end
    } else {
//!each column_load
        fill_quartet(local / TILE_QUARTETS + {column_load}u * (TILE_INVOCATIONS / TILE_QUARTETS), local % TILE_QUARTETS,
            first_input, first_unit, shape);
//!end
    }
}

fn fill_states(local: u32, first_input: u32, first_chain: u32, shape: Shape) {
    let four = local % TILE_ROW_FOURS;
    let first = TILE_ROW_LOADS * (local / TILE_ROW_FOURS);
    let bits = four_words(first_chain + 4u * four, first_input / 32u, shape);
    let at = first_input % 32u + first;
//!each row_load
    tile_memory[row_slot(first + {row_load}u, four)] = expand_bits(bits, at + {row_load}u);
//!end
}

fn inner_product(local: u32, first_chain: u32, first_unit: u32, shape: Shape) -> Tile {
    var tile = taken_up(local, first_chain, first_unit, shape);
    for (var first_input = shape.first_input; first_input < shape.n_inputs; first_input += TILE_INPUTS) {
        fill_weights(local, first_input, first_unit, shape);
        fill_states(local, first_input, first_chain, shape);
        workgroupBarrier();
        multiply_block(local, &tile);
        workgroupBarrier();
    }
    return tile;
}
