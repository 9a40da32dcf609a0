// Philox4x32-10: 128 random bits for a counter under a key; the counter is an address, never a thread number.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
//!import multiply_high
fn philox(counter: vec4<u32>, seed: vec2<u32>) -> vec4<u32> {
    var c = counter;
    var key = seed;
    for (var round = 0u; round < 10u; round++) {
        let high0 = multiply_high(c.x, 0xD2511F53u);
        let high1 = multiply_high(c.z, 0xCD9E8D57u);
        c = vec4<u32>(high1 ^ c.y ^ key.x, c.z * 0xCD9E8D57u, high0 ^ c.w ^ key.y, c.x * 0xD2511F53u);
        key += vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

// Uniform in [0, 1) with 24 bits.
fn uniform_of(word: u32) -> f32 {
    return f32(word >> 8u) * (1.0 / 16777216.0);
}
