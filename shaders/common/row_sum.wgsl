// Sums over the 32 units of a word of what the invocations of a tile hold for a chain, plus a linear term Σ_j a_j v_j
// that goes with the first word. Sums of different words stay apart: the host adds them in f64, and the order of the
// rest does not depend on the tile.
//
// The importer declares linear_scales(chain), what the coefficients of four chains need to know of them, with these
// linear_coefficients(input, scales), and store_sum(chain, word, sum).
//!import inner_product
fn total_of(x: vec4<f32>) -> f32 {
    return (x.x + x.y) + (x.z + x.w);
}

// The share of a quartet of the first word in the linear term of four chains: every eighth word.
fn linear_share(quartet: u32, chain: u32, shape: Shape) -> vec4<f32> {
    let scales = linear_scales(chain);
    var sum = vec4<f32>(0.0);
    for (var first = 32u * quartet; first < shape.n_inputs; first += 256u) {
        let bits = four_words(chain, first / 32u, shape);
        // All bits of the word, of which those beyond the last input are not set: compilers unroll a constant number.
        for (var k = 0u; k < 32u; k++) {
            let input = min(first + k, shape.n_inputs - 1u);
            sum += linear_coefficients(input, scales) * bitcast<vec4<f32>>(expand_bits(bits, k));
        }
    }
    return sum;
}

// Leaves the part of one quartet for four chains; all of a tile's parts before sum_parts.
fn leave_part(local: u32, four: u32, quad: u32, part: vec4<f32>, first_chain: u32, first_unit: u32, shape: Shape) {
    let quartet = owned_quartet(local, quad);
    let rows = owned_rows(local, four);
    var sum = part;
    if first_unit == 0u && quartet < 8u {
        sum += linear_share(quartet, first_chain + 4u * rows, shape);
    }
    tile_memory[rows * TILE_QUARTETS + quartet] = bitcast<vec4<u32>>(sum);
}

fn sum_parts(local: u32, first_chain: u32, first_unit: u32, shape: Shape) {
    workgroupBarrier();
    let rows = local / TILE_WORDS;
    let first = first_unit + 32u * (local % TILE_WORDS);
    if rows < TILE_ROW_FOURS && first < shape.n_units {
        var sum = vec4<f32>(0.0);
        for (var i = 0u; i < 8u; i++) {
            sum += bitcast<vec4<f32>>(tile_memory[rows * TILE_QUARTETS + 8u * (local % TILE_WORDS) + i]);
        }
        let chain = first_chain + 4u * rows;
        let word = first / 32u;
        if chain < shape.chains {
            store_sum(chain, word, sum.x);
        }
        if chain + 1u < shape.chains {
            store_sum(chain + 1u, word, sum.y);
        }
        if chain + 2u < shape.chains {
            store_sum(chain + 2u, word, sum.z);
        }
        if chain + 3u < shape.chains {
            store_sum(chain + 3u, word, sum.w);
        }
    }
}
