// Register-blocked product of two matrices in workgroup memory: TILE_ROWS × TILE_COLUMNS outputs a workgroup.
//
// An invocation owns blocks of four rows × four columns ("quartets"): rows 4 (FOURS block + four) .. + 4 and quartets
// column + TILE_ACROSS quad. How quartets map to columns of the matrix is the importer's choice: it fills
// tile_memory[column_slot(k, quartet)] and tile_memory[row_slot(k, row / 4)] with f32 as bits, for TILE_INPUTS inputs k.
// Every output is a sum over k in order, whatever the tile, so that all tiles give the same bits.
//!import tile_blocks
// Columns have one quartet more than they need: neighbouring inputs of one quartet then lie in different banks.
const COLUMN_STRIDE: u32 = TILE_QUARTETS + 1u;
const ROWS_FIRST: u32 = TILE_INPUTS * COLUMN_STRIDE;

// Both factors while multiplying, then whatever the epilogue exchanges; as bits, so that it may hold any type.
var<workgroup> tile_memory: array<vec4<u32>, TILE_MEMORY>;

fn column_slot(k: u32, quartet: u32) -> u32 {
    return k * COLUMN_STRIDE + quartet;
}

fn row_slot(k: u32, row_four: u32) -> u32 {
    return ROWS_FIRST + k * TILE_ROW_FOURS + row_four;
}

// Adds the products of the inputs in workgroup memory; between the barriers of the importer.
fn multiply_block(local: u32, tile: ptr<function, Tile>) {
    for (var k = 0u; k < TILE_INPUTS; k += TILE_UNROLL) {
//!each step
//!each quad
        let w{quad}_{step} = bitcast<vec4<f32>>(tile_memory[column_slot(k + {step}u, owned_quartet(local, {quad}u))]);
//!end
//!each four
        let s{four}_{step} = bitcast<vec4<f32>>(tile_memory[row_slot(k + {step}u, owned_rows(local, {four}u))]);
//!each quad
        (*tile).x{four}_{quad}.a += s{four}_{step}.x * w{quad}_{step};
        (*tile).x{four}_{quad}.b += s{four}_{step}.y * w{quad}_{step};
        (*tile).x{four}_{quad}.c += s{four}_{step}.z * w{quad}_{step};
        (*tile).x{four}_{quad}.d += s{four}_{step}.w * w{quad}_{step};
//!end
//!end
//!end
    }
}
