// Register-blocked product of packed states and weights: 32 chains × 64 units a workgroup of 64 invocations.
//
// Invocation (column, block) = (local % 16, local / 16) owns units 32w + c + {0, 8, 16, 24}, w = column / 8,
// c = column % 8, of the tile, which share one Philox block, for the 8 chains of its block.
// Bits are expanded to f32 on the way to workgroup memory, so each travels once and costs nothing in the loop.
// The importer declares state_word(chain, word) and weight(input, unit), both 0 outside their range.
const TILE_CHAINS: u32 = 32u;
const TILE_UNITS: u32 = 64u;
const COLUMNS: u32 = 16u;
// One more than the columns: neighbouring inputs of one column then lie in different banks.
const WEIGHT_STRIDE: u32 = 17u;

struct Tile {
    x0: vec4<f32>,
    x1: vec4<f32>,
    x2: vec4<f32>,
    x3: vec4<f32>,
    x4: vec4<f32>,
    x5: vec4<f32>,
    x6: vec4<f32>,
    x7: vec4<f32>,
    // Sum of the weights over all inputs: the product with a state of ones.
    total: vec4<f32>,
}

var<workgroup> tile_weights: array<vec4<f32>, 544>;
var<workgroup> tile_states: array<vec4<f32>, 256>;
// [chain, column], for whatever the epilogue exchanges; one array, so that every kernel fits 16 KiB.
var<workgroup> exchange: array<u32, 512>;

// First of the four units of `column` in the tile that starts at `first_unit`.
fn first_owned_unit(first_unit: u32, column: u32) -> u32 {
    return first_unit + 32u * (column / 8u) + column % 8u;
}

fn load_weights(local: u32, first_input: u32, first_unit: u32, inputs_neighbour: bool) {
    for (var i = 0u; i < 8u; i++) {
        let slot = local + 64u * i;
        let k = select(slot / COLUMNS, slot % 32u, inputs_neighbour);
        let column = select(slot % COLUMNS, slot / 32u, inputs_neighbour);
        let unit = first_owned_unit(first_unit, column);
        let input = first_input + k;
        tile_weights[k * WEIGHT_STRIDE + column] =
            vec4<f32>(weight(input, unit), weight(input, unit + 8u), weight(input, unit + 16u), weight(input, unit + 24u));
    }
}

fn load_states(local: u32, word: u32, first_chain: u32) {
    let quad = local % 8u;
    let chain = first_chain + 4u * quad;
    let bits = vec4<u32>(
        state_word(chain, word), state_word(chain + 1u, word), state_word(chain + 2u, word), state_word(chain + 3u, word));
    for (var i = 0u; i < 4u; i++) {
        let k = 4u * (local / 8u) + i;
        tile_states[8u * k + quad] = vec4<f32>((bits >> vec4<u32>(k)) & vec4<u32>(1u));
    }
}

// Σ_k state(chain, k) weight(k, unit) for the invocation's 8 chains × 4 units.
fn inner_product(local: u32, first_chain: u32, first_unit: u32, n_inputs: u32, inputs_neighbour: bool) -> Tile {
    let column = local % COLUMNS;
    let block = local / COLUMNS;
    var tile: Tile;
    let words = (n_inputs + 31u) / 32u;
    for (var word = 0u; word < words; word++) {
        load_weights(local, 32u * word, first_unit, inputs_neighbour);
        load_states(local, word, first_chain);
        workgroupBarrier();
        for (var k = 0u; k < 32u; k++) {
            let w = tile_weights[k * WEIGHT_STRIDE + column];
            let s = tile_states[8u * k + 2u * block];
            let t = tile_states[8u * k + 2u * block + 1u];
            tile.x0 += s.x * w;
            tile.x1 += s.y * w;
            tile.x2 += s.z * w;
            tile.x3 += s.w * w;
            tile.x4 += t.x * w;
            tile.x5 += t.y * w;
            tile.x6 += t.z * w;
            tile.x7 += t.w * w;
            tile.total += w;
        }
        workgroupBarrier();
    }
    return tile;
}
