// The product of inner_product by cooperative matrices: states and weights as f16, in which both are exact here, sums in
// f32, in whatever order the device adds.
//
// A subgroup owns TILE_SIDE rows of the tile; its invocations are neighbours, and the host offers this tile only where
// subgroups have exactly that many. Columns are in the order of the units. Sums go through workgroup memory to the
// invocations that own them in the epilogue.
//!import tile_blocks
//!import product_shape
alias States = coop_mat{side}x{side}<f16, A>;
alias Weights = coop_mat{side}x{side}<f16, B>;
alias Sums = coop_mat{side}x{side}<f32, C>;

var<workgroup> tile_memory: array<vec4<u32>, TILE_MEMORY>;
var<workgroup> states_memory: array<f16, TILE_ROWS * TILE_INPUTS>;
var<workgroup> weights_memory: array<f16, TILE_INPUTS * TILE_COLUMNS>;
var<workgroup> sums_memory: array<f32, TILE_ROWS * TILE_COLUMNS>;

fn weight_at(input: u32, unit: u32, shape: Shape) -> f32 {
    let row = input - shape.first_input;
    return stored_weight(select(row * shape.n_units + unit, unit * shape.n_inputs + input, shape.inputs_neighbour));
}

// Weights of the inputs first_input ..; neighbouring invocations read neighbouring weights in both directions.
fn fill_weights(local: u32, first_input: u32, first_unit: u32, shape: Shape) {
    for (var at = local; at < TILE_INPUTS * TILE_COLUMNS; at += TILE_INVOCATIONS) {
        var place = vec2<u32>(at / TILE_COLUMNS, at % TILE_COLUMNS);
        if shape.inputs_neighbour {
            place = vec2<u32>(at % TILE_INPUTS, at / TILE_INPUTS);
        }
        let input = min(first_input + place.x, shape.n_inputs - 1u);
        let unit = min(first_unit + place.y, shape.n_units - 1u);
        weights_memory[place.x * TILE_COLUMNS + place.y] = f16(weight_at(input, unit, shape));
    }
}

// One word of a chain, or a part of it, an invocation; bits beyond the last input are not set.
fn fill_states(local: u32, first_input: u32, first_chain: u32, shape: Shape) {
    let row = local % TILE_ROWS;
    let run = TILE_ROWS * TILE_INPUTS / TILE_INVOCATIONS;
    let first = run * (local / TILE_ROWS);
    let bits = state_word(min(first_chain + row, shape.chains - 1u), first_input / 32u);
    for (var k = first; k < first + run; k++) {
        states_memory[row * TILE_INPUTS + k] = f16((bits >> k) & 1u);
    }
}

fn sums_of(row: u32, column: u32) -> vec4<f32> {
    let at = row * TILE_COLUMNS + column;
    return vec4<f32>(sums_memory[at], sums_memory[at + 8u], sums_memory[at + 16u], sums_memory[at + 24u]);
}

fn inner_product(local: u32, first_chain: u32, first_unit: u32, shape: Shape) -> Tile {
    let first_row = TILE_SIDE * (local / (TILE_INVOCATIONS / (TILE_ROWS / TILE_SIDE)));
//!each matrix
    var sums{matrix} = Sums();
//!end
    for (var first_input = shape.first_input; first_input < shape.n_inputs; first_input += TILE_INPUTS) {
        fill_weights(local, first_input, first_unit, shape);
        fill_states(local, first_input, first_chain, shape);
        workgroupBarrier();
        for (var k = 0u; k < TILE_INPUTS; k += TILE_SIDE) {
            let first_state = first_row * TILE_INPUTS + k;
            let states = coopLoadT<States>(&states_memory[first_state], TILE_INPUTS);
//!each matrix
            let first_weight{matrix} = k * TILE_COLUMNS + {matrix}u * TILE_SIDE;
            let weights{matrix} = coopLoadT<Weights>(&weights_memory[first_weight{matrix}], TILE_COLUMNS);
            sums{matrix} = coopMultiplyAdd(states, weights{matrix}, sums{matrix});
//!end
        }
        workgroupBarrier();
    }
//!each matrix
    let first_sum{matrix} = first_row * TILE_COLUMNS + {matrix}u * TILE_SIDE;
    coopStoreT(sums{matrix}, &sums_memory[first_sum{matrix}], TILE_COLUMNS);
//!end
    workgroupBarrier();
    var tile: Tile;
//!each four
    {
        let row = 4u * owned_rows(local, {four}u);
//!each quad
        let column{quad} = unit_of(owned_quartet(local, {quad}u));
        tile.x{four}_{quad} = Four(
            sums_of(row, column{quad}), sums_of(row + 1u, column{quad}),
            sums_of(row + 2u, column{quad}), sums_of(row + 3u, column{quad}));
//!end
    }
//!end
    return tile;
}
