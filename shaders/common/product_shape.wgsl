// Shape of a product of states and weights, and where its numbers lie; the importer of the product declares the rest.
//!import quartet
struct Shape {
    chains: u32,
    // First input whose weights are here, a whole word; before it, sums are carried.
    first_input: u32,
    // End of the inputs whose weights are here.
    n_inputs: u32,
    n_units: u32,
    // Whether neighbouring inputs, not neighbouring units, are neighbours in memory; a constant of the entry point.
    inputs_neighbour: bool,
}

// First chain and first unit of the tile of a workgroup; tiles of neighbouring units follow one another.
fn tile_origin(number: u32, n_units: u32) -> vec2<u32> {
    let unit_tiles = (n_units + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    return vec2<u32>(TILE_ROWS * (number / unit_tiles), TILE_COLUMNS * (number % unit_tiles));
}
