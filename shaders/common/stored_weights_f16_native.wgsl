// Weights rounded to f16, as the device's own type; sums stay in f32.
@group(0) @binding(1) var<storage, read> weights: array<f16>;

fn stored_weight(index: u32) -> f32 {
    return f32(weights[index]);
}
