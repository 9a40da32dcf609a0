// Weights rounded to f16, two a word; sums stay in f32.
@group(0) @binding(1) var<storage, read> weights: array<u32>;

fn stored_weight(index: u32) -> f32 {
    let pair = unpack2x16float(weights[index / 2u]);
    return select(pair.x, pair.y, index % 2u == 1u);
}
