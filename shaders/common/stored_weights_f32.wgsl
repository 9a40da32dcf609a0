// Weights as they are trained.
@group(0) @binding(1) var<storage, read> weights: array<f32>;

fn stored_weight(index: u32) -> f32 {
    return weights[index];
}
