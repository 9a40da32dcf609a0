// The units of a quartet that are on, as bits of their word, from their inputs and their Philox block.
//
// A unit is on where u (1 + e^{−x}) < 1, which is u < sig(x) without a division.
//!import sigmoid
//!import philox
fn drawn_units(x: vec4<f32>, words: vec4<u32>, bit: u32) -> u32 {
    let one = u32(uniform_of(words.x) * (1.0 + exp_negative(x.x)) < 1.0);
    let two = u32(uniform_of(words.y) * (1.0 + exp_negative(x.y)) < 1.0);
    let three = u32(uniform_of(words.z) * (1.0 + exp_negative(x.z)) < 1.0);
    let four = u32(uniform_of(words.w) * (1.0 + exp_negative(x.w)) < 1.0);
    return (one << bit) | (two << (bit + 8u)) | (three << (bit + 16u)) | (four << (bit + 24u));
}
