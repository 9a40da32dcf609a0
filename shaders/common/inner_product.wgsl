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
//!import input_loop
//!import expand
// What an invocation brings to workgroup memory of a block of inputs.
struct Fetched {
//!each column_load
    weights{column_load}: vec4<f32>,
//!end
    states: vec4<u32>,
}

// One word of four chains.
fn four_words(chain: u32, word: u32, shape: Shape) -> vec4<u32> {
    let last = shape.chains - 1u;
    return vec4<u32>(
        state_word(min(chain, last), word), state_word(min(chain + 1u, last), word),
        state_word(min(chain + 2u, last), word), state_word(min(chain + 3u, last), word));
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
