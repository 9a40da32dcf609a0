// Bernoulli draw of a tile's units and packing into whole words, without atomics.
//
// A unit is on where u (1 + e^{−x}) < 1, which is u < sig(x) without a division.
// Random: unit j of chain r takes word (j / 8) % 4 of Philox([8 (j / 32) + j % 8, step, stream, r], seed).
// The importer declares store_word(chain, word, bits) and draw_block(counter, chain), the Philox block of a chain.
//!import inner_product
//!import sigmoid
//!import philox
fn draw_units(x: vec4<f32>, counter: u32, chain: u32, bit: u32) -> u32 {
    let words = draw_block(counter, chain);
    let one = u32(uniform_of(words.x) * (1.0 + exp_negative(x.x)) < 1.0);
    let two = u32(uniform_of(words.y) * (1.0 + exp_negative(x.y)) < 1.0);
    let three = u32(uniform_of(words.z) * (1.0 + exp_negative(x.z)) < 1.0);
    let four = u32(uniform_of(words.w) * (1.0 + exp_negative(x.w)) < 1.0);
    return (one << bit) | (two << (bit + 8u)) | (three << (bit + 16u)) | (four << (bit + 24u));
}

// Draws all units of the tile from their inputs and stores the packed words.
fn draw_tile(tile: Tile, local: u32, first_chain: u32, first_unit: u32, n_units: u32, chains: u32) {
    let column = local % COLUMNS;
    let row = 8u * (local / COLUMNS);
    let bit = column % 8u;
    let counter = 8u * (first_unit / 32u + column / 8u) + bit;
    let chain = first_chain + row;
    exchange[COLUMNS * row + column] = draw_units(tile.x0, counter, chain, bit);
    exchange[COLUMNS * (row + 1u) + column] = draw_units(tile.x1, counter, chain + 1u, bit);
    exchange[COLUMNS * (row + 2u) + column] = draw_units(tile.x2, counter, chain + 2u, bit);
    exchange[COLUMNS * (row + 3u) + column] = draw_units(tile.x3, counter, chain + 3u, bit);
    exchange[COLUMNS * (row + 4u) + column] = draw_units(tile.x4, counter, chain + 4u, bit);
    exchange[COLUMNS * (row + 5u) + column] = draw_units(tile.x5, counter, chain + 5u, bit);
    exchange[COLUMNS * (row + 6u) + column] = draw_units(tile.x6, counter, chain + 6u, bit);
    exchange[COLUMNS * (row + 7u) + column] = draw_units(tile.x7, counter, chain + 7u, bit);
    workgroupBarrier();
    // One word an invocation: 32 chains × 2 words.
    let packed_chain = local / 2u;
    let half = local % 2u;
    var bits = 0u;
    for (var i = 0u; i < 8u; i++) {
        bits |= exchange[COLUMNS * packed_chain + 8u * half + i];
    }
    let first = first_unit + 32u * half;
    if first_chain + packed_chain < chains && first < n_units {
        let used = min(n_units - first, 32u);
        store_word(first_chain + packed_chain, first / 32u, bits & (0xffffffffu >> (32u - used)));
    }
    workgroupBarrier();
}
