// Products of two sides of units summed over chains, which are the inputs here: an invocation of a tile owns visible units
// and quartets of hidden ones. A visible unit that is always on and a hidden one of mean 1 stand beyond the last of each side.
//
// The importer has the parameters first_visible, end_visible, n_hidden, chains and scale, and declares Chains,
// fetch_chains(local, first_chain, first_visible, first_hidden), put_chains(local, chains), and put(visible, hidden, sum), which
// is called with scaled sums.
//!import tile_product
fn put_row(visible: u32, hidden: u32, sum: vec4<f32>) {
    let scaled = p.scale * sum;
    put(visible, hidden, scaled.x);
    put(visible, hidden + 1u, scaled.y);
    put(visible, hidden + 2u, scaled.z);
    put(visible, hidden + 3u, scaled.w);
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn multiply(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let hidden_tiles = p.n_hidden / TILE_COLUMNS + 1u;
    let first_visible = p.first_visible + TILE_ROWS * (number / hidden_tiles);
    let first_hidden = TILE_COLUMNS * (number % hidden_tiles);
    if first_visible >= p.end_visible {
        return;
    }
    var tile: Tile;
    var next: Chains;
//!each ahead
    next = fetch_chains(local, 0u, first_visible, first_hidden);
//!end
    for (var first_chain = 0u; first_chain < p.chains; first_chain += TILE_INPUTS) {
//!each at_once
        next = fetch_chains(local, first_chain, first_visible, first_hidden);
//!end
        put_chains(local, next);
        workgroupBarrier();
//!each ahead
        if first_chain + TILE_INPUTS < p.chains {
            next = fetch_chains(local, first_chain + TILE_INPUTS, first_visible, first_hidden);
        }
//!end
        multiply_block(local, &tile);
        workgroupBarrier();
    }
//!each four
//!each quad
    {
        let visible = first_visible + 4u * owned_rows(local, {four}u);
        let hidden = first_hidden + 4u * owned_quartet(local, {quad}u);
        put_row(visible, hidden, tile.x{four}_{quad}.a);
        put_row(visible + 1u, hidden, tile.x{four}_{quad}.b);
        put_row(visible + 2u, hidden, tile.x{four}_{quad}.c);
        put_row(visible + 3u, hidden, tile.x{four}_{quad}.d);
    }
//!end
//!end
}
