// Sum over a chain's units of what the invocations of a tile hold, plus a linear term Σ_j a_j v_j.
//
// The importer declares linear_coefficient(input), 0 outside its range, and state_word as for the inner product.
//!import inner_product
var<workgroup> linear_parts: array<f32, 64>;

fn total_of(x: vec4<f32>) -> f32 {
    return (x.x + x.y) + (x.z + x.w);
}

// Two invocations a chain share its linear term, every other word each.
fn linear_part(local: u32, first_chain: u32, n_inputs: u32) -> f32 {
    var sum = 0.0;
    let words = (n_inputs + 31u) / 32u;
    for (var word = local / 32u; word < words; word += 2u) {
        let bits = state_word(first_chain + local % 32u, word);
        for (var k = 0u; k < 32u; k++) {
            sum += f32((bits >> k) & 1u) * linear_coefficient(32u * word + k);
        }
    }
    return sum;
}

// Chain first_chain + local's sum, for local < 32; `low` and `high` hold the parts of the block's 8 chains.
fn row_sum(local: u32, low: vec4<f32>, high: vec4<f32>, linear: f32) -> f32 {
    let column = local % COLUMNS;
    let row = 8u * (local / COLUMNS);
    exchange[COLUMNS * row + column] = bitcast<u32>(low.x);
    exchange[COLUMNS * (row + 1u) + column] = bitcast<u32>(low.y);
    exchange[COLUMNS * (row + 2u) + column] = bitcast<u32>(low.z);
    exchange[COLUMNS * (row + 3u) + column] = bitcast<u32>(low.w);
    exchange[COLUMNS * (row + 4u) + column] = bitcast<u32>(high.x);
    exchange[COLUMNS * (row + 5u) + column] = bitcast<u32>(high.y);
    exchange[COLUMNS * (row + 6u) + column] = bitcast<u32>(high.z);
    exchange[COLUMNS * (row + 7u) + column] = bitcast<u32>(high.w);
    linear_parts[local] = linear;
    workgroupBarrier();
    var sum = 0.0;
    if local < 32u {
        for (var i = 0u; i < COLUMNS; i++) {
            sum += bitcast<f32>(exchange[COLUMNS * local + i]);
        }
        sum += linear_parts[local] + linear_parts[local + 32u];
    }
    return sum;
}
