// Bernoulli draw of a tile's units and packing into whole words, without atomics.
//
// Random: unit j of chain r takes word (j / 8) % 4 of Philox([8 (j / 32) + j % 8, step, stream, r], seed).
// The importer declares store_word(chain, word, bits) and draw_block(counter, chain), the Philox block of a chain.
//!import inner_product
//!import draw_units
fn draw_units(x: vec4<f32>, counter: u32, chain: u32, bit: u32) -> u32 {
    return drawn_units(x, draw_block(counter, chain), bit);
}

fn draw_four(x: Four, quartet: u32, first_unit: u32, chain: u32) -> vec4<u32> {
    let bit = quartet % 8u;
    let counter = 8u * (first_unit / 32u + quartet / 8u) + bit;
    return vec4<u32>(
        draw_units(x.a, counter, chain, bit), draw_units(x.b, counter, chain + 1u, bit),
        draw_units(x.c, counter, chain + 2u, bit), draw_units(x.d, counter, chain + 3u, bit));
}

// Draws all units of the tile from their inputs and stores the packed words.
fn draw_tile(tile: Tile, local: u32, first_chain: u32, first_unit: u32, shape: Shape) {
//!each four
//!each quad
    {
        let quartet = owned_quartet(local, {quad}u);
        let rows = owned_rows(local, {four}u);
        tile_memory[rows * TILE_QUARTETS + quartet] =
            draw_four(tile.x{four}_{quad}, quartet, first_unit, first_chain + 4u * rows);
    }
//!end
//!end
    workgroupBarrier();
    // One word of four chains an invocation.
    let rows = local / TILE_WORDS;
    let first = first_unit + 32u * (local % TILE_WORDS);
    if rows < TILE_ROW_FOURS && first < shape.n_units {
        var bits = vec4<u32>(0u);
        for (var i = 0u; i < 8u; i++) {
            bits |= tile_memory[rows * TILE_QUARTETS + 8u * (local % TILE_WORDS) + i];
        }
        bits &= vec4<u32>(0xffffffffu >> (32u - min(shape.n_units - first, 32u)));
        let chain = first_chain + 4u * rows;
        let word = first / 32u;
        if chain < shape.chains {
            store_word(chain, word, bits.x);
        }
        if chain + 1u < shape.chains {
            store_word(chain + 1u, word, bits.y);
        }
        if chain + 2u < shape.chains {
            store_word(chain + 2u, word, bits.z);
        }
        if chain + 3u < shape.chains {
            store_word(chain + 3u, word, bits.w);
        }
    }
    workgroupBarrier();
}
