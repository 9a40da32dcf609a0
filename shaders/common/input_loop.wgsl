// The sums of a tile over all inputs, a block at a time, which is fetched while the one before is multiplied where the tile
// says so.
//
// The importer declares Fetched, what an invocation brings to workgroup memory of a block of inputs,
// fetch(local, first_input, first_chain, lanes, shape) and put_fetched(local, first_input, next, shape).
//!import tile_product
//!import taken_up
//!import product_weights
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
