// 1.0 as bits where bit `at` is set, else 0: shifts at full rate instead of a conversion at a fraction of it.
fn expand_bits(bits: vec4<u32>, at: u32) -> vec4<u32> {
    return vec4<u32>(vec4<i32>(bits << vec4<u32>(31u - at)) >> vec4<u32>(31u)) & vec4<u32>(0x3f800000u);
}

// The same of one word, as a number.
fn expand_bit(word: u32, at: u32) -> f32 {
    return bitcast<f32>(u32(i32(word << (31u - at)) >> 31u) & 0x3f800000u);
}
